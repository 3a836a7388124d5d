"""Task `dose_compare`: two doses in, gamma, difference, histograms and verdicts out.

Inputs: two objects of kind `volume`, the reference dose and the evaluated one in Gy, then, if
there are structures, one of kind `structures`. What is compared and how stands in the parameters
(`encryptsecurert_protocol.dose_jobs`). The same inputs and parameters give the same octets, UIDs
included, under the same site keys and measurement, for any number of threads.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from encryptsecurert_protocol.dose_jobs import (
    DOSE_COMPARE_SCHEMA,
    DOSE_COMPARE_TASK,
    OUTPUTS,
    DoseCompareParameters,
)
from encryptsecurert_protocol.dose_options import GammaMode, Normalisation
from encryptsecurert_protocol.dose_results import DoseComparison
from encryptsecurert_protocol.dvh_options import EndCaps
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import MIB
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.rights import Operation
from encryptsecurert_rt.dose.gamma import NO_OVERLAP
from encryptsecurert_rt.errors import Cancelled, InvalidInput
from encryptsecurert_worker.tasks.dose_comparing import MOST_CURVE_POINTS, compare
from encryptsecurert_worker.tasks.dose_histograms import course_of, goals_of, metrics_of
from encryptsecurert_worker.tasks.dose_inputs import read_inputs, registration_of
from encryptsecurert_worker.tasks.dose_maps import criteria_of
from encryptsecurert_worker.tasks.dose_outputs import results_of
from encryptsecurert_worker.tasks.dose_stages import Stages
from encryptsecurert_worker.tasks.dose_values import whole_numbers
from encryptsecurert_worker.tasks.dose_work import estimate_seconds
from encryptsecurert_worker.tasks.task import TaskContext, TaskOutput

_READ_END, _COMPUTE_END = 0.02, 0.96
# How long stages take beside each other, measured on a dose grid of 100 x 100 x 60 voxels.
_WEIGHTS = {
    **{"isodose_volumes": 4.0, "profiles": 0.1},
    **{"gamma": 10.0, "gamma_again": 4.0, "difference": 1.0, "agreement": 20.0},
    **{"isodoses": 4.0, "structures": 10.0},
    **{"gamma_dicom": 0.5, "difference_dicom": 0.3, "report_dicom": 1.0},
}
_DICOM = ("gamma_dicom", "difference_dicom", "report_dicom")  # in the order of the results
_MOST_SECONDS = 2 * 3600.0
# Peak memory, measured as resident octets of a process of its own, input included, with margin.
# Codes of DICOM take 105 MiB once. A voxel of the reference is 8 octets of input and 8 of copy,
# 22 of maps, and while results are written as many again: 80 in all. The evaluated dose is input
# and copy. A mask is 8 times its octets, contours are there some times over; curves are bounded.
_BYTES, _CURVES_BYTES = 192 * MIB, 5 * 16 * MOST_CURVE_POINTS
_BYTES_PER_REFERENCE_BYTE, _BYTES_PER_EVALUATED_BYTE, _BYTES_PER_STRUCTURE_BYTE = 12, 3, 24
# Isodoses are measured before there are maps, so that only what a thread works on comes on top: 26
# MiB were measured. A point of a profile is an object of Python, written as text: 510 octets.
_ISODOSE_THREAD_BYTES, _BYTES_PER_PROFILE_POINT = 32 * MIB, 768


class DoseCompareTask:
    """Comparison of two dose distributions."""

    name = DOSE_COMPARE_TASK
    algorithm = "dose-compare-1"
    operation = Operation.DOSE
    input_kinds: tuple[ObjectKind, ...] = (ObjectKind.VOLUME, ObjectKind.VOLUME)
    optional_kinds: tuple[ObjectKind, ...] = (ObjectKind.STRUCTURES,)

    def __init__(self, *, threads: int) -> None:
        self._threads = threads

    def describe(self) -> Mapping[str, Any]:
        """Return what can be chosen."""
        return {
            "schema": DOSE_COMPARE_SCHEMA,
            "modes": [mode.value for mode in GammaMode],
            "normalisations": [kind.value for kind in Normalisation],
            "end_caps": [kind.value for kind in EndCaps],
            "outputs": list(OUTPUTS),
        }

    def check(self, parameters: Mapping[str, Any]) -> None:
        """Refuse parameters that are not right: by form, and what no library would take."""
        asked = DoseCompareParameters.from_json(parameters)
        registration_of(asked)
        try:
            if asked.gamma is not None:
                criteria_of(asked.gamma)
            if asked.dvh is not None:
                course_of(asked.dvh)
                metrics_of(asked.dvh)
            goals_of(asked.goals)
        except InvalidInput:
            raise EncryptSecureRTError(ErrorCode.E_PARAMETERS) from None

    def memory_bytes(self, input_sizes: Sequence[int], parameters: Mapping[str, Any]) -> int:
        """Bound what a comparison takes: maps and results on the reference's grid, curves."""
        reference, evaluated, *structures = input_sizes
        asked = DoseCompareParameters.from_json(parameters)
        return (
            _BYTES
            + (_ISODOSE_THREAD_BYTES * self._threads if asked.isodoses else 0)
            + _BYTES_PER_PROFILE_POINT * sum(line.points for line in asked.profiles)
            + (_CURVES_BYTES if structures else 0)
            + _BYTES_PER_REFERENCE_BYTE * reference
            + _BYTES_PER_EVALUATED_BYTE * evaluated
            + _BYTES_PER_STRUCTURE_BYTE * sum(structures)
        )

    def run(
        self, inputs: Sequence[memoryview], parameters: Mapping[str, Any], context: TaskContext
    ) -> TaskOutput:
        """Compare the doses and write the results."""
        asked = DoseCompareParameters.from_json(parameters)
        context.progress("reading", 0.0)

        def refused(number: int) -> None:
            context.log("structure_refused", float(number))

        given = read_inputs(inputs, asked, refused)
        stages = Stages(context.progress, _weights(asked), start=_READ_END, end=_COMPUTE_END)
        try:
            if estimate_seconds(given, asked) / self._threads > _MOST_SECONDS:
                raise EncryptSecureRTError(ErrorCode.E_WORK)
            compared = compare(given, asked, stages, refused, threads=self._threads)
        except Cancelled:
            raise EncryptSecureRTError(ErrorCode.E_CANCELLED) from None
        except InvalidInput as error:
            # Points of both grids meet, but none that the cutoff leaves to be evaluated.
            nothing = error.what == NO_OVERLAP
            code = ErrorCode.E_OVERLAP if nothing else ErrorCode.E_PARAMETERS
            raise EncryptSecureRTError(code) from None
        for entry, value in _logged(compared.comparison):
            context.log(entry, value)
        return TaskOutput(
            results=tuple(results_of(compared, asked, context, stages)),
            numbers=tuple(_numbers(compared.comparison)),
            warnings=compared.comparison.warnings,
        )


