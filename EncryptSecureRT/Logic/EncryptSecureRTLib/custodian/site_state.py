"""What the custodian knows of the site: public facts, users, rights, cases, policy, epoch.

One immutable value, one file (`site.json`), so that each change is one rename. Its last member is
an HMAC under the ledger key: rights are decided here and signed later, so a line added by an
editor must not become a right.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.bundles import PSEUDONYM, CaseGrant
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import (
    DIGEST_BYTES,
    ID_BYTES,
    MAX_INTEGER,
    Fields,
    base64_text,
    time_text,
)
from encryptsecurert_protocol.leases import MAX_LEASE_S
from encryptsecurert_protocol.limits import LIMITS, MIB
from encryptsecurert_protocol.offline import MAX_OFFLINE, OfflineRecipient, ordered_recipients
from encryptsecurert_protocol.rights import Operation, Role, RolePolicy, UserEntry
from encryptsecurert_protocol.sealing import PUBLIC_KEY_BYTES, HpkeSuite, keyed_name
from encryptsecurert_protocol.signatures import SIGNATURE_BYTES
from EncryptSecureRTLib.custodian.site_users import SiteUser

MAX_STATE_BYTES = 16 * MIB
_SCHEMA = "encryptsecurert.site/2"
_MAC_LABEL = b"encryptsecurert.site/2"
_MEMBERS = (
    "schema site_key_id created changed epoch bundle home_user user_ca recipient_certificate "
    "escrow_certificate auditor_key manifest_keys offline lease_s rights users cases policy"
).split()
_MAX_CERTIFICATE_BYTES = 8192
_MAX_USERS = 10_000
_MAX_CASES = 100_000
_MAX_MANIFEST_KEYS = 64
_CODE = ErrorCode.E_LOCAL_FILE


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedPolicy:
    """The client policy's octets and the site key's signature of them."""

    octets: bytes
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteState:
    """The state of a site.

    Attributes
    ----------
    epoch : int
        Of the present rights; each change raises it.
    bundle_digest : str or None
        Of the bundle that was made for this epoch; None until one is made.
    home_user : str
        The custodian's own user id.
    user_ca, recipient_certificate, escrow_certificate : bytes
        DER certificates.
    manifest_keys : tuple of bytes
        SPKI DER, the present one first.
    offline : tuple of OfflineRecipient
        Who has sealed items of their own, ascending by name.
    lease_s : int
        How long a worker's lease lasts; 0 if workers need none.
    """

    site_key_id: str
    created: datetime
    changed: datetime
    epoch: int
    bundle_digest: str | None
    home_user: str
    user_ca: bytes
    recipient_certificate: bytes
    escrow_certificate: bytes
    auditor_key: bytes
    manifest_keys: tuple[bytes, ...]
    offline: tuple[OfflineRecipient, ...]
    lease_s: int
    rights: Mapping[Role, frozenset[Operation]]
    users: tuple[SiteUser, ...]
    cases: tuple[CaseGrant, ...]
    policy: SignedPolicy | None

    def user(self, user: str) -> SiteUser | None:
        """Return the user of an id."""
        return next((entry for entry in self.users if entry.user == user), None)

    def roles_at(self, now: datetime) -> RolePolicy:
        """Rights, and the users who have a usable certificate, as a bundle lists them."""
        usable = ((entry, entry.usable_at(now)) for entry in self.users)
        entries = tuple(
            UserEntry(
                user=entry.user,
                certificates=tuple(c.fingerprint for c in certificates),
                roles=entry.roles,
            )
            for entry, certificates in usable
            if certificates
        )
        return RolePolicy(users=entries, rights=self.rights)

    def revoked_at(self, now: datetime) -> tuple[str, ...]:
        """Fingerprints of revoked certificates that have not ended."""
        certificates = (c for entry in self.users for c in entry.certificates)
        return tuple(c.fingerprint for c in certificates if c.revoked_at and now < c.not_after)

    def cases_at(self, now: datetime) -> tuple[CaseGrant, ...]:
        """Grants that hold, of users who have a usable certificate."""
        users = {entry.user for entry in self.users if entry.usable_at(now)}
        return tuple(grant for grant in self.cases if now < grant.until and grant.user in users)

    def encode(self, mac_key: bytes) -> bytes:
        """Return the file's octets."""
        value: dict[str, object] = {
            "schema": _SCHEMA,
            "site_key_id": self.site_key_id,
            "created": time_text(self.created),
            "changed": time_text(self.changed),
            "epoch": self.epoch,
            "bundle": self.bundle_digest,
            "home_user": self.home_user,
            "user_ca": base64_text(self.user_ca),
            "recipient_certificate": base64_text(self.recipient_certificate),
            "escrow_certificate": base64_text(self.escrow_certificate),
            "auditor_key": base64_text(self.auditor_key),
            "manifest_keys": [base64_text(key) for key in self.manifest_keys],
            "offline": [one.as_json() for one in self.offline],
            "lease_s": self.lease_s,
            "rights": RolePolicy(users=(), rights=self.rights).as_json()["rights"],
            "users": [user.as_json() for user in self.users],
            "cases": [grant.as_json() for grant in self.cases],
            "policy": self.policy
            and {
                "octets": base64_text(self.policy.octets),
                "signature": base64_text(self.policy.signature),
            },
        }
        return canonical.encode({**value, "mac": _mac(mac_key, value)})

    @classmethod
    def decode(cls, octets: bytes, mac_key: bytes) -> "SiteState":
        """Read the file; E_LOCAL_FILE if it is not one that this site's custodian wrote."""
        try:
            return _decode(octets, mac_key)
        except EncryptSecureRTError as error:
            detail = "the site's file is damaged, or was changed by another program"
            raise EncryptSecureRTError(_CODE, error.detail or detail) from None


