"""Criteria, pairs and an oracle for tests of gamma. The oracle shares no code with the kernel."""

from typing import Any

import numpy as np
from dose_fields import FloatArray, dose_of, grid_of
from scipy import ndimage

from encryptsecurert_rt.dose.gamma import GammaCriteria, Normalisation
from encryptsecurert_rt.dose.grid import DoseGrid
from encryptsecurert_rt.geometry import ImageGrid


def criteria_of(dose_percent: float, distance_mm: float, **others: Any) -> GammaCriteria:
    """Return criteria with a global norm of 100 Gy, no cutoff and a high cap, unless told."""
    given: dict[str, Any] = {
        "cutoff_percent": 0.0,
        "normalisation": Normalisation.GLOBAL,
        "norm_gy": 100.0,
        "cap": 10.0,
    }
    return GammaCriteria(dose_percent=dose_percent, distance_mm=distance_mm, **(given | others))


def turned(random: np.random.Generator) -> tuple[float, ...]:
    """Return right-handed axes of any direction, row-major."""
    axes, _ = np.linalg.qr(random.standard_normal((3, 3)))
    axes[:, 2] *= np.sign(np.linalg.det(axes))
    return tuple(float(x) for x in axes.ravel())


def smooth_dose(
    random: np.random.Generator, grid: ImageGrid, voxels: float = 1.2, spread_gy: float = 8.0
) -> DoseGrid:
    """Return 30 Gy with smooth noise of the given standard deviation."""
    field = ndimage.gaussian_filter(random.standard_normal(grid.shape), voxels, mode="wrap")
    return dose_of(np.clip(30.0 + spread_gy * field / field.std(), 0.0, None), grid)


def grid_about(
    shape: tuple[int, int, int],
    spacing_mm: tuple[float, float, float],
    centre_lps_mm: FloatArray,
    direction: tuple[float, ...],
) -> ImageGrid:
    """Return a grid of which the middle is at a point."""
    middle = (np.asarray(shape[::-1]) - 1) / 2 * np.asarray(spacing_mm[::-1])
    origin = np.asarray(centre_lps_mm) - np.asarray(direction).reshape(3, 3) @ middle
    return grid_of(shape, spacing_mm, tuple(float(x) for x in origin), direction)  # type: ignore[arg-type]  # three coordinates


def oracle(
    point_lps_mm: FloatArray,
    dose_gy: float,
    evaluated: DoseGrid,
    criterion_gy: float,
    distance_mm: float,
    *,
    cap: float,
    step_mm: float = 0.06,
) -> float:
    """Return the least gamma among densely sampled points, at most `cap`: never below the truth.

    Lines of points with at most `step_mm` between them, through the planes of the voxel centres
    and through the point itself, in the part of the support that the cap leaves.
    """
    spacing = np.asarray(evaluated.grid.spacing_mm[::-1])
    last = np.asarray(evaluated.dose_gy.shape[::-1]) - 1.0
    to_index = np.linalg.inv(evaluated.grid.ijk_to_lps)
    u = np.clip((to_index @ [*point_lps_mm, 1.0])[:3], 0.0, last)
    # What is seen at the point itself bounds how far away something better can be.
    here = float(np.abs(_sample(evaluated, u[None])[0] - dose_gy)) / criterion_gy
    reach = min(cap, here) * distance_mm / spacing
    lines = [_line(u[a], reach[a], last[a], step_mm / spacing[a]) for a in range(3)]
    best = min(cap, here)
    for x in lines[0]:  # one plane at a time: the whole box would take much memory
        y, z = (axis.ravel() for axis in np.meshgrid(lines[1], lines[2], indexing="ij"))
        index = np.stack([np.full_like(y, x), y, z], axis=-1)
        distance = ((index - u) * spacing / distance_mm) ** 2
        dose = (_sample(evaluated, index) - dose_gy) / criterion_gy
        best = min(best, float(np.sqrt((distance.sum(axis=1) + dose**2).min())))
    return best


def _line(centre: float, reach: float, last: float, step: float) -> FloatArray:
    low, high = max(0.0, centre - reach), min(last, centre + reach)
    even = np.linspace(low, high, 2 + int((high - low) / step))
    planes = np.arange(np.ceil(low), np.floor(high) + 1.0)
    return np.unique(np.clip(np.concatenate([even, planes, [centre]]), 0.0, last))


def _sample(dose: DoseGrid, index: FloatArray) -> FloatArray:
    values = ndimage.map_coordinates(dose.dose_gy, index[:, ::-1].T, order=1, mode="nearest")
    return np.asarray(values)


def steepest(evaluated: DoseGrid, criterion_gy: float, distance_mm: float) -> float:
    """Return a bound on how fast gamma of a sample changes, per mm."""
    squared = 0.0
    for axis, spacing in enumerate(evaluated.grid.spacing_mm):
        if evaluated.dose_gy.shape[axis] > 1:
            steps = np.abs(np.diff(evaluated.dose_gy, axis=axis)) / spacing
            squared += float(steps.max()) ** 2
    return float(np.sqrt(1.0 / distance_mm**2 + squared / criterion_gy**2))
