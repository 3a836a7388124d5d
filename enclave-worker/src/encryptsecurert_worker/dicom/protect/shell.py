"""What every protected file has around its data set, and the marks that it is protected.

Preamble of zeros (an original's may hold a TIFF header or text), file meta information with our
implementation and nothing of the sender, and the attributes by which anybody sees that patient
identity was removed and how (PS3.15 section E.1.1, E.2).
"""

from encryptsecurert_worker.dicom.implementation import (
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
)
from encryptsecurert_worker.dicom.protect.elements import EXPLICIT_VR_LITTLE_ENDIAN
from encryptsecurert_worker.dicom.protect.refusals import PROJECT_NAME
from encryptsecurert_worker.dicom.protect.writing import write_element, write_sequence

PROFILE_VERSION = 1
METHOD = PROJECT_NAME + b" profile %d" % PROFILE_VERSION

SIMULATED_METHOD = METHOD + b"\\SIMULATED - not protected"


def _code(value: bytes, meaning: bytes) -> bytes:
    """Return a code of PS3.16 CID 7050."""
    return (
        write_element(0x00080100, b"SH", value)
        + write_element(0x00080102, b"SH", b"DCM")
        + write_element(0x00080104, b"LO", meaning)
    )


_BASIC_PROFILE = _code(b"113100", b"Basic Application Confidentiality Profile")
_MODIFIED_DATES = _code(
    b"113107", b"Retain Longitudinal Temporal Information Modified Dates Option"
)


def markers(*, simulated: bool, dates_moved: bool = False) -> dict[int, bytes]:
    """Return the attributes that say how identity was removed, and if in a simulated worker."""
    method = SIMULATED_METHOD if simulated else METHOD
    codes = [_BASIC_PROFILE, _MODIFIED_DATES] if dates_moved else [_BASIC_PROFILE]
    return {
        0x00120062: write_element(0x00120062, b"CS", b"YES"),
        0x00120063: write_element(0x00120063, b"LO", method),
        0x00120064: write_sequence(0x00120064, codes),
        0x00280303: write_element(0x00280303, b"CS", b"MODIFIED" if dates_moved else b"REMOVED"),
    }


def file_head(
    sop_class: bytes, instance_uid: bytes, syntax: bytes = EXPLICIT_VR_LITTLE_ENDIAN
) -> bytes:
    """Return preamble, prefix and file meta information (PS3.10 section 7.1)."""
    meta = b"".join(
        (
            write_element(0x00020001, b"OB", b"\x00\x01"),
            write_element(0x00020002, b"UI", sop_class),
            write_element(0x00020003, b"UI", instance_uid),
            write_element(0x00020010, b"UI", syntax),
            write_element(0x00020012, b"UI", IMPLEMENTATION_CLASS_UID.encode()),
            write_element(0x00020013, b"SH", IMPLEMENTATION_VERSION_NAME.encode()),
        )
    )
    length = write_element(0x00020000, b"UL", len(meta).to_bytes(4, "little"))
    return bytes(128) + b"DICM" + length + meta
