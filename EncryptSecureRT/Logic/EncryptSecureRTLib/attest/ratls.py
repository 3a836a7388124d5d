"""The evidence inside a worker's TLS certificate (layout of Gramine 1.8 and newer).

    TLS key --SHA-256(SPKI)--> claims --SHA-256--> report_data of the quote --signed by--> platform

Gramine's own verifier falls back to the legacy extension, ignores claims that it does not know and
compares half of report_data. This one does none of that: the tagged evidence must be there once,
must claim this certificate's key and nothing else, and all 64 octets of report_data count.
"""

import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import LIMITS
from EncryptSecureRTLib.attest import cbor, der
from EncryptSecureRTLib.attest.quote import Quote, read_quote

DICE_OID = bytes.fromhex("678105050409")  # 2.23.133.5.4.9
# 0.6.9.42.840.113741.1337.6: Gramine encodes tag and length twice, and that is the wire form.
LEGACY_OID = bytes.fromhex("06092a864886f84d8a3906")


@dataclass(frozen=True, slots=True, kw_only=True)
class RatlsEvidence:
    """What a certificate proves: a quote over the claims over this SPKI; not yet verified."""

    spki: bytes
    quote: Quote


def _check_self_signature(parts: der.CertificateParts) -> None:
    try:
        key = load_der_public_key(parts.spki)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise EncryptSecureRTError(ErrorCode.E_CERT_DER) from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP384R1):
        raise EncryptSecureRTError(ErrorCode.E_CERT_DER)
    try:
        key.verify(parts.signature, parts.tbs, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise EncryptSecureRTError(ErrorCode.E_CERT_SIG) from None


def _extensions(parts: der.CertificateParts) -> dict[bytes, bytes]:
    extensions = dict(parts.extensions)
    if len(extensions) != len(parts.extensions) or DICE_OID not in extensions:
        raise EncryptSecureRTError(ErrorCode.E_CERT_EVIDENCE)
    return extensions


def _check_legacy(octets: bytes, quote: Quote, spki_sha256: bytes) -> None:
    legacy = read_quote(octets)
    if legacy.identity != quote.identity:
        raise EncryptSecureRTError(ErrorCode.E_CERT_EVIDENCE)
    if legacy.report_data != spki_sha256 + bytes(32):
        raise EncryptSecureRTError(ErrorCode.E_BINDING)


def read_ratls_certificate(octets: bytes) -> RatlsEvidence:
    """Read the certificate that a peer showed in the handshake.

    Raises
    ------
    EncryptSecureRTError
        E_TOO_LARGE, E_CERT_DER, E_CERT_SIG, E_CERT_EVIDENCE, E_CBOR, E_CLAIMS, E_BINDING, and those
        of `read_quote`.
    """
    if len(octets) > LIMITS.certificate_bytes:
        raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
    parts = der.read_certificate(octets)
    _check_self_signature(parts)
    extensions = _extensions(parts)
    quote_octets, claims = cbor.read_evidence(extensions[DICE_OID])
    spki_sha256 = hashlib.sha256(parts.spki).digest()
    if cbor.read_pubkey_hash(claims) != spki_sha256:
        raise EncryptSecureRTError(ErrorCode.E_CLAIMS)
    quote = read_quote(quote_octets)
    if quote.report_data != hashlib.sha256(claims).digest() + bytes(32):
        raise EncryptSecureRTError(ErrorCode.E_BINDING)
    if LEGACY_OID in extensions:
        _check_legacy(extensions[LEGACY_OID], quote, spki_sha256)
    return RatlsEvidence(spki=parts.spki, quote=quote)
