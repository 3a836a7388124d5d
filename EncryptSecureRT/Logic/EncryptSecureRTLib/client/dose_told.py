"""What `dose-compare` tells in the end: a verdict and tables for people, the same as JSON."""

from typing import Any

from EncryptSecureRTLib.client.dose_compare import Compared
from EncryptSecureRTLib.client.dose_facts import pass_words, verdict_words, warning_words
from EncryptSecureRTLib.client.dose_scene import Labels
from EncryptSecureRTLib.client.dose_shapes import (
    isodose_table,
    profile_table,
    profile_title,
    profile_words,
)
from EncryptSecureRTLib.client.dose_tables import Table, goals_table, structure_table
from EncryptSecureRTLib.client.telling import Told

_MOST_STRUCTURES = 60  # of a terminal; all are in the files
_MOST_WARNINGS = 100  # the result is one line, of at most `Limits.json_line_bytes`


def comparison_told(made: Compared, labels: Labels, percent_gy: float | None = None) -> Told:
    """Tell verdict, pass rate with its criteria, structures, goals, warnings and files."""
    comparison, judged = made.outcome.comparison, made.finished.judged
    files = [str(path) for path in made.files]
    lines = []
    verdict, _ = verdict_words(comparison)
    if verdict:
        lines.append(f"TG-218: {verdict}")
    if comparison.gamma is not None:
        lines.append(f"gamma at most 1 at {pass_words(comparison.gamma.whole)}")
        lines.append(comparison.gamma.words)
    isodoses = isodose_table(comparison, percent_gy)
    outcome = made.outcome
    for table in (structure_table(outcome, labels), goals_table(outcome, labels), isodoses):
        if table is not None:
            lines += ["", *_table_lines(table)]
    for place, part in enumerate(comparison.profiles):
        lines += ["", profile_title(part, place), profile_words(part)]
        table = profile_table(part, place)
        lines += [] if table is None else _table_lines(table)
    warnings = [f"warning: {warning_words(w, labels)}" for w in comparison.warnings]
    return "\n".join([*lines, "", *warnings, *files]), {
        "files": files,
        "gamma": _gamma(made),
        "tg218": None if comparison.tg218 is None else comparison.tg218.verdict,
        "goals": _goal_counts(made),
        "warnings": list(comparison.warnings[:_MOST_WARNINGS]),
        "receipt_sha256": judged.sha256,
        "outputs": dict(judged.body.outputs),
        "verdict": judged.verdict.to_json(),
        "simulated": judged.verdict.simulated,
    }


def _gamma(made: Compared) -> dict[str, Any] | None:
    part = made.outcome.comparison.gamma
    if part is None:
        return None
    whole = part.whole
    return {
        "criteria": part.words,
        "evaluated": whole.evaluated,
        "pass_percent_certain": whole.pass_percent_certain,
        "pass_percent_possible": whole.pass_percent_possible,
    }


def _goal_counts(made: Compared) -> dict[str, int]:
    """Count what becomes of goals under the evaluated dose, by word."""
    states = [one.evaluated_state for one in made.outcome.comparison.goals]
    return {state: states.count(state) for state in sorted(set(states))}


def _table_lines(table: Table) -> list[str]:
    rows = [table.heads, *table.rows[:_MOST_STRUCTURES]]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    left_out = len(table.rows) - _MOST_STRUCTURES
    return lines if left_out <= 0 else [*lines, f"and {left_out} more, see comparison.csv"]
