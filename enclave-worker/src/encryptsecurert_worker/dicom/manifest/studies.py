"""The manifests of one job: one for each study that it protected something of.

A call protects a study in several batches, each a job of its own. The last one is given the
manifests of those before it and signs one for all. Only what this site's key signed is taken, so
a client can leave entries out, and then has files that nobody reveals; it can add none.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import load_der_private_key

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.headers import ProtectedHeader
from encryptsecurert_protocol.manifests import (
    ManifestEntry,
    ManifestKeys,
    SignedManifest,
    StudyManifest,
    merged,
    ordered,
)
from encryptsecurert_protocol.signatures import key_id
from encryptsecurert_worker.dicom.manifest.entries import ProtectedFile, read_answer
from encryptsecurert_worker.dicom.manifest.rawdata import manifest_file, read_manifest_file


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestSite:
    """What of a site signs and names manifests.

    Attributes
    ----------
    signing_key : PKCS #8 DER of the Ed25519 manifest key.
    manifest_keys : SubjectPublicKeyInfo of the present one first, then of earlier ones.
    """

    site_key_id: str
    signing_key: bytes = field(repr=False)
    manifest_keys: tuple[bytes, ...]
    recipient_certificate: bytes = field(repr=False)
    escrow_certificate: bytes = field(repr=False)

    @property
    def keys(self) -> ManifestKeys:
        """The keys as a manifest names them."""
        return ManifestKeys(
            manifest=key_id(self.manifest_keys[0]),
            recipient=hashlib.sha256(self.recipient_certificate).hexdigest(),
            escrow=hashlib.sha256(self.escrow_certificate).hexdigest(),
        )

    def open(self, octets: bytes) -> StudyManifest:
        """Return the manifest in a Raw Data file if this site signed it (E_DIGEST)."""
        return read_manifest_file(octets).open(self.manifest_keys, self.site_key_id)

    def sign(self, manifest: StudyManifest) -> SignedManifest:
        """Sign a manifest (E_BUNDLE without a usable key)."""
        try:
            key = load_der_private_key(self.signing_key, None)
        except (ValueError, TypeError):
            raise EncryptSecureRTError(ErrorCode.E_BUNDLE) from None
        if not isinstance(key, ed25519.Ed25519PrivateKey):
            raise EncryptSecureRTError(ErrorCode.E_BUNDLE)
        return SignedManifest.sign(manifest, key)


class StudyManifests:
    """Collects what one job protects, study by study."""

    def __init__(self, site: ManifestSite, algorithm: str) -> None:
        self._site = site
        self._algorithm = algorithm
        self._earlier: dict[str, list[StudyManifest]] = {}
        self._patients: dict[str, str] = {}
        self._entries: dict[str, dict[str, ManifestEntry]] = {}

    def take(self, octets: bytes) -> None:
        """Take the file of a manifest of an earlier batch (E_DIGEST)."""
        manifest = self._site.open(octets)
        self._earlier.setdefault(manifest.study, []).append(manifest)

    def add(self, answer: ProtectedHeader) -> ProtectedFile:
        """Note one protected instance, and return it as it was read.

        Raises
        ------
        EncryptSecureRTError
            E_DICOM if its UID was there already, or its study is another patient's.
        """
        file = read_answer(answer)
        entries = self._entries.setdefault(file.study, {})
        patient = self._patients.setdefault(file.study, file.patient)
        if file.entry.instance in entries or patient != file.patient:
            raise EncryptSecureRTError(ErrorCode.E_DICOM)
        entries[file.entry.instance] = file.entry
        return file

    def files(self, uid_key: bytes, *, simulated: bool) -> Sequence[ProtectedHeader]:
        """Sign one manifest for each study, and return their files.

        Raises
        ------
        EncryptSecureRTError
            E_DIGEST if a manifest that was taken was made under other keys, or has another entry
            of an instance; E_TOO_LARGE.
        """
        studies = dict.fromkeys((*self._entries, *self._earlier))
        return [self._file(study, uid_key, simulated=simulated) for study in studies]

    def _file(self, study: str, uid_key: bytes, *, simulated: bool) -> ProtectedHeader:
        manifests = self._earlier.get(study, [])
        if study in self._entries:
            manifests = [self._own(study), *manifests]
        manifest = merged(manifests)
        if manifest.keys != self._site.keys:
            raise EncryptSecureRTError(ErrorCode.E_DIGEST)
        return manifest_file(self._site.sign(manifest), manifest, uid_key, simulated=simulated)

    def _own(self, study: str) -> StudyManifest:
        return StudyManifest(
            study=study,
            patient=self._patients[study],
            algorithm=self._algorithm,
            site_key_id=self._site.site_key_id,
            keys=self._site.keys,
            entries=ordered(self._entries[study].values()),
        )
