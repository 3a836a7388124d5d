"""How a user stops a command: softly while a job runs, at once before and after."""

import signal
import subprocess
import sys
import time

import pytest

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.cli import StopSwitch, _guarded
from EncryptSecureRTLib.client.output import JsonReporter


def _press(switch: StopSwitch) -> None:
    switch.handle(signal.SIGINT, None)


def test_outside_a_job_a_signal_ends_the_command() -> None:
    switch = StopSwitch()

    with pytest.raises(KeyboardInterrupt):
        _press(switch)
    assert switch.asked()


def test_within_a_job_the_first_signal_asks_and_the_second_ends() -> None:
    switch = StopSwitch()
    with switch.soft():
        assert not switch.asked()
        _press(switch)
        assert switch.asked()
        with pytest.raises(KeyboardInterrupt):
            _press(switch)


def test_after_a_job_a_signal_ends_the_command_again() -> None:
    switch = StopSwitch()
    with switch.soft():
        pass

    with pytest.raises(KeyboardInterrupt):
        _press(switch)


_WAITING = """
import signal, threading
from EncryptSecureRTLib.client.cli import StopSwitch
switch = StopSwitch()
signal.signal(signal.SIGINT, switch.handle)
switch.watch_stdin()
try:
    print("waits", flush=True)
    threading.Event().wait()
except KeyboardInterrupt:
    print("stopped", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows wakes no thread that waits for a lock")
def test_the_end_of_standard_input_wakes_who_waits_for_a_thread() -> None:
    pipe = subprocess.PIPE
    words = [sys.executable, "-c", _WAITING]
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "waits\n"
        time.sleep(0.3)
        process.stdin.close()
        try:
            process.wait(10)
        finally:
            process.kill()

        assert process.stdout.read() == "stopped\n"


def _raise(error: BaseException) -> int:
    raise error


@pytest.mark.parametrize(
    ("raised", "exit_code", "code"),
    [
        (EncryptSecureRTError(ErrorCode.E_SPACING), 9, "E_SPACING"),
        (KeyboardInterrupt(), 12, "E_CANCELLED"),
        (MemoryError(), 10, "E_TOO_LARGE"),
        (ZeroDivisionError("CANARY"), 70, "E_INTERNAL"),
        (RecursionError("CANARY"), 70, "E_INTERNAL"),
        (OSError(28, "CANARY"), 70, "E_INTERNAL"),
    ],
)
def test_whatever_happens_is_one_error_line_without_a_traceback(
    capsys: pytest.CaptureFixture[str], raised: BaseException, exit_code: int, code: str
) -> None:
    ended = _guarded(lambda: _raise(raised), JsonReporter(), debug=False)
    shown = capsys.readouterr()

    assert ended == exit_code
    assert shown.out.count("\n") == 1
    assert f'"code": "{code}"' in shown.out
    assert shown.err == ""
    assert "CANARY" not in shown.out


def test_debug_shows_the_traceback_of_a_defect(capsys: pytest.CaptureFixture[str]) -> None:
    assert _guarded(lambda: _raise(ZeroDivisionError()), JsonReporter(), debug=True) == 70
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_a_good_end_is_its_own_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert _guarded(lambda: 0, JsonReporter(), debug=False) == 0
    assert capsys.readouterr().out == ""
