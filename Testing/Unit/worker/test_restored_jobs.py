"""Jobs after a restart: nothing accepted is lost, nothing ended is done again, numbers go on."""

import os
import shutil
import tempfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from Testing.Unit.worker.books import Shelf, events, full, place
from Testing.Unit.worker.made import HandMadeSite, refusal_of
from Testing.Unit.worker.orders import OTHER, OWNER, accept, order

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.events import EndEvent, StateEvent
from encryptsecurert_protocol.jobs import JobState
from encryptsecurert_protocol.limits import KIB, LIMITS
from encryptsecurert_worker.jobs.job import NUMBERS
from encryptsecurert_worker.vault.ledger import Change

A, B, C, D = "0a" * 16, "0b" * 16, "0c" * 16, "0d" * 16


@pytest.fixture
def shelf(tmp_path: Path, made: HandMadeSite) -> Shelf:
    return Shelf(tmp_path, made)


def test_waiting_jobs_wait_again_in_the_order_of_acceptance(shelf: Shelf) -> None:
    jobs = [shelf.accept(A), shelf.accept(C, OTHER), shelf.accept(B)]
    again = shelf.again()
    found = [again.find(job) for job in jobs]

    assert [job.state for job in found] == [JobState.QUEUED] * 3
    assert [place(job) for job in found] == [0, 1, 2]
    assert [again.book.take() for _ in jobs] == found
    assert [job.order() for job in found] == [job.order() for job in jobs]
    assert again.accept(D).record.seq == 4


def test_a_job_that_ran_when_the_worker_was_killed_is_queued_again_and_tells_so(
    shelf: Shelf,
) -> None:
    job = shelf.running(A)
    job.progress("body", 0.5)
    again = shelf.again()
    found = again.find(job)

    assert found.record.starts == 1
    assert events(found) == [StateEvent(n=NUMBERS + 1, state=JobState.QUEUED, place=0)]
    assert [event for event, _ in again.told][-1] == "job-requeued"
    assert again.book.take() is found
    assert again.book.start(found)


def test_event_numbers_go_on_behind_all_that_may_have_been_used(shelf: Shelf) -> None:
    job = shelf.running(A)
    used = 0
    for step in range(NUMBERS + 100):
        job.log("step", float(step))
        shelf.book.steps.reserve(job)
        used = job.events_after(used)[0][-1][0]
    first = events(shelf.again().find(job))[0]

    assert used > NUMBERS + 100
    assert used < first.n


def test_each_restart_goes_on_behind_the_one_before(shelf: Shelf) -> None:
    job = shelf.accept(A)
    seen = [events(job)[0].n]
    for _ in range(3):
        shelf = shelf.again()
        seen.append(events(shelf.find(job))[0].n)

    assert seen == sorted(set(seen))


def test_a_done_job_is_as_it_was(shelf: Shelf) -> None:
    job = shelf.running(A)
    job.progress("body", 0.5)
    job.log("volume_cc.body", 12.5)
    shelf.book.steps.finish(job, (shelf.result(b"sealed"),))
    again = shelf.again()
    found = again.find(job)

    assert (found.state, found.header, found.digest_hex) == (
        JobState.DONE,
        job.header,
        job.digest_hex,
    )
    assert found.events_after(0) == job.events_after(0)
    assert again.book.result(found, "answer")[0].read_bytes() == b"sealed"
    assert accept(again.book, order(A)) is found
    assert again.book.queued == 0


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.CANCELLED])
def test_a_job_without_results_is_as_it_was(shelf: Shelf, state: JobState) -> None:
    job = shelf.running(A)
    shelf.book.steps.end(job, state, ErrorCode.E_GEOMETRY)
    found = shelf.again().find(job)

    assert (found.state, found.error) == (state, "E_GEOMETRY")
    assert found.events_after(0) == job.events_after(0)
    assert isinstance(events(found)[-1], EndEvent)


