"""One job's states and events: a table, and numbers that only grow."""

import asyncio
import dataclasses
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
from encryptsecurert_worker.jobs.job import NUMBERS, Job

_S = JobState
# The table of the protocol, written once more and apart from the code.
ALLOWED = {
    (_S.QUEUED, _S.RUNNING),
    (_S.QUEUED, _S.FAILED),
    (_S.QUEUED, _S.CANCELLED),
    (_S.RUNNING, _S.QUEUED),
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


def _end(
    job: Job,
    state: JobState,
    error: str | None = "E_JOB_FAILED",
    results: tuple[tuple[str, int], ...] = (),
) -> None:
    lines = job.prepare_end(state, error, results)
    job.end(dataclasses.replace(job.record, state=state, error=error, octets=b"", lines=lines))


def _move(job: Job, state: JobState) -> None:
    match state:
        case _S.QUEUED:
            job.requeue()
        case _S.RUNNING:
            job.run()
        case _S.CANCELLING:
            before = job.state
            job.request_cancel(ErrorCode.E_CANCELLED)
            if job.state is before:
                raise EncryptSecureRTError(ErrorCode.E_INTERNAL)
        case _:
            _end(job, state, None if state is _S.DONE else "E_JOB_FAILED")


def _in_state(state: JobState) -> Job:
    job = new_job()
    for step in _WAYS[state]:
        _move(job, step)
    assert job.state is state
    return job


def _events(job: Job) -> list[Event]:
    return [decode_event(line) for _, line in job.events_after(0)[0]]


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
    job.show_place(2)
    job.run()
    job.progress("body", 0.5)
    job.log("volume_cc.body", 12.5)
    before = _events(job)
    _end(job, _S.DONE, None, (("receipt", 9),))

    assert before == [
        StateEvent(n=1, state=_S.QUEUED, place=2),
        StateEvent(n=2, state=_S.RUNNING, place=0),
        ProgressEvent(n=3, stage="body", fraction=0.5),
        LogEvent(n=4, entry="volume_cc.body", value=12.5),
    ]
    assert _events(job)[-1] == EndEvent(n=5, state=_S.DONE, error=None, results=(("receipt", 9),))


def test_an_ended_job_keeps_everything_and_the_last_of_its_progress() -> None:
    job = _in_state(_S.RUNNING)
    for step in range(100):
        job.progress("body", step / 100)
    job.log("volume_cc.body", 12.5)
    before = _events(job)
    last = [e for e in before if isinstance(e, ProgressEvent)][-1]
    _end(job, _S.DONE, None)

    kept = [e for e in before if not isinstance(e, ProgressEvent) or e is last]
    assert last.fraction == 0.99
    assert _events(job)[:-1] == kept
    assert [line for _, line in job.events_after(0)[0]] == list(job.record.lines)
    assert job.events_after(before[-2].n)[0][0][0] == before[-1].n


def test_events_after_a_number_are_the_rest() -> None:
    job = _in_state(_S.DONE)
    lines, over = job.events_after(0)

    assert [n for n, _ in lines] == [1, 2]
    assert job.events_after(1) == (lines[1:], True)
    assert job.events_after(2) == ([], True)
    assert job.events_after(10_000) == ([], True)
    assert _in_state(_S.RUNNING).events_after(0)[1] is False
    assert over


def test_a_new_place_takes_the_place_of_the_one_before() -> None:
    job = new_job()
    for place in (3, 2, 2, 1):
        job.show_place(place)

    assert _events(job) == [StateEvent(n=3, state=_S.QUEUED, place=1)]
    assert job.place == 1


def test_a_running_job_is_stopped_at_its_next_check_point() -> None:
    job = _in_state(_S.RUNNING)
    job.progress("body", 0.1)
    job.request_cancel(ErrorCode.E_FORBIDDEN)

    assert job.state is _S.CANCELLING
    assert job.cancelled_by is ErrorCode.E_FORBIDDEN
    assert refusal_of(job.progress, "body", 0.1001) is ErrorCode.E_CANCELLED
    assert refusal_of(job.progress, "lungs", 0.2) is ErrorCode.E_CANCELLED


def test_a_job_that_is_to_leave_stops_at_its_next_check_point_and_no_event_tells_of_it() -> None:
    job = _in_state(_S.RUNNING)
    before = _events(job)
    job.leave()

    assert refusal_of(job.progress, "body", 0.2) is ErrorCode.E_CANCELLED
    job.requeue()
    assert job.state is _S.QUEUED
    assert _events(job) == before


@pytest.mark.parametrize("state", [_S.QUEUED, _S.CANCELLING, _S.DONE, _S.FAILED, _S.CANCELLED])
def test_stopping_what_does_not_run_changes_nothing(state: JobState) -> None:
    job = _in_state(state)
    events = job.events_after(0)
    job.request_cancel(ErrorCode.E_FORBIDDEN)

    assert job.state is state
    assert job.events_after(0) == events


def test_numbers_that_are_not_reserved_are_not_used_for_progress() -> None:
    job = _in_state(_S.RUNNING)
    for step in range(2 * NUMBERS):
        job.log("step", float(step))
    used = _events(job)[-1].n
    job.request_cancel(ErrorCode.E_CANCELLED)

    assert job.needs_numbers
    assert used < _events(job)[-1].n <= job.record.events_from


def test_more_numbers_bring_more_events() -> None:
    job = _in_state(_S.RUNNING)
    for step in range(2 * NUMBERS):
        job.log("step", float(step))
    used = _events(job)[-1].n
    job.record = dataclasses.replace(job.record, events_from=job.reserved())
    job.log("step", 0.0)

    assert _events(job)[-1].n == used + 1
    assert not job.needs_numbers


def test_nothing_is_told_between_the_making_of_an_end_and_the_end() -> None:
    job = new_job()
    job.show_place(1)
    before = _events(job)
    lines = job.prepare_end(_S.CANCELLED, "E_CANCELLED", ())
    job.show_place(0)

    assert _events(job) == before
    job.end(dataclasses.replace(job.record, state=_S.CANCELLED, octets=b"", lines=lines))
    assert [event.n for event in _events(job)] == [1, 2]


def test_an_end_that_was_given_up_leaves_the_job_going() -> None:
    job = _in_state(_S.RUNNING)
    job.prepare_end(_S.DONE, None, ())
    job.give_up_end()
    job.progress("body", 0.5)

    assert job.state is _S.RUNNING
    assert isinstance(_events(job)[-1], ProgressEvent)


def test_a_stream_is_over_when_the_worker_lets_go() -> None:
    job = _in_state(_S.RUNNING)
    lines, before = job.events_after(0)
    job.let_go()

    assert before is False
    assert job.events_after(0) == (lines, True)


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
            lambda: job.show_place(1),
            job.run,
            job.let_go,
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

    assert asyncio.run(scenario()) == [True, True, True, False, False]
