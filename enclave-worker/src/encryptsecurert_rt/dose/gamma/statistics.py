"""Numbers of a gamma map: pass rates with what is certain and what is possible, and the spread."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from encryptsecurert_rt.dose.gamma.types import GammaMap, GammaMode, PointState
from encryptsecurert_rt.dose.grid import BoolArray
from encryptsecurert_rt.errors import InvalidInput

HISTOGRAM_BINS = 100
_HIGH = 1.5  # TG-218 asks how many points are above it


@dataclass(frozen=True, slots=True, kw_only=True)
class GammaStatistics:
    """Statistics over the voxels of a mask, or over all; a number of an empty set is None.

    Attributes
    ----------
    evaluated : points with a gamma: passed, failed or undecided.
    passed_certain, passed_possible : how many passed for certain, and with the undecided ones.
    pass_percent_certain, pass_percent_possible : the same in % of the evaluated points.
    below_cutoff, masked, outside, undefined : points that were not evaluated, by `PointState`;
        `masked` counts what either mask leaves out, so that all counts add up to the grid.
    capped : evaluated points at the cap; their gamma is at least that.
    mean, maximum, p99 : of gamma as stored, with the cap for what is above; None of a map that
        tells pass and fail only. The percentile is interpolated between ranks.
    fraction_above_1_5 : of the evaluated points; None, too, if the cap hides it.
    histogram : counts in `HISTOGRAM_BINS` equal bins from 0 to the cap, which is in the last.
    """

    evaluated: int
    passed_certain: int
    passed_possible: int
    pass_percent_certain: float | None
    pass_percent_possible: float | None
    below_cutoff: int
    masked: int
    outside: int
    undefined: int
    capped: int
    mean: float | None
    maximum: float | None
    p99: float | None
    fraction_above_1_5: float | None
    histogram: tuple[int, ...] | None


def gamma_statistics(gamma: GammaMap, mask: BoolArray | None = None) -> GammaStatistics:
    """Return the statistics of a map over the voxels of `mask` (bool, (k, j, i)), or over all.

    A structure that holds no voxel centre has an empty mask: nothing is evaluated, and every rate
    is None.

    Raises
    ------
    InvalidInput
        If the mask is not bool in the shape of the map.
    """
    state, values = gamma.state.ravel(), gamma.gamma.ravel()
    if mask is not None:
        if mask.dtype != np.bool_ or mask.shape != gamma.state.shape:
            raise InvalidInput("a mask must be bool in the shape of the map")
        state, values = gamma.state[mask], gamma.gamma[mask]
    counts = np.bincount(state, minlength=len(PointState))
    evaluated = int(counts[PointState.PASSED :].sum())
    certain = int(counts[PointState.PASSED])
    possible = certain + int(counts[PointState.UNDECIDED])
    found = values[state >= PointState.PASSED]
    if gamma.mode is GammaMode.PASS_FAIL:
        found = found[:0]
    cap = gamma.criteria.cap
    above_hidden = cap <= _HIGH or found.size == 0
    return GammaStatistics(
        evaluated=evaluated,
        passed_certain=certain,
        passed_possible=possible,
        pass_percent_certain=100.0 * certain / evaluated if evaluated else None,
        pass_percent_possible=100.0 * possible / evaluated if evaluated else None,
        below_cutoff=int(counts[PointState.BELOW_CUTOFF]),
        masked=int(counts[PointState.MASKED]) + gamma.state.size - state.size,
        outside=int(counts[PointState.OUTSIDE]),
        undefined=int(counts[PointState.UNDEFINED]),
        capped=int(np.count_nonzero(found >= np.float32(cap))),
        mean=float(found.mean(dtype=np.float64)) if found.size else None,
        maximum=float(found.max()) if found.size else None,
        p99=float(np.percentile(found, 99.0)) if found.size else None,
        fraction_above_1_5=None if above_hidden else float(np.mean(found > _HIGH)),
        histogram=_histogram(found, cap) if found.size else None,
    )


def _histogram(found: npt.NDArray[np.float32], cap: float) -> tuple[int, ...]:
    counts, _ = np.histogram(np.minimum(found, cap), bins=HISTOGRAM_BINS, range=(0.0, cap))
    return tuple(int(count) for count in counts)
