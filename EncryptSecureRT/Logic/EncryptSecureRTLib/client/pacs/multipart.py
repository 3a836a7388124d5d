"""multipart/related (RFC 2387), read and written as it comes, never whole in memory.

    read_parts(pieces, boundary, bounds)   -> each part as an iterator of its octets
    MultipartBody(files, boundary)         -> a request's body of a known length

What is read is untrusted: heads, parts and their number are bounded, and a body that ends before
its closing boundary is E_PACS_ANSWER, since its last part may be half of one.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import KIB
from EncryptSecureRTLib.client.pacs.model import Outgoing, wrong_answer
from EncryptSecureRTLib.client.pacs.part10 import file_head

BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]\Z")  # RFC 2046 5.1.1
_MAX_HEAD_BYTES = 8 * KIB
_PIECE_BYTES = 64 * KIB
_TYPE = b"content-type:"


class Parts:
    """The parts of a body, one after the other.

    Parameters
    ----------
    pieces : the body's octets.
    most_parts : E_PACS_ANSWER over it.
    """

    def __init__(self, pieces: Iterable[bytes], boundary: str, most_parts: int) -> None:
        self._pieces = iter(pieces)
        self._mark = b"\r\n--" + boundary.encode("ascii")
        self._most_parts = most_parts
        # As if a line ended before the first boundary, which stands at the beginning.
        self._held = bytearray(b"\r\n")

    def read(self) -> Iterator[Iterator[bytes]]:
        """Yield each part's octets; a part has to be read to its end before the next."""
        for _ in self._until_mark(_MAX_HEAD_BYTES):
            pass  # a preamble means nothing
        count = 0
        while not self._is_last():
            count += 1
            if count > self._most_parts:
                raise wrong_answer("more parts than a study may have")
            self._head()
            yield self._until_mark()

    def _fill(self) -> None:
        piece = next(self._pieces, None)
        if piece is None:
            raise wrong_answer("a body ends before its last boundary")
        self._held += piece

    def _until_mark(self, most_bytes: int | None = None) -> Iterator[bytes]:
        """Yield octets up to the next boundary, and step over that."""
        given = 0
        while True:
            at = self._held.find(self._mark)
            # The mark may have begun at the end of what is held.
            end = at if at >= 0 else max(0, len(self._held) - len(self._mark) + 1)
            if end:
                piece = bytes(self._held[:end])
                given += end
                if most_bytes is not None and given > most_bytes:
                    raise wrong_answer("a body does not begin with its boundary")
                del self._held[:end]
                yield piece
            if at >= 0:
                del self._held[: len(self._mark)]
                return
            self._fill()

    def _is_last(self) -> bool:
        """Step over the end of a boundary's line, and tell whether it is the closing one."""
        while len(self._held) < 2:
            self._fill()
        if self._held.startswith(b"--"):
            return True
        while b"\r\n" not in self._held[:_MAX_HEAD_BYTES]:
            if len(self._held) >= _MAX_HEAD_BYTES:
                raise wrong_answer("a boundary's line has no end")
            self._fill()
        padding, _, _ = self._held.partition(b"\r\n")
        if padding.strip(b" \t"):
            raise wrong_answer("a boundary's line goes on")
        del self._held[: len(padding)]  # the line's end begins the head
        return False

    def _head(self) -> None:
        """Step over a part's head, which has to say that it is DICOM."""
        while (end := self._held.find(b"\r\n\r\n")) < 0:
            if len(self._held) > _MAX_HEAD_BYTES:
                raise wrong_answer("a part's head has no end")
            self._fill()
        lines = bytes(self._held[:end]).split(b"\r\n")
        del self._held[: end + 4]
        types = [line[len(_TYPE) :] for line in lines if line.lower().startswith(_TYPE)]
        if [one.partition(b";")[0].strip().lower() for one in types] != [b"application/dicom"]:
            raise wrong_answer("a part is not DICOM")


@dataclass(frozen=True, slots=True)
class MultipartBody:
    """The body of a STOW-RS request: files with a head of ours, read while they are sent."""

    files: Sequence[Outgoing]
    boundary: str

    def _part_head(self, file: Outgoing) -> bytes:
        head = f"--{self.boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode("ascii")
        return head + file_head(file)

    def _end(self) -> bytes:
        return f"--{self.boundary}--\r\n".encode("ascii")

    def __len__(self) -> int:
        parts = (
            len(self._part_head(file)) + file.size_bytes - file.data_set_at + 2
            for file in self.files
        )
        return sum(parts) + len(self._end())

    def __iter__(self) -> Iterator[bytes]:
        for file in self.files:
            yield self._part_head(file)
            file.require_as_judged()
            try:
                with file.path.open("rb") as source:
                    yield from _data_set(source, file)
            except OSError:
                raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None
            yield b"\r\n"
        yield self._end()


def _data_set(source: BinaryIO, file: Outgoing) -> Iterator[bytes]:
    source.seek(file.data_set_at)
    left = file.size_bytes - file.data_set_at
    while left:
        piece = source.read(min(left, _PIECE_BYTES))
        if not piece:  # it was shortened meanwhile
            raise OSError
        left -= len(piece)
        yield piece
