"""Who gets a place: so many connections in all, so many for each caller, some for custodians.

A connection beyond that is told so once (E_BUSY) and closed; beyond those that may wait for that
answer it is closed at once.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_worker.server.answers import error_answer
from encryptsecurert_worker.server.metrics import Metrics
from encryptsecurert_worker.vault.site import Site

_MOST_DRAINED_BYTES = 2 * LIMITS.chunk_bytes
_BUSY = error_answer(EncryptSecureRTError(ErrorCode.E_BUSY))
_BUSY.headers["connection"] = "close"
_STRANGERS = hashlib.sha256(b"strangers").digest()


class Cut(StrEnum):
    """Why a connection was refused or cut."""

    ALL_PLACES = "all-places"
    CALLERS_PLACES = "callers-places"
    OVERFLOW = "overflow"
    SILENT = "silent"
    SLOW_HEAD = "slow-head"
    SLOW_BODY = "slow-body"
    STALLED = "stalled"
    LONG_HEAD = "long-head"
    MANY_HEADERS = "many-headers"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a peer may take of us; sizes in octets, times in seconds."""

    connections: int = LIMITS.connections
    per_caller: int = LIMITS.connections_per_user
    kept: int = LIMITS.connections_kept
    waiting: int = 16
    head_bytes: int = LIMITS.json_line_bytes
    headers: int = 64
    idle_s: float = LIMITS.idle_s
    body_s: float = LIMITS.body_s
    stalled_s: float = LIMITS.stalled_s


@dataclass(frozen=True, slots=True)
class Door:
    """Decides on a new connection."""

    site: Site
    now: Callable[[], datetime]
    metrics: Metrics

    def seat(self, certificate: bytes | None, address: str) -> bytes:
        """Return under which name a caller's connections are counted.

        TLS lets in whoever the user CA ever knew. All whom the bundle does not list share the
        places of one caller, or a few who have left could take everybody's.
        """
        judged = bool(certificate) and self.site.current is not None
        if judged and not self.site.knows(certificate, self.now(), in_time=False):
            return _STRANGERS
        return seat_of(certificate, address)

    def refusal(
        self, seat: bytes, certificate: bytes | None, taken: Sequence[bytes], bounds: Bounds
    ) -> Cut | None:
        """Return why there is no place, None if there is one; `taken` are the others' seats."""
        if taken.count(seat) >= bounds.per_caller:
            return Cut.CALLERS_PLACES
        if len(taken) < bounds.connections:
            return None
        kept = len(taken) < bounds.connections + bounds.kept
        if kept and certificate and self.site.is_custodian(certificate, self.now()):
            return None
        return Cut.ALL_PLACES


def seat_of(certificate: bytes | None, address: str) -> bytes:
    """Return under which name a caller's connections are counted."""
    named = b"certificate" + certificate if certificate else b"address" + address.encode()
    return hashlib.sha256(named).digest()


async def busy(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer E_BUSY, after the body: who is still sending would not hear it."""
    size = 0
    try:
        async for piece in Request(scope, receive).stream():
            size += len(piece)
            if size > _MOST_DRAINED_BYTES:
                break
    except ClientDisconnect:
        return
    await _BUSY(scope, receive, send)
