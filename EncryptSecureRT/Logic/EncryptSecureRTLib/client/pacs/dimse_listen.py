"""Our own storage SCP, for as long as a C-MOVE runs: only the PACS is let in.

A connection from another address than the PACS's is closed unread; an association has to call
us by our title. There are at most four, within the bounds of every other line.
"""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.pacs.dimse_bounds import Bounds, Meters
from EncryptSecureRTLib.client.pacs.dimse_contexts import to_listen
from EncryptSecureRTLib.client.pacs.dimse_fetch import Arrivals
from EncryptSecureRTLib.client.pacs.dimse_line import DimseSettings, end_all
from EncryptSecureRTLib.client.pacs.quiet import quiet

_MOST_ASSOCIATIONS = 4
_HANDSHAKE_S = 10.0


@contextmanager
def listening(
    settings: DimseSettings,
    port: int,
    tls: ssl.SSLContext | None,
    arrivals: Arrivals,
    bounds: Bounds,
) -> Iterator[Meters]:
    """Listen for the PACS, and stop with all that is open.

    Parameters
    ----------
    tls : our own certificate, if the line is to be TLS.

    Raises
    ------
    EncryptSecureRTError
        E_LOCAL_FILE if the port cannot be had; E_PACS_UNREACHABLE if the host has no address.
    """
    from pynetdicom import evt
    from pynetdicom.ae import ApplicationEntity
    from pynetdicom.transport import ThreadedAssociationServer

    allowed = _addresses(settings)

    class Server(ThreadedAssociationServer):
        """Takes connections of one host, and tells nobody of those that it does not take."""

        def get_request(self) -> Any:
            if self.socket is None:
                raise OSError
            connection, address = self.socket.accept()
            if address[0] not in allowed:
                connection.close()
                raise OSError
            if tls is None:
                return connection, address
            connection.settimeout(_HANDSHAKE_S)
            try:
                return tls.wrap_socket(connection, server_side=True), address
            except OSError:
                connection.close()
                raise

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass

    meters = Meters(bounds)
    ours = ApplicationEntity(settings.title)
    ours.require_called_aet = True
    ours.maximum_associations = _MOST_ASSOCIATIONS
    ours.acse_timeout = bounds.silence_s
    ours.dimse_timeout = None
    ours.network_timeout = bounds.silence_s
    handlers: list[Any] = [*meters.handlers(), (evt.EVT_C_STORE, arrivals.take)]
    try:
        server = ours.make_server(
            _place(settings, port), evt_handlers=handlers, contexts=to_listen(), server_class=Server
        )
    except OSError:
        detail = "the port to listen on is taken or not allowed"
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, detail) from None
    with quiet(lambda thread, error: None), _serving(server):
        try:
            yield meters
        finally:
            end_all(ours)
            meters.close()


@contextmanager
def _serving(server: Any) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.ae._servers.append(server)  # whence its own shutdown takes it
        server.shutdown()
        thread.join()


def _place(settings: DimseSettings, port: int) -> tuple[str, int]:
    """Return where to listen: on loopback only for a PACS that is on this computer."""
    is_ipv6 = ":" in settings.peer.host
    if settings.peer.is_here:
        return ("::1" if is_ipv6 else "127.0.0.1", port)
    return ("::" if is_ipv6 else "0.0.0.0", port)  # noqa: S104 - one address is let in


def _addresses(settings: DimseSettings) -> frozenset[str]:
    try:
        found = socket.getaddrinfo(settings.peer.host, None, type=socket.SOCK_STREAM)
    except OSError:
        raise EncryptSecureRTError(ErrorCode.E_PACS_UNREACHABLE) from None
    return frozenset(str(one[4][0]) for one in found)
