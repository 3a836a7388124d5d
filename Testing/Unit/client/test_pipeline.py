"""Reading ahead and writing behind: in order, one batch ahead, and over when it is over."""

import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from threading import Event

import pytest

from EncryptSecureRTLib.client.pipeline import (
    Here,
    one_ahead,
    readers,
    side_by_side,
    until,
    writers,
)


def test_items_come_in_their_order_and_all_of_them() -> None:
    with one_ahead(iter(range(100)), Event()) as items:
        assert list(items) == list(range(100))


def test_nothing_comes_of_nothing() -> None:
    with one_ahead(iter(()), Event()) as items:
        assert list(items) == []


def test_one_item_more_than_was_asked_for_is_made_and_no_other() -> None:
    made: list[int] = []
    second = threading.Event()

    def making() -> Iterator[int]:
        for number in range(10):
            made.append(number)
            if number == 1:
                second.set()
            yield number

    with one_ahead(making(), Event()) as items:
        assert next(items) == 0
        assert second.wait(10)
        assert threading.active_count() > 1
    assert made == [0, 1]


def test_what_making_an_item_raises_comes_out_where_it_is_asked_for() -> None:
    def making() -> Iterator[int]:
        yield 0
        raise LookupError

    with one_ahead(making(), Event()) as items:
        assert next(items) == 0
        with pytest.raises(LookupError):
            next(items)


def test_work_on_items_comes_in_their_order_though_two_are_worked_on() -> None:
    both = threading.Barrier(2, timeout=10)

    def work(number: int) -> int:
        both.wait()  # the other is worked on, too
        return -number

    with readers() as threads:
        assert list(side_by_side(threads, work, range(10))) == [-number for number in range(10)]
        assert list(side_by_side(threads, work, ())) == []


def test_no_more_items_are_begun_than_there_are_readers() -> None:
    begun: list[int] = []

    with readers() as threads:
        coming = side_by_side(threads, begun.append, range(10))
        next(coming)
        assert begun[:1] == [0]
        assert len(begun) <= 2
        coming.close()  # type: ignore[attr-defined]  # it is a generator
    assert len(begun) <= 2


def test_what_work_raises_comes_out_in_its_place() -> None:
    def work(number: int) -> int:
        if number == 3:
            raise LookupError
        return number

    with readers() as threads:
        coming = side_by_side(threads, work, range(10))
        assert [next(coming) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(LookupError):
            next(coming)


def _break_off_between_threads() -> None:
    with one_ahead(iter(range(9)), Event()) as items, writers() as threads:
        next(items)
        threads.submit(next, items)
        raise LookupError


def test_no_thread_is_left_when_the_caller_breaks_off() -> None:
    before = threading.active_count()
    with pytest.raises(LookupError):
        _break_off_between_threads()

    assert threading.active_count() == before


def test_when_the_caller_breaks_off_nothing_more_of_a_long_item_is_made() -> None:
    made: list[int] = []
    begun, over = Event(), Event()

    def parts() -> Iterator[int]:
        for number in range(10_000):
            made.append(number)
            if number == 15:
                begun.set()
            if number >= 15:
                over.wait(10)  # the caller has broken off
            yield number

    def tens() -> Iterator[list[int]]:
        some = until(over, parts())
        while ten := list(itertools.islice(some, 10)):
            yield ten

    with one_ahead(tens(), over) as items:
        assert next(items) == list(range(10))
        assert begun.wait(10)

    assert len(made) < 20


def _break_off_with(later: list[Future[None]], done: list[int]) -> None:
    gate = threading.Event()
    with writers() as threads:
        for _ in range(4):
            threads.submit(gate.wait, 10)
        later += [threads.submit(done.append, number) for number in range(50)]
        threading.Timer(0.05, gate.set).start()
        raise LookupError


def test_what_has_not_begun_is_not_done_when_the_caller_breaks_off() -> None:
    later: list[Future[None]] = []
    done: list[int] = []
    with pytest.raises(LookupError):
        _break_off_with(later, done)

    cancelled = sum(one.cancelled() for one in later)
    assert cancelled > 0
    assert len(done) + cancelled == 50


def test_what_runs_here_runs_in_the_callers_thread_and_raises_there() -> None:
    with Here() as here:
        assert here.submit(threading.get_ident).result() == threading.get_ident()
        with pytest.raises(ZeroDivisionError):
            here.submit(divmod, 1, 0)
