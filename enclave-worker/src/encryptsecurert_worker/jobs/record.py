"""What the ledger holds of a job: everything that must be known after a restart, and no more.

    kind `job`, owner = user id, id = job id
    header   octets as they were signed (base64), null once the job has ended
    head     what is left of the header then: {task, certificate, created, expires, digest}
    state    queued, done, failed, cancelled; who was running in a crash is queued again
    events   lines of an ended job, without its progress

The result key is gone with the header: nothing more can be sealed to the owner of an ended job.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.events import EndEvent, decode_event
from encryptsecurert_protocol.fields import (
    DIGEST_BYTES,
    ID_BYTES,
    MAX_INTEGER,
    Fields,
    base64_text,
    time_text,
)
from encryptsecurert_protocol.jobs import TASK_NAME, JobHeader, JobState, job_digest
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.results import RESULT_NAME
from encryptsecurert_worker.vault.ledger import Change

KIND = "job"
MAX_LINES = 1024
_MAX_RESULTS = 64
_STATE = ErrorCode.E_STATE
_FACT = (
    "header head state seq starts events_from error ended_service_s cancel results events"
).split()
_HEAD = ("task", "certificate", "created", "expires", "digest")
_RESULT = ("name", "file", "size", "sha256")
_STATES = {state.value: state for state in JobState if state is JobState.QUEUED or state.ended}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobHead:
    """What of a job's header is of use as long as the job is known."""

    job: str
    user: str
    task: str
    certificate: str
    created: datetime
    expires: datetime

    @classmethod
    def of(cls, header: JobHeader) -> "JobHead":
        """Return the head of a header."""
        return cls(**{name: getattr(header, name) for name in cls.__slots__})


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultFile:
    """A sealed result: its name for the owner, its random name on disk, and what it must be."""

    name: str
    file: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """One job as the ledger holds it.

    Attributes
    ----------
    octets : the header as it was signed; empty once the job has ended.
    seq : where it stands in the order of acceptance.
    starts : how often it was started, without those that a stop cut short.
    events_from : highest event number that may have been used.
    cancel : whether the owner was told that the job will be cancelled.
    """

    head: JobHead
    digest: bytes
    octets: bytes
    seq: int
    state: JobState = JobState.QUEUED
    starts: int = 0
    events_from: int = 0
    error: str | None = None
    ended_service_s: int = 0
    cancel: bool = False
    results: tuple[ResultFile, ...] = ()
    lines: tuple[bytes, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """Owner and id."""
        return self.head.user, self.head.job

    def fact(self) -> Change:
        """Return the fact to write."""
        return Change(
            KIND,
            *self.key,
            {
                "header": None if self.state.ended else base64_text(self.octets),
                "head": self._head() if self.state.ended else None,
                "state": self.state.value,
                "seq": self.seq,
                "starts": self.starts,
                "events_from": self.events_from,
                "error": self.error,
                "ended_service_s": self.ended_service_s,
                "cancel": self.cancel,
                "results": [[r.name, r.file, r.size_bytes, r.sha256] for r in self.results],
                "events": [line.decode("ascii") for line in self.lines],
            },
        )

    def _head(self) -> dict[str, str]:
        return {
            "task": self.head.task,
            "certificate": self.head.certificate,
            "created": time_text(self.head.created),
            "expires": time_text(self.head.expires),
            "digest": self.digest.hex(),
        }

    @classmethod
    def read(cls, owner: str, job_id: str, value: Mapping[str, Any]) -> "JobRecord":
        """Read a fact; anything odd is E_STATE."""
        try:
            record = cls._read(owner, job_id, Fields(value, _FACT, _STATE))
        except EncryptSecureRTError:
            raise EncryptSecureRTError(_STATE) from None
        if record.key != (owner, job_id):
            raise EncryptSecureRTError(_STATE)
        return record

    @classmethod
    def _read(cls, owner: str, job_id: str, fields: Fields) -> "JobRecord":
        state = _STATES[fields.text("state", "|".join(_STATES))]
        octets = b""
        if not fields.is_null("header" if state.ended else "head"):
            raise EncryptSecureRTError(_STATE)
        if state.ended:
            head, digest = _read_head(owner, job_id, fields.child("head", _HEAD))
        else:
            octets = fields.octets("header", LIMITS.header_bytes)
            head, digest = JobHead.of(JobHeader.decode(octets)), job_digest(octets)
        return cls(
            head=head,
            digest=digest,
            octets=octets,
            seq=fields.integer("seq", 1, MAX_INTEGER),
            state=state,
            starts=fields.integer("starts", 0, MAX_INTEGER),
            events_from=fields.integer("events_from", 1, MAX_INTEGER),
            error=None if fields.is_null("error") else fields.text("error", r"E_[A-Z_]{1,40}"),
            ended_service_s=fields.integer("ended_service_s", 0, MAX_INTEGER),
            cancel=fields.boolean("cancel"),
            results=tuple(_read_result(r) for r in fields.items("results", _MAX_RESULTS)),
            lines=_read_lines(fields.items("events", MAX_LINES), state),
        )


def _read_head(owner: str, job_id: str, fields: Fields) -> tuple[JobHead, bytes]:
    ids = Fields({"job": job_id, "user": owner}, ("job", "user"))
    head = JobHead(
        job=ids.hex("job", ID_BYTES),
        user=ids.hex("user", ID_BYTES),
        task=fields.text("task", TASK_NAME),
        certificate=fields.hex("certificate", DIGEST_BYTES),
        created=fields.time("created"),
        expires=fields.time("expires"),
    )
    return head, bytes.fromhex(fields.hex("digest", DIGEST_BYTES))


def _read_result(item: object) -> ResultFile:
    if not isinstance(item, list) or len(item) != len(_RESULT):
        raise EncryptSecureRTError(_STATE)
    fields = Fields(dict(zip(_RESULT, item, strict=True)), _RESULT)
    return ResultFile(
        name=fields.text("name", RESULT_NAME),
        file=fields.hex("file", ID_BYTES),
        size_bytes=fields.integer("size", 1, 2 * LIMITS.object_bytes),
        sha256=fields.hex("sha256", DIGEST_BYTES),
    )


def _read_lines(items: list[Any], state: JobState) -> tuple[bytes, ...]:
    lines = tuple(line.encode() for line in items if isinstance(line, str))
    events = [decode_event(line) for line in lines]
    numbers = [event.n for event in events]
    if len(lines) != len(items) or numbers != sorted(set(numbers)):
        raise EncryptSecureRTError(_STATE)
    last = events[-1] if events else None
    ends = isinstance(last, EndEvent) and last.state is state
    if state.ended is not ends or (events and not ends):
        raise EncryptSecureRTError(_STATE)
    return lines
