"""Sheets of A4 paper that fill from top to bottom, for reports as PDF.

Words are wrapped and tables fitted by the widths that their letters really have; a sheet that is
full is followed by another. Two runs give the same octets: nothing here asks for the time.
"""

import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from EncryptSecureRTLib.client.dose_facts import Facts
from EncryptSecureRTLib.client.dose_plots import FAINT, INK, literal, new_figure
from EncryptSecureRTLib.client.dose_tables import Table
from EncryptSecureRTLib.client.html_page import SIMULATED_BAND

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WIDTH_PT, _HEIGHT_PT = 595.0, 842.0
_LEFT_PT, _RIGHT_PT = 48.0, 547.0
_TOP_PT, _BOTTOM_PT = 790.0, 52.0
_LEADING = 1.35
_PICTURE_DPI = 170
_CELL_GAP_PT = 9.0
_SMALLEST_PT = 4.5
_NAME_PT = 128.0  # where what is said of a name begins
STATES = {"good": "#1f6fb2", "fair": "#8a6d00", "bad": "#b34700"}


class Paper:
    """Fills sheets; `sheets` are those begun so far."""

    def __init__(self, *, simulated: bool) -> None:
        self.sheets: list[Figure] = []
        self._simulated = simulated
        self._y_pt = 0.0
        self.next_sheet()

    def next_sheet(self) -> None:
        """Begin a new sheet."""
        sheet = new_figure(_WIDTH_PT / 72, _HEIGHT_PT / 72)
        self.sheets.append(sheet)
        self._y_pt = _TOP_PT
        if self._simulated:
            box = {"facecolor": "#fff4dc", "edgecolor": "#8a5a00", "boxstyle": "square,pad=0.4"}
            place = (0.5, 1 - 24 / _HEIGHT_PT)
            sheet.text(
                *place, SIMULATED_BAND, ha="center", va="center", fontsize=9,
                fontweight="bold", color="#5c3c00", bbox=box,
            )  # fmt: skip

    def need(self, height_pt: float) -> None:
        """Begin a new sheet unless so much is left."""
        if self._y_pt - height_pt < _BOTTOM_PT:
            self.next_sheet()

    def skip(self, height_pt: float) -> None:
        """Leave a gap."""
        self._y_pt -= height_pt

    def heading(self, words: str, size_pt: float = 13.0, *, keep_pt: float = 60.0) -> None:
        """Write a heading, on a new sheet unless `keep_pt` fit below it."""
        self.need(size_pt * 2 + keep_pt)
        self.skip(size_pt * 0.9)
        self._line(_LEFT_PT, words, size_pt, weight="bold")
        self.skip(size_pt * 0.5)

    def words(self, words: str, size_pt: float = 8.5, **style: Any) -> None:
        """Write a paragraph."""
        bold = style.get("weight") == "bold"
        for line in _wrapped(words, size_pt, _RIGHT_PT - _LEFT_PT, bold=bold):
            self.need(size_pt * _LEADING)
            self._line(_LEFT_PT, line, size_pt, **style)

    def facts(self, facts: Facts, size_pt: float = 8.5) -> None:
        """Write names and what is said of each."""
        for name, value in facts:
            lines = _wrapped(value, size_pt, _RIGHT_PT - _LEFT_PT - _NAME_PT)
            self.need(size_pt * _LEADING * len(lines))
            self._text(_LEFT_PT, name, size_pt, weight="bold")
            for line in lines:
                self._line(_LEFT_PT + _NAME_PT, line, size_pt)
            self.skip(1.5)

    def table(self, table: Table, size_pt: float = 7.5) -> None:
        """Write a table, its letters as small as it takes; its head again on each sheet."""
        heads = [head.split("\n") for head in table.heads]
        columns = list(zip(*table.rows, strict=True)) or [()] * len(heads)
        widths, size_pt = _fitted(heads, columns, size_pt)
        self._head(heads, widths, size_pt)
        for n, row in enumerate(table.rows):
            if self._y_pt - size_pt * _LEADING < _BOTTOM_PT:
                self.next_sheet()
                self._head(heads, widths, size_pt)
            state = table.states[n] if n < len(table.states) else ""
            self._row(row, widths, size_pt, color=STATES.get(state, INK))
        self.skip(4)

    def picture(self, figure: "Figure | None", *, width: float = 1.0) -> None:
        """Paste a picture, as wide as a share of the text, at most as high as a sheet."""
        if figure is None:
            return
        from matplotlib.image import imread

        octets = io.BytesIO()
        figure.savefig(octets, format="png", dpi=_PICTURE_DPI, metadata={"Software": None})
        octets.seek(0)
        across, up = figure.get_size_inches()
        width_pt = width * (_RIGHT_PT - _LEFT_PT)
        scale = min(width_pt / across, (_TOP_PT - _BOTTOM_PT - 60) / up)
        self.need(up * scale)
        self._y_pt -= up * scale
        left = (_LEFT_PT + (_RIGHT_PT - _LEFT_PT - across * scale) / 2) / _WIDTH_PT
        box = (left, self._y_pt / _HEIGHT_PT, across * scale / _WIDTH_PT, up * scale / _HEIGHT_PT)
        axes = self.sheets[-1].add_axes(box)
        axes.imshow(imread(octets), aspect="auto", interpolation="none")
        axes.set_axis_off()

    def feet(self, words: str) -> None:
        """Write what stands at the foot of every sheet, with its number."""
        for n, sheet in enumerate(self.sheets, 1):
            y = 28 / _HEIGHT_PT
            sheet.text(_LEFT_PT / _WIDTH_PT, y, words, fontsize=6.5, color=FAINT)
            page = f"{n} of {len(self.sheets)}"
            sheet.text(_RIGHT_PT / _WIDTH_PT, y, page, fontsize=6.5, color=FAINT, ha="right")

    def _head(self, heads: list[list[str]], widths: list[float], size_pt: float) -> None:
        lines = max(len(head) for head in heads)
        self.need(size_pt * _LEADING * (lines + 2))
        for n in range(lines):
            row = [head[n] if n < len(head) else "" for head in heads]
            self._row(row, widths, size_pt, weight="bold")
        self._rule(self._y_pt + size_pt * 0.2)
        self.skip(size_pt * 0.3)

    def _row(self, cells: Sequence[str], widths: list[float], size_pt: float, **style: Any) -> None:
        x_pt = _LEFT_PT
        self._y_pt -= size_pt * _LEADING
        for n, (cell, width) in enumerate(zip(cells, widths, strict=True)):
            ha = "left" if n == 0 else "right"
            at = x_pt if n == 0 else x_pt + width
            self._text(at, cell, size_pt, up_pt=size_pt * _LEADING, ha=ha, **style)
            x_pt += width + _CELL_GAP_PT

    def _rule(self, y_pt: float) -> None:
        from matplotlib.lines import Line2D

        line = Line2D(
            [_LEFT_PT / _WIDTH_PT, _RIGHT_PT / _WIDTH_PT],
            [y_pt / _HEIGHT_PT] * 2,
            color="#b9c1cc",
            linewidth=0.6,
        )
        self.sheets[-1].add_artist(line)

    def _line(self, x_pt: float, words: str, size_pt: float, **style: Any) -> None:
        self._text(x_pt, words, size_pt, **style)
        self._y_pt -= size_pt * _LEADING

    def _text(
        self, x_pt: float, words: str, size_pt: float, *, up_pt: float = 0.0, **style: Any
    ) -> None:
        self.sheets[-1].text(
            x_pt / _WIDTH_PT,
            (self._y_pt + up_pt - size_pt) / _HEIGHT_PT,
            literal(words),
            fontsize=size_pt,
            **{"color": INK, **style},
        )


