"""Audit chains made line by line, a worker that serves them as told, and receipts that fit."""

import dataclasses
import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.audit import (
    AuditEvent,
    AuditLine,
    AuditPage,
    audit_genesis,
    seal_audit_line,
)
from encryptsecurert_protocol.fields import time_text
from encryptsecurert_protocol.receipts import Receipt, ReceiptBody
from encryptsecurert_protocol.sealing import HpkeKeyPair, HpkeSuite
from encryptsecurert_protocol.signatures import Label, SigningKey, sign, signed_message, spki_der
from encryptsecurert_protocol.statement import Kind, Profile, Statement
from EncryptSecureRTLib.custodian.audit_fetch import fetch
from EncryptSecureRTLib.custodian.audit_findings import Finding
from EncryptSecureRTLib.custodian.audit_judge import judge_log
from EncryptSecureRTLib.custodian.audit_log import AuditLog
from EncryptSecureRTLib.custodian.certificates import Validity, certificate_pem, make_user_ca

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
INSTANCE, OTHER_INSTANCE = "a1" * 16, "b2" * 16
USER, AUDITOR_USER = "c3" * 16, "d4" * 16
AUDITOR = HpkeKeyPair.generate()
RECEIPT_KEY = ed25519.Ed25519PrivateKey.generate()
USER_KEY = ec.generate_private_key(ec.SECP256R1())
USER_CERTIFICATE = make_user_ca(USER_KEY, Validity.from_days(NOW, 90))
_EPOCH = 3


class MadeChain:
    """A worker's history: starts, lines, jobs; `copy` is what a backup of its folder is."""

    def __init__(self, instance_id: str = INSTANCE, now: datetime = NOW) -> None:
        self.instance_id = instance_id
        self.start_id = "00" * 16
        self.now = now
        self.lines: list[AuditLine] = []
        self.jobs = 0

    @property
    def n(self) -> int:
        """Number of the newest line."""
        return len(self.lines)

    @property
    def head(self) -> str:
        """The head after the newest line."""
        return self.lines[-1].head if self.lines else audit_genesis(self.instance_id)

    def copy(self, n: int | None = None) -> "MadeChain":
        """Return this history up to line `n`, to be gone on with apart."""
        other = MadeChain(self.instance_id, self.now)
        other.lines = self.lines[:n]
        other.start_id, other.jobs = self.start_id, self.jobs
        return other

    def add(self, event: AuditEvent, **members: str | int) -> AuditLine:
        """Add a line, a second later than the last."""
        self.now += timedelta(seconds=1)
        line = AuditLine(
            n=self.n + 1,
            prev=self.head,
            time=self.now,
            start_id=self.start_id,
            event=event,
            epoch=_EPOCH,
            **members,  # type: ignore[arg-type]  # the line's own members
        )
        self.lines.append(line)
        return line

    def start(self, name: int) -> Self:
        """Start the worker, under the start id that `name` makes."""
        self.start_id = f"{name:032x}"
        self.add(AuditEvent.STARTED)
        return self

    def job(self, name: int | None = None) -> ReceiptBody:
        """Run a job and return what its receipt says."""
        self.jobs += 1
        job = f"{name or self.jobs:032x}"
        digest = f"{name or self.jobs:064x}"
        self.add(AuditEvent.JOB_SUBMITTED, user=USER, job=job, digest=digest)
        line = self.add(AuditEvent.JOB_FINISHED, user=USER, job=job, digest=digest)
        return ReceiptBody(
            job_sha256=digest,
            task="segment",
            algorithm="classical-1",
            parameters={},
            inputs=(),
            outputs=(),
            models=(),
            numbers=(),
            warnings=(),
            user=USER,
            certificate=hashlib.sha256(USER_CERTIFICATE).hexdigest(),
            site_key_id="f6" * 32,
            epoch=_EPOCH,
            instance_id=self.instance_id,
            start_id=self.start_id,
            audit_head=line.head,
            time_claimed=self.now,
        )

    def run(self, start: int, jobs: int) -> Self:
        """Start the worker and run some jobs."""
        self.start(start)
        for _ in range(jobs):
            self.job()
        return self


