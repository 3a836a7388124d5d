"""Results and receipt: the table, what is saved of them, and where."""

import contextlib
import csv
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import qt

from EncryptSecureRTLib.client.process import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.panel.dialogs import Asks
from EncryptSecureRTLib.panel.messages import SIMULATED
from EncryptSecureRTLib.panel.settings import Settings
from EncryptSecureRTLib.panel.sheets import Row, Sheet, note_of, sheet_of
from EncryptSecureRTLib.panel.state import Outcome
from EncryptSecureRTLib.panel.view import worker_words
from EncryptSecureRTLib.panel.words import _

RECEIPT_FILE = "receipt.json"
_MOST_ROWS = 12  # before one has to scroll


def write_csv(path: Path, outcome: Outcome) -> None:
    """Write the table with all digits; units in the names of columns, where it is from on top.

    The decimal point is a point whatever the locale. E_LOCAL_FILE if it cannot be written.
    """
    part = path.with_name(path.name + ".part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            file.write(f"# EncryptSecureRT, receipt {outcome.receipt_sha256}\n")
            if outcome.simulated:
                file.write(f"# {SIMULATED}\n")
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(["structure", "volume_cc", "note"])
            for structure in outcome.structures:
                rows.writerow([structure.label, repr(structure.volume_cc), note_of(structure)])
        part.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink()
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, "the table") from None


def copy_files(names: tuple[str, ...], source: Path, target: Path) -> None:
    """Copy files into a new folder, all or none (E_LOCAL_FILE)."""
    copied: list[Path] = []
    try:
        target.mkdir(parents=True, exist_ok=False)
        for name in names:
            if (source / name).is_file():
                copied.append(target / name)
                shutil.copyfile(source / name, target / name)
    except OSError:
        for path in copied:
            with contextlib.suppress(OSError):
                path.unlink()
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, "the results") from None


def copy_file(source: Path, target: Path) -> None:
    """Copy one file, whole or not at all, in place of what was there (E_LOCAL_FILE)."""
    part = target.with_name(target.name + ".part")
    try:
        shutil.copyfile(source, part)
        part.replace(target)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink()
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, "the results") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultActions:
    """What others do when something of the results is asked for.

    Attributes
    ----------
    show : shows the result over its CT.
    plot : shows the dose-volume histograms.
    chosen : told of the row that was chosen.
    failed : told of an error.
    """

    show: Callable[[], None]
    plot: Callable[[], None]
    chosen: Callable[[Row], None]
    failed: Callable[[EncryptSecureRTError], None]


