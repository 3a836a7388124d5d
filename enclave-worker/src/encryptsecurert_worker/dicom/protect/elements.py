"""A tag walker over one header: where each element begins, its VR, where its value lies.

    header octets -> Header(elements by tag, transfer syntax, implicit?, pixel range)

Explicit and Implicit VR Little Endian, also around compressed pixels, sequences of defined and
undefined length, UN of undefined length (implicit inside, PS3.5 section 6.2.2), private groups.
Nothing is decoded or copied: an `Element` holds positions in the header. The walk is one pass,
bounded in depth and in number of elements, and never looks outside the header. Bulk octets are
not there; the walker steps over the one place where the request says they were, and that place
must be the value of the top-level pixels: all of it, or the items of compressed pixels up to
their end. A request that is whole has its pixels inside, and they are walked like the rest.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, NoReturn

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.headers import ENCAPSULATED_SYNTAXES, HeaderRequest
from encryptsecurert_worker.dicom.protect.dictionary import (
    LONG_VRS,
    SHORT_VRS,
    is_sequence,
)

PREAMBLE_BYTES = 128
MAX_DEPTH = 16
MAX_ELEMENTS = 262_144  # a structure set has some eight for each contour
# What is sealed lies one sequence deeper than it did, with some elements of ours beside it.
SEALED_DEPTH, SEALED_ELEMENTS = 1, 64

PIXEL_DATA = 0x7FE00010
PIXEL_TAGS = frozenset([0x7FE00008, 0x7FE00009, PIXEL_DATA])
"""Float, Double Float and Pixel Data: what may stay with the client."""

_TRANSFER_SYNTAX = 0x00020010
_ITEM = 0xFFFEE000
_ITEM_END = 0xFFFEE00D
_SEQUENCE_END = 0xFFFEE0DD
_UNDEFINED = 0xFFFFFFFF
EXPLICIT_VR_LITTLE_ENDIAN = b"1.2.840.10008.1.2.1"
_IMPLICIT_OF_SYNTAX = {
    b"1.2.840.10008.1.2": True,
    EXPLICIT_VR_LITTLE_ENDIAN: False,
    **dict.fromkeys(ENCAPSULATED_SYNTAXES, False),
}
_META, _DELIMITERS = 0x0002, 0xFFFE
_NOT_OF_DATA_SETS = frozenset([0x0000, _META])

_EXPLICIT_HEAD = struct.Struct("<HH2sH").unpack_from
_IMPLICIT_HEAD = struct.Struct("<HHL").unpack_from
_LONG_LENGTH = struct.Struct("<L").unpack_from


class Element(NamedTuple):
    """Positions of one element in the header octets.

    `vr` is empty where the encoding names none. `items` holds the items of a sequence, each a
    tuple of elements, or is None for anything else.
    """

    tag: int
    vr: bytes
    start: int
    value: int
    value_end: int
    end: int
    items: "tuple[tuple[Element, ...], ...] | None"


_element = tuple.__new__  # of Element: in half the time that its own constructor takes


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A walked header: `octets` and where in them everything is."""

    octets: bytes
    syntax: bytes
    implicit: bool
    meta: Mapping[int, Element]
    elements: dict[int, Element]

    @property
    def is_encapsulated(self) -> bool:
        """Whether pixels are compressed."""
        return self.syntax in ENCAPSULATED_SYNTAXES

    @property
    def pixels(self) -> Element | None:
        """The element whose value is the pixels, None if there is none."""
        return next((self.elements[tag] for tag in PIXEL_TAGS if tag in self.elements), None)

    def value(self, tag: int) -> bytes | None:
        """Return the raw value octets of a top-level element, None if it is not there."""
        element = self.elements.get(tag)
        if element is None:
            return None
        return self.octets[element.value : element.value_end]


def _refuse(code: ErrorCode = ErrorCode.E_DICOM) -> NoReturn:
    raise EncryptSecureRTError(code) from None


def read_header(request: HeaderRequest) -> Header:
    """Walk the header of a request.

    Parameters
    ----------
    request : HeaderRequest
        Of an original or of a protected file.

    Raises
    ------
    EncryptSecureRTError
        E_TRANSFER_SYNTAX for big endian, deflated, and compressions that are not known; E_DICOM
        if it is malformed or has an element twice at top level; E_FORMAT if the bulk is not
        exactly the value of the top-level pixels, or none although there are pixels, or if there
        are gaps in pixels that are not compressed, but for their last octet; E_TOO_LARGE over a
        limit.
    """
    if len(request.bulk) > 1:
        _refuse(ErrorCode.E_FORMAT)
    bulk = tuple(one.place for one in request.bulk)
    octets = bytes(request.header)
    walker = _Walker(octets, sum(length for _, length in request.gaps))
    syntax, meta, position = walker.meta()
    implicit = _IMPLICIT_OF_SYNTAX[syntax]
    elements = walker.data_set(position, implicit, None if request.whole else bulk)
    header = Header(octets=octets, syntax=syntax, implicit=implicit, meta=meta, elements=elements)
    _check_pixels(header)
    if request.gaps and not header.is_encapsulated:
        ((offset, length),) = bulk
        if request.gaps != ((offset + length - 1, 1),):
            _refuse(ErrorCode.E_FORMAT)
    return header


