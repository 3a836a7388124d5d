"""The words of `encryptsecurert plan-compare`, and what they ask for.

Light, since the parser of the command line reads it.
"""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import KIB

MARK = "plan_"
"""Before the name of each setting of this command, in the parser and in request lines."""

_MOST_BYTES = 64 * KIB
AddCommand = Callable[..., None]
Reader = Callable[[object], object]


def _usage(detail: str) -> EncryptSecureRTError:
    return EncryptSecureRTError(ErrorCode.E_USAGE, detail)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanAsked:
    """What the words or the request say of a check; nothing of it is checked yet."""

    reference: Path | None = None
    other: Path | None = None
    tolerances: Path | None = None
    matching: str = "number"

    @classmethod
    def take(cls, asked: dict[str, Any]) -> "PlanAsked":
        """Take the settings with the mark out of all that were asked for."""
        ours = {name: asked.pop(name) for name in list(asked) if name.startswith(MARK)}
        return cls(**{name.removeprefix(MARK): value for name, value in ours.items()})

    def pair(self) -> tuple[Path, Path]:
        """Return the plan and what stands beside it (E_USAGE)."""
        if self.reference is None or self.other is None:
            raise _usage("a plan is needed, and what to compare it with")
        return self.reference, self.other


def read_tolerances(path: Path | None) -> dict[str, str | None]:
    """Return the tolerances of a file as fractions by name, none without a file.

    The file is a JSON object of names and numbers, or null for no tolerance at all.

    Raises
    ------
    EncryptSecureRTError
        E_LOCAL_FILE; E_USAGE for anything that is not right in it.
    """
    from encryptsecurert_protocol.plan_checks import TOLERANCES
    from EncryptSecureRTLib.attest.localfiles import read_whole

    if path is None:
        return {}
    octets = read_whole(path, _MOST_BYTES)
    if octets is None:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE)
    try:
        told = json.loads(octets, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise _usage("--tolerances is a JSON object") from None
    if not isinstance(told, dict) or not set(told) <= set(TOLERANCES):
        raise _usage("--tolerances names what is no tolerance; see docs/plan-checks.md")
    return {name: _tolerance(value) for name, value in told.items()}


def _once(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    """Return an object whose members are there once."""
    if len(dict(pairs)) != len(pairs):
        raise ValueError
    return dict(pairs)


def _tolerance(value: object) -> str | None:
    from encryptsecurert_protocol.canonical import fraction_text

    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _usage("a tolerance is a number or null")
    try:
        text = fraction_text(value)
    except EncryptSecureRTError:
        raise _usage("a tolerance is a finite number") from None
    if value < 0:
        raise _usage("a tolerance is not negative")
    return text


def request_members(
    readers: Mapping[str, Reader], one_of: Callable[[Sequence[str]], Reader]
) -> dict[str, tuple[str, Reader]]:
    """Return the members of a request line: the same names as of the settings."""

    def matching(value: object) -> object:
        return one_of(_matchings())(value)

    paths = {f"{MARK}{n}": readers["path"] for n in ("reference", "other", "tolerances")}
    words = {f"{MARK}matching": matching}
    return {name: (name, read) for name, read in (paths | words).items()}


def _matchings() -> Sequence[str]:
    from encryptsecurert_protocol.plan_checks import MATCHINGS

    return MATCHINGS


def add_plan_compare(add: AddCommand, parents: Sequence[argparse.ArgumentParser]) -> None:
    """Add the command; `add(name, parents, does, examples, describe)` has it described."""
    add(
        "plan-compare",
        parents,
        "compare a protected plan with a plan, treatment records or a machine log",
        (
            "plan-compare protected/plan.dcm other/plan.dcm --out check/",
            "plan-compare protected/plan.dcm protected/records/ --out check/",
            "plan-compare protected/plan.dcm log.csv --out check/ --tolerances site.json",
        ),
        _describe_plan_compare,
    )


def _describe_plan_compare(command: argparse.ArgumentParser) -> None:
    command.description = (
        f"{command.description}\nDifferences beyond tolerance are a result and no error: the exit"
        " code is 0,\nand `outcome` of the result says `beyond`."
    )
    command.add_argument(
        f"{MARK}reference", type=Path, nargs="?", metavar="PLAN", help="RT Plan or RT Ion Plan"
    )
    command.add_argument(
        f"{MARK}other",
        type=Path,
        nargs="?",
        metavar="OTHER",
        help="a plan; a treatment record, or a folder with those of a course; or a log as CSV,"
        " see docs/machine-logs.md",
    )
    command.add_argument("--out", type=Path, metavar="DIR", help="folder for the results")
    command.add_argument(
        "--tolerances",
        type=Path,
        metavar="FILE",
        dest=f"{MARK}tolerances",
        help="JSON with tolerances in place of the usual ones, see docs/plan-checks.md",
    )
    command.add_argument(
        "--match",
        choices=_matchings(),
        dest=f"{MARK}matching",
        help="beams of two plans by their number (usual), what is left by geometry; or all by it",
    )
