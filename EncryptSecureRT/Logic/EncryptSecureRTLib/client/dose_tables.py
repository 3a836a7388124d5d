"""The tables of a dose comparison: structures, dose-volume metrics, goals."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from encryptsecurert_protocol.dose_figures import GammaFigures
from encryptsecurert_protocol.dose_results import DoseComparison
from encryptsecurert_protocol.dvh_parts import DvhFigures, DvhPart, MetricValue
from EncryptSecureRTLib.client.dose_facts import (
    NOTHING,
    fixed,
    minus,
    number,
    percent,
    places_of,
    signed,
)
from EncryptSecureRTLib.client.dose_outcome import DoseOutcome
from EncryptSecureRTLib.client.dose_scene import Labels

_STATES = {
    "met": "met",
    "acceptable_variation": "acceptable variation",
    "not_met": "NOT met",
}
_REASONS = {
    "no_structure": "no such structure",
    "structure_unusable": "its contours cannot be used",
    "not_covered": "partly outside the dose",
    "too_small": "the structure is too small",
}
METRICS_NOTE = "Least, mean and greatest are of the continuous dose, also between voxels."
_INDICES = {
    "coverage_percent": "coverage by the prescription, %",
    "conformity_rtog": "conformity (RTOG)",
    "conformity_paddick": "conformity (Paddick)",
    "gradient_index": "gradient index",
    "homogeneity": "homogeneity (D2% - D98%)/D50%",
}
_SUMMARY_METRICS = ("D95%", "D2cc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table; the first cell of a row names it.

    Attributes
    ----------
    states : for each row a word that colours it: `good`, `fair`, `bad`, or empty.
    """

    title: str
    note: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    states: tuple[str, ...] = ()


def structure_table(outcome: DoseOutcome, labels: Labels) -> Table | None:
    """Return one row for each structure, None if there are none."""
    comparison = outcome.comparison
    numbers = structure_numbers(comparison)
    if not numbers and not comparison.unusable:
        return None
    dvhs = {part.number: part for part in comparison.dvh or ()}
    shown = [
        name
        for name in _SUMMARY_METRICS
        if any(_metric(part.reference, name) is not None for part in dvhs.values())
    ]
    heads = ["Structure", *_dvh_heads(shown) * bool(dvhs)]
    if comparison.difference is not None:
        heads += ["mean difference Gy"]
    if comparison.gamma is not None:
        heads += ["gamma pass %", "points"]
    return Table(
        title="Structures",
        note=_structure_note(comparison),
        heads=tuple(heads),
        rows=(
            *(_structure_row(n, dvhs.get(n), shown, outcome, labels) for n in numbers),
            *(_unusable_row(n, labels, len(heads)) for n in comparison.unusable),
        ),
    )


def _unusable_row(n: int, labels: Labels, cells: int) -> tuple[str, ...]:
    return (labels.name(n), *(["left out"] + [NOTHING] * cells)[: cells - 1])


def _dvh_heads(shown: Sequence[str]) -> list[str]:
    heads = ["volume cc", "inside grid %", "Dmean Gy ref.", "eval."]
    for name in shown:
        heads += [f"{name} Gy ref.", "eval."]
    return heads


def _structure_note(comparison: DoseComparison) -> str:
    notes = ["ref. is the reference, eval. the evaluated dose."]
    if comparison.gamma is not None:
        notes.append(
            f"Pass rates are of the points inside a structure, {comparison.gamma.words}; where the "
            "proven rate and the possible one differ, both are told."
        )
    return " ".join(notes)


def _structure_row(
    n: int, dvh: DvhPart | None, shown: Sequence[str], outcome: DoseOutcome, labels: Labels
) -> tuple[str, ...]:
    comparison = outcome.comparison
    cells, places = [labels.name(n)], places_of(comparison)
    if comparison.dvh is not None:
        cells += _dvh_cells(dvh, shown, places)
    if comparison.difference is not None:
        found = {one.number: one.figures for one in comparison.difference.structures}
        cells.append(signed(found[n].mean_gy, places) if n in found else NOTHING)
    if comparison.gamma is not None:
        gamma = {one.number: one.figures for one in comparison.gamma.structures}.get(n)
        cells += [NOTHING, NOTHING] if gamma is None else [_rate(gamma), f"{gamma.evaluated:,}"]
    return tuple(cells)


def _dvh_cells(dvh: DvhPart | None, shown: Sequence[str], places: int) -> list[str]:
    if dvh is None:
        return [NOTHING] * (4 + 2 * len(shown))
    one, other = dvh.reference, dvh.evaluated
    inside = min(one.summary.covered_fraction, other.summary.covered_fraction)
    cells = [fixed(one.summary.volume_cc, 2), percent(100 * inside)]
    cells += [fixed(d.summary.mean_gy, places) for d in (one, other)]
    for name in shown:
        cells += [fixed(_value(_metric(d, name)), places) for d in (one, other)]
    return cells


