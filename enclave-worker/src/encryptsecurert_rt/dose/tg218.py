"""Judges a gamma comparison by the limits of AAPM TG-218 (Miften et al., Med Phys 45, e53, 2018).

The universal limits are a pass rate of 95 % (tolerance) and 90 % (action) at 3 %/2 mm, global
normalisation, absolute dose, 10 % cutoff, with the measured dose as the reference. Other criteria
are judged by the same numbers only with the remark that they are not the universal ones. A pass
rate is an interval (certain, possible): a limit inside it leaves the verdict undecided, and the
comparison is to be made again with a smaller eps.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from encryptsecurert_rt.dose.gamma import (
    GammaCriteria,
    GammaMap,
    GammaMode,
    GammaStatistics,
    Normalisation,
    gamma_statistics,
)
from encryptsecurert_rt.dose.grid import BoolArray
from encryptsecurert_rt.dose.process_limits import ProcessLimits
from encryptsecurert_rt.errors import InvalidInput


class Tg218Verdict(Enum):
    """What a pass rate means."""

    WITHIN_TOLERANCE = "within tolerance"
    BETWEEN = "between tolerance and action limit: investigate"
    BEYOND_ACTION = "beyond action limit"
    UNDECIDED = "undecided at eps: compare again with a smaller eps"
    NOT_EVALUABLE = "not evaluable: no point was evaluated"


@dataclass(frozen=True, slots=True, kw_only=True)
class PassLimits:
    """Least pass rates in percent.

    Attributes
    ----------
    tolerance_percent, action_percent : a rate equal to a limit meets it; action <= tolerance.
    local : whether they come from a site's own process.
    """

    tolerance_percent: float
    action_percent: float
    local: bool

    def __post_init__(self) -> None:
        if not self.action_percent <= self.tolerance_percent <= 100.0:
            raise InvalidInput("the action limit must not be above the tolerance limit")

    @classmethod
    def of_process(cls, limits: ProcessLimits) -> "PassLimits":
        """Return the local limits of a process.

        Raises
        ------
        InvalidInput
            If its action limit is above its tolerance limit, as when the process is far from its
            target: such a process has to be improved, not judged by.
        """
        return cls(
            tolerance_percent=limits.tolerance_low, action_percent=limits.action_low, local=True
        )


UNIVERSAL_LIMITS = PassLimits(tolerance_percent=95.0, action_percent=90.0, local=False)
UNIVERSAL_CRITERIA = GammaCriteria(
    dose_percent=3.0, distance_mm=2.0, cutoff_percent=10.0, normalisation=Normalisation.GLOBAL
)


def _global(dose_percent: float, distance_mm: float) -> GammaCriteria:
    return GammaCriteria(
        dose_percent=dose_percent,
        distance_mm=distance_mm,
        cutoff_percent=10.0,
        normalisation=Normalisation.GLOBAL,
    )


# By name, all with 10 % cutoff and the reference maximum as the norm.
PRESETS: Mapping[str, GammaCriteria] = {
    "TG-218": UNIVERSAL_CRITERIA,  # the universal criteria
    "3%/3mm": _global(3.0, 3.0),  # TG-119, and most reports before TG-218
    "2%/2mm": _global(2.0, 2.0),  # tighter: shows what 3 % hides
    "3%/1mm": _global(3.0, 1.0),  # stereotactic treatments: the distance matters most
    "2%/1mm": _global(2.0, 1.0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tg218Evaluation:
    """A verdict with all that it rests on.

    Attributes
    ----------
    verdict : Tg218Verdict
    limits : by which it was made.
    departures : in what the comparison differs from the universal criteria, in fixed words; empty
        if in nothing. If not empty, every print of the verdict says "not the universal criteria".
    pass_percent_certain, pass_percent_possible : the interval; None if nothing was evaluated.
    gamma_mean, gamma_maximum, gamma_fraction_above_1_5 : of evaluated points; None if nothing was
        evaluated or gamma was not computed (pass or fail only).
    """

    verdict: Tg218Verdict
    limits: PassLimits
    departures: tuple[str, ...]
    pass_percent_certain: float | None
    pass_percent_possible: float | None
    gamma_mean: float | None
    gamma_maximum: float | None
    gamma_fraction_above_1_5: float | None

    @property
    def universal(self) -> bool:
        """Whether the criteria are the universal ones of TG-218."""
        return not self.departures


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What the numbers do not show and the caller must know.

    Attributes
    ----------
    absolute_dose : both doses are in Gy as delivered, neither was normalised to the other.
    reference_is_measured : the reference is a measurement.
    mode : how gamma was looked for.
    """

    absolute_dose: bool
    reference_is_measured: bool
    mode: GammaMode


