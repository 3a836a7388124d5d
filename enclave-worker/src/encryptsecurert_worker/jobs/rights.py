"""What a job's user may be revealed, by the bundle and the break-glass grants that hold now."""

from collections.abc import Callable

from encryptsecurert_protocol.audit import AuditEvent
from encryptsecurert_protocol.errors import EncryptSecureRTError
from encryptsecurert_protocol.jobs import JobHeader
from encryptsecurert_protocol.reveals import REFUSAL, RevealClass, classes_of
from encryptsecurert_protocol.rights import Operation, UserEntry
from encryptsecurert_worker.core import WorkerCore
from encryptsecurert_worker.vault.access import require_case


class JobRights:
    """Asks for each file anew: a bundle may come while a job runs.

    Parameters
    ----------
    tell : callable
        Appends an audit line of this job.
    """

    def __init__(self, core: WorkerCore, order: JobHeader, tell: Callable[..., object]) -> None:
        self._core = core
        self._order = order
        self._tell = tell

    def require_case(self, pseudonym: str) -> None:
        """Refuse with E_CASE unless the case is open to the user."""
        core = self._core
        bundle, now = core.site.require().core, core.time.now()
        require_case(bundle, core.quotas, self._order.user, pseudonym, now)

    def require_classes(self, classes: frozenset[RevealClass]) -> None:
        """Refuse with E_CASE unless the user's roles see all of these."""
        if not classes <= classes_of(self._entry().roles):
            raise EncryptSecureRTError(REFUSAL)

    def require_export(self) -> None:
        """Refuse with E_CASE unless one of the user's roles may have files."""
        if not self._core.site.require().core.roles.allows(self._entry(), Operation.EXPORT):
            raise EncryptSecureRTError(REFUSAL)

    def tell(self, case: str, note: str, *, refused: bool) -> None:
        """Tell the auditor (E_BUSY)."""
        event = AuditEvent.REVEAL_REFUSED if refused else AuditEvent.REVEALED
        self._tell(event, case=case, note=note, code=REFUSAL.name if refused else "")

    def _entry(self) -> UserEntry:
        entry = self._core.site.require().core.listed(self._order.certificate)
        if entry is None:
            raise EncryptSecureRTError(REFUSAL)
        return entry
