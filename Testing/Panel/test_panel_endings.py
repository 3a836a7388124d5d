"""What ends a job from outside: a closed scene, a removed node, a reloaded or unloaded module."""

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from Testing.Panel.traces import assert_untouched, run_folders

if TYPE_CHECKING:
    from Testing.Panel.bench import PanelBench
    from Testing.Panel.held_clinic import HeldClinic

_OURS = ("EncryptSecureRTLib", "encryptsecurert_protocol", "EncryptSecureRT")


@pytest.fixture
def loading(
    quick: "PanelBench", held: "HeldClinic", monkeypatch: pytest.MonkeyPatch
) -> "PanelBench":
    """Wait until results are being loaded, by one step at each turn of the event loop."""
    from EncryptSecureRTLib.panel import steps

    held.hospital.gate.shut()
    quick.press("applyButton")
    quick.wait_for("running")
    monkeypatch.setattr(steps, "STEP_S", 0.0001)
    held.let_go()
    assert quick.wait_for("loading", "failed", "done") == "loading"
    return quick


# ---- the scene


def _close(bench: "PanelBench") -> None:
    bench.host.close_scene()


def _remove(bench: "PanelBench") -> None:
    bench.host.slicer.mrmlScene.RemoveNode(bench.named("ctSelector").currentNode())


_ENDINGS = pytest.mark.parametrize(
    ("end", "reason"),
    [(_close, "the scene was closed"), (_remove, "the input was removed")],
    ids=["closed", "removed"],
)


@_ENDINGS
def test_a_job_whose_result_would_have_no_home_is_cancelled(
    running: "PanelBench", held: "HeldClinic", end: Callable[["PanelBench"], None], reason: str
) -> None:
    job = running.panel.session.state.run.job
    end(running)

    assert running.phase == "cancelling"
    assert running.wait_idle() == "ready"
    assert running.message == f"Cancelled, because {reason}. Nothing was changed."
    assert held.state_of(job) == "cancelled"
    assert not running.ui.applyButton.enabled
    assert running.ui.applyButton.toolTip == "Select a CT."
    assert_untouched(running)


def test_a_result_that_is_half_loaded_is_not_loaded_into_the_next_scene(
    loading: "PanelBench", monkeypatch: pytest.MonkeyPatch
) -> None:
    loading.host.close_scene()

    assert loading.phase == "failed"
    assert loading.message == (
        "The result was not loaded, because the scene was closed."
        " Press Apply again: what the worker holds is not sent twice."
    )
    monkeypatch.undo()
    loading.host.process_events(lambda: True)
    assert_untouched(loading)


def test_another_node_that_is_removed_ends_nothing(
    running: "PanelBench", held: "HeldClinic"
) -> None:
    other = running.add_phantom()
    running.host.slicer.mrmlScene.RemoveNode(other)
    held.let_go()

    assert running.wait_idle() == "done"


def test_a_closed_scene_takes_the_result_along_and_the_next_one_is_worked_with(
    quick: "PanelBench",
) -> None:
    quick.press("applyButton")
    assert quick.wait_idle() == "done"
    quick.host.close_scene()
    assert quick.phase == "ready"
    assert quick.message == ""
    assert not quick.shown("resultsSection")

    quick.choose(quick.add_phantom())
    quick.press("applyButton")
    assert quick.wait_for("running", "failed", "done") == "running"


@pytest.mark.parametrize("end", [_close, _remove], ids=["closed", "removed"])
def test_an_apply_that_waits_for_a_check_does_not_go_on_without_its_input(
    bench: "PanelBench", held: "HeldClinic", end: Callable[["PanelBench"], None]
) -> None:
    held.line.hold(from_client=True, once=lambda: True)
    bench.connect(held.url, held.physicist)
    bench.choose(bench.add_phantom())
    bench.press("applyButton")
    bench.host.process_events(lambda: held.line.holds)
    assert bench.phase == "checking"
    end(bench)
    held.let_go()

    assert bench.wait_idle() == "ready"
    assert bench.ui.trustBadge.text.startswith("SIMULATED TEE")
    assert_untouched(bench)


# ---- the module


@pytest.fixture
def modules_kept() -> Iterator[None]:
    """Put our modules back as they were, since other tests hold on to them."""
    before = {name: module for name, module in sys.modules.items() if name.split(".")[0] in _OURS}
    yield
    for name in [name for name in sys.modules if name.split(".")[0] in _OURS]:
        del sys.modules[name]
    sys.modules.update(before)


def test_a_reload_ends_the_job_and_gives_a_panel_that_works(
    running: "PanelBench", held: "HeldClinic", modules_kept: None
) -> None:
    before = running.panel
    running.loaded = running.host.reload(running.loaded)
    running.panel.asks = running.answers

    assert running.panel is not before
    assert running.children() == []
    assert run_folders() == []
    assert running.segmentations() == []
    assert running.phase == "unchecked"
    held.let_go()
    running.press("applyButton")
    assert running.wait_idle() == "done"


@pytest.mark.parametrize("phase", ["loading", "checking"])
def test_an_unloaded_module_leaves_nothing_behind(
    bench: "PanelBench", held: "HeldClinic", request: pytest.FixtureRequest, phase: str
) -> None:
    if phase == "checking":
        held.line.hold(from_client=True, once=lambda: True)
        bench.connect(held.url, held.physicist)
        bench.press("testConnectionButton")
        bench.host.process_events(lambda: held.line.holds)
    else:
        request.getfixturevalue(phase)
    bench.host.unload(bench.loaded)

    assert bench.children() == []
    assert run_folders() == []
    assert bench.segmentations() == []
