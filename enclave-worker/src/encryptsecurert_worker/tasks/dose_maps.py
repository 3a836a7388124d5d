"""Computes the maps of a comparison, and reads the figures of a region from them."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from encryptsecurert_protocol.dose_figures import (
    AgreementFigures,
    DifferenceFigures,
    GammaFigures,
)
from encryptsecurert_protocol.dose_jobs import DoseCompareParameters
from encryptsecurert_protocol.dose_options import AgreementOptions, GammaOptions
from encryptsecurert_rt.dose.agreement import (
    AgreementMap,
    AgreementSearch,
    AgreementState,
    CompositeState,
    composite_test,
    distance_to_agreement,
)
from encryptsecurert_rt.dose.difference import DifferenceMap, dose_difference
from encryptsecurert_rt.dose.gamma import (
    GammaCriteria,
    GammaMap,
    GammaMode,
    GammaStatistics,
    Normalisation,
    gamma_index,
    gamma_statistics,
)
from encryptsecurert_rt.dose.grid import BoolArray, DoseGrid, cutoff_dose_gy
from encryptsecurert_rt.dose.statistics import DifferenceStatistics, difference_statistics
from encryptsecurert_rt.dose.tg218 import (
    Circumstances,
    Tg218Evaluation,
    Tg218Verdict,
    evaluate_tg218,
)
from encryptsecurert_worker.tasks.dose_inputs import DoseInputs
from encryptsecurert_worker.tasks.dose_stages import Stages
from encryptsecurert_worker.tasks.dose_values import value_figures

GAMMA_EPS = 0.001
_FINER = 10.0  # a verdict that is undecided is looked for with so much smaller an interval


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AgreementMaps:
    """Distance to agreement, and the composite test on it."""

    options: AgreementOptions
    norm_gy: float
    distance: AgreementMap
    composite: npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Maps:
    """The maps that were asked for, on the grid of the reference; `tg218` is of the whole grid."""

    gamma: GammaMap | None = None
    difference: DifferenceMap | None = None
    agreement: AgreementMaps | None = None
    tg218: Tg218Evaluation | None = None


def criteria_of(options: GammaOptions) -> GammaCriteria:
    """Return criteria as the library takes them (InvalidInput)."""
    return GammaCriteria(
        dose_percent=options.dose_percent,
        distance_mm=options.distance_mm,
        cutoff_percent=options.cutoff_percent,
        normalisation=Normalisation(options.normalisation.value),
        norm_gy=options.norm_gy,
        cap=options.cap,
        either_dose_above_cutoff=options.either_dose,
    )


def compute_maps(
    given: DoseInputs, asked: DoseCompareParameters, stages: Stages, *, threads: int
) -> Maps:
    """Compute what is asked for.

    Raises
    ------
    InvalidInput, Cancelled
        As the library does.
    """
    maps = Maps()
    if asked.gamma is not None:
        gamma = _gamma(given, asked.gamma, stages, "gamma", eps=GAMMA_EPS, threads=threads)
        maps = replace(maps, gamma=gamma)
        if asked.tg218:
            maps = _judged(maps, gamma, given, asked, stages, threads=threads)
    if asked.difference or asked.agreement is not None:
        difference = dose_difference(
            given.reference,
            given.evaluated,
            reference_to_evaluated=given.reference_to_evaluated,
            threads=threads,
            progress=stages.of("difference"),
        )
        maps = replace(maps, difference=difference)
        if asked.agreement is not None:
            agreement = _agreement(given, asked.agreement, difference, stages, threads=threads)
            maps = replace(maps, agreement=agreement)
    return maps


def _gamma(
    given: DoseInputs,
    options: GammaOptions,
    stages: Stages,
    stage: str,
    *,
    eps: float,
    threads: int,
) -> GammaMap:
    return gamma_index(
        given.reference,
        given.evaluated,
        criteria_of(options),
        reference_to_evaluated=given.reference_to_evaluated,
        mode=GammaMode(options.mode.value),
        eps=eps,
        threads=threads,
        progress=stages.of(stage),
    )


def _judged(
    maps: Maps,
    gamma: GammaMap,
    given: DoseInputs,
    asked: DoseCompareParameters,
    stages: Stages,
    *,
    threads: int,
) -> Maps:
    """Judge by TG-218; a verdict that the interval straddles is looked for once more, finer."""
    circumstances = Circumstances(
        absolute_dose=True,  # nothing but Gy comes here, and nothing is normalised
        reference_is_measured=asked.reference_measured,
        mode=gamma.mode,
    )
    verdict = evaluate_tg218(gamma_statistics(gamma), gamma.criteria, circumstances)
    if verdict.verdict is Tg218Verdict.UNDECIDED and asked.gamma is not None and gamma.eps > 0.0:
        eps = gamma.eps / _FINER
        gamma = _gamma(given, asked.gamma, stages, "gamma_again", eps=eps, threads=threads)
        verdict = evaluate_tg218(gamma_statistics(gamma), gamma.criteria, circumstances)
    return replace(maps, gamma=gamma, tg218=verdict)


def agreement_norm_gy(reference: DoseGrid, options: AgreementOptions) -> float:
    """Return what the percentages of the composite test are of, in Gy."""
    return reference.maximum_gy if options.norm_gy is None else options.norm_gy


def agreement_mask(reference: DoseGrid, options: AgreementOptions) -> BoolArray:
    """Return where an equal dose is looked for, (k, j, i): at or above the cutoff."""
    norm_gy = agreement_norm_gy(reference, options)
    return reference.dose_gy >= cutoff_dose_gy(options.cutoff_percent, norm_gy)


def _agreement(
    given: DoseInputs,
    options: AgreementOptions,
    difference: DifferenceMap,
    stages: Stages,
    *,
    threads: int,
) -> AgreementMaps:
    reference = given.reference
    norm_gy = agreement_norm_gy(reference, options)
    distance = distance_to_agreement(
        reference,
        given.evaluated,
        search=AgreementSearch(radius_mm=options.radius_mm),
        mask=agreement_mask(reference, options),
        reference_to_evaluated=given.reference_to_evaluated,
        threads=threads,
        progress=stages.of("agreement"),
    )
    composite = composite_test(
        difference,
        distance,
        dose_gy=options.dose_percent / 100.0 * norm_gy,
        distance_mm=options.distance_mm,
    )
    return AgreementMaps(options=options, norm_gy=norm_gy, distance=distance, composite=composite)


def gamma_figures(gamma: GammaMap, mask: BoolArray | None) -> GammaFigures:
    """Return the figures of gamma in a mask (k, j, i), which may be empty, or of the whole grid."""
    found: GammaStatistics = gamma_statistics(gamma, mask)
    above = found.fraction_above_1_5
    return GammaFigures(
        evaluated=found.evaluated,
        passed_certain=found.passed_certain,
        passed_possible=found.passed_possible,
        pass_percent_certain=found.pass_percent_certain,
        pass_percent_possible=found.pass_percent_possible,
        below_cutoff=found.below_cutoff,
        outside=found.outside,
        undefined=found.undefined,
        capped=found.capped,
        mean=found.mean,
        maximum=found.maximum,
        p99=found.p99,
        above_1_5_percent=None if above is None else 100.0 * above,
    )


def difference_figures(difference: DifferenceMap, mask: BoolArray | None) -> DifferenceFigures:
    """Return the figures of a difference in a mask (k, j, i), or of the whole grid."""
    found: DifferenceStatistics = difference_statistics(difference, mask)
    return value_figures(found.values, points=found.counted, outside=found.outside)


def agreement_figures(maps: AgreementMaps, mask: BoolArray | None) -> AgreementFigures:
    """Return the figures of a distance to agreement in a mask (k, j, i), or of the whole grid."""
    state, composite = maps.distance.state, maps.composite
    distance_mm = maps.distance.distance_mm
    if mask is not None:
        state, composite, distance_mm = state[mask], composite[mask], distance_mm[mask]
    found_mm = distance_mm[state == AgreementState.FOUND]
    evaluated = int(np.count_nonzero(state > AgreementState.OUTSIDE))
    certain = int(np.count_nonzero(composite == CompositeState.PASSED))
    possible = certain + int(np.count_nonzero(composite == CompositeState.UNDECIDED))
    return AgreementFigures(
        evaluated=evaluated,
        found=found_mm.size,
        unfinished=int(np.count_nonzero(state == AgreementState.UNFINISHED)),
        mean_mm=float(found_mm.mean()) if found_mm.size else None,
        p95_mm=float(np.percentile(found_mm, 95.0)) if found_mm.size else None,
        maximum_mm=float(found_mm.max()) if found_mm.size else None,
        passed_certain=certain,
        passed_possible=possible,
        pass_percent_certain=100.0 * certain / evaluated if evaluated else None,
        pass_percent_possible=100.0 * possible / evaluated if evaluated else None,
    )
