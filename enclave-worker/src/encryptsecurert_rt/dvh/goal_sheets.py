"""Sheets of clinical goals, as CSV and as JSON, from text that nobody vouches for.

CSV has one goal a line under this header; lines that are empty or begin with `#` are passed over:

    structure,metric,relation,value,unit,variation,priority
    PTV_6000,D95%[Gy],>=,60,Gy,57,1
    SpinalCord,D0.03cc[Gy],<=,45,Gy,,1

JSON is `{"schema": "encryptsecurert.goals/1", "prescription_gy": 60, "fractions": 30, "goals":
[{"structure": ..., "metric": ..., "relation": ..., "value": ..., "unit": ..., "variation": null,
"priority": 1}, ...]}`; prescription and fractions may be null, and a CSV has none. Anything else is
refused: an unknown column, a number in another notation, a goal that is there twice.
"""

import csv
import io
import json
import re
from dataclasses import dataclass

from encryptsecurert_rt.dvh.evaluate import Course
from encryptsecurert_rt.dvh.goals import Goal
from encryptsecurert_rt.errors import InvalidInput

SCHEMA = "encryptsecurert.goals/1"
COLUMNS = ("structure", "metric", "relation", "value", "unit", "variation", "priority")
MAX_CHARACTERS = 262_144
MAX_GOALS = 512
_MAX_CELL = 64
_MAX_PRESCRIPTION_GY = 1000.0
_DECIMAL = re.compile(r"(?:0|[1-9][0-9]{0,6})(?:\.[0-9]{1,9})?", re.ASCII)
_PRIORITY = re.compile(r"[1-9]", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalSheet:
    """Goals by the names of structures, and the course that they are for.

    Attributes
    ----------
    goals : in the order of the sheet; no two ask the same of the same structure.
    course : Course
    """

    goals: tuple[Goal, ...]
    course: Course

    def __post_init__(self) -> None:
        if not 1 <= len(self.goals) <= MAX_GOALS:
            raise InvalidInput("a goal sheet has 1 to 512 goals")
        # A second line for the same question would leave open which of the two holds.
        asked = {(goal.structure, goal.metric.text, goal.relation) for goal in self.goals}
        if len(asked) != len(self.goals):
            raise InvalidInput("a goal sheet asks the same of a structure twice")


def read_goals_csv(text: str, course: Course | None = None) -> GoalSheet:
    """Read a CSV sheet; `course` is what the sheet itself does not say.

    Raises
    ------
    InvalidInput
        If it is not such a sheet; the text names the line.
    """
    _check_length(text)
    lines = text.removeprefix("\ufeff").splitlines()
    rows: list[tuple[int, list[str]]] = []
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.startswith("#"):
            rows.append((number, _cells(line, number)))
    if not rows or tuple(rows[0][1]) != COLUMNS:
        raise InvalidInput("a goal sheet begins with its header: " + ",".join(COLUMNS))
    if len(rows) > MAX_GOALS + 1:
        raise InvalidInput("a goal sheet has 1 to 512 goals")
    goals = tuple(_row(cells, number) for number, cells in rows[1:])
    return GoalSheet(goals=goals, course=course or Course())


def read_goals_json(text: str) -> GoalSheet:
    """Read a JSON sheet.

    Raises
    ------
    InvalidInput
        If it is not such a sheet; the text names the goal by its place, from 1.
    """
    _check_length(text)
    try:
        document = json.loads(text, object_pairs_hook=_no_member_twice, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise InvalidInput("the goal sheet is not JSON") from None
    members = {"schema", "prescription_gy", "fractions", "goals"}
    if not isinstance(document, dict) or set(document) != members or document["schema"] != SCHEMA:
        raise InvalidInput("the goal sheet is not of schema " + SCHEMA)
    goals = document["goals"]
    if not isinstance(goals, list) or not 1 <= len(goals) <= MAX_GOALS:
        raise InvalidInput("a goal sheet has 1 to 512 goals")
    return GoalSheet(
        goals=tuple(_member(goal, number) for number, goal in enumerate(goals, start=1)),
        course=_course(document["prescription_gy"], document["fractions"]),
    )


def _cells(line: str, number: int) -> list[str]:
    try:
        rows = list(csv.reader(io.StringIO(line), strict=True))
    except csv.Error:
        raise InvalidInput(f"line {number}: not CSV") from None
    if len(rows) != 1 or len(rows[0]) != len(COLUMNS):
        raise InvalidInput(f"line {number}: a goal has seven cells")
    cells = [cell.strip() for cell in rows[0]]
    if any(len(cell) > _MAX_CELL for cell in cells):
        raise InvalidInput(f"line {number}: a cell has at most 64 characters")
    return cells


def _row(cells: list[str], number: int) -> Goal:
    structure, metric, relation, value, unit, variation, priority = cells
    try:
        if not _PRIORITY.fullmatch(priority):
            raise InvalidInput("a priority is 1 to 9")
        return Goal.from_fields(
            structure,
            {
                "metric": metric,
                "relation": relation,
                "value": _decimal(value),
                "unit": unit,
                "variation": _decimal(variation) if variation else None,
                "priority": int(priority),
            },
        )
    except InvalidInput as error:
        raise InvalidInput(f"line {number}: {error.what}") from None


def _decimal(text: str) -> float:
    if not _DECIMAL.fullmatch(text):
        raise InvalidInput("a value is a decimal number such as 57 or 0.03")
    return float(text)


def _member(goal: object, number: int) -> Goal:
    if not isinstance(goal, dict) or set(goal) != set(COLUMNS):
        raise InvalidInput(f"goal {number}: a goal has the members " + ", ".join(COLUMNS))
    structure = goal["structure"]
    fields = {name: value for name, value in goal.items() if name != "structure"}
    try:
        if not isinstance(structure, str):
            raise InvalidInput("a structure's name has 1 to 64 characters")
        return Goal.from_fields(structure, fields)
    except InvalidInput as error:
        raise InvalidInput(f"goal {number}: {error.what}") from None


def _course(prescription_gy: object, fractions: object) -> Course:
    if isinstance(prescription_gy, bool) or not isinstance(prescription_gy, int | float | None):
        raise InvalidInput("a prescription is a dose in Gy, or null")
    if isinstance(fractions, bool) or not isinstance(fractions, int | None):
        raise InvalidInput("fractions are an integer, or null")
    if prescription_gy is not None and not 0.0 < prescription_gy <= _MAX_PRESCRIPTION_GY:
        raise InvalidInput("a prescription must be above 0 and at most 1000 Gy")
    return Course(
        prescription_gy=None if prescription_gy is None else float(prescription_gy),
        fractions=fractions,
    )


def _no_member_twice(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError
    return members


def _no_constant(text: str) -> float:
    raise ValueError


def _check_length(text: str) -> None:
    if len(text) > MAX_CHARACTERS:
        raise InvalidInput("a goal sheet has at most 262144 characters")
