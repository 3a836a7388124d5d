"""Requests to a DICOMweb service: TLS verified, no redirect followed, every answer bounded.

`requests` is kept from proxies, `.netrc` and other settings of the environment, which could send
credentials elsewhere. A status is an error of ours; no word of a body is ever repeated.
"""

import json
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import MIB
from EncryptSecureRTLib.client.pacs.credentials import Credentials
from EncryptSecureRTLib.client.pacs.model import wrong_answer

JSON = "application/dicom+json"
MAX_JSON_BYTES = 32 * MIB

_CONNECT_S = 10.0
_PIECE_BYTES = 64 * 1024
_JSON_TYPES = (JSON, "application/json")


class _Adapter(HTTPAdapter):
    """Speaks TLS by one context."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools, with the context."""
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)

    def cert_verify(self, *args: Any) -> None:
        """Leave the context as it is: `requests` would load authorities of its own into it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The body of a request: an iterable of known length."""

    body: Any
    content_type: str


class WebLine:
    """A DICOMweb service.

    Parameters
    ----------
    base : its address, without a slash at the end.
    silence_s : how long each piece of an answer is waited for.
    """

    def __init__(
        self,
        base: str,
        context: ssl.SSLContext,
        credentials: Credentials | None,
        silence_s: float,
    ) -> None:
        self._base = base
        self._timeout = (min(_CONNECT_S, silence_s), silence_s)
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers.update(
            {"Accept-Encoding": "identity", "User-Agent": "encryptsecurert"}
        )
        if credentials is not None:
            self._session.headers["Authorization"] = credentials.header
        self._session.mount("https://", _Adapter(context))

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    @contextmanager
    def answer(
        self,
        method: str,
        path: str,
        *,
        accept: str,
        query: Mapping[str, str] | None = None,
        sent: Sent | None = None,
        also: Sequence[int] = (),
    ) -> Iterator[requests.Response]:
        """Send a request, and yield an answer that says 2xx; its body is not read yet.

        `also` names statuses with which a body of the standard comes as well.

        Raises
        ------
        EncryptSecureRTError
            E_PACS_UNREACHABLE, E_PACS_REFUSED (401, 403), E_NOT_FOUND (404), E_PACS_ANSWER.
        """
        headers = {"Accept": accept}
        if sent is not None:
            headers["Content-Type"] = sent.content_type
        with web_errors():
            response = self._session.request(
                method,
                self._base + path,
                params=query,
                data=None if sent is None else sent.body,
                headers=headers,
                stream=True,
                allow_redirects=False,
                timeout=self._timeout,
            )
            try:
                if response.status_code not in also:
                    _check_status(response)
                yield response
            finally:
                response.close()

    def json(self, method: str, path: str, **more: Any) -> Any:
        """Return an answer of `application/dicom+json`; an empty one is an empty list."""
        with self.answer(method, path, accept=JSON, **more) as response:
            return read_json(response)


def read_json(response: requests.Response) -> Any:
    """Return the JSON of an answer; an empty answer is an empty list."""
    octets = b"".join(pieces(response, MAX_JSON_BYTES))
    if response.status_code == requests.codes.no_content or not octets:
        return []
    if content_type(response)[0] not in _JSON_TYPES:
        raise wrong_answer("JSON was asked for")
    try:
        return json.loads(octets)
    except (ValueError, RecursionError):
        raise wrong_answer("malformed JSON") from None


def pieces(response: requests.Response, most_bytes: int) -> Iterator[bytes]:
    """Yield the body of an answer (E_PACS_ANSWER if it has more, or is compressed)."""
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise wrong_answer("a compressed answer was not asked for")
    left = most_bytes
    for piece in response.raw.stream(_PIECE_BYTES, decode_content=False):
        left -= len(piece)
        if left < 0:
            raise wrong_answer("an answer has no end")
        yield piece


def content_type(response: requests.Response) -> tuple[str, dict[str, str]]:
    """Return the type of an answer and its parameters, names in lower case."""
    first, *parts = response.headers.get("Content-Type", "").split(";")
    parameters = {}
    for part in parts:
        name, _, value = part.partition("=")
        parameters[name.strip().lower()] = value.strip().strip('"')
    return first.strip().lower(), parameters


def _check_status(response: requests.Response) -> None:
    status = response.status_code
    if status in (401, 403):
        detail = "it does not accept the credentials" if status == 401 else "no right to this"
        raise EncryptSecureRTError(ErrorCode.E_PACS_REFUSED, detail)
    if status == 404:
        raise EncryptSecureRTError(ErrorCode.E_NOT_FOUND, "the PACS has no such study or service")
    if status == 503:
        raise EncryptSecureRTError(ErrorCode.E_PACS_UNREACHABLE, "HTTP status 503")
    if not 200 <= status < 300:
        raise wrong_answer(f"HTTP status {status}")


@contextmanager
def web_errors() -> Iterator[None]:
    """Turn failures of the network into errors of ours."""
    try:
        yield
    except requests.exceptions.SSLError:
        detail = "its TLS certificate is not accepted"
        raise EncryptSecureRTError(ErrorCode.E_PACS_UNREACHABLE, detail) from None
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError):
        raise EncryptSecureRTError(ErrorCode.E_PACS_UNREACHABLE) from None
