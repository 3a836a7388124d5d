"""What is asked of a plan check, and what it says: every row with unit, tolerance and verdict.

All is canonical JSON. A row is an object of exactly `_ROW`; numbers are fractions as text, terms
are themselves where the unit is `word`, null is unknown or does not apply.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.canonical import fraction_from_text, fraction_text
from encryptsecurert_protocol.fields import Fields
from encryptsecurert_protocol.limits import MIB
from encryptsecurert_protocol.plans import MAX_NUMBER, MAX_PAIRS, MAX_POINTS, TERMS

PLAN_CHECK_TASK = "plan_check"
PARAMETERS_SCHEMA = "encryptsecurert.plan-check/1"
CHECK_SCHEMA = "encryptsecurert.plan-comparison/1"
CHECK_NAME = "plan-check"
MATCHINGS = ("number", "geometry")
TOLERANCES = (
    *("meterset", "meterset_percent", "weight_percent", "gantry_deg", "collimator_deg"),
    *("couch_deg", "energy", "dose_rate", "isocenter_mm", "table_mm", "snout_mm", "wedge_deg"),
    *("jaw_mm", "leaf_mm", "leaf_rms_mm", "leaf_p95_mm", "spot_mm"),
)
MAX_CHECK_BYTES = 128 * MIB
MAX_ROWS = 250_000
_NAME = r"[a-z][a-z0-9_]*(\.[a-z0-9]+)?"
_UNIT = r"[A-Za-z0-9%/ ]{1,16}"
_MEMBERS = (
    *("schema", "form", "algorithm", "matching", "tolerances", "verdict"),
    *("counts", "rows", "points", "points_left_out"),
)
_PLACES = ("beam", "group", "fraction", "point", "bank", "leaf")
_NUMBERS = ("difference", "tolerance")
_COUNTS = ("compared", "not_compared", "beyond")
_ROW = ("what", "unit", "verdict", *_PLACES, "expected", "found", *_NUMBERS, *_COUNTS)
_MAX_OF_PLACE = {
    "beam": MAX_NUMBER,
    "group": MAX_NUMBER,
    "fraction": MAX_NUMBER,
    "point": MAX_POINTS,
    "bank": 2,
    "leaf": MAX_PAIRS,
}
_MAX_COUNT = 2**40
_TERMS = frozenset(term for terms in TERMS.values() for term in terms)


class CheckVerdict(Enum):
    """What a row, or the whole, comes to."""

    WITHIN = "within"
    BEYOND = "beyond"
    TOLD = "told"
    NOT_COMPARED = "not_compared"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRow:
    """One comparison; see docs/plan-checks.md for the words.

    Attributes
    ----------
    places : of `beam`, `group`, `fraction`, `point`, `bank`, `leaf` those that apply.
    expected, found : a number, a defined term, or None if unknown.
    """

    what: str
    unit: str
    verdict: CheckVerdict
    places: Mapping[str, int]
    expected: float | str | None
    found: float | str | None
    difference: float | None
    tolerance: float | None
    compared: int
    not_compared: int
    beyond: int

    def as_json(self) -> dict[str, Any]:
        """Return the row's members."""
        return {
            "what": self.what,
            "unit": self.unit,
            "verdict": self.verdict.value,
            **{name: self.places.get(name) for name in _PLACES},
            "expected": _value_text(self.expected),
            "found": _value_text(self.found),
            "difference": _value_text(self.difference),
            "tolerance": _value_text(self.tolerance),
            "compared": self.compared,
            "not_compared": self.not_compared,
            "beyond": self.beyond,
        }

    @classmethod
    def from_json(cls, value: object) -> "CheckRow":
        """Read the row strictly."""
        fields = Fields(value, _ROW)
        unit = fields.text("unit", _UNIT)
        return cls(
            what=fields.text("what", _NAME, 64),
            unit=unit,
            verdict=_verdict(fields),
            places={
                name: fields.integer(name, 0, _MAX_OF_PLACE[name])
                for name in _PLACES
                if not fields.is_null(name)
            },
            expected=_value(fields, "expected", unit),
            found=_value(fields, "found", unit),
            difference=_number(fields, "difference"),
            tolerance=_number(fields, "tolerance"),
            compared=fields.integer("compared", 0, _MAX_COUNT),
            not_compared=fields.integer("not_compared", 0, _MAX_COUNT),
            beyond=fields.integer("beyond", 0, _MAX_COUNT),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanComparison:
    """The whole of a check.

    Attributes
    ----------
    form : of what stood beside the plan: `plan`, `record` or `log`.
    tolerances : every tolerance that held, None where there was none.
    points : single control points that differ; `points_left_out` more do.
    """

    form: str
    algorithm: str
    matching: str
    tolerances: Mapping[str, float | None]
    verdict: CheckVerdict
    rows: tuple[CheckRow, ...]
    points: tuple[CheckRow, ...]
    points_left_out: int

    @property
    def counts(self) -> dict[str, int]:
        """How many rows there are of each verdict."""
        return {v.value: sum(row.verdict is v for row in self.rows) for v in CheckVerdict}

    def encode(self) -> bytes:
        """Return the canonical octets."""
        return canonical.encode(
            {
                "schema": CHECK_SCHEMA,
                "form": self.form,
                "algorithm": self.algorithm,
                "matching": self.matching,
                "tolerances": {n: _value_text(v) for n, v in self.tolerances.items()},
                "verdict": self.verdict.value,
                "counts": self.counts,
                "rows": [row.as_json() for row in self.rows],
                "points": [row.as_json() for row in self.points],
                "points_left_out": self.points_left_out,
            }
        )

    @classmethod
    def decode(cls, octets: bytes) -> "PlanComparison":
        """Read a check strictly (E_FORMAT, E_TOO_LARGE)."""
        fields = Fields(canonical.decode(octets, MAX_CHECK_BYTES), _MEMBERS)
        fields.constant("schema", CHECK_SCHEMA)
        tolerances = fields.child("tolerances", TOLERANCES)
        made = cls(
            form=fields.text("form", "plan|record|log"),
            algorithm=fields.text("algorithm", r"[A-Za-z0-9_.+-]{1,64}"),
            matching=fields.text("matching", "|".join(MATCHINGS)),
            tolerances={name: _number(tolerances, name) for name in TOLERANCES},
            verdict=_verdict(fields),
            rows=tuple(CheckRow.from_json(row) for row in fields.items("rows", MAX_ROWS)),
            points=tuple(CheckRow.from_json(row) for row in fields.items("points", MAX_ROWS)),
            points_left_out=fields.integer("points_left_out", 0, _MAX_COUNT),
        )
        counts = fields.child("counts", tuple(v.value for v in CheckVerdict))
        for name, count in made.counts.items():
            counts.constant(name, count)
        return made


def _verdict(fields: Fields) -> CheckVerdict:
    return CheckVerdict(fields.text("verdict", "|".join(v.value for v in CheckVerdict)))


def _value(fields: Fields, name: str, unit: str) -> float | str | None:
    if unit != "word" or fields.is_null(name):
        return _number(fields, name)
    return fields.text(name, "|".join(sorted(_TERMS)))


def _number(fields: Fields, name: str) -> float | None:
    return None if fields.is_null(name) else fraction_from_text(fields.text(name, "[!-~]+", 32))


def _value_text(value: float | str | None) -> str | None:
    return value if isinstance(value, str | None) else fraction_text(value)
