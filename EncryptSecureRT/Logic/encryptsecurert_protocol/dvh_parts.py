"""The parts of a dose comparison that are of structures: histograms, curves compared, goals.

Doses in Gy, volumes in cc (cm3). None (null) stands where there is no such value.
"""

from dataclasses import dataclass
from typing import Any

from encryptsecurert_protocol.canonical import fraction_text
from encryptsecurert_protocol.dose_options import optional_fraction, optional_text
from encryptsecurert_protocol.dvh_options import (
    GOAL_UNITS,
    MAX_METRIC_CHARACTERS,
    MAX_METRICS,
    METRIC,
    CurveCriteria,
    DoseGoal,
)
from encryptsecurert_protocol.fields import Fields
from encryptsecurert_protocol.figures import as_message, read_record, record_json
from encryptsecurert_protocol.structures import MAX_NUMBER

# What is always told of a structure, beside the metrics that were asked for.
_MAX_VALUES = MAX_METRICS + 32
_MAX_DOSE_GY = 1e9
_VALUE = ("metric", "unit", "value")
_STATES = "met|acceptable_variation|not_met|not_evaluable"
_REASONS = "no_structure|structure_unusable|not_covered|too_small|no_prescription|no_fractions"
_INDEX = ("name", "reference", "evaluated")
_INDEX_NAMES = "coverage_percent|conformity_rtog|conformity_paddick|gradient_index|homogeneity"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricValue:
    """One metric of a DVH; `value` is None if the structure has none (D0.03cc of 0.02 cc)."""

    metric: str
    unit: str
    value: float | None

    def as_json(self) -> dict[str, Any]:
        """Return the members."""
        value = None if self.value is None else fraction_text(self.value)
        return {"metric": self.metric, "unit": self.unit, "value": value}

    @classmethod
    def from_json(cls, item: object) -> "MetricValue":
        """Read the members strictly."""
        fields = Fields(item, _VALUE)
        return cls(
            metric=fields.text("metric", METRIC, MAX_METRIC_CHARACTERS),
            unit=fields.text("unit", "|".join(GOAL_UNITS)),
            value=None if fields.is_null("value") else fields.fraction("value", -1e9, 1e9),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DvhSummary:
    """A structure under one dose.

    Attributes
    ----------
    volume_cc : of the whole structure.
    covered_fraction : of it, inside the dose grid; all else is of this part.
    minimum_gy, maximum_gy, mean_gy : of the continuous dose; None if nothing is covered.
    """

    volume_cc: float
    covered_fraction: float
    minimum_gy: float | None
    maximum_gy: float | None
    mean_gy: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DvhFigures:
    """A structure under one dose, with its metrics in the order of the parameters."""

    summary: DvhSummary
    metrics: tuple[MetricValue, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the members."""
        return {
            "summary": record_json(self.summary),
            "metrics": [metric.as_json() for metric in self.metrics],
        }

    @classmethod
    def from_json(cls, value: object) -> "DvhFigures":
        """Read the members strictly."""
        fields = Fields(value, ("summary", "metrics"))
        return cls(
            summary=read_record(DvhSummary, fields.object("summary")),
            metrics=tuple(
                MetricValue.from_json(item) for item in fields.items("metrics", _MAX_VALUES)
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveComparison:
    """The two curves of a structure compared (Ebert et al. 2010).

    Attributes
    ----------
    norm_gy : what `dose_percent` is of: the structure's largest dose under the reference.
    agreement_percent : points of the reference's curve within the criteria of the evaluated one.
    worst : the largest of these points' distances in units of the criteria.
    reverse_agreement_percent, reverse_worst : of the evaluated curve's points to the reference's.
    """

    criteria: CurveCriteria
    norm_gy: float
    agreement_percent: float | None
    worst: float | None
    reverse_agreement_percent: float | None
    reverse_worst: float | None

    def as_json(self) -> dict[str, Any]:
        """Return the members."""
        return {
            "criteria": self.criteria.as_json(),
            "norm_gy": fraction_text(self.norm_gy),
            "agreement_percent": optional_fraction(self.agreement_percent),
            "worst": optional_fraction(self.worst),
            "reverse_agreement_percent": optional_fraction(self.reverse_agreement_percent),
            "reverse_worst": optional_fraction(self.reverse_worst),
        }

    @classmethod
    def from_json(cls, value: object) -> "CurveComparison":
        """Read the members strictly."""
        fields = Fields(
            value,
            (
                *("criteria", "norm_gy", "agreement_percent", "worst"),
                *("reverse_agreement_percent", "reverse_worst"),
            ),
        )
        return cls(
            criteria=as_message(CurveCriteria.from_json, fields.object("criteria")),
            norm_gy=fields.fraction("norm_gy", 0.0, _MAX_DOSE_GY),
            agreement_percent=_optional(fields, "agreement_percent"),
            worst=_optional(fields, "worst"),
            reverse_agreement_percent=_optional(fields, "reverse_agreement_percent"),
            reverse_worst=_optional(fields, "reverse_worst"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexValues:
    """An index of a target under both doses; None where it is not defined.

    `name` is `coverage_percent`, `conformity_rtog`, `conformity_paddick`, `gradient_index` or
    `homogeneity`; only the first has a unit. Isodoses are of the prescription, in the whole grid.
    """

    name: str
    reference: float | None
    evaluated: float | None

    def as_json(self) -> dict[str, Any]:
        """Return the members."""
        return {
            "name": self.name,
            "reference": optional_fraction(self.reference),
            "evaluated": optional_fraction(self.evaluated),
        }

    @classmethod
    def from_json(cls, value: object) -> "IndexValues":
        """Read the members strictly."""
        fields = Fields(value, _INDEX)
        return cls(
            name=fields.text("name", _INDEX_NAMES),
            reference=_optional(fields, "reference"),
            evaluated=_optional(fields, "evaluated"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DvhPart:
    """A structure under both doses.

    Attributes
    ----------
    comparison : None unless asked for, or without a curve.
    indices : of a target; none of others.
    """

    number: int
    reference: DvhFigures
    evaluated: DvhFigures
    comparison: CurveComparison | None
    indices: tuple[IndexValues, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the members."""
        return {
            "number": self.number,
            "reference": self.reference.as_json(),
            "evaluated": self.evaluated.as_json(),
            "comparison": None if self.comparison is None else self.comparison.as_json(),
            "indices": [index.as_json() for index in self.indices],
        }

    @classmethod
    def from_json(cls, value: object) -> "DvhPart":
        """Read the members strictly."""
        fields = Fields(value, ("number", "reference", "evaluated", "comparison", "indices"))
        return cls(
            number=fields.integer("number", 1, MAX_NUMBER),
            reference=DvhFigures.from_json(fields.object("reference")),
            evaluated=DvhFigures.from_json(fields.object("evaluated")),
            comparison=None
            if fields.is_null("comparison")
            else CurveComparison.from_json(fields.object("comparison")),
            indices=tuple(IndexValues.from_json(item) for item in fields.items("indices", 5)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalOutcome:
    """A goal, and how each dose stands to it.

    Attributes
    ----------
    reference_state, evaluated_state : `met`, `acceptable_variation`, `not_met`, or `not_evaluable`
        without a value.
    reference_reason, evaluated_reason : why there is no value, in one word; None if there is one.
    """

    goal: DoseGoal
    reference_value: float | None
    reference_state: str
    reference_reason: str | None
    evaluated_value: float | None
    evaluated_state: str
    evaluated_reason: str | None

    def as_json(self) -> dict[str, Any]:
        """Return the members."""
        values = (self.reference_value, self.evaluated_value)
        reference, evaluated = (None if v is None else fraction_text(v) for v in values)
        return {
            "goal": self.goal.as_json(),
            "reference_value": reference,
            "reference_state": self.reference_state,
            "reference_reason": self.reference_reason,
            "evaluated_value": evaluated,
            "evaluated_state": self.evaluated_state,
            "evaluated_reason": self.evaluated_reason,
        }

    @classmethod
    def from_json(cls, value: object) -> "GoalOutcome":
        """Read the members strictly."""
        fields = Fields(
            value,
            (
                *("goal", "reference_value", "reference_state", "reference_reason"),
                *("evaluated_value", "evaluated_state", "evaluated_reason"),
            ),
        )
        return cls(
            goal=as_message(DoseGoal.from_json, fields.object("goal")),
            reference_value=_optional(fields, "reference_value"),
            reference_state=fields.text("reference_state", _STATES),
            reference_reason=optional_text(fields, "reference_reason", _REASONS),
            evaluated_value=_optional(fields, "evaluated_value"),
            evaluated_state=fields.text("evaluated_state", _STATES),
            evaluated_reason=optional_text(fields, "evaluated_reason", _REASONS),
        )


def _optional(fields: Fields, name: str) -> float | None:
    return None if fields.is_null(name) else fields.fraction(name, -1e9, 1e9)
