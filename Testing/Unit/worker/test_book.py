"""The book of jobs: owners, repeats, the queue, and cancelling in every moment."""

import threading

from Testing.Unit.worker.made import refusal_of
from Testing.Unit.worker.orders import OTHER, OWNER, new_job

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.events import StateEvent, decode_event
from encryptsecurert_protocol.jobs import JobState
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_worker.jobs.book import JobBook
from encryptsecurert_worker.jobs.job import Job

A, B, C = "0a" * 16, "0b" * 16, "0c" * 16


def _places(job: Job) -> list[int]:
    events = [decode_event(line) for line in job.events_after(0)[0]]
    return [e.place for e in events if isinstance(e, StateEvent) and e.state is JobState.QUEUED]


def test_the_same_job_again_is_the_one_that_came_first() -> None:
    book, job = JobBook(), new_job(A)
    first = book.add(job)

    assert book.add(new_job(A)) is first is job
    assert book.known(OWNER, A, job.digest) is job
    assert len(job.events_after(0)[0]) == 1


def test_another_job_under_the_same_id_is_a_replay() -> None:
    book = JobBook()
    book.add(new_job(A))
    other = new_job(A, min_epoch=2)

    assert refusal_of(book.add, other) is ErrorCode.E_REPLAY
    assert refusal_of(book.known, OWNER, A, other.digest) is ErrorCode.E_REPLAY
    assert book.known(OWNER, B, other.digest) is None


def test_another_owners_id_is_free_and_unseen() -> None:
    book = JobBook()
    mine, theirs = new_job(A), new_job(A, OTHER)
    book.add(mine)

    assert refusal_of(book.get, OTHER, A) is ErrorCode.E_NOT_FOUND
    assert refusal_of(book.get, OTHER, B) is ErrorCode.E_NOT_FOUND
    assert book.known(OTHER, A, mine.digest) is None
    assert book.add(theirs) is theirs
    assert list(book.of(OWNER)) == [mine]
    assert book.get(OTHER, A) is theirs


def test_jobs_run_in_the_order_of_their_coming_and_know_their_place() -> None:
    book = JobBook()
    jobs = [book.add(new_job(job)) for job in (A, B, C)]

    assert [book.take() for _ in jobs] == jobs
    assert [_places(job) for job in jobs] == [[0], [1, 1], [2, 2, 1]]


def test_what_is_taken_runs_and_is_not_taken_again() -> None:
    book = JobBook()
    book.add(new_job(A))
    job = book.take()

    assert job is not None
    assert job.state is JobState.RUNNING
    assert book.add(new_job(A)) is job
    book.close()
    assert book.take() is None


def test_a_cancelled_job_in_the_queue_is_passed_over() -> None:
    book = JobBook()
    first, second, third = (book.add(new_job(job)) for job in (A, B, C))
    book.cancel(second)

    assert [book.take(), book.take()] == [first, third]
    assert second.state is JobState.CANCELLED


def test_a_job_that_is_cancelled_while_it_is_taken_either_runs_or_was_never_started() -> None:
    # The moment between queue and start: each outcome is fine, a job in between is not.
    for _ in range(200):
        book, job = JobBook(), new_job(A)
        book.add(job)
        taken: list[Job | None] = []

        def take(into: list[Job | None] = taken, source: JobBook = book) -> None:
            into.append(source.take())

        taker = threading.Thread(target=take)
        taker.start()
        book.cancel(job)
        book.close()
        taker.join()

        if taken == [job]:
            assert job.state is JobState.CANCELLING
        else:
            assert taken == [None]
            assert job.state is JobState.CANCELLED


def test_the_queue_has_an_end() -> None:
    book = JobBook()
    ids = [f"{n:032x}" for n in range(LIMITS.queued_jobs + 1)]
    for job_id in ids[:-1]:
        book.add(new_job(job_id))

    assert refusal_of(book.add, new_job(ids[-1])) is ErrorCode.E_BUSY
    book.take()
    assert book.add(new_job(ids[-1])).state is JobState.QUEUED


def test_a_closed_book_takes_no_job_and_cancels_those_it_has() -> None:
    book = JobBook()
    running, waiting = book.add(new_job(A)), book.add(new_job(B))
    book.take()
    book.close()

    assert (running.state, waiting.state) == (JobState.CANCELLING, JobState.CANCELLED)
    assert book.take() is None
    assert refusal_of(book.add, new_job(C)) is ErrorCode.E_BUSY
    assert book.add(new_job(B)) is waiting


def test_jobs_that_lost_their_right_are_cancelled_and_no_others() -> None:
    book = JobBook()
    running, mine, theirs = (book.add(job) for job in (new_job(A), new_job(B), new_job(C, OTHER)))
    ended = book.add(new_job("0d" * 16))
    book.take()
    book.cancel(ended)
    before = ended.events_after(0)

    book.cancel_where(lambda job: job.header.user == OWNER)

    assert (running.state, mine.state) == (JobState.CANCELLING, JobState.CANCELLED)
    assert theirs.state is JobState.QUEUED
    assert ended.events_after(0) == before


def test_a_taker_that_waits_is_woken() -> None:
    book, taken = JobBook(), []
    taker = threading.Thread(target=lambda: taken.append(book.take()))
    taker.start()
    job = book.add(new_job(A))
    taker.join(5)

    assert taken == [job]
