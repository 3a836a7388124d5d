"""Commands run as a user or the panel runs them, and what they printed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from EncryptSecureRTLib.client.home import ClientHome

ROOT = Path(__file__).resolve().parents[2]
CLIENT = (sys.executable, "-P", "-m", "EncryptSecureRTLib.client.cli")
_LIMIT_S = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One finished command with `--json`."""

    code: int
    lines: tuple[dict[str, Any], ...]
    stderr: str

    @property
    def result(self) -> dict[str, Any]:
        """The one result line, which is the last."""
        assert [line["kind"] for line in self.lines if _ends(line)] == ["result"], self
        assert _ends(self.lines[-1])
        return self.lines[-1]

    @property
    def error(self) -> dict[str, Any]:
        """The one error line, which is the last."""
        assert [line["kind"] for line in self.lines if _ends(line)] == ["error"], self
        assert _ends(self.lines[-1])
        return self.lines[-1]


def _ends(line: dict[str, Any]) -> bool:
    return line["kind"] in ("result", "error")


def run_of(code: int, stdout: str, stderr: str) -> Run:
    """Return a command's end and what it printed."""
    lines = tuple(json.loads(line) for line in stdout.splitlines())
    return Run(code=code, lines=lines, stderr=stderr)


def run_client(*words: str | Path, home: ClientHome | Path, stdin: bytes | None = None) -> Run:
    """Run one client command with `--json` to its end."""
    folder = home.path if isinstance(home, ClientHome) else home
    done = subprocess.run(
        [*CLIENT, *map(str, words), "--home", str(folder), "--json"],
        input=stdin or b"",
        capture_output=True,
        check=False,
        timeout=_LIMIT_S,
        env=_environment(),
    )
    return run_of(done.returncode, done.stdout.decode(), done.stderr.decode())


def interrupt_client(
    *words: str | Path, home: ClientHome, when: Callable[[dict[str, Any]], bool]
) -> tuple[Run, float]:
    """Run a command, press Ctrl-C at the first line for which `when` holds.

    Returns the run and the seconds from the key to the end.
    """
    process = subprocess.Popen(
        [*CLIENT, *map(str, words), "--home", str(home.path), "--json"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=_environment(),
    )
    assert process.stdout is not None
    seen: list[str] = []
    for line in process.stdout:
        seen.append(line)
        if when(json.loads(line)):
            break
    else:
        raise AssertionError("the moment to interrupt never came")
    pressed_s = time.monotonic()
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=_LIMIT_S)
    return run_of(process.returncode, "".join(seen) + stdout, stderr), time.monotonic() - pressed_s


def _environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith("ENCRYPTSECURERT")}
