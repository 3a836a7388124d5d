"""A private RSA key with its certificate, and the sealed items that it opens.

The escrow key is one, and so is the key of an offline recipient. CMS of these items has no
integrity of its own: what opens is not shown to be what was sealed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.hazmat.primitives.serialization.pkcs7 import pkcs7_decrypt_der
from pydicom import Dataset
from pydicom.filereader import read_dataset

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import LIMITS
from EncryptSecureRTLib.client.sealed_item import without_pad
from EncryptSecureRTLib.custodian.disk import read_file

ENCRYPTED_ATTRIBUTES = 0x04000500
_CONTENT, _MODIFIED = 0x04000520, 0x04000550


@dataclass(frozen=True, slots=True)
class ItemKey:
    """A private key with its certificate, which sealed items name."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate

    @classmethod
    def read(cls, key: Path, certificate: Path, passphrase: Callable[[], bytes]) -> Self:
        """Read two PEM files; the passphrase is asked for if the key has one.

        Raises
        ------
        EncryptSecureRTError
            E_SEAL for a wrong passphrase, or what is no RSA key or no certificate; E_LOCAL_FILE;
            what `passphrase` raises.
        """
        pem = read_file(key, LIMITS.certificate_bytes)
        certificate_pem = read_file(certificate, LIMITS.certificate_bytes)
        private = _private_key(pem, passphrase)
        if not isinstance(private, rsa.RSAPrivateKey):
            raise EncryptSecureRTError(ErrorCode.E_SEAL)
        try:
            return cls(private, x509.load_pem_x509_certificate(certificate_pem))
        except ValueError:
            raise EncryptSecureRTError(ErrorCode.E_SEAL) from None

    def open(self, content: bytes) -> bytes:
        """Return the plaintext of one sealed item (E_SEAL)."""
        try:
            return pkcs7_decrypt_der(without_pad(content), self.certificate, self.key, [])
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise EncryptSecureRTError(ErrorCode.E_SEAL) from None

    def opened_item(self, protected: Dataset) -> Dataset:
        """Return the original attributes of the first sealed item that opens.

        Within `reading_dicom`.

        Raises
        ------
        EncryptSecureRTError
            E_NOT_PROTECTED without a sealed item; E_SEAL if none opens.
        """
        sealed = protected.get(ENCRYPTED_ATTRIBUTES)
        if sealed is None or not sealed.value:
            raise EncryptSecureRTError(ErrorCode.E_NOT_PROTECTED)
        for item in sealed.value:
            try:
                plaintext = self.open(item[_CONTENT].value)
            except (EncryptSecureRTError, KeyError):
                continue
            opened = read_dataset(BytesIO(plaintext), is_implicit_VR=False, is_little_endian=True)
            (original,) = opened[_MODIFIED].value
            return Dataset(original)
        raise EncryptSecureRTError(ErrorCode.E_SEAL)


def _private_key(pem: bytes, passphrase: Callable[[], bytes]) -> PrivateKeyTypes:
    try:
        try:
            return load_pem_private_key(pem, None)
        except TypeError:  # it is encrypted
            return load_pem_private_key(pem, passphrase())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise EncryptSecureRTError(ErrorCode.E_SEAL) from None
