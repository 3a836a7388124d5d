"""The steps of a job: written down first, then done in memory and told.

Whoever takes a step holds the job's own lock meanwhile, so that a job's facts reach the journal
in the order in which they came true.
"""

from dataclasses import replace

from encryptsecurert_protocol.audit import AuditEvent
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.jobs import JobState
from encryptsecurert_worker.jobs.job import Job
from encryptsecurert_worker.jobs.record import JobRecord, ResultFile
from encryptsecurert_worker.jobs.store import JobStore
from encryptsecurert_worker.vault.time import WorkerTime


class JobSteps:
    """Takes steps with jobs; knows no queue."""

    def __init__(self, store: JobStore, time: WorkerTime) -> None:
        self._store = store
        self._time = time

    def start(self, job: Job) -> bool:
        """Start a job; False if it has ended meanwhile.

        Raises
        ------
        EncryptSecureRTError
            E_BUSY if the disk is full: the job waits as before.
        """
        with job.writing:
            if job.state.ended:
                return False
            starts = job.record.starts + 1
            record = replace(job.record, starts=starts, events_from=job.reserved())
            # A power cut may forget the start, as it ends it; a killed process does not.
            self._store.write(record, AuditEvent.JOB_STARTED, durable=False)
            job.record = record
            job.run()
            return True

    def reserve(self, job: Job) -> None:
        """Reserve event numbers if a job needs some; if it gets none, it tells less."""
        if not job.needs_numbers:
            return
        with job.writing:
            if job.state.ended:
                return
            record = replace(job.record, events_from=job.reserved())
            if self._store.write_facts([record]):
                job.record = record

    def finish(self, job: Job, results: tuple[ResultFile, ...]) -> None:
        """End a job with its results, which are on the disk by now.

        Raises
        ------
        EncryptSecureRTError
            E_CANCELLED if that was asked for meanwhile; E_BUSY if the disk is full: the job has
            not ended yet.
        """
        with job.writing:
            if job.state is not JobState.RUNNING:
                raise EncryptSecureRTError(ErrorCode.E_CANCELLED)
            sizes = tuple((result.name, result.size_bytes) for result in results)
            record = replace(self._ended(job, JobState.DONE, None, sizes), results=results)
            if not self._store.write_facts([record]):
                job.give_up_end()
                raise EncryptSecureRTError(ErrorCode.E_BUSY, "the worker's storage is full")
            job.end(record)

    def end(
        self, job: Job, state: JobState, error: ErrorCode, why: ErrorCode | None = None
    ) -> None:
        """End a job without results, also if the disk is full; `why` is for the auditor."""
        with job.writing:
            if not job.state.ended:
                self._end(job, state, error, why or error)

    def cancel(self, job: Job) -> None:
        """Cancel a job for its owner: at once if it waits, at its next check point if it runs.

        Raises
        ------
        EncryptSecureRTError
            E_BUSY if the disk is full: the job goes on.
        """
        error = ErrorCode.E_CANCELLED
        with job.writing:
            if job.state.ended or job.record.cancel:
                return
            if job.state is not JobState.QUEUED:
                record = replace(job.record, cancel=True)
                self._store.write(record, AuditEvent.JOB_CANCEL)
                job.record = record
                job.request_cancel(error)
                return
            record = self._ended(job, JobState.CANCELLED, error)
            try:
                self._store.write(record, AuditEvent.JOB_CANCEL, code=error)
            except EncryptSecureRTError:
                job.give_up_end()
                raise
            job.end(record)

    def withdraw(self, job: Job, why: ErrorCode) -> None:
        """Cancel a job whose owner may no longer have it done, also if the disk is full."""
        with job.writing:
            if job.state is JobState.QUEUED:
                self._end(job, JobState.CANCELLED, ErrorCode.E_CANCELLED, why)
            else:
                job.request_cancel(why)

    def requeue(self, job: Job) -> None:
        """Put the running job back into the queue, for the next start of the worker."""
        with job.writing:
            record = replace(job.record, starts=job.record.starts - 1)
            if self._store.tell(record, AuditEvent.JOB_REQUEUED):
                job.record = record
            job.requeue()  # on the disk it is queued in any case

    def _end(self, job: Job, state: JobState, error: ErrorCode, why: ErrorCode) -> None:
        record = self._ended(job, state, error)
        self._store.write_end(record, AuditEvent.JOB_ENDED, why)
        job.end(record)

    def _ended(
        self,
        job: Job,
        state: JobState,
        error: ErrorCode | None,
        sizes: tuple[tuple[str, int], ...] = (),
    ) -> JobRecord:
        name = None if error is None else error.name
        return replace(
            job.record,
            octets=b"",
            state=state,
            error=name,
            ended_service_s=self._time.service_s(),
            lines=job.prepare_end(state, name, sizes),
        )
