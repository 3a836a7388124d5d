"""A peer has so much room for a request's head, and so much time for octets that it owes."""

import ssl
import time
from pathlib import Path

import pytest
from Testing.Integration.hospital import Hospital
from Testing.Integration.served import raw_connection

from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_worker.server.door import Bounds
from encryptsecurert_worker.server.tls import AttestedProtocol

_WAIT_S = 15


def _answer(connection: ssl.SSLSocket) -> bytes:
    """Return what comes, b"" if the worker closes without a word."""
    try:
        return connection.recv(4096)
    except (ConnectionError, ssl.SSLError):
        return b""


def _send_on(connection: ssl.SSLSocket, size_bytes: int) -> None:
    for _ in range(0, size_bytes, 65536):
        connection.sendall(b"a" * 65536)
        time.sleep(0.01)


def test_a_head_without_end_is_cut_off(tmp_path: Path) -> None:
    with Hospital(tmp_path) as hospital, raw_connection(hospital.url, None) as connection:
        connection.sendall(b"GET /v1/health HTTP/1.1\r\nHost: x\r\nX-Long: ")

        with pytest.raises((ConnectionError, ssl.SSLError)):
            _send_on(connection, 64 * LIMITS.json_line_bytes)


def test_a_long_head_within_the_limit_is_answered(tmp_path: Path) -> None:
    with Hospital(tmp_path) as hospital, raw_connection(hospital.url, None) as connection:
        filler = b"a" * (LIMITS.json_line_bytes // 2)
        head = b"GET /v1/health HTTP/1.1\r\nHost: x\r\nX-Long: " + filler + b"\r\n\r\n"
        connection.sendall(head)

        assert _answer(connection).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"GET /v1/hea",
        b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n12345678",
    ],
    ids=["silent", "half a head", "half a body"],
)
def test_a_peer_that_owes_octets_is_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beginning: bytes
) -> None:
    monkeypatch.setattr(AttestedProtocol, "bounds", Bounds(idle_s=1))
    with Hospital(tmp_path) as hospital, raw_connection(hospital.url, None) as connection:
        connection.settimeout(_WAIT_S)
        connection.sendall(beginning)
        start = time.monotonic()
        while _answer(connection):  # an unprovisioned worker may answer before it lets go
            pass

        assert time.monotonic() - start < _WAIT_S / 2
