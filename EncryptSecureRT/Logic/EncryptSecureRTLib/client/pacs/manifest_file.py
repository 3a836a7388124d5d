"""The Raw Data instance of a manifest: read as a manifest, and as nothing else.

It goes to a PACS in clear, so it may hold what `protect` writes into it and no attribute more.
Its signature cannot be verified here: the manifest keys of a site are known to workers and
custodian. What is checked is its form, and afterwards that it and the files agree.
"""

import re
from pathlib import Path

from encryptsecurert_protocol.bundles import PSEUDONYM
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.manifests import MAX_MANIFEST_BYTES, SignedManifest, StudyManifest
from encryptsecurert_protocol.volumes import MAPPED_UID
from EncryptSecureRTLib.client.pacs.elements import Elements, read_elements

RAW_DATA_STORAGE = "1.2.840.10008.5.1.4.1.1.66"

_SHELL_BYTES = 4096
_CREATOR, _MANIFEST, _SIGNATURE = 0x0EEF0010, 0x0EEF1003, 0x0EEF1004
_STUDY, _PATIENT_ID = 0x0020000D, 0x00100020
_NAMES = (0x00080018, 0x0020000E)  # SOPInstanceUID, SeriesInstanceUID: of its file and folder
_TRAILING_PADDING = 0xFFFCFFFC
_UID_WORDS = r"[0-9.]{1,64}"
_EMPTY = ""
# What may stand in a manifest's file, by tag: a pattern of its value as text.
_SHAPE = {
    0x00080016: re.escape(RAW_DATA_STORAGE),
    0x00080018: MAPPED_UID,
    0x00080020: _EMPTY,  # StudyDate
    0x00080023: "19000101",  # ContentDate, the date that means none
    0x00080030: _EMPTY,
    0x00080033: "000000",
    0x00080050: _EMPTY,  # AccessionNumber
    0x00080060: "OT",
    0x00080070: _EMPTY,  # Manufacturer
    0x00080090: _EMPTY,  # ReferringPhysicianName
    0x00089123: _UID_WORDS,  # CreatorVersionUID
    0x00100010: PSEUDONYM,
    0x00100020: PSEUDONYM,
    0x00100030: _EMPTY,
    0x00100040: _EMPTY,
    0x00120062: "YES",
    0x00120063: r"EncryptSecureRT profile [0-9]{1,4}(?:\\SIMULATED - not protected)?",
    0x0020000D: MAPPED_UID,
    0x0020000E: MAPPED_UID,
    0x00200010: _EMPTY,
    0x00200011: _EMPTY,
    0x00200013: "1",
    0x00200060: _EMPTY,
    0x00280303: "REMOVED|MODIFIED",
    _CREATOR: "ENCRYPTSECURERT 1",
}
# Sequences: of one code each, or empty.
_SEQUENCES = {0x00120064, 0x00400555}
_CODE_SHAPE = {
    0x00080100: r"[0-9]{6}",
    0x00080102: "DCM",
    0x00080104: r"[A-Za-z ]{1,64}",
}


def read_manifest(path: Path) -> tuple[StudyManifest, Elements]:
    """Return the manifest in a Raw Data file, and the file's elements.

    Raises
    ------
    EncryptSecureRTError
        E_NOT_PROTECTED if the file holds anything else or more; E_LOCAL_FILE; E_TOO_LARGE.
    """
    most = MAX_MANIFEST_BYTES + _SHELL_BYTES
    try:
        with path.open("rb") as file:
            octets = file.read(most + 1)
    except OSError:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None
    if len(octets) > most:
        raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
    try:
        elements = read_elements(octets, {})
        return _manifest(elements), elements
    except EncryptSecureRTError:
        detail = "a Raw Data file is not a manifest, or holds more than one"
        raise EncryptSecureRTError(ErrorCode.E_NOT_PROTECTED, detail) from None


def _manifest(elements: Elements) -> StudyManifest:
    refusal = EncryptSecureRTError(ErrorCode.E_DICOM)
    if not all(tag in elements.by_tag for tag in _NAMES):
        raise refusal
    for tag, element in elements.by_tag.items():
        if tag & 0xFFFF == 0 or tag in (_MANIFEST, _SIGNATURE):
            continue
        if tag in _SEQUENCES:
            _check_codes(elements, tag)
        elif element.items is not None or not _has_shape(elements, tag):
            raise refusal
    signed = SignedManifest(
        octets=elements.value(_MANIFEST).removesuffix(b"\0"),
        signature=elements.value(_SIGNATURE),
    )
    manifest = StudyManifest.decode(signed.octets)
    if (manifest.study, manifest.patient) != (elements.text(_STUDY), elements.text(_PATIENT_ID)):
        raise refusal
    return manifest


def _has_shape(elements: Elements, tag: int) -> bool:
    if tag == _TRAILING_PADDING:
        return not any(elements.value(tag))
    shape = _SHAPE.get(tag)
    return shape is not None and re.fullmatch(shape, elements.text(tag)) is not None


def _check_codes(elements: Elements, tag: int) -> None:
    for item in elements.by_tag[tag].items or ():
        for part in item:
            if part.tag & 0xFFFF == 0:
                continue
            value = elements.octets[part.value : part.value_end].rstrip(b"\0 ")
            shape = _CODE_SHAPE.get(part.tag, "")
            if part.items is not None or not re.fullmatch(shape, value.decode("ascii", "replace")):
                raise EncryptSecureRTError(ErrorCode.E_DICOM)
