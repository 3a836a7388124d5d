"""The parser of the command line: every command, its options, and an example of each.

It is the standard library's, since Slicer ships no other.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.dose_words import add_dose, describe_report
from EncryptSecureRTLib.client.measurement_asked import add_measurement_compare
from EncryptSecureRTLib.client.pacs.asked import MARK, add_pacs
from EncryptSecureRTLib.client.plan_asked import add_plan_compare
from EncryptSecureRTLib.client.protect_choices import DATES, PICTURES
from EncryptSecureRTLib.client.structures import OUTPUTS, STRUCTURES
from EncryptSecureRTLib.client.version import VERSION

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


def _common() -> _Parser:
    parser = _Parser(add_help=False)
    group = parser.add_argument_group("common options")
    group.add_argument(
        "--home", type=Path, metavar="DIR", help="client folder (ENCRYPTSECURERT_HOME)"
    )
    group.add_argument("--json", action="store_true", help="one JSON object a line, for programs")
    group.add_argument("--request", choices=["-"], help="read one JSON request line from stdin")
    group.add_argument("--debug", action="store_true", help="show a traceback on internal errors")
    return parser


def _worker() -> _Parser:
    parser = _Parser(add_help=False)
    group = parser.add_argument_group("worker")
    group.add_argument("--url", metavar="URL", help="https://host:port (ENCRYPTSECURERT_URL)")
    group.add_argument(
        "--unsafe-allow-simulated",
        action="store_true",
        help="take an UNSIGNED policy for SIMULATED evidence; only on this computer",
    )
    return parser


def _patient() -> _Parser:
    parser = _Parser(add_help=False, parents=[_worker()])
    parser.add_argument_group("patience").add_argument(
        "--patience",
        type=int,
        metavar="SECONDS",
        dest="patience_s",
        help="wait so long for a worker that went away; 0: not at all"
        " (ENCRYPTSECURERT_PATIENCE, 120)",
    )
    return parser


def _no_options(parser: argparse.ArgumentParser) -> None:
    """Describe a command that has the options of its parents only."""


class _Commands:
    """The commands of the parser, as they are described one after another.

    A command that is not among the words is not the one that is asked for: it gets its name and
    what it does, but no options, whose describing takes time and modules that only it needs.
    """

    def __init__(self, parser: _Parser, words: Sequence[str], dest: str = "command") -> None:
        self._commands = parser.add_subparsers(dest=dest, required=True, metavar="COMMAND")
        self._words = frozenset(words)

    def add(
        self,
        name: str,
        parents: Sequence[_Parser],
        does: str,
        examples: Sequence[str],
        describe: Callable[[_Parser], None] = _no_options,
    ) -> None:
        """Add a command; each example is what follows `encryptsecurert`, `describe` its options."""
        if name not in self._words:
            self._commands.add_parser(name, help=does)
            return
        lines = "".join(f"  encryptsecurert {example}\n" for example in examples)
        parser = self._commands.add_parser(
            name,
            parents=parents,
            help=does,
            description=f"{does[0].upper()}{does[1:]}.",
            epilog=f"example{'s' if len(examples) > 1 else ''}:\n{lines}\n{_EXITS}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        describe(parser)


def make_parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser for these words; what it does not understand is E_USAGE."""
    parser = _Parser(
        prog="encryptsecurert",
        description="Protect studies and segment their CT in an attested worker.",
        epilog=_EXITS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"encryptsecurert {VERSION}")
    commands = _Commands(parser, words)
    common, patient = _common(), _patient()
    _add_trust(commands, common)
    _add_work(commands, [common, patient])
    add_dose(commands.add, [common, patient])
    add_plan_compare(commands.add, [common, patient])
    add_measurement_compare(commands.add, [common, patient])
    _add_jobs(commands, [common, patient])

    def describe_pacs(pacs: _Parser) -> None:
        add_pacs(_Commands(pacs, words, f"{MARK}action").add, common, patient)

    does = "studies from a PACS and into one"
    commands.add("pacs", [], does, ("pacs pull --help",), describe_pacs)
    return parser


def _choices(words: Sequence[str]) -> str:
    return f"some of {', '.join(words)}; all if not given"


def _add_trust(commands: _Commands, common: _Parser) -> None:
    commands.add(
        "enroll",
        [common],
        "make the user key and a request; later take the answer",
        ("enroll", "enroll --accept welcome/"),
        _describe_enroll,
    )
    commands.add(
        "check",
        [common, _worker()],
        "six lines: can this worker be trusted?",
        ("check --url https://worker:8443",),
    )
    commands.add(
        "verify",
        [common],
        "check a receipt, or a protection report, offline",
        ("verify results/receipt.json", "verify report/protection-report.json"),
        _describe_verify,
    )


def _describe_enroll(enroll: _Parser) -> None:
    enroll.add_argument(
        "--accept", type=Path, metavar="DIR", help="take what the custodian gave: pins the site"
    )
    enroll.add_argument("--collateral", type=Path, metavar="FILE", help="place fresh collateral")


def _describe_verify(verify: _Parser) -> None:
    verify.add_argument(
        "source",
        type=Path,
        nargs="?",
        metavar="FILE",
        help="receipt, or the JSON that `protect --report` wrote",
    )


