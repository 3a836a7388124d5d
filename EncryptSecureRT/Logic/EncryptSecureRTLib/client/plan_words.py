"""A plan check as a table for people, as CSV, and as what `--json` tells."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from encryptsecurert_protocol.canonical import fraction_text
from encryptsecurert_protocol.plan_checks import CheckRow, CheckVerdict, PlanComparison

if TYPE_CHECKING:
    from EncryptSecureRTLib.client.plan_check import Compared

_PLACES = ("beam", "group", "fraction", "point", "bank", "leaf")
_CSV = (
    *("scope", "what", *_PLACES, "expected", "found", "unit", "difference", "tolerance"),
    *("verdict", "compared", "not_compared", "beyond"),
)
_TITLES = {"plan": "plan beside plan", "record": "plan beside record", "log": "plan beside log"}
_OUTCOMES = {
    CheckVerdict.BEYOND: "BEYOND TOLERANCE",
    CheckVerdict.WITHIN: "within tolerance",
    CheckVerdict.TOLD: "told, without a tolerance",
    CheckVerdict.NOT_COMPARED: "NOTHING COULD BE COMPARED",
}
_MOST_ROWS = 100  # the result is one line, of at most `Limits.json_line_bytes`
_WIDTHS = (24, 5, 4, 6, 7, 12, 12, 12, 10, 8)
_HEADS = (
    *("what", "beam", "fr", "point", "leaf", "expected", "found", "difference", "tolerance"),
    "unit",
)


def csv_of(comparison: PlanComparison) -> str:
    """Return every row as CSV: `row` for what was compared, `point` for a single control point."""
    lines = [",".join(_CSV)]
    for scope, rows in (("row", comparison.rows), ("point", comparison.points)):
        lines += [",".join(_cells(scope, row)) for row in rows]
    return "\n".join([*lines, ""])


def _cells(scope: str, row: CheckRow) -> Iterator[str]:
    yield from (scope, row.what)
    yield from (str(row.places.get(name, "")) for name in _PLACES)
    yield from (_exact(row.expected), _exact(row.found), row.unit)
    yield from (_exact(row.difference), _exact(row.tolerance), row.verdict.value)
    yield from (str(count) for count in (row.compared, row.not_compared, row.beyond))


def _exact(value: float | str | None) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else fraction_text(value)


def compared_told(made: "Compared") -> tuple[str, dict[str, Any]]:
    """Tell the outcome, the rows beyond tolerance, and the files."""
    check, judged = made.comparison, made.finished.judged
    shown, left_out = _beyond(check)
    files = [str(path) for path in made.files]
    return "\n".join([*table_of(check), *files]), {
        "outcome": check.verdict.value,
        "form": check.form,
        "counts": check.counts,
        "beyond": [row.as_json() for row in shown],
        "left_out": left_out,
        "points": len(check.points) + check.points_left_out,
        "files": files,
        "receipt_sha256": judged.sha256,
        "outputs": dict(judged.body.outputs),
        "verdict": judged.verdict.to_json(),
        "simulated": judged.verdict.simulated,
    }


def table_of(check: PlanComparison) -> list[str]:
    """Return lines: the outcome, rows beyond tolerance, and what could not be compared."""
    counts = check.counts
    return [
        f"{_TITLES[check.form]}: {_OUTCOMES[check.verdict]}",
        f"{counts['beyond']} rows beyond, {counts['within']} within,"
        f" {counts['told']} told, {counts['not_compared']} not compared",
        *_table(*_beyond(check)),
        *_not_compared(check.rows),
    ]


def _beyond(check: PlanComparison) -> tuple[list[CheckRow], int]:
    """Return the rows beyond tolerance, as many as are told, and how many more there are."""
    rows = [row for row in check.rows if row.verdict is CheckVerdict.BEYOND]
    return rows[:_MOST_ROWS], max(len(rows) - _MOST_ROWS, 0)


def _table(rows: Sequence[CheckRow], left_out: int) -> list[str]:
    if not rows:
        return []
    lines = [_line(_HEADS), *(_line(tuple(_columns(row))) for row in rows)]
    return [*lines, f"and {left_out} more"] if left_out else lines


def _columns(row: CheckRow) -> Iterator[str]:
    places = row.places
    yield row.what
    yield from (str(places.get(name, "")) for name in ("beam", "fraction", "point"))
    yield f"{places['bank']}-{places['leaf']}" if "leaf" in places else ""
    for value in (row.expected, row.found, row.difference, row.tolerance):
        yield value if isinstance(value, str) else "" if value is None else f"{value:.6g}"
    yield "" if row.unit in ("1", "word") else row.unit


def _line(cells: Sequence[str]) -> str:
    first, *others = (
        f"{cell:<{width}}" if not n else f"{cell:>{width}}"
        for n, (cell, width) in enumerate(zip(cells, _WIDTHS, strict=True))
    )
    return "  ".join([first, *others]).rstrip()


def _not_compared(rows: Sequence[CheckRow]) -> list[str]:
    """Name what could not be compared, each once: an unknown value is no equal one."""
    names = dict.fromkeys(r.what for r in rows if r.verdict is CheckVerdict.NOT_COMPARED)
    return [f"not compared, since a side does not tell: {', '.join(names)}"] if names else []
