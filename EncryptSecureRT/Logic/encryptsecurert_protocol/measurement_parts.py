"""Parts of a comparison with a measurement: what was measured, points, a shift, local limits."""

from dataclasses import dataclass
from dataclasses import fields as attributes_of
from typing import Any, ClassVar

from encryptsecurert_protocol.canonical import fraction_text
from encryptsecurert_protocol.dose_jobs import DoseFacts
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import MAX_INTEGER, Fields
from encryptsecurert_protocol.figures import as_message, read_record, record_json
from encryptsecurert_protocol.measurements import MAX_EARLIER, ShiftOptions
from encryptsecurert_protocol.volumes import MAX_EDGE, MAX_SPACING_MM, MIN_SPACING_MM

FORMS = ("matrix", "points", "rtdose")
MAX_TOLD_POINTS = 20_000
STATES = ("found", "not_found", "outside", "unfinished")
VERDICTS = ("within", "beyond", "undecided", "not_judged")
_MAX_DOSE_GY = 1e9
_MEASURED = ("form", "facts", "points", "shape", "spacing_mm", "maximum_gy")
_MAX_SHIFT_MM = 1e3


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredDose:
    """What was measured.

    Attributes
    ----------
    form : of the input, one of `FORMS`.
    facts : of an RTDOSE, else None.
    points : how many doses.
    shape, spacing_mm : of a plane: (rows, columns), distances of rows and of values in a row; None
        of points that were not made a plane.
    """

    form: str
    facts: DoseFacts | None
    points: int
    shape: tuple[int, int] | None
    spacing_mm: tuple[float, float] | None
    maximum_gy: float

    def __post_init__(self) -> None:
        is_rtdose, is_plane = self.form == "rtdose", self.shape is not None
        if (self.facts is not None) is not is_rtdose or (self.spacing_mm is not None) != is_plane:
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)
        if not is_plane and self.form != "points":
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)

    def as_json(self) -> dict[str, Any]:
        """Return the members."""
        spacing = self.spacing_mm
        return {
            "form": self.form,
            "facts": None if self.facts is None else self.facts.as_json(),
            "points": self.points,
            "shape": None if self.shape is None else list(self.shape),
            "spacing_mm": None if spacing is None else [fraction_text(s) for s in spacing],
            "maximum_gy": fraction_text(self.maximum_gy),
        }

    @classmethod
    def from_json(cls, value: object) -> "MeasuredDose":
        """Read the members strictly."""
        fields = Fields(value, _MEASURED)
        facts = None if fields.is_null("facts") else fields.object("facts")
        return cls(
            form=fields.text("form", "|".join(FORMS)),
            facts=None if facts is None else as_message(DoseFacts.from_json, facts),
            points=fields.integer("points", 1, MAX_INTEGER),
            shape=_shape(fields),
            spacing_mm=_spacing(fields),
            maximum_gy=fields.fraction("maximum_gy", 0.0, _MAX_DOSE_GY),
        )


def _shape(fields: Fields) -> tuple[int, int] | None:
    if fields.is_null("shape"):
        return None
    rows, columns = (
        Fields({"n": n}, ("n",)).integer("n", 1, MAX_EDGE) for n in fields.items("shape", 2, 2)
    )
    return rows, columns


def _spacing(fields: Fields) -> tuple[float, float] | None:
    if fields.is_null("spacing_mm"):
        return None
    of_rows, of_columns = (
        Fields({"s": s}, ("s",)).fraction("s", MIN_SPACING_MM, MAX_SPACING_MM)
        for s in fields.items("spacing_mm", 2, 2)
    )
    return of_rows, of_columns


@dataclass(frozen=True, slots=True, kw_only=True)
class PointValues:
    """A measured point and what was calculated there; None where nothing is to be told.

    Attributes
    ----------
    x_mm, y_mm, z_mm : LPS.
    difference_gy, difference_percent : calculated - measured, in % of the measured dose.
    distance_mm : to the nearest place of the measured dose within the calculated one.
    """

    x_mm: float
    y_mm: float
    z_mm: float
    measured_gy: float
    calculated_gy: float | None
    difference_gy: float | None
    difference_percent: float | None
    distance_mm: float | None


_VALUES = tuple(attribute.name for attribute in attributes_of(PointValues))


@dataclass(frozen=True, slots=True, kw_only=True)
class PointRow:
    """One point: its values, what became of the search for its distance, and the composite test.

    Attributes
    ----------
    state : one of `STATES`.
    verdict : one of `VERDICTS`; a point below the cutoff or outside is not judged.
    """

    values: PointValues
    state: str
    verdict: str

    def as_json(self) -> dict[str, Any]:
        """Return the row's members."""
        return record_json(self.values) | {"state": self.state, "verdict": self.verdict}

    @classmethod
    def from_json(cls, value: object) -> "PointRow":
        """Read the row strictly."""
        fields = Fields(value, (*_VALUES, "state", "verdict"))
        words = {
            "state": fields.text("state", "|".join(STATES)),
            "verdict": fields.text("verdict", "|".join(VERDICTS)),
        }
        numbers = Fields({"r": value}, ("r",)).object("r")
        values = read_record(PointValues, {name: numbers[name] for name in _VALUES})
        return cls(values=values, **words)


