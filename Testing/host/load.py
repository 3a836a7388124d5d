"""A stand-in for Slicer's application: scripted modules run in it, unchanged.

    host = boot()
    loaded = host.load_module(Path("EncryptSecureRT/EncryptSecureRT.py"))
    loaded.widget.ui.applyButton.click()
    host.process_events(lambda: loaded.widget.done, timeout_s=10)
    host.screenshot(loaded.root, Path("ready.png"), dark=True)

It is PySide6, made to speak as Slicer's Qt does, over Slicer's own MRML. It is not Slicer: it has
no slice views, no plugin handler, no DICOM database, and its widgets are stand-ins. What passes
here still has to be seen there once. There is one host in a process; a second `boot` returns it.
"""

import atexit
import contextlib
import importlib.util
import os
import sys
import tempfile
import time
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_POLL_MS = 5
_hosts: list["Host"] = []  # keeps the QApplication: Qt must not be torn down before Python


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A scripted module that runs.

    Attributes
    ----------
    name : str
        Of the module.
    file : module
        What was imported from its file.
    module
        The object of the module class.
    widget
        The object of the widget class, the panel.
    root : QWidget
        What the panel is in.
    """

    name: str
    file: types.ModuleType
    module: Any
    widget: Any
    root: Any


def boot() -> "Host":
    """Start the application, or return the one that runs."""
    if not _hosts:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        _hosts.append(Host())
    return _hosts[0]


class Host:
    """The application; `boot` makes it.

    Attributes
    ----------
    qt, ctk, slicer, vtk : module
        What a script imports under these names.
    complaints : Complaints
        What went wrong without an exception.
    slice_layers : SliceLayers
        The calls of `slicer.util.setSliceViewerLayers`.
    """

    def __init__(self) -> None:
        from Testing.host import assembly

        folder = tempfile.TemporaryDirectory(prefix="test-host-")
        atexit.register(folder.cleanup)
        parts = assembly.assemble(Path(folder.name))
        self.qt: Any = parts.qt
        self.ctk: Any = parts.ctk
        self.slicer: Any = parts.slicer
        self.vtk: Any = parts.vtk
        self.complaints = parts.complaints
        self.slice_layers = parts.slice_layers
        self._application = parts.application  # Qt's
        self._mrml = parts.mrml

    def load_module(self, path: str | Path) -> Loaded:
        """Import a module's file, make its panel, and enter it.

        Raises
        ------
        ValueError
            A module of that name is loaded already.
        """
        path = Path(path).resolve()
        if hasattr(self.slicer.modules, path.stem.lower()):
            raise ValueError("a module of that name is loaded already")
        try:
            return self._load(path)
        except BaseException:
            self._forget(path)
            raise

    def _load(self, path: Path) -> Loaded:
        from Testing.host.modules import (
            qSlicerScriptedLoadableModule,
            qSlicerScriptedLoadableModuleWidget,
        )

        if str(path.parent) not in sys.path:
            sys.path.append(str(path.parent))
        file = _imported(path)
        parent = qSlicerScriptedLoadableModule(name=path.stem, path=str(path))
        module = getattr(file, path.stem)(parent)
        setattr(self.slicer.modules, path.stem.lower(), parent)
        self._tell_startup()
        root = parent.root = qSlicerScriptedLoadableModuleWidget(parent)
        root.make()
        root.setMRMLScene(self.slicer.mrmlScene)
        root.enter()
        return Loaded(name=path.stem, file=file, module=module, widget=root.self(), root=root)

    def _forget(self, path: Path) -> None:
        vars(self.slicer.modules).pop(path.stem.lower(), None)
        vars(self.slicer.modules).pop(f"{path.stem}Widget", None)
        self.slicer.selfTests.pop(path.stem, None)
        sys.modules.pop(path.stem, None)
        with contextlib.suppress(ValueError):
            sys.path.remove(str(path.parent))

    def _tell_startup(self) -> None:
        """Tell those who wait for it, once: for what is loaded later, startup is later."""
        application = self.slicer.app
        application.startupCompleted.emit()
        if application.receivers("2startupCompleted()"):
            application.startupCompleted.disconnect()

    def reload(self, loaded: Loaded) -> Loaded:
        """Do what "Reload" in developer mode does, and return what is there then."""
        loaded.widget.onReload()
        return Loaded(
            name=loaded.name,
            file=sys.modules[loaded.name],
            module=loaded.module,
            widget=loaded.root.self(),
            root=loaded.root,
        )

    def unload(self, loaded: Loaded) -> None:
        """Let the module clean up, delete its panel, and forget it."""
        if loaded.root.isEntered:
            loaded.root.exit()
        self.slicer.app.moduleManager().moduleAboutToBeUnloaded.emit(loaded.name)
        loaded.root.deleteLater()
        self.qt.QCoreApplication.sendPostedEvents(loaded.root, self.qt.QEvent.DeferredDelete)
        self._forget(Path(loaded.root.module.path))
        self.slicer.app.moduleManager().moduleUnloaded.emit(loaded.name)

    def process_events(self, until: Callable[[], object], timeout_s: float = 10.0) -> None:
        """Let the event loop turn until a condition holds.

        Raises
        ------
        TimeoutError
            It does not hold in time.
        Exception
            What `until` raises.
        """
        loop, timer = self.qt.QEventLoop(), self.qt.QTimer()
        deadline_s = time.monotonic() + timeout_s
        failures: list[Exception] = []

        def look() -> None:
            try:
                holds = until()
            except Exception as error:  # in a slot it would be lost, and the loop go on for ever
                failures.append(error)
                holds = True
            if holds or time.monotonic() > deadline_s:
                loop.quit()

        timer.connect("timeout()", look)
        timer.start(_POLL_MS)
        loop.exec_()
        timer.stop()
        for failure in failures:
            raise failure
        if not until():
            raise TimeoutError(f"what was waited for did not come in {timeout_s} s")

    def in_event_loop(self, call: Callable[[], Any]) -> Any:
        """Call a function from inside an event loop, as a click is, and return its result.

        The dialogs of `slicer.util` need that: they ask to be deleted before they open, which Qt
        does when the loop goes on that they were made in.
        """
        loop = self.qt.QEventLoop()
        values: list[Any] = []
        failures: list[Exception] = []

        def run() -> None:
            try:
                values.append(call())
            except Exception as error:  # it is the caller's
                failures.append(error)
            loop.quit()

        self.qt.QTimer.singleShot(0, run)
        loop.exec_()
        for failure in failures:
            raise failure
        return values[0]

    def heartbeat(self) -> Any:
        """Return a context that measures how long the event loop stands still; see `Heartbeat`."""
        from Testing.host.heartbeat import Heartbeat

        return Heartbeat()

    def close_scene(self) -> None:
        """Do what "Close Scene" does; StartCloseEvent and EndCloseEvent come from the scene."""
        self.slicer.mrmlScene.Clear(False)

    def screenshot(
        self,
        root: Any,
        path: str | Path,
        *,
        width: int = 520,
        dark: bool = False,
        font_percent: int = 100,
    ) -> Path:
        """Write a PNG of a panel, `width` pixels wide and as high as it wants, and return where."""
        from Testing.host.pictures import Look, screenshot

        look = Look(dark=dark, font_percent=font_percent)
        screenshot(root, Path(path), width_px=width, look=look)
        return Path(path)

    @contextlib.contextmanager
    def without_testing_mode(self) -> Iterator[None]:
        """Let dialogs of `slicer.util` open inside the block: somebody has to answer them."""
        self.slicer.app._testing = False
        try:
            yield
        finally:
            self.slicer.app._testing = True

    @contextlib.contextmanager
    def layout_manager(self) -> Iterator[Any]:
        """Let `slicer.app.layoutManager()` return one inside the block, as with a main window."""
        from Testing.host.app import LayoutManager

        self.slicer.app._layout_manager = LayoutManager()
        try:
            yield self.slicer.app._layout_manager
        finally:
            self.slicer.app._layout_manager = None


def _imported(path: Path) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ValueError("the file of a scripted module ends with .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module
