"""Certificates hold random names only, and other tools take them for what they are."""

import ssl
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.custodian.certificates import (
    Validity,
    certificate_pem,
    issue_user,
    make_recipient,
    make_user_ca,
    read_request,
)

RequestOf = Callable[..., bytes]
_NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
_USER = "0123456789abcdef0123456789abcdef"
_YEAR = Validity.from_days(_NOW, 365)
_CA_KEY = ec.generate_private_key(ec.SECP256R1())
_GOOD_REQUEST = (
    x509.CertificateSigningRequestBuilder()
    .subject_name(x509.Name([]))
    .sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    .public_bytes(Encoding.PEM)
)


@pytest.fixture(scope="module")
def user_ca() -> bytes:
    return make_user_ca(_CA_KEY, _YEAR)


@pytest.fixture(scope="module")
def user_certificate(user_ca: bytes) -> bytes:
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    return issue_user(_CA_KEY, user_ca, _USER, public, Validity.from_days(_NOW, 90))


def _openssl(folder: Path, *arguments: str, **files: bytes) -> str:
    for name, octets in files.items():
        (folder / name).write_bytes(octets)
    answer = subprocess.run(
        ["openssl", *arguments], cwd=folder, capture_output=True, check=False, text=True
    )
    return answer.stdout + answer.stderr


def test_openssl_reads_the_user_certificate_as_it_was_decided(
    user_certificate: bytes, tmp_path: Path
) -> None:
    text = _openssl(
        tmp_path, "x509", "-in", "user", "-noout", "-text", user=certificate_pem(user_certificate)
    )

    assert f"Subject: CN = {_USER}\n" in text
    assert "NIST CURVE: P-256" in text
    assert "X509v3 Extended Key Usage: critical\n                TLS Web Client Auth" in text
    assert "X509v3 Key Usage: critical\n                Digital Signature\n" in text
    assert "CA:FALSE" in text
    assert "Not Before: Nov 24 11:55:00 2026 GMT" in text
    assert "Not After : Feb 22 12:00:00 2027 GMT" in text


def test_openssl_accepts_the_user_certificate_for_a_client_only(
    user_ca: bytes, user_certificate: bytes, tmp_path: Path
) -> None:
    files = {"ca": certificate_pem(user_ca), "user": certificate_pem(user_certificate)}
    at = str(int(_NOW.timestamp()))
    verify = ("verify", "-x509_strict", "-attime", at, "-CAfile", "ca", "-purpose")

    assert "user: OK" in _openssl(tmp_path, *verify, "sslclient", "user", **files)
    assert "user: OK" not in _openssl(tmp_path, *verify, "sslserver", "user", **files)


def test_openssl_refuses_the_user_certificate_after_its_end(
    user_ca: bytes, user_certificate: bytes, tmp_path: Path
) -> None:
    files = {"ca": certificate_pem(user_ca), "user": certificate_pem(user_certificate)}
    after = str(int((_NOW + timedelta(days=90, seconds=1)).timestamp()))

    text = _openssl(tmp_path, "verify", "-attime", after, "-CAfile", "ca", "user", **files)

    assert "certificate has expired" in text


def test_the_ca_signs_certificates_of_users_and_no_further_ca(
    user_ca: bytes, tmp_path: Path
) -> None:
    text = _openssl(tmp_path, "x509", "-in", "ca", "-noout", "-text", ca=certificate_pem(user_ca))

    assert "CA:TRUE, pathlen:0" in text
    assert "Certificate Sign, CRL Sign" in text


def test_pythons_tls_takes_the_ca_as_a_trust_anchor(user_ca: bytes) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    context.load_verify_locations(cadata=user_ca)

    assert context.get_ca_certs(binary_form=True) == [user_ca]


def test_names_are_random_ids_and_differ(user_ca: bytes) -> None:
    other = make_user_ca(_CA_KEY, _YEAR)

    certificates = (x509.load_der_x509_certificate(der) for der in (user_ca, other))
    names = [certificate.subject.rfc4514_string() for certificate in certificates]
    assert names[0] != names[1]
    assert all(len(name) == len("CN=") + 32 for name in names)


