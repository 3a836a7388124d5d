"""A connection that is gone is forgotten at once, however it went: its buffers are not small."""

import gc
import socket
import struct

import pytest
from Testing.Integration.served import answer_of, served, wait_until

from encryptsecurert_worker.server.tls import AttestedProtocol

ASK = b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n"
_RESET = struct.pack("ii", 1, 0)  # close with a reset instead of a farewell


def _kept() -> int:
    gc.collect()
    return sum(isinstance(found, AttestedProtocol) for found in gc.get_objects())


@pytest.mark.parametrize("farewell", [True, False], ids=["closed", "reset"])
def test_an_answered_connection_leaves_nothing_behind(farewell: bool) -> None:
    with served() as worker:
        before = _kept()
        for _ in range(5):
            with worker.connect() as connection:
                connection.sendall(ASK)
                answer_of(connection)
                if not farewell:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        worker.wait_open(0)

        wait_until(lambda: _kept() <= before)
