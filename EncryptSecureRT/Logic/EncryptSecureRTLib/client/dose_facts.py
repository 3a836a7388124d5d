"""A dose comparison in sentences: what page, paper and terminal say alike.

Every number has its unit and, where it depends on one, its criterion beside it. "-" stands where
nothing was evaluated: never 0 %, never 100 %.
"""

from collections.abc import Sequence

from encryptsecurert_protocol.dose_figures import AgreementFigures, GammaFigures
from encryptsecurert_protocol.dose_parts import (
    AgreementPart,
    DifferencePart,
    GammaPart,
    Tg218Part,
)
from encryptsecurert_protocol.dose_results import ComparedDose, DoseComparison
from encryptsecurert_protocol.fields import time_text
from EncryptSecureRTLib.client.dose_criteria import figures
from EncryptSecureRTLib.client.dose_outcome import DoseFound, DoseOutcome, MadeBy
from EncryptSecureRTLib.client.dose_scene import Labels

NOTHING = "-"
Facts = list[tuple[str, str]]
_DIGITS = 4
_VERDICTS = {
    "within_tolerance": "within tolerance",
    "between": "between tolerance and action limit: investigate",
    "beyond_action": "beyond the action limit",
    "undecided": "undecided: the proven interval holds a limit",
    "nothing_evaluated": "nothing was evaluated",
}
_WARNINGS = {
    "other_summation_type": "The two doses have different summation types.",
    "other_dose_type": "One dose is physical, the other effective (RBE-weighted).",
    "partly_outside_evaluated": "Part of the reference is outside the evaluated grid; nothing was "
    "compared there.",
    "gamma_nothing_evaluated": "No point was evaluated by gamma.",
    "gamma_unproven": "Of some points gamma is an upper bound, not proven.",
    "registered": "The evaluated dose was compared through a registration that was given.",
    "partly_outside_dose": "partly outside a dose grid; its figures are of the part inside",
    "outside_dose": "outside a dose grid; it has no figures there",
    "ambiguous_overlap": "contours of one plane overlap without one holding the other",
    "gap_between_planes": "a gap between its planes; it ends on both sides of it",
    "thickness_assumed": "one plane only, taken to be as thick as a slice of the dose",
    "contour_without_area": "a contour without area was left out",
    "structure_unusable": "encloses nothing that can be measured, or is too large; it was left out",
    "coarse_cells": "too large for cells as fine as wished; its figures are coarser",
}


def number(value: float | None, digits: int = _DIGITS) -> str:
    """Return a number for reading, `-` for none."""
    return NOTHING if value is None else figures(value, digits)


def fixed(value: float | None, places: int) -> str:
    """Return a number with so many places, `-` for none."""
    return NOTHING if value is None else f"{value or 0.0:.{places}f}"


def signed(value: float | None, places: int) -> str:
    """Return a difference with its sign; what is nothing to so many places has none."""
    text = fixed(value, places)
    if value is None or not text.strip("-0."):
        return text.removeprefix("-") if value is not None else text
    return text if text.startswith("-") else f"+{text}"


def places_of(comparison: DoseComparison) -> int:
    """Return to how many places doses in Gy are told: hundredths, finer where doses are small."""
    return places_for(comparison.reference.maximum_gy)


def places_for(maximum_gy: float) -> int:
    """Return the same of the largest dose."""
    return 2 if maximum_gy >= 10 else 3 if maximum_gy >= 1 else 5


def percent(value: float | None) -> str:
    """Return a percentage to hundredths, so that 99.996 % is not told as 100 %."""
    if value is None:
        return NOTHING
    text = f"{value:.2f}"
    return f"{value:.4f}" if text == "100.00" and value < 100 else text


def minus(evaluated: float | None, reference: float | None) -> float | None:
    """Return evaluated - reference, None unless there are both."""
    return None if evaluated is None or reference is None else evaluated - reference


def verdict_words(comparison: DoseComparison) -> tuple[str, str]:
    """Return (verdict of TG-218 in words, `good`, `fair`, `bad` or empty); both empty if none."""
    return tg218_words(comparison.tg218)


