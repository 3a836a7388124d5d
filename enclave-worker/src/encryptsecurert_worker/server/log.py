"""The log: one JSON object a line, with a closed list of fields and of forms of values.

A field that is not on the list is dropped, so a new one has to be allowed here first and told of
in `docs/operation.md`; so is a value that is neither number nor short word: no name, UID, path or
free text can slip in by accident. Libraries are silenced: their messages and warnings may hold
values.
"""

import json
import logging
import math
import re
import sys
import warnings
from datetime import UTC, datetime

FIELDS = (
    "code",
    "epoch",
    "job",
    "task",
    "kind",
    "host",
    "port",
    "exit",
    "seconds",
    "count",
    "bytes",
    "reason",
    "start",
    "state",
)
_OURS = "encryptsecurert_worker"
_EVENT = re.compile(r"[a-z][a-z0-9-]{0,63}")
_WORD = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


def _may_be_told(value: object) -> bool:
    match value:
        case bool() | int():
            return True
        case float():
            return math.isfinite(value)
        case str():
            return _WORD.fullmatch(value) is not None
    return False


class JsonLines(logging.Formatter):
    """Formats a record as time, level, event and the allowed fields; never a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        event = record.msg if isinstance(record.msg, str) else ""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "level": record.levelname.lower(),
            "event": event if _EVENT.fullmatch(event) else "unnamed",
        }
        for name in FIELDS:
            value = getattr(record, name, None)
            if _may_be_told(value):
                line[name] = round(value, 3) if isinstance(value, float) else value
        return json.dumps(line)


def configure_logging() -> None:
    """Send our own log to standard error and nothing else anywhere."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers = [logging.NullHandler()]
    ours = logging.getLogger(_OURS)
    ours.handlers = [handler]
    ours.setLevel(logging.INFO)
    ours.propagate = False
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "pydicom", "highdicom", "asyncio"):
        logger = logging.getLogger(name)
        logger.handlers = [logging.NullHandler()]
        logger.propagate = False
    warnings.simplefilter("ignore")