def read_sealed(octets: bytes) -> Header:
    """Walk the opened item of a protected file: a data set around what of an original is sealed.

    It is in Explicit VR Little Endian and has no file meta information; E_DICOM and others as of
    `read_header`.
    """
    walker = _Walker(octets, 0, depth=SEALED_DEPTH, elements=SEALED_ELEMENTS)
    return Header(
        octets=octets,
        syntax=EXPLICIT_VR_LITTLE_ENDIAN,
        implicit=False,
        meta={},
        elements=walker.data_set(0, False, ()),
    )


def _by_tag(found: Sequence[Element]) -> dict[int, Element]:
    """Return elements by their tags, none of which may be there twice."""
    elements = {element[0]: element for element in found}
    if len(elements) != len(found):
        _refuse()
    return elements


def _check_pixels(header: Header) -> None:
    """Hold the form of the pixels against the transfer syntax."""
    pixels = header.pixels
    if pixels is None:
        return
    # Of compressed pixels the header has the end of their items (PS3.5 section A.4).
    has_items = pixels.end != pixels.value_end
    # They are OB, and OW in files of some toolkits.
    is_octets = pixels.tag == PIXEL_DATA and pixels.vr in (b"OB", b"OW")
    if has_items != header.is_encapsulated or (has_items and not is_octets):
        _refuse(ErrorCode.E_TRANSFER_SYNTAX)