def tg218_words(part: Tg218Part | None) -> tuple[str, str]:
    """Return the same of a verdict."""
    if part is None:
        return "", ""
    state = {"within_tolerance": "good", "between": "fair", "beyond_action": "bad"}
    limits = f"tolerance {part.tolerance_percent:.4g} %, action {part.action_percent:.4g} %"
    words = f"{_VERDICTS[part.verdict]} ({limits})"
    if part.departures:  # the limits are made for others, so no colour speaks for this one
        return f"{words}; NOT the universal criteria: {'; '.join(part.departures)}", ""
    return words, state.get(part.verdict, "")


def pass_words(passed: GammaFigures | AgreementFigures) -> str:
    """Return the pass rate with how many points it is of."""
    if not passed.evaluated:
        return "no point was evaluated"
    certain, possible = passed.pass_percent_certain, passed.pass_percent_possible
    rate = f"{percent(certain)} %"
    if passed.passed_possible != passed.passed_certain:
        rate = f"{percent(certain)} % (proven) to {percent(possible)} % (possible)"
    return f"{rate} of {passed.evaluated:,} points"


def summary_facts(outcome: DoseOutcome) -> Facts:
    """Return what stands on top, below the verdict and its criteria: who is compared with whom."""
    comparison = outcome.comparison
    return [
        ("Reference", dose_words(comparison.reference)),
        ("Evaluated", dose_words(comparison.evaluated)),
        ("Patient", f"pseudonym {comparison.reference.facts.patient_id}"),
        ("Registration", registration_words(comparison)),
    ]


def gamma_facts(outcome: DoseFound) -> Facts:
    """Return the figures of gamma on the whole grid, and why points were not evaluated."""
    part = outcome.comparison.gamma
    return [] if part is None else facts_of_gamma(part)


def facts_of_gamma(part: GammaPart) -> Facts:
    """Return the same of a part."""
    gamma, cap = part.whole, part.options.cap
    facts = [("Gamma at most 1", pass_words(gamma))]
    if gamma.mean is not None:
        words = f"mean {fixed(gamma.mean, 3)}, 99th percentile {fixed(gamma.p99, 3)}, "
        words += (
            f"maximum {fixed(gamma.maximum, 3)}; above 1.5: {percent(gamma.above_1_5_percent)} %"
        )
        facts.append(("Gamma", f"{words}; {gamma.capped:,} points at the cap of {cap:g}"))
    if part.eps > 0:
        facts.append(("Proven", f"each gamma lies at most {part.eps:g} below the one told"))
    if part.unproven:
        words = f"{part.unproven:,} points: their gamma is an upper bound, no more"
        facts.append(("Not proven", words))
    apart = (
        (gamma.below_cutoff, "reference dose below the cutoff"),
        (gamma.outside, "outside the evaluated grid"),
        (gamma.undefined, "no reference dose to take a percentage of"),
    )
    words = "; ".join(f"{count:,} {why}" for count, why in apart if count)
    facts.append(("Points not evaluated", words or "none"))
    return facts


def difference_facts(outcome: DoseFound) -> Facts:
    """Return the figures of the dose difference, none if it was not asked for."""
    part, places = outcome.comparison.difference, places_of(outcome.comparison)
    return [] if part is None else facts_of_difference(part, places)


def facts_of_difference(
    part: DifferencePart, places: int, name: str = "Evaluated - reference"
) -> Facts:
    """Return the same of a part, doses told to so many places; `name` says what minus what."""
    one = part.whole
    spread = f"mean {signed(one.mean_gy, places)} Gy, SD {fixed(one.sd_gy, places)} Gy, "
    spread += f"RMS {fixed(one.rms_gy, places)} Gy"
    reach = f"{signed(one.minimum_gy, places)} to {signed(one.maximum_gy, places)} Gy"
    middle = (
        f"2nd to 98th percentile {signed(one.p2_gy, places)} to {signed(one.p98_gy, places)} Gy"
    )
    facts = [(name, spread), ("Range", f"{reach}; {middle}")]
    outside = f", {one.outside:,} points outside the evaluated grid" if one.outside else ""
    return [*facts, ("Points", f"{one.points:,}, without a cutoff{outside}")]


