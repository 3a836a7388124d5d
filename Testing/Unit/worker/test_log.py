"""The log: one JSON object a line, allowed fields only, libraries silent, no traceback."""

import json
import subprocess
import sys

_PROGRAM = """
import logging, warnings
from encryptsecurert_worker.server.log import configure_logging
configure_logging()
ours = logging.getLogger("encryptsecurert_worker.jobs.runner")
ours.info("job-done", extra={"job": "0a", "task": "segment", "patient": "CANARY", "path": "CANARY"})
ours.debug("CANARY")
try:
    raise ValueError("CANARY")
except ValueError:
    ours.exception("request-crashed", extra={"kind": "ValueError"})
for name in ("pydicom", "uvicorn.error", "highdicom", "asyncio", "somebody.else"):
    logging.getLogger(name).warning("CANARY %s", "CANARY")
logging.warning("CANARY")
warnings.warn("CANARY")
print("the program ran to its end")
"""


def test_only_our_events_with_allowed_fields_reach_standard_error() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]

    assert [set(line) for line in lines] == [
        {"time", "level", "event", "job", "task"},
        {"time", "level", "event", "kind"},
    ]
    assert [(line["level"], line["event"]) for line in lines] == [
        ("info", "job-done"),
        ("error", "request-crashed"),
    ]
    assert "CANARY" not in done.stderr + done.stdout
    assert done.stdout == "the program ran to its end\n"
