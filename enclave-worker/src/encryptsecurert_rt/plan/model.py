"""Plans, treatment records and machine logs: what of them is compared, valid once it exists."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from math import isfinite

from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.plan.points import ControlPoints


class Word(Enum):
    """What a beam says in one word, and the defined terms of PS3.3 C.8.8.14 and C.8.8.25 for it."""

    RADIATION = ("radiation", "PHOTON ELECTRON NEUTRON PROTON ION")
    TYPE = ("type", "STATIC DYNAMIC")
    DELIVERY = (
        "delivery",
        "TREATMENT OPEN_PORTFILM TRMT_PORTFILM CONTINUATION SETUP VERIFICATION",
    )
    FLUENCE = ("fluence", "STANDARD NON_STANDARD")
    UNIT = ("unit", "MU MINUTE NP")
    POSITION = (
        "patient_position",
        "HFP HFS HFDR HFDL FFDR FFDL FFP FFS LFP LFS RFP RFS AFDR AFDL PFDR PFDL",
    )

    @property
    def label(self) -> str:
        """The word's own name."""
        return self.value[0]

    @property
    def terms(self) -> frozenset[str]:
        """What may be said."""
        return frozenset(self.value[1].split())


class Count(Enum):
    """What of a beam is counted."""

    WEDGES = "wedges"
    COMPENSATORS = "compensators"
    BOLI = "boli"
    BLOCKS = "blocks"
    RANGE_SHIFTERS = "range_shifters"


TREATING = frozenset({"TREATMENT", "CONTINUATION"})
# PS3.3 C.8.8.14, C.8.8.25: energy of ions is that of a nucleon.
_ENERGY_UNITS = {"PHOTON": "MV", "ELECTRON": "MeV", "PROTON": "MeV/u", "ION": "MeV/u"}
_METERSET_UNITS = {"MU": "MU", "MINUTE": "min", "NP": "NP"}


def _refuse_negative(*values: float | None) -> None:
    if any(value is not None and not (isfinite(value) and value >= 0) for value in values):
        raise InvalidInput("a meterset or count must be finite and not negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wedge:
    """A wedge of a beam; angles in degrees, None if not told."""

    number: int
    angle_deg: float | None
    orientation_deg: float | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Beam:
    """A beam by its number.

    Attributes
    ----------
    words, counts : what is not there is not known.
    final_weight : the cumulative meterset weight that stands for the whole meterset, more than 0.
    """

    number: int
    words: Mapping[Word, str] = field(default_factory=dict)
    counts: Mapping[Count, int] = field(default_factory=dict)
    wedges: tuple[Wedge, ...] = ()
    final_weight: float | None = None
    points: ControlPoints

    def __post_init__(self) -> None:
        if any(said not in word.terms for word, said in self.words.items()):
            raise InvalidInput("a beam says something that is not a defined term")
        _refuse_negative(*self.counts.values(), self.final_weight)
        if self.final_weight == 0.0:
            raise InvalidInput("the final meterset weight must be more than 0")
        numbers = [wedge.number for wedge in self.wedges]
        if len(set(numbers)) != len(numbers):
            raise InvalidInput("a wedge may be there once")

    @property
    def energy_unit(self) -> str:
        """The unit of its energy, MV or MeV if the radiation is not told."""
        return _ENERGY_UNITS.get(self.words.get(Word.RADIATION, ""), "MV or MeV")

    @property
    def meterset_unit(self) -> str:
        """The unit of its meterset: MU if it does not say."""
        return _METERSET_UNITS[self.words.get(Word.UNIT, "MU")]

    @property
    def is_treating(self) -> bool:
        """Whether it treats: it does unless it says that it is for setup or a port film."""
        return self.words.get(Word.DELIVERY, "TREATMENT") in TREATING


@dataclass(frozen=True, slots=True, kw_only=True)
class FractionGroup:
    """How often which beams are to be delivered.

    Attributes
    ----------
    metersets : for each beam number the meterset of one fraction, None if not told.
    """

    number: int
    fractions: int | None
    metersets: Mapping[int, float | None]

    def __post_init__(self) -> None:
        _refuse_negative(self.fractions, *self.metersets.values())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """A plan of external beams; beams and groups have different numbers."""

    beams: tuple[Beam, ...]
    groups: tuple[FractionGroup, ...]

    def __post_init__(self) -> None:
        for numbers in ([b.number for b in self.beams], [g.number for g in self.groups]):
            if len(set(numbers)) != len(numbers):
                raise InvalidInput("beams and fraction groups must have different numbers")

    def beam(self, number: int | None) -> Beam | None:
        """Return the beam of a number, None if there is none."""
        return next((beam for beam in self.beams if beam.number == number), None)

    def meterset(self, number: int) -> float | None:
        """Return a beam's meterset in one fraction, None if not told or not the same in all."""
        told = {g.metersets[number] for g in self.groups if number in g.metersets}
        return told.pop() if len(told) == 1 else None

    @property
    def fractions(self) -> int | None:
        """The number of fractions, None if it is not told or there are several groups."""
        return self.groups[0].fractions if len(self.groups) == 1 else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Delivery:
    """One beam as it was delivered in one session.

    Attributes
    ----------
    number : of the plan's beam, None if the record names none.
    termination : how it ended: NORMAL, OPERATOR, MACHINE or UNKNOWN.
    """

    number: int | None
    fraction: int | None
    delivered: float | None
    termination: str | None
    beam: Beam

    def __post_init__(self) -> None:
        _refuse_negative(self.fraction, self.delivered)
        if self.termination not in (None, "NORMAL", "OPERATOR", "MACHINE", "UNKNOWN"):
            raise InvalidInput("a delivery ends with a defined term")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TreatmentRecord:
    """What was delivered, of one or more sessions.

    Attributes
    ----------
    names_plan : whether every record names the plan that it is compared with; None if one of them
        names no plan.
    """

    deliveries: tuple[Delivery, ...]
    names_plan: bool | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BeamLog:
    """What a machine logged of one beam: a sample a row, `meterset` in MU."""

    number: int
    points: ControlPoints


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MachineLog:
    """What a machine logged of one fraction; each beam once."""

    beams: tuple[BeamLog, ...]

    def __post_init__(self) -> None:
        numbers = [beam.number for beam in self.beams]
        if len(set(numbers)) != len(numbers):
            raise InvalidInput("a log has each beam once")
