"""Runs a kernel over numbered tiles on several threads, with progress and cancelling.

The tiles are given out in order and collected in order, so a caller that sums what they return
sums in the same order whatever the number of threads.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.progress import Progress

T = TypeVar("T")
_AHEAD = 2  # tiles a thread has in hand: enough to never wait, few enough to stop soon


def run_tiles(
    count: int,
    work: Callable[[int], T],
    *,
    threads: int,
    progress: Progress,
    stage: str,
) -> list[T]:
    """Return [work(0), ..., work(count - 1)], computed on up to `threads` threads.

    Parameters
    ----------
    count : int
        How many tiles there are; a tile should take well under a second.
    work : callable
        Does one tile; runs on any thread, so it writes only where no other tile writes.
    threads : int
        At least 1.
    progress : Progress
        Called in this thread after each tile with (stage, tiles done / count).
    stage : str

    Raises
    ------
    Cancelled
        By `progress`: tiles that are being worked on are waited for, no other is begun.
    InvalidInput
        If `threads` is below 1.
    """
    if threads < 1:
        raise InvalidInput("threads must be at least 1")
    done: list[T] = []
    waiting: deque[Future[T]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for tile in range(count):
                waiting.append(pool.submit(work, tile))
                if len(waiting) >= threads * _AHEAD:
                    done.append(waiting.popleft().result())
                    progress(stage, len(done) / count)
            while waiting:
                done.append(waiting.popleft().result())
                progress(stage, len(done) / count)
        except BaseException:
            for future in waiting:
                future.cancel()
            raise
    return done
