"""A beam at any meterset, between its control points.

Between two control points everything moves linearly with meterset, as IEC and DICOM have it; the
gantry the way round that the first of them says, other angles the short way. What `holds`, such
as energy, is that of the first. Where several control points have the same meterset the beam
jumps: at it, what is returned is what came before.
"""

import numpy as np

from encryptsecurert_rt.plan.points import (
    AXES,
    DIRECTION,
    GANTRY,
    ControlPoints,
    Device,
    FloatArray,
)

_ANGLES = [n for n, axis in enumerate(AXES) if axis.is_angle]
_HOLDS = [n for n, axis in enumerate(AXES) if axis.holds]


def turn(from_deg: FloatArray, to_deg: FloatArray) -> FloatArray:
    """Return the shorter way from one angle to another, in [-180, 180) degrees; NaN stays."""
    return np.asarray((to_deg - from_deg + 180.0) % 360.0 - 180.0)


class Sampler:
    """Samples a beam at fractions of its meterset.

    Parameters
    ----------
    points : ControlPoints
        Their meterset must be known everywhere (`can_sample`).
    total : float
        The meterset of the whole beam, in the unit of the control points.
    at : float64 (n)
        Fractions of `total`, from 0; beyond 1 the beam stays where it ended.
    """

    def __init__(self, points: ControlPoints, total: float, at: FloatArray) -> None:
        self._points = points
        fractions = points.meterset / total
        last = len(fractions) - 1
        after = np.searchsorted(fractions, at, side="left").clip(1, max(last, 1))
        self._before = np.minimum(after - 1, last)
        self._after = np.minimum(after, last)
        span = fractions[self._after] - fractions[self._before]
        way = at - fractions[self._before]
        share = np.divide(way, span, out=np.zeros_like(way), where=span > 0.0)
        self._share = share.clip(0.0, 1.0)[:, np.newaxis]

    def axes(self) -> FloatArray:
        """Return float64 (samples, axes)."""
        before, after = self._points.axes[self._before], self._points.axes[self._after]
        step = after - before
        step[:, _ANGLES] = turn(before[:, _ANGLES], after[:, _ANGLES])
        step[:, GANTRY] = _gantry_way(before[:, GANTRY], after[:, GANTRY], before[:, DIRECTION])
        found = before + self._share * step
        found[:, _ANGLES] %= 360.0
        found[:, _HOLDS] = before[:, _HOLDS]
        return np.asarray(found)

    def device(self, device: Device) -> FloatArray:
        """Return float64 (samples, 2 x pairs) in mm."""
        before, after = device.positions_mm[self._before], device.positions_mm[self._after]
        return np.asarray(before + self._share * (after - before))


def can_sample(points: ControlPoints, total: float | None) -> bool:
    """Tell whether a beam's meterset is known at every control point, and more than 0 in all."""
    return bool(total) and bool(np.isfinite(points.meterset).all())


def midpoints(points: ControlPoints, total: float) -> FloatArray:
    """Return the fractions of meterset in the middle of each segment that delivers some.

    There a beam is defined however it steps: the ends of a segment may be those of a jump.
    """
    fractions = np.unique(points.meterset / total)
    return np.asarray((fractions[:-1] + fractions[1:]) / 2.0)


def _gantry_way(before: FloatArray, after: FloatArray, direction: FloatArray) -> FloatArray:
    clockwise = (after - before) % 360.0
    counter = -((before - after) % 360.0)
    short = turn(before, after)
    return np.where(direction > 0, clockwise, np.where(direction < 0, counter, short))
