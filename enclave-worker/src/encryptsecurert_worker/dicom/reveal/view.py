"""The attributes of some classes out of an original, as a data set in Explicit VR Little Endian.

A sequence is there as far as something in it may be seen, with its items in their places. The
character set is always there, since text is nothing without it. Pixels never are.
"""

from collections.abc import Iterable

from encryptsecurert_protocol.reveals import RevealClass
from encryptsecurert_worker.dicom.protect.dictionary import vr_of
from encryptsecurert_worker.dicom.protect.elements import Element, Header
from encryptsecurert_worker.dicom.protect.writing import (
    implied_vr,
    is_signed,
    write_head,
    write_sequence,
)
from encryptsecurert_worker.dicom.reveal.classes import class_of, named_class

_CHARACTER_SET, _SOP_CLASS = 0x00080005, 0x00080016
_PIXELS = range(0x7FE00008, 0x7FE00011)
_TRAILING_PADDING = 0xFFFCFFFC


def view(header: Header, classes: frozenset[RevealClass]) -> bytes:
    """Return the data set of the attributes of these classes."""
    return _View(header, classes).of(header.elements.values())


class _View:
    def __init__(self, header: Header, classes: frozenset[RevealClass]) -> None:
        self._header = header
        self._classes = classes
        self._signed_pixels = is_signed(header)

    def of(self, elements: Iterable[Element], inside: RevealClass | None = None) -> bytes:
        """Return what may be seen of some elements; `inside` a sequence that the table names."""
        pieces: list[bytes] = []
        for element in elements:
            tag = element.tag
            if tag & 0xFFFF == 0 or tag in _PIXELS or tag == _TRAILING_PADDING:
                continue
            if element.items is not None:
                if self._seen(element, inside):
                    kind = inside or named_class(tag)
                    items = [self.of(item, kind) for item in element.items]
                    pieces.append(write_sequence(tag, items))
            elif tag in (_CHARACTER_SET, _SOP_CLASS) or self._seen(element, inside):
                pieces.append(self._leaf(element))
        return b"".join(pieces)

    def _seen(self, element: Element, inside: RevealClass | None) -> bool:
        """Tell whether there is more to show of an element than a character set."""
        if element.items is None:
            return (inside or class_of(element.tag, self._vr(element))) in self._classes
        kind = inside or named_class(element.tag)
        if kind is not None and kind not in self._classes:
            return False
        return any(
            self._seen(child, kind)
            for item in element.items
            for child in item
            if child.tag & 0xFFFF
        )

    def _vr(self, element: Element) -> bytes:
        return element.vr or vr_of(element.tag, signed_pixels=self._signed_pixels)

    def _leaf(self, element: Element) -> bytes:
        if element.vr:
            return self._header.octets[element.start : element.end]
        value = self._header.octets[element.value : element.value_end]
        vr = implied_vr(element.tag, len(value), signed_pixels=self._signed_pixels)
        return write_head(element.tag, vr, len(value)) + value
