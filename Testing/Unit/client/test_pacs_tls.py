"""Files for TLS to a PACS: what is none is told, and nobody is asked for a password."""

import datetime
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.pacs.tls import listening_context, verifying

Make = Callable[[Path | None, Path | None, Path | None], ssl.SSLContext]
both = pytest.mark.parametrize("make", [verifying, listening_context])


def _code(make: Make, ca: Path | None, cert: Path | None, key: Path | None) -> ErrorCode:
    with pytest.raises(EncryptSecureRTError) as refused:
        make(ca, cert, key)
    return refused.value.code


@both
def test_an_authority_that_is_none_is_a_local_file_that_cannot_be_read(
    tmp_path: Path, make: Make
) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")

    assert _code(make, tmp_path / "ca.pem", None, None) is ErrorCode.E_LOCAL_FILE
    assert _code(make, tmp_path / "none.pem", None, None) is ErrorCode.E_LOCAL_FILE


def _write_pair(folder: Path, encryption: KeySerializationEncryption) -> tuple[Path, Path]:
    """Write a certificate that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gateway")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now)
    certificate = builder.sign(key, hashes.SHA256())
    cert_path, key_path = folder / "cert.pem", folder / "key.pem"
    cert_path.write_bytes(certificate.public_bytes(Encoding.PEM))
    key_path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    return cert_path, key_path


@both
def test_a_key_without_a_password_is_taken(tmp_path: Path, make: Make) -> None:
    assert make(None, *_write_pair(tmp_path, NoEncryption()))


@both
def test_a_key_with_a_password_is_refused_and_no_terminal_is_asked(
    tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    passwords: list[object] = []
    real = ssl.SSLContext.load_cert_chain

    def load(context: ssl.SSLContext, cert: Path, key: Path, password: str | None = None) -> None:
        passwords.append(password)
        real(context, cert, key, "" if password is None else password)  # None would wait here

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", load)

    code = _code(make, None, *_write_pair(tmp_path, BestAvailableEncryption(b"secret")))

    assert (code, passwords) == (ErrorCode.E_LOCAL_FILE, [""])
