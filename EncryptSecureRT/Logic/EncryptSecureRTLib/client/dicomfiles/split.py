"""Cut a file into header octets, which the worker sees, and bulk ranges, which it does not.

    file    |—— header ——|—— value of pixels ——|— header —|
    split   header = both header pieces joined;  bulk = (offset, length, SHA-256)

The file is read twice: once to find the ranges, once for octets and digests, a mebibyte at a
time, so that memory is bounded by the header limit whatever the file's size.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TypeVar

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.headers import MAX_HEADER_BYTES, BulkRange, HeaderRequest, Octets
from encryptsecurert_protocol.limits import MIB
from EncryptSecureRTLib.client.dicomfiles.walker import TagWalker

__all__ = [
    "BulkRange",
    "SplitFile",
    "header_parts",
    "header_request",
    "in_batches",
    "read_pieces",
    "split_file",
]
_BATCH_INSTANCES = 256
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitFile:
    """A file's header octets and where its bulk lies.

    `header` is the original's metadata: keep it no longer than needed, never decode or log it.
    """

    size: int
    header: bytearray = field(repr=False)
    bulk: tuple[BulkRange, ...]
    file_sha256: str

    def wipe(self) -> None:
        """Overwrite the header octets with zeros."""
        self.header[:] = bytes(len(self.header))


def split_file(path: Path, most_header_bytes: int = MAX_HEADER_BYTES) -> SplitFile:
    """Split one Part 10 file without decoding it.

    Parameters
    ----------
    path : Path
        A DICOM file with preamble, Explicit or Implicit VR Little Endian, compressed or not.
    most_header_bytes : int
        What is not bulk may be so long; a protected file's is longer than its original's.

    Returns
    -------
    SplitFile
        Header octets, bulk ranges with digests, and the digest of the whole file.

    Raises
    ------
    EncryptSecureRTError
        E_NO_DICOM, E_TRANSFER_SYNTAX, E_DICOM as the walker says; E_TOO_LARGE if the header is
        over its limit; E_LOCAL_FILE if the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            ranges = TagWalker(file, size).pixel_ranges()
            if size - sum(length for _, length in ranges) > most_header_bytes:
                raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
            return _cut(file, size, ranges)
    except OSError:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None


def header_request(split: SplitFile) -> HeaderRequest:
    """Return the message that asks for this file's protection."""
    return HeaderRequest(
        size=split.size, bulk=split.bulk, header=split.header, file_sha256=split.file_sha256
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


def _cut(file: BinaryIO, size: int, ranges: tuple[tuple[int, int], ...]) -> SplitFile:
    whole = hashlib.sha256()
    header = bytearray()
    bulk: list[BulkRange] = []
    position = 0
    for offset, length in (*ranges, (size, 0)):
        for piece in read_pieces(file, position, offset - position):
            whole.update(piece)
            header += piece
        if not length:
            break
        digest = hashlib.sha256()
        for piece in read_pieces(file, offset, length):
            whole.update(piece)
            digest.update(piece)
        bulk.append(BulkRange(offset=offset, length=length, sha256=digest.hexdigest()))
        position = offset + length
    return SplitFile(size=size, header=header, bulk=tuple(bulk), file_sha256=whole.hexdigest())
