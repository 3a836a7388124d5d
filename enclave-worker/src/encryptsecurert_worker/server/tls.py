"""TLS 1.3 with the attested certificate, and the peer's certificate for each request."""

import os
import socket
import ssl
import tempfile
from asyncio import BaseTransport, TimerHandle, Transport
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import ClassVar, cast

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_worker.evidence.ratls_cert import RatlsIdentity
from encryptsecurert_worker.server.answers import error_answer
from encryptsecurert_worker.server.door import Bounds, Cut, Door, busy
from encryptsecurert_worker.server.metrics import Metrics
from encryptsecurert_worker.vault.site import Site

PEER_CERTIFICATE = "peer_certificate"
_NO_HTTP_BODY = bytes(error_answer(EncryptSecureRTError(ErrorCode.E_FORMAT)).body)
_NO_HTTP = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\n"
    b"content-length: %d\r\n\r\n%b" % (len(_NO_HTTP_BODY), _NO_HTTP_BODY)
)


class _SaysWhy(ssl.SSLObject):
    """Lets the alert of a failed handshake reach the peer: asyncio closes before it is sent.

    A handshake that failed asks for more octets first, upon which asyncio sends what waits, and
    fails when the peer's next ones come. They are read then, so closing does not undo the alert.
    """

    _failure: ssl.SSLError | None = None

    def do_handshake(self) -> None:
        """Shake hands; a failure shows at the second call."""
        if self._failure is not None:
            raise self._failure
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            self._failure = error
            raise ssl.SSLWantReadError from None


