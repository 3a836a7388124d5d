"""Signatures with a label: what was signed for one purpose is nothing for another.

The signed octets are `EncryptSecureRT/sig/` || label || `/v1` || 00 || SHA-256(octets as sent).
Ed25519 signatures have 64 octets. P-256 signatures are ECDSA with SHA-256 as r || s of 32 octets
each, with s in the lower half of the order, so that each message has one form a signer can give.
"""

import hashlib
from enum import Enum

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import Fields, base64_text

SIGNATURE_BYTES = 64
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_MAX_SPKI_BYTES = 2048

SigningKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey
VerifyingKey = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey


class Label(Enum):
    """What a signature is for."""

    BUNDLE = "bundle"
    LEASE = "lease"
    POLICY = "policy"
    JOB = "job"
    RECEIPT = "receipt"
    MANIFEST = "manifest"
    MODEL = "model"
    RECEIVED = "received"  # the user's own note of when a receipt came


def _message(label: Label, octets: bytes) -> bytes:
    context = b"EncryptSecureRT/sig/" + label.value.encode("ascii") + b"/v1\x00"
    return context + hashlib.sha256(octets).digest()


def spki_der(public_key: VerifyingKey) -> bytes:
    """Return the SubjectPublicKeyInfo of a public key."""
    return public_key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def key_id(spki: bytes) -> str:
    """Return the key id: SHA-256 of the SubjectPublicKeyInfo, in hex."""
    return hashlib.sha256(spki).hexdigest()


def sign(private_key: SigningKey, label: Label, octets: bytes) -> bytes:
    """Return the 64-octet signature of `octets` for the purpose `label`."""
    message = _message(label, octets)
    if isinstance(private_key, ed25519.Ed25519PrivateKey):
        return private_key.sign(message)
    r, s = decode_dss_signature(private_key.sign(message, ec.ECDSA(hashes.SHA256())))
    s = min(s, _P256_ORDER - s)
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def verify(
    spki: bytes,
    label: Label,
    octets: bytes,
    signature: bytes,
    code: ErrorCode = ErrorCode.E_FORMAT,
) -> None:
    """Refuse with `code` unless `signature` is the key's signature of `octets` for `label`."""
    try:
        key = _load(spki)
        if len(signature) != SIGNATURE_BYTES:
            raise InvalidSignature
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, _message(label, octets))
        else:
            r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
            if not 0 < s <= _P256_ORDER // 2:
                raise InvalidSignature
            key.verify(
                encode_dss_signature(r, s), _message(label, octets), ec.ECDSA(hashes.SHA256())
            )
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        raise EncryptSecureRTError(code) from None


def _load(spki: bytes) -> VerifyingKey:
    if len(spki) > _MAX_SPKI_BYTES:
        raise ValueError
    key = serialization.load_der_public_key(spki)
    if not isinstance(key, ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey):
        raise ValueError
    if isinstance(key, ec.EllipticCurvePublicKey) and not isinstance(key.curve, ec.SECP256R1):
        raise ValueError
    if spki_der(key) != spki:  # a compressed point: the same key under a second key id
        raise ValueError
    return key


def signed_message(header: bytes, signature: bytes) -> dict[str, str]:
    """Return the JSON form {header, signature} in which signed octets travel."""
    return {"header": base64_text(header), "signature": base64_text(signature)}


def split_signed_message(value: object, max_bytes: int) -> tuple[bytes, bytes]:
    """Return (header octets, signature) of the JSON form; nothing is verified yet."""
    fields = Fields(value, ("header", "signature"))
    return (
        fields.octets("header", max_bytes),
        fields.octets("signature", SIGNATURE_BYTES, SIGNATURE_BYTES),
    )
