"""One job of one owner: its state, its events, and its results' names and sizes."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from pathlib import Path

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.events import (
    EndEvent,
    Event,
    LogEvent,
    ProgressEvent,
    StateEvent,
    encode_event,
)
from encryptsecurert_protocol.jobs import JobHeader, JobState

# What may follow what; anything else is a defect of the worker.
_NEXT = {
    JobState.QUEUED: {JobState.QUEUED, JobState.RUNNING, JobState.CANCELLED},
    JobState.RUNNING: {JobState.CANCELLING, JobState.DONE, JobState.FAILED, JobState.CANCELLED},
    JobState.CANCELLING: {JobState.CANCELLED, JobState.DONE, JobState.FAILED},
    JobState.DONE: set(),
    JobState.FAILED: set(),
    JobState.CANCELLED: set(),
}
_PROGRESS_STEP = 0.005


class Job:
    """A job as the worker knows it; safe to use from several threads.

    Invariant: events are numbered from 1 without gaps, and `end` is the last of them.
    """

    def __init__(self, header: JobHeader, digest: bytes, fingerprint: str) -> None:
        self.header = header
        self.digest = digest
        self.fingerprint = fingerprint
        self.result_files: dict[str, tuple[Path, str]] = {}
        self._lock = threading.Lock()
        self._state = JobState.QUEUED
        self._events: list[bytes] = []
        self._cancel = threading.Event()
        self._watchers: set[Callable[[], None]] = set()
        self._last_progress: tuple[str, float] = ("", -1.0)

    @property
    def state(self) -> JobState:
        """The job's present state."""
        return self._state

    @property
    def digest_hex(self) -> str:
        """The job digest in hex."""
        return self.digest.hex()

    def set_state(self, state: JobState, place: int = 0) -> None:
        """Move to a state and tell the watchers."""
        with self._lock:
            self._move(state)
            self._append(lambda n: StateEvent(n=n, state=state, place=place))

    def end(
        self, state: JobState, error: ErrorCode | None, results: tuple[tuple[str, int], ...]
    ) -> None:
        """End the job; the event names the results and their sealed sizes."""
        with self._lock:
            self._move(state)
            name = None if error is None else error.name
            self._append(lambda n: EndEvent(n=n, state=state, error=name, results=results))

    def request_cancel(self) -> bool:
        """Ask for an end; tell whether the job was still queued and has ended now."""
        with self._lock:
            if self._state is JobState.QUEUED:
                self._move(JobState.CANCELLED)
                name = ErrorCode.E_CANCELLED.name
                self._append(
                    lambda n: EndEvent(n=n, state=JobState.CANCELLED, error=name, results=())
                )
                return True
            if self._state is JobState.RUNNING:
                self._move(JobState.CANCELLING)
                self._append(lambda n: StateEvent(n=n, state=JobState.CANCELLING, place=0))
            self._cancel.set()
            return False

    def progress(self, stage: str, fraction: float) -> None:
        """Report progress at a check point, and stop here with E_CANCELLED if that was asked."""
        if self._cancel.is_set():
            raise EncryptSecureRTError(ErrorCode.E_CANCELLED)
        last_stage, last_fraction = self._last_progress
        if stage == last_stage and fraction < last_fraction + _PROGRESS_STEP:
            return
        self._last_progress = (stage, fraction)
        with self._lock:
            self._append(lambda n: ProgressEvent(n=n, stage=stage, fraction=round(fraction, 4)))

    def log(self, entry: str, value: float) -> None:
        """Add a log line."""
        with self._lock:
            self._append(lambda n: LogEvent(n=n, entry=entry, value=value))

    def events_after(self, n: int) -> tuple[list[bytes], bool]:
        """Return the event lines after number `n`, and whether the job has ended."""
        with self._lock:
            return self._events[n:], self._state.ended

    def watch(self, loop: asyncio.AbstractEventLoop, wake: asyncio.Event) -> Callable[[], None]:
        """Have `wake` set at each new event; returns what ends the watching."""

        def notify() -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and the watcher with it
                loop.call_soon_threadsafe(wake.set)

        with self._lock:
            self._watchers.add(notify)

        def stop() -> None:
            with self._lock:
                self._watchers.discard(notify)

        return stop

    def _move(self, state: JobState) -> None:
        if state not in _NEXT[self._state]:
            raise EncryptSecureRTError(ErrorCode.E_INTERNAL)
        self._state = state

    def _append(self, make: Callable[[int], Event]) -> None:
        self._events.append(encode_event(make(len(self._events) + 1)))
        for notify in self._watchers:
            notify()
