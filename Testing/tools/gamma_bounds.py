"""How far from the certified gamma a peer's own method may take it, at each voxel.

A peer that looks at other points, or at another surface, than the continuous dose is off by a
bounded amount. In units of the criteria, gamma is the length of the vector (way, dose difference):
between two points of the dose, d mm apart, it changes by at most

    d * slope,    slope^2 = 1 / distance^2 + (steepest dose / dose criterion)^2

and between two surfaces whose doses are `bend` criteria apart at one place, by at most `bend`. So a
bound follows from how far the peer's nearest point can be, for each voxel from the cells that its
gamma can reach: a trilinear dose is steepest along its edges.
"""

from dataclasses import dataclass
from functools import cache
from itertools import combinations, pairwise, product

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from encryptsecurert_rt.dose.gamma import GammaMap
from encryptsecurert_rt.dose.grid import BoolArray, DoseGrid, index_map

FloatArray = npt.NDArray[np.float64]

# What float32 costs plastimatch: indices and doses in units of the criteria, up to some hundred of
# them, have steps of 1e-5, and its differences of two such numbers are squared and summed.
FLOAT32 = 1e-4
# pymedphys samples spheres whose radii are a step apart, and each in rows a step apart, of points
# less than a step apart: what is between is half a step away in radius, and on the sphere at most
# 0.72 steps (half a step along the meridian, and along a row, which beside a pole is longer there).
SHELL_COVER = float(np.hypot(0.5, 0.72))
# Samples beyond the border are dropped: a ball that is moved inward, out of a corner at most, until
# none of it is beyond holds one that is not.
_AT_BORDER = 1.0 + 3.0**0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a peer's gamma may be off by at each voxel, (k, j, i); meant where it was evaluated."""

    low: FloatArray
    high: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerBounds:
    """The bounds of one comparison, on parallel grids of equal spacing; global criteria.

    Attributes
    ----------
    found : the certified map.
    reference, evaluated : as compared.
    """

    found: GammaMap
    reference: DoseGrid
    evaluated: DoseGrid

    def segments(self) -> Bounds:
        """Return those of straight segments between neighbouring voxel centres (interp-search)."""
        bend = self._nearby(self._bends(), 0.0)
        cover_mm = segment_cover_mm(self._extent_mm)
        high = cover_mm * self._nearby(self._slopes(), 0.0) + bend
        return Bounds(low=-bend - self.found.eps - FLOAT32, high=high + FLOAT32)

    def centres(self) -> Bounds:
        """Return those of a search at voxel centres only."""
        half_mm = 0.5 * float(np.linalg.norm(self._extent_mm))
        high = half_mm * self._nearby(self._slopes(), 0.0)
        return Bounds(low=np.full_like(high, -self.found.eps - FLOAT32), high=high + FLOAT32)

    def shells(self, parts: int) -> Bounds:
        """Return those of spheres, `parts` of them to the distance criterion (pymedphys).

        Of an evaluated dose that is two steps thick at least: in a thinner one there may be no
        sample near a point, and no bound.
        """
        step_mm = self.found.criteria.distance_mm / parts
        cover_mm = SHELL_COVER * step_mm
        far_mm = _AT_BORDER * cover_mm
        high = self._nearby(self._slopes(), far_mm) * np.where(
            self._at_border(far_mm), far_mm, cover_mm
        )
        return Bounds(low=np.full_like(high, -self.found.eps - 1e-6), high=high)

    @property
    def _extent_mm(self) -> tuple[float, ...]:
        """Return the size of a cell, (k, j, i); an axis of one voxel has none."""
        grid = self.evaluated.grid
        return tuple(h if n > 1 else 0.0 for h, n in zip(grid.spacing_mm, grid.shape, strict=True))

    @property
    def _criterion_gy(self) -> float:
        return self.found.criteria.dose_percent / 100.0 * self.found.norm_gy

    def _slopes(self) -> FloatArray:
        """Return how fast gamma changes in each cell at most, per mm."""
        squared = np.full(self.evaluated.dose_gy.shape, self.found.criteria.distance_mm**-2.0)
        for axis, spacing in enumerate(self.evaluated.grid.spacing_mm):
            if self.evaluated.dose_gy.shape[axis] > 1:
                steps = np.abs(np.diff(self.evaluated.dose_gy, axis=axis))
                squared += (_of_cells(steps, axis) / spacing / self._criterion_gy) ** 2
        return np.asarray(np.sqrt(squared))

    def _bends(self) -> FloatArray:
        """Return how far from the diagonals of its faces and body a cell's dose is, in criteria.

        From S to E across a face, with N the sum of the other two corners, the dose less the
        straight line is t (1 - t) (N - S - E). Through the body, with N and M the sums of the three
        corners next to S and to E, it is t (1 - t) times ((1 - t) (N - 2 S - E) + t (M - S - 2 E)).
        """
        corner = {at: _corner(self.evaluated.dose_gy, at) for at in product((0, 1), repeat=3)}
        most = np.zeros(self.evaluated.dose_gy.shape)
        for start, end in combinations(corner, 2):
            ways = [axis for axis in range(3) if start[axis] != end[axis]]
            near_start = sum(corner[_with(start, axis, end)] for axis in ways)
            near_end = sum(corner[_with(end, axis, start)] for axis in ways)
            s, e = corner[start], corner[end]
            if len(ways) == 2:
                most = np.maximum(most, np.abs(near_start - s - e))
            elif len(ways) == 3:
                most = np.maximum(most, np.abs(near_start - 2 * s - e))
                most = np.maximum(most, np.abs(near_end - s - 2 * e))
        return 0.25 * most / self._criterion_gy

    def _nearby(self, cells: FloatArray, further_mm: float) -> FloatArray:
        """Return the most of the cells that a point within gamma of each voxel can be in."""
        shift, aligned = self._shift()
        gamma = np.nan_to_num(self.found.gamma.astype(np.float64))
        reach_mm = gamma * self.found.criteria.distance_mm + further_mm
        spacing = self.evaluated.grid.spacing_mm
        most = np.zeros(gamma.shape)
        steps = np.linspace(0.0, float(reach_mm.max()), 9)
        for below_mm, up_to_mm in pairwise(steps):
            sizes = [2 * int(np.ceil(up_to_mm / h)) + (0 if aligned else 1) for h in spacing]
            filtered = ndimage.maximum_filter(cells, size=sizes, mode="constant")
            here = (reach_mm > below_mm) & (reach_mm <= up_to_mm)
            most[here] = _moved(filtered, shift, gamma.shape)[here]
        return most

    def _at_border(self, near_mm: float) -> BoolArray:
        """Tell whose gamma can lie so near to the border that a ball around it is cut off."""
        shape, spacing = self.evaluated.dose_gy.shape, self.evaluated.grid.spacing_mm
        to_evaluated = index_map(self.reference.grid, self.evaluated.grid)
        gamma = np.nan_to_num(self.found.gamma.astype(np.float64))
        reach_mm = gamma * self.found.criteria.distance_mm + near_mm
        cut = np.zeros(gamma.shape, np.bool_)
        for axis in range(3):
            at = np.arange(gamma.shape[axis]) + to_evaluated[2 - axis, 3]
            margin_mm = np.minimum(at, shape[axis] - 1 - at) * spacing[axis]
            cut |= np.expand_dims(margin_mm, [a for a in range(3) if a != axis]) < reach_mm
        return cut

    def _shift(self) -> tuple[list[int], bool]:
        """Return whole voxels (k, j, i) from the reference's index to the evaluated one's."""
        shift = index_map(self.reference.grid, self.evaluated.grid)[:3, 3][::-1]
        aligned = bool(np.abs(shift - np.rint(shift)).max() < 1e-6)
        return [int(s) for s in (np.rint(shift) if aligned else np.floor(shift))], aligned


