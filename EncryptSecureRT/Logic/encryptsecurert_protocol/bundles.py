"""Provisioning bundles: the site's secrets and rules, signed by the site key.

    core      canonical JSON, public, signed with the site key (label `bundle`)
    secrets   canonical JSON {salt, keys}, HPKE-sealed to one worker,
              info = `EncryptSecureRT/provision/v1` || 00 || SHA-256(core) || SHA-256(HPKE key)

HPKE proves no sender, so the core names the SHA-256 of the secrets. The bundle digest is
SHA-256(core).
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import (
    DIGEST_BYTES,
    ID_BYTES,
    MAX_INTEGER,
    Fields,
    base64_text,
    time_text,
)
from encryptsecurert_protocol.leases import MAX_LEASE_S, MIN_LEASE_S
from encryptsecurert_protocol.offline import MAX_OFFLINE, OfflineRecipient, ordered_recipients
from encryptsecurert_protocol.rights import RolePolicy, UserEntry
from encryptsecurert_protocol.sealing import (
    KEY_BYTES,
    PUBLIC_KEY_BYTES,
    HpkeKeyPair,
    HpkeSuite,
    hpke_seal,
)
from encryptsecurert_protocol.signatures import Label, key_id, verify

_SCHEMA = "encryptsecurert.bundle/2"
_INFO = b"EncryptSecureRT/provision/v1\x00"
_CORE = (
    "schema site_key_id epoch issued_at not_before not_after user_ca roles cases revoked "
    "public_keys escrow_certificate offline lease_s secrets_sha256"
).split()
_MAX_CERTIFICATE_BYTES = 8192
_MAX_KEY_BYTES = 8192
_MAX_CASES = 100_000
_MAX_MANIFEST_KEYS = 64
PSEUDONYM = r"P[A-Z2-7]{16}"
MESSAGE_MEMBERS = ("site_key", "core", "signature", "sealed")


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseGrant:
    """One patient pseudonym, opened to one user until a date."""

    pseudonym: str
    user: str
    until: datetime

    def as_json(self) -> dict[str, object]:
        """Return the grant's members."""
        return {"pseudonym": self.pseudonym, "user": self.user, "until": time_text(self.until)}


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleCore:
    """The public, signed part of a bundle.

    Attributes
    ----------
    user_ca, recipient_certificate, escrow_certificate : DER certificates.
    manifest_keys : SPKI DER of the present manifest key first, then of earlier ones.
    auditor_key : HPKE public key, suite 2.
    offline : who has sealed items of their own in each file, ascending by name.
    """

    site_key_id: str
    epoch: int
    issued_at: datetime
    not_before: datetime
    not_after: datetime
    user_ca: bytes
    roles: RolePolicy
    cases: tuple[CaseGrant, ...]
    revoked: tuple[str, ...]
    manifest_keys: tuple[bytes, ...]
    recipient_certificate: bytes
    auditor_key: bytes
    escrow_certificate: bytes
    offline: tuple[OfflineRecipient, ...] = ()
    lease_s: int
    secrets_sha256: str

    def listed(self, fingerprint: str) -> UserEntry | None:
        """Return whose certificate this is, None if nobody's or revoked."""
        return None if fingerprint in self.revoked else self.roles.user_of(fingerprint)

    def encode(self) -> bytes:
        """Return the canonical octets that the site key signs."""
        return canonical.encode(
            {
                "schema": _SCHEMA,
                "site_key_id": self.site_key_id,
                "epoch": self.epoch,
                "issued_at": time_text(self.issued_at),
                "not_before": time_text(self.not_before),
                "not_after": time_text(self.not_after),
                "user_ca": base64_text(self.user_ca),
                "roles": self.roles.as_json(),
                "cases": [case.as_json() for case in self.cases],
                "revoked": list(self.revoked),
                "public_keys": {
                    "manifest": [base64_text(key) for key in self.manifest_keys],
                    "recipient": base64_text(self.recipient_certificate),
                    "auditor": base64_text(self.auditor_key),
                },
                "escrow_certificate": base64_text(self.escrow_certificate),
                "offline": [one.as_json() for one in self.offline],
                "lease_s": self.lease_s,
                "secrets_sha256": self.secrets_sha256,
            }
        )

    @classmethod
    def decode(cls, octets: bytes) -> "BundleCore":
        """Read a core strictly; no signature is checked here."""
        fields = Fields(canonical.decode(octets), _CORE)
        fields.constant("schema", _SCHEMA)
        keys = fields.child("public_keys", ("manifest", "recipient", "auditor"))
        auditor_bytes = PUBLIC_KEY_BYTES[HpkeSuite.MLKEM768_X25519]
        return cls(
            site_key_id=fields.hex("site_key_id", DIGEST_BYTES),
            epoch=fields.integer("epoch", 1, MAX_INTEGER),
            issued_at=fields.time("issued_at"),
            not_before=fields.time("not_before"),
            not_after=fields.time("not_after"),
            user_ca=fields.octets("user_ca", _MAX_CERTIFICATE_BYTES),
            roles=RolePolicy.from_json(fields.object("roles")),
            cases=tuple(_case(item) for item in fields.items("cases", _MAX_CASES)),
            revoked=tuple(
                Fields({"f": f}, ("f",)).hex("f", DIGEST_BYTES)
                for f in fields.items("revoked", _MAX_CASES)
            ),
            manifest_keys=tuple(
                Fields({"k": k}, ("k",)).octets("k", _MAX_KEY_BYTES)
                for k in keys.items("manifest", _MAX_MANIFEST_KEYS, 1)
            ),
            recipient_certificate=keys.octets("recipient", _MAX_CERTIFICATE_BYTES),
            auditor_key=keys.octets("auditor", auditor_bytes, auditor_bytes),
            escrow_certificate=fields.octets("escrow_certificate", _MAX_CERTIFICATE_BYTES),
            offline=ordered_recipients(
                [OfflineRecipient.from_json(one) for one in fields.items("offline", MAX_OFFLINE)]
            ),
            lease_s=_lease_s(fields),
            secrets_sha256=fields.hex("secrets_sha256", DIGEST_BYTES),
        )

    def valid_at(self, now: datetime) -> bool:
        """Tell whether not_before <= now < not_after."""
        return self.not_before <= now < self.not_after


