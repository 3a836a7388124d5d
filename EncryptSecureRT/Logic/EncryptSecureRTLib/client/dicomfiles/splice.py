"""Write a protected file: the worker's header with the original's bulk put in, zeros in its gaps.

The name comes from the answer alone (mapped UIDs), so a path of the original never reaches the
destination; the time stamp is the same for every file. The octets go to a neutral temporary
name first and get their real one only when every bulk digest has been checked, or the original
is known not to have changed (see `stamp`): a file that is there is whole.
"""

import hashlib
import os
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.gaps import Place, kept_pieces
from encryptsecurert_protocol.headers import BulkRange, HeaderState, ProtectedHeader
from EncryptSecureRTLib.client.dicomfiles.split import SplitFile, header_parts, read_pieces
from EncryptSecureRTLib.client.dicomfiles.stamp import stamp_of

# 1980-01-01: also the earliest time that a zip archive can hold.
PROTECTED_MTIME_S = 315_532_800


def splice(
    answer: ProtectedHeader, original_path: Path, split: SplitFile, destination: Path
) -> Path:
    """Write the protected file of `answer` under `destination`.

    Parameters
    ----------
    answer : ProtectedHeader
        What the worker made of this split.
    original_path : Path
        The file that was split; only its bulk ranges are read.
    split : SplitFile
        Its ranges and digests.
    destination : Path
        Folder; ``<mapped series>/<mapped instance>.dcm`` is made in it.

    Returns
    -------
    Path
        The protected file.

    Raises
    ------
    EncryptSecureRTError
        The answer's own code if it is a refusal; E_RESULT if the answer does not fit the split;
        E_DIGEST if the original changed since; E_LOCAL_FILE if it cannot be written.
    """
    if answer.state is HeaderState.REFUSED or answer.name is None:
        raise EncryptSecureRTError(answer.code or ErrorCode.E_RESULT)
    _check_answer(answer, split)
    target = destination / answer.name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and target.samefile(original_path):
            raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, "output would replace its input")
        temporary = target.parent / f".{secrets.token_hex(16)}.part"
        try:
            _write(answer, original_path, split, temporary)
            os.utime(temporary, (PROTECTED_MTIME_S, PROTECTED_MTIME_S))
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None
    return target


def write_manifest(answer: ProtectedHeader, destination: Path) -> Path:
    """Write the file of a manifest, which has no bulk, under `destination`.

    Raises
    ------
    EncryptSecureRTError
        E_RESULT if the answer is not such a file; E_LOCAL_FILE if it cannot be written.
    """
    if answer.name is None or answer.bulk:
        raise EncryptSecureRTError(ErrorCode.E_RESULT)
    target = destination / answer.name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as sink:
            sink.write(answer.header)
            sink.flush()
            os.fsync(sink.fileno())
        os.utime(target, (PROTECTED_MTIME_S, PROTECTED_MTIME_S))
        sync_folder(target.parent)
    except OSError:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None
    return target


def _check_answer(answer: ProtectedHeader, split: SplitFile) -> None:
    """Hold the answer's bulk against ours: same ranges, same order, and a header of its own."""
    asked = [(one.length, one.sha256) for one in split.bulk]
    if [(one.length, one.sha256) for one in answer.bulk] != asked:
        raise EncryptSecureRTError(ErrorCode.E_RESULT)
    if bytes(answer.header) == split.header:
        raise EncryptSecureRTError(ErrorCode.E_RESULT)


def _write(answer: ProtectedHeader, original_path: Path, split: SplitFile, temporary: Path) -> None:
    with original_path.open("rb") as source, temporary.open("xb") as sink:
        if stamp_of(source) == split.stamp:
            _put_together(answer, source, split, sink, hashed=False)
        if stamp_of(source) != split.stamp:  # it changed, before or meanwhile, or nobody can say
            sink.seek(0)
            sink.truncate()
            _put_together(answer, source, split, sink, hashed=True)
        sink.flush()
        os.fsync(sink.fileno())


def _put_together(
    answer: ProtectedHeader, source: BinaryIO, split: SplitFile, sink: BinaryIO, *, hashed: bool
) -> None:
    *before, after = header_parts(answer.header, [(put.at, put.length) for put in answer.bulk])
    for part, bulk in zip(before, split.bulk, strict=True):
        sink.write(part)
        digest = hashlib.sha256()
        for piece in _bulk_pieces(source, bulk, split.gaps):
            if hashed:
                digest.update(piece)
            sink.write(piece)
        if hashed and digest.hexdigest() != bulk.sha256:
            raise EncryptSecureRTError(ErrorCode.E_DIGEST)
    sink.write(after)


def _bulk_pieces(source: BinaryIO, bulk: BulkRange, gaps: Sequence[Place]) -> Iterator[bytes]:
    """Yield the octets of a range of the original, with zeros in its gaps."""
    position = bulk.offset
    for offset, length in kept_pieces(bulk.place, gaps):
        if offset > position:
            yield bytes(offset - position)
        yield from read_pieces(source, offset, length)
        position = offset + length
    if position < bulk.offset + bulk.length:
        yield bytes(bulk.offset + bulk.length - position)


def sync_folder(folder: Path) -> None:
    """Make the rename itself last; where folders cannot be opened (Windows) it does so anyway."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
