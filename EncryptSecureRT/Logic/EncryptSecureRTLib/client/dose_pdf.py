"""The report of a dose comparison on paper: a summary, pictures, one page for each structure."""

import io
from dataclasses import replace

from EncryptSecureRTLib.client.dose_facts import (
    agreement_facts,
    difference_facts,
    gamma_facts,
    made_facts,
    pass_words,
    places_of,
    structure_facts,
    summary_facts,
    verdict_words,
    warning_words,
)
from EncryptSecureRTLib.client.dose_html import GAMMA_COLOURS, NOT_A_DEVICE, where_words
from EncryptSecureRTLib.client.dose_paper import STATES, Paper
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
    goals_table,
    metrics_table,
    structure_numbers,
    structure_table,
)
from EncryptSecureRTLib.client.version import VERSION

_PRODUCT = "EncryptSecureRT"
# What a reader shows as properties of the file: the product, and nothing of who made it or when.
_PROPERTIES = {"Creator": _PRODUCT, "Producer": None, "CreationDate": None}


def dose_paper(report: DoseReport) -> bytes:
    """Return the octets of the PDF; the same report gives the same octets."""
    from matplotlib.backends.backend_pdf import PdfPages

    paper = Paper(simulated=report.outcome.made_by.simulated)
    _summary(paper, report)
    _pictures(paper, report)
    _structures(paper, report)
    _shapes(paper, report)
    paper.heading("How it was made")
    paper.facts(made_facts(report.outcome), 7.5)
    paper.skip(4)
    paper.words(NOT_A_DEVICE, weight="bold")
    receipt = report.outcome.made_by.receipt_sha256[:12]
    paper.feet(f"{_PRODUCT} {VERSION}, dose comparison, receipt {receipt}. Not a medical device.")
    octets = io.BytesIO()
    with PdfPages(octets, metadata=_PROPERTIES) as pages:
        for sheet in paper.sheets:
            pages.savefig(sheet)
    return octets.getvalue()


def _summary(paper: Paper, report: DoseReport) -> None:
    outcome, comparison = report.outcome, report.outcome.comparison
    paper.heading("Dose comparison", 18)
    if comparison.gamma is not None:
        words, state = verdict_words(comparison)
        if words:
            paper.words(f"TG-218: {words}", 12, weight="bold", color=STATES.get(state, "black"))
        rate = f"Gamma at most 1 at {pass_words(comparison.gamma.whole)}"
        paper.words(rate, 10.5, weight="bold")
        paper.words(comparison.gamma.words)
        paper.skip(6)
    paper.facts(summary_facts(outcome))
    notes = [*(warning_words(w, report.labels) for w in comparison.warnings), *report.notes]
    if notes:
        paper.heading("Warnings")
        for note in notes:
            paper.words(f"- {note}")
    if comparison.gamma is not None:
        paper.heading("Gamma")
        paper.facts(gamma_facts(outcome))
        paper.picture(histogram_figure(comparison.gamma))
    for title, facts in (
        ("Dose difference", difference_facts(outcome)),
        ("Distance to agreement", agreement_facts(outcome)),
    ):
        if facts:
            paper.heading(title)
            paper.facts(facts)


def _pictures(paper: Paper, report: DoseReport) -> None:
    scene = report.scene
    if scene is None:
        return
    paper.next_sheet()
    paper.heading("Where")
    words = GAMMA_COLOURS if "gamma" in scene.volumes else ""
    if "reference" in scene.volumes:
        words = f"{isodose_words(report.outcome)} {words}"
    paper.words(f"{words} {where_words(report)}".strip())
    paper.picture(planes_figure(scene, report.outcome, report.labels))
    paper.picture(orthogonal_figure(scene, report.outcome))


def _structures(paper: Paper, report: DoseReport) -> None:
    outcome, labels = report.outcome, report.labels
    whole = structure_table(outcome, labels)
    if whole is None:
        return
    paper.heading("Structures", keep_pt=200)
    paper.words(whole.note, 7.5)
    two_lines = tuple(head.replace(" Gy", "\nGy").replace(" %", "\n%") for head in whole.heads)
    paper.table(replace(whole, heads=two_lines))
    paper.picture(dvh_figure(outcome, labels, structure_numbers(outcome.comparison), height_in=3.9))
    goals = goals_table(outcome, labels)
    if goals is not None:
        paper.heading("Goals")
        paper.words(goals.note, 7.5)
        paper.table(goals)
    for part in outcome.comparison.dvh or ():
        paper.next_sheet()
        table = metrics_table(part, labels, places_of(outcome.comparison))
        paper.heading(f"Structure {table.title}")
        paper.picture(dvh_figure(outcome, labels, [part.number], height_in=3.6))
        paper.facts(structure_facts(outcome, part.number))
        paper.skip(4)
        paper.table(table, 8.5)
        paper.words(f"{METRICS_NOTE} {table.note}".strip(), 7.5)


def _shapes(paper: Paper, report: DoseReport) -> None:
    """Write isodoses and profiles."""
    comparison = report.outcome.comparison
    isodoses = isodose_table(comparison, report.percent_gy)
    if isodoses is not None:
        paper.heading("Isodoses", keep_pt=120)
        paper.words(isodoses.note, 7.5)
        paper.table(isodoses, 8.5)
    for place, part in enumerate(comparison.profiles):
        paper.heading(profile_title(part, place), 11, keep_pt=260)
        paper.words(profile_words(part))
        paper.picture(profile_figure(part))
        table = profile_table(part, place)
        if table is not None:
            paper.table(table, 8.5)
            paper.words(table.note, 7.5)
