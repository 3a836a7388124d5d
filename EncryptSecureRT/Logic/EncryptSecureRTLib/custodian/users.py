"""A new user: certificate, entry in the site's state, and the files to hand over."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.rights import Role
from encryptsecurert_protocol.signatures import key_id, spki_der
from EncryptSecureRTLib.custodian.certificates import Validity, issue_user, new_id, read_request
from EncryptSecureRTLib.custodian.site_folder import (
    COLLATERAL_FILE,
    POLICY_FILE,
    POLICY_SIGNATURE_FILE,
    SITE_KEY_FILE,
)
from EncryptSecureRTLib.custodian.site_keys import SiteKeys
from EncryptSecureRTLib.custodian.site_state import (
    SignedPolicy,
    SiteUser,
    UserCertificate,
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
    spki_sha256 = key_id(spki_der(public_key))
    if any(c.key_id == spki_sha256 for entry in known for c in entry.certificates):
        # Otherwise a revoked key would come back under another id.
        raise EncryptSecureRTError(ErrorCode.E_USER_KEY, "this key has had a certificate already")
    user = new_id()
    certificate = issue_user(keys.user_ca, user_ca, user, public_key, validity)
    record = UserCertificate(
        fingerprint=sha256(certificate).hexdigest(),
        key_id=spki_sha256,
        not_after=validity.not_after,
    )
    return SiteUser(user=user, roles=tuple(roles), certificates=(record,)), certificate
