"""Frames of JPEG 2000 and High-Throughput JPEG 2000 (ISO/IEC 15444-1 and -15), without boxes.

    SOC | SIZ, COD, QCD, COM … | SOT | COM … | SOD | packets | SOT … | EOC

Comments, in the main header and in those of tile-parts, are masked. All other segments are numbers
that a decoder needs: each is as long as its standard and the picture make it, and comes once. Every
tile-part belongs to a tile of the picture and comes in its order. Packets are the picture and not
decoded. Refused are segments that nobody needs and nobody can check (lengths and heads of packets,
Part 2), and JP2 boxes, which DICOM does not have (PS3.5 section A.4.4).
"""

import re
from collections import Counter
from collections.abc import Callable, Container, Mapping

from EncryptSecureRTLib.client.dicomfiles.fragments import FragmentStream, GapList
from EncryptSecureRTLib.client.dicomfiles.hidden import FRAME, SEGMENT, SHAPE, TABLES, hidden
from EncryptSecureRTLib.client.dicomfiles.picture import Picture

_SOC, _SIZ, _SOT, _SOD, _EOC = 0x4F, 0x51, 0x90, 0x93, 0xD9
_CAP, _COD, _COC, _TLM, _QCD, _QCC = 0x50, 0x52, 0x53, 0x55, 0x5C, 0x5D
_RGN, _POC, _COM = 0x5E, 0x5F, 0x64

_SOT_BYTES = 12
_MOST_TILES, _MOST_LEVELS, _MOST_PROGRESSIONS = 65535, 32, 64
_MOST_PARTS = 262_144  # so many are kept in memory
_PART_15 = b"\0\2\0\0"  # the one capability that DICOM has: High-Throughput
# Packets hold no octet above 8F behind FF, so this is no part of one (ISO/IEC 15444-1, B.10.1).
_END_OF_PACKETS = re.compile(rb"\xff\xd9")


def _is_coding(body: bytes, levels_at: int) -> bool:
    """Tell whether coding parameters fill a segment: number of levels and more, maybe precincts."""
    levels = body[levels_at] if len(body) > levels_at else _MOST_LEVELS + 1
    precincts = levels + 1 if body[0] & 1 else 0
    return levels <= _MOST_LEVELS and len(body) == levels_at + 5 + precincts


def _steps(body: bytes) -> int:
    """Return how many quantisation steps fill a segment, 0 if they do not (15444-1, table A.28)."""
    style, length = body[0] & 0x1F, len(body) - 1
    if style == 1:
        return 1 if length == 2 else 0
    steps, rest = divmod(length, 2 if style == 2 else 1)
    return 0 if style > 2 or rest else steps


def _is_progression(body: bytes) -> bool:
    """Tell whether changes of progression fill a segment (ISO/IEC 15444-1, table A.32)."""
    changes = [body[at : at + 7] for at in range(0, len(body), 7)]
    return len(changes) <= _MOST_PROGRESSIONS and all(
        len(one) == 7 and one[0] <= _MOST_LEVELS and one[4] <= _MOST_LEVELS + 1 and one[6] <= 4
        for one in changes
    )


# Components have numbers of one octet: no picture of DICOM has more than 256.
_FORMS: Mapping[int, Callable[[bytes], bool]] = {
    _CAP: lambda body: len(body) == 6 and body.startswith(_PART_15),
    _COD: lambda body: _is_coding(body, 5),
    _COC: lambda body: _is_coding(body[1:], 1),
    _QCD: lambda body: _steps(body) > 0,
    _QCC: lambda body: _steps(body[1:]) > 0,
    _RGN: lambda body: len(body) == 3,
    _POC: _is_progression,
}
_OF_A_COMPONENT = (_COC, _QCC, _RGN)
_LEAST_BODY_BYTES = 2


def walk_jpeg_2000(stream: FragmentStream, picture: Picture, gaps: GapList) -> None:
    """Read one frame, and add what is to be masked (E_HIDDEN_DATA)."""
    _Frame(stream, picture, gaps).walk()


