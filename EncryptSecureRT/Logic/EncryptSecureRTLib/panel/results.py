"""Results and receipt: the table, what is saved of them, and where."""

import contextlib
import csv
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import qt

from EncryptSecureRTLib.client.process import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.panel.dialogs import Asks
from EncryptSecureRTLib.panel.messages import SIMULATED, warning_words
from EncryptSecureRTLib.panel.settings import Settings
from EncryptSecureRTLib.panel.state import Outcome, Structure
from EncryptSecureRTLib.panel.view import worker_words
from EncryptSecureRTLib.panel.words import _

RECEIPT_FILE = "receipt.json"
_DICOM = ("rtstruct.dcm", "seg.dcm")
_EDGE = _("reaches the edge")
_NONE = _("not found")


def note_of(structure: Structure) -> str:
    """Return what is odd about a structure, in words."""
    if structure.empty:
        return _NONE
    return _EDGE if structure.touches_border else ""


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


class ResultsView:
    """The table and its buttons.

    Parameters
    ----------
    asks : gives who asks for paths.
    folder : gives the private folder of the last job's files, None if they are gone.
    show : shows the result over its CT.
    failed : told of an error.
    """

    def __init__(
        self,
        ui: Any,
        asks: Callable[[], Asks],
        settings: Settings,
        folder: Callable[[], Path | None],
        *,
        show: Callable[[], None],
        failed: Callable[[EncryptSecureRTError], None],
    ) -> None:
        self._ui, self._asks, self._settings = ui, asks, settings
        self._folder, self._failed = folder, failed
        self._outcome: Outcome | None = None
        ui.showButton.connect("clicked(bool)", lambda _checked: show())
        ui.exportCsvButton.connect("clicked(bool)", lambda _checked: self._try(self._save_csv))
        ui.exportDicomButton.connect("clicked(bool)", lambda _checked: self._try(self._save_dicom))
        ui.saveReceiptButton.connect(
            "clicked(bool)", lambda _checked: self._try(self._save_receipt)
        )
        self._fill(None)

    def show(self, outcome: Outcome | None) -> None:
        """Show an outcome whose structures are in the scene, or none."""
        shown = outcome if outcome is not None and outcome.node_id else None
        if shown is not self._outcome:
            self._fill(shown)

    def _fill(self, outcome: Outcome | None) -> None:
        ui = self._ui
        self._outcome = outcome
        ui.resultsSection.setVisible(outcome is not None)
        ui.receiptSection.setVisible(outcome is not None)
        if outcome is None:
            return
        table = ui.resultTable
        table.rowCount = len(outcome.structures)
        for row, structure in enumerate(outcome.structures):
            name = qt.QTableWidgetItem(structure.label)
            name.setIcon(_swatch(structure.colour))
            volume = qt.QTableWidgetItem(figures(structure.volume_cc))
            volume.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
            for column, item in enumerate((name, volume, qt.QTableWidgetItem(note_of(structure)))):
                table.setItem(row, column, item)
        table.resizeColumnsToContents()
        rows = sum(table.rowHeight(row) for row in range(len(outcome.structures)))
        table.setFixedHeight(rows + table.horizontalHeader().sizeHint.height() + 4)
        labels = {structure.key: structure.label for structure in outcome.structures}
        warnings = [warning_words(warning, labels) for warning in outcome.warnings]
        ui.warningsLabel.text = "\n".join(warnings)
        ui.warningsLabel.setVisible(bool(outcome.warnings))
        ui.receiptView.plainText = self._receipt_words(outcome)

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

    def _try(self, action: Callable[[], None]) -> None:
        try:
            action()
        except EncryptSecureRTError as error:
            self._failed(error)

    def _name(self, suffix: str) -> str:
        digest = self._outcome.receipt_sha256[:6] if self._outcome is not None else ""
        return f"segmentation_{datetime.now():%Y-%m-%d}_{digest}{suffix}"

    def _save_csv(self) -> None:
        kinds = _("Comma separated values (*.csv)")
        path = self._asks().save_path(
            _("Save the table"), self._settings.export_folder, self._name(".csv"), kinds
        )
        if path and self._outcome is not None:
            write_csv(Path(path), self._outcome)
            self._settings.export_folder = str(Path(path).parent)

    def _save_dicom(self) -> None:
        self._copy(_("Choose a folder for RTSTRUCT, SEG and receipt"), (*_DICOM, RECEIPT_FILE))

    def _save_receipt(self) -> None:
        self._copy(_("Choose a folder for the receipt"), (RECEIPT_FILE,))

    def _copy(self, title: str, names: tuple[str, ...]) -> None:
        source = self._folder()
        if source is None:
            raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, "the results are gone")
        chosen = self._asks().folder(title, self._settings.export_folder)
        if chosen:
            copy_files(names, source, Path(chosen) / self._name(""))
            self._settings.export_folder = chosen


def figures(volume_cc: float) -> str:
    """Return a volume as it is read: three significant digits, whole numbers from 100 on."""
    if volume_cc >= 100:
        return f"{volume_cc:,.0f}".replace(",", " ")
    return f"{volume_cc:#.3g}" if volume_cc else "0"


def _swatch(colour: tuple[int, int, int]) -> Any:
    pixmap = qt.QPixmap(12, 12)
    pixmap.fill(qt.QColor(*colour))
    return qt.QIcon(pixmap)
