"""Attributes and UIDs of nodes and items: what may stay, what is mapped, what is dropped.

An attribute stays if its name is known and its value has the form that the name asks for; it is
mapped if it is a list of UIDs; anything else goes. So a new attribute of another module is
dropped, not trusted.
"""

import re
import uuid
from collections.abc import Mapping

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.scene.neutral import (
    REF_ATTRIBUTE,
    is_mapped_uid,
    is_neutral,
    is_pseudonym,
    is_ref,
)
from EncryptSecureRTLib.scene.structures import is_harmless_structure

REGISTERED = "1.2.840.10008."  # UIDs of the standard itself: the same for everyone
_UID = r"[0-2](?:\.(?:0|[1-9][0-9]{0,38})){2,}"
_UID_TEXT = re.compile(_UID)
_UID_LIST = re.compile(rf"\s*{_UID}(?:[\s,;\\]+{_UID})*\s*")
_PATIENT = re.compile(r"(DICOM\.)?Patient(Name|ID)")
_DIGIT = re.compile(r"\d")
_FORMS: Mapping[str, re.Pattern[str]] = {
    name: re.compile(form)
    for name, form in {
        "Level": "Patient|Study|Folder|Series",
        "VirtualBranch": "[01]",
        "DICOM.Modality": "[A-Z]{2,12}",
        "DICOM.SeriesNumber": "[0-9]{1,4}",
        "DicomRtImport.DoseVolume": "[01]",
        "DicomRtImport.DoseUnitName": "(?i:c?gy|relative)",
        "DicomRtImport.DoseUnitValue": r"[0-9]{1,3}(\.[0-9]+)?(e-[0-9]{1,2})?",
    }.items()
}


def uids_in(value: str) -> tuple[str, ...]:
    """Return the UIDs of a value that is a list of UIDs and nothing else; else none."""
    return tuple(_UID_TEXT.findall(value)) if _UID_LIST.fullmatch(value) else ()


def is_harmless(name: str, value: str) -> bool:
    """Whether an attribute may be in the scene as it is, UIDs in their mapped form included."""
    uids = uids_in(value)
    if uids:
        return all(is_mapped_uid(uid) or uid.startswith(REGISTERED) for uid in uids)
    if _PATIENT.fullmatch(name):
        return value in ("", "No name") or is_pseudonym(value)
    # Words only: a number may be an age, a time or a patient's number.
    words = is_neutral(value) and not _DIGIT.search(value)
    return words or _has_known_form(name, value)


def _has_known_form(name: str, value: str) -> bool:
    if name == REF_ATTRIBUTE:
        return is_ref(value)
    if name == "segmentID":
        return is_harmless_structure(value)
    form = _FORMS.get(name)
    return form is not None and form.fullmatch(value) is not None


class UidMap:
    """Clear UID -> mapped UID: the given ones, and a fresh random one for any other.

    Within one map the same UID always gets the same stand-in, so references stay references.

    Parameters
    ----------
    given : mapping
        From the site's keyed mapping.

    Raises
    ------
    EncryptSecureRTError
        E_PARAMETERS if a stand-in is no mapped UID.
    """

    def __init__(self, given: Mapping[str, str]) -> None:
        if not all(map(is_mapped_uid, given.values())):
            raise EncryptSecureRTError(ErrorCode.E_PARAMETERS, "a UID is not a mapped one")
        self._given = dict(given)
        self._stand_ins = set(given.values())
        self._fresh: dict[str, str] = {}

    def of(self, uid: str) -> str:
        """Return the stand-in; UIDs of the standard and stand-ins themselves stay."""
        if uid.startswith(REGISTERED) or uid in self._stand_ins:
            return uid
        if uid in self._given:
            return self._given[uid]
        fresh = self._fresh.setdefault(uid, f"2.25.{uuid.uuid4().int}")
        self._stand_ins.add(fresh)
        return fresh

    def of_all_in(self, value: str) -> str:
        """Return a list of UIDs with each of them replaced, in its order and spacing."""
        return _UID_TEXT.sub(lambda match: self.of(match.group()), value)

    @property
    def fresh(self) -> int:
        """How many UIDs were not given and got a random stand-in."""
        return len(self._fresh)

    def cleaned(self, name: str, value: str) -> str | None:
        """Return what an attribute may be; None if it has to go."""
        if uids_in(value):
            return self.of_all_in(value)
        return value if is_harmless(name, value) else None