class _Frame:
    def __init__(self, stream: FragmentStream, picture: Picture, gaps: GapList) -> None:
        self._stream = stream
        self._picture = picture
        self._gaps = gaps
        self._tiles = self._levels = 0
        self._parts: list[tuple[int, int]] = []  # (tile, octets) of each tile-part
        self._parts_of: Counter[int] = Counter()
        self._told: list[tuple[int | None, int]] = []  # the same, as TLM tells it

    def walk(self) -> None:
        """Read up to EOC."""
        if self._marker() != _SOC or self._marker() != _SIZ:
            raise hidden(FRAME)
        self._size(self._segment()[1])
        marker = self._segments((*_FORMS, _TLM))
        while marker == _SOT:
            marker = self._tile_part()
        if marker != _EOC or len(self._parts_of) != self._tiles:
            raise hidden(FRAME)
        self._check_told()

    def _marker(self) -> int:
        octets = self._stream.read(2)
        if octets[0] != 0xFF:
            raise hidden(FRAME)
        return octets[1]

    def _segment(self) -> tuple[int, bytes]:
        """Return the position of a segment's octets behind its length, and the octets."""
        length = int.from_bytes(self._stream.read(2), "big")
        if length < 2 + _LEAST_BODY_BYTES:
            raise hidden(FRAME)
        start = self._stream.position
        return start, self._stream.read(length - 2)

    def _size(self, body: bytes) -> None:
        """Hold the size of the picture against what the header says of it."""
        if len(body) < 36 or len(body) != 36 + 3 * int.from_bytes(body[34:36], "big"):
            raise hidden(FRAME)
        width, height, left, top, tile_width, tile_height, tiles_left, tiles_top = (
            int.from_bytes(body[at : at + 4], "big") for at in range(2, 34, 4)
        )
        picture = self._picture
        components = int.from_bytes(body[34:36], "big")
        if (height - top, width - left, components) != (
            picture.rows,
            picture.columns,
            picture.samples,
        ):
            raise hidden(SHAPE)
        if not tile_width or not tile_height:
            raise hidden(FRAME)
        self._tiles = -((tiles_left - width) // tile_width) * -((tiles_top - height) // tile_height)
        if not 1 <= self._tiles <= _MOST_TILES:
            raise hidden(FRAME)

    def _segments(self, known: Container[int]) -> int:
        """Read the segments of a header, and return the marker that ends it."""
        seen: set[tuple[int, int]] = set()
        steps = 0
        while True:
            marker = self._marker()
            if marker in (_SOT, _SOD, _EOC):
                break
            start, body = self._segment()
            if marker == _COM:
                self._gaps.add(start, body)
                continue
            if marker not in known:
                raise hidden(SEGMENT)
            if marker == _TLM:
                self._tell(body)
                continue
            component = body[0] if marker in _OF_A_COMPONENT else 0
            is_new = (marker, component) not in seen and component < self._picture.samples
            if not is_new or not _FORMS[marker](body):
                raise hidden(SEGMENT)
            seen.add((marker, component))
            if marker in (_COD, _COC):
                self._levels = max(self._levels, body[5] if marker == _COD else body[2])
            elif marker in (_QCD, _QCC):
                steps = max(steps, _steps(body if marker == _QCD else body[1:]))
        if steps > 3 * self._levels + 1:
            raise hidden(TABLES)
        return marker

    def _tile_part(self) -> int:
        """Read one tile-part behind its marker, and return the marker behind it."""
        begin = self._stream.position - 2
        _, body = self._segment()
        if len(body) != _SOT_BYTES - 4:
            raise hidden(FRAME)
        tile, size = int.from_bytes(body[:2], "big"), int.from_bytes(body[2:6], "big")
        number, count = body[6], body[7]
        if tile >= self._tiles or number != self._parts_of[tile] or (count and number >= count):
            raise hidden(FRAME)
        if len(self._parts) == _MOST_PARTS:
            raise hidden(FRAME)
        self._parts_of[tile] += 1
        if self._segments(_FORMS if number == 0 else (_POC,)) != _SOD:
            raise hidden(FRAME)
        if size == 0:  # the last one: up to the end of the frame
            self._stream.find(_END_OF_PACKETS)
            self._parts.append((tile, self._stream.position - 2 - begin))
            return _EOC
        self._parts.append((tile, size))
        self._stream.go(begin + size)
        return self._marker()

    def _tell(self, body: bytes) -> None:
        """Note what a TLM segment says of tile-parts (ISO/IEC 15444-1, A.7.1)."""
        tile_bytes, size_bytes = body[1] >> 4 & 3, 4 if body[1] & 0x40 else 2
        step = tile_bytes + size_bytes
        if tile_bytes > 2 or body[1] & 0x8F or (len(body) - 2) % step:
            raise hidden(SEGMENT)
        if len(self._told) + (len(body) - 2) // step > _MOST_PARTS:
            raise hidden(TABLES)
        for at in range(2, len(body), step):
            tile = int.from_bytes(body[at : at + tile_bytes], "big") if tile_bytes else None
            size = int.from_bytes(body[at + tile_bytes : at + step], "big")
            self._told.append((tile, size))

    def _check_told(self) -> None:
        """Hold the tile-parts that were told against those that are there."""
        if not self._told:
            return
        if len(self._told) != len(self._parts):
            raise hidden(TABLES)
        for (told_tile, told_size), (tile, size) in zip(self._told, self._parts, strict=True):
            if told_size != size or told_tile not in (None, tile):
                raise hidden(TABLES)
