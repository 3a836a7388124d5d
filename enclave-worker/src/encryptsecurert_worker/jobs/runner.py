"""Runs jobs one at a time on a thread of its own: whatever a task does, its job ends."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.jobs import JobState
from encryptsecurert_worker.core import WorkerCore
from encryptsecurert_worker.jobs.computing import Computation
from encryptsecurert_worker.jobs.job import Job
from encryptsecurert_worker.jobs.record import ResultFile

_LOG = logging.getLogger(__name__)
_STOP_S = 20.0
_AGAIN_S = 1.0


class JobRunner:
    """The one thread on which jobs compute.

    Parameters
    ----------
    on_end : callable
        Called with (task, end, seconds) when a job that ran has ended.
    on_break_glass : callable
        Called when a case was opened in an emergency.
    """

    def __init__(
        self,
        core: WorkerCore,
        on_end: Callable[[str, str, float], None] = lambda task, end, seconds: None,
        on_break_glass: Callable[[], None] = lambda: None,
    ) -> None:
        self._core = core
        self._on_end = on_end
        self._on_break_glass = on_break_glass
        self._running: Job | None = None
        self._thread = threading.Thread(target=self._loop, name="jobs", daemon=True)

    def start(self) -> None:
        """Begin to take jobs."""
        self._thread.start()

    def stop(self, grace_s: float) -> None:
        """Take no more jobs; the running one may finish, or goes back to the queue.

        Parameters
        ----------
        grace_s : float
            How long the running job has to come to its end; it is asked to leave then, at its
            next check point. It is not waited for longer than 20 s in all.
        """
        deadline_s = time.monotonic() + _STOP_S
        self._core.book.close()
        if self._thread.ident is not None:
            self._thread.join(min(grace_s, _STOP_S))
            running = self._running
            if running is not None:
                running.leave()
            self._thread.join(max(0.0, deadline_s - time.monotonic()))
        self._core.book.settle()

    def _loop(self) -> None:
        job: Job | None = None
        while True:
            try:
                job = None
                job = self._core.book.take()
                if job is None:
                    return
                self._one(job)
            except Exception as error:  # no memory, say: the thread of all jobs must not end
                _LOG.error("jobs-thread-failed", extra={"kind": type(error).__name__})
                self._give_up(job)
                time.sleep(_AGAIN_S)
            self._running = None

    def _one(self, job: Job) -> None:
        book = self._core.book
        self._running = job
        refusal = self._core.refusal_of(job)
        if refusal is not None:
            _LOG.info("job-refused", extra={"job": job.header.job, "code": refusal.name})
            book.steps.end(job, JobState.CANCELLED, ErrorCode.E_CANCELLED, refusal)
        elif book.start(job):
            self._run(job)

    def _give_up(self, job: Job | None) -> None:
        # What cannot even be ended now runs again after a restart, as the journal has it.
        with contextlib.suppress(Exception):
            if job is not None:
                self._core.book.steps.end(job, JobState.FAILED, ErrorCode.E_INTERNAL)

    def _run(self, job: Job) -> None:
        started_s = time.monotonic()
        made: list[ResultFile] = []
        try:
            Computation(self._core, job, made, self._on_break_glass).run()
            self._core.book.steps.finish(job, tuple(made))
        except EncryptSecureRTError as error:
            code = error.code
        except MemoryError:
            code = ErrorCode.E_TOO_LARGE
        except Exception as error:  # the process's border: a job must never take the worker along
            kind = type(error).__name__
            _LOG.error("job-crashed", extra={"job": job.header.job, "kind": kind})
            code = ErrorCode.E_INTERNAL
        else:
            _LOG.info("job-done", extra={"job": job.header.job, "task": job.header.task})
            self._on_end(job.header.task, job.state.value, time.monotonic() - started_s)
            return
        self._core.book.files.remove(made)
        self._end(job, code)
        if job.state.ended:
            self._on_end(job.header.task, job.state.value, time.monotonic() - started_s)

    def _end(self, job: Job, code: ErrorCode) -> None:
        steps = self._core.book.steps
        if code is not ErrorCode.E_CANCELLED:
            steps.end(job, JobState.FAILED, code)
        elif job.cancelled_by is None and job.leaving:
            steps.requeue(job)
            _LOG.info("job-requeued", extra={"job": job.header.job})
            return
        else:
            steps.end(job, JobState.CANCELLED, code, job.cancelled_by)
        _LOG.info("job-ended", extra={"job": job.header.job, "code": code.name})
