"""What a sealed item is, seen from outside: CMS EnvelopedData (RFC 5652 section 6), not opened.

For whom it is sealed, with what and how much; the key that opens it is in the enclave, and nothing
here is a proof of anything.
"""

from dataclasses import dataclass

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.attest.der import INTEGER, OCTET_STRING, OID, SEQUENCE, Element, read_all

_SET, _CONTEXT_0, _IMPLICIT_0 = 0x31, 0xA0, 0x80
_ENVELOPED_DATA = "1.2.840.113549.1.7.3"
_COMMON_NAME = "2.5.4.3"
_NAMES = {
    "1.2.840.113549.1.1.1": "RSA PKCS#1 v1.5",
    "1.2.840.113549.1.1.7": "RSA OAEP",
    "2.16.840.1.101.3.4.1.2": "AES-128-CBC",
    "2.16.840.1.101.3.4.1.22": "AES-192-CBC",
    "2.16.840.1.101.3.4.1.42": "AES-256-CBC",
    "1.2.840.113549.3.7": "3DES-CBC",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """For whom an item is sealed: the certificate's serial number in hex and its issuer."""

    serial: str
    issuer: str
    key_algorithm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedItem:
    """A sealed item's outside; `content_bytes` are encrypted ones, padding included."""

    recipients: tuple[Recipient, ...]
    algorithm: str
    content_bytes: int
    size_bytes: int


def sealed_item(octets: bytes) -> SealedItem:
    """Read the outside of an item (E_DICOM).

    Parameters
    ----------
    octets : DER of a ContentInfo, without a pad octet.
    """
    try:
        return _read(octets)
    except (EncryptSecureRTError, ValueError):  # too few elements, or other text than ASCII
        raise EncryptSecureRTError(ErrorCode.E_DICOM) from None


def without_pad(octets: bytes) -> bytes:
    """Return DER octets without the one zero octet that DICOM may have put behind them."""
    length = octets[1] if len(octets) > 1 else 0
    count = length & 0x7F if length & 0x80 else 0
    content = int.from_bytes(octets[2 : 2 + count], "big") if count else length
    end = 2 + count + content
    return octets[:end] if octets[end:] == b"\0" else octets


def _read(octets: bytes) -> SealedItem:
    (outer,) = read_all(octets)
    kind, wrapped = outer.expect(SEQUENCE).children()
    if _oid(kind) != _ENVELOPED_DATA:
        raise EncryptSecureRTError(ErrorCode.E_DICOM)
    (enveloped,) = wrapped.expect(_CONTEXT_0).children()
    parts = enveloped.expect(SEQUENCE).children()
    # version, recipients, content; nothing that the profile does not have (PS3.15 E.1.1)
    version, recipients, content = parts
    version.expect(INTEGER)
    _, algorithm, encrypted = content.expect(SEQUENCE).children()
    return SealedItem(
        recipients=tuple(_recipient(one) for one in recipients.expect(_SET).children()),
        algorithm=_algorithm(algorithm),
        content_bytes=len(encrypted.expect(_IMPLICIT_0).content),
        size_bytes=len(octets),
    )


def _recipient(element: Element) -> Recipient:
    _, named, algorithm, key = element.expect(SEQUENCE).children()
    issuer, serial = named.expect(SEQUENCE).children()
    key.expect(OCTET_STRING)
    return Recipient(
        serial=f"{int.from_bytes(serial.expect(INTEGER).content, 'big'):x}",
        issuer=_common_name(issuer),
        key_algorithm=_algorithm(algorithm),
    )


def _common_name(name: Element) -> str:
    """Return the last common name of an issuer, empty if it has none."""
    found = ""
    for names in name.expect(SEQUENCE).children():
        for pair in names.expect(_SET).children():
            kind, value = pair.expect(SEQUENCE).children()
            if _oid(kind) == _COMMON_NAME:
                found = value.content.decode("utf-8")
    return found


def _algorithm(element: Element) -> str:
    oid = _oid(element.expect(SEQUENCE).children()[0])
    return _NAMES.get(oid, oid)


def _oid(element: Element) -> str:
    """Return an object identifier in its dotted form (X.690 section 8.19)."""
    arcs: list[int] = []
    value = 0
    for octet in element.expect(OID).content:
        value = value << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(value)
            value = 0
    if not arcs:
        raise EncryptSecureRTError(ErrorCode.E_DICOM)
    root = min(arcs[0] // 40, 2)
    return ".".join(map(str, (root, arcs[0] - 40 * root, *arcs[1:])))