def server_context(identity: RatlsIdentity) -> ssl.SSLContext:
    """Return the server context: TLS 1.3 only, no tickets, no client certificate asked yet."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.sslobject_class = _SaysWhy
    context.num_tickets = 0  # a resumed session would show no certificate to attest
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    # The standard library loads a key from a path only. The file is made unlinked where the
    # system allows it and lives in memory, never on a disk that the host keeps.
    certificate = ssl.DER_cert_to_PEM_cert(identity.certificate).encode("ascii")
    folder = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108 - not shared: mode 0600
    try:
        with tempfile.NamedTemporaryFile(dir=folder) as file:
            file.write(identity.private_key_pem() + certificate)
            file.flush()
            context.load_cert_chain(file.name)
    except OSError:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None
    return context


def require_client_certificates(context: ssl.SSLContext, user_ca_der: bytes) -> None:
    """Ask every new connection for a certificate of the user CA.

    This is a filter: a replaced CA stays trusted by TLS for the life of the process, so each
    request is judged under the current bundle as well.
    """
    context.load_verify_locations(cadata=user_ca_der)
    context.verify_mode = ssl.CERT_REQUIRED


class AttestedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with the peer certificate where routes see it, and with bounds.

    Invariant: whatever a peer owes us (a head, a body, room for our answer) it owes for a time,
    and what it sends beside a body has a size. uvicorn bounds none of these.
    """

    bounds: ClassVar[Bounds] = Bounds()
    door: ClassVar[Door]

    @classmethod
    def bound_to(
        cls, site: Site, now: Callable[[], datetime], metrics: Metrics
    ) -> type["AttestedProtocol"]:
        """Return the protocol of one worker."""
        return type(cls.__name__, (cls,), {"door": Door(site, now, metrics)})

    def connection_made(self, transport: BaseTransport) -> None:
        """Note the peer's certificate, if it showed one, and give it a place or none."""
        super().connection_made(cast(Transport, transport))
        tls = transport.get_extra_info("ssl_object")
        certificate = None if tls is None else tls.getpeercert(binary_form=True)
        self.app_state = {**self.app_state, PEER_CERTIFICATE: certificate}
        self._timers: dict[Cut, TimerHandle] = {}
        self._fault: Cut | None = None
        self._beside_body_bytes = 0  # of this message: head, framing, trailers
        self._in_body = False
        self.seat: bytes | None = None
        self.door.metrics.connection_opened()
        self._arm(Cut.SILENT, self.bounds.idle_s)
        _end_dead_peers(transport, self.bounds.stalled_s)
        self._take_place(certificate)

    def _take_place(self, certificate: bytes | None) -> None:
        others = [c for c in self.connections if isinstance(c, AttestedProtocol) and c is not self]
        taken = [c.seat for c in others if c.seat is not None]
        seat = self.door.seat(certificate, self.client[0] if self.client else "")
        refusal = self.door.refusal(seat, certificate, taken, self.bounds)
        if refusal is None:
            self.seat = seat
        elif len(others) - len(taken) < self.bounds.waiting:
            self._note(refusal)
            self.app = cast(ASGI3Application, busy)
        else:
            self._cut(Cut.OVERFLOW)

    def data_received(self, data: bytes) -> None:
        """Take octets; too many of them beside a body end the connection."""
        self._arm(Cut.SILENT, self.bounds.idle_s)
        self._beside_body_bytes += len(data)
        super().data_received(data)
        if self._beside_body_bytes > self.bounds.head_bytes:
            self._cut(Cut.LONG_HEAD)
        elif self._beside_body_bytes and not self._in_body and Cut.SLOW_HEAD not in self._timers:
            self._arm(Cut.SLOW_HEAD, self.bounds.idle_s)

    def on_message_begin(self) -> None:
        """Note that a head began, perhaps behind the message before it."""
        self._beside_body_bytes = max(1, self._beside_body_bytes)
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; more than the bound are a malformed request."""
        if len(self.headers) >= self.bounds.headers:
            self._note(Cut.MANY_HEADERS)
            raise ValueError("too many headers")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Note that the head is over and the body has its time."""
        self._in_body = True
        self._disarm(Cut.SLOW_HEAD)
        self._arm(Cut.SLOW_BODY, self.bounds.body_s)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body, which routes bound."""
        self._beside_body_bytes -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that the next octets are a head again."""
        self._beside_body_bytes = 0
        self._in_body = False
        self._disarm(Cut.SLOW_BODY)
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP in the form of every other error, and count it."""
        self._note(Cut.MALFORMED)
        self.transport.write(_NO_HTTP)
        self.transport.close()

    def pause_writing(self) -> None:
        """Give a peer that does not read its time."""
        self._arm(Cut.STALLED, self.bounds.stalled_s)
        super().pause_writing()

    def resume_writing(self) -> None:
        """Go on: the peer reads."""
        self._disarm(Cut.STALLED)
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the peer's time."""
        for cut in tuple(self._timers):
            self._disarm(cut)
        self.door.metrics.connection_closed()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()  # after a reset uvicorn holds us until it would end

    def _arm(self, cut: Cut, seconds: float) -> None:
        self._disarm(cut)
        self._timers[cut] = self.loop.call_later(seconds, self._on_time, cut)

    def _disarm(self, cut: Cut) -> None:
        timer = self._timers.pop(cut, None)
        if timer is not None:
            timer.cancel()

    def _on_time(self, cut: Cut) -> None:
        if cut is Cut.SILENT and self._silence_is_right:
            self._arm(cut, self.bounds.idle_s)
        else:
            self._cut(cut)

    @property
    def _silence_is_right(self) -> bool:
        # While we are the ones who answer, stream events, or do not read on yet.
        answering = self.cycle is not None and not self.cycle.response_complete
        is_told = not self._in_body and self._beside_body_bytes == 0
        return answering and (is_told or self.flow.read_paused)

    def _note(self, cut: Cut) -> None:
        if self._fault is None:
            self._fault = cut
            self.door.metrics.refused_connection(cut)

    def _cut(self, cut: Cut) -> None:
        self._note(cut)
        self.transport.abort()

    def shutdown(self) -> None:
        """Leave an idle connection at once: an idle peer answers no farewell, and it is long."""
        if self.cycle is None or self.cycle.response_complete:
            self.transport.abort()
        else:
            super().shutdown()


def _end_dead_peers(transport: BaseTransport, seconds: float) -> None:
    """Let the system end a connection whose peer confirms nothing any more.

    A client whose line was cut takes a new connection; the old one, with events on it, would
    keep one of its places for a quarter of an hour.
    """
    ours = transport.get_extra_info("socket")
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if ours is not None and option is not None:
        with suppress(OSError):  # not every system that we run on knows it
            ours.setsockopt(socket.IPPROTO_TCP, option, int(seconds * 1000))
