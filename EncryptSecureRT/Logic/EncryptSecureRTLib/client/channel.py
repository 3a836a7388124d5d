"""The attested channel: `requests` over connections that the verifier has accepted.

>>> with open_channel(home, "https://worker:8443") as channel:  # doctest: +SKIP
...     channel.verdict.accepted, channel.request_json("GET", "/v1/tasks")
"""

import json
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Self
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPSConnectionPool, PoolManager
from urllib3.exceptions import HTTPError

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.evidence import EvidenceAnswer
from encryptsecurert_protocol.statement import Statement
from EncryptSecureRTLib.attest.ratls import read_ratls_certificate
from EncryptSecureRTLib.attest.verdict import Verdict
from EncryptSecureRTLib.attest.verifier import Verifier
from EncryptSecureRTLib.client.connection import AttestedConnection, Gate, client_context
from EncryptSecureRTLib.client.downloads import PartialDownload
from EncryptSecureRTLib.client.errors import error_of_body, error_of_pool, error_of_request
from EncryptSecureRTLib.client.home import ClientHome, UserIdentity
from EncryptSecureRTLib.client.trust import open_verifier

_POOL_SIZE = 4
_MAX_JSON_BYTES = 4 * 1024 * 1024


class _AttestedPool(HTTPSConnectionPool):
    """A pool whose every connection passes one gate."""

    ConnectionCls = AttestedConnection

    def __init__(self, *args: Any, gate: Gate, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._gate = gate

    def _new_conn(self) -> Any:
        connection = super()._new_conn()
        if not isinstance(connection, AttestedConnection):
            raise EncryptSecureRTError(ErrorCode.E_UNATTESTED_PEER)
        connection.gate = self._gate
        return connection


class AttestedAdapter(HTTPAdapter):
    """The adapter that `requests` uses for https: it knows no certificate authority."""

    def __init__(self, gate: Gate, certificate: tuple[str, str] | None) -> None:
        self._gate = gate
        self._context = client_context(certificate)
        super().__init__(pool_connections=1, pool_maxsize=_POOL_SIZE, max_retries=0)

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **kwargs: Any
    ) -> None:
        """Make the pool manager, with attested pools for https and none for http."""
        self.poolmanager = PoolManager(
            num_pools=connections,
            maxsize=maxsize,
            block=True,
            ssl_context=self._context,
            assert_hostname=False,
        )
        self.poolmanager.pool_classes_by_scheme = {"https": partial(_AttestedPool, gate=self._gate)}

    def get_connection_with_tls_context(self, request: Any, *settings: Any, **more: Any) -> Any:
        """Return the one pool that `put` uses as well; no other TLS setting has a say here."""
        return self.poolmanager.connection_from_url(request.url)

    def put(self, url: str, octets: bytes, timeout_s: float) -> tuple[int, bytes]:
        """Send octets over the attested pool and return (status, answer).

        For the many chunks of an upload: what `requests` does around a request costs more than
        sealing the chunk that it carries.
        """
        parts = urlsplit(url)
        pool = self.poolmanager.connection_from_url(url)
        try:
            answer = pool.urlopen(
                "PUT",
                parts.path,
                body=octets,
                headers={"Accept-Encoding": "identity"},
                retries=False,
                redirect=False,
                timeout=timeout_s,
            )
        except TimeoutError:
            raise EncryptSecureRTError(ErrorCode.E_TIMEOUT) from None
        except HTTPError as error:
            raise error_of_pool(error) from None
        return answer.status, answer.data


class ChannelGate:
    """Both verdicts for each connection, and one worker for all of them."""

    def __init__(self, verifier: Verifier, *, allow_unprovisioned: bool) -> None:
        self._verifier = verifier
        self._allow_unprovisioned = allow_unprovisioned
        self._lock = threading.Lock()
        self._spki_sha256: str | None = None
        self.certificate_verdict: Verdict | None = None
        self.verdict: Verdict | None = None
        self.statement: Statement | None = None

    def admit_certificate(self, certificate_der: bytes) -> None:
        """Judge the certificate; another key than an earlier connection's is E_SESSION."""
        verdict = self._verifier.judge_certificate(certificate_der)
        with self._lock:
            self.certificate_verdict = verdict
        verdict.require()
        with self._lock:
            if self._spki_sha256 not in (None, verdict.spki_sha256):
                raise EncryptSecureRTError(ErrorCode.E_SESSION)

    def admit_evidence(
        self, certificate_der: bytes, nonce: bytes, asked_at_s: float, answer: EvidenceAnswer
    ) -> None:
        """Judge fresh evidence over this connection's key and nonce."""
        verdict, statement = self._verifier.judge_fresh(
            spki_der=read_ratls_certificate(certificate_der).spki,
            nonce=nonce,
            issued_at=asked_at_s,
            evidence=answer,
            allow_unprovisioned=self._allow_unprovisioned,
        )
        with self._lock:
            self.verdict = verdict
        verdict.require()
        with self._lock:
            self._spki_sha256 = verdict.spki_sha256
            self.statement = statement


