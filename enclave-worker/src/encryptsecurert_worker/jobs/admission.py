"""Whether a signed job is taken. The repeat check comes before time, role, memory and quota."""

from encryptsecurert_protocol.audit import AuditEvent
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.jobs import JobHeader, job_digest
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_worker.core import WorkerCore
from encryptsecurert_worker.jobs.given import given_to
from encryptsecurert_worker.jobs.job import Job
from encryptsecurert_worker.vault.site import Caller

REFUSALS_TOLD_AN_HOUR = 100


class Admission:
    """Judges job headers whose signature holds and whose certificate is the caller's."""

    def __init__(self, core: WorkerCore) -> None:
        self._core = core
        self._refused: dict[str, tuple[int, int]] = {}  # user: hour of service, lines in it

    def admit(self, header: JobHeader, octets: bytes, caller: Caller) -> Job:
        """Return the job of these octets: the one that is known, or a new one, queued.

        Raises
        ------
        EncryptSecureRTError
            E_REPLAY for a known id with other octets, another worker state or a time that is not
            now; E_SITE, E_TASK, E_FORBIDDEN, E_NOT_PROVISIONED without a lease, E_INPUT_GONE,
            E_PARAMETERS, E_TOO_LARGE beyond the memory budget, E_QUOTA, E_BUSY.
        """
        digest = job_digest(octets)
        known = self._core.book.known(caller.user, header.job, digest)
        if known is not None:
            return known
        try:
            self._check(header, caller)
        except EncryptSecureRTError as error:
            self._tell(header, digest, error.code)
            raise
        return self._core.book.accept(header, octets, digest, caller.fingerprint)

    def _may_tell(self, user: str) -> bool:
        """Tell whether a refusal gets an audit line: not more of a user than a few each hour."""
        hour = self._core.time.service_s() // 3600
        last, lines = self._refused.get(user, (hour, 0))
        lines = lines + 1 if last == hour else 1
        self._refused[user] = (hour, lines)
        return lines <= REFUSALS_TOLD_AN_HOUR

    def _tell(self, header: JobHeader, digest: bytes, code: ErrorCode) -> None:
        if not self._may_tell(header.user):
            return
        self._core.audit.append(
            AuditEvent.JOB_REFUSED,
            user=header.user,
            job=header.job,
            epoch=self._core.epoch,
            code=code.name,
            digest=digest.hex(),
            durable=False,
        )

    def _check(self, header: JobHeader, caller: Caller) -> None:
        core = self._core.site.require().core
        header.check_time(self._core.time.now())
        if header.site_key_id != core.site_key_id:
            raise EncryptSecureRTError(ErrorCode.E_SITE)
        if not self._core.identity.ring.knows(header.worker) or header.min_epoch > core.epoch:
            raise EncryptSecureRTError(ErrorCode.E_REPLAY, "the job is for another worker state")
        task = self._core.tasks.get(header.task)
        self._core.site.require_right(caller, task.operation)
        self._core.leases.require()
        if self._core.held_bytes(header.user) > LIMITS.held_bytes_per_user:
            raise EncryptSecureRTError(ErrorCode.E_QUOTA, "too much is held already")
        given_to(self._core, header)
