"""The log: one JSON object a line, with a closed list of fields.

A field that is not on the list is dropped, so a new one has to be allowed here first: no name,
UID, path or size below a MiB can slip in by accident. Libraries are silenced: their messages and
warnings may hold values.
"""

import json
import logging
import sys
import warnings
from datetime import UTC, datetime

_FIELDS = ("code", "epoch", "job", "task", "kind", "host", "port", "exit")
_OURS = "encryptsecurert_worker"


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """Return one line: time, level, event and the allowed fields."""
        line = {
            "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "level": record.levelname.lower(),
            "event": record.msg,
        }
        line.update({name: getattr(record, name) for name in _FIELDS if hasattr(record, name)})
        return json.dumps(line)


def configure_logging() -> None:
    """Send our own log to standard error and nothing else anywhere."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines())
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