def statement_of(instance_id: str, start_id: str) -> Statement:
    """Return what a worker says of itself."""
    return Statement(
        worker_version="0.1.0",
        kind=Kind.SIMULATED,
        measurement="01" * 32,
        profile=Profile.BOTH,
        hpke_suite=HpkeSuite(AUDITOR.suite),
        hpke_public_key=AUDITOR.public,
        receipt_key=spki_der(RECEIPT_KEY.public_key()),
        bundle=None,
        instance_id=instance_id,
        start_id=start_id,
        audit_head="07" * 32,
        started_at=NOW,
    )


def sealed(chain: MadeChain) -> list[bytes]:
    """Seal every line of a chain, each under its own number."""
    return [
        seal_audit_line(line.encode(), line.n, chain.instance_id, AUDITOR.public)
        for line in chain.lines
    ]


class FakeWorker:
    """Serves sealed lines, of which a test may change any; notes what was asked for."""

    def __init__(self, chain: MadeChain, *, page_lines: int = 4) -> None:
        self.instance_id, self.start_id = chain.instance_id, chain.start_id
        self.n, self.head = chain.n, chain.head
        self.lines = sealed(chain)
        self.page_lines = page_lines
        self.asked: list[int] = []

    @property
    def statement(self) -> Statement:
        """What the worker says of itself."""
        return statement_of(self.instance_id, self.start_id)

    def page(self, after: int) -> AuditPage:
        """Answer as a worker does."""
        return AuditPage(
            instance_id=self.instance_id,
            start_id=self.start_id,
            n=self.n,
            head=self.head,
            lines=tuple(self.lines[after : after + self.page_lines]),
        )

    def download(self, path: str, max_bytes: int) -> bytes:
        """Answer `GET /v1/audit`."""
        after = int(parse_qs(urlsplit(path).query)["after"][0])
        self.asked.append(after)
        octets = self.page(after).encode()
        assert urlsplit(path).path == "/v1/audit"
        assert len(octets) <= max_bytes
        return octets

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Stay open: there is nothing to close."""


def fetched(folder: Path, chain: MadeChain | FakeWorker, at: datetime = NOW) -> list[Finding]:
    """Fetch as the command does; return what was found at once and in the copy."""
    worker = chain if isinstance(chain, FakeWorker) else FakeWorker(chain)
    log = AuditLog(folder)
    found = fetch(log, worker, AUDITOR, at).findings
    return [*found, *judge_log(AuditLog(folder))]


def names(found: list[Finding]) -> list[str]:
    """Return the names of findings."""
    return [finding.name.value for finding in found]


def receipt_of(body: ReceiptBody, *, key: ed25519.Ed25519PrivateKey = RECEIPT_KEY) -> bytes:
    """Return the octets of a receipt file."""
    octets = body.encode()
    return Receipt(
        body=octets,
        signature=sign(key, Label.RECEIPT, octets),
        statement=statement_of(body.instance_id, body.start_id).encode(),
        quote=b"quote",
        nonce=bytes(32),
        spki=b"spki",
        collateral=b"",
        policy_sha256="02" * 32,
    ).encode()


def archive(folder: Path, *bodies: ReceiptBody) -> Path:
    """Put receipts into folders as a client's archive has them."""
    for body in bodies:
        path = folder / body.audit_head / "receipt.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(receipt_of(body))
    return folder


def note_of(
    body: ReceiptBody,
    at: datetime,
    *,
    key: SigningKey = USER_KEY,
    label: Label = Label.RECEIVED,
) -> bytes:
    """Return the note of when a receipt came."""
    digest = hashlib.sha256(receipt_of(body)).hexdigest()
    note = canonical.encode({"receipt": digest, "received_at": time_text(at)})
    return canonical.encode(signed_message(note, sign(key, label, note)))


def put_note(
    archived: Path, body: ReceiptBody, note: bytes, certificate: bytes = USER_CERTIFICATE
) -> None:
    """Put a note beside an archived receipt, with the certificate of its signer."""
    folder = archived / body.audit_head
    (folder / "received.json").write_bytes(note)
    (folder / "user.pem").write_bytes(certificate_pem(certificate))


def other_job(body: ReceiptBody) -> ReceiptBody:
    """Return what a receipt of another job would say at the same head."""
    return dataclasses.replace(body, job_sha256="ab" * 32)
