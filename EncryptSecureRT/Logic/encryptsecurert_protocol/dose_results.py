"""The result `comparison` of `dose_compare`: every figure with its unit, its criterion, its method.

    comparison  {schema, algorithms, kernels_sha256, reference, evaluated, registration,
                 structure_set, gamma, difference, agreement, dvh, goals, profiles, isodoses,
                 tg218, unusable, warnings}

No clock, no duration, no name: the same job gives the same octets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.canonical import fraction_text
from encryptsecurert_protocol.dose_isodoses import MAX_ISODOSES, IsodosePart
from encryptsecurert_protocol.dose_jobs import MAX_GOALS, DoseFacts
from encryptsecurert_protocol.dose_parts import (
    AgreementPart,
    DifferencePart,
    GammaPart,
    Tg218Part,
)
from encryptsecurert_protocol.dose_profiles import MAX_PROFILES, ProfilePart
from encryptsecurert_protocol.dvh_parts import DvhPart, GoalOutcome
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import DIGEST_BYTES, Fields
from encryptsecurert_protocol.figures import as_message
from encryptsecurert_protocol.limits import MIB
from encryptsecurert_protocol.structures import MAX_NUMBER, MAX_STRUCTURES
from encryptsecurert_protocol.volumes import MAPPED_UID

COMPARISON_SCHEMA = "encryptsecurert.dose-comparison/1"
COMPARISON_NAME, CURVES_NAME = "comparison", "curves"
GAMMA_NAME, DIFFERENCE_NAME = "gamma", "difference"
GAMMA_DICOM, DIFFERENCE_DICOM, REPORT_DICOM = "gamma.dcm", "difference.dcm", "report.dcm"
MAX_COMPARISON_BYTES = 8 * MIB
_MEMBERS = (
    *("schema", "algorithms", "kernels_sha256", "reference", "evaluated", "registration"),
    *("structure_set", "gamma", "difference", "agreement", "dvh", "goals", "profiles"),
    *("isodoses", "tg218", "unusable", "warnings"),
)
_WORD = r"[a-z0-9][a-z0-9_.+-]{0,95}"
_MAX_WARNINGS, _MAX_ALGORITHMS = 1024, 16
_DOSE = ("facts", "shape", "spacing_mm", "maximum_gy")


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedDose:
    """One of the two doses: what it is, its grid (k, j, i), its largest voxel."""

    facts: DoseFacts
    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    maximum_gy: float

    def as_json(self) -> dict[str, Any]:
        """Return the members."""
        return {
            "facts": self.facts.as_json(),
            "shape": list(self.shape),
            "spacing_mm": [fraction_text(v) for v in self.spacing_mm],
            "maximum_gy": fraction_text(self.maximum_gy),
        }

    @classmethod
    def from_json(cls, value: object) -> "ComparedDose":
        """Read the members strictly."""
        fields = Fields(value, _DOSE)
        shape = [
            Fields({"n": n}, ("n",)).integer("n", 1, 4096) for n in fields.items("shape", 3, 3)
        ]
        spacing = [
            Fields({"s": s}, ("s",)).fraction("s", 0.0, 1e3)
            for s in fields.items("spacing_mm", 3, 3)
        ]
        return cls(
            facts=as_message(DoseFacts.from_json, fields.object("facts")),
            shape=(shape[0], shape[1], shape[2]),
            spacing_mm=(spacing[0], spacing[1], spacing[2]),
            maximum_gy=fields.fraction("maximum_gy", 0.0, 1e9),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseComparison:
    """All that a comparison found.

    Attributes
    ----------
    algorithms : names with versions, as fixed words, ascending.
    kernels_sha256 : of the compiled kernels that computed it.
    registration : the 16 numbers of the parameters, or None.
    structure_set : mapped SOP instance UID of what the structures' numbers are of, or None.
    gamma, difference, agreement, dvh, tg218 : None unless asked for.
    profiles, isodoses : in the order of the parameters.
    unusable : numbers of structures that enclose nothing that can be measured, in the order of the
        input: they are left out of all else, and goals on them are not evaluable.
    warnings : fixed words, some with a number behind a point: of a structure, or of a profile.
    """

    algorithms: tuple[str, ...]
    kernels_sha256: str
    reference: ComparedDose
    evaluated: ComparedDose
    registration: tuple[float, ...] | None
    structure_set: str | None
    gamma: GammaPart | None
    difference: DifferencePart | None
    agreement: AgreementPart | None
    dvh: tuple[DvhPart, ...] | None
    goals: tuple[GoalOutcome, ...]
    tg218: Tg218Part | None
    profiles: tuple[ProfilePart, ...] = ()
    isodoses: tuple[IsodosePart, ...] = ()
    unusable: tuple[int, ...] = ()
    warnings: tuple[str, ...] = ()

    def encode(self) -> bytes:
        """Return the canonical octets (E_TOO_LARGE)."""
        matrix = self.registration
        octets = canonical.encode(
            {
                "schema": COMPARISON_SCHEMA,
                "algorithms": list(self.algorithms),
                "kernels_sha256": self.kernels_sha256,
                "reference": self.reference.as_json(),
                "evaluated": self.evaluated.as_json(),
                "registration": None if matrix is None else [fraction_text(v) for v in matrix],
                "structure_set": self.structure_set,
                "gamma": None if self.gamma is None else self.gamma.as_json(),
                "difference": None if self.difference is None else self.difference.as_json(),
                "agreement": None if self.agreement is None else self.agreement.as_json(),
                "dvh": None if self.dvh is None else [part.as_json() for part in self.dvh],
                "goals": [goal.as_json() for goal in self.goals],
                "profiles": [part.as_json() for part in self.profiles],
                "isodoses": [part.as_json() for part in self.isodoses],
                "tg218": None if self.tg218 is None else self.tg218.as_json(),
                "unusable": list(self.unusable),
                "warnings": list(self.warnings),
            }
        )
        if len(octets) > MAX_COMPARISON_BYTES:
            raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
        return octets

    @classmethod
    def decode(cls, octets: bytes | bytearray) -> "DoseComparison":
        """Read a comparison strictly (E_FORMAT, E_TOO_LARGE)."""
        fields = Fields(canonical.decode(bytes(octets), MAX_COMPARISON_BYTES), _MEMBERS)
        fields.constant("schema", COMPARISON_SCHEMA)
        return cls(
            algorithms=_words(fields, "algorithms", _MAX_ALGORITHMS),
            kernels_sha256=fields.hex("kernels_sha256", DIGEST_BYTES),
            reference=ComparedDose.from_json(fields.object("reference")),
            evaluated=ComparedDose.from_json(fields.object("evaluated")),
            registration=_matrix(fields),
            structure_set=None
            if fields.is_null("structure_set")
            else fields.text("structure_set", MAPPED_UID, 64),
            gamma=None if fields.is_null("gamma") else GammaPart.from_json(fields.object("gamma")),
            difference=None
            if fields.is_null("difference")
            else DifferencePart.from_json(fields.object("difference")),
            agreement=None
            if fields.is_null("agreement")
            else AgreementPart.from_json(fields.object("agreement")),
            dvh=None
            if fields.is_null("dvh")
            else tuple(DvhPart.from_json(p) for p in fields.items("dvh", MAX_STRUCTURES, 1)),
            goals=tuple(GoalOutcome.from_json(g) for g in fields.items("goals", MAX_GOALS)),
            profiles=tuple(
                ProfilePart.from_json(p) for p in fields.items("profiles", MAX_PROFILES)
            ),
            isodoses=tuple(
                IsodosePart.from_json(p) for p in fields.items("isodoses", MAX_ISODOSES)
            ),
            tg218=None if fields.is_null("tg218") else Tg218Part.from_json(fields.object("tg218")),
            unusable=tuple(
                Fields({"n": n}, ("n",)).integer("n", 1, MAX_NUMBER)
                for n in fields.items("unusable", MAX_STRUCTURES)
            ),
            warnings=_words(fields, "warnings", _MAX_WARNINGS),
        )


def _words(fields: Fields, name: str, most: int) -> tuple[str, ...]:
    items: Sequence[object] = fields.items(name, most)
    return tuple(Fields({"w": item}, ("w",)).text("w", _WORD) for item in items)


def _matrix(fields: Fields) -> tuple[float, ...] | None:
    if fields.is_null("registration"):
        return None
    items = fields.items("registration", 16, 16)
    return tuple(Fields({"m": m}, ("m",)).fraction("m", -1e7, 1e7) for m in items)
