"""Two taps on one connection: what the network sees, and what is inside TLS.

    client  ->  TcpTap (loopback)  ->  worker's TLS  ->  InnerTap  ->  routes

`TcpTap` records the octets of each direction as they travel, and can cut the line or lead new
connections to another worker. `InnerTap` is the worker's own HTTP protocol, which in addition
writes down what it decrypted and what it is about to encrypt: on a TLS stream alone a leak could
not be seen.
"""

import asyncio
import re
import socket
import threading
import time
from asyncio import BaseTransport, Transport
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self, cast

from encryptsecurert_worker.server.tls import AttestedProtocol

EVIDENCE_ONLY = re.compile(
    rb"GET /v1/evidence\?nonce=[0-9a-f]{64} HTTP/1\.1\r\n"
    rb"Host: 127\.0\.0\.1:[0-9]+\r\nAccept-Encoding: identity\r\n\r\n"
)
_WAIT_S = 10.0
_HANDSHAKE, _CHANGE_CIPHER, _APPLICATION = 22, 20, 23


@dataclass(slots=True)
class InnerConnection:
    """Decrypted octets of one connection, as the worker got and gave them."""

    received: bytearray = field(default_factory=bytearray)
    sent: bytearray = field(default_factory=bytearray)

    def requests(self) -> list[tuple[str, bytes]]:
        """Return (request line without version, body) of each whole request."""
        return list(_requests(bytes(self.received)))


def _requests(octets: bytes) -> Iterator[tuple[str, bytes]]:
    while b"\r\n\r\n" in octets:
        head, octets = octets.split(b"\r\n\r\n", 1)
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        size = int(length.group(1)) if length else 0
        line = head.split(b"\r\n")[0].decode("ascii").removesuffix(" HTTP/1.1")
        yield line, octets[:size]
        octets = octets[size:]


class _Recorded:
    """A transport that writes down what leaves; everything else is the real one's."""

    def __init__(self, transport: Transport, connection: InnerConnection) -> None:
        self._transport = transport
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        self._connection.sent += data
        self._transport.write(data)


class InnerTap:
    """All decrypted traffic of one worker."""

    def __init__(self) -> None:
        self.connections: list[InnerConnection] = []
        self._open: list[tuple[asyncio.AbstractEventLoop, Transport]] = []

    def protocol(self) -> type[AttestedProtocol]:
        """Return the production protocol with this tap in it."""
        tap = self

        class Tapped(AttestedProtocol):
            def connection_made(self, transport: BaseTransport) -> None:
                real = cast(Transport, transport)
                self._connection = tap.opened(self.loop, real)
                super().connection_made(cast(Transport, _Recorded(real, self._connection)))

            def data_received(self, data: bytes) -> None:
                self._connection.received += data
                super().data_received(data)

        return Tapped

    def opened(self, loop: asyncio.AbstractEventLoop, transport: Transport) -> InnerConnection:
        """Note a new connection."""
        connection = InnerConnection()
        self.connections.append(connection)
        self._open.append((loop, transport))
        return connection

    @property
    def received(self) -> bytes:
        """Everything that clients sent inside TLS."""
        return b"".join(bytes(c.received) for c in self.connections)

    @property
    def octets(self) -> bytes:
        """Everything inside TLS, both ways."""
        return b"\n".join(bytes(c.received) + b"\n" + bytes(c.sent) for c in self.connections)

    def lines(self) -> list[str]:
        """Return the request lines of all connections, one connection after the other."""
        return [line for c in self.connections for line, _ in c.requests()]

    def kill_connections(self) -> None:
        """Drop every connection from the worker's side, as a restart of its host would."""
        for loop, transport in self._open:
            loop.call_soon_threadsafe(transport.abort)
        self._open.clear()
        time.sleep(0.2)


@dataclass(slots=True)
class OuterConnection:
    """Octets of one TCP connection as they travelled."""

    from_client: bytearray = field(default_factory=bytearray)
    from_server: bytearray = field(default_factory=bytearray)
    closed: int = 0
    sockets: list[socket.socket] = field(default_factory=list)

    def client_records(self) -> list[tuple[int, int]]:
        """Return (type, length) of each TLS record that the client sent."""
        records, at = [], 0
        while at + 5 <= len(self.from_client):
            length = int.from_bytes(self.from_client[at + 3 : at + 5], "big")
            records.append((self.from_client[at], length))
            at += 5 + length
        return records

    def records_after_finished(self) -> list[int]:
        """Return the lengths of the client's encrypted records after its handshake.

        Without a client certificate the handshake is a hello, a change of cipher and one
        encrypted record, `finished` (RFC 8446, appendix D.4 and section 4.4.4).
        """
        types = [kind for kind, _ in self.client_records()]
        assert types[:3] == [_HANDSHAKE, _CHANGE_CIPHER, _APPLICATION]
        return [length for _, length in self.client_records()[3:]]


class TcpTap:
    """A loopback proxy that records and forwards."""

    def __init__(self, url: str) -> None:
        self.connections: list[OuterConnection] = []
        self.lead_to(url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @property
    def url(self) -> str:
        """The address to give to a client."""
        return f"https://127.0.0.1:{self._listener.getsockname()[1]}"

    def lead_to(self, url: str) -> None:
        """Lead new connections to this worker."""
        host, port = url.removeprefix("https://").split(":")
        self._target = (host, int(port))

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            connection = OuterConnection()
            self.connections.append(connection)
            try:
                server = socket.create_connection(self._target)
            except OSError:
                client.close()
                continue
            connection.sockets += [client, server]
            for source, sink, octets in (
                (client, server, connection.from_client),
                (server, client, connection.from_server),
            ):
                arguments = (connection, source, sink, octets)
                threading.Thread(target=self._pump, args=arguments, daemon=True).start()

    def _may_pass(self, connection: OuterConnection, from_client: bool) -> bool:
        """Tell whether the octets that were just noted go on; if not, the lines end here."""
        return True

    def _pump(
        self,
        connection: OuterConnection,
        source: socket.socket,
        sink: socket.socket,
        octets: bytearray,
    ) -> None:
        try:
            while piece := source.recv(65536):
                octets += piece
                if not self._may_pass(connection, octets is connection.from_client):
                    break
                sink.sendall(piece)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR if end is source else socket.SHUT_WR)
            except OSError:
                continue
        connection.closed += 1

    def kill_connections(self) -> None:
        """Cut every line."""
        for connection in self.connections:
            for end in connection.sockets:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue
        time.sleep(0.1)

    def wait_closed(self) -> None:
        """Wait until both ends have let go of every connection."""
        deadline = time.monotonic() + _WAIT_S
        while any(c.closed < len(c.sockets) for c in self.connections):
            assert time.monotonic() < deadline, "a connection stays open"
            time.sleep(0.01)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.kill_connections()
        for connection in self.connections:
            for end in connection.sockets:
                end.close()
        self._thread.join(_WAIT_S)
