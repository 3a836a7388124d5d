"""Structures as the integration sees them: an extent, and layers of cells inside or not."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from encryptsecurert_rt.dose.grid import RigidTransform
from encryptsecurert_rt.dvh.lattice import Extent, Lattice
from encryptsecurert_rt.dvh.structure import LevelStructure, MaskStructure, StructureWarning
from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.geometry import ImageGrid

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

MIN_CELL_MM = 0.2
_CELLS_A_RADIUS = 40  # of what is to be exact


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layer:
    """What of one layer of cells is inside: by two sections, or cell by cell.

    Attributes
    ----------
    lower, upper : float64 (v, u), levels at nodes, negative inside; or None.
    blend : share of `upper` in the level at the nodes below and above; the rest is of `lower`.
    inset_mm : what is added to the level there, not negative.
    whole : bool (v - 1, u - 1), True where a cell is inside; instead of levels.
    """

    lower: FloatArray | None = None
    upper: FloatArray | None = None
    blend: tuple[float, float] = (0.0, 1.0)
    inset_mm: tuple[float, float] = (0.0, 0.0)
    whole: BoolArray | None = None


class Solid(Protocol):
    """A structure made ready to be integrated over."""

    @property
    def extent(self) -> Extent:
        """What it asks of a lattice."""

    @property
    def warnings(self) -> frozenset[StructureWarning]:
        """What is odd about it."""

    def corners_mm(self) -> FloatArray:
        """Return points (n, 3) of it in its frame that stick out, if it knows any."""

    def layers(self, lattice: Lattice, first: int, stop: int) -> Iterator[Layer | None]:
        """Give the layers `first` to `stop`; None where nothing is inside."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VoxelSolid:
    """The voxels of a mask as boxes; u, v, w are i, j, k of its grid."""

    mask: BoolArray
    extent: Extent
    warnings: frozenset[StructureWarning] = frozenset()

    @classmethod
    def of(cls, structure: MaskStructure, dose_step_mm: float) -> "VoxelSolid":
        """Prepare a mask for a dose of some spacing."""
        mask, grid = structure.mask, structure.grid
        axes = grid_directions(grid, np.eye(4)).T
        start = axes @ np.asarray(grid.origin_lps_mm)
        faces: list[FloatArray] = []
        for axis in range(3):
            inside = np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {2 - axis})))
            steps = np.arange(inside[0], inside[-1] + 2) - 0.5
            faces.append(np.asarray(start[axis] + steps * grid.spacing_mm[2 - axis]))
        extent = Extent(
            axes=axes,
            low_mm=np.array([face[0] for face in faces]),
            high_mm=np.array([face[-1] for face in faces]),
            breaks_mm=(faces[0], faces[1], faces[2]),
            cell_mm=max(dose_step_mm, MIN_CELL_MM),
        )
        return cls(mask=mask[_box(mask)], extent=extent)

    def corners_mm(self) -> FloatArray:
        """Return no point: corners of voxels are nodes."""
        return np.empty((0, 3))

    def layers(self, lattice: Lattice, first: int, stop: int) -> Iterator[Layer | None]:
        """Give the layers `first` to `stop`; None where nothing is inside."""
        u, v, w = (
            _cells_of(nodes, faces)
            for nodes, faces in zip(
                (lattice.u_mm, lattice.v_mm, lattice.w_mm), self.extent.breaks_mm, strict=True
            )
        )
        for layer in range(first, stop):
            plane = self.mask[w[layer]]
            if plane.any():
                yield Layer(whole=np.ascontiguousarray(plane[v][:, u]))
            else:
                yield None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LevelSolid:
    """A structure with a signed distance, along the axes of the dose."""

    structure: LevelStructure
    extent: Extent
    warnings: frozenset[StructureWarning] = frozenset()

    @classmethod
    def of(
        cls, structure: LevelStructure, directions: FloatArray, dose_step_mm: float
    ) -> "LevelSolid":
        """Prepare it for a dose whose axes are the columns of `directions` in its frame."""
        axes = directions.T
        low, high = structure.low_lps_mm, structure.high_lps_mm
        corners = np.stack(np.meshgrid(*zip(low, high, strict=True)), axis=-1).reshape(-1, 3)
        reach = corners @ axes.T
        extent = Extent(
            axes=axes,
            low_mm=reach.min(axis=0),
            high_mm=reach.max(axis=0),
            breaks_mm=(np.empty(0), np.empty(0), np.empty(0)),
            cell_mm=max(min(dose_step_mm, structure.size_mm / _CELLS_A_RADIUS), MIN_CELL_MM),
        )
        return cls(structure=structure, extent=extent)

    def corners_mm(self) -> FloatArray:
        """Return no point: a signed distance knows none."""
        return np.empty((0, 3))

    def layers(self, lattice: Lattice, first: int, stop: int) -> Iterator[Layer | None]:
        """Give the layers `first` to `stop`; None where nothing is inside."""
        below = self._plane(lattice, first)
        for layer in range(first, stop):
            above = self._plane(lattice, layer + 1)
            yield Layer(lower=below, upper=above)
            below = above

    def _plane(self, lattice: Lattice, node: int) -> FloatArray:
        u, v = np.meshgrid(lattice.u_mm, lattice.v_mm)
        points = np.stack((u, v, np.full_like(u, lattice.w_mm[node])), axis=-1) @ lattice.axes
        level = np.asarray(self.structure.level_mm(points), dtype=np.float64)
        if level.shape != u.shape or not np.isfinite(level).all():
            raise InvalidInput("a signed distance must be one finite number a point")
        return level


def inverse_of(transform: RigidTransform | None) -> FloatArray:
    """Return the 4 x 4 matrix of the inverse of a transform; without one, the identity."""
    matrix = (transform or RigidTransform.identity()).matrix
    inverse = np.eye(4)
    inverse[:3, :3] = matrix[:3, :3].T
    inverse[:3, 3] = -matrix[:3, :3].T @ matrix[:3, 3]
    return inverse


def grid_directions(grid: ImageGrid, to_frame: FloatArray) -> FloatArray:
    """Return the axes of a grid as columns in another frame of reference.

    Those of a grid are orthonormal to 1e-4; these, the nearest that are so exactly.
    """
    columns = to_frame[:3, :3] @ np.asarray(grid.direction).reshape(3, 3)
    left, _, right = np.linalg.svd(columns)
    return np.asarray(left @ right)


def _box(mask: BoolArray) -> tuple[slice, slice, slice]:
    spans = []
    for axis in range(3):
        inside = np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {axis})))
        spans.append(slice(int(inside[0]), int(inside[-1]) + 1))
    return spans[0], spans[1], spans[2]


def _cells_of(nodes: FloatArray, faces: FloatArray) -> npt.NDArray[np.intp]:
    """Return in which interval of `faces` each cell between nodes is."""
    return np.searchsorted(faces, 0.5 * (nodes[1:] + nodes[:-1])) - 1
