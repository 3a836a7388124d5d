"""Dose-volume metrics as physicists write them, in the notation of AAPM TG-263, section 9.

    D95%[Gy]   D0.03cc[Gy]   D95%[%]     least dose of the hottest 95 %, of the hottest 0.03 cm3
    DC5%[Gy]   DC0.5cc[Gy]               greatest dose of the coldest 5 %, of the coldest 0.5 cm3
    V20Gy[%]   V20Gy[cc]     V95%[%]     volume with at least 20 Gy, with 95 % of the prescription
    CV20Gy[cc] CV20Gy[%]                 the rest: volume with less than 20 Gy
    Mean[Gy]   Max[Gy]       Min[%]      mean, greatest and least dose
    gEUD(8)[Gy]                          generalised equivalent uniform dose, exponent 8

`[%]` of a dose is percent of the prescription. `EQD2Gy(a/b=3)` in place of `Gy` makes it the dose
in fractions of 2 Gy for alpha/beta = 3 Gy: `D2cc[EQD2Gy(a/b=3)]`, `V40EQD2Gy(a/b=3)[%]`; a metric
names one alpha/beta only. The notation is that of Mayo et al., Int J Radiat Oncol Biol Phys 100
(2018) 1057; gEUD, which the report does not spell out, is ours.
"""

import re
from dataclasses import dataclass
from enum import Enum

from encryptsecurert_rt.errors import InvalidInput

_NUMBER = r"(?:0|[1-9][0-9]{0,3})(?:\.[0-9]{1,4})?"

# The whole grammar; `Metric.parse` adds what a pattern cannot say (ranges, which unit fits what).
METRIC_PATTERN = re.compile(
    rf"""
    (?: (?P<dose>DC?) (?P<share>{_NUMBER}) (?P<share_unit>%|cc)
      | (?P<volume>C?V) (?P<level>{_NUMBER})
        (?P<level_unit>%|Gy|EQD2Gy\(a/b=(?P<level_ab>{_NUMBER})\))
      | (?P<whole>Mean|Max|Min)
      | gEUD\((?P<exponent>-?{_NUMBER})\)
    )
    \[ (?P<unit>%|cc|Gy|EQD2Gy\(a/b=(?P<unit_ab>{_NUMBER})\)) \]
    """,
    re.VERBOSE | re.ASCII,
)
MAX_METRIC_CHARACTERS = 64


class Quantity(Enum):
    """What is asked of a histogram."""

    DOSE_OF_HOTTEST = "D"
    DOSE_OF_COLDEST = "DC"
    VOLUME_ABOVE = "V"
    VOLUME_BELOW = "CV"
    MEAN = "Mean"
    MAXIMUM = "Max"
    MINIMUM = "Min"
    EQUIVALENT_UNIFORM_DOSE = "gEUD"

    @property
    def is_volume(self) -> bool:
        """Whether the answer is a volume; else it is a dose."""
        return self in (Quantity.VOLUME_ABOVE, Quantity.VOLUME_BELOW)


class Unit(Enum):
    """Units of answers and of what they are asked at."""

    GY = "Gy"
    PERCENT = "%"
    CC = "cc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One question to a histogram.

    Attributes
    ----------
    text : as it was written.
    quantity : Quantity
    at : the volume of D and DC, the dose of V and CV, the exponent of gEUD; None of others.
    at_unit : Unit of `at`; None of an exponent and where there is none.
    unit : Unit of the answer.
    alpha_beta_gy : doses are EQD2 for this alpha/beta in Gy; None: they are physical.
    """

    text: str
    quantity: Quantity
    at: float | None
    at_unit: Unit | None
    unit: Unit
    alpha_beta_gy: float | None

    @classmethod
    def parse(cls, text: str) -> "Metric":
        """Read a metric.

        Raises
        ------
        InvalidInput
            If it is not in the notation, or asks for what does not exist: a volume in Gy, more
            than 100 % of a structure, an exponent of 0.
        """
        if len(text) > MAX_METRIC_CHARACTERS:
            raise InvalidInput("a metric has at most 64 characters")
        found = METRIC_PATTERN.fullmatch(text)
        if found is None:
            raise InvalidInput("the text is not a metric such as D95%[Gy] or V20Gy[%]")
        part = found.groupdict()
        unit = Unit.GY if part["unit"].startswith("EQD2") else Unit(part["unit"])
        at_unit = None
        if part["dose"]:
            quantity, at = Quantity(part["dose"]), float(part["share"])
            at_unit = Unit(part["share_unit"])
        elif part["volume"]:
            quantity, at = Quantity(part["volume"]), float(part["level"])
            at_unit = Unit.PERCENT if part["level_unit"] == "%" else Unit.GY
        elif part["whole"]:
            quantity, at = Quantity(part["whole"]), None
        else:
            quantity, at = Quantity.EQUIVALENT_UNIFORM_DOSE, float(part["exponent"])
        alpha_beta = part["level_ab"] or part["unit_ab"]
        return cls(
            text=text,
            quantity=quantity,
            at=at,
            at_unit=at_unit,
            unit=unit,
            alpha_beta_gy=float(alpha_beta) if alpha_beta else None,
        )

    def __post_init__(self) -> None:
        fits = (Unit.PERCENT, Unit.CC) if self.quantity.is_volume else (Unit.PERCENT, Unit.GY)
        if self.unit not in fits:
            raise InvalidInput("a dose is in Gy or %, a volume in cc or %")
        if self.alpha_beta_gy is not None and not self.alpha_beta_gy > 0.0:
            raise InvalidInput("alpha/beta must be above 0 Gy")
        if self.alpha_beta_gy is not None and self.is_relative:
            raise InvalidInput("an EQD2 is not in percent of a prescription")
        if self.quantity is Quantity.EQUIVALENT_UNIFORM_DOSE and not self.at:
            raise InvalidInput("the exponent of gEUD must not be 0")
        shares = (Quantity.DOSE_OF_HOTTEST, Quantity.DOSE_OF_COLDEST)
        if self.quantity in shares and self.at_unit is Unit.PERCENT and not 0 <= self._at <= 100:
            raise InvalidInput("a share of a structure is 0 to 100 %")

    @property
    def is_relative(self) -> bool:
        """Whether a prescription is needed: a dose in percent is asked for or asked at."""
        if self.quantity.is_volume:
            return self.at_unit is Unit.PERCENT
        return self.unit is Unit.PERCENT

    @property
    def _at(self) -> float:
        return -1.0 if self.at is None else self.at

    def __str__(self) -> str:
        return self.text
