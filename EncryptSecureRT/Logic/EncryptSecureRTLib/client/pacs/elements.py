"""The elements of a protected file, by their places in its header octets.

    header octets (bulk cut out) -> {tag: Element}, transfer syntax

Explicit and Implicit VR Little Endian, sequences of defined and undefined length. Nothing is
decoded. pydicom is not used for this: it normalises what it reads, and here each octet counts.
The octets are untrusted, also those of a PACS: all failures are E_DICOM, depth is bounded.
"""

import struct
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple, NoReturn

from pydicom.datadict import dictionary_VR

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.headers import ENCAPSULATED_SYNTAXES
from EncryptSecureRTLib.client.dicomfiles.walker import LONG_VRS, SHORT_VRS

PIXEL_TAGS = frozenset([0x7FE00008, 0x7FE00009, 0x7FE00010])

_IMPLICIT, _EXPLICIT = b"1.2.840.10008.1.2", b"1.2.840.10008.1.2.1"
_TRANSFER_SYNTAX = 0x00020010
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_UNDEFINED = 0xFFFFFFFF
_MAX_DEPTH = 16
_META_AT = 132


class Element(NamedTuple):
    """Where an element stands; `vr` is empty in Implicit VR, `items` None of what has none."""

    tag: int
    vr: bytes
    start: int
    value: int
    value_end: int
    end: int
    items: "tuple[tuple[Element, ...], ...] | None"


class Elements(NamedTuple):
    """The top-level elements of a file, in its order; the data set begins at `start`."""

    octets: bytes
    start: int
    syntax: bytes
    by_tag: Mapping[int, Element]

    def value(self, tag: int) -> bytes:
        """Return the value octets of a top-level element, none if it is not there."""
        element = self.by_tag.get(tag)
        return b"" if element is None else self.octets[element.value : element.value_end]

    def text(self, tag: int) -> str:
        """Return a value as text without padding; what is not ASCII is replaced."""
        return self.value(tag).rstrip(b"\0 ").decode("ascii", "replace")


def refuse() -> NoReturn:
    """Refuse a file that is malformed."""
    raise EncryptSecureRTError(ErrorCode.E_DICOM) from None


def read_elements(octets: bytes, bulk: Mapping[int, int]) -> Elements:
    """Return the elements of a file.

    Parameters
    ----------
    octets : the file without its bulk.
    bulk : length of each bulk range, by its place in these octets.

    Raises
    ------
    EncryptSecureRTError
        E_DICOM, also for transfer syntaxes in which nothing is protected.
    """
    walk = _Walk(octets)
    syntax, start = walk.meta()
    implicit, position = syntax == _IMPLICIT, start
    by_tag: dict[int, Element] = {}
    while position < len(octets):
        element = walk.element(position, len(octets), implicit, 1, bulk)
        if element.tag in by_tag or element.tag >> 16 in (0x0000, 0x0002, 0xFFFE):
            refuse()
        by_tag[element.tag] = element
        position = element.end
    return Elements(octets, start, syntax, by_tag)


class _Walk:
    def __init__(self, octets: bytes) -> None:
        self._octets = octets

    def meta(self) -> tuple[bytes, int]:
        """Return the transfer syntax and where the data set begins."""
        position, syntax = _META_AT, b""
        if self._octets[_META_AT - 4 : _META_AT] != b"DICM":
            refuse()
        while self._octets[position : position + 2] == b"\x02\x00":
            element = self.element(position, len(self._octets), False, 1, {})
            if element.tag == _TRANSFER_SYNTAX:
                syntax = self._octets[element.value : element.value_end].rstrip(b"\0 ")
            position = element.end
        if syntax not in (_IMPLICIT, _EXPLICIT) and syntax not in ENCAPSULATED_SYNTAXES:
            refuse()
        return syntax, position

    def element(
        self, start: int, end: int, implicit: bool, depth: int, bulk: Mapping[int, int]
    ) -> Element:
        tag, vr, value, length = self._head(start, end, implicit)
        if tag in PIXEL_TAGS and value in bulk:
            stop = value
            if length == _UNDEFINED:  # compressed: the end of the items is left (PS3.5 A.4)
                if self._item_head(value, end) != (_SEQUENCE_END, 0):
                    refuse()
                stop = value + 8
            return Element(tag, vr, start, value, value, stop, None)
        if vr == b"SQ" or length == _UNDEFINED or (implicit and is_sequence(tag)):
            if vr not in (b"", b"SQ", b"UN"):
                refuse()
            # PS3.5 section 6.2.2: UN of undefined length is a sequence in Implicit VR.
            return self._sequence((tag, vr, start, value), length, end, vr != b"SQ", depth)
        if length > end - value:
            refuse()
        return Element(tag, vr, start, value, value + length, value + length, None)

    def _head(self, start: int, end: int, implicit: bool) -> tuple[int, bytes, int, int]:
        if end - start < 8:
            refuse()
        group, number = struct.unpack_from("<HH", self._octets, start)
        tag = group << 16 | number
        if implicit:
            return tag, b"", start + 8, struct.unpack_from("<L", self._octets, start + 4)[0]
        vr = self._octets[start + 4 : start + 6]
        if vr in SHORT_VRS:
            return tag, vr, start + 8, struct.unpack_from("<H", self._octets, start + 6)[0]
        if vr not in LONG_VRS or end - start < 12 or any(self._octets[start + 6 : start + 8]):
            refuse()
        return tag, vr, start + 12, struct.unpack_from("<L", self._octets, start + 8)[0]

    def _item_head(self, position: int, end: int) -> tuple[int, int]:
        if end - position < 8:
            refuse()
        group, number, length = struct.unpack_from("<HHL", self._octets, position)
        return group << 16 | number, length

    def _sequence(
        self, head: tuple[int, bytes, int, int], length: int, end: int, implicit: bool, depth: int
    ) -> Element:
        tag, vr, start, position = head
        if depth > _MAX_DEPTH:
            refuse()
        value, defined = position, length != _UNDEFINED
        if defined:
            if length > end - position:
                refuse()
            end = position + length
        items: list[tuple[Element, ...]] = []
        while not (defined and position == end):
            item, item_length = self._item_head(position, end)
            if item == _SEQUENCE_END and item_length == 0 and not defined:
                return Element(tag, vr, start, value, position, position + 8, tuple(items))
            if item != _ITEM:
                refuse()
            elements, position = self._item(position + 8, item_length, end, implicit, depth)
            items.append(elements)
        return Element(tag, vr, start, value, end, end, tuple(items))

    def _item(
        self, position: int, length: int, end: int, implicit: bool, depth: int
    ) -> tuple[tuple[Element, ...], int]:
        defined = length != _UNDEFINED
        if defined:
            if length > end - position:
                refuse()
            end = position + length
        elements: list[Element] = []
        while not (defined and position == end):
            if not defined and self._item_head(position, end) == (_ITEM_END, 0):
                return tuple(elements), position + 8
            elements.append(self.element(position, end, implicit, depth + 1, {}))
            position = elements[-1].end
        return tuple(elements), position


@lru_cache(maxsize=4096)
def vr_in_dictionary(tag: int) -> str:
    """Return the VR that PS3.6 has for a tag, also one of several; UN if it has none."""
    try:
        return dictionary_VR(tag)
    except KeyError:
        return "UN"


def is_sequence(tag: int) -> bool:
    """Tell whether PS3.6 has a tag as a sequence."""
    return vr_in_dictionary(tag) == "SQ"
