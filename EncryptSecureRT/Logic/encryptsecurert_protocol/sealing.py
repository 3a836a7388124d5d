"""The only place where AEAD and HPKE are called.

Callers choose no algorithm, nonce or mode; they say what is sealed for what (`info`, `aad`), and
every failure to open is the same error, `E_SEAL`, without reason, cause or text.

HPKE (RFC 9180, base mode) seals small things to a public key; suite 2 is the hybrid
MLKEM768_X25519, since medical data must stay secret longer than a quantum computer may take to
come. AES-256-GCM seals chunks and stored records under keys that are used for nothing else.
"""

import hashlib
import hmac
import os
from dataclasses import dataclass
from enum import IntEnum

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, hpke
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode

KEY_BYTES = 32
PREFIX_BYTES = 7
TAG_BYTES = 16
RECORD_OVERHEAD_BYTES = 32 + 12 + TAG_BYTES  # salt, nonce, tag
_MLKEM_PUBLIC_BYTES = 1184
_MLKEM_SEED_BYTES = 64
_X25519_BYTES = 32
_SALT_BYTES = 32
_NONCE_BYTES = 12
_MAX_CHUNK_INDEX = 2**32 - 1


class HpkeSuite(IntEnum):
    """HPKE suites; the number travels in headers."""

    X25519 = 1
    MLKEM768_X25519 = 2


_PrivateKey = x25519.X25519PrivateKey | hpke.MLKEM768X25519PrivateKey
_PublicKey = x25519.X25519PublicKey | hpke.MLKEM768X25519PublicKey
_KEMS = {
    HpkeSuite.X25519: hpke.KEM.X25519,
    HpkeSuite.MLKEM768_X25519: hpke.KEM.MLKEM768_X25519,
}
PUBLIC_KEY_BYTES = {
    HpkeSuite.X25519: _X25519_BYTES,
    HpkeSuite.MLKEM768_X25519: _MLKEM_PUBLIC_BYTES + _X25519_BYTES,
}


def _suite(suite: HpkeSuite) -> hpke.Suite:
    return hpke.Suite(_KEMS[suite], hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


@dataclass(frozen=True, slots=True)
class HpkeKeyPair:
    """A key pair of one suite; `secret` is kept out of any text form."""

    suite: HpkeSuite
    public: bytes
    _secret: bytes

    def __repr__(self) -> str:
        return f"HpkeKeyPair(suite={self.suite.name})"

    @property
    def secret_octets(self) -> bytes:
        """The private key's octets, to be stored only where the key's holder stores secrets."""
        return self._secret

    @classmethod
    def generate(cls, suite: HpkeSuite = HpkeSuite.MLKEM768_X25519) -> "HpkeKeyPair":
        """Make a fresh key pair."""
        secret = x25519.X25519PrivateKey.generate().private_bytes_raw()
        if suite is HpkeSuite.MLKEM768_X25519:
            secret = mlkem.MLKEM768PrivateKey.generate().private_bytes_raw() + secret
        return cls.from_secret(suite, secret)

    @classmethod
    def from_secret(cls, suite: HpkeSuite, secret: bytes) -> "HpkeKeyPair":
        """Return the pair of stored private octets (ML-KEM seed 64, then X25519 32)."""
        try:
            if suite is HpkeSuite.X25519:
                x_key = x25519.X25519PrivateKey.from_private_bytes(secret)
                return cls(suite, x_key.public_key().public_bytes_raw(), secret)
            seed, x_secret = secret[:_MLKEM_SEED_BYTES], secret[_MLKEM_SEED_BYTES:]
            m_key = mlkem.MLKEM768PrivateKey.from_seed_bytes(seed)
            x_key = x25519.X25519PrivateKey.from_private_bytes(x_secret)
        except (ValueError, TypeError):
            raise EncryptSecureRTError(ErrorCode.E_SEAL) from None
        public = m_key.public_key().public_bytes_raw() + x_key.public_key().public_bytes_raw()
        return cls(suite, public, secret)

    def open(self, sealed: bytes, info: bytes) -> bytes:
        """Return what was sealed to this key for `info`."""
        try:
            return _suite(self.suite).decrypt(sealed, self._private_key(), info=info)
        except (InvalidTag, ValueError, TypeError):
            raise EncryptSecureRTError(ErrorCode.E_SEAL) from None

    def _private_key(self) -> _PrivateKey:
        if self.suite is HpkeSuite.X25519:
            return x25519.X25519PrivateKey.from_private_bytes(self._secret)
        return hpke.MLKEM768X25519PrivateKey(
            mlkem.MLKEM768PrivateKey.from_seed_bytes(self._secret[:_MLKEM_SEED_BYTES]),
            x25519.X25519PrivateKey.from_private_bytes(self._secret[_MLKEM_SEED_BYTES:]),
        )


def hpke_seal(suite: HpkeSuite, public: bytes, info: bytes, plaintext: bytes) -> bytes:
    """Seal `plaintext` for `info` to a public key of `suite`."""
    try:
        return _suite(suite).encrypt(plaintext, _public_key(suite, public), info=info)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise EncryptSecureRTError(ErrorCode.E_SEAL) from None


def _public_key(suite: HpkeSuite, public: bytes) -> _PublicKey:
    if len(public) != PUBLIC_KEY_BYTES[suite]:
        raise ValueError
    if suite is HpkeSuite.X25519:
        return x25519.X25519PublicKey.from_public_bytes(public)
    return hpke.MLKEM768X25519PublicKey(
        mlkem.MLKEM768PublicKey.from_public_bytes(public[:_MLKEM_PUBLIC_BYTES]),
        x25519.X25519PublicKey.from_public_bytes(public[_MLKEM_PUBLIC_BYTES:]),
    )


def derive_key(key: bytes, label: bytes) -> bytes:
    """Return the 32-octet sub-key of `key` for `EncryptSecureRT/` || label (HKDF, no salt)."""
    info = b"EncryptSecureRT/" + label
    return HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=info).derive(key)