def test_a_cancel_that_was_acknowledged_holds(shelf: Shelf) -> None:
    job = shelf.running(A)
    shelf.book.cancel(job)
    again = shelf.again()

    assert again.find(job).state is JobState.CANCELLED
    assert again.told[-1] == ("job-ended", "E_CANCELLED")
    assert again.book.queued == 0
    assert again.again().find(job).state is JobState.CANCELLED


def test_a_job_that_takes_the_worker_down_each_time_fails_in_the_end(shelf: Shelf) -> None:
    job = shelf.accept(A)
    for _ in range(LIMITS.job_starts):
        assert shelf.find(job).state is JobState.QUEUED
        taken = shelf.book.take()
        assert taken is not None
        assert shelf.book.start(taken)
        shelf = shelf.again()
    found = shelf.find(job)

    assert (found.state, found.error) == (JobState.FAILED, "E_JOB_FAILED")
    assert shelf.told[-1] == ("job-ended", "E_JOB_FAILED")


def test_stops_do_not_count_as_starts(shelf: Shelf) -> None:
    job = shelf.accept(A)
    for _ in range(LIMITS.job_starts + 1):
        taken = shelf.book.take()
        assert taken is not None
        assert shelf.book.start(taken)
        shelf.book.steps.requeue(taken)
        shelf = shelf.again()

    assert shelf.find(job).state is JobState.QUEUED
    assert shelf.find(job).record.starts == 0


def test_files_that_no_job_names_are_removed(shelf: Shelf) -> None:
    done, running = shelf.done(A), shelf.running(B)
    shelf.result(b"half a job")
    again = shelf.again()

    assert again.files == [done.record.results[0].file]
    assert again.find(running).state is JobState.QUEUED


@pytest.mark.parametrize("octets", [None, b"", b"seale", b"sealed and more"])
def test_a_result_that_is_not_whole_is_gone_and_its_job_is_done_all_the_same(
    shelf: Shelf, octets: bytes | None
) -> None:
    job = shelf.done(A)
    path, _ = shelf.book.result(job, "answer")
    path.unlink()
    if octets is not None:
        path.write_bytes(octets)
    again = shelf.again()
    found = again.find(job)

    assert refusal_of(again.book.result, found, "answer") is ErrorCode.E_NOT_FOUND
    assert found.state is JobState.DONE


def test_a_result_that_was_changed_is_not_served(shelf: Shelf) -> None:
    job = shelf.done(A)
    path, digest = shelf.book.result(job, "answer")
    path.write_bytes(b"SEALED")
    again = shelf.again()
    found = again.find(job)

    assert refusal_of(again.book.result, found, "answer") is ErrorCode.E_RESULT
    path.write_bytes(b"sealed")
    assert again.book.result(found, "answer") == (path, digest)


