"""Between a click and its result: more clicks, a closed scene, a reload, a second panel."""

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from Testing.Panel.traces import assert_untouched, choose_body_only, run_folders

if TYPE_CHECKING:
    from Testing.Panel.bench import PanelBench
    from Testing.Panel.clinic import Clinic
    from Testing.Panel.held_clinic import HeldClinic

_OURS = ("EncryptSecureRTLib", "encryptsecurert_protocol", "EncryptSecureRT")


@pytest.fixture
def quick(bench: "PanelBench", held: "HeldClinic") -> "PanelBench":
    """Connect to the worker that can be held, for a short job."""
    bench.connect(held.url, held.physicist)
    bench.choose(bench.add_phantom())
    choose_body_only(bench)
    bench.press("testConnectionButton")
    assert bench.wait_idle() == "ready"
    return bench


@pytest.fixture
def running(quick: "PanelBench", held: "HeldClinic") -> "PanelBench":
    """Begin a job, and hold it while the worker computes."""
    held.hospital.gate.shut()
    quick.press("applyButton")
    assert quick.wait_for("running", "failed", "done") == "running"
    return quick


@pytest.fixture
def loading(
    quick: "PanelBench", held: "HeldClinic", monkeypatch: pytest.MonkeyPatch
) -> "PanelBench":
    """Wait until results are being loaded, one small step at a time."""
    from EncryptSecureRTLib.panel import steps

    held.hospital.gate.shut()
    quick.press("applyButton")
    quick.wait_for("running")
    monkeypatch.setattr(steps, "STEP_S", 0.0)
    held.let_go()
    assert quick.wait_for("loading", "failed", "done") == "loading"
    return quick


# ---- more clicks


def test_a_double_click_on_apply_at_a_worker_that_was_not_checked_is_one_check_and_one_job(
    bench: "PanelBench", clinic: "Clinic"
) -> None:
    bench.connect(clinic.url, clinic.physicist)
    bench.choose(bench.add_phantom())
    choose_body_only(bench)
    bench.ui.applyButton.click()
    bench.ui.applyButton.click()

    assert bench.wait_idle() == "done"
    assert bench.ui.logView.plainText.count("check version: ok") == 1
    assert len(bench.segmentations()) == 1


def test_a_double_click_on_apply_is_one_job(quick: "PanelBench") -> None:
    from PySide6.QtTest import QTest

    quick.loaded.root.show()
    for _ in range(2):
        QTest.mouseClick(quick.ui.applyButton, quick.host.qt.Qt.LeftButton)

    assert quick.wait_idle() == "done"
    assert len(quick.segmentations()) == 1


def test_a_script_cannot_begin_a_second_job_under_the_first(running: "PanelBench") -> None:
    from EncryptSecureRTLib.client.process import EncryptSecureRTError

    logic = running.loaded.widget.logic
    with pytest.raises(EncryptSecureRTError) as refusal:
        logic.segment(running.named("ctSelector").currentNode())

    assert (refusal.value.code.name, refusal.value.detail) == ("E_BUSY", "a job runs")
    assert running.phase == "running"
    assert len(running.children()) == 1


def test_nothing_of_a_job_can_be_changed_while_it_runs(
    running: "PanelBench", held: "HeldClinic", clinic: "Clinic"
) -> None:
    for name in ("urlComboBox", "ctSelector", "structuresButton", "segmentationSelector"):
        widget = running.named(name)
        assert not widget.enabled
        assert widget.toolTip == "Something runs: wait for it, or cancel it."
    assert not running.ui.patienceSpinBox.enabled
    assert not running.ui.testConnectionButton.enabled
    running.ui.urlComboBox.setEditText(clinic.url)  # as a script could
    held.let_go()

    assert running.wait_idle() == "done"
    assert running.panel.session.connection.url == held.url


def test_two_jobs_in_a_row_are_two_results_and_the_files_of_the_second(
    quick: "PanelBench",
) -> None:
    folders = []
    for row in (0, 3):
        _choose_only(quick, row)
        quick.press("applyButton")
        assert quick.wait_idle() == "done"
        folders.append(run_folders())

    found = [list(node.GetSegmentation().GetSegmentIDs()) for node in quick.segmentations()]
    assert found == [["body"], ["skeleton"]]
    assert [len(paths) for paths in folders] == [1, 1]
    assert folders[0] != folders[1]
    assert [path.name for path in folders[1][0].iterdir()] == ["results"]


def _choose_only(bench: "PanelBench", row: int) -> None:
    boxes, states = bench.named("structuresList"), bench.host.qt.Qt
    for each in range(boxes.count):
        boxes.item(each).setCheckState(states.Checked if each == row else states.Unchecked)


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
    assert quick.wait_idle() == "done"
    assert len(quick.segmentations()) == 1


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


@pytest.mark.parametrize("phase", ["running", "loading", "checking"])
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


# ---- a second one


def test_two_sessions_in_one_application_do_not_know_of_each_other(
    running: "PanelBench", held: "HeldClinic", clinic: "Clinic"
) -> None:
    second = running.loaded.file.EncryptSecureRTLogic()
    second.connect(clinic.url, home=str(clinic.physicist))
    job = second.segment(running.named("ctSelector").currentNode(), structures=["body"])
    running.host.process_events(lambda: len(running.children()) == 2)
    try:
        node = job.wait()
    finally:
        second.session.close()

    assert node is not None
    assert running.phase == "running"
    assert len(run_folders()) == 1
    held.let_go()
    assert running.wait_idle() == "done"
    assert len(running.segmentations()) == 2


def test_a_cancel_in_one_session_leaves_the_other_alone(
    running: "PanelBench", held: "HeldClinic", clinic: "Clinic"
) -> None:
    from EncryptSecureRTLib.client.process import EncryptSecureRTError

    second = running.loaded.file.EncryptSecureRTLogic()
    second.connect(clinic.url, home=str(clinic.physicist))
    job = second.segment(running.named("ctSelector").currentNode())
    running.host.process_events(lambda: len(running.children()) == 2)
    job.cancel()
    with pytest.raises(EncryptSecureRTError) as ended:
        job.wait()
    second.session.close()

    assert ended.value.code.name == "E_CANCELLED"
    assert running.phase == "running"
    held.let_go()
    assert running.wait_idle() == "done"
    assert len(running.segmentations()) == 1


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
