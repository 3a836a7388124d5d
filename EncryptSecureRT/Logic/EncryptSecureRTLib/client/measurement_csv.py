"""Tables of a comparison with a measurement for other programs: all digits, units in names.

    measurement-comparison.csv   part,figure,value; a figure's name ends with its unit
    points.csv                   of points: one row each, in the order of the input

Lines that begin with `#` say criteria, receipt and what an empty cell means.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields

from encryptsecurert_protocol.canonical import fraction_text
from encryptsecurert_protocol.measurement_parts import PointsPart, PointValues
from EncryptSecureRTLib.client.measurement_outcome import MeasurementOutcome

_VALUES = tuple(field.name for field in fields(PointValues))


def figures_csv(outcome: MeasurementOutcome) -> bytes:
    """Return every figure, as UTF-8."""
    return _table(outcome, ("part", "figure", "value"), _figures(outcome))


def points_csv(outcome: MeasurementOutcome, part: PointsPart) -> bytes:
    """Return the points, as UTF-8."""
    rows = (
        (*(_cell(getattr(row.values, name)) for name in _VALUES), row.state, row.verdict)
        for row in part.rows
    )
    remarks = [f"{part.left_out} more points are not listed"] if part.left_out else []
    return _table(outcome, (*_VALUES, "distance_state", "verdict"), rows, remarks)


def _figures(outcome: MeasurementOutcome) -> Iterator[tuple[str, str, str]]:
    comparison = outcome.comparison
    for name, whole in (
        ("gamma", comparison.gamma and comparison.gamma.whole),
        ("difference", comparison.difference.whole),
        ("agreement", comparison.agreement.whole),
    ):
        for field in fields(whole) if whole else ():
            yield name, field.name, _cell(getattr(whole, field.name))
    verdict = comparison.tg218
    if verdict is not None:
        yield "tg218", "verdict", verdict.verdict
        yield "tg218", "tolerance_percent", _cell(verdict.tolerance_percent)
        yield "tg218", "action_percent", _cell(verdict.action_percent)
        yield "tg218", "departures", "; ".join(verdict.departures)
    shift = comparison.shift
    if shift is not None:
        for name in ("x_mm", "y_mm", "z_mm"):
            yield "shift_not_applied", name, _cell(getattr(shift, name))
        for when, one in (("before", shift.before), ("after", shift.after)):
            for field in fields(one):
                yield "shift_not_applied", f"{when}_{field.name}", _cell(getattr(one, field.name))


def _cell(value: float | int | None) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else fraction_text(value)


def _table(
    outcome: MeasurementOutcome,
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    remarks: Sequence[str] = (),
) -> bytes:
    text = io.StringIO()
    for line in (*_remarks(outcome), *remarks):
        text.write(f"# {line}\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows(rows)
    return text.getvalue().encode()


def _remarks(outcome: MeasurementOutcome) -> Iterator[str]:
    comparison, made = outcome.comparison, outcome.made_by
    yield "EncryptSecureRT comparison with a measurement; not a medical device"
    if made.simulated:
        yield "SIMULATED TEE: not for patient data"
    yield f"calculated dose {comparison.calculated.facts.dose_sop_instance_uid}"
    if comparison.gamma is not None:
        yield comparison.gamma.words
    yield comparison.agreement.words
    yield "differences are calculated - measured; an empty cell: nothing was evaluated"
    yield f"receipt SHA-256 {made.receipt_sha256}"
    yield f"measurement of the worker {made.measurement}"
