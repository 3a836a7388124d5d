"""A worker's application called as its server calls it, without network or TLS.

So thousands of requests take seconds. What the server itself makes of octets is a matter of
`heads.py`.
"""

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_worker.server.service import WorkerService
from encryptsecurert_worker.server.tls import PEER_CERTIFICATE

# What a client of ours reads as an error, and nothing else.
_ERROR = {"detail", "error"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request, and under which certificate it comes."""

    method: str
    target: bytes
    body: bytes = b""
    certificate: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One answer."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def error(self) -> EncryptSecureRTError | None:
        """Return the error that it is, None if it is none; any other form fails the test."""
        if 200 <= self.status < 300:
            return None
        return error_of(self.status, self.body)


def error_of(status: int, body: bytes) -> EncryptSecureRTError:
    """Return the error of an answer, which must be canonical JSON under the code's own status."""
    value = canonical.decode(body)
    assert set(value) == _ERROR, "not the form of an error"
    code = ErrorCode[value["error"]]
    assert status == code.value.http_status, (status, code)
    assert isinstance(value["detail"], str)
    return EncryptSecureRTError(code, value["detail"])


class Inside:
    """The application of one worker."""

    def __init__(self, service: WorkerService) -> None:
        self._app: Any = service._server.config.app

    async def ask(self, ask: Ask) -> Told:
        """Send one request and return its whole answer."""
        raw_path, _, query = ask.target.partition(b"?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": ask.method,
            "scheme": "https",
            "path": unquote(raw_path.decode("latin-1")),
            "raw_path": raw_path,
            "query_string": query,
            "root_path": "",
            "headers": [(b"host", b"x"), (b"content-length", b"%d" % len(ask.body))],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 2),
            "state": {PEER_CERTIFICATE: ask.certificate},
        }
        sent: list[dict[str, Any]] = []
        body = [ask.body]

        async def receive() -> dict[str, Any]:
            if not body:
                await asyncio.Event().wait()  # the client stays until it has its answer
            return {"type": "http.request", "body": body.pop(), "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        (start,) = [message for message in sent if message["type"] == "http.response.start"]
        pieces = [m.get("body", b"") for m in sent if m["type"] == "http.response.body"]
        return Told(status=start["status"], headers=tuple(start["headers"]), body=b"".join(pieces))
