"""A channel that outlasts breaks: growing pauses, and a new attested channel after a restart.

A worker that restarts has a new TLS key, so what was verified of it counts no longer: the channel
is opened anew, with both verdicts, before another octet of a job leaves. Sending a request again
is safe for every route: the protocol makes each of them the same thing when it comes twice.

>>> with PatientChannel(partial(open_channel, home, url)) as channel:  # doctest: +SKIP
...     channel.request_json("GET", "/v1/tasks")
"""

import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Self, TypeVar

import requests

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.statement import Statement
from EncryptSecureRTLib.attest.verdict import Verdict
from EncryptSecureRTLib.client.downloads import PartialDownload
from EncryptSecureRTLib.client.home import UserIdentity
from EncryptSecureRTLib.client.line import Line

T = TypeVar("T")
PASSING = frozenset({ErrorCode.E_UNREACHABLE, ErrorCode.E_TIMEOUT, ErrorCode.E_BUSY})
_STOP_POLL_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """For how long, and in which pauses, a worker that does not answer is asked again."""

    total_s: float = 120.0
    first_pause_s: float = 0.5
    factor: float = 2.0
    longest_s: float = 15.0

    def __post_init__(self) -> None:
        if not (0 <= self.total_s and 0 < self.first_pause_s <= self.longest_s):
            raise ValueError("pauses must be longer than nothing")
        if self.factor < 1:
            raise ValueError("pauses do not shrink")

    def pause_s(self, attempt: int) -> float:
        """Return the pause before attempt number `attempt`, counted from 1."""
        pause_s = self.first_pause_s
        for _ in range(attempt - 1):
            pause_s = min(pause_s * self.factor, self.longest_s)
        return pause_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiter:
    """How a pause is spent: who hears of it, what ends it, and by which clock.

    `waiting` is called with (name of the error code, attempt that follows, pause in s), from
    whichever thread waits, never from two at a time.
    """

    waiting: Callable[[str, int, float], None] = lambda code, attempt, pause_s: None
    stopped: Callable[[], bool] = lambda: False
    clock_s: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def wait(self, code: ErrorCode, attempt: int, pause_s: float) -> None:
        """Wait; a stop asked for meanwhile is E_CANCELLED."""
        self.waiting(code.name, attempt, pause_s)
        end_s = self.clock_s() + pause_s
        while not self.stopped():
            rest_s = end_s - self.clock_s()
            if rest_s <= 0:
                return
            self.sleep(min(rest_s, _STOP_POLL_S))
        raise EncryptSecureRTError(ErrorCode.E_CANCELLED)


class PatientChannel:
    """A `Line` that is mended when it breaks, for `patience.total_s` from the first failure on.

    Only E_UNREACHABLE, E_TIMEOUT and E_BUSY are waited for. E_SESSION, on a session that was
    verified before, means that another start of the worker answers: one new channel is opened,
    and what that one says is final. So is every other error, at once. The first channel is
    opened without patience: a wrong address fails at once.

    Parameters
    ----------
    open_line : callable
        Opens and attests a channel; called with no argument, once more after each restart.
    """

    def __init__(
        self,
        open_line: Callable[[], Line],
        patience: Patience = Patience(),
        waiter: Waiter = Waiter(),
    ) -> None:
        self._open_line = open_line
        self._patience = patience
        self._waiter = waiter
        self._renewing = threading.Lock()
        self._mending = threading.Lock()  # one waits for all threads
        self._line = open_line()
        self._success = object()  # another one at each success

    @property
    def url(self) -> str:
        """Where the worker listens."""
        return self._line.url

    @property
    def user(self) -> UserIdentity | None:
        """Who speaks, None before the first enrolment."""
        return self._line.user

    @property
    def unsafe_allow_simulated(self) -> bool:
        """Whether an unsigned policy was allowed for simulated evidence."""
        return self._line.unsafe_allow_simulated

    @property
    def statement(self) -> Statement:
        """What the worker proved of itself at the newest connection."""
        return self._line.statement

    @property
    def verdict(self) -> Verdict:
        """The newest fresh verdict."""
        return self._line.verdict

    @property
    def certificate_verdict(self) -> Verdict:
        """The newest certificate verdict."""
        return self._line.certificate_verdict

    def _patiently(self, action: Callable[[Line], T]) -> T:
        success_before = self._success
        try:
            return self._once(action)
        except EncryptSecureRTError as error:
            if error.code not in PASSING:
                raise
            failed_s, last = self._waiter.clock_s(), error
        with self._mending:
            attempt = 0
            wait = self._success is success_before  # else what another thread tried worked
            while True:
                if wait:
                    rest_s = failed_s + self._patience.total_s - self._waiter.clock_s()
                    if rest_s <= 0:
                        raise last
                    attempt += 1
                    pause_s = min(self._patience.pause_s(attempt), rest_s)
                    self._waiter.wait(last.code, attempt, pause_s)
                wait = True
                try:
                    return self._once(action)
                except EncryptSecureRTError as error:
                    if error.code not in PASSING:
                        raise
                    last = error

    def _once(self, action: Callable[[Line], T]) -> T:
        line = self._line
        try:
            answer = action(line)
        except EncryptSecureRTError as error:
            if error.code is not ErrorCode.E_SESSION:
                raise
            answer = action(self._renewed(line))
        self._success = object()
        return answer

    def _renewed(self, stale: Line) -> Line:
        """Return a channel that was opened after `stale`, by this thread or another."""
        with self._renewing:
            if self._line is stale:
                self._line = self._open_line()
                stale.close()
            return self._line

    def request(
        self,
        method: str,
        path: str,
        *,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        stream: bool = False,
    ) -> requests.Response:
        """Send one request and return its answer; an error answer is raised."""
        return self._patiently(
            lambda line: line.request(method, path, data=data, headers=headers, stream=stream)
        )

    def put(self, path: str, octets: bytes) -> None:
        """Send octets; an error answer is raised."""
        self._patiently(lambda line: line.put(path, octets))

    def request_json(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Send and receive JSON objects."""
        return self._patiently(lambda line: line.request_json(method, path, body))

    def stream_lines(self, path: str, max_line_bytes: int) -> Generator[bytes, None, None]:
        """Yield the lines of a streamed answer, heartbeats (empty lines) too.

        Patient until the first line has come. What breaks later is raised: only the reader
        knows after which line to go on. So a reader that was given a line may ask again at once.
        """

        def begin(line: Line) -> tuple[bytes | None, Generator[bytes, None, None]]:
            lines = line.stream_lines(path, max_line_bytes)
            return next(lines, None), lines

        first, rest = self._patiently(begin)
        with closing(rest):
            if first is not None:
                yield first
                yield from rest

    def download(
        self, path: str, max_bytes: int, stopped: Callable[[], bool] = lambda: False
    ) -> bytearray:
        """Return the octets of an answer; after a break only those that are missing are asked for.

        As long as octets arrive between breaks, patience begins anew.
        """
        part = PartialDownload(path, max_bytes)
        while True:
            held_bytes = len(part.octets)
            try:
                return self._patiently(lambda line: part.go_on(line, stopped))
            except EncryptSecureRTError as error:
                if error.code not in PASSING or len(part.octets) <= held_bytes:
                    raise

    def close(self) -> None:
        """Close every connection."""
        self._line.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
