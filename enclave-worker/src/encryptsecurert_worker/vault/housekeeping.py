"""Keeps house: what was kept long enough goes, the audit file follows the journal, keys change.

Everything goes by service seconds, so that a clock that jumps deletes nothing. Whatever fails is
told in the log by its code and tried again the next time.
"""

import logging
import threading
from collections.abc import Callable

from encryptsecurert_protocol.errors import EncryptSecureRTError
from encryptsecurert_worker.core import WorkerCore

_LOG = logging.getLogger(__name__)
_FLUSH_S = 1.0
_ROUND_S = 60.0
_STOP_S = 30.0


class Housekeeper:
    """The thread that keeps house for one worker."""

    def __init__(self, core: WorkerCore) -> None:
        self._core = core
        self._stopping = threading.Event()
        self._failing: dict[str, str] = {}
        self._thread = threading.Thread(target=self._loop, name="housekeeping", daemon=True)

    def start(self) -> None:
        """Begin to keep house."""
        self._thread.start()

    def stop(self) -> None:
        """Let the present round end, and keep the count of service seconds for the next start."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(_STOP_S)
        self._try("service-not-noted", lambda: self._note_service(durable=True))

    def _loop(self) -> None:
        due_s = self._core.time.monotonic_s() + _ROUND_S
        while not self._stopping.wait(_FLUSH_S):
            self._try("audit-not-filed", self._core.audit.flush)
            self._try("jobs-not-expired", self._core.book.settle)
            if self._core.time.monotonic_s() >= due_s:
                due_s = self._core.time.monotonic_s() + _ROUND_S
                self.run_once()

    def run_once(self) -> None:
        """Do each chore once; none keeps another from being done."""
        core = self._core
        service_s = core.time.service_s()
        self._try("audit-not-filed", core.audit.flush)
        self._try("jobs-not-expired", lambda: core.book.expire(service_s))
        self._try("objects-not-expired", lambda: core.objects.expire(service_s, core.book.pinned()))
        self._try("quotas-not-expired", lambda: core.quotas.expire(service_s))
        self._try("service-not-noted", lambda: self._note_service(durable=False))
        self._try("journal-not-compacted", self._compact)
        self._try("key-not-rotated", self._rotate)

    def _note_service(self, *, durable: bool) -> None:
        self._core.ledger.write([self._core.time.service_fact()], durable=durable)

    def _compact(self) -> None:
        if self._core.ledger.worth_compacting:
            self._core.audit.compact()

    def _rotate(self) -> None:
        self._core.identity.ring.rotate_if_due(self._core.time.monotonic_s())

    def _try(self, failure: str, chore: Callable[[], None]) -> None:
        try:
            chore()
        except EncryptSecureRTError as error:
            self._tell(failure, {"code": error.code.name})
        except Exception as error:  # the thread's border: house is kept as long as the worker runs
            self._tell(failure, {"kind": type(error).__name__})
        else:
            self._failing.pop(failure, None)

    def _tell(self, failure: str, why: dict[str, str]) -> None:
        # Once for each reason, not once a second.
        reason = "".join(why.values())
        if self._failing.get(failure) != reason:
            self._failing[failure] = reason
            _LOG.error(failure, extra=why)
