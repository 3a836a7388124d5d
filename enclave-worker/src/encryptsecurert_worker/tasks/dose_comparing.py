"""Puts a comparison together: what needs no map, maps, each structure, what follows from them."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from encryptsecurert_protocol.dose_figures import (
    AgreementFigures,
    DifferenceFigures,
    GammaFigures,
    Histogram,
)
from encryptsecurert_protocol.dose_isodoses import IsodosePart
from encryptsecurert_protocol.dose_jobs import DoseCompareParameters, DoseFacts
from encryptsecurert_protocol.dose_options import AgreementOptions, GammaMode, GammaOptions
from encryptsecurert_protocol.dose_parts import (
    AgreementPart,
    DifferencePart,
    GammaPart,
    OfStructure,
    Tg218Part,
)
from encryptsecurert_protocol.dose_profiles import ProfilePart
from encryptsecurert_protocol.dose_results import ComparedDose, DoseComparison
from encryptsecurert_protocol.dvh_parts import DvhPart
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_rt.dose.gamma import gamma_statistics
from encryptsecurert_rt.dose.grid import BoolArray, DoseGrid
from encryptsecurert_rt.dose.statistics import difference_statistics
from encryptsecurert_rt.dose.tg218 import Tg218Verdict
from encryptsecurert_rt.dvh import structure_mask
from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.native.library import kernels_sha256
from encryptsecurert_worker.tasks.dose_histograms import (
    Pair,
    dvh_part,
    goal_outcomes,
    histogram_pair,
    whole_grid_pair,
)
from encryptsecurert_worker.tasks.dose_inputs import DoseInputs
from encryptsecurert_worker.tasks.dose_maps import (
    Maps,
    agreement_figures,
    compute_maps,
    difference_figures,
    gamma_figures,
)
from encryptsecurert_worker.tasks.dose_outputs import Compared
from encryptsecurert_worker.tasks.dose_shapes import isodose_parts, profile_parts
from encryptsecurert_worker.tasks.dose_stages import Stages
from encryptsecurert_worker.tasks.dose_values import value_figures, value_histogram

# 256 structures under two doses of 80 Gy, in steps of 0.01 Gy; a point is 16 octets.
MOST_CURVE_POINTS = 1 << 22
_MOST_WARNINGS = 1024  # of a receipt; those of the doses come first
# What computed, with a version that rises when numbers change.
_GAMMA = {
    GammaMode.CERTIFIED: "gamma-certified-1",
    GammaMode.PASS_FAIL: "gamma-pass-fail-1",
    GammaMode.VOXEL_CENTRES: "gamma-voxel-centres-1",
}
_DIFFERENCE, _AGREEMENT, _DVH = "dose-difference-1", "distance-to-agreement-1", "dvh-exact-1"
_PROFILES, _ISODOSES, _TG218 = "dose-profiles-1", "isodoses-1", "tg218-1"
TG218_VERDICTS = {
    Tg218Verdict.WITHIN_TOLERANCE: "within_tolerance",
    Tg218Verdict.BETWEEN: "between",
    Tg218Verdict.BEYOND_ACTION: "beyond_action",
    Tg218Verdict.UNDECIDED: "undecided",
    Tg218Verdict.NOT_EVALUABLE: "nothing_evaluated",
}


def compare(
    given: DoseInputs,
    asked: DoseCompareParameters,
    stages: Stages,
    refused: Callable[[int], None],
    *,
    threads: int,
) -> Compared:
    """Compute all that is asked for.

    Parameters
    ----------
    refused : called with the number of each structure that cannot be used: it is left out.

    Raises
    ------
    InvalidInput, Cancelled
        As the libraries do.
    EncryptSecureRTError
        E_STRUCTURES if every structure encloses nothing, or is too large; E_PARAMETERS of isodoses
        in a plane and a volume; E_TOO_LARGE if the curves have more than `MOST_CURVE_POINTS`
        points, as those of doses beyond any patient's do.
    """
    # First, while there are no maps: the overlap takes another dose on the reference's grid.
    isodoses: tuple[IsodosePart, ...] = ()
    if asked.isodoses:
        progress = stages.of("isodose_volumes")
        isodoses = isodose_parts(given, asked.isodoses, progress, threads=threads)
    profiles: tuple[ProfilePart, ...] = ()
    if asked.profiles:
        profiles = profile_parts(given, asked.profiles, stages.of("profiles"))
    maps = compute_maps(given, asked, stages, threads=threads)
    parts = _Parts(asked, maps)
    pairs: dict[int, Pair] = {}
    dvhs: list[DvhPart] = []
    unusable = set(given.unusable)
    points = 0
    everything = None
    if asked.dvh is not None and asked.dvh.targets:
        everything = whole_grid_pair(given, stages.of("isodoses"), threads=threads)
    for place, structure in enumerate(given.structures):
        number = structure.number
        progress = stages.of("structures", place, len(given.structures))
        progress("structure", 0.0)
        try:
            mask = structure_mask(structure.structure, given.reference.grid)
            if asked.dvh is not None:
                pairs[number] = histogram_pair(given, structure, progress, threads=threads)
        except InvalidInput:
            refused(number)
            unusable.add(number)
            continue
        parts.add(number, mask)
        if asked.dvh is not None:
            points += pairs[number].points
            of_grid = everything if number in asked.dvh.targets else None
            dvhs.append(dvh_part(number, pairs[number], of_grid, asked.dvh))
        if points > MOST_CURVE_POINTS:
            raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE, "too many points of curves")
    if given.structures and {one.number for one in given.structures} <= unusable:
        raise EncryptSecureRTError(ErrorCode.E_STRUCTURES)
    gamma = parts.gamma()
    left_out = tuple(sorted(unusable))
    warnings = [*_warnings(given, asked, maps, gamma), *_of_profiles(profiles)]
    warnings += [f"structure_unusable.{number}" for number in left_out]
    warnings += _of_structures(pairs)
    comparison = DoseComparison(
        algorithms=tuple(sorted(_algorithms(asked))),
        kernels_sha256=kernels_sha256(),
        reference=_compared(asked.reference, given.reference),
        evaluated=_compared(asked.evaluated, given.evaluated),
        registration=asked.registration,
        structure_set=given.structure_set,
        gamma=gamma,
        difference=parts.difference(),
        agreement=parts.agreement(),
        dvh=tuple(dvhs) if asked.dvh is not None else None,
        goals=goal_outcomes(asked, pairs, left_out),
        profiles=profiles,
        isodoses=isodoses,
        tg218=_tg218(maps),
        unusable=left_out,
        warnings=tuple(warnings[:_MOST_WARNINGS]),
    )
    return Compared(given=given, maps=maps, pairs=pairs, comparison=comparison)


class _Parts:
    """The parts that are maps, filled structure by structure: one mask at a time is in memory."""

    def __init__(self, asked: DoseCompareParameters, maps: Maps) -> None:
        self._asked = asked
        self._maps = maps
        self._gamma: list[OfStructure[GammaFigures]] = []
        self._difference: list[OfStructure[DifferenceFigures]] = []
        self._agreement: list[OfStructure[AgreementFigures]] = []

    def add(self, number: int, mask: BoolArray) -> None:
        """Add the figures of a structure, mask (k, j, i) on the grid of the reference."""
        maps = self._maps
        if maps.gamma is not None:
            figures = gamma_figures(maps.gamma, mask)
            self._gamma.append(OfStructure(number=number, figures=figures))
        if self._asked.difference and maps.difference is not None:
            found = difference_figures(maps.difference, mask)
            self._difference.append(OfStructure(number=number, figures=found))
        if maps.agreement is not None:
            distances = agreement_figures(maps.agreement, mask)
            self._agreement.append(OfStructure(number=number, figures=distances))

    def gamma(self) -> GammaPart | None:
        """Return the part of gamma."""
        gamma, options = self._maps.gamma, self._asked.gamma
        if gamma is None or options is None:
            return None
        return GammaPart(
            options=options,
            norm_gy=gamma.norm_gy,
            norm_source=_source(options.norm_gy),
            words=gamma_words(options, gamma.norm_gy),
            eps=gamma.eps,
            refined_again=gamma.refined_again,
            unproven=gamma.unproven,
            whole=gamma_figures(gamma, None),
            histogram=_gamma_histogram(self._maps),
            structures=tuple(self._gamma),
        )

    def difference(self) -> DifferencePart | None:
        """Return the part of the difference."""
        difference = self._maps.difference
        if difference is None or not self._asked.difference:
            return None
        found = difference_statistics(difference)
        return DifferencePart(
            whole=value_figures(found.values, points=found.counted, outside=found.outside),
            histogram=value_histogram(found.values),
            structures=tuple(self._difference),
        )

    def agreement(self) -> AgreementPart | None:
        """Return the part of the distance to agreement."""
        maps = self._maps.agreement
        if maps is None:
            return None
        return AgreementPart(
            options=maps.options,
            norm_gy=maps.norm_gy,
            norm_source=_source(maps.options.norm_gy),
            words=agreement_words(maps.options, maps.norm_gy),
            whole=agreement_figures(maps, None),
            structures=tuple(self._agreement),
        )


def _source(norm_gy: float | None) -> str:
    return "reference_maximum" if norm_gy is None else "stated"


def _norm_words(stated: float | None, norm_gy: float) -> str:
    whence = "reference maximum" if stated is None else "stated"
    return f"{norm_gy:.6g} Gy, {whence}"


def gamma_words(options: GammaOptions, norm_gy: float) -> str:
    """Return the criteria of gamma in one line of ASCII."""
    where = "on either dose" if options.either_dose else "on the reference"
    return (
        f"gamma {options.dose_percent:g} %/{options.distance_mm:g} mm, "
        f"{options.normalisation.value} ({_norm_words(options.norm_gy, norm_gy)}), "
        f"cutoff {options.cutoff_percent:g} % of it {where}, cap {options.cap:g}"
    )


def agreement_words(options: AgreementOptions, norm_gy: float) -> str:
    """Return the criteria of the composite test in one line of ASCII."""
    return (
        f"difference <= {options.dose_percent:g} % ({_norm_words(options.norm_gy, norm_gy)}) or "
        f"distance <= {options.distance_mm:g} mm, cutoff {options.cutoff_percent:g} % of it on "
        f"the reference, searched within {options.radius_mm:g} mm"
    )


def _gamma_histogram(maps: Maps) -> Histogram | None:
    if maps.gamma is None:
        return None
    found = gamma_statistics(maps.gamma).histogram
    if found is None or not len(found):
        return None
    edges = np.linspace(0.0, maps.gamma.criteria.cap, len(found) + 1)
    return Histogram(
        edges=tuple(float(edge) for edge in edges), counts=tuple(int(count) for count in found)
    )


def _compared(facts: DoseFacts, dose: DoseGrid) -> ComparedDose:
    return ComparedDose(
        facts=facts,
        shape=dose.grid.shape,
        spacing_mm=dose.grid.spacing_mm,
        maximum_gy=dose.maximum_gy,
    )


def _tg218(maps: Maps) -> Tg218Part | None:
    found = maps.tg218
    if found is None or maps.gamma is None:
        return None
    return Tg218Part(
        verdict=TG218_VERDICTS[found.verdict],
        departures=found.departures,
        tolerance_percent=found.limits.tolerance_percent,
        action_percent=found.limits.action_percent,
        eps=maps.gamma.eps,
    )


def _algorithms(asked: DoseCompareParameters) -> Iterator[str]:
    if asked.gamma is not None:
        yield _GAMMA[asked.gamma.mode]
    if asked.difference:
        yield _DIFFERENCE
    if asked.agreement is not None:
        yield _AGREEMENT
    if asked.dvh is not None:
        yield _DVH
    if asked.profiles:
        yield _PROFILES
    if asked.isodoses:
        yield _ISODOSES
    if asked.tg218:
        yield _TG218


def _warnings(
    given: DoseInputs, asked: DoseCompareParameters, maps: Maps, gamma: GammaPart | None
) -> Iterator[str]:
    """Yield fixed words: of the doses and of the maps."""
    if asked.reference.dose_summation_type != asked.evaluated.dose_summation_type:
        yield "other_summation_type"
    if asked.reference.dose_type != asked.evaluated.dose_type:
        yield "other_dose_type"
    if maps.difference is not None and maps.difference.outside:
        yield "partly_outside_evaluated"
    if gamma is not None and gamma.whole.evaluated == 0:
        yield "gamma_nothing_evaluated"
    if gamma is not None and gamma.unproven:
        yield "gamma_unproven"
    if given.reference_to_evaluated is not None:
        yield "registered"


def _of_profiles(profiles: Sequence[ProfilePart]) -> Iterator[str]:
    """Yield a word for each profile that one of the doses knows nothing of, counted from 1."""
    for number, one in enumerate(profiles, 1):
        if any(all(dose is None for dose in d) for d in (one.reference_gy, one.evaluated_gy)):
            yield f"profile_outside.{number}"


def _of_structures(pairs: Mapping[int, Pair]) -> Iterator[str]:
    """Yield what the histograms warn of, with the number of the structure."""
    for number, pair in pairs.items():
        words = dict.fromkeys((*pair.reference.warnings, *pair.evaluated.warnings))
        for word in words:
            yield f"{word.value.replace(' ', '_')}.{number}"
