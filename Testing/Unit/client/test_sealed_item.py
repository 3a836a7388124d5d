"""The outside of a sealed item: what another library sealed is read, and nothing else."""

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7EnvelopeBuilder, PKCS7Options
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.sealed_item import sealed_item, without_pad

_SERIALS = (0x3F, 0xFEDC_BA98_7654_3210)
_NAMES = ("site 0f3a", "escrow \u00e4")


def _certificate(name: str, serial: int) -> x509.Certificate:
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "nobody"),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )


def _sealed(plaintext: bytes) -> bytes:
    builder = PKCS7EnvelopeBuilder().set_content_encryption_algorithm(algorithms.AES256)
    for name, serial in zip(_NAMES, _SERIALS, strict=True):
        builder = builder.add_recipient(_certificate(name, serial))
    return builder.set_data(plaintext).encrypt(Encoding.DER, [PKCS7Options.Binary])


SEALED = _sealed(bytes(4096))


def test_recipients_algorithms_and_sizes_are_told() -> None:
    item = sealed_item(SEALED)

    assert [(one.serial, one.issuer) for one in item.recipients] == [
        (f"{serial:x}", name) for serial, name in zip(_SERIALS, _NAMES, strict=True)
    ]
    assert {one.key_algorithm for one in item.recipients} == {"RSA PKCS#1 v1.5"}
    assert item.algorithm == "AES-256-CBC"
    assert (item.content_bytes, item.size_bytes) == (4096 + 16, len(SEALED))


def test_one_pad_octet_is_taken_off_and_no_more() -> None:
    assert without_pad(SEALED + b"\0") == SEALED
    assert without_pad(SEALED) == SEALED
    assert without_pad(SEALED + b"\0\0") == SEALED + b"\0\0"
    for odd in (b"", b"\0", b"\x30", b"\x30\x84\xff"):
        assert without_pad(odd) == odd


@pytest.mark.parametrize(
    "octets",
    [b"", b"\0", SEALED[:-1], SEALED + b"\0", b"\x30\0", b"\x30\x03\x06\x01\x2a", SEALED[4:]],
)
def test_anything_else_is_malformed(octets: bytes) -> None:
    with pytest.raises(EncryptSecureRTError) as refused:
        sealed_item(octets)

    assert refused.value.code is ErrorCode.E_DICOM


def _code_of(octets: bytes) -> ErrorCode | None:
    """Return with which code octets are refused, None if they are read."""
    try:
        sealed_item(without_pad(octets))
    except EncryptSecureRTError as error:
        return error.code
    return None


@given(st.integers(0, 700), st.integers(0, 255))
def test_a_changed_octet_is_read_or_refused_and_never_a_crash(place: int, octet: int) -> None:
    changed = bytearray(SEALED)
    changed[place] = octet

    assert _code_of(bytes(changed)) in (None, ErrorCode.E_DICOM)


@given(st.binary(max_size=64))
def test_any_octets_are_read_or_refused(octets: bytes) -> None:
    assert _code_of(octets) in (None, ErrorCode.E_DICOM)
