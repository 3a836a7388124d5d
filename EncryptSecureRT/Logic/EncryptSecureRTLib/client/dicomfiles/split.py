"""Cut a file into header octets, which the worker sees, and bulk ranges, which it does not.

    file    |—— header ——|—— value of pixels ——| gap |—— value ——|— header —|
    split   header = header pieces and gaps joined;  bulk = (offset, length, SHA-256)

What in the value of the pixels is no picture becomes a gap, which goes with the header; what
cannot be told from a picture has the file refused. The file is read twice, or thrice if its pixels
are compressed: to find the ranges, to look through frames, and for octets and digests, a mebibyte
at a time, so that memory is bounded by the header limit, or a frame of RLE, whatever the file's
size.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, TypeVar

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.gaps import Place, kept_pieces
from encryptsecurert_protocol.headers import (
    MAX_HEADER_BYTES,
    MAX_PROTECTED_HEADER_BYTES,
    BulkRange,
    HeaderRequest,
    Octets,
)
from encryptsecurert_protocol.limits import MIB
from EncryptSecureRTLib.client.dicomfiles.encapsulated import gaps_of
from EncryptSecureRTLib.client.dicomfiles.picture import Picture, SpareBits, picture_of
from EncryptSecureRTLib.client.dicomfiles.stamp import FileStamp, settled_stamp
from EncryptSecureRTLib.client.dicomfiles.walker import PIXEL_DATA, Layout, PixelValue, TagWalker

__all__ = [
    "BulkRange",
    "SplitFile",
    "header_parts",
    "header_request",
    "in_batches",
    "layout_of",
    "media_class_of",
    "read_pieces",
    "split_file",
    "split_protected",
]
_BATCH_INSTANCES = 256
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitFile:
    """A file's header octets and where its bulk lies.

    `header` is the original's metadata: keep it no longer than needed, never decode or log it. Of a
    file that is `whole` it is all octets, and there is no bulk. `gaps` are places inside the bulk
    whose octets are header. `file_sha256` is empty where nobody wanted it. `stamp` is the
    file's before it was read, None if a later change might not show.
    """

    size: int
    header: bytearray = field(repr=False)
    bulk: tuple[BulkRange, ...]
    file_sha256: str
    whole: bool = False
    gaps: tuple[Place, ...] = ()
    stamp: FileStamp | None = None

    def wipe(self) -> None:
        """Overwrite the header octets with zeros."""
        self.header[:] = bytes(len(self.header))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cut:
    """A range to be cut out, the gaps in it, and what looks at the octets that stay."""

    offset: int
    length: int
    gaps: tuple[Place, ...] = ()
    spare: SpareBits | None = None


def split_file(path: Path, *, whole: bool = False) -> SplitFile:
    """Split one Part 10 file without decoding it.

    Parameters
    ----------
    path : Path
        A DICOM file with preamble, Explicit or Implicit VR Little Endian, compressed or not.
    whole : bool
        Cut nothing out: the pixels, too, are to be sealed. Then they are not looked at.

    Returns
    -------
    SplitFile
        Header octets, bulk ranges with digests, and the digest of the whole file.

    Raises
    ------
    EncryptSecureRTError
        E_NO_DICOM, E_TRANSFER_SYNTAX, E_DICOM as the walker says; E_HIDDEN_DATA if text may be
        hidden in the pixel data where it cannot be masked; E_TOO_LARGE if the header is over its
        limit; E_LOCAL_FILE if the file cannot be read.
    """
    return _split(path, MAX_HEADER_BYTES, _looked_through, whole=whole)


def split_protected(path: Path, *, with_digest: bool = True) -> SplitFile:
    """Split a protected file, of which nothing is left to be looked for (as `split_file`).

    Parameters
    ----------
    with_digest : bool
        Whether the digest of the whole file is wanted; it is empty if not.
    """
    return _split(path, MAX_PROTECTED_HEADER_BYTES, _as_they_are, with_digest=with_digest)


def _split(
    path: Path,
    most_header_bytes: int,
    cuts_of: Callable[[BinaryIO, Layout], list[_Cut]],
    *,
    whole: bool = False,
    with_digest: bool = True,
) -> SplitFile:
    try:
        with path.open("rb") as file:
            stamp = settled_stamp(file)
            size = os.fstat(file.fileno()).st_size
            cuts = [] if whole else cuts_of(file, TagWalker(file, size).layout())
            stays = sum(cut.length - sum(length for _, length in cut.gaps) for cut in cuts)
            if size - stays > most_header_bytes:
                raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
            return replace(
                _split_at(file, size, cuts, _Digest(wanted=with_digest), whole=whole), stamp=stamp
            )
    except OSError:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None


def _as_they_are(_: BinaryIO, layout: Layout) -> list[_Cut]:
    return [_Cut(offset=value.offset, length=value.length) for value in layout.pixels]


def _looked_through(file: BinaryIO, layout: Layout) -> list[_Cut]:
    """Return the cuts for pixels in which something may be hidden (E_HIDDEN_DATA)."""
    cuts: list[_Cut] = []
    for value in layout.pixels:
        gaps: tuple[Place, ...] = ()
        spare = None
        if value.tag == PIXEL_DATA:  # floats have no spare bits and are not compressed
            picture = picture_of(layout.numbers)
            if value.items:
                gaps = gaps_of(file, value.items, layout.syntax, picture)
            else:
                gaps = _pad_gap(file, value, picture)
                spare = SpareBits(picture)
        cuts.append(_Cut(offset=value.offset, length=value.length, gaps=gaps, spare=spare))
    return cuts


def _pad_gap(file: BinaryIO, value: PixelValue, picture: Picture) -> tuple[Place, ...]:
    """Return the place of the pad octet of uncompressed pixels if it is there and not zero."""
    pixel_bytes = (picture.size_bits + 7) // 8
    if pixel_bytes % 2 == 0 or value.length != pixel_bytes + 1:
        return ()
    file.seek(value.offset + pixel_bytes)
    return () if file.read(1) == b"\0" else ((value.offset + pixel_bytes, 1),)


def layout_of(path: Path, most_bytes: int | None = None) -> Layout:
    """Walk a file; refuse, as `split_file` would, one whose elements do not fit into it.

    One of more than `most_bytes` is not walked, and is E_TOO_LARGE.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            walker = TagWalker(file, size)
            if most_bytes is not None and size > most_bytes:
                walker.media_class()  # a large file of another kind is nobody's fault
                raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
            return walker.layout()
    except OSError:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None


