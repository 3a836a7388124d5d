"""The result `measurement-comparison` of `measurement_compare`: every figure with unit and method.

    {schema, algorithms, kernels_sha256, measured, calculated, gamma, difference, agreement, points,
     tg218, process, shift, warnings}

The measured dose is the reference, differences are calculated - measured. No clock, no duration, no
name: the same job gives the same octets.
"""

from dataclasses import dataclass

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.dose_parts import (
    AgreementPart,
    DifferencePart,
    GammaPart,
    Tg218Part,
)
from encryptsecurert_protocol.dose_results import ComparedDose
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import DIGEST_BYTES, Fields
from encryptsecurert_protocol.limits import MIB
from encryptsecurert_protocol.measurement_parts import (
    MeasuredDose,
    PointsPart,
    ProcessPart,
    ShiftPart,
)

COMPARISON_SCHEMA = "encryptsecurert.measurement-comparison/1"
COMPARISON_NAME = "measurement-comparison"
MEASURED_NAME, GAMMA_NAME, DIFFERENCE_NAME = "measured", "gamma", "difference"
MAX_COMPARISON_BYTES = 16 * MIB
_MEMBERS = (
    *("schema", "algorithms", "kernels_sha256", "measured", "calculated", "gamma", "difference"),
    *("agreement", "points", "tg218", "process", "shift", "warnings"),
)
_WORD = r"[a-z0-9][a-z0-9_.+-]{0,95}"
_MAX_WORDS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasurementComparison:
    """All that a comparison with a measurement found.

    Attributes
    ----------
    algorithms : names with versions, as fixed words, ascending.
    kernels_sha256 : of the compiled kernels that computed it.
    gamma, tg218, shift : of a plane, if they were asked for.
    points : of points that were not made a plane, else None.
    process : if earlier results were given.
    warnings : fixed words.
    """

    algorithms: tuple[str, ...]
    kernels_sha256: str
    measured: MeasuredDose
    calculated: ComparedDose
    gamma: GammaPart | None
    difference: DifferencePart
    agreement: AgreementPart
    points: PointsPart | None
    tg218: Tg218Part | None
    process: ProcessPart | None
    shift: ShiftPart | None
    warnings: tuple[str, ...]

    def __post_init__(self) -> None:
        if (self.points is None) is not (self.measured.shape is not None):
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)

    def encode(self) -> bytes:
        """Return the canonical octets (E_TOO_LARGE)."""
        octets = canonical.encode(
            {
                "schema": COMPARISON_SCHEMA,
                "algorithms": list(self.algorithms),
                "kernels_sha256": self.kernels_sha256,
                "measured": self.measured.as_json(),
                "calculated": self.calculated.as_json(),
                "gamma": None if self.gamma is None else self.gamma.as_json(),
                "difference": self.difference.as_json(),
                "agreement": self.agreement.as_json(),
                "points": None if self.points is None else self.points.as_json(),
                "tg218": None if self.tg218 is None else self.tg218.as_json(),
                "process": None if self.process is None else self.process.as_json(),
                "shift": None if self.shift is None else self.shift.as_json(),
                "warnings": list(self.warnings),
            }
        )
        if len(octets) > MAX_COMPARISON_BYTES:
            raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
        return octets

    @classmethod
    def decode(cls, octets: bytes | bytearray) -> "MeasurementComparison":
        """Read a comparison strictly (E_FORMAT, E_TOO_LARGE)."""
        fields = Fields(canonical.decode(bytes(octets), MAX_COMPARISON_BYTES), _MEMBERS)
        fields.constant("schema", COMPARISON_SCHEMA)
        return cls(
            algorithms=_words(fields, "algorithms"),
            kernels_sha256=fields.hex("kernels_sha256", DIGEST_BYTES),
            measured=MeasuredDose.from_json(fields.object("measured")),
            calculated=ComparedDose.from_json(fields.object("calculated")),
            gamma=None if fields.is_null("gamma") else GammaPart.from_json(fields.object("gamma")),
            difference=DifferencePart.from_json(fields.object("difference")),
            agreement=AgreementPart.from_json(fields.object("agreement")),
            points=None
            if fields.is_null("points")
            else PointsPart.from_json(fields.object("points")),
            tg218=None if fields.is_null("tg218") else Tg218Part.from_json(fields.object("tg218")),
            process=None
            if fields.is_null("process")
            else ProcessPart.from_json(fields.object("process")),
            shift=None if fields.is_null("shift") else ShiftPart.from_json(fields.object("shift")),
            warnings=_words(fields, "warnings"),
        )


def _words(fields: Fields, name: str) -> tuple[str, ...]:
    items = fields.items(name, _MAX_WORDS)
    return tuple(Fields({"w": item}, ("w",)).text("w", _WORD) for item in items)
