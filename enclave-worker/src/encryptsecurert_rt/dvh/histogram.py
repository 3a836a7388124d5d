"""What indices, goals and comparisons ask of a dose-volume histogram, and one made of points.

V(d) is the share of a structure's volume with at least d Gy: it falls from 1 at 0 Gy. Who has
computed it does not matter here: `encryptsecurert_rt.dvh` from contours, a planning system that
stored it with its dose, a closed form.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from encryptsecurert_rt.errors import InvalidInput

FloatArray = npt.NDArray[np.float64]

_NEAR_ONE = 1e-9


class Histogram(Protocol):
    """A dose-volume histogram of one structure in one dose."""

    @property
    def volume_cc(self) -> float:
        """Volume of the whole structure in cm3."""

    @property
    def covered_fraction(self) -> float:
        """Share of it inside the support of the dose, 0 to 1; all else is of that part."""

    @property
    def minimum_gy(self) -> float:
        """Least dose."""

    @property
    def maximum_gy(self) -> float:
        """Greatest dose."""

    @property
    def mean_gy(self) -> float:
        """Mean dose."""

    def dose_at_percent(self, percent: float) -> float | None:
        """Largest dose that at least this much of the volume has."""

    def dose_at_cc(self, volume_cc: float) -> float | None:
        """Largest dose that at least this volume has; None if the structure is smaller."""

    def volume_percent_at(self, dose_gy: float) -> float:
        """Volume with at least this dose, in percent."""

    def volume_cc_at(self, dose_gy: float) -> float:
        """Volume with at least this dose, in cm3."""

    def curve_points(self) -> tuple[FloatArray, FloatArray]:
        """Dose in Gy, not falling, and V there, not rising: straight lines join the points."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PointHistogram:
    """A histogram that is known at points, with straight lines between them.

    Attributes
    ----------
    dose_gy : float64 (n,), finite, not negative, not falling; two equal ones are a step.
    volume_fraction : float64 (n,), from 1, not rising, to 0 or to what has exactly the last dose.
    volume_cc, covered_fraction : as of `Histogram`.

    Raises
    ------
    InvalidInput
        If they are not a cumulative histogram.
    """

    dose_gy: FloatArray
    volume_fraction: FloatArray
    volume_cc: float
    covered_fraction: float = 1.0

    def __post_init__(self) -> None:
        dose, volume = self.dose_gy, self.volume_fraction
        if dose.ndim != 1 or dose.shape != volume.shape or dose.size == 0:
            raise InvalidInput("a histogram needs as many volumes as doses")
        if dose.dtype != np.float64 or volume.dtype != np.float64:
            raise InvalidInput("a histogram must be float64")
        if not (np.isfinite(dose).all() and dose[0] >= 0.0 and (np.diff(dose) >= 0.0).all()):
            raise InvalidInput("doses of a histogram must be finite and must not fall")
        if not (abs(volume[0] - 1.0) <= _NEAR_ONE and volume[-1] >= 0.0):
            raise InvalidInput("a cumulative histogram falls from 1")
        if not (np.diff(volume) <= 0.0).all():
            raise InvalidInput("volumes of a cumulative histogram must not rise")
        if not 0.0 < self.volume_cc < np.inf or not 0.0 <= self.covered_fraction <= 1.0 + _NEAR_ONE:
            raise InvalidInput("volume and covered share must be those of a structure")

    @property
    def minimum_gy(self) -> float:
        """Least dose: where the curve leaves 1."""
        return float(
            self.dose_gy[np.flatnonzero(self.volume_fraction == self.volume_fraction[0])[-1]]
        )

    @property
    def maximum_gy(self) -> float:
        """Greatest dose: where the curve reaches 0."""
        positive = np.flatnonzero(self.volume_fraction > 0.0)
        return float(self.dose_gy[min(int(positive[-1]) + 1, self.dose_gy.size - 1)])

    @property
    def mean_gy(self) -> float:
        """Mean dose: the area under the curve."""
        area = np.trapezoid(self.volume_fraction, self.dose_gy)
        return float(self.dose_gy[0] + area)

    def dose_at_percent(self, percent: float) -> float | None:
        """Largest dose that at least this much of the volume has, 0 to 100 %."""
        if not 0.0 <= percent <= 100.0:
            raise InvalidInput("a share of a volume is 0 to 100 percent")
        if percent == 0.0:
            return self.maximum_gy
        dose, volume, share = self.dose_gy, self.volume_fraction, percent / 100.0
        last = int(np.searchsorted(-volume, -share, side="right")) - 1
        last = max(last, 0)  # 100 % of a curve that begins a rounding error below 1
        if last == dose.size - 1:
            return float(dose[last])
        part = (volume[last] - share) / (volume[last] - volume[last + 1])
        return float(dose[last] + max(float(part), 0.0) * (dose[last + 1] - dose[last]))

    def dose_at_cc(self, volume_cc: float) -> float | None:
        """Largest dose that at least this volume has; None if the structure is smaller."""
        if not 0.0 <= volume_cc < np.inf:
            raise InvalidInput("a volume must not be negative")
        covered_cc = self.volume_cc * self.covered_fraction
        if volume_cc > covered_cc:
            return None
        return self.dose_at_percent(min(100.0 * volume_cc / covered_cc, 100.0))

    def volume_percent_at(self, dose_gy: float) -> float:
        """Volume with at least this dose, in percent."""
        dose, volume = self.dose_gy, self.volume_fraction
        first = int(np.searchsorted(dose, dose_gy, side="left"))
        if first == dose.size:
            return 0.0
        if first == 0:
            return 100.0 * float(volume[0])
        part = (dose_gy - dose[first - 1]) / (dose[first] - dose[first - 1])
        return 100.0 * float(volume[first - 1] + part * (volume[first] - volume[first - 1]))

    def volume_cc_at(self, dose_gy: float) -> float:
        """Volume with at least this dose, in cm3."""
        return self.volume_percent_at(dose_gy) / 100.0 * self.volume_cc * self.covered_fraction

    def curve_points(self) -> tuple[FloatArray, FloatArray]:
        """Dose in Gy, not falling, and V there, not rising: straight lines join the points."""
        return self.dose_gy, self.volume_fraction
