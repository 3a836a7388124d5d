"""What a scene shows of a result: a private folder with masks and one small file, no DICOM.

    segments.json     canonical JSON {schema, geometry, structures}
    segment-<n>.npy   mask of the n-th structure: uint8, 0 or 1, (k, j, i), C order, cut to its box

    geometry     {shape, spacing_mm, origin_lps_mm, direction} as in a volume's header, fractions
                 as text; null if nothing was found, for then there is no Segmentation to tell it
    structures   [{key, label, colour, offset_kji, shape_kji, volume_cc, touches_border, file}],
                 as asked; of one that was not found, the box is empty and `file` is null

The client writes such a folder for the program that started it (see display_writer.py), which
reads it with `read_display`. Nothing in it names a patient, but the voxels are in clear.
"""

import io
import math
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.canonical import fraction_from_text, fraction_text
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import Fields
from encryptsecurert_protocol.limits import LIMITS
from EncryptSecureRTLib.attest.localfiles import read_whole
from EncryptSecureRTLib.client.grid import Counts, Vector, VoxelGrid
from EncryptSecureRTLib.client.structures import Colour

SEGMENTS_FILE = "segments.json"
_SCHEMA = "encryptsecurert.display/1"
_MEMBERS = ("schema", "geometry", "structures")
_GEOMETRY = ("shape", "spacing_mm", "origin_lps_mm", "direction")
_STRUCTURE = ("key label colour offset_kji shape_kji volume_cc touches_border file").split()
_KEY, _LABEL = r"[a-z][a-z0-9_]{0,31}", r"[A-Za-z0-9_]{1,16}"
_MOST_STRUCTURES = 64
_MOST_VOXELS = LIMITS.object_bytes // 2  # of a CT that can be sent
_MOST_EDGE = 4096  # of a volume on the wire
_NOWHERE = (0, 0, 0)
T = TypeVar("T")


def _refuse_unless(condition: object) -> None:
    if not condition:
        raise EncryptSecureRTError(ErrorCode.E_FORMAT)


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayStructure:
    """One structure; its voxels stay on the disk until `mask` is called.

    Attributes
    ----------
    key, label : as it was asked for (``lung_left``), and its TG-263 name (``Lung_L``).
    colour : RGB, 0 to 255.
    offset_kji, shape_kji : the box of the mask in the grid, all 0 if nothing was found.
    volume_cc : as the receipt says.
    touches_border : whether it reaches an outermost voxel of the grid, and so may be cut off.
    path : where the mask is; None if nothing was found.

    Raises
    ------
    EncryptSecureRTError
        E_FORMAT if a member is not of its form, or two contradict each other.
    """

    key: str
    label: str
    colour: Colour
    offset_kji: Counts
    shape_kji: Counts
    volume_cc: float
    touches_border: bool
    path: Path | None

    def __post_init__(self) -> None:
        _refuse_unless(re.fullmatch(_KEY, self.key) and re.fullmatch(_LABEL, self.label))
        _refuse_unless(all(0 <= part <= 255 for part in self.colour))
        _refuse_unless(0 <= self.volume_cc < math.inf)
        _refuse_unless(min(*self.offset_kji, *self.shape_kji) >= 0)
        if self.path is None:
            _refuse_unless(self.offset_kji == self.shape_kji == _NOWHERE)
            _refuse_unless(not self.touches_border)
        else:
            _refuse_unless(min(self.shape_kji) >= 1)

    def mask(self) -> npt.NDArray[np.uint8]:
        """Return the voxels of the box, 0 or 1, uint8 (k, j, i); of shape (0, 0, 0) if empty.

        Raises
        ------
        EncryptSecureRTError
            E_LOCAL_FILE if the file is not exactly a mask of that shape.
        """
        path = self.path
        if path is None:
            return np.zeros(_NOWHERE, np.uint8)
        return _undamaged(lambda: _read_mask(path, self.shape_kji))


