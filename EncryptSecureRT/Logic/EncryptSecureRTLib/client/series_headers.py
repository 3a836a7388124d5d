"""The headers of a folder of CT slices, read quietly: nothing of a file in any message.

pydicom warns and logs with the values that it dislikes, and raises whatever its parser meets.
Here all of that is silenced, and every failure is one of our errors without text from the file.
Pixels are never read here, and files that are not DICOM (or a DICOMDIR) are counted and left.
"""

import logging
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydicom import config, dcmread
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_file_meta_info
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
)

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.folder_files import (
    SERIES_LIMITS,
    SeriesLimits,
    checked_uid,
    dicom_files,
    files_of,
    size_of_dicom,
)

__all__ = [
    "PARSER_ERRORS",
    "SERIES_LIMITS",
    "SeriesLimits",
    "SliceHeader",
    "Vector",
    "checked_uid",
    "dicom_files",
    "files_of",
    "is_of_enclave",
    "is_protected",
    "open_header",
    "read_header",
    "reading_dicom",
    "size_of_dicom",
    "uid_of",
]

Vector = tuple[float, float, float]

_OF_ENCLAVE = "EncryptSecureRT protected input"  # what a worker's results say of themselves
_UNCOMPRESSED = (ImplicitVRLittleEndian, ExplicitVRLittleEndian)
_UNREADABLE = (DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian)
_KEYWORDS = [
    "SOPClassUID",
    "SOPInstanceUID",
    "Modality",
    "PatientID",
    "PatientIdentityRemoved",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "SliceThickness",
    "Rows",
    "Columns",
    "EncryptedAttributesSequence",
]

# Everything that the parser raises on damaged files; RuntimeError covers recursion too.
PARSER_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    BufferError,
    BytesLengthException,
    EOFError,
    InvalidDicomError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceHeader:
    """What is known of one slice before its pixels are read; identifying values do not print."""

    path: Path = field(repr=False)
    patient_id: str = field(repr=False)
    study_instance_uid: str = field(repr=False)
    series_instance_uid: str = field(repr=False)
    sop_instance_uid: str = field(repr=False)
    frame_of_reference_uid: str = field(repr=False)
    is_protected: bool
    is_compressed: bool
    rows: int
    columns: int
    spacing_ji_mm: tuple[float, ...]
    thickness_mm: float | None
    orientation: tuple[float, ...]
    position_lps_mm: tuple[float, ...]


@contextmanager
def reading_dicom() -> Iterator[None]:
    """Silence pydicom, which prints values, and turn what it raises into errors of ours.

    Inside, a failure of the file system is E_LOCAL_FILE and any other is E_DICOM; the settings
    are those of the whole process, so one thread reads at a time.
    """
    logger = logging.getLogger("pydicom")
    was_disabled, mode = logger.disabled, config.settings.reading_validation_mode
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger.disabled = True
        config.settings.reading_validation_mode = config.IGNORE
        try:
            yield
        except OSError as error:
            # pydicom raises OSError itself for malformed data, then without a number.
            code = ErrorCode.E_DICOM if error.errno is None else ErrorCode.E_LOCAL_FILE
            raise EncryptSecureRTError(code) from None
        except PARSER_ERRORS:
            raise EncryptSecureRTError(ErrorCode.E_DICOM) from None
        finally:
            logger.disabled = was_disabled
            config.settings.reading_validation_mode = mode


def read_header(path: Path) -> SliceHeader | None:
    """Return the header of a CT slice, or None for a DICOMDIR.

    Raises
    ------
    EncryptSecureRTError
        E_LOCAL_FILE, E_DICOM, E_TRANSFER_SYNTAX (deflated, big endian), E_MODALITY,
        E_MISSING_UID, E_GEOMETRY.
    """
    with reading_dicom():
        ds = open_header(path, _KEYWORDS)
        return None if ds is None else _header(path, ds)


def open_header(path: Path, keywords: list[str]) -> Dataset | None:
    """Return the named attributes of a file, or None for a DICOMDIR; within `reading_dicom`.

    Raises
    ------
    EncryptSecureRTError
        E_TRANSFER_SYNTAX (deflated, big endian).
    """
    meta = read_file_meta_info(path)
    if meta.get("MediaStorageSOPClassUID") == MediaStorageDirectoryStorage:
        return None
    if meta.get("TransferSyntaxUID") in _UNREADABLE:
        raise EncryptSecureRTError(ErrorCode.E_TRANSFER_SYNTAX)
    return dcmread(path, specific_tags=keywords, stop_before_pixels=True)


def _header(path: Path, ds: Dataset) -> SliceHeader:
    if uid_of(ds, "SOPClassUID") != CTImageStorage or ds.get("Modality") != "CT":
        raise EncryptSecureRTError(ErrorCode.E_MODALITY)
    thickness = ds.get("SliceThickness")
    return SliceHeader(
        path=path,
        patient_id=str(ds.get("PatientID") or ""),
        study_instance_uid=uid_of(ds, "StudyInstanceUID"),
        series_instance_uid=uid_of(ds, "SeriesInstanceUID"),
        sop_instance_uid=uid_of(ds, "SOPInstanceUID"),
        frame_of_reference_uid=uid_of(ds, "FrameOfReferenceUID"),
        is_protected=is_protected(ds),
        is_compressed=ds.file_meta.get("TransferSyntaxUID") not in _UNCOMPRESSED,
        rows=_count(ds, "Rows"),
        columns=_count(ds, "Columns"),
        spacing_ji_mm=_numbers(ds, "PixelSpacing", 2),
        thickness_mm=None if thickness in (None, "") else float(thickness),
        orientation=_numbers(ds, "ImageOrientationPatient", 6),
        position_lps_mm=_numbers(ds, "ImagePositionPatient", 3),
    )


def is_protected(ds: Dataset) -> bool:
    """Whether a data set has the marks of the protected form."""
    marks = ds.get("PatientIdentityRemoved") == "YES" and "EncryptedAttributesSequence" in ds
    return bool(marks)


def is_of_enclave(ds: Dataset) -> bool:
    """Whether a data set has the marks of a result that a worker made of protected input."""
    marks = ds.get("PatientIdentityRemoved") == "YES"
    return bool(marks and ds.get("DeidentificationMethod") == _OF_ENCLAVE)


def uid_of(ds: Dataset, keyword: str) -> str:
    """Return a UID of a data set, or refuse with E_MISSING_UID."""
    return checked_uid(str(ds.get(keyword) or ""))


def _count(ds: Dataset, keyword: str) -> int:
    value = ds.get(keyword)
    if not isinstance(value, int) or value < 1:
        raise EncryptSecureRTError(ErrorCode.E_GEOMETRY)
    return value


def _numbers(ds: Dataset, keyword: str, count: int) -> tuple[float, ...]:
    try:
        values = tuple(float(value) for value in ds.get(keyword) or ())
    except PARSER_ERRORS:
        values = ()
    if len(values) != count or not all(abs(value) < 1e6 for value in values):
        raise EncryptSecureRTError(ErrorCode.E_GEOMETRY)
    return values
