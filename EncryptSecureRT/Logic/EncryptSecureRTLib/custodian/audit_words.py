"""Audit lines for people: who did what when, in words; alarms apart."""

from collections.abc import Iterable

from encryptsecurert_protocol.audit import AuditEvent, AuditLine
from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.fields import time_text

_WORDS = {
    AuditEvent.STARTED: "the worker started",
    AuditEvent.STOPPED: "the worker stopped",
    AuditEvent.PROVISIONED: "a bundle was brought",
    AuditEvent.LEASED: "a lease was brought",
    AuditEvent.JOB_SUBMITTED: "sent a job",
    AuditEvent.JOB_REFUSED: "sent a job that was refused",
    AuditEvent.JOB_STARTED: "the job started",
    AuditEvent.JOB_FINISHED: "the job finished, with a receipt",
    AuditEvent.JOB_ENDED: "the job ended without results",
    AuditEvent.JOB_CANCEL: "stopped a job",
    AuditEvent.JOB_REQUEUED: "the job waits again",
    AuditEvent.RESULT_FETCHED: "fetched a result",
    AuditEvent.BREAK_GLASS: "BREAK-GLASS: opened a case without a grant",
    AuditEvent.REVEALED: "was shown originals",
    AuditEvent.REVEAL_REFUSED: "was refused originals",
    AuditEvent.VOUCHED: "vouched that pictures show no text in their pixels",
    AuditEvent.AUDIT_READ: "read the audit log",
}


def said(line: AuditLine) -> str:
    """Return what a line tells, in words."""
    words = _WORDS[line.event]
    if line.code:
        known = ErrorCode.__members__.get(line.code)
        words += f" ({line.code})" if known is None else f" ({line.code}: {known.value.what})"
    return words


def shown(text: str) -> str:
    """Return a note as a terminal may show it: nothing in it can move or hide text."""
    return text if text.isprintable() else ascii(text)


def as_json(line: AuditLine) -> dict[str, object]:
    """Return the members of a result."""
    return {
        "n": line.n,
        "time": time_text(line.time),
        "event": line.event.value,
        "user": line.user,
        "job": line.job,
        "code": line.code,
        "case": line.case,
        "note": line.note,
        "epoch": line.epoch,
        "start_id": line.start_id,
        "digest": line.digest,
        "said": said(line),
    }


def as_row(line: AuditLine) -> dict[str, object]:
    """Return the columns of a table."""
    return {
        "n": line.n,
        "time": time_text(line.time),
        "user": line.user,
        "what": said(line),
        "job": line.job,
        "case": line.case,
        "note": shown(line.note),
    }


def alarms(lines: Iterable[AuditLine]) -> list[AuditLine]:
    """Return the lines that tell of a broken glass."""
    return [line for line in lines if line.event is AuditEvent.BREAK_GLASS]


def alarm_sentence(line: AuditLine) -> str:
    """Return what a person must not overlook."""
    return (
        f"BREAK-GLASS: line {line.n}, {time_text(line.time)}, user {line.user} opened case "
        f"{line.case or 'unknown'}: {shown(line.note)}"
    )


def summary(lines: Iterable[AuditLine]) -> dict[str, int]:
    """Count lines by event, broken glass first."""
    counts = dict.fromkeys((AuditEvent.BREAK_GLASS, *AuditEvent), 0)
    for line in lines:
        counts[line.event] += 1
    return {event.value: count for event, count in counts.items()}
