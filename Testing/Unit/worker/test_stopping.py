"""Stopping: the running job may finish or is queued again, and nobody is told that it ended."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from Testing.Unit.worker.books import full
from Testing.Unit.worker.desks import OUTPUT, Deaf, Desk, Gate, end_of, started
from Testing.Unit.worker.made import HandMadeSite, refusal_of

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.events import EndEvent, decode_event
from encryptsecurert_protocol.jobs import JobState
from encryptsecurert_worker.jobs import runner as runner_module
from encryptsecurert_worker.jobs.job import Job
from encryptsecurert_worker.jobs.runner import JobRunner


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def deaf() -> Iterator[Deaf]:
    made = Deaf()
    yield made
    made.opened.set()


@pytest.fixture
def desk(tmp_path: Path, made: HandMadeSite, gate: Gate, deaf: Deaf) -> Desk:
    return Desk(tmp_path, made, {"good": lambda context: OUTPUT, "gate": gate, "deaf": deaf})


def _ended(job: Job) -> bool:
    lines, _ = job.events_after(0)
    return any(isinstance(decode_event(line), EndEvent) for _, line in lines)


def test_a_job_that_finishes_within_the_grace_is_done(desk: Desk, gate: Gate) -> None:
    job = desk.order("gate")
    started(job)
    desk.core.book.close()
    gate.opened.set()
    desk.runner.stop(10)

    assert job.state is JobState.DONE
    desk.core.close()
    again = desk.again()
    assert again.find(job).state is JobState.DONE
    again.close()


def test_a_job_that_does_not_finish_is_queued_again_and_done_by_the_next_start(
    desk: Desk, gate: Gate
) -> None:
    running, waiting = desk.order("gate"), desk.order("good")
    started(running)
    desk.runner.stop(0)
    last = running.events_after(0)[0][-1][0]
    told = desk.told[-1]
    desk.core.close()

    assert (running.state, waiting.state) == (JobState.QUEUED, JobState.QUEUED)
    assert told == ("job-requeued", "")
    assert not _ended(running)
    assert all(job.events_after(0)[1] for job in (running, waiting))
    assert desk.ends == []
    gate.opened.set()
    again = desk.again()
    found = again.find(running)
    assert end_of(found).state is JobState.DONE
    assert end_of(again.find(waiting)).state is JobState.DONE
    assert found.events_after(last)[0] == found.events_after(0)[0]
    again.close()


def test_a_job_that_was_cancelled_before_the_stop_ends_cancelled(desk: Desk, deaf: Deaf) -> None:
    job = desk.order("deaf")
    started(job)
    desk.core.book.cancel(job)
    deaf.opened.set()
    desk.runner.stop(0)
    desk.core.close()

    assert job.state is JobState.CANCELLED


def test_a_job_without_a_check_point_is_not_waited_for_and_runs_again(
    desk: Desk, deaf: Deaf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_module, "_STOP_S", 0.1)
    job = desk.order("deaf")
    started(job)
    desk.runner.stop(10)
    desk.core.close()

    assert job.events_after(0)[1]
    deaf.opened.set()
    again = desk.again()
    assert end_of(again.find(job)).state is JobState.DONE
    again.close()


def test_a_full_disk_keeps_nobody_from_stopping(desk: Desk) -> None:
    job = desk.order("gate")
    started(job)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(desk.core.ledger, "write", full)
        desk.runner.stop(0)
    desk.core.close()

    assert job.state is JobState.QUEUED
    again = desk.again()
    assert not again.find(job).state.ended
    again.close()


def test_an_end_that_is_owed_is_written_as_the_worker_stops(desk: Desk, gate: Gate) -> None:
    job = desk.order("gate")
    started(job)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(desk.core.ledger, "write", full)
        gate.opened.set()
        end_of(job)
    desk.runner.stop(10)
    desk.core.close()

    again = desk.again()
    assert again.find(job).error == "E_BUSY"
    again.close()


def test_a_stopped_worker_takes_no_job(desk: Desk) -> None:
    desk.runner.stop(0)

    assert refusal_of(desk.order, "good") is ErrorCode.E_BUSY
    desk.core.close()


def test_a_runner_that_never_started_stops(desk: Desk) -> None:
    JobRunner(desk.core).stop(0)

    desk.close()
    assert desk.core.book.closed
