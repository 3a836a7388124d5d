"""How a line ends before it is attested: a refused certificate, a dying worker, a cut answer."""

import contextlib
import os
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from Testing.Unit.client.answers import code_of

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.evidence import EvidenceAnswer
from EncryptSecureRTLib.client.channel import Channel, ChannelGate, make_channel
from EncryptSecureRTLib.client.home import ClientHome

Serve = Callable[[socket.socket, ssl.SSLContext], None]
_ANSWER = EvidenceAnswer(statement=b"{}", quote=b"quote", collateral=None).encode()


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "worker")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    builder = builder.public_key(key.public_key()).serial_number(1)
    builder = builder.not_valid_before(now).not_valid_after(now + timedelta(days=1))
    pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    path: Path = tmp_path_factory.mktemp("tls") / "worker.pem"
    private = serialization.PrivateFormat.PKCS8
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, private, serialization.NoEncryption()) + pem
    )
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    made.load_cert_chain(path)
    return made


class _OpenGate:
    """Admits everybody: these tests are about what comes before a verdict."""

    def admit_certificate(self, certificate_der: bytes) -> None:
        pass

    def admit_evidence(self, *_: object) -> None:
        pass


def _close(client: socket.socket, context: ssl.SSLContext) -> None:
    """End the line after the handshake, as a worker does that dies."""
    with context.wrap_socket(client, server_side=True) as tls:
        tls.recv(1)


def _reset(client: socket.socket, context: ssl.SSLContext) -> None:
    with context.wrap_socket(client, server_side=True) as tls:
        tls.recv(1)
        tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _close_in_handshake(client: socket.socket, context: ssl.SSLContext) -> None:
    client.recv(1)
    client.close()


def _no_tls(client: socket.socket, context: ssl.SSLContext) -> None:
    with client:
        client.recv(1)
        client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def _alert(client: socket.socket, context: ssl.SSLContext) -> None:
    """Refuse the missing certificate with the alert that RFC 8446 asks for, and let it arrive."""
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        tls = context.wrap_socket(client, server_side=True, do_handshake_on_connect=False)
    finally:
        context.verify_mode = ssl.CERT_NONE
    with tls:
        with contextlib.suppress(ssl.SSLError):
            tls.do_handshake()
        while os.read(tls.fileno(), 65536):  # closing with octets unread would undo the alert
            pass


def _cut_answer(client: socket.socket, context: ssl.SSLContext) -> None:
    with context.wrap_socket(client, server_side=True) as tls:
        tls.recv(65536)
        tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(_ANSWER))
        tls.sendall(_ANSWER[:-1])


def _serve(client: socket.socket, context: ssl.SSLContext) -> None:
    """Answer two requests as a worker does."""
    with context.wrap_socket(client, server_side=True) as tls:
        for body in (_ANSWER, b"{}"):
            tls.recv(65536)
            tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


@contextlib.contextmanager
def _server(context: ssl.SSLContext, *turns: Serve) -> Iterator[tuple[str, list[str]]]:
    """Serve one connection after the other, each in its way, and then be gone."""
    served: list[str] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        for turn in turns:
            client, _ = listener.accept()
            served.append(turn.__name__)
            if len(served) == len(turns):
                listener.close()
            with contextlib.suppress(OSError):
                turn(client, context)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{listener.getsockname()[1]}", served
    thread.join(10)


def _by_request(channel: Channel) -> object:
    return channel.request("GET", "/v1/health").content


def _by_put(channel: Channel) -> object:
    channel.put("/v1/objects/0/0", b"chunk")
    return b"{}"


@pytest.mark.parametrize(
    ("turns", "code"),
    [
        ([_serve], None),
        ([_alert], ErrorCode.E_USER_CERTIFICATE),
        ([_close], ErrorCode.E_UNREACHABLE),
        ([_reset], ErrorCode.E_UNREACHABLE),
        ([_close_in_handshake], ErrorCode.E_UNREACHABLE),
        ([_cut_answer], ErrorCode.E_UNREACHABLE),
        ([_no_tls], ErrorCode.E_SESSION),
    ],
    ids=lambda value: value.name if isinstance(value, ErrorCode) else None,
)
@pytest.mark.parametrize("ask", [_by_request, _by_put])
def test_the_end_of_a_line_by_what_it_means(
    context: ssl.SSLContext,
    turns: list[Serve],
    code: ErrorCode | None,
    ask: Callable[[Channel], object],
    tmp_path: Path,
) -> None:
    gate = cast(ChannelGate, _OpenGate())
    with (
        _server(context, *turns) as (url, served),
        make_channel(ClientHome(tmp_path), url, gate, 10) as channel,
    ):
        got = code_of(lambda: ask(channel))

    assert got is code
    assert served == [turn.__name__ for turn in turns]
