"""What a gamma comparison is asked for, and what it answers with."""

from dataclasses import dataclass
from enum import Enum, IntEnum

import numpy as np
import numpy.typing as npt

from encryptsecurert_rt.dose.grid import BoolArray
from encryptsecurert_rt.errors import InvalidInput

FloatMap = npt.NDArray[np.float32]
StateMap = npt.NDArray[np.uint8]

MAX_CAP = 10.0
MIN_EPS, MAX_EPS = 1e-5, 0.1
_MIN_DISTANCE_MM, _MAX_DISTANCE_MM = 0.1, 100.0
_MIN_DOSE_PERCENT, _MAX_DOSE_PERCENT = 0.01, 100.0


class Normalisation(Enum):
    """What the dose criterion is a percentage of."""

    GLOBAL = "global"  # of one dose for all points: `norm_gy`
    LOCAL = "local"  # of the reference dose at the point


class GammaMode(Enum):
    """How the least distance is looked for."""

    CERTIFIED = "certified"  # in the continuous dose, proven to within eps
    # In the continuous dose, but only on which side of 1: faster, no map.
    PASS_FAIL = "pass_fail"  # noqa: S105 - a mode, no password
    VOXEL_CENTRES = "voxel_centres"  # at voxel centres only: what older programs report


class PointState(IntEnum):
    """What became of a reference voxel; the numbers are part of the results."""

    BELOW_CUTOFF = 0
    MASKED = 1  # not in the mask that was given
    OUTSIDE = 2  # of the support of the evaluated dose: there is nothing to compare with
    UNDEFINED = 3  # local criterion of (nearly) no dose
    PASSED = 4  # gamma <= 1, proven
    FAILED = 5  # gamma > 1, proven; at voxel centres: none found
    UNDECIDED = 6  # the proof ran out of work; never counted as passed for certain


@dataclass(frozen=True, slots=True, kw_only=True)
class GammaCriteria:
    """The criteria of a comparison; nothing that a report must state has a hidden default.

    Attributes
    ----------
    dose_percent : dose criterion, 0.01 to 100 % of `norm_gy` (global) or of the local dose.
    distance_mm : distance criterion, 0.1 to 100 mm.
    cutoff_percent : 0 to 100 % of `norm_gy`; a point with less reference dose is not evaluated.
    normalisation : see `Normalisation`; the cutoff is of `norm_gy` either way.
    norm_gy : the dose that stands for 100 %; None takes the maximum of the reference dose.
    cap : 1 to 10; gamma is not looked for above it, is stored as it, and has failed.
    either_dose_above_cutoff : a point is evaluated, too, if only the evaluated dose there reaches
        the cutoff (some programs do so); by default the reference decides alone.

    Raises
    ------
    InvalidInput
        If a number is out of its range or NaN.
    """

    dose_percent: float
    distance_mm: float
    cutoff_percent: float
    normalisation: Normalisation
    norm_gy: float | None = None
    cap: float = 2.0
    either_dose_above_cutoff: bool = False

    def __post_init__(self) -> None:
        if not _MIN_DOSE_PERCENT <= self.dose_percent <= _MAX_DOSE_PERCENT:
            raise InvalidInput("the dose criterion must be 0.01 to 100 percent")
        if not _MIN_DISTANCE_MM <= self.distance_mm <= _MAX_DISTANCE_MM:
            raise InvalidInput("the distance criterion must be 0.1 to 100 mm")
        if not 0.0 <= self.cutoff_percent <= 100.0:
            raise InvalidInput("the cutoff must be 0 to 100 percent")
        if self.norm_gy is not None and not 1e-6 <= self.norm_gy <= 1e6:
            raise InvalidInput("the normalisation dose must be 1e-6 to 1e6 Gy")
        if not 1.0 <= self.cap <= MAX_CAP:
            raise InvalidInput("the cap must be 1 to 10")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GammaMap:
    """Gamma at each voxel of the reference grid.

    Attributes
    ----------
    gamma : float32 (k, j, i). Certified: the true value, or the cap if it is above, lies in
        [gamma - eps, gamma] but for float32 rounding. NaN where not evaluated, and everywhere if
        only pass or fail was asked.
    state : uint8 (k, j, i), a `PointState` each.
    criteria : as asked.
    norm_gy : the dose that 100 % stood for.
    mode : as asked.
    eps : width of the proven interval; 0 at voxel centres, which prove nothing.
    refined_again : points whose interval held 1 and which were decided in a second search.
    unproven : points for which the work ran out; their gamma is an upper bound only.
    work : units of work spent; the same for the same input.
    """

    gamma: FloatMap
    state: StateMap
    criteria: GammaCriteria
    norm_gy: float
    mode: GammaMode
    eps: float
    refined_again: int
    unproven: int
    work: int

    def __post_init__(self) -> None:
        if self.gamma.dtype != np.float32 or self.state.dtype != np.uint8:
            raise InvalidInput("a gamma map must be float32 with states of uint8")
        if self.gamma.shape != self.state.shape or self.gamma.ndim != 3:
            raise InvalidInput("a gamma map and its states must be of one shape")


def check_mask(mask: BoolArray | None, shape: tuple[int, ...]) -> None:
    """Refuse a mask that is not bool in `shape`, or that holds no voxel.

    Raises
    ------
    InvalidInput
    """
    if mask is None:
        return
    if mask.dtype != np.bool_ or mask.shape != shape:
        raise InvalidInput("a mask must be bool in the shape of the reference dose")
    if not mask.any():
        raise InvalidInput("the mask holds no voxel")
