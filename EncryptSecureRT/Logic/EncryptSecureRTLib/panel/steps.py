"""Work in small steps between two turns of the event loop, so that the window stays alive."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from EncryptSecureRTLib.client.process import EncryptSecureRTError

T = TypeVar("T")
STEP_S = 0.015  # of work in one go; a step of the work itself is to be shorter


class Steps(Generic[T]):
    """A piece of work that is walked a little at a time.

    Parameters
    ----------
    work : iterator
        Does a few milliseconds of work for each value that it gives.

    Attributes
    ----------
    value : the newest value, None before the first.
    """

    def __init__(self, work: Iterator[T]) -> None:
        self._work = work
        self.value: T | None = None

    def walk(self, now_s: Callable[[], float]) -> bool:
        """Go on for a moment; return whether the work is at its end. What it raises comes out."""
        until_s = now_s() + STEP_S
        while now_s() < until_s:
            try:
                self.value = next(self._work)
            except StopIteration:
                return True
        return False

    def close(self) -> None:
        """Leave the rest undone; what the work has done half it undoes."""
        closing = getattr(self._work, "close", None)
        if closing is not None:
            with contextlib.suppress(EncryptSecureRTError):
                closing()
