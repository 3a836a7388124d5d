"""From the state of a site to its bundle, made once for each epoch and kept.

A worker that has epoch 5 refuses another epoch 5 (`E_REPLAY`). So core and secrets, with their
random salt, are kept sealed in the site's folder, and each worker of an epoch gets the same octets.
"""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.bundles import (
    BundleCore,
    BundleMessage,
    BundleSecrets,
    bundle_digest,
    seal_secrets,
)
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import DIGEST_BYTES, Fields, base64_text
from encryptsecurert_protocol.limits import LIMITS, MIB
from encryptsecurert_protocol.sealing import (
    KEY_BYTES,
    HpkeSuite,
    open_record,
    random_octets,
    seal_record,
)
from encryptsecurert_protocol.signatures import SIGNATURE_BYTES, Label, sign
from encryptsecurert_protocol.statement import BundleName, Statement
from EncryptSecureRTLib.custodian.certificates import CLOCK_MARGIN
from EncryptSecureRTLib.custodian.site_keys import SiteKeys, private_der
from EncryptSecureRTLib.custodian.site_state import SiteState

BUNDLE_DAYS = 366
_RENEW_BEFORE = timedelta(days=30)
MAX_STORED_BYTES = 4 * MIB
_AAD = b"encryptsecurert.storedbundle/1"
_MAX_SECRETS_BYTES = 32 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """One epoch's signed core and its secrets, before it is sealed for a worker."""

    core: bytes
    signature: bytes
    secrets: bytes

    def __repr__(self) -> str:
        return f"Bundle(digest={self.digest})"

    @property
    def digest(self) -> str:
        """SHA-256 of the core."""
        return bundle_digest(self.core)

    @property
    def content(self) -> BundleCore:
        """What the core says."""
        return BundleCore.decode(self.core)

    @property
    def name(self) -> BundleName:
        """The name that the worker's answer and statement must have."""
        core = self.content
        return BundleName(site_key_id=core.site_key_id, epoch=core.epoch, digest=self.digest)

    def usable_at(self, now: datetime) -> bool:
        """Tell whether it is valid now and for a while."""
        core = self.content
        return core.valid_at(now) and core.valid_at(now + _RENEW_BEFORE)


def make_core(state: SiteState, now: datetime, secrets_sha256: str) -> bytes:
    """Return the core of a state's bundle.

    Raises
    ------
    EncryptSecureRTError
        E_TOO_LARGE if there are more users or case grants than a bundle holds.
    """
    core = BundleCore(
        site_key_id=state.site_key_id,
        epoch=state.epoch,
        issued_at=now,
        not_before=now - CLOCK_MARGIN,
        not_after=now + timedelta(days=BUNDLE_DAYS),
        user_ca=state.user_ca,
        roles=state.roles_at(now),
        cases=state.cases_at(now),
        revoked=state.revoked_at(now),
        manifest_keys=state.manifest_keys,
        recipient_certificate=state.recipient_certificate,
        auditor_key=state.auditor_key,
        escrow_certificate=state.escrow_certificate,
        offline=state.offline,
        lease_s=state.lease_s,
        secrets_sha256=secrets_sha256,
    )
    octets = core.encode()
    if len(octets) > LIMITS.header_bytes:
        raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE, _what_fits(core))
    return octets


def _what_fits(core: BundleCore) -> str:
    room = LIMITS.header_bytes - len(replace(core, cases=()).encode())
    if core.cases and room >= 0:
        grant = len(canonical.encode(core.cases[0].as_json()))  # all are of one length
        fitting = (room + 1) // (grant + 1)  # a comma between two
        return f"a bundle with these users holds {fitting} case grants, not {len(core.cases)}"
    users, fitting = core.roles.users, len(core.roles.users)
    while room < 0 < fitting:
        fitting -= 1
        room += len(canonical.encode(users[fitting].as_json())) + 1
    return f"a bundle holds {fitting} of these {len(users)} users, and then no case grant"


def check_fits(state: SiteState, now: datetime) -> None:
    """Refuse a state whose bundle would be too large (E_TOO_LARGE), before it is committed."""
    make_core(state, now, "0" * 2 * DIGEST_BYTES)


def make_bundle(state: SiteState, keys: SiteKeys, now: datetime) -> Bundle:
    """Make the bundle of a state; E_TOO_LARGE as `make_core` says."""
    secrets = BundleSecrets(
        salt=random_octets(KEY_BYTES),
        pseudonym_key=keys.pseudonym,
        recipient_key=private_der(keys.recipient),
        manifest_key=private_der(keys.manifest),
    ).encode()
    core = make_core(state, now, hashlib.sha256(secrets).hexdigest())
    return Bundle(core=core, signature=sign(keys.site_signing, Label.BUNDLE, core), secrets=secrets)


def store_bundle(bundle: Bundle, keys: SiteKeys) -> bytes:
    """Return the octets of the file that keeps a bundle."""
    value = {
        "core": base64_text(bundle.core),
        "signature": base64_text(bundle.signature),
        "secrets": base64_text(bundle.secrets),
    }
    return seal_record(keys.bundle_storage_key, _AAD, canonical.encode(value))


def load_bundle(octets: bytes, keys: SiteKeys) -> Bundle:
    """Return a kept bundle; E_SEAL or E_FORMAT if it is not one."""
    value = canonical.decode(open_record(keys.bundle_storage_key, _AAD, octets), MAX_STORED_BYTES)
    fields = Fields(value, ("core", "signature", "secrets"))
    return Bundle(
        core=fields.octets("core", LIMITS.header_bytes),
        signature=fields.octets("signature", SIGNATURE_BYTES, SIGNATURE_BYTES),
        secrets=fields.octets("secrets", _MAX_SECRETS_BYTES),
    )


def bundle_message(bundle: Bundle, keys: SiteKeys, statement: Statement) -> BundleMessage:
    """Seal a bundle to the worker that a verified statement speaks of.

    Raises
    ------
    EncryptSecureRTError
        E_STATEMENT if the worker offers another suite than the hybrid one: the site's keys must
        stay secret for longer than the classical one may hold.
    """
    if statement.hpke_suite is not HpkeSuite.MLKEM768_X25519:
        raise EncryptSecureRTError(ErrorCode.E_STATEMENT)
    return BundleMessage(
        site_key=keys.site_spki,
        core=bundle.core,
        signature=bundle.signature,
        sealed=seal_secrets(
            bundle.core, bundle.secrets, statement.hpke_suite, statement.hpke_public_key
        ),
    )
