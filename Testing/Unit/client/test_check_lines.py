"""Which of the six lines an error belongs to, and what may be said of the lines before it."""

import socket
from pathlib import Path

import pytest

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client import check
from EncryptSecureRTLib.client.channel import check_url
from EncryptSecureRTLib.client.check import CheckLine, CheckResult, check_worker
from EncryptSecureRTLib.client.home import ClientHome

_LINES = {
    CheckLine.REACH: ["E_UNREACHABLE", "E_TIMEOUT"],
    CheckLine.TLS: ["E_SESSION", "E_USER_CERTIFICATE", "E_USER_KEY", "E_INTERNAL", "E_BUSY"],
    CheckLine.ATTESTATION: ["E_MEASUREMENT", "E_CERT_EVIDENCE", "E_BINDING", "E_ROOT", "E_CLOCK"],
    CheckLine.POLICY: ["E_POLICY", "E_POLICY_MISSING", "E_POLICY_SIGNATURE", "E_POLICY_EXPIRED"],
    CheckLine.PROVISIONED: ["E_NOT_PROVISIONED", "E_SITE"],
    CheckLine.VERSION: ["E_VERSION"],
}


@pytest.mark.parametrize(
    ("line", "code"), [(line, code) for line, codes in _LINES.items() for code in codes]
)
def test_every_error_has_its_line(line: CheckLine, code: str) -> None:
    assert check._line_of(EncryptSecureRTError(ErrorCode[code])) is line


def test_every_error_code_has_one_line() -> None:
    assert {check._line_of(EncryptSecureRTError(code)) for code in ErrorCode} == set(CheckLine)


def _rows(result: CheckResult) -> dict[str, bool | None]:
    return {row.line.value: row.ok for row in result.lines}


def test_a_worker_that_is_not_there_is_one_line_and_five_not_reached(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    result = check_worker(ClientHome(tmp_path), f"https://127.0.0.1:{port}")

    assert list(_rows(result)) == [line.value for line in CheckLine]
    assert _rows(result)["reach"] is False
    assert list(_rows(result).values())[1:] == [None] * 5
    assert result.error is not None
    assert result.error.code is ErrorCode.E_UNREACHABLE


def test_without_a_policy_nothing_is_said_of_tls_or_evidence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        result = check_worker(ClientHome(tmp_path), f"https://127.0.0.1:{port}")

    expected = dict.fromkeys(("tls", "attestation", "provisioned", "version"))
    assert _rows(result) == {"reach": True, "policy": False, **expected}


def test_tls_is_not_called_right_if_no_certificate_was_judged() -> None:
    results: dict[CheckLine, check.LineResult] = {}

    check._record_failure(results, EncryptSecureRTError(ErrorCode.E_SIMULATED), None)

    assert set(results) == {CheckLine.ATTESTATION}


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1",
        "https://",
        "https://a:b",
        "https://a:0",
        "https://a:65536",
        "https://a@b:1",
        "https://a:1/x",
        "https://a:1?x",
        "https://a:1#x",
        "127.0.0.1:1",
        "",
    ],
)
def test_an_address_is_https_host_and_port_only(tmp_path: Path, url: str) -> None:
    with pytest.raises(EncryptSecureRTError) as refusal:
        check_worker(ClientHome(tmp_path), url)

    assert refusal.value.code is ErrorCode.E_USAGE
    assert check_url("https://a:65535/") == "https://a:65535"
    assert check_url("https://[::1]:8443") == "https://[::1]:8443"
    assert check_url("https://worker.example") == "https://worker.example"
