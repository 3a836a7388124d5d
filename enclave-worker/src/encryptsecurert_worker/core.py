"""The worker's parts in one place: who it is, what it holds, and how it vouches for itself."""

from dataclasses import dataclass, field
from pathlib import Path

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.evidence import EvidenceAnswer
from encryptsecurert_protocol.receipts import Receipt, ReceiptBody
from encryptsecurert_protocol.signatures import Label, sign
from encryptsecurert_protocol.statement import (
    Profile,
    Statement,
    fresh_report_data,
    receipt_nonce,
)
from encryptsecurert_worker import __version__
from encryptsecurert_worker.audit.chain import AuditChain
from encryptsecurert_worker.evidence.provider import QuoteProvider
from encryptsecurert_worker.evidence.ratls_cert import RatlsIdentity
from encryptsecurert_worker.jobs.book import JobBook
from encryptsecurert_worker.jobs.job import Job
from encryptsecurert_worker.tasks.task import TaskRegistry
from encryptsecurert_worker.vault.claim import StateClaim
from encryptsecurert_worker.vault.identity import WorkerIdentity
from encryptsecurert_worker.vault.leases import LeaseKeeper
from encryptsecurert_worker.vault.ledger import Ledger
from encryptsecurert_worker.vault.objects import ObjectStore
from encryptsecurert_worker.vault.quotas import Quotas
from encryptsecurert_worker.vault.site import Site
from encryptsecurert_worker.vault.time import WorkerTime


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerCore:
    """Everything that server and runner share. It is made once, at start."""

    state: Path
    storage_key: bytes = field(repr=False)
    memory_bytes: int
    claim: StateClaim
    ledger: Ledger
    time: WorkerTime
    provider: QuoteProvider
    tls: RatlsIdentity
    identity: WorkerIdentity
    site: Site
    leases: LeaseKeeper
    objects: ObjectStore
    quotas: Quotas
    book: JobBook
    tasks: TaskRegistry
    audit: AuditChain

    def statement(self) -> bytes:
        """Return the octets of what this worker says of itself now."""
        provisioned = self.site.current
        hpke = self.identity.hpke
        return Statement(
            worker_version=__version__,
            kind=self.provider.kind,
            measurement=self.provider.measurement,
            profile=Profile.BOTH,
            hpke_suite=hpke.suite,
            hpke_public_key=hpke.public,
            receipt_key=self.identity.receipt_spki,
            bundle=None if provisioned is None else provisioned.name,
            instance_id=self.identity.instance_id,
            start_id=self.identity.start_id,
            audit_head=self.audit.head,
            started_at=self.identity.started_at,
        ).encode()

    def evidence(self, nonce: bytes) -> EvidenceAnswer:
        """Return fresh evidence over this start's TLS key, the nonce and the statement."""
        statement = self.statement()
        quote = self.provider.quote(fresh_report_data(self.tls.spki, nonce, statement))
        return EvidenceAnswer(
            statement=statement, quote=quote, collateral=self.provider.collateral()
        )

    def sign_receipt(self, body: ReceiptBody, policy_sha256: str) -> bytes:
        """Return a receipt file: the signed body and a quote of its own over the job."""
        octets = body.encode()
        nonce = receipt_nonce(bytes.fromhex(body.job_sha256))
        evidence = self.evidence(nonce)
        return Receipt(
            body=octets,
            signature=sign(self.identity.receipt_key, Label.RECEIPT, octets),
            statement=evidence.statement,
            quote=evidence.quote,
            nonce=nonce,
            spki=self.tls.spki,
            collateral=evidence.collateral or b"",
            policy_sha256=policy_sha256,
        ).encode()

    @property
    def epoch(self) -> int:
        """Epoch of the present bundle, 0 without one."""
        provisioned = self.site.current
        return 0 if provisioned is None else provisioned.core.epoch

    @property
    def ready(self) -> bool:
        """Whether jobs are taken: a bundle is here, and a lease if it asks for one."""
        return self.leases.open

    def close(self) -> None:
        """Let go of the state folder; everything that was written is on the disk."""
        self.ledger.close()
        self.claim.release()

    def refusal_of(self, job: Job) -> ErrorCode | None:
        """Return why a job may no longer be done for its user, None if it may."""
        operation = self.tasks.operations.get(job.header.task)
        if operation is None:
            return ErrorCode.E_TASK
        return self.site.refusal(job.fingerprint, operation)

    def held_bytes(self, user: str) -> int:
        """Return the octets of a user's objects and sealed results."""
        return self.objects.held_bytes(user) + self.book.result_bytes(user)