class ResultsView:
    """The table and its buttons.

    Parameters
    ----------
    asks : gives who asks for paths.
    folder : gives the private folder of the last job's files, None if they are gone.
    """

    def __init__(
        self,
        ui: Any,
        asks: Callable[[], Asks],
        settings: Settings,
        folder: Callable[[], Path | None],
        actions: ResultActions,
    ) -> None:
        self._ui, self._asks, self._settings = ui, asks, settings
        self._folder, self._actions = folder, actions
        self._outcome: Outcome | None = None
        self._sheet: Sheet | None = None
        self._filling = False
        for button, action in (
            (ui.showButton, actions.show),
            (ui.plotButton, actions.plot),
            (ui.exportCsvButton, self._save_tables),
            (ui.exportDicomButton, self._save_dicom),
            (ui.exportReportButton, self._save_report),
            (ui.saveReceiptButton, self._save_receipt),
        ):
            self._tie(button, action)
        ui.resultTable.connect("currentCellChanged(int,int,int,int)", self._cell_chosen)
        bold = qt.QFont(ui.summaryLabel.font)
        bold.setBold(True)
        ui.summaryLabel.font = bold
        self._fill(None)

    def _tie(self, button: Any, action: Callable[[], None]) -> None:
        button.connect("clicked(bool)", lambda _checked: self._try(action))

    def show(self, outcome: Outcome | None) -> None:
        """Show an outcome whose structures or maps are in the scene, or none."""
        shown = outcome if outcome is not None and outcome.node_id else None
        if shown is not self._outcome:
            self._fill(shown)

    def _fill(self, outcome: Outcome | None) -> None:
        ui = self._ui
        self._outcome = outcome
        self._sheet = sheet = None if outcome is None else sheet_of(outcome)
        ui.resultsSection.setVisible(outcome is not None)
        ui.receiptSection.setVisible(outcome is not None)
        ui.detailTable.setVisible(False)
        if outcome is None or sheet is None:
            return
        for label, words in (
            (ui.summaryLabel, sheet.summary),
            (ui.factsLabel, sheet.facts),
            (ui.warningsLabel, "\n".join(sheet.warnings)),
        ):
            label.text = words
            label.setVisible(bool(words))
        self._fill_table(sheet)
        ui.showButton.toolTip = sheet.show_tip
        ui.plotButton.setVisible(sheet.has_plot)
        ui.exportReportButton.setVisible(bool(sheet.report))
        ui.receiptView.plainText = self._receipt_words(outcome)

    def _fill_table(self, sheet: Sheet) -> None:
        table = self._ui.resultTable
        self._filling = True
        table.columnCount = len(sheet.heads)
        table.setHorizontalHeaderLabels(list(sheet.heads))
        table.rowCount = len(sheet.rows)
        for place, row in enumerate(sheet.rows):
            name = qt.QTableWidgetItem(row.name)
            if row.colour is not None:
                name.setIcon(_swatch(row.colour))
            table.setItem(place, 0, name)
            _set_cells(table, place, row.cells, sheet.numbers)
        table.setCurrentCell(-1, -1)
        self._filling = False
        _fit(table)

    def _cell_chosen(self, place: int, _column: int, _before: int, _then: int) -> None:
        sheet = self._sheet
        if self._filling or sheet is None or not 0 <= place < len(sheet.rows):
            return
        row, table = sheet.rows[place], self._ui.detailTable
        table.setVisible(bool(row.details))
        table.rowCount = len(row.details)
        for line, (what, *values) in enumerate(row.details):
            table.setItem(line, 0, qt.QTableWidgetItem(what))
            _set_cells(table, line, values, len(values))
        _fit(table)
        self._actions.chosen(row)

    def _receipt_words(self, outcome: Outcome) -> str:
        verdict = outcome.verdict
        lines = [
            _("Signature valid, by the worker whose evidence the policy accepts."),
            *([SIMULATED] if outcome.simulated else []),
            f"receipt SHA-256  {outcome.receipt_sha256}",
            f"worker           {worker_words(verdict)}",
            f"measurement      {verdict.get('measurement')}",
            *(f"{name:<16} {digest}" for name, digest in outcome.outputs),
        ]
        return "\n".join(lines)

    # ---- saving

    def _try(self, action: Callable[[], None]) -> None:
        try:
            action()
        except EncryptSecureRTError as error:
            self._actions.failed(error)

    def _name(self, suffix: str) -> str:
        digest = self._outcome.receipt_sha256[:6] if self._outcome is not None else ""
        name = self._sheet.name if self._sheet is not None else ""
        return f"{name}_{datetime.now():%Y-%m-%d}_{digest}{suffix}"

    def _save_tables(self) -> None:
        kinds = _("Comma separated values (*.csv)")
        path = self._path(_("Save the table"), ".csv", kinds)
        if path is None or self._outcome is None or self._sheet is None:
            return
        if not self._sheet.tables:
            write_csv(path, self._outcome)
        source = self._results() if self._sheet.tables else path
        for name, behind in self._sheet.tables:
            if (source / name).is_file():
                copy_file(source / name, path.with_name(f"{path.stem}{behind}{path.suffix}"))
        self._settings.export_folder = str(path.parent)

    def _save_report(self) -> None:
        path = self._path(_("Save the report"), ".html", _("Web page (*.html)"))
        if path is not None and self._sheet is not None:
            copy_file(self._results() / self._sheet.report, path)
            self._settings.export_folder = str(path.parent)

    def _path(self, title: str, suffix: str, kinds: str) -> Path | None:
        name = self._name(suffix)
        path = self._asks().save_path(title, self._settings.export_folder, name, kinds)
        return Path(path) if path else None

    def _save_dicom(self) -> None:
        if self._sheet is not None:
            title = _("Choose a folder for the DICOM results and the receipt")
            self._copy(title, (*self._sheet.dicom, RECEIPT_FILE))

    def _save_receipt(self) -> None:
        self._copy(_("Choose a folder for the receipt"), (RECEIPT_FILE,))

    def _copy(self, title: str, names: tuple[str, ...]) -> None:
        source = self._results()
        chosen = self._asks().folder(title, self._settings.export_folder)
        if chosen:
            copy_files(names, source, Path(chosen) / self._name(""))
            self._settings.export_folder = chosen

    def _results(self) -> Path:
        source = self._folder()
        if source is None:
            raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, "the results are gone")
        return source


def _set_cells(table: Any, place: int, cells: Sequence[str], numbers: int) -> None:
    """Fill a row behind its name; the first columns hold numbers, which are set to the right."""
    for column, text in enumerate(cells):
        item = qt.QTableWidgetItem(text)
        if column < numbers:
            item.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
        table.setItem(place, column + 1, item)


def _fit(table: Any) -> None:
    """Give a table the height of its rows, as far as one looks at so many."""
    table.resizeColumnsToContents()
    table.resizeRowsToContents()
    shown = range(min(table.rowCount, _MOST_ROWS))
    rows = sum(table.rowHeight(row) for row in shown)
    wide = sum(table.columnWidth(column) for column in range(table.columnCount)) > table.width
    bar = table.horizontalScrollBar().sizeHint.height() if wide else 0
    table.setFixedHeight(rows + table.horizontalHeader().sizeHint.height() + bar + 4)


def _swatch(colour: tuple[int, int, int]) -> Any:
    pixmap = qt.QPixmap(12, 12)
    pixmap.fill(qt.QColor(*colour))
    return qt.QIcon(pixmap)
