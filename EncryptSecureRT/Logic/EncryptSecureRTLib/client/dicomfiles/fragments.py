"""Compressed pixels as one stream of octets, whatever fragments they come in.

A frame begins with a fragment and may go on in others (PS3.5 section A.4); a segment of a frame
may be cut by the end of one. So frames are read as if the fragments had no borders, and what is
found is told as places in the file. Octets are read as they are needed: no frame is in memory.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate
from typing import BinaryIO

from encryptsecurert_protocol.gaps import MAX_GAPS, Place
from EncryptSecureRTLib.client.dicomfiles.hidden import FRAME, TOO_MANY, hidden

_PIECE_BYTES = 65536


class FragmentStream:
    """The octets of fragments, one after another; `position` counts them.

    Parameters
    ----------
    file : BinaryIO
        Open for reading, seekable.
    fragments : iterable of (offset, length)
        Places of the values of the items, without that of the offset table.
    """

    def __init__(self, file: BinaryIO, fragments: Iterable[Place]) -> None:
        self._file = file
        self._fragments = [fragment for fragment in fragments if fragment[1]]
        self._starts = list(accumulate((length for _, length in self._fragments), initial=0))
        self.size = self._starts[-1]
        self.position = 0

    def read(self, count: int) -> bytes:
        """Return the next octets (E_HIDDEN_DATA if there are fewer)."""
        places = self.places(self.position, count)
        self.position += count
        return b"".join(self._octets(place) for place in places)

    def go(self, position: int) -> None:
        """Step over octets up to a position (E_HIDDEN_DATA if it is not ahead)."""
        if not self.position <= position <= self.size:
            raise hidden(FRAME)
        self.position = position

    def find(self, pattern: re.Pattern[bytes]) -> bytes:
        """Go behind the next two octets, FF first, that match `pattern`, and return the second."""
        before = b""
        while True:
            left = min(self.end_of_fragment(self.position) - self.position, _PIECE_BYTES)
            if not left:
                raise hidden(FRAME)
            octets = before + self.read(left)
            found = pattern.search(octets)
            if found is not None:
                self.position -= len(octets) - found.end()
                return octets[found.end() - 1 : found.end()]
            before = b"\xff" if octets.endswith(b"\xff") else b""

    def end_of_fragment(self, position: int) -> int:
        """Return where the fragment ends that the octet at a position is in."""
        number = bisect_right(self._starts, position)
        return self._starts[min(number, len(self._fragments))]

    def file_offset(self, position: int) -> int:
        """Return where in the file the octet at a position of the stream lies."""
        return self.places(position, 1)[0][0]

    def places(self, start: int, count: int) -> list[Place]:
        """Return where in the file octets of the stream lie (E_HIDDEN_DATA beyond its end)."""
        if count > self.size - start:
            raise hidden(FRAME)
        found: list[Place] = []
        number = bisect_right(self._starts, start) - 1
        while count:
            offset, length = self._fragments[number]
            inside = start - self._starts[number]
            taken = min(count, length - inside)
            found.append((offset + inside, taken))
            start, count, number = start + taken, count - taken, number + 1
        return found

    def _octets(self, place: Place) -> bytes:
        offset, length = place
        self._file.seek(offset)
        octets = self._file.read(length)
        if len(octets) != length:
            raise hidden(FRAME)
        return octets


class GapList:
    """Gaps of one value of pixels, found from its start to its end."""

    def __init__(self, stream: FragmentStream) -> None:
        self._stream = stream
        self.found: list[Place] = []

    def add(self, start: int, octets: bytes) -> None:
        """Make a gap of these octets at a position of the stream, unless they are zeros."""
        if octets.strip(b"\0"):
            self.add_unread(start, len(octets))

    def add_unread(self, start: int, count: int) -> None:
        """Make a gap of octets of the stream, whatever they are (E_HIDDEN_DATA if too many)."""
        self.found += self._stream.places(start, count)
        if len(self.found) > MAX_GAPS:
            raise hidden(TOO_MANY)
