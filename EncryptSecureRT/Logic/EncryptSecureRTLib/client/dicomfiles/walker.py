"""A tag walker that only knows where elements end (PS3.5 section 7, PS3.10 section 7).

It steps over a Part 10 file, Explicit or Implicit VR Little Endian, and tells where the value
of the top-level pixels lies: all of it, or the items of compressed pixels up to their end. Values
are skipped, not read: the only one looked at is the transfer syntax. Items are entered only where
their length is undefined.
"""

from typing import BinaryIO, NoReturn

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.headers import ENCAPSULATED_SYNTAXES

PREAMBLE_BYTES = 128
PIXEL_DATA = (0x7FE0, 0x0010)
FLOAT_PIXELS = ((0x7FE0, 0x0008), (0x7FE0, 0x0009))
MAX_DEPTH = 16
MAX_ELEMENTS = 262_144

_TRANSFER_SYNTAX = (0x0002, 0x0010)
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
_LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())

Tag = tuple[int, int]


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

    def pixel_ranges(self) -> tuple[tuple[int, int], ...]:
        """Return (offset, length) of each top-level value of pixels, in file order.

        Raises
        ------
        EncryptSecureRTError
            E_NO_DICOM without preamble and ``DICM``; E_TRANSFER_SYNTAX for big endian, deflated
            and compressions that are not known; E_DICOM if lengths do not fit the file.
        """
        if self._size < PREAMBLE_BYTES + 4:
            _refuse(ErrorCode.E_NO_DICOM)
        self._skip(PREAMBLE_BYTES)
        if self._read(4) != b"DICM":
            _refuse(ErrorCode.E_NO_DICOM)
        syntax = self._meta()
        implicit = _IMPLICIT_OF_SYNTAX[syntax]
        ranges: list[tuple[int, int]] = []
        while self._position < self._size:
            tag, vr, length = self._element(implicit=implicit)
            if tag == PIXEL_DATA and length == _UNDEFINED:
                if syntax not in ENCAPSULATED_SYNTAXES:
                    _refuse(ErrorCode.E_TRANSFER_SYNTAX)
                ranges.append(self._fragments())
                continue
            if (tag == PIXEL_DATA or tag in FLOAT_PIXELS) and length:
                ranges.append((self._position, length))
            self._skip_value(vr, length, implicit=implicit, depth=1)
        return tuple(ranges)

    def _fragments(self) -> tuple[int, int]:
        """Step over the items of compressed pixels (PS3.5 section A.4) and return their range."""
        start = self._position
        while True:
            end = self._position
            tag, _, length = self._element(implicit=True)
            if tag == _SEQUENCE_END and length == 0 and end > start:
                return start, end - start
            if tag != _ITEM or length == _UNDEFINED:
                _refuse()
            self._skip(length)

    def _meta(self) -> bytes:
        """Step over group 0002 and return the transfer syntax."""
        syntax: bytes | None = None
        while self._position < self._size:
            start = self._position
            group = int.from_bytes(self._read(2), "little")
            self._go(start)
            if group != 0x0002:
                break
            tag, vr, length = self._element(implicit=False)
            if tag == _TRANSFER_SYNTAX:
                if length > 64:
                    _refuse(ErrorCode.E_TRANSFER_SYNTAX)
                syntax = self._read(length).rstrip(b"\0 ")
            else:
                self._skip_value(vr, length, implicit=False, depth=1)
        if syntax is None or syntax not in _IMPLICIT_OF_SYNTAX:
            _refuse(ErrorCode.E_TRANSFER_SYNTAX)
        return syntax

    def _element(self, *, implicit: bool) -> tuple[Tag, bytes, int]:
        """Read one element's head; the position is then at its value."""
        self._elements += 1
        if self._elements > MAX_ELEMENTS:
            _refuse(ErrorCode.E_TOO_LARGE)
        head = self._read(8)
        tag = (int.from_bytes(head[:2], "little"), int.from_bytes(head[2:4], "little"))
        if implicit or tag[0] == 0xFFFE:
            return tag, b"", int.from_bytes(head[4:], "little")
        vr = head[4:6]
        if vr in _SHORT_VRS:
            return tag, vr, int.from_bytes(head[6:], "little")
        if vr not in _LONG_VRS:
            _refuse()
        return tag, vr, int.from_bytes(self._read(4), "little")

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
                self._skip_value(vr, length, implicit=implicit, depth=depth + 1)

    def _read(self, count: int) -> bytes:
        octets = self._file.read(count)
        if len(octets) != count or self._position + count > self._size:
            _refuse()
        self._position += count
        return octets

    def _skip(self, count: int) -> None:
        if count > self._size - self._position:
            _refuse()
        self._go(self._position + count)

    def _go(self, position: int) -> None:
        self._file.seek(position)
        self._position = position