def media_class_of(path: Path) -> str:
    """Return the class that a file's meta information names, empty if it names none.

    Nothing behind it is looked at (E_NO_DICOM, E_DICOM, E_LOCAL_FILE).
    """
    try:
        with path.open("rb") as file:
            return TagWalker(file, os.fstat(file.fileno()).st_size).media_class()
    except OSError:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None


def header_request(split: SplitFile) -> HeaderRequest:
    """Return the message that asks for this file's protection."""
    return HeaderRequest(
        size=split.size,
        bulk=split.bulk,
        header=split.header,
        file_sha256=split.file_sha256,
        whole=split.whole,
        gaps=split.gaps,
    )


def in_batches(
    files: Iterable[tuple[T, SplitFile]], most_bytes: int
) -> Iterator[list[tuple[T, SplitFile]]]:
    """Yield files in their order, as many at a time as one job takes.

    Parameters
    ----------
    files : iterable of (anything, SplitFile)
        Taken one by one, so that no more than one batch is in memory.
    most_bytes : int
        Of the headers of a batch together; a single one may be longer.
    """
    batch: list[tuple[T, SplitFile]] = []
    size = 0
    for file in files:
        header_bytes = len(file[1].header)
        if batch and (len(batch) >= _BATCH_INSTANCES or size + header_bytes > most_bytes):
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += header_bytes
    if batch:
        yield batch


def header_parts(header: Octets, places: Iterable[tuple[int, int]]) -> list[memoryview]:
    """Cut header octets where bulk goes in: a part before each place, and the rest.

    Parameters
    ----------
    places : iterable of (offset, length)
        Of the bulk in the whole file, in its order.
    """
    octets = memoryview(header)
    parts: list[memoryview] = []
    done = position = 0
    for offset, length in places:
        until = done + offset - position
        parts.append(octets[done:until])
        done, position = until, offset + length
    return [*parts, octets[done:]]


def read_pieces(file: BinaryIO, start: int, length: int) -> Iterator[bytes]:
    """Yield `length` octets from `start` on, a mebibyte at most at a time.

    Raises
    ------
    EncryptSecureRTError
        E_DIGEST if the file ends before that.
    """
    file.seek(start)
    while length:
        piece = file.read(min(length, MIB))
        if not piece:
            raise EncryptSecureRTError(ErrorCode.E_DIGEST)
        length -= len(piece)
        yield piece


class _Digest:
    """SHA-256 of what it is given, or nothing if nobody wants it: it takes half of a split."""

    def __init__(self, *, wanted: bool) -> None:
        self._digest = hashlib.sha256() if wanted else None

    def update(self, octets: bytes) -> None:
        if self._digest is not None:
            self._digest.update(octets)

    def hexdigest(self) -> str:
        return "" if self._digest is None else self._digest.hexdigest()


def _split_at(
    file: BinaryIO, size: int, cuts: Sequence[_Cut], digest: _Digest, *, whole: bool
) -> SplitFile:
    header = bytearray()
    bulk: list[BulkRange] = []
    position = 0
    for cut in (*cuts, _Cut(offset=size, length=0)):
        for piece in read_pieces(file, position, cut.offset - position):
            digest.update(piece)
            header += piece
        if not cut.length:
            break
        sha256 = _cut_out(file, cut, header, digest)
        bulk.append(BulkRange(offset=cut.offset, length=cut.length, sha256=sha256))
        position = cut.offset + cut.length
    return SplitFile(
        size=size,
        header=header,
        bulk=tuple(bulk),
        file_sha256=digest.hexdigest(),
        whole=whole,
        gaps=tuple(gap for cut in cuts for gap in cut.gaps),
    )


def _cut_out(file: BinaryIO, cut: _Cut, header: bytearray, whole: _Digest) -> str:
    """Add the gaps of a range to the header, and return its digest with zeros in them."""
    digest = hashlib.sha256()
    sections = [(place, False) for place in kept_pieces((cut.offset, cut.length), cut.gaps)]
    sections += [(place, True) for place in cut.gaps]
    for (offset, length), is_gap in sorted(sections):
        for piece in read_pieces(file, offset, length):
            whole.update(piece)
            if is_gap:
                header += piece
                digest.update(bytes(len(piece)))
                continue
            if cut.spare is not None:
                cut.spare.see(piece)
            digest.update(piece)
    return digest.hexdigest()
