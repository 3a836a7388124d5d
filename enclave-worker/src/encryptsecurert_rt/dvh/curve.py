"""The dose-volume histogram of a structure."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from encryptsecurert_rt.dvh.histogram import PointHistogram
from encryptsecurert_rt.dvh.radiobiology import geud_of_histogram_gy
from encryptsecurert_rt.dvh.structure import StructureWarning
from encryptsecurert_rt.errors import InvalidInput

FloatArray = npt.NDArray[np.float64]

NEAR_MAXIMUM_CC = 0.03
_ON_EDGE = 1e-9  # of an interval


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dvh:
    """How the dose, trilinear between voxel centres, is spread over a structure.

    All but `volume_cc` is of the part of the structure inside the support of the dose. If nothing
    of it is, doses and volumes with a dose are NaN or None, never 0.

    Attributes
    ----------
    volume_cc : of the whole structure.
    covered_fraction : share of it inside the support, 0 to 1.
    minimum_gy, maximum_gy : infimum and supremum of the dose over the structure.
    mean_gy : integral of the dose over it, by its volume.
    cumulative : V(d) at points at most `step_gy` apart from the least dose to the greatest, and at
        0 Gy; exact there, straight lines between. None if nothing has dose.
    step_gy : at most 0.01, unless doses are beyond 2600 Gy.
    cell_mm : no cell of the integration was longer.
    warnings : StructureWarning, in the order of their values.
    """

    volume_cc: float
    covered_fraction: float
    minimum_gy: float
    maximum_gy: float
    mean_gy: float
    cumulative: PointHistogram | None
    step_gy: float
    cell_mm: float
    warnings: tuple[StructureWarning, ...]

    @property
    def covered_cc(self) -> float:
        """Volume inside the support of the dose, cm3."""
        return self.volume_cc * self.covered_fraction

    @property
    def near_maximum_gy(self) -> float | None:
        """D0.03cc: the largest dose that at least 0.03 cm3 has; None of a smaller structure."""
        return self.dose_at_cc(NEAR_MAXIMUM_CC)

    def dose_at_percent(self, percent: float) -> float | None:
        """Return D_x%, the largest dose that at least this much of the volume has, 0 to 100 %."""
        if self.cumulative is None:
            return None
        return self.cumulative.dose_at_percent(percent)

    def dose_at_cc(self, volume_cc: float) -> float | None:
        """Return D_xcc, the largest dose that at least this volume has; None if there is less."""
        if self.cumulative is None:
            return None
        return self.cumulative.dose_at_cc(volume_cc)

    def volume_percent_at(self, dose_gy: float) -> float:
        """Return V_xGy, the volume with at least this dose, in percent; NaN if nothing has dose."""
        if self.cumulative is None:
            return float("nan")
        return self.cumulative.volume_percent_at(dose_gy)

    def volume_cc_at(self, dose_gy: float) -> float:
        """Return V_xGy in cm3; NaN if nothing has dose."""
        if self.cumulative is None:
            return float("nan")
        return self.cumulative.volume_cc_at(dose_gy)

    def geud_gy(self, exponent: float) -> float:
        """Return the generalised equivalent uniform dose (mean of D^a)^(1/a); NaN without dose."""
        if self.cumulative is None:
            return float("nan")
        return geud_of_histogram_gy(self, exponent)

    def curve_points(self) -> tuple[FloatArray, FloatArray]:
        """Return doses in Gy, rising, and V there, falling from 1; both empty without dose."""
        if self.cumulative is None:
            return np.empty(0), np.empty(0)
        return self.cumulative.curve_points()

    def differential(self, width_gy: float) -> tuple[FloatArray, FloatArray]:
        """Return the share of the volume per Gy in intervals of the dose.

        Parameters
        ----------
        width_gy : of an interval, > 0; intervals begin at multiples of it.

        Returns
        -------
        edges_gy : float64 (n + 1,); both are empty without dose.
        per_gy : float64 (n,), whose sum times the width is 1.
        """
        if not 0.0 < width_gy < np.inf:
            raise InvalidInput("an interval of dose must have a width")
        doses, volumes = self.curve_points()
        if not doses.size:
            return doses, volumes
        first = np.floor(self.minimum_gy / width_gy + _ON_EDGE)
        last = max(np.ceil(self.maximum_gy / width_gy - _ON_EDGE), first + 1)
        edges = np.arange(first, last + 1) * width_gy
        above = np.interp(edges, doses, volumes, left=1.0, right=0.0)
        above[0], above[-1] = 1.0, 0.0
        return edges, -np.diff(above) / width_gy