@dataclass(frozen=True, slots=True, kw_only=True)
class PointsPart:
    """Points in the order of the input, at most `MAX_TOLD_POINTS`; `left_out` more follow."""

    rows: tuple[PointRow, ...]
    left_out: int

    def as_json(self) -> dict[str, Any]:
        """Return the members."""
        return {"rows": [row.as_json() for row in self.rows], "left_out": self.left_out}

    @classmethod
    def from_json(cls, value: object) -> "PointsPart":
        """Read the members strictly."""
        fields = Fields(value, ("rows", "left_out"))
        return cls(
            rows=tuple(PointRow.from_json(r) for r in fields.items("rows", MAX_TOLD_POINTS, 1)),
            left_out=fields.integer("left_out", 0, MAX_INTEGER),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftFigures:
    """How well the doses agree at one shift.

    Attributes
    ----------
    rms_gy : of calculated - measured, over the points of the search.
    pass_percent_certain, pass_percent_possible : gamma of the whole plane; None without criteria.
    """

    rms_gy: float
    pass_percent_certain: float | None
    pass_percent_possible: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftPart:
    """A shift that is proposed; no other figure of the comparison uses it.

    Attributes
    ----------
    cutoff_percent : points below it, of the measured maximum, were left out of the search.
    x_mm, y_mm, z_mm : LPS, to be added to measured positions.
    points : that the search compared.
    at_limit : the best shift is on the border of the box: a better one may lie beyond.
    """

    STATE: ClassVar[str] = "not applied"

    options: ShiftOptions
    cutoff_percent: float
    x_mm: float
    y_mm: float
    z_mm: float
    points: int
    at_limit: bool
    before: ShiftFigures
    after: ShiftFigures

    def as_json(self) -> dict[str, Any]:
        """Return the members."""
        return {
            "state": self.STATE,
            "options": self.options.as_json(),
            "cutoff_percent": fraction_text(self.cutoff_percent),
            "x_mm": fraction_text(self.x_mm),
            "y_mm": fraction_text(self.y_mm),
            "z_mm": fraction_text(self.z_mm),
            "points": self.points,
            "at_limit": self.at_limit,
            "before": record_json(self.before),
            "after": record_json(self.after),
        }

    @classmethod
    def from_json(cls, value: object) -> "ShiftPart":
        """Read the members strictly."""
        fields = Fields(
            value,
            (
                *("state", "options", "cutoff_percent", "x_mm", "y_mm", "z_mm", "points"),
                *("at_limit", "before", "after"),
            ),
        )
        fields.constant("state", cls.STATE)
        return cls(
            options=as_message(ShiftOptions.from_json, fields.object("options")),
            cutoff_percent=fields.fraction("cutoff_percent", 0.0, 100.0),
            x_mm=fields.fraction("x_mm", -_MAX_SHIFT_MM, _MAX_SHIFT_MM),
            y_mm=fields.fraction("y_mm", -_MAX_SHIFT_MM, _MAX_SHIFT_MM),
            z_mm=fields.fraction("z_mm", -_MAX_SHIFT_MM, _MAX_SHIFT_MM),
            points=fields.integer("points", 1, MAX_INTEGER),
            at_limit=fields.boolean("at_limit"),
            before=read_record(ShiftFigures, fields.object("before")),
            after=read_record(ShiftFigures, fields.object("after")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessPart:
    """Local limits of the process that gave the earlier results, in percent (AAPM TG-218).

    Attributes
    ----------
    results : how many earlier ones.
    tolerance_percent, action_percent : lower limits; they may lie below 0 for a process that is
        far from its target.
    beyond_tolerance : numbers, from 0, of earlier results beyond the tolerance limits.
    used : whether the verdict rests on them. It does not if the action limit is above the tolerance
        limit, or a limit is below 0: such a process is to be improved first.
    """

    results: int
    centre_line_percent: float
    mean_moving_range_percent: float
    standard_deviation_percent: float
    tolerance_percent: float
    action_percent: float
    beyond_tolerance: tuple[int, ...]
    used: bool

    def as_json(self) -> dict[str, Any]:
        """Return the members."""
        numbers = {name: fraction_text(getattr(self, name)) for name in _LIMITS}
        return {
            "results": self.results,
            **numbers,
            "beyond_tolerance": list(self.beyond_tolerance),
            "used": self.used,
        }

    @classmethod
    def from_json(cls, value: object) -> "ProcessPart":
        """Read the members strictly."""
        fields = Fields(value, ("results", *_LIMITS, "beyond_tolerance", "used"))
        return cls(
            results=fields.integer("results", 1, MAX_EARLIER),
            beyond_tolerance=tuple(
                Fields({"n": n}, ("n",)).integer("n", 0, MAX_EARLIER)
                for n in fields.items("beyond_tolerance", MAX_EARLIER)
            ),
            used=fields.boolean("used"),
            **{name: fields.fraction(name, -1e3, 1e3) for name in _LIMITS},
        )


_LIMITS = (
    *("centre_line_percent", "mean_moving_range_percent", "standard_deviation_percent"),
    *("tolerance_percent", "action_percent"),
)
