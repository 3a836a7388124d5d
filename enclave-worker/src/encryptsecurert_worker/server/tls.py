"""TLS 1.3 with the attested certificate, and the peer's certificate for each request."""

import os
import ssl
import tempfile
from asyncio import BaseTransport, Transport
from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_worker.evidence.ratls_cert import RatlsIdentity

PEER_CERTIFICATE = "peer_certificate"


def server_context(identity: RatlsIdentity) -> ssl.SSLContext:
    """Return the server context: TLS 1.3 only, no tickets, no client certificate asked yet."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0  # a resumed session would show no certificate to attest
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    # The standard library loads a key from a path only. The file is made unlinked where the
    # system allows it and lives in memory, never on a disk that the host keeps.
    certificate = ssl.DER_cert_to_PEM_cert(identity.certificate).encode("ascii")
    folder = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108 - not shared: mode 0600
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        file.write(identity.private_key_pem() + certificate)
        file.flush()
        context.load_cert_chain(file.name)
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

    A request head has a size, and a peer that owes us octets has a time: uvicorn bounds neither.
    """

    def connection_made(self, transport: BaseTransport) -> None:
        """Note the peer's certificate, if it showed one, and start its time."""
        super().connection_made(cast(Transport, transport))
        tls = transport.get_extra_info("ssl_object")
        certificate = None if tls is None else tls.getpeercert(binary_form=True)
        self.app_state = {**self.app_state, PEER_CERTIFICATE: certificate}
        self._head_bytes: int | None = 0  # None while a body is on its way
        self._idle = self.loop.call_later(LIMITS.idle_s, self._on_idle)

    def data_received(self, data: bytes) -> None:
        """Take octets; a head beyond its limit ends the connection."""
        self._idle.cancel()
        self._idle = self.loop.call_later(LIMITS.idle_s, self._on_idle)
        if self._head_bytes is not None:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes is not None and self._head_bytes > LIMITS.json_line_bytes:
            self.transport.abort()

    def on_headers_complete(self) -> None:
        """Note that the head is over."""
        self._head_bytes = None
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note that the next octets are a head again."""
        self._head_bytes = 0
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the peer's time."""
        self._idle.cancel()
        super().connection_lost(exc)

    def _on_idle(self) -> None:
        # While we are the ones who answer, or stream events, silence is right.
        if self.cycle is not None and not self.cycle.response_complete and self._head_bytes == 0:
            self._idle = self.loop.call_later(LIMITS.idle_s, self._on_idle)
        else:
            self.transport.abort()

    def shutdown(self) -> None:
        """Leave an idle connection at once: an idle peer answers no farewell, and it is long."""
        if self.cycle is None or self.cycle.response_complete:
            self.transport.abort()
        else:
            super().shutdown()
