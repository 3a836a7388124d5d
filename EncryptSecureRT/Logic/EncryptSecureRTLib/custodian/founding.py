"""Founding a site: all keys at once, in a folder that appears when it is complete."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.rights import STARTING_RIGHTS, Role
from encryptsecurert_protocol.signatures import spki_der
from EncryptSecureRTLib.custodian.certificates import (
    AUTHORITY_DAYS,
    Validity,
    certificate_pem,
    make_recipient,
    make_user_ca,
)
from EncryptSecureRTLib.custodian.disk import new_folder, read_file, write_files
from EncryptSecureRTLib.custodian.escrow_pem import ESCROW_CERTIFICATE, ESCROW_KEY, escrow_pem
from EncryptSecureRTLib.custodian.passphrase import check_passphrase, seal_file
from EncryptSecureRTLib.custodian.site_folder import (
    KEYS_FILE,
    SITE_KEY_FILE,
    STATE_FILE,
    home_of,
)
from EncryptSecureRTLib.custodian.site_keys import KEYS_CONTENT, OfflineKeys, SiteKeys
from EncryptSecureRTLib.custodian.site_state import SiteState
from EncryptSecureRTLib.custodian.users import new_user

AUDITOR_CONTENT = "auditor-key"
_ESCROW_FOLDER = "escrow"
_AUDITOR_FOLDER = "auditor"


def found_site(folder: Path, passphrase: bytes, now: datetime, *, lease_s: int = 0) -> SiteKeys:
    """Make a site in a folder that is not there or empty, and return its keys.

    The custodian's own certificate lasts as long as the user CA. Its one right is to bring bundles,
    which the site key signs anyway; and a custodian whose certificate has ended could never again
    bring the bundle that lists a new one.

    Raises
    ------
    EncryptSecureRTError
        E_USAGE for a passphrase that is too short; E_LOCAL_FILE.
    """
    check_passphrase(passphrase)
    now = now.astimezone(UTC).replace(microsecond=0)
    keys, offline = SiteKeys.generate(), OfflineKeys.generate()
    with new_folder(folder) as path:
        state, certificate = _first_state(path, keys, offline, now)
        state = replace(state, lease_s=lease_s)
        site_key = {SITE_KEY_FILE: keys.site_spki}
        write_files(home_of(path).path, {"user.pem": certificate_pem(certificate), **site_key})
        _write_offline_keys(path, passphrase, offline, state)
        files = {
            KEYS_FILE: seal_file(passphrase, KEYS_CONTENT, keys.encode()),
            STATE_FILE: state.encode(keys.ledger_mac_key),
        }
        write_files(path, {**files, **site_key})
    return keys


def _first_state(
    path: Path, keys: SiteKeys, offline: OfflineKeys, now: datetime
) -> tuple[SiteState, bytes]:
    """Return the state with the custodian as its only user, and the custodian's certificate."""
    validity = Validity.from_days(now, AUTHORITY_DAYS)
    user_ca = make_user_ca(keys.user_ca, validity)
    request = read_file(home_of(path).enroll(), LIMITS.certificate_bytes)
    user, certificate = new_user(keys, user_ca, request, [Role.CUSTODIAN], validity)
    state = SiteState(
        site_key_id=keys.site_key_id,
        created=now,
        changed=now,
        epoch=1,
        bundle_digest=None,
        home_user=user.user,
        user_ca=user_ca,
        recipient_certificate=make_recipient(keys.recipient, validity),
        escrow_certificate=make_recipient(offline.escrow, validity),
        auditor_key=offline.auditor.public,
        manifest_keys=(spki_der(keys.manifest.public_key()),),
        offline=(),
        lease_s=0,
        rights=STARTING_RIGHTS,
        users=(user,),
        cases=(),
        policy=None,
    )
    return state, certificate


def _write_offline_keys(
    path: Path, passphrase: bytes, offline: OfflineKeys, state: SiteState
) -> None:
    escrow = {
        ESCROW_KEY: escrow_pem(offline.escrow, passphrase),
        ESCROW_CERTIFICATE: certificate_pem(state.escrow_certificate),
    }
    secret = offline.auditor.secret_octets
    auditor = {
        "auditor.key.sealed": seal_file(passphrase, AUDITOR_CONTENT, secret),
        "auditor.pub": state.auditor_key,
    }
    write_files(path / _ESCROW_FOLDER, escrow)
    write_files(path / _AUDITOR_FOLDER, auditor)