def keyed_name(key: bytes, *parts: bytes) -> str:
    """Return HMAC-SHA-256 over the parts joined by 00, in hex: a name that tells nothing."""
    return hmac.new(key, b"\x00".join(parts), hashlib.sha256).hexdigest()


def random_octets(count: int) -> bytes:
    """Return `count` octets from the system's source of randomness."""
    return os.urandom(count)


class ChunkCipher:
    """Seals the chunks of one object under its own data key.

    The nonce is prefix (7) || u32be index || 01 for the last chunk, 00 before. Nobody else ever
    uses the data key, so a nonce repeats only if the same chunk is sealed again.
    """

    def __init__(self, data_key: bytes, prefix: bytes, aad: bytes) -> None:
        if len(data_key) != KEY_BYTES or len(prefix) != PREFIX_BYTES:
            raise EncryptSecureRTError(ErrorCode.E_SEAL)
        self._aead = AESGCM(data_key)
        self._prefix = prefix
        self._aad = aad

    def _nonce(self, index: int, last: bool) -> bytes:
        if not 0 <= index <= _MAX_CHUNK_INDEX:
            raise EncryptSecureRTError(ErrorCode.E_SEAL)
        return self._prefix + index.to_bytes(4, "big") + (b"\x01" if last else b"\x00")

    def seal(self, index: int, plaintext: bytes | memoryview, *, last: bool) -> bytes:
        """Return ciphertext || tag of one chunk."""
        return self._aead.encrypt(self._nonce(index, last), plaintext, self._aad)

    def open(self, index: int, sealed: bytes | memoryview, *, last: bool) -> bytes:
        """Return the plaintext of one chunk, or refuse with E_SEAL."""
        try:
            return self._aead.decrypt(self._nonce(index, last), sealed, self._aad)
        except (InvalidTag, ValueError):
            raise EncryptSecureRTError(ErrorCode.E_SEAL) from None

    def open_into(
        self, index: int, sealed: bytes | memoryview, plaintext: memoryview, *, last: bool
    ) -> None:
        """Write the plaintext of one chunk into a buffer of exactly its size, or refuse.

        After a refusal the buffer's content means nothing.
        """
        try:
            self._aead.decrypt_into(self._nonce(index, last), sealed, self._aad, plaintext)
        except (InvalidTag, ValueError):
            raise EncryptSecureRTError(ErrorCode.E_SEAL) from None


def seal_record(storage_key: bytes, aad: bytes, plaintext: bytes | memoryview) -> bytes:
    """Seal one record of the worker's state: salt (32) || nonce (12) || ciphertext || tag."""
    salt, nonce = os.urandom(_SALT_BYTES), os.urandom(_NONCE_BYTES)
    aead = AESGCM(_record_key(storage_key, salt))
    return salt + nonce + aead.encrypt(nonce, plaintext, aad)


def open_record(storage_key: bytes, aad: bytes, record: bytes | memoryview) -> bytes:
    """Return the plaintext of a record, or refuse with E_SEAL."""
    start = _SALT_BYTES + _NONCE_BYTES
    if len(record) < start + TAG_BYTES:
        raise EncryptSecureRTError(ErrorCode.E_SEAL)
    view = memoryview(record)
    aead = AESGCM(_record_key(storage_key, bytes(view[:_SALT_BYTES])))
    try:
        return aead.decrypt(bytes(view[_SALT_BYTES:start]), view[start:], aad)
    except (InvalidTag, ValueError):
        raise EncryptSecureRTError(ErrorCode.E_SEAL) from None


def seal_record_into(
    storage_key: bytes, aad: bytes, plaintext: bytes | memoryview, record: memoryview
) -> None:
    """Write a sealed record into a buffer of exactly the plaintext's size and the overhead."""
    salt, nonce = os.urandom(_SALT_BYTES), os.urandom(_NONCE_BYTES)
    start = _SALT_BYTES + _NONCE_BYTES
    record[:start] = salt + nonce
    AESGCM(_record_key(storage_key, salt)).encrypt_into(nonce, plaintext, aad, record[start:])


def open_record_into(
    storage_key: bytes, aad: bytes, record: memoryview, plaintext: memoryview
) -> None:
    """Write a record's plaintext into a buffer of exactly its size, or refuse with E_SEAL."""
    start = _SALT_BYTES + _NONCE_BYTES
    aead = AESGCM(_record_key(storage_key, bytes(record[:_SALT_BYTES])))
    try:
        aead.decrypt_into(bytes(record[_SALT_BYTES:start]), record[start:], aad, plaintext)
    except (InvalidTag, ValueError):
        raise EncryptSecureRTError(ErrorCode.E_SEAL) from None


def _record_key(storage_key: bytes, salt: bytes) -> bytes:
    info = b"EncryptSecureRT/record/v1"
    return HKDF(hashes.SHA256(), KEY_BYTES, salt=salt, info=info).derive(storage_key)
