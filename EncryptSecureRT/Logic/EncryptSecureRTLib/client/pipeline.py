"""Files read and written while the worker computes, so that neither waits for the other.

    read    batch 4 | batch 5 ...        a thread, one batch ahead; two more hash its files
    job     batch 2 | batch 3 ...        the caller's thread: all that talks, and all that is noted;
                                         the next batch waits at the worker (`runs.in_turn`)
    write   batch 1 | batch 2 ...        threads: most of their time is waiting for the disk

Hashing and files let other threads run. What reading or writing raises comes out where its result
is asked for. In the end nothing runs any more: what has not begun is left, the rest waited for;
of a batch that nobody will take, no file is begun.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")
_WRITERS = 4
_READERS = 2


def until(over: threading.Event, parts: Iterable[T]) -> Iterator[T]:
    """Yield what items are made of, and no more of it once it is over."""
    for part in parts:
        if over.is_set():
            return
        yield part


@contextmanager
def one_ahead(items: Iterator[T], over: threading.Event) -> Iterator[Iterator[T]]:
    """Give the items of an iterator, of which a thread takes one more than was asked for, at once.

    None cannot be one of them. `over` is set in the end, before the thread is waited for.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="read") as pool:
        first = pool.submit(next, items, None)

        def given() -> Iterator[T]:
            coming = first
            while (item := coming.result()) is not None:
                coming = pool.submit(next, items, None)
                yield item

        try:
            yield given()
        finally:
            over.set()


@contextmanager
def readers() -> Iterator[Executor]:
    """Give threads that read files."""
    with ThreadPoolExecutor(_READERS, thread_name_prefix="hash") as pool:
        try:
            yield pool
        finally:
            pool.shutdown(cancel_futures=True)


def side_by_side(threads: Executor, work: Callable[[S], T], items: Iterable[S]) -> Iterator[T]:
    """Yield what `work` makes of items, in their order; as many are worked on as there are readers.

    What it raises comes out in place of what it would have made.
    """
    coming: deque[Future[T]] = deque()
    for item in items:
        coming.append(threads.submit(work, item))
        if len(coming) == _READERS:
            yield coming.popleft().result()
    while coming:
        yield coming.popleft().result()


class Here(Executor):
    """Runs everything at once, in the caller's thread: for what talks."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Return the result of a call; what it raises comes out here."""
        done: Future[T] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


@contextmanager
def writers() -> Iterator[Executor]:
    """Give threads that write files."""
    with ThreadPoolExecutor(_WRITERS, thread_name_prefix="write") as pool:
        try:
            yield pool
        finally:
            pool.shutdown(cancel_futures=True)
