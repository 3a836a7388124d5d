"""A site with two offline recipients, and what opens their items without the project's code."""

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO

import pydicom
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from pydicom.filereader import read_dataset
from Testing.Unit.protect.conftest import PIXELS, make_pair
from Testing.Unit.reveal.signing import SigningSite

from encryptsecurert_protocol.headers import ProtectedHeader
from encryptsecurert_protocol.offline import OfflineRecipient
from encryptsecurert_protocol.reveals import RevealClass
from encryptsecurert_worker.dicom.protect import Protector

CONSOLE, WORKSHOP = 2, 3
"""Numbers of the offline recipients in `pairs`, behind site and escrow."""

CLASSES = {
    CONSOLE: (RevealClass.DATES, RevealClass.IDENTITY),
    WORKSHOP: (RevealClass.DEVICE, RevealClass.LABELS),
}


def certificate_of_nobody(number: int, bits: int = 3072) -> bytes:
    """Return a certificate like a recipient's, of a modulus whose factors nobody knows.

    Such ones are made quickly; `number` tells them apart.
    """
    modulus = (1 << bits - 1) + 2 * number + 1
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{number:032x}")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(rsa.RSAPublicNumbers(65537, modulus).public_key())
        .serial_number(number + 1)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2036, 1, 1, tzinfo=UTC))
        .sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
        .public_bytes(Encoding.DER)
    )


class OfflineSite(SigningSite):
    """A made-up site with a console that reads names and a workshop that reads machines."""

    def __init__(self) -> None:
        super().__init__()
        self.pairs += [make_pair("c0" * 16), make_pair("d1" * 16)]
        self.offline = tuple(
            OfflineRecipient(
                name=name,
                classes=CLASSES[who],
                certificate=self.pairs[who][1].public_bytes(Encoding.DER),
            )
            for name, who in (("console", CONSOLE), ("workshop", WORKSHOP))
        )
        self.keys = dataclasses.replace(self.keys, offline=self.offline)
        self.plain, self.protector = self.protector, Protector(self.keys)


def file_of(answer: ProtectedHeader) -> bytes:
    """Return the protected file, with the pixels of the made-up files if it has any."""
    octets = bytes(answer.header)
    if not answer.bulk:
        return octets
    at = answer.bulk[0].at
    return octets[:at] + PIXELS + octets[at:]


def contents_of(answer: ProtectedHeader) -> list[bytes]:
    """Return the CMS octets of all sealed items, as they stand in the file."""
    dataset = pydicom.dcmread(BytesIO(file_of(answer)))
    return [_der(item.EncryptedContent) for item in dataset.EncryptedAttributesSequence]


def _der(content: bytes) -> bytes:
    count = content[1] & 0x7F
    return content[: 2 + count + int.from_bytes(content[2 : 2 + count], "big")]


def keywords_in(plaintext: bytes) -> Iterator[str]:
    """Yield keyword, or tag, of each top-level attribute in an opened item."""
    dataset = read_dataset(BytesIO(plaintext), is_implicit_VR=False, is_little_endian=True)
    assert {int(tag) for tag in dataset.keys()} <= {0x04000550, 0xFFFCFFFC}
    (item,) = dataset[0x04000550].value
    for element in item:
        yield element.keyword or f"{int(element.tag):08X}"
