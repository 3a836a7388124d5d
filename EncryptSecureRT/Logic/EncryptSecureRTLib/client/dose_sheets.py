"""Small files that people write for a comparison: names of structures, goals, a registration.

    names          lines `ROI number,name`; names stay on this computer
    goals          CSV or JSON as docs/goals.md has it; names become ROI numbers here
    registration   16 numbers, a rigid 4 x 4 matrix row by row, LPS in mm

They are text that nobody vouches for: what is unknown, doubled or in another notation is refused
as a whole, with the line's number and nothing of the line.
"""

import csv
import io
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import KIB
from encryptsecurert_protocol.structures import MAX_NUMBER
from EncryptSecureRTLib.attest.localfiles import read_whole
from EncryptSecureRTLib.client.dose_criteria import usage

GOALS_SCHEMA = "encryptsecurert.goals/1"
COLUMNS = ("structure", "metric", "relation", "value", "unit", "variation", "priority")
_MOST_BYTES = 256 * KIB
_MOST_GOALS = 512  # as the task takes
_MOST_LETTERS = 64
# A sheet that is opened by a spreadsheet program must not be a formula there; and a terminal or a
# page must not be steered by controls, nor turned round.
_NAME = re.compile(r"[\w~][^\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069,\"]{0,63}")
_NUMBER = re.compile(r"[1-9][0-9]{0,9}")
_DECIMAL = re.compile(r"(?:0|[1-9][0-9]{0,6})(?:\.[0-9]{1,9})?")
_ANY_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]{1,3})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalLine:
    """One goal of a sheet, its structure by name."""

    structure: str
    metric: str
    relation: str
    value: float
    unit: str
    variation: float | None
    priority: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalSheet:
    """The goals of a sheet; what a CSV does not say of the course is None."""

    goals: tuple[GoalLine, ...]
    prescription_gy: float | None = None
    fractions: int | None = None


def read_names(path: Path) -> dict[int, str]:
    """Return names by ROI number.

    Raises
    ------
    EncryptSecureRTError
        E_LOCAL_FILE; E_USAGE if a line is not right, or a number or a name is there twice.
    """
    names: dict[int, str] = {}
    lines = _lines(_text(path, "--names"), "--names")
    if lines and [cell.casefold() for cell in lines[0][1]] == ["number", "name"]:
        del lines[0]
    for line, cells in lines:
        if len(cells) != 2 or not _NUMBER.fullmatch(cells[0]) or not _NAME.fullmatch(cells[1]):
            raise usage(f"--names, line {line}: a ROI number, a comma, a name of 1 to 64 letters")
        number = int(cells[0])
        if number > MAX_NUMBER or number in names or cells[1] in names.values():
            raise usage(f"--names, line {line}: a number or a name is there twice")
        names[number] = cells[1]
    return names


def read_goals(path: Path) -> GoalSheet:
    """Return the goals of a sheet; JSON by its first letter, else CSV.

    Raises
    ------
    EncryptSecureRTError
        E_LOCAL_FILE; E_USAGE if it is not such a sheet.
    """
    text = _text(path, "--goals")
    return _json_sheet(text) if text.lstrip().startswith("{") else _csv_sheet(text)


def numbers_of(sheet: GoalSheet, names: Mapping[int, str]) -> dict[str, int]:
    """Return the ROI number of each structure that a sheet names.

    Parameters
    ----------
    names : of the structures that are sent, by number.

    Raises
    ------
    EncryptSecureRTError
        E_USAGE if a structure of the sheet is not among them, or twice.
    """
    found: dict[str, int] = {}
    wanted = {goal.structure for goal in sheet.goals}
    for number, name in names.items():
        if name in wanted and name in found:
            raise usage("--goals: two structures have the same name")
        if name in wanted:
            found[name] = number
    missing = len(wanted) - len(found)
    if missing:
        detail = f"--goals: {missing} of {len(wanted)} structures are not there by that name"
        raise usage(f"{detail}; give --names")
    return found


def read_registration(path: Path) -> tuple[float, ...]:
    """Return the 16 numbers of a matrix, row by row; lines that begin with `#` are passed over.

    Raises
    ------
    EncryptSecureRTError
        E_LOCAL_FILE; E_USAGE if it has other than 16 numbers, or its last row is not 0 0 0 1.
    """
    lines = _text(path, "--registration").splitlines()
    words = re.split(r"[\s,;]+", " ".join(line for line in lines if not line.startswith("#")))
    words = [word for word in words if word]
    if len(words) != 16 or not all(_ANY_NUMBER.fullmatch(word) for word in words):
        raise usage("--registration has 16 numbers, row by row")
    matrix = tuple(float(word) + 0.0 for word in words)
    if not all(map(math.isfinite, matrix)) or matrix[12:] != (0.0, 0.0, 0.0, 1.0):
        raise usage("--registration ends with the row 0 0 0 1")
    return matrix


