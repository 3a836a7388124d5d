"""What the section Results shows of an outcome, whichever task it is of: words, rows, files.

No widget is here: `results` fills its widgets from a sheet and knows no task.
"""

from dataclasses import dataclass, field

from EncryptSecureRTLib.panel.compared import Compared, ComparedRow
from EncryptSecureRTLib.panel.messages import SIMULATED, warning_words
from EncryptSecureRTLib.panel.state import Outcome, Structure
from EncryptSecureRTLib.panel.words import _

_EDGE = _("reaches the edge")
_NONE = _("not found")
_REPORT = "report.html"
_TONES = {"good": "✓", "fair": "●", "bad": "⚠"}
Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row; details are shown below the table once it is chosen.

    Attributes
    ----------
    segment : ID of the segment that the row is of; empty if of none.
    """

    name: str = field(repr=False)
    cells: tuple[str, ...]
    colour: Colour | None = None
    details: tuple[tuple[str, str, str, str], ...] = ()
    segment: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """The results of one job.

    Attributes
    ----------
    numbers : how many of the columns behind the name hold numbers.
    show_tip : what the button Show does.
    name : what saved files are called, before date and receipt.
    dicom : names of the files that are saved as DICOM, those of them that there are.
    tables : (name in the results, what is put behind the name of the saved file) of tables that
        the client wrote; none if the panel writes the table itself.
    report : name of the page for people, empty if there is none of this task.
    has_plot : whether there are histograms to show.
    """

    summary: str
    facts: str
    heads: tuple[str, ...]
    rows: tuple[Row, ...]
    numbers: int
    warnings: tuple[str, ...]
    show_tip: str
    name: str
    dicom: tuple[str, ...]
    tables: tuple[tuple[str, str], ...] = ()
    report: str = ""
    has_plot: bool = False


def sheet_of(outcome: Outcome) -> Sheet:
    """Return what to show of an outcome."""
    if outcome.compared is not None:
        return _comparison(outcome.compared, simulated=outcome.simulated)
    return _segmentation(outcome)


def note_of(structure: Structure) -> str:
    """Return what is odd about a structure, in words."""
    if structure.empty:
        return _NONE
    return _EDGE if structure.touches_border else ""


def _segmentation(outcome: Outcome) -> Sheet:
    labels = {structure.key: structure.label for structure in outcome.structures}
    return Sheet(
        summary="",
        facts="",
        heads=(_("Structure"), _("Volume (cm³)"), _("Note")),
        rows=tuple(
            Row(name=s.label, cells=(figures(s.volume_cc), note_of(s)), colour=s.colour)
            for s in outcome.structures
        ),
        numbers=1,
        warnings=tuple(warning_words(warning, labels) for warning in outcome.warnings),
        show_tip=_("Shows the result over its CT."),
        name="segmentation",
        dicom=("rtstruct.dcm", "seg.dcm"),
    )


def _comparison(compared: Compared, *, simulated: bool) -> Sheet:
    lines = [SIMULATED] if simulated else []
    if compared.rate:
        lines.append(_("Gamma at most 1: {rate}").format(rate=compared.rate))
    if compared.verdict:
        lines.append(f"{_TONES.get(compared.tone, '●')} {compared.verdict}")
    return Sheet(
        summary="\n".join(lines),
        facts="\n".join(
            [
                *([_capital(compared.criteria)] if compared.criteria else []),
                *(f"{what}: {words}" for what, words in compared.facts),
            ]
        ),
        heads=(_("Structure"), *compared.heads),
        rows=tuple(_row(row) for row in compared.rows),
        numbers=len(compared.heads),
        warnings=compared.warnings,
        show_tip=_("Shows gamma, or the difference, over the CT or the reference dose."),
        name="dose-comparison",
        dicom=("difference.dcm", "gamma.dcm", "report.dcm"),
        tables=(("comparison.csv", ""), ("dvh.csv", "_dvh"), ("goals.csv", "_goals")),
        report=_REPORT,
        has_plot=bool(compared.chart_id),
    )


def _row(row: ComparedRow) -> Row:
    return Row(
        name=f"{row.label}\n{row.below}" if row.below else row.label,
        cells=row.cells,
        colour=row.colour,
        details=row.details,
        segment=row.segment,
    )


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def figures(volume_cc: float) -> str:
    """Return a volume as it is read: three significant digits, whole numbers from 100 on."""
    if volume_cc >= 100:
        return f"{volume_cc:,.0f}".replace(",", " ")
    return f"{volume_cc:#.3g}" if volume_cc else "0"
