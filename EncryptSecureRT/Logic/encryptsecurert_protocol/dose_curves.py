"""The result `curves` of `dose_compare`: cumulative dose-volume curves as float64.

frame `ESRTCUR1` with header {schema, curves: [{number, dose, points}]}; then, for each curve in
order, its doses in Gy, ascending, and as many fractions of the structure's volume that have at
least that dose, from 1 falling to 0. Little-endian.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import Fields
from encryptsecurert_protocol.framing import Magic, frame_head, unframe
from encryptsecurert_protocol.structures import MAX_NUMBER, MAX_STRUCTURES

CURVES_SCHEMA = "encryptsecurert.dvh-curves/1"
MAX_CURVE_POINTS = 1_000_000
_ITEM_BYTES = 8
_ENTRY = ("number", "dose", "points")


class CurveOf(Enum):
    """Under which dose a curve is."""

    REFERENCE = "reference"
    EVALUATED = "evaluated"


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedCurve:
    """A curve of one structure.

    Attributes
    ----------
    dose_gy, fraction : octets of float64, little-endian, as many of each.
    """

    number: int
    dose: CurveOf
    dose_gy: bytes | memoryview
    fraction: bytes | memoryview

    def __post_init__(self) -> None:
        size = memoryview(self.dose_gy).nbytes
        if size != memoryview(self.fraction).nbytes or size % _ITEM_BYTES:
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)
        if not 1 <= self.points <= MAX_CURVE_POINTS or not 1 <= self.number <= MAX_NUMBER:
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)

    @property
    def points(self) -> int:
        """How many points it has."""
        return memoryview(self.dose_gy).nbytes // _ITEM_BYTES


def pack_curves(curves: Sequence[PackedCurve]) -> bytes:
    """Return the octets of the result; no structure has two curves under one dose."""
    _refuse_doubled([(curve.number, curve.dose) for curve in curves])
    entries = [{"number": c.number, "dose": c.dose.value, "points": c.points} for c in curves]
    head = frame_head(Magic.CURVES, {"schema": CURVES_SCHEMA, "curves": entries})
    return head + b"".join(part for c in curves for part in (c.dose_gy, c.fraction))


def unpack_curves(octets: bytes | bytearray | memoryview) -> tuple[PackedCurve, ...]:
    """Return the curves, their numbers as views, refused unless they fit exactly (E_FORMAT)."""
    value, payload = unframe(Magic.CURVES, octets)
    fields = Fields(value, ("schema", "curves"))
    fields.constant("schema", CURVES_SCHEMA)
    curves: list[PackedCurve] = []
    start = 0
    for item in fields.items("curves", 2 * MAX_STRUCTURES):
        entry = Fields(item, _ENTRY)
        size = _ITEM_BYTES * entry.integer("points", 1, MAX_CURVE_POINTS)
        curves.append(
            PackedCurve(
                number=entry.integer("number", 1, MAX_NUMBER),
                dose=CurveOf(entry.text("dose", "|".join(d.value for d in CurveOf))),
                dose_gy=payload[start : start + size],
                fraction=payload[start + size : start + 2 * size],
            )
        )
        start += 2 * size
        if start > len(payload):
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)
    if start != len(payload):
        raise EncryptSecureRTError(ErrorCode.E_FORMAT)
    _refuse_doubled([(curve.number, curve.dose) for curve in curves])
    return tuple(curves)


def _refuse_doubled(names: Sequence[tuple[int, CurveOf]]) -> None:
    if len(set(names)) != len(names):
        raise EncryptSecureRTError(ErrorCode.E_FORMAT)