def _add_work(commands: _Commands, parents: Sequence[_Parser]) -> None:
    commands.add(
        "protect",
        parents,
        "seal the DICOM metadata of a study",
        ("protect original/ protected/", "protect original/ protected/ --pictures seal"),
        _describe_protect,
    )
    commands.add(
        "reveal",
        parents,
        "originals back: as exact files, or to a program that shows them",
        ("reveal protected/ originals/", "reveal --json --request -"),
        _describe_reveal,
    )
    commands.add(
        "inspect",
        parents,
        "show what one file has in clear and sealed; with --url its original beside it",
        (
            "inspect protected/2.25.1234/2.25.5678.dcm",
            "inspect protected/2.25.1234/2.25.5678.dcm --url https://worker:8443",
        ),
        _describe_inspect,
    )
    commands.add(
        "segment",
        parents,
        "segment a protected CT series in the worker",
        (
            "segment protected/2.25.1234 --out results/",
            "segment protected/2.25.1234 --structures body --detach",
        ),
        _describe_segment,
    )


def _describe_protect(protect: _Parser) -> None:
    protect.add_argument(
        "source",
        type=Path,
        nargs="?",
        metavar="SRC",
        help="folder with one study, or with folders of it",
    )
    protect.add_argument("out", type=Path, nargs="?", metavar="DST", help="folder for the copy")
    protect.add_argument(
        "--dates",
        choices=DATES,
        help="remove (usual), or shift by whole days, the same number for all of a patient",
    )
    protect.add_argument(
        "--pictures",
        choices=PICTURES,
        help="files whose pixels may show or hide text, and kinds without a list: refuse (usual);"
        " seal whole, up to 12 MiB: nobody sees them before reveal; or unsafe-keep in CLEAR what"
        " may show it: you vouch that NO pixel holds text, and the auditor reads that you did",
    )
    protect.add_argument(
        "--all-or-nothing",
        action="store_true",
        help="protect nothing if one file cannot be; else the others are, and the exit code is 9",
    )
    protect.add_argument(
        "--report",
        type=Path,
        metavar="DIR",
        help="write there what stands in clear and why, what was sealed, for a data protection"
        " officer: protection-report.html and .json",
    )
    protect.add_argument(
        "--remove-original",
        action="store_true",
        help="remove SRC's files once each was revealed from the copy and is the same octets;"
        " refused files stay",
    )


def _describe_reveal(reveal: _Parser) -> None:
    reveal.add_argument(
        "source", type=Path, nargs="?", metavar="SRC", help="folder with a protected study"
    )
    reveal.add_argument(
        "out",
        type=Path,
        nargs="?",
        metavar="DST",
        help="new folder for the originals; without it attributes go through a program's pipe only",
    )


def _describe_inspect(inspect: _Parser) -> None:
    inspect.add_argument(
        "source",
        type=Path,
        nargs="?",
        metavar="FILE",
        help="protected file; a worker is asked only if --url stands here, not by the settings",
    )


def _describe_segment(segment: _Parser) -> None:
    segment.add_argument("source", type=Path, nargs="?", metavar="CT", help="protected series")
    segment.add_argument(
        "--volume",
        type=Path,
        metavar="FILE",
        help="a volume object instead of a series: the results belong to no patient",
    )
    segment.add_argument("--out", type=Path, metavar="DIR", help="folder for the results")
    segment.add_argument(
        "--structures", nargs="+", choices=STRUCTURES, metavar="KEY", help=_choices(STRUCTURES)
    )
    segment.add_argument(
        "--outputs", nargs="+", choices=OUTPUTS, metavar="KIND", help=_choices(OUTPUTS)
    )
    segment.add_argument("--preview", type=Path, metavar="PNG", help="draw contours over the CT")
    segment.add_argument(
        "--detach",
        action="store_true",
        help="print the job's id and end once the worker has the job; `fetch` gets the results",
    )


def _add_jobs(commands: _Commands, parents: Sequence[_Parser]) -> None:
    job = "0123456789abcdef0123456789abcdef"
    commands.add("jobs", parents, "list your jobs", ("jobs",))
    commands.add(
        "fetch",
        parents,
        "wait for a job of this computer and get its results",
        (f"fetch {job} --out results/", f"fetch {job} --out results/ --no-wait"),
        _describe_fetch,
    )
    commands.add("cancel", parents, "end a job", (f"cancel {job}",), _describe_job)
    commands.add("tasks", parents, "what you may do: tasks, cases, quotas, limits", ("tasks",))
    commands.add("models", parents, "which models you may use", ("models",))
    commands.add(
        "break-glass",
        parents,
        "open a case for some hours; the auditor reads why",
        ('break-glass --case PABCDEFGHIJKLMNOP --reason "emergency, on call"',),
        _describe_break_glass,
    )


def _describe_job(command: _Parser) -> None:
    command.add_argument("job", nargs="?", metavar="ID", help="the job's id, see `jobs`")


def _describe_fetch(fetch: _Parser) -> None:
    _describe_job(fetch)
    fetch.add_argument("--out", type=Path, metavar="DIR", help="folder for the results")
    fetch.add_argument(
        "--no-wait", action="store_true", help="do not wait for a job that has not ended"
    )
    describe_report(fetch)


def _describe_break_glass(glass: _Parser) -> None:
    glass.add_argument("--case", metavar="P...", help="the case's pseudonym")
    glass.add_argument(
        "--reason",
        metavar="TEXT",
        help="why; other programs here can see it: --request - takes it from stdin",
    )
