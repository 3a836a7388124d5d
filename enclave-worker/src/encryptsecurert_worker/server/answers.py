"""Requests in, answers out: bounded bodies, canonical JSON, errors as codes."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from anyio import to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_worker.server.metrics import Metrics

_LOG = logging.getLogger(__name__)

Endpoint = Callable[[Request], Awaitable[Response]]


def json_answer(value: Mapping[str, Any], status: int = 200) -> Response:
    """Return a canonical JSON answer."""
    return Response(canonical.encode(value), status, media_type="application/json")


def error_answer(error: EncryptSecureRTError) -> Response:
    """Return an error as its code and fixed detail."""
    body = {"error": error.code.name, "detail": error.detail}
    return json_answer(body, error.http_status)


async def read_body(request: Request, max_bytes: int) -> bytes:
    """Return the request's body, refused with E_TOO_LARGE as soon as it is longer."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and len(declared) < 20 and int(declared) > max_bytes:
        raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
    pieces: list[bytes] = []
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > max_bytes:
            raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
        pieces.append(piece)
    return b"".join(pieces)


async def decode_json(body: bytes) -> dict[str, Any]:
    """Return the canonical JSON object of a body; a long one is read beside the event loop."""
    if len(body) <= LIMITS.json_line_bytes:
        return canonical.decode(body, LIMITS.json_line_bytes)
    return await to_thread.run_sync(canonical.decode, body, len(body))


async def unknown_route(request: Request, error: Exception) -> Response:
    """Answer a path or method that is no route in the form of every other error."""
    return error_answer(EncryptSecureRTError(ErrorCode.E_NOT_FOUND))


def guarded(path: str, endpoint: Endpoint, metrics: Metrics) -> Endpoint:
    """Turn our errors into answers, and anything else into E_INTERNAL without a word of it.

    Each answer is counted under the route's own path, which holds no id.
    """

    async def guard(request: Request) -> Response:
        try:
            response = await endpoint(request)
            metrics.request(path, "ok")
            return response
        except EncryptSecureRTError as error:
            metrics.request(path, error.code.name)
            _LOG.info("refused", extra={"code": error.code.name})
            return error_answer(error)
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception as error:  # the process's border: no traceback ever crosses the wire
            metrics.request(path, ErrorCode.E_INTERNAL.name)
            _LOG.error("request-crashed", extra={"kind": type(error).__name__})
            return error_answer(EncryptSecureRTError(ErrorCode.E_INTERNAL))

    return guard
