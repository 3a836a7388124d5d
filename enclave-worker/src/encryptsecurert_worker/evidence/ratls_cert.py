"""The TLS certificate that carries the evidence, byte for byte as Gramine 1.8 makes it.

Two extensions hold two quotes: the tagged one (over the claims over the key) is what our verifier
judges; the legacy one (over the key) is there for other verifiers. The key is made here, at each
start, and never leaves the process. The validity dates are Gramine's constants and mean nothing:
freshness comes from the quote over the client's nonce.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID, ObjectIdentifier

from encryptsecurert_worker.evidence.provider import QuoteProvider

_DICE = ObjectIdentifier("2.23.133.5.4.9")
_LEGACY = ObjectIdentifier("0.6.9.42.840.113741.1337.6")
_NAME = x509.Name(
    [
        x509.NameAttribute(NameOID.COMMON_NAME, "RATLS"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "GramineDevelopers"),
        x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
    ]
)
_NOT_BEFORE = datetime(2001, 1, 1, tzinfo=UTC)
_NOT_AFTER = datetime(2030, 12, 31, 23, 59, 59, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class RatlsIdentity:
    """A worker's TLS identity for one start."""

    certificate: bytes
    spki: bytes
    private_key: ec.EllipticCurvePrivateKey

    def private_key_pem(self) -> bytes:
        """Return the key for a TLS context; the caller never lets it touch a disk."""
        return self.private_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


def _byte_string(octets: bytes) -> bytes:
    size = len(octets)
    if size < 24:
        return bytes([0x40 | size]) + octets
    if size < 0x100:
        return b"\x58" + size.to_bytes(1, "big") + octets
    return b"\x59" + size.to_bytes(2, "big") + octets


def claims_of(spki: bytes) -> bytes:
    """Return CBOR `{"pubkey-hash": bstr}`, the bstr being CBOR `[1, SHA-256(SPKI)]`."""
    inner = b"\x82\x01" + _byte_string(hashlib.sha256(spki).digest())
    return b"\xa1\x6bpubkey-hash" + _byte_string(inner)


def tagged_evidence(quote: bytes, claims: bytes) -> bytes:
    """Return CBOR `60000([quote, claims])`."""
    return b"\xd9\xea\x60\x82" + _byte_string(quote) + _byte_string(claims)


def make_ratls_identity(provider: QuoteProvider) -> RatlsIdentity:
    """Make a fresh P-384 key and the self-signed certificate that carries its evidence."""
    key = ec.generate_private_key(ec.SECP384R1())
    spki = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    claims = claims_of(spki)
    tagged = provider.quote(hashlib.sha256(claims).digest() + bytes(32))
    legacy = provider.quote(hashlib.sha256(spki).digest() + bytes(32))
    skid = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_NAME)
        .issuer_name(_NAME)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(_NOT_BEFORE)
        .not_valid_after(_NOT_AFTER)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=False)
        .add_extension(skid, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(skid), critical=False
        )
        .add_extension(x509.UnrecognizedExtension(_LEGACY, legacy), critical=False)
        .add_extension(
            x509.UnrecognizedExtension(_DICE, tagged_evidence(tagged, claims)), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    return RatlsIdentity(
        certificate=certificate.public_bytes(serialization.Encoding.DER),
        spki=spki,
        private_key=key,
    )
