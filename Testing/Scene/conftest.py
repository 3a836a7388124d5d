"""A fresh MRML scene with all logics for each test, and no VTK error that nobody expected.

The scene is Slicer's own, from the package slicer-core: nodes, storage and logics are real. What
that package lacks is Slicer's application; nothing here stands in for it.
"""

import importlib.util
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

_HAS_SCENE = importlib.util.find_spec("slicer_core") is not None
_REASON = "slicer-core is not installed here; requirements-scene.lock has it"
# Beside those that the test host has too.
_MORE_LOGICS = {
    "Models": "vtkSlicerModelsLogic",
    "SceneViews": "vtkSlicerSceneViewsModuleLogic",
}


class _NotRunHere(pytest.Module):
    """A test file that says why it is not run, instead of failing at its imports."""

    def collect(self) -> list[Any]:
        pytest.skip(_REASON, allow_module_level=True)


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> Any:
    if _HAS_SCENE:
        return None
    return _NotRunHere.from_parent(parent, path=module_path)


class VtkErrors:
    """The errors that VTK and MRML have reported since the test began."""

    def __init__(self, window: Any) -> None:
        self._window = window
        self.expected: tuple[str, ...] = ()

    def expect(self, *texts: str) -> None:
        """Let errors pass that have one of the texts in them."""
        self.expected = texts

    @property
    def unexpected(self) -> list[str]:
        """Every error that no test has announced."""
        blocks = self._window.GetOutput().split("\n\n")
        errors = [block.strip() for block in blocks if "ERROR:" in block]
        return [e for e in errors if not any(text in e for text in self.expected)]


@pytest.fixture(autouse=True)
def vtk_errors() -> Iterator[VtkErrors]:
    """Collect VTK's output; an error that was not announced fails the test."""
    from EncryptSecureRTLib.scene.mrml import vtk

    vtk.vtkLogger.SetStderrVerbosity(vtk.vtkLogger.VERBOSITY_OFF)
    before, window = vtk.vtkOutputWindow.GetInstance(), vtk.vtkStringOutputWindow()
    vtk.vtkOutputWindow.SetInstance(window)
    errors = VtkErrors(window)
    yield errors
    vtk.vtkOutputWindow.SetInstance(before)
    assert errors.unexpected == []


@pytest.fixture
def scene(vtk_errors: VtkErrors, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return an empty scene with colours and logics, as `slicer.mrmlScene` too."""
    from Testing.host.mrml import start_mrml

    from EncryptSecureRTLib.scene.mrml import slicer

    with tempfile.TemporaryDirectory() as folder:
        mrml = start_mrml(Path(folder), _MORE_LOGICS)
        modules = {
            name.lower(): SimpleNamespace(logic=lambda kept=logic: kept)
            for name, logic in mrml.logics.items()
        }
        monkeypatch.setattr(slicer, "mrmlScene", mrml.scene, raising=False)
        monkeypatch.setattr(slicer, "modules", SimpleNamespace(**modules), raising=False)
        yield mrml.scene
        mrml.scene.Clear(True)
