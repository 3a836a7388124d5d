"""The study manifest: what one call protected of a study, signed inside the enclave.

CMS of sealed attributes gives secrecy and no integrity, so nothing sealed is opened before a
manifest that the site's manifest key signed names it. One entry an instance:

    {instance, content_sha256, clear_sha256, bulk_sha256: [...]}

`content_sha256` is of the DER octets of all sealed items, `clear_sha256` of the clear data set in
its canonical form (docs/protocol.md, section 27), `bulk_sha256` are the digests of the bulk as the
client told them. Manifests of one study, of several batches, become one by `merged`.
"""

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.bundles import PSEUDONYM
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import DIGEST_BYTES, Fields
from encryptsecurert_protocol.headers import MAX_BULK_RANGES
from encryptsecurert_protocol.limits import MIB
from encryptsecurert_protocol.signatures import (
    SIGNATURE_BYTES,
    Label,
    SigningKey,
    key_id,
    sign,
    spki_der,
    verify,
)
from encryptsecurert_protocol.volumes import MAPPED_UID

MANIFEST_SCHEMA = "encryptsecurert.manifest/1"
# Some fifty thousand instances; a manifest is read whole, and several times over.
MAX_MANIFEST_BYTES = 16 * MIB

_MEMBERS = ("schema", "study", "patient", "algorithm", "site_key_id", "keys", "instances")
_KEYS = ("manifest", "recipient", "escrow")
_ENTRY = ("instance", "content_sha256", "clear_sha256", "bulk_sha256")
_ALGORITHM = r"[A-Za-z0-9_.+-]{1,64}"
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestEntry:
    """One protected instance; digests in lower-case hex, those of the bulk in file order."""

    instance: str
    content_sha256: str
    clear_sha256: str
    bulk_sha256: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the entry's members."""
        return {
            "instance": self.instance,
            "content_sha256": self.content_sha256,
            "clear_sha256": self.clear_sha256,
            "bulk_sha256": list(self.bulk_sha256),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestKeys:
    """Which keys were used: key id of the manifest key, fingerprints of the recipients."""

    manifest: str
    recipient: str
    escrow: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyManifest:
    """What is known of the protected instances of one study.

    Attributes
    ----------
    study : mapped StudyInstanceUID.
    patient : pseudonym.
    algorithm : of the task that protected them.
    entries : ascending by instance, none twice, one at least.
    """

    study: str
    patient: str
    algorithm: str
    site_key_id: str
    keys: ManifestKeys
    entries: tuple[ManifestEntry, ...]

    def __post_init__(self) -> None:
        names = [entry.instance for entry in self.entries]
        if not names or any(a >= b for a, b in itertools.pairwise(names)):
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)

    def encode(self) -> bytes:
        """Return the canonical octets that are signed (E_TOO_LARGE)."""
        keys = self.keys
        octets = canonical.encode(
            {
                "schema": MANIFEST_SCHEMA,
                "study": self.study,
                "patient": self.patient,
                "algorithm": self.algorithm,
                "site_key_id": self.site_key_id,
                "keys": {
                    "manifest": keys.manifest,
                    "recipient": keys.recipient,
                    "escrow": keys.escrow,
                },
                "instances": [entry.as_json() for entry in self.entries],
            }
        )
        if len(octets) > MAX_MANIFEST_BYTES:
            raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
        return octets

    @classmethod
    def decode(cls, octets: bytes) -> "StudyManifest":
        """Read a manifest strictly (E_FORMAT, E_TOO_LARGE); no signature is checked here."""
        fields = Fields(canonical.decode(octets, MAX_MANIFEST_BYTES), _MEMBERS)
        fields.constant("schema", MANIFEST_SCHEMA)
        keys = fields.child("keys", _KEYS)
        return cls(
            study=fields.text("study", MAPPED_UID),
            patient=fields.text("patient", PSEUDONYM),
            algorithm=fields.text("algorithm", _ALGORITHM),
            site_key_id=fields.hex("site_key_id", DIGEST_BYTES),
            keys=ManifestKeys(**{name: keys.hex(name, DIGEST_BYTES) for name in _KEYS}),
            entries=tuple(
                _entry(item) for item in fields.items("instances", MAX_MANIFEST_BYTES, 1)
            ),
        )


def _entry(item: object) -> ManifestEntry:
    fields = Fields(item, _ENTRY)
    bulk = fields.items("bulk_sha256", MAX_BULK_RANGES)
    if not all(isinstance(one, str) and _DIGEST.fullmatch(one) for one in bulk):
        raise EncryptSecureRTError(ErrorCode.E_FORMAT)
    return ManifestEntry(
        instance=fields.text("instance", MAPPED_UID),
        content_sha256=fields.hex("content_sha256", DIGEST_BYTES),
        clear_sha256=fields.hex("clear_sha256", DIGEST_BYTES),
        bulk_sha256=tuple(bulk),
    )


def ordered(entries: Iterable[ManifestEntry]) -> tuple[ManifestEntry, ...]:
    """Return entries as a manifest lists them; the same one twice counts once.

    Raises
    ------
    EncryptSecureRTError
        E_DIGEST if two entries of one instance differ.
    """
    known: dict[str, ManifestEntry] = {}
    for entry in entries:
        if known.setdefault(entry.instance, entry) != entry:
            raise EncryptSecureRTError(ErrorCode.E_DIGEST)
    return tuple(known[name] for name in sorted(known))


def merged(manifests: Sequence[StudyManifest]) -> StudyManifest:
    """Return one manifest for all entries of several of the same study.

    Raises
    ------
    EncryptSecureRTError
        E_DIGEST if they differ in anything but their entries, or about an instance.
    """
    first = manifests[0]
    for other in manifests[1:]:
        if replace(other, entries=first.entries) != first:
            raise EncryptSecureRTError(ErrorCode.E_DIGEST)
    entries = ordered(entry for manifest in manifests for entry in manifest.entries)
    return replace(first, entries=entries)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedManifest:
    """A manifest's octets with the signature of the manifest key."""

    octets: bytes
    signature: bytes

    def __post_init__(self) -> None:
        if len(self.octets) > MAX_MANIFEST_BYTES:
            raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
        if len(self.signature) != SIGNATURE_BYTES:
            raise EncryptSecureRTError(ErrorCode.E_DIGEST)

    @classmethod
    def sign(cls, manifest: StudyManifest, key: SigningKey) -> "SignedManifest":
        """Sign a manifest with the key that it names (E_BUNDLE for another one)."""
        if key_id(spki_der(key.public_key())) != manifest.keys.manifest:
            raise EncryptSecureRTError(ErrorCode.E_BUNDLE)
        octets = manifest.encode()
        return cls(octets=octets, signature=sign(key, Label.MANIFEST, octets))

    def open(self, manifest_keys: Sequence[bytes], site_key_id: str) -> StudyManifest:
        """Return the manifest if a key of the site signed it.

        Parameters
        ----------
        manifest_keys : SubjectPublicKeyInfo of the present manifest key and of earlier ones.

        Raises
        ------
        EncryptSecureRTError
            E_DIGEST for whatever is wrong.
        """
        for spki in manifest_keys:
            try:
                verify(spki, Label.MANIFEST, self.octets, self.signature, ErrorCode.E_DIGEST)
                manifest = StudyManifest.decode(self.octets)
            except EncryptSecureRTError:
                continue
            if (manifest.keys.manifest, manifest.site_key_id) == (key_id(spki), site_key_id):
                return manifest
        raise EncryptSecureRTError(ErrorCode.E_DIGEST)
