"""Structures on the wire: contours or masks by number, without any name.

frame `ESRTSTR1` with header {schema, frame_of_reference, structure_set, grid, structures} and the
octets of each structure in order: float64 x, y, z of contour points in LPS mm, or the bits of a
mask in C order (k, j, i), lowest bit first.

What stands here fits the form. Whether contours are planar and coordinates finite is seen by
whoever computes with them (E_STRUCTURES).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from encryptsecurert_protocol.canonical import fraction_from_text, fraction_text
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import Fields
from encryptsecurert_protocol.framing import Magic, frame_head, unframe
from encryptsecurert_protocol.limits import GIB, LIMITS
from encryptsecurert_protocol.volumes import (
    MAPPED_UID,
    MAX_EDGE,
    MAX_ORIGIN_MM,
    MAX_SPACING_MM,
    MIN_SPACING_MM,
)

STRUCTURES_SCHEMA = "encryptsecurert.structures/1"
MAX_STRUCTURES = 256
MAX_CONTOURS = 65_536  # of all structures together
MAX_NUMBER = 2**31 - 1  # ROI Number is an integer string (PS3.5 6.2)
MAX_PAYLOAD_BYTES = GIB
MAX_STRUCTURES_BYTES = MAX_PAYLOAD_BYTES + LIMITS.header_bytes + 12  # with the frame's head
_MIN_POINTS, _MAX_POINTS = 3, 1_000_000
_POINT_BYTES = 24
_MEMBERS = ("schema", "frame_of_reference", "structure_set", "grid", "structures")
_GRID = ("shape", "spacing_mm", "origin_mm", "direction")
_STRUCTURE = ("number", "form", "points")


class StructureForm(Enum):
    """How a structure is told."""

    CONTOURS = "contours"
    MASK = "mask"


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskGrid:
    """Where the voxels of all masks are, as in `VolumeHeader`.

    Attributes
    ----------
    shape, spacing_mm : (k, j, i).
    origin_mm : LPS (x, y, z) of the centre of voxel (0, 0, 0).
    direction : 9 numbers, row-major; the columns are the axes i, j, k in LPS.
    """

    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float]
    direction: tuple[float, ...]

    def __post_init__(self) -> None:
        lengths = (len(self.shape), len(self.spacing_mm), len(self.origin_mm), len(self.direction))
        if lengths != (3, 3, 3, 9) or not all(map(math.isfinite, self.direction)):
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)
        if any(not 1 <= n <= MAX_EDGE for n in self.shape):
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)
        if any(not MIN_SPACING_MM <= s <= MAX_SPACING_MM for s in self.spacing_mm):
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)
        if any(not abs(x) <= MAX_ORIGIN_MM for x in self.origin_mm):
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)

    @property
    def voxels(self) -> int:
        """How many voxels a mask has."""
        return math.prod(self.shape)

    def as_json(self) -> dict[str, Any]:
        """Return the grid's members."""
        return {
            "shape": list(self.shape),
            "spacing_mm": [fraction_text(v) for v in self.spacing_mm],
            "origin_mm": [fraction_text(v) for v in self.origin_mm],
            "direction": [fraction_text(v) for v in self.direction],
        }

    @classmethod
    def from_json(cls, value: object) -> "MaskGrid":
        """Read the grid strictly."""
        fields = Fields(value, _GRID)
        shape = [_integer(n, 1, MAX_EDGE) for n in fields.items("shape", 3, 3)]
        spacing = [fraction_from_text(t) for t in fields.items("spacing_mm", 3, 3)]
        origin = [fraction_from_text(t) for t in fields.items("origin_mm", 3, 3)]
        return cls(
            shape=(shape[0], shape[1], shape[2]),
            spacing_mm=(spacing[0], spacing[1], spacing[2]),
            origin_mm=(origin[0], origin[1], origin[2]),
            direction=tuple(fraction_from_text(t) for t in fields.items("direction", 9, 9)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StructureEntry:
    """One structure.

    Attributes
    ----------
    number : as in the structure set (ROI Number); what results call the structure.
    points : how many points each contour has; None for a mask.
    """

    number: int
    form: StructureForm
    points: tuple[int, ...] | None

    def __post_init__(self) -> None:
        if not 1 <= self.number <= MAX_NUMBER:
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)
        if (self.form is StructureForm.MASK) is not (self.points is None):
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)
        if self.points is not None and not self.points:
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)
        if any(not _MIN_POINTS <= n <= _MAX_POINTS for n in self.points or ()):
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)

    def as_json(self) -> dict[str, Any]:
        """Return the structure's members."""
        points = None if self.points is None else list(self.points)
        return {"number": self.number, "form": self.form.value, "points": points}

    @classmethod
    def from_json(cls, value: object) -> "StructureEntry":
        """Read the structure strictly."""
        fields = Fields(value, _STRUCTURE)
        points = None
        if not fields.is_null("points"):
            counts = fields.items("points", MAX_CONTOURS, 1)
            points = tuple(_integer(n, _MIN_POINTS, _MAX_POINTS) for n in counts)
        return cls(
            number=fields.integer("number", 1, MAX_NUMBER),
            form=StructureForm(fields.text("form", "|".join(f.value for f in StructureForm))),
            points=points,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StructuresHeader:
    """What the octets of an object of structures are.

    Attributes
    ----------
    frame_of_reference : mapped UID.
    structure_set : mapped SOP instance UID of the RT Structure Set, or None.
    grid : of all masks; None if and only if no structure is a mask.
    structures : 1 to 256, no number twice.
    """

    frame_of_reference: str
    structure_set: str | None
    grid: MaskGrid | None
    structures: tuple[StructureEntry, ...]

    def __post_init__(self) -> None:
        numbers = {entry.number for entry in self.structures}
        if not 1 <= len(self.structures) <= MAX_STRUCTURES:
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)
        if len(numbers) != len(self.structures):
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)
        masks = any(entry.form is StructureForm.MASK for entry in self.structures)
        if masks is (self.grid is None):
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)
        contours = sum(len(entry.points or ()) for entry in self.structures)
        if contours > MAX_CONTOURS or sum(self.sizes_bytes) > MAX_PAYLOAD_BYTES:
            raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)

    @property
    def sizes_bytes(self) -> tuple[int, ...]:
        """Octets of each structure in the payload."""
        mask_bytes = 0 if self.grid is None else -(-self.grid.voxels // 8)
        return tuple(
            mask_bytes if entry.points is None else _POINT_BYTES * sum(entry.points)
            for entry in self.structures
        )

    def frame_head(self) -> bytes:
        """Return the octets that stand before those of the first structure."""
        return frame_head(
            Magic.STRUCTURES,
            {
                "schema": STRUCTURES_SCHEMA,
                "frame_of_reference": self.frame_of_reference,
                "structure_set": self.structure_set,
                "grid": None if self.grid is None else self.grid.as_json(),
                "structures": [entry.as_json() for entry in self.structures],
            },
        )


def pack_structures(header: StructuresHeader, payloads: Sequence[bytes | memoryview]) -> bytes:
    """Return the octets of an object of structures: contour points or mask bits in order."""
    if tuple(memoryview(payload).nbytes for payload in payloads) != header.sizes_bytes:
        raise EncryptSecureRTError(ErrorCode.E_FORMAT)
    packed = header.frame_head() + b"".join(payloads)
    unpack_structures(packed)  # what a reader refuses is never sent
    return packed


def unpack_structures(
    octets: bytes | bytearray | memoryview,
) -> tuple[StructuresHeader, tuple[memoryview, ...]]:
    """Return (header, the octets of each structure as views), refused unless they fit exactly.

    Raises
    ------
    EncryptSecureRTError
        E_FORMAT; E_TOO_LARGE for more contours or octets than the limits.
    """
    if len(octets) > MAX_STRUCTURES_BYTES:
        raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
    value, payload = unframe(Magic.STRUCTURES, octets)
    fields = Fields(value, _MEMBERS)
    fields.constant("schema", STRUCTURES_SCHEMA)
    header = StructuresHeader(
        frame_of_reference=fields.text("frame_of_reference", MAPPED_UID, 64),
        structure_set=None
        if fields.is_null("structure_set")
        else fields.text("structure_set", MAPPED_UID, 64),
        grid=None if fields.is_null("grid") else MaskGrid.from_json(fields.object("grid")),
        structures=tuple(
            StructureEntry.from_json(item) for item in fields.items("structures", MAX_STRUCTURES, 1)
        ),
    )
    if sum(header.sizes_bytes) != len(payload):
        raise EncryptSecureRTError(ErrorCode.E_FORMAT)
    parts: list[memoryview] = []
    start = 0
    for entry, size in zip(header.structures, header.sizes_bytes, strict=True):
        part = payload[start : start + size]
        if entry.points is None and header.grid is not None:
            _refuse_spare_bits(part, header.grid.voxels)
        parts.append(part)
        start += size
    return header, tuple(parts)


def _refuse_spare_bits(mask: memoryview, voxels: int) -> None:
    used = voxels % 8
    if used and mask[-1] >> used:
        raise EncryptSecureRTError(ErrorCode.E_FORMAT)


def _integer(value: object, low: int, high: int) -> int:
    return Fields({"n": value}, ("n",)).integer("n", low, high)
