"""The listening socket, which keeps so many connections without TLS and no more.

Whoever has not shown a certificate yet is nobody, and each of them would hold one of the
enclave's few descriptors for a minute. When one too many comes the oldest goes: a handshake takes
milliseconds, so that a flood has to be very fast before it drives out anybody who means to speak.
"""

import socket
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode

# More than may have a place or wait for one: all clients may come at once, after a restart. The
# manifest allows 256 descriptors.
MOST_WITHOUT_TLS = 96


class Listener(socket.socket):
    """A TCP listener for `Server`; `established` tells the descriptors that have TLS."""

    def __init__(
        self,
        host: str,
        port: int,
        established: Callable[[], Collection[int]],
        on_drop: Callable[[], None],
        most: int = MOST_WITHOUT_TLS,
    ) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # The protocol is named so that asyncio sets TCP_NODELAY: without it each answer waits
        # 40 ms for the client's delayed acknowledgement.
        super().__init__(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._established = established
        self._on_drop = on_drop
        self._most = most
        self._accepted: list[socket.socket] = []
        self.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self.bind((host, port))
            self.listen(most)  # who reads our address may connect at once
        except OSError:
            self.close()
            raise EncryptSecureRTError(
                ErrorCode.E_LOCAL_FILE, "the address cannot be listened on"
            ) from None

    def accept(self) -> tuple[socket.socket, Any]:
        """Take a connection; the oldest one without TLS goes if there are too many."""
        connection, address = super().accept()
        # The event loop owns what was accepted and closes it; we only look.
        self._accepted = [known for known in self._accepted if known.fileno() >= 0]
        self._accepted.append(connection)
        if len(self._accepted) > self._most:
            established = self._established()
            nobody = [known for known in self._accepted if known.fileno() not in established]
            if len(nobody) > self._most:
                self._drop(nobody[0])
        return connection, address

    def _drop(self, connection: socket.socket) -> None:
        with suppress(OSError):  # it may have gone by itself
            connection.shutdown(socket.SHUT_RDWR)
        self._accepted.remove(connection)
        self._on_drop()
