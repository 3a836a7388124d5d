"""How far two cumulative dose-volume histograms agree, as curves.

After Ebert et al., "Comparison of DVH data from multiple radiotherapy treatment planning systems",
Phys Med Biol 55 (2010) N337: each point (d, v) of one curve is given the distance to the other,

    g = min over the other curve of sqrt( ((v' - v) / (dV V_tot))^2 + ((d' - d) / (dD D_max))^2 ),

and the agreement is the share of points with g <= 1. The other curve is the continuous one, with
straight lines between its points, not those points alone. Volumes are in percent on both sides
(V_tot is 100 %) or in cm3 on both (V_tot is the volume of the reference): a criterion means the
same for a node of 2 cm3 and a body of 4000 cm3. The two directions differ and both are given.
"""

from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from encryptsecurert_rt.dvh.histogram import Histogram
from encryptsecurert_rt.errors import InvalidInput

FloatArray = npt.NDArray[np.float64]

_MOST_STEPS = 1 << 14  # of a curve: 1600 Gy at the usual step; a second or two
_ROUNDING = 1e-9  # a distance of 1 by construction must not fail by the last bits


class VolumeUnit(Enum):
    """In what volumes are compared."""

    PERCENT = "%"
    CC = "cc"


@dataclass(frozen=True, slots=True, kw_only=True)
class DvhCriteria:
    """What two curves may differ by.

    Attributes
    ----------
    volume_percent : dV, of the whole volume.
    dose_percent : dD, of D_max.
    unit : VolumeUnit; percent compares shapes, cm3 also the volumes of the structures.
    maximum_gy : D_max; None takes the maximum dose of the reference curve.
    step_gy : points are taken from each curve at this step, and at its least and greatest dose; the
        step of a curve with more than 16384 of them is larger.
    from_gy : dose of the first point. Where both curves still are at their full volume, points
        agree by construction and raise the share; a step of 0.1 Gy from 0 counts them.
    """

    volume_percent: float
    dose_percent: float
    unit: VolumeUnit
    maximum_gy: float | None = None
    step_gy: float = 0.1
    from_gy: float = 0.0

    def __post_init__(self) -> None:
        if not (0.0 < self.volume_percent <= 100.0 and 0.0 < self.dose_percent <= 100.0):
            raise InvalidInput("criteria must be above 0 and at most 100 percent")
        if self.maximum_gy is not None and not 0.0 < self.maximum_gy < np.inf:
            raise InvalidInput("the dose that criteria refer to must be above 0 Gy")
        if not 0.001 <= self.step_gy <= 10.0 or not 0.0 <= self.from_gy < np.inf:
            raise InvalidInput("points must be 0.001 to 10 Gy apart")


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveAgreement:
    """How the points of one curve lie to the other.

    Attributes
    ----------
    points, agreeing : counted points, and those with g <= 1.
    agreement_percent : None if there is no point.
    mean, maximum : of g; None if there is no point.
    """

    points: int
    agreeing: int
    agreement_percent: float | None
    mean: float | None
    maximum: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DvhComparison:
    """Two curves compared.

    Attributes
    ----------
    reference_to_evaluated : the points of the reference against the evaluated curve.
    evaluated_to_reference : the points of the evaluated curve against the reference.
    maximum_gy : the D_max that was used.
    whole_volume : the V_tot that was used, in the unit of the criteria.
    criteria : DvhCriteria
    """

    reference_to_evaluated: CurveAgreement
    evaluated_to_reference: CurveAgreement
    maximum_gy: float
    whole_volume: float
    criteria: DvhCriteria


