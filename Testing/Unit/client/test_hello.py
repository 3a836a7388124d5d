"""The first line: it comes before anything slow is loaded, whatever the command comes to."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from encryptsecurert_protocol.statement import PROTOCOL as SPOKEN
from EncryptSecureRTLib.client.version import PROTOCOL, VERSION

# Prints what had been loaded when the first line was written.
_SPY = """
import io, sys
class Spy(io.TextIOWrapper):
    def flush(self):
        super().flush()
        if not self.told:
            self.told = True
            print(*{name.split('.')[0] for name in sys.modules}, file=sys.stderr)
    told = False
sys.stdout = Spy(sys.stdout.buffer)
from EncryptSecureRTLib.client.cli import main
main()
"""
_SLOW = {"cryptography", "numpy", "pydicom", "requests", "urllib3", "ssl", "rich"}


def _lines(octets: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in octets.splitlines()]


def _run(*words: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-P", *words]
    return subprocess.run(
        command, input=stdin, capture_output=True, text=True, check=False, timeout=60
    )


def test_the_protocol_told_is_the_one_that_is_spoken() -> None:
    assert f"encryptsecurert/{PROTOCOL}" == SPOKEN


@pytest.mark.parametrize(
    ("words", "stdin"),
    [
        (("check", "--json", "--url", "https://127.0.0.1:1"), ""),
        (("dream", "--json"), ""),
        (("segment", "--json", "--request", "-"), "{"),
    ],
    ids=["refused", "no such command", "no request"],
)
def test_hello_is_the_first_line_also_of_a_command_that_fails(
    tmp_path: Path, words: tuple[str, ...], stdin: str
) -> None:
    home = ("--home", str(tmp_path))
    done = _run("-m", "EncryptSecureRTLib.client.cli", *words, *home, stdin=stdin)

    lines = _lines(done.stdout)
    assert lines[0] == {"kind": "hello", "version": VERSION, "protocol": PROTOCOL}
    assert [line["kind"] for line in lines[1:] if line["kind"] == "hello"] == []
    assert lines[-1]["kind"] == "error"


def test_hello_comes_before_anything_slow_is_loaded(tmp_path: Path) -> None:
    done = _run("-c", _SPY, "check", "--json", "--home", str(tmp_path))

    loaded = set(done.stderr.split())
    assert _lines(done.stdout)[0]["kind"] == "hello"
    assert {"json", "EncryptSecureRTLib"} <= loaded
    assert loaded & _SLOW == set()


def test_help_and_words_for_people_have_no_hello(tmp_path: Path) -> None:
    for words in (("check", "--help"), ("check", "--home", str(tmp_path))):
        done = _run("-m", "EncryptSecureRTLib.client.cli", *words)

        assert "hello" not in done.stdout + done.stderr
