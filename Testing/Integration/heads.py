"""Octets of requests, right and wrong, and what a worker's own HTTP protocol makes of them.

`Wire` puts octets into the protocol without a socket; what it writes is read as a client does.
"""

import asyncio
import contextlib
import random
import re
from collections.abc import Callable
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from Testing.Integration.inside import error_of
from Testing.Unit.protocol.spoiling import spoiled
from uvicorn.server import ServerState

from encryptsecurert_worker.server.service import WorkerService

RIGHT = b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n"
_SEEDS = (
    RIGHT,
    b"GET /v1/tasks HTTP/1.1\r\nHost: x\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n",
    b"GET /v1/evidence?nonce=" + b"ab" * 32 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b'POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"a":[1]}',
    b"PUT /v1/objects/" + b"ab" * 16 + b"/0 HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody",
    b"POST /v1/objects HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"2\r\n{}\r\n0\r\n\r\n",
    b"GET /v1/results/" + b"ab" * 16 + b"/receipt HTTP/1.1\r\nHost: x\r\nRange: bytes=1-\r\n\r\n",
)
_LINES = (
    b"Content-Length: 5\r\nContent-Length: 6\r\n",
    b"Content-Length: -1\r\n",
    b"Content-Length: 99999999999999999999999999\r\n",
    b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: chunked, chunked\r\n",
    b"Transfer-Encoding: gzip\r\n",
    b"Connection: Upgrade\r\nUpgrade: websocket\r\n",
    b"Connection: Upgrade\r\nUpgrade: h2c\r\n",
    b"Expect: 100-continue\r\n",
    b"Expect: " + b"\xff" * 9 + b"\r\n",
    b"Cookie: " + b"a" * 9000 + b"\r\n",
    b"X: " + b"a" * 70000 + b"\r\n",
    b"X: 1\r\n" * 70,
    b" folded: line\r\n",
    b": no name\r\n",
    b"No colon\r\n",
    b"Bad\x00Name: \x00\r\n",
    b"\r\n",
    b"\n",
)
_STARTS = (
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\n",
    b"CONNECT worker:443 HTTP/1.1\r\n",
    b"GET https://worker/v1/health HTTP/1.1\r\n",
    b"GET //v1//health HTTP/1.1\r\n",
    b"GET /v1/../v1/health?a=b#c HTTP/1.0\r\n",
    b"GET /v1/%2e%2e/%00%ff HTTP/1.1\r\n",
    b"GET /" + b"a" * 60000 + b" HTTP/1.1\r\n",
    b"HEAD /v1/health HTTP/1.1\r\n",
    b"DELETE /v1/jobs/x HTTP/1.1\r\n",
    b"BREW /v1/health HTTP/1.1\r\n",
    b"GET  HTTP/1.1\r\n",
    b"GET /v1/health HTTP/9.9\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
)
_HEAD = re.compile(rb"HTTP/1\.1 ([0-9]{3}) [A-Za-z ]*\r\n((?:[a-z-]+: [^\r\n]*\r\n)*)\r\n")
_LENGTH = re.compile(rb"(?:^|\r\n)content-length: ([0-9]+)\r\n")


def mutation(rng: random.Random) -> bytes:
    """Return octets that begin like a request."""
    octets = rng.choice(_SEEDS)
    match rng.randrange(4):
        case 0:
            at = octets.index(b"\r\n") + 2
            octets = octets[:at] + rng.choice(_LINES) + octets[at:]
        case 1:
            octets = rng.choice(_STARTS) + octets[octets.index(b"\r\n") + 2 :]
        case 2:
            octets += rng.choice(_SEEDS)  # one behind the other
        case _:
            return spoiled(octets, rng)
    return spoiled(octets, rng) if rng.random() < 0.3 else octets


def answers(octets: bytes) -> list[str]:
    """Name each answer in what a worker sent; any other form than ours fails the test."""
    found = []
    while octets:
        head = _HEAD.match(octets)
        assert head is not None, "no answer of ours"
        status, fields = int(head.group(1)), head.group(2)
        octets = octets[head.end() :]
        if status == 100:
            continue
        length = _LENGTH.search(fields)
        size = 0 if length is None else int(length.group(1))
        body, octets = octets[:size], octets[size:]
        found.append(_name(status, body, size))
    return found or ["closed without a word"]


def _name(status: int, body: bytes, size: int) -> str:
    if len(body) < size:
        return "head only"  # of HEAD, or cut with the connection
    return "ok" if status < 300 else error_of(status, body).code.name


def has_one_answer(octets: bytes) -> bool:
    """Tell whether a worker must answer octets at once, and with a body of the size it says."""
    if octets.startswith(b"HEAD ") or b"100-continue" in octets:
        return False
    found: list[str] = []

    class Reader:
        def on_message_complete(self) -> None:
            found.append("whole")

    parser = HttpRequestParser(Reader())
    with contextlib.suppress(HttpParserUpgrade):
        try:
            parser.feed_data(octets)
        except HttpParserError:
            return True
    return bool(found)


class _Tls:
    def __init__(self, certificate: bytes) -> None:
        self._certificate = certificate

    def getpeercert(self, binary_form: bool) -> bytes:
        """Return the peer's certificate."""
        assert binary_form
        return self._certificate


class _Memory(asyncio.Transport):
    """Keeps what is written until the connection is closed."""

    def __init__(self, certificate: bytes) -> None:
        super().__init__({"ssl_object": _Tls(certificate), "peername": ("127.0.0.1", 1)})
        self.written = bytearray()
        self._closing = False

    def write(self, data: Any) -> None:
        """Keep octets; what comes after the end is lost, as on a socket."""
        if not self._closing:
            self.written += data

    def close(self) -> None:
        """End the connection."""
        self._closing = True

    abort = close

    def is_closing(self) -> bool:
        """Tell whether it has ended."""
        return self._closing

    def pause_reading(self) -> None:
        """Hold nothing back: what was sent was sent."""

    resume_reading = pause_reading

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Keep everything."""


class Wire:
    """Puts octets into the protocol of one worker, a connection for each."""

    def __init__(self, service: WorkerService, certificate: bytes) -> None:
        self._config = service._server.config
        self._certificate = certificate

    async def send(self, octets: bytes) -> bytes:
        """Send octets on a new connection, hang up, and return what came."""
        state = ServerState()
        protocol: Any = self._protocol()(
            config=self._config, server_state=state, app_state={}, _loop=asyncio.get_running_loop()
        )
        transport = _Memory(self._certificate)
        protocol.connection_made(transport)
        middle = len(octets) // 2
        for piece in (octets[:middle], octets[middle:]):
            if piece and not transport.is_closing():
                protocol.data_received(piece)
                await asyncio.sleep(0)
        while state.tasks and not _waits_for_more(protocol):
            await asyncio.wait(state.tasks, return_when=asyncio.FIRST_COMPLETED)
        protocol.connection_lost(None)
        if state.tasks:
            await asyncio.wait(state.tasks)
        assert not state.connections
        return bytes(transport.written)

    def _protocol(self) -> Callable[..., asyncio.Protocol]:
        kind = self._config.http_protocol_class
        assert issubclass(kind, asyncio.Protocol)
        return kind


def _waits_for_more(protocol: Any) -> bool:
    cycle = protocol.cycle
    return cycle is not None and cycle.more_body and not protocol.pipeline
