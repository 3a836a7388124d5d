"""HPKE (RFC 9180, base mode, one shot) written again from `docs/protocol.md`, with no HPKE library.

Only HMAC, SHA-3, X25519, ML-KEM-768 and AES-256-GCM are taken from elsewhere, so that what the
package seals with its library opens here, and the other way round: the document says enough.
"""

import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

X25519 = 1
MLKEM768_X25519 = 2
_KEM_IDS = {X25519: 0x0020, MLKEM768_X25519: 0x647A}
_ENC_BYTES = {X25519: 32, MLKEM768_X25519: 1120}
_KDF_AND_AEAD = b"\x00\x01\x00\x02"
_XWING_LABEL = bytes.fromhex("5c2e2f2f5e5c")


class Refused(Exception):
    """A refusal under the code name that the document gives."""


def hkdf_extract(salt: bytes, key: bytes) -> bytes:
    """Return HKDF-Extract (RFC 5869) with SHA-256."""
    return hmac.new(salt or bytes(32), key, hashlib.sha256).digest()


def hkdf_expand(pseudorandom: bytes, info: bytes, size: int) -> bytes:
    """Return HKDF-Expand (RFC 5869) with SHA-256."""
    octets, block = b"", b""
    while len(octets) < size:
        counter = bytes([len(octets) // 32 + 1])
        block = hmac.new(pseudorandom, block + info + counter, hashlib.sha256).digest()
        octets += block
    return octets[:size]


def _labeled_extract(suite_id: bytes, salt: bytes, label: bytes, key: bytes) -> bytes:
    return hkdf_extract(salt, b"HPKE-v1" + suite_id + label + key)


def _labeled_expand(suite_id: bytes, key: bytes, label: bytes, info: bytes, size: int) -> bytes:
    labeled = size.to_bytes(2, "big") + b"HPKE-v1" + suite_id + label + info
    return hkdf_expand(key, labeled, size)


def _x25519_public(octets: bytes) -> x25519.X25519PublicKey:
    return x25519.X25519PublicKey.from_public_bytes(octets)


def public_octets(suite: int, secret: bytes) -> bytes:
    """Return the public key of secret octets (suite 1: 32; suite 2: ML-KEM seed 64, X25519 32)."""
    x_public = x25519.X25519PrivateKey.from_private_bytes(secret[-32:]).public_key()
    if suite == X25519:
        return x_public.public_bytes_raw()
    m_public = mlkem.MLKEM768PrivateKey.from_seed_bytes(secret[:64]).public_key()
    return m_public.public_bytes_raw() + x_public.public_bytes_raw()


def _dhkem_secret(shared: bytes, enc: bytes, public: bytes) -> bytes:
    suite_id = b"KEM\x00\x20"
    pseudorandom = _labeled_extract(suite_id, b"", b"eae_prk", shared)
    return _labeled_expand(suite_id, pseudorandom, b"shared_secret", enc + public, 32)


def _encapsulate(
    suite: int, public: bytes, ephemeral: x25519.X25519PrivateKey
) -> tuple[bytes, ...]:
    x_enc = ephemeral.public_key().public_bytes_raw()
    x_shared = ephemeral.exchange(_x25519_public(public[-32:]))
    if suite == X25519:
        return x_enc, _dhkem_secret(x_shared, x_enc, public)
    m_shared, m_enc = mlkem.MLKEM768PublicKey.from_public_bytes(public[:1184]).encapsulate()
    combined = m_shared + x_shared + x_enc + public[-32:] + _XWING_LABEL
    return m_enc + x_enc, hashlib.sha3_256(combined).digest()


def decapsulate(suite: int, secret: bytes, enc: bytes) -> bytes:
    """Return the shared secret of an encapsulation."""
    public = public_octets(suite, secret)
    x_enc = enc[-32:]
    x_key = x25519.X25519PrivateKey.from_private_bytes(secret[-32:])
    x_shared = x_key.exchange(_x25519_public(x_enc))
    if suite == X25519:
        return _dhkem_secret(x_shared, enc, public)
    m_shared = mlkem.MLKEM768PrivateKey.from_seed_bytes(secret[:64]).decapsulate(enc[:1088])
    combined = m_shared + x_shared + x_enc + public[-32:] + _XWING_LABEL
    return hashlib.sha3_256(combined).digest()


def _key_and_nonce(suite: int, shared: bytes, info: bytes) -> tuple[bytes, bytes]:
    suite_id = b"HPKE" + _KEM_IDS[suite].to_bytes(2, "big") + _KDF_AND_AEAD
    context = (
        b"\x00"  # base mode
        + _labeled_extract(suite_id, b"", b"psk_id_hash", b"")
        + _labeled_extract(suite_id, b"", b"info_hash", info)
    )
    secret = _labeled_extract(suite_id, shared, b"secret", b"")
    key = _labeled_expand(suite_id, secret, b"key", context, 32)
    return key, _labeled_expand(suite_id, secret, b"base_nonce", context, 12)


def hpke_seal(
    suite: int, public: bytes, info: bytes, plaintext: bytes, ephemeral: bytes | None = None
) -> bytes:
    """Return enc || ciphertext || tag; `ephemeral` fixes the X25519 key for test vectors only."""
    key_pair = x25519.X25519PrivateKey.generate()
    if ephemeral is not None:
        key_pair = x25519.X25519PrivateKey.from_private_bytes(ephemeral)
    enc, shared = _encapsulate(suite, public, key_pair)
    key, nonce = _key_and_nonce(suite, shared, info)
    return enc + AESGCM(key).encrypt(nonce, plaintext, b"")


def hpke_open(suite: int, secret: bytes, info: bytes, sealed: bytes) -> bytes:
    """Return the plaintext, or refuse with E_SEAL."""
    size = _ENC_BYTES[suite]
    if len(sealed) < size + 16:
        raise Refused("E_SEAL")
    try:
        key, nonce = _key_and_nonce(suite, decapsulate(suite, secret, sealed[:size]), info)
        return AESGCM(key).decrypt(nonce, sealed[size:], b"")
    except (InvalidTag, ValueError):
        raise Refused("E_SEAL") from None
