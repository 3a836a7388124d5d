"""Cancel in every stage: a click, then the panel as it was before, and nothing left anywhere."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
from Testing.Panel.traces import assert_untouched, choose_body_only, enabled

if TYPE_CHECKING:
    from Testing.Panel.bench import PanelBench
    from Testing.Panel.held_clinic import HeldClinic

_CANCELLED = "Cancelled. Nothing was changed."
_NOT_TOLD = (
    "Cancelled here, but the worker could not be told: the job may go on."
    " It ends by itself; nothing of it is loaded."
)
_SOON_S = 3.0  # a loaded machine takes this long to end a process
_MIB = 1024 * 1024


@pytest.fixture
def checked(
    bench: "PanelBench", held: "HeldClinic", monkeypatch: pytest.MonkeyPatch
) -> "PanelBench":
    """Connect to the worker that can be held, and choose a volume that it does not hold yet."""
    from EncryptSecureRTLib.panel import widget

    monkeypatch.setattr(widget, "DOUBLE_CLICK_S", 0.0)  # these tests click sooner than people
    bench.connect(held.url, held.physicist)
    noise = np.random.default_rng(os.getpid() + time.monotonic_ns()).integers(-1000, 1000, 8 * _MIB)
    bench.choose(bench.add_volume(noise.reshape(128, 256, 256).astype(np.int16)))
    choose_body_only(bench)
    bench.press("testConnectionButton")
    assert bench.wait_idle() == "ready"
    return bench


def _cancel(bench: "PanelBench", meanwhile: Callable[[], None] = lambda: None) -> float:
    """Press Cancel; check what is shown meanwhile; return how long it took, in s."""
    began_s = time.monotonic()
    assert bench.ui.applyButton.text == "Cancel"
    bench.press("applyButton")
    if bench.phase == "cancelling":
        assert bench.ui.applyButton.text == "Cancelling..."
        assert enabled(bench, "applyButton", "testConnectionButton") == []
        assert bench.ui.applyButton.toolTip == "The job is being ended."
        assert bench.ui.progressLabel.text == "Cancelling..."
        bench.ui.applyButton.click()
    meanwhile()
    bench.wait_idle()
    return time.monotonic() - began_s


def _assert_as_before(bench: "PanelBench", message: str = _CANCELLED) -> None:
    assert bench.phase == "ready"
    assert bench.message == message
    assert bench.ui.applyButton.text == "Segment in TEE"
    assert enabled(bench, "applyButton", "testConnectionButton", "ctSelector") == [
        "applyButton",
        "testConnectionButton",
        "ctSelector",
    ]
    assert bench.ui.trustBadge.text.startswith("SIMULATED TEE")
    assert not bench.shown("progressBar")
    assert_untouched(bench)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    """A stage of a job, how it is held, and what becomes of the job at the worker."""

    phase: str
    hold: Callable[["HeldClinic"], None] = lambda held: None
    state: str = ""


_STAGES = {
    "uploading": _Stage(
        phase="uploading", hold=lambda held: held.hold_after("PUT /v1/objects", from_client=True)
    ),
    "running": _Stage(
        phase="running", hold=lambda held: held.hospital.gate.shut(), state="cancelled"
    ),
    "downloading": _Stage(
        phase="downloading",
        hold=lambda held: held.hold_after("GET /v1/results", from_client=False),
        state="done",
    ),
}


def test_cancel_while_the_worker_is_checked_forgets_what_was_found(
    bench: "PanelBench", held: "HeldClinic"
) -> None:
    held.line.hold(from_client=True, once=lambda: True)
    bench.connect(held.url, held.physicist)
    bench.press("testConnectionButton")
    bench.host.process_events(lambda: held.line.holds)

    assert _cancel(bench) < _SOON_S

    assert bench.phase == "unchecked"
    assert bench.message == _CANCELLED
    assert bench.ui.trustBadge.text == "Not checked"
    assert not bench.shown("checksFrame")
    assert_untouched(bench)


def test_cancel_while_voxels_are_written_starts_no_client(checked: "PanelBench") -> None:
    checked.choose(checked.add_volume(np.zeros((500, 512, 512), np.int16)))
    checked.press("applyButton")
    checked.host.process_events(
        lambda: checked.ui.progressLabel.text.startswith("Preparing the volume")
    )
    assert checked.children() == []

    assert _cancel(checked) < _SOON_S

    _assert_as_before(checked)


def test_cancel_while_the_client_starts_ends_it(checked: "PanelBench") -> None:
    checked.press("applyButton")
    checked.host.process_events(lambda: checked.children() != [])
    assert checked.phase == "preparing"

    assert _cancel(checked) < _SOON_S

    _assert_as_before(checked)


@pytest.mark.parametrize("name", _STAGES)
def test_cancel_ends_the_job_here_and_at_the_worker(
    checked: "PanelBench", held: "HeldClinic", name: str
) -> None:
    stage = _STAGES[name]
    stage.hold(held)
    checked.press("applyButton")
    assert checked.wait_for(stage.phase, "failed", "done") == stage.phase
    if name != "running":
        checked.host.process_events(lambda: held.line.holds)
    job = checked.panel.session.state.run.job

    assert _cancel(checked, meanwhile=held.line.let_go) < _SOON_S

    _assert_as_before(checked)
    held.let_go()
    assert held.state_of(job) == stage.state


def test_cancel_while_the_job_waits_in_the_queue_takes_it_out(
    checked: "PanelBench", held: "HeldClinic"
) -> None:
    with held.queue_held():
        checked.press("applyButton")
        assert checked.wait_for("queued", "failed", "done") == "queued"
        assert checked.ui.progressLabel.text.startswith("Waiting, next in turn")
        job = checked.panel.session.state.run.job

        assert _cancel(checked) < _SOON_S

        _assert_as_before(checked)
        assert held.state_of(job) == "cancelled"


def test_what_was_cancelled_can_be_begun_again_and_is_not_sent_twice(
    checked: "PanelBench", held: "HeldClinic"
) -> None:
    held.hospital.gate.shut()
    checked.press("applyButton")
    checked.wait_for("running")
    _cancel(checked)
    held.let_go()
    sent_before = _sent_bytes(held)

    checked.press("applyButton")
    assert checked.wait_idle() == "done"

    assert len(checked.segmentations()) == 1
    assert _sent_bytes(held) - sent_before < _MIB  # the volume has 16


def _sent_bytes(held: "HeldClinic") -> int:
    return sum(len(connection.from_client) for connection in held.line.connections)


def test_a_client_that_stands_still_is_killed_and_the_window_lives_on(
    checked: "PanelBench", held: "HeldClinic"
) -> None:
    held.hospital.gate.shut()
    checked.press("applyButton")
    checked.wait_for("running")
    (child,) = checked.children()
    job = checked.panel.session.state.run.job
    os.kill(child, signal.SIGSTOP)
    with checked.host.heartbeat() as beat:
        took_s = _cancel(checked)

    assert 5 < took_s < 12
    assert beat.longest_ms < 500
    assert held.state_of(job) == "running"
    _assert_as_before(checked, _NOT_TOLD)


def test_a_line_on_which_nothing_goes_any_more_does_not_hold_up_a_cancel(
    checked: "PanelBench", held: "HeldClinic", monkeypatch: pytest.MonkeyPatch
) -> None:
    from EncryptSecureRTLib.panel import runs

    monkeypatch.setattr(runs, "KILL_AFTER_S", 0.5)
    held.hold_after("PUT /v1/objects", from_client=True)
    checked.press("applyButton")
    checked.wait_for("uploading")
    checked.host.process_events(lambda: held.line.holds)

    assert _cancel(checked) < _SOON_S

    _assert_as_before(checked)


def test_a_long_job_is_cancelled_only_after_a_question(
    checked: "PanelBench", held: "HeldClinic", monkeypatch: pytest.MonkeyPatch
) -> None:
    from EncryptSecureRTLib.panel import widget

    held.hospital.gate.shut()
    checked.press("applyButton")
    checked.wait_for("running")
    monkeypatch.setattr(widget, "_ASK_BEFORE_CANCEL_S", 0.0)
    checked.answers.yes = False
    checked.press("applyButton")
    assert checked.phase == "running"
    assert checked.answers.asked[-1] == "Cancel the job?"

    checked.answers.yes = True
    _cancel(checked)

    _assert_as_before(checked)
