"""What a pipe, a file or a log gets: the lines of a terminal, without colour, bars or wrapping."""

import pytest
from Testing.Unit.client.people import Flushes

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.events import EndEvent, LogEvent, ProgressEvent, StateEvent
from encryptsecurert_protocol.jobs import JobState
from EncryptSecureRTLib.client.plain import PlainReporter
from EncryptSecureRTLib.client.terminal import TerminalReporter
from EncryptSecureRTLib.client.unfinished import JobGoesOn

JOB = "ab" * 16
_FAR = "a/long/path/" * 20


def _tell_everything(reporter: PlainReporter) -> None:
    reporter.hello()
    reporter.stage("upload")
    reporter.sent(3, 10)
    reporter.stage("write")
    reporter.count(4, 4)
    reporter.waiting("E_BUSY", 3, 4.0)
    reporter.job(JOB)
    reporter.event(StateEvent(n=1, state=JobState.QUEUED, place=2))
    reporter.event(ProgressEvent(n=2, stage="body", fraction=0.25))
    reporter.event(LogEvent(n=3, entry="volume_cc.body", value=20_000.5))
    reporter.event(EndEvent(n=4, state=JobState.DONE, error=None, results=()))
    reporter.line("reach", True, "the address answers", None)
    reporter.line("policy", True, "SIMULATED - not protected: a policy of yours", None)
    reporter.line("tls", False, "no", "E_SESSION")
    reporter.line("version", None, "not reached", None)
    rows = [
        {"number": 2, "name": "nonce", "outcome": "pass"},
        {"number": 11, "name": "measurement", "outcome": "fail"},
        {"number": 12, "name": "signer", "outcome": "not-applicable"},
    ]
    reporter.verdict("verdict", {"accepted": False, "rows": rows})
    reporter.verdict("verdict", {"accepted": True, "rows": rows})
    reporter.uids([("1.2.3", "2.25.4")])
    reporter.revealed("2.25.4", [("00100020", "PatientID", "LO", "4711")])
    reporter.inspected([("00100010", "PatientName", "PN", "P1", None)], "sealed")
    reporter.result(f"4 instances [bold]protected[/bold] :warning:\n{_FAR}", {"simulated": True})
    reporter.error(EncryptSecureRTError(ErrorCode.E_SEAL, "3 of 4"))
    reporter.error(JobGoesOn(ErrorCode.E_TIMEOUT, JOB, "the job goes on; fetch it later"))
    reporter.close()


def test_each_line_stands_as_it_is_and_is_never_wrapped(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.monotonic", lambda: 7.0)

    _tell_everything(PlainReporter())

    shown = capsys.readouterr()
    assert shown.out.splitlines() == [
        "    0.0 s  upload",
        "    0.0 s  write",
        "           worker is busy, trying again in 4 s (attempt 3)",
        f"           job {JOB}",
        "           volume_cc.body 20000.5",
        "ok    reach         the address answers",
        "ok    policy        SIMULATED - not protected: a policy of yours",
        "FAIL  tls           no  E_SESSION",
        "-     version       not reached",
        "       2  nonce                                pass",
        "      11  measurement                          fail",
        f"{'attribute':<50}  VR  {'in clear':<40}  original",
        f"{'(0010,0010) PatientName':<50}  PN  {'P1':<40}  sealed",
        "SIMULATED - not protected",
        "4 instances [bold]protected[/bold] :warning:",
        _FAR,
    ]
    assert shown.err.splitlines() == [
        f"E_SEAL  {ErrorCode.E_SEAL.value.what} (3 of 4)",
        f"  {ErrorCode.E_SEAL.value.todo}",
        f"E_TIMEOUT  {ErrorCode.E_TIMEOUT.value.what} (the job goes on; fetch it later)",
        f"  {ErrorCode.E_TIMEOUT.value.todo}",
        f"  job {JOB}",
    ]


def test_a_terminal_shows_the_same_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.delenv("TTY_COMPATIBLE", raising=False)

    _tell_everything(PlainReporter())
    plain = capsys.readouterr()
    _tell_everything(TerminalReporter())
    terminal = capsys.readouterr()

    without_bars = [line for line in terminal.out.splitlines() if line]
    assert without_bars == plain.out.splitlines()
    assert terminal.err == plain.err


def test_every_plain_line_is_written_out_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Flushes()
    monkeypatch.setattr("sys.stdout", stream)
    reporter = PlainReporter()
    reporter.stage("upload")
    reporter.job(JOB)
    reporter.result("done", {})

    assert stream.flushed == stream.getvalue().count("\n") == 3