class _Walker:
    """Walks octets once; `depth` and `elements` are what is granted over the limits."""

    def __init__(self, octets: bytes, gap_bytes: int, *, depth: int = 0, elements: int = 0) -> None:
        self._octets = octets
        self._gap_bytes = gap_bytes
        self._left = MAX_ELEMENTS + elements
        self._deepest = MAX_DEPTH + depth

    def meta(self) -> tuple[bytes, Mapping[int, Element], int]:
        """Walk preamble and group 0002; return (transfer syntax, elements, end)."""
        octets = self._octets
        position = PREAMBLE_BYTES + 4
        if octets[PREAMBLE_BYTES:position] != b"DICM":
            _refuse()
        found, position = self._explicit(position, len(octets), 1, only_group=_META)
        meta = _by_tag(found)
        named = meta.get(_TRANSFER_SYNTAX)
        if named is None:
            _refuse(ErrorCode.E_TRANSFER_SYNTAX)
        syntax = octets[named.value : named.value_end].rstrip(b"\0 ")
        if syntax not in _IMPLICIT_OF_SYNTAX:
            _refuse(ErrorCode.E_TRANSFER_SYNTAX)
        return syntax, meta, position

    def data_set(
        self, position: int, implicit: bool, bulk: tuple[tuple[int, int], ...] | None
    ) -> dict[int, Element]:
        """Walk the top level to the end of the header; without `bulk`, pixels are in it."""
        walk = self._implicit if implicit else self._explicit
        end = len(self._octets)
        found, position = walk(position, end, 1, bulk=bulk)
        if position != end:
            _refuse()
        elements = _by_tag(found)
        if _NOT_OF_DATA_SETS & {tag >> 16 for tag in elements}:
            _refuse()
        if bulk and not PIXEL_TAGS & elements.keys():
            _refuse(ErrorCode.E_FORMAT)
        return elements

    def _pixels(self, start: int, implicit: bool, bulk: tuple[tuple[int, int], ...]) -> Element:
        """Step over the head of pixels; of their value only the gaps are in the header."""
        vr, value, length = self._head(start, len(self._octets), implicit)
        group, number = _IMPLICIT_HEAD(self._octets, start)[:2]
        stop = end = value + self._gap_bytes
        if length == _UNDEFINED:
            if not bulk or bulk[0][0] != value:
                _refuse(ErrorCode.E_FORMAT)
            if self._item_head(stop, len(self._octets)) != (_SEQUENCE_END, 0):
                _refuse()
            end = stop + 8
        elif ((value, length),) != bulk:
            _refuse(ErrorCode.E_FORMAT)
        return Element(group << 16 | number, vr, start, value, stop, end, None)

    def _head(self, start: int, end: int, implicit: bool) -> tuple[bytes, int, int]:
        if end - start < 8:
            _refuse()
        if implicit:
            return b"", start + 8, _IMPLICIT_HEAD(self._octets, start)[2]
        _, _, vr, length = _EXPLICIT_HEAD(self._octets, start)
        if vr in SHORT_VRS:
            return vr, start + 8, length
        if vr not in LONG_VRS or end - start < 12:
            _refuse()
        return vr, start + 12, _LONG_LENGTH(self._octets, start + 8)[0]

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            _refuse(ErrorCode.E_TOO_LARGE)

    # The two loops take most of the time that a header takes, so they call little.

    def _explicit(
        self,
        position: int,
        end: int,
        depth: int,
        *,
        bulk: tuple[tuple[int, int], ...] | None = None,
        only_group: int | None = None,
    ) -> tuple[list[Element], int]:
        """Walk elements up to `end`, another group, or the delimiter of an item.

        Returns
        -------
        elements, position : the elements, and where the next octets lie.
        """
        octets = self._octets
        found: list[Element] = []
        while position < end:
            if end - position < 8:
                _refuse()
            group, number, vr, length = _EXPLICIT_HEAD(octets, position)
            if group == _DELIMITERS or (only_group is not None and group != only_group):
                break
            self._left -= 1
            if self._left < 0:
                _refuse(ErrorCode.E_TOO_LARGE)
            tag = group << 16 | number
            if bulk is not None and tag in PIXEL_TAGS:
                element = self._pixels(position, False, bulk)
            elif vr in SHORT_VRS:
                value = position + 8
                stop = value + length
                element = _element(Element, (tag, vr, position, value, stop, stop, None))
            else:
                element = self._long(tag, vr, position, end, depth)
            position = element[5]
            if position > end:
                _refuse()
            found.append(element)
        return found, position

    def _long(self, tag: int, vr: bytes, start: int, end: int, depth: int) -> Element:
        """Walk one element of a VR whose length has 32 bits."""
        if vr not in LONG_VRS or end - start < 12:
            _refuse()
        value = start + 12
        (length,) = _LONG_LENGTH(self._octets, start + 8)
        if vr == b"SQ" or length == _UNDEFINED:
            span = (start, value, end)
            if tag == PIXEL_DATA and vr in (b"OB", b"OW"):
                return self._fragments(vr, span)
            if vr not in (b"SQ", b"UN"):
                _refuse()
            return self._sequence(tag, vr, span, length, depth)
        return Element(tag, vr, start, value, value + length, value + length, None)

    def _implicit(
        self,
        position: int,
        end: int,
        depth: int,
        *,
        bulk: tuple[tuple[int, int], ...] | None = None,
    ) -> tuple[list[Element], int]:
        """Walk elements up to `end` or the delimiter of an item, as `_explicit` does."""
        octets = self._octets
        found: list[Element] = []
        while position < end:
            if end - position < 8:
                _refuse()
            group, number, length = _IMPLICIT_HEAD(octets, position)
            if group == _DELIMITERS:
                break
            self._left -= 1
            if self._left < 0:
                _refuse(ErrorCode.E_TOO_LARGE)
            tag = group << 16 | number
            value = position + 8
            if bulk is not None and tag in PIXEL_TAGS:
                element = self._pixels(position, True, bulk)
            elif length == _UNDEFINED or is_sequence(tag):
                element = self._sequence(tag, b"", (position, value, end), length, depth)
            else:
                stop = value + length
                element = _element(Element, (tag, b"", position, value, stop, stop, None))
            position = element[5]
            if position > end:
                _refuse()
            found.append(element)
        return found, position

    def _sequence(
        self, tag: int, vr: bytes, span: tuple[int, int, int], length: int, depth: int
    ) -> Element:
        """Walk the items of a sequence; `span` is (start, value, end of what is around it)."""
        start, value, end = span
        if depth > self._deepest:
            _refuse()
        defined = length != _UNDEFINED
        if defined:
            if length > end - value:
                _refuse()
            end = value + length
        walk = self._explicit if vr == b"SQ" else self._implicit
        position = value
        items: list[tuple[Element, ...]] = []
        while not (defined and position == end):
            item_tag, item_length = self._item_head(position, end)
            if item_tag == _SEQUENCE_END and item_length == 0 and not defined:
                return Element(tag, vr, start, value, position, position + 8, tuple(items))
            if item_tag != _ITEM:
                _refuse()
            position += 8
            item_end = end
            if item_length != _UNDEFINED:
                if item_length > end - position:
                    _refuse()
                item_end = position + item_length
            item, position = walk(position, item_end, depth + 1)
            if item_length == _UNDEFINED:
                if self._item_head(position, item_end) != (_ITEM_END, 0):
                    _refuse()
                position += 8
            elif position != item_end:
                _refuse()
            items.append(tuple(item))
        return Element(tag, vr, start, value, end, end, tuple(items))

    def _fragments(self, vr: bytes, span: tuple[int, int, int]) -> Element:
        """Step over the items of compressed pixels (PS3.5 section A.4); `span` as of a sequence."""
        start, value, end = span
        position = value
        while True:
            tag, length = self._item_head(position, end)
            if (tag, length) == (_SEQUENCE_END, 0):
                return Element(PIXEL_DATA, vr, start, value, position, position + 8, None)
            if tag != _ITEM or length > end - position - 8:
                _refuse()
            position += 8 + length

    def _item_head(self, position: int, end: int) -> tuple[int, int]:
        self._count()
        if end - position < 8:
            _refuse()
        group, number, length = _IMPLICIT_HEAD(self._octets, position)
        return group << 16 | number, length
