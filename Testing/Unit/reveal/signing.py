"""A site that protects, signs manifests and reveals, with keys of its own."""

from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from Testing.Unit.protect.conftest import Site

from encryptsecurert_protocol.headers import BulkRange, ProtectedHeader
from encryptsecurert_protocol.reveals import RevealRequest
from encryptsecurert_protocol.signatures import spki_der
from encryptsecurert_worker.dicom.manifest.studies import ManifestSite, StudyManifests
from encryptsecurert_worker.dicom.reveal.opening import Opener
from encryptsecurert_worker.dicom.reveal.revealer import Revealer

PKCS8 = (Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
ALGORITHM = "protect-made-1"


class SigningSite(Site):
    """A made-up site that signs manifests as well."""

    def __init__(self) -> None:
        super().__init__()
        self.manifest_key = ed25519.Ed25519PrivateKey.generate()
        self.manifest_site = self.signed_by(self.manifest_key)
        self.recipient_key = self.pairs[0][0].private_bytes(*PKCS8)
        self.opener = Opener(self.recipient_key, self.keys.recipient_certificate)

    def signed_by(self, *keys: ed25519.Ed25519PrivateKey) -> ManifestSite:
        """Return the site with these manifest keys, the present one first."""
        return ManifestSite(
            site_key_id="5" * 64,
            signing_key=keys[0].private_bytes(*PKCS8),
            manifest_keys=tuple(spki_der(key.public_key()) for key in keys),
            recipient_certificate=self.keys.recipient_certificate,
            escrow_certificate=self.keys.escrow_certificate,
        )

    def manifest(self, answers: Sequence[ProtectedHeader], *earlier: bytes) -> bytes:
        """Return the file of one manifest for these answers and those of earlier batches."""
        manifests = StudyManifests(self.manifest_site, ALGORITHM)
        for octets in earlier:
            manifests.take(octets)
        for answer in answers:
            manifests.add(answer)
        (file,) = manifests.files(self.keys.uid_key, simulated=False)
        return bytes(file.header)

    def revealer(self, *manifests: bytes) -> Revealer:
        """Return what reveals files of these manifests."""
        revealer = Revealer(
            self.manifest_site,
            self.opener,
            uid_key=self.keys.uid_key,
            pid_key=self.keys.pid_key,
        )
        for octets in manifests:
            revealer.take(octets)
        return revealer


def protected_request(answer: ProtectedHeader) -> RevealRequest:
    """Return what a client sends of a protected file."""
    bulk = tuple(BulkRange(offset=b.at, length=b.length, sha256=b.sha256) for b in answer.bulk)
    return RevealRequest(size=answer.size, bulk=bulk, header=bytes(answer.header))


def body_start(octets: bytes) -> int:
    """Return where the data set of a file begins: behind group 0002."""
    return 144 + int.from_bytes(octets[140:144], "little")
