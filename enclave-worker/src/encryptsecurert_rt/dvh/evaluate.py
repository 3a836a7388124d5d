"""The number that a metric has for a histogram, or why it has none."""

from dataclasses import dataclass
from enum import Enum

import numpy as np

from encryptsecurert_rt.dvh.histogram import Histogram
from encryptsecurert_rt.dvh.indices import MIN_COVERED
from encryptsecurert_rt.dvh.notation import Metric, Quantity, Unit
from encryptsecurert_rt.dvh.radiobiology import (
    MAX_FRACTIONS,
    dose_of_eqd2_gy,
    eqd2_gy,
    eqd2_histogram,
    geud_of_histogram_gy,
)
from encryptsecurert_rt.errors import InvalidInput


class Reason(Enum):
    """Why a metric has no number."""

    NO_STRUCTURE = "the structure is not there"
    NOT_COVERED = "less than 99.5 % of the structure is in the dose grid"
    TOO_SMALL = "the structure is smaller than the volume asked for"
    NO_PRESCRIPTION = "percent of a prescription, and none is given"
    NO_FRACTIONS = "EQD2, and the number of fractions is not given"


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What is known of the treatment beside its dose.

    Attributes
    ----------
    prescription_gy : total dose that percent refers to, or None.
    fractions : number of equal fractions, or None.
    """

    prescription_gy: float | None = None
    fractions: int | None = None

    def __post_init__(self) -> None:
        if self.prescription_gy is not None and not 0.0 < self.prescription_gy < np.inf:
            raise InvalidInput("a prescription must be a dose above 0 Gy")
        if self.fractions is not None and not 1 <= self.fractions <= MAX_FRACTIONS:
            raise InvalidInput("there must be 1 to 1000 fractions")


def metric_value(metric: Metric, histogram: Histogram, course: Course) -> float | Reason:
    """Return the number of a metric in its unit, or why there is none.

    EQD2 rises with dose, so that of a D or V metric is exact; mean and gEUD are those of the
    histogram with its dose axis in EQD2, never the EQD2 of a mean.
    """
    if histogram.covered_fraction < MIN_COVERED:
        return Reason.NOT_COVERED
    if metric.is_relative and course.prescription_gy is None:
        return Reason.NO_PRESCRIPTION
    if metric.alpha_beta_gy is not None and course.fractions is None:
        return Reason.NO_FRACTIONS
    if metric.quantity.is_volume:
        return _volume(metric, histogram, _level_gy(metric, course))
    dose_gy = _dose_gy(metric, histogram, course)
    if isinstance(dose_gy, Reason):
        return dose_gy
    if metric.unit is Unit.PERCENT and course.prescription_gy is not None:
        return 100.0 * dose_gy / course.prescription_gy
    return dose_gy


def _level_gy(metric: Metric, course: Course) -> float:
    """Return the physical dose that a volume is asked at."""
    level = 0.0 if metric.at is None else metric.at
    if metric.is_relative and course.prescription_gy is not None:
        return level / 100.0 * course.prescription_gy
    if metric.alpha_beta_gy is not None and course.fractions is not None:
        return float(
            dose_of_eqd2_gy(level, fractions=course.fractions, alpha_beta_gy=metric.alpha_beta_gy)
        )
    return level


def _volume(metric: Metric, histogram: Histogram, level_gy: float) -> float:
    below = metric.quantity is Quantity.VOLUME_BELOW
    if metric.unit is Unit.PERCENT:
        above = histogram.volume_percent_at(level_gy)
        return 100.0 - above if below else above
    above_cc = histogram.volume_cc_at(level_gy)
    return histogram.volume_cc * histogram.covered_fraction - above_cc if below else above_cc


def _dose_gy(metric: Metric, histogram: Histogram, course: Course) -> float | Reason:
    """Return the dose of a metric in Gy, physical or EQD2."""
    alpha_beta, fractions = metric.alpha_beta_gy, course.fractions
    if metric.quantity in (Quantity.MEAN, Quantity.EQUIVALENT_UNIFORM_DOSE):
        if alpha_beta is not None and fractions is not None:
            histogram = eqd2_histogram(histogram, fractions=fractions, alpha_beta_gy=alpha_beta)
        if metric.quantity is Quantity.MEAN or metric.at is None:
            return histogram.mean_gy
        return geud_of_histogram_gy(histogram, metric.at)
    dose_gy = _physical_gy(metric, histogram)
    if dose_gy is None:
        return Reason.TOO_SMALL
    if alpha_beta is not None and fractions is not None:
        return float(eqd2_gy(dose_gy, fractions=fractions, alpha_beta_gy=alpha_beta))
    return dose_gy


def _physical_gy(metric: Metric, histogram: Histogram) -> float | None:
    """Return the physical dose of a D, DC, Min or Max metric; None of too small a structure."""
    if metric.quantity is Quantity.MAXIMUM or metric.at is None:
        is_maximum = metric.quantity is Quantity.MAXIMUM
        return histogram.maximum_gy if is_maximum else histogram.minimum_gy
    coldest = metric.quantity is Quantity.DOSE_OF_COLDEST
    if metric.at_unit is Unit.PERCENT:
        return histogram.dose_at_percent(100.0 - metric.at if coldest else metric.at)
    rest_cc = histogram.volume_cc * histogram.covered_fraction - metric.at
    if rest_cc < 0.0:
        return None
    return histogram.dose_at_cc(rest_cc if coldest else metric.at)
