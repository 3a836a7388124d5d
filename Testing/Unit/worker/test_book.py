"""The book of jobs: owners, repeats, room, and cancelling in every moment, on a full disk too."""

import dataclasses
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from Testing.Unit.worker.books import Shelf, at_once, events, place
from Testing.Unit.worker.made import HandMadeSite, refusal_of
from Testing.Unit.worker.orders import OTHER, OWNER, accept, order

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.events import EndEvent, StateEvent
from encryptsecurert_protocol.jobs import JobState, job_digest
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_worker.jobs import book as book_module
from encryptsecurert_worker.jobs.job import Job
from encryptsecurert_worker.vault.ledger import Change

A, B, C = "0a" * 16, "0b" * 16, "0c" * 16


@pytest.fixture
def shelf(tmp_path: Path, made: HandMadeSite) -> Shelf:
    return Shelf(tmp_path, made)


def _limit(monkeypatch: pytest.MonkeyPatch, **limits: int) -> None:
    monkeypatch.setattr(book_module, "LIMITS", dataclasses.replace(LIMITS, **limits))


def _start(shelf: Shelf, job: Job, started: list[bool]) -> None:
    started.append(shelf.book.start(job))


def test_an_accepted_job_is_in_the_journal_with_its_line(shelf: Shelf) -> None:
    job = shelf.accept(A)
    (line,) = shelf.kept.lines()

    assert shelf.kept.ledger.get("job", OWNER, A) == job.record.fact().value
    assert (line.event.value, line.user, line.job) == ("job-submitted", OWNER, A)
    assert (line.digest, line.epoch) == (job.digest_hex, 3)
    assert events(job) == [StateEvent(n=1, state=JobState.QUEUED, place=0)]


