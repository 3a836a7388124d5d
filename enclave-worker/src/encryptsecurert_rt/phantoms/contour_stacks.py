"""Planar contours of bodies with closed forms, as a planning system would have drawn them.

Planes are axial (constant z), a slice spacing apart. A body's axis is along z or lies in the plane,
so that every section has a closed form too: circle, annulus, rectangle, or a branch of a hyperbola.
Points lie on the true section; between them a ring runs straight, so a circle of n points loses
about 6.6 / n^2 of its area.
"""

from dataclasses import dataclass
from enum import Enum
from typing import assert_never

import numpy as np
import numpy.typing as npt

from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.phantoms.bodies import Cone, Cylinder, Sphere, unit

FloatArray = npt.NDArray[np.float64]

_IN_PLANE = 1e-9
_MIN_HALF_WIDTH_MM = 1e-6  # what is thinner is a point or a line: no contour


class HoleStyle(Enum):
    """How a hole is drawn in a plane."""

    NESTED = "nested"  # a second ring inside the first
    KEYHOLE = "keyhole"  # one ring, which goes in and out along the same line


@dataclass(frozen=True, slots=True, kw_only=True)
class StackOptions:
    """Where the planes are and how rings are drawn.

    Attributes
    ----------
    slice_spacing_mm : distance of planes.
    points : of a whole circle; other curves have about as many.
    first_plane : how far the first plane is above the lower end of the body, in slice spacings,
        0 to 1. With 0.5 and a height of whole slices, slabs of half a slice around each plane
        cover the body exactly.
    holes : HoleStyle
    gap_mm : z range without contours, from the centre of the body, both ends left out; or None.
    """

    slice_spacing_mm: float
    points: int = 256
    first_plane: float = 0.5
    holes: HoleStyle = HoleStyle.NESTED
    gap_mm: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if not 0.0 < self.slice_spacing_mm < np.inf:
            raise InvalidInput("slice spacing must be a length in mm")
        if self.points < 8:
            raise InvalidInput("a ring needs at least 8 points")
        if not 0.0 <= self.first_plane <= 1.0:
            raise InvalidInput("the first plane must be 0 to 1 slice spacings above the end")


def plane_heights_mm(body: Sphere | Cylinder | Cone, options: StackOptions) -> FloatArray:
    """Return the z of all planes from the centre of the body, rising; those of the gap are out."""
    low, high = body.reach_mm((0.0, 0.0, 1.0))
    first = low + options.first_plane * options.slice_spacing_mm
    count = int(np.floor((high - first) / options.slice_spacing_mm + 1e-9)) + 1
    heights = first + options.slice_spacing_mm * np.arange(max(count, 0))
    if options.gap_mm is not None:
        start, end = options.gap_mm
        heights = heights[(heights <= start) | (heights >= end)]
    return np.asarray(heights)


def contour_stack(body: Sphere | Cylinder | Cone, options: StackOptions) -> tuple[FloatArray, ...]:
    """Return the rings of a body: float64 (n, 3) LPS mm each, open (the last joins the first).

    Planes rise; in a plane the outer ring comes before its hole. Planes that only touch the body
    have no ring.

    Raises
    ------
    InvalidInput
        If the axis of the body is neither along z nor in the plane.
    """
    along_z, frame = _frame(body)
    rings: list[FloatArray] = []
    for z in plane_heights_mm(body, options):
        flat = _section(body, float(z), options.points, along_z=along_z)
        if options.holes is HoleStyle.KEYHOLE and len(flat) == 2 and _is_hole(flat):
            flat = [_keyhole(*flat)]
        for ring in flat:
            local = np.column_stack((ring, np.full(len(ring), z)))
            rings.append(np.asarray(body.centre_lps_mm) + local @ frame)
    return tuple(rings)


def _frame(body: Sphere | Cylinder | Cone) -> tuple[bool, FloatArray]:
    """Say whether the axis is along z, and give the rows: axis in plane (or x), across it, z."""
    axis = unit(body.axis_lps)
    if isinstance(body, Sphere) or np.hypot(axis[0], axis[1]) <= _IN_PLANE:
        return True, np.eye(3)
    if abs(axis[2]) > _IN_PLANE:
        raise InvalidInput("the axis of a contoured body must be along z or in the plane")
    z = np.array((0.0, 0.0, 1.0))
    return False, np.stack((axis, np.cross(z, axis), z))


def _section(
    body: Sphere | Cylinder | Cone, z: float, points: int, *, along_z: bool
) -> list[FloatArray]:
    """Give the rings of the section at height z: (n, 2), along the axis in plane and across it."""
    match body:
        case Sphere():
            return _circles(
                _half_chord(body.radius_mm, z), _half_chord(body.inner_radius_mm, z), points
            )
        case Cylinder():
            if along_z:
                return _circles(body.radius_mm, body.inner_radius_mm, points)
            outer, inner = _half_chord(body.radius_mm, z), _half_chord(body.inner_radius_mm, z)
            return _strips(body.height_mm / 2, outer, inner)
        case Cone():
            if along_z:
                upward = body.axis_lps[2] > 0.0
                share = 0.5 - (z if upward else -z) / body.height_mm
                return _circles(body.radius_mm * share, 0.0, points)
            return _hyperbola(body, abs(z), points)
        case _:
            assert_never(body)


def _half_chord(radius: float, height: float) -> float:
    return float(np.sqrt(max(radius**2 - height**2, 0.0)))


def _circles(outer: float, inner: float, points: int) -> list[FloatArray]:
    angle = 2.0 * np.pi * np.arange(points) / points
    circle = np.column_stack((np.cos(angle), np.sin(angle)))
    return [circle * radius for radius in (outer, inner) if radius > _MIN_HALF_WIDTH_MM]


def _strips(half_length: float, outer: float, inner: float) -> list[FloatArray]:
    """Give one rectangle, or two with the bore of a tube between them."""
    if outer <= _MIN_HALF_WIDTH_MM:
        return []
    spans = [(-outer, -inner), (inner, outer)] if inner > _MIN_HALF_WIDTH_MM else [(-outer, outer)]
    a = half_length
    return [np.array([(-a, low), (a, low), (a, high), (-a, high)]) for low, high in spans]


def _hyperbola(body: Cone, z: float, points: int) -> list[FloatArray]:
    """Give the section of a lying cone: r^2 - x^2 = z^2 for r from |z| to R, closed by the base."""
    radius, height = body.radius_mm, body.height_mm
    if radius - z <= _MIN_HALF_WIDTH_MM:
        return []
    if z <= _MIN_HALF_WIDTH_MM:
        across = np.array((-radius, 0.0, radius))
        rho = np.abs(across)
    else:
        # cosh and sinh put points where the curve bends, near its vertex; odd, to have the vertex.
        turn = np.arccosh(radius / z) * np.linspace(-1.0, 1.0, points | 1)
        across, rho = z * np.sinh(turn), z * np.cosh(turn)
    return [np.column_stack((height * (0.5 - rho / radius), across))]


def _is_hole(rings: list[FloatArray]) -> bool:
    """Whether the second ring lies in the first: circles do, the strips of a lying tube do not."""
    return bool(np.abs(rings[1]).max() < np.abs(rings[0]).max())


def _keyhole(outer: FloatArray, inner: FloatArray) -> FloatArray:
    """Join a ring and its hole by a bridge of no width, walked twice."""
    return np.concatenate((outer, outer[:1], inner[:1], inner[:0:-1], inner[:1]))
