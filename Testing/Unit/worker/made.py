"""A site made by hand: user CA, users and bundles, so that one member at a time can be wrong."""

import dataclasses
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import ParamSpec

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from encryptsecurert_protocol.bundles import (
    BundleCore,
    BundleMessage,
    BundleSecrets,
    seal_secrets,
)
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.rights import (
    STARTING_RIGHTS,
    Role,
    RolePolicy,
    UserEntry,
)
from encryptsecurert_protocol.sealing import HpkeKeyPair
from encryptsecurert_protocol.signatures import Label, key_id, sign, spki_der
from EncryptSecureRTLib.custodian.certificates import (
    Validity,
    issue_user,
    make_user_ca,
    new_id,
)

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SECRETS = BundleSecrets(
    salt=bytes(32), pseudonym_key=bytes([1]) * 32, recipient_key=b"r", manifest_key=b"m"
)


P = ParamSpec("P")


def refusal_of(action: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> ErrorCode:
    """Return the code with which an action is refused."""
    with pytest.raises(EncryptSecureRTError) as refusal:
        action(*args, **kwargs)
    return refusal.value.code


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HandMadeUser:
    """A user's id and certificate."""

    user: str
    certificate: bytes
    role: Role

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, in hex."""
        return hashlib.sha256(self.certificate).hexdigest()

    @property
    def entry(self) -> UserEntry:
        """How a bundle lists the user."""
        return UserEntry(user=self.user, certificates=(self.fingerprint,), roles=(self.role,))


class HandMadeSite:
    """Keys of a site; `core` and `message` make its bundles."""

    def __init__(self, worker_key: HpkeKeyPair) -> None:
        self.worker_key = worker_key
        self.signing = ed25519.Ed25519PrivateKey.generate()
        self.spki = spki_der(self.signing.public_key())
        self.ca_key = ec.generate_private_key(ec.SECP256R1())
        validity = Validity(not_before=NOW - timedelta(days=400), not_after=NOW + timedelta(400))
        self.user_ca = make_user_ca(self.ca_key, validity)

    def user(
        self, role: Role = Role.PHYSICIST, *, days: int = 30, since_days: int = 1
    ) -> HandMadeUser:
        """Issue a certificate that holds from so many days ago for so many days."""
        key, user = ec.generate_private_key(ec.SECP256R1()), new_id()
        start = NOW - timedelta(days=since_days)
        validity = Validity(not_before=start, not_after=start + timedelta(days=days))
        der = issue_user(self.ca_key, self.user_ca, user, key.public_key(), validity)
        return HandMadeUser(user=user, certificate=der, role=role)

    def core(self, *users: HandMadeUser, epoch: int = 3, **changes: object) -> BundleCore:
        """Return a bundle's core that lists these users; `changes` replace members."""
        core = BundleCore(
            site_key_id=key_id(self.spki),
            epoch=epoch,
            issued_at=NOW,
            not_before=NOW - timedelta(days=1),
            not_after=NOW + timedelta(days=1),
            user_ca=self.user_ca,
            roles=RolePolicy(users=tuple(u.entry for u in users), rights=STARTING_RIGHTS),
            cases=(),
            revoked=(),
            manifest_keys=(b"manifest",),
            recipient_certificate=b"recipient",
            auditor_key=HpkeKeyPair.generate().public,
            escrow_certificate=b"escrow",
            lease_s=0,
            secrets_sha256=hashlib.sha256(SECRETS.encode()).hexdigest(),
        )
        return dataclasses.replace(core, **changes)  # type: ignore[arg-type]  # members of a test

    def message(self, core: BundleCore) -> BundleMessage:
        """Sign and seal a bundle as a custodian does."""
        octets = core.encode()
        return BundleMessage(
            site_key=self.spki,
            core=octets,
            signature=sign(self.signing, Label.BUNDLE, octets),
            sealed=seal_secrets(
                octets, SECRETS.encode(), self.worker_key.suite, self.worker_key.public
            ),
        )
