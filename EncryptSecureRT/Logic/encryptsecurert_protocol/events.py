"""Events of a job: one canonical JSON object a line, numbered from 1.

An event holds codes, stage names and numbers only. The last event is `end`.
"""

from dataclasses import dataclass

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.canonical import fraction_from_text, fraction_text
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import MAX_INTEGER, Fields
from encryptsecurert_protocol.jobs import JobState
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.results import RESULT_NAME

WORD = r"[a-z0-9][a-z0-9_.-]{0,63}"
_ERROR = r"E_[A-Z_]{1,40}"
_MAX_PLACES = LIMITS.queued_jobs
_MAX_RESULTS = 64
_MEMBERS = {
    "state": ("n", "kind", "state", "place"),
    "progress": ("n", "kind", "stage", "fraction"),
    "log": ("n", "kind", "entry", "value"),
    "end": ("n", "kind", "state", "error", "results"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StateEvent:
    """The job is in a state; `place` counts the jobs before it in the queue."""

    n: int
    state: JobState
    place: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressEvent:
    """`fraction` (0 to 1) of the job is done, now in `stage`."""

    n: int
    stage: str
    fraction: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.fraction <= 1.0:
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEvent:
    """A log line: a fixed word and one number."""

    n: int
    entry: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EndEvent:
    """The job has ended; `results` are (name, octets of the sealed file).

    Invariant: `state` is an end; a job that is done has no error, any other has one and no
    results.
    """

    n: int
    state: JobState
    error: str | None
    results: tuple[tuple[str, int], ...]

    def __post_init__(self) -> None:
        done = self.state is JobState.DONE
        names = {name for name, _ in self.results}
        if not self.state.ended or done is not (self.error is None):
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)
        if len(names) != len(self.results) or (self.results and not done):
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)


Event = StateEvent | ProgressEvent | LogEvent | EndEvent


def encode_event(event: Event) -> bytes:
    """Return the event as one line, newline included."""
    rest: dict[str, object]
    match event:
        case StateEvent():
            rest = {"kind": "state", "state": event.state.value, "place": event.place}
        case ProgressEvent():
            text = fraction_text(event.fraction)
            rest = {"kind": "progress", "stage": event.stage, "fraction": text}
        case LogEvent():
            rest = {"kind": "log", "entry": event.entry, "value": fraction_text(event.value)}
        case EndEvent():
            results = [list(pair) for pair in event.results]
            rest = {
                "kind": "end",
                "state": event.state.value,
                "error": event.error,
                "results": results,
            }
    return canonical.encode({"n": event.n, **rest}) + b"\n"


def decode_event(line: bytes) -> Event:
    """Read one line strictly."""
    value = canonical.decode(line.removesuffix(b"\n"), LIMITS.json_line_bytes)
    kind = value.get("kind")
    if not isinstance(kind, str) or kind not in _MEMBERS:
        raise EncryptSecureRTError(ErrorCode.E_FORMAT)
    fields = Fields(value, _MEMBERS[kind])
    n = fields.integer("n", 1, MAX_INTEGER)
    states = "|".join(state.value for state in JobState)
    if kind == "state":
        state = JobState(fields.text("state", states))
        return StateEvent(n=n, state=state, place=fields.integer("place", 0, _MAX_PLACES))
    if kind == "progress":
        fraction = fraction_from_text(fields.text("fraction", r"[0-9.e-]+"))
        return ProgressEvent(n=n, stage=fields.text("stage", WORD), fraction=fraction)
    if kind == "log":
        number = fraction_from_text(fields.text("value", r"[0-9.e+-]+"))
        return LogEvent(n=n, entry=fields.text("entry", WORD), value=number)
    error = None if fields.is_null("error") else fields.text("error", _ERROR)
    return EndEvent(
        n=n,
        state=JobState(fields.text("state", states)),
        error=error,
        results=tuple(_result(item) for item in fields.items("results", _MAX_RESULTS)),
    )


def _result(item: object) -> tuple[str, int]:
    if not isinstance(item, list) or len(item) != 2:
        raise EncryptSecureRTError(ErrorCode.E_FORMAT)
    fields = Fields({"name": item[0], "size": item[1]}, ("name", "size"))
    return fields.text("name", RESULT_NAME), fields.integer("size", 1, 2 * LIMITS.object_bytes)
