"""CMS EnvelopedData for sealed attributes (PS3.15 section E.1.1, RFC 5652, RFC 3565).

AES-256-CBC under a random key for each envelope, wrapped with RSA PKCS#1 v1.5 for its recipients:
the site and the escrow, or one offline recipient. CBC gives secrecy and no integrity: that is the
signed study manifest's part, and nothing may be decrypted before it is checked.
"""

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import (
    PKCS7EnvelopeBuilder,
    PKCS7Options,
)

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.offline import MIN_RSA_BITS


class Envelope:
    """Seals plaintexts for fixed recipients.

    Parameters
    ----------
    *certificates : bytes
        DER, RSA of at least 3072 bits.

    Raises
    ------
    EncryptSecureRTError
        E_BUNDLE if a certificate is not such a one.
    """

    def __init__(self, *certificates: bytes) -> None:
        builder = PKCS7EnvelopeBuilder().set_content_encryption_algorithm(algorithms.AES256)
        for der in certificates:
            builder = builder.add_recipient(_recipient(der))
        self._builder = builder

    def seal(self, plaintext: bytes) -> bytes:
        """Return the DER octets of an EnvelopedData ContentInfo, under a fresh random key."""
        # Binary: without it the library would rewrite line ends, as for mail.
        return self._builder.set_data(plaintext).encrypt(Encoding.DER, [PKCS7Options.Binary])


def _recipient(der: bytes) -> x509.Certificate:
    try:
        certificate = x509.load_der_x509_certificate(der)
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise EncryptSecureRTError(ErrorCode.E_BUNDLE) from None
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < MIN_RSA_BITS:
        raise EncryptSecureRTError(ErrorCode.E_BUNDLE)
    return certificate
