"""Certificates of users, new and renewed: entry in the site's state, files to hand over."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.rights import Role
from encryptsecurert_protocol.signatures import key_id, spki_der
from EncryptSecureRTLib.custodian.certificates import Validity, issue_user, new_id, read_request
from EncryptSecureRTLib.custodian.changes import active_user, revoked_certificate
from EncryptSecureRTLib.custodian.site_folder import (
    COLLATERAL_FILE,
    POLICY_FILE,
    POLICY_SIGNATURE_FILE,
    SITE_KEY_FILE,
)
from EncryptSecureRTLib.custodian.site_keys import SiteKeys
from EncryptSecureRTLib.custodian.site_state import SignedPolicy, SiteState
from EncryptSecureRTLib.custodian.site_users import (
    MAX_KEYS,
    MAX_LISTED_CERTIFICATES,
    MAX_USABLE_CERTIFICATES,
    SiteUser,
    UserCertificate,
    UserKey,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class UserCredentials:
    """What the custodian hands to a user; nothing in it is secret."""

    user: str
    fingerprint: str
    not_after: datetime
    epoch: int
    certificate_pem: bytes
    site_key_spki: bytes
    policy: SignedPolicy | None
    collateral: bytes | None

    def files(self) -> dict[str, bytes]:
        """Return name and octets of each file to hand over."""
        files = {"user.pem": self.certificate_pem, SITE_KEY_FILE: self.site_key_spki}
        if self.policy is not None:
            files[POLICY_FILE] = self.policy.octets
            files[POLICY_SIGNATURE_FILE] = self.policy.signature
        if self.collateral is not None:
            files[COLLATERAL_FILE] = self.collateral
        return files


def new_user(
    keys: SiteKeys,
    user_ca: bytes,
    csr_pem: bytes,
    roles: Sequence[Role],
    validity: Validity,
    *,
    known: Iterable[SiteUser] = (),
) -> tuple[SiteUser, bytes]:
    """Return a new user's entry and certificate (DER); nothing is kept here.

    Raises
    ------
    EncryptSecureRTError
        E_USER_KEY for a bad request, or a key that one of the `known` users has or had.
    """
    public_key = read_request(csr_pem)
    key = key_id(spki_der(public_key))
    if any(entry.key(key) for entry in known):
        # Otherwise a revoked key would come back under another id.
        raise EncryptSecureRTError(ErrorCode.E_USER_KEY, "this key has had a certificate already")
    user = new_id()
    certificate = issue_user(keys.user_ca, user_ca, user, public_key, validity)
    entry = SiteUser(
        user=user,
        roles=tuple(roles),
        certificates=(_record(certificate, key, validity),),
        keys=(UserKey(key_id=key),),
    )
    return entry, certificate


def _record(certificate: bytes, key: str, validity: Validity) -> UserCertificate:
    return UserCertificate(
        fingerprint=sha256(certificate).hexdigest(), key_id=key, not_after=validity.not_after
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """What a user who is known gets: a certificate for a key, and whether it stands alone."""

    user: str
    public_key: EllipticCurvePublicKey
    validity: Validity
    replace_older: bool = False


def renewed_user(
    keys: SiteKeys, state: SiteState, renewal: Renewal, now: datetime
) -> tuple[SiteUser, bytes]:
    """Return a known user's entry with one certificate more, and that certificate (DER).

    Raises
    ------
    EncryptSecureRTError
        E_NOT_FOUND for an unknown or revoked user; E_USER_KEY for another user's key, or one that
        was revoked; E_TOO_LARGE if the user has as many certificates as there may be.
    """
    entry = active_user(state, renewal.user)
    key = key_id(spki_der(renewal.public_key))
    _refuse_foreign_key(state, entry, key)
    if renewal.replace_older:
        entry = _without_older(entry, key, now)
    listed = tuple(c for c in entry.certificates if now < c.not_after)
    full = len(entry.usable_at(now)) >= MAX_USABLE_CERTIFICATES
    if full or len(listed) >= MAX_LISTED_CERTIFICATES or len(entry.keys) >= MAX_KEYS:
        detail = f"a user has {MAX_USABLE_CERTIFICATES} certificates at most: revoke one"
        raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE, detail)
    validity = renewal.validity
    certificate = issue_user(keys.user_ca, state.user_ca, entry.user, renewal.public_key, validity)
    known = entry.keys if entry.key(key) else (*entry.keys, UserKey(key_id=key))
    certificates = (*listed, _record(certificate, key, validity))
    return replace(entry, certificates=certificates, keys=known), certificate


def _refuse_foreign_key(state: SiteState, entry: SiteUser, key: str) -> None:
    for owner in state.users:
        known = owner.key(key)
        if known is not None and (owner.user != entry.user or known.revoked):
            detail = "this key is another user's, or was revoked"
            raise EncryptSecureRTError(ErrorCode.E_USER_KEY, detail)


def _without_older(entry: SiteUser, key: str, now: datetime) -> SiteUser:
    """Revoke all certificates of an entry, and all its keys but the one that goes on."""
    return replace(
        entry,
        certificates=tuple(revoked_certificate(c, now) for c in entry.certificates),
        keys=tuple(replace(k, revoked=k.revoked or k.key_id != key) for k in entry.keys),
    )
