"""Dose between the voxel centres: trilinear in the support, NaN outside, nothing extrapolated.

The support of a grid is the closed box of its voxel centres. Positions come as decimals of a file
and through matrices in floating point, so two lengths forgive what these leave; gamma has the same:
a point off a plane of voxel centres by less than `SNAP_MM` is taken to be on it (a grid sampled at
its own centres gives its own values, bit for bit), and one beyond the border by no more than
`BORDER_MM` has the dose of the border. An axis with one voxel has no extent: a point farther than
that off the plane is outside.
"""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from encryptsecurert_rt.dose.grid import BoolArray, DoseGrid, FloatArray, RigidTransform, index_map
from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.geometry import ImageGrid
from encryptsecurert_rt.native.tiles import run_tiles
from encryptsecurert_rt.progress import Progress, no_progress

SNAP_MM = 1e-6
BORDER_MM = 1e-3
_POINTS_A_TILE = 1 << 17  # 3 MiB of coordinates, some 20 ms of work
STAGE = "sampling"


def snap_to_nodes(index_kji: FloatArray, grid: ImageGrid) -> BoolArray:
    """Move indices that are next to a voxel centre onto it, in place; say which are in the support.

    Parameters
    ----------
    index_kji : float64 (3, n), continuous (k, j, i) indices; changed in place. NaN is outside.
    grid : ImageGrid

    Returns
    -------
    BoolArray
        (n,) True for points in the closed box of voxel centres, or within `BORDER_MM` of it; such
        a point keeps its index.
    """
    spacing_mm = np.asarray(grid.spacing_mm)[:, np.newaxis]
    nearest = np.rint(index_kji)
    near = np.abs(index_kji - nearest) * spacing_mm < SNAP_MM
    np.copyto(index_kji, nearest, where=near)
    border = BORDER_MM / spacing_mm
    last = np.asarray(grid.shape, np.float64)[:, np.newaxis] - 1.0
    within = (index_kji >= -border) & (index_kji <= last + border)
    return np.asarray(within.all(axis=0))


def sample_at_indices(dose: DoseGrid, index_kji: FloatArray) -> FloatArray:
    """Return the dose in Gy at continuous (k, j, i) indices float64 (3, n), NaN outside.

    `index_kji` is changed in place: see `snap_to_nodes`.
    """
    inside = snap_to_nodes(index_kji, dose.grid)
    values = np.full(index_kji.shape[1], np.nan)
    if inside.any():
        # "nearest" is the dose of the border for what lies within its tolerance.
        values[inside] = ndimage.map_coordinates(
            dose.dose_gy, index_kji[:, inside], order=1, mode="nearest", prefilter=False
        )
    return values


def lps_to_indices(grid: ImageGrid, points_lps_mm: FloatArray) -> FloatArray:
    """Return the continuous (k, j, i) indices, float64 (3, n), of LPS points (n, 3) in mm."""
    to_index = np.linalg.inv(grid.ijk_to_lps)
    ijk = to_index[:3, :3] @ points_lps_mm.T + to_index[:3, 3:]
    return np.ascontiguousarray(ijk[::-1])


def sample_dose(dose: DoseGrid, points_lps_mm: FloatArray) -> FloatArray:
    """Return the dose at points of the dose's frame of reference.

    Parameters
    ----------
    dose : DoseGrid
    points_lps_mm : float64 (n, 3), LPS, mm, finite.

    Returns
    -------
    FloatArray
        float64 (n,), Gy, trilinear between voxel centres; NaN outside the support.

    Raises
    ------
    InvalidInput
        If the points are of another shape or type, or not finite.
    """
    if points_lps_mm.ndim != 2 or points_lps_mm.shape[1] != 3:
        raise InvalidInput("points must be an array of (n, 3)")
    if points_lps_mm.dtype != np.float64 or not np.isfinite(points_lps_mm).all():
        raise InvalidInput("points must be finite float64 coordinates")
    return sample_at_indices(dose, lps_to_indices(dose.grid, points_lps_mm))


def voxel_indices(
    grid: ImageGrid, matrix_ijk: FloatArray, voxels: npt.NDArray[np.int64]
) -> FloatArray:
    """Return where voxels of `grid` lie on another grid.

    Parameters
    ----------
    grid : the grid whose voxels are taken.
    matrix_ijk : 4 x 4, from (i, j, k, 1) of `grid` to (i, j, k, 1) of the other grid.
    voxels : int64 (n,), numbers of voxels in C order.

    Returns
    -------
    FloatArray
        float64 (3, n): continuous (k, j, i) indices on the other grid.
    """
    k, j, i = np.unravel_index(voxels, grid.shape)
    out = np.empty((3, voxels.size))
    for axis in range(3):
        of_i, of_j, of_k, offset = matrix_ijk[2 - axis]
        out[axis] = of_k * k + of_j * j + of_i * i + offset
    return out


def resample_dose(
    dose: DoseGrid,
    grid: ImageGrid,
    grid_to_dose: RigidTransform | None = None,
    *,
    threads: int = 1,
    progress: Progress = no_progress,
) -> FloatArray:
    """Return the dose at the voxel centres of another grid.

    Parameters
    ----------
    dose : DoseGrid
    grid : ImageGrid
        Where to sample.
    grid_to_dose : RigidTransform, optional
        Takes LPS points of the grid's frame of reference to the dose's; without it they share one.
    threads : int
        The result is the same, bit for bit, for any number.
    progress : Progress

    Returns
    -------
    FloatArray
        float64 (k, j, i) in the shape of `grid`, Gy, NaN outside the support of `dose`.

    Raises
    ------
    Cancelled
    """
    matrix = index_map(grid, dose.grid, grid_to_dose)
    out = np.empty(int(np.prod(grid.shape)))

    def fill(tile: int) -> None:
        first = tile * _POINTS_A_TILE
        part = np.arange(first, min(first + _POINTS_A_TILE, out.size))
        out[part[0] : part[-1] + 1] = sample_at_indices(dose, voxel_indices(grid, matrix, part))

    tiles = -(-out.size // _POINTS_A_TILE)
    run_tiles(tiles, fill, threads=threads, progress=progress, stage=STAGE)
    return out.reshape(grid.shape)
