"""Bodies with closed forms: spheres and shells, cylinders and tubes, cones, placed anywhere.

Each body knows its volume, its exact signed distance, how far it reaches, and what share of it lies
above a plane. The last is its DVH in a dose that is linear in space (`nelms.py`).
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from encryptsecurert_rt.errors import InvalidInput

FloatArray = npt.NDArray[np.float64]
Vector = tuple[float, float, float]

_ALONG_OR_ACROSS = 1e-9  # sine or cosine below which a direction counts as along or across
_UNIT = 1e-12


class Body(Protocol):
    """A closed set of points in LPS mm with closed forms."""

    @property
    def centre_lps_mm(self) -> Vector:
        """Middle of the body: of a cone, the middle of its axis, not its centroid."""

    @property
    def axis_lps(self) -> Vector:
        """Unit vector of the axis of revolution; of a cone, from its base to its tip."""

    @property
    def volume_cc(self) -> float:
        """Volume in cm3."""

    @property
    def centroid_lps_mm(self) -> FloatArray:
        """Mean of the points of the body, (x, y, z)."""

    def signed_distance_mm(self, points_lps_mm: FloatArray) -> FloatArray:
        """Distance of (..., 3) points to the surface: negative inside, 0 on it."""

    def reach_mm(self, direction: Vector) -> tuple[float, float]:
        """Least and greatest coordinate along a unit vector, from the centre."""

    def share_above(self, u_mm: FloatArray, direction: Vector) -> FloatArray:
        """Share of the volume whose coordinate along a unit vector, from the centre, is >= u."""


def unit(direction: Vector) -> FloatArray:
    """Return a direction as a vector of length 1, float64 (3,)."""
    vector = np.asarray(direction, dtype=np.float64)
    length = float(np.linalg.norm(vector)) if vector.shape == (3,) else 0.0
    if not 0.0 < length < np.inf:
        raise InvalidInput("a direction must be three finite numbers, not all zero")
    return np.asarray(vector / length)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sphere:
    """A ball, or with an inner radius a shell."""

    radius_mm: float
    inner_radius_mm: float = 0.0
    centre_lps_mm: Vector = (0.0, 0.0, 0.0)
    axis_lps: Vector = (0.0, 0.0, 1.0)

    def __post_init__(self) -> None:
        _check_radii(self.radius_mm, self.inner_radius_mm)
        _check_axis(self.axis_lps)

    @property
    def volume_cc(self) -> float:
        """Volume in cm3: 4/3 pi (R^3 - r^3)."""
        return float(4.0 / 3.0 * np.pi * (self.radius_mm**3 - self.inner_radius_mm**3)) / 1000.0

    @property
    def centroid_lps_mm(self) -> FloatArray:
        """Mean of the points of the body, (x, y, z)."""
        return np.asarray(self.centre_lps_mm)

    def signed_distance_mm(self, points_lps_mm: FloatArray) -> FloatArray:
        """Distance of (..., 3) points to the surface: negative inside, 0 on it."""
        radius = np.linalg.norm(points_lps_mm - np.asarray(self.centre_lps_mm), axis=-1)
        outside = radius - self.radius_mm
        if self.inner_radius_mm == 0.0:
            return np.asarray(outside)
        return np.asarray(np.maximum(outside, self.inner_radius_mm - radius))

    def reach_mm(self, direction: Vector) -> tuple[float, float]:
        """Least and greatest coordinate along a unit vector, from the centre."""
        unit(direction)
        return -self.radius_mm, self.radius_mm

    def share_above(self, u_mm: FloatArray, direction: Vector) -> FloatArray:
        """Share of the volume above a plane: (R - u)^2 (2 R + u) / (4 R^3)."""
        unit(direction)
        return _hollow(_cap_of_ball, u_mm, self.radius_mm, self.inner_radius_mm, power=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cylinder:
    """A right circular cylinder, or with an inner radius a tube."""

    radius_mm: float
    height_mm: float
    inner_radius_mm: float = 0.0
    centre_lps_mm: Vector = (0.0, 0.0, 0.0)
    axis_lps: Vector = (0.0, 0.0, 1.0)

    def __post_init__(self) -> None:
        _check_radii(self.radius_mm, self.inner_radius_mm)
        _check_height(self.height_mm)
        _check_axis(self.axis_lps)

    @property
    def volume_cc(self) -> float:
        """Volume in cm3: pi (R^2 - r^2) H."""
        base_mm2 = np.pi * (self.radius_mm**2 - self.inner_radius_mm**2)
        return float(base_mm2) * self.height_mm / 1000.0

    @property
    def centroid_lps_mm(self) -> FloatArray:
        """Mean of the points of the body, (x, y, z)."""
        return np.asarray(self.centre_lps_mm)

    def signed_distance_mm(self, points_lps_mm: FloatArray) -> FloatArray:
        """Distance of (..., 3) points to the surface: negative inside, 0 on it.

        The nearest point of a body of revolution lies in the half plane through its axis and the
        point; there this body is a rectangle.
        """
        rho, t = _rho_and_height(self, points_lps_mm)
        inner, outer = self.inner_radius_mm, self.radius_mm
        away = rho - outer if inner == 0.0 else np.maximum(rho - outer, inner - rho)
        above = np.abs(t) - self.height_mm / 2
        corner = np.hypot(np.maximum(away, 0.0), np.maximum(above, 0.0))
        return np.asarray(corner + np.minimum(np.maximum(away, above), 0.0))

    def reach_mm(self, direction: Vector) -> tuple[float, float]:
        """Least and greatest coordinate along a unit vector, from the centre."""
        cosine = float(unit(direction) @ unit(self.axis_lps))
        most = self.height_mm / 2 * abs(cosine) + self.radius_mm * _sine(cosine)
        return -most, most

    def share_above(self, u_mm: FloatArray, direction: Vector) -> FloatArray:
        """Share of the volume above a plane along or across the axis: 1/2 - u/H, or a segment."""
        if _is_along(direction, self.axis_lps):
            return np.asarray(np.clip(0.5 - np.asarray(u_mm) / self.height_mm, 0.0, 1.0))
        return _hollow(_segment_of_disc, u_mm, self.radius_mm, self.inner_radius_mm, power=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cone:
    """A right circular cone; its centre is the middle of its axis, which points to the tip."""

    radius_mm: float
    height_mm: float
    centre_lps_mm: Vector = (0.0, 0.0, 0.0)
    axis_lps: Vector = (0.0, 0.0, 1.0)

    def __post_init__(self) -> None:
        _check_radii(self.radius_mm, 0.0)
        _check_height(self.height_mm)
        _check_axis(self.axis_lps)

    @property
    def volume_cc(self) -> float:
        """Volume in cm3: pi R^2 H / 3."""
        return float(np.pi) * self.radius_mm**2 * self.height_mm / 3000.0

    @property
    def centroid_lps_mm(self) -> FloatArray:
        """Mean of the points of the body: a quarter of the height above the base."""
        return np.asarray(self.centre_lps_mm) - unit(self.axis_lps) * (self.height_mm / 4)

    def signed_distance_mm(self, points_lps_mm: FloatArray) -> FloatArray:
        """Distance of (..., 3) points to the surface: negative inside, 0 on it.

        In the half plane through the axis and the point the cone is a triangle: its base runs from
        the axis to the rim, its side from the rim to the tip.
        """
        rho, t = _rho_and_height(self, points_lps_mm)
        t = t + self.height_mm / 2
        to_base = np.hypot(np.maximum(rho - self.radius_mm, 0.0), t)
        slant = np.hypot(self.radius_mm, self.height_mm)
        along = ((self.radius_mm - rho) * self.radius_mm + t * self.height_mm) / slant
        along = np.clip(along, 0.0, slant)
        to_side = np.hypot(
            rho - self.radius_mm * (1.0 - along / slant), t - self.height_mm * along / slant
        )
        inside = (t >= 0.0) & (rho <= self.radius_mm * (1.0 - t / self.height_mm))
        nearest = np.minimum(to_base, to_side)
        return np.asarray(np.where(inside, -nearest, nearest))

    def reach_mm(self, direction: Vector) -> tuple[float, float]:
        """Least and greatest coordinate along a unit vector, from the centre."""
        cosine = float(unit(direction) @ unit(self.axis_lps))
        tip, base = cosine * self.height_mm / 2, -cosine * self.height_mm / 2
        rim = self.radius_mm * _sine(cosine)
        return min(tip, base - rim), max(tip, base + rim)

    def share_above(self, u_mm: FloatArray, direction: Vector) -> FloatArray:
        """Share of the volume above a plane along the axis (either way) or across it."""
        u = np.asarray(u_mm, dtype=np.float64)
        if not _is_along(direction, self.axis_lps):
            below_zero = _half_of_cone(np.abs(u), self.radius_mm)
            return np.asarray(np.where(u >= 0.0, below_zero, 1.0 - below_zero))
        upward = float(unit(direction) @ unit(self.axis_lps)) > 0.0
        height = np.clip((u if upward else -u) / self.height_mm + 0.5, 0.0, 1.0)
        above = (1.0 - height) ** 3
        return np.asarray(above if upward else 1.0 - above)


def _cap_of_ball(u: FloatArray, radius: float) -> FloatArray:
    u = np.clip(u, -radius, radius)
    return np.asarray((radius - u) ** 2 * (2.0 * radius + u) / (4.0 * radius**3))


def _segment_of_disc(u: FloatArray, radius: float) -> FloatArray:
    u = np.clip(u, -radius, radius)
    area = radius**2 * np.arccos(u / radius) - u * np.sqrt(radius**2 - u**2)
    return np.asarray(area / (np.pi * radius**2))


def _half_of_cone(u: FloatArray, radius: float) -> FloatArray:
    """Share of a cone beyond a plane at u >= 0 from its axis and parallel to it.

    The integral over u of the areas of the hyperbolic sections; the height cancels.
    """
    u = np.clip(u, 0.0, radius)
    chord = np.sqrt(radius**2 - u**2)
    logarithm = u**3 * np.arccosh(radius / np.maximum(u, 1e-12 * radius))  # -> 0 as u -> 0
    up_to_u = (2.0 * radius * u * chord + radius**3 * np.arcsin(u / radius) - logarithm) / 3.0
    return np.asarray(3.0 * (np.pi * radius**3 / 6.0 - up_to_u) / (np.pi * radius**3))


class _ShareOfSolid(Protocol):
    def __call__(self, u: FloatArray, radius: float, /) -> FloatArray: ...


def _hollow(
    share: _ShareOfSolid, u_mm: FloatArray, outer: float, inner: float, *, power: int
) -> FloatArray:
    """Subtract the share of a concentric hollow; volumes go with `power` of the radius."""
    u = np.asarray(u_mm, dtype=np.float64)
    if inner == 0.0:
        return share(u, outer)
    whole, hole = outer**power, inner**power
    return np.asarray((whole * share(u, outer) - hole * share(u, inner)) / (whole - hole))


def _rho_and_height(body: Body, points_lps_mm: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Distance from the axis and height from the centre of (..., 3) points."""
    axis = unit(body.axis_lps)
    away = points_lps_mm - np.asarray(body.centre_lps_mm)
    t = away @ axis
    return np.asarray(np.linalg.norm(away - t[..., None] * axis, axis=-1)), np.asarray(t)


def _is_along(direction: Vector, axis: Vector) -> bool:
    """Whether a direction is along an axis (or against it) rather than across."""
    cosine = float(unit(direction) @ unit(axis))
    if abs(cosine) <= _ALONG_OR_ACROSS:
        return False
    if np.linalg.norm(np.cross(unit(direction), unit(axis))) <= _ALONG_OR_ACROSS:
        return True
    raise InvalidInput("the closed form holds along the axis of a body and across it")


def _sine(cosine: float) -> float:
    return float(np.sqrt(max(1.0 - cosine**2, 0.0)))


def _check_radii(outer: float, inner: float) -> None:
    if not (0.0 <= inner < outer < np.inf):
        raise InvalidInput("radii must be lengths in mm, the inner one less than the outer")


def _check_height(height: float) -> None:
    if not 0.0 < height < np.inf:
        raise InvalidInput("a height must be a length in mm")


def _check_axis(axis: Vector) -> None:
    if abs(float(np.linalg.norm(axis)) - 1.0) > _UNIT:
        raise InvalidInput("an axis must be a unit vector")
