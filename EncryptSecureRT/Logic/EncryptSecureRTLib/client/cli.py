"""`encryptsecurert`: enroll, check, protect, segment, verify; jobs, fetch, cancel and others.

One process border: whatever happens ends as a result or as one error with its exit code. Ctrl-C,
SIGTERM or, with `--request -`, the end of standard input stop a job at its next check point;
before and after a job they end the command once the files in hand are read or written, and a job
that is only fetched they leave alone. Nothing half written stays in either case. A lost connection
never ends a job.

With `--json` the line `hello` comes first and at once, so nothing slow is imported up here.
"""

import _thread
import contextlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import TYPE_CHECKING

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.output import JsonReporter, Reporter

if TYPE_CHECKING:
    from EncryptSecureRTLib.client.session import Command


class StopSwitch:
    """Turns signals into a flag while a job runs, into an end of the command otherwise."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._soft = False

    def asked(self) -> bool:
        """Whether a stop was asked for."""
        return self._asked.is_set()

    @contextlib.contextmanager
    def soft(self) -> Iterator[None]:
        """Within: a first signal sets the flag only, a second one ends the command."""
        self._soft = True
        try:
            yield
        finally:
            self._soft = False

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Take a signal."""
        again = self._asked.is_set()
        self._asked.set()
        if again or not self._soft:
            raise KeyboardInterrupt

    def watch_stdin(self) -> None:
        """Treat the end of standard input as a stop: nobody waits for us any more."""

        def watch() -> None:
            # The descriptor, not the buffer: a thread inside the buffer's lock would abort the
            # interpreter when the command ends first.
            with contextlib.suppress(OSError, ValueError):
                while os.read(sys.stdin.fileno(), 4096):
                    pass
            _wake_main()

        threading.Thread(target=watch, daemon=True).start()


def _wake_main() -> None:
    """Send the main thread an interrupt, also while it waits for a lock or a line."""
    if sys.platform == "win32":
        _thread.interrupt_main(signal.SIGINT)  # heard once it runs again
    else:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command and exit with its code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    switch = StopSwitch()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, switch.handle)
    debug = "--debug" in arguments
    reporter: Reporter = JsonReporter() if "--json" in arguments else _for_people(arguments)
    try:
        code = _guarded(lambda: _run(arguments, reporter, switch), reporter, debug=debug)
    finally:
        reporter.close()
    sys.exit(code)


def _for_people(arguments: Sequence[str]) -> Reporter:
    if {"-h", "--help", "--version"} & set(arguments):
        return JsonReporter()  # the parser prints its help and exits; no terminal is needed
    if sys.stdout is None or not sys.stdout.isatty():  # it is None where it was closed
        from EncryptSecureRTLib.client.plain import PlainReporter

        return PlainReporter()
    from EncryptSecureRTLib.client.terminal import TerminalReporter

    return TerminalReporter()


def _guarded(run: Callable[[], int], reporter: Reporter, *, debug: bool) -> int:
    try:
        return run()
    except EncryptSecureRTError as error:
        failure = error
    except KeyboardInterrupt:
        failure = EncryptSecureRTError(ErrorCode.E_CANCELLED)
    except BrokenPipeError:
        return _nobody_reads()
    except MemoryError:
        failure = EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
    except Exception:  # the border of the process: one error, and a traceback only if asked for
        if debug:
            traceback.print_exc()
        failure = EncryptSecureRTError(ErrorCode.E_INTERNAL)
    try:
        reporter.error(failure)
    except BrokenPipeError:
        return _nobody_reads()
    return failure.exit_code


def _nobody_reads() -> int:
    """Return the exit code for an output that was closed, and let the interpreter end quietly."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ErrorCode.E_CANCELLED.value.exit_code


def _run(arguments: Sequence[str], reporter: Reporter, switch: StopSwitch) -> int:
    if "--json" in arguments:
        reporter.hello()
    from EncryptSecureRTLib.client.arguments import parse

    invocation = parse(arguments)
    command = _command(invocation.command)
    if invocation.from_request:
        switch.watch_stdin()
    return command(invocation, reporter, switch)


def _command(name: str) -> "Command":
    """Return what runs a command, and load nothing that only others need."""
    match name:
        case "dose-compare":
            from EncryptSecureRTLib.client.dose_commands import COMMANDS
        case "plan-compare":
            from EncryptSecureRTLib.client.plan_commands import COMMANDS
        case "measurement-compare":
            from EncryptSecureRTLib.client.measurement_commands import COMMANDS
        case "pacs":
            from EncryptSecureRTLib.client.pacs.commands import COMMANDS
        case "jobs" | "fetch" | "cancel" | "tasks" | "models" | "break-glass":
            from EncryptSecureRTLib.client.job_commands import COMMANDS
        case _:
            from EncryptSecureRTLib.client.commands import COMMANDS
    return COMMANDS[name]


if __name__ == "__main__":
    main()