def _rate(gamma: GammaFigures) -> str:
    certain, possible = gamma.pass_percent_certain, gamma.pass_percent_possible
    if gamma.passed_certain == gamma.passed_possible:
        return percent(certain)
    return f"{percent(certain)} to {percent(possible)}"


def metrics_table(dvh: DvhPart, labels: Labels, places: int) -> Table:
    """Return all figures of one structure's DVHs, both doses beside each other."""
    one, other = dvh.reference, dvh.evaluated
    inside = (100 * one.summary.covered_fraction, 100 * other.summary.covered_fraction)
    pairs: list[tuple[str, str, float | None, float | None]] = [
        ("volume, cc", "cc", one.summary.volume_cc, other.summary.volume_cc),
        ("inside the grid, %", "%", *inside),
        ("least dose, Gy", "Gy", one.summary.minimum_gy, other.summary.minimum_gy),
        ("mean dose, Gy", "Gy", one.summary.mean_gy, other.summary.mean_gy),
        ("greatest dose, Gy", "Gy", one.summary.maximum_gy, other.summary.maximum_gy),
    ]
    others = {(m.metric, m.unit): m.value for m in other.metrics}
    pairs += [
        (metric_words(m), m.unit, m.value, others.get((m.metric, m.unit))) for m in one.metrics
    ]
    pairs += [(_INDICES.get(i.name, i.name), "1", i.reference, i.evaluated) for i in dvh.indices]
    digits = {"Gy": places, "%": 2, "cc": 2, "1": 3}
    note = ""
    if dvh.comparison is not None:
        found = dvh.comparison
        note = (
            f"DVH agreement: {percent(found.agreement_percent)} % of the reference's points within "
            f"{found.criteria.dose_percent:g} % of {number(found.norm_gy)} Gy and "
            f"{found.criteria.volume_percent:g} % of the volume."
        )
    return Table(
        title=labels.name(dvh.number),
        note=note,
        heads=("", "reference", "evaluated", "difference"),
        rows=tuple(
            (
                words,
                fixed(value, digits[unit]),
                fixed(evaluated, digits[unit]),
                signed(minus(evaluated, value), digits[unit]),
            )
            for words, unit, value, evaluated in pairs
        ),
    )


def metric_words(metric: MetricValue) -> str:
    """Return a metric with its unit: `D95%, Gy`."""
    if "[" in metric.metric or metric.unit == "1":
        return metric.metric
    return f"{metric.metric}, {metric.unit}"


def goals_table(outcome: DoseOutcome, labels: Labels) -> Table | None:
    """Return one row for each goal, None if there are none."""
    goals = outcome.comparison.goals
    if not goals:
        return None
    rows, states = [], []
    for one in sorted(goals, key=lambda g: g.goal.priority):
        goal = one.goal
        asked = f"{goal.metric} {goal.relation} {number(goal.value)}"
        if goal.variation is not None:
            asked += f", acceptable to {number(goal.variation)}"
        values = (one.reference_value, one.evaluated_value)
        places = places_of(outcome.comparison) if goal.unit == "Gy" else 2
        cells = [
            f"{fixed(value, places)} {goal.unit}" if value is not None else NOTHING
            for value in values
        ]
        words = [
            _state_words(one.reference_state, one.reference_reason),
            _state_words(one.evaluated_state, one.evaluated_reason),
        ]
        row = (labels.name(goal.structure), asked, cells[0], words[0], cells[1], words[1])
        rows.append((*row, str(goal.priority)))
        states.append(
            {"met": "good", "acceptable_variation": "fair", "not_met": "bad"}.get(
                one.evaluated_state, ""
            )
        )
    return Table(
        title="Goals",
        note="Coloured by what becomes of a goal under the evaluated dose. Priority 1 comes first.",
        heads=("Structure", "Goal", "Reference", "verdict", "Evaluated", "verdict", "Priority"),
        rows=tuple(rows),
        states=tuple(states),
    )


def _state_words(state: str, reason: str | None) -> str:
    words = _STATES.get(state, "not evaluable")
    if reason is None:
        return words
    return f"{words}: {_REASONS.get(reason, reason.replace('_', ' '))}"


def structure_numbers(comparison: DoseComparison) -> tuple[int, ...]:
    """Return the numbers of all structures, in the order in which they were sent."""
    parts: Iterable[int] = (part.number for part in comparison.dvh or ())
    found = dict.fromkeys(parts)
    for part in (comparison.gamma, comparison.difference):
        found |= dict.fromkeys(one.number for one in (part.structures if part else ()))
    return tuple(found)


def _metric(dvh: DvhFigures, name: str) -> MetricValue | None:
    wanted = (name, f"{name}[Gy]")
    return next((m for m in dvh.metrics if m.metric in wanted and m.unit == "Gy"), None)


def _value(metric: MetricValue | None) -> float | None:
    return None if metric is None else metric.value
