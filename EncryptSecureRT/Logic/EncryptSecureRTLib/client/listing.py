"""What a worker tells its user: the user's jobs, and what the user may do there."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from encryptsecurert_protocol.bundles import PSEUDONYM
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode, error_from_name
from encryptsecurert_protocol.fields import ID_BYTES, MAX_INTEGER, Fields, time_text
from encryptsecurert_protocol.jobs import TASK_NAME, JobState
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.reveals import RevealClass
from EncryptSecureRTLib.client.jobs import JOB_STATES
from EncryptSecureRTLib.client.line import Line

_ERROR = r"E_[A-Z_]{1,40}"
_NAME = r"[A-Za-z0-9_.+-]{1,64}"
_MAX_ROWS = 100_000
_OFFER = (
    *("tasks", "models", "cases", "classes", "limits"),
    *("memory_bytes", "held_bytes", "patients_today"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """One job as the worker lists it; `place` counts the jobs before it in the queue."""

    job: str
    task: str
    state: JobState
    place: int
    created: datetime
    error: str | None

    def as_json(self) -> dict[str, object]:
        """Return the row's members."""
        return {
            "job": self.job,
            "task": self.task,
            "state": self.state.value,
            "place": self.place,
            "created": time_text(self.created),
            "error": self.error,
        }


def list_jobs(channel: Line) -> list[JobRow]:
    """Return the user's jobs in the order of their coming."""
    answer = Fields(channel.request_json("GET", "/v1/jobs"), ("jobs",))
    return [_job_row(item) for item in answer.items("jobs", LIMITS.kept_jobs_per_user)]


def find_job(channel: Line, job: str) -> JobRow:
    """Return one job of the user, or refuse with E_NOT_FOUND."""
    for row in list_jobs(channel):
        if row.job == job:
            return row
    raise EncryptSecureRTError(ErrorCode.E_NOT_FOUND)


def _job_row(item: object) -> JobRow:
    fields = Fields(item, ("job", "task", "state", "place", "created", "error"))
    error = None if fields.is_null("error") else fields.text("error", _ERROR)
    return JobRow(
        job=fields.hex("job", ID_BYTES),
        task=fields.text("task", TASK_NAME),
        state=JobState(fields.text("state", JOB_STATES)),
        place=fields.integer("place", 0, LIMITS.queued_jobs),
        created=fields.time("created"),
        error=error and error_from_name(error).code.name,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What the user may do at this worker.

    Attributes
    ----------
    tasks : (name, algorithm, parameters as the task describes them).
    models : (name, version, task).
    cases : (pseudonym, open until, whether by break-glass).
    classes : of attributes that the user's roles see in a reveal; none without that right.
    held_bytes, memory_bytes : what the user's objects take of the worker's store, and its memory.
    """

    tasks: tuple[tuple[str, str, Mapping[str, Any]], ...]
    models: tuple[tuple[str, str, str], ...]
    cases: tuple[tuple[str, datetime, bool], ...]
    classes: tuple[str, ...]
    limits: Mapping[str, int]
    memory_bytes: int
    held_bytes: int
    patients_today: int


def ask_offer(channel: Line) -> Offer:
    """Ask the worker what is open to the user."""
    fields = Fields(channel.request_json("GET", "/v1/tasks"), _OFFER)
    limits = fields.object("limits")
    return Offer(
        tasks=tuple(_task(item) for item in fields.items("tasks", _MAX_ROWS)),
        models=tuple(_model(item) for item in fields.items("models", _MAX_ROWS)),
        cases=tuple(_case(item) for item in fields.items("cases", _MAX_ROWS)),
        classes=tuple(_class(item) for item in fields.items("classes", len(RevealClass))),
        limits={name: Fields(limits, limits).integer(name, 0, MAX_INTEGER) for name in limits},
        memory_bytes=fields.integer("memory_bytes", 0, MAX_INTEGER),
        held_bytes=fields.integer("held_bytes", 0, MAX_INTEGER),
        patients_today=fields.integer("patients_today", 0, MAX_INTEGER),
    )


def _task(item: object) -> tuple[str, str, Mapping[str, Any]]:
    fields = Fields(item, ("name", "algorithm", "parameters"))
    return (
        fields.text("name", TASK_NAME),
        fields.text("algorithm", _NAME),
        fields.object("parameters"),
    )


def _model(item: object) -> tuple[str, str, str]:
    fields = Fields(item, ("model", "version", "task"))
    return (
        fields.text("model", _NAME),
        fields.text("version", _NAME),
        fields.text("task", TASK_NAME),
    )


def _class(item: object) -> str:
    known = "|".join(one.value for one in RevealClass)
    return Fields({"class": item}, ("class",)).text("class", known)


def _case(item: object) -> tuple[str, datetime, bool]:
    fields = Fields(item, ("pseudonym", "until", "break_glass"))
    return fields.text("pseudonym", PSEUDONYM), fields.time("until"), fields.boolean("break_glass")
