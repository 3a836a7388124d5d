"""Where the voxels of a CT or a mask are: a regular grid in LPS, checked once.

>>> VoxelGrid(
...     shape=(40, 512, 512), spacing_mm=(3.0, 0.9, 0.9), origin_lps_mm=(-230.4, -230.4, 12.0),
...     direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
... ).voxels
10485760
"""

import math
from dataclasses import dataclass

import numpy as np

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode

Vector = tuple[float, float, float]
Counts = tuple[int, int, int]
_UNIT_TOLERANCE = 1e-4  # the worker's: what direction cosines of 6 decimals leave


@dataclass(frozen=True, slots=True, kw_only=True)
class VoxelGrid:
    """A regular, right-handed grid.

    Attributes
    ----------
    shape : (k, j, i) counts, each at least 1.
    spacing_mm : (k, j, i) distances of voxel centres.
    origin_lps_mm : (x, y, z) of the centre of voxel (0, 0, 0).
    direction : 9 numbers, row-major 3 x 3; the columns are the axes i, j, k in LPS.

    Raises
    ------
    EncryptSecureRTError
        E_GEOMETRY if the numbers are no such grid.
    """

    shape: Counts
    spacing_mm: Vector
    origin_lps_mm: Vector
    direction: tuple[float, ...]

    def __post_init__(self) -> None:
        numbers = (*self.spacing_mm, *self.origin_lps_mm, *self.direction)
        if len(self.shape) != 3 or len(numbers) != 15 or not all(map(math.isfinite, numbers)):
            raise EncryptSecureRTError(ErrorCode.E_GEOMETRY)
        if min(self.shape) < 1 or min(self.spacing_mm) <= 0:
            raise EncryptSecureRTError(ErrorCode.E_GEOMETRY)
        axes = np.reshape(self.direction, (3, 3))
        if np.abs(axes.T @ axes - np.eye(3)).max() > _UNIT_TOLERANCE:
            raise EncryptSecureRTError(ErrorCode.E_GEOMETRY, "the axes are sheared or no unit axes")
        if np.linalg.det(axes) < 0:
            raise EncryptSecureRTError(ErrorCode.E_GEOMETRY, "the axes are left-handed")

    @property
    def voxels(self) -> int:
        """Count of voxels."""
        return math.prod(self.shape)
