"""The client as a child process: one JSON line in, JSON lines out.

    caller                                        child, EncryptSecureRTLib.client.cli
      {"command": "segment", ...}  ---- stdin --->
                                   <--- stdout ---  {"kind": "hello", ...}      at once
                                   <--- stdout ---  {"kind": "progress", ...}   any number, of
                                                    any kind: job, sent, waiting, state, ...
                                   <--- stdout ---  {"kind": "result", ...}     or
                                                    {"kind": "error", "code": "E_..."}, then exit

An `error` line with a `job` says that the job goes on at the worker: `fetch` gets it later.
A child, because a thread that seals and uploads would stop Slicer's window. Nothing that matters is
in its arguments or environment, which other programs may read: paths and addresses go through
standard input. That stays open: its end tells the child that nobody waits any more, so a child
cannot outlive a caller that was killed. A child that is not needed is asked to end, then killed.

Threads read the pipes, and no more than that: a line becomes objects in the thread that polls,
since what makes many of them may start a collection of garbage, and Qt's objects must be let go
of by the thread that they belong to.
"""

import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode, error_from_name
from encryptsecurert_protocol.limits import LIMITS
from EncryptSecureRTLib.client.unfinished import JobGoesOn, is_job_id

__all__ = [  # the errors too, for the panel, which knows the client and not the protocol
    "ClientProcess",
    "EncryptSecureRTError",
    "ErrorCode",
    "JobGoesOn",
    "Message",
    "child_environment",
    "client_argv",
    "error_from_name",
    "error_of_line",
    "python_executable",
    "run_client",
]
Message = dict[str, object]
CLIENT_MODULE = "EncryptSecureRTLib.client.cli"
END_GRACE_S = 2.0  # between the request to end and the kill
EXIT_GRACE_S = 5.0  # between the last line and the exit
_SOURCE_ROOT = Path(__file__).resolve().parents[2]
_POLL_S = 0.05
_LINES_PER_POLL = 200
_LINES_HELD = 1000
_DETAIL_CHARACTERS = 200
if sys.platform == "win32":
    _CREATION_FLAGS = subprocess.CREATE_NO_WINDOW
else:
    _CREATION_FLAGS = 0


def python_executable() -> str:
    """Return the Python to start: Slicer's own where it is on the path, else the present one."""
    return shutil.which("PythonSlicer") or sys.executable


def client_argv(command: str) -> list[str]:
    """Return the command line of `command`; it is the same whatever the request holds.

    `-P` keeps the current folder off the path. Not `-I`: PythonSlicer needs its variables.
    """
    python = [python_executable(), "-P", "-X", "utf8"]
    return [*python, "-m", CLIENT_MODULE, command, "--json", "--request", "-"]


def child_environment() -> dict[str, str]:
    """Return the present environment with our source root on the child's module path."""
    environment = dict(os.environ)
    present = environment.get("PYTHONPATH")
    # Behind what is there, as the module file does: we never shadow the application's packages.
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [present, str(_SOURCE_ROOT)]))
    return environment


