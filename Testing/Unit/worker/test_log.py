"""The log tells what is on its list, in the forms that are, and the document tells the same."""

import ast
import json
import logging
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from itertools import dropwhile, takewhile
from pathlib import Path
from typing import Any

import pytest

from encryptsecurert_worker.server.log import FIELDS, JsonLines

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "enclave-worker" / "src" / "encryptsecurert_worker"
DOCUMENT = ROOT / "docs" / "operation.md"
CHORES = "housekeeping"  # there, `_try` names the event of a chore that fails
LEVELS = ("info", "warning", "error")
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


def _line(event: object = "job-done", **fields: Any) -> dict[str, Any]:
    record = logging.makeLogRecord(
        {"msg": event, "levelname": "INFO", "created": 1795521600.75, **fields}
    )
    line: dict[str, Any] = json.loads(JsonLines().format(record))
    return line


def test_a_line_has_time_in_utc_level_event_and_its_fields() -> None:
    assert _line(job="ab12", seconds=1.23456, count=3, start=True) == {
        "time": "2026-11-24T12:00:00Z",
        "level": "info",
        "event": "job-done",
        "job": "ab12",
        "seconds": 1.235,
        "count": 3,
        "start": True,
    }


@pytest.mark.parametrize("name", ["patient", "path", "user", "message_text", "exc_text"])
def test_a_field_that_is_not_on_the_list_is_dropped(name: str) -> None:
    assert set(_line(**{name: "x"})) == {"time", "level", "event"}


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_on_the_list_is_told(name: str) -> None:
    assert _line(**{name: "a.b:c_d-9"})[name] == "a.b:c_d-9"


@pytest.mark.parametrize(
    "value",
    [
        "two words",
        "",
        "x" * 65,
        "Müller",
        "a/b",
        "a\nb",
        "a\n",
        b"octets",
        None,
        ["a"],
        {"a": 1},
        float("nan"),
        float("inf"),
        Path("a"),
    ],
)
def test_a_value_that_is_neither_number_nor_short_word_is_dropped(value: object) -> None:
    assert set(_line(reason=value)) == {"time", "level", "event"}


@pytest.mark.parametrize("event", ["Patient Müller", "%s", "", "a" * 65, 7])
def test_a_text_that_is_no_event_name_is_not_told(event: object) -> None:
    assert _line(event)["event"] == "unnamed"


def test_arguments_and_tracebacks_are_not_told() -> None:
    try:
        raise ValueError("Müller")
    except ValueError as error:
        line = _line(args=("Müller",), exc_info=(ValueError, error, error.__traceback__))

    assert set(line) == {"time", "level", "event"}


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


# ---- the source and the document


def _calls() -> Iterator[tuple[str, str, set[str]]]:
    """Yield (event, level, fields) of each call that logs, read from the source."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="_LOG"), attr=level),
                    args=[ast.Constant(value=str(event))],
                ):
                    yield event, level, _extra_keys(node)
                case ast.Call(
                    func=ast.Attribute(attr="_try"), args=[ast.Constant(value=str(event)), _]
                ) if path.stem == CHORES:
                    yield event, "error", {"code", "kind"}
                case ast.Call(func=ast.Attribute(value=ast.Name(id="_LOG"))):
                    assert path.stem == CHORES, f"{path.name}:{node.lineno}: no fixed event name"


def _extra_keys(call: ast.Call) -> set[str]:
    assert [keyword.arg for keyword in call.keywords] in ([], ["extra"])
    keys: set[str] = set()
    for keyword in call.keywords:
        assert isinstance(keyword.value, ast.Dict), f"line {call.lineno}: fields are written out"
        for key in keyword.value.keys:
            assert isinstance(key, ast.Constant)
            keys.add(str(key.value))
    return keys


def _documented(heading: str) -> list[list[str]]:
    text = DOCUMENT.read_text("utf-8")
    section = text.partition(f"\n### {heading}\n")[2].partition("\n#")[0]
    from_table = dropwhile(lambda line: not line.startswith("|"), section.split("\n"))
    table = list(takewhile(lambda line: line.startswith("|"), from_table))
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table[2:]]


def test_every_event_of_the_source_is_in_the_document_with_its_fields() -> None:
    found: dict[str, tuple[str, set[str]]] = {}
    fields: defaultdict[str, set[str]] = defaultdict(set)
    for event, level, keys in _calls():
        fields[event] |= keys
        found[event] = (level, fields[event])

    told = {
        row[0].strip("`"): (row[1], set(re.findall(r"`([a-z]+)`", row[2])))
        for row in _documented("Events")
    }
    assert told == found
    assert {level for level, _ in found.values()} <= set(LEVELS)


def test_every_field_of_the_list_is_in_the_document_and_no_other_is_logged() -> None:
    told = [row[0].strip("`") for row in _documented("Fields")]

    assert told == list(FIELDS)
    assert {key for _, _, keys in _calls() for key in keys} <= set(FIELDS)


def test_the_source_logs_something() -> None:
    assert {"provisioned", "refused"} <= {event for event, _, _ in _calls()}
