"""What is told of jobs, tasks and models: strict of the answers, bounded, in plain words."""

import json
from pathlib import Path
from typing import Any

import pytest
from Testing.Unit.client.people import WrittenLine, enrolled, refusal_of

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.limits import LIMITS
from EncryptSecureRTLib.client.listing import ask_offer, find_job, list_jobs
from EncryptSecureRTLib.client.telling import jobs_told, models_told, tasks_told

_ROW: dict[str, Any] = {
    "job": "ab" * 16,
    "task": "segment",
    "state": "queued",
    "place": 2,
    "created": "2030-01-02T03:04:05Z",
    "error": None,
}
_OFFER: dict[str, Any] = {
    "tasks": [
        {
            "name": "segment",
            "algorithm": "classical-ct-1",
            "parameters": {
                "schema": "encryptsecurert.segment/1",
                "structures": [{"key": "body", "name": "External"}, {"key": "skeleton"}],
                "outputs": ["rtstruct", "seg"],
            },
        },
        {"name": "protect", "algorithm": "protect-ct-1", "parameters": {"schema": "x/1"}},
    ],
    "models": [],
    "cases": [
        {"pseudonym": "P" + "A" * 16, "until": "2030-01-02T03:04:05Z", "break_glass": True},
        {"pseudonym": "P" + "B" * 16, "until": "2029-01-02T03:04:05Z", "break_glass": False},
    ],
    "classes": ["dates", "identity"],
    "limits": {name: getattr(LIMITS, name) for name in LIMITS.__slots__},
    "memory_bytes": 2**31,
    "held_bytes": 3 * 2**20,
    "patients_today": 4,
}


@pytest.fixture
def written(tmp_path: Path) -> WrittenLine:
    line = WrittenLine(enrolled(tmp_path / "home"))
    line.answers = {"/v1/jobs": {"jobs": [_ROW]}, "/v1/tasks": _OFFER}
    return line


def test_a_job_is_told_with_its_place_and_whether_it_can_be_fetched(written: WrittenLine) -> None:
    rows = list_jobs(written.line)
    words, value = jobs_told(rows, {"ab" * 16})

    head, line = words.splitlines()
    assert head.split() == ["job", "task", "state", "created", "fetch"]
    assert line.split() == f"{'ab' * 16} segment queued, 2 before 2030-01-02T03:04:05Z yes".split()
    assert value == {"rows": [{**_ROW, "fetch": True}], "left_out": 0}
    assert jobs_told(rows, set())[1]["rows"][0]["fetch"] is False


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"place": 0}, "queued, next"),
        ({"state": "running", "place": 0}, "running"),
        ({"state": "failed", "place": 0, "error": "E_PARAMETERS"}, "failed E_PARAMETERS"),
        ({"state": "failed", "place": 0, "error": "E_OF_TOMORROW"}, "failed E_INTERNAL"),
        ({"state": "cancelled", "place": 0, "error": "E_CANCELLED"}, "cancelled"),
    ],
)
def test_states_are_told_in_words(written: WrittenLine, changes: dict[str, Any], told: str) -> None:
    written.answers["/v1/jobs"] = {"jobs": [{**_ROW, **changes}]}

    words, _ = jobs_told(list_jobs(written.line), set())

    assert f"  {told}  " in words


def test_a_protect_job_cannot_be_fetched(written: WrittenLine) -> None:
    written.answers["/v1/jobs"] = {"jobs": [{**_ROW, "task": "protect"}]}

    words, value = jobs_told(list_jobs(written.line), {"ab" * 16})

    assert value["rows"][0]["fetch"] is False
    assert words.endswith("no")


def test_as_many_jobs_as_a_worker_keeps_fit_one_line_the_newest_last(
    written: WrittenLine,
) -> None:
    count = LIMITS.kept_jobs_per_user
    rows = [{**_ROW, "job": f"{n:032x}", "state": "failed"} for n in range(count)]
    written.answers["/v1/jobs"] = {"jobs": [{**row, "error": "E_QUOTE_FORMAT"} for row in rows]}

    words, value = jobs_told(list_jobs(written.line), {row["job"] for row in rows})

    assert len(json.dumps({"kind": "result", "simulated": True, **value})) < LIMITS.json_line_bytes
    assert value["left_out"] == count - len(value["rows"])
    assert value["rows"][-1]["job"] == rows[-1]["job"]
    assert words.splitlines()[-1] == f"and {value['left_out']} older ones"


