"""The Raw Data Storage instance (PS3.3 A.37) that carries a manifest inside its study.

A PACS keeps it with the study and needs to understand nothing of it. Its own series holds
nothing else. The manifest and its signature are private elements of group 0EEF:

    creator `ENCRYPTSECURERT 1`, element 03 (OB) manifest, one 00 if odd; element 04 (OB) signature

It holds no date and no name: the date that the standard asks for is the one that means none.
"""

import hashlib

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.headers import HeaderState, ProtectedHeader
from encryptsecurert_protocol.manifests import SignedManifest, StudyManifest
from encryptsecurert_protocol.reveals import RevealRequest
from encryptsecurert_worker.dicom.implementation import IMPLEMENTATION_CLASS_UID
from encryptsecurert_worker.dicom.protect.elements import Header, read_header
from encryptsecurert_worker.dicom.protect.identity import map_uid
from encryptsecurert_worker.dicom.protect.iods.whole import RAW_DATA_STORAGE
from encryptsecurert_worker.dicom.protect.sealed import PRIVATE_CREATOR, PRIVATE_GROUP
from encryptsecurert_worker.dicom.protect.shell import file_head, markers
from encryptsecurert_worker.dicom.protect.writing import write_element, write_sequence

MANIFEST, SIGNATURE = 0x03, 0x04

_BLOCK = 0x10
_CREATOR = PRIVATE_GROUP << 16 | _BLOCK
_BASE = PRIVATE_GROUP << 16 | _BLOCK << 8
_NO_DATE, _NO_TIME = b"19000101", b"000000"
# Longer than any UID can be, so that no original UID is mapped to the same.
_UID_CONTEXT = b"EncryptSecureRT/manifest/v1/"


def manifest_file(
    signed: SignedManifest, manifest: StudyManifest, uid_key: bytes, *, simulated: bool
) -> ProtectedHeader:
    """Return the file of a signed manifest, as an answer of `protect` without bulk.

    Parameters
    ----------
    signed, manifest : the same, as octets and as read.
    uid_key : sub-key ``uid/v1``; the file's UIDs are keyed as all others are.
    """
    series = _uid(uid_key, b"series/", manifest.study.encode("ascii"))
    instance = _uid(uid_key, b"instance/", signed.octets)
    elements = {
        tag: write_element(tag, vr, value)
        for tag, vr, value in (
            (0x00080016, b"UI", RAW_DATA_STORAGE),
            (0x00080018, b"UI", instance),
            (0x00080020, b"DA", b""),
            (0x00080023, b"DA", _NO_DATE),
            (0x00080030, b"TM", b""),
            (0x00080033, b"TM", _NO_TIME),
            (0x00080050, b"SH", b""),
            (0x00080060, b"CS", b"OT"),
            (0x00080070, b"LO", b""),
            (0x00080090, b"PN", b""),
            (0x00089123, b"UI", IMPLEMENTATION_CLASS_UID.encode("ascii")),
            (0x00100010, b"PN", manifest.patient.encode("ascii")),
            (0x00100020, b"LO", manifest.patient.encode("ascii")),
            (0x00100030, b"DA", b""),
            (0x00100040, b"CS", b""),
            (0x0020000D, b"UI", manifest.study.encode("ascii")),
            (0x0020000E, b"UI", series),
            (0x00200010, b"SH", b""),
            (0x00200011, b"IS", b""),
            (0x00200013, b"IS", b"1"),
            (0x00200060, b"CS", b""),
            (_CREATOR, b"LO", PRIVATE_CREATOR),
            (_BASE | MANIFEST, b"OB", signed.octets),
            (_BASE | SIGNATURE, b"OB", signed.signature),
        )
    }
    elements[0x00400555] = write_sequence(0x00400555, [])
    elements |= markers(simulated=simulated)
    body = b"".join(elements[tag] for tag in sorted(elements))
    return ProtectedHeader(
        state=HeaderState.PROTECTED,
        name=f"{series.decode('ascii')}/{instance.decode('ascii')}.dcm",
        header=file_head(RAW_DATA_STORAGE, instance) + body,
    )


def _uid(uid_key: bytes, name: bytes, octets: bytes) -> bytes:
    digest = hashlib.sha256(octets).hexdigest().encode("ascii")
    return map_uid(uid_key, _UID_CONTEXT + name + digest)


def read_manifest_file(octets: bytes) -> SignedManifest:
    """Return the signed manifest that a Raw Data file carries; nothing is verified yet.

    Raises
    ------
    EncryptSecureRTError
        E_DIGEST if it carries none, and for whatever is wrong with it.
    """
    try:
        header = read_header(RevealRequest(size=len(octets), bulk=(), header=octets))
        if (header.value(_CREATOR) or b"").rstrip(b" ") != PRIVATE_CREATOR:
            raise EncryptSecureRTError(ErrorCode.E_DIGEST)
        return SignedManifest(
            octets=_private(header, MANIFEST).removesuffix(b"\0"),
            signature=_private(header, SIGNATURE),
        )
    except EncryptSecureRTError:
        raise EncryptSecureRTError(ErrorCode.E_DIGEST) from None


def _private(header: Header, number: int) -> bytes:
    value = header.value(_BASE | number)
    if value is None:
        raise EncryptSecureRTError(ErrorCode.E_DIGEST)
    return value
