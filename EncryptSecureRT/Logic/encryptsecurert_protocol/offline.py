"""Who reads some classes of attributes offline: with a key of its own, and without a worker.

    {name, classes: [...], certificate}    in a bundle, ascending by name

Each has one sealed item more in every file that is protected under that bundle. The issuer of
its certificate stands in clear in each of these items, so it must tell nothing of a person or a
place. What such a key has once opened nobody takes back: see docs/threat-model.md.
"""

import hashlib
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import Fields, base64_text
from encryptsecurert_protocol.reveals import RevealClass

# The answers of a batch of 2000 small headers still fit a batch with so many items in each.
MAX_OFFLINE = 4
MIN_RSA_BITS = 3072
OFFLINE_NAME = r"[a-z0-9][a-z0-9-]{0,31}"

_MEMBERS = ("name", "classes", "certificate")
_MAX_CERTIFICATE_BYTES = 8192
_OPAQUE = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineRecipient:
    """One offline recipient.

    Attributes
    ----------
    name : for the custodian alone; no file holds it.
    classes : ascending by their words, none twice, one at least; there is no word for all.
    certificate : DER; whether it can be used is asked by `check_certificates`.

    Raises
    ------
    EncryptSecureRTError
        E_FORMAT.
    """

    name: str
    classes: tuple[RevealClass, ...]
    certificate: bytes = field(repr=False)

    def __post_init__(self) -> None:
        words = [one.value for one in self.classes]
        is_sorted = all(first < second for first, second in itertools.pairwise(words))
        if not words or not is_sorted or not re.fullmatch(OFFLINE_NAME, self.name):
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, in hex."""
        return hashlib.sha256(self.certificate).hexdigest()

    def as_json(self) -> dict[str, object]:
        """Return the recipient's members."""
        return {
            "name": self.name,
            "classes": [one.value for one in self.classes],
            "certificate": base64_text(self.certificate),
        }

    @classmethod
    def from_json(cls, value: object, code: ErrorCode = ErrorCode.E_FORMAT) -> "OfflineRecipient":
        """Read the members strictly; what is wrong is refused with `code`, or E_FORMAT."""
        fields = Fields(value, _MEMBERS, code)
        words = "|".join(one.value for one in RevealClass)
        return cls(
            name=fields.text("name", OFFLINE_NAME),
            classes=tuple(
                RevealClass(Fields({"c": one}, ("c",), code).text("c", words))
                for one in fields.items("classes", len(RevealClass), 1)
            ),
            certificate=fields.octets("certificate", _MAX_CERTIFICATE_BYTES),
        )


def ordered_recipients(recipients: Sequence[OfflineRecipient]) -> tuple[OfflineRecipient, ...]:
    """Return recipients as a bundle lists them: ascending by name, not too many (E_FORMAT)."""
    names = [one.name for one in recipients]
    is_sorted = all(first < second for first, second in itertools.pairwise(names))
    if not is_sorted or len(recipients) > MAX_OFFLINE:
        raise EncryptSecureRTError(ErrorCode.E_FORMAT)
    return tuple(recipients)


def check_certificates(recipients: Sequence[OfflineRecipient], *others: bytes) -> None:
    """Refuse offline recipients whose certificates cannot be used, or are not theirs alone.

    Parameters
    ----------
    *others : DER certificates of the site's recipient key and of the escrow key.

    Raises
    ------
    EncryptSecureRTError
        E_BUNDLE if one has no RSA key of at least 3072 bits, issuer and subject are not the same
        one common name of 32 hex digits, or two of all certificates have the same key, or the
        same issuer and serial number, by which an item names its recipient.
    """
    if not recipients:
        return
    certificates = [_usable(one.certificate) for one in recipients]
    for one in certificates:
        names = [name.value for name in one.subject if name.oid == NameOID.COMMON_NAME]
        is_opaque = len(one.subject.rdns) == len(names) == 1 and _OPAQUE.fullmatch(str(names[0]))
        if not is_opaque or one.issuer != one.subject:
            raise EncryptSecureRTError(ErrorCode.E_BUNDLE, "the names in it could tell something")
    certificates += [_usable(der) for der in others]
    keys = {
        one.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        for one in certificates
    }
    named = {(one.issuer, one.serial_number) for one in certificates}
    if not len(keys) == len(named) == len(certificates):
        raise EncryptSecureRTError(ErrorCode.E_BUNDLE, "the key has an item already")


def _usable(der: bytes) -> x509.Certificate:
    try:
        certificate = x509.load_der_x509_certificate(der)
        key = certificate.public_key()
        _ = certificate.subject, certificate.issuer  # read only when they are asked for
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise EncryptSecureRTError(ErrorCode.E_BUNDLE, "not a certificate") from None
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < MIN_RSA_BITS:
        raise EncryptSecureRTError(ErrorCode.E_BUNDLE, "no RSA key of 3072 bits or more")
    return certificate
