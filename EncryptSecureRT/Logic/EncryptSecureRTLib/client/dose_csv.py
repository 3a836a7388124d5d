"""Tables of a dose comparison for other programs: all digits, the unit in the name of a column.

    comparison.csv   one row for the whole grid, one for each structure
    dvh.csv          one row for each point of each DVH
    goals.csv        one row for each goal
    profiles.csv     one row for each point of each profile, its place in LPS
    isodoses.csv     one row for each level

Lines that begin with `#` say criteria, receipt and what an empty cell means. Numbers have a decimal
point wherever they are read, and as many digits as tell them apart from every other float64.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any

from encryptsecurert_protocol.canonical import fraction_text
from encryptsecurert_protocol.dose_curves import CurveOf
from encryptsecurert_protocol.dose_figures import (
    AgreementFigures,
    DifferenceFigures,
    GammaFigures,
)
from encryptsecurert_protocol.dose_profiles import ProfileLine
from encryptsecurert_protocol.dvh_parts import DvhPart, MetricValue
from EncryptSecureRTLib.client.dose_facts import minus
from EncryptSecureRTLib.client.dose_outcome import DoseOutcome
from EncryptSecureRTLib.client.dose_scene import Labels
from EncryptSecureRTLib.client.dose_tables import structure_numbers

_WHOLE = "whole grid"
_UNITS = {"_gy": "_Gy", "_mm": "_mm", "_cc": "_cc", "_percent": "_percent"}
_METRIC_UNITS = {"Gy": "Gy", "%": "percent", "cc": "cc", "1": ""}
_SUMMARY = ("minimum_gy", "mean_gy", "maximum_gy")
Cells = dict[str, str]


def comparison_csv(outcome: DoseOutcome, labels: Labels) -> bytes:
    """Return the figures of the whole grid and of each structure, as UTF-8."""
    comparison = outcome.comparison
    parts = (
        ("gamma", comparison.gamma),
        ("difference", comparison.difference),
        ("agreement", comparison.agreement),
    )
    rows: list[Cells] = [{"structure_number": "", "structure": _WHOLE}]
    for prefix, part in parts:
        if part is not None:
            rows[0] |= _figures(prefix, part.whole)
    dvhs = {part.number: part for part in comparison.dvh or ()}
    for n in structure_numbers(comparison):
        row = {"structure_number": str(n), "structure": labels.name(n)}
        if n in dvhs:
            row |= _dvh(dvhs[n])
        for prefix, part in parts:
            found = [] if part is None else [s.figures for s in part.structures if s.number == n]
            for one in found:
                row |= _figures(prefix, one)
        rows.append(row)
    for n in comparison.unusable:
        cells = {"structure_number": str(n), "structure": labels.name(n)}
        rows.append({**cells, "left_out": "unusable"})
    heads = list(dict.fromkeys(name for row in rows for name in row))
    return _table(outcome, heads, ([row.get(name, "") for name in heads] for row in rows))


def dvh_csv(outcome: DoseOutcome, labels: Labels) -> bytes:
    """Return all cumulative DVHs: the fraction of a structure with at least each dose."""
    heads = ("structure_number", "structure", "dose", "at_least_Gy", "volume_fraction")
    rows = (
        (str(n), labels.name(n), dose.value, fraction_text(x), fraction_text(y))
        for n in structure_numbers(outcome.comparison)
        for dose in CurveOf
        if (curve := outcome.curves.get((n, dose))) is not None
        for x, y in zip(curve.dose_gy.tolist(), curve.fraction.tolist(), strict=True)
    )
    return _table(outcome, heads, rows)


def goals_csv(outcome: DoseOutcome, labels: Labels) -> bytes:
    """Return the goals and how each dose stands to them."""
    heads = (
        *("structure_number", "structure", "metric", "relation", "value", "variation", "unit"),
        *("priority", "reference_value", "reference_state", "reference_reason"),
        *("evaluated_value", "evaluated_state", "evaluated_reason"),
    )
    rows = (
        (
            str(one.goal.structure),
            labels.name(one.goal.structure),
            one.goal.metric,
            one.goal.relation,
            fraction_text(one.goal.value),
            _cell(one.goal.variation),
            one.goal.unit,
            str(one.goal.priority),
            _cell(one.reference_value),
            one.reference_state,
            one.reference_reason or "",
            _cell(one.evaluated_value),
            one.evaluated_state,
            one.evaluated_reason or "",
        )
        for one in outcome.comparison.goals
    )
    return _table(outcome, heads, rows)


def profiles_csv(outcome: DoseOutcome) -> bytes:
    """Return both doses along all lines; profiles are counted from 1."""
    heads = (
        *("profile", "position_mm", "x_lps_mm", "y_lps_mm", "z_lps_mm"),
        *("reference_Gy", "evaluated_Gy", "difference_Gy"),
    )
    rows = (
        (
            str(place),
            fraction_text(position_mm),
            *(fraction_text(x) for x in _point(part.line, position_mm)),
            *(_cell(dose) for dose in (reference, evaluated, minus(evaluated, reference))),
        )
        for place, part in enumerate(outcome.comparison.profiles, 1)
        for position_mm, reference, evaluated in zip(
            part.position_mm, part.reference_gy, part.evaluated_gy, strict=True
        )
    )
    return _table(outcome, heads, rows)


def _point(line: ProfileLine, position_mm: float) -> list[float]:
    share = position_mm / line.length_mm
    ends = zip(line.from_lps_mm, line.to_lps_mm, strict=True)
    return [one + share * (other - one) for one, other in ends]


def isodoses_csv(outcome: DoseOutcome) -> bytes:
    """Return what both doses enclose at each level."""
    heads = (
        *("level_Gy", "unit", "reference", "evaluated", "difference"),
        *("common_reference", "common_evaluated", "both", "dice"),
    )
    rows = (
        (
            fraction_text(one.level_gy),
            one.unit,
            fraction_text(one.reference),
            fraction_text(one.evaluated),
            fraction_text(one.evaluated - one.reference),
            fraction_text(one.common_reference),
            fraction_text(one.common_evaluated),
            fraction_text(one.both),
            _cell(one.dice),
        )
        for one in outcome.comparison.isodoses
    )
    return _table(outcome, heads, rows)


def _figures(prefix: str, figures: GammaFigures | DifferenceFigures | AgreementFigures) -> Cells:
    return {
        f"{prefix}_{_column(field.name)}": _cell(getattr(figures, field.name))
        for field in fields(figures)
    }


def _column(name: str) -> str:
    """Return a member's name with its unit as people write it: `mean_gy` is `mean_Gy`."""
    for suffix, unit in _UNITS.items():
        if name.endswith(suffix):
            return name.removesuffix(suffix) + unit
    return name


