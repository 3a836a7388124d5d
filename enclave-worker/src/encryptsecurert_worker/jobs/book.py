"""The book of jobs: who owns which, which digest it has, and in what order they run.

What a user was told is in the journal first. Each job is written by one thread at a time
(`Job.writing`); the book's own lock is never held while the disk is waited for.
"""

import contextlib
import threading
import time as clock
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from encryptsecurert_protocol.audit import AuditEvent
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.jobs import JobHeader, JobState
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_worker.audit.chain import AuditChain
from encryptsecurert_worker.jobs.job import NUMBERS, Job
from encryptsecurert_worker.jobs.queue import FairQueue
from encryptsecurert_worker.jobs.record import JobHead, JobRecord
from encryptsecurert_worker.jobs.results import ResultFolder
from encryptsecurert_worker.jobs.steps import JobSteps
from encryptsecurert_worker.jobs.store import JobStore
from encryptsecurert_worker.vault.ledger import Ledger
from encryptsecurert_worker.vault.site import Site
from encryptsecurert_worker.vault.time import WorkerTime

_POLL_S = 1.0
_DROPPED_AT_ONCE = 256


class JobBook:
    """All jobs by (owner, id), and the queue.

    Parameters
    ----------
    folder : Path
        Where sealed results lie.
    ready : callable
        Whether jobs may start now: a bundle is here, and a lease if it asks for one.
    """

    def __init__(
        self,
        folder: Path,
        *,
        ledger: Ledger,
        time: WorkerTime,
        audit: AuditChain,
        site: Site,
        ready: Callable[[], bool] = lambda: True,
    ) -> None:
        self.files = ResultFolder(folder)
        self._store = JobStore(ledger, audit, time, site)
        self.steps = JobSteps(self._store, time)
        self._ready = ready
        self._accepting = threading.Lock()
        self._condition = threading.Condition()
        self._jobs: dict[str, dict[str, Job]] = {}
        self._spent: dict[tuple[str, str], datetime] = {}
        self._queue = FairQueue()
        self._running: Job | None = None
        self._seq = 0
        self._paused_until_s = 0.0
        self._closed = False

    def restore(self) -> None:
        """Go on from what the ledger holds: ended jobs as they are, all others queued again.

        Raises
        ------
        EncryptSecureRTError
            E_STATE, E_LOCAL_FILE.
        """
        named: set[str] = set()
        going: list[Job] = []
        for record in self._store.records():
            job = Job(record, record.events_from + 1)
            self._jobs.setdefault(record.head.user, {})[record.head.job] = job
            self._seq = record.seq
            if record.state.ended:
                job.gone = not self.files.are_whole(record.results)
                named.update(result.file for result in record.results)
            else:
                going.append(job)
        self._spent = self._store.spent()
        self.files.sweep(named)
        # One entry for all of them: their events go on behind every number that may be used.
        records = [replace(job.record, events_from=job.reserved()) for job in going]
        if self._store.write_facts(records):
            for job, record in zip(going, records, strict=True):
                job.record = record
        for job in going:
            self._queue_again(job)
        with self._condition:
            self._show_places()

    def _queue_again(self, job: Job) -> None:
        record = job.record
        if record.cancel:
            self.steps.end(job, JobState.CANCELLED, ErrorCode.E_CANCELLED)
        elif record.starts >= LIMITS.job_starts:  # it takes the worker down each time
            self.steps.end(job, JobState.FAILED, ErrorCode.E_JOB_FAILED)
        else:
            self._queue.add(job)
            if record.starts:
                self._store.tell(record, AuditEvent.JOB_REQUEUED)

    def known(self, owner: str, job_id: str, digest: bytes) -> Job | None:
        """Return the owner's job of that id and digest; another digest is E_REPLAY.

        So is the id of a job that was dropped while its header is still in time.
        """
        with self._condition:
            job = self._jobs.get(owner, {}).get(job_id)
            spent = (owner, job_id) in self._spent
        if spent or (job is not None and job.record.digest != digest):
            raise EncryptSecureRTError(ErrorCode.E_REPLAY)
        return job

    def accept(self, header: JobHeader, octets: bytes, digest: bytes, fingerprint: str) -> Job:
        """Queue a new job, or return the one that came first under the same id and digest.

        Raises
        ------
        EncryptSecureRTError
            E_REPLAY for a known id with another digest; E_BUSY if the queue or the disk is full
            or the worker stops; E_QUOTA if the user has too many jobs here already.
        """
        if fingerprint != header.certificate:
            raise EncryptSecureRTError(ErrorCode.E_USER_CERTIFICATE)
        with self._accepting:  # of two clients with one job, the second finds the first one's
            held = self.known(header.user, header.job, digest)
            if held is not None:
                return held
            self._require_room(header.user)
            record = JobRecord(
                head=JobHead.of(header),
                digest=digest,
                octets=octets,
                seq=self._seq + 1,
                events_from=NUMBERS,
            )
            self._store.write(record, AuditEvent.JOB_SUBMITTED)
            job = Job(record)
            with self._condition:
                self._seq = record.seq
                self._jobs.setdefault(header.user, {})[header.job] = job
                self._queue.add(job)
                self._show_places()
                self._condition.notify_all()
        self._reserve_waiting()
        return job

    def _require_room(self, user: str) -> None:
        with self._condition:
            if self._closed or len(self._queue) >= LIMITS.queued_jobs:
                raise EncryptSecureRTError(ErrorCode.E_BUSY)
            waiting, kept = self._queue.waiting_of(user), len(self._jobs.get(user, ()))
        if waiting >= LIMITS.queued_jobs_per_user:
            raise EncryptSecureRTError(ErrorCode.E_QUOTA, "too many jobs wait")
        if kept >= LIMITS.kept_jobs_per_user:
            raise EncryptSecureRTError(ErrorCode.E_QUOTA, "too many jobs are kept")

    def get(self, owner: str, job_id: str) -> Job:
        """Return a job of this owner, or refuse with E_NOT_FOUND."""
        with self._condition:
            job = self._jobs.get(owner, {}).get(job_id)
        if job is None:
            raise EncryptSecureRTError(ErrorCode.E_NOT_FOUND)
        return job

    def of(self, owner: str) -> list[tuple[Job, int]]:
        """Return this owner's jobs in the order of their coming, each with its place."""
        with self._condition:
            return [(job, job.place) for job in self._jobs.get(owner, {}).values()]

    @property
    def queued(self) -> int:
        """How many jobs wait."""
        return len(self._queue)

    @property
    def closed(self) -> bool:
        """Whether no job is taken any more."""
        return self._closed

    def result_bytes(self, owner: str) -> int:
        """Return the octets of an owner's sealed results."""
        with self._condition:
            jobs = list(self._jobs.get(owner, {}).values())
        return sum(result.size_bytes for job in jobs for result in job.record.results)

    @property
    def total_result_bytes(self) -> int:
        """Octets of all sealed results."""
        with self._condition:
            owners = list(self._jobs)
        return sum(self.result_bytes(owner) for owner in owners)

    def result(self, job: Job, name: str) -> tuple[Path, str]:
        """Return where a result lies and its SHA-256; reads the file, the first time in a start.

        Raises
        ------
        EncryptSecureRTError
            E_NOT_FOUND if there is no such result or it is lost; E_RESULT if it was changed.
        """
        found = [result for result in job.record.results if result.name == name]
        if job.state is not JobState.DONE or job.gone or not found:
            raise EncryptSecureRTError(ErrorCode.E_NOT_FOUND)
        if name not in job.checked:
            self.files.check(found[0])
            job.checked |= {name}
        return self.files.path(found[0]), found[0].sha256

    def take(self) -> Job | None:
        """Wait until a job may start and return it; None when the book is closed."""
        with self._condition:
            self._running = None
            while not self._closed:
                held_s = self._paused_until_s - clock.monotonic()
                if len(self._queue) and held_s <= 0 and self._ready():
                    self._running = self._queue.take()
                    self._show_places()
                    return self._running
                self._show_places()
                self._condition.wait(_POLL_S if len(self._queue) else None)
            return None

    def start(self, job: Job) -> bool:
        """Start a job that was taken; False if it has ended meanwhile, or waits again.

        A job is not lost to a full disk: it goes back to the queue for a while.
        """
        if not self._closed:
            with contextlib.suppress(EncryptSecureRTError):
                return self.steps.start(job)
        with self._condition:
            self._queue.put_back(job)
            self._paused_until_s = clock.monotonic() + _POLL_S
        return False

    def cancel(self, job: Job) -> None:
        """Cancel a job for its owner, as `JobSteps.cancel` does."""
        self.steps.cancel(job)
        self._forget_queued(job)

    def pinned(self) -> set[tuple[str, str]]:
        """Return (owner, object) of everything that a job may still open."""
        found: set[tuple[str, str]] = set()
        for job in self._going():
            octets = job.record.octets
            if octets:  # it may have ended meanwhile
                order = JobHeader.decode(octets)
                found |= {(order.user, name) for name in (*order.inputs, order.parameters)}
        return found

    def withdraw(self, refusal_of: Callable[[Job], ErrorCode | None]) -> None:
        """Cancel every job that has not ended and is refused, full disk or not."""
        for job in self._going():
            refusal = refusal_of(job)
            if refusal is not None:
                self.steps.withdraw(job, refusal)
                self._forget_queued(job)

    def _going(self) -> list[Job]:
        with self._condition:
            every = [job for jobs in self._jobs.values() for job in jobs.values()]
        return [job for job in every if not job.state.ended]

    def _forget_queued(self, job: Job) -> None:
        if not job.state.ended:
            return
        with self._condition:
            self._queue.discard(job)
            self._show_places()
        self._reserve_waiting()

    def _show_places(self) -> None:
        before = 0 if self._running is None or self._running.state.ended else 1
        for place, job in enumerate(self._queue.order(), before):
            job.show_place(place)

    def _reserve_waiting(self) -> None:
        with self._condition:
            poor = [job for job in self._queue.order() if job.needs_numbers]
        for job in poor:
            self.steps.reserve(job)

    def settle(self) -> None:
        """Write down the ends that a full disk did not take, as far as it takes them now."""
        self._store.settle()

    def expire(self, service_s: int) -> None:
        """Drop jobs whose results have been kept long enough, and ids too old to be replayed.

        Raises
        ------
        EncryptSecureRTError
            E_BUSY if the disk is full.
        """
        self._store.settle()
        for jobs in self._due(service_s):
            spent = self._store.drop([job.record for job in jobs])
            with self._condition:
                self._spent |= spent
                for job in jobs:
                    del self._jobs[job.header.user][job.header.job]
                    if not self._jobs[job.header.user]:
                        del self._jobs[job.header.user]
            for job in jobs:
                self.files.remove(job.record.results)
        with self._condition:
            held = dict(self._spent)
        for key in self._store.forget(held):
            with self._condition:
                del self._spent[key]

    def _due(self, service_s: int) -> Iterator[list[Job]]:
        with self._condition:
            every = [job for jobs in self._jobs.values() for job in jobs.values()]
        due = [
            job
            for job in every
            if job.state.ended
            and job.record.ended_service_s + LIMITS.results_kept_s <= service_s
            and not self._store.owes(job.record.key)
        ]
        for start in range(0, len(due), _DROPPED_AT_ONCE):
            yield due[start : start + _DROPPED_AT_ONCE]

    def wake(self) -> None:
        """Have the runner look again: a bundle or a lease has come."""
        with self._condition:
            self._condition.notify_all()

    def close(self) -> None:
        """Take and start no more jobs, end the streams of those that go on after a restart."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
        for job in self._going():
            job.let_go()
