"""Runs jobs one at a time on a thread of its own, and seals what they make."""

import contextlib
import hashlib
import logging
import threading
from collections.abc import Mapping
from typing import Any

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.canonical import fraction_text
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.jobs import JobState
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.receipts import ReceiptBody
from encryptsecurert_protocol.results import RECEIPT_NAME, seal_result
from encryptsecurert_protocol.sealing import keyed_name
from encryptsecurert_worker.core import WorkerCore
from encryptsecurert_worker.jobs.job import Job
from encryptsecurert_worker.tasks.task import SiteKeys, TaskContext, TaskOutput
from encryptsecurert_worker.vault.files import clear_folder
from encryptsecurert_worker.vault.site import Provisioned

_LOG = logging.getLogger(__name__)


class JobRunner:
    """The one thread on which jobs compute."""

    def __init__(self, core: WorkerCore) -> None:
        self._core = core
        self._results = core.state / "results"
        self._results.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._thread = threading.Thread(target=self._loop, name="jobs", daemon=True)

    def start(self) -> None:
        """Begin to take jobs; results of an earlier start, whose jobs are not known, go."""
        clear_folder(self._results)
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Take no more jobs and wait for the running one to leave."""
        self._core.book.close()
        self._thread.join(timeout_s)

    def _loop(self) -> None:
        while (job := self._core.book.take()) is not None:
            self._run(job)

    def _run(self, job: Job) -> None:
        user, job_id = job.header.user, job.header.job
        epoch = self._core.site.require().core.epoch
        try:
            self._core.audit.append(
                "job-started", self._core.clock(), user=user, job=job_id, epoch=epoch
            )
            results = self._compute(job)
        except EncryptSecureRTError as error:
            state = JobState.CANCELLED if error.code is ErrorCode.E_CANCELLED else JobState.FAILED
            self._fail(job, state, error.code, epoch)
        except MemoryError:
            self._fail(job, JobState.FAILED, ErrorCode.E_TOO_LARGE, epoch)
        except Exception as error:  # the process's border: a job must never take the worker along
            _LOG.error("job-crashed", extra={"job": job_id, "kind": type(error).__name__})
            self._fail(job, JobState.FAILED, ErrorCode.E_INTERNAL, epoch)
        else:
            job.end(JobState.DONE, None, results)
            _LOG.info("job-done", extra={"job": job_id, "task": job.header.task})

    def _fail(self, job: Job, state: JobState, code: ErrorCode, epoch: int) -> None:
        for path, _ in job.result_files.values():
            with contextlib.suppress(OSError):  # the job ends all the same
                path.unlink(missing_ok=True)
        job.result_files.clear()
        try:
            self._core.audit.append(
                "job-ended",
                self._core.clock(),
                user=job.header.user,
                job=job.header.job,
                epoch=epoch,
                code=code.name,
            )
        except EncryptSecureRTError as error:  # a full disk must not end the thread of all jobs
            _LOG.error("audit-failed", extra={"job": job.header.job, "code": error.code.name})
        _LOG.info("job-ended", extra={"job": job.header.job, "code": code.name})
        job.end(state, code, ())

    def _compute(self, job: Job) -> tuple[tuple[str, int], ...]:
        provisioned = self._core.site.require()
        task = self._core.tasks.get(job.header.task)
        owner = job.header.user
        parameters_object = self._core.objects.require_complete(owner, job.header.parameters)
        uploads = [self._core.objects.require_complete(owner, name) for name in job.header.inputs]
        kinds = tuple(upload.header.kind for upload in uploads)
        if kinds != task.input_kinds or (
            parameters_object.header.kind is not ObjectKind.PARAMETERS
        ):
            raise EncryptSecureRTError(ErrorCode.E_PARAMETERS)
        parameters = canonical.decode(bytes(self._core.objects.open(parameters_object)))
        task.check(parameters)
        job.progress("opening", 0.0)
        inputs = [self._core.objects.open(upload) for upload in uploads]
        job.log("input_bytes", float(sum(len(octets) for octets in inputs)))
        digests = tuple(upload.content.sha256.hex() for upload in (*uploads, parameters_object))
        context = TaskContext(
            progress=job.progress,
            log=job.log,
            keys=_site_keys(provisioned),
            kind=self._core.provider.kind,
            measurement=self._core.provider.measurement,
            input_sha256=digests,
        )
        output = task.run(inputs, parameters, context)
        inputs.clear()
        return self._finish(job, output, parameters, digests, provisioned)

    def _finish(
        self,
        job: Job,
        output: TaskOutput,
        parameters: Mapping[str, Any],
        digests: tuple[str, ...],
        provisioned: Provisioned,
    ) -> tuple[tuple[str, int], ...]:
        job.progress("sealing", 0.97)
        sizes = [(name, self._seal(job, name, octets)) for name, octets in output.results]
        names = (*job.header.inputs, job.header.parameters)
        head = self._core.audit.append(
            "job-finished",
            self._core.clock(),
            user=job.header.user,
            job=job.header.job,
            epoch=provisioned.core.epoch,
        )
        task = self._core.tasks.get(job.header.task)
        body = ReceiptBody(
            job_sha256=job.digest_hex,
            task=task.name,
            algorithm=task.algorithm,
            parameters=dict(parameters),
            inputs=tuple(zip(names, digests, strict=True)),
            outputs=tuple(
                (name, hashlib.sha256(octets).hexdigest()) for name, octets in output.results
            ),
            models=(),
            numbers=tuple((name, fraction_text(value)) for name, value in output.numbers),
            warnings=output.warnings,
            user=job.header.user,
            certificate=job.header.certificate,
            site_key_id=provisioned.core.site_key_id,
            epoch=provisioned.core.epoch,
            instance_id=self._core.identity.instance_id,
            start_id=self._core.identity.start_id,
            audit_head=head,
            time_claimed=self._core.clock(),
        )
        receipt = self._core.sign_receipt(body, job.header.policy)
        sizes.append((RECEIPT_NAME, self._seal(job, RECEIPT_NAME, receipt)))
        job.progress("done", 1.0)
        return tuple(sizes)

    def _seal(self, job: Job, name: str, octets: bytes) -> int:
        key = job.header
        file_name = keyed_name(
            self._core.storage_key, key.user.encode(), key.job.encode(), name.encode()
        )
        path = self._results / file_name
        digest = hashlib.sha256()
        size = 0
        try:
            with path.open("wb") as file:
                pieces = seal_result(
                    octets, job_sha256=job.digest_hex, name=name, key=key.result_key
                )
                for piece in pieces:
                    file.write(piece)
                    digest.update(piece)
                    size += len(piece)
        except OSError:
            path.unlink(missing_ok=True)
            raise EncryptSecureRTError(ErrorCode.E_BUSY, "the worker's storage is full") from None
        job.result_files[name] = (path, digest.hexdigest())
        return size


def _site_keys(provisioned: Provisioned) -> SiteKeys:
    return SiteKeys(
        uid_key=provisioned.uid_key,
        pid_key=provisioned.pid_key,
        recipient_certificate=provisioned.core.recipient_certificate,
        escrow_certificate=provisioned.core.escrow_certificate,
    )
