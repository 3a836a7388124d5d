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
    return list(each_file(folder))


def each_file(folder: Path) -> Iterator[Path]:
    """Yield the files of `files_of`, one at a time: paths of ten thousand take megabytes."""
    try:
        for name in _names(folder):
            path = folder / name
            if path.is_dir():
                yield from (inner for inner in map(path.joinpath, _names(path)) if inner.is_file())
            elif path.is_file():
                yield path
    except OSError:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None


def _names(folder: Path) -> list[str]:
    """Return the names in a folder that are not hidden, as paths are sorted."""
    names = (name for name in os.listdir(folder) if not name.startswith("."))
    return sorted(names, key=os.path.normcase)


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