def _weights(asked: DoseCompareParameters) -> dict[str, float]:
    """Return the stages that this job will go through, in their order."""
    parts = {
        "isodose_volumes": bool(asked.isodoses),
        "profiles": bool(asked.profiles),
        "gamma": asked.gamma is not None,
        "gamma_again": asked.tg218,
        "difference": asked.difference or asked.agreement is not None,
        "agreement": asked.agreement is not None,
        "isodoses": asked.dvh is not None and bool(asked.dvh.targets),
        "structures": True,
        **{name: name in asked.outputs for name in _DICOM},
    }
    return {stage: _WEIGHTS[stage] for stage, wanted in parts.items() if wanted}


def _numbers(comparison: DoseComparison) -> Iterator[tuple[str, float]]:
    """Yield the figures of the whole grid, then one or two of each structure, for the receipt."""
    yield from whole_numbers(comparison.gamma, comparison.difference, comparison.agreement)
    if comparison.gamma is not None:
        for one in comparison.gamma.structures:
            if one.figures.pass_percent_certain is not None:
                percent = one.figures.pass_percent_certain
                yield f"gamma.pass_percent_certain.{one.number}", percent
    for part_of in comparison.dvh or ():
        doses = (("reference", part_of.reference), ("evaluated", part_of.evaluated))
        for name, figures in doses:
            if figures.summary.mean_gy is not None:
                yield f"mean_gy.{name}.{part_of.number}", figures.summary.mean_gy


def _logged(comparison: DoseComparison) -> Iterator[tuple[str, float]]:
    if comparison.gamma is not None:
        percent = comparison.gamma.whole.pass_percent_certain
        if percent is not None:
            yield "gamma.pass_percent_certain", round(percent, 3)
    if comparison.difference is not None and comparison.difference.whole.mean_gy is not None:
        yield "difference.mean_gy", round(comparison.difference.whole.mean_gy, 6)
