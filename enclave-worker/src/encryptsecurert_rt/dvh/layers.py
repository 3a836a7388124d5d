"""Integrates layers of cells: the kernel, and one tile of it."""

import ctypes
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from encryptsecurert_rt.dose.grid import DoseGrid
from encryptsecurert_rt.dvh.lattice import Lattice
from encryptsecurert_rt.dvh.solids import Solid
from encryptsecurert_rt.errors import KernelFault
from encryptsecurert_rt.native.library import kernels

FloatArray = npt.NDArray[np.float64]

PAD, TAIL = 2, 8  # of the kernel's dose axis

_doubles = np.ctypeslib.ndpointer(np.float64, flags="C_CONTIGUOUS")
_integers = np.ctypeslib.ndpointer(np.int64, flags="C_CONTIGUOUS")
_count, _real, _pointer = ctypes.c_int64, ctypes.c_double, ctypes.c_void_p


@cache
def _library() -> ctypes.CDLL:
    library = kernels()
    library.esrt_dvh_layer.argtypes = (
        *(_count, _doubles, _count, _doubles, _doubles),
        *(_pointer, _pointer, _doubles, _doubles, _pointer),
        *(_doubles, _integers, _doubles, _doubles),
        *(_real, _real, _count, _doubles, _doubles),
    )
    library.esrt_dvh_layer.restype = ctypes.c_int32
    return library


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseAxis:
    """Points of a histogram: `least_gy` + n `step_gy`, n from 0 to `bins`, at or past `most_gy`."""

    least_gy: float
    most_gy: float
    step_gy: float
    bins: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sums:
    """What a range of layers amounts to.

    Attributes
    ----------
    volume_mm3, covered_mm3 : of the structure, and of its part with dose.
    dose_gy_mm3 : integral of the dose.
    minimum_gy, maximum_gy : of the dose inside; infinite if there is none.
    spline : third differences of the volume below each point of the dose axis, mm3.
    """

    volume_mm3: float
    covered_mm3: float
    dose_gy_mm3: float
    minimum_gy: float
    maximum_gy: float
    spline: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Integration:
    """A solid, the cells over it, and the dose in them.

    Attributes
    ----------
    to_index : float64 (3, 4), from (u, v, w, 1) of the lattice to (i, j, k) of the dose.
    """

    solid: Solid
    lattice: Lattice
    dose: DoseGrid
    to_index: FloatArray
    axis: DoseAxis

    @property
    def shape(self) -> npt.NDArray[np.int64]:
        """Of the dose, (k, j, i)."""
        return np.asarray(self.dose.grid.shape, dtype=np.int64)

    def layers(self, first: int, stop: int) -> Sums:
        """Integrate the layers `first` to `stop` - 1."""
        lattice, axis = self.lattice, self.axis
        spline = np.zeros(axis.bins + TAIL)
        sums = np.array([0.0, 0.0, 0.0, np.inf, -np.inf])
        nodes = np.full((2, len(lattice.v_mm), len(lattice.u_mm)), np.nan)
        above = first
        for number, layer in enumerate(self.solid.layers(lattice, first, stop), start=first):
            if layer is None:
                continue
            nodes[0] = nodes[1] if above == number else np.nan
            nodes[1] = np.nan
            above = number + 1
            code = _library().esrt_dvh_layer(
                *(len(lattice.u_mm), lattice.u_mm, len(lattice.v_mm), lattice.v_mm),
                lattice.w_mm[number : number + 2],
                *(_at(layer.lower), _at(layer.upper)),
                *(np.array(layer.blend), np.array(layer.inset_mm), _at(layer.whole)),
                *(self.to_index, self.shape, self.dose.dose_gy, nodes),
                *(axis.least_gy, axis.step_gy, axis.bins, spline, sums),
            )
            if code != 0:
                raise KernelFault("the histogram kernel refused its arguments")
        volume, covered, integral, minimum, maximum = (float(value) for value in sums)
        return Sums(
            volume_mm3=volume,
            covered_mm3=covered,
            dose_gy_mm3=integral,
            minimum_gy=minimum,
            maximum_gy=maximum,
            spline=spline,
        )


def _at(array: npt.NDArray[np.generic] | None) -> int | None:
    """Return where a C-contiguous array begins; the caller keeps it alive."""
    return None if array is None else array.ctypes.data
