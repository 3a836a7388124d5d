"""A TLS connection that is attested before its first octet of application data.

    UNATTESTED   only the handshake has happened; `send` raises
    EVIDENCE     the certificate verdict is accepted; one evidence request goes out
    ATTESTED     the fresh verdict is accepted, too; requests may be sent

This holds for each connection of a pool, re-opened ones as well: nothing is remembered by host
name. The only state that connections share is the worker's key, so that a pool never speaks to
two workers.
"""

import contextlib
import http.client
import re
import ssl
import time
from enum import Enum
from typing import Any, Protocol

from urllib3.connection import HTTPSConnection

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.evidence import EvidenceAnswer
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.sealing import random_octets
from encryptsecurert_protocol.statement import NONCE_BYTES
from EncryptSecureRTLib.client.errors import error_of_body


class _State(Enum):
    UNATTESTED = "unattested"
    EVIDENCE = "evidence"
    ATTESTED = "attested"


# RFC 8446, section 6.2: the alerts that speak of the peer's certificate.
_CERTIFICATE_ALERT = re.compile(r"ALERT_.*(CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)")


class Gate(Protocol):
    """Judges a connection; what it refuses, it raises."""

    def admit_certificate(self, certificate_der: bytes) -> None:
        """Judge the server certificate before any application data."""

    def admit_evidence(
        self, certificate_der: bytes, nonce: bytes, asked_at_s: float, answer: EvidenceAnswer
    ) -> None:
        """Judge the fresh evidence before any job data."""


class AttestedConnection(HTTPSConnection):
    """An HTTPS connection whose `connect` ends ATTESTED or raises."""

    gate: Gate

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._attestation = _State.UNATTESTED

    def connect(self) -> None:
        """Open, attest by certificate, ask for fresh evidence, attest by that."""
        self._attestation = _State.UNATTESTED
        super().connect()
        try:
            self._attest()
        except BaseException:
            self.close()
            raise
        self.is_verified = True  # by evidence instead of a certificate authority

    def close(self) -> None:
        """Close; a later `connect` starts unattested."""
        self._attestation = _State.UNATTESTED
        super().close()

    def send(self, data: Any) -> None:
        """Send application data, on an attested connection only."""
        if self._attestation is not _State.ATTESTED:
            raise EncryptSecureRTError(ErrorCode.E_UNATTESTED_PEER)
        super().send(data)

    def _attest(self) -> None:
        tls = self.sock
        if not isinstance(tls, ssl.SSLSocket) or tls.version() != "TLSv1.3" or tls.session_reused:
            raise EncryptSecureRTError(ErrorCode.E_SESSION)
        certificate = tls.getpeercert(binary_form=True)
        if certificate is None:
            raise EncryptSecureRTError(ErrorCode.E_CERT_EVIDENCE)
        self.gate.admit_certificate(certificate)
        self._attestation = _State.EVIDENCE
        nonce = random_octets(NONCE_BYTES)
        asked_at_s = time.monotonic()
        answer = self._ask_evidence(tls, nonce)
        self.gate.admit_evidence(certificate, nonce, asked_at_s, answer)
        self._attestation = _State.ATTESTED

    def _ask_evidence(self, tls: ssl.SSLSocket, nonce: bytes) -> EvidenceAnswer:
        request = (
            f"GET /v1/evidence?nonce={nonce.hex()} HTTP/1.1\r\n"
            f"Host: {self.host}:{self.port}\r\nAccept-Encoding: identity\r\n\r\n"
        )
        # An answer that is not closed would keep the socket open after a refusal.
        with contextlib.closing(http.client.HTTPResponse(tls, method="GET")) as response:
            _send_and_begin(tls, request.encode("ascii"), response)
            body = _read_body(response)
        if response.status != http.HTTPStatus.OK:
            raise error_of_body(body, response.status)
        return EvidenceAnswer.decode(body)


def _send_and_begin(tls: ssl.SSLSocket, request: bytes, response: http.client.HTTPResponse) -> None:
    try:
        tls.sendall(request)
        response.begin()
    except TimeoutError:
        raise EncryptSecureRTError(ErrorCode.E_TIMEOUT) from None
    except ssl.SSLEOFError:
        raise EncryptSecureRTError(ErrorCode.E_UNREACHABLE) from None
    except ssl.SSLError as error:
        # In TLS 1.3 a refused client certificate shows at the first read only.
        refused = _CERTIFICATE_ALERT.search(error.reason or "")
        code = ErrorCode.E_USER_CERTIFICATE if refused else ErrorCode.E_SESSION
        raise EncryptSecureRTError(code) from None
    except (http.client.HTTPException, OSError, ValueError):
        raise EncryptSecureRTError(ErrorCode.E_UNREACHABLE) from None


def _read_body(response: http.client.HTTPResponse) -> bytes:
    try:
        body = response.read(LIMITS.evidence_bytes + 1)
    except TimeoutError:
        raise EncryptSecureRTError(ErrorCode.E_TIMEOUT) from None
    except (http.client.HTTPException, OSError, ValueError):
        raise EncryptSecureRTError(ErrorCode.E_UNREACHABLE) from None
    if len(body) > LIMITS.evidence_bytes:
        raise EncryptSecureRTError(ErrorCode.E_STATEMENT)
    if response.length:  # what the head announced and did not come
        raise EncryptSecureRTError(ErrorCode.E_UNREACHABLE)
    return body


def client_context(certificate: tuple[str, str] | None) -> ssl.SSLContext:
    """Return the client's TLS context: 1.3 only; trust comes from evidence, not from a CA.

    `certificate` is (certificate path, key path) of the user, None before the first enrolment.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # the gate verifies, before the first octet
    if certificate is not None:
        try:
            context.load_cert_chain(*certificate)
        except (OSError, ssl.SSLError):
            raise EncryptSecureRTError(ErrorCode.E_USER_KEY) from None
    return context
