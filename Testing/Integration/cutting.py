"""A proxy that cuts every line at one piece of traffic, once, and says at which step that was.

Pieces are what one read of a socket gives. A first, undisturbed run counts them; each later run
cuts at the next one. The worker's inner tap tells which request a piece belonged to.
"""

import re
import time
from dataclasses import dataclass
from threading import Lock
from typing import Any

from Testing.Integration.taps import InnerTap, OuterConnection, TcpTap

from encryptsecurert_worker.server.tls import AttestedProtocol

_IDS = re.compile(r"[0-9a-f]{32,64}")
_OF_CONNECTING = ("GET /v1/evidence", "GET /v1/health")
_CONNECT = "connect  handshake and evidence"
_CONNECTING_BYTES = 3000
_CHUNK = re.compile(r"(?<=/v1/objects/\{id\}/)\d+")


@dataclass(frozen=True, slots=True)
class Piece:
    """Octets that were about to travel."""

    at_s: float
    from_client: bool
    connecting: bool


class CuttingTap(TcpTap):
    """Forwards, until piece number `cut_at` since `arm`: then every line is cut, once."""

    def __init__(self, url: str, steps: "Steps") -> None:
        super().__init__(url)
        self._count_lock = Lock()
        self.pieces: list[Piece] = []
        self._cut_at: int | None = None
        self.cut: Piece | None = None
        self._steps = steps
        self._answer = ""

    def arm(self, cut_at: int | None = None, *, answer: str = "") -> None:
        """Count pieces anew and cut at one of them, or in the answer to a request; once."""
        with self._count_lock:
            self.pieces, self.cut, self._cut_at, self._answer = [], None, cut_at, answer

    def _is_due(self, piece: Piece) -> bool:
        if self.cut is not None:
            return False
        if self._answer:
            step = self._steps.of(piece)
            return not piece.from_client and step == f"answer   {self._answer}"
        return self._cut_at == len(self.pieces)

    def _may_pass(self, connection: OuterConnection, from_client: bool) -> bool:
        # A hello, then certificate and evidence request, each with its answer.
        connecting = len(connection.from_client) < _CONNECTING_BYTES
        with self._count_lock:
            piece = Piece(time.monotonic(), from_client, connecting)
            self.pieces.append(piece)
            passes = not self._is_due(piece)
            if not passes:
                self.cut = piece
        if not passes:
            self.kill_connections()
        return passes


class Steps(InnerTap):
    """Notes when each request arrived at the worker."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[tuple[float, str]] = []

    def protocol(self) -> type[AttestedProtocol]:
        """Return the production protocol with this tap in it."""
        tapped: Any = super().protocol()
        steps = self

        class Noting(tapped):  # type: ignore[misc]  # a class that is made at run time
            def on_headers_complete(self) -> None:
                line = f"{self.parser.get_method().decode()} {self.url.decode()}"
                steps.requests.append((time.monotonic(), _general(line)))
                super().on_headers_complete()

        return Noting

    def of(self, piece: Piece) -> str:
        """Return the step at which a piece was about to travel."""
        before = [line for at_s, line in self.requests if at_s <= piece.at_s]
        after = [line for at_s, line in self.requests if at_s > piece.at_s]
        if not piece.from_client:
            answered = before[-1] if before else ""
            of_connecting = not answered or answered in _OF_CONNECTING
            return _CONNECT if of_connecting else f"answer   {answered}"
        if piece.connecting:
            return _CONNECT
        later = [line for line in after if line not in _OF_CONNECTING]
        return f"request  {later[0]}" if later else "request  the last one"


def _general(line: str) -> str:
    """Return a request line without ids and query."""
    return _CHUNK.sub("{n}", _IDS.sub("{id}", line.partition("?")[0]))