def _fitted(
    heads: list[list[str]], columns: Sequence[Sequence[str]], size_pt: float
) -> tuple[list[float], float]:
    """Return the widths of columns, and the size of letters at which they fit the sheet."""
    at_one = [
        max(
            (_width_pt(text, 1.0, bold=bold) for text, bold in _cells_of(head, column)), default=0.0
        )
        for head, column in zip(heads, columns, strict=True)
    ]
    room_pt = _RIGHT_PT - _LEFT_PT - _CELL_GAP_PT * (len(at_one) - 1)
    size_pt = max(_SMALLEST_PT, min(size_pt, room_pt / sum(at_one))) if sum(at_one) else size_pt
    return [width * size_pt for width in at_one], size_pt


def _cells_of(head: Sequence[str], column: Sequence[str]) -> Iterable[tuple[str, bool]]:
    yield from ((text, True) for text in head)
    yield from ((text, False) for text in column)


def _wrapped(words: str, size_pt: float, room_pt: float, *, bold: bool = False) -> list[str]:
    """Return the lines of a paragraph; a word that is too long for a line is broken."""

    def width_pt(text: str) -> float:
        return _width_pt(text, size_pt, bold=bold)

    lines = [""]
    for word in words.split(" "):
        longer = f"{lines[-1]} {word}".lstrip()
        if width_pt(longer) <= room_pt:
            lines[-1] = longer
            continue
        rest = word
        while width_pt(rest) > room_pt:
            fits = max(1, int(len(rest) * room_pt / width_pt(rest)))
            lines.append(rest[:fits])
            rest = rest[fits:]
        lines.append(rest)
    return lines if lines[0] else lines[1:]


def _width_pt(text: str, size_pt: float, *, bold: bool = False) -> float:
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    if not text:
        return 0.0
    font = FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal", size=10)
    width, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return float(width) * size_pt / 10
