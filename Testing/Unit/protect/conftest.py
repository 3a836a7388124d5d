"""What the tests of `protect` share: a site's keys and a writer of small CT files.

The writer is a few lines of its own and no part of the project's, so that a walker is never
tested against itself. An element is (tag, VR, value); a value is octets, or a list of items, each
a list of elements.
"""

import datetime
import hashlib
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs7,
)
from cryptography.x509.oid import NameOID

from encryptsecurert_protocol.headers import BulkRange, HeaderRequest
from encryptsecurert_worker.dicom.protect import ProtectionKeys, Protector, sealed

LONG_VRS = b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split()
UNDEFINED = 0xFFFFFFFF
IMPLICIT, EXPLICIT = b"1.2.840.10008.1.2", b"1.2.840.10008.1.2.1"


def make_pair(common_name: str) -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
    """Return a key that sealed items can be for, with its certificate."""
    key = rsa.generate_private_key(65537, 3072)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    return key, certificate


class Site:
    """Keys of a made-up site, with the private halves that open what was sealed."""

    def __init__(self) -> None:
        self.pairs = [make_pair("0f3a"), make_pair("77c1")]
        recipient, escrow = (pair[1].public_bytes(Encoding.DER) for pair in self.pairs)
        self.keys = ProtectionKeys(
            uid_key=b"u" * 32,
            pid_key=b"p" * 32,
            dateshift_key=b"d" * 32,
            recipient_certificate=recipient,
            escrow_certificate=escrow,
        )
        self.protector = Protector(self.keys)

    def open(self, content: bytes, who: int = 0) -> bytes:
        """Decrypt as recipient number `who`: 0 is the site, 1 the escrow."""
        key, certificate = self.pairs[who]
        return pkcs7.pkcs7_decrypt_der(content, certificate, key, [])

    def write_pem(self, folder: Path, who: int = 0) -> tuple[Path, Path]:
        """Write key and certificate for programs that open files."""
        key, certificate = self.pairs[who]
        key_path, certificate_path = folder / f"key{who}.pem", folder / f"cert{who}.pem"
        key_path.write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        )
        certificate_path.write_bytes(certificate.public_bytes(Encoding.PEM))
        return key_path, certificate_path


@pytest.fixture(scope="session")
def site() -> Any:
    return Site()


def encode_element(tag: int, vr: bytes, value: Any, *, implicit: bool) -> bytes:
    octets: bytes = value if isinstance(value, bytes) else b""
    if isinstance(value, list):
        octets = b"".join(
            struct.pack("<HHL", 0xFFFE, 0xE000, len(body)) + body
            for body in (
                b"".join(encode_element(*child, implicit=implicit) for child in item)
                for item in value
            )
        )
    if len(octets) & 1:
        octets += b"\0" if vr in (b"UI", b"OB", b"UN") else b" "
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    if implicit:
        return head + struct.pack("<L", len(octets)) + octets
    if vr in LONG_VRS:
        return head + vr + struct.pack("<HL", 0, len(octets)) + octets
    return head + vr + struct.pack("<H", len(octets)) + octets


def us(number: int) -> bytes:
    return struct.pack("<H", number)


BASE: dict[int, tuple[bytes, Any]] = {
    0x00080008: (b"CS", b"ORIGINAL\\PRIMARY\\AXIAL"),
    0x00080016: (b"UI", b"1.2.840.10008.5.1.4.1.1.2"),
    0x00080018: (b"UI", b"1.2.3.4.5"),
    0x00080020: (b"DA", b"20010203"),
    0x00080060: (b"CS", b"CT"),
    0x00080080: (b"LO", b"CANARY HOSPITAL"),
    0x00100010: (b"PN", b"CANARY^NAME"),
    0x00100020: (b"LO", b"CANARY-4711"),
    0x0020000D: (b"UI", b"1.2.3.4"),
    0x0020000E: (b"UI", b"1.2.3.4.1"),
    0x00200011: (b"IS", b"2"),
    0x00200013: (b"IS", b"7"),
    0x00200032: (b"DS", b"-10.5\\-20\\3e1"),
    0x00200037: (b"DS", b"1\\0\\0\\0\\1\\0"),
    0x00200052: (b"UI", b"1.2.3.9"),
    0x00280002: (b"US", us(1)),
    0x00280004: (b"CS", b"MONOCHROME2"),
    0x00280010: (b"US", us(4)),
    0x00280011: (b"US", us(6)),
    0x00280030: (b"DS", b"0.5\\0.5"),
    0x00280100: (b"US", us(16)),
    0x00280101: (b"US", us(16)),
    0x00280102: (b"US", us(15)),
    0x00280103: (b"US", us(1)),
    0x00281052: (b"DS", b"-1024"),
    0x00281053: (b"DS", b"1"),
}
PIXELS = bytes(range(48))


def make_ct(
    changes: dict[int, tuple[bytes, Any] | None] | None = None,
    *,
    implicit: bool = False,
    pixels: bytes = PIXELS,
    syntax: bytes | None = None,
    preamble: bytes = bytes(128),
    after: bytes = b"",
) -> bytes:
    """Return a CT file; `changes` replace, add or (None) remove elements of the small base."""
    elements = {**BASE, 0x7FE00010: (b"OW", pixels), **(changes or {})}
    meta = b"".join(
        encode_element(tag, vr, value, implicit=False)
        for tag, vr, value in (
            (0x00020002, b"UI", b"1.2.840.10008.5.1.4.1.1.2"),
            (0x00020003, b"UI", b"1.2.3.4.5"),
            (0x00020010, b"UI", syntax or (IMPLICIT if implicit else EXPLICIT)),
            (0x00020016, b"AE", b"CANARY-AE"),
        )
    )
    length = encode_element(0x00020000, b"UL", struct.pack("<L", len(meta)), implicit=False)
    body = b"".join(
        encode_element(tag, *pair, implicit=implicit)
        for tag, pair in sorted(elements.items())
        if pair is not None
    )
    return preamble + b"DICM" + length + meta + body + after


def request_of(octets: bytes, pixels: bytes = PIXELS) -> HeaderRequest:
    """Split a made-up file without the client's code: the pixels are found by their octets."""
    offset = octets.rindex(pixels)
    return HeaderRequest(
        size=len(octets),
        bulk=(
            BulkRange(offset=offset, length=len(pixels), sha256=hashlib.sha256(pixels).hexdigest()),
        ),
        header=octets[:offset] + octets[offset + len(pixels) :],
        file_sha256=hashlib.sha256(octets).hexdigest(),
    )


@pytest.fixture(scope="session")
def ct_octets() -> Callable[..., bytes]:
    return make_ct


def look_alike_block() -> dict[int, tuple[bytes, Any] | None]:
    """Return private elements of an original that look like ours, and name another original."""
    other = make_ct({0x00081030: (b"LO", b"ANOTHER STUDY ")})
    request = request_of(other, PIXELS)
    return {
        0x0EEF0011: (b"LO", sealed.PRIVATE_CREATOR),
        0x0EEF1101: (b"OB", bytes(request.header)),
        0x0EEF1102: (b"OB", sealed._splice_list(request)),
    }


@pytest.fixture(scope="session")
def ct_request() -> Callable[..., HeaderRequest]:
    def build(*arguments: Any, **options: Any) -> HeaderRequest:
        octets = make_ct(*arguments, **options)
        return request_of(octets, options.get("pixels", PIXELS))

    return build


@pytest.fixture(scope="session")
def element() -> Callable[..., bytes]:
    return encode_element
