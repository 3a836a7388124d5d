"""The officer's report of a protected study: the reports of its jobs, added up.

    {schema, study, made_at, simulated, report, left_out, batches: [{receipt_sha256,
     report_sha256, worker: {...}, report}]}

The worker's own reports stand in it as they came: canonical JSON has one encoding, so their octets,
and the digests that the receipts name, follow from it, and anybody can add them up again. What the
worker never saw, or refused and was not given whole later, is `left_out`: this computer's word.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import DIGEST_BYTES, MAX_INTEGER, Fields, time_text
from encryptsecurert_protocol.limits import MIB
from encryptsecurert_protocol.protection_reports import REPORT_NAME, ProtectionReport, merged
from EncryptSecureRTLib.attest.verdict import Verdict
from EncryptSecureRTLib.client.check import attested_words
from EncryptSecureRTLib.client.jobs import Finished
from EncryptSecureRTLib.client.refused import RefusedFile

FILE_SCHEMA = "encryptsecurert.protection-report-file/1"
MAX_FILE_BYTES = 64 * MIB
_MEMBERS = ("schema", "study", "made_at", "simulated", "report", "left_out", "batches")
_BATCH = ("receipt_sha256", "report_sha256", "worker", "report")
_WORKER = ("simulated", "words", "measurement", "policy_sha256", "judged_at")
_LEFT_OUT = ("kind", "code", "files")
_MOST_BATCHES, _MOST_ROWS = 4096, 4096
_LINE = r"[ -~]{1,200}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """What was found of the worker that made a report, when its receipt was judged."""

    simulated: bool
    words: str
    measurement: str
    policy_sha256: str
    judged_at: datetime

    @classmethod
    def of(cls, verdict: Verdict) -> "Worker":
        """Return what a verdict says."""
        return cls(
            simulated=verdict.simulated,
            words=attested_words(verdict),
            measurement=verdict.measurement,
            policy_sha256=verdict.policy_sha256,
            judged_at=verdict.judged_at,
        )

    def as_json(self) -> dict[str, Any]:
        """Return the members."""
        return {
            "simulated": self.simulated,
            "words": self.words,
            "measurement": self.measurement,
            "policy_sha256": self.policy_sha256,
            "judged_at": time_text(self.judged_at),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchReport:
    """The report of one job.

    Attributes
    ----------
    report_sha256 : of the result's octets, as the receipt names it.
    """

    report: ProtectionReport
    report_sha256: str
    receipt_sha256: str
    worker: Worker

    def __post_init__(self) -> None:
        if hashlib.sha256(self.report.encode()).hexdigest() != self.report_sha256:
            raise EncryptSecureRTError(ErrorCode.E_DIGEST)

    @classmethod
    def of(cls, finished: Finished) -> "BatchReport":
        """Return the report of a finished job (E_RESULT if it has none)."""
        octets = finished.results.get(REPORT_NAME, b"")
        try:
            return cls(
                report=ProtectionReport.decode(bytes(octets)),
                report_sha256=hashlib.sha256(octets).hexdigest(),
                receipt_sha256=finished.judged.sha256,
                worker=Worker.of(finished.judged.verdict),
            )
        except EncryptSecureRTError:
            raise EncryptSecureRTError(ErrorCode.E_RESULT) from None

    def as_json(self) -> dict[str, Any]:
        """Return the members."""
        return {
            "receipt_sha256": self.receipt_sha256,
            "report_sha256": self.report_sha256,
            "worker": self.worker.as_json(),
            "report": self.report.as_json(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyReport:
    """The report of one protected study.

    Attributes
    ----------
    report : the sum of those of the batches.
    left_out : (kind, code, files) of files that are not in the protected copy.
    """

    report: ProtectionReport
    made_at: datetime
    left_out: tuple[tuple[str, str, int], ...]
    batches: tuple[BatchReport, ...] = field(repr=False)

    def __post_init__(self) -> None:
        parts = [one.report for one in self.batches]
        if not parts or merged(parts) != self.report or len(self.report.studies) != 1:
            raise EncryptSecureRTError(ErrorCode.E_DIGEST)

    @property
    def study(self) -> str:
        """The mapped StudyInstanceUID."""
        return self.report.studies[0]

    @property
    def simulated(self) -> bool:
        """Whether one of the workers was simulated."""
        return any(one.worker.simulated for one in self.batches)

    def encode(self) -> bytes:
        """Return the octets of the file."""
        rows = [dict(zip(_LEFT_OUT, row, strict=True)) for row in self.left_out]
        return canonical.encode(
            {
                "schema": FILE_SCHEMA,
                "study": self.study,
                "made_at": time_text(self.made_at),
                "simulated": self.simulated,
                "report": self.report.as_json(),
                "left_out": rows,
                "batches": [one.as_json() for one in self.batches],
            }
        )

    @classmethod
    def decode(cls, octets: bytes) -> "StudyReport":
        """Read a file strictly; nothing of receipts is checked here.

        Raises
        ------
        EncryptSecureRTError
            E_FORMAT, E_TOO_LARGE; E_DIGEST if a batch is not the one of its digest, or if their
            sum is not the report.
        """
        fields = Fields(canonical.decode(octets, MAX_FILE_BYTES), _MEMBERS)
        fields.constant("schema", FILE_SCHEMA)
        read = cls(
            report=ProtectionReport.from_json(fields.object("report")),
            made_at=fields.time("made_at"),
            left_out=tuple(_left_out(one) for one in fields.items("left_out", _MOST_ROWS)),
            batches=tuple(_batch(one) for one in fields.items("batches", _MOST_BATCHES, 1)),
        )
        if read.encode() != octets:  # what is told on top is not what the batches say
            raise EncryptSecureRTError(ErrorCode.E_DIGEST)
        return read


def study_report(
    batches: Sequence[BatchReport], refused: Sequence[RefusedFile], *, instances: int, now: datetime
) -> StudyReport:
    """Return the report of a study that was just protected.

    Parameters
    ----------
    refused : the files that are not in the protected copy.
    instances : how many are.

    Raises
    ------
    EncryptSecureRTError
        E_RESULT if the reports are not of one call about one study and so many instances.
    """
    left_out = Counter((one.kind, one.code.name) for one in refused)
    try:
        made = StudyReport(
            report=merged([one.report for one in batches]),
            made_at=now,
            left_out=tuple((*row, count) for row, count in sorted(left_out.items())),
            batches=tuple(batches),
        )
    except EncryptSecureRTError:
        raise EncryptSecureRTError(ErrorCode.E_RESULT) from None
    if made.report.instances != instances:
        raise EncryptSecureRTError(ErrorCode.E_RESULT)
    return made


def _left_out(item: object) -> tuple[str, str, int]:
    fields = Fields(item, _LEFT_OUT)
    return (
        fields.text("kind", _LINE),
        fields.text("code", r"E_[A-Z_]{1,40}"),
        fields.integer("files", 1, MAX_INTEGER),
    )


def _batch(item: object) -> BatchReport:
    fields = Fields(item, _BATCH)
    worker = fields.child("worker", _WORKER)
    return BatchReport(
        report=ProtectionReport.from_json(fields.object("report")),
        report_sha256=fields.hex("report_sha256", DIGEST_BYTES),
        receipt_sha256=fields.hex("receipt_sha256", DIGEST_BYTES),
        worker=Worker(
            simulated=worker.boolean("simulated"),
            words=worker.text("words", _LINE),
            measurement=worker.hex("measurement", DIGEST_BYTES),
            policy_sha256=worker.hex("policy_sha256", DIGEST_BYTES),
            judged_at=worker.time("judged_at"),
        ),
    )
