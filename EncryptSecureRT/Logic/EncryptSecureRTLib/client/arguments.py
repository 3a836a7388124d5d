"""The command line of `encryptsecurert`, and the same as one JSON request.

The parser is the standard library's, since Slicer ships no other; people and the panel share it.
Settings come from flags, then from the environment, then from `config.json` in the home folder.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import LIMITS

_DEFAULT_HOME = Path.home() / ".config" / "encryptsecurert"
_STRUCTURES = ("body", "lung_left", "lung_right", "skeleton")
_OUTPUTS = ("rtstruct", "seg")
VERSION = "0.1.0"
_EXITS = """exit codes: 0 ok, 2 usage, 3 not reachable, 4 user certificate refused, 5 attestation
refused, 6 policy, 7 not provisioned or other site, 8 not allowed, 9 bad input, 10 too large or
busy, 11 job failed, 12 cancelled, 13 result or receipt invalid, 14 local file, 70 internal"""


class _Usage(EncryptSecureRTError):
    """A usage error with the parser's own words, which hold option names only."""


class _Parser(argparse.ArgumentParser):
    def __init__(self, **settings: Any) -> None:
        # What is unsafe must be spelled out, and `--json` be found by who looks for it first.
        super().__init__(**settings, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        raise _Usage(ErrorCode.E_USAGE, message.split(":", 1)[0][:100])


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One command with its settings, wherever they came from."""

    command: str
    home: Path
    url: str = ""
    json: bool = False
    debug: bool = False
    from_request: bool = False
    unsafe_allow_simulated: bool = False
    source: Path | None = None
    out: Path | None = None
    structures: Sequence[str] = _STRUCTURES
    outputs: Sequence[str] = _OUTPUTS
    preview: Path | None = None
    accept: Path | None = None
    collateral: Path | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def need_url(self) -> str:
        """Return the worker's address, or refuse with E_USAGE."""
        if not self.url:
            raise EncryptSecureRTError(ErrorCode.E_USAGE, "the worker's --url is missing")
        return self.url

    def need_source(self) -> Path:
        """Return the input's path, or refuse with E_USAGE."""
        if self.source is None:
            raise EncryptSecureRTError(ErrorCode.E_USAGE, "the input is missing")
        return self.source

    def need_out(self) -> Path:
        """Return the output folder, or refuse with E_USAGE."""
        if self.out is None:
            raise EncryptSecureRTError(ErrorCode.E_USAGE, "the output folder is missing")
        return self.out


def _parser() -> argparse.ArgumentParser:
    common = _Parser(add_help=False)
    group = common.add_argument_group("common options")
    group.add_argument(
        "--home", type=Path, metavar="DIR", help="client folder (ENCRYPTSECURERT_HOME)"
    )
    group.add_argument("--json", action="store_true", help="one JSON object a line, for programs")
    group.add_argument("--request", choices=["-"], help="read one JSON request line from stdin")
    group.add_argument("--debug", action="store_true", help="show a traceback on internal errors")
    worker = _Parser(add_help=False)
    group = worker.add_argument_group("worker")
    group.add_argument("--url", metavar="URL", help="https://host:port (ENCRYPTSECURERT_URL)")
    group.add_argument(
        "--unsafe-allow-simulated",
        action="store_true",
        help="take an UNSIGNED policy for SIMULATED evidence; only on this computer",
    )
    parser = _Parser(
        prog="encryptsecurert",
        description="Protect and segment CT series in an attested worker.",
        epilog=_EXITS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"encryptsecurert {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, parents: Sequence[_Parser], words: str) -> _Parser:
        return commands.add_parser(
            name,
            parents=parents,
            help=words,
            description=words,
            epilog=_EXITS,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    _describe_commands(add, common, worker)
    return parser


def _choices(words: Sequence[str]) -> str:
    return f"some of {', '.join(words)}; all if not given"


def _describe_commands(
    add: Callable[[str, Sequence[_Parser], str], _Parser], common: _Parser, worker: _Parser
) -> None:
    both = [common, worker]
    enroll = add("enroll", [common], "make the user key and a request; later take the answer")
    enroll.add_argument(
        "--accept", type=Path, metavar="DIR", help="take what the custodian gave: pins the site"
    )
    enroll.add_argument("--collateral", type=Path, metavar="FILE", help="place fresh collateral")
    add("check", both, "six lines: can this worker be trusted?")
    protect = add("protect", both, "seal the DICOM metadata of a CT series")
    protect.add_argument(
        "source", type=Path, nargs="?", metavar="SRC", help="folder with one series"
    )
    protect.add_argument("out", type=Path, nargs="?", metavar="DST", help="folder for the copy")
    segment = add("segment", both, "segment a protected CT series in the worker")
    segment.add_argument("source", type=Path, nargs="?", metavar="CT", help="protected series")
    segment.add_argument("--out", type=Path, metavar="DIR", help="folder for the results")
    segment.add_argument(
        "--structures", nargs="+", choices=_STRUCTURES, metavar="KEY", help=_choices(_STRUCTURES)
    )
    segment.add_argument(
        "--outputs", nargs="+", choices=_OUTPUTS, metavar="KIND", help=_choices(_OUTPUTS)
    )
    segment.add_argument("--preview", type=Path, metavar="PNG", help="draw contours over the CT")
    verify = add("verify", [common], "check a receipt, offline")
    verify.add_argument("source", type=Path, nargs="?", metavar="RECEIPT", help="receipt file")


def parse(argv: Sequence[str]) -> Invocation:
    """Return the invocation that arguments, environment and request stand for.

    Raises
    ------
    EncryptSecureRTError
        E_USAGE for anything that is not understood.
    """
    options = vars(_parser().parse_args(argv))
    asked = {name: value for name, value in options.items() if value not in (None, False)}
    from_request = asked.pop("request", None) is not None
    if from_request:
        asked.update(_read_request(asked["command"]))
    home = Path(asked.pop("home", None) or os.environ.get("ENCRYPTSECURERT_HOME") or _DEFAULT_HOME)
    url = asked.pop("url", None) or os.environ.get("ENCRYPTSECURERT_URL") or _configured_url(home)
    return Invocation(home=home, url=url, from_request=from_request, **asked)


def _configured_url(home: Path) -> str:
    try:
        value = json.loads((home / "config.json").read_bytes()[: LIMITS.json_line_bytes])
        return str(value["url"])
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise EncryptSecureRTError(ErrorCode.E_USAGE, "config.json cannot be read") from None


_PATHS = {
    "home": "home",
    "series": "source",
    "source": "source",
    "receipt": "source",
    "out": "out",
    "preview": "preview",
}
_LISTS = {"structures": _STRUCTURES, "outputs": _OUTPUTS}


def _is_path(value: object) -> bool:
    """Tell whether a value is text that can name a file at all."""
    try:
        return isinstance(value, str) and b"\0" not in os.fsencode(value)
    except UnicodeEncodeError:
        return False


def _read_request(command: str) -> dict[str, Any]:
    """Read one request line: {command, home, url, series|source|receipt, out, ...}."""
    refusal = EncryptSecureRTError(ErrorCode.E_USAGE, "the request line is not right")
    line = sys.stdin.buffer.readline(LIMITS.json_line_bytes + 1)
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        raise refusal from None
    if not isinstance(request, dict) or request.pop("command", command) != command:
        raise refusal
    asked: dict[str, Any] = {}
    for name, value in request.items():
        if name in _PATHS and _is_path(value):
            asked[_PATHS[name]] = Path(value)
        elif name == "url" and isinstance(value, str):
            asked["url"] = value
        elif name in _LISTS and isinstance(value, list) and all(v in _LISTS[name] for v in value):
            asked[name] = value
        elif name == "unsafe_allow_simulated" and isinstance(value, bool):
            asked[name] = value
        else:
            raise refusal
    return asked