def test_a_recipient_is_rsa_3072_for_key_encipherment(tmp_path: Path) -> None:
    der = make_recipient(rsa.generate_private_key(65537, 3072), _YEAR)

    text = _openssl(tmp_path, "x509", "-in", "r", "-noout", "-text", r=certificate_pem(der))

    assert "Public-Key: (3072 bit)" in text
    assert "X509v3 Key Usage: critical\n                Key Encipherment\n" in text
    assert "X509v3 Subject Key Identifier" in text


def test_a_certificate_that_would_outlive_its_ca_is_refused(user_ca: bytes) -> None:
    public = ec.generate_private_key(ec.SECP256R1()).public_key()

    with pytest.raises(EncryptSecureRTError) as caught:
        issue_user(_CA_KEY, user_ca, _USER, public, Validity.from_days(_NOW, 366))

    assert caught.value.code is ErrorCode.E_USAGE


def test_a_request_gives_its_key(request_of: RequestOf) -> None:
    key = ec.generate_private_key(ec.SECP256R1())

    assert read_request(request_of(key)).public_numbers() == key.public_key().public_numbers()


def test_a_request_made_by_openssl_is_taken(tmp_path: Path) -> None:
    _openssl(tmp_path, "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "key")
    _openssl(tmp_path, "req", "-new", "-key", "key", "-subj", "/CN=x", "-out", "csr")

    key = read_request((tmp_path / "csr").read_bytes())

    assert key.curve.name == "secp256r1"


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP256K1()),
        rsa.generate_private_key(65537, 2048),
    ],
    ids=["p384", "p256k1", "rsa"],
)
def test_a_request_with_another_key_type_is_refused(
    request_of: RequestOf, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
) -> None:
    with pytest.raises(EncryptSecureRTError) as caught:
        read_request(request_of(key))

    assert caught.value.code is ErrorCode.E_USER_KEY
    assert "P-256" in caught.value.what


def test_a_request_for_somebody_elses_key_is_refused(request_of: RequestOf) -> None:
    """Take the signature of one request to the key of another: no proof of possession."""
    mine, victims = (
        x509.load_pem_x509_csr(request_of(ec.generate_private_key(ec.SECP256R1())))
        for _ in range(2)
    )
    # The last member of a request is its signature, a BIT STRING; swap it, lengths adjusted.
    body = victims.tbs_certrequest_bytes
    algorithm = bytes.fromhex("300a06082a8648ce3d040302")
    signature = bytes([0x03, len(mine.signature) + 1, 0]) + mine.signature
    content = body + algorithm + signature
    der = b"\x30\x81" + bytes([len(content)]) + content
    forged = x509.load_der_x509_csr(der)  # well-formed: it is refused for the signature alone
    assert forged.public_key() == victims.public_key()

    with pytest.raises(EncryptSecureRTError) as caught:
        read_request(forged.public_bytes(Encoding.PEM))

    assert caught.value.code is ErrorCode.E_USER_KEY
    assert "own key" in caught.value.what


def test_an_oversized_request_is_refused_before_it_is_read() -> None:
    with pytest.raises(EncryptSecureRTError) as caught:
        read_request(b"-" * (64 * 1024 + 1))

    assert caught.value.code is ErrorCode.E_TOO_LARGE


def _code_of(request: bytes) -> ErrorCode | None:
    try:
        read_request(request)
    except EncryptSecureRTError as error:
        return error.code
    return None


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_damaged_request_raises_our_errors_only(data: st.DataObject) -> None:
    good = bytearray(_GOOD_REQUEST)
    at = data.draw(st.integers(0, len(good) - 1))
    good[at] = data.draw(st.integers(0, 255))

    assert _code_of(bytes(good[: data.draw(st.integers(0, len(good)))])) in (
        None,
        ErrorCode.E_USER_KEY,
    )


def test_the_undamaged_request_is_taken() -> None:
    assert read_request(_GOOD_REQUEST)
