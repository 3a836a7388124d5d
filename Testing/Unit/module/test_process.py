"""The child process: what comes out of it, and that it is gone afterwards."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import LIMITS
from EncryptSecureRTLib.client.process import (
    ClientProcess,
    JobGoesOn,
    Message,
    child_environment,
    client_argv,
    run_client,
)

Child = Callable[[str], list[str]]
REPOSITORY = Path(__file__).resolve().parents[3]
_RESULT = 'print(\'{"kind": "result", "n": 1}\', flush=True)\n'
_STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('{"kind": "progress"}', flush=True)
time.sleep(60)
"""
_WAITING = 'import time; print(\'{"kind": "progress"}\', flush=True); time.sleep(60)'
# As PythonSlicer does it: what was started starts the client, with the same pipes.
_LAUNCHER = """
import subprocess, sys
client = subprocess.Popen([sys.executable, "-c", {client!r}])
print('{{"kind": "pid", "pid": %d}}' % client.pid, flush=True)
client.wait()
"""


def _error_of(argv: list[str], request: Message | None = None) -> EncryptSecureRTError:
    with pytest.raises(EncryptSecureRTError) as raised:
        run_client(argv, request or {})
    return raised.value


def _first(running: ClientProcess, count: int) -> list[Message]:
    """Return what arrives, until there are `count` messages or the output has ended."""
    end = time.monotonic() + 10
    messages: list[Message] = []
    while len(messages) < count and not running.finished:
        assert time.monotonic() < end, "the child says nothing"
        messages += running.poll()
    return messages


def _rest(running: ClientProcess) -> list[Message]:
    return _first(running, sys.maxsize)


def _gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    try:
        status = Path(f"/proc/{pid}/status").read_text("utf-8")
    except FileNotFoundError:
        return True
    # A zombie is gone, too: nobody has fetched its exit code, that is all.
    return "\nState:\tZ" in status


def _wait_until_gone(pid: int, timeout_s: float = 5.0) -> bool:
    end = time.monotonic() + timeout_s
    while not _gone(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return _gone(pid)


def test_command_line_is_fixed_and_holds_nothing_of_the_request() -> None:
    assert client_argv("segment")[1:] == [
        "-P",
        "-X",
        "utf8",
        "-m",
        "EncryptSecureRTLib.client.cli",
        "segment",
        "--json",
        "--request",
        "-",
    ]


def test_child_finds_our_packages_behind_what_is_on_its_path_already(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONPATH", "first")

    path = child_environment()["PYTHONPATH"].split(os.pathsep)

    assert path[0] == "first"
    assert Path(path[1]) == REPOSITORY / "EncryptSecureRT/Logic"


def test_request_goes_in_and_the_result_comes_out_with_events_before_it(
    good_client: list[str], tmp_path: Path
) -> None:
    events: list[Message] = []
    request: Message = {"out": str(tmp_path / "Büro Ω"), "command": "segment"}

    result = run_client(good_client, request, on_event=events.append)

    assert result == {"kind": "result", "request": request}
    assert events == [{"kind": "progress", "stage": "segment", "fraction": "0.5"}]


@pytest.mark.parametrize("detail", ["", "12 slices (of 40)"])
@pytest.mark.parametrize("code", [ErrorCode.E_MEASUREMENT, ErrorCode.E_CANCELLED])
def test_error_line_becomes_the_error_that_the_client_had(
    code: ErrorCode, detail: str, child: Child
) -> None:
    told = EncryptSecureRTError(code, detail)
    line = json.dumps({"kind": "error", "code": code.name, "what": told.what, "todo": told.todo})

    error = _error_of(child(f"import sys\nprint({line!r})\nsys.exit({told.exit_code})"))

    assert (error.code, error.detail, str(error)) == (code, detail, str(told))


@pytest.mark.parametrize("job", ["ab" * 16, "AB" * 16, 7, None, ["ab" * 16]])
def test_error_line_with_a_job_says_that_it_goes_on(job: object, child: Child) -> None:
    told = JobGoesOn(ErrorCode.E_UNREACHABLE, "ab" * 16, "the job goes on; fetch it later")
    line = json.dumps({"kind": "error", "code": told.code.name, "what": told.what, "job": job})

    error = _error_of(child(f"print({line!r})"))

    assert (error.code, error.detail) == (told.code, told.detail)
    assert isinstance(error, JobGoesOn) is (job == "ab" * 16)


def test_job_and_waiting_lines_reach_the_caller(child: Child) -> None:
    lines: list[Message] = [
        {"kind": "job", "job": "ab" * 16},
        {"kind": "waiting", "code": "E_UNREACHABLE", "attempt": 1, "pause_s": 0.5},
    ]
    program = "".join(f"print({json.dumps(line)!r})\n" for line in lines) + _RESULT
    heard: list[Message] = []

    run_client(child(program), {}, on_event=heard.append)

    assert heard == lines


@pytest.mark.parametrize("what", ["'text of another version'", "7", "null"])
def test_error_line_counts_by_its_code_whatever_its_text(what: str, child: Child) -> None:
    line = f'{{"kind": "error", "code": "E_BUSY", "what": {what}}}'.replace("'", '"')

    error = _error_of(child(f"print({line!r})"))

    assert (error.code, error.detail) == (ErrorCode.E_BUSY, "")


def test_unknown_error_code_becomes_an_internal_error(child: Child) -> None:
    program = 'print(\'{"kind": "error", "code": "E_OF_TOMORROW"}\')'

    assert _error_of(child(program)).code is ErrorCode.E_INTERNAL


@pytest.mark.parametrize(
    "program",
    [
        pytest.param("", id="silent"),
        pytest.param("raise SystemExit(3)", id="exit code alone"),
        pytest.param("1 / 0", id="traceback"),
        pytest.param('print(\'{"kind": "progress"}\')', id="event alone"),
        pytest.param(_RESULT + "raise SystemExit(1)", id="result, then failure"),
        pytest.param(_RESULT[:-1].replace("result", "RESULT"), id="unknown kind alone"),
    ],
)
def test_end_without_an_answer_is_an_internal_error(program: str, child: Child) -> None:
    assert _error_of(child(program)).code is ErrorCode.E_INTERNAL


def test_result_counts_if_the_child_then_exits_well(child: Child) -> None:
    assert run_client(child(_RESULT), {}) == {"kind": "result", "n": 1}


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("b'no json'", id="text"),
        pytest.param("b'[1]'", id="not an object"),
        pytest.param("b'{\"event\": 1}'", id="without kind"),
        pytest.param("b'\\xff\\xfe'", id="not UTF-8"),
        pytest.param("b'[' * 60000", id="deep"),
        pytest.param(f'b\'{{"kind": "\' + b"a" * {LIMITS.json_line_bytes} + b\'"}}\'', id="long"),
    ],
)
def test_line_that_is_not_ours_is_counted_and_skipped(line: str, child: Child) -> None:
    program = f"import sys\nsys.stdout.buffer.write({line} + b'\\n')\n" + _RESULT

    with ClientProcess(child(program), {}) as running:
        messages = _rest(running)

    assert messages == [{"kind": "result", "n": 1}]
    assert running.malformed_lines == 1