@cache
def segment_cover_mm(extent_mm: tuple[float, ...], places: int = 24) -> float:
    """Return how far a point of a cell can be from all edges and diagonals between its corners."""
    size = np.asarray(extent_mm)
    # By symmetry an eighth of the cell is enough.
    line = np.linspace(0.0, 0.5, places + 1)
    points = np.stack(np.meshgrid(line, line, line, indexing="ij"), axis=-1) * size
    nearest = np.full(points.shape[:3], np.inf)
    for start, end in combinations(product((0.0, 1.0), repeat=3), 2):
        origin, along = np.asarray(start) * size, (np.asarray(end) - np.asarray(start)) * size
        if not along.any():
            continue
        t = np.clip((points - origin) @ along / (along @ along), 0.0, 1.0)
        off = points - origin - t[..., None] * along
        nearest = np.minimum(nearest, np.linalg.norm(off, axis=-1))
    between = 0.5 * float(np.linalg.norm(size * 0.5 / places))
    return float(nearest.max()) + between


def _with(corner: tuple[int, ...], axis: int, other: tuple[int, ...]) -> tuple[int, ...]:
    return (*corner[:axis], other[axis], *corner[axis + 1 :])


def _of_cells(steps: FloatArray, axis: int) -> FloatArray:
    """Return the most of a cell's four edges along an axis; the last cell of each row is none."""
    most = steps
    for other in {0, 1, 2} - {axis}:
        most = np.maximum(most, _next(most, other))
    return np.concatenate([most, np.zeros_like(most.take([0], axis))], axis)


def _corner(values: FloatArray, at: tuple[int, ...]) -> FloatArray:
    """Return a corner of each cell."""
    for axis, step in enumerate(at):
        if step:
            values = _next(values, axis)
    return values


def _next(values: FloatArray, axis: int) -> FloatArray:
    """Return the next value along an axis; beyond the last, the last."""
    rest, last = values.take(range(1, values.shape[axis]), axis), values.take([-1], axis)
    return np.concatenate([rest, last], axis)


def _moved(values: FloatArray, shift: list[int], shape: tuple[int, ...]) -> FloatArray:
    """Return values at the indices plus a shift; 0 beyond."""
    moved = np.zeros(shape)
    take, put = [], []
    for step, count, size in zip(shift, shape, values.shape, strict=True):
        first, end = max(0, -step), min(count, size - step)
        put.append(slice(first, end))
        take.append(slice(first + step, end + step))
    moved[tuple(put)] = values[tuple(take)]
    return moved
