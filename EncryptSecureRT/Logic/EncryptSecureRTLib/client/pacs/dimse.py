"""A PACS that speaks DIMSE, over a plain line or TLS."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from ssl import SSLContext
from typing import TYPE_CHECKING

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.pacs.dimse_bounds import asking, fetching
from EncryptSecureRTLib.client.pacs.dimse_contexts import (
    MOST_CONTEXTS,
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    STUDY_ROOT_MOVE,
    VERIFICATION,
    kinds_of,
    to_receive,
)
from EncryptSecureRTLib.client.pacs.dimse_fetch import (
    Arrivals,
    NotAnswered,
    get_study,
    move_study,
)
from EncryptSecureRTLib.client.pacs.dimse_find import echo, find_coming, find_studies
from EncryptSecureRTLib.client.pacs.dimse_line import DimseSettings, associated
from EncryptSecureRTLib.client.pacs.dimse_listen import listening
from EncryptSecureRTLib.client.pacs.dimse_store import store_files
from EncryptSecureRTLib.client.pacs.model import Coming, Outgoing, Query, Stored, StudyRow
from EncryptSecureRTLib.client.pacs.quiet import files_in

if TYPE_CHECKING:
    from pynetdicom.presentation import PresentationContext


@dataclass(frozen=True, slots=True, kw_only=True)
class DimsePacs:
    """A PACS as an application entity.

    Attributes
    ----------
    move_port : where we listen if C-GET is not answered; 0 for not at all.
    our_tls : our certificate, for a C-MOVE over TLS.
    """

    settings: DimseSettings
    move_port: int = 0
    our_tls: SSLContext | None = None

    def echo(self) -> None:
        """Ask whether the PACS answers."""
        with associated(
            self.settings, [_model(VERIFICATION)], asking(self.settings.silence_s)
        ) as line:
            echo(line)

    def find(self, query: Query) -> Sequence[StudyRow]:
        """Return the studies that match."""
        with associated(self.settings, _finding(), asking(self.settings.silence_s)) as line:
            return find_studies(line, query)

    def coming(self, study: str) -> Coming:
        """Return what `fetch` would bring."""
        with associated(self.settings, _finding(), asking(self.settings.silence_s)) as line:
            return find_coming(line, study)

    def fetch(self, study: str, coming: Coming, folder: Path, watcher: Watcher) -> int:
        """Write the instances of a study into a folder: by C-GET, else by C-MOVE."""
        arrivals = Arrivals(
            folder, lambda count: watcher.count(count, max(count, coming.instances or 0))
        )
        with files_in(folder / ".coming"):
            try:
                self._get(study, coming, arrivals)
            except NotAnswered:
                if not self.move_port:
                    detail = "it does not answer C-GET: --move-port says where C-MOVE may come"
                    raise EncryptSecureRTError(ErrorCode.E_PACS_REFUSED, detail) from None
                self._move(study, arrivals)
        return arrivals.count

    def _get(self, study: str, coming: Coming, arrivals: Arrivals) -> None:
        from pynetdicom import build_role, evt

        kinds = kinds_of(coming.sop_classes)
        contexts = [_model(STUDY_ROOT_GET), *to_receive(kinds, MOST_CONTEXTS - 1)]
        with associated(
            self.settings,
            contexts,
            fetching(self.settings.silence_s),
            roles=[build_role(kind, scp_role=True) for kind in kinds],
            handlers=[(evt.EVT_C_STORE, arrivals.take)],
        ) as line:
            get_study(line, study, arrivals)

    def _move(self, study: str, arrivals: Arrivals) -> None:
        settings, bounds = self.settings, fetching(self.settings.silence_s)
        with (
            listening(settings, self.move_port, self.our_tls, arrivals, bounds) as heard,
            associated(
                settings, [_model(STUDY_ROOT_MOVE)], asking(settings.silence_s), also_heard=[heard]
            ) as line,
        ):
            move_study(line, study, settings.title, arrivals)

    def store(self, files: Sequence[Outgoing], watcher: Watcher) -> Sequence[Stored]:
        """Send files in their order."""
        return store_files(self.settings, files, watcher)


def _model(uid: str) -> "PresentationContext":
    from pynetdicom import build_context

    return build_context(uid)


def _finding() -> "list[PresentationContext]":
    return [_model(STUDY_ROOT_FIND)]
