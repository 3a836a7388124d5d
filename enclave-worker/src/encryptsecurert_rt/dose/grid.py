"""A dose grid, and how points of one grid lie in another.

The support of a grid is the closed box of its voxel centres. Nothing here extrapolates: what lies
outside the support is NaN to whoever samples, and is counted, never taken for zero dose.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.geometry import ImageGrid

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

MAX_DOSE_GY = 1e9  # beyond any beam: whoever wrote more took another unit, or means harm
LEAST_NORM_GY = 1e-12  # a dose below is none: a quotient by it would say nothing
_RIGID_TOLERANCE = 1e-6
_ROUNDING = 1e-12  # of a dose: what products of float64 leave


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DoseGrid:
    """Absorbed dose at the voxel centres of a regular grid.

    Attributes
    ----------
    dose_gy : float64 (k, j, i), C-contiguous, 0 to 1e9 Gy.
    grid : where the voxels are. An axis with one voxel has no extent: such a dose is a plane, and
        its support is that plane.

    Raises
    ------
    InvalidInput
        If the array is of another shape or type, or holds NaN, a negative dose or one above 1e9 Gy.
    """

    dose_gy: FloatArray
    grid: ImageGrid

    def __post_init__(self) -> None:
        if self.dose_gy.dtype != np.float64 or self.dose_gy.shape != self.grid.shape:
            raise InvalidInput("dose must be float64 in the shape of its grid")
        if not self.dose_gy.flags.c_contiguous:
            raise InvalidInput("dose must be C-contiguous")
        # min and max carry NaN along, and make no copy of the array.
        least, most = float(self.dose_gy.min()), float(self.dose_gy.max())
        if not (np.isfinite(least) and np.isfinite(most)):
            raise InvalidInput("dose must be finite")
        if least < 0.0:
            raise InvalidInput("dose must not be negative")
        if most > MAX_DOSE_GY:
            raise InvalidInput("dose must be at most 1e9 Gy")

    @property
    def maximum_gy(self) -> float:
        """The largest dose at a voxel centre, Gy; with trilinear interpolation, of the support."""
        return float(self.dose_gy.max())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RigidTransform:
    """A rigid motion of LPS points between two frames of reference, in mm.

    Attributes
    ----------
    matrix : float64 (4, 4); takes (x, y, z, 1) of the one frame to the other; its 3 x 3 part is
        orthonormal with determinant 1, its last row 0 0 0 1.

    Raises
    ------
    InvalidInput
        If it is not rigid: distances in mm, and with them gamma, would mean nothing.
    """

    matrix: FloatArray

    def __post_init__(self) -> None:
        if self.matrix.shape != (4, 4) or not np.isfinite(self.matrix).all():
            raise InvalidInput("a transform must be a finite 4 x 4 matrix")
        turn = self.matrix[:3, :3]
        off = np.abs(turn.T @ turn - np.eye(3)).max()
        if off > _RIGID_TOLERANCE or np.linalg.det(turn) < 0.0:
            raise InvalidInput("a transform between dose grids must be rigid")
        if not np.array_equal(self.matrix[3], (0.0, 0.0, 0.0, 1.0)):
            raise InvalidInput("the last row of a transform must be 0 0 0 1")

    @classmethod
    def identity(cls) -> "RigidTransform":
        """Return the transform between grids of the same frame of reference."""
        return cls(matrix=np.eye(4))


def cutoff_dose_gy(percent: float, norm_gy: float) -> float:
    """Return the least dose that is at or above a percentage of a norm, Gy.

    Rounding is on the side of the dose: 0.7 Gy are 10 % of 7 Gy, though 0.1 x 7 is above 0.7 in
    float64, and so is a stored dose of a tenth of the largest one.
    """
    return percent / 100.0 * norm_gy * (1.0 - _ROUNDING)


def index_map(
    source: ImageGrid, target: ImageGrid, source_to_target: RigidTransform | None = None
) -> FloatArray:
    """Return the 4 x 4 matrix from (i, j, k, 1) of `source` to continuous (i, j, k, 1) of `target`.

    Parameters
    ----------
    source, target : ImageGrid
    source_to_target : RigidTransform, optional
        Takes LPS points of the source's frame to the target's; without it both share a frame.
    """
    to_lps = source.ijk_to_lps
    if source_to_target is not None:
        to_lps = source_to_target.matrix @ to_lps
    return np.asarray(np.linalg.inv(target.ijk_to_lps) @ to_lps)
