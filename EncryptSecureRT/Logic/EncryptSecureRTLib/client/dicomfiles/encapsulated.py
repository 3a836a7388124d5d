"""Which octets of compressed pixels are no picture, and so go with the header.

    items   | offset table | frame | frame … | … of the frame | frame |

Each frame is read by the rules of its compression; what may hold text becomes a gap (`gaps`, in
the protocol). Octets behind the end of a frame, but for one pad octet, do too. There may be no
more frames than the header says, and the offset table, if it is not empty, has to lead to them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import BinaryIO

from encryptsecurert_protocol.gaps import Place
from EncryptSecureRTLib.client.dicomfiles.fragments import FragmentStream, GapList
from EncryptSecureRTLib.client.dicomfiles.hidden import FRAMES, OFFSETS, hidden
from EncryptSecureRTLib.client.dicomfiles.jpeg import walk_jpeg, walk_jpeg_ls
from EncryptSecureRTLib.client.dicomfiles.jpeg2000 import walk_jpeg_2000
from EncryptSecureRTLib.client.dicomfiles.picture import Picture
from EncryptSecureRTLib.client.dicomfiles.rle import walk_rle

_ITEM_HEAD_BYTES = 8
# A fragment has an even length; some writers fill it up with the octet that fills before markers.
_PADS = (b"", b"\0", b"\xff")

_WALKS: Mapping[bytes, Callable[[FragmentStream, Picture, GapList], None]] = {
    b"1.2.840.10008.1.2." + number: walk
    for walk, numbers in (
        (walk_jpeg, (b"4.50", b"4.51", b"4.57", b"4.70")),
        (walk_jpeg_ls, (b"4.80", b"4.81")),
        (
            walk_jpeg_2000,
            (b"4.90", b"4.91", b"4.92", b"4.93", b"4.201", b"4.202", b"4.203"),
        ),
        (walk_rle, (b"5",)),
    )
    for number in numbers
}
"""Every compression of `headers.ENCAPSULATED_SYNTAXES`."""


def gaps_of(
    file: BinaryIO, items: Sequence[Place], syntax: bytes, picture: Picture
) -> tuple[Place, ...]:
    """Return where in the file octets lie that no picture needs.

    Parameters
    ----------
    file : BinaryIO
        Open for reading, seekable.
    items : sequence of (offset, length)
        Values of the items of the pixels, the offset table first.
    syntax : bytes
        Transfer syntax, one with compressed pixels.
    picture : Picture
        What the header says of the pixels.

    Raises
    ------
    EncryptSecureRTError
        E_HIDDEN_DATA if a frame cannot be looked through, or there is more than frames.
    """
    table, *fragments = items
    stream = FragmentStream(file, fragments)
    gaps = GapList(stream)
    frames: list[int] = []
    while stream.position < stream.size:
        frames.append(stream.file_offset(stream.position) - _ITEM_HEAD_BYTES)
        _WALKS[syntax](stream, picture, gaps)
        end = stream.end_of_fragment(stream.position - 1)
        rest = end - stream.position
        if rest > 1 or stream.read(rest) not in _PADS:
            gaps.add_unread(end - rest, rest)
        stream.go(end)
    if len(frames) > picture.frames:
        raise hidden(FRAMES)
    _check_table(file, table, frames)
    return tuple(gaps.found)


def _check_table(file: BinaryIO, table: Place, frames: Sequence[int]) -> None:
    """Refuse an offset table that is neither empty nor that of the frames (PS3.5 section A.4)."""
    offset, length = table
    if not length:
        return
    first = offset + length
    expected = b"".join((frame - first & 0xFFFFFFFF).to_bytes(4, "little") for frame in frames)
    file.seek(offset)
    if length != len(expected) or file.read(length) != expected:
        raise hidden(OFFSETS)