def structure_facts(outcome: DoseOutcome, n: int) -> Facts:
    """Return gamma and difference at the points inside one structure."""
    comparison, facts = outcome.comparison, Facts()
    places = places_of(comparison)
    gamma, difference = comparison.gamma, comparison.difference
    for inside in (one.figures for one in (gamma.structures if gamma else ()) if one.number == n):
        words = pass_words(inside)
        if inside.mean is not None:
            words += f"; mean {fixed(inside.mean, 3)}, maximum {fixed(inside.maximum, 3)}"
        facts.append(("Gamma at most 1", words))
    found = difference.structures if difference else ()
    for apart in (one.figures for one in found if one.number == n):
        words = f"mean {signed(apart.mean_gy, places)} Gy, "
        words += f"{signed(apart.minimum_gy, places)} to {signed(apart.maximum_gy, places)} Gy"
        facts.append(("Evaluated - reference", words))
    return facts


def agreement_facts(outcome: DoseOutcome) -> Facts:
    """Return the figures of distance to agreement, none if it was not asked for."""
    part = outcome.comparison.agreement
    return [] if part is None else facts_of_agreement(part)


def facts_of_agreement(part: AgreementPart) -> Facts:
    """Return the same of a part."""
    one = part.whole
    words = f"mean {fixed(one.mean_mm, 2)} mm, 95th percentile {fixed(one.p95_mm, 2)} mm, "
    words += f"maximum {fixed(one.maximum_mm, 2)} mm of {one.found:,} points"
    facts = [("Distance to agreement", words)]
    without = one.evaluated - one.found
    if without:
        far = f"{without:,} points have no equal dose within {part.options.radius_mm:g} mm"
        facts.append(("None found", far))
    return [*facts, ("Composite test", pass_words(one)), ("Its criteria", part.words)]


def made_facts(outcome: DoseOutcome) -> Facts:
    """Return which code on which worker made the results, and what vouches for it."""
    comparison = outcome.comparison
    return facts_of_maker(outcome.made_by, comparison.algorithms, comparison.kernels_sha256)


def facts_of_maker(made: MadeBy, algorithms: Sequence[str], kernels_sha256: str) -> Facts:
    """Return the same of any result of the kernels."""
    return [
        ("Worker", made.words),
        ("Measurement", made.measurement),
        ("Policy SHA-256", made.policy_sha256),
        ("Receipt SHA-256", made.receipt_sha256),
        ("Algorithms", ", ".join(algorithms)),
        ("Kernels SHA-256", kernels_sha256),
        ("Time, as the worker says", time_text(made.time_claimed)),
    ]


def dose_words(dose: ComparedDose) -> str:
    """Say what a dose is, its grid and its largest value."""
    k, j, i = dose.shape
    steps = " x ".join(f"{step:g}" for step in reversed(dose.spacing_mm))
    facts = dose.facts
    kind = f"{facts.dose_summation_type} dose, {facts.dose_type}"
    grid = f"{i} x {j} x {k} voxels of {steps} mm"
    return f"{kind}, maximum {number(dose.maximum_gy, 5)} Gy, {grid}; {facts.dose_sop_instance_uid}"


def registration_words(comparison: DoseComparison) -> str:
    """Say how the two frames of reference go together."""
    matrix = comparison.registration
    if matrix is None:
        return "none: both doses are in one frame of reference"
    shift = ", ".join(number(matrix[at]) for at in (3, 7, 11))
    return f"rigid, as given: reference to evaluated, shift ({shift}) mm after its rotation"


def warning_words(warning: str, labels: Labels) -> str:
    """Say a warning's word as a sentence; a structure's number stands behind its point."""
    word, _, of = warning.partition(".")
    if word == "profile_outside":
        return f"Profile {of}: one of the doses is nowhere along it."
    words = _WARNINGS.get(word, word.replace("_", " "))
    return f"{labels.name(int(of))}: {words}" if of.isdecimal() else words
