"""The test host, started once, and a small scripted module in it.

Where slicer-core or PySide6 is missing every test of this folder is skipped, with that reason.
"""

import gc
import importlib.util
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

if TYPE_CHECKING:
    from Testing.host.load import Host, Loaded
    from Testing.Panel.bench import PanelBench
    from Testing.Panel.clinic import Clinic
    from Testing.Panel.held_clinic import HeldClinic

MISSING = [
    name for name in ("slicer_core", "PySide6", "vtk") if importlib.util.find_spec(name) is None
]


@pytest.fixture(scope="session")
def started_host() -> "Host":
    """Start the host; there is one in a process."""
    if MISSING:
        pytest.skip(f"the test host needs {', '.join(MISSING)}: see requirements-scene.in")
    from Testing.host.load import boot

    booted = boot()
    gc.collect()
    gc.freeze()  # what is here stays: later collections need not look at it
    return booted


@pytest.fixture
def host(started_host: "Host") -> Iterator["Host"]:
    """Give the host with an empty scene and nothing recorded.

    A test fails if Qt, VTK or a callback complained meanwhile; one that expects it takes the
    complaint with `host.complaints.take()`.

    Garbage is collected at the end, by this thread. Another one, of a client's reader or of a
    worker, would hold Python's lock and wait for Qt's, while Qt here waits for Python's.
    """
    gc.disable()
    started_host.close_scene()
    started_host.slice_layers.calls.clear()
    started_host.slicer.packaging.requests.clear()
    started_host.complaints.take()
    yield started_host
    for node in started_host.slicer.util.getNodesByClass("vtkMRMLScriptedModuleNode"):
        started_host.slicer.mrmlScene.RemoveNode(node)  # a singleton: closing leaves it there
    gc.collect()
    gc.enable()
    assert started_host.complaints.take() == []


@pytest.fixture
def ui(host: "Host", tmp_path: Path) -> Callable[[str], Any]:
    """Load a `.ui` file from its text and return its root, which lives as long as the test."""
    roots = []

    def load(text: str) -> Any:
        path = tmp_path / "panel.ui"
        path.write_text(text, "utf-8")
        roots.append(host.slicer.util.loadUI(str(path)))
        return roots[-1]

    return load


@pytest.fixture
def small(host: "Host", tmp_path: Path) -> Iterator["Loaded"]:
    """Load the small module, and unload it at the end if the test has not."""
    from Testing.Panel.small_module import write_module

    loaded = host.load_module(write_module(tmp_path))
    yield loaded
    if hasattr(host.slicer.modules, "small"):
        host.unload(loaded)


@pytest.fixture
def bench(host: "Host", tmp_path: Path) -> Iterator["PanelBench"]:
    """Load the module; at the end it is unloaded, and no client and no file of it is left."""
    from Testing.Panel.bench import PanelBench
    from Testing.Panel.traces import run_folders

    place = tmp_path / "saved"
    place.mkdir()
    opened = PanelBench(host, place)
    yield opened
    if hasattr(host.slicer.modules, "encryptsecurert"):
        host.unload(opened.loaded)
    assert opened.children() == []
    assert run_folders() == []


@pytest.fixture(scope="session")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Clinic"]:
    """Start a real worker as a process, with a physicist, an auditor and one who is revoked."""
    from Testing.Panel.clinic import open_clinic

    with open_clinic(tmp_path_factory.mktemp("clinic")) as opened:
        yield opened


@pytest.fixture(scope="session")
def all_held(tmp_path_factory: pytest.TempPathFactory) -> Iterator["HeldClinic"]:
    """Start a worker in this process whose jobs and lines can be held."""
    from Testing.Panel.held_clinic import open_held_clinic

    with open_held_clinic(tmp_path_factory.mktemp("held") / "stand") as opened:
        yield opened


@pytest.fixture
def held(all_held: "HeldClinic") -> Iterator["HeldClinic"]:
    """Give the worker that can be held; at the end everything there goes on."""
    yield all_held
    all_held.wait_idle()


@pytest.fixture
def ready(bench: "PanelBench", clinic: "Clinic") -> "PanelBench":
    """Connect the panel as the physicist, choose the phantom, and test the connection."""
    bench.connect(clinic.url, clinic.physicist)
    bench.choose(bench.add_phantom())
    bench.press("testConnectionButton")
    assert bench.wait_idle() == "ready"
    return bench


@pytest.fixture
def quick(bench: "PanelBench", held: "HeldClinic") -> "PanelBench":
    """Connect to the worker that can be held, for a short job: one structure of the phantom."""
    from Testing.Panel.traces import choose_body_only

    bench.connect(held.url, held.physicist)
    bench.choose(bench.add_phantom())
    choose_body_only(bench)
    bench.press("testConnectionButton")
    assert bench.wait_idle() == "ready"
    return bench


@pytest.fixture
def running(quick: "PanelBench", held: "HeldClinic") -> "PanelBench":
    """Begin the short job, and hold it while the worker computes."""
    held.hospital.gate.shut()
    quick.press("applyButton")
    assert quick.wait_for("running", "failed", "done") == "running"
    return quick


@pytest.fixture
def without_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the page for people out of comparisons: drawing it takes longer than all the rest."""
    from EncryptSecureRTLib.panel.criteria import Criteria

    usual = Criteria.request
    monkeypatch.setattr(
        Criteria, "request", lambda criteria: {**usual(criteria), "dose_no_report": True}
    )
