"""Puts a comparison with a measurement together: maps or points, limits, and a proposed shift."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from encryptsecurert_protocol.dose_jobs import DoseCompareParameters
from encryptsecurert_protocol.dose_options import GammaOptions
from encryptsecurert_protocol.dose_parts import Tg218Part
from encryptsecurert_protocol.dose_results import ComparedDose
from encryptsecurert_protocol.measurement_parts import ProcessPart, ShiftFigures, ShiftPart
from encryptsecurert_protocol.measurement_results import MeasurementComparison
from encryptsecurert_protocol.measurements import MeasurementCompareParameters, ShiftOptions
from encryptsecurert_rt.dose.gamma import gamma_statistics
from encryptsecurert_rt.dose.grid import DoseGrid
from encryptsecurert_rt.dose.plane import MeasuredPoints
from encryptsecurert_rt.dose.process_limits import ProcessLimits, process_limits
from encryptsecurert_rt.dose.shift import ShiftFigures as FoundFigures
from encryptsecurert_rt.dose.shift import ShiftObjective, ShiftSearch, best_shift
from encryptsecurert_rt.dose.tg218 import Circumstances, PassLimits, evaluate_tg218
from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.native.library import kernels_sha256
from encryptsecurert_rt.progress import Progress
from encryptsecurert_worker.tasks.dose_comparing import TG218_VERDICTS, compare
from encryptsecurert_worker.tasks.dose_inputs import DoseInputs
from encryptsecurert_worker.tasks.dose_maps import Maps, criteria_of
from encryptsecurert_worker.tasks.dose_stages import Stages
from encryptsecurert_worker.tasks.measurement_inputs import MeasurementInputs, measured_dose
from encryptsecurert_worker.tasks.measurement_points import compare_measured_points

_POINTS, _SHIFT, _PROCESS = "measured-points-1", "best-shift-1", "process-limits-1"
_RESOLUTION_MM = 0.05  # of a shift, and the smallest step of the parameters
_DEFAULT_CUTOFF_PERCENT = 10.0
_OBJECTIVES = {"rms": ShiftObjective.RMS, "gamma": ShiftObjective.GAMMA}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeasurementCompared:
    """Everything that was computed; `maps` is None of points."""

    comparison: MeasurementComparison
    maps: Maps | None


def compare_measurement(
    given: MeasurementInputs,
    asked: MeasurementCompareParameters,
    stages: Stages,
    *,
    threads: int,
) -> MeasurementCompared:
    """Compute all that is asked for.

    Raises
    ------
    InvalidInput, Cancelled
        As the libraries do.
    EncryptSecureRTError
        E_OVERLAP if no point lies inside the calculated dose.
    """
    if isinstance(given.measured, MeasuredPoints):
        return _of_points(given, given.measured, asked, stages)
    return _of_plane(given, given.measured, asked, stages, threads=threads)


def _of_points(
    given: MeasurementInputs,
    measured: MeasuredPoints,
    asked: MeasurementCompareParameters,
    stages: Stages,
) -> MeasurementCompared:
    found = compare_measured_points(
        measured, given.calculated, asked.agreement, stages.of("points")
    )
    warnings = list(_of_calculated(asked))
    if found.outside:
        warnings.append("partly_outside_evaluated")
    if asked.gamma is not None:
        warnings.append("no_gamma_of_points")
    if asked.shift is not None:
        warnings.append("no_shift_of_points")
    comparison = MeasurementComparison(
        algorithms=(_POINTS,),
        kernels_sha256=kernels_sha256(),
        measured=measured_dose(given, asked),
        calculated=_calculated(given, asked),
        gamma=None,
        difference=found.difference,
        agreement=found.agreement,
        points=found.points,
        tg218=None,
        process=None,
        shift=None,
        warnings=tuple(warnings),
    )
    return MeasurementCompared(comparison=comparison, maps=None)


def _of_plane(
    given: MeasurementInputs,
    measured: DoseGrid,
    asked: MeasurementCompareParameters,
    stages: Stages,
    *,
    threads: int,
) -> MeasurementCompared:
    doses, as_asked = as_doses(given, measured, asked)
    found = compare(doses, as_asked, stages, lambda number: None, threads=threads)
    difference, agreement = found.comparison.difference, found.comparison.agreement
    if difference is None or agreement is None:
        raise InvalidInput("a comparison without what every comparison has")
    process, verdict = _locally_judged(found.maps, found.comparison.tg218, asked)
    shift = None
    if asked.shift is not None:
        progress = stages.of("shift")
        shift = _shift(measured, given.calculated, asked.shift, asked.gamma, progress, threads)
    words = (*found.comparison.algorithms, *_algorithms(asked))
    comparison = MeasurementComparison(
        algorithms=tuple(sorted(words)),
        kernels_sha256=found.comparison.kernels_sha256,
        measured=measured_dose(given, asked),
        calculated=_calculated(given, asked),
        gamma=found.comparison.gamma,
        difference=difference,
        agreement=agreement,
        points=None,
        tg218=verdict,
        process=process,
        shift=shift,
        warnings=(
            *_of_calculated(asked),
            *found.comparison.warnings,
            *_warnings(given, asked, process, shift),
        ),
    )
    return MeasurementCompared(comparison=comparison, maps=found.maps)


def as_doses(
    given: MeasurementInputs, measured: DoseGrid, asked: MeasurementCompareParameters
) -> tuple[DoseInputs, DoseCompareParameters]:
    """Return the same as a comparison of two doses, of which the reference is a measured plane.

    A text says of nobody; the facts of the calculated dose stand in, and are told nowhere.
    """
    doses = DoseInputs(
        reference=measured,
        evaluated=given.calculated,
        reference_to_evaluated=None,
        frame_of_reference=given.frame_of_reference,
        structure_set=None,
        structures=(),
    )
    return doses, DoseCompareParameters(
        reference=asked.measured or asked.calculated,
        evaluated=asked.calculated,
        gamma=asked.gamma,
        difference=True,
        agreement=asked.agreement,
        tg218=asked.tg218,
        reference_measured=True,
    )


def _calculated(given: MeasurementInputs, asked: MeasurementCompareParameters) -> ComparedDose:
    grid = given.calculated.grid
    return ComparedDose(
        facts=asked.calculated,
        shape=grid.shape,
        spacing_mm=grid.spacing_mm,
        maximum_gy=given.calculated.maximum_gy,
    )


def _locally_judged(
    maps: Maps, verdict: Tg218Part | None, asked: MeasurementCompareParameters
) -> tuple[ProcessPart | None, Tg218Part | None]:
    """Return (local limits, the verdict by them); the universal verdict if they cannot be used."""
    if not asked.earlier_pass_percent or verdict is None or maps.gamma is None:
        return None, verdict
    limits = process_limits(np.array(asked.earlier_pass_percent, np.float64))
    # A limit that no pass rate can miss is none, and one above the other has no meaning.
    used = 0.0 <= limits.action_low <= limits.tolerance_low
    if used:
        found = evaluate_tg218(
            gamma_statistics(maps.gamma),
            maps.gamma.criteria,
            Circumstances(absolute_dose=True, reference_is_measured=True, mode=maps.gamma.mode),
            limits=PassLimits.of_process(limits),
        )
        verdict = replace(
            verdict,
            verdict=TG218_VERDICTS[found.verdict],
            tolerance_percent=found.limits.tolerance_percent,
            action_percent=found.limits.action_percent,
        )
    return _process(limits, used=used), verdict


def _process(limits: ProcessLimits, *, used: bool) -> ProcessPart:
    return ProcessPart(
        results=limits.results,
        centre_line_percent=limits.centre_line,
        mean_moving_range_percent=limits.mean_moving_range,
        standard_deviation_percent=limits.standard_deviation,
        tolerance_percent=limits.tolerance_low,
        action_percent=limits.action_low,
        beyond_tolerance=limits.beyond_tolerance,
        used=used,
    )


def shift_search(options: ShiftOptions, gamma: GammaOptions | None) -> ShiftSearch:
    """Return the search as the library takes it."""
    return ShiftSearch(
        within_mm=options.within_mm,
        step_mm=options.step_mm,
        resolution_mm=_RESOLUTION_MM,
        cutoff_percent=_DEFAULT_CUTOFF_PERCENT if gamma is None else gamma.cutoff_percent,
        along_normal=options.along_normal,
    )


def _shift(
    measured: DoseGrid,
    calculated: DoseGrid,
    options: ShiftOptions,
    gamma: GammaOptions | None,
    progress: Progress,
    threads: int,
) -> ShiftPart | None:
    """Return a proposal, None if the plane is too near the border of the calculated dose."""
    search = shift_search(options, gamma)
    progress("shift", 0.0)
    try:
        found = best_shift(
            measured,
            calculated,
            objective=_OBJECTIVES[options.objective.value],
            search=search,
            criteria=None if gamma is None else criteria_of(gamma),
            threads=threads,
            progress=progress,
        )
    except InvalidInput:
        return None
    x_mm, y_mm, z_mm = found.shift_lps_mm
    return ShiftPart(
        options=options,
        cutoff_percent=search.cutoff_percent,
        x_mm=x_mm,
        y_mm=y_mm,
        z_mm=z_mm,
        points=found.points,
        at_limit=found.at_limit,
        before=_figures(found.before),
        after=_figures(found.after),
    )


def _figures(found: FoundFigures) -> ShiftFigures:
    return ShiftFigures(
        rms_gy=found.rms_gy,
        pass_percent_certain=found.pass_percent_certain,
        pass_percent_possible=found.pass_percent_possible,
    )


def _algorithms(asked: MeasurementCompareParameters) -> Iterator[str]:
    if asked.shift is not None:
        yield _SHIFT
    if asked.earlier_pass_percent:
        yield _PROCESS


def _of_calculated(asked: MeasurementCompareParameters) -> Iterator[str]:
    if asked.measured is None and asked.calculated.dose_type == "EFFECTIVE":
        yield "calculated_effective"


def _warnings(
    given: MeasurementInputs,
    asked: MeasurementCompareParameters,
    process: ProcessPart | None,
    shift: ShiftPart | None,
) -> Iterator[str]:
    if given.form == "points":
        yield "points_as_plane"
    if process is not None and not process.used:
        yield "local_limits_not_used"
    if process is not None and process.beyond_tolerance:
        yield "process_not_in_control"
    if asked.shift is not None and shift is None:
        yield "shift_not_searched"
    if shift is not None and shift.at_limit:
        yield "shift_at_limit"