class Channel:
    """A `Line` to one start of a worker: when that is gone, so is the channel."""

    def __init__(self, url: str, gate: ChannelGate, session: requests.Session, timeout_s: float):
        self.url = url
        self.user: UserIdentity | None = None
        self.unsafe_allow_simulated = False  # receipts are judged as the worker was
        self._gate = gate
        self._session = session
        self._timeout_s = timeout_s
        self._closed = False

    @contextmanager
    def _in_use(self) -> Iterator[requests.Session]:
        """Give the session; a thread that comes after `close` leaves no connection behind."""
        if self._closed:
            raise EncryptSecureRTError(ErrorCode.E_SESSION)
        try:
            yield self._session
        finally:
            if self._closed:
                self._session.close()

    @property
    def statement(self) -> Statement:
        """What the worker proved of itself at the newest connection."""
        if self._gate.statement is None:
            raise EncryptSecureRTError(ErrorCode.E_UNATTESTED_PEER)
        return self._gate.statement

    @property
    def verdict(self) -> Verdict:
        """The newest fresh verdict."""
        if self._gate.verdict is None:
            raise EncryptSecureRTError(ErrorCode.E_UNATTESTED_PEER)
        return self._gate.verdict

    @property
    def certificate_verdict(self) -> Verdict:
        """The newest certificate verdict."""
        if self._gate.certificate_verdict is None:
            raise EncryptSecureRTError(ErrorCode.E_UNATTESTED_PEER)
        return self._gate.certificate_verdict

    def connect(self) -> None:
        """Open a connection and attest it; nothing but evidence is asked for."""
        self.request("GET", "/v1/health")

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
        try:
            with self._in_use() as session:
                response = session.request(
                    method,
                    self.url + path,
                    data=data,
                    headers=dict(headers or {}),
                    stream=stream,
                    timeout=self._timeout_s,
                    allow_redirects=False,
                )
            if response.status_code >= requests.codes.multiple_choices:
                body = response.raw.read(4096) if stream else response.content
                response.close()
                raise error_of_body(body, response.status_code)
            return response
        except requests.RequestException as error:
            raise error_of_request(error) from None
        except HTTPError as error:  # of `raw`, which nothing wraps
            raise error_of_pool(error) from None

    def put(self, path: str, octets: bytes) -> None:
        """Send octets; an error answer is raised."""
        url = self.url + path
        adapter = self._session.get_adapter(url)
        if not isinstance(adapter, AttestedAdapter):
            raise EncryptSecureRTError(ErrorCode.E_UNATTESTED_PEER)
        with self._in_use():
            status, answer = adapter.put(url, octets, self._timeout_s)
        if status >= requests.codes.multiple_choices:
            raise error_of_body(answer, status)

    def request_json(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Send and receive JSON objects."""
        data = None if body is None else canonical.encode(body)
        content = self.request(method, path, data=data).content
        try:
            value = json.loads(content) if len(content) <= _MAX_JSON_BYTES else None
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)
        return value

    def stream_lines(self, path: str, max_line_bytes: int) -> Generator[bytes, None, None]:
        """Yield the lines of a streamed answer, heartbeats (empty lines) too."""
        response = self.request("GET", path, stream=True)
        buffer = b""
        try:
            for piece in response.iter_content(chunk_size=None):
                buffer += piece
                *lines, buffer = buffer.split(b"\n")
                yield from lines
                if len(buffer) > max_line_bytes:
                    raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
        except requests.RequestException as error:
            raise error_of_request(error) from None
        finally:
            response.close()

    def download(
        self, path: str, max_bytes: int, stopped: Callable[[], bool] = lambda: False
    ) -> bytearray:
        """Return the octets of an answer.

        E_RESULT if there are more than `max_bytes`, E_CANCELLED if `stopped` says so before a
        piece is read.
        """
        return PartialDownload(path, max_bytes).go_on(self, stopped)

    def reconnect(self) -> None:
        """Leave every connection: the next request opens one, which is attested anew."""
        self._session.close()

    def close(self) -> None:
        """Close every connection; what is asked for later is E_SESSION."""
        self._closed = True
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def check_url(url: str) -> str:
    """Return a worker address without trailing slash, refused unless https with host only."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:  # not a number, or beyond 65535
        port = 0
    if parts.scheme != "https" or not parts.hostname or port == 0 or "@" in parts.netloc:
        raise EncryptSecureRTError(ErrorCode.E_USAGE, "the address must be https://host:port")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise EncryptSecureRTError(ErrorCode.E_USAGE, "the address must be https://host:port")
    return f"https://{parts.netloc}"


def open_channel(
    home: ClientHome,
    url: str,
    *,
    allow_unprovisioned: bool = False,
    timeout_s: float = 30.0,
    unsafe_allow_simulated: bool = False,
) -> Channel:
    """Open a channel and attest its first connection; raises what refuses it."""
    address = check_url(url)
    verifier = open_verifier(home, address, unsafe_allow_simulated=unsafe_allow_simulated)
    gate = ChannelGate(verifier, allow_unprovisioned=allow_unprovisioned)
    channel = make_channel(home, address, gate, timeout_s)
    channel.unsafe_allow_simulated = unsafe_allow_simulated
    try:
        channel.connect()
    except BaseException:
        channel.close()
        raise
    return channel


def make_channel(home: ClientHome, address: str, gate: ChannelGate, timeout_s: float) -> Channel:
    """Return a channel that is not connected yet."""
    certificate = None
    user = None
    if home.has_user():
        user = home.user()
        certificate = (str(home.certificate_path), str(home.key_path))
    session = requests.Session()
    session.trust_env = False  # neither proxies nor CA bundles from the environment
    session.verify = False  # the adapter attests instead; see connection.py
    session.headers.clear()
    session.adapters.clear()
    session.mount("https://", AttestedAdapter(gate, certificate))
    channel = Channel(address, gate, session, timeout_s)
    channel.user = user
    return channel
