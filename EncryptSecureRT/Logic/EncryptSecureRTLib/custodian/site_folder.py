"""The files of a site, and the order in which they are written.

    site.json            state, authenticated              keys.sealed     private keys
    site.pub             the key that clients pin          bundle.sealed   the epoch's bundle
    policy.json, .sig    for clients                       collateral.json for clients, if known
    home/                the custodian's own client folder
    escrow/, auditor/    private keys to be carried away

The state is the truth; what is derived from it (site.pub, the policy, here and in home/) is written
after it, and again at the next opening if that was cut short.
"""

from pathlib import Path

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import LIMITS
from EncryptSecureRTLib.attest.localfiles import read_whole
from EncryptSecureRTLib.attest.memory import CollateralStore
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.custodian.bundle_maker import (
    MAX_STORED_BYTES,
    Bundle,
    load_bundle,
    store_bundle,
)
from EncryptSecureRTLib.custodian.disk import read_file, write_files
from EncryptSecureRTLib.custodian.site_keys import SiteKeys
from EncryptSecureRTLib.custodian.site_state import MAX_STATE_BYTES, SiteState

STATE_FILE = "site.json"
KEYS_FILE = "keys.sealed"
SITE_KEY_FILE = "site.pub"
POLICY_FILE = "policy.json"
POLICY_SIGNATURE_FILE = "policy.json.sig"
COLLATERAL_FILE = "collateral.json"
_BUNDLE_FILE = "bundle.sealed"
_HOME_FOLDER = "home"


def home_of(folder: Path) -> ClientHome:
    """Return the custodian's own client folder inside a site's folder."""
    return ClientHome(folder / _HOME_FOLDER)


class SiteFolder:
    """The folder of one site, whose keys are open."""

    def __init__(self, path: Path, keys: SiteKeys) -> None:
        self.path = path
        self._keys = keys
        self._octets = read_file(path / STATE_FILE, MAX_STATE_BYTES)
        self.state = SiteState.decode(self._octets, keys.ledger_mac_key)
        if self.state.site_key_id != keys.site_key_id:
            raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, "keys and state are of two sites")
        self._publish()

    def commit(self, state: SiteState) -> None:
        """Make `state` the site's state, and write what follows from it.

        Raises
        ------
        EncryptSecureRTError
            E_LOCAL_FILE, also if another command changed the site meanwhile; E_TOO_LARGE.
        """
        self._refuse_if_changed()
        octets = state.encode(self._keys.ledger_mac_key)
        if len(octets) > MAX_STATE_BYTES:
            raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
        write_files(self.path, {STATE_FILE: octets}, replace=True)
        self._octets, self.state = octets, state
        self._publish()

    def _refuse_if_changed(self) -> None:
        # Two commands at once would give one epoch to two bundles. The moment between this look and
        # the rename is left: a custodian is one person.
        if read_file(self.path / STATE_FILE, MAX_STATE_BYTES) != self._octets:
            detail = "another command changed the site meanwhile; run this one again"
            raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, detail)

    def _publish(self) -> None:
        files = {SITE_KEY_FILE: self._keys.site_spki}
        if self.state.policy is not None:
            files[POLICY_FILE] = self.state.policy.octets
            files[POLICY_SIGNATURE_FILE] = self.state.policy.signature
        for folder in (self.path, home_of(self.path).path):
            present = {n: read_whole(folder / n, LIMITS.policy_bytes) for n in files}
            if present != files:
                write_files(folder, files, replace=True)

    def collateral(self) -> bytes | None:
        """Return the collateral that users get, None if none is known."""
        return read_whole(self.path / COLLATERAL_FILE, LIMITS.evidence_bytes)

    def keep_collateral(self, octets: bytes) -> None:
        """Keep collateral for users and for the custodian's own verifier; it never goes back."""
        CollateralStore(home_of(self.path).state_path).place(octets)
        write_files(self.path, {COLLATERAL_FILE: octets}, replace=True)

    def kept_bundle(self) -> Bundle | None:
        """Return the bundle that was made for this epoch; None if there is none, or it is lost."""
        octets = read_whole(self.path / _BUNDLE_FILE, MAX_STORED_BYTES)
        if octets is None or self.state.bundle_digest is None:
            return None
        try:
            bundle = load_bundle(octets, self._keys)
        except EncryptSecureRTError:
            return None
        return bundle if bundle.digest == self.state.bundle_digest else None

    def keep_bundle(self, bundle: Bundle) -> None:
        """Keep a bundle; the state that names it is committed after it."""
        self._refuse_if_changed()
        write_files(self.path, {_BUNDLE_FILE: store_bundle(bundle, self._keys)}, replace=True)
