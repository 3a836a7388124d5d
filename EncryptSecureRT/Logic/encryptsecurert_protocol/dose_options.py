"""How two doses are compared: the parts of the parameters of `dose_compare`.

Each part is valid once made; reading and making refuse with E_PARAMETERS. Numbers travel as
fractions (text), percentages without a sign.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from encryptsecurert_protocol.canonical import fraction_text
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import Fields

CODE = ErrorCode.E_PARAMETERS
MAX_DOSE_GY = 1e6
_GAMMA = (
    *("dose_percent", "distance_mm", "cutoff_percent", "normalisation", "norm_gy", "cap"),
    *("either_dose", "mode"),
)
_AGREEMENT = ("radius_mm", "dose_percent", "distance_mm", "cutoff_percent", "norm_gy")
# Criteria from far finer than any detector to far coarser than any report asks for.
MIN_PERCENT, MAX_PERCENT = 0.01, 100.0
_MIN_LENGTH_MM, _MAX_LENGTH_MM = 0.1, 100.0
_MIN_DOSE_GY = 1e-6
_MIN_CAP, _MAX_CAP = 1.0, 10.0


class Normalisation(Enum):
    """What a dose criterion in percent is of."""

    GLOBAL = "global"
    LOCAL = "local"


class GammaMode(Enum):
    """How gamma is searched."""

    CERTIFIED = "certified"
    PASS_FAIL = "pass_fail"  # noqa: S105  # a mode, no password
    VOXEL_CENTRES = "voxel_centres"


def optional_text(fields: Fields, name: str, pattern: str) -> str | None:
    """Return text that matches, or None for null."""
    return None if fields.is_null(name) else fields.text(name, pattern, 64)


def optional_dose(fields: Fields, name: str) -> float | None:
    """Return a dose in Gy, or None for null."""
    return None if fields.is_null(name) else fields.fraction(name, _MIN_DOSE_GY, MAX_DOSE_GY)


def optional_fraction(value: float | None) -> str | None:
    """Return the text of a number, or None for None."""
    return None if value is None else fraction_text(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class GammaOptions:
    """Criteria of gamma (Low et al. 1998; AAPM TG-218).

    Attributes
    ----------
    dose_percent : of `norm_gy` (global) or of the reference dose at the point (local).
    cutoff_percent : of `norm_gy`; points whose reference dose is below are not evaluated.
    norm_gy : None takes the maximum of the reference dose.
    cap : gamma above is told as this value, at least 1.
    either_dose : a point is evaluated, too, if the evaluated dose is not below the cutoff.
    """

    dose_percent: float
    distance_mm: float
    cutoff_percent: float
    normalisation: Normalisation
    norm_gy: float | None = None
    cap: float = 2.0
    either_dose: bool = False
    mode: GammaMode = GammaMode.CERTIFIED

    def as_json(self) -> dict[str, Any]:
        """Return the members."""
        return {
            "dose_percent": fraction_text(self.dose_percent),
            "distance_mm": fraction_text(self.distance_mm),
            "cutoff_percent": fraction_text(self.cutoff_percent),
            "normalisation": self.normalisation.value,
            "norm_gy": optional_fraction(self.norm_gy),
            "cap": fraction_text(self.cap),
            "either_dose": self.either_dose,
            "mode": self.mode.value,
        }

    @classmethod
    def from_json(cls, value: object) -> "GammaOptions":
        """Read the members strictly."""
        fields = Fields(value, _GAMMA, CODE)
        kinds = "|".join(n.value for n in Normalisation)
        return cls(
            dose_percent=fields.fraction("dose_percent", MIN_PERCENT, MAX_PERCENT),
            distance_mm=fields.fraction("distance_mm", _MIN_LENGTH_MM, _MAX_LENGTH_MM),
            cutoff_percent=fields.fraction("cutoff_percent", 0.0, MAX_PERCENT),
            normalisation=Normalisation(fields.text("normalisation", kinds)),
            norm_gy=optional_dose(fields, "norm_gy"),
            cap=fields.fraction("cap", _MIN_CAP, _MAX_CAP),
            either_dose=fields.boolean("either_dose"),
            mode=GammaMode(fields.text("mode", "|".join(m.value for m in GammaMode))),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementOptions:
    """Distance to agreement, and the composite test |difference| <= criterion or distance <= its.

    Attributes
    ----------
    radius_mm : how far an equal dose is looked for.
    dose_percent, distance_mm : criteria of the composite test; the dose in percent of `norm_gy`.
    cutoff_percent : of `norm_gy`; points whose reference dose is below are not evaluated.
    norm_gy : None takes the maximum of the reference dose.
    """

    radius_mm: float
    dose_percent: float
    distance_mm: float
    cutoff_percent: float
    norm_gy: float | None = None

    def __post_init__(self) -> None:
        if self.distance_mm >= self.radius_mm:
            raise EncryptSecureRTError(CODE, "the radius must exceed the distance criterion")

    def as_json(self) -> dict[str, Any]:
        """Return the members."""
        return {
            "radius_mm": fraction_text(self.radius_mm),
            "dose_percent": fraction_text(self.dose_percent),
            "distance_mm": fraction_text(self.distance_mm),
            "cutoff_percent": fraction_text(self.cutoff_percent),
            "norm_gy": optional_fraction(self.norm_gy),
        }

    @classmethod
    def from_json(cls, value: object) -> "AgreementOptions":
        """Read the members strictly."""
        fields = Fields(value, _AGREEMENT, CODE)
        return cls(
            radius_mm=fields.fraction("radius_mm", _MIN_LENGTH_MM, _MAX_LENGTH_MM),
            dose_percent=fields.fraction("dose_percent", MIN_PERCENT, MAX_PERCENT),
            distance_mm=fields.fraction("distance_mm", _MIN_LENGTH_MM, _MAX_LENGTH_MM),
            cutoff_percent=fields.fraction("cutoff_percent", 0.0, MAX_PERCENT),
            norm_gy=optional_dose(fields, "norm_gy"),
        )
