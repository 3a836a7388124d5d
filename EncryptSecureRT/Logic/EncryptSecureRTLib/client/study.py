"""A study from a folder: its files by series, of whatever kind, by headers only.

Enough to protect it: which file belongs to which series, and that all are one patient's and one
study's. A file that cannot be read as DICOM, has no UIDs or is there twice is refused by itself.
Files of several patients or studies refuse the folder: nobody can say which of them is right.
What may be protected is not judged here; that is the worker's part.
"""

import filecmp
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import GIB
from EncryptSecureRTLib.client.dicomfiles import layout_of, walker
from EncryptSecureRTLib.client.folder_files import (
    SeriesLimits,
    checked_uid,
    files_below,
)
from EncryptSecureRTLib.client.refused import RefusedFile, kind_in_meta, kind_name

STUDY_LIMITS = SeriesLimits(files=16_384, file_bytes=2 * GIB)
_OUR_METHOD = "EncryptSecureRT"
_DIRECTORY = "Media Storage Directory Storage"
_RAW_DATA_STORAGE = "1.2.840.10008.5.1.4.1.1.66"
_MOST_PLACES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class FileHeader:
    """What is known of one file; identifying values do not print.

    Attributes
    ----------
    file : where it lies, as text: a path takes four times as much, and there may be thousands.
    place : its number in the folder by name, from 1; 0 if it was not found in a folder.
    patient_id, issuer : the octets of the patient ID, and of who issued it, a character each;
        empty if the file has none.
    frame_of_reference_uid : empty if the object has none of its own.
    is_protected : by this project; what others have protected is input like any other.
    """

    file: str = field(repr=False)
    place: int
    sop_class_uid: str
    patient_id: str = field(repr=False)
    issuer: str = field(repr=False)
    study_instance_uid: str = field(repr=False)
    series_instance_uid: str = field(repr=False)
    sop_instance_uid: str = field(repr=False)
    frame_of_reference_uid: str = field(repr=False)
    is_protected: bool

    @property
    def path(self) -> Path:
        """Where it lies."""
        return Path(self.file)

    @property
    def kind(self) -> str:
        """The standard's name of the SOP class; a class that it does not have is not spelled."""
        return kind_name(self.sop_class_uid)

    @property
    def patient(self) -> tuple[str, str]:
        """What tells patients apart."""
        return self.issuer, self.patient_id

    def refused(self, error: EncryptSecureRTError) -> RefusedFile:
        """Return this file as one that is refused with an error."""
        return RefusedFile(place=self.place, kind=self.kind, code=error.code, detail=error.detail)


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyScan:
    """The files of one study.

    Attributes
    ----------
    headers : series by series, in each by name of file.
    refused : the files that cannot be protected.
    ignored_files : how many files in the folder are not DICOM objects.
    """

    headers: tuple[FileHeader, ...] = field(repr=False)
    refused: tuple[RefusedFile, ...]
    ignored_files: int


def scan_study(folder: Path, limits: SeriesLimits = STUDY_LIMITS) -> StudyScan:
    """Return the files of the one study in a folder, without reading pixels.

    The folder's files and those of all folders below it are looked at.

    Raises
    ------
    EncryptSecureRTError
        E_LOCAL_FILE if the folder cannot be read; E_NO_DICOM if there is no file to be judged;
        E_TOO_LARGE for too many of them; E_MIXED_SERIES for files of several studies or patients.
    """
    found: list[FileHeader] = []
    refused: list[RefusedFile] = []
    ignored_files = 0
    for place, path in enumerate(files_below(folder), 1):
        try:
            header = _judged(path, place, limits)
        except EncryptSecureRTError as error:
            kind = kind_in_meta(path)
            if kind == _DIRECTORY:
                ignored_files += 1
                continue
            refused.append(
                RefusedFile(place=place, kind=kind, code=error.code, detail=error.detail)
            )
        else:
            if header is None:
                ignored_files += 1
            else:
                found.append(header)
        if len(found) + len(refused) > limits.files:
            raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE, f"more than {limits.files} files")
    if not found and not refused:
        raise EncryptSecureRTError(ErrorCode.E_NO_DICOM)
    _refuse_mixed(found)
    refused += _doubled(found)
    places = {one.place for one in refused}
    by_series: dict[str, list[FileHeader]] = {}
    for header in found:
        if header.place not in places:
            by_series.setdefault(header.series_instance_uid, []).append(header)
    return StudyScan(
        headers=tuple(header for series in by_series.values() for header in series),
        refused=tuple(refused),
        ignored_files=ignored_files,
    )