def _lease_s(fields: Fields) -> int:
    lease_s = fields.integer("lease_s", 0, MAX_LEASE_S)
    if 0 < lease_s < MIN_LEASE_S:
        raise EncryptSecureRTError(ErrorCode.E_FORMAT)
    return lease_s


def _case(item: object) -> CaseGrant:
    fields = Fields(item, ("pseudonym", "user", "until"))
    return CaseGrant(
        pseudonym=fields.text("pseudonym", PSEUDONYM),
        user=fields.hex("user", ID_BYTES),
        until=fields.time("until"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleSecrets:
    """What only an attested worker gets.

    Attributes
    ----------
    salt : 32 random octets, so that the digest in the core tells nothing.
    pseudonym_key : 32 octets; sub-keys for UIDs and patient pseudonyms come from it.
    recipient_key, manifest_key : PKCS#8 DER (RSA-3072, Ed25519).
    """

    salt: bytes
    pseudonym_key: bytes
    recipient_key: bytes
    manifest_key: bytes

    def __repr__(self) -> str:
        return "BundleSecrets()"

    def encode(self) -> bytes:
        """Return the canonical octets that are sealed."""
        keys = {
            "pseudonym": base64_text(self.pseudonym_key),
            "recipient": base64_text(self.recipient_key),
            "manifest": base64_text(self.manifest_key),
        }
        return canonical.encode({"salt": base64_text(self.salt), "keys": keys})

    @classmethod
    def decode(cls, octets: bytes) -> "BundleSecrets":
        """Read the secrets strictly."""
        fields = Fields(canonical.decode(octets), ("salt", "keys"))
        keys = fields.child("keys", ("pseudonym", "recipient", "manifest"))
        return cls(
            salt=fields.octets("salt", KEY_BYTES, KEY_BYTES),
            pseudonym_key=keys.octets("pseudonym", KEY_BYTES, KEY_BYTES),
            recipient_key=keys.octets("recipient", _MAX_KEY_BYTES),
            manifest_key=keys.octets("manifest", _MAX_KEY_BYTES),
        )


def bundle_digest(core: bytes) -> str:
    """Return the bundle digest: SHA-256 of the core's octets."""
    return hashlib.sha256(core).hexdigest()


def seal_secrets(core: bytes, secrets: bytes, suite: HpkeSuite, worker_public: bytes) -> bytes:
    """Seal a bundle's secrets to one worker."""
    return hpke_seal(suite, worker_public, _provision_info(core, worker_public), secrets)


def _provision_info(core: bytes, worker_public: bytes) -> bytes:
    return _INFO + hashlib.sha256(core).digest() + hashlib.sha256(worker_public).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleMessage:
    """A bundle as it travels; `site_key` is the SPKI that the core's `site_key_id` names."""

    site_key: bytes
    core: bytes
    signature: bytes
    sealed: bytes

    def as_json(self) -> dict[str, str]:
        """Return the JSON members."""
        return {name: base64_text(getattr(self, name)) for name in MESSAGE_MEMBERS}

    @classmethod
    def from_json(cls, value: object, max_bytes: int) -> "BundleMessage":
        """Read the JSON members strictly."""
        fields = Fields(value, MESSAGE_MEMBERS)
        return cls(
            site_key=fields.octets("site_key", 256),
            core=fields.octets("core", max_bytes),
            signature=fields.octets("signature", 64, 64),
            sealed=fields.octets("sealed", 64 * 1024),
        )

    def open(self, worker_key: HpkeKeyPair) -> tuple[BundleCore, BundleSecrets]:
        """Verify the site key's signature, open the secrets; anything wrong is E_BUNDLE."""
        verify(self.site_key, Label.BUNDLE, self.core, self.signature, ErrorCode.E_BUNDLE)
        try:
            core = BundleCore.decode(self.core)
            octets = worker_key.open(self.sealed, _provision_info(self.core, worker_key.public))
            if core.site_key_id != key_id(self.site_key):
                raise EncryptSecureRTError(ErrorCode.E_BUNDLE)
            if hashlib.sha256(octets).hexdigest() != core.secrets_sha256:
                raise EncryptSecureRTError(ErrorCode.E_BUNDLE)
            return core, BundleSecrets.decode(octets)
        except EncryptSecureRTError:
            raise EncryptSecureRTError(ErrorCode.E_BUNDLE) from None
