"""Comparisons with a measurement, made by the task itself, as a client gets them."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from Testing.Unit.worker.contexts import task_context

from encryptsecurert_protocol.dose_jobs import DoseFacts
from encryptsecurert_protocol.dose_options import AgreementOptions, GammaOptions, Normalisation
from encryptsecurert_protocol.measurement_results import (
    COMPARISON_NAME,
    DIFFERENCE_NAME,
    GAMMA_NAME,
    MEASURED_NAME,
    MeasurementComparison,
)
from encryptsecurert_protocol.measurements import (
    MeasurementCompareParameters,
    ShiftObjective,
    ShiftOptions,
)
from encryptsecurert_protocol.volumes import VolumeHeader, unpack_volume
from encryptsecurert_worker.tasks.measurement_compare import MeasurementCompareTask
from encryptsecurert_worker.tasks.task import TaskOutput
from EncryptSecureRTLib.client.dose_outcome import MadeBy, map_of
from EncryptSecureRTLib.client.measurement_outcome import MeasuredMaps, MeasurementOutcome

HEAD = "# encryptsecurert plane 1\n# form: {}\n# frame: LPS\n# unit: Gy\n"
FRAME = "2.25.1"
FACTS = DoseFacts(
    study_instance_uid="2.25.50",
    series_instance_uid="2.25.60",
    patient_id="PABCDEFGHIJ234567",
    dose_sop_instance_uid="2.25.70",
    plan_sop_class_uid=None,
    plan_sop_instance_uid=None,
    dose_summation_type="PLAN",
    dose_type="PHYSICAL",
)
OF_RTDOSE = replace(FACTS, dose_sop_instance_uid="2.25.71")
PARAMETERS = MeasurementCompareParameters(
    measured=None,
    calculated=FACTS,
    gamma=GammaOptions(
        dose_percent=3.0, distance_mm=2.0, cutoff_percent=10.0, normalisation=Normalisation.GLOBAL
    ),
    agreement=AgreementOptions(
        radius_mm=10.0, dose_percent=3.0, distance_mm=2.0, cutoff_percent=10.0
    ),
    tg218=True,
)
SHIFT = ShiftOptions(within_mm=3.0, step_mm=1.0, objective=ShiftObjective.RMS)


def field_gy(x: Any, y: Any, z: Any) -> Any:
    """Return a dose of 2 Gy within 60 x 40 mm along x and z, with soft edges, falling along y."""
    edges = 1.0 / (1.0 + np.exp((np.abs(x) - 30.0) / 3.0))
    edges = edges / (1.0 + np.exp((np.abs(z) - 20.0) / 3.0))
    return 2.0 * edges * (1.0 + 0.002 * (x - y))


def calculated_octets(**changes: Any) -> bytes:
    """Return the calculated dose as a framed volume, 2.5 mm voxels around the origin."""
    k, j, i = np.indices((41, 17, 49), dtype=np.float64)
    dose_gy = field_gy(2.5 * i - 60.0, 2.5 * j - 20.0, 2.5 * k - 50.0)
    members: dict[str, Any] = {
        "shape": dose_gy.shape,
        "dtype": "float64",
        "spacing_mm": (2.5, 2.5, 2.5),
        "origin_mm": (-60.0, -20.0, -50.0),
        "direction": (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
        "quantity": "dose",
        "unit": "Gy",
        "frame_of_reference": FRAME,
        "slice_uids": ("2.25.70",) * dose_gy.shape[0],
    }
    octets: bytes = dose_gy.tobytes()
    return VolumeHeader(**{**members, **changes}).frame_head() + octets


def matrix_text(
    shift: tuple[float, float] = (0.0, 0.0), *, rows: int = 23, columns: int = 29
) -> str:
    """Return a coronal plane, 4 mm apart, that reads the dose at places off by `shift` (x, z)."""
    j, i = np.mgrid[:rows, :columns]
    x, z = 4.0 * (i - columns // 2), 4.0 * (rows // 2 - j)
    dose_gy = field_gy(x + shift[0], 0.0, z + shift[1])
    head = HEAD.format("matrix") + f"# origin_mm: {x[0, 0]}, 0, {z[0, 0]}\n"
    head += "# along_row: 1, 0, 0\n# along_column: 0, 0, -1\n# spacing_mm: 4, 4\n"
    return head + "".join(", ".join(f"{d:.5f}" for d in row) + "\n" for row in dose_gy)


def points_text() -> str:
    """Return points: inside, at an edge with half the dose, below the cutoff, outside the grid."""
    points = ((0.0, 0.0, 0.0), (30.0, 0.0, 0.0), (55.0, 0.0, 0.0), (90.0, 0.0, 0.0))
    doses = (2.02, 1.1, 0.01, 0.5)
    lines = (f"{x}, {y}, {z}, {dose}\n" for (x, y, z), dose in zip(points, doses, strict=True))
    return HEAD.format("points") + "".join(lines)


def output_of(
    measured: str | bytes,
    asked: MeasurementCompareParameters = PARAMETERS,
    calculated: bytes | None = None,
    **context: object,
) -> TaskOutput:
    """Return what the task makes of a measurement beside the calculated dose, on two threads."""
    octets = measured.encode() if isinstance(measured, str) else measured
    inputs = [memoryview(octets), memoryview(calculated or calculated_octets())]
    task = MeasurementCompareTask(threads=2)
    return task.run(inputs, asked.as_json(), task_context(**context))


def comparison_of(
    measured: str | bytes, asked: MeasurementCompareParameters = PARAMETERS
) -> MeasurementComparison:
    """Return what was found."""
    return MeasurementComparison.decode(dict(output_of(measured, asked).results)[COMPARISON_NAME])


def framed_plane(**changes: Any) -> bytes:
    """Return the plane z = 0 of the calculated dose as a framed volume of one slice."""
    header, voxels = unpack_volume(calculated_octets())
    middle = header.shape[0] // 2
    plane = np.frombuffer(voxels, "<f8").reshape(header.shape)[middle : middle + 1]
    members: dict[str, Any] = {
        "shape": plane.shape,
        "origin_mm": (*header.origin_mm[:2], 0.0),
        "slice_uids": (OF_RTDOSE.dose_sop_instance_uid,),
    }
    return replace(header, **{**members, **changes}).frame_head() + plane.tobytes()


def outcome_of(
    text: str, asked: MeasurementCompareParameters = PARAMETERS, *, simulated: bool = True
) -> MeasurementOutcome:
    """Return what a client reads in the results of a job on this text."""
    results = dict(output_of(text, asked).results)
    measured = map_of(results.get(MEASURED_NAME), "dose")
    difference = map_of(results.get(DIFFERENCE_NAME), "dose_difference")
    gamma = map_of(results.get(GAMMA_NAME), "gamma")
    maps = None
    if measured is not None and difference is not None:
        maps = MeasuredMaps(
            grid=measured.grid,
            measured_gy=measured.values[0],
            difference_gy=difference.values[0],
            gamma=None if gamma is None else gamma.values[0],
        )
    return MeasurementOutcome(
        comparison=MeasurementComparison.decode(results[COMPARISON_NAME]),
        maps=maps,
        made_by=MadeBy(
            simulated=simulated,
            words="SIMULATED, measurement 7f3a",
            measurement="7f3a" * 16,
            policy_sha256="0b" * 32,
            receipt_sha256="a3f9c1d2" * 8,
            algorithm="measurement-compare-1",
            time_claimed=datetime(2026, 11, 24, 12, 0, tzinfo=UTC),
        ),
    )
