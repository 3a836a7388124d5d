"""Where the voxels of an image are: shape, spacing, origin and axes in the patient (LPS)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from encryptsecurert_rt.errors import InvalidInput

# Of any scanner and dose grid, with room: a finer or coarser step is an error of whoever wrote it,
# or an attempt to make reaches in voxels, and with them time and memory, grow without bound.
MIN_SPACING_MM, MAX_SPACING_MM = 0.05, 100.0
MAX_ORIGIN_MM = 1e6  # a kilometre: beyond, sums of coordinates lose what is finer than a voxel
_ORTHONORMAL_TOLERANCE = 1e-4  # what DICOM direction cosines of 6 decimals leave


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageGrid:
    """A regular grid of voxels.

    Attributes
    ----------
    shape : (k, j, i) counts.
    spacing_mm : (k, j, i) distances of voxel centres, each 0.05 to 100.
    origin_lps_mm : (x, y, z) of the centre of voxel (0, 0, 0), each -1e6 to 1e6.
    direction : 9 numbers, a row-major 3 x 3 matrix whose columns are the unit vectors of the
        i, j and k axes in LPS (as in ITK); orthonormal, right-handed or left-handed.
    """

    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    origin_lps_mm: tuple[float, float, float]
    direction: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.shape) != 3 or any(n < 1 for n in self.shape):
            raise InvalidInput("shape must be three positive counts")
        if len(self.spacing_mm) != 3 or not all(
            MIN_SPACING_MM <= s <= MAX_SPACING_MM for s in self.spacing_mm
        ):
            raise InvalidInput("spacing must be three lengths from 0.05 to 100 mm")
        if len(self.origin_lps_mm) != 3 or not all(
            abs(x) <= MAX_ORIGIN_MM for x in self.origin_lps_mm
        ):
            raise InvalidInput("origin must be three coordinates within 1e6 mm")
        if len(self.direction) != 9 or not np.isfinite(self.direction).all():
            raise InvalidInput("direction must be nine finite numbers")
        axes = np.asarray(self.direction).reshape(3, 3)
        if np.abs(axes.T @ axes - np.eye(3)).max() > _ORTHONORMAL_TOLERANCE:
            raise InvalidInput("direction must be orthonormal")

    @property
    def voxel_volume_cc(self) -> float:
        """Volume of one voxel in cm3."""
        k, j, i = self.spacing_mm
        return k * j * i / 1000.0

    @property
    def ijk_to_lps(self) -> npt.NDArray[np.float64]:
        """4 x 4 matrix that takes (i, j, k, 1) to (x, y, z, 1) in LPS mm."""
        matrix = np.eye(4)
        k, j, i = self.spacing_mm
        matrix[:3, :3] = np.asarray(self.direction).reshape(3, 3) * (i, j, k)
        matrix[:3, 3] = self.origin_lps_mm
        return matrix
