"""What goes wrong without an exception: Qt's warnings, VTK's errors, exceptions in callbacks.

Slicer writes all three to its log and goes on, and so would a test. Here they are kept, so that a
test can fail on them.
"""

import logging
import sys
import traceback
from types import TracebackType
from typing import Any

import vtk
from Testing.host.binding import QtCore

_LOG = logging.getLogger(__name__)
_SERIOUS = ("QtWarningMsg", "QtCriticalMsg", "QtFatalMsg")
# Said by Qt on a machine without a desktop, whatever a program does.
_HARMLESS = ("propagateSizeHints", "XDG_RUNTIME_DIR", "This plugin does not support")


class Complaints:
    """Collects from all three sources once it is started, for the rest of the process.

    Attributes
    ----------
    texts : list of str
        What has come, oldest first; a test that expects some takes them with `take`.
    """

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._window: Any = None

    def start(self) -> None:
        """Listen. An exception in a callback still goes to the hook that was there."""
        QtCore.qInstallMessageHandler(self._of_qt)
        self._listen_to_vtk()
        before = sys.excepthook

        def hook(
            kind: type[BaseException], error: BaseException, trace: TracebackType | None
        ) -> None:
            self._add("".join(traceback.format_exception(kind, error, trace)))
            before(kind, error, trace)

        sys.excepthook = hook

    def take(self) -> list[str]:
        """Return what has come and forget it."""
        taken, self.texts = self.texts, []
        return taken

    def _of_qt(self, kind: Any, context: Any, text: str) -> None:
        if kind.name in _SERIOUS and not any(known in text for known in _HARMLESS):
            self._add(f"Qt: {text}")

    def _listen_to_vtk(self) -> None:
        window = vtk.vtkOutputWindow()
        window.SetDisplayModeToNever()

        def call(caller: Any, event: str, text: str) -> None:
            self._add(f"VTK: {text}")

        call.CallDataType = vtk.VTK_STRING  # type: ignore[attr-defined] # VTK looks for it there
        window.AddObserver(vtk.vtkCommand.ErrorEvent, call)
        window.AddObserver(vtk.vtkCommand.WarningEvent, call)
        vtk.vtkOutputWindow.SetInstance(window)
        vtk.vtkLogger.SetStderrVerbosity(vtk.vtkLogger.VERBOSITY_OFF)
        self._window = window

    def _add(self, text: str) -> None:
        _LOG.debug("complaint of %d characters", len(text))
        self.texts.append(text)