def departures_from_universal(
    criteria: GammaCriteria, circumstances: Circumstances
) -> tuple[str, ...]:
    """Return in what a comparison differs from the universal criteria, in fixed words."""
    checks = (
        (criteria.dose_percent == UNIVERSAL_CRITERIA.dose_percent, "dose criterion not 3 %"),
        (criteria.distance_mm == UNIVERSAL_CRITERIA.distance_mm, "distance criterion not 2 mm"),
        (criteria.cutoff_percent == UNIVERSAL_CRITERIA.cutoff_percent, "cutoff not 10 %"),
        (criteria.normalisation is Normalisation.GLOBAL, "normalisation not global"),
        (not criteria.either_dose_above_cutoff, "cutoff not on the reference alone"),
        (circumstances.absolute_dose, "dose not absolute"),
        (circumstances.reference_is_measured, "reference not measured"),
        (circumstances.mode is not GammaMode.VOXEL_CENTRES, "gamma at voxel centres only"),
    )
    return tuple(words for holds, words in checks if not holds)


def evaluate_tg218(
    statistics: GammaStatistics,
    criteria: GammaCriteria,
    circumstances: Circumstances,
    *,
    limits: PassLimits = UNIVERSAL_LIMITS,
) -> Tg218Evaluation:
    """Return the verdict on a gamma comparison.

    Parameters
    ----------
    statistics : of the whole comparison or of one structure.
    criteria : of the comparison.
    circumstances : what the numbers do not show.
    limits : universal, or a site's own.
    """
    return Tg218Evaluation(
        verdict=_verdict(statistics.pass_percent_certain, statistics.pass_percent_possible, limits),
        limits=limits,
        departures=departures_from_universal(criteria, circumstances),
        pass_percent_certain=statistics.pass_percent_certain,
        pass_percent_possible=statistics.pass_percent_possible,
        gamma_mean=statistics.mean,
        gamma_maximum=statistics.maximum,
        gamma_fraction_above_1_5=statistics.fraction_above_1_5,
    )


def evaluate_structures(
    gamma: GammaMap,
    masks: Mapping[int, BoolArray],
    circumstances: Circumstances,
    *,
    limits: PassLimits = UNIVERSAL_LIMITS,
) -> dict[int, Tg218Evaluation]:
    """Return the verdict for each structure, by its number; masks are on the reference grid."""
    return {
        number: evaluate_tg218(
            gamma_statistics(gamma, mask), gamma.criteria, circumstances, limits=limits
        )
        for number, mask in masks.items()
    }


def _verdict(certain: float | None, possible: float | None, limits: PassLimits) -> Tg218Verdict:
    if certain is None or possible is None:
        return Tg218Verdict.NOT_EVALUABLE
    at_least = _class_of(certain, limits)
    return at_least if at_least is _class_of(possible, limits) else Tg218Verdict.UNDECIDED


def _class_of(percent: float, limits: PassLimits) -> Tg218Verdict:
    if percent >= limits.tolerance_percent:
        return Tg218Verdict.WITHIN_TOLERANCE
    if percent >= limits.action_percent:
        return Tg218Verdict.BETWEEN
    return Tg218Verdict.BEYOND_ACTION
