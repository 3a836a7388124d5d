"""The book of jobs: who owns which, which digest it has, and in what order they run."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.jobs import JobState
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_worker.jobs.job import Job


class JobBook:
    """All jobs by (owner, id), and the queue."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._jobs: dict[tuple[str, str], Job] = {}
        self._queue: OrderedDict[tuple[str, str], Job] = OrderedDict()
        self._closed = False

    def known(self, owner: str, job_id: str, digest: bytes) -> Job | None:
        """Return the owner's job of that id and digest; another digest is E_REPLAY."""
        with self._condition:
            job = self._jobs.get((owner, job_id))
        if job is not None and job.digest != digest:
            raise EncryptSecureRTError(ErrorCode.E_REPLAY)
        return job

    def get(self, owner: str, job_id: str) -> Job:
        """Return a job of this owner, or refuse with E_NOT_FOUND."""
        with self._condition:
            job = self._jobs.get((owner, job_id))
        if job is None:
            raise EncryptSecureRTError(ErrorCode.E_NOT_FOUND)
        return job

    def of(self, owner: str) -> Iterable[Job]:
        """Return this owner's jobs in the order of their coming."""
        with self._condition:
            return [job for (user, _), job in self._jobs.items() if user == owner]

    def add(self, job: Job) -> Job:
        """Queue a new job, or return the one that came first under the same id and digest."""
        key = (job.header.user, job.header.job)
        with self._condition:
            held = self._jobs.get(key)
            if held is not None:
                if held.digest != job.digest:
                    raise EncryptSecureRTError(ErrorCode.E_REPLAY)
                return held
            if self._closed or len(self._queue) >= LIMITS.queued_jobs:
                raise EncryptSecureRTError(ErrorCode.E_BUSY)
            job.set_state(JobState.QUEUED, place=len(self._queue))
            self._jobs[key] = job
            self._queue[key] = job
            self._condition.notify_all()
            return job

    def take(self) -> Job | None:
        """Wait for the next queued job and mark it running; None when the book is closed.

        Under the lock that `cancel` takes, so that a cancelled job is never started.
        """
        with self._condition:
            while True:
                if self._closed:
                    return None
                while self._queue:
                    _, job = self._queue.popitem(last=False)
                    for place, waiting in enumerate(self._queue.values()):
                        if waiting.state is JobState.QUEUED:
                            waiting.set_state(JobState.QUEUED, place=place + 1)
                    if job.state is JobState.QUEUED:
                        job.set_state(JobState.RUNNING)
                        return job
                self._condition.wait()

    def cancel(self, job: Job) -> None:
        """Cancel a job: at once if it is queued, at its next check point if it runs."""
        with self._condition:
            if job.request_cancel():
                self._queue.pop((job.header.user, job.header.job), None)

    def cancel_where(self, refused: Callable[[Job], bool]) -> None:
        """Cancel every job that has not ended and for which `refused` holds."""
        with self._condition:
            going = [job for job in self._jobs.values() if not job.state.ended]
        for job in going:
            if refused(job):
                self.cancel(job)

    def close(self) -> None:
        """Take no more jobs, cancel the running one, wake the runner."""
        with self._condition:
            self._closed = True
            for job in self._jobs.values():
                if not job.state.ended:
                    job.request_cancel()
            self._condition.notify_all()
