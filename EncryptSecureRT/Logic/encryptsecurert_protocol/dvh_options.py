"""Dose-volume histograms and goals: the other parts of the parameters of `dose_compare`.

A metric is told in the notation of AAPM TG-263 with its unit: `D95%[Gy]`, `V20Gy[%]`, `Mean[Gy]`.
What stands here has its characters; whether it is a metric is seen by the worker.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from encryptsecurert_protocol.canonical import fraction_text
from encryptsecurert_protocol.dose_options import (
    CODE,
    MAX_PERCENT,
    MIN_PERCENT,
    optional_dose,
    optional_fraction,
)
from encryptsecurert_protocol.errors import EncryptSecureRTError
from encryptsecurert_protocol.fields import Fields
from encryptsecurert_protocol.structures import MAX_NUMBER, MAX_STRUCTURES

METRIC = r"[A-Za-z][A-Za-z0-9.%()/=-]{0,47}\[[A-Za-z0-9.%()/=]{1,32}\]"
MAX_METRICS, MAX_METRIC_CHARACTERS = 64, 64
RELATIONS = ("<", "<=", ">", ">=")
GOAL_UNITS = ("Gy", "%", "cc")
_DVH = ("prescription_gy", "fractions", "targets", "metrics", "end_caps", "comparison")
_COMPARISON = ("dose_percent", "volume_percent")
_GOAL = ("structure", "metric", "relation", "value", "variation", "unit", "priority")
_MAX_VALUE = 1e6
_MAX_PRIORITY = 9
_MAX_FRACTIONS = 1000


class EndCaps(Enum):
    """How a stack of contours ends beyond its first and last plane."""

    HALF_SLICE = "half_slice"
    NONE = "none"
    ROUNDED = "rounded"


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveCriteria:
    """Criteria by which two dose-volume curves are compared (Ebert et al. 2010).

    Attributes
    ----------
    dose_percent : of the largest dose of the structure under the reference.
    volume_percent : of the structure's volume.
    """

    dose_percent: float
    volume_percent: float

    def as_json(self) -> dict[str, Any]:
        """Return the members."""
        return {
            "dose_percent": fraction_text(self.dose_percent),
            "volume_percent": fraction_text(self.volume_percent),
        }

    @classmethod
    def from_json(cls, value: object) -> "CurveCriteria":
        """Read the members strictly."""
        fields = Fields(value, _COMPARISON, CODE)
        return cls(
            dose_percent=fields.fraction("dose_percent", MIN_PERCENT, MAX_PERCENT),
            volume_percent=fields.fraction("volume_percent", MIN_PERCENT, MAX_PERCENT),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DvhOptions:
    """Dose-volume histograms of every structure under both doses.

    Attributes
    ----------
    prescription_gy : what volumes at 95, 100 and 107 % and indices of targets are of, or None.
    fractions : how many equal fractions the doses are given in, for metrics in EQD2, or None.
    targets : numbers of the structures that are targets, ascending; they need a prescription.
    metrics : more metrics for each structure.
    end_caps : how contours end.
    comparison : criteria for the comparison of the two curves of a structure, or None.
    """

    prescription_gy: float | None = None
    fractions: int | None = None
    targets: tuple[int, ...] = ()
    metrics: tuple[str, ...] = ()
    end_caps: EndCaps = EndCaps.HALF_SLICE
    comparison: CurveCriteria | None = None

    def __post_init__(self) -> None:
        if self.targets and self.prescription_gy is None:
            raise EncryptSecureRTError(CODE, "indices of targets need a prescription")
        if tuple(sorted(set(self.targets))) != self.targets:
            raise EncryptSecureRTError(CODE, "targets are ascending, none twice")
        if len(set(self.metrics)) != len(self.metrics):
            raise EncryptSecureRTError(CODE, "a metric comes twice")

    def as_json(self) -> dict[str, Any]:
        """Return the members."""
        return {
            "prescription_gy": optional_fraction(self.prescription_gy),
            "fractions": self.fractions,
            "targets": list(self.targets),
            "metrics": list(self.metrics),
            "end_caps": self.end_caps.value,
            "comparison": None if self.comparison is None else self.comparison.as_json(),
        }

    @classmethod
    def from_json(cls, value: object) -> "DvhOptions":
        """Read the members strictly."""
        fields = Fields(value, _DVH, CODE)
        comparison = None if fields.is_null("comparison") else fields.object("comparison")
        return cls(
            prescription_gy=optional_dose(fields, "prescription_gy"),
            fractions=None
            if fields.is_null("fractions")
            else fields.integer("fractions", 1, _MAX_FRACTIONS),
            targets=tuple(
                Fields({"n": n}, ("n",), CODE).integer("n", 1, MAX_NUMBER)
                for n in fields.items("targets", MAX_STRUCTURES)
            ),
            metrics=tuple(
                Fields({"m": m}, ("m",), CODE).text("m", METRIC, MAX_METRIC_CHARACTERS)
                for m in fields.items("metrics", MAX_METRICS)
            ),
            end_caps=EndCaps(fields.text("end_caps", "|".join(c.value for c in EndCaps))),
            comparison=None if comparison is None else CurveCriteria.from_json(comparison),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseGoal:
    """One line of a constraint sheet: `metric` of a structure stands in `relation` to `value`.

    Attributes
    ----------
    structure : its number.
    relation : one of `RELATIONS`.
    variation : the value up to which a variation is acceptable, or None.
    unit : of value and variation, the metric's: one of `GOAL_UNITS`; `Gy` for an EQD2.
    priority : 1 is the highest.
    """

    structure: int
    metric: str
    relation: str
    value: float
    unit: str
    priority: int
    variation: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the members."""
        return {
            "structure": self.structure,
            "metric": self.metric,
            "relation": self.relation,
            "value": fraction_text(self.value),
            "variation": optional_fraction(self.variation),
            "unit": self.unit,
            "priority": self.priority,
        }

    @classmethod
    def from_json(cls, value: object) -> "DoseGoal":
        """Read the members strictly."""
        fields = Fields(value, _GOAL, CODE)
        return cls(
            structure=fields.integer("structure", 1, MAX_NUMBER),
            metric=fields.text("metric", METRIC, MAX_METRIC_CHARACTERS),
            relation=fields.text("relation", "|".join(RELATIONS)),
            value=fields.fraction("value", 0.0, _MAX_VALUE),
            variation=None
            if fields.is_null("variation")
            else fields.fraction("variation", 0.0, _MAX_VALUE),
            unit=fields.text("unit", "|".join(GOAL_UNITS)),
            priority=fields.integer("priority", 1, _MAX_PRIORITY),
        )
