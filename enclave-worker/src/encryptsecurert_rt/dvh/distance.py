"""Signed distances to regions of a plane that straight edges bound: the kernel, and its blocks."""

import ctypes
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from encryptsecurert_rt.errors import KernelFault
from encryptsecurert_rt.native.library import kernels

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

BLOCK_NODES = 8  # SIDE of the kernel

_doubles = np.ctypeslib.ndpointer(np.float64, flags="C_CONTIGUOUS")
_octets = np.ctypeslib.ndpointer(np.uint8, flags="C_CONTIGUOUS")
_count = ctypes.c_int64


@cache
def _library() -> ctypes.CDLL:
    library = kernels()
    library.esrt_polygon_points.argtypes = (_count, _doubles, _count, _doubles, _doubles)
    library.esrt_polygon_points.restype = ctypes.c_int32
    library.esrt_polygon_nodes.argtypes = (
        *(_count, _doubles, _count, _doubles, _count, _doubles),
        *(_doubles, _octets, _doubles),
    )
    library.esrt_polygon_nodes.restype = ctypes.c_int32
    return library


def polygon_points(edges_mm: FloatArray, points_mm: FloatArray) -> FloatArray:
    """Return the signed distances (n,) of points (n, 2) to the region within edges.

    Parameters
    ----------
    edges_mm : float64 (m, 4), x0 y0 x1 y1, m >= 1, in any order; even-odd rule.
    points_mm : float64 (n, 2), C-contiguous.
    """
    out = np.empty(len(points_mm))
    code = _library().esrt_polygon_points(len(edges_mm), edges_mm, len(points_mm), points_mm, out)
    _check(code)
    return out


def grid_distances(
    edges_mm: FloatArray, u_mm: FloatArray, v_mm: FloatArray, exact: BoolArray | None = None
) -> FloatArray:
    """Return the signed distances (v, u) of the nodes of a grid.

    Parameters
    ----------
    edges_mm : as in `polygon_points`.
    u_mm, v_mm : rising coordinates of the nodes.
    exact : of each block of `Blocks`, False where the distance of its centre does for all of its
        nodes. Without it all are exact.
    """
    blocks = Blocks.of(u_mm, v_mm)
    if blocks.count <= BLOCK_NODES:
        coarse = polygon_points(edges_mm, blocks.centres_mm)
    else:  # centres of blocks are nodes of a coarser grid
        coarse = grid_distances(edges_mm, blocks.u_mm, blocks.v_mm).ravel()
    flags = np.ones(blocks.count, np.uint8) if exact is None else exact.view(np.uint8)
    out = np.empty((len(v_mm), len(u_mm)))
    code = _library().esrt_polygon_nodes(
        *(len(edges_mm), edges_mm, len(u_mm), u_mm, len(v_mm), v_mm),
        *(coarse, flags, out),
    )
    _check(code)
    return out


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Blocks:
    """The blocks of nodes that the kernel takes together, those along u first.

    Attributes
    ----------
    u_mm, v_mm : of their centres.
    reach_mm : how far (n,) their nodes are from their centres.
    """

    u_mm: FloatArray
    v_mm: FloatArray
    reach_mm: FloatArray

    @classmethod
    def of(cls, u_mm: FloatArray, v_mm: FloatArray) -> "Blocks":
        """Divide a grid."""
        (u, across), (v, along) = _middles(u_mm), _middles(v_mm)
        reach = np.hypot(across[None, :], along[:, None]).ravel()
        return cls(u_mm=u, v_mm=v, reach_mm=reach)

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.u_mm) * len(self.v_mm)

    @property
    def centres_mm(self) -> FloatArray:
        """Of all blocks, (n, 2)."""
        centres = np.stack(np.meshgrid(self.u_mm, self.v_mm), axis=-1)
        return np.ascontiguousarray(centres.reshape(-1, 2))


def _middles(nodes_mm: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Middles of the first and last node of each block, and half their distances."""
    first = nodes_mm[::BLOCK_NODES]
    ends = np.minimum(np.arange(1, len(first) + 1) * BLOCK_NODES, len(nodes_mm)) - 1
    last = nodes_mm[ends]
    return 0.5 * (first + last), 0.5 * (last - first)


def _check(code: int) -> None:
    if code != 0:
        raise KernelFault("the distance kernel refused its arguments or had no memory")
