"""One job of one owner: its state and its events, in memory, for this start of the worker."""

import asyncio
import contextlib
import re
import threading
from bisect import bisect_right
from collections.abc import Callable
from typing import NamedTuple

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
from encryptsecurert_worker.jobs.record import MAX_LINES, JobHead, JobRecord

# What may follow what; anything else is a defect of the worker.
_NEXT = {
    JobState.QUEUED: {JobState.RUNNING, JobState.FAILED, JobState.CANCELLED},
    JobState.RUNNING: {
        JobState.QUEUED,
        JobState.CANCELLING,
        JobState.DONE,
        JobState.FAILED,
        JobState.CANCELLED,
    },
    JobState.CANCELLING: {JobState.CANCELLED, JobState.DONE, JobState.FAILED},
    JobState.DONE: set(),
    JobState.FAILED: set(),
    JobState.CANCELLED: set(),
}
_NUMBER = re.compile(rb'"n":([0-9]+)')
_PROGRESS_STEP = 0.005
# Of the numbers that are reserved, so many are kept for what must be told: starts and ends.
_KEPT_NUMBERS = 16
_FEW_NUMBERS = 64
NUMBERS = 4096


class _Line(NamedTuple):
    n: int
    kind: str
    octets: bytes


class Job:
    """A job as the worker knows it; safe to use from several threads.

    Invariant: the numbers of events ascend, through restarts too, and `end` is the last of them.
    There may be gaps: a new place in the queue takes the place of the one before, an ended job
    has its last progress only, and a restart goes on behind every number that may have been used.

    Attributes
    ----------
    record : what the ledger holds, replaced whole, and only by who holds `writing`.
    gone : whether its results are not whole on disk.
    leaving : whether it is to go back to the queue at its next check point.
    checked : names of results whose digest was found right in this start.
    told : names of results of which the auditor was told in this start that they were fetched.
    """

    __slots__ = (
        "_cancelled_by",
        "_ending",
        "_last_progress",
        "_lines",
        "_lock",
        "_n",
        "_over",
        "_shown_place",
        "_state",
        "_watchers",
        "checked",
        "gone",
        "leaving",
        "place",
        "record",
        "told",
        "writing",
    )

    def __init__(self, record: JobRecord, first_event: int = 1) -> None:
        self.record = record
        self.writing = threading.Lock()
        self.gone = False
        self.checked: frozenset[str] = frozenset()
        self.told: frozenset[str] = frozenset()
        self.place = 0
        self._lock = threading.Lock()
        self._state = record.state
        self._lines = _numbered(record.lines)
        self._n = self._lines[-1].n if self._lines else first_event - 1
        self._shown_place = -1
        self._ending = False
        self._over = False
        self.leaving = False
        self._cancelled_by: ErrorCode | None = None
        self._watchers: tuple[Callable[[], None], ...] = ()
        self._last_progress: tuple[str, float] = ("", -1.0)

    @property
    def header(self) -> JobHead:
        """What of the header is always at hand."""
        return self.record.head

    def order(self) -> JobHeader:
        """Return the whole header of a job that has not ended."""
        return JobHeader.decode(self.record.octets)

    @property
    def digest_hex(self) -> str:
        """The job digest in hex."""
        return self.record.digest.hex()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate under which the job was ordered."""
        return self.record.head.certificate

    @property
    def state(self) -> JobState:
        """The job's present state."""
        return self._state

    @property
    def error(self) -> str | None:
        """Name of the code with which the job ended without results."""
        return self.record.error

    @property
    def cancelled_by(self) -> ErrorCode | None:
        """Why the running job is to end, if it is."""
        return self._cancelled_by

    @property
    def needs_numbers(self) -> bool:
        """Whether more event numbers should be reserved."""
        return self.record.events_from - self._n < _FEW_NUMBERS

    def reserved(self) -> int:
        """Return an `events_from` under which the next events can be numbered."""
        if self.needs_numbers:
            return self.record.events_from + NUMBERS
        return self.record.events_from

    def show_place(self, place: int) -> None:
        """Tell how many jobs run before this one, if that is news."""
        with self._lock:
            if self._state is not JobState.QUEUED:
                return
            self.place = place
            if place == self._shown_place or self._ending or not self._has_numbers:
                return
            self._shown_place = place
            if self._lines and self._lines[-1].kind == "queued":
                self._lines.pop()
            self._append("queued", StateEvent(n=self._n + 1, state=self._state, place=place))

    def run(self) -> None:
        """Move from the queue to running."""
        with self._lock:
            self._move(JobState.RUNNING)
            self._append("state", StateEvent(n=self._n + 1, state=self._state, place=0))

    def request_cancel(self, why: ErrorCode) -> None:
        """Have the running job end at its next check point."""
        with self._lock:
            if self._state is JobState.RUNNING:
                self._move(JobState.CANCELLING)
                self._cancelled_by = why
                self._append("state", StateEvent(n=self._n + 1, state=self._state, place=0))

    def leave(self) -> None:
        """Have the running job go back to the queue at its next check point."""
        self.leaving = True

    def requeue(self) -> None:
        """Be queued again; the next start of the worker tells of it."""
        with self._lock:
            self._move(JobState.QUEUED)

    def let_go(self) -> None:
        """End the streams of events: whoever follows comes again after the restart."""
        with self._lock:
            self._over = True
            self._notify()

    def progress(self, stage: str, fraction: float) -> None:
        """Report progress at a check point; E_CANCELLED if the job is to stop here."""
        if self._cancelled_by is not None or self.leaving:
            raise EncryptSecureRTError(ErrorCode.E_CANCELLED)
        last_stage, last_fraction = self._last_progress
        if stage == last_stage and fraction < last_fraction + _PROGRESS_STEP:
            return
        self._last_progress = (stage, fraction)
        with self._lock:
            event = ProgressEvent(n=self._n + 1, stage=stage, fraction=round(fraction, 4))
            if self._has_numbers:
                self._append("progress", event)

    def log(self, entry: str, value: float) -> None:
        """Add a log line."""
        with self._lock:
            if self._has_numbers:
                self._append("log", LogEvent(n=self._n + 1, entry=entry, value=value))

    def prepare_end(
        self, state: JobState, error: str | None, results: tuple[tuple[str, int], ...]
    ) -> tuple[bytes, ...]:
        """Return the lines to keep, `end` the last of them; nothing is told before `end`."""
        with self._lock:
            if state not in _NEXT[self._state]:
                raise EncryptSecureRTError(ErrorCode.E_INTERNAL)
            self._ending = True
            event = EndEvent(n=self._n + 1, state=state, error=error, results=results)
            last = next((li for li in reversed(self._lines) if li.kind == "progress"), None)
            kept = [li.octets for li in self._lines if li.kind != "progress" or li is last]
            return (*kept[1 - MAX_LINES :], encode_event(event))

    def give_up_end(self) -> None:
        """Go on after all: the end could not be written down."""
        self._ending = False

    def end(self, record: JobRecord) -> None:
        """End as the record says, whose lines `prepare_end` made."""
        with self._lock:
            self._move(record.state)
            self.record = record
            self.place = 0
            self._lines = _numbered(record.lines)
            self._n = self._lines[-1].n
            self._notify()

    def events_after(self, n: int) -> tuple[list[tuple[int, bytes]], bool]:
        """Return (number, line) of the events after `n`; and whether no more will come here."""
        with self._lock:
            first = bisect_right(self._lines, n, key=lambda line: line.n)
            lines = [(line.n, line.octets) for line in self._lines[first:]]
            return lines, self._over or self._state.ended

    def watch(self, loop: asyncio.AbstractEventLoop, wake: asyncio.Event) -> Callable[[], None]:
        """Have `wake` set at each new event; returns what ends the watching."""

        def notify() -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and the watcher with it
                loop.call_soon_threadsafe(wake.set)

        with self._lock:
            self._watchers += (notify,)

        def stop() -> None:
            with self._lock:
                self._watchers = tuple(w for w in self._watchers if w is not notify)

        return stop

    @property
    def _has_numbers(self) -> bool:
        return self.record.events_from - self._n > _KEPT_NUMBERS

    def _move(self, state: JobState) -> None:
        if state not in _NEXT[self._state]:
            raise EncryptSecureRTError(ErrorCode.E_INTERNAL)
        self._state = state

    def _append(self, kind: str, event: Event) -> None:
        self._lines.append(_Line(event.n, kind, encode_event(event)))
        self._n = event.n
        self._notify()

    def _notify(self) -> None:
        for notify in self._watchers:
            notify()


def _numbered(lines: tuple[bytes, ...]) -> list[_Line]:
    # Lines that we wrote or that were read strictly before: the number is all that is asked for.
    return [_Line(int(_NUMBER.findall(line)[0]), "kept", line) for line in lines]
