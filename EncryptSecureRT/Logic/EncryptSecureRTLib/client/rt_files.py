"""What the readers of RT objects share: the one file of its kind, and who and what it is of."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from pydicom.dataset import Dataset

from encryptsecurert_protocol.bundles import PSEUDONYM
from encryptsecurert_protocol.dose_jobs import PLAN_CLASSES
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.volumes import MAPPED_UID
from EncryptSecureRTLib.client.series_headers import (
    checked_uid,
    files_of,
    open_header,
    reading_dicom,
    size_of_dicom,
    uid_of,
)
from EncryptSecureRTLib.client.volume_file import fresh_uid

NOBODY = ""
"""The pseudonym of what was never in DICOM files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Of whom an object is, and which one it is: a pseudonym and mapped UIDs."""

    patient_id: str = field(repr=False)
    study_instance_uid: str = field(repr=False)
    series_instance_uid: str = field(repr=False)
    sop_instance_uid: str = field(repr=False)
    frame_of_reference_uid: str = field(repr=False)


def one_file(source: Path, sop_class: str, kind: str, most_bytes: int) -> Path:
    """Return the one file of a SOP class: `source` itself, or the only one in that folder.

    Parameters
    ----------
    kind : what a person calls it; it stands in errors.

    Raises
    ------
    EncryptSecureRTError
        E_LOCAL_FILE; E_NO_DICOM if it is not there; E_MIXED_SERIES if there are several;
        E_TOO_LARGE; E_DICOM, E_TRANSFER_SYNTAX of the file itself.
    """
    paths = files_of(source) if source.is_dir() else [source]
    found = [path for path in paths if _is_of(path, sop_class, alone=not source.is_dir())]
    if not found:
        raise EncryptSecureRTError(ErrorCode.E_NO_DICOM, f"a {kind} is needed")
    if len(found) > 1:
        detail = f"there are {len(found)}: name the file of one {kind}"
        raise EncryptSecureRTError(ErrorCode.E_MIXED_SERIES, detail)
    if found[0].stat().st_size > most_bytes:
        raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
    return found[0]


def _is_of(path: Path, sop_class: str, *, alone: bool) -> bool:
    """Tell whether a file is of the class; what else lies in a folder may be anything."""
    if size_of_dicom(path) is None:
        return False
    try:
        with reading_dicom():
            ds = open_header(path, ["SOPClassUID"])
            return ds is not None and str(ds.get("SOPClassUID") or "") == sop_class
    except EncryptSecureRTError:
        if alone:
            raise
        return False


def origin_of(ds: Dataset, frame_of_reference_uid: str | None = None) -> Origin:
    """Return of whom a data set is.

    Parameters
    ----------
    frame_of_reference_uid : where it does not stand in the data set itself.

    Raises
    ------
    EncryptSecureRTError
        E_MISSING_UID; E_NOT_PROTECTED if its number and UIDs are not such as protection writes:
        other programs set the marks, too.
    """
    if frame_of_reference_uid is None:
        frame = uid_of(ds, "FrameOfReferenceUID")
    else:
        frame = checked_uid(frame_of_reference_uid)
    pseudonym = str(ds.get("PatientID") or "")
    if not re.fullmatch(PSEUDONYM, pseudonym, re.ASCII):
        raise EncryptSecureRTError(ErrorCode.E_NOT_PROTECTED)
    return Origin(
        patient_id=pseudonym,
        study_instance_uid=mapped_uid(uid_of(ds, "StudyInstanceUID")),
        series_instance_uid=mapped_uid(uid_of(ds, "SeriesInstanceUID")),
        sop_instance_uid=mapped_uid(uid_of(ds, "SOPInstanceUID")),
        frame_of_reference_uid=mapped_uid(frame),
    )


def mapped_uid(uid: str) -> str:
    """Return a UID as protection maps it; a file with another has the marks, but not from here."""
    if not re.fullmatch(MAPPED_UID, uid, re.ASCII):
        raise EncryptSecureRTError(ErrorCode.E_NOT_PROTECTED)
    return uid


def nobody(sop_instance_uid: str, frame_of_reference_uid: str) -> Origin:
    """Return the origin of what was never in DICOM files: in a study and series of its own."""
    return Origin(
        patient_id=NOBODY,
        study_instance_uid=fresh_uid(),
        series_instance_uid=fresh_uid(),
        sop_instance_uid=sop_instance_uid,
        frame_of_reference_uid=frame_of_reference_uid,
    )


def plan_of(ds: Dataset) -> tuple[str, str] | None:
    """Return (SOP class, SOP instance) of the plan that a dose names, None unless it is just one.

    A plan of a class that is neither RT Plan nor RT Ion Plan is as good as none.
    """
    plans = {
        (str(plan.get("ReferencedSOPClassUID")), str(plan.get("ReferencedSOPInstanceUID") or ""))
        for plan in ds.get("ReferencedRTPlanSequence") or ()
    }
    if len(plans) != 1:
        return None
    sop_class, instance = plans.pop()
    return (sop_class, mapped_uid(checked_uid(instance))) if sop_class in PLAN_CLASSES else None
