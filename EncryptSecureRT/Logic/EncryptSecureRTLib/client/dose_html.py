"""The report of a dose comparison as one page: no script, nothing from outside, ready to print."""

import io
import re
from collections.abc import Iterable, Iterator
from html import escape
from typing import TYPE_CHECKING

from EncryptSecureRTLib.client.dose_facts import (
    Facts,
    agreement_facts,
    difference_facts,
    gamma_facts,
    made_facts,
    pass_words,
    places_of,
    summary_facts,
    verdict_words,
    warning_words,
)
from EncryptSecureRTLib.client.dose_planes import isodose_words, orthogonal_figure, planes_figure
from EncryptSecureRTLib.client.dose_plots import dvh_figure, histogram_figure, profile_figure
from EncryptSecureRTLib.client.dose_report import DoseReport
from EncryptSecureRTLib.client.dose_shapes import (
    isodose_table,
    profile_table,
    profile_title,
    profile_words,
)
from EncryptSecureRTLib.client.dose_tables import (
    METRICS_NOTE,
    Table,
    goals_table,
    metrics_table,
    structure_numbers,
    structure_table,
)
from EncryptSecureRTLib.client.html_page import Markup, band, facts_list, page, picture, table
from EncryptSecureRTLib.client.version import VERSION

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NOT_A_DEVICE = (
    "Not a medical device. For research; a qualified person judges before any clinical use."
)
GAMMA_COLOURS = (
    "Gamma: blue passes, orange fails, with a black line between; grey was not evaluated."
)
_PICTURE_DPI = 150
_DIGEST = re.compile(r"[0-9a-f]{64}")
REPORT_STYLE = """
figure { margin: .6rem 0; text-align: center; }
img { max-width: 100%; height: auto; }
p.verdict { font-size: 13pt; font-weight: 700; padding: .5rem .8rem; border-left: 8px solid #5b6675;
  background: #eef1f5; }
p.verdict.good { border-color: #1f6fb2; background: #e4eff9; }
p.verdict.fair { border-color: #8a6d00; background: #fbf3d3; }
p.verdict.bad { border-color: #b34700; background: #fdeadd; }
p.verdict small { display: block; font-weight: 400; font-size: 10pt; }
tr.good td:nth-child(6) { background: #e4eff9; }
tr.fair td:nth-child(6) { background: #fbf3d3; }
tr.bad td:nth-child(6) { background: #fdeadd; font-weight: 700; }
.metrics { display: grid; gap: 0 1.5rem;
  grid-template-columns: repeat(auto-fill, minmax(25rem, 1fr)); }
@media print {
  .metrics { grid-template-columns: 1fr 1fr; }
  figure, table.plain { break-inside: avoid; }
  img { max-height: 225mm; }
}
"""


def dose_page(report: DoseReport) -> bytes:
    """Return the page's octets, UTF-8."""
    outcome = report.outcome
    parts = [
        "<h1>Dose comparison</h1>",
        band(simulated=outcome.made_by.simulated),
        _verdict(report),
        facts_markup(summary_facts(outcome)),
        *_warnings(report),
        *_gamma(report),
        *_pictures(report),
        *_difference(report),
        *_structures(report),
        *_isodoses(report),
        *_profiles(report),
        "<h2>How it was made</h2>",
        facts_markup(made_facts(outcome)),
        _foot(),
    ]
    return page("Dose comparison", parts, style=REPORT_STYLE, pictures=True)


def _verdict(report: DoseReport) -> str:
    comparison = report.outcome.comparison
    words, state = verdict_words(comparison)
    if comparison.gamma is None:
        return ""
    rate = f"Gamma at most 1 at {pass_words(comparison.gamma.whole)}"
    lines = [*([f"TG-218: {words}"] if words else []), rate]
    small = f"<small>{escape(comparison.gamma.words)}</small>"
    return f'<p class="verdict {state}">{"<br>".join(map(escape, lines))}{small}</p>'


def facts_markup(facts: Facts) -> str:
    """Return facts as markup, digests so that they may be broken anywhere."""
    return facts_list((name, _broken(value)) for name, value in facts)


def _broken(value: str) -> str:
    """Return digests as markup that may be broken anywhere."""
    is_digest = _DIGEST.fullmatch(value)
    return Markup(f'<span class="octets">{escape(value)}</span>') if is_digest else value