def test_whatever_an_owner_is_told_outlives_a_power_cut(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    durable: list[bool] = []
    write = shelf.kept.ledger.write

    def noted(changes: Sequence[Change], **how: Any) -> None:
        durable.append(how.get("durable", True))
        write(changes, **how)

    monkeypatch.setattr(shelf.kept.ledger, "write", noted)
    job = shelf.running(A)
    shelf.book.cancel(job)
    shelf.book.steps.end(job, JobState.CANCELLED, ErrorCode.E_CANCELLED)
    shelf.done(B)

    accepted, started, cancelled, ended, done = True, False, True, True, True
    assert durable == [accepted, started, cancelled, ended, accepted, started, done]


def test_the_same_job_again_is_the_one_that_came_first(shelf: Shelf) -> None:
    first = shelf.accept(A)

    assert shelf.accept(A) is first
    assert shelf.book.known(OWNER, A, first.record.digest) is first
    assert len(events(first)) == 1
    assert len(shelf.told) == 1


def test_of_two_clients_with_one_job_both_get_it_and_it_is_there_once(shelf: Shelf) -> None:
    header = order(A)
    got: list[Job] = []
    at_once(*[lambda: got.append(accept(shelf.book, header))] * 8)

    assert len(got) == 8
    assert len(set(map(id, got))) == 1
    assert len(shelf.told) == shelf.book.queued == 1


def test_another_job_under_the_same_id_is_a_replay(shelf: Shelf) -> None:
    shelf.accept(A)
    digest = job_digest(order(A, min_epoch=2).encode())

    assert refusal_of(shelf.accept, A, min_epoch=2) is ErrorCode.E_REPLAY
    assert refusal_of(shelf.book.known, OWNER, A, digest) is ErrorCode.E_REPLAY
    assert shelf.book.known(OWNER, B, digest) is None


def test_another_owners_id_is_free_and_unseen(shelf: Shelf) -> None:
    mine = shelf.accept(A)

    assert refusal_of(shelf.book.get, OTHER, A) is ErrorCode.E_NOT_FOUND
    assert refusal_of(shelf.book.get, OTHER, B) is ErrorCode.E_NOT_FOUND
    assert shelf.book.known(OTHER, A, mine.record.digest) is None
    theirs = shelf.accept(A, OTHER)
    assert shelf.book.of(OWNER) == [(mine, 0)]
    assert shelf.book.of(OTHER) == [(theirs, 1)]
    assert shelf.book.get(OTHER, A) is theirs


def test_a_job_under_another_certificate_is_not_accepted(shelf: Shelf) -> None:
    header = order(A)
    octets = header.encode()
    code = refusal_of(shelf.book.accept, header, octets, job_digest(octets), "dd" * 32)

    assert code is ErrorCode.E_USER_CERTIFICATE


def test_what_is_started_runs_and_is_not_started_again(shelf: Shelf) -> None:
    job = shelf.running(A)

    assert job.state is JobState.RUNNING
    assert job.record.starts == 1
    assert shelf.accept(A) is job
    shelf.book.close()
    assert shelf.book.take() is None


def test_a_cancelled_job_in_the_queue_is_passed_over(shelf: Shelf) -> None:
    first, second, third = (shelf.accept(job) for job in (A, B, C))
    shelf.book.cancel(second)

    assert place(third) == 1
    assert [shelf.book.take(), shelf.book.take()] == [first, third]
    end = events(second)[-1]
    assert end == EndEvent(n=2, state=JobState.CANCELLED, error="E_CANCELLED", results=())
    assert shelf.told[-1] == ("job-cancel", "E_CANCELLED")


def test_a_running_job_is_told_to_stop_once_that_is_written_down(shelf: Shelf) -> None:
    job = shelf.running(A)
    with shelf.full_disk():
        code = refusal_of(shelf.book.cancel, job)
    before = job.state
    shelf.book.cancel(job)
    shelf.book.cancel(job)

    assert (code, before) == (ErrorCode.E_BUSY, JobState.RUNNING)
    assert job.state is JobState.CANCELLING
    assert job.record.cancel
    assert [event for event, _ in shelf.told].count("job-cancel") == 1


def test_a_full_disk_cancels_no_waiting_job_either(shelf: Shelf) -> None:
    job = shelf.accept(A)
    with shelf.full_disk():
        code = refusal_of(shelf.book.cancel, job)

    assert code is ErrorCode.E_BUSY
    assert shelf.book.take() is job
    assert shelf.book.start(job)


def test_cancelling_what_has_ended_changes_nothing(shelf: Shelf) -> None:
    job = shelf.done(A)
    before, told = job.events_after(0), shelf.told
    shelf.book.cancel(job)

    assert job.state is JobState.DONE
    assert job.events_after(0) == before
    assert shelf.told == told


def test_a_job_that_is_cancelled_while_it_is_taken_either_runs_or_was_never_started(
    shelf: Shelf,
) -> None:
    # The moment between queue and start: each outcome is fine, a job in between is not.
    for number in range(100):
        job = shelf.accept(f"{number:032x}")
        taken = shelf.book.take()
        assert taken is job
        started: list[bool] = []
        at_once(partial(_start, shelf, job, started), partial(shelf.book.cancel, job))

        assert job.state is (JobState.CANCELLING if started == [True] else JobState.CANCELLED)
        shelf.book.steps.end(job, JobState.CANCELLED, ErrorCode.E_CANCELLED)


def test_the_queue_has_an_end(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    _limit(monkeypatch, queued_jobs=3)
    for job in (A, B):
        shelf.accept(job)
    shelf.accept(A, OTHER)

    assert refusal_of(shelf.accept, C) is ErrorCode.E_BUSY
    assert refusal_of(shelf.accept, B, OTHER) is ErrorCode.E_BUSY
    shelf.book.take()
    assert shelf.accept(C).state is JobState.QUEUED


def test_one_user_does_not_fill_the_queue(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    _limit(monkeypatch, queued_jobs_per_user=2)
    for job in (A, B):
        shelf.accept(job)

    assert refusal_of(shelf.accept, C) is ErrorCode.E_QUOTA
    shelf.accept(A, OTHER)
    shelf.book.take()
    assert shelf.accept(C).state is JobState.QUEUED


def test_one_user_has_so_many_jobs_here_and_no_more(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    _limit(monkeypatch, kept_jobs_per_user=2)
    ended = shelf.done(A)
    shelf.accept(B)

    assert refusal_of(shelf.accept, C) is ErrorCode.E_QUOTA
    assert shelf.accept(A) is ended
    assert shelf.accept(C, OTHER).state is JobState.QUEUED


def test_a_full_disk_accepts_nothing_and_keeps_nothing(shelf: Shelf) -> None:
    with shelf.full_disk():
        code = refusal_of(shelf.accept, A)

    assert code is ErrorCode.E_BUSY
    assert shelf.book.of(OWNER) == []
    assert shelf.book.queued == 0
    assert shelf.accept(A).record.seq == 1


def test_a_closed_book_takes_no_job_and_lets_streams_go(shelf: Shelf) -> None:
    waiting = shelf.accept(A)
    shelf.book.close()

    assert shelf.book.take() is None
    assert refusal_of(shelf.accept, B) is ErrorCode.E_BUSY
    assert shelf.accept(A) is waiting
    assert waiting.state is JobState.QUEUED
    assert waiting.events_after(0)[1]


def test_a_job_that_was_taken_as_the_book_closed_is_not_started(shelf: Shelf) -> None:
    job = shelf.accept(A)
    shelf.book.take()
    shelf.book.close()

    assert not shelf.book.start(job)
    assert (job.state, job.record.starts) == (JobState.QUEUED, 0)


def test_jobs_that_lost_their_right_are_cancelled_and_no_others(shelf: Shelf) -> None:
    running = shelf.running(A)
    mine, theirs = shelf.accept(B), shelf.accept(C, OTHER)
    out = ErrorCode.E_USER_CERTIFICATE
    shelf.book.withdraw(lambda job: out if job.header.user == OWNER else None)

    assert (running.state, mine.state) == (JobState.CANCELLING, JobState.CANCELLED)
    assert running.cancelled_by is ErrorCode.E_USER_CERTIFICATE
    assert theirs.state is JobState.QUEUED
    assert shelf.told[-1] == ("job-ended", "E_USER_CERTIFICATE")
    assert shelf.book.take() is theirs


def test_a_full_disk_keeps_no_withdrawn_job(shelf: Shelf) -> None:
    running = shelf.running(A)
    waiting = shelf.accept(B)
    with shelf.full_disk():
        shelf.book.withdraw(lambda job: ErrorCode.E_FORBIDDEN)
        shelf.book.steps.end(running, JobState.CANCELLED, ErrorCode.E_CANCELLED)
        shelf.book.settle()
        before = shelf.told
    shelf.book.settle()

    assert (running.state, waiting.state) == (JobState.CANCELLED, JobState.CANCELLED)
    assert [event for event, _ in before] == ["job-submitted", "job-started", "job-submitted"]
    assert [event for event, _ in shelf.told[3:]] == ["job-ended", "job-ended"]
    assert {job.state for job, _ in shelf.again().book.of(OWNER)} == {JobState.CANCELLED}


def test_no_result_is_given_out_that_a_cancel_came_before(shelf: Shelf) -> None:
    job = shelf.running(A)
    shelf.book.cancel(job)

    code = refusal_of(shelf.book.steps.finish, job, (shelf.result(),))
    assert code is ErrorCode.E_CANCELLED
    assert job.state is JobState.CANCELLING


def test_results_that_a_full_disk_does_not_take_down_leave_the_job_going(shelf: Shelf) -> None:
    job = shelf.running(A)
    with shelf.full_disk():
        code = refusal_of(shelf.book.steps.finish, job, (shelf.result(),))
    before = job.state
    shelf.book.steps.finish(job, (shelf.result(),))

    assert (code, before) == (ErrorCode.E_BUSY, JobState.RUNNING)
    assert job.state is JobState.DONE


def test_a_job_waits_for_a_disk_that_has_no_room_for_its_start(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(book_module, "_POLL_S", 0.01)
    first, second = shelf.accept(A), shelf.accept(B)
    taken = shelf.book.take()
    with shelf.full_disk():
        started = shelf.book.start(first)

    assert taken is first
    assert not started
    assert shelf.book.take() is first
    assert shelf.book.start(first)
    assert place(second) == 1


def test_a_taker_that_waits_is_woken_by_a_job(shelf: Shelf) -> None:
    taken: list[Job | None] = []
    taker = threading.Thread(target=lambda: taken.append(shelf.book.take()))
    taker.start()
    job = shelf.accept(A)
    taker.join(5)

    assert taken == [job]


def test_no_job_is_taken_until_jobs_may_start(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(book_module, "_POLL_S", 60)
    shelf.open = False
    job = shelf.accept(A)
    taken: list[Job | None] = []
    taker = threading.Thread(target=lambda: taken.append(shelf.book.take()))
    taker.start()
    taker.join(0.1)
    waited = taker.is_alive()
    shelf.open = True
    shelf.book.wake()
    taker.join(5)

    assert waited
    assert taken == [job]


def test_octets_of_results_are_counted_for_their_owner(shelf: Shelf) -> None:
    shelf.done(A, octets=b"12345")
    shelf.done(B, OTHER, octets=b"123")

    assert shelf.book.result_bytes(OWNER) == 5
    assert shelf.book.result_bytes("ee" * 16) == 0
    assert shelf.book.total_result_bytes == 8


def test_what_a_job_may_open_is_pinned_until_its_end(shelf: Shelf) -> None:
    job = shelf.accept(A)
    before = shelf.book.pinned()
    shelf.book.cancel(job)

    assert before == {(OWNER, "dd" * 32), (OWNER, "ee" * 32)}
    assert shelf.book.pinned() == set()
