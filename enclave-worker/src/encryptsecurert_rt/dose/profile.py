"""Doses along a line, and what a profile across a field is judged by.

Between its samples a profile is taken as straight; all crossings and extremes are those of that
broken line, exactly. The quantities are those of IEC 60976 for X-ray fields: field size at 50 % and
penumbra between 80 % and 20 % of the dose on the axis, flatness and symmetry as ratios in the
flattened area. The standard averages over up to 1 cm2; here the samples are taken as they are.
"""

from dataclasses import dataclass

import numpy as np

from encryptsecurert_rt.dose.grid import DoseGrid, FloatArray, RigidTransform
from encryptsecurert_rt.dose.sampling import sample_dose
from encryptsecurert_rt.errors import InvalidInput

MAX_SAMPLES = 100_001
Point = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DoseProfile:
    """Both doses along a straight line.

    Attributes
    ----------
    position_mm : float64 (n,), from 0 at the start to the length of the line, equal steps.
    points_lps_mm : float64 (n, 3), in the frame of the reference.
    reference_gy, evaluated_gy : float64 (n,), NaN outside the dose's support.
    """

    position_mm: FloatArray
    points_lps_mm: FloatArray
    reference_gy: FloatArray
    evaluated_gy: FloatArray


def dose_profile(
    reference: DoseGrid,
    evaluated: DoseGrid,
    *,
    start_lps_mm: Point,
    end_lps_mm: Point,
    step_mm: float,
    reference_to_evaluated: RigidTransform | None = None,
) -> DoseProfile:
    """Return both doses at equal steps between two points, both ends included.

    Parameters
    ----------
    reference, evaluated : DoseGrid
    start_lps_mm, end_lps_mm : in the frame of the reference; not the same point.
    step_mm : the longest step; the line is cut into equal steps no longer than that.
    reference_to_evaluated : RigidTransform, optional

    Raises
    ------
    InvalidInput
        If the line has no length, or more than 100 000 steps.
    """
    start, end = np.asarray(start_lps_mm, np.float64), np.asarray(end_lps_mm, np.float64)
    length_mm = float(np.linalg.norm(end - start))
    if not (np.isfinite(length_mm) and length_mm > 0.0 and step_mm > 0.0):
        raise InvalidInput("a profile needs two different finite points and a step above 0")
    # A step that fits a whole number of times stays as it is, whatever the last bit says.
    steps = float(np.ceil(length_mm / step_mm - 1e-9))
    if not steps < MAX_SAMPLES:
        raise InvalidInput("a profile has at most 100 000 steps")
    fraction = np.linspace(0.0, 1.0, max(int(steps), 1) + 1)
    points = start + fraction[:, np.newaxis] * (end - start)
    elsewhere = points
    if reference_to_evaluated is not None:
        matrix = reference_to_evaluated.matrix
        elsewhere = points @ matrix[:3, :3].T + matrix[:3, 3]
    return DoseProfile(
        position_mm=fraction * length_mm,
        points_lps_mm=points,
        reference_gy=sample_dose(reference, points),
        evaluated_gy=sample_dose(evaluated, elsewhere),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMetrics:
    """What a profile across a field shows, positions along the profile.

    Attributes
    ----------
    axis_mm : position of 100 %: as given, or the middle of the 50 %-of-maximum edges.
    axis_dose : dose there, in the unit of the profile.
    left_mm, right_mm : positions of 50 % of the axis dose.
    field_size_mm : their distance, the full width at half maximum.
    centre_mm : their middle.
    penumbra_left_mm, penumbra_right_mm : distance of the 80 % and 20 % positions; None if the
        profile ends above 20 %.
    flattened_mm : width of the flattened area, for which flatness and symmetry are; None if the
        field is smaller than 50 mm, for which the standard defines none.
    flatness_percent : 100 x largest / least dose in the flattened area.
    symmetry_percent : 100 x the largest ratio of doses at two points of the flattened area at the
        same distance from the field's centre, the larger over the smaller.
    """

    axis_mm: float
    axis_dose: float
    left_mm: float
    right_mm: float
    penumbra_left_mm: float | None
    penumbra_right_mm: float | None
    flattened_mm: float | None
    flatness_percent: float | None
    symmetry_percent: float | None

    @property
    def field_size_mm(self) -> float:
        """Distance of the 50 % positions."""
        return self.right_mm - self.left_mm

    @property
    def centre_mm(self) -> float:
        """Middle of the 50 % positions."""
        return 0.5 * (self.left_mm + self.right_mm)


def field_metrics(
    position_mm: FloatArray, dose: FloatArray, *, axis_mm: float | None = None
) -> FieldMetrics:
    """Return the metrics of a profile across a field.

    Parameters
    ----------
    position_mm : float64 (n,), increasing.
    dose : float64 (n,), finite, not negative, any unit: only ratios are used.
    axis_mm : float, optional
        Where the beam's axis is; without it, the middle of the 50 %-of-maximum edges.

    Raises
    ------
    InvalidInput
        If it is not a profile, or does not fall to half of its axis dose on both sides.
    """
    profile = _Line(position_mm, dose)
    if axis_mm is None:
        peak = float(position_mm[int(np.argmax(dose))])
        half = 0.5 * float(dose.max())
        left, right = profile.fall(peak, half, -1), profile.fall(peak, half, +1)
        if left is None or right is None:
            raise InvalidInput("the profile does not fall to half of its maximum on both sides")
        axis_mm = 0.5 * (left + right)
    if not position_mm[0] <= axis_mm <= position_mm[-1]:
        raise InvalidInput("the axis must lie on the profile")
    axis_dose = profile.at(axis_mm)
    left, right = (profile.fall(axis_mm, 0.5 * axis_dose, side) for side in (-1, +1))
    if axis_dose <= 0.0 or left is None or right is None:
        raise InvalidInput("the profile does not fall to half of its axis dose on both sides")
    half_width = _flattened_half_width(right - left)
    flatness = symmetry = None
    if half_width is not None:
        flatness, symmetry = profile.ratios(0.5 * (left + right), half_width)
    return FieldMetrics(
        axis_mm=axis_mm,
        axis_dose=axis_dose,
        left_mm=left,
        right_mm=right,
        penumbra_left_mm=profile.penumbra(axis_mm, axis_dose, -1),
        penumbra_right_mm=profile.penumbra(axis_mm, axis_dose, +1),
        flattened_mm=None if half_width is None else 2.0 * half_width,
        flatness_percent=flatness,
        symmetry_percent=symmetry,
    )


def _flattened_half_width(field_mm: float) -> float | None:
    """Return half the width of the flattened area on a main axis, IEC 60976.

    It ends 10 mm inside the edge of fields of 50 to 100 mm, a tenth of the field inside up to
    300 mm, 30 mm inside beyond. The standard takes the nominal size, here it is the measured one.
    """
    if field_mm < 50.0:
        return None
    inside_mm = min(max(0.1 * field_mm, 10.0), 30.0)
    return 0.5 * field_mm - inside_mm


class _Line:
    """A broken line through samples."""

    def __init__(self, position_mm: FloatArray, dose: FloatArray) -> None:
        if position_mm.ndim != 1 or position_mm.shape != dose.shape or position_mm.size < 2:
            raise InvalidInput("a profile needs a position for each dose, at least two")
        if not (np.isfinite(position_mm).all() and np.isfinite(dose).all()):
            raise InvalidInput("a profile must be finite")
        if (np.diff(position_mm) <= 0.0).any() or (dose < 0.0).any():
            raise InvalidInput("positions must increase and doses must not be negative")
        self._x, self._d = position_mm, dose

    def at(self, x: float) -> float:
        return float(np.interp(x, self._x, self._d))

    def fall(self, start: float, level: float, side: int) -> float | None:
        """Return the first position from `start` to a side where the dose is `level`, or less."""
        if self.at(start) <= level:
            return start
        ahead = self._x > start if side > 0 else self._x < start
        x = np.concatenate(([start], self._x[ahead][::side]))
        d = np.concatenate(([self.at(start)], self._d[ahead][::side]))
        below = np.flatnonzero(d <= level)
        if below.size == 0:
            return None
        n = int(below[0])
        return float(x[n - 1] + (x[n] - x[n - 1]) * (d[n - 1] - level) / (d[n - 1] - d[n]))

    def penumbra(self, axis: float, axis_dose: float, side: int) -> float | None:
        high = self.fall(axis, 0.8 * axis_dose, side)
        low = self.fall(axis, 0.2 * axis_dose, side)
        return None if high is None or low is None else abs(low - high)

    def ratios(self, centre: float, half_width: float) -> tuple[float | None, float | None]:
        """Return flatness and symmetry in percent; None where a dose is 0.

        A ratio of two straight lines is monotone, so that its extremes are where either side has a
        sample: both sides are folded onto one list of distances.
        """
        away = np.abs(self._x - centre)
        away = np.unique(np.concatenate((away[away < half_width], [0.0, half_width])))
        left = np.interp(centre - away, self._x, self._d)
        right = np.interp(centre + away, self._x, self._d)
        least = min(left.min(), right.min())
        if least <= 0.0:
            return None, None
        most = max(left.max(), right.max())
        ratio = np.maximum(left / right, right / left).max()
        return float(100.0 * most / least), float(100.0 * ratio)
