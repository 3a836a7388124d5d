"""How jobs get into the journal: each step with its audit line in one entry, in time or later."""

import contextlib
import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from encryptsecurert_protocol.audit import AuditEvent
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import Fields, time_text
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_worker.audit.chain import AuditChain
from encryptsecurert_worker.jobs.record import KIND, JobRecord
from encryptsecurert_worker.vault.ledger import Change, Ledger
from encryptsecurert_worker.vault.site import Site
from encryptsecurert_worker.vault.time import WorkerTime

_LOG = logging.getLogger(__name__)
_SPENT = "spent"
_SKEW = timedelta(seconds=LIMITS.clock_skew_s)
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Owed:
    record: JobRecord
    event: AuditEvent
    code: ErrorCode


class JobStore:
    """Writes and reads the facts of jobs.

    An end that a full disk does not take is owed: it holds in memory and is written as soon as
    that is possible. If the worker is killed before, the job runs again.
    """

    def __init__(self, ledger: Ledger, audit: AuditChain, time: WorkerTime, site: Site) -> None:
        self._ledger = ledger
        self._audit = audit
        self._time = time
        self._site = site
        self._lock = threading.Lock()
        self._owed: dict[Key, _Owed] = {}

    def records(self) -> list[JobRecord]:
        """Return every job of the ledger in the order of acceptance (E_STATE)."""
        read = [JobRecord.read(*fact) for fact in self._ledger.of(KIND)]
        return sorted(read, key=lambda record: record.seq)

    def write(
        self,
        record: JobRecord,
        event: AuditEvent,
        *,
        code: ErrorCode | None = None,
        durable: bool = True,
    ) -> None:
        """Write a job's fact and the line that tells of it (E_BUSY: neither is there)."""
        self._audit.append(
            event,
            changes=(record.fact(),),
            durable=durable,
            user=record.head.user,
            job=record.head.job,
            epoch=self._site.require().core.epoch,
            code="" if code is None else code.name,
            digest=record.digest.hex(),
        )

    def tell(self, record: JobRecord, event: AuditEvent) -> bool:
        """Write a fact and a line that a full disk or a power cut may swallow."""
        with contextlib.suppress(EncryptSecureRTError):
            self.write(record, event, durable=False)
            return True
        return False

    def write_facts(self, records: Iterable[JobRecord]) -> bool:
        """Write facts that no line tells of; False if the disk is full and none is there."""
        changes = [record.fact() for record in records]
        with contextlib.suppress(EncryptSecureRTError):
            if changes:
                self._ledger.write(changes)
            return True
        return False

    def write_end(self, record: JobRecord, event: AuditEvent, code: ErrorCode) -> None:
        """Write the end of a job now, or owe it."""
        try:
            self.write(record, event, code=code)
        except EncryptSecureRTError as error:
            _LOG.error("end-owed", extra={"job": record.head.job, "code": error.code.name})
            with self._lock:
                self._owed[record.key] = _Owed(record, event, code)

    def settle(self) -> None:
        """Write what is owed, as far as the disk takes it."""
        with self._lock:
            for key, owed in list(self._owed.items()):
                try:
                    self.write(owed.record, owed.event, code=owed.code)
                except EncryptSecureRTError:
                    return
                del self._owed[key]

    def owes(self, key: Key) -> bool:
        """Tell whether a job's end is not written yet."""
        return key in self._owed

    def drop(self, records: Sequence[JobRecord]) -> dict[Key, datetime]:
        """Drop ended jobs; returns until when ids stay refused whose headers are still in time.

        Raises
        ------
        EncryptSecureRTError
            E_BUSY: all of them are still there.
        """
        now = self._time.now()
        spent = {r.key: r.head.expires + _SKEW for r in records if r.head.expires + _SKEW > now}
        changes = [Change(KIND, *record.key, None) for record in records]
        changes += [Change(_SPENT, *key, {"until": time_text(at)}) for key, at in spent.items()]
        self._ledger.write(changes)
        return spent

    def spent(self) -> dict[Key, datetime]:
        """Return the ids of dropped jobs and until when they are refused (E_STATE)."""
        return {
            (owner, job): Fields(value, ("until",), ErrorCode.E_STATE).time("until")
            for owner, job, value in self._ledger.of(_SPENT)
        }

    def forget(self, spent: Mapping[Key, datetime]) -> list[Key]:
        """Drop ids whose headers are too old by now; returns them (E_BUSY)."""
        now = self._time.now()
        over = [key for key, until in spent.items() if now >= until]
        if over:
            self._ledger.write([Change(_SPENT, *key, None) for key in over])
        return over