def _dvh(part: DvhPart) -> Cells:
    one, other = part.reference, part.evaluated
    cells = {
        "volume_cc": _cell(one.summary.volume_cc),
        "dvh_reference_covered_fraction": _cell(one.summary.covered_fraction),
        "dvh_evaluated_covered_fraction": _cell(other.summary.covered_fraction),
    }
    for name in _SUMMARY:
        pair = getattr(one.summary, name), getattr(other.summary, name)
        cells |= _pair(_column(name), *pair)
    others = {(m.metric, m.unit): m.value for m in other.metrics}
    for metric in one.metrics:
        evaluated = others.get((metric.metric, metric.unit))
        cells |= _pair(_metric_column(metric), metric.value, evaluated)
    for index in part.indices:
        cells |= _pair(index.name, index.reference, index.evaluated)
    if part.comparison is not None:
        cells["dvh_agreement_percent"] = _cell(part.comparison.agreement_percent)
        cells["dvh_agreement_worst"] = _cell(part.comparison.worst)
    return cells


def _metric_column(metric: MetricValue) -> str:
    name, unit = metric.metric.partition("[")[0], _METRIC_UNITS[metric.unit]
    if metric.metric.endswith(f"[{metric.unit}]") or "[" not in metric.metric:
        return f"{name}_{unit}" if unit else name
    return metric.metric  # an equivalent dose: its unit stands in brackets


def _pair(name: str, reference: float | None, evaluated: float | None) -> Cells:
    return {
        f"dvh_reference_{name}": _cell(reference),
        f"dvh_evaluated_{name}": _cell(evaluated),
        f"dvh_difference_{name}": _cell(minus(evaluated, reference)),
    }


def _cell(value: float | int | None) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else fraction_text(value)


def _table(outcome: DoseOutcome, heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    for line in _remarks(outcome):
        text.write(f"# {line}\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows(rows)
    return text.getvalue().encode()


def _remarks(outcome: DoseOutcome) -> list[str]:
    comparison, made = outcome.comparison, outcome.made_by
    lines = ["EncryptSecureRT dose comparison; not a medical device"]
    if made.simulated:
        lines.append("SIMULATED TEE: not for patient data")
    lines += [
        f"reference dose {comparison.reference.facts.dose_sop_instance_uid}",
        f"evaluated dose {comparison.evaluated.facts.dose_sop_instance_uid}",
    ]
    if comparison.gamma is not None:
        lines.append(comparison.gamma.words)
    if comparison.agreement is not None:
        lines.append(comparison.agreement.words)
    lines.append("differences are evaluated - reference; an empty cell: nothing was evaluated")
    return [*lines, f"receipt SHA-256 {made.receipt_sha256}", f"measurement {made.measurement}"]
