"""`slicer.app`, its module manager and its layout manager: what a scripted module asks them for.

What is missing here is missing on purpose: there is no `coreIOManager`, no `dicomDatabase`, no main
window and no Python console, and a script that reaches for one fails as it would under a Slicer
without it.
"""

# ruff: noqa: N802 - the names are Slicer's

import types
from pathlib import Path
from typing import Any

import slicer
import vtk
from Testing.host import i18n
from Testing.host.binding import QtCore, QtWidgets
from Testing.host.mrml import Mrml
from Testing.host.standins import standin


@standin
class LayoutManager(QtCore.QObject):  # type: ignore[misc] # no types, see binding
    """A layout manager without views, for a host that has one at all; see `Application`."""

    layoutChanged = QtCore.Signal(int)  # noqa: N815

    def __init__(self) -> None:
        super().__init__()
        self._layout = 0

    def setLayout(self, layout: int) -> None:
        """Keep the number of the layout."""
        self._layout = layout
        self.layoutChanged.emit(layout)

    layout = QtCore.Property(int, lambda self: self._layout, setLayout)
    threeDViewCount = QtCore.Property(int, lambda self: 0)  # noqa: N815
    tableViewCount = QtCore.Property(int, lambda self: 0)  # noqa: N815
    plotViewCount = QtCore.Property(int, lambda self: 0)  # noqa: N815

    def sliceViewNames(self) -> tuple[str, ...]:
        """Return no names."""
        return ()

    def mrmlSliceLogics(self) -> Any:
        """Return an empty collection."""
        return vtk.vtkCollection()


@standin
class ModuleManager(QtCore.QObject):  # type: ignore[misc] # no types, see binding
    """Knows the modules of `slicer.modules`, and tells before one is unloaded."""

    moduleAboutToBeUnloaded = QtCore.Signal(str)  # noqa: N815
    moduleUnloaded = QtCore.Signal(str)  # noqa: N815

    def module(self, name: str) -> Any:
        """Return a module by name, or None."""
        return getattr(slicer.modules, name.lower(), None)


def _fixed(value: Any) -> property:
    """Return a property that is read without parentheses and cannot be set."""
    return property(lambda self: value)


@standin
class Application(QtCore.QObject):  # type: ignore[misc] # no types, see binding
    """`slicer.app`.

    Parameters
    ----------
    mrml : Mrml
        The scene and the logics.
    folder : Path
        For temporary files.

    Attributes
    ----------
    _testing : bool
        What `testingEnabled` answers; true at first, as in a self test.
    _layout_manager : LayoutManager or None
        None at first, as in a Slicer without main window.
    _renders_paused : int
        How deep rendering is paused.
    """

    startupCompleted = QtCore.Signal()  # noqa: N815

    applicationName = _fixed("Slicer")  # noqa: N815
    applicationVersion = _fixed("5.12.0")  # noqa: N815
    majorVersion = _fixed(5)  # noqa: N815
    minorVersion = _fixed(12)  # noqa: N815
    slicerHome = _fixed("")  # noqa: N815

    def __init__(self, mrml: Mrml, folder: Path) -> None:
        super().__init__()
        self._mrml = mrml
        self._folder = folder
        self._testing = True
        self._layout_manager: Any = None
        self._renders_paused = 0
        self._modules = ModuleManager()
        path = str(folder / "Slicer.ini")
        self._settings = QtCore.QSettings(path, QtCore.QSettings.IniFormat)

    temporaryPath = property(lambda self: str(self._folder))  # noqa: N815

    def testingEnabled(self) -> bool:
        """Whether dialogs answer themselves."""
        return self._testing

    def processEvents(self, *arguments: Any) -> None:
        """Let Qt handle what is waiting."""
        QtWidgets.QApplication.processEvents(*arguments)

    def moduleManager(self) -> Any:
        """Return the one module manager."""
        return self._modules

    def layoutManager(self) -> Any:
        """Return the layout manager, None without main window."""
        return self._layout_manager

    def applicationLogic(self) -> Any:
        """Return the application's MRML logic."""
        return self._mrml.application_logic

    def mrmlScene(self) -> Any:
        """Return the scene."""
        return self._mrml.scene

    def settings(self) -> Any:
        """Return the settings, in a file of this process."""
        return self._settings

    userSettings = revisionUserSettings = settings  # noqa: N815 - Slicer has several files

    def extensionsManagerModel(self) -> Any:
        """Return a model that knows no installed extension."""
        return types.SimpleNamespace(
            isExtensionInstalled=lambda name: False,
            isExtensionEnabled=lambda name: False,
            installedExtensions=(),
        )

    def translate(self, context: str, text: str) -> str:
        """Translate; see `i18n`."""
        return i18n.translate(context, text)

    def topLevelWidgets(self) -> list[Any]:
        """Return Qt's windows; none is a main window of Slicer."""
        return list(QtWidgets.QApplication.topLevelWidgets())

    def setOverrideCursor(self, cursor: Any) -> None:
        """Show another cursor, until `restoreOverrideCursor`."""
        QtWidgets.QApplication.setOverrideCursor(cursor)

    def restoreOverrideCursor(self) -> None:
        """Show the cursor of before."""
        QtWidgets.QApplication.restoreOverrideCursor()

    def clipboard(self) -> Any:
        """Return Qt's clipboard."""
        return QtWidgets.QApplication.clipboard()

    def palette(self) -> Any:
        """Return the colours of the theme."""
        return QtWidgets.QApplication.palette()

    def pauseRender(self) -> None:
        """Count; there is nothing to render."""
        self._renders_paused += 1

    def resumeRender(self) -> None:
        """Count back."""
        self._renders_paused -= 1


class SliceLayers:
    """`slicer.util.setSliceViewerLayers`: notes each call, then does what Slicer's does."""

    def __init__(self, native: Any) -> None:
        self.calls: list[dict[str, Any]] = []
        self._native = native

    def __call__(
        self, background: Any = "keep-current", foreground: Any = "keep-current", **others: Any
    ) -> None:
        """Note the layers and the options that were given."""
        self.calls.append({"background": background, "foreground": foreground, **others})
        self._native(background, foreground, **others)
