"""What a protected file says of itself: its place in a study, and the digests of a manifest.

docs/protocol.md section 27 has the form that is hashed. It survives what a PACS does to a file:
another transfer syntax, other encodings of lengths, new file meta information, group lengths,
trailing padding. The worker computes the same before it opens anything; here it is computed to
tell, without any key, that a file is octet for octet what a manifest names, so that nothing was
put into its clear part afterwards.
"""

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from encryptsecurert_protocol.manifests import ManifestEntry
from encryptsecurert_protocol.offline import MAX_OFFLINE
from EncryptSecureRTLib.client.dicomfiles import SplitFile
from EncryptSecureRTLib.client.dicomfiles.walker import LONG_VRS, SHORT_VRS
from EncryptSecureRTLib.client.pacs.elements import (
    Element,
    Elements,
    read_elements,
    refuse,
    vr_in_dictionary,
)

_SEALED, _SYNTAX, _CONTENT = 0x04000500, 0x04000510, 0x04000520
_TRAILING_PADDING = 0xFFFCFFFC
_PATIENT_ID, _STUDY, _SERIES = 0x00100020, 0x0020000D, 0x0020000E
_SOP_CLASS, _SOP_INSTANCE = 0x00080016, 0x00080018
_PIXEL_REPRESENTATION = 0x00280103
_MAX_SHORT = 0xFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectedForm:
    """A protected file as its octets say it is; nothing is compared yet.

    Attributes
    ----------
    entry : what a manifest has to say of it.
    syntax : transfer syntax of its data set, which begins at `start`.
    """

    entry: ManifestEntry
    study: str
    series: str
    patient: str
    sop_class: str
    syntax: str
    start: int


def protected_form(split: SplitFile) -> ProtectedForm:
    """Read a protected file.

    Raises
    ------
    EncryptSecureRTError
        E_DICOM if it is malformed, or has no sealed item or too many.
    """
    places = _places(split)
    elements = read_elements(bytes(split.header), places)
    entry = ManifestEntry(
        instance=elements.text(_SOP_INSTANCE),
        content_sha256=hashlib.sha256(b"".join(_sealed_contents(elements))).hexdigest(),
        clear_sha256=_ClearForm(elements, places).digest(),
        bulk_sha256=tuple(one.sha256 for one in split.bulk),
    )
    return ProtectedForm(
        entry=entry,
        study=elements.text(_STUDY),
        series=elements.text(_SERIES),
        patient=elements.text(_PATIENT_ID),
        sop_class=elements.text(_SOP_CLASS),
        syntax=elements.syntax.decode("ascii"),
        start=elements.start,
    )


def _places(split: SplitFile) -> dict[int, int]:
    """Return the length of each bulk range by the place in the header where it was cut out."""
    places: dict[int, int] = {}
    before = 0
    for one in split.bulk:
        places[one.offset - before] = one.length
        before += one.length
    return places


def _sealed_contents(elements: Elements) -> list[bytes]:
    """Return the DER octets of the sealed items, without the octets that make them even."""
    sequence = elements.by_tag.get(_SEALED)
    if sequence is None or sequence.items is None:
        refuse()
    if not 1 <= len(sequence.items) <= 1 + MAX_OFFLINE:
        refuse()
    return [_content_of(elements, item) for item in sequence.items]


def _content_of(elements: Elements, children: Sequence[Element]) -> bytes:
    item = [element for element in children if element.tag & 0xFFFF]
    if [element.tag for element in item] != [_SYNTAX, _CONTENT]:
        refuse()
    value = elements.octets[item[1].value : item[1].value_end]
    # DER: a SEQUENCE whose length stands in as many octets as its low bits say.
    count = value[1] & 0x7F if len(value) > 6 and value[0] == 0x30 and value[1] & 0x80 else 0
    if not 1 <= count <= 4:
        refuse()
    end = 2 + count + int.from_bytes(value[2 : 2 + count], "big")
    if end > len(value) or value[end:] not in (b"", b"\0"):
        refuse()
    return value[:end]


class _ClearForm:
    """The clear data set in the form that is hashed."""

    def __init__(self, elements: Elements, bulk: dict[int, int]) -> None:
        self._elements = elements
        self._bulk = bulk
        self._signed = elements.value(_PIXEL_REPRESENTATION) == b"\x01\x00"

    def digest(self) -> str:
        tags = list(self._elements.by_tag)
        if tags != sorted(tags):
            refuse()
        digest = hashlib.sha256()
        for tag, element in self._elements.by_tag.items():
            if tag not in (_SEALED, _TRAILING_PADDING):
                digest.update(self._written(element))
        return digest.hexdigest()

    def _written(self, element: Element) -> bytes:
        tag = element.tag
        if tag & 0xFFFF == 0:
            return b""
        if element.items is not None:
            body = b"".join(self._item(item) for item in element.items)
            return _head(tag, b"SQ", len(body)) + body
        bulk = self._bulk.get(element.value) if element.value == element.value_end else None
        value = self._elements.octets[element.value : element.value_end]
        vr = element.vr or self._implied(tag, len(value) if bulk is None else bulk)
        if bulk is not None:
            return _head(tag, b"OW" if vr == b"OB" else vr, bulk)
        return _head(tag, vr, len(value)) + value

    def _item(self, item: Sequence[Element]) -> bytes:
        body = b"".join(self._written(element) for element in item)
        return struct.pack("<HHL", 0xFFFE, 0xE000, len(body)) + body

    def _implied(self, tag: int, length: int) -> bytes:
        """Return the VR of an element in Implicit VR."""
        if tag >> 16 & 1:
            vr = b"LO" if 0x10 <= tag & 0xFFFF <= 0xFF else b"UN"
        else:
            name = vr_in_dictionary(tag)
            if name == "US or SS":
                name = "SS" if self._signed else "US"
            elif " or " in name:
                name = "OW" if "OW" in name else "UN"
            vr = name.encode("ascii")
        if vr not in LONG_VRS and (vr not in SHORT_VRS or length > _MAX_SHORT):
            return b"UN"
        return vr


def _head(tag: int, vr: bytes, length: int) -> bytes:
    if vr in LONG_VRS:
        return struct.pack("<HH2sHL", tag >> 16, tag & 0xFFFF, vr, 0, length)
    if length > _MAX_SHORT:
        refuse()
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, length)
