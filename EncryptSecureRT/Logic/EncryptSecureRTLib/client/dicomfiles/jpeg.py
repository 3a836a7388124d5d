"""Frames of JPEG (ISO/IEC 10918-1) and JPEG-LS (ISO/IEC 14495-1): what in them is no picture.

    SOI | APPn, COM | tables | SOF | SOS | entropy-coded data | ... | EOI

Comments and application segments may hold anything, and no decoder needs them but for three: the
JFIF and Adobe segments and `mrfx` tell how colours are meant. Those stay, octet for octet of their
fixed forms; all else in such segments is masked. Tables must be whole, used, and nothing more; a
segment that is not known here is refused, since nobody can say what it holds. Each component has
one scan. Entropy-coded data are the picture and not decoded.
"""

import hashlib
import re
from collections.abc import Iterator

from EncryptSecureRTLib.client.dicomfiles.fragments import FragmentStream, GapList
from EncryptSecureRTLib.client.dicomfiles.hidden import FRAME, SEGMENT, SHAPE, TABLES, hidden
from EncryptSecureRTLib.client.dicomfiles.picture import Picture

_SOI, _EOI, _SOS, _COM = 0xD8, 0xD9, 0xDA, 0xFE
_DHT, _DQT, _DRI, _LSE = 0xC4, 0xDB, 0xDD, 0xF8
_APPLICATION = range(0xE0, 0xF0)
_LOSSLESS, _LS = 0xC3, 0xF7
_FRAMES = (0xC0, 0xC1, _LOSSLESS, _LS)  # none is progressive: each component has one scan

# A marker behind entropy-coded data. After FF, JPEG has a zero octet in data and JPEG-LS a zero
# bit; RST markers are part of the data, and FF before a marker is a fill octet (ITU-T T.81 B.1.1).
_END_OF_JPEG_DATA = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_END_OF_LS_DATA = re.compile(rb"\xff[\x80-\xcf\xd8-\xfe]")

_VERSION = re.compile(rb"\x01[\x00-\x02]")
_JFIF = re.compile(
    rb"JFIF\0\x01[\x00-\x02](?:[\x00-\x02]\x00\x01\x00\x01|[\x01\x02]\x00(?:\x48\x00\x48|\x60\x00\x60))\0\0"
)
_ADOBE = re.compile(rb"Adobe\0[\x64\x65][\x00\x40\x80\xc0]\0\0\0[\x00-\x02]")
_ADOBE_BYTES, _ADOBE_TRANSFORM = 12, 11
_COLOUR_TRANSFORM = re.compile(rb"mrfx[\x00-\x05]")
_PRESET = b"\x01"  # the only kind of LSE that tells no palette
# SHA-256 of the four Huffman tables of ITU-T T.81 Annex K, which some writers put in unused.
_TYPICAL = frozenset(
    [
        "2f66814c875b53173f057d784a16a34d0d1f9aa91cdfa7143c41be02c9c7b005",
        "602f734c8c12c1d9d049a18fd91d9ef3d3d8c402665f90db3d97721fc49e4804",
        "a6283a08f5d97906b66adcc812e32396ea83059e55dd4cc91934cf447559aeb6",
        "13f90e3c9dc476c66f24347f6ad29cea93262e99faed279970c2f74e0557f445",
    ]
)


def walk_jpeg(stream: FragmentStream, picture: Picture, gaps: GapList) -> None:
    """Read one frame of JPEG, and add what is to be masked (E_HIDDEN_DATA)."""
    _Frame(stream, picture, gaps, is_ls=False).walk()


def walk_jpeg_ls(stream: FragmentStream, picture: Picture, gaps: GapList) -> None:
    """Read one frame of JPEG-LS, and add what is to be masked (E_HIDDEN_DATA)."""
    _Frame(stream, picture, gaps, is_ls=True).walk()


