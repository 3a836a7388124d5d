"""The report of a comparison with a measurement as one page: no script, ready to print."""

from collections.abc import Iterator
from html import escape

from EncryptSecureRTLib.client.dose_facts import (
    facts_of_agreement,
    facts_of_difference,
    facts_of_gamma,
    facts_of_maker,
)
from EncryptSecureRTLib.client.dose_html import (
    GAMMA_COLOURS,
    NOT_A_DEVICE,
    REPORT_STYLE,
    facts_markup,
    pictured,
)
from EncryptSecureRTLib.client.dose_plots import histogram_figure
from EncryptSecureRTLib.client.dose_tables import Table
from EncryptSecureRTLib.client.html_page import band, page, table
from EncryptSecureRTLib.client.measurement_facts import (
    CALCULATED_MINUS_MEASURED,
    places_of,
    points_table,
    process_facts,
    shift_table,
    summary_facts,
    verdict_lines,
    warning_words,
)
from EncryptSecureRTLib.client.measurement_outcome import MeasurementOutcome
from EncryptSecureRTLib.client.measurement_plots import plane_words, planes_figure, profiles_figure
from EncryptSecureRTLib.client.version import VERSION

_TITLE = "Comparison with a measurement"
_STYLE = """
tr.bad td:nth-child(6) { background: none; font-weight: 400; }
tr.bad td:last-child { background: #fdeadd; font-weight: 700; }
"""


def measurement_page(outcome: MeasurementOutcome) -> bytes:
    """Return the page's octets, UTF-8."""
    comparison = outcome.comparison
    places = places_of(comparison)
    parts = [
        f"<h1>{_TITLE}</h1>",
        band(simulated=outcome.made_by.simulated),
        _verdict(outcome),
        facts_markup(summary_facts(comparison)),
        *_warnings(outcome),
        *_pictures(outcome),
        *_gamma(outcome),
        "<h2>Dose difference</h2>",
        facts_markup(facts_of_difference(comparison.difference, places, CALCULATED_MINUS_MEASURED)),
        "<h2>Distance to agreement</h2>",
        facts_markup(facts_of_agreement(comparison.agreement)),
        *_shift(outcome),
        *_process(outcome),
        *_points(outcome),
        "<h2>How it was made</h2>",
        facts_markup(
            facts_of_maker(outcome.made_by, comparison.algorithms, comparison.kernels_sha256)
        ),
        _foot(outcome),
    ]
    return page(_TITLE, parts, style=REPORT_STYLE + _STYLE, pictures=True)


def _verdict(outcome: MeasurementOutcome) -> str:
    comparison = outcome.comparison
    lines, state = verdict_lines(comparison)
    words = comparison.agreement.words if comparison.gamma is None else comparison.gamma.words
    said = "<br>".join(map(escape, lines))
    return f'<p class="verdict {state}">{said}<small>{escape(words)}</small></p>'


def _warnings(outcome: MeasurementOutcome) -> Iterator[str]:
    words = [warning_words(word) for word in outcome.comparison.warnings]
    if words:
        items = "".join(f"<li>{escape(one)}</li>" for one in words)
        yield f"<h2>Warnings</h2><ul>{items}</ul>"


def _pictures(outcome: MeasurementOutcome) -> Iterator[str]:
    if outcome.maps is None:
        return
    yield "<h2>Where</h2>"
    words = f"{plane_words(outcome.maps)} The calculated dose is drawn where it was compared."
    if outcome.maps.gamma is not None:
        words = f"{words} {GAMMA_COLOURS}"
    yield f"<p>{escape(words)}</p>"
    drawn = planes_figure(outcome.maps, outcome.comparison)
    yield from pictured(drawn, "Both doses, their difference and gamma on the measured plane")
    profiles = profiles_figure(outcome.maps)
    yield from pictured(profiles, "Measured and calculated dose along the middle row and column")


def _gamma(outcome: MeasurementOutcome) -> Iterator[str]:
    part = outcome.comparison.gamma
    if part is None:
        return
    yield "<h2>Gamma</h2>"
    yield facts_markup(facts_of_gamma(part))
    yield from pictured(histogram_figure(part), "Histogram of gamma, what passes and what fails")


def _shift(outcome: MeasurementOutcome) -> Iterator[str]:
    part = outcome.comparison.shift
    if part is not None:
        made = shift_table(part, places_of(outcome.comparison))
        yield f"<h2>{escape(made.title)}</h2>"
        yield _table(made)


def _process(outcome: MeasurementOutcome) -> Iterator[str]:
    part = outcome.comparison.process
    if part is not None:
        yield "<h2>Local limits (TG-218)</h2>"
        yield facts_markup(process_facts(part))


def _points(outcome: MeasurementOutcome) -> Iterator[str]:
    made = points_table(outcome.comparison)
    if made is not None:
        yield f"<h2>{escape(made.title)}</h2>"
        yield _table(made)


def _table(made: Table) -> str:
    return table(made.note, made.heads, made.rows, states=made.states)


def _foot(outcome: MeasurementOutcome) -> str:
    more = "" if outcome.comparison.points is None else " and points.csv"
    return (
        "<footer><p>The receipt lies beside this page; check it: "
        '<span class="octets">encryptsecurert verify receipt.json</span>. All digits stand in '
        f"measurement-comparison.csv{more}, what the receipt vouches for in "
        "measurement-comparison.json.</p>"
        f"<p>EncryptSecureRT {escape(VERSION)}. {escape(NOT_A_DEVICE)}</p></footer>"
    )