def test_a_result_is_read_once_in_a_start(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    job = shelf.done(A)
    found = shelf.book.result(job, "answer")
    monkeypatch.delattr(shelf.book.files, "_folder")  # a second reading would fail
    monkeypatch.setattr(shelf.book.files, "path", lambda result: found[0])
    monkeypatch.setattr(shelf.book.files, "check", lambda result: pytest.fail("read again"))

    assert shelf.book.result(job, "answer") == found


def test_there_is_no_result_of_another_name_or_of_a_job_that_has_not_ended(shelf: Shelf) -> None:
    done, running = shelf.done(A), shelf.running(B)

    assert refusal_of(shelf.book.result, done, "other") is ErrorCode.E_NOT_FOUND
    assert refusal_of(shelf.book.result, running, "answer") is ErrorCode.E_NOT_FOUND


def test_an_end_that_the_disk_did_not_take_holds_until_a_crash_and_the_job_runs_again(
    shelf: Shelf,
) -> None:
    job = shelf.running(A)
    with shelf.full_disk():
        shelf.book.steps.end(job, JobState.FAILED, ErrorCode.E_BUSY)
    before = (job.state, job.error)

    assert before == (JobState.FAILED, "E_BUSY")
    assert shelf.again().find(job).state is JobState.QUEUED


def test_an_end_that_was_owed_is_written_once_there_is_room(shelf: Shelf) -> None:
    job = shelf.running(A)
    with shelf.full_disk():
        shelf.book.steps.end(job, JobState.FAILED, ErrorCode.E_BUSY)
        shelf.book.settle()
    shelf.book.settle()
    shelf.book.settle()
    found = shelf.again().find(job)

    assert (found.state, found.error) == (JobState.FAILED, "E_BUSY")
    assert shelf.told.count(("job-ended", "E_BUSY")) == 1


def test_a_full_disk_at_the_start_loses_no_job(shelf: Shelf) -> None:
    job = shelf.running(A)
    kept = shelf.kept.again()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(kept.ledger, "write", full)
        again = Shelf(shelf.folder, shelf.made, kept)

    found = again.find(job)
    assert found.state is JobState.QUEUED
    assert again.book.take() is found
    assert again.book.start(found)
    assert NUMBERS < events(found)[0].n <= found.record.events_from


@pytest.fixture(scope="module")
def busy_folder(
    tmp_path_factory: pytest.TempPathFactory, made: HandMadeSite
) -> tuple[Path, list[tuple[int, str]]]:
    """Return a folder, and after each step the journal's size and the states at that moment."""
    shelf = Shelf(tmp_path_factory.mktemp("state"), made)
    sizes: list[tuple[int, str]] = []

    def note() -> None:
        states = " ".join(job.state.value for job, _ in shelf.book.of(OWNER))
        sizes.append((shelf.kept.ledger.size_bytes, states))

    note()
    for job in (A, B):
        shelf.accept(job)
        note()
    first = shelf.book.take()
    assert first is not None
    assert shelf.book.start(first)
    note()
    shelf.book.cancel(shelf.book.get(OWNER, B))
    note()
    shelf.book.steps.finish(first, (shelf.result(),))
    note()
    return shelf.folder, sizes


@settings(max_examples=60, deadline=None)
@given(cut=st.floats(0, 1))
def test_a_journal_that_ends_anywhere_holds_all_that_was_acknowledged_before(
    busy_folder: tuple[Path, list[tuple[int, str]]], made: HandMadeSite, cut: float
) -> None:
    folder, sizes = busy_folder
    first, last = sizes[0][0], sizes[-1][0]
    size = first + round(cut * (last - first))
    with tempfile.TemporaryDirectory() as copied:
        again = Path(copied) / "state"
        shutil.copytree(folder, again)
        os.truncate(again / "journal", size)
        shelf = Shelf(again, made)
        found = " ".join(job.state.value for job, _ in shelf.book.of(OWNER))
        shelf.kept.ledger.close()

    acknowledged = [states for written, states in sizes if written <= size][-1]
    assert found == acknowledged.replace("running", "queued")


def test_a_worker_does_not_start_on_a_job_that_it_cannot_read(shelf: Shelf) -> None:
    shelf.accept(A)
    fact = {**(shelf.kept.ledger.get("job", OWNER, A) or {}), "starts": -1}
    shelf.kept.ledger.write([Change("job", OWNER, A, fact)])

    assert refusal_of(shelf.again) is ErrorCode.E_STATE


def test_an_ended_job_costs_less_than_8_kib(shelf: Shelf) -> None:
    count = 30
    shelf.done("ff" * 16)  # whatever is made once
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(count):
            job = shelf.running(f"{number:032x}")
            for step in range(50):
                job.progress("body", step / 50)
            for entry in range(4):
                job.log(f"volume_cc.{entry}", 1.5)
            shelf.book.steps.finish(job, (shelf.result(), shelf.result(name="receipt")))
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert (after - before) / count < 8 * KIB
