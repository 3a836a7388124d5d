"""One association with a PACS: opened, watched, and ended in every way in which it can end.

What goes wrong is one of four errors, whatever pynetdicom makes of it:

    E_PACS_UNREACHABLE   no line, a broken one, or silence
    E_PACS_REFUSED       the association, or all that it was for, was refused
    E_PACS_ANSWER        what came is not DICOM, not what was asked for, or without end
    E_LOCAL_FILE         it could not be written here
"""

import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.pacs.address import DimsePeer
from EncryptSecureRTLib.client.pacs.dimse_bounds import (
    MAX_PDU_BYTES,
    Bounds,
    Meters,
    Watch,
    shut,
)
from EncryptSecureRTLib.client.pacs.quiet import quiet
from EncryptSecureRTLib.client.series_headers import PARSER_ERRORS

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pynetdicom.ae import ApplicationEntity
    from pynetdicom.association import Association
    from pynetdicom.presentation import PresentationContext

_CONNECT_S = 10.0
_RELEASE_S = 5.0
_ABORT_S = 0.3
_JOIN_S = 15.0
# PS3.8 section 9.3.4: (source, reason) of a rejection that names a title.
_TITLES = {(1, 3): "calling", (1, 7): "called"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DimseSettings:
    """Whom to speak to, and as whom.

    Attributes
    ----------
    title : ours.
    silence_s : how long an answer is waited for.
    tls : to verify the peer with; None for a plain line.
    """

    peer: DimsePeer
    title: str
    silence_s: float
    tls: ssl.SSLContext | None = field(default=None, repr=False)


class Line:
    """An association that is open."""

    def __init__(self, association: "Association", meters: Meters) -> None:
        self.association = association
        self.meters = meters
        self._ended_by: BaseException | None = None

    def thread_ended(self, thread: threading.Thread | None, error: BaseException | None) -> None:
        """Hear that a thread of pynetdicom has died, and wake who waits for it."""
        self._ended_by = error
        self.association._is_paused = True
        self.association.dimse.msg_queue.put((None, None))

    def status(self, answer: "Dataset") -> int:
        """Return the status of an answer; there is none if the line broke."""
        status = answer.get("Status")
        if not isinstance(status, int):
            raise self.failure()
        return status

    @property
    def was_aborted(self) -> bool:
        """Whether the PACS has ended the association, and said so."""
        return bool(self.association.acse.is_aborted("a-abort"))

    def failure(self) -> EncryptSecureRTError:
        """Return why the line broke."""
        if isinstance(self._ended_by, OSError) and self._ended_by.errno is not None:
            return EncryptSecureRTError(ErrorCode.E_LOCAL_FILE)
        if self._ended_by is not None or self.meters.exceeded:
            detail = "more than was asked for, or not DICOM"
            return EncryptSecureRTError(ErrorCode.E_PACS_ANSWER, detail)
        if self.association.is_established and not self.association.acse.is_aborted():
            return EncryptSecureRTError(ErrorCode.E_PACS_ANSWER)
        detail = "the line broke, or no answer came in time"
        return EncryptSecureRTError(ErrorCode.E_PACS_UNREACHABLE, detail)


@contextmanager
def associated(
    settings: DimseSettings,
    contexts: "Sequence[PresentationContext]",
    bounds: Bounds,
    *,
    roles: Sequence[Any] = (),
    handlers: Sequence[tuple[Any, Any]] = (),
    also_heard: Sequence[Meters] = (),
) -> Iterator[Line]:
    """Open an association, and end it: by a release, or by an abort if what is within fails.

    Parameters
    ----------
    contexts, roles : what is proposed.
    handlers : of pynetdicom's events.
    also_heard : meters of other lines; the PACS is not silent as long as something comes there.
    """
    from pynetdicom.ae import ApplicationEntity

    meters = Meters(bounds)
    ours = ApplicationEntity(settings.title)
    ours.connection_timeout = min(_CONNECT_S, settings.silence_s)
    ours.acse_timeout = settings.silence_s
    ours.dimse_timeout = ours.network_timeout = None  # silence is measured by us
    lines: list[Line] = []

    def ended(thread: threading.Thread | None, error: BaseException | None) -> None:
        for line in lines:
            line.thread_ended(thread, error)

    with quiet(ended):
        try:
            line = Line(_associate(ours, settings, contexts, roles, handlers, meters), meters)
            lines.append(line)
            with Watch(line.association, meters, *also_heard), _as_ours(line):
                yield line
            line.association.acse_timeout = _RELEASE_S
            line.association.release()
        finally:
            end_all(ours)
            meters.close()


def _associate(
    ours: "ApplicationEntity",
    settings: DimseSettings,
    contexts: "Sequence[PresentationContext]",
    roles: Sequence[Any],
    handlers: Sequence[tuple[Any, Any]],
    meters: Meters,
) -> "Association":
    peer = settings.peer
    try:
        association = ours.associate(
            peer.host,
            peer.port,
            contexts=list(contexts),
            ae_title=peer.title,
            max_pdu=MAX_PDU_BYTES,
            ext_neg=list(roles),
            tls_args=None if settings.tls is None else (settings.tls, peer.host),
            evt_handlers=[*meters.handlers(), *handlers],
        )
    except OSError:  # the name of the host
        raise EncryptSecureRTError(ErrorCode.E_PACS_UNREACHABLE) from None
    except PARSER_ERRORS:
        raise EncryptSecureRTError(ErrorCode.E_PACS_ANSWER) from None
    if association.is_established:
        return association
    if association.is_rejected:
        raise _rejection(association)
    if association.rejected_contexts:
        detail = "it takes none of what this is for"
        raise EncryptSecureRTError(ErrorCode.E_PACS_REFUSED, detail)
    if meters.exceeded:
        raise EncryptSecureRTError(ErrorCode.E_PACS_ANSWER)
    detail = "or its certificate is not accepted" if settings.tls else ""
    raise EncryptSecureRTError(ErrorCode.E_PACS_UNREACHABLE, detail)


def _rejection(association: "Association") -> EncryptSecureRTError:
    answer = association.acceptor.primitive
    source, reason = (0, 0) if answer is None else (answer.result_source, answer.diagnostic)
    title = _TITLES.get((source or 0, reason or 0))
    detail = f"it does not know the {title} AE title" if title else "the association"
    return EncryptSecureRTError(ErrorCode.E_PACS_REFUSED, detail)


@contextmanager
def _as_ours(line: Line) -> Iterator[None]:
    """Turn what pynetdicom raises for an answer, or a line that has just broken, into ours."""
    try:
        yield
    except PARSER_ERRORS as error:
        if _was_stopped(error):
            raise KeyboardInterrupt from None
        raise line.failure() from None


def _was_stopped(error: BaseException | None) -> bool:
    """Tell whether it was the user: a stop within a lock comes out as an error of that lock."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__context__
    return False


def end_all(ours: "ApplicationEntity") -> None:
    """End all associations of an application entity of ours, also half open ones.

    By their threads: an association that is still being opened is in no other list.
    """
    from pynetdicom.dul import DULServiceProvider

    threads = [one for one in threading.enumerate() if isinstance(one, DULServiceProvider)]
    for thread in threads:
        association = thread.assoc
        if association.ae is not ours:
            continue
        if association.is_established:
            association.abort(block=False)  # so that the PACS hears of it
            ends_at_s = time.monotonic() + _ABORT_S
            while thread.state_machine.current_state != "Sta1" and time.monotonic() < ends_at_s:
                time.sleep(0.01)
        shut(association)
        thread.kill_dul()
        thread.join(_JOIN_S)
        if not thread.is_alive():
            association.kill()
