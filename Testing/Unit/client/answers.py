"""Prepared answers of a worker, whole or broken off, and lines that give them."""

import io
from collections.abc import Callable, Mapping
from typing import Any, cast

import requests
import urllib3

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.line import Line


class Body(io.BytesIO):
    """Octets, and then what a socket may raise."""

    def __init__(self, octets: bytes, then: OSError | None = None) -> None:
        super().__init__(octets)
        self._then = then

    def read(self, size: int | None = -1, /) -> bytes:
        """Return octets, or raise at their end."""
        octets = super().read(size)
        if self._then is not None and not octets:
            raise self._then
        return octets


def answer(
    body: Body, status: int = 200, headers: Mapping[str, str] | None = None
) -> requests.Response:
    """Return an answer as `requests` gives it for a stream."""
    response = requests.Response()
    response.status_code = status
    response.headers.update(headers or {})
    response.raw = urllib3.HTTPResponse(
        body, headers, status, preload_content=False, enforce_content_length=True
    )
    return response


class Answers:
    """A line that gives one answer after the other and keeps what it was asked."""

    def __init__(self, *answers: requests.Response) -> None:
        self._answers = list(answers)
        self.asked: list[dict[str, str]] = []

    def request(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **_: Any
    ) -> requests.Response:
        """Return the next answer."""
        self.asked.append(dict(headers or {}))
        return self._answers.pop(0)

    @property
    def line(self) -> Line:
        """Itself, as what it stands for."""
        return cast(Line, self)


def code_of(call: Callable[[], object]) -> ErrorCode | None:
    """Return the code with which a call is refused, None if it is not."""
    try:
        call()
    except EncryptSecureRTError as error:
        return error.code
    return None
