"""Bodies in a linear dose: dose-volume histograms with a closed form.

After Nelms, Stambaugh, Hunt, Tonner, Zhang and Feygelman, "Methods, software and datasets to verify
DVH calculations against analytical values: twenty years late(r)", Med Phys 42 (2015) 4435: a
sphere, cylinders and cones, 24 mm across and high, in a dose of 16 Gy at their middle that rises by
1 Gy/mm. Where the dose is linear, the points with at least d Gy lie above a plane, so the DVH is
the share of the body above it, whatever the spacing, the offset or the axes of the dose grid:
trilinear interpolation reproduces a linear dose exactly.

Shells and tubes follow by subtraction, and a body with a slab cut out, as contours with a gap are.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import optimize

from encryptsecurert_rt.dose.grid import DoseGrid
from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.geometry import ImageGrid
from encryptsecurert_rt.phantoms.bodies import Body, Cone, Cylinder, Sphere, Vector, unit

FloatArray = npt.NDArray[np.float64]

RADIUS_MM, HEIGHT_MM = 12.0, 24.0
CENTRE_GY = 16.0
_IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
_NO_BODY = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearDose:
    """A dose that is linear in space.

    Attributes
    ----------
    gradient_gy_per_mm : (x, y, z), not all zero.
    centre_gy : dose at `centre_lps_mm`.
    """

    gradient_gy_per_mm: Vector
    centre_gy: float = CENTRE_GY
    centre_lps_mm: Vector = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        unit(self.gradient_gy_per_mm)
        if not np.isfinite(self.centre_gy):
            raise InvalidInput("a dose must be finite")

    @property
    def steepness_gy_per_mm(self) -> float:
        """Length of the gradient."""
        return float(np.linalg.norm(self.gradient_gy_per_mm))

    def at(self, points_lps_mm: FloatArray) -> FloatArray:
        """Return the dose in Gy at (..., 3) points."""
        away = points_lps_mm - np.asarray(self.centre_lps_mm)
        return np.asarray(self.centre_gy + away @ np.asarray(self.gradient_gy_per_mm))

    def on(self, grid: ImageGrid) -> DoseGrid:
        """Return the dose at the voxel centres of a grid.

        Raises
        ------
        InvalidInput
            If it would be negative somewhere: take a larger `centre_gy` or a smaller grid.
        """
        k, j, i = np.indices(grid.shape, dtype=np.float64)
        matrix = grid.ijk_to_lps
        points = np.stack((i, j, k), axis=-1) @ matrix[:3, :3].T + matrix[:3, 3]
        return DoseGrid(dose_gy=np.ascontiguousarray(self.at(points)), grid=grid)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearDvh:
    """The exact DVH of a body in a linear dose.

    Attributes
    ----------
    body : Body; its axis, if it has one, along the gradient or across it.
    dose : LinearDose
    gap_mm : range along the gradient, from the centre of the body, that is cut out; or None. The
        volume, the shares and all metrics are then of the rest.
    """

    body: Body
    dose: LinearDose
    gap_mm: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.gap_mm is not None and not self.gap_mm[0] < self.gap_mm[1]:
            raise InvalidInput("a gap must have a length")
        self._share(np.asarray(0.0))  # refuses a gradient without a closed form now, not later
        if self._kept() <= _NO_BODY:
            raise InvalidInput("nothing of the body is left")

    @property
    def volume_cc(self) -> float:
        """Volume in cm3."""
        return self.body.volume_cc * self._kept()

    @property
    def minimum_gy(self) -> float:
        """Least dose of a body without a gap."""
        return self._middle_gy() + self.dose.steepness_gy_per_mm * self._reach()[0]

    @property
    def maximum_gy(self) -> float:
        """Greatest dose of a body without a gap."""
        return self._middle_gy() + self.dose.steepness_gy_per_mm * self._reach()[1]

    @property
    def mean_gy(self) -> float:
        """Mean dose of a body without a gap: that at its centroid."""
        if self.gap_mm is not None:
            raise InvalidInput("the mean dose has this closed form without a gap only")
        return float(self.dose.at(self.body.centroid_lps_mm))

    def volume_fraction(self, dose_gy: FloatArray) -> FloatArray:
        """Return V(d), the share of the volume with at least d Gy, 0 to 1."""
        u = (np.asarray(dose_gy, dtype=np.float64) - self._middle_gy()) / (
            self.dose.steepness_gy_per_mm
        )
        above = self._share(u)
        if self.gap_mm is not None:
            low, high = self.gap_mm
            above = above - self._share(np.maximum(u, low)) + self._share(np.maximum(u, high))
        return np.asarray(above / self._kept())

    def dose_at_fraction(self, fraction: float) -> float:
        """Return the largest dose that at least this share of the volume has; 0 < share < 1."""
        if not 0.0 < fraction < 1.0:
            raise InvalidInput("a share must be between 0 and 1")
        return float(
            optimize.brentq(
                lambda d: float(self.volume_fraction(np.asarray(d))) - fraction,
                self.minimum_gy,
                self.maximum_gy,
                xtol=1e-13,
            )
        )

    def dose_at_cc(self, volume_cc: float) -> float:
        """Return the largest dose that at least this volume has."""
        return self.dose_at_fraction(volume_cc / self.volume_cc)

    def _share(self, u_mm: FloatArray) -> FloatArray:
        return self.body.share_above(u_mm, self.dose.gradient_gy_per_mm)

    def _kept(self) -> float:
        if self.gap_mm is None:
            return 1.0
        low, high = self.gap_mm
        return float(1.0 - self._share(np.asarray(low)) + self._share(np.asarray(high)))

    def _middle_gy(self) -> float:
        return float(self.dose.at(np.asarray(self.body.centre_lps_mm)))

    def _reach(self) -> tuple[float, float]:
        return self.body.reach_mm(self.dose.gradient_gy_per_mm)


def grid_around(
    body: Body,
    spacing_mm: tuple[float, float, float],
    *,
    margin_mm: float = 0.5,
    offset_mm: Vector = (0.0, 0.0, 0.0),
    direction: tuple[float, ...] = _IDENTITY,
) -> ImageGrid:
    """Return a grid whose support, the box of its voxel centres, holds a body.

    Parameters
    ----------
    body : Body
    spacing_mm : (k, j, i).
    margin_mm : least distance from the body to the sides of the support; negative cuts it.
    offset_mm : (i, j, k) shift of the voxel centres against a lattice through the body's centre.
    direction : as of `ImageGrid`: the columns are the axes of i, j and k in LPS.
    """
    axes = np.asarray(direction, dtype=np.float64).reshape(3, 3)
    shape, first_mm = [], []
    for axis, step, offset in zip(axes.T, spacing_mm[::-1], offset_mm, strict=True):
        low, high = body.reach_mm((float(axis[0]), float(axis[1]), float(axis[2])))
        first = np.floor((low - margin_mm - offset) / step + 1e-9)
        last = np.ceil((high + margin_mm - offset) / step - 1e-9)
        shape.append(int(last - first) + 1)
        first_mm.append(first * step + offset)
    origin = np.asarray(body.centre_lps_mm) + axes @ np.asarray(first_mm)
    return ImageGrid(
        shape=(shape[2], shape[1], shape[0]),
        spacing_mm=spacing_mm,
        origin_lps_mm=(float(origin[0]), float(origin[1]), float(origin[2])),
        direction=tuple(float(value) for value in axes.ravel()),
    )


def random_points(body: Body, count: int, seed: int) -> FloatArray:
    """Return about `count` points, float64 (n, 3), even in a body: to check its closed forms."""
    low, high = np.array([body.reach_mm(axis) for axis in ((1, 0, 0), (0, 1, 0), (0, 0, 1))]).T
    box_cc = float(np.prod(high - low)) / 1000.0
    drawn = np.random.default_rng(seed).random((int(count * box_cc / body.volume_cc), 3))
    points = np.asarray(body.centre_lps_mm) + low + drawn * (high - low)
    return np.asarray(points[body.signed_distance_mm(points) <= 0.0])


def nelms_bodies() -> dict[str, Sphere | Cylinder | Cone]:
    """Return the bodies of the paper by name: upright ones, and ones that lie along y."""
    cylinder = Cylinder(radius_mm=RADIUS_MM, height_mm=HEIGHT_MM)
    cone = Cone(radius_mm=RADIUS_MM, height_mm=HEIGHT_MM)
    lying = (0.0, 1.0, 0.0)
    return {
        "sphere": Sphere(radius_mm=RADIUS_MM),
        "cylinder": cylinder,
        "cylinder, lying": replace(cylinder, axis_lps=lying),
        "cone": cone,
        "cone, lying": replace(cone, axis_lps=lying),
    }


def nelms_doses() -> dict[str, LinearDose]:
    """Return the doses of the paper by name: 1 Gy/mm towards the head, and towards the back."""
    return {
        "superior": LinearDose(gradient_gy_per_mm=(0.0, 0.0, 1.0)),
        "posterior": LinearDose(gradient_gy_per_mm=(0.0, 1.0, 0.0)),
    }
