"""What a command loads before it works: what others need stays away, so that it starts fast."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from encryptsecurert_protocol.measurements import ShiftObjective
from encryptsecurert_protocol.plan_checks import MATCHINGS
from EncryptSecureRTLib.client.arguments import parse
from EncryptSecureRTLib.client.cli import _command
from EncryptSecureRTLib.client.measurement_asked import MeasurementAsked
from EncryptSecureRTLib.client.options import make_parser
from EncryptSecureRTLib.client.plan_asked import PlanAsked

_OF_OTHERS = re.compile(
    r"encryptsecurert_protocol\.(dose_|dvh_|measurement|plan_checks|plans|profiles)"
    r"|EncryptSecureRTLib\.client\.pacs\.(?!asked$)"
)
_PARSE = """
import sys
from EncryptSecureRTLib.client.arguments import parse
parse(sys.argv[1:])
print(*sys.modules)
"""
_MAIN = """
import sys
from EncryptSecureRTLib.client.cli import main
try:
    main()
finally:
    print(*sys.modules, file=sys.stderr)
"""
_COMMANDS = re.findall(r"^    ([a-z-]+)(?: {2}|$)", make_parser([]).format_help(), re.MULTILINE)


def _loaded_to_parse(home: Path, *words: str, line: object = None) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-P", "-c", _PARSE, *words, "--home", str(home)],
        input=json.dumps(line),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(done.stdout.split())


def _of_others(loaded: set[str]) -> list[str]:
    return sorted(name for name in loaded if _OF_OTHERS.match(name))


def test_reveal_is_parsed_without_a_module_of_doses_measurements_plans_or_a_pacs(
    tmp_path: Path,
) -> None:
    loaded = _loaded_to_parse(tmp_path, "reveal", "protected", "originals")

    assert "EncryptSecureRTLib.client.options" in loaded
    assert _of_others(loaded) == []


def test_so_is_the_line_of_a_program(tmp_path: Path) -> None:
    line = {"command": "reveal", "source": "protected", "first_only": True}

    loaded = _loaded_to_parse(tmp_path, "reveal", "--json", "--request", "-", line=line)

    assert "EncryptSecureRTLib.client.requestline" in loaded
    assert _of_others(loaded) == []


def test_a_command_is_parsed_with_the_modules_that_its_words_need(tmp_path: Path) -> None:
    line = {"command": "plan-compare", "plan_matching": "geometry"}

    described = _loaded_to_parse(tmp_path, "dose-compare", "ref", "eval")
    read = _loaded_to_parse(tmp_path, "plan-compare", "--request", "-", line=line)

    assert "encryptsecurert_protocol.dose_options" in _of_others(described)
    assert "encryptsecurert_protocol.plan_checks" in _of_others(read)


def _loaded_to_fail(home: Path, stdout: int) -> set[str]:
    """Return what `check` loads that finds no worker."""
    words = ("check", "--url", "https://127.0.0.1:1", "--home", str(home))
    done = subprocess.run(
        [sys.executable, "-P", "-c", _MAIN, *words],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    return set(done.stderr.split())


def test_a_command_whose_output_is_piped_loads_no_rich(tmp_path: Path) -> None:
    loaded = _loaded_to_fail(tmp_path, subprocess.PIPE)

    assert "EncryptSecureRTLib.client.plain" in loaded
    assert "rich" not in loaded


@pytest.mark.skipif(sys.platform == "win32", reason="the shell is another one")
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
@pytest.mark.parametrize(
    ("words", "code"), [("check --url https://127.0.0.1:1", 3), ("check --no-such-option", 2)]
)
def test_a_command_whose_output_is_closed_ends_as_it_does_otherwise(
    tmp_path: Path, closed: str, words: str, code: int
) -> None:
    home = f"--home {shlex.quote(str(tmp_path))}"
    command = f"{shlex.quote(sys.executable)} -P -m EncryptSecureRTLib.client.cli {words} {home}"

    done = subprocess.run(
        ["sh", "-c", f"{command} {closed}"], check=False, capture_output=True, timeout=60
    )

    assert done.returncode == code
    assert b"Traceback" not in done.stdout + done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_a_command_at_a_terminal_loads_rich(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    try:
        assert "rich" in _loaded_to_fail(tmp_path, theirs)
    finally:
        os.close(theirs)
        os.close(ours)


@pytest.mark.parametrize("command", _COMMANDS)
def test_what_the_parser_names_is_run_by_something(command: str) -> None:
    assert callable(_command(command))


def test_the_parser_names_every_command_also_those_that_are_not_asked_for() -> None:
    assert {"check", "reveal", "break-glass", "dose-compare", "pacs"} <= set(_COMMANDS)
    assert len(_COMMANDS) == 17


def test_a_word_that_is_the_name_of_another_command_is_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENCRYPTSECURERT_HOME", str(tmp_path))

    asked = parse(["reveal", "fetch", "pacs"])

    assert (asked.command, asked.source, asked.out) == ("reveal", Path("fetch"), Path("pacs"))


def test_what_is_usual_is_one_of_the_words_that_may_be_said() -> None:
    shift = MeasurementAsked(shift="3mm").shift_options()

    assert PlanAsked().matching == MATCHINGS[0]
    assert shift is not None
    assert shift.objective is ShiftObjective.RMS