def _judged(path: Path, place: int, limits: SeriesLimits) -> FileHeader | None:
    """Return the header of a file that may be protected, None for what is no DICOM object."""
    try:
        header = read_file_header(path, place, limits.file_bytes)
    except EncryptSecureRTError as error:
        if error.code is ErrorCode.E_NO_DICOM:
            return None
        raise
    if header.is_protected:
        raise EncryptSecureRTError(ErrorCode.E_PROTECTED_ALREADY)
    return header


def _refuse_mixed(found: Sequence[FileHeader]) -> None:
    """Refuse files of several patients or studies, and say which are not of the largest group."""
    groups = Counter((one.patient, one.study_instance_uid) for one in found)
    if len(groups) < 2:
        return
    patients, studies = (len(set(names)) for names in zip(*groups, strict=True))
    largest = groups.most_common(1)[0][0]
    places = [one.place for one in found if (one.patient, one.study_instance_uid) != largest]
    told = ", ".join(str(place) for place in places[:_MOST_PLACES])
    more = len(places) - _MOST_PLACES
    detail = f"patients: {patients}, studies: {studies}; not of the largest: file {told}"
    raise EncryptSecureRTError(
        ErrorCode.E_MIXED_SERIES, f"{detail} and {more} more" if more > 0 else detail
    )


def _doubled(found: Sequence[FileHeader]) -> Iterator[RefusedFile]:
    """Yield the files whose instance is there twice: copies of one file, but not the first.

    If the files differ, all are refused: nobody can say which is right.
    """
    by_instance: dict[str, list[FileHeader]] = {}
    for header in found:
        by_instance.setdefault(header.sop_instance_uid, []).append(header)
    for first, *others in by_instance.values():
        if all(_is_same(first.path, other.path) for other in others):
            error = EncryptSecureRTError(ErrorCode.E_DICOM, f"a copy of file {first.place}")
            yield from (other.refused(error) for other in others)
        else:
            detail = "its instance is there more than once, with different contents"
            error = EncryptSecureRTError(ErrorCode.E_DICOM, detail)
            yield from (one.refused(error) for one in (first, *others))


def _is_same(one: Path, other: Path) -> bool:
    try:
        return filecmp.cmp(one, other, shallow=False)
    except OSError:
        return False


def read_file_header(path: Path, place: int = 0, most_bytes: int | None = None) -> FileHeader:
    """Return what tells a file apart, once all of its elements were walked over.

    So nothing of a mangled file counts as its patient's or study's.

    Raises
    ------
    EncryptSecureRTError
        E_LOCAL_FILE, E_NO_DICOM, E_DICOM, E_TRANSFER_SYNTAX (deflated, big endian), E_MISSING_UID;
        E_TOO_LARGE if it has more than `most_bytes`.
    """
    layout = layout_of(path, most_bytes)

    def text(tag: walker.Tag) -> str:
        # Any character set may stand here; octets can be compared all the same. Most are the same
        # in all files of a study, which may be ten thousand.
        return sys.intern(layout.names.get(tag, b"").decode("latin-1").strip(" \0"))

    sop_class = checked_uid(text(walker.SOP_CLASS))
    is_sealed = layout.has_encrypted or sop_class == _RAW_DATA_STORAGE
    return FileHeader(
        file=str(path),
        place=place,
        sop_class_uid=sop_class,
        patient_id=text(walker.PATIENT_ID),
        issuer=text(walker.ISSUER),
        study_instance_uid=checked_uid(text(walker.STUDY)),
        series_instance_uid=checked_uid(text(walker.SERIES)),
        sop_instance_uid=checked_uid(text(walker.SOP_INSTANCE)),
        frame_of_reference_uid=text(walker.FRAME_OF_REFERENCE),
        is_protected=is_sealed and text(walker.DEIDENTIFICATION_METHOD).startswith(_OUR_METHOD),
    )
