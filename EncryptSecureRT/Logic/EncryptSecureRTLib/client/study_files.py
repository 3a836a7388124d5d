"""The files of a protected study on disk: what is to be revealed, and the manifests beside it.

Told apart by the media storage class of the file meta information: manifests are Raw Data. So are
files that were sealed whole, but these have a sealed item. A manifest lies in a series of its own,
in a folder beside that of the images; so for one series folder its neighbours are searched, too,
where others may keep Raw Data of theirs.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.dicomfiles.split import layout_of, media_class_of
from EncryptSecureRTLib.client.study import read_file_header

_RAW_DATA_STORAGE = "1.2.840.10008.5.1.4.1.1.66"


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFiles:
    """Protected files below a folder, sorted by path, and the files that carry manifests."""

    source: Path
    files: tuple[Path, ...]
    manifests: tuple[Path, ...]


def find_study(source: Path) -> StudyFiles:
    """Find the protected files below `source`, and their manifests there or beside it.

    Raises
    ------
    EncryptSecureRTError
        E_NO_DICOM if there is nothing to reveal; E_NOT_PROTECTED if there is no manifest;
        E_LOCAL_FILE.
    """
    files, manifests = sort_out(source)
    if not files:
        raise EncryptSecureRTError(ErrorCode.E_NO_DICOM)
    manifests = manifests or manifests_beside(source)
    if not manifests:
        raise EncryptSecureRTError(ErrorCode.E_NOT_PROTECTED, "there is no manifest of the study")
    return StudyFiles(source=source, files=tuple(files), manifests=tuple(manifests))


def sort_out(source: Path) -> tuple[list[Path], list[Path]]:
    """Return the DICOM files below a folder, and those that carry manifests (E_LOCAL_FILE)."""
    return _sorted_out(_below(source))


def manifests_beside(source: Path) -> list[Path]:
    """Return the files that carry manifests in the folders beside one; malformed ones do not."""
    beside = (path for folder in _folders_beside(source) for path in _entries(folder))
    return [path for path in beside if _unless_malformed(partial(_is_our_manifest, path))]


def _below(source: Path) -> Iterator[Path]:
    for folder, names, files in os.walk(source, onerror=_refuse):
        names.sort()
        yield from (Path(folder) / name for name in sorted(files))


def _refuse(error: OSError) -> None:
    raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None


def _folders_beside(source: Path) -> list[Path]:
    parent = source.resolve().parent
    return [path for path in _entries(parent) if path.is_dir() and not path.name.startswith(".")]


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []  # a neighbour that is not ours to read


def _sorted_out(paths: Iterator[Path]) -> tuple[list[Path], list[Path]]:
    files: list[Path] = []
    manifests: list[Path] = []
    for path in paths:
        media_class = _media_class(path)
        if media_class is not None:
            is_manifest = media_class == _RAW_DATA_STORAGE and not _is_sealed(path)
            (manifests if is_manifest else files).append(path)
    return files, manifests


def _is_our_manifest(path: Path) -> bool:
    if _media_class(path) != _RAW_DATA_STORAGE or _is_sealed(path):
        return False
    return read_file_header(path).is_protected


def _is_sealed(path: Path) -> bool:
    """Tell whether there is a sealed item in a file; a malformed file has none."""
    return _unless_malformed(lambda: layout_of(path).has_encrypted)


def _unless_malformed(ask: Callable[[], bool]) -> bool:
    """Return what is said of a file; of a malformed one nothing is true (E_LOCAL_FILE)."""
    try:
        return ask()
    except EncryptSecureRTError as error:
        if error.code is ErrorCode.E_LOCAL_FILE:
            raise
        return False


def _media_class(path: Path) -> str | None:
    """Return the class that a file's meta information names, None if it is no DICOM file."""
    if path.is_symlink() or not path.is_file():
        return None
    try:
        return media_class_of(path)
    except EncryptSecureRTError as error:
        if error.code is ErrorCode.E_NO_DICOM:
            return None
        raise
