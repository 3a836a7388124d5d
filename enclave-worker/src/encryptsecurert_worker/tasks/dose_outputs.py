"""Writes the results of a comparison: figures, curves, maps as volumes and as DICOM."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from encryptsecurert_protocol.dose_curves import pack_curves
from encryptsecurert_protocol.dose_jobs import DoseCompareParameters, DoseFacts
from encryptsecurert_protocol.dose_results import (
    COMPARISON_NAME,
    CURVES_NAME,
    DIFFERENCE_DICOM,
    DIFFERENCE_NAME,
    GAMMA_DICOM,
    GAMMA_NAME,
    REPORT_DICOM,
    DoseComparison,
)
from encryptsecurert_protocol.sealing import keyed_name
from encryptsecurert_protocol.statement import Kind
from encryptsecurert_protocol.volumes import VolumeHeader
from encryptsecurert_worker import __version__
from encryptsecurert_worker.dicom.results import Producer
from encryptsecurert_worker.dicom.results.dose_context import (
    ComparedDoses,
    DoseInstance,
    PlanReference,
)
from encryptsecurert_worker.dicom.results.dose_report_sr import make_dose_report
from encryptsecurert_worker.dicom.results.parametric_map import GammaPixels, make_gamma_map
from encryptsecurert_worker.dicom.results.rtdose import make_difference_rtdose
from encryptsecurert_worker.tasks.dose_histograms import Pair, packed_curves
from encryptsecurert_worker.tasks.dose_inputs import DoseInputs
from encryptsecurert_worker.tasks.dose_maps import Maps
from encryptsecurert_worker.tasks.dose_stages import Stages
from encryptsecurert_worker.tasks.task import TaskContext


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Compared:
    """Everything that was computed."""

    given: DoseInputs
    maps: Maps
    pairs: Mapping[int, Pair]
    comparison: DoseComparison


def results_of(
    compared: Compared, asked: DoseCompareParameters, context: TaskContext, stages: Stages
) -> Iterator[tuple[str, bytes]]:
    """Yield (name, octets) of each result in the order of section 25 of docs/protocol.md."""
    yield COMPARISON_NAME, compared.comparison.encode()
    if asked.dvh is not None:
        yield CURVES_NAME, pack_curves(list(packed_curves(compared.pairs)))
    maps, given = compared.maps, compared.given
    gamma = None if "maps" not in asked.outputs or maps.gamma is None else maps.gamma.gamma
    if gamma is not None and not np.isnan(gamma).all():
        yield GAMMA_NAME, _volume(gamma.astype("<f4", copy=False), "gamma", given, asked)
    if "maps" in asked.outputs and asked.difference and maps.difference is not None:
        values = maps.difference.difference_gy.astype("<f8", copy=False)
        yield DIFFERENCE_NAME, _volume(values, "dose_difference", given, asked)
    yield from _dicom(compared, asked, context, stages)


def _volume(
    values: npt.NDArray[np.floating],
    quantity: str,
    given: DoseInputs,
    asked: DoseCompareParameters,
) -> bytes:
    grid = given.reference.grid
    header = VolumeHeader(
        shape=grid.shape,
        dtype=values.dtype.name,
        spacing_mm=grid.spacing_mm,
        origin_mm=grid.origin_lps_mm,
        direction=grid.direction,
        quantity=quantity,
        unit="1" if quantity == "gamma" else "Gy",
        frame_of_reference=given.frame_of_reference,
        slice_uids=(asked.reference.dose_sop_instance_uid,) * grid.shape[0],
    )
    return header.frame_head() + values.tobytes()


def _dicom(
    compared: Compared, asked: DoseCompareParameters, context: TaskContext, stages: Stages
) -> Iterator[tuple[str, bytes]]:
    producer = Producer(
        version=__version__,
        measurement=context.measurement,
        simulated=context.kind is Kind.SIMULATED,
    )
    # Keyed by the site, so that nobody outside can link results by their inputs.
    digests = (digest.encode("ascii") for digest in context.input_sha256)
    seed = bytes.fromhex(
        keyed_name(
            context.keys.uid_key, b"result/v1", context.measurement.encode("ascii"), *digests
        )
    )
    doses = _doses(compared.given, asked)
    maps, gamma = compared.maps, compared.comparison.gamma
    if "gamma_dicom" in asked.outputs and maps.gamma is not None and gamma is not None:
        pixels = GammaPixels(gamma=maps.gamma.gamma, cap=gamma.options.cap, words=gamma.words)
        progress = stages.of("gamma_dicom")
        octets = make_gamma_map(pixels, doses, producer, uid_seed=seed, progress=progress)
        yield GAMMA_DICOM, octets
    if "difference_dicom" in asked.outputs and maps.difference is not None:
        difference_gy = maps.difference.difference_gy
        progress = stages.of("difference_dicom")
        octets = make_difference_rtdose(
            difference_gy, doses, producer, uid_seed=seed, progress=progress
        )
        yield DIFFERENCE_DICOM, octets
    if "report_dicom" in asked.outputs:
        progress = stages.of("report_dicom")
        comparison = compared.comparison
        octets = make_dose_report(comparison, doses, producer, uid_seed=seed, progress=progress)
        yield REPORT_DICOM, octets


def _doses(given: DoseInputs, asked: DoseCompareParameters) -> ComparedDoses:
    facts = asked.reference
    plan = None
    if facts.plan_sop_class_uid is not None and facts.plan_sop_instance_uid is not None:
        plan = PlanReference(
            sop_class_uid=facts.plan_sop_class_uid, sop_instance_uid=facts.plan_sop_instance_uid
        )
    return ComparedDoses(
        patient_pseudonym=facts.patient_id,
        frame_of_reference_uid=given.frame_of_reference,
        reference=_instance(facts),
        evaluated=_instance(asked.evaluated),
        plan=plan,
        dose_summation_type=facts.dose_summation_type,
        grid=given.reference.grid,
    )


def _instance(facts: DoseFacts) -> DoseInstance:
    return DoseInstance(
        study_instance_uid=facts.study_instance_uid,
        series_instance_uid=facts.series_instance_uid,
        sop_instance_uid=facts.dose_sop_instance_uid,
    )
