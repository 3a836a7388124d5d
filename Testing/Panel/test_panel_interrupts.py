"""More clicks than one, and more panels than one: each job is one job, and nobody's business."""

from typing import TYPE_CHECKING

import pytest
from Testing.Panel.traces import choose_body_only, run_folders

if TYPE_CHECKING:
    from Testing.Panel.bench import PanelBench
    from Testing.Panel.clinic import Clinic
    from Testing.Panel.held_clinic import HeldClinic


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
