"""Keyed stand-ins: mapped UIDs, patient pseudonyms, and by how many days dates are moved.

All are HMACs, never plain hashes: a UID or a patient number can be guessed and tried. With the
same site key the same original always gets the same stand-in, so references, series and
follow-up studies stay connected, across jobs and across workers of the site.
"""

import base64
import hmac
import re

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_worker.dicom.protect.elements import Header

_PATIENT_ID, _ISSUER = 0x00100020, 0x00100021
_PAD = b" \0"
_TRAILING = re.compile(rb"[ \0]+\Z")
_MAX_UID_BYTES = 64
_MOST_DAYS = 3650


def plain_uid(value: bytes | None) -> bytes:
    """Return the UID of a raw UI value, without its padding.

    Raises
    ------
    EncryptSecureRTError
        E_MISSING_UID if there is none, E_DICOM if it is several or longer than a UID can be.
    """
    uid = _TRAILING.sub(b"", value or b"")
    if not uid:
        raise EncryptSecureRTError(ErrorCode.E_MISSING_UID)
    if len(uid) > _MAX_UID_BYTES or b"\\" in uid:
        raise EncryptSecureRTError(ErrorCode.E_DICOM)
    return uid


def map_uid(uid_key: bytes, uid: bytes) -> bytes:
    """Return ``2.25.`` and the first 16 octets of HMAC-SHA-256(key, uid) as a decimal number."""
    digest = hmac.digest(uid_key, uid, "sha256")
    return b"2.25.%d" % int.from_bytes(digest[:16], "big")


def patient_pseudonym(
    pid_key: bytes, *, issuer: bytes, patient_id: bytes, study_uid: bytes
) -> bytes:
    """Return the patient's pseudonym, 17 octets: ``P`` and 80 bits in base32.

    Parameters
    ----------
    pid_key : bytes
        Sub-key ``pid/v1`` of the site pseudonym key, 32 octets.
    issuer, patient_id : bytes
        Raw values of (0010,0021) and (0010,0020); padding and outer spaces do not count.
    study_uid : bytes
        Takes the place of an empty patient ID, so that patients without one do not become one.
    """
    patient = _patient(issuer=issuer, patient_id=patient_id, study_uid=study_uid)
    digest = hmac.digest(pid_key, patient, "sha256")
    return b"P" + base64.b32encode(digest[:10])


def pseudonym_of(pid_key: bytes, header: Header, study_uid: bytes) -> bytes:
    """Return the pseudonym of the patient that an original header is of."""
    return patient_pseudonym(
        pid_key,
        issuer=header.value(_ISSUER) or b"",
        patient_id=header.value(_PATIENT_ID) or b"",
        study_uid=study_uid,
    )


def shift_days_of(dateshift_key: bytes, header: Header, study_uid: bytes) -> int:
    """Return by how many days the dates of an original header's patient are moved, -3650 to -1.

    Parameters
    ----------
    dateshift_key : bytes
        Sub-key ``dateshift/v1`` of the site pseudonym key, 32 octets.
    header, study_uid
        As for the pseudonym: what has the same one is moved by the same number of days.
    """
    patient = _patient(
        issuer=header.value(_ISSUER) or b"",
        patient_id=header.value(_PATIENT_ID) or b"",
        study_uid=study_uid,
    )
    digest = hmac.digest(dateshift_key, patient, "sha256")
    return -1 - int.from_bytes(digest[:8], "big") % _MOST_DAYS


def _patient(*, issuer: bytes, patient_id: bytes, study_uid: bytes) -> bytes:
    """Return the octets that stand for a patient, under whatever key."""
    return issuer.strip(_PAD) + b"\0" + (patient_id.strip(_PAD) or study_uid.strip(_PAD))
