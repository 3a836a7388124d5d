"""A small strict walker for DER, enough for one certificate.

`cryptography` refuses certificates whose signature algorithm has an explicit NULL as parameters,
and Gramine makes exactly such certificates, so the outer layers are walked here. Rules: definite
lengths in their shortest form of at most four octets, no element beyond its parent, nothing after
the last element, low tag numbers only.
"""

from dataclasses import dataclass
from typing import NoReturn

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL, OID = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
SEQUENCE = 0x30
CONTEXT_0, CONTEXT_3 = 0xA0, 0xA3

_ECDSA_WITH_SHA256 = bytes.fromhex("2a8648ce3d040302")
# Critical extensions that we know: key usage, basic constraints, extended key usage.
_KNOWN_CRITICAL = {bytes.fromhex(oid) for oid in ("551d0f", "551d13", "551d25")}


def _refuse() -> NoReturn:
    raise EncryptSecureRTError(ErrorCode.E_CERT_DER)


@dataclass(frozen=True, slots=True)
class Element:
    """One element: its tag, its content, and all its octets as they stand."""

    tag: int
    content: bytes
    whole: bytes

    def children(self) -> list["Element"]:
        """Return the elements of a constructed element."""
        return read_all(self.content)

    def expect(self, tag: int) -> "Element":
        """Return self, refused unless it has that tag."""
        if self.tag != tag:
            _refuse()
        return self


def _read_one(octets: bytes, start: int) -> tuple[Element, int]:
    if start + 2 > len(octets):
        _refuse()
    tag, size, at = octets[start], octets[start + 1], start + 2
    if tag & 0x1F == 0x1F:
        _refuse()
    if size & 0x80:
        count = size & 0x7F
        if not 1 <= count <= 4 or at + count > len(octets):
            _refuse()
        size = int.from_bytes(octets[at : at + count], "big")
        if size < 0x80 or size >> (8 * (count - 1)) == 0:
            _refuse()
        at += count
    if at + size > len(octets):
        _refuse()
    return Element(tag, octets[at : at + size], octets[start : at + size]), at + size


def read_all(octets: bytes) -> list[Element]:
    """Return the elements that fill `octets` exactly; E_CERT_DER otherwise."""
    elements, at = [], 0
    while at < len(octets):
        element, at = _read_one(octets, at)
        elements.append(element)
    return elements


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateParts:
    """What is needed of a certificate.

    `tbs` are the signed octets, `spki` the SubjectPublicKeyInfo as it stands, `signature` the DER
    signature, `extensions` pairs of OID content and value in the order of the certificate.
    """

    tbs: bytes
    spki: bytes
    signature: bytes
    extensions: tuple[tuple[bytes, bytes], ...]


def _check_algorithm(element: Element) -> None:
    parts = element.expect(SEQUENCE).children()
    if not parts or parts[0].expect(OID).content != _ECDSA_WITH_SHA256:
        _refuse()
    # Gramine writes an explicit NULL where RFC 5758 wants nothing; both are taken.
    if len(parts) > 2 or (len(parts) == 2 and parts[1].whole != b"\x05\x00"):
        _refuse()


def _extension(element: Element) -> tuple[bytes, bytes]:
    parts = element.expect(SEQUENCE).children()
    if len(parts) == 3:
        if parts[1].expect(BOOLEAN).content != b"\xff" or parts[0].content not in _KNOWN_CRITICAL:
            _refuse()
        del parts[1]
    if len(parts) != 2:
        _refuse()
    return parts[0].expect(OID).content, parts[1].expect(OCTET_STRING).content


def read_certificate(der: bytes) -> CertificateParts:
    """Walk an X.509 version 3 certificate signed with ECDSA and SHA-256; E_CERT_DER otherwise."""
    outer = read_all(der)
    if len(outer) != 1:
        _refuse()
    parts = outer[0].expect(SEQUENCE).children()
    if len(parts) != 3:
        _refuse()
    tbs, algorithm, signature = parts
    _check_algorithm(algorithm)
    bits = signature.expect(BIT_STRING).content
    fields = tbs.expect(SEQUENCE).children()
    # version, serial, algorithm, issuer, validity, subject, SPKI, ..., extensions
    if len(fields) < 8 or not bits or bits[0] != 0:
        _refuse()
    if fields[0].whole != bytes.fromhex("a003020102") or fields[2].whole != algorithm.whole:
        _refuse()
    fields[1].expect(INTEGER)
    for field in fields[3:7]:
        field.expect(SEQUENCE)
    lists = fields[-1].expect(CONTEXT_3).children()
    if len(lists) != 1:
        _refuse()
    return CertificateParts(
        tbs=tbs.whole,
        spki=fields[6].whole,
        signature=bits[1:],
        extensions=tuple(_extension(item) for item in lists[0].expect(SEQUENCE).children()),
    )