class _Frame:
    def __init__(
        self, stream: FragmentStream, picture: Picture, gaps: GapList, *, is_ls: bool
    ) -> None:
        self._stream = stream
        self._picture = picture
        self._gaps = gaps
        self._is_ls = is_ls
        self._kind = 0
        self._quantised: dict[int, int] = {}  # component -> its table
        self._unscanned: set[int] = set()  # components
        self._unused: set[tuple[int, int]] = set()  # (marker, table)

    def walk(self) -> None:
        """Read up to EOI."""
        if self._marker() != _SOI:
            raise hidden(FRAME)
        marker = self._marker()
        while marker != _EOI:
            start, body = self._segment()
            if marker == _COM or marker in _APPLICATION:
                self._mask(marker, start, body)
            elif marker == _SOS:
                self._scan(body)
                end = _END_OF_LS_DATA if self._is_ls else _END_OF_JPEG_DATA
                marker = self._stream.find(end)[0]
                continue
            else:
                self._table(marker, body)
            marker = self._marker()
        if not self._kind or self._unscanned:
            raise hidden(FRAME)
        if self._unused:
            raise hidden(TABLES)

    def _marker(self) -> int:
        octets = self._stream.read(2)
        if octets[0] != 0xFF:
            raise hidden(FRAME)
        while octets[-1] == 0xFF:
            octets = self._stream.read(1)
        return octets[-1]

    def _segment(self) -> tuple[int, bytes]:
        """Return the position of a segment's octets behind its length, and the octets."""
        length = int.from_bytes(self._stream.read(2), "big")
        if length < 2:
            raise hidden(FRAME)
        start = self._stream.position
        return start, self._stream.read(length - 2)

    def _mask(self, marker: int, start: int, body: bytes) -> None:
        for first, end in _masked(marker, body):
            self._gaps.add(start + first, body[first:end])

    def _table(self, marker: int, body: bytes) -> None:
        """Hold a segment that is no comment against its form."""
        if marker in _FRAMES and (marker == _LS) == self._is_ls and not self._kind:
            self._frame_header(marker, body)
        elif marker in (_DQT, _DHT) and not self._is_ls:
            for number, table in _tables(marker, body):
                if hashlib.sha256(table).hexdigest() not in _TYPICAL:
                    self._define(marker, number)
        elif marker == _LSE and self._is_ls:
            if len(body) != 11 or not body.startswith(_PRESET):
                raise hidden(SEGMENT)
            self._define(marker, 0)
        elif marker == _DRI:
            if len(body) != 2:
                raise hidden(FRAME)
            self._define(marker, 0)
        else:
            raise hidden(SEGMENT)

    def _define(self, marker: int, number: int) -> None:
        """Note what a scan has to use before it is defined anew."""
        if (marker, number) in self._unused:
            raise hidden(TABLES)
        self._unused.add((marker, number))

    def _frame_header(self, marker: int, body: bytes) -> None:
        components = body[5] if len(body) > 5 else 0
        if len(body) != 6 + 3 * components:
            raise hidden(FRAME)
        rows, columns = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
        picture = self._picture
        if (rows, columns, components) != (picture.rows, picture.columns, picture.samples):
            raise hidden(SHAPE)
        self._kind = marker
        self._quantised = {body[at]: body[at + 2] for at in range(6, len(body), 3)}
        self._unscanned = set(self._quantised)

    def _scan(self, body: bytes) -> None:
        """Hold the head of a scan against its form, and note which tables it uses."""
        components = body[0] if body else 0
        if not components or len(body) != 4 + 2 * components:
            raise hidden(FRAME)
        self._unused -= {(_LSE, 0), (_DRI, 0)}
        for at in range(1, 1 + 2 * components, 2):
            component, tables = body[at], body[at + 1]
            if component not in self._unscanned:
                raise hidden(FRAME)
            self._unscanned.remove(component)
            self._unused.discard((_DQT, self._quantised[component]))
            self._unused.discard((_DHT, tables >> 4))
            if self._kind != _LOSSLESS:
                self._unused.discard((_DHT, 0x10 | tables & 0x0F))


def _tables(marker: int, body: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the tables in a DQT or DHT, which must fill it, by their numbers."""
    position = 0
    while position < len(body):
        number, start = body[position], position + 1
        if marker == _DQT:
            position = start + (128 if number & 0xF0 else 64)
        else:
            position = start + 16 + sum(body[start : start + 16])
            values = body[start + 16 : position]
            if len(set(values)) != len(values):  # no code has two words
                raise hidden(FRAME)
        yield (number & 0x0F if marker == _DQT else number), body[start:position]
    if position != len(body):
        raise hidden(FRAME)


def _masked(marker: int, body: bytes) -> list[tuple[int, int]]:
    """Return which octets of a comment or application segment are masked: (first, end)."""
    whole = [(0, len(body))]
    if marker == _COM:
        return whole
    if marker == _APPLICATION[0] and body.startswith(b"JFIF\0"):
        if _JFIF.fullmatch(body):
            return []
        return [(7 if _VERSION.match(body, 5) else 5, len(body))]
    if marker == _APPLICATION[14] and body.startswith(b"Adobe") and len(body) >= _ADOBE_BYTES:
        if _ADOBE.fullmatch(body):
            return []
        if body[_ADOBE_TRANSFORM] > 2:
            raise hidden(SEGMENT)
        return [(5, _ADOBE_TRANSFORM), (_ADOBE_BYTES, len(body))]
    if marker == _APPLICATION[8] and _COLOUR_TRANSFORM.fullmatch(body):
        return []
    return whole
