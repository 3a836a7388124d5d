"""One sealed item more for each offline recipient: the originals of its classes, and nothing else.

    (0400,0550) item { (0008,0005), (0008,0018), sealed originals of the classes granted }

PS3.15 section E.1.1 moves attributes of the top level, each as a whole. So a sequence is in an
item only if the recipient has every class that is in it. An octet string that may hide a sequence
and an attribute that PS3.6 does not know may be of any class. Pixels are in none. A recipient
without anything of its classes has an item all the same, so that their number tells nothing.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.headers import MAX_PROTECTED_HEADER_BYTES
from encryptsecurert_protocol.offline import OfflineRecipient
from encryptsecurert_protocol.reveals import RevealClass
from encryptsecurert_worker.dicom.protect.dictionary import vr_of
from encryptsecurert_worker.dicom.protect.elements import PIXEL_TAGS, Element, Header
from encryptsecurert_worker.dicom.protect.envelope import Envelope
from encryptsecurert_worker.dicom.protect.sealed import sealed_item
from encryptsecurert_worker.dicom.protect.writing import explicit_original
from encryptsecurert_worker.dicom.reveal.classes import class_of, named_class

Classes = frozenset[RevealClass]

_CHARACTER_SET, _SOP_INSTANCE = 0x00080005, 0x00080018
_ALWAYS = (_CHARACTER_SET, _SOP_INSTANCE)
_TRAILING_PADDING = 0xFFFCFFFC
_PRIVATE = frozenset({RevealClass.PRIVATE})
_ANY_CLASS = frozenset(RevealClass)


class ClassItems:
    """Seals the items of a bundle's offline recipients (E_BUNDLE for a certificate)."""

    def __init__(self, recipients: Sequence[OfflineRecipient]) -> None:
        self._items = [(frozenset(one.classes), Envelope(one.certificate)) for one in recipients]

    def seal(self, header: Header, sealed_tags: Iterable[int], study: bytes) -> list[bytes]:
        """Return an item for each recipient, in the order of the bundle.

        Parameters
        ----------
        header : Header
            Of the original.
        sealed_tags : iterable of int
            Its top-level attributes that do not stand in clear as they were.
        study : bytes
            UID of its study.

        Raises
        ------
        EncryptSecureRTError
            E_TOO_LARGE if they are more together than a protected header may be.
        """
        if not self._items:
            return []
        elements = header.elements
        always = [tag for tag in _ALWAYS if tag in elements]
        needed = {
            tag: classes_in(elements[tag])
            for tag in sealed_tags
            if tag not in _ALWAYS and _may_be_in_an_item(tag)
        }
        items: list[bytes] = []
        size_bytes = 0
        for granted, envelope in self._items:
            tags = sorted([*always, *(tag for tag in needed if needed[tag] <= granted)])
            originals = b"".join(explicit_original(header, elements[tag]) for tag in tags)
            size_bytes += len(originals)
            if size_bytes > MAX_PROTECTED_HEADER_BYTES:
                raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
            items.append(sealed_item(envelope, originals, study))
        return items


def _may_be_in_an_item(tag: int) -> bool:
    return tag & 0xFFFF != 0 and tag not in PIXEL_TAGS and tag != _TRAILING_PADDING


def classes_in(element: Element) -> Classes:
    """Return every class that is in an attribute: who has them all may have it as a whole."""
    found: set[RevealClass] = set()
    _collect(element, None, found)
    return frozenset(found)


def _collect(element: Element, inside: RevealClass | None, found: set[RevealClass]) -> None:
    """Add the classes of an element, `inside` a sequence that the classes name, if any."""
    if element.items is None:
        found |= _classes_of_leaf(element.tag, element.vr, inside)
        return
    kind = named_class(element.tag) or inside
    children = [
        child
        for item in element.items
        for child in item
        if child.tag & 0xFFFF and child.tag != _CHARACTER_SET
    ]
    if kind is not None:
        found.add(kind)
    elif vr_of(element.tag, signed_pixels=False) == b"UN":
        found |= _ANY_CLASS
    elif not children:
        found.add(RevealClass.TEXT)
    for child in children:
        _collect(child, kind, found)


@lru_cache(maxsize=8192)
def _classes_of_leaf(tag: int, vr: bytes, inside: RevealClass | None) -> Classes:
    if tag & 0x10000:
        return _PRIVATE
    named = named_class(tag)
    if named is not None or inside is not None:
        return frozenset(one for one in (named, inside) if one is not None)
    told = vr_of(tag, signed_pixels=False)
    if told in (b"SQ", b"UN"):
        return _ANY_CLASS
    # A date that came as text is a date, and what came as a date may be one.
    own = told if vr in (b"", b"UN") else vr
    return frozenset((class_of(tag, told), class_of(tag, own)))
