"""Workers that go away in the middle of a job: waited for, then given up, and found again."""

import dataclasses
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from Testing.Panel.traces import assert_untouched, choose_body_only, details, enabled, run_folders

from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_worker.jobs import book

if TYPE_CHECKING:
    from Testing.Panel.bench import PanelBench
    from Testing.Panel.clinic import Clinic
    from Testing.Panel.held_clinic import HeldClinic


@pytest.fixture
def killable(clinic: "Clinic") -> Iterator["Clinic"]:
    """Give the worker, and start it if the test has left it dead."""
    yield clinic
    clinic.stand.kill()
    clinic.stand.start()


def _waits(bench: "PanelBench") -> bool:
    words = r"Connection lost, trying again in \d+ s \(attempt \d\), 0:\d\d elapsed"
    return re.fullmatch(words, bench.ui.progressLabel.text) is not None


def test_a_worker_that_is_killed_and_comes_back_finishes_the_job(
    bench: "PanelBench", killable: "Clinic"
) -> None:
    bench.connect(killable.url, killable.physicist)
    bench.choose(bench.add_large_phantom((120, 256, 256)))  # a job of seconds
    choose_body_only(bench)
    bench.press("applyButton")
    assert bench.wait_for("running", "failed", "done") == "running"
    killable.stand.kill()

    bench.host.process_events(lambda: _waits(bench))
    assert enabled(bench, "applyButton", "testConnectionButton") == ["applyButton"]
    assert bench.ui.applyButton.text == "Cancel"
    killable.stand.start()

    assert bench.wait_idle() == "done"
    assert len(bench.segmentations()) == 1
    assert "connection lost, trying again" in bench.ui.logView.plainText


@contextmanager
def _no_place() -> Iterator[None]:
    """Let the worker have no place for a job that waits."""
    full = dataclasses.replace(LIMITS, queued_jobs=0)
    with patch.object(book, "LIMITS", full):
        yield


def test_a_queue_that_is_full_is_waited_for_and_then_told(quick: "PanelBench") -> None:
    quick.ui.patienceSpinBox.value = 2
    with _no_place():
        quick.press("applyButton")
        quick.host.process_events(lambda: "worker is busy" in quick.ui.progressLabel.text)
        assert quick.wait_idle() == "failed"

    assert quick.message == "The worker has no free place. Try again in some minutes."
    assert details(quick)[0] == "E_BUSY, exit code 10"
    assert enabled(quick, "applyButton") == ["applyButton"]
    assert_untouched(quick)


def test_a_place_that_becomes_free_in_time_is_taken(quick: "PanelBench") -> None:
    with _no_place():
        quick.press("applyButton")
        quick.host.process_events(lambda: "worker is busy" in quick.ui.progressLabel.text)

    assert quick.wait_idle() == "done"
    assert len(quick.segmentations()) == 1


@pytest.fixture
def lost(bench: "PanelBench", held: "HeldClinic") -> "PanelBench":
    """Cut the line under a job that runs; the panel is told to wait for no worker."""
    bench.ui.patienceSpinBox.value = 0
    bench.connect(held.url, held.physicist)
    bench.choose(bench.add_phantom())
    choose_body_only(bench)
    held.hospital.gate.shut()
    bench.press("applyButton")
    assert bench.wait_for("running", "failed", "done") == "running"
    held.cut()
    assert bench.wait_for("lost", "failed", "done") == "lost"
    return bench


def _job(bench: "PanelBench") -> str:
    job = str(bench.panel.session.state.run.job)
    assert re.fullmatch("[0-9a-f]{32}", job)
    return job


def test_a_lost_job_is_said_to_go_on_and_its_id_is_in_the_details(
    lost: "PanelBench",
) -> None:
    assert lost.message == (
        "The connection is lost; the job goes on at the worker."
        " Press Reconnect when the worker can be reached again."
    )
    assert details(lost) == [f"job {_job(lost)}"]
    assert lost.ui.applyButton.text == "Reconnect"
    assert enabled(lost, "applyButton", "testConnectionButton", "urlComboBox", "ctSelector") == [
        "applyButton"
    ]
    assert lost.children() == []
    assert len(run_folders()) == 1


def test_reconnect_finds_the_job_and_loads_it(lost: "PanelBench", held: "HeldClinic") -> None:
    job = _job(lost)
    held.mend()
    lost.press("applyButton")
    assert lost.wait_for("running", "failed", "done") == "running"
    assert _job(lost) == job
    held.let_go()

    assert lost.wait_idle() == "done"
    assert len(lost.segmentations()) == 1
    assert lost.message.startswith("1 structure in ")


def test_reconnect_to_a_worker_that_is_still_away_leaves_the_job_to_be_found_later(
    lost: "PanelBench", held: "HeldClinic"
) -> None:
    job = _job(lost)
    lost.press("applyButton")
    assert lost.wait_for("lost", "failed", "done") == "lost"

    assert _job(lost) == job
    assert lost.ui.applyButton.text == "Reconnect"
    assert lost.message.startswith("The connection is lost; the job goes on at the worker.")
    assert held.state_of(job) == "running"


def test_a_lost_job_can_be_cancelled_once_the_worker_is_back(
    lost: "PanelBench", held: "HeldClinic"
) -> None:
    held.mend()
    assert lost.ui.actionButton.text.replace("&", "") == "Cancel the job"
    lost.press("actionButton")
    assert lost.phase == "cancelling"
    assert lost.wait_idle() == "ready"

    assert lost.message == "Cancelled. Nothing was changed."
    assert held.state_of(_job(lost)) == "cancelled"
    assert_untouched(lost)


def test_a_lost_job_that_cannot_be_cancelled_there_is_said_to_go_on(
    lost: "PanelBench", held: "HeldClinic"
) -> None:
    job = _job(lost)
    lost.press("actionButton")
    assert lost.wait_idle() == "ready"

    assert lost.message == (
        "Cancelled here, but the worker could not be told: the job may go on."
        " It ends by itself; nothing of it is loaded."
    )
    assert f"job {job}" in details(lost)
    held.mend()
    assert held.state_of(job) == "running"
    assert_untouched(lost)


def test_cancel_after_a_reconnect_ends_the_job_at_the_worker(
    lost: "PanelBench", held: "HeldClinic"
) -> None:
    held.mend()
    lost.press("applyButton")
    assert lost.wait_for("running", "failed", "done") == "running"
    lost.press("applyButton")
    assert lost.wait_idle() == "ready"

    assert lost.message == "Cancelled. Nothing was changed."
    assert held.state_of(_job(lost)) == "cancelled"
    assert_untouched(lost)


def test_a_job_that_nobody_knows_any_more_ends_in_a_message(
    lost: "PanelBench", held: "HeldClinic"
) -> None:
    held.mend()
    shutil.rmtree(held.physicist / "jobs" / _job(lost))
    lost.press("applyButton")
    assert lost.wait_idle() == "failed"

    assert details(lost)[0] == "E_NOT_FOUND, exit code 9"
    assert lost.ui.applyButton.text == "Segment in TEE"
    assert_untouched(lost)


def test_a_closed_scene_leaves_a_lost_job_alone_and_says_where_to_find_it(
    lost: "PanelBench",
) -> None:
    job = _job(lost)
    lost.host.close_scene()

    assert lost.phase == "ready"
    assert lost.message == (
        "The job was left alone, because the scene was closed."
        " Its results can be had with the command line: encryptsecurert fetch."
    )
    assert details(lost) == [f"job {job}"]
    assert_untouched(lost)