def _mac(mac_key: bytes, value: Mapping[str, object]) -> str:
    return keyed_name(mac_key, _MAC_LABEL, canonical.encode(value))


def _decode(octets: bytes, mac_key: bytes) -> SiteState:
    value = canonical.decode(octets, MAX_STATE_BYTES)
    mac = Fields({"mac": value.pop("mac", None)}, ("mac",), _CODE).hex("mac", DIGEST_BYTES)
    if not hmac.compare_digest(mac, _mac(mac_key, value)):
        raise EncryptSecureRTError(_CODE)
    fields = Fields(value, _MEMBERS, _CODE)
    fields.constant("schema", _SCHEMA)
    auditor_bytes = PUBLIC_KEY_BYTES[HpkeSuite.MLKEM768_X25519]
    return SiteState(
        site_key_id=fields.hex("site_key_id", DIGEST_BYTES),
        created=fields.time("created"),
        changed=fields.time("changed"),
        epoch=fields.integer("epoch", 1, MAX_INTEGER),
        bundle_digest=None if fields.is_null("bundle") else fields.hex("bundle", DIGEST_BYTES),
        home_user=fields.hex("home_user", ID_BYTES),
        user_ca=fields.octets("user_ca", _MAX_CERTIFICATE_BYTES),
        recipient_certificate=fields.octets("recipient_certificate", _MAX_CERTIFICATE_BYTES),
        escrow_certificate=fields.octets("escrow_certificate", _MAX_CERTIFICATE_BYTES),
        auditor_key=fields.octets("auditor_key", auditor_bytes, auditor_bytes),
        manifest_keys=tuple(
            Fields({"k": key}, ("k",), _CODE).octets("k", _MAX_CERTIFICATE_BYTES)
            for key in fields.items("manifest_keys", _MAX_MANIFEST_KEYS, 1)
        ),
        offline=ordered_recipients(
            [OfflineRecipient.from_json(one, _CODE) for one in fields.items("offline", MAX_OFFLINE)]
        ),
        lease_s=fields.integer("lease_s", 0, MAX_LEASE_S),
        rights=RolePolicy.from_json({"users": [], "rights": value["rights"]}).rights,
        users=tuple(SiteUser.from_json(item) for item in fields.items("users", _MAX_USERS)),
        cases=tuple(_case(item) for item in fields.items("cases", _MAX_CASES)),
        policy=None if fields.is_null("policy") else _policy(fields),
    )


def _case(item: object) -> CaseGrant:
    fields = Fields(item, ("pseudonym", "user", "until"), _CODE)
    return CaseGrant(
        pseudonym=fields.text("pseudonym", PSEUDONYM),
        user=fields.hex("user", ID_BYTES),
        until=fields.time("until"),
    )


def _policy(fields: Fields) -> SignedPolicy:
    child = fields.child("policy", ("octets", "signature"))
    return SignedPolicy(
        octets=child.octets("octets", LIMITS.policy_bytes),
        signature=child.octets("signature", SIGNATURE_BYTES, SIGNATURE_BYTES),
    )
