"""What a task gets from its surroundings, where a test does not look at it."""

import dataclasses

from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from Testing.Unit.worker.made import NOW

from encryptsecurert_protocol.reveals import RevealClass
from encryptsecurert_protocol.signatures import spki_der
from encryptsecurert_protocol.statement import Kind
from encryptsecurert_worker.dicom.manifest.studies import ManifestSite
from encryptsecurert_worker.tasks.task import SiteKeys, TaskContext


def site_keys(recipient_certificate: bytes = b"", escrow_certificate: bytes = b"") -> SiteKeys:
    """Return keys that protect for these recipients and sign manifests; they open nothing."""
    key = ed25519.Ed25519PrivateKey.from_private_bytes(b"m" * 32)
    manifest_site = ManifestSite(
        site_key_id="0" * 64,
        signing_key=key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
        manifest_keys=(spki_der(key.public_key()),),
        recipient_certificate=recipient_certificate,
        escrow_certificate=escrow_certificate,
    )
    return SiteKeys(
        uid_key=b"u" * 32,
        pid_key=b"p" * 32,
        dateshift_key=b"d" * 32,
        recipient_certificate=recipient_certificate,
        escrow_certificate=escrow_certificate,
        recipient_key=b"",
        manifest_site=manifest_site,
    )


KEYS = site_keys()


class Open:
    """Rights of a user who may see everything, with what the auditor was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, bool]] = []

    def require_case(self, pseudonym: str) -> None:
        """Let it pass."""

    def require_classes(self, classes: frozenset[RevealClass]) -> None:
        """Let it pass."""

    def require_export(self) -> None:
        """Let it pass."""

    def tell(self, case: str, note: str, *, refused: bool) -> None:
        """Remember it."""
        self.told.append((case, note, refused))


def task_context(**changes: object) -> TaskContext:
    """Return a context that lets everything pass; `changes` replace members."""
    context = TaskContext(
        progress=lambda stage, fraction: None,
        log=lambda entry, value: None,
        keys=KEYS,
        kind=Kind.SIMULATED,
        measurement="0" * 64,
        input_sha256=("0" * 64,),
        admit_patient=lambda pseudonym: None,
        break_glass=lambda pseudonym, reason: NOW,
        rights=Open(),
        tell_vouched=lambda files: None,
        now=lambda: NOW,
    )
    return dataclasses.replace(context, **changes)  # type: ignore[arg-type]  # members of a test
