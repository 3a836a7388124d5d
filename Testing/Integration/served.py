"""A small server behind the worker's own door: real sockets, no TLS, an application of a test.

Callers are counted by their address here, as at a worker that has no bundle yet.
"""

import asyncio
import dataclasses
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_worker.server.door import Bounds
from encryptsecurert_worker.server.metrics import Metrics
from encryptsecurert_worker.server.tls import AttestedProtocol
from encryptsecurert_worker.vault.site import Site
from EncryptSecureRTLib.client.connection import client_context
from EncryptSecureRTLib.client.home import ClientHome

WAIT_S = 15.0


class Idle:
    """A worker with nothing to see."""

    jobs_queued = uploads_open = held_bytes = journal_bytes = audit_lines = epoch = 0
    lease_seconds_left = float("inf")
    ready = False


async def _echo(request: Request) -> Response:
    return Response(str(len(await request.body())))


async def _endless(request: Request) -> Response:
    async def pieces() -> Any:
        while True:
            yield bytes(65536)
            await asyncio.sleep(0)  # the server must hear that a peer is gone

    return StreamingResponse(pieces())


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """Where the server listens, and what it counted."""

    port: int
    metrics: Metrics

    def connect(self, source: str = "127.0.0.1") -> socket.socket:
        """Open a connection from an address of loopback."""
        return socket.create_connection(("127.0.0.1", self.port), WAIT_S, (source, 0))

    def refused(self, reason: str) -> float:
        """How many connections were refused or cut for this reason."""
        labels = {"reason": reason}
        name = "encryptsecurert_connections_refused_total"
        return self.metrics.registry.get_sample_value(name, labels) or 0.0

    def open(self) -> float:
        """How many connections are open."""
        return self.metrics.registry.get_sample_value("encryptsecurert_connections_open") or 0.0

    def wait_open(self, count: int) -> None:
        """Wait until so many connections are open."""
        wait_until(lambda: self.open() == count)


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, for some time."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.01)


def rest_of(connection: socket.socket) -> bytes:
    """Return what comes until the server closes."""
    octets = b""
    try:
        while piece := connection.recv(65536):
            octets += piece
    except ConnectionError:
        pass
    return octets


def answer_of(connection: socket.socket) -> bytes:
    """Return one whole answer, which says how long it is."""
    octets = b""
    while (piece := connection.recv(65536)) and not _is_whole(octets := octets + piece):
        pass
    return octets


def _is_whole(octets: bytes) -> bool:
    head, end, body = octets.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    return bool(end and length) and len(body) >= int(length.group(1) if length else 0)


def raw_connection(url: str, home: ClientHome | None) -> ssl.SSLSocket:
    """Open a connection to a worker, and send nothing on it."""
    pair = (str(home.certificate_path), str(home.key_path)) if home else None
    parts = urlsplit(url)
    plain = socket.create_connection((parts.hostname or "", parts.port or 0), WAIT_S)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as every client of ours
    return client_context(pair).wrap_socket(plain)


@contextmanager
def served(**bounds: Any) -> Iterator[Served]:
    """Serve `/echo` and `/endless` with some bounds changed."""
    metrics = Metrics(Idle())
    protocol = AttestedProtocol.bound_to(Site(), lambda: datetime.now(UTC), metrics)
    protocol.bounds = dataclasses.replace(Bounds(), **bounds)
    routes = [Route("/echo", _echo, methods=["GET", "POST"]), Route("/endless", _endless)]
    settings = uvicorn.Config(
        Starlette(routes=routes),
        http=protocol,
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_keep_alive=LIMITS.idle_s,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(settings)
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    wait_until(lambda: server.started)
    try:
        yield Served(port=listening.getsockname()[1], metrics=metrics)
    finally:
        server.should_exit = True
        thread.join(WAIT_S)
        listening.close()
