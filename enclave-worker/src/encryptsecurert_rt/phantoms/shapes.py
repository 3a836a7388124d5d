"""Shapes with a closed form: what part of a voxel they fill, and how much volume they have.

Three kinds suffice for a thorax on axial slices: ellipsoids along the patient's axes, upright
elliptic columns, and upright boxes. Voxels that may lie on a boundary are sampled, `_SAMPLES`
points a side, so that the filled parts add up to the volume of the closed form.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.geometry import ImageGrid

_SAMPLES = 4
_OFFSETS = (np.arange(_SAMPLES) + 0.5) / _SAMPLES - 0.5

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class AxialCells:
    """Voxels of a stack of axial slices.

    Attributes
    ----------
    x_mm, y_mm : float64 (j, i), LPS coordinates of the voxel centres, equal in all slices.
    z_mm : float64 (k,), of the slices.
    step_i_mm, step_j_mm : (x, y) from a voxel to the next along i and along j.
    step_k_mm : distance of slices.
    """

    x_mm: FloatArray
    y_mm: FloatArray
    z_mm: FloatArray
    step_i_mm: tuple[float, float]
    step_j_mm: tuple[float, float]
    step_k_mm: float

    @property
    def shape(self) -> tuple[int, int, int]:
        """Counts (k, j, i)."""
        return self.z_mm.size, self.x_mm.shape[0], self.x_mm.shape[1]


Box = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ellipsoid:
    """An ellipsoid along x, y, z: centre and half axes in LPS mm."""

    centre_lps_mm: tuple[float, float, float]
    half_axes_mm: tuple[float, float, float]

    def __post_init__(self) -> None:
        if not all(0 < a < float("inf") for a in self.half_axes_mm):
            raise InvalidInput("half axes must be positive lengths in mm")

    @property
    def box_mm(self) -> Box:
        """Ranges of x, y and z."""
        x, y, z = (
            (centre - half, centre + half)
            for centre, half in zip(self.centre_lps_mm, self.half_axes_mm, strict=True)
        )
        return x, y, z

    def volume_cc(self, z_from_mm: float, z_to_mm: float) -> float:
        """Volume between two planes of z in cm3: the integral of pi a b (1 - t^2) c dt."""
        a, b, c = self.half_axes_mm
        middle = self.centre_lps_mm[2]
        low, high = (min(max((z - middle) / c, -1.0), 1.0) for z in (z_from_mm, z_to_mm))
        integral = (high - high**3 / 3) - (low - low**3 / 3)
        return float(np.pi) * a * b * c * integral / 1000.0

    def filled(self, cells: AxialCells) -> npt.NDArray[np.float32]:
        """Say what part of each voxel is inside: float32 (k, j, i), 0 to 1."""
        x, y, z = (
            (at - centre) / half
            for at, centre, half in zip(
                (cells.x_mm[None], cells.y_mm[None], cells.z_mm[:, None, None]),
                self.centre_lps_mm,
                self.half_axes_mm,
                strict=True,
            )
        )
        a, b, c = self.half_axes_mm
        step_i = np.array([cells.step_i_mm[0] / a, cells.step_i_mm[1] / b, 0.0])
        step_j = np.array([cells.step_j_mm[0] / a, cells.step_j_mm[1] / b, 0.0])
        step_k = np.array([0.0, 0.0, cells.step_k_mm / c])
        return _sample_unit_ball((x, y, z), (step_i, step_j, step_k))


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """An upright elliptic cylinder: centre and half axes in x, y and its z range, LPS mm."""

    centre_xy_mm: tuple[float, float]
    half_axes_mm: tuple[float, float]
    z_from_mm: float = -np.inf
    z_to_mm: float = np.inf

    def __post_init__(self) -> None:
        if not all(0 < a < float("inf") for a in self.half_axes_mm):
            raise InvalidInput("half axes must be positive lengths in mm")
        if not self.z_from_mm < self.z_to_mm:
            raise InvalidInput("a column must have a height")

    @property
    def box_mm(self) -> Box:
        """Ranges of x, y and z."""
        (x, y), (a, b) = self.centre_xy_mm, self.half_axes_mm
        return (x - a, x + a), (y - b, y + b), (self.z_from_mm, self.z_to_mm)

    def volume_cc(self, z_from_mm: float, z_to_mm: float) -> float:
        """Volume between two planes of z, in cm3."""
        height = min(z_to_mm, self.z_to_mm) - max(z_from_mm, self.z_from_mm)
        return float(np.pi) * self.half_axes_mm[0] * self.half_axes_mm[1] * max(height, 0.0) / 1000

    def filled(self, cells: AxialCells) -> npt.NDArray[np.float32]:
        """Say what part of each voxel is inside: float32 (k, j, i), 0 to 1."""
        (cx, cy), (a, b) = self.centre_xy_mm, self.half_axes_mm
        x, y = (cells.x_mm[None] - cx) / a, (cells.y_mm[None] - cy) / b
        step_i = np.array([cells.step_i_mm[0] / a, cells.step_i_mm[1] / b, 0.0])
        step_j = np.array([cells.step_j_mm[0] / a, cells.step_j_mm[1] / b, 0.0])
        flat = np.zeros((1, 1, 1))
        plane = _sample_unit_ball((x, y, flat), (step_i, step_j, np.zeros(3)))
        height = _overlap(cells.z_mm, cells.step_k_mm, (self.z_from_mm, self.z_to_mm))
        return np.asarray(plane * height[:, None, None].astype(np.float32))


@dataclass(frozen=True, slots=True, kw_only=True)
class Slab:
    """An upright box of any height: x and y ranges in LPS mm."""

    x_range_mm: tuple[float, float]
    y_range_mm: tuple[float, float]

    @property
    def box_mm(self) -> Box:
        """Ranges of x, y and z."""
        return self.x_range_mm, self.y_range_mm, (-np.inf, np.inf)

    def filled(self, cells: AxialCells) -> npt.NDArray[np.float32]:
        """Say what part of each voxel is inside: float32 (k, j, i); exact if rows follow x or y."""
        wide = abs(cells.step_i_mm[0]) + abs(cells.step_j_mm[0])
        tall = abs(cells.step_i_mm[1]) + abs(cells.step_j_mm[1])
        plane = _overlap(cells.x_mm, wide, self.x_range_mm)
        plane = plane * _overlap(cells.y_mm, tall, self.y_range_mm)
        return np.broadcast_to(plane[None].astype(np.float32), (cells.z_mm.size, *cells.x_mm.shape))


Shape = Ellipsoid | Column | Slab


def axial_cells(grid: ImageGrid, slices: slice) -> AxialCells:
    """Take some slices of a grid whose k axis is along z."""
    matrix = grid.ijk_to_lps
    k = np.arange(grid.shape[0], dtype=np.float64)[slices]
    j, i = np.mgrid[0 : grid.shape[1], 0 : grid.shape[2]].astype(np.float64)
    return AxialCells(
        x_mm=matrix[0, 3] + matrix[0, 0] * i + matrix[0, 1] * j,
        y_mm=matrix[1, 3] + matrix[1, 0] * i + matrix[1, 1] * j,
        z_mm=matrix[2, 3] + matrix[2, 2] * k,
        step_i_mm=(matrix[0, 0], matrix[1, 0]),
        step_j_mm=(matrix[0, 1], matrix[1, 1]),
        step_k_mm=grid.spacing_mm[0],
    )


def filled_parts(
    shape: Shape, cells: AxialCells
) -> Iterator[tuple[tuple[slice, slice, slice], npt.NDArray[np.float32]]]:
    """Give the window of voxels that a shape may touch, with their filled parts; or nothing."""
    x_box, y_box, z_box = shape.box_mm
    wide = abs(cells.step_i_mm[0]) + abs(cells.step_j_mm[0])
    tall = abs(cells.step_i_mm[1]) + abs(cells.step_j_mm[1])
    plane = (np.clip(cells.x_mm, x_box[0] - wide, x_box[1] + wide) == cells.x_mm) & (
        np.clip(cells.y_mm, y_box[0] - tall, y_box[1] + tall) == cells.y_mm
    )
    half = cells.step_k_mm / 2
    k = np.flatnonzero((cells.z_mm > z_box[0] - half) & (cells.z_mm < z_box[1] + half))
    j, i = np.flatnonzero(plane.any(axis=1)), np.flatnonzero(plane.any(axis=0))
    if min(k.size, j.size, i.size) == 0:
        return
    window = tuple(slice(int(hit[0]), int(hit[-1]) + 1) for hit in (k, j, i))
    cut = replace(
        cells,
        x_mm=cells.x_mm[window[1], window[2]],
        y_mm=cells.y_mm[window[1], window[2]],
        z_mm=cells.z_mm[window[0]],
    )
    yield (window[0], window[1], window[2]), shape.filled(cut)


def _overlap(centres: FloatArray, width: float, span: tuple[float, float]) -> FloatArray:
    """Part of each interval of `width` around `centres` that lies in `span`."""
    low = np.maximum(centres - width / 2, span[0])
    high = np.minimum(centres + width / 2, span[1])
    return np.asarray(np.clip((high - low) / width, 0.0, 1.0))


def _sample_unit_ball(
    at: tuple[FloatArray, FloatArray, FloatArray],
    steps: tuple[FloatArray, FloatArray, FloatArray],
) -> npt.NDArray[np.float32]:
    """Part of each cell inside the unit ball; the shape's half axes are scaled to 1.

    The distance from the centre is a norm, so by the triangle inequality a cell whose middle is
    further from the surface than its own half diagonal is wholly inside or outside.
    """
    x, y, z = at
    radius = np.sqrt(x**2 + y**2 + z**2)
    reach = max(
        float(np.linalg.norm(0.5 * (i * steps[0] + j * steps[1] + steps[2])))
        for i in (-1, 1)
        for j in (-1, 1)
    )
    fraction = (radius < 1.0).astype(np.float32)
    edge = np.nonzero(np.abs(radius - 1.0) <= reach)
    ex, ey, ez = (np.broadcast_to(axis, radius.shape)[edge] for axis in (x, y, z))
    total = np.zeros(ex.size, np.int32)
    for u in _OFFSETS:
        for v in _OFFSETS:
            for w in _OFFSETS:
                dx, dy, dz = u * steps[0] + v * steps[1] + w * steps[2]
                total += (ex + dx) ** 2 + (ey + dy) ** 2 + (ez + dz) ** 2 < 1.0
    fraction[edge] = total / np.float32(_SAMPLES**3)
    return fraction
