"""The child's JSON lines, turned into events and log lines.

A line is news at once, but for the last one: a result counts only when the child has ended with 0.
What is not as it should be is passed over, since the child may be of a later version; a child that
ends without a result or an error is a fault of its own.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from EncryptSecureRTLib.client.process import ErrorCode, Message, error_of_line
from EncryptSecureRTLib.panel.events import Away, Ended, Event, Judged, Line, Results, Step, Taken
from EncryptSecureRTLib.panel.log import Log
from EncryptSecureRTLib.panel.messages import (
    cancelled_notice,
    lost_notice,
    megabytes,
    minutes,
    not_told_notice,
    notice_of,
    refuses_worker,
)
from EncryptSecureRTLib.panel.phases import Kind
from EncryptSecureRTLib.panel.state import Allowed, CheckRow, Outcome, Sealed, Trust

_PASSING = (ErrorCode.E_UNREACHABLE, ErrorCode.E_TIMEOUT, ErrorCode.E_BUSY)
_STAGE_KINDS = {
    "upload": Kind.UPLOAD,
    "fetch": Kind.FETCH,
    "display": Kind.FETCH,
    "report": Kind.FETCH,
    "write": Kind.FETCH,
}
_MOST_CHARACTERS = 4096  # of a path; whatever is shown is far shorter
_STAGE_WORDS = {
    "connect": "connecting and attesting",
    "read": "reading the inputs",
    "scan": "looking through the files",
    "upload": "sending, sealed",
    "submit": "ordering the job",
    "run": "the worker has the job",
    "fetch": "fetching the results",
    "display": "unpacking what is shown",
    "report": "writing tables and report",
    "write": "checking the receipt",
}


class Listener:
    """Hears one child from its first line to its end.

    Parameters
    ----------
    command : what the child was started for.
    now_s : the session's clock.
    job : the job that the child is to find or to end; empty if it begins one.
    """

    def __init__(
        self, command: str, now_s: Callable[[], float], log: Log, *, job: str = ""
    ) -> None:
        self._command, self._job = command, job
        self._uids: dict[str, str] = {}
        self._revealed: dict[str, str] = {}
        self._now_s, self._log = now_s, log
        self._started_s = now_s()
        self._last: Message | None = None
        self._verdict: Mapping[str, Any] | None = None
        self._stage = ""
        self._upload_began_s = 0.0
        self._readers: dict[str, Callable[[Message], Event | None]] = {
            "stage": self._on_stage,
            "sent": self._on_sent,
            "job": self._on_job,
            "waiting": self._on_waiting,
            "state": self._on_state,
            "progress": self._on_progress,
            "log": self._on_log,
            "count": self._on_count,
            "uids": self._on_uids,
            "revealed": self._on_revealed,
            "check": self._on_check,
            "verdict": self._on_verdict,
            "result": self._on_last,
            "error": self._on_last,
        }

    def heard(self, message: Message) -> list[Event]:
        """Return what a line says."""
        reader = self._readers.get(str(message.get("kind")))
        event = None if reader is None else reader(message)
        return [] if event is None else [event]

    def ended(
        self, exit_code: int | None, stderr_tail: Sequence[str] = (), malformed_lines: int = 0
    ) -> Event:
        """Return how the child ended."""
        last = self._last
        if last is not None and last["kind"] == "error":
            return self._failed(last)
        if last is not None and exit_code == 0:
            return self._succeeded(last)
        details = [f"exit code {exit_code}", f"lines that were none of ours: {malformed_lines}"]
        notice = notice_of("E_INTERNAL", details=(*details, *stderr_tail))
        self._log.client(f"the background process ended with {exit_code} and without an answer")
        return Ended(kind=Kind.FAULT, at_s=self._now_s(), notice=notice)

    # ---- news

    def _on_stage(self, message: Message) -> Event | None:
        stage = _word(message, "stage")
        self._log.client(_STAGE_WORDS.get(stage, stage))
        self._stage = stage
        if stage == "upload":
            self._upload_began_s = self._now_s()
        kind = _STAGE_KINDS.get(stage)
        return None if kind is None else Step(kind=kind, at_s=self._now_s(), stage=stage)

    def _on_sent(self, message: Message) -> Event | None:
        done, total = _count(message, "done_bytes"), _count(message, "total_bytes")
        if done == total:
            took_s = self._now_s() - self._upload_began_s
            self._log.client(f"sent {megabytes(total)} in {minutes(took_s)}")
        return Step(
            kind=Kind.SENT,
            at_s=self._now_s(),
            stage="upload",
            fraction=done / total if total else None,
            done_bytes=done,
            total_bytes=total,
        )

    def _on_job(self, message: Message) -> Event | None:
        job = _word(message, "job")
        self._log.client(f"job {job}")
        return Taken(kind=Kind.JOB, at_s=self._now_s(), job=job)

    def _on_waiting(self, message: Message) -> Event | None:
        attempt, pause_s = _count(message, "attempt"), _number(message, "pause_s")
        is_busy = _word(message, "code") == ErrorCode.E_BUSY.name
        what = "worker busy" if is_busy else "connection lost"
        self._log.client(f"{what}, trying again in {pause_s:.1f} s (attempt {attempt})")
        return Away(
            kind=Kind.WAITING,
            at_s=self._now_s(),
            attempt=attempt,
            retry_in_s=pause_s,
            is_busy=is_busy,
        )

    def _on_state(self, message: Message) -> Event | None:
        state, place = _word(message, "state"), _count(message, "place")
        if state == "queued":
            self._log.worker(f"queued, {place} before" if place else "queued, next")
            return Step(kind=Kind.QUEUED, at_s=self._now_s(), stage="queue", place=place)
        self._log.worker(state)
        if state == "running":
            return Step(kind=Kind.STARTED, at_s=self._now_s(), stage="run")
        return None

    def _on_progress(self, message: Message) -> Event | None:
        stage, fraction = _word(message, "stage"), _number(message, "fraction")
        if stage != self._stage:
            self._log.worker(stage)
            self._stage = stage
        return Step(kind=Kind.PROGRESS, at_s=self._now_s(), stage=stage, fraction=fraction)

    def _on_count(self, message: Message) -> Event | None:
        done, total = _count(message, "done"), _count(message, "total")
        fraction = done / total if total else None
        return Step(kind=Kind.PROGRESS, at_s=self._now_s(), stage="protecting", fraction=fraction)

    def _on_uids(self, message: Message) -> Event | None:
        pairs = message.get("pairs")
        for pair in pairs if isinstance(pairs, list) else []:
            if isinstance(pair, list) and len(pair) == 2:
                self._uids[str(pair[0])] = str(pair[1])
        return None

    def _on_revealed(self, message: Message) -> Event | None:
        rows = message.get("rows")
        for row in rows if isinstance(rows, list) else []:
            if isinstance(row, list) and len(row) == 4 and "." not in str(row[0]):
                self._revealed.setdefault(str(row[1]), str(row[3]))
        return None

    def _on_log(self, message: Message) -> Event | None:
        self._log.worker(f"{_word(message, 'entry')} {_number(message, 'value'):g}")
        return None

    def _on_check(self, message: Message) -> Event | None:
        ok, code = message.get("ok"), message.get("code")
        row = CheckRow(
            name=_word(message, "name"),
            ok=ok if isinstance(ok, bool) else None,
            words=_word(message, "words"),
            code=code if isinstance(code, str) else None,
        )
        said = {True: "ok", False: row.code or "failed", None: "not reached"}[row.ok]
        self._log.client(f"check {row.name}: {said}")
        return Line(kind=Kind.LINE, at_s=self._now_s(), row=row)

    def _on_verdict(self, message: Message) -> Event | None:
        self._verdict = _mapping(message, "verdict") or self._verdict
        return None

    def _on_last(self, message: Message) -> Event | None:
        self._last = message
        return None

    # ---- the end

    def _failed(self, last: Message) -> Event:
        error = error_of_line(last)
        job = getattr(error, "job", "")
        if self._command == "fetch" and error.code in _PASSING:
            job = self._job  # it goes on as before, whatever the client did not reach
        details = (f"job {job}",) if job else ()
        notice = notice_of(error.code.name, detail=error.detail, details=details)
        self._log.client(f"{error.code.name}: {error.what}")
        at_s = self._now_s()
        if error.code is ErrorCode.E_CANCELLED:
            if job:
                notice = not_told_notice(job)
            return Ended(kind=Kind.CANCELLED, at_s=at_s, notice=notice, job=job)
        if job:
            return Ended(kind=Kind.LOST, at_s=at_s, notice=lost_notice(job), job=job)
        if refuses_worker(error.code):
            return Judged(kind=Kind.REFUSED, at_s=at_s, trust=self._refused(), notice=notice)
        return Ended(kind=Kind.FAULT, at_s=at_s, notice=notice)

    def _refused(self) -> Trust | None:
        if self._verdict is None:
            return None
        return _trust(self._verdict, accepted=False)

    def _succeeded(self, last: Message) -> Event:
        at_s = self._now_s()
        verdict = _mapping(last, "verdict")
        if self._command == "cancel":
            return Ended(kind=Kind.CANCELLED, at_s=at_s, notice=cancelled_notice())
        if self._command == "check":
            trust = _trust(verdict, accepted=True, allowed=_allowed(last))
            return Judged(kind=Kind.PASSED, at_s=at_s, trust=trust)
        self._log.client(f"receipt verified, done in {minutes(at_s - self._started_s)}")
        outcome = Outcome(
            structures=(),
            warnings=tuple(_texts(last, "warnings")),
            outputs=tuple(
                (name, str(digest)) for name, digest in _mapping(last, "outputs").items()
            ),
            receipt_sha256=_word(last, "receipt_sha256"),
            simulated=last.get("simulated") is not False,
            took_s=at_s - self._started_s,
            verdict=verdict,
            sealed=self._sealed(last) if self._command == "protect" else None,
            revealed=self._revealed,
        )
        return Results(kind=Kind.RESULT, at_s=at_s, outcome=outcome)

    def _sealed(self, last: Message) -> Sealed:
        return Sealed(
            folder=_word(last, "folder"),
            instances=_count(last, "instances"),
            pseudonym=_word(last, "pseudonym"),
            uids=self._uids,
        )


def _trust(verdict: Mapping[str, Any], *, accepted: bool, allowed: Allowed | None = None) -> Trust:
    return Trust(
        accepted=accepted,
        # Whatever does not say that it is not simulated counts as simulated.
        simulated=verdict.get("simulated") is not False,
        verdict=verdict,
        allowed=allowed,
    )


def _allowed(last: Message) -> Allowed | None:
    offer = _mapping(last, "offer")
    tasks, object_bytes = offer.get("tasks"), offer.get("object_bytes")
    if not isinstance(tasks, dict) or not isinstance(object_bytes, int):
        return None
    structures = {
        str(name): tuple(map(str, keys)) for name, keys in tasks.items() if isinstance(keys, list)
    }
    return Allowed(structures=structures, object_bytes=object_bytes)


def _word(message: Message, name: str) -> str:
    value = message.get(name)
    return value[:_MOST_CHARACTERS] if isinstance(value, str) else ""


def _number(message: Message, name: str) -> float:
    value = message.get(name)
    return float(value) if isinstance(value, int | float) else 0.0


def _count(message: Message, name: str) -> int:
    value = message.get(name)
    return value if isinstance(value, int) and value > 0 else 0


def _mapping(message: Message, name: str) -> Mapping[str, Any]:
    value = message.get(name)
    return value if isinstance(value, dict) else {}


def _texts(message: Message, name: str) -> list[str]:
    value = message.get(name)
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
