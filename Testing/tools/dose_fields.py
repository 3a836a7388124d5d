"""Dose grids for tests: made from an array or from a function of the position."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from encryptsecurert_rt.dose.grid import DoseGrid
from encryptsecurert_rt.geometry import ImageGrid

FloatArray = npt.NDArray[np.float64]
Vector = tuple[float, float, float]
ALONG_AXES = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


def _turned() -> tuple[float, ...]:
    """Return right-handed axes, each turned by some tens of degrees: columns are i, j and k."""
    a, b = 0.5, 0.3
    about_k = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    about_i = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    return tuple(float(x) for x in (about_k @ about_i).ravel())


TURNED = _turned()


def grid_of(
    shape: tuple[int, int, int],
    spacing_mm: Vector = (2.0, 2.0, 2.0),
    origin_lps_mm: Vector = (0.0, 0.0, 0.0),
    direction: tuple[float, ...] = ALONG_AXES,
) -> ImageGrid:
    """Return a grid; shape and spacing in (k, j, i)."""
    return ImageGrid(
        shape=shape, spacing_mm=spacing_mm, origin_lps_mm=origin_lps_mm, direction=direction
    )


def centres_of(grid: ImageGrid) -> FloatArray:
    """Return the LPS positions of the voxel centres, (k, j, i, 3)."""
    k, j, i = np.meshgrid(*(np.arange(n, dtype=np.float64) for n in grid.shape), indexing="ij")
    index = np.stack([i, j, k, np.ones_like(i)], axis=-1)
    return np.asarray((index @ grid.ijk_to_lps.T)[..., :3])


def dose_of(values: npt.ArrayLike, grid: ImageGrid | None = None) -> DoseGrid:
    """Return a dose with these values; without a grid, 2 mm along the axes from the origin."""
    dose_gy = np.ascontiguousarray(values, np.float64)
    return DoseGrid(dose_gy=dose_gy, grid=grid or grid_of(dose_gy.shape))


def field_of(function: Callable[[FloatArray], FloatArray], grid: ImageGrid) -> DoseGrid:
    """Return a dose that is a function of the LPS position (..., 3) at the voxel centres."""
    return dose_of(function(centres_of(grid)), grid)


def ramp(gradient_gy_per_mm: Vector, at_origin_gy: float) -> Callable[[FloatArray], FloatArray]:
    """Return a linear dose: trilinear interpolation gives it back exactly."""
    return lambda points: np.asarray(points @ np.asarray(gradient_gy_per_mm) + at_origin_gy)
