"""Measured doses on the wire, and parameters of `measurement_compare`.

An object of kind `measurements` is the text of a measured plane or of points as UTF-8, in the form
of docs/planes.md, or a framed volume of one slice, `dose` in `Gy`. The text is read inside the
worker only: what its numbers mean has one reader, which the receipt measures.

    parameters  {schema, measured, calculated, points_as_plane, gamma, agreement, shift, tg218,
                 earlier_pass_percent}
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from math import ceil
from typing import Any

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.canonical import fraction_text
from encryptsecurert_protocol.dose_jobs import DoseFacts
from encryptsecurert_protocol.dose_options import CODE, AgreementOptions, GammaOptions
from encryptsecurert_protocol.errors import EncryptSecureRTError
from encryptsecurert_protocol.fields import Fields
from encryptsecurert_protocol.limits import MIB

MEASUREMENT_COMPARE_TASK = "measurement_compare"
MEASUREMENT_COMPARE_SCHEMA = "encryptsecurert.measurement-compare/1"
FIRST_LINE = "# encryptsecurert plane 1"
MAX_MEASUREMENTS_BYTES = 32 * MIB
MIN_EARLIER, MAX_EARLIER = 20, 1000
_MEMBERS = (
    *("schema", "measured", "calculated", "points_as_plane", "gamma", "agreement", "shift"),
    *("tg218", "earlier_pass_percent"),
)
_SHIFT = ("within_mm", "step_mm", "objective", "along_normal")
_MIN_STEP_MM, _MAX_WITHIN_MM = 0.05, 20.0
_MAX_NODES = 4096


class ShiftObjective(Enum):
    """What a proposed shift is best in: least RMS difference, or largest gamma pass rate."""

    RMS = "rms"
    GAMMA = "gamma"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftOptions:
    """Where a better place of the measured plane is looked for.

    Attributes
    ----------
    within_mm : shifts along each axis of the plane go from -within to +within, up to 20.
    step_mm : of the first grid of shifts, at least 0.05; at most 4096 nodes in all.
    along_normal : shift along the plane's normal, too.
    """

    within_mm: float
    step_mm: float
    objective: ShiftObjective
    along_normal: bool = False

    def __post_init__(self) -> None:
        if not _MIN_STEP_MM <= self.step_mm <= self.within_mm <= _MAX_WITHIN_MM:
            raise EncryptSecureRTError(CODE, "shifts need 0.05 <= step <= within <= 20 mm")
        each_side = ceil(self.within_mm / self.step_mm - 1e-9)
        if (2 * each_side + 1) ** (3 if self.along_normal else 2) > _MAX_NODES:
            raise EncryptSecureRTError(CODE, "too many shifts: take a larger step")

    def as_json(self) -> dict[str, Any]:
        """Return the members."""
        return {
            "within_mm": fraction_text(self.within_mm),
            "step_mm": fraction_text(self.step_mm),
            "objective": self.objective.value,
            "along_normal": self.along_normal,
        }

    @classmethod
    def from_json(cls, value: object) -> "ShiftOptions":
        """Read the members strictly (E_PARAMETERS)."""
        fields = Fields(value, _SHIFT, CODE)
        objectives = "|".join(one.value for one in ShiftObjective)
        return cls(
            within_mm=fields.fraction("within_mm", _MIN_STEP_MM, _MAX_WITHIN_MM),
            step_mm=fields.fraction("step_mm", _MIN_STEP_MM, _MAX_WITHIN_MM),
            objective=ShiftObjective(fields.text("objective", objectives)),
            along_normal=fields.boolean("along_normal"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasurementCompareParameters:
    """A measured dose, which is the reference, and a calculated one: how they are compared.

    Attributes
    ----------
    measured : what a measured RTDOSE is; None for a text, which says of nobody.
    calculated : the dose that is judged.
    points_as_plane : points that fill an evenly spaced rectangle are made a plane.
    gamma : of a plane; points have none.
    agreement : distance to agreement, and the composite test.
    shift : of a plane; None to look for none.
    tg218 : judge the gamma pass rate by the limits of AAPM TG-218.
    earlier_pass_percent : in order of time, 20 to 1000; local limits come of them. Empty for the
        universal limits.

    Raises
    ------
    EncryptSecureRTError
        E_PARAMETERS if something is asked for without what it rests on.
    """

    measured: DoseFacts | None
    calculated: DoseFacts
    points_as_plane: bool = False
    gamma: GammaOptions | None
    agreement: AgreementOptions
    shift: ShiftOptions | None = None
    tg218: bool = False
    earlier_pass_percent: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.tg218 and self.gamma is None:
            raise EncryptSecureRTError(CODE, "TG-218 judges gamma")
        if self.earlier_pass_percent and not self.tg218:
            raise EncryptSecureRTError(CODE, "local limits are limits of TG-218")
        if self.earlier_pass_percent:
            if not MIN_EARLIER <= len(self.earlier_pass_percent) <= MAX_EARLIER:
                raise EncryptSecureRTError(CODE, "local limits need 20 to 1000 earlier results")
        by_gamma = self.shift is not None and self.shift.objective is ShiftObjective.GAMMA
        if by_gamma and self.gamma is None:
            raise EncryptSecureRTError(CODE, "a shift by the largest pass rate needs gamma")
        if self.points_as_plane and self.measured is not None:
            raise EncryptSecureRTError(CODE, "an RTDOSE is a plane already")

    def as_json(self) -> dict[str, Any]:
        """Return the parameters' members."""
        return {
            "schema": MEASUREMENT_COMPARE_SCHEMA,
            "measured": None if self.measured is None else self.measured.as_json(),
            "calculated": self.calculated.as_json(),
            "points_as_plane": self.points_as_plane,
            "gamma": None if self.gamma is None else self.gamma.as_json(),
            "agreement": self.agreement.as_json(),
            "shift": None if self.shift is None else self.shift.as_json(),
            "tg218": self.tg218,
            "earlier_pass_percent": [fraction_text(p) for p in self.earlier_pass_percent],
        }

    def encode(self) -> bytes:
        """Return the canonical octets of an object of kind `parameters`."""
        return canonical.encode(self.as_json())

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "MeasurementCompareParameters":
        """Read the parameters strictly; anything wrong is E_PARAMETERS."""
        fields = Fields(value, _MEMBERS, CODE)
        fields.constant("schema", MEASUREMENT_COMPARE_SCHEMA)
        return cls(
            measured=None if fields.is_null("measured") else DoseFacts.from_json(value["measured"]),
            calculated=DoseFacts.from_json(fields.object("calculated")),
            points_as_plane=fields.boolean("points_as_plane"),
            gamma=None if fields.is_null("gamma") else GammaOptions.from_json(value["gamma"]),
            agreement=AgreementOptions.from_json(fields.object("agreement")),
            shift=None if fields.is_null("shift") else ShiftOptions.from_json(value["shift"]),
            tg218=fields.boolean("tg218"),
            earlier_pass_percent=tuple(
                Fields({"p": item}, ("p",), CODE).fraction("p", 0.0, 100.0)
                for item in fields.items("earlier_pass_percent", MAX_EARLIER)
            ),
        )
