"""Task `measurement_compare`: a measured plane or points beside a calculated dose.

Inputs: one object of kind `measurements`, the text of docs/planes.md or a framed plane, then one of
kind `volume`, the calculated dose in Gy. The measured dose is the reference of everything. A shift
of it may be proposed, and is applied to nothing. What is compared and how stands in the parameters
(`encryptsecurert_protocol.measurements`); the same job gives the same octets.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from encryptsecurert_protocol.dose_options import GammaMode, Normalisation
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import MIB
from encryptsecurert_protocol.measurement_parts import FORMS
from encryptsecurert_protocol.measurement_results import (
    COMPARISON_NAME,
    DIFFERENCE_NAME,
    GAMMA_NAME,
    MEASURED_NAME,
    MeasurementComparison,
)
from encryptsecurert_protocol.measurements import (
    MEASUREMENT_COMPARE_SCHEMA,
    MEASUREMENT_COMPARE_TASK,
    MeasurementCompareParameters,
    ShiftObjective,
    ShiftOptions,
)
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.rights import Operation
from encryptsecurert_protocol.volumes import VolumeHeader
from encryptsecurert_rt.dose.gamma import NO_OVERLAP, estimate_work
from encryptsecurert_rt.dose.gamma import GammaMode as SearchMode
from encryptsecurert_rt.dose.grid import DoseGrid
from encryptsecurert_rt.errors import Cancelled, InvalidInput
from encryptsecurert_worker.tasks.dose_maps import criteria_of
from encryptsecurert_worker.tasks.dose_stages import Stages
from encryptsecurert_worker.tasks.dose_values import whole_numbers
from encryptsecurert_worker.tasks.dose_work import estimate_seconds
from encryptsecurert_worker.tasks.measurement_comparing import (
    MeasurementCompared,
    as_doses,
    compare_measurement,
    shift_search,
)
from encryptsecurert_worker.tasks.measurement_inputs import (
    MeasurementInputs,
    read_measurement_inputs,
)
from encryptsecurert_worker.tasks.task import TaskContext, TaskOutput

_READ_END, _COMPUTE_END = 0.1, 0.97
_WEIGHTS = {
    **{"gamma": 10.0, "gamma_again": 4.0, "difference": 1.0, "agreement": 20.0},
    **{"points": 20.0, "shift": 20.0},
}
_MOST_SECONDS = 2 * 3600.0
# A shift by gamma computes it at each node of a grid, then at some rings of neighbours.
_RINGS, _RING = 12, {2: 9, 3: 27}
# Peak memory, measured as resident octets of a process of its own, input included, with margin. An
# octet of text takes 76 at most: of points as short as they can be, or of a plane of which nothing
# is below the cutoff; more values than are allowed end it at 870 MiB. The calculated dose is there
# as input and copy, and as extremes of its blocks. The cells that gamma may reach take 190 MiB.
_BYTES, _BYTES_PER_MEASURED_BYTE, _BYTES_PER_CALCULATED_BYTE = 224 * MIB, 80, 3
_MOST_MEASURED_BYTES = 1280 * MIB


class MeasurementCompareTask:
    """Comparison of a calculated dose with a measured one."""

    name = MEASUREMENT_COMPARE_TASK
    algorithm = "measurement-compare-1"
    operation = Operation.DOSE
    input_kinds: tuple[ObjectKind, ...] = (ObjectKind.MEASUREMENTS, ObjectKind.VOLUME)
    optional_kinds: tuple[ObjectKind, ...] = ()

    def __init__(self, *, threads: int) -> None:
        self._threads = threads

    def describe(self) -> Mapping[str, Any]:
        """Return what can be chosen."""
        return {
            "schema": MEASUREMENT_COMPARE_SCHEMA,
            "forms": list(FORMS),
            "modes": [mode.value for mode in GammaMode],
            "normalisations": [kind.value for kind in Normalisation],
            "shift_objectives": [one.value for one in ShiftObjective],
        }

    def check(self, parameters: Mapping[str, Any]) -> None:
        """Refuse parameters that are not right: by form, and what no library would take."""
        asked = MeasurementCompareParameters.from_json(parameters)
        try:
            if asked.gamma is not None:
                criteria_of(asked.gamma)
            if asked.shift is not None:
                shift_search(asked.shift, asked.gamma)
        except InvalidInput:
            raise EncryptSecureRTError(ErrorCode.E_PARAMETERS) from None

    def memory_bytes(self, input_sizes: Sequence[int], parameters: Mapping[str, Any]) -> int:
        """Bound what a comparison takes: the text read into numbers, then maps of the plane."""
        measured, calculated = input_sizes
        return (
            _BYTES + _BYTES_PER_MEASURED_BYTE * measured + _BYTES_PER_CALCULATED_BYTE * calculated
        )

    def run(
        self, inputs: Sequence[memoryview], parameters: Mapping[str, Any], context: TaskContext
    ) -> TaskOutput:
        """Compare, and write the results."""
        asked = MeasurementCompareParameters.from_json(parameters)
        context.progress("reading", 0.0)
        given = read_measurement_inputs(inputs, asked, context.log)
        weights = _weights(given, asked)
        stages = Stages(context.progress, weights, start=_READ_END, end=_COMPUTE_END)
        try:
            self._refuse_hours(given, asked)
            compared = compare_measurement(given, asked, stages, threads=self._threads)
        except Cancelled:
            raise EncryptSecureRTError(ErrorCode.E_CANCELLED) from None
        except InvalidInput as error:
            # The plane lies within the calculated dose, but nothing of it that the cutoff leaves.
            nothing = error.what == NO_OVERLAP
            code = ErrorCode.E_OVERLAP if nothing else ErrorCode.E_PARAMETERS
            raise EncryptSecureRTError(code) from None
        context.progress("writing", _COMPUTE_END)
        comparison = compared.comparison
        if comparison.gamma is not None and comparison.gamma.whole.pass_percent_certain is not None:
            percent = comparison.gamma.whole.pass_percent_certain
            context.log("gamma.pass_percent_certain", round(percent, 3))
        return TaskOutput(
            results=tuple(_results(compared, given, asked)),
            numbers=tuple(_numbers(comparison)),
            warnings=comparison.warnings,
        )

    def _refuse_hours(self, given: MeasurementInputs, asked: MeasurementCompareParameters) -> None:
        if not isinstance(given.measured, DoseGrid):  # a million points take a minute
            return
        seconds = estimate_seconds(*as_doses(given, given.measured, asked))
        shift = asked.shift
        if asked.gamma is not None and shift is not None:
            criteria = criteria_of(asked.gamma)
            mode = SearchMode.PASS_FAIL
            once = estimate_work(given.measured, given.calculated, criteria, mode=mode).seconds
            seconds += once * _most_gammas(shift)
        if seconds / self._threads > _MOST_SECONDS:
            raise EncryptSecureRTError(ErrorCode.E_WORK)


def _most_gammas(shift: ShiftOptions) -> int:
    """Return how often a search computes gamma, about: at each shift, or before and after."""
    if shift.objective is ShiftObjective.RMS:
        return 2
    dimensions = 3 if shift.along_normal else 2
    each_side = int(np.ceil(shift.within_mm / shift.step_mm - 1e-9))
    return int((2 * each_side + 1) ** dimensions) + _RINGS * _RING[dimensions]


def _weights(given: MeasurementInputs, asked: MeasurementCompareParameters) -> dict[str, float]:
    """Return the stages that this job will go through, in their order."""
    is_plane = isinstance(given.measured, DoseGrid)
    parts = {
        "gamma": is_plane and asked.gamma is not None,
        "gamma_again": is_plane and asked.tg218,
        "difference": is_plane,
        "agreement": is_plane,
        "points": not is_plane,
        "shift": is_plane and asked.shift is not None,
    }
    return {stage: _WEIGHTS[stage] for stage, wanted in parts.items() if wanted}


def _results(
    compared: MeasurementCompared, given: MeasurementInputs, asked: MeasurementCompareParameters
) -> Iterator[tuple[str, bytes]]:
    """Yield (name, octets) of each result: of a plane its dose and maps, too."""
    yield COMPARISON_NAME, compared.comparison.encode()
    maps = compared.maps
    if maps is None or maps.difference is None or not isinstance(given.measured, DoseGrid):
        return
    measured_gy = given.measured.dose_gy
    yield MEASURED_NAME, _volume(measured_gy, "dose", given.measured, given, asked)
    if maps.gamma is not None and not np.isnan(maps.gamma.gamma).all():
        yield GAMMA_NAME, _volume(maps.gamma.gamma, "gamma", given.measured, given, asked)
    difference_gy = maps.difference.difference_gy
    yield DIFFERENCE_NAME, _volume(difference_gy, "dose_difference", given.measured, given, asked)


def _volume(
    values: npt.NDArray[np.floating],
    quantity: str,
    plane: DoseGrid,
    given: MeasurementInputs,
    asked: MeasurementCompareParameters,
) -> bytes:
    facts = asked.measured or asked.calculated  # a text has no UID of its own
    header = VolumeHeader(
        shape=plane.grid.shape,
        dtype=values.dtype.name,
        spacing_mm=plane.grid.spacing_mm,
        origin_mm=plane.grid.origin_lps_mm,
        direction=plane.grid.direction,
        quantity=quantity,
        unit="1" if quantity == "gamma" else "Gy",
        frame_of_reference=given.frame_of_reference,
        slice_uids=(facts.dose_sop_instance_uid,),
    )
    little = values.astype(values.dtype.newbyteorder("<"), copy=False)
    return header.frame_head() + little.tobytes()


def _numbers(comparison: MeasurementComparison) -> Iterator[tuple[str, float]]:
    """Yield the figures for the receipt."""
    yield from whole_numbers(comparison.gamma, comparison.difference, comparison.agreement)
    shift = comparison.shift
    if shift is not None:
        for member in ("x_mm", "y_mm", "z_mm"):
            yield f"shift_not_applied.{member}", getattr(shift, member)
