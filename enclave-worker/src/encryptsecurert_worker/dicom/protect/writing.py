"""Write Explicit VR Little Endian: single elements, sequences, and rewritten implicit ones.

Lengths are defined and values padded to even length where we make them; octets of an original
are taken over as they are. An original that is implicit gets the dictionary's VR.
"""

import struct
from collections.abc import Iterable, Sequence

from encryptsecurert_worker.dicom.protect.dictionary import LONG_VRS, vr_of
from encryptsecurert_worker.dicom.protect.elements import Element, Header

_SHORT = struct.Struct("<HH2sH").pack
_LONG = struct.Struct("<HH2sHL").pack
_ITEM = struct.Struct("<HHL").pack
_PIXEL_REPRESENTATION = 0x00280103
_MAX_SHORT = 0xFFFF


def write_head(tag: int, vr: bytes, length: int) -> bytes:
    """Return the head of an element whose value of `length` octets follows."""
    if vr in LONG_VRS:
        return _LONG(tag >> 16, tag & 0xFFFF, vr, 0, length)
    return _SHORT(tag >> 16, tag & 0xFFFF, vr, length)


def write_element(tag: int, vr: bytes, value: bytes) -> bytes:
    """Return one element; an odd value gets the pad octet of its VR (PS3.5 section 6.2).

    What does not fit the 16 bits of its VR's length travels as UN (PS3.5 section 6.2.2, note).
    """
    if len(value) & 1:
        value += b"\0" if vr in (b"UI", b"OB", b"UN") else b" "
    if len(value) > _MAX_SHORT and vr not in LONG_VRS:
        vr = b"UN"
    return write_head(tag, vr, len(value)) + value


def value_of(octets: bytes) -> bytes:
    """Return the value of an element as `write_element` writes it."""
    return octets[12 if octets[4:6] in LONG_VRS else 8 :]


def write_item(elements: Iterable[bytes]) -> bytes:
    """Return one item of a sequence, given the octets of its elements in ascending order."""
    body = b"".join(elements)
    return _ITEM(0xFFFE, 0xE000, len(body)) + body


def write_sequence(tag: int, items: Sequence[bytes]) -> bytes:
    """Return a sequence of items, each given as the octets of its elements."""
    body = b"".join(write_item((item,)) for item in items)
    return write_head(tag, b"SQ", len(body)) + body


def explicit_original(header: Header, element: Element) -> bytes:
    """Return a top-level original element in explicit VR: its own octets if it has one."""
    if not header.implicit:
        return header.octets[element.start : element.end]
    return _rewrite(header, element, signed_pixels=is_signed(header))


def is_signed(header: Header) -> bool:
    """Tell whether pixel values, and so what is 'US or SS', are signed."""
    return header.value(_PIXEL_REPRESENTATION) == b"\x01\x00"


def implied_vr(tag: int, length: int, *, signed_pixels: bool) -> bytes:
    """Return the VR that an implicit element with a value of `length` octets takes in explicit VR.

    As in `write_element`, but what came odd stays odd.
    """
    vr = vr_of(tag, signed_pixels=signed_pixels)
    return b"UN" if length > _MAX_SHORT and vr not in LONG_VRS else vr


def _rewrite(header: Header, element: Element, *, signed_pixels: bool) -> bytes:
    if element.items is not None:
        items = [
            b"".join(
                _rewrite(header, child, signed_pixels=signed_pixels)
                for child in item
                # A group length would be wrong after rewriting; the raw octets keep it.
                if child.tag & 0xFFFF
            )
            for item in element.items
        ]
        return write_sequence(element.tag, items)
    value = header.octets[element.value : element.value_end]
    vr = implied_vr(element.tag, len(value), signed_pixels=signed_pixels)
    return write_head(element.tag, vr, len(value)) + value
