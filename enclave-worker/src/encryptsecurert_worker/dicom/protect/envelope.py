"""CMS EnvelopedData for sealed attributes (PS3.15 section E.1.1, RFC 5652, RFC 3565).

AES-256-CBC, each item under an initialisation vector of its own; the random key is that of one job,
one study and these recipients, wrapped with RSA PKCS#1 v1.5 for each of them: the site and the
escrow, or one offline recipient. So the items of a study's batch have the same wrapped keys, and
whoever opens them decrypts one. CBC gives secrecy and no integrity: that is the signed study
manifest's part, and nothing may be decrypted before it is checked.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.offline import MIN_RSA_BITS
from encryptsecurert_protocol.sealing import random_octets
from encryptsecurert_worker.dicom.cms import (
    BLOCK_BYTES,
    IV_BYTES,
    recipient_infos,
    recipient_name,
    write_enveloped,
)

_KEY_BYTES = 32
_STUDIES_KEPT = 64  # a job is of one study, as a rule; what is not kept gets another key


@dataclass(frozen=True, slots=True)
class _ContentKey:
    """A key, and the recipients' SET with the key as each of them can decrypt it."""

    key: bytes = field(repr=False)
    infos: bytes


class Envelope:
    """Seals plaintexts for fixed recipients: one of these is made for each job.

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
        self._recipients = [_recipient(der) for der in certificates]
        self._key_of: Callable[[bytes], _ContentKey] = lru_cache(_STUDIES_KEPT)(self._new_key)

    def seal(self, plaintext: bytes, study: bytes) -> bytes:
        """Return the DER octets of an EnvelopedData ContentInfo.

        Parameters
        ----------
        study : bytes
            Names the study: files that share a key are of the same one, which they tell anyhow.
        """
        content = self._key_of(study)
        iv = random_octets(IV_BYTES)
        encryptor = Cipher(algorithms.AES256(content.key), modes.CBC(iv)).encryptor()
        gap = BLOCK_BYTES - len(plaintext) % BLOCK_BYTES
        # RFC 5652 section 6.3: filled up with octets that tell how many they are.
        padded = plaintext + bytes((gap,)) * gap
        return write_enveloped(content.infos, iv, encryptor.update(padded))

    def _new_key(self, _: bytes) -> _ContentKey:
        key = random_octets(_KEY_BYTES)
        wrapped = [
            (name, public.encrypt(key, padding.PKCS1v15())) for name, public in self._recipients
        ]
        return _ContentKey(key, recipient_infos(wrapped))


def _recipient(der: bytes) -> tuple[bytes, rsa.RSAPublicKey]:
    try:
        certificate = x509.load_der_x509_certificate(der)
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise EncryptSecureRTError(ErrorCode.E_BUNDLE) from None
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < MIN_RSA_BITS:
        raise EncryptSecureRTError(ErrorCode.E_BUNDLE)
    return recipient_name(certificate), key
