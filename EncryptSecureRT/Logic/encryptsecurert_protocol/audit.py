"""Audit lines: a hash chain of what was decided, each line sealed to the site's auditor.

    line     canonical JSON {n, prev, time, start_id, event, user, job, epoch, code, digest, case,
             note}; head = SHA-256(line)
    prev     SHA-256 of the line before; of line 1: SHA-256(`EncryptSecureRT/audit/v1` || 00 ||
             instance_id), so that a chain belongs to one state folder
    sealed   HPKE suite 2 to the auditor key, info = `EncryptSecureRT/audit/v1` || 00 ||
             instance_id || u64be n

Whoever has the auditor key can tell from lines and receipts whether a worker's state was rolled
back, forked or cut.
"""

import hashlib
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import (
    DIGEST_BYTES,
    ID_BYTES,
    MAX_INTEGER,
    Fields,
    base64_text,
    time_text,
)
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.sealing import HpkeKeyPair, HpkeSuite, hpke_seal

_CONTEXT = b"EncryptSecureRT/audit/v1\x00"
_LINE = "n prev time start_id event user job epoch code digest case note".split()
_PAGE_SCHEMA = "encryptsecurert.auditpage/1"
_PAGE = ("schema", "instance_id", "start_id", "n", "head", "lines")
_ID_OR_NONE = r"([0-9a-f]{32})?"
_CODE_OR_NONE = r"(E_[A-Z_]{1,40})?"
_DIGEST_OR_NONE = r"([0-9a-f]{64})?"
_CASE_OR_NONE = r"(P[A-Z2-7]{16})?"
NOTE_CHARACTERS = 500
MAX_SEALED_LINE_BYTES = 16 * 1024
MAX_PAGE_BYTES = LIMITS.audit_lines * 2 * MAX_SEALED_LINE_BYTES


class AuditEvent(Enum):
    """What a line tells of."""

    STARTED = "started"  # first line of each start that has a bundle; digest: the bundle's
    STOPPED = "stopped"
    PROVISIONED = "provisioned"  # digest: the bundle's
    LEASED = "leased"
    JOB_SUBMITTED = "job-submitted"  # digest: the job's, here and below
    JOB_REFUSED = "job-refused"
    JOB_STARTED = "job-started"
    JOB_FINISHED = "job-finished"
    JOB_ENDED = "job-ended"  # without results; code tells why
    JOB_CANCEL = "job-cancel"
    JOB_REQUEUED = "job-requeued"  # after a restart or a stop
    RESULT_FETCHED = "result-fetched"
    BREAK_GLASS = "break-glass"  # case and note (the reason) are set
    REVEALED = "revealed"  # case, and note: form, classes and number of files, here and below
    REVEAL_REFUSED = "reveal-refused"  # case is empty if no signed manifest names the file
    VOUCHED = "vouched"  # note: number of files; the user says that their pixels show no text
    AUDIT_READ = "audit-read"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLine:
    """One line of the chain; members that do not apply are empty, `epoch` 0."""

    n: int
    prev: str
    time: datetime
    start_id: str
    event: AuditEvent
    user: str = ""
    job: str = ""
    epoch: int = 0
    code: str = ""
    digest: str = ""
    case: str = ""
    note: str = ""

    def encode(self) -> bytes:
        """Return the canonical octets; their SHA-256 is the head after this line."""
        return canonical.encode(
            {
                "n": self.n,
                "prev": self.prev,
                "time": time_text(self.time),
                "start_id": self.start_id,
                "event": self.event.value,
                "user": self.user,
                "job": self.job,
                "epoch": self.epoch,
                "code": self.code,
                "digest": self.digest,
                "case": self.case,
                "note": self.note,
            }
        )

    @property
    def head(self) -> str:
        """SHA-256 of the line, in hex."""
        return hashlib.sha256(self.encode()).hexdigest()

    @classmethod
    def decode(cls, octets: bytes) -> "AuditLine":
        """Read a line strictly (E_FORMAT)."""
        fields = Fields(canonical.decode(octets, LIMITS.json_line_bytes), _LINE)
        return cls(
            n=fields.integer("n", 1, MAX_INTEGER),
            prev=fields.hex("prev", DIGEST_BYTES),
            time=fields.time("time"),
            start_id=fields.hex("start_id", ID_BYTES),
            event=AuditEvent(fields.text("event", "|".join(e.value for e in AuditEvent))),
            user=fields.text("user", _ID_OR_NONE),
            job=fields.text("job", _ID_OR_NONE),
            epoch=fields.integer("epoch", 0, MAX_INTEGER),
            code=fields.text("code", _CODE_OR_NONE),
            digest=fields.text("digest", _DIGEST_OR_NONE),
            case=fields.text("case", _CASE_OR_NONE),
            note=fields.text("note", r"[^\x00-\x1f\x7f]*", NOTE_CHARACTERS),
        )


def audit_genesis(instance_id: str) -> str:
    """Return `prev` of line 1 of an instance."""
    return hashlib.sha256(_CONTEXT + bytes.fromhex(instance_id)).hexdigest()


def _info(instance_id: str, n: int) -> bytes:
    return _CONTEXT + bytes.fromhex(instance_id) + n.to_bytes(8, "big")


def seal_audit_line(line: bytes, n: int, instance_id: str, auditor_key: bytes) -> bytes:
    """Seal line `n` to the auditor (suite 2)."""
    return hpke_seal(HpkeSuite.MLKEM768_X25519, auditor_key, _info(instance_id, n), line)


def open_audit_line(sealed: bytes, n: int, instance_id: str, auditor: HpkeKeyPair) -> bytes:
    """Return the octets of line `n`, or refuse with E_SEAL."""
    return auditor.open(sealed, _info(instance_id, n))


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPage:
    """Answer of `GET /v1/audit?after=n`: sealed lines after n, and where the chain stands.

    `n` and `head` are those of the newest line of the whole chain, which a page need not reach.
    """

    instance_id: str
    start_id: str
    n: int
    head: str
    lines: tuple[bytes, ...]

    def encode(self) -> bytes:
        """Return the canonical octets."""
        return canonical.encode(
            {
                "schema": _PAGE_SCHEMA,
                "instance_id": self.instance_id,
                "start_id": self.start_id,
                "n": self.n,
                "head": self.head,
                "lines": [base64_text(line) for line in self.lines],
            }
        )

    @classmethod
    def decode(cls, octets: bytes) -> "AuditPage":
        """Read a page strictly (E_FORMAT, E_TOO_LARGE)."""
        fields = Fields(canonical.decode(octets, MAX_PAGE_BYTES), _PAGE)
        fields.constant("schema", _PAGE_SCHEMA)
        lines = fields.items("lines", LIMITS.audit_lines)
        return cls(
            instance_id=fields.hex("instance_id", ID_BYTES),
            start_id=fields.hex("start_id", ID_BYTES),
            n=fields.integer("n", 0, MAX_INTEGER),
            head=fields.hex("head", DIGEST_BYTES),
            lines=tuple(
                Fields({"l": line}, ("l",)).octets("l", MAX_SEALED_LINE_BYTES) for line in lines
            ),
        )


def checked_note(text: str) -> str:
    """Return a reason as a line may hold it, or refuse with E_PARAMETERS."""
    trimmed = " ".join(unicodedata.normalize("NFC", text).split())
    if not 1 <= len(trimmed) <= NOTE_CHARACTERS or not trimmed.isprintable():
        raise EncryptSecureRTError(ErrorCode.E_PARAMETERS)
    return trimmed
