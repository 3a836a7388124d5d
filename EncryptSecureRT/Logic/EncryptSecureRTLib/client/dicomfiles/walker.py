"""A tag walker that only knows where elements end (PS3.5 section 7, PS3.10 section 7).

It steps over a Part 10 file, Explicit or Implicit VR Little Endian, and tells where the value
of the top-level pixels lies: all of it, or the items of compressed pixels up to their end. Values
are skipped, not read: the only ones looked at are the transfer syntax, the few numbers that say
how the pixels are stored, and what tells files apart. Items are entered only where their length is
undefined. The file is read some kilobytes at a time: a header of one slice at once.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, NoReturn

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.gaps import Place
from encryptsecurert_protocol.headers import ENCAPSULATED_SYNTAXES

PREAMBLE_BYTES = 128
PIXEL_DATA = (0x7FE0, 0x0010)
FLOAT_PIXELS = ((0x7FE0, 0x0008), (0x7FE0, 0x0009))
MAX_DEPTH = 16
MAX_ELEMENTS = 262_144

_MEDIA_CLASS, _TRANSFER_SYNTAX = (0x0002, 0x0002), (0x0002, 0x0010)
_MAX_META_BYTES = 64
_ITEM = (0xFFFE, 0xE000)
_ITEM_END = (0xFFFE, 0xE00D)
_SEQUENCE_END = (0xFFFE, 0xE0DD)
_UNDEFINED = 0xFFFFFFFF
_IMPLICIT_OF_SYNTAX = {
    b"1.2.840.10008.1.2": True,
    b"1.2.840.10008.1.2.1": False,
    **dict.fromkeys(ENCAPSULATED_SYNTAXES, False),
}
# PS3.5 section 7.1.2: these have two reserved octets and a 32-bit length, the others 16 bits.
LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())

# Numbers of two octets, and Number of Frames, an IS of at most twelve characters.
_PIXEL_GROUP, _MAX_NUMBER_BYTES = 0x0028, 16
_PIXEL_NUMBERS = frozenset([0x0002, 0x0008, 0x0010, 0x0011, 0x0100, 0x0101, 0x0102, 0x0103])

Tag = tuple[int, int]

SOP_CLASS, SOP_INSTANCE = (0x0008, 0x0016), (0x0008, 0x0018)
STUDY, SERIES, FRAME_OF_REFERENCE = (0x0020, 0x000D), (0x0020, 0x000E), (0x0020, 0x0052)
PATIENT_ID, ISSUER = (0x0010, 0x0020), (0x0010, 0x0021)
DEIDENTIFICATION_METHOD = (0x0012, 0x0063)
ENCRYPTED_ATTRIBUTES = (0x0400, 0x0500)
_NAMES = frozenset(
    [
        *(SOP_CLASS, SOP_INSTANCE, STUDY, SERIES, FRAME_OF_REFERENCE),
        *(PATIENT_ID, ISSUER, DEIDENTIFICATION_METHOD),
    ]
)
_MAX_NAME_BYTES = 4096
_LOOKED_AT = frozenset(
    [
        *(PIXEL_DATA, *FLOAT_PIXELS, ENCRYPTED_ATTRIBUTES),
        *_NAMES,
        *((_PIXEL_GROUP, number) for number in _PIXEL_NUMBERS),
    ]
)
_WINDOW_BYTES = 8192
_HEAD_BYTES, _LONG_HEAD_BYTES = 8, 12
_EXPLICIT_HEAD = struct.Struct("<HH2sH").unpack_from
_IMPLICIT_HEAD = struct.Struct("<HHL").unpack_from
_LONG_LENGTH = struct.Struct("<L").unpack_from


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelValue:
    """Where one top-level value of pixels lies.

    `items` are the values of its items if it is compressed, the offset table first; else empty.
    """

    tag: Tag
    offset: int
    length: int
    items: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What is known of a file: transfer syntax, values of pixels, how they are stored, whose it is.

    `numbers` are raw values of group 0028 by element number, `names` those that tell files, series
    and patients apart; they identify and do not print. `has_encrypted` says whether there are
    encrypted attributes.
    """

    syntax: bytes
    pixels: tuple[PixelValue, ...]
    numbers: Mapping[int, bytes]
    names: Mapping[Tag, bytes] = field(repr=False)
    has_encrypted: bool


