"""The escrow key's file opens with tools that know nothing of this project."""

import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from EncryptSecureRTLib.custodian.escrow_pem import escrow_pem

_PASSPHRASE = b"correct horse battery"


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 3072)


@pytest.fixture(scope="module")
def pem(key: rsa.RSAPrivateKey) -> bytes:
    return escrow_pem(key, _PASSPHRASE)


def _openssl(pem: bytes, passphrase: bytes, folder: Path) -> subprocess.CompletedProcess[bytes]:
    (folder / "key").write_bytes(pem)
    (folder / "passphrase").write_bytes(passphrase)
    return subprocess.run(
        ["openssl", "pkey", "-in", "key", "-passin", "file:passphrase"],
        cwd=folder,
        capture_output=True,
        check=False,
    )


def test_openssl_reads_the_same_key(key: rsa.RSAPrivateKey, pem: bytes, tmp_path: Path) -> None:
    answer = _openssl(pem, _PASSPHRASE, tmp_path)

    clear = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert answer.stdout == clear


def test_openssl_refuses_another_passphrase(pem: bytes, tmp_path: Path) -> None:
    answer = _openssl(pem, b"correct horse batterY", tmp_path)

    assert answer.returncode != 0
    assert answer.stdout == b""


def test_cryptography_reads_the_same_key(key: rsa.RSAPrivateKey, pem: bytes) -> None:
    loaded = load_pem_private_key(pem, _PASSPHRASE)

    assert isinstance(loaded, rsa.RSAPrivateKey)
    assert loaded.private_numbers() == key.private_numbers()


def test_guessing_costs_scrypt_and_not_a_few_rounds(pem: bytes, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(pem)

    parsed = subprocess.run(
        ["openssl", "asn1parse", "-in", "key"], cwd=tmp_path, capture_output=True, check=True
    ).stdout.decode()

    head = parsed.splitlines()[:16]
    integers = [line.rsplit(":", 1)[1] for line in head if "INTEGER" in line]
    assert [int(text, 16) for text in integers] == [2**14, 8, 8]
    assert any("1.3.6.1.4.1.11591.4.11" in line or "scrypt" in line for line in head)
    assert "PBKDF2" not in parsed
