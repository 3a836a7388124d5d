"""Volumes on the wire: a header without free text, then little-endian octets in C order."""

import math
from dataclasses import dataclass

from encryptsecurert_protocol.canonical import fraction_from_text, fraction_text
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import Fields
from encryptsecurert_protocol.framing import Magic, frame_head, unframe
from encryptsecurert_protocol.limits import LIMITS

MAPPED_UID = r"2\.25\.(0|[1-9][0-9]{0,38})"
_ITEM_BYTES = {"int16": 2, "uint8": 1, "float32": 4, "float64": 8}
_QUANTITIES = {
    "ct_number": "HU",
    "dose": "Gy",
    "label": "1",
    "gamma": "1",
    "dose_difference": "Gy",
}
# A float32 dose would round away what the receipt's digests and figures stand for. Of these two
# results, and of nothing else, a voxel may be NaN: nothing was evaluated there.
_DTYPES = {"dose": "float64", "gamma": "float32", "dose_difference": "float64"}
_MEMBERS = (
    "shape dtype spacing_mm origin_mm direction quantity unit frame_of_reference slice_uids"
).split()
MAX_EDGE = 4096
# Of any scanner and dose grid, with room. The worker turns reaches in mm into counts of voxels: a
# spacing without bounds would be work without bounds for whoever takes the volume.
MIN_SPACING_MM, MAX_SPACING_MM = 0.05, 100.0
MAX_ORIGIN_MM = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeHeader:
    """Geometry and meaning of a volume.

    Attributes
    ----------
    shape, spacing_mm : (k, j, i); spacing 0.05 to 100 mm.
    origin_mm : LPS (x, y, z) of the centre of voxel (0, 0, 0), each within 1e6 mm.
    direction : 9 numbers, row-major; the columns are the axes i, j, k in LPS.
    frame_of_reference, slice_uids : mapped UIDs; one SOP instance UID for each k.
    """

    shape: tuple[int, int, int]
    dtype: str
    spacing_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float]
    direction: tuple[float, ...]
    quantity: str
    unit: str
    frame_of_reference: str
    slice_uids: tuple[str, ...]

    def __post_init__(self) -> None:
        known = self.dtype in _ITEM_BYTES and _QUANTITIES.get(self.quantity) == self.unit
        known = known and _DTYPES.get(self.quantity, self.dtype) == self.dtype
        numbers = (*self.spacing_mm, *self.origin_mm, *self.direction)
        if not known or len(self.direction) != 9 or not all(map(math.isfinite, numbers)):
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)
        if any(not 1 <= n <= MAX_EDGE for n in self.shape):
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)
        if any(not MIN_SPACING_MM <= s <= MAX_SPACING_MM for s in self.spacing_mm):
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)
        if any(abs(x) > MAX_ORIGIN_MM for x in self.origin_mm):
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)
        if len(self.slice_uids) != self.shape[0]:
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)
        if self.size_bytes > LIMITS.object_bytes:
            raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)

    @property
    def size_bytes(self) -> int:
        """Octets that must follow the header."""
        return math.prod(self.shape) * _ITEM_BYTES[self.dtype]

    def frame_head(self) -> bytes:
        """Return the octets that stand before the voxels."""
        return frame_head(
            Magic.VOLUME,
            {
                "shape": list(self.shape),
                "dtype": self.dtype,
                "spacing_mm": [fraction_text(v) for v in self.spacing_mm],
                "origin_mm": [fraction_text(v) for v in self.origin_mm],
                "direction": [fraction_text(v) for v in self.direction],
                "quantity": self.quantity,
                "unit": self.unit,
                "frame_of_reference": self.frame_of_reference,
                "slice_uids": list(self.slice_uids),
            },
        )


def unpack_volume(octets: bytes | bytearray | memoryview) -> tuple[VolumeHeader, memoryview]:
    """Return (header, voxel octets) of a framed volume, refused unless they fit exactly."""
    value, payload = unframe(Magic.VOLUME, octets)
    fields = Fields(value, _MEMBERS)
    shape = [_integer(n) for n in fields.items("shape", 3, 3)]
    spacing = [fraction_from_text(t) for t in fields.items("spacing_mm", 3, 3)]
    origin = [fraction_from_text(t) for t in fields.items("origin_mm", 3, 3)]
    uids = fields.items("slice_uids", MAX_EDGE, 1)
    header = VolumeHeader(
        shape=(shape[0], shape[1], shape[2]),
        dtype=fields.text("dtype", "|".join(_ITEM_BYTES)),
        spacing_mm=(spacing[0], spacing[1], spacing[2]),
        origin_mm=(origin[0], origin[1], origin[2]),
        direction=tuple(fraction_from_text(t) for t in fields.items("direction", 9, 9)),
        quantity=fields.text("quantity", "|".join(_QUANTITIES)),
        unit=fields.text("unit", "|".join(sorted(set(_QUANTITIES.values())))),
        frame_of_reference=fields.text("frame_of_reference", MAPPED_UID, 64),
        slice_uids=tuple(Fields({"u": u}, ("u",)).text("u", MAPPED_UID, 64) for u in uids),
    )
    if header.size_bytes != len(payload):
        raise EncryptSecureRTError(ErrorCode.E_FORMAT)
    return header, payload


def _integer(value: object) -> int:
    return Fields({"n": value}, ("n",)).integer("n", 1, MAX_EDGE)
