"""Isodoses of a dose comparison: the levels that are asked for, and what both doses enclose."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from encryptsecurert_protocol.canonical import fraction_text
from encryptsecurert_protocol.dose_options import CODE, optional_fraction
from encryptsecurert_protocol.errors import EncryptSecureRTError
from encryptsecurert_protocol.fields import Fields

MAX_ISODOSES = 16
MIN_LEVEL_GY, MAX_LEVEL_GY = 1e-6, 1e5
_SIZE_MEMBERS = ("reference", "evaluated", "common_reference", "common_evaluated", "both")
_PART = ("level_gy", "unit", *_SIZE_MEMBERS, "dice")
_UNITS = ("cc", "cm2")
_MOST_SIZE = 1e12


def refuse_levels(levels_gy: Sequence[float]) -> None:
    """Refuse with E_PARAMETERS levels that are too many, out of bounds, or not ascending."""
    if len(levels_gy) > MAX_ISODOSES or tuple(sorted(set(levels_gy))) != tuple(levels_gy):
        raise EncryptSecureRTError(CODE, "isodoses are at most 16 levels, ascending, none twice")
    if not all(MIN_LEVEL_GY <= level <= MAX_LEVEL_GY for level in levels_gy):
        raise EncryptSecureRTError(CODE, "an isodose is above 0 to 100000 Gy")


@dataclass(frozen=True, slots=True, kw_only=True)
class IsodosePart:
    """What both doses enclose at one level.

    Attributes
    ----------
    unit : of all sizes: `cc`, or `cm2` of two planes.
    reference, evaluated : of each dose on its own whole grid.
    common_reference, common_evaluated, both : where both doses are known; `both` is what has the
        level, or more, in both.
    dice : 2 both / (common_reference + common_evaluated); None if neither reaches the level there.
    """

    level_gy: float
    unit: str
    reference: float
    evaluated: float
    common_reference: float
    common_evaluated: float
    both: float
    dice: float | None

    def as_json(self) -> dict[str, Any]:
        """Return the members."""
        return {
            "level_gy": fraction_text(self.level_gy),
            "unit": self.unit,
            **{name: fraction_text(getattr(self, name)) for name in _SIZE_MEMBERS},
            "dice": optional_fraction(self.dice),
        }

    @classmethod
    def from_json(cls, value: object) -> "IsodosePart":
        """Read the members strictly."""
        fields = Fields(value, _PART)
        return cls(
            level_gy=fields.fraction("level_gy", MIN_LEVEL_GY, MAX_LEVEL_GY),
            unit=fields.text("unit", "|".join(_UNITS)),
            **{name: fields.fraction(name, 0.0, _MOST_SIZE) for name in _SIZE_MEMBERS},
            dice=None if fields.is_null("dice") else fields.fraction("dice", 0.0, 1.0 + 1e-9),
        )
