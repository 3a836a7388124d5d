"""Digest of a clear data set in a form that survives what a PACS does to a file.

A PACS may write the same data set in another transfer syntax, with other encodings of lengths,
new file meta information, group lengths and trailing padding. So what is hashed is

    the top-level elements in ascending order, Explicit VR Little Endian, defined lengths,
    without file meta, group lengths, (FFFC,FFFC) and (0400,0500);
    bulk stands there as its head only (its VR as OW if it is OB), its octets have digests apart

Elements of an implicit data set take the VR of the dictionary. Whatever no writer makes (octets
in the reserved places, elements in disorder) is refused, so that no octet is without a digest.
"""

import hashlib

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.headers import HeaderRequest
from encryptsecurert_worker.dicom.protect.dictionary import LONG_VRS
from encryptsecurert_worker.dicom.protect.elements import Element, Header
from encryptsecurert_worker.dicom.protect.sealed import ENCRYPTED_ATTRIBUTES
from encryptsecurert_worker.dicom.protect.writing import (
    implied_vr,
    is_signed,
    write_head,
    write_sequence,
)

_TRAILING_PADDING = 0xFFFCFFFC


def clear_sha256(request: HeaderRequest, header: Header) -> str:
    """Return the digest of a protected file's clear data set, in hex.

    Parameters
    ----------
    request : HeaderRequest
        The file without its bulk; says where that was.
    header : Header
        The walked header of that request.

    Raises
    ------
    EncryptSecureRTError
        E_DICOM for what no writer makes.
    """
    form = _ClearForm(header, bulk_at(request))
    tags = list(header.elements)
    if tags != sorted(tags):
        raise EncryptSecureRTError(ErrorCode.E_DICOM)
    pieces = [
        form.write(element)
        for tag, element in header.elements.items()
        if tag not in (ENCRYPTED_ATTRIBUTES, _TRAILING_PADDING)
    ]
    return hashlib.sha256(b"".join(pieces)).hexdigest()


def bulk_at(request: HeaderRequest) -> dict[int, int]:
    """Return the length of each bulk range by the place in the header where it was cut out."""
    places: dict[int, int] = {}
    before = 0
    for one in request.bulk:
        places[one.offset - before] = one.length
        before += one.length
    return places


def check_reserved(header: Header, element: Element) -> None:
    """Refuse, with E_DICOM, an explicit element whose reserved octets are not zero."""
    if element.vr in LONG_VRS and header.octets[element.start + 6 : element.start + 8] != b"\0\0":
        raise EncryptSecureRTError(ErrorCode.E_DICOM)


class _ClearForm:
    """Writes elements of one header in the form that is hashed."""

    def __init__(self, header: Header, bulk: dict[int, int]) -> None:
        self._header = header
        self._bulk = bulk
        self._signed_pixels = is_signed(header)

    def write(self, element: Element) -> bytes:
        """Return one element's octets; of a group length, none."""
        tag, vr, start, value_at, value_end, end, items = element
        if tag & 0xFFFF == 0:
            return b""
        if vr in LONG_VRS:
            check_reserved(self._header, element)
        if vr and items is None and end == value_end and value_at not in self._bulk:
            return self._header.octets[start:end]  # as nearly all are, what it says is its form
        if items is not None:
            return write_sequence(tag, [b"".join(map(self.write, item)) for item in items])
        bulk = self._bulk.get(value_at)
        value = self._header.octets[value_at:value_end]
        length = len(value) if bulk is None else bulk
        vr = vr or implied_vr(tag, length, signed_pixels=self._signed_pixels)
        if bulk is not None:
            return write_head(tag, b"OW" if vr == b"OB" else vr, bulk)
        return write_head(tag, vr, len(value)) + value
