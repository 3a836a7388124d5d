"""One job's states and events: a table, and numbers without gaps."""

import asyncio
from collections.abc import Callable
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from Testing.Unit.worker.made import refusal_of
from Testing.Unit.worker.orders import new_job

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.events import (
    EndEvent,
    Event,
    LogEvent,
    ProgressEvent,
    StateEvent,
    decode_event,
)
from encryptsecurert_protocol.jobs import JobState
from encryptsecurert_worker.jobs.job import Job

_S = JobState
# The table of the protocol, written once more and apart from the code.
ALLOWED = {
    (_S.QUEUED, _S.QUEUED),
    (_S.QUEUED, _S.RUNNING),
    (_S.QUEUED, _S.CANCELLED),
    (_S.RUNNING, _S.CANCELLING),
    (_S.RUNNING, _S.DONE),
    (_S.RUNNING, _S.FAILED),
    (_S.RUNNING, _S.CANCELLED),
    (_S.CANCELLING, _S.CANCELLED),
    (_S.CANCELLING, _S.DONE),
    (_S.CANCELLING, _S.FAILED),
}
_WAYS = {
    _S.QUEUED: [],
    _S.RUNNING: [_S.RUNNING],
    _S.CANCELLING: [_S.RUNNING, _S.CANCELLING],
    _S.DONE: [_S.RUNNING, _S.DONE],
    _S.FAILED: [_S.RUNNING, _S.FAILED],
    _S.CANCELLED: [_S.CANCELLED],
}


def _move(job: Job, state: JobState) -> None:
    if state.ended:
        job.end(state, None if state is _S.DONE else ErrorCode.E_JOB_FAILED, ())
    else:
        job.set_state(state)


def _in_state(state: JobState) -> Job:
    job = new_job()
    for step in _WAYS[state]:
        _move(job, step)
    assert job.state is state
    return job


def _events(job: Job) -> list[Event]:
    return [decode_event(line) for line in job.events_after(0)[0]]


@pytest.mark.parametrize(("before", "after"), list(product(JobState, JobState)))
def test_a_job_moves_along_the_table_only(before: JobState, after: JobState) -> None:
    job = _in_state(before)
    events = job.events_after(0)[0]

    if (before, after) in ALLOWED:
        _move(job, after)
        assert job.state is after
    else:
        assert refusal_of(_move, job, after) is ErrorCode.E_INTERNAL
        assert job.state is before
        assert job.events_after(0)[0] == events


def test_events_are_numbered_from_one_and_end_comes_last() -> None:
    job = new_job()
    job.set_state(_S.QUEUED, place=2)
    job.set_state(_S.RUNNING)
    job.progress("body", 0.5)
    job.log("volume_cc.body", 12.5)
    job.end(_S.DONE, None, (("receipt", 9),))

    assert _events(job) == [
        StateEvent(n=1, state=_S.QUEUED, place=2),
        StateEvent(n=2, state=_S.RUNNING, place=0),
        ProgressEvent(n=3, stage="body", fraction=0.5),
        LogEvent(n=4, entry="volume_cc.body", value=12.5),
        EndEvent(n=5, state=_S.DONE, error=None, results=(("receipt", 9),)),
    ]


def test_events_after_a_number_are_the_rest() -> None:
    job = _in_state(_S.DONE)
    lines, ended = job.events_after(0)

    assert job.events_after(1) == (lines[1:], True)
    assert job.events_after(len(lines)) == ([], True)
    assert job.events_after(10_000) == ([], True)
    assert _in_state(_S.RUNNING).events_after(0)[1] is False
    assert ended


def test_a_queued_job_is_cancelled_at_once() -> None:
    job = new_job()
    job.set_state(_S.QUEUED)

    assert job.request_cancel() is True
    assert job.state is _S.CANCELLED
    (_, end) = _events(job)
    assert end == EndEvent(n=2, state=_S.CANCELLED, error="E_CANCELLED", results=())


def test_a_running_job_is_stopped_at_its_next_check_point() -> None:
    job = _in_state(_S.RUNNING)
    job.progress("body", 0.1)

    assert job.request_cancel() is False
    assert job.state is _S.CANCELLING
    assert refusal_of(job.progress, "body", 0.1001) is ErrorCode.E_CANCELLED
    assert refusal_of(job.progress, "lungs", 0.2) is ErrorCode.E_CANCELLED


@pytest.mark.parametrize("state", [_S.CANCELLING, _S.DONE, _S.FAILED, _S.CANCELLED])
def test_cancelling_again_or_too_late_changes_nothing(state: JobState) -> None:
    job = _in_state(state)
    events = job.events_after(0)

    assert job.request_cancel() is False
    assert job.state is state
    assert job.events_after(0) == events


def test_small_steps_of_one_stage_make_no_event() -> None:
    job = _in_state(_S.RUNNING)
    for step in range(1001):
        job.progress("body", step / 1000)
    fractions = [e.fraction for e in _events(job) if isinstance(e, ProgressEvent)]

    assert 150 <= len(fractions) <= 201
    assert fractions == sorted(fractions)


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b"]), st.floats(min_value=0, max_value=1)), max_size=30
    )
)
def test_progress_within_a_stage_never_goes_back(steps: list[tuple[str, float]]) -> None:
    job = _in_state(_S.RUNNING)
    for stage, fraction in steps:
        job.progress(stage, fraction)
    progress = [e for e in _events(job) if isinstance(e, ProgressEvent)]

    for one, two in pairwise(progress):
        assert one.stage != two.stage or one.fraction <= two.fraction


def test_a_fraction_beyond_the_whole_is_a_defect() -> None:
    job = _in_state(_S.RUNNING)

    with pytest.raises(EncryptSecureRTError):
        job.progress("body", 1.5)


def test_watchers_are_woken_by_each_event_until_they_stop() -> None:
    async def scenario() -> list[bool]:
        job, wake = new_job(), asyncio.Event()
        stop = job.watch(asyncio.get_running_loop(), wake)
        woken = []
        actions: tuple[Callable[[], None], ...] = (
            lambda: job.set_state(_S.QUEUED),
            lambda: job.set_state(_S.RUNNING),
            stop,
        )
        for action in actions:
            wake.clear()
            action()
            await asyncio.sleep(0)
            woken.append(wake.is_set())
        wake.clear()
        job.log("after", 1.0)
        await asyncio.sleep(0)
        return [*woken, wake.is_set()]

    assert asyncio.run(scenario()) == [True, True, False, False]
