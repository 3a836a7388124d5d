"""A study from a folder: its files by series, of whatever kind, by headers only.

Enough to protect it: which file belongs to which series, and that all are one patient's and one
study's. What may be protected is not judged here; that is the worker's part.
"""

from dataclasses import dataclass, field
from pathlib import Path

from pydicom.uid import UID

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import GIB
from EncryptSecureRTLib.client.series_headers import (
    SeriesLimits,
    dicom_files,
    is_protected,
    open_header,
    reading_dicom,
    uid_of,
)

STUDY_LIMITS = SeriesLimits(files=16_384, file_bytes=2 * GIB)
_KEYWORDS = [
    "SOPClassUID",
    "SOPInstanceUID",
    "PatientID",
    "PatientIdentityRemoved",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
    "EncryptedAttributesSequence",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileHeader:
    """What is known of one file; identifying values do not print.

    `frame_of_reference_uid` is empty if the object has none of its own.
    """

    path: Path = field(repr=False)
    sop_class_uid: str
    patient_id: str = field(repr=False)
    study_instance_uid: str = field(repr=False)
    series_instance_uid: str = field(repr=False)
    sop_instance_uid: str = field(repr=False)
    frame_of_reference_uid: str = field(repr=False)
    is_protected: bool

    @property
    def kind(self) -> str:
        """The standard's name of the SOP class; a class that it does not have is not spelled."""
        name = UID(self.sop_class_uid).name
        return "unknown kind" if name == self.sop_class_uid else name


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyScan:
    """The files of one study.

    Attributes
    ----------
    headers : series by series, in each by name of file.
    ignored_files : how many files in the folder are not DICOM objects.
    """

    headers: tuple[FileHeader, ...] = field(repr=False)
    ignored_files: int

    @property
    def is_protected(self) -> bool:
        """Whether every file is in the protected form."""
        return all(header.is_protected for header in self.headers)


def scan_study(folder: Path, limits: SeriesLimits = STUDY_LIMITS) -> StudyScan:
    """Return the files of the one study in a folder, without reading pixels.

    The folder's files and those of its direct sub-folders are looked at.

    Raises
    ------
    EncryptSecureRTError
        E_LOCAL_FILE, E_NO_DICOM, E_TOO_LARGE, E_DICOM (also an instance that is there twice),
        E_TRANSFER_SYNTAX (deflated or big endian), E_MISSING_UID, E_MIXED_SERIES (files of
        several studies or patients).
    """
    paths, ignored = dicom_files(folder, limits)
    headers = [header for path in paths if (header := read_file_header(path)) is not None]
    if not headers:
        raise EncryptSecureRTError(ErrorCode.E_NO_DICOM)
    if len({(one.patient_id, one.study_instance_uid) for one in headers}) != 1:
        raise EncryptSecureRTError(ErrorCode.E_MIXED_SERIES)
    if len({one.sop_instance_uid for one in headers}) != len(headers):
        raise EncryptSecureRTError(ErrorCode.E_DICOM, "an instance is there twice")
    by_series: dict[str, list[FileHeader]] = {}
    for header in headers:
        by_series.setdefault(header.series_instance_uid, []).append(header)
    return StudyScan(
        headers=tuple(header for series in by_series.values() for header in series),
        ignored_files=ignored + len(paths) - len(headers),
    )


def read_file_header(path: Path) -> FileHeader | None:
    """Return the header of a file, or None for a DICOMDIR.

    Raises
    ------
    EncryptSecureRTError
        E_LOCAL_FILE, E_DICOM, E_TRANSFER_SYNTAX (deflated, big endian), E_MISSING_UID.
    """
    with reading_dicom():
        ds = open_header(path, _KEYWORDS)
        if ds is None:
            return None
        return FileHeader(
            path=path,
            sop_class_uid=uid_of(ds, "SOPClassUID"),
            patient_id=str(ds.get("PatientID") or ""),
            study_instance_uid=uid_of(ds, "StudyInstanceUID"),
            series_instance_uid=uid_of(ds, "SeriesInstanceUID"),
            sop_instance_uid=uid_of(ds, "SOPInstanceUID"),
            frame_of_reference_uid=str(ds.get("FrameOfReferenceUID") or ""),
            is_protected=is_protected(ds),
        )