@dataclass(frozen=True, slots=True, kw_only=True)
class Display:
    """The structures of one result, in the order in which they were asked for.

    `grid` is that of the CT; None if and only if none of the structures was found.
    """

    grid: VoxelGrid | None
    structures: tuple[DisplayStructure, ...]

    def __post_init__(self) -> None:
        _refuse_unless(1 <= len(self.structures) <= _MOST_STRUCTURES)
        _refuse_unless(len({one.key for one in self.structures}) == len(self.structures))
        _refuse_unless(len({one.label for one in self.structures}) == len(self.structures))
        found = [one for one in self.structures if one.path is not None]
        _refuse_unless((self.grid is None) == (not found))
        if self.grid is not None:
            _refuse_unless(self.grid.voxels <= _MOST_VOXELS)
            for one in found:
                box = (one.offset_kji, one.shape_kji, self.grid.shape)
                _refuse_unless(
                    all(start + n <= whole for start, n, whole in zip(*box, strict=True))
                )
                _refuse_unless(one.touches_border == touches_border(*box))

    def encode(self) -> bytes:
        """Return the octets of `segments.json`."""
        grid = self.grid
        return canonical.encode(
            {
                "schema": _SCHEMA,
                "geometry": None
                if grid is None
                else {
                    "shape": list(grid.shape),
                    "spacing_mm": [fraction_text(v) for v in grid.spacing_mm],
                    "origin_lps_mm": [fraction_text(v) for v in grid.origin_lps_mm],
                    "direction": [fraction_text(v) for v in grid.direction],
                },
                "structures": [
                    {
                        "key": one.key,
                        "label": one.label,
                        "colour": list(one.colour),
                        "offset_kji": list(one.offset_kji),
                        "shape_kji": list(one.shape_kji),
                        "volume_cc": fraction_text(one.volume_cc),
                        "touches_border": one.touches_border,
                        "file": None if one.path is None else one.path.name,
                    }
                    for one in self.structures
                ],
            }
        )


def read_display(folder: Path) -> Display:
    """Return what is in a folder; the masks are read one by one, when they are asked for.

    Raises
    ------
    EncryptSecureRTError
        E_LOCAL_FILE if there is anything but what `display_writer` writes.
    """
    return _undamaged(lambda: _read(folder))


def mask_path(folder: Path, n: int) -> Path:
    """Return where the mask of the n-th structure lies, counted from 1."""
    return folder / f"segment-{n}.npy"


def touches_border(offset_kji: Counts, shape_kji: Counts, whole: Counts) -> bool:
    """Tell whether a box reaches an outermost voxel of a grid of shape `whole`."""
    axes = zip(offset_kji, shape_kji, whole, strict=True)
    return any(start == 0 or start + n == count for start, n, count in axes)


def _undamaged(read: Callable[[], T]) -> T:
    try:
        return read()
    except (OSError, EncryptSecureRTError):
        detail = "the display folder is damaged or foreign"
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, detail) from None


def _read(folder: Path) -> Display:
    octets = read_whole(folder / SEGMENTS_FILE, LIMITS.json_line_bytes)
    fields = Fields(canonical.decode(octets or b""), _MEMBERS)
    fields.constant("schema", _SCHEMA)
    display = Display(
        grid=None if fields.is_null("geometry") else _grid(fields.child("geometry", _GEOMETRY)),
        structures=tuple(
            _structure(Fields(value, _STRUCTURE), mask_path(folder, n))
            for n, value in enumerate(fields.items("structures", _MOST_STRUCTURES, 1), 1)
        ),
    )
    masks = {one.path for one in display.structures if one.path is not None}
    _refuse_unless(set(folder.iterdir()) == {folder / SEGMENTS_FILE, *masks})
    return display


def _grid(fields: Fields) -> VoxelGrid:
    return VoxelGrid(
        shape=_counts(fields, "shape", _MOST_EDGE),
        spacing_mm=_vector(fields, "spacing_mm"),
        origin_lps_mm=_vector(fields, "origin_lps_mm"),
        direction=tuple(map(fraction_from_text, fields.items("direction", 9, 9))),
    )


def _structure(fields: Fields, path: Path) -> DisplayStructure:
    if not fields.is_null("file"):
        fields.constant("file", path.name)
    return DisplayStructure(
        key=fields.text("key", _KEY),
        label=fields.text("label", _LABEL),
        colour=_counts(fields, "colour", 255),
        offset_kji=_counts(fields, "offset_kji", _MOST_EDGE),
        shape_kji=_counts(fields, "shape_kji", _MOST_EDGE),
        volume_cc=fraction_from_text(fields.text("volume_cc", r"[0-9.e+-]+")),
        touches_border=fields.boolean("touches_border"),
        path=None if fields.is_null("file") else path,
    )


def _counts(fields: Fields, name: str, most: int) -> Counts:
    a, b, c = (Fields({"n": n}, ("n",)).integer("n", 0, most) for n in fields.items(name, 3, 3))
    return a, b, c


def _vector(fields: Fields, name: str) -> Vector:
    a, b, c = map(fraction_from_text, fields.items(name, 3, 3))
    return a, b, c


def _read_mask(path: Path, shape: Counts) -> npt.NDArray[np.uint8]:
    """Read what numpy writes for this shape and nothing else: its header is compared, not parsed.

    So no file says how much memory to take, and none brings objects.
    """
    head = io.BytesIO()
    member: dict[str, Any] = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(head, member)
    with path.open("rb") as file:
        size = math.prod(shape)
        _refuse_unless(os.fstat(file.fileno()).st_size == head.tell() + size)
        _refuse_unless(file.read(head.tell()) == head.getvalue())
        mask = np.fromfile(file, np.uint8, size)
    _refuse_unless(mask.size == size and mask.max() == 1)
    return mask.reshape(shape)
