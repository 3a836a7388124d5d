"""What commands say: JSON lines for programs, two sentences and no value for people."""

import json
from typing import Any

import pytest
from Testing.Unit.client.people import Flushes

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.events import (
    EndEvent,
    Event,
    LogEvent,
    ProgressEvent,
    StateEvent,
)
from encryptsecurert_protocol.jobs import JobState
from EncryptSecureRTLib.client.output import JsonReporter, Reporter
from EncryptSecureRTLib.client.terminal import TerminalReporter
from EncryptSecureRTLib.client.unfinished import JobGoesOn
from EncryptSecureRTLib.client.version import PROTOCOL, VERSION

EVENTS: tuple[Event, ...] = (
    StateEvent(n=1, state=JobState.QUEUED, place=2),
    StateEvent(n=2, state=JobState.RUNNING, place=0),
    ProgressEvent(n=3, stage="body", fraction=0.25),
    LogEvent(n=4, entry="volume_cc.body", value=20_000.5),
    EndEvent(n=5, state=JobState.DONE, error=None, results=()),
)


def _tell_everything(reporter: Reporter) -> None:
    reporter.hello()
    reporter.stage("upload")
    reporter.sent(3, 10)
    reporter.stage("write")
    reporter.count(4, 4)
    reporter.waiting("E_UNREACHABLE", 3, 4.0)
    reporter.job("ab" * 16)
    for event in EVENTS:
        reporter.event(event)
    reporter.line("reach", True, "the address answers", None)
    reporter.line("tls", False, "no", "E_SESSION")
    reporter.line("version", None, "not reached", None)
    reporter.uids([("1.2.3", "2.25.4")])


def _lines(octets: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in octets.splitlines()]


def test_json_has_one_object_a_line_in_the_order_of_the_calls(
    capsys: pytest.CaptureFixture[str],
) -> None:
    reporter = JsonReporter()
    _tell_everything(reporter)
    reporter.result("words for people", {"instances": 4})
    lines = _lines(capsys.readouterr().out)

    assert lines == [
        {"kind": "hello", "version": VERSION, "protocol": PROTOCOL},
        {"kind": "stage", "stage": "upload"},
        {"kind": "sent", "done_bytes": 3, "total_bytes": 10},
        {"kind": "stage", "stage": "write"},
        {"kind": "count", "done": 4, "total": 4},
        {"kind": "waiting", "code": "E_UNREACHABLE", "attempt": 3, "pause_s": 4.0},
        {"kind": "job", "job": "ab" * 16},
        {"kind": "state", "state": "queued", "place": 2},
        {"kind": "state", "state": "running", "place": 0},
        {"kind": "progress", "stage": "body", "fraction": 0.25},
        {"kind": "log", "entry": "volume_cc.body", "value": 20_000.5},
        {"kind": "end", "state": "done", "code": None},
        {
            "kind": "check",
            "name": "reach",
            "ok": True,
            "words": "the address answers",
            "code": None,
        },
        {"kind": "check", "name": "tls", "ok": False, "words": "no", "code": "E_SESSION"},
        {"kind": "check", "name": "version", "ok": None, "words": "not reached", "code": None},
        {"kind": "uids", "pairs": [["1.2.3", "2.25.4"]]},
        {"kind": "result", "instances": 4},
    ]


@pytest.mark.parametrize("code", list(ErrorCode))
def test_an_error_line_has_code_sentences_and_exit_code(
    capsys: pytest.CaptureFixture[str], code: ErrorCode
) -> None:
    JsonReporter().error(EncryptSecureRTError(code, "3 of 4"))
    (line,) = _lines(capsys.readouterr().out)

    assert set(line) == {"kind", "code", "what", "todo", "exit"}
    assert (line["kind"], line["code"], line["exit"]) == ("error", code.name, code.value.exit_code)
    assert line["what"] == f"{code.value.what} (3 of 4)"
    assert line["todo"]


def test_the_error_line_names_the_job_that_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    error = JobGoesOn(ErrorCode.E_TIMEOUT, "ab" * 16, "the job goes on; fetch it later")
    JsonReporter().error(error)
    reporter = TerminalReporter()
    reporter.error(error)
    reporter.close()
    shown = capsys.readouterr()

    (line,) = _lines(shown.out)
    assert (line["code"], line["exit"], line["job"]) == ("E_TIMEOUT", 3, "ab" * 16)
    assert "(the job goes on; fetch it later)" in line["what"]
    assert "ab" * 16 in shown.err


@pytest.mark.parametrize(
    ("code", "pause_s", "words"),
    [
        ("E_UNREACHABLE", 4.0, "worker not reachable, trying again in 4 s (attempt 3)"),
        ("E_UNREACHABLE", 0.5, "worker not reachable, trying again in 0.5 s (attempt 3)"),
        ("E_TIMEOUT", 4.0, "worker does not answer, trying again in 4 s (attempt 3)"),
        ("E_BUSY", 4.0, "worker is busy, trying again in 4 s (attempt 3)"),
    ],
)
def test_a_terminal_says_that_it_waits_and_why(
    capsys: pytest.CaptureFixture[str], code: str, pause_s: float, words: str
) -> None:
    reporter = TerminalReporter()
    reporter.waiting(code, 3, pause_s)
    reporter.close()

    assert capsys.readouterr().out.strip() == words


def test_every_line_is_written_out_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Flushes()
    monkeypatch.setattr("sys.stdout", stream)
    _tell_everything(JsonReporter())

    assert stream.flushed == stream.getvalue().count("\n") == 16


def test_a_terminal_shows_result_on_output_and_error_on_the_other(
    capsys: pytest.CaptureFixture[str],
) -> None:
    reporter = TerminalReporter()
    _tell_everything(reporter)
    reporter.result("4 instances [bold]protected[/bold]", {"simulated": True})
    reporter.error(EncryptSecureRTError(ErrorCode.E_SEAL))
    reporter.close()
    shown = capsys.readouterr()

    assert "SIMULATED - not protected" in shown.out
    assert "4 instances [bold]protected[/bold]" in shown.out  # words of others are no markup
    assert "E_SESSION" in shown.out
    assert "2.25.4" not in shown.out + shown.err  # identifiers are not for a terminal
    assert "E_SEAL" in shown.err
    assert ErrorCode.E_SEAL.value.todo in shown.err.replace("\n", " ")
    assert "Traceback" not in shown.err


def test_a_terminal_does_not_say_simulated_of_what_is_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    reporter = TerminalReporter()
    reporter.result("done", {"simulated": False})
    reporter.close()

    assert "SIMULATED" not in capsys.readouterr().out


def test_revealed_rows_go_over_lines_of_which_none_is_too_long(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [(f"{n:08X}", "ImageComments", "LT", "\u00e4" * 4096) for n in range(5)]

    JsonReporter().revealed("2.25.1", rows)

    printed = capsys.readouterr().out
    lines = _lines(printed)
    assert max(map(len, printed.splitlines())) <= 65_536
    assert [row for line in lines for row in line["rows"]] == [list(row) for row in rows]
    assert {line["instance"] for line in lines} == {"2.25.1"}


def test_a_terminal_is_told_nothing_that_was_revealed(capsys: pytest.CaptureFixture[str]) -> None:
    TerminalReporter().revealed("2.25.1", [("00100020", "PatientID", "LO", "4711")])

    assert capsys.readouterr() == ("", "")