@pytest.mark.parametrize(("spare", "accepted"), [(0, True), (-1, False)])
def test_longest_line_is_64_kib_with_its_end(spare: int, accepted: bool, child: Child) -> None:
    fill = LIMITS.json_line_bytes - spare - len('{"kind": "result", "a": ""}\n')
    program = f'print(\'{{"kind": "result", "a": "\' + "a" * {fill} + \'"}}\')'

    if accepted:
        assert run_client(child(program), {})["kind"] == "result"
    else:
        assert _error_of(child(program)).code is ErrorCode.E_INTERNAL


def test_lines_become_objects_in_the_thread_that_polls(
    child: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: set[int] = set()

    def loads(line: bytes) -> object:
        threads.add(threading.get_ident())
        return json.JSONDecoder().decode(line.decode())

    monkeypatch.setattr("EncryptSecureRTLib.client.process.json.loads", loads)
    with ClientProcess(child(_RESULT), {}) as running:
        assert _rest(running) == [{"kind": "result", "n": 1}]

    assert threads == {threading.get_ident()}


def test_many_lines_arrive_in_order_and_none_is_lost(child: Child) -> None:
    program = 'for n in range(5000): print(\'{"kind": "log", "n": %d}\' % n)\n' + _RESULT
    seen: list[object] = []

    run_client(child(program), {}, on_event=lambda event: seen.append(event["n"]))

    assert seen == list(range(5000))


def test_flood_on_standard_error_neither_blocks_nor_reaches_the_error_text(child: Child) -> None:
    flood = "import sys\nsys.stderr.write('secret name\\n' * 100000)\n"

    assert run_client(child(flood + _RESULT), {})["n"] == 1
    assert "secret" not in str(_error_of(child(flood)))


def test_end_of_standard_error_is_kept_for_a_developer(child: Child) -> None:
    program = "import sys\nfor n in range(50): print(n, file=sys.stderr)"

    with ClientProcess(child(program), {}) as running:
        _rest(running)

    assert list(running.stderr_tail) == [str(n) for n in range(30, 50)]


@pytest.mark.parametrize(("size", "accepted"), [(0, True), (1, False)])
def test_request_is_at_most_one_line_of_64_kib(size: int, accepted: bool, child: Child) -> None:
    program = "import sys\nsys.stdin.readline()\n" + _RESULT
    text = "a" * (LIMITS.json_line_bytes - len('{"a": ""}\n') + size)

    if accepted:
        assert run_client(child(program), {"a": text})["n"] == 1
    else:
        assert _error_of(child(program), {"a": text}).code is ErrorCode.E_TOO_LARGE


def test_client_that_cannot_be_started_is_a_local_error(tmp_path: Path) -> None:
    assert _error_of([str(tmp_path / "nothing")]).code is ErrorCode.E_LOCAL_FILE


def test_standard_input_stays_open_until_the_child_has_ended(child: Child) -> None:
    program = """
import select, sys
sys.stdin.readline()
print('{"kind": "result"}', flush=True)
ended, _, _ = select.select([sys.stdin], [], [], 0.3)
sys.exit(1 if ended else 0)
"""

    assert run_client(child(program), {})["kind"] == "result"


def test_cancel_asks_the_child_once_and_it_may_still_answer_for_itself(child: Child) -> None:
    program = """
import signal, sys, time
asked = []
signal.signal(signal.SIGTERM, lambda number, frame: asked.append(number))
print('{"kind": "progress"}', flush=True)
while not asked: time.sleep(0.01)
time.sleep(0.3)
print('{"kind": "result", "asked": %d}' % len(asked), flush=True)
"""

    with ClientProcess(child(program), {}) as running:
        assert running.poll(10)
        running.cancel()
        messages = _rest(running)

    assert messages == [{"kind": "result", "asked": 1}]


def test_cancel_of_a_stubborn_child_takes_the_grace_time_and_leaves_nothing(child: Child) -> None:
    with ClientProcess(child(_STUBBORN), {}) as running:
        assert running.poll(10)
        start = time.monotonic()
        running.close()
        taken_s = time.monotonic() - start

    assert _gone(running.pid)
    assert 1.9 < taken_s < 4


def test_cancel_of_a_willing_child_is_quick(child: Child) -> None:
    start = time.monotonic()

    with pytest.raises(EncryptSecureRTError) as raised:
        run_client(child(_WAITING), {}, cancelled=lambda: True)

    assert raised.value.code is ErrorCode.E_CANCELLED
    assert time.monotonic() - start < 1.5


@pytest.mark.parametrize("client", [_WAITING, _STUBBORN], ids=["willing", "stubborn"])
def test_cancel_reaches_the_client_behind_a_launcher(client: str, child: Child) -> None:
    with ClientProcess(child(_LAUNCHER.format(client=client)), {}) as running:
        messages = _first(running, 2)
    pid = next(message["pid"] for message in messages if message["kind"] == "pid")

    assert isinstance(pid, int)
    assert _wait_until_gone(pid)


def test_error_in_a_callback_comes_through_and_ends_the_child(child: Child) -> None:
    program = (
        "import os, time\n"
        'print(\'{"kind": "pid", "pid": %d}\' % os.getpid(), flush=True)\n'
        "time.sleep(60)"
    )
    pids: list[int] = []

    def fail(event: Message) -> None:
        pids.append(int(str(event["pid"])))
        raise KeyError("of the caller")

    with pytest.raises(KeyError, match="of the caller"):
        run_client(child(program), {}, on_event=fail)

    assert _gone(pids[0])


def test_time_limit_ends_the_child(child: Child) -> None:
    with pytest.raises(EncryptSecureRTError) as raised:
        run_client(child("import time; time.sleep(60)"), {}, time_limit_s=0.2)

    assert raised.value.code is ErrorCode.E_TIMEOUT


def test_child_sees_the_end_of_its_input_when_the_caller_is_killed(
    child: Child, tmp_path: Path
) -> None:
    argv = child(
        "import os, sys\n"
        "sys.stdin.readline()\n"
        'print(\'{"kind": "pid", "pid": %d}\' % os.getpid(), flush=True)\n'
        "sys.stdin.readline()\n"
    )
    caller = tmp_path / "caller.py"
    caller.write_text(
        "import sys\n"
        "from EncryptSecureRTLib.client.process import run_client\n"
        "run_client(sys.argv[1:], {}, on_event=lambda e: print(e['pid'], flush=True))\n"
    )
    with subprocess.Popen(
        [sys.executable, str(caller), *argv], stdout=subprocess.PIPE, env=child_environment()
    ) as running:
        assert running.stdout is not None
        pid = int(running.stdout.readline())
        running.kill()

    assert _wait_until_gone(pid)