def _warnings(report: DoseReport) -> Iterator[str]:
    warnings = [warning_words(w, report.labels) for w in report.outcome.comparison.warnings]
    words = [*warnings, *report.notes]
    if words:
        items = "".join(f"<li>{escape(one)}</li>" for one in words)
        yield f"<h2>Warnings</h2><ul>{items}</ul>"


def _gamma(report: DoseReport) -> Iterator[str]:
    part = report.outcome.comparison.gamma
    if part is None:
        return
    yield "<h2>Gamma</h2>"
    yield facts_markup(gamma_facts(report.outcome))
    if report.can_draw:
        yield from pictured(histogram_figure(part), "Histogram of gamma, what passes and fails")


def _pictures(report: DoseReport) -> Iterator[str]:
    if report.scene is None:
        return
    yield "<h2>Where</h2>"
    words = GAMMA_COLOURS if "gamma" in report.scene.volumes else ""
    if "reference" in report.scene.volumes:
        words = f"{isodose_words(report.outcome)} {words}"
    yield f"<p>{escape(f'{words} {where_words(report)}'.strip())}</p>"
    drawn = planes_figure(report.scene, report.outcome, report.labels)
    yield from pictured(drawn, "Doses, their difference and gamma on one axial plane")
    others = orthogonal_figure(report.scene, report.outcome)
    yield from pictured(others, "A coronal and a sagittal plane")


def where_words(report: DoseReport) -> str:
    """Say how the pictures lie, and what else is drawn in them."""
    outlines = " Outlines have the colours of the histograms." if report.labels.contours else ""
    return f"Axes are in mm; the patient's right is on the left.{outlines}"


def _difference(report: DoseReport) -> Iterator[str]:
    for title, facts in (
        ("Dose difference", difference_facts(report.outcome)),
        ("Distance to agreement", agreement_facts(report.outcome)),
    ):
        if facts:
            yield f"<h2>{title}</h2>"
            yield facts_markup(facts)


def _structures(report: DoseReport) -> Iterator[str]:
    outcome, labels = report.outcome, report.labels
    whole = structure_table(outcome, labels)
    if whole is None:
        return
    yield "<h2>Structures</h2>"
    yield _table(whole)
    numbers = structure_numbers(outcome.comparison)
    words = "Dose-volume histograms; the reference solid, the evaluated dose dashed"
    if report.can_draw:
        yield from pictured(dvh_figure(outcome, labels, numbers), words)
    goals = goals_table(outcome, labels)
    if goals is not None:
        yield "<h2>Goals</h2>"
        yield _table(goals)
    parts = outcome.comparison.dvh or ()
    places = places_of(outcome.comparison)
    if parts:
        tables = "".join(
            f"<div>{_table(metrics_table(p, labels, places), titled=True)}</div>" for p in parts
        )
        yield f"<h2>Dose-volume metrics</h2><p>{escape(METRICS_NOTE)}</p>"
        yield f'<div class="metrics">{tables}</div>'


def _isodoses(report: DoseReport) -> Iterator[str]:
    found = isodose_table(report.outcome.comparison, report.percent_gy)
    if found is not None:
        yield "<h2>Isodoses</h2>"
        yield _table(found)


def _profiles(report: DoseReport) -> Iterator[str]:
    parts = report.outcome.comparison.profiles
    if parts:
        yield "<h2>Profiles</h2>"
    for place, part in enumerate(parts):
        yield f"<h3>{escape(profile_title(part, place))}</h3><p>{escape(profile_words(part))}</p>"
        if report.can_draw:
            yield from pictured(profile_figure(part), "Both doses along a line, their difference")
        found = profile_table(part, place)
        if found is not None:
            yield _table(found)


def _table(made: Table, *, titled: bool = False) -> str:
    caption = f"{made.title}. {made.note}".strip() if titled else made.note
    return table(caption, made.heads, made.rows, states=made.states)


def pictured(figure: "Figure | None", words: str) -> Iterable[str]:
    """Yield a figure as markup, nothing without one; `words` say what it shows."""
    if figure is None:
        return
    octets = io.BytesIO()
    figure.savefig(octets, format="png", dpi=_PICTURE_DPI, metadata={"Software": None})
    yield picture(octets.getvalue(), words)


def _foot() -> str:
    return (
        "<footer><p>The receipt lies beside this page; check it: "
        '<span class="octets">encryptsecurert verify receipt.json</span>. All digits stand in '
        "comparison.csv and dvh.csv, what the receipt vouches for in comparison.json.</p>"
        f"<p>EncryptSecureRT {escape(VERSION)}. {escape(NOT_A_DEVICE)}</p></footer>"
    )
