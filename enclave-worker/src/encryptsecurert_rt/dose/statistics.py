"""Numbers of a dose difference: mean, SD, RMS, extremes, percentiles and a histogram, in a mask.

What is outside the evaluated dose, or has no local percentage, is counted and left out; nothing is
taken for zero. A number of an empty set is None, never 0.
"""

from dataclasses import dataclass

import numpy as np

from encryptsecurert_rt.dose.difference import DifferenceMap, DifferenceScale
from encryptsecurert_rt.dose.grid import BoolArray, FloatArray
from encryptsecurert_rt.errors import InvalidInput

HISTOGRAM_BINS = 101  # odd: the middle bin is around 0, so that a sign shows


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """Counts of values in equal bins, symmetric about 0.

    Attributes
    ----------
    half_range : the bins go from -half_range to +half_range, in the unit of the values.
    counts : one for each bin, from the lowest; a value on an edge is in the bin above it, the
        highest edge belongs to the last bin.
    """

    half_range: float
    counts: tuple[int, ...]

    @classmethod
    def of(cls, values: FloatArray) -> "Histogram":
        """Return the histogram of finite values; all zeros get bins from -1 to 1."""
        half_range = float(np.abs(values).max(initial=0.0)) or 1.0
        counts, _ = np.histogram(values, bins=HISTOGRAM_BINS, range=(-half_range, half_range))
        return cls(half_range=half_range, counts=tuple(int(count) for count in counts))


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueSummary:
    """What the values of a set are like, in their unit.

    Attributes
    ----------
    mean, sd, rms : SD about the mean, divided by the count: rms^2 = mean^2 + sd^2.
    minimum, maximum, percentile_2, percentile_98 : percentiles interpolated linearly between ranks.
    histogram : of the values.
    """

    mean: float
    sd: float
    rms: float
    minimum: float
    maximum: float
    percentile_2: float
    percentile_98: float
    histogram: Histogram

    @classmethod
    def of(cls, values: FloatArray) -> "ValueSummary | None":
        """Return the summary of finite values (n,); None if there are none."""
        if values.size == 0:
            return None
        low, high = np.percentile(values, (2.0, 98.0))
        return cls(
            mean=float(values.mean()),
            sd=float(values.std()),
            rms=float(np.sqrt(np.mean(values * values))),
            minimum=float(values.min()),
            maximum=float(values.max()),
            percentile_2=float(low),
            percentile_98=float(high),
            histogram=Histogram.of(values),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceStatistics:
    """Statistics of evaluated minus reference over the voxels of a mask.

    Attributes
    ----------
    scale : in what the values are.
    counted : voxels that the values are of.
    outside : voxels of the mask outside the evaluated dose.
    undefined : voxels of the mask, inside, without a value: local percent at (nearly) no dose.
    masked : voxels of the reference that are not in the mask.
    values : None if nothing is counted.
    """

    scale: DifferenceScale
    counted: int
    outside: int
    undefined: int
    masked: int
    values: ValueSummary | None


def difference_statistics(
    difference: DifferenceMap,
    mask: BoolArray | None = None,
    *,
    scale: DifferenceScale = DifferenceScale.GY,
    prescription_gy: float | None = None,
) -> DifferenceStatistics:
    """Return the statistics of a difference in a mask.

    Parameters
    ----------
    difference : DifferenceMap
    mask : bool (k, j, i) on the grid of the reference, optional
    scale, prescription_gy : see `DifferenceMap.scaled`.

    Raises
    ------
    InvalidInput
        If the mask is of another shape or type.
    """
    values = difference.scaled(scale, prescription_gy=prescription_gy)
    outside = np.isnan(difference.difference_gy)
    if mask is not None:
        if mask.dtype != np.bool_ or mask.shape != values.shape:
            raise InvalidInput("a mask must be bool in the shape of the reference dose")
        values, outside = values[mask], outside[mask]
    counted = values[~np.isnan(values)]
    outside_count = int(outside.sum())
    return DifferenceStatistics(
        scale=scale,
        counted=counted.size,
        outside=outside_count,
        undefined=values.size - counted.size - outside_count,
        masked=difference.difference_gy.size - values.size,
        values=ValueSummary.of(counted),
    )
