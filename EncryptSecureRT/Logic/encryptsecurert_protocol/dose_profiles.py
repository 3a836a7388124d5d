"""Doses along lines: what `dose_compare` is asked for, and what it tells of each line.

Points are LPS mm in the reference's frame of reference. A line is cut into equal steps no longer
than asked for, both ends included. None (null) stands outside a dose: never 0 Gy.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from encryptsecurert_protocol.canonical import fraction_text
from encryptsecurert_protocol.dose_options import CODE, optional_fraction
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import Fields
from encryptsecurert_protocol.figures import as_message, read_record, record_json

MAX_PROFILES = 16
MAX_PROFILE_POINTS = 20_000  # of all lines together: some 1.3 MB of text
_LINE = ("from_lps_mm", "to_lps_mm", "step_mm")
_PART = ("line", "position_mm", "reference_gy", "evaluated_gy", "reference_field")
_MAX_MM = 1e6  # from an origin: as far as that of a volume may be
_LONGEST_MM = 1e7
_MIN_STEP_MM, _MAX_STEP_MM = 0.01, 1000.0
_MAX_DOSE_GY = 1e9
Point = tuple[float, float, float]
Doses = tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileLine:
    """A straight line from one point to another, which are not the same.

    Attributes
    ----------
    from_lps_mm, to_lps_mm : in the frame of the reference.
    step_mm : the longest step.
    """

    from_lps_mm: Point
    to_lps_mm: Point
    step_mm: float

    def __post_init__(self) -> None:
        if not 0.0 < self.length_mm <= _LONGEST_MM:
            raise EncryptSecureRTError(CODE, "a profile needs two different points")
        if not _MIN_STEP_MM <= self.step_mm <= _MAX_STEP_MM or self.points > MAX_PROFILE_POINTS:
            raise EncryptSecureRTError(
                CODE, "a profile has a step of 0.01 to 1000 mm, not too fine"
            )

    @property
    def length_mm(self) -> float:
        """From end to end."""
        return math.dist(self.from_lps_mm, self.to_lps_mm)

    @property
    def points(self) -> int:
        """How many points it has; a step that fits a whole number of times stays as it is."""
        return max(math.ceil(self.length_mm / self.step_mm - 1e-9), 1) + 1

    def as_json(self) -> dict[str, Any]:
        """Return the members."""
        return {
            "from_lps_mm": [fraction_text(x) for x in self.from_lps_mm],
            "to_lps_mm": [fraction_text(x) for x in self.to_lps_mm],
            "step_mm": fraction_text(self.step_mm),
        }

    @classmethod
    def from_json(cls, value: object) -> "ProfileLine":
        """Read the members strictly (E_PARAMETERS)."""
        fields = Fields(value, _LINE, CODE)
        return cls(
            from_lps_mm=_point(fields, "from_lps_mm"),
            to_lps_mm=_point(fields, "to_lps_mm"),
            step_mm=fields.fraction("step_mm", _MIN_STEP_MM, _MAX_STEP_MM),
        )


def refuse_too_many(lines: Sequence[ProfileLine]) -> None:
    """Refuse with E_PARAMETERS more lines, or more points in all, than a comparison takes."""
    points = sum(line.points for line in lines)
    if len(lines) > MAX_PROFILES or points > MAX_PROFILE_POINTS:
        raise EncryptSecureRTError(CODE, "too many profiles, or too many points of them")


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldFigures:
    """A profile as one across a field (IEC 60976), positions along the line.

    Attributes
    ----------
    axis_mm, axis_gy : the middle of the 50 %-of-maximum edges, and the dose there: 100 %.
    left_mm, right_mm : positions of 50 %; their distance is the field size.
    penumbra_left_mm, penumbra_right_mm : from 80 % to 20 %; None if the line ends above 20 %.
    flattened_mm : width of the flattened area; None of a field smaller than 50 mm.
    flatness_percent : 100 x largest / least dose in that area.
    symmetry_percent : 100 x the largest ratio of doses at equal distances from the centre.
    """

    axis_mm: float
    axis_gy: float
    left_mm: float
    right_mm: float
    field_size_mm: float
    centre_mm: float
    penumbra_left_mm: float | None
    penumbra_right_mm: float | None
    flattened_mm: float | None
    flatness_percent: float | None
    symmetry_percent: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfilePart:
    """Both doses along a line.

    Attributes
    ----------
    position_mm : from 0 at the start, ascending, one for each point.
    reference_gy, evaluated_gy : as many, None outside the dose.
    reference_field, evaluated_field : None where the dose does not fall to half on both sides.
    """

    line: ProfileLine
    position_mm: tuple[float, ...]
    reference_gy: Doses
    evaluated_gy: Doses
    reference_field: FieldFigures | None
    evaluated_field: FieldFigures | None

    def __post_init__(self) -> None:
        sizes = {len(self.position_mm), len(self.reference_gy), len(self.evaluated_gy)}
        rising = all(a < b for a, b in zip(self.position_mm, self.position_mm[1:], strict=False))
        if sizes != {self.line.points} or not rising:
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)

    def as_json(self) -> dict[str, Any]:
        """Return the members."""
        fields = (self.reference_field, self.evaluated_field)
        reference, evaluated = (None if one is None else record_json(one) for one in fields)
        return {
            "line": self.line.as_json(),
            "position_mm": [fraction_text(x) for x in self.position_mm],
            "reference_gy": [optional_fraction(x) for x in self.reference_gy],
            "evaluated_gy": [optional_fraction(x) for x in self.evaluated_gy],
            "reference_field": reference,
            "evaluated_field": evaluated,
        }

    @classmethod
    def from_json(cls, value: object) -> "ProfilePart":
        """Read the members strictly."""
        fields = Fields(value, (*_PART, "evaluated_field"))
        positions = fields.items("position_mm", MAX_PROFILE_POINTS, 2)
        return cls(
            line=as_message(ProfileLine.from_json, fields.object("line")),
            position_mm=tuple(
                Fields({"x": x}, ("x",)).fraction("x", 0.0, _LONGEST_MM) for x in positions
            ),
            reference_gy=_doses(fields, "reference_gy"),
            evaluated_gy=_doses(fields, "evaluated_gy"),
            reference_field=_field(fields, "reference_field"),
            evaluated_field=_field(fields, "evaluated_field"),
        )


def _point(fields: Fields, name: str) -> Point:
    items = fields.items(name, 3, 3)
    x, y, z = (Fields({"x": x}, ("x",), CODE).fraction("x", -_MAX_MM, _MAX_MM) for x in items)
    return x, y, z


def _doses(fields: Fields, name: str) -> Doses:
    items = [Fields({"d": d}, ("d",)) for d in fields.items(name, MAX_PROFILE_POINTS, 2)]
    return tuple(
        None if one.is_null("d") else one.fraction("d", 0.0, _MAX_DOSE_GY) for one in items
    )


def _field(fields: Fields, name: str) -> FieldFigures | None:
    return None if fields.is_null(name) else read_record(FieldFigures, fields.object(name))
