"""What a manifest says of one protected file: made by `protect`, compared before a reveal.

Both go the same way: the file without its bulk is walked, its sealed items found, the clear rest
hashed. So what is compared later is exactly what was signed.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.headers import BulkRange, HeaderRequest, ProtectedHeader
from encryptsecurert_protocol.manifests import ManifestEntry
from encryptsecurert_protocol.offline import MAX_OFFLINE
from encryptsecurert_protocol.reveals import RevealRequest
from encryptsecurert_worker.dicom.manifest.clearform import check_reserved, clear_sha256
from encryptsecurert_worker.dicom.protect.elements import (
    EXPLICIT_VR_LITTLE_ENDIAN,
    Element,
    Header,
    read_header,
)
from encryptsecurert_worker.dicom.protect.identity import plain_uid
from encryptsecurert_worker.dicom.protect.sealed import ENCRYPTED_ATTRIBUTES

_PATIENT_ID, _STUDY, _SOP_INSTANCE = 0x00100020, 0x0020000D, 0x00080018
_SYNTAX, _CONTENT = 0x04000510, 0x04000520
# DER: a SEQUENCE, whose length has one octet, or is told by as many as its low bits say.
_SEQUENCE, _LONG_FORM, _LENGTH_OCTETS = 0x30, 0x80, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectedFile:
    """A protected file as its octets say it is; nothing was opened and nothing compared.

    Attributes
    ----------
    study, patient : what stands in clear: mapped UID and pseudonym.
    content : the full sealed item, which is the first.
    header : the file without its bulk, as it was walked; two files may differ there alone.
    """

    entry: ManifestEntry
    study: str
    patient: str
    content: bytes = field(repr=False)
    header: Header = field(repr=False, compare=False)


def read_answer(answer: ProtectedHeader) -> ProtectedFile:
    """Read a file that was just protected."""
    request = RevealRequest(
        size=answer.size,
        bulk=tuple(
            BulkRange(offset=one.at, length=one.length, sha256=one.sha256) for one in answer.bulk
        ),
        header=answer.header,
    )
    return read_protected(request)


def read_protected(request: HeaderRequest) -> ProtectedFile:
    """Read a protected file without its bulk.

    Raises
    ------
    EncryptSecureRTError
        E_DICOM or another code of `read_header` if it is no protected file.
    """
    header = read_header(request)
    contents = _sealed_contents(header)
    entry = ManifestEntry(
        instance=_text(plain_uid(header.value(_SOP_INSTANCE))),
        # Each ends where its own length says, so that one digest is of their number and order, too.
        content_sha256=hashlib.sha256(b"".join(contents)).hexdigest(),
        clear_sha256=clear_sha256(request, header),
        bulk_sha256=tuple(one.sha256 for one in request.bulk),
    )
    return ProtectedFile(
        entry=entry,
        study=_text(plain_uid(header.value(_STUDY))),
        patient=_text((header.value(_PATIENT_ID) or b"").rstrip(b" ")),
        content=contents[0],
        header=header,
    )


def _text(value: bytes) -> str:
    return value.decode("ascii", "replace")


def _refuse() -> EncryptSecureRTError:
    return EncryptSecureRTError(ErrorCode.E_DICOM)


def _sealed_contents(header: Header) -> list[bytes]:
    """Return the DER octets of the sealed items, each without its pad octet."""
    sequence = header.elements.get(ENCRYPTED_ATTRIBUTES)
    if sequence is None or sequence.items is None:
        raise _refuse()
    if not 1 <= len(sequence.items) <= 1 + MAX_OFFLINE:
        raise _refuse()
    _check_head(header, sequence, b"SQ")
    return [_content_of(header, item) for item in sequence.items]


def _content_of(header: Header, elements: Sequence[Element]) -> bytes:
    item = [element for element in elements if element.tag & 0xFFFF]
    if [element.tag for element in item] != [_SYNTAX, _CONTENT]:
        raise _refuse()
    syntax, content = item
    for element, vr in ((syntax, b"UI"), (content, b"OB")):
        _check_head(header, element, vr)
    if _value(header, syntax) not in (
        EXPLICIT_VR_LITTLE_ENDIAN,
        EXPLICIT_VR_LITTLE_ENDIAN + b"\0",
    ):
        raise _refuse()
    return der_octets(_value(header, content))


def _check_head(header: Header, element: Element, vr: bytes) -> None:
    if element.vr not in (b"", vr):
        raise _refuse()
    check_reserved(header, element)


def _value(header: Header, element: Element) -> bytes:
    return header.octets[element.value : element.value_end]


def der_octets(value: bytes) -> bytes:
    """Return a DER SEQUENCE without the one zero octet that may follow it (E_DICOM)."""
    if len(value) < 2 + _LENGTH_OCTETS or value[0] != _SEQUENCE or not value[1] & _LONG_FORM:
        raise _refuse()
    count = value[1] & ~_LONG_FORM
    if not 1 <= count <= _LENGTH_OCTETS:
        raise _refuse()
    end = 2 + count + int.from_bytes(value[2 : 2 + count], "big")
    if end > len(value) or value[end:] not in (b"", b"\0"):
        raise _refuse()
    return value[:end]
