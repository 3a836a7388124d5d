"""Contours as the octets of sequence items, Implicit VR Little Endian (PS3.5 7.5, A.1).

A skeleton has tens of thousands of contours. As data set objects they take half a millisecond
and 30 KB each, most of it for decimal-string objects; as octets they cost what their text does,
and writing the file is copying. pydicom takes them as a sequence that it has not decoded yet.
"""

import struct
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from pydicom.charset import default_encoding
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag

_CONTOUR_SEQUENCE = Tag(0x3006, 0x0040)
_ITEM = Tag(0xFFFE, 0xE000)
_REFERENCED_SOP_CLASS_UID = Tag(0x0008, 0x1150)
_REFERENCED_SOP_INSTANCE_UID = Tag(0x0008, 0x1155)
_CONTOUR_IMAGE_SEQUENCE = Tag(0x3006, 0x0016)
_CONTOUR_GEOMETRIC_TYPE = Tag(0x3006, 0x0042)
_NUMBER_OF_CONTOUR_POINTS = Tag(0x3006, 0x0046)
_CONTOUR_NUMBER = Tag(0x3006, 0x0048)
_CONTOUR_DATA = Tag(0x3006, 0x0050)


def contour_item(
    points_lps_mm: npt.NDArray[np.float64],
    *,
    number: int,
    sop_class_uid: str,
    sop_instance_uid: str,
) -> bytes:
    """Return the item of one CLOSED_PLANAR contour (C.8.8.6).

    Parameters
    ----------
    points_lps_mm : float64 (n, 3)
        Vertices, open; written to 1e-4 mm.
    number : int
        Contour number within its ROI, from 1.
    sop_class_uid, sop_instance_uid : str
        The slice that the contour lies on.
    """
    image = _text(_REFERENCED_SOP_CLASS_UID, sop_class_uid, pad=b"\0") + _text(
        _REFERENCED_SOP_INSTANCE_UID, sop_instance_uid, pad=b"\0"
    )
    return _element(
        _ITEM,
        _element(_CONTOUR_IMAGE_SEQUENCE, _element(_ITEM, image))
        + _text(_CONTOUR_GEOMETRIC_TYPE, "CLOSED_PLANAR")
        + _text(_NUMBER_OF_CONTOUR_POINTS, str(len(points_lps_mm)))
        + _text(_CONTOUR_NUMBER, str(number))
        + _text(_CONTOUR_DATA, _decimal_strings(points_lps_mm)),
    )


def set_contours(ds: Dataset, items: Sequence[bytes]) -> None:
    """Make such items the Contour Sequence of an item of ROI Contour."""
    octets = b"".join(items)
    ds[_CONTOUR_SEQUENCE] = RawDataElement(
        _CONTOUR_SEQUENCE, "SQ", len(octets), octets, 0, True, True
    )
    mark_as_encoded(ds)


def mark_as_encoded(ds: Dataset) -> None:
    """Have pydicom write undecoded elements of a data set, and of those in it, as they are."""
    ds.set_original_encoding(True, True, default_encoding)


def _decimal_strings(points_lps_mm: npt.NDArray[np.float64]) -> str:
    # Adding zero turns -0.0 into 0.0, so that it has one form.
    numbers = (np.round(points_lps_mm, 4) + 0.0).ravel().tolist()
    return "\\".join(["%.4f"] * len(numbers)) % tuple(numbers)


def _text(tag: BaseTag, text: str, pad: bytes = b" ") -> bytes:
    octets = text.encode("ascii")
    return _element(tag, octets + pad * (len(octets) % 2))


def _element(tag: BaseTag, value: bytes) -> bytes:
    return struct.pack("<HHI", tag.group, tag.element, len(value)) + value
