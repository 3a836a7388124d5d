"""Errors of a worker and of libraries, as ours: never with text of theirs."""

import ssl
from typing import cast

import pytest
import requests
import urllib3.exceptions
from hypothesis import given
from hypothesis import strategies as st
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import ConnectionPool

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import ErrorCode
from EncryptSecureRTLib.client.errors import error_of_body, error_of_pool, error_of_request


def test_a_workers_error_is_taken_by_code_and_plain_detail() -> None:
    body = canonical.encode({"error": "E_SEAL", "detail": "3 of 4 instances refused"})

    error = error_of_body(body)
    assert (error.code, error.detail) == (ErrorCode.E_SEAL, "3 of 4 instances refused")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"error": "E_SEAL"}',
        b'{"error": 7, "detail": ""}',
        b'{"error": "E_SEAL", "detail": 7}',
        b'{"error": "E_SEAL", "detail": "/etc/passwd"}',
        b'{"error": "E_SEAL", "detail": "two\\nlines"}',
        b'{"error": "E_SEAL", "detail": "<b>"}',
        b'{"error": "E_NEVER_HEARD_OF", "detail": ""}',
        b'{"error": "E_SEAL", "detail": "' + b"x" * 200 + b'"}',
        b"[" * 5000,
    ],
)
def test_any_other_answer_is_internal_and_says_nothing(body: bytes) -> None:
    error = error_of_body(body)

    assert (error.code, error.detail) == (ErrorCode.E_INTERNAL, "")


def test_a_server_without_a_connection_left_is_busy() -> None:
    assert error_of_body(b"Service Unavailable", 503).code is ErrorCode.E_BUSY
    named = canonical.encode({"error": "E_NOT_PROVISIONED", "detail": ""})
    assert error_of_body(named, 503).code is ErrorCode.E_NOT_PROVISIONED


@given(st.binary(max_size=200))
def test_no_octets_break_it(body: bytes) -> None:
    assert error_of_body(body).code in ErrorCode


def test_failures_of_the_transport_by_what_they_mean() -> None:
    told = "https://user:password@host"
    cases = {
        requests.ConnectTimeout(told): ErrorCode.E_TIMEOUT,
        requests.ReadTimeout(told): ErrorCode.E_TIMEOUT,
        requests.exceptions.SSLError(told): ErrorCode.E_SESSION,
        requests.ConnectionError(told): ErrorCode.E_UNREACHABLE,
        requests.exceptions.ChunkedEncodingError(told): ErrorCode.E_UNREACHABLE,
    }
    for raised, code in cases.items():
        error = error_of_request(raised)
        assert error.code is code
        assert "password" not in str(error)
    assert error_of_pool(urllib3.exceptions.SSLError(told)).code is ErrorCode.E_SESSION
    assert error_of_pool(urllib3.exceptions.ProtocolError(told)).code is ErrorCode.E_UNREACHABLE
    nobody = urllib3.exceptions.NewConnectionError(cast(HTTPConnection, None), told)
    assert error_of_pool(nobody).code is ErrorCode.E_UNREACHABLE


def test_a_line_that_ends_in_the_handshake_is_no_refusal_of_tls() -> None:
    cut = urllib3.exceptions.SSLError(ssl.SSLEOFError())
    other = urllib3.exceptions.SSLError(ssl.SSLError(1, "wrong version number"))
    cases = {cut: ErrorCode.E_UNREACHABLE, other: ErrorCode.E_SESSION}
    for error, code in cases.items():
        retried = urllib3.exceptions.MaxRetryError(cast(ConnectionPool, None), "/", error)

        assert error_of_pool(error).code is code
        assert error_of_request(requests.exceptions.SSLError(retried)).code is code
