"""What uploads and jobs need of a channel to a worker, whoever opens and mends it.

`channel.Channel` is one session with one start of a worker; `patience.PatientChannel` lasts
through breaks and restarts. Code that takes a `Line` takes either.
"""

from collections.abc import Callable, Generator, Mapping
from typing import Any, Protocol, Self

import requests

from encryptsecurert_protocol.statement import Statement
from EncryptSecureRTLib.attest.verdict import Verdict
from EncryptSecureRTLib.client.home import UserIdentity


class Line(Protocol):
    """Requests to one attested worker. Every error is an EncryptSecureRTError."""

    @property
    def url(self) -> str:
        """Where the worker listens."""

    @property
    def user(self) -> UserIdentity | None:
        """Who speaks, None before the first enrolment."""

    @property
    def unsafe_allow_simulated(self) -> bool:
        """Whether an unsigned policy was allowed for simulated evidence."""

    @property
    def statement(self) -> Statement:
        """What the worker proved of itself at the newest connection."""

    @property
    def verdict(self) -> Verdict:
        """The newest fresh verdict."""

    @property
    def certificate_verdict(self) -> Verdict:
        """The newest certificate verdict."""

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

    def put(self, path: str, octets: bytes) -> None:
        """Send octets; an error answer is raised."""

    def request_json(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Send and receive JSON objects."""

    def stream_lines(self, path: str, max_line_bytes: int) -> Generator[bytes, None, None]:
        """Yield the lines of a streamed answer; it does not go on by itself after a break."""

    def download(
        self, path: str, max_bytes: int, stopped: Callable[[], bool] = lambda: False
    ) -> bytearray:
        """Return the octets of an answer."""

    def close(self) -> None:
        """Close every connection."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...
