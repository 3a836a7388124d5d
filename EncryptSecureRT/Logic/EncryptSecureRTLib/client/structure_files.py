"""The contours of a protected RTSTRUCT, by ROI number; or a `structures` object from a scene.

No name leaves this computer: what protection or `segment` calls a structure, and its colour, stay
with the client; another name is not taken over, whatever marks a file has. Points, open curves and
contours of fewer than three points have no inside; they are passed over and counted, and so are
structures without any contour.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import RTStructureSetStorage

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import MIB
from encryptsecurert_protocol.structures import (
    MAX_CONTOURS,
    MAX_NUMBER,
    MAX_STRUCTURES,
    StructureEntry,
    StructureForm,
    StructuresHeader,
    unpack_structures,
)
from EncryptSecureRTLib.client.rt_files import Origin, nobody, one_file, origin_of
from EncryptSecureRTLib.client.series_headers import (
    PARSER_ERRORS,
    is_of_enclave,
    is_protected,
    reading_dicom,
)
from EncryptSecureRTLib.client.structures import TERMS, Colour
from EncryptSecureRTLib.client.upload import Content
from EncryptSecureRTLib.client.volume_file import read_octets

_MOST_BYTES = 256 * MIB
_CONTOUR_DATA = 0x30060050
_CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR", "CLOSED_PLANAR_XOR")
_DECIMALS = re.compile(rb"[0-9eE+\-. \\\0]*\Z")
_MOST_MM = 1e6
_LABELS = frozenset(term.label for term in TERMS.values())  # that `segment` writes
Points = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShownStructure:
    """How one structure is told and drawn.

    Attributes
    ----------
    number : ROINumber.
    shown_name : what protection calls it, `ROI_7`, or a label of `segment`; never another name.
    colour : RGB, 0 to 255; None if there is none.
    contours : closed polygons, each float64 (n, 3) LPS in mm, n >= 3; none of a mask.
    """

    number: int
    shown_name: str = field(repr=False)
    colour: Colour | None
    contours: tuple[Points, ...] = field(repr=False, default=())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StructureFile:
    """The structures of one file that have an inside.

    Attributes
    ----------
    origin : with the structure set's UID; empty there if masks came from a scene.
    structures : in order of number, none of them empty.
    empty : numbers of those without a closed contour.
    skipped : how many contours of each geometric type were passed over.
    """

    origin: Origin = field(repr=False)
    structures: tuple[ShownStructure, ...]
    empty: tuple[int, ...]
    skipped: Mapping[str, int]
    _object: bytearray | None = field(repr=False, default=None)

    def content(self) -> Content:
        """Return the octets of the `structures` object."""
        if self._object is not None:
            return Content([self._object])
        header = StructuresHeader(
            frame_of_reference=self.origin.frame_of_reference_uid,
            structure_set=self.origin.sop_instance_uid,
            grid=None,
            structures=tuple(
                StructureEntry(
                    number=one.number,
                    form=StructureForm.CONTOURS,
                    points=tuple(len(points) for points in one.contours),
                )
                for one in self.structures
            ),
        )
        contours = [points for one in self.structures for points in one.contours]
        payload = np.concatenate(contours).astype("<f8", order="C")
        return Content([header.frame_head(), payload.data])


def read_structures(source: Path, only: Collection[int] = ()) -> StructureFile:
    """Return the contours of a protected RTSTRUCT, or of the only one in a folder.

    One that a worker made of protected input, as `segment` writes, is as good.

    Parameters
    ----------
    only : ROI numbers to read; all if empty.

    Raises
    ------
    EncryptSecureRTError
        E_LOCAL_FILE, E_NO_DICOM, E_MIXED_SERIES (several files), E_DICOM, E_NOT_PROTECTED,
        E_MISSING_UID, E_TOO_LARGE; E_STRUCTURES (no structure has an inside, a number is there
        twice or not at all, or they are of different frames of reference).
    """
    path = one_file(source, RTStructureSetStorage, "structure set", _MOST_BYTES)
    with reading_dicom():
        ds = dcmread(path)
        if not is_protected(ds) and not is_of_enclave(ds):
            detail = "a structure set must be protected first"
            raise EncryptSecureRTError(ErrorCode.E_NOT_PROTECTED, detail)
        return _structures(ds, only)


def read_structures_object(source: Path) -> StructureFile:
    """Return the structures in a file of a `structures` object, as a scene writes it.

    Raises
    ------
    EncryptSecureRTError
        E_LOCAL_FILE, E_TOO_LARGE, E_FORMAT (no such file).
    """
    octets = read_octets(source)
    header, _ = unpack_structures(octets)
    return StructureFile(
        origin=nobody(header.structure_set or "", header.frame_of_reference),
        structures=tuple(
            ShownStructure(number=one.number, shown_name=f"ROI_{one.number}", colour=None)
            for one in header.structures
        ),
        empty=(),
        skipped={},
        _object=octets,
    )


def _structures(ds: Dataset, only: Collection[int]) -> StructureFile:
    rois = {int(item.ROINumber): item for item in ds.get("StructureSetROISequence") or ()}
    if len(rois) != len(ds.get("StructureSetROISequence") or ()):
        raise EncryptSecureRTError(ErrorCode.E_STRUCTURES, "a number is there twice")
    if not all(1 <= number <= MAX_NUMBER for number in rois):
        raise EncryptSecureRTError(ErrorCode.E_STRUCTURES, "a number is not positive")
    if not set(only) <= set(rois):
        raise EncryptSecureRTError(ErrorCode.E_STRUCTURES, "a number that was chosen is not there")
    chosen = {number: item for number, item in rois.items() if not only or number in only}
    frames = {str(item.ReferencedFrameOfReferenceUID) for item in chosen.values()}
    if len(frames) != 1:
        detail = "they are of no or of several frames of reference"
        raise EncryptSecureRTError(ErrorCode.E_STRUCTURES, detail)
    skipped: Counter[str] = Counter()
    drawn = {
        int(item.ReferencedROINumber): item
        for item in ds.get("ROIContourSequence") or ()
        if int(item.ReferencedROINumber) in chosen
    }
    found = [
        ShownStructure(
            number=number,
            shown_name=_shown_name(roi, number),
            colour=_colour(drawn.get(number)),
            contours=_closed_contours(drawn.get(number), skipped),
        )
        for number, roi in sorted(chosen.items())
    ]
    with_inside = tuple(one for one in found if one.contours)
    if not with_inside:
        raise EncryptSecureRTError(ErrorCode.E_STRUCTURES, "none of them has a closed contour")
    if (
        len(with_inside) > MAX_STRUCTURES
        or sum(len(one.contours) for one in with_inside) > MAX_CONTOURS
    ):
        raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE, "choose some of the structures")
    return StructureFile(
        origin=origin_of(ds, frames.pop()),
        structures=with_inside,
        empty=tuple(one.number for one in found if not one.contours),
        skipped=dict(sorted(skipped.items())),
    )


def _shown_name(roi: Dataset, number: int) -> str:
    """Return a name that a worker writes, else the number: whoever sets the marks can write any."""
    said = str(roi.get("ROIName") or "")
    return said if said in _LABELS else f"ROI_{number}"


def _closed_contours(item: Dataset | None, skipped: Counter[str]) -> tuple[Points, ...]:
    contours = []
    for contour in () if item is None else item.get("ContourSequence") or ():
        kind = str(contour.get("ContourGeometricType") or "")
        points = _points(contour)
        if kind not in _CLOSED:
            skipped[kind if kind.replace("_", "").isalpha() else "UNKNOWN"] += 1
        elif len(points) < 3:
            skipped["FEWER_THAN_3_POINTS"] += 1
        else:
            contours.append(points)
    return tuple(contours)


def _points(contour: Dataset) -> Points:
    """Return the points (n, 3), read from the octets: pydicom's decimal objects take minutes."""
    raw = contour.get_item(_CONTOUR_DATA)
    value = b"" if raw is None else raw.value or b""
    if not isinstance(value, bytes) or not _DECIMALS.match(value):
        raise EncryptSecureRTError(ErrorCode.E_DICOM)
    text = value.rstrip(b" \0")
    numbers = np.array(text.split(b"\\") if text else [], dtype=np.bytes_).astype(np.float64)
    if numbers.size % 3 or numbers.size != 3 * int(contour.NumberOfContourPoints):
        raise EncryptSecureRTError(ErrorCode.E_DICOM, "a contour has another count of points")
    if not (np.abs(numbers) < _MOST_MM).all():
        raise EncryptSecureRTError(ErrorCode.E_STRUCTURES, "a point is out of bounds")
    return numbers.reshape(-1, 3)


def _colour(item: Dataset | None) -> Colour | None:
    try:
        value = () if item is None else item.get("ROIDisplayColor") or ()
        red, green, blue = (min(255, max(0, int(part))) for part in value)
    except PARSER_ERRORS:
        return None
    return red, green, blue
