"""Which voxels of a grid have their centre inside a structure."""

import numpy as np
import numpy.typing as npt

from encryptsecurert_rt.dose.grid import RigidTransform, index_map
from encryptsecurert_rt.dvh.contours import ContourStructure
from encryptsecurert_rt.dvh.lattice import parallel_axis
from encryptsecurert_rt.dvh.solids import grid_directions, inverse_of
from encryptsecurert_rt.dvh.stack import ContourSolid, Measured
from encryptsecurert_rt.dvh.structure import LevelStructure, MaskStructure, Structure
from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.geometry import ImageGrid

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

MAX_OBLIQUE_WORK = 1 << 35  # voxels times edges of the sections they lie between: a minute
_ON_END_MM = 1e-6  # a structure is closed: centres on its surface are inside


def structure_mask(
    structure: Structure, grid: ImageGrid, *, structure_to_grid: RigidTransform | None = None
) -> BoolArray:
    """Return a mask, bool (k, j, i), of the voxels of a grid whose centre is inside a structure.

    Parameters
    ----------
    structure : ContourStructure, MaskStructure or LevelStructure
        As `compute_dvh` sees it: sections blended between planes, ends as its `end_caps` say. A
        contour structure of one plane is as thick as the grid's slices.
    grid : ImageGrid
    structure_to_grid : RigidTransform, optional
        Takes LPS points of the structure's frame of reference to the grid's.

    Raises
    ------
    InvalidInput
        If the structure encloses no area, or has too many edges for as many voxels.
    """
    to_frame = inverse_of(structure_to_grid)
    match structure:
        case ContourStructure():
            directions = grid_directions(grid, to_frame)
            k, j, i = grid.spacing_mm
            solid = ContourSolid.of(structure, directions, np.array((i, j, k)))
            matrix = to_frame @ grid.ijk_to_lps
            columns = [parallel_axis(axis, directions) for axis in solid.extent.axes]
            if None in columns:
                return _of_contours_obliquely(solid, grid, matrix)
            return _of_contours(solid, grid, matrix, [column or 0 for column in columns])
        case MaskStructure():
            to_mask = index_map(grid, structure.grid, RigidTransform(matrix=to_frame))
            return _of_mask(structure, grid, to_mask)
        case _:
            return _of_level(structure, grid, to_frame @ grid.ijk_to_lps)


def _of_contours(
    solid: ContourSolid, grid: ImageGrid, matrix: FloatArray, columns: list[int]
) -> BoolArray:
    """Where u, v and w are axes of the grid: plane by plane."""
    numbers, nodes = [], []
    for axis, column in enumerate(columns):
        row = solid.extent.axes[axis]
        step = float(row @ matrix[:3, column])
        at_mm = row @ matrix[:3, 3] + step * np.arange(grid.shape[2 - column])
        low, high = solid.extent.low_mm[axis], solid.extent.high_mm[axis]
        near = np.flatnonzero((at_mm >= low - _ON_END_MM) & (at_mm <= high + _ON_END_MM))
        near = near if step > 0.0 else near[::-1]
        numbers.append(near)
        nodes.append(np.ascontiguousarray(at_mm[near]))
    mask = np.zeros(grid.shape, np.bool_)
    if not all(len(near) for near in numbers):
        return mask
    measured = Measured(solid, nodes[0], nodes[1])
    inside = np.zeros((len(nodes[2]), len(nodes[1]), len(nodes[0])), np.bool_)
    for plane, height in enumerate(nodes[2]):
        span = solid.span_at(float(height), _ON_END_MM)
        if span is not None:
            lower, upper = measured.section(span.lower), measured.section(span.upper)
            inside[plane] = span.level(lower, upper, float(height)) <= 0.0
    # Axis a of the structure is axis 2 - a of `inside`, and axis 2 - columns[a] of the grid's.
    order = [2 - columns.index(column) for column in (2, 1, 0)]
    box = np.ix_(*(np.asarray(numbers[columns.index(column)]) for column in (2, 1, 0)))
    mask[box] = inside.transpose(order)
    return mask


def _of_contours_obliquely(solid: ContourSolid, grid: ImageGrid, matrix: FloatArray) -> BoolArray:
    """Where no axis fits: point by point, a plane of the grid at a time."""
    mask = np.zeros(grid.shape, np.bool_)
    low, high = solid.extent.low_mm - _ON_END_MM, solid.extent.high_mm + _ON_END_MM
    edges = [sum(len(m) for part in section.parts for m in part) for section in solid.sections]
    work = 0
    for k in range(grid.shape[0]):
        points = _plane_of(grid, matrix, k) @ solid.extent.axes.T
        near = np.flatnonzero(((points >= low) & (points <= high)).all(axis=1))
        inside = np.zeros(len(points), np.bool_)
        for span in solid.spans:
            heights = points[near, 2]
            here = near[
                (heights >= span.low_mm - _ON_END_MM) & (heights <= span.high_mm + _ON_END_MM)
            ]
            if here.size:
                work += here.size * (edges[span.lower] + edges[span.upper])
                if work > MAX_OBLIQUE_WORK:
                    raise InvalidInput("a structure is too large for its grid or its dose")
                flat = np.ascontiguousarray(points[here, :2])
                lower = solid.sections[span.lower].at_points(flat)
                upper = solid.sections[span.upper].at_points(flat)
                inside[here] |= span.level(lower, upper, points[here, 2]) <= 0.0
        mask[k] = inside.reshape(grid.shape[1:])
    return mask


def _of_mask(structure: MaskStructure, grid: ImageGrid, to_mask: FloatArray) -> BoolArray:
    mask = np.zeros(grid.shape, np.bool_)
    shape = np.array(structure.grid.shape[::-1])
    for k in range(grid.shape[0]):
        i, j, kk = np.floor(_plane_of(grid, to_mask, k) + 0.5).astype(np.int64).T
        there = (i >= 0) & (j >= 0) & (kk >= 0) & (i < shape[0]) & (j < shape[1]) & (kk < shape[2])
        plane = np.zeros(len(i), np.bool_)
        plane[there] = structure.mask[kk[there], j[there], i[there]]
        mask[k] = plane.reshape(grid.shape[1:])
    return mask


def _of_level(structure: LevelStructure, grid: ImageGrid, matrix: FloatArray) -> BoolArray:
    mask = np.zeros(grid.shape, np.bool_)
    for k in range(grid.shape[0]):
        level = structure.level_mm(_plane_of(grid, matrix, k))
        mask[k] = (level <= 0.0).reshape(grid.shape[1:])
    return mask


def _plane_of(grid: ImageGrid, matrix: FloatArray, k: int) -> FloatArray:
    """Return the voxel centres (n, 3) of plane k, j slowest, through a matrix from (i, j, k, 1)."""
    i = np.arange(grid.shape[2])[None, :, None] * matrix[:3, 0]
    j = np.arange(grid.shape[1])[:, None, None] * matrix[:3, 1]
    return np.asarray(i + j + (matrix[:3, 2] * k + matrix[:3, 3])).reshape(-1, 3)
