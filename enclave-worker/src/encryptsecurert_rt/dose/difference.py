"""What two doses differ by, point by point: De(r) - Dr(r) at the voxel centres of the reference.

The evaluated dose is interpolated trilinearly at each voxel centre of the reference; outside its
support the difference is NaN, never a difference from zero dose. The sign is always evaluated minus
reference. A percentage says of what: of a stated norm (the reference maximum, a prescription) or
of the local reference dose, which is undefined where that dose is less than 1e-7 of the reference
maximum.
"""

from dataclasses import dataclass
from enum import Enum

import numpy as np

from encryptsecurert_rt.dose.grid import LEAST_NORM_GY, DoseGrid, FloatArray, RigidTransform
from encryptsecurert_rt.dose.sampling import resample_dose
from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.progress import Progress, no_progress

_LEAST_LOCAL = 1e-7  # of the reference maximum: below, a percentage is one of rounding


class DifferenceScale(Enum):
    """In what a difference is told."""

    GY = "Gy"
    PERCENT_OF_REFERENCE_MAXIMUM = "% of reference maximum"
    PERCENT_OF_PRESCRIPTION = "% of prescription"
    PERCENT_OF_LOCAL = "% of local reference dose"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DifferenceMap:
    """The difference of two doses on the grid of the reference.

    Attributes
    ----------
    difference_gy : float64 (k, j, i), evaluated minus reference, Gy; NaN outside the evaluated
        dose's support.
    reference : the reference dose, of the same shape.
    """

    difference_gy: FloatArray
    reference: DoseGrid

    def __post_init__(self) -> None:
        if self.difference_gy.dtype != np.float64:
            raise InvalidInput("a dose difference must be float64")
        if self.difference_gy.shape != self.reference.grid.shape:
            raise InvalidInput("a dose difference must be in the shape of its reference")

    @property
    def outside(self) -> int:
        """How many voxels of the reference lie outside the evaluated dose."""
        return int(np.isnan(self.difference_gy).sum())

    def scaled(self, scale: DifferenceScale, *, prescription_gy: float | None = None) -> FloatArray:
        """Return the difference in Gy or percent, float64 (k, j, i).

        Parameters
        ----------
        scale : DifferenceScale
        prescription_gy : float, optional
            Needed by, and only by, PERCENT_OF_PRESCRIPTION; more than 0.

        Returns
        -------
        FloatArray
            NaN outside, and with PERCENT_OF_LOCAL where there is (nearly) no reference dose.

        Raises
        ------
        InvalidInput
            If the norm is missing, not positive, or given where it has no meaning.
        """
        of_prescription = scale is DifferenceScale.PERCENT_OF_PRESCRIPTION
        if of_prescription != (prescription_gy is not None):
            raise InvalidInput("a prescription is given with percent of prescription only")
        if scale is DifferenceScale.GY:
            return self.difference_gy
        if scale is DifferenceScale.PERCENT_OF_LOCAL:
            local = self.reference.dose_gy
            percent = np.full(local.shape, np.nan)
            least_gy = max(_LEAST_LOCAL * self.reference.maximum_gy, LEAST_NORM_GY)
            np.divide(100.0 * self.difference_gy, local, out=percent, where=local > least_gy)
            return percent
        norm_gy = self.reference.maximum_gy if prescription_gy is None else prescription_gy
        if not LEAST_NORM_GY <= norm_gy < np.inf:
            raise InvalidInput("percent of a norm needs a norm above 0 Gy")
        return np.asarray(self.difference_gy * (100.0 / norm_gy))


def dose_difference(
    reference: DoseGrid,
    evaluated: DoseGrid,
    *,
    reference_to_evaluated: RigidTransform | None = None,
    threads: int = 1,
    progress: Progress = no_progress,
) -> DifferenceMap:
    """Return evaluated minus reference at each voxel centre of the reference.

    Parameters
    ----------
    reference, evaluated : DoseGrid
        The grids may differ in spacing, origin and orientation.
    reference_to_evaluated : RigidTransform, optional
        Takes LPS points of the reference's frame to the evaluated dose's; without it both share
        one frame of reference.
    threads : int
    progress : Progress

    Raises
    ------
    Cancelled
    """
    difference = resample_dose(
        evaluated, reference.grid, reference_to_evaluated, threads=threads, progress=progress
    )
    difference -= reference.dose_gy
    return DifferenceMap(difference_gy=difference, reference=reference)
