"""Errors of hosts and libraries, turned into ours; nothing of theirs goes on."""

import json
import re
import ssl

import requests
import urllib3.exceptions

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode, error_from_name

_DETAIL = re.compile(r"[A-Za-z0-9 ,.'()-]{0,120}\Z")


def error_of_body(body: bytes, status: int = 0) -> EncryptSecureRTError:
    """Return the error that a worker's answer names; E_INTERNAL if it names none.

    The server itself, before any route, answers 503 when it has too many connections.
    """
    if status == requests.codes.service_unavailable and not body.startswith(b"{"):
        return EncryptSecureRTError(ErrorCode.E_BUSY)
    try:
        value = json.loads(body[:4096])
        code, detail = value["error"], value["detail"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return EncryptSecureRTError(ErrorCode.E_INTERNAL)
    if not isinstance(code, str) or not isinstance(detail, str) or not _DETAIL.match(detail):
        return EncryptSecureRTError(ErrorCode.E_INTERNAL)
    return error_from_name(code, detail)


def _was_cut(error: object) -> bool:
    """Tell whether a TLS failure is a line that ended, as when a worker dies in the handshake."""
    while isinstance(error, Exception) and not isinstance(error, ssl.SSLEOFError):
        error = getattr(error, "reason", None) or next(iter(error.args), None)
    return isinstance(error, ssl.SSLEOFError)


def error_of_pool(error: urllib3.exceptions.HTTPError) -> EncryptSecureRTError:
    """Return what a failure of the connection pool means to a user."""
    refused = isinstance(error, urllib3.exceptions.NewConnectionError)  # a "timeout" to urllib3
    if isinstance(error, urllib3.exceptions.TimeoutError) and not refused:
        return EncryptSecureRTError(ErrorCode.E_TIMEOUT)
    if isinstance(error, urllib3.exceptions.SSLError) and not _was_cut(error):
        return EncryptSecureRTError(ErrorCode.E_SESSION)
    return EncryptSecureRTError(ErrorCode.E_UNREACHABLE)


def error_of_request(error: requests.RequestException) -> EncryptSecureRTError:
    """Return what a failed request means to a user."""
    # While a body is read, `requests` hides a timeout in a ConnectionError.
    late = isinstance(error, requests.ConnectionError) and any(
        isinstance(cause, urllib3.exceptions.ReadTimeoutError) for cause in error.args
    )
    if late or isinstance(error, requests.Timeout):
        return EncryptSecureRTError(ErrorCode.E_TIMEOUT)
    if isinstance(error, requests.exceptions.SSLError) and not _was_cut(error):
        return EncryptSecureRTError(ErrorCode.E_SESSION)
    return EncryptSecureRTError(ErrorCode.E_UNREACHABLE)
