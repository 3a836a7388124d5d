"""What a worker says of a job, as lines for programs: kinds `state`, `progress`, `log`, `end`."""

from typing import Any

from encryptsecurert_protocol.events import EndEvent, Event, LogEvent, ProgressEvent, StateEvent


def line_of(event: Event) -> dict[str, Any]:
    """Return the line of an event, without its number."""
    match event:
        case StateEvent():
            return {"kind": "state", "state": event.state.value, "place": event.place}
        case ProgressEvent():
            return {"kind": "progress", "stage": event.stage, "fraction": event.fraction}
        case LogEvent():
            return {"kind": "log", "entry": event.entry, "value": event.value}
        case EndEvent():
            return {"kind": "end", "state": event.state.value, "code": event.error}
