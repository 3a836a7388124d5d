"""Bodies with closed forms as structures, and doses under them: what DVH tests begin with."""

import numpy as np
import numpy.typing as npt

from encryptsecurert_rt.dose.grid import DoseGrid
from encryptsecurert_rt.dvh import ContourStructure, Dvh, EndCaps, PlanarContour
from encryptsecurert_rt.dvh.structure import LevelStructure
from encryptsecurert_rt.geometry import ImageGrid
from encryptsecurert_rt.phantoms.bodies import Cone, Cylinder, Sphere
from encryptsecurert_rt.phantoms.contour_stacks import StackOptions, contour_stack
from encryptsecurert_rt.phantoms.nelms import LinearDvh

FloatArray = npt.NDArray[np.float64]
Solid = Sphere | Cylinder | Cone

STRAIGHT = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


def exact(body: Solid) -> LevelStructure:
    """Return a body as its signed distance."""
    axes = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    reach = np.array([body.reach_mm(axis) for axis in axes]) + np.array([body.centre_lps_mm]).T
    return LevelStructure(
        level_mm=body.signed_distance_mm,
        low_lps_mm=reach[:, 0],
        high_lps_mm=reach[:, 1],
        size_mm=body.radius_mm,
    )


def contoured(body: Solid, options: StackOptions) -> ContourStructure:
    """Return a body as contours in axial planes."""
    return of_rings(contour_stack(body, options))


def of_rings(
    rings: tuple[FloatArray, ...], end_caps: EndCaps = EndCaps.HALF_SLICE
) -> ContourStructure:
    """Return rings (n, 3) as a structure."""
    return ContourStructure(
        contours=tuple(PlanarContour(points_lps_mm=np.ascontiguousarray(r)) for r in rings),
        end_caps=end_caps,
    )


def rectangle(low: tuple[float, float], high: tuple[float, float], z_mm: float) -> FloatArray:
    """Return an axial rectangle, (4, 3)."""
    (x0, y0), (x1, y1) = low, high
    return np.array([(x0, y0, z_mm), (x1, y0, z_mm), (x1, y1, z_mm), (x0, y1, z_mm)])


def tilt() -> FloatArray:
    """Return a rotation, (3, 3), about no axis of the patient."""
    c, s = np.cos(0.4), np.sin(0.4)
    about_x = np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])
    about_z = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    return np.asarray(about_x @ about_z)


def grid_of(
    shape: tuple[int, int, int], spacing_mm: tuple[float, float, float], centre_mm: float = 0.0
) -> ImageGrid:
    """Return an axial grid whose middle is at `centre_mm` on all axes."""
    k, j, i = ((1 - n) * s / 2 + centre_mm for n, s in zip(shape, spacing_mm, strict=True))
    return ImageGrid(
        shape=shape, spacing_mm=spacing_mm, origin_lps_mm=(i, j, k), direction=STRAIGHT
    )


def even_dose(dose_gy: float, grid: ImageGrid) -> DoseGrid:
    """Return the same dose everywhere."""
    return DoseGrid(dose_gy=np.full(grid.shape, dose_gy), grid=grid)


def worst_points(dvh: Dvh, truth: LinearDvh) -> float:
    """Return the largest difference of two cumulative histograms, in percent points."""
    doses = np.linspace(truth.minimum_gy - 0.5, truth.maximum_gy + 0.5, 1201)
    found = np.array([dvh.volume_percent_at(float(dose)) for dose in doses])
    return float(np.abs(found - 100.0 * truth.volume_fraction(doses)).max())