def _parse(line: bytes) -> Message | None:
    """Return the line's JSON object if it has a textual `kind`."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and isinstance(value.get("kind"), str) else None


def _end(process: subprocess.Popen[bytes], *, kill: bool) -> None:
    """Ask the child to end, or end it, with all that it started."""
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            # A console event does not reach a child without a console; the end of input does.
            if kill:
                process.kill()
            elif process.stdin is not None:
                process.stdin.close()
        else:
            # A group of its own: PythonSlicer is a launcher, and the client is its child.
            os.killpg(process.pid, signal.SIGKILL if kill else signal.SIGTERM)


class ClientProcess:
    """A running client; leave its `with` block and it has ended, whatever happened.

    Parameters
    ----------
    argv : sequence of str
        See `client_argv`.
    request : mapping
        What to do, as JSON values; at most one line of `Limits.json_line_bytes`.

    Attributes
    ----------
    malformed_lines : int
        Lines on standard output that were too long or not our JSON; they are skipped.
    stderr_tail : deque of str
        The last 20 lines of standard error, for a developer's eyes only.

    Raises
    ------
    EncryptSecureRTError
        E_TOO_LARGE for the request, E_LOCAL_FILE if the child cannot be started.
    """

    def __init__(self, argv: Sequence[str], request: Mapping[str, object]) -> None:
        line = json.dumps(request, allow_nan=False).encode("ascii") + b"\n"
        if len(line) > LIMITS.json_line_bytes:
            raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE, "the request")
        self.malformed_lines = 0
        self.stderr_tail: deque[str] = deque(maxlen=20)
        self._lines: queue.Queue[bytes | None] = queue.Queue(_LINES_HELD)  # None is the end
        self._closing = threading.Event()
        self._read_all = False
        try:
            self._process = subprocess.Popen(  # noqa: S603 - a fixed command line, no shell
                list(argv),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=child_environment(),
                start_new_session=True,
                creationflags=_CREATION_FLAGS,
            )
        except OSError:
            detail = "the client cannot be started"
            raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, detail) from None
        self._readers = [
            threading.Thread(target=reader, args=(stream,), daemon=True)
            for reader, stream in (
                (self._read_stdout, self._process.stdout),
                (self._read_stderr, self._process.stderr),
            )
        ]
        for thread in self._readers:
            thread.start()
        self._write(line)

    def _write(self, line: bytes) -> None:
        stdin = self._process.stdin
        # A child that has gone already shows by its exit, with the reason on its output.
        with contextlib.suppress(OSError):
            if stdin is not None:
                stdin.write(line)
                stdin.flush()

    def _read_stdout(self, stream: IO[bytes]) -> None:
        limit = LIMITS.json_line_bytes
        in_long_line = False
        while piece := stream.readline(limit + 1):
            whole = piece.endswith(b"\n")
            if not in_long_line:
                # Of a line that is too long or has no end, nothing is kept: it is no message.
                self._put(piece if whole and len(piece) <= limit else b"")
            in_long_line = not whole
        self._put(None)

    def _read_stderr(self, stream: IO[bytes]) -> None:
        while piece := stream.readline(4096):
            self.stderr_tail.append(piece.decode("utf-8", "replace").rstrip())

    def _put(self, line: bytes | None) -> None:
        while not self._closing.is_set():
            with contextlib.suppress(queue.Full):
                return self._lines.put(line, timeout=0.1)

    @property
    def pid(self) -> int:
        """The child's process number."""
        return self._process.pid

    @property
    def finished(self) -> bool:
        """Whether the child has closed its output and all of it was polled."""
        return self._read_all

    def poll(self, timeout_s: float = _POLL_S) -> list[Message]:
        """Return the messages in what has arrived, 200 lines at most; wait `timeout_s` for one."""
        messages: list[Message] = []
        with contextlib.suppress(queue.Empty):
            for n in range(_LINES_PER_POLL):
                line = None if self._read_all else self._lines.get(timeout=0 if n else timeout_s)
                if line is None:
                    self._read_all = True
                    break
                message = _parse(line)
                if message is None:
                    self.malformed_lines += 1
                else:
                    messages.append(message)
        return messages

    def cancel(self) -> None:
        """Ask the child to stop; `close` kills it if it does not.

        One request only: to the client a second one means to drop everything.
        """
        if self._process.poll() is None:
            _end(self._process, kill=False)

    def kill(self) -> None:
        """End the child, with all that it started, at once."""
        if self._process.poll() is None:
            _end(self._process, kill=True)

    def wait(self, timeout_s: float) -> int | None:
        """Return the exit code, None if the child goes on for longer than `timeout_s`."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(timeout_s)
        return None

    def close(self) -> None:
        """End the child if it runs, wait for it, and let go of pipes and threads."""
        self._closing.set()
        if self._process.poll() is None:
            self.cancel()
            if self.wait(END_GRACE_S) is None:
                _end(self._process, kill=True)
        self._process.wait()
        for thread in self._readers:
            thread.join(END_GRACE_S)
            if thread.is_alive():
                # Something that the child started holds the pipe, so the group still exists.
                _end(self._process, kill=True)
                thread.join(END_GRACE_S)
        if not any(thread.is_alive() for thread in self._readers):  # else closing would wait
            for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
                with contextlib.suppress(OSError):
                    if stream is not None:
                        stream.close()

    def __enter__(self) -> "ClientProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def error_of_line(message: Message) -> EncryptSecureRTError:
    """Return the error of an `error` line; `what` is the code's sentence and (detail)."""
    code, what, job = message.get("code"), message.get("what"), message.get("job")
    error = error_from_name(code if isinstance(code, str) else "")
    sentence = f"{error.what} ("
    detail = ""
    if isinstance(what, str) and what.startswith(sentence) and what.endswith(")"):
        detail = what[len(sentence) : -1][:_DETAIL_CHARACTERS]
    if isinstance(job, str) and is_job_id(job):
        return JobGoesOn(error.code, job, detail)
    return EncryptSecureRTError(error.code, detail)


def _outcome(process: ClientProcess, last: Message | None) -> Message:
    exit_code = process.wait(EXIT_GRACE_S)
    if last is not None and last["kind"] == "error":
        raise error_of_line(last)
    if last is None or exit_code != 0:
        detail = "the client ended without an answer"
        raise EncryptSecureRTError(ErrorCode.E_INTERNAL, detail)
    return last


def run_client(
    argv: Sequence[str],
    request: Mapping[str, object],
    *,
    on_event: Callable[[Message], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    idle: Callable[[], object] | None = None,
    time_limit_s: float | None = None,
) -> Message:
    """Run one client command to its end and return its result line.

    Parameters
    ----------
    argv, request
        See `ClientProcess`.
    on_event : callable, optional
        Called with each line that is not the last; an exception of it ends the child.
    cancelled : callable, optional
        Asked 20 times a second; once true, the child is ended.
    idle : callable, optional
        Called as often; Slicer's `processEvents`, so that the window stays alive.
    time_limit_s : float, optional
        By default a job may take as long as it takes.

    Returns
    -------
    dict
        The line with `"kind": "result"`. It counts only if the child then exits with 0.

    Raises
    ------
    EncryptSecureRTError
        The code of the child's `error` line; E_CANCELLED; E_TIMEOUT; E_INTERNAL if the child
        ended without a result or an error.
    """
    deadline = None if time_limit_s is None else time.monotonic() + time_limit_s
    with ClientProcess(argv, request) as process:
        while not process.finished:
            for message in process.poll():
                if message["kind"] in ("result", "error"):
                    return _outcome(process, message)
                if on_event is not None:
                    on_event(message)
            if cancelled is not None and cancelled():
                raise EncryptSecureRTError(ErrorCode.E_CANCELLED)
            if deadline is not None and time.monotonic() > deadline:
                raise EncryptSecureRTError(ErrorCode.E_TIMEOUT)
            if idle is not None:
                idle()
        return _outcome(process, None)
