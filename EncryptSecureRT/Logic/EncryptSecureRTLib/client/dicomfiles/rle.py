"""Frames of RLE (PS3.5 Annex G): 64 octets of header, then a PackBits segment a byte plane.

    number of segments, 15 offsets | segment | pad | segment | pad | ...

Each segment is unpacked, since nothing else tells where it ends: what follows its last pixel is
masked, and the spare bits of the pixels are looked at as in uncompressed ones.
"""

import struct
from collections.abc import Sequence
from dataclasses import replace

from encryptsecurert_protocol.limits import MIB
from EncryptSecureRTLib.client.dicomfiles.fragments import FragmentStream, GapList
from EncryptSecureRTLib.client.dicomfiles.hidden import FRAME, hidden
from EncryptSecureRTLib.client.dicomfiles.picture import Picture, SpareBits

_HEADER = struct.Struct("<16L")
_MOST_BYTES = 256 * MIB  # of a frame, packed or not: it is in memory
_NO_RUN = 128
_REPEATED = 257  # less the octet before a repeated one: how often it comes


def walk_rle(stream: FragmentStream, picture: Picture, gaps: GapList) -> None:
    """Read one frame, which is one fragment, and add what is to be masked (E_HIDDEN_DATA)."""
    begin = stream.position
    size = stream.end_of_fragment(begin) - begin
    bits = picture.bits_allocated
    plane_bytes = (picture.rows * picture.columns * min(bits, 8) + 7) // 8
    planes_of_frame = picture.samples * ((bits + 7) // 8)
    if max(size, plane_bytes * planes_of_frame) > _MOST_BYTES:
        raise hidden(FRAME)
    frame = stream.read(size)
    starts = _segment_starts(frame, planes_of_frame)
    planes: list[bytes] = []
    for start, end in zip(starts, [*starts[1:], len(frame)], strict=True):
        plane, stop = _unpacked(frame, start, end, plane_bytes)
        planes.append(plane)
        if end - stop > 1 or frame[stop:end] not in (b"", b"\0"):
            gaps.add(begin + stop, frame[stop:end])
    _check_spare_bits(planes, replace(picture, frames=1))


def _segment_starts(frame: bytes, segments: int) -> list[int]:
    """Return where the segments begin; the header must be that of so many, and no more."""
    if len(frame) < _HEADER.size or not 1 <= segments < 16:
        raise hidden(FRAME)
    count, *offsets = _HEADER.unpack_from(frame)
    starts = offsets[:segments]
    if count != segments or any(offsets[segments:]) or starts[0] != _HEADER.size:
        raise hidden(FRAME)
    if starts != sorted(starts) or starts[-1] > len(frame):
        raise hidden(FRAME)
    return starts


def _unpacked(frame: bytes, start: int, end: int, size: int) -> tuple[bytes, int]:
    """Return the octets that a segment stands for, and where what makes them ends."""
    plane = bytearray()
    position = start
    while len(plane) < size and position < end:
        head = frame[position]
        if head < _NO_RUN:
            following = position + 2 + head
            plane += frame[position + 1 : following]
        elif head > _NO_RUN:
            following = position + 2
            plane += frame[position + 1 : following] * (_REPEATED - head)
        else:
            following = position + 1
        position = following
    if len(plane) != size or position > end:
        raise hidden(FRAME)
    return bytes(plane), position


def _check_spare_bits(planes: Sequence[bytes], picture: Picture) -> None:
    """Look at the pixels that byte planes, the highest byte first, are put together to."""
    spare = SpareBits(picture)
    if not spare.is_needed:
        return
    width = len(planes) // picture.samples
    for first in range(0, len(planes), width):
        words = bytearray(sum(map(len, planes[first : first + width])))
        for place, plane in enumerate(reversed(planes[first : first + width])):
            words[place::width] = plane
        spare.see(bytes(words))
