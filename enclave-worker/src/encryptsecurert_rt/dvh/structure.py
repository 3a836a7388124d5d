"""What a structure may be made of, and what may be odd about one."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum, unique

import numpy as np
import numpy.typing as npt

from encryptsecurert_rt.dvh.contours import ContourStructure
from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.geometry import MAX_ORIGIN_MM, ImageGrid

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


@unique
class StructureWarning(StrEnum):
    """What whoever reads a number of a structure has to know; the values are fixed words."""

    PARTLY_OUTSIDE_DOSE = (
        "partly outside dose"  # less than 99.5 % has dose: the rest is not counted
    )
    OUTSIDE_DOSE = "outside dose"  # nothing of it has dose: there is no DVH
    AMBIGUOUS_OVERLAP = (
        "ambiguous overlap"  # rings of a plane overlap without one holding the other
    )
    GAP = "gap between planes"  # more than 1.5 spacings apart: it ends on both sides
    THICKNESS_ASSUMED = "thickness assumed"  # one plane only: as thick as a slice of the dose
    DEGENERATE_CONTOUR = "contour without area"  # a contour whose points are on a line is left out
    COARSE_CELLS = "coarse cells"  # too large for cells as fine as wished


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MaskStructure:
    """A structure that is the union of voxels, each a box around its centre.

    Its surface is that of the mask at 0.5 without smoothing, so its volume is the number of voxels
    times the volume of one, and nothing of a structure one voxel thin is lost.

    Attributes
    ----------
    mask : bool (k, j, i), at least one voxel.
    grid : of the mask; it need not be the dose's.
    """

    mask: BoolArray
    grid: ImageGrid

    def __post_init__(self) -> None:
        if self.mask.dtype != np.bool_ or self.mask.shape != self.grid.shape:
            raise InvalidInput("a mask must be bool in the shape of its grid")
        if not self.mask.any():
            raise InvalidInput("a mask has no voxels")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LevelStructure:
    """A structure known by its signed distance: what is exact, to test the rest against.

    Attributes
    ----------
    level_mm : takes float64 (..., 3) LPS points to their signed distance (...), negative inside.
    low_lps_mm, high_lps_mm : corners of a box that holds the structure.
    size_mm : least radius or thickness; cells are a sixteenth of it.
    """

    level_mm: Callable[[FloatArray], FloatArray]
    low_lps_mm: FloatArray
    high_lps_mm: FloatArray
    size_mm: float

    def __post_init__(self) -> None:
        low, high = self.low_lps_mm, self.high_lps_mm
        if low.shape != (3,) or high.shape != (3,) or not (low < high).all():
            raise InvalidInput("a box must have a low and a high corner")
        if max(np.abs(low).max(), np.abs(high).max()) > MAX_ORIGIN_MM or not self.size_mm > 0.0:
            raise InvalidInput("a box must be within 1e6 mm, and a size a length in mm")


Structure = ContourStructure | MaskStructure | LevelStructure
