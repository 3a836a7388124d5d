"""Bounds on what an application entity may send us, and how long it may be silent.

pynetdicom has none: it reads a PDU of any length, waits for the rest of one for ever, and queues
whole messages. So the place where it reads from the socket is exchanged, on each connection, for
one that counts. What goes over a bound closes the line, as a broken one does.
"""

import contextlib
import queue
import socket
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from encryptsecurert_protocol.limits import GIB, KIB, MIB

if TYPE_CHECKING:
    from pynetdicom.association import Association
    from pynetdicom.events import Event

MAX_PDU_BYTES = 128 * KIB  # what we ask for; a peer's answer to an association fits as well
_PIECE_BYTES = 64 * KIB
_WATCH_S = _AIR_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What one association may bring.

    Attributes
    ----------
    message_bytes : of one message: a data set, or an answer to a query.
    messages : of all kinds together.
    waiting : messages that we have not come to yet. Who sends data sets has to wait for our
        answers (PS3.7 D.3.3.3); answers to a query wait for nobody, and are small.
    silence_s : without an octet in either direction, and for the rest of a PDU that has begun.
    """

    message_bytes: int
    messages: int
    waiting: int
    silence_s: float


def asking(silence_s: float) -> Bounds:
    """Return the bounds of an association that only asks."""
    return Bounds(message_bytes=MIB, messages=50_000, waiting=50_000, silence_s=silence_s)


def fetching(silence_s: float) -> Bounds:
    """Return the bounds of an association over which data sets come."""
    return Bounds(message_bytes=2 * GIB, messages=50_000, waiting=8, silence_s=silence_s)


class _WakefulQueue(queue.Queue[Any]):
    """A queue whose waiting thread comes up for air: a stop that is no signal is heard then."""

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Return the next item, as the queue that this stands in for does."""
        ends_at_s = None if timeout is None else time.monotonic() + timeout
        while True:
            left_s = _AIR_S if ends_at_s is None else ends_at_s - time.monotonic()
            try:
                return super().get(block, max(0.0, min(_AIR_S, left_s)))
            except queue.Empty:
                if not block or left_s <= 0:
                    raise


class Meter:
    """Reads for one association, within bounds."""

    def __init__(self, association: "Association", bounds: Bounds) -> None:
        self._association = association
        self._bounds = bounds
        self._message_bytes = 0
        self._messages = 0
        self._heard_s = time.monotonic()
        self._line: socket.socket | None = None
        self.exceeded = False

    def attach(self) -> None:
        """Read in place of pynetdicom from now on; nobody waits for anything yet."""
        self._association.dimse.msg_queue = _WakefulQueue()
        self._association.dul.to_user_queue = _WakefulQueue()
        transport = self._association.dul.socket
        if transport is not None and transport.socket is not None:
            self._line = transport.socket
            self._line.settimeout(self._bounds.silence_s)
            transport.recv = self.recv  # type: ignore[method-assign] # it has no other seam

    def close(self) -> None:
        """Close the line: pynetdicom leaves one open that the peer has closed before."""
        if self._line is not None:
            self._line.close()

    def message(self) -> None:
        """Hear that a message is whole."""
        self._message_bytes = 0
        self._messages += 1

    def sent(self) -> None:
        """Hear that something went out."""
        self._heard_s = time.monotonic()

    @property
    def silent(self) -> bool:
        """Whether nothing was heard for too long."""
        return time.monotonic() - self._heard_s > self._bounds.silence_s

    def recv(self, nr_bytes: int) -> bytearray:
        """Return so many octets, fewer if the line ends; OSError is how pynetdicom hears of ends.

        The name of the parameter is pynetdicom's.
        """
        if self._line is None:
            return bytearray()
        self._check(nr_bytes)
        octets = bytearray()
        ends_at_s = time.monotonic() + self._bounds.silence_s
        while len(octets) < nr_bytes:
            piece = self._line.recv(min(nr_bytes - len(octets), _PIECE_BYTES))
            if not piece:
                break
            octets += piece
            if time.monotonic() > ends_at_s:
                raise TimeoutError
        self._message_bytes += len(octets)
        self._heard_s = time.monotonic()
        return octets

    def _check(self, count: int) -> None:
        if (
            count > MAX_PDU_BYTES
            or self._message_bytes + count > self._bounds.message_bytes
            or self._messages > self._bounds.messages
            or self._association.dimse.msg_queue.qsize() > self._bounds.waiting
        ):
            self.exceeded = True
            raise ConnectionAbortedError


class Meters:
    """A meter for each connection of one application entity of ours."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._meters: dict[int, Meter] = {}

    @property
    def exceeded(self) -> bool:
        """Whether a bound was crossed anywhere."""
        return any(meter.exceeded for meter in list(self._meters.values()))

    @property
    def silent(self) -> bool:
        """Whether nothing was heard on any connection for too long, or there is none."""
        return all(meter.silent for meter in list(self._meters.values()))

    def close(self) -> None:
        """Close all lines."""
        for meter in list(self._meters.values()):
            meter.close()

    def handlers(self) -> list[tuple[Any, Any]]:
        """Return the event handlers that put a meter on each connection."""
        from pynetdicom import evt

        return [
            (evt.EVT_CONN_OPEN, self._opened),
            (evt.EVT_DIMSE_RECV, self._received),
            (evt.EVT_DATA_SENT, self._sent),
        ]

    def _opened(self, event: "Event") -> None:
        meter = self._meters[id(event.assoc)] = Meter(event.assoc, self._bounds)
        meter.attach()

    def _received(self, event: "Event") -> None:
        self._meters[id(event.assoc)].message()

    def _sent(self, event: "Event") -> None:
        self._meters[id(event.assoc)].sent()


class Watch:
    """Closes the line under an association once all meters have been silent for too long."""

    def __init__(self, association: "Association", *meters: Meters) -> None:
        self._association = association
        self._meters = meters
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.timed_out = False

    def _watch(self) -> None:
        while not self._over.wait(_WATCH_S):
            if all(meters.silent for meters in self._meters):
                self.timed_out = True
                shut(self._association)
                return

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def shut(association: "Association") -> None:
    """Close the line under an association, so that nobody waits for it any more."""
    transport = association.dul.socket
    line = None if transport is None else transport.socket
    if line is not None:
        with contextlib.suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)
