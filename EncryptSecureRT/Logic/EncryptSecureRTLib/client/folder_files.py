"""The files of a folder, as far as their names, sizes and first octets go: nothing is parsed.

Apart from `series_headers`, so that who reads no attribute loads no library that does.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import LIMITS, MIB

_DEEPEST = 32
_UID = re.compile(r"(?=.{1,64}\Z)[0-9]+(?:\.[0-9]+)+\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesLimits:
    """What a folder may hold; each is the last value allowed."""

    files: int = 4096
    file_bytes: int = 64 * MIB
    volume_bytes: int = LIMITS.object_bytes


SERIES_LIMITS = SeriesLimits()


def dicom_files(folder: Path, limits: SeriesLimits) -> tuple[list[Path], int]:
    """Return the DICOM files in a folder and in its sub-folders, one level, and the others' count.

    Order is that of `files_of`.
    """
    found, ignored = [], 0
    for path in files_of(folder):
        size = size_of_dicom(path)
        if size is None:
            ignored += 1
            continue
        found.append(path)
        if size > limits.file_bytes or len(found) > limits.files:
            raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
    return found, ignored


def files_of(folder: Path) -> list[Path]:
    """Return the files in a folder and in its sub-folders, one level, by name.

    A sub-folder's files stand where its name does; hidden ones are passed over (E_LOCAL_FILE).
    """
    files: list[Path] = []
    try:
        for path, is_folder in _entries(folder):
            inner = _entries(path) if is_folder else [(path, False)]
            files += [one for one, is_deeper in inner if not is_deeper]
    except OSError:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None
    return files


def files_below(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder and in all folders below it, in the order of `files_of`.

    They come one at a time: the paths of ten thousand take megabytes. Links to folders are
    followed, but for those that lead back up.

    Raises
    ------
    EncryptSecureRTError
        E_LOCAL_FILE; E_TOO_LARGE if folders lie deeper than 32: no file is passed over in silence.
    """
    try:
        yield from _below(folder, ())
    except OSError:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None


def _below(folder: Path, around: tuple[tuple[int, int], ...]) -> Iterator[Path]:
    found = folder.stat()
    mark = found.st_dev, found.st_ino
    if mark in around:
        return
    if len(around) > _DEEPEST:
        detail = f"there are folders more than {_DEEPEST} deep"
        raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE, detail)
    for path, is_folder in _entries(folder):
        if is_folder:
            yield from _below(path, (*around, mark))
        else:
            yield path


def _entries(folder: Path) -> Iterator[tuple[Path, bool]]:
    """Yield the files and folders in a folder that are not hidden, as paths are sorted.

    With each, whether it is a folder.
    """
    for name in sorted(os.listdir(folder), key=os.path.normcase):
        path = folder / name
        if not name.startswith("."):
            if path.is_dir():
                yield path, True
            elif path.is_file():
                yield path, False


def size_of_dicom(path: Path) -> int | None:
    """Return the size of a file with the PS3.10 preamble, None for another (E_LOCAL_FILE)."""
    try:
        with path.open("rb") as file:
            return path.stat().st_size if file.read(132)[128:] == b"DICM" else None
    except OSError:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None


def checked_uid(uid: str) -> str:
    """Return what is a UID, or refuse with E_MISSING_UID."""
    if not _UID.match(uid):
        raise EncryptSecureRTError(ErrorCode.E_MISSING_UID)
    return uid