def test_without_jobs_that_is_said(written: WrittenLine) -> None:
    written.answers["/v1/jobs"] = {"jobs": []}

    assert jobs_told(list_jobs(written.line), set()) == (
        "You have no jobs at this worker.",
        {"rows": [], "left_out": 0},
    )


def test_one_job_is_found_by_its_id(written: WrittenLine) -> None:
    assert find_job(written.line, "ab" * 16).place == 2
    assert refusal_of(find_job, written.line, "cd" * 16) is ErrorCode.E_NOT_FOUND


@pytest.mark.parametrize(
    "change",
    [
        {"job": "ab"},
        {"task": "\x1b[31m"},
        {"state": "gone"},
        {"place": -1},
        {"place": "2"},
        {"created": "yesterday"},
        {"error": "\x1b[31m"},
        {"more": 1},
    ],
)
def test_a_row_of_another_form_is_refused(written: WrittenLine, change: dict[str, Any]) -> None:
    written.answers["/v1/jobs"] = {"jobs": [{**_ROW, **change}]}

    assert refusal_of(list_jobs, written.line) is ErrorCode.E_FORMAT


def test_tasks_are_told_with_what_can_be_chosen_and_what_is_used(written: WrittenLine) -> None:
    words, value = tasks_told(ask_offer(written.line))
    lines = words.splitlines()

    assert lines[:5] == [
        "segment  (classical-ct-1)",
        "  structures: body (External), key skeleton",
        "  outputs: rtstruct, seg",
        "protect  (protect-ct-1)",
        "  nothing to choose",
    ]
    assert lines[5] == f"case P{'B' * 16} open until 2029-01-02T03:04:05Z"
    assert lines[6] == f"case P{'A' * 16} open until 2030-01-02T03:04:05Z, break-glass"
    assert "patients protected today: 4 of 200" in lines
    assert "held for you: 3.0 MiB of 64.0 GiB" in lines
    assert value["limits"]["queued_jobs"] == LIMITS.queued_jobs
    assert value["tasks"] == _OFFER["tasks"]


def test_words_of_a_worker_carry_no_control_characters(written: WrittenLine) -> None:
    task = {"name": "x", "algorithm": "a", "parameters": {"k": ["\x1b[31mred\x07", {"\x9b": 1}]}}
    written.answers["/v1/tasks"] = {**_OFFER, "tasks": [task]}

    words, _ = tasks_told(ask_offer(written.line))

    assert "  k: ?[31mred?, ? 1" in words
    assert "\x1b" not in words


def test_many_cases_fit_one_line(written: WrittenLine) -> None:
    cases = [{**_OFFER["cases"][0]} for _ in range(3000)]
    written.answers["/v1/tasks"] = {**_OFFER, "cases": cases}

    _, value = tasks_told(ask_offer(written.line))

    assert len(json.dumps({"kind": "result", **value})) < LIMITS.json_line_bytes
    assert value["cases_left_out"] == 3000 - len(value["cases"])


def test_models_are_told_or_that_there_are_none(written: WrittenLine) -> None:
    none = models_told(ask_offer(written.line))
    written.answers["/v1/tasks"] = {
        **_OFFER,
        "models": [{"model": "lungs", "version": "2", "task": "segment"}],
    }
    one = models_told(ask_offer(written.line))

    assert none == ("No models are open to you at this worker.", {"models": []})
    assert one[0] == "lungs 2  for segment"
    assert one[1] == {"models": [{"model": "lungs", "version": "2", "task": "segment"}]}


@pytest.mark.parametrize(
    "change",
    [
        {"tasks": [{"name": "segment"}]},
        {"models": [{"model": "\x1b", "version": "2", "task": "segment"}]},
        {"cases": [{"pseudonym": "P", "until": "2030-01-02T03:04:05Z", "break_glass": True}]},
        {"limits": {"x": "1"}},
        {"held_bytes": -1},
        {"more": 1},
    ],
)
def test_an_offer_of_another_form_is_refused(written: WrittenLine, change: dict[str, Any]) -> None:
    written.answers["/v1/tasks"] = {**_OFFER, **change}

    assert refusal_of(ask_offer, written.line) is ErrorCode.E_FORMAT
