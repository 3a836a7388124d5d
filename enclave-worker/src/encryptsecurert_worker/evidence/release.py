"""What a policy has to say of a worker, taken from one of its quotes.

This is for the person who writes the policy, at the machine itself; a client never believes it.
"""

import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ObjectIdentifier

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_worker.evidence.provider import REPORT_DATA_BYTES, QuoteProvider

_SGX_EXTENSION = ObjectIdentifier("1.2.840.113741.1.13.1")
# SEQUENCE { OID 1.2.840.113741.1.13.1.4, OCTET STRING of 6 }: the FMSPC inside the extension.
_FMSPC_PREFIX = bytes.fromhex("060a2a864886f84d010d01040406")


def _chain(quote: bytes) -> list[x509.Certificate]:
    at = 1014 + int.from_bytes(quote[1012:1014], "little")
    pem = quote[at + 6 :].rstrip(b"\x00")
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise EncryptSecureRTError(ErrorCode.E_PCK_CHAIN) from None


def _fmspc(leaf: x509.Certificate) -> str:
    try:
        extension = leaf.extensions.get_extension_for_oid(_SGX_EXTENSION).value
    except x509.ExtensionNotFound:
        raise EncryptSecureRTError(ErrorCode.E_PCK_CHAIN) from None
    octets = extension.public_bytes()
    at = octets.find(_FMSPC_PREFIX)
    if at < 0:
        raise EncryptSecureRTError(ErrorCode.E_PCK_CHAIN)
    at += len(_FMSPC_PREFIX)
    return octets[at : at + 6].hex()


def root_key_id(certificate: x509.Certificate) -> str:
    """Return SHA-384 of the uncompressed point of a root's key, in hex."""
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise EncryptSecureRTError(ErrorCode.E_ROOT)
    point = key.public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    return hashlib.sha384(point).hexdigest()


def release(provider: QuoteProvider) -> dict[str, str | int]:
    """Return mrenclave, mrsigner, isvprodid, isvsvn, root_key_id, fmspc and kind of a worker."""
    quote = provider.quote(bytes(REPORT_DATA_BYTES))
    chain = _chain(quote)
    return {
        "kind": provider.kind.value,
        "mrenclave": quote[112:144].hex(),
        "mrsigner": quote[176:208].hex(),
        "isvprodid": int.from_bytes(quote[304:306], "little"),
        "isvsvn": int.from_bytes(quote[306:308], "little"),
        "root_key_id": root_key_id(chain[-1]),
        "fmspc": _fmspc(chain[0]),
    }