def _refuse(code: ErrorCode = ErrorCode.E_DICOM) -> NoReturn:
    raise EncryptSecureRTError(code) from None


class TagWalker:
    """Walks one open file once.

    Parameters
    ----------
    file : BinaryIO
        Open for reading, seekable.
    size : int
        Its size in bytes; nothing beyond is believed.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        self._position = 0
        self._elements = 0
        self._window, self._window_at = b"", 0

    def layout(self) -> Layout:
        """Return where the top-level values of pixels lie, in file order.

        Raises
        ------
        EncryptSecureRTError
            E_NO_DICOM without preamble and ``DICM``; E_TRANSFER_SYNTAX for big endian, deflated
            and compressions that are not known; E_DICOM if lengths do not fit the file.
        """
        self._preamble()
        syntax = self._meta().get(_TRANSFER_SYNTAX)
        if syntax is None or syntax not in _IMPLICIT_OF_SYNTAX:
            _refuse(ErrorCode.E_TRANSFER_SYNTAX)
        implicit = _IMPLICIT_OF_SYNTAX[syntax]
        pixels: list[PixelValue] = []
        numbers: dict[int, bytes] = {}
        names: dict[Tag, bytes] = {}
        has_encrypted = False
        while self._position < self._size:
            tag, vr, length = self._element(implicit=implicit)
            if tag not in _LOOKED_AT:
                self._skip_value(vr, length, implicit=implicit, depth=1)
                continue
            if tag == PIXEL_DATA and length == _UNDEFINED:
                if syntax not in ENCAPSULATED_SYNTAXES:
                    _refuse(ErrorCode.E_TRANSFER_SYNTAX)
                pixels.append(self._fragments())
                continue
            if (tag == PIXEL_DATA or tag in FLOAT_PIXELS) and length:
                pixels.append(PixelValue(tag=tag, offset=self._position, length=length))
            if tag[0] == _PIXEL_GROUP and tag[1] in _PIXEL_NUMBERS:
                if length > _MAX_NUMBER_BYTES:  # not read here, but perhaps by others
                    _refuse()
                numbers[tag[1]] = self._read(length)
                continue
            if tag in _NAMES:
                if length > _MAX_NAME_BYTES:
                    _refuse()
                names[tag] = self._read(length)
                continue
            has_encrypted |= tag == ENCRYPTED_ATTRIBUTES
            self._skip_value(vr, length, implicit=implicit, depth=1)
        return Layout(
            syntax=syntax,
            pixels=tuple(pixels),
            numbers=numbers,
            names=names,
            has_encrypted=has_encrypted,
        )

    def media_class(self) -> str:
        """Return the class that the meta information names, empty if it names none.

        Raises
        ------
        EncryptSecureRTError
            E_NO_DICOM without preamble and ``DICM``; E_DICOM if lengths do not fit the file.
        """
        self._preamble()
        return self._meta().get(_MEDIA_CLASS, b"").decode("latin-1")

    def _preamble(self) -> None:
        if self._size < PREAMBLE_BYTES + 4:
            _refuse(ErrorCode.E_NO_DICOM)
        self._skip(PREAMBLE_BYTES)
        if self._read(4) != b"DICM":
            _refuse(ErrorCode.E_NO_DICOM)

    def _fragments(self) -> PixelValue:
        """Step over the items of compressed pixels (PS3.5 section A.4)."""
        start = self._position
        items: list[Place] = []
        while True:
            end = self._position
            tag, _, length = self._element(implicit=True)
            if tag == _SEQUENCE_END and length == 0 and items:
                length = end - start
                return PixelValue(tag=PIXEL_DATA, offset=start, length=length, items=tuple(items))
            if tag != _ITEM or length == _UNDEFINED:
                _refuse()
            items.append((self._position, length))
            self._skip(length)

    def _meta(self) -> dict[Tag, bytes]:
        """Step over group 0002, and return its UIDs that are looked at, without padding."""
        uids: dict[Tag, bytes] = {}
        while self._position < self._size:
            window, at = self._look(2)
            if window[at : at + 2] != b"\x02\x00":
                break
            tag, vr, length = self._element(implicit=False)
            if tag in (_MEDIA_CLASS, _TRANSFER_SYNTAX) and length <= _MAX_META_BYTES:
                uids[tag] = self._read(length).rstrip(b"\0 ")
            else:
                self._skip_value(vr, length, implicit=False, depth=1)
        return uids

    def _element(self, *, implicit: bool) -> tuple[Tag, bytes, int]:
        """Read one element's head; the position is then at its value."""
        self._elements += 1
        if self._elements > MAX_ELEMENTS:
            _refuse(ErrorCode.E_TOO_LARGE)
        window, at = self._look(_HEAD_BYTES)
        group, number, vr, length = _EXPLICIT_HEAD(window, at)
        if implicit or group == 0xFFFE:
            self._position += _HEAD_BYTES
            return (group, number), b"", _IMPLICIT_HEAD(window, at)[2]
        if vr in SHORT_VRS:
            self._position += _HEAD_BYTES
            return (group, number), vr, length
        if vr not in LONG_VRS:
            _refuse()
        window, at = self._look(_LONG_HEAD_BYTES)
        self._position += _LONG_HEAD_BYTES
        return (group, number), vr, _LONG_LENGTH(window, at + _HEAD_BYTES)[0]

    def _skip_value(self, vr: bytes, length: int, *, implicit: bool, depth: int) -> None:
        if length != _UNDEFINED:
            self._skip(length)
        elif implicit or vr == b"UN":
            # PS3.5 section 6.2.2: UN of undefined length is a sequence in implicit VR.
            self._skip_items(implicit=True, depth=depth)
        elif vr == b"SQ":
            self._skip_items(implicit=False, depth=depth)
        else:
            _refuse()

    def _skip_items(self, *, implicit: bool, depth: int) -> None:
        if depth > MAX_DEPTH:
            _refuse()
        while True:
            tag, _, length = self._element(implicit=implicit)
            if tag == _SEQUENCE_END and length == 0:
                return
            if tag != _ITEM:
                _refuse()
            if length != _UNDEFINED:
                self._skip(length)
                continue
            while True:
                tag, vr, length = self._element(implicit=implicit)
                if tag == _ITEM_END and length == 0:
                    break
                if tag[0] == 0xFFFE:
                    _refuse()
                if tag == PIXEL_DATA and vr in (b"OB", b"OW") and length == _UNDEFINED:
                    self._fragments()  # of an icon image; it is header
                    continue
                self._skip_value(vr, length, implicit=implicit, depth=depth + 1)

    def _look(self, count: int) -> tuple[bytes, int]:
        """Return octets of the file, and where among them the next `count` begin."""
        at = self._position - self._window_at
        if at < 0 or at + count > len(self._window):
            self._file.seek(self._position)
            self._window = self._file.read(max(count, _WINDOW_BYTES))
            self._window_at, at = self._position, 0
            if len(self._window) < count:
                _refuse()
        if count > self._size - self._position:
            _refuse()
        return self._window, at

    def _read(self, count: int) -> bytes:
        window, at = self._look(count)
        self._position += count
        return window[at : at + count]

    def _skip(self, count: int) -> None:
        if count > self._size - self._position:
            _refuse()
        self._position += count