def compare_dvh(reference: Histogram, evaluated: Histogram, criteria: DvhCriteria) -> DvhComparison:
    """Compare two cumulative histograms as curves, both ways.

    Parameters
    ----------
    reference, evaluated : Histogram
        Of the covered part of each structure: in cm3, V(0) is the covered volume.
    criteria : DvhCriteria

    Raises
    ------
    InvalidInput
        If nothing of a structure is in its dose, or the dose that the criteria refer to is 0.
    """
    maximum_gy = reference.maximum_gy if criteria.maximum_gy is None else criteria.maximum_gy
    in_cc = criteria.unit is VolumeUnit.CC
    whole = _full_volume(reference, in_cc=in_cc)
    if min(reference.covered_fraction, evaluated.covered_fraction) <= 0.0:
        raise InvalidInput("a structure outside the dose has no curve to compare")
    if maximum_gy <= 0.0:
        raise InvalidInput("a reference without dose cannot be compared with")
    scale = (
        criteria.dose_percent / 100.0 * maximum_gy,
        criteria.volume_percent / 100.0 * whole,
    )
    curves = [
        _scaled_curve(one, scale, full=_full_volume(one, in_cc=in_cc))
        for one in (reference, evaluated)
    ]
    points = [
        _sampled(curve, criteria.step_gy / scale[0], criteria.from_gy / scale[0])
        for curve in curves
    ]
    return DvhComparison(
        reference_to_evaluated=_agreement(points[0], curves[1]),
        evaluated_to_reference=_agreement(points[1], curves[0]),
        maximum_gy=maximum_gy,
        whole_volume=whole,
        criteria=criteria,
    )


def _full_volume(histogram: Histogram, *, in_cc: bool) -> float:
    return histogram.volume_cc * histogram.covered_fraction if in_cc else 100.0


def _scaled_curve(histogram: Histogram, scale: tuple[float, float], *, full: float) -> FloatArray:
    """Return the corners of V(d) from 0 Gy to the greatest dose and down to 0: (n, 2), scaled."""
    dose, volume = histogram.curve_points()
    dose = np.concatenate(([0.0], dose, dose[-1:]))
    volume = np.concatenate((volume[:1], volume, [0.0]))
    return np.column_stack((dose / scale[0], volume * (full / scale[1])))


def _sampled(curve: FloatArray, step: float, first: float) -> FloatArray:
    """Take points from a scaled curve at a step of dose, and at both ends of its fall."""
    dose, volume = curve[:, 0], curve[:, 1]
    leaves = dose[np.flatnonzero(volume == volume[0])[-1]]
    step = max(step, float(dose[-1]) / _MOST_STEPS)
    at = np.concatenate((np.arange(first, dose[-1], step), [leaves, dose[-1]]))
    at = np.unique(at[at >= first])
    # V at a step is the upper value, which the last of equal doses does not have
    upper = np.searchsorted(dose, at, side="left")
    low = np.maximum(upper - 1, 0)
    width = dose[upper] - dose[low]
    part = np.where(width > 0.0, (at - dose[low]) / np.where(width > 0.0, width, 1.0), 1.0)
    values = volume[low] + part * (volume[upper] - volume[low])
    return np.column_stack((at, np.where(upper == 0, volume[0], values)))


def _agreement(points: FloatArray, curve: FloatArray) -> CurveAgreement:
    distances = np.array([_distance(point, curve) for point in points])
    if distances.size == 0:
        return CurveAgreement(points=0, agreeing=0, agreement_percent=None, mean=None, maximum=None)
    agreeing = int(np.count_nonzero(distances <= 1.0 + _ROUNDING))
    return CurveAgreement(
        points=distances.size,
        agreeing=agreeing,
        agreement_percent=100.0 * agreeing / distances.size,
        mean=float(distances.mean()),
        maximum=float(distances.max()),
    )


def _distance(point: FloatArray, curve: FloatArray) -> float:
    """Distance of a point to a polyline with doses that do not fall, exact.

    The nearest corner bounds it, and what lies further off in dose alone is not looked at.
    """
    dose = curve[:, 0]
    near = min(int(np.searchsorted(dose, point[0])), dose.size - 1)
    reach = float(np.hypot(*(curve[near] - point)))
    first = int(np.searchsorted(dose, point[0] - reach, side="left")) - 1
    first = min(max(first, 0), dose.size - 2)  # rounding may put the bound beyond the last corner
    last = min(int(np.searchsorted(dose, point[0] + reach, side="right")) + 1, dose.size)
    last = max(last, first + 2)
    start, end = curve[first : last - 1], curve[first + 1 : last]
    along = end - start
    length2 = np.einsum("ij,ij->i", along, along)
    part = np.einsum("ij,ij->i", point - start, along) / np.where(length2 > 0.0, length2, 1.0)
    foot = start + np.clip(part, 0.0, 1.0)[:, None] * along
    return float(np.sqrt(np.min(np.sum((foot - point) ** 2, axis=1))))
