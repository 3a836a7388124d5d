"""What is asked in a window of its own: consent, a path. Given to the panel, so that tests answer.

Slicer's own confirmations answer False in testing mode, and static file dialogs differ between the
bindings; see `Asks`.
"""

from typing import Protocol

import qt
import slicer


class Asks(Protocol):
    """Asks the user."""

    def confirm(self, title: str, text: str, yes: str) -> bool:
        """Ask for a yes; anything else is a no."""

    def save_path(self, title: str, folder: str, name: str, kinds: str) -> str:
        """Ask where to save a file; empty if nowhere."""

    def folder(self, title: str, folder: str) -> str:
        """Ask for a folder; empty if none."""


class Dialogs:
    """Asks with Qt's own windows."""

    def confirm(self, title: str, text: str, yes: str) -> bool:
        """Ask for a yes; Cancel is what Return and Escape give."""
        box = qt.QMessageBox(slicer.util.mainWindow())
        box.windowTitle = title
        box.text = text
        agree = box.addButton(yes, qt.QMessageBox.AcceptRole)
        cancel = box.addButton(qt.QMessageBox.Cancel)
        box.setDefaultButton(cancel)
        box.exec_()
        return bool(box.clickedButton() == agree)

    def save_path(self, title: str, folder: str, name: str, kinds: str) -> str:
        """Ask where to save a file; Qt asks before an existing one is replaced."""
        dialog = self._dialog(title, folder)
        dialog.acceptMode = qt.QFileDialog.AcceptSave
        dialog.setNameFilter(kinds)
        dialog.selectFile(name)
        return self._chosen(dialog)

    def folder(self, title: str, folder: str) -> str:
        """Ask for a folder."""
        dialog = self._dialog(title, folder)
        dialog.fileMode = qt.QFileDialog.Directory
        dialog.setOption(qt.QFileDialog.ShowDirsOnly, True)
        return self._chosen(dialog)

    def _dialog(self, title: str, folder: str) -> qt.QFileDialog:
        dialog = qt.QFileDialog(slicer.util.mainWindow())
        dialog.windowTitle = title
        if folder:
            dialog.setDirectory(folder)
        return dialog

    def _chosen(self, dialog: qt.QFileDialog) -> str:
        return str(dialog.selectedFiles()[0]) if dialog.exec_() else ""