def _text(path: Path, word: str) -> str:
    octets = read_whole(path, _MOST_BYTES)
    if octets is None:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, f"{word} is not there")
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise usage(f"{word} is not UTF-8 text") from None


def _lines(text: str, word: str) -> list[tuple[int, list[str]]]:
    """Return (number, cells) of each line that is neither empty nor a remark."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            rows = list(csv.reader(io.StringIO(line), strict=True))
        except csv.Error:
            raise usage(f"{word}, line {number}: not CSV") from None
        found.append((number, [cell.strip() for cell in rows[0]]))
    return found


def _csv_sheet(text: str) -> GoalSheet:
    lines = _lines(text, "--goals")
    if not lines or tuple(lines[0][1]) != COLUMNS:
        raise usage(f"--goals begins with its header: {','.join(COLUMNS)}")
    goals = []
    for number, cells in lines[1:]:
        if len(cells) != len(COLUMNS):
            raise usage(f"--goals, line {number}: a goal has seven cells")
        member = dict(zip(COLUMNS, cells, strict=True))
        _, _, _, value, _, variation, priority = cells
        if not _DECIMAL.fullmatch(value) or not re.fullmatch(r"[1-9]", priority):
            raise usage(f"--goals, line {number}: a value is such as 57.5, a priority 1 to 9")
        if variation and not _DECIMAL.fullmatch(variation):
            raise usage(f"--goals, line {number}: a variation is such as 57.5, or empty")
        numbers = {
            "value": float(value),
            "variation": float(variation) if variation else None,
            "priority": int(priority),
        }
        goals.append(_goal({**member, **numbers}, f"line {number}"))
    return _sheet(goals)


def _json_sheet(text: str) -> GoalSheet:
    try:
        sheet = json.loads(text, object_pairs_hook=_no_member_twice, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise usage("--goals is not JSON") from None
    if set(sheet) != {"schema", "prescription_gy", "fractions", "goals"}:
        raise usage("--goals has the members schema, prescription_gy, fractions and goals")
    if sheet["schema"] != GOALS_SCHEMA or not isinstance(sheet["goals"], list):
        raise usage(f"--goals is of schema {GOALS_SCHEMA}")
    fractions = sheet["fractions"]
    if fractions is not None and (type(fractions) is not int or not 1 <= fractions <= 1000):
        raise usage("--goals: fractions are an integer of 1 to 1000, or null")
    prescription_gy = sheet["prescription_gy"]
    if prescription_gy is not None and not (_is_number(prescription_gy) and prescription_gy > 0):
        raise usage("--goals: a prescription is a dose in Gy, or null")
    goals = [_goal(goal, f"goal {n}") for n, goal in enumerate(sheet["goals"], start=1)]
    return _sheet(goals, prescription_gy, fractions)


def _sheet(
    goals: Sequence[GoalLine], prescription_gy: float | None = None, fractions: int | None = None
) -> GoalSheet:
    if not 1 <= len(goals) <= _MOST_GOALS:
        raise usage(f"--goals has 1 to {_MOST_GOALS} goals")
    if len({(g.structure, g.metric, g.relation) for g in goals}) != len(goals):
        raise usage("--goals asks the same of a structure twice")
    return GoalSheet(
        goals=tuple(goals),
        prescription_gy=None if prescription_gy is None else float(prescription_gy),
        fractions=fractions,
    )


def _goal(member: Any, where: str) -> GoalLine:
    if not isinstance(member, dict) or set(member) != set(COLUMNS):
        raise usage(f"--goals, {where}: a goal has the members {', '.join(COLUMNS)}")
    texts = [member[name] for name in ("structure", "metric", "relation", "unit")]
    if not all(isinstance(text, str) and 1 <= len(text) <= _MOST_LETTERS for text in texts):
        raise usage(f"--goals, {where}: structure, metric, relation and unit are short texts")
    value, variation, priority = (member[name] for name in ("value", "variation", "priority"))
    if not _is_number(value) or not (variation is None or _is_number(variation)):
        raise usage(f"--goals, {where}: value and variation are numbers of 0 to 1000000")
    if type(priority) is not int or not 1 <= priority <= 9:
        raise usage(f"--goals, {where}: a priority is 1 to 9")
    structure, metric, relation, unit = texts
    return GoalLine(
        structure=structure,
        metric=metric,
        relation=relation,
        value=float(value),
        unit=unit,
        variation=None if variation is None else float(variation),
        priority=priority,
    )


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and 0 <= value <= 1_000_000  # type: ignore[operator] # narrowed by the exact type, which leaves bool out


def _no_member_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError
    return members


def _no_constant(text: str) -> float:
    raise ValueError
