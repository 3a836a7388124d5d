"""Computes one job: opens its inputs, runs its task, seals what the task made and a receipt."""

import contextlib
import hashlib
import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from encryptsecurert_protocol.audit import AuditEvent
from encryptsecurert_protocol.canonical import fraction_text
from encryptsecurert_protocol.errors import EncryptSecureRTError
from encryptsecurert_protocol.receipts import ReceiptBody
from encryptsecurert_protocol.results import RECEIPT_NAME, seal_result
from encryptsecurert_worker.core import WorkerCore
from encryptsecurert_worker.dicom.manifest.studies import ManifestSite
from encryptsecurert_worker.jobs.given import Given, given_to
from encryptsecurert_worker.jobs.job import Job
from encryptsecurert_worker.jobs.record import ResultFile
from encryptsecurert_worker.jobs.rights import JobRights
from encryptsecurert_worker.tasks.task import SiteKeys, TaskContext, TaskOutput
from encryptsecurert_worker.vault.ledger import Change
from encryptsecurert_worker.vault.site import Provisioned

_LOG = logging.getLogger(__name__)


class Computation:
    """One run of one job.

    Parameters
    ----------
    made : list
        Takes the sealed results; whoever runs this removes them if it does not come to its end.
    """

    def __init__(
        self,
        core: WorkerCore,
        job: Job,
        made: list[ResultFile],
        on_break_glass: Callable[[], None],
    ) -> None:
        self._core = core
        self._job = job
        self._order = job.order()
        self._provisioned = core.site.require()
        self._on_break_glass = on_break_glass
        self._made = made

    def run(self) -> None:
        """Compute until all results and the receipt are sealed and on the disk.

        Raises
        ------
        EncryptSecureRTError
            Whatever the task refuses; E_CANCELLED at a check point; what `given_to` refuses;
            E_BUSY.
        """
        given = given_to(self._core, self._order)
        self._progress("opening", 0.0)
        inputs = [self._core.objects.open(upload) for upload in given.inputs]
        self._job.log("input_bytes", float(sum(len(octets) for octets in inputs)))
        output = given.task.run(inputs, given.parameters, self._context(given.sha256_hex))
        inputs.clear()
        self._finish(output, given)

    def _context(self, digests: tuple[str, ...]) -> TaskContext:
        core = self._core
        return TaskContext(
            progress=self._progress,
            log=self._job.log,
            keys=_site_keys(self._provisioned),
            kind=core.provider.kind,
            measurement=core.provider.measurement,
            input_sha256=digests,
            admit_patient=partial(core.quotas.admit_patient, self._order.user),
            break_glass=self._break_glass,
            rights=JobRights(core, self._order, self._tell),
            tell_vouched=self._tell_vouched,
            now=core.time.now,
        )

    def _progress(self, stage: str, fraction: float) -> None:
        self._job.progress(stage, fraction)
        self._core.book.steps.reserve(self._job)

    def _break_glass(self, pseudonym: str, reason: str) -> datetime:
        self._core.leases.require()  # the one of the start may have ended

        def write(facts: Sequence[Change]) -> None:
            self._tell(AuditEvent.BREAK_GLASS, facts, pseudonym, reason)

        until = self._core.quotas.break_glass(self._order.user, pseudonym, self._order.job, write)
        self._on_break_glass()
        _LOG.warning("break-glass", extra={"job": self._order.job})
        return until

    def _tell_vouched(self, files: int) -> None:
        self._tell(AuditEvent.VOUCHED, note=f"files: {files}")

    def _tell(
        self,
        event: AuditEvent,
        facts: Sequence[Change] = (),
        case: str = "",
        note: str = "",
        code: str = "",
    ) -> str:
        return self._core.audit.append(
            event,
            changes=facts,
            user=self._order.user,
            job=self._order.job,
            epoch=self._provisioned.core.epoch,
            digest=self._job.digest_hex,
            code=code,
            case=case,
            note=note,
        )

    def _finish(self, output: TaskOutput, given: Given) -> None:
        self._progress("sealing", 0.97)
        for name, octets in output.results:
            self._seal(name, octets)
        # The receipt names the head after this line, so the line must outlive a power cut.
        head = self._tell(AuditEvent.JOB_FINISHED)
        receipt = self._receipt(output, given, head)
        self._seal(RECEIPT_NAME, self._core.sign_receipt(receipt, self._order.policy))
        self._core.book.files.sync()
        with contextlib.suppress(EncryptSecureRTError):  # too late to leave; a cancel is seen next
            self._progress("done", 1.0)

    def _receipt(self, output: TaskOutput, given: Given, head: str) -> ReceiptBody:
        core, order, bundle = self._core, self._order, self._provisioned.core
        names = (*order.inputs, order.parameters)
        return ReceiptBody(
            job_sha256=self._job.digest_hex,
            task=given.task.name,
            algorithm=given.task.algorithm,
            parameters=dict(given.parameters),
            inputs=tuple(zip(names, given.sha256_hex, strict=True)),
            outputs=tuple(
                (name, hashlib.sha256(octets).hexdigest()) for name, octets in output.results
            ),
            models=(),
            numbers=tuple((name, fraction_text(value)) for name, value in output.numbers),
            warnings=output.warnings,
            user=order.user,
            certificate=order.certificate,
            site_key_id=bundle.site_key_id,
            epoch=bundle.epoch,
            instance_id=core.identity.instance_id,
            start_id=core.identity.start_id,
            audit_head=head,
            time_claimed=core.time.now(),
        )

    def _seal(self, name: str, octets: bytes) -> None:
        pieces = seal_result(
            octets, job_sha256=self._job.digest_hex, name=name, key=self._order.result_key
        )
        self._made.append(self._core.book.files.write(name, pieces))


def _site_keys(provisioned: Provisioned) -> SiteKeys:
    return SiteKeys(
        uid_key=provisioned.uid_key,
        pid_key=provisioned.pid_key,
        dateshift_key=provisioned.dateshift_key,
        recipient_certificate=provisioned.core.recipient_certificate,
        escrow_certificate=provisioned.core.escrow_certificate,
        recipient_key=provisioned.secrets.recipient_key,
        offline=provisioned.core.offline,
        manifest_site=ManifestSite(
            site_key_id=provisioned.core.site_key_id,
            signing_key=provisioned.secrets.manifest_key,
            manifest_keys=provisioned.core.manifest_keys,
            recipient_certificate=provisioned.core.recipient_certificate,
            escrow_certificate=provisioned.core.escrow_certificate,
        ),
    )
