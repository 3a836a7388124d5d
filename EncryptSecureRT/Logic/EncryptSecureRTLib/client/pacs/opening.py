"""From what was asked for to a PACS that answers: addresses, TLS, credentials, warnings."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from EncryptSecureRTLib.client.output import Reporter
from EncryptSecureRTLib.client.pacs.address import DimsePeer
from EncryptSecureRTLib.client.pacs.asked import PacsAsked
from EncryptSecureRTLib.client.pacs.credentials import find_credentials
from EncryptSecureRTLib.client.pacs.model import Pacs
from EncryptSecureRTLib.client.pacs.quiet import need_pynetdicom
from EncryptSecureRTLib.client.pacs.tls import listening_context, verifying

if TYPE_CHECKING:
    from EncryptSecureRTLib.client.pacs.dimse import DimsePacs

CLEAR_LINE = "this line is plain: the network between here and the PACS reads what crosses it"


@contextmanager
def open_pacs(asked: PacsAsked, reporter: Reporter) -> Iterator[Pacs]:
    """Yield the PACS that was asked for; nothing is sent to it yet.

    A plain line to another computer is told of, once and in words.

    Raises
    ------
    EncryptSecureRTError
        E_USAGE, E_LOCAL_FILE.
    """
    peer = asked.peer()
    if peer is not None:
        need_pynetdicom()
        if not asked.tls and not peer.is_here:
            reporter.line("network", None, CLEAR_LINE, None)
        yield _dimse(asked, peer)
        return
    from EncryptSecureRTLib.client.pacs.web import WebPacs
    from EncryptSecureRTLib.client.pacs.web_line import WebLine

    base = asked.base_url()
    if base.startswith("http:") and asked.allow_http:
        reporter.line("network", None, CLEAR_LINE, None)
    context = verifying(asked.ca, asked.cert, asked.key)
    line = WebLine(base, context, find_credentials(asked.credentials), asked.patience_s())
    try:
        yield WebPacs(line)
    finally:
        line.close()


def _dimse(asked: PacsAsked, peer: DimsePeer) -> "DimsePacs":
    from EncryptSecureRTLib.client.pacs.dimse import DimsePacs
    from EncryptSecureRTLib.client.pacs.dimse_line import DimseSettings

    files = (asked.ca, asked.cert, asked.key)
    port = asked.listening_port()
    settings = DimseSettings(
        peer=peer,
        title=asked.our_title(),
        silence_s=asked.patience_s(),
        tls=verifying(*files) if asked.tls else None,
    )
    own = listening_context(*files) if asked.tls and port else None
    return DimsePacs(settings=settings, move_port=port, our_tls=own)
