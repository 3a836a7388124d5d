"""Which shift of a measured dose would fit the calculated one best: proposed, never applied.

A phantom that stands a millimetre off makes a plan fail that is right. The search tells how much of
a disagreement a shift explains, and how large it would have to be. What it finds is a proposal for
the physicist: no comparison of ours uses it unless the caller passes its transform on, and then the
report says so.

The search is a grid over a box of shifts and then a compass search with halved steps:
deterministic, and on the same points for each shift, namely those that stay inside the calculated
dose under every shift of the box. Of equally good shifts the shorter one is taken.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from itertools import product
from typing import ClassVar, Literal

import numpy as np

from encryptsecurert_rt.dose.gamma import (
    GammaCriteria,
    GammaMode,
    GammaStatistics,
    gamma_index,
    gamma_statistics,
)
from encryptsecurert_rt.dose.grid import (
    BoolArray,
    DoseGrid,
    FloatArray,
    RigidTransform,
    cutoff_dose_gy,
    index_map,
)
from encryptsecurert_rt.dose.sampling import sample_at_indices, snap_to_nodes, voxel_indices
from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.progress import Progress, no_progress

MAX_CANDIDATES = 4096
MAX_POINTS = 20_000  # of RMS; more change nothing that a shift of a tenth of a millimetre would
_MAX_MOVES = 64  # of one step length; each makes the objective better
STAGE = "best shift"


class ShiftObjective(Enum):
    """What the best shift is best in."""

    RMS = "least RMS difference"
    GAMMA = "largest gamma pass rate"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftSearch:
    """Where and how finely to look.

    Attributes
    ----------
    within_mm : shifts along each axis of the measured grid go from -within to +within, up to 20.
    step_mm : of the first grid.
    resolution_mm : the compass search ends below this step.
    cutoff_percent : points with less than this part of the measured maximum are left out.
    along_normal : a plane is shifted along its normal too; by default within itself only.
    """

    within_mm: float = 3.0
    step_mm: float = 1.0
    resolution_mm: float = 0.05
    cutoff_percent: float = 10.0
    along_normal: bool = False

    def __post_init__(self) -> None:
        if not 0.0 < self.resolution_mm <= self.step_mm <= self.within_mm <= 20.0:
            raise InvalidInput("shifts need 0 < resolution <= step <= within <= 20 mm")
        if self.resolution_mm < 1e-3 or not 0.0 <= self.cutoff_percent < 100.0:
            raise InvalidInput("the resolution must be 0.001 mm at least, the cutoff below 100 %")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftFigures:
    """How well the doses agree at one shift.

    Attributes
    ----------
    rms_gy : of calculated minus measured, over the points of the search.
    pass_percent_certain, pass_percent_possible : gamma pass rate of the whole measured dose; None
        without criteria, or if nothing was evaluated.
    """

    rms_gy: float
    pass_percent_certain: float | None
    pass_percent_possible: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedShift:
    """A shift that was found and not applied.

    Attributes
    ----------
    applied : always False: this type is a proposal.
    shift_lps_mm : to be added to measured positions, in LPS of the measured frame.
    objective : what it is best in.
    points : how many measured points the search compared.
    at_limit : the best shift is on the border of the box; a better one may lie beyond.
    before, after : figures without and with the shift.
    """

    applied: ClassVar[Literal[False]] = False
    shift_lps_mm: tuple[float, float, float]
    objective: ShiftObjective
    points: int
    at_limit: bool
    before: ShiftFigures
    after: ShiftFigures

    def transform(self, measured_to_calculated: RigidTransform | None = None) -> RigidTransform:
        """Return the transform that would apply the shift, for a caller who decides to."""
        return _shifted(measured_to_calculated, np.asarray(self.shift_lps_mm))


def best_shift(  # noqa: PLR0913 - two doses and options by name
    measured: DoseGrid,
    calculated: DoseGrid,
    *,
    objective: ShiftObjective = ShiftObjective.RMS,
    search: ShiftSearch | None = None,
    criteria: GammaCriteria | None = None,
    measured_to_calculated: RigidTransform | None = None,
    threads: int = 1,
    progress: Progress = no_progress,
) -> ProposedShift:
    """Return the shift of the measured dose that fits the calculated one best; apply nothing.

    Parameters
    ----------
    measured : DoseGrid
        The reference: a plane or a volume.
    calculated : DoseGrid
    objective : ShiftObjective
    search : ShiftSearch, optional
    criteria : GammaCriteria, optional
        Needed by the objective GAMMA; with RMS they add the pass rates to the figures.
    measured_to_calculated : RigidTransform, optional
    threads : int
        Of gamma; the result is the same for any number.
    progress : Progress

    Raises
    ------
    InvalidInput
        If no measured point above the cutoff stays inside the calculated dose under every shift,
        if the grid of shifts is too large, or if gamma is asked for without criteria.
    Cancelled
    """
    search = search or ShiftSearch()
    if objective is ShiftObjective.GAMMA and criteria is None:
        raise InvalidInput("the largest pass rate needs criteria")
    axes = _axes(measured, search)
    fit = _Fit(measured, calculated, search, axes, measured_to_calculated)
    reached = [0.0]

    def advance(stage: str, fraction: float) -> None:
        reached[0] = fraction
        progress(stage, fraction)

    def check_point(stage: str, fraction: float) -> None:
        """Let the caller stop within one gamma; only whole shifts are progress."""
        progress(STAGE, reached[0])

    def gamma_at(shift: FloatArray, mask: BoolArray | None) -> GammaStatistics | None:
        if criteria is None:
            return None
        return gamma_statistics(
            gamma_index(
                measured,
                calculated,
                criteria,
                mask=mask,
                reference_to_evaluated=_shifted(measured_to_calculated, axes.T @ shift),
                mode=GammaMode.PASS_FAIL,
                threads=threads,
                progress=check_point,
            )
        )

    def cost(shift: FloatArray) -> tuple[float, ...]:
        passed = 0
        if objective is ShiftObjective.GAMMA:
            statistics = gamma_at(shift, fit.mask)
            passed = 0 if statistics is None else statistics.passed_certain
        length2 = float(shift @ shift)
        return (-float(passed), fit.rms_gy(shift), length2, *(float(x) for x in shift))

    def figures(shift: FloatArray) -> ShiftFigures:
        whole = gamma_at(shift, None)
        return ShiftFigures(
            rms_gy=fit.rms_gy(shift),
            pass_percent_certain=None if whole is None else whole.pass_percent_certain,
            pass_percent_possible=None if whole is None else whole.pass_percent_possible,
        )

    best = _minimise(cost, len(axes), search, advance)
    x, y, z = (float(value) for value in axes.T @ best)
    return ProposedShift(
        shift_lps_mm=(x, y, z),
        objective=objective,
        points=fit.points,
        at_limit=bool((np.abs(best) >= search.within_mm - 0.5 * search.resolution_mm).any()),
        before=figures(np.zeros(len(axes))),
        after=figures(best),
    )


def _axes(measured: DoseGrid, search: ShiftSearch) -> FloatArray:
    """Return the unit vectors (n, 3) in LPS along which to shift: i, j, k of the measured grid."""
    directions = np.asarray(measured.grid.direction).reshape(3, 3).T
    has_extent = np.array([size > 1 for size in reversed(measured.grid.shape)])
    if not has_extent.any():
        raise InvalidInput("a single point cannot be fitted by a shift")
    return np.asarray(directions if search.along_normal else directions[has_extent])


def _shifted(transform: RigidTransform | None, shift_lps_mm: FloatArray) -> RigidTransform:
    matrix = np.eye(4)
    matrix[:3, 3] = shift_lps_mm
    return RigidTransform(matrix=matrix if transform is None else transform.matrix @ matrix)


class _Fit:
    """The RMS difference as a function of the shift, always over the same points."""

    def __init__(
        self,
        measured: DoseGrid,
        calculated: DoseGrid,
        search: ShiftSearch,
        axes: FloatArray,
        transform: RigidTransform | None,
    ) -> None:
        grid = measured.grid
        doses = measured.dose_gy.ravel()
        chosen = np.flatnonzero(doses >= cutoff_dose_gy(search.cutoff_percent, measured.maximum_gy))
        index = voxel_indices(grid, index_map(grid, calculated.grid, transform), chosen)
        turn = np.eye(3) if transform is None else transform.matrix[:3, :3]
        per_mm = np.linalg.inv(calculated.grid.ijk_to_lps)[:3, :3] @ turn @ axes.T
        self._index_per_mm = per_mm[::-1]
        inside = np.ones(chosen.size, np.bool_)
        # The support is convex: what is inside at the corners of the box is inside all over it.
        for corner in product((-search.within_mm, search.within_mm), repeat=len(axes)):
            moved = index + (self._index_per_mm @ np.asarray(corner))[:, np.newaxis]
            inside &= snap_to_nodes(moved, calculated.grid)
        chosen, index = chosen[inside], index[:, inside]
        self.points = chosen.size
        if self.points == 0:
            raise InvalidInput("no measured point stays inside the calculated dose when shifted")
        self.mask: BoolArray = np.zeros(grid.shape, np.bool_)
        self.mask.ravel()[chosen] = True
        if chosen.size > MAX_POINTS:
            picks = np.rint(np.linspace(0, chosen.size - 1, MAX_POINTS)).astype(np.int64)
            chosen, index = chosen[picks], index[:, picks]
        self._index, self._doses, self._calculated = index, doses[chosen], calculated

    def rms_gy(self, shift: FloatArray) -> float:
        moved = self._index + (self._index_per_mm @ shift)[:, np.newaxis]
        difference = sample_at_indices(self._calculated, moved) - self._doses
        return float(np.sqrt(np.mean(difference * difference)))


def _minimise(
    cost: Callable[[FloatArray], tuple[float, ...]],
    dimensions: int,
    search: ShiftSearch,
    progress: Progress,
) -> FloatArray:
    """Return the shift of least cost: over a grid, then by steps that halve."""
    each_side = int(np.ceil(search.within_mm / search.step_mm - 1e-9))
    if (2 * each_side + 1) ** dimensions > MAX_CANDIDATES:
        raise InvalidInput("the grid of shifts has more than 4096 nodes: take a larger step")
    nodes = np.linspace(-search.within_mm, search.within_mm, 2 * each_side + 1)
    candidates = [np.asarray(node) for node in product(nodes, repeat=dimensions)]
    costs = []
    for number, candidate in enumerate(candidates):
        progress(STAGE, 0.9 * number / len(candidates))
        costs.append(cost(candidate))
    least = min(range(len(costs)), key=costs.__getitem__)
    best, best_cost = candidates[least], costs[least]
    step = 0.5 * float(nodes[1] - nodes[0])
    around = [np.asarray(move) for move in product((-1.0, 0.0, 1.0), repeat=dimensions)]
    while step >= 0.5 * search.resolution_mm:
        for _ in range(_MAX_MOVES):
            progress(STAGE, 0.9)
            moves = [np.clip(best + step * m, -search.within_mm, search.within_mm) for m in around]
            found = [(cost(move), number) for number, move in enumerate(moves)]
            nearest, number = min(found)
            if not nearest < best_cost:
                break
            best, best_cost = moves[number], nearest
        step *= 0.5
    return best
