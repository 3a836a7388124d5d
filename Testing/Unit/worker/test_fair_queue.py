"""Users take turns: nobody waits for two jobs of another, and places say what will happen."""

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from Testing.Unit.worker.books import Shelf, place
from Testing.Unit.worker.made import HandMadeSite
from Testing.Unit.worker.orders import new_job

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.jobs import JobState
from encryptsecurert_worker.jobs.job import Job
from encryptsecurert_worker.jobs.queue import FairQueue

USERS = tuple(f"{letter * 2}" * 16 for letter in "abcd")
# Who comes; None: the next job is started.
Steps = st.lists(st.one_of(st.none(), st.sampled_from(USERS)), max_size=40)


def _job(seq: int, user: str) -> Job:
    job = new_job(f"{seq:032x}", user)
    job.record = dataclasses.replace(job.record, seq=seq)
    return job


def _queue(*users: str) -> FairQueue:
    queue = FairQueue()
    for seq, user in enumerate(users, 1):
        queue.add(_job(seq, user))
    return queue


def _drain(queue: FairQueue) -> list[int]:
    return [queue.take().record.seq for _ in range(len(queue))]


@given(steps=Steps)
def test_whoever_waits_sees_at_most_one_job_of_each_other_user_start_before(
    steps: list[str | None],
) -> None:
    queue = FairQueue()
    seen: dict[str, list[str]] = {}  # of each user who waits: whose jobs started meanwhile
    for seq, user in enumerate([*steps, *[None] * len(steps)], 1):
        if user is not None:
            queue.add(_job(seq, user))
            seen.setdefault(user, [])
        elif len(queue):
            started = queue.take().header.user
            for others in seen.values():
                others.append(started)
            others = seen.pop(started)[:-1]
            assert len(set(others)) == len(others)
            if queue.waiting_of(started):
                seen[started] = []

    assert seen == {}


@given(steps=Steps)
def test_a_users_jobs_start_in_the_order_of_their_coming(steps: list[str | None]) -> None:
    queue = FairQueue()
    last = dict.fromkeys(USERS, 0)
    for seq, user in enumerate([*steps, *[None] * len(steps)], 1):
        if user is not None:
            queue.add(_job(seq, user))
        elif len(queue):
            job = queue.take()
            assert job.record.seq > last[job.header.user]
            last[job.header.user] = job.record.seq


@given(steps=Steps)
def test_the_order_that_is_foretold_is_the_one_that_comes(steps: list[str | None]) -> None:
    queue = FairQueue()
    for seq, user in enumerate(steps, 1):
        if user is not None:
            queue.add(_job(seq, user))
        elif len(queue):
            queue.take()
    foretold = [job.record.seq for job in queue.order()]

    assert len(foretold) == len(queue)
    assert _drain(queue) == foretold


def test_two_users_take_turns() -> None:
    a, b, *_ = USERS

    assert _drain(_queue(a, a, a, b, b)) == [1, 4, 2, 5, 3]


def test_a_user_who_comes_anew_each_time_gets_no_more_than_a_turn() -> None:
    a, b, *_ = USERS
    queue = _queue(a, b, b)
    queue.take()
    queue.add(_job(9, a))

    assert _drain(queue) == [2, 9, 3]


def test_a_job_that_is_put_back_is_the_next_one_again() -> None:
    a, b, *_ = USERS
    queue = _queue(a, a, b)
    queue.put_back(queue.take())

    assert _drain(queue) == [1, 3, 2]


def test_a_job_that_was_let_out_starts_never() -> None:
    a, b, *_ = USERS
    queue = _queue(a, a, b)
    out = next(iter(queue.order()))
    queue.discard(out)
    queue.discard(out)

    assert len(queue) == 2
    assert _drain(queue) == [2, 3]


@pytest.fixture(scope="module")
def shelves(tmp_path_factory: pytest.TempPathFactory, made: HandMadeSite) -> list[Shelf]:
    return [Shelf(tmp_path_factory.mktemp("state"), made)]


@settings(max_examples=25, deadline=None)
@given(steps=st.lists(st.one_of(st.none(), st.sampled_from(USERS)), max_size=12))
def test_a_place_is_the_number_of_jobs_that_end_before(
    shelves: list[Shelf], steps: list[str | None]
) -> None:
    (shelf,) = shelves
    running: Job | None = None
    waiting: dict[str, Job] = {}
    for step, user in enumerate(steps):
        if user is not None:
            job = shelf.accept(f"{len(shelf.book.of(user)):032x}", user)
            waiting[f"{user}{step}"] = job
        elif shelf.book.queued:
            running = _next(shelf, running)
    told = {name: place(job) for name, job in waiting.items() if job.state is JobState.QUEUED}

    ended = {}
    names = {id(job): name for name, job in waiting.items()}
    count = 0 if running is None else 1
    while shelf.book.queued:
        running = _next(shelf, running)
        ended[names[id(running)]] = count
        count += 1
    if running is not None:
        _end(shelf, running)
    assert told == ended


def _next(shelf: Shelf, running: Job | None) -> Job:
    if running is not None:
        _end(shelf, running)
    job = shelf.book.take()
    assert job is not None
    assert shelf.book.start(job)
    return job


def _end(shelf: Shelf, job: Job) -> None:
    shelf.book.steps.end(job, JobState.FAILED, ErrorCode.E_JOB_FAILED)


def test_places_change_as_others_come_start_and_leave(tmp_path: Path, made: HandMadeSite) -> None:
    a, b, *_ = USERS
    shelf = Shelf(tmp_path, made)
    first, second, third = (shelf.accept(f"{n:032x}", a) for n in range(3))
    alone = [place(job) for job in (first, second, third)]
    theirs = shelf.accept("ff" * 16, b)
    with_another = [place(job) for job in (first, second, third, theirs)]
    taken = shelf.book.take()
    while_one_runs = [place(job) for job in (theirs, second, third)]
    shelf.book.cancel(theirs)

    assert alone == [0, 1, 2]
    assert with_another == [0, 2, 3, 1]
    assert taken is first
    assert while_one_runs == [1, 2, 3]
    assert [place(job) for job in (second, third)] == [1, 2]
