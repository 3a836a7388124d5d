"""The cells around a point that a search looks at, nearest first.

An offset counts cells from the one that holds the point. When both grids are parallel and of equal
spacing every point lies at the same place in its cell, so the distances are exact; else they are
the least that any place in the cell allows.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from encryptsecurert_rt.dose.grid import FloatArray
from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.geometry import ImageGrid

OFFSET = np.dtype(
    [("i", "<i2"), ("j", "<i2"), ("k", "<i2"), ("unused", "<i2"), ("least_squared", "<f4")]
)
MAX_OFFSETS = 4_000_000  # 48 MB; a search that reaches further has criteria of another scale
_SAME_MM = 1e-6  # what origins of six decimals leave between planes that were meant to be one
_BORDER_MM = 1e-3  # as in the kernel: how far beyond the support a point may lie


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Placement:
    """How reference voxels lie in the evaluated grid.

    Attributes
    ----------
    to_evaluated : float64 (4, 4), from (i, j, k, 1) to the continuous index of the evaluated grid.
    fraction : where in its cell (i, j, k; 0 to 1) each voxel lies, or None if that varies.
    """

    to_evaluated: FloatArray
    fraction: FloatArray | None

    @classmethod
    def of(
        cls, to_evaluated: FloatArray, reference: ImageGrid, evaluated: ImageGrid
    ) -> "Placement":
        """Find whether the grids are parallel and of equal spacing, and then remove rounding."""
        spacing = np.asarray(evaluated.spacing_mm[::-1])
        most_steps = np.asarray(reference.shape[::-1])
        drift_mm = np.abs(to_evaluated[:3, :3] - np.eye(3)) * most_steps * spacing[:, None]
        if drift_mm.sum(axis=1).max() >= _SAME_MM:
            return cls(to_evaluated=to_evaluated, fraction=None)
        shift = to_evaluated[:3, 3].copy()
        on_plane = np.abs(shift - np.rint(shift)) * spacing < _SAME_MM
        shift[on_plane] = np.rint(shift[on_plane])
        exact = np.eye(4)
        exact[:3, 3] = shift
        return cls(to_evaluated=exact, fraction=shift - np.floor(shift))


def offsets_within(
    evaluated: ImageGrid,
    placement: Placement,
    *,
    reach_mm: float,
    distance_mm: float,
    cells: bool,
) -> npt.NDArray[np.void]:
    """Return all cells, or voxel centres, within reach, by least distance, as `OFFSET`.

    Parameters
    ----------
    evaluated : ImageGrid
    placement : Placement
    reach_mm : float
        Distance beyond which nothing is looked for.
    distance_mm : float
        Unit of `least_squared`.
    cells : bool
        Whether an offset stands for a cell, or for the voxel centre at its lower corner.

    Raises
    ------
    InvalidInput
        If they are more than `MAX_OFFSETS`.
    """
    axes = [_along(evaluated, placement, axis, reach_mm, cells=cells) for axis in range(3)]
    if np.prod([float(len(steps)) for steps, _ in axes]) > 2 * MAX_OFFSETS:
        raise InvalidInput("the criteria reach too many voxels of the evaluated dose")
    (i, di), (j, dj), (k, dk) = axes
    squared = ((dk[:, None, None] ** 2 + dj[:, None] ** 2 + di**2) / distance_mm**2).ravel()
    inside = np.flatnonzero(squared <= (reach_mm / distance_mm) ** 2)
    if len(inside) > MAX_OFFSETS:
        raise InvalidInput("the criteria reach too many voxels of the evaluated dose")
    least = squared[inside]
    del squared  # there are millions, and a job has told how much memory it takes
    order = np.argsort(least, kind="stable")
    inside = inside[order]
    offsets = np.zeros(len(order), OFFSET)
    offsets["least_squared"] = np.nextafter(least[order].astype(np.float32), np.float32(0))
    del least, order
    for name, steps in (("i", i), ("j", j), ("k", k)):
        offsets[name] = steps[inside % len(steps)]
        inside //= len(steps)
    return offsets


def _along(
    evaluated: ImageGrid, placement: Placement, axis: int, reach_mm: float, *, cells: bool
) -> tuple[npt.NDArray[np.int64], FloatArray]:
    """Return steps along an axis (0 is i) and the least distance in mm that each stands for."""
    count, spacing = evaluated.shape[2 - axis], evaluated.spacing_mm[2 - axis]
    if count == 1:
        return np.zeros(1, np.int64), np.zeros(1)
    most = min(count, int(reach_mm / spacing) + 2)
    steps = np.arange(-most, most + 1)
    low, high, spare_mm = 0.0, 1.0, _BORDER_MM
    if placement.fraction is not None:
        low = high = float(placement.fraction[axis])
        spare_mm = _SAME_MM
    far_end = steps + 1 if cells else steps
    gap = np.maximum(np.maximum(steps - high, low - far_end) * spacing - spare_mm, 0.0)
    near = gap <= reach_mm
    return steps[near], gap[near]
