"""Measured points beside a calculated dose: differences, distances and the composite test."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from encryptsecurert_protocol.dose_figures import AgreementFigures
from encryptsecurert_protocol.dose_options import AgreementOptions
from encryptsecurert_protocol.dose_parts import AgreementPart, DifferencePart
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.measurement_parts import (
    MAX_TOLD_POINTS,
    PointRow,
    PointsPart,
    PointValues,
)
from encryptsecurert_rt.dose.agreement import AgreementSearch, AgreementState
from encryptsecurert_rt.dose.grid import DoseGrid, cutoff_dose_gy
from encryptsecurert_rt.dose.plane import MeasuredPoints, PointComparison, compare_points
from encryptsecurert_rt.dose.statistics import ValueSummary
from encryptsecurert_rt.progress import Progress
from encryptsecurert_worker.tasks.dose_comparing import agreement_words
from encryptsecurert_worker.tasks.dose_values import value_figures, value_histogram

_POINTS_AT_ONCE = 1 << 14  # some tenths of a second of search
_STATES = {
    AgreementState.OUTSIDE: "outside",
    AgreementState.FOUND: "found",
    AgreementState.NOT_FOUND: "not_found",
    AgreementState.UNFINISHED: "unfinished",
}
_NOT_JUDGED, _WITHIN, _UNDECIDED, _BEYOND = range(4)
_VERDICTS = ("not_judged", "within", "undecided", "beyond")
Verdicts = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ComparedPoints:
    """What was found at points, as parts of the result."""

    difference: DifferencePart
    agreement: AgreementPart
    points: PointsPart
    outside: int


def compare_measured_points(
    measured: MeasuredPoints, calculated: DoseGrid, options: AgreementOptions, progress: Progress
) -> ComparedPoints:
    """Compare points one by one; the measured dose is the reference.

    Raises
    ------
    InvalidInput, Cancelled
        As the libraries do.
    EncryptSecureRTError
        E_OVERLAP if no point lies inside the calculated dose.
    """
    search = AgreementSearch(radius_mm=options.radius_mm)
    found = _in_parts(measured, calculated, search, progress)
    if found.outside == measured.dose_gy.size:
        raise EncryptSecureRTError(ErrorCode.E_OVERLAP)
    norm_gy = float(measured.dose_gy.max()) if options.norm_gy is None else options.norm_gy
    judged = _judged(measured, found, options, norm_gy, search)
    return ComparedPoints(
        difference=_difference(found),
        agreement=AgreementPart(
            options=options,
            norm_gy=norm_gy,
            norm_source="reference_maximum" if options.norm_gy is None else "stated",
            words=agreement_words(options, norm_gy),
            whole=_agreement(found, judged),
            structures=(),
        ),
        points=_rows(measured, found, judged),
        outside=found.outside,
    )


def _in_parts(
    measured: MeasuredPoints, calculated: DoseGrid, search: AgreementSearch, progress: Progress
) -> PointComparison:
    """Compare some points at a time, so that there is progress, and a job that can be stopped."""
    count = measured.dose_gy.size
    parts = []
    for first in range(0, count, _POINTS_AT_ONCE):
        progress("points", first / count)
        part = slice(first, first + _POINTS_AT_ONCE)
        some = MeasuredPoints(
            points_lps_mm=measured.points_lps_mm[part], dose_gy=measured.dose_gy[part]
        )
        parts.append(compare_points(some, calculated, search=search))
    return PointComparison(
        calculated_gy=np.concatenate([part.calculated_gy for part in parts]),
        difference_gy=np.concatenate([part.difference_gy for part in parts]),
        difference_percent=np.concatenate([part.difference_percent for part in parts]),
        distance_mm=np.concatenate([part.distance_mm for part in parts]),
        state=np.concatenate([part.state for part in parts]),
    )


def _judged(
    measured: MeasuredPoints,
    found: PointComparison,
    options: AgreementOptions,
    norm_gy: float,
    search: AgreementSearch,
) -> Verdicts:
    """Return the composite test of each point, as of maps: by dose, or by a proven distance."""
    by_dose = np.abs(found.difference_gy) <= options.dose_percent / 100.0 * norm_gy
    is_near = found.distance_mm <= options.distance_mm
    maybe_near = found.distance_mm - search.tolerance_mm <= options.distance_mm
    maybe_near |= found.state == AgreementState.UNFINISHED
    asked = measured.dose_gy >= cutoff_dose_gy(options.cutoff_percent, norm_gy)
    asked &= found.state > AgreementState.OUTSIDE
    verdicts = np.full(asked.size, _NOT_JUDGED, np.uint8)
    verdicts[asked] = _BEYOND
    verdicts[asked & maybe_near] = _UNDECIDED
    verdicts[asked & (by_dose | is_near)] = _WITHIN
    return verdicts


def _difference(found: PointComparison) -> DifferencePart:
    inside = found.difference_gy[~np.isnan(found.difference_gy)]
    values = ValueSummary.of(inside)
    return DifferencePart(
        whole=value_figures(values, points=inside.size, outside=found.outside),
        histogram=value_histogram(values),
        structures=(),
    )


def _agreement(found: PointComparison, judged: Verdicts) -> AgreementFigures:
    """Return the figures of the judged points, as of maps."""
    asked = judged != _NOT_JUDGED
    found_mm = found.distance_mm[asked & (found.state == AgreementState.FOUND)]
    evaluated = int(np.count_nonzero(asked))
    certain = int(np.count_nonzero(judged == _WITHIN))
    possible = certain + int(np.count_nonzero(judged == _UNDECIDED))
    unfinished = np.count_nonzero(asked & (found.state == AgreementState.UNFINISHED))
    return AgreementFigures(
        evaluated=evaluated,
        found=found_mm.size,
        unfinished=int(unfinished),
        mean_mm=float(found_mm.mean()) if found_mm.size else None,
        p95_mm=float(np.percentile(found_mm, 95.0)) if found_mm.size else None,
        maximum_mm=float(found_mm.max()) if found_mm.size else None,
        passed_certain=certain,
        passed_possible=possible,
        pass_percent_certain=100.0 * certain / evaluated if evaluated else None,
        pass_percent_possible=100.0 * possible / evaluated if evaluated else None,
    )


def _rows(measured: MeasuredPoints, found: PointComparison, judged: Verdicts) -> PointsPart:
    told = min(measured.dose_gy.size, MAX_TOLD_POINTS)
    rows = []
    for n in range(told):
        x, y, z = (float(value) for value in measured.points_lps_mm[n])
        values = PointValues(
            x_mm=x,
            y_mm=y,
            z_mm=z,
            measured_gy=float(measured.dose_gy[n]),
            calculated_gy=_finite(found.calculated_gy[n]),
            difference_gy=_finite(found.difference_gy[n]),
            difference_percent=_finite(found.difference_percent[n]),
            distance_mm=_finite(found.distance_mm[n]),
        )
        state = _STATES[AgreementState(found.state[n])]
        rows.append(PointRow(values=values, state=state, verdict=_VERDICTS[judged[n]]))
    return PointsPart(rows=tuple(rows), left_out=measured.dose_gy.size - told)


def _finite(value: np.float64) -> float | None:
    return float(value) if np.isfinite(value) else None
