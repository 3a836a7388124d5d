"""The cells that a structure and a dose are integrated over.

Nodes are rectilinear, along the axes of the structure: u and v in its planes, w across them. Where
these axes are parallel to the dose's, planes of voxel centres are planes of nodes, so that the dose
is one trilinear function in each cell, and cells are inside the support or outside. Elsewhere cells
are a quarter of a voxel. Where the structure itself is not smooth are always planes of nodes.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.geometry import ImageGrid

FloatArray = npt.NDArray[np.float64]

MAX_CELLS = 1 << 27  # some ten seconds, a minute if the surface crosses half of them
MAX_LAYER_CELLS = 1 << 21  # of one layer: each thread has some arrays of its nodes, 16 MiB each
MAX_EDGE_WORK = 1 << 31  # edges of all sections, times blocks of nodes of a plane: as long
_BLOCK = 64  # nodes of a block, as in distance.py
_PARALLEL = 1e-8  # of 1 - |cosine|: 0.008 degrees
_MERGE_MM = 1e-3
_COARSER = 1.25
_CELLS_A_VOXEL = 4  # where the axes are not parallel


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lattice:
    """Nodes of cells.

    Attributes
    ----------
    axes : float64 (3, 3); its rows are the unit vectors u, v, w in LPS of the structure's frame, so
        `axes @ point` are a point's coordinates.
    u_mm, v_mm, w_mm : rising coordinates of the nodes, at least two each.
    cell_mm : no cell is longer.
    parallel : whether the dose has the same axes, so that it is trilinear in each cell.
    coarse : whether cells had to be larger than asked for.
    """

    axes: FloatArray
    u_mm: FloatArray
    v_mm: FloatArray
    w_mm: FloatArray
    cell_mm: float
    parallel: bool
    coarse: bool

    @property
    def layers(self) -> int:
        """How many layers of cells there are along w."""
        return len(self.w_mm) - 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Extent:
    """What a structure asks of a lattice.

    Attributes
    ----------
    axes : as of `Lattice`.
    low_mm, high_mm : float64 (3,), corners of a box around the structure along these axes.
    breaks_mm : of each axis, where planes of nodes have to be.
    cell_mm : length of cells that resolves it.
    edges : how many bound its sections, of all planes together.
    """

    axes: FloatArray
    low_mm: FloatArray
    high_mm: FloatArray
    breaks_mm: tuple[FloatArray, FloatArray, FloatArray]
    cell_mm: float
    edges: int = 0


def axes_along(normal_lps: FloatArray, directions: FloatArray) -> FloatArray:
    """Return axes u, v, w (rows) with w along a normal, u and v along a grid's axes if they can be.

    Parameters
    ----------
    normal_lps : unit vector.
    directions : float64 (3, 3), the columns are the unit vectors of a grid's axes.
    """
    cosines = np.abs(normal_lps @ directions)
    along = int(np.argmax(cosines))
    helper = directions[:, (along + 1) % 3]
    u = helper - (helper @ normal_lps) * normal_lps
    u /= np.linalg.norm(u)
    return np.stack((u, np.cross(normal_lps, u), normal_lps))


def parallel_axis(axis: FloatArray, directions: FloatArray) -> int | None:
    """Return which column of `directions` a unit vector is along or against, or None."""
    cosines = np.abs(axis @ directions)
    column = int(np.argmax(cosines))
    return column if cosines[column] > 1.0 - _PARALLEL else None


def lattice_for(extent: Extent, grid: ImageGrid, to_frame: FloatArray) -> Lattice:
    """Lay cells over a structure.

    Parameters
    ----------
    extent : Extent
    grid : of the dose.
    to_frame : float64 (4, 4), from LPS points of the dose's frame of reference to the structure's.

    Raises
    ------
    InvalidInput
        If even the planes that have to be there make too many cells.
    """
    planes = [_dose_planes(axis, grid, to_frame) for axis in extent.axes]
    bases = [_base(extent, axis, planes[axis]) for axis in range(3)]
    if _are_too_many(bases, np.inf, extent.edges):
        raise InvalidInput("a structure is too large for its grid or its dose")
    cell_mm, coarse = extent.cell_mm, False
    parallel = all(plane.size for plane in planes)
    if not parallel:  # cells lie across kinks of the dose, and of its support
        cell_mm = min(cell_mm, min(grid.spacing_mm) / _CELLS_A_VOXEL)
    while _are_too_many(bases, cell_mm, extent.edges):
        cell_mm, coarse = cell_mm * _COARSER, True
    u, v, w = (_subdivide(base, cell_mm) for base in bases)
    return Lattice(
        axes=extent.axes,
        u_mm=u,
        v_mm=v,
        w_mm=w,
        cell_mm=cell_mm,
        parallel=parallel,
        coarse=coarse,
    )


def _are_too_many(bases: list[FloatArray], cell_mm: float, edges: int) -> bool:
    """Whether cells of a length are more than can be integrated, or measured against edges."""
    u, v, w = (float(_counts(base, cell_mm).sum()) for base in bases)
    is_too_wide = u * v > MAX_LAYER_CELLS
    return is_too_wide or u * v * w > MAX_CELLS or u * v / _BLOCK * edges > MAX_EDGE_WORK


def _base(extent: Extent, axis: int, planes: FloatArray) -> FloatArray:
    """Return where nodes have to be along one axis: its ends, breaks, and planes of the dose."""
    low, high = float(extent.low_mm[axis]), float(extent.high_mm[axis])
    own = np.unique(np.concatenate(([low], extent.breaks_mm[axis], [high])))
    planes = planes[(planes > low) & (planes < high)]
    after = np.clip(np.searchsorted(own, planes), 1, len(own) - 1)
    nearest = np.minimum(planes - own[after - 1], own[after] - planes)
    return np.sort(np.concatenate((own, planes[nearest > _MERGE_MM])))


def _dose_planes(axis: FloatArray, grid: ImageGrid, to_frame: FloatArray) -> FloatArray:
    """Return the coordinates of a dose's planes of voxel centres across an axis, if parallel."""
    matrix = to_frame @ grid.ijk_to_lps
    steps_mm = np.linalg.norm(matrix[:3, :3], axis=0)
    column = parallel_axis(axis, matrix[:3, :3] / steps_mm)
    if column is None:
        return np.empty(0)
    count = grid.shape[2 - column]
    return np.asarray(axis @ matrix[:3, 3] + (axis @ matrix[:3, column]) * np.arange(count))


def _counts(base: FloatArray, cell_mm: float) -> FloatArray:
    return np.asarray(np.maximum(np.ceil(np.diff(base) / cell_mm - 1e-9), 1.0))


def _subdivide(base: FloatArray, cell_mm: float) -> FloatArray:
    """Divide each interval into equal parts no longer than a cell."""
    counts = _counts(base, cell_mm).astype(np.int64)
    parts = [
        np.linspace(base[i], base[i + 1], count, endpoint=False) for i, count in enumerate(counts)
    ]
    return np.concatenate((*parts, base[-1:]))
