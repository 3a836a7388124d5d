"""Clinical goals: what a dose is asked to do to a structure, and whether it does.

A goal is a metric (`notation.py`), a relation, a value, and, if the protocol allows one, the value
up to which a variation is acceptable: `D95%[Gy] >= 60`, variation 57. The verdict has a word of its
own and never only a colour.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from math import isfinite

from encryptsecurert_rt.dvh.evaluate import Course, Reason, metric_value
from encryptsecurert_rt.dvh.histogram import Histogram
from encryptsecurert_rt.dvh.notation import Metric, Unit
from encryptsecurert_rt.errors import InvalidInput

MAX_VALUE = 1e6
MAX_PRIORITY = 9
_MAX_NUMBER = 2**31 - 1  # of a ROI Number, an IS of DICOM
_MAX_NAME = 64  # of a ROI Name, an LO of DICOM
_MAX_TEXT = 64
GOAL_FIELDS = {"metric", "relation", "value", "unit", "variation", "priority"}


class Relation(Enum):
    """How the number of a metric has to lie to the value of a goal."""

    AT_MOST = "<="
    AT_LEAST = ">="
    BELOW = "<"
    ABOVE = ">"

    @property
    def is_upper_limit(self) -> bool:
        """Whether less is better."""
        return self in (Relation.AT_MOST, Relation.BELOW)

    def holds(self, number: float, value: float) -> bool:
        """Whether a number has this relation to a value."""
        match self:
            case Relation.AT_MOST:
                return number <= value
            case Relation.AT_LEAST:
                return number >= value
            case Relation.BELOW:
                return number < value
            case Relation.ABOVE:
                return number > value


class Verdict(Enum):
    """What became of a goal; the value is the word that people read."""

    MET = "met"
    ACCEPTABLE_VARIATION = "acceptable variation"
    NOT_MET = "not met"
    NOT_EVALUABLE = "not evaluable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What is asked of a structure.

    Attributes
    ----------
    structure : ROI number, 1 to 2^31 - 1, or name of 1 to 64 characters.
    metric : Metric
    relation : Relation
    value : in the unit of the metric, 0 to 1e6.
    variation : value that is still acceptable, in the same unit and on the lax side; or None.
    priority : 1, the most important, to 9.

    Raises
    ------
    InvalidInput
        If a number is out of range, or a variation is stricter than the goal.
    """

    structure: int | str
    metric: Metric
    relation: Relation
    value: float
    variation: float | None = None
    priority: int = 1

    def __post_init__(self) -> None:
        if isinstance(self.structure, str):
            if not 1 <= len(self.structure) <= _MAX_NAME or not self.structure.isprintable():
                raise InvalidInput("a structure's name has 1 to 64 characters")
        elif isinstance(self.structure, bool) or not 1 <= self.structure <= _MAX_NUMBER:
            raise InvalidInput("a structure's number is 1 to 2147483647")
        if not 0.0 <= self.value <= MAX_VALUE:
            raise InvalidInput("the value of a goal is 0 to 1e6")
        if not 1 <= self.priority <= MAX_PRIORITY:
            raise InvalidInput("a priority is 1 to 9")
        if self.variation is None:
            return
        if not 0.0 <= self.variation <= MAX_VALUE:
            raise InvalidInput("an acceptable variation is 0 to 1e6")
        stricter = (
            self.variation - self.value
            if self.relation.is_upper_limit
            else (self.value - self.variation)
        )
        if stricter < 0.0:
            raise InvalidInput("an acceptable variation must not be stricter than its goal")

    @property
    def unit(self) -> Unit:
        """Unit of value and variation: that of the metric."""
        return self.metric.unit

    @classmethod
    def from_fields(cls, structure: int | str, fields: Mapping[str, object]) -> "Goal":
        """Make a goal from the fields of a job's parameters or of a sheet; nothing is guessed.

        Parameters
        ----------
        structure : ROI number or name.
        fields : `metric`, `relation`, `unit` (text), `value` (number), `variation` (number or
            None), `priority` (int): these and no others.

        Raises
        ------
        InvalidInput
            If one is missing, unknown, of another type, or in another unit than its metric.
        """
        if set(fields) != GOAL_FIELDS:
            raise InvalidInput("a goal has metric, relation, value, unit, variation and priority")
        metric = Metric.parse(_text(fields["metric"]))
        if _text(fields["unit"]) != metric.unit.value:
            raise InvalidInput("a goal must be in the unit of its metric")
        variation, priority = fields["variation"], fields["priority"]
        if isinstance(priority, bool) or not isinstance(priority, int):
            raise InvalidInput("a priority is 1 to 9")
        return cls(
            structure=structure,
            metric=metric,
            relation=_relation(_text(fields["relation"])),
            value=_number(fields["value"]),
            variation=None if variation is None else _number(variation),
            priority=priority,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalResult:
    """What became of a goal.

    Attributes
    ----------
    goal : Goal
    verdict : Verdict
    number : of the metric, in the goal's unit; None if it could not be had.
    margin : how far the number is on the good side of the value, in that unit; negative beyond it.
    reason : why there is no number; None if there is one.
    """

    goal: Goal
    verdict: Verdict
    number: float | None
    margin: float | None
    reason: Reason | None


def check_goal(goal: Goal, histogram: Histogram | None, course: Course) -> GoalResult:
    """Check one goal against the histogram of its structure; None if there is no such structure."""
    number = (
        Reason.NO_STRUCTURE if histogram is None else metric_value(goal.metric, histogram, course)
    )
    if isinstance(number, Reason):
        return GoalResult(
            goal=goal, verdict=Verdict.NOT_EVALUABLE, number=None, margin=None, reason=number
        )
    if not isfinite(number):
        raise InvalidInput("a histogram must give finite numbers")
    if goal.relation.holds(number, goal.value):
        verdict = Verdict.MET
    elif goal.variation is not None and goal.relation.holds(number, goal.variation):
        verdict = Verdict.ACCEPTABLE_VARIATION
    else:
        verdict = Verdict.NOT_MET
    margin = goal.value - number if goal.relation.is_upper_limit else number - goal.value
    return GoalResult(goal=goal, verdict=verdict, number=number, margin=margin, reason=None)


def check_goals(
    goals: Iterable[Goal], histograms: Mapping[int | str, Histogram], course: Course
) -> tuple[GoalResult, ...]:
    """Check goals against the histograms of one dose, in their order.

    Parameters
    ----------
    goals : Iterable[Goal]
    histograms : by the same numbers or names as the goals use.
    course : Course

    Returns
    -------
    One result a goal: also of what cannot be evaluated, with its reason. No goal is dropped.
    """
    return tuple(check_goal(goal, histograms.get(goal.structure), course) for goal in goals)


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        raise InvalidInput("metric, relation and unit of a goal are short texts")
    return value


def _relation(text: str) -> Relation:
    try:
        return Relation(text)
    except ValueError:
        raise InvalidInput("a relation is <=, >=, < or >") from None


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidInput("value and variation of a goal are numbers")
    if not abs(value) <= MAX_VALUE:  # also of an integer too large for a float, and of NaN
        raise InvalidInput("the value of a goal is 0 to 1e6")
    return float(value)
