"""A site, and all that its custodian can do with it.

>>> site = init_site(folder, passphrase)                                       # doctest: +SKIP
>>> site.set_policy(Release.decode(release_json), collateral)                  # doctest: +SKIP
>>> site.add_user(request_pem, [Role.PHYSICIST])                               # doctest: +SKIP
>>> with open_channel(site.home, url, allow_unprovisioned=True) as channel:    # doctest: +SKIP
...     provision(site, channel)
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from encryptsecurert_protocol.bundles import BundleMessage
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.rights import Role
from encryptsecurert_protocol.signatures import Label, sign
from encryptsecurert_protocol.statement import Statement
from EncryptSecureRTLib.attest.collateral import read_collateral
from EncryptSecureRTLib.attest.policy import load_policy
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.custodian import policy_maker
from EncryptSecureRTLib.custodian.bundle_maker import (
    Bundle,
    bundle_message,
    check_fits,
    make_bundle,
)
from EncryptSecureRTLib.custodian.certificates import (
    CLOCK_MARGIN,
    MAX_USER_DAYS,
    USER_DAYS,
    Validity,
    certificate_pem,
    end_of,
    read_request,
)
from EncryptSecureRTLib.custodian.changes import (
    active_user,
    checked_lease_s,
    checked_roles,
    with_user,
    without_user,
)
from EncryptSecureRTLib.custodian.disk import StagedFiles, read_file
from EncryptSecureRTLib.custodian.founding import found_site
from EncryptSecureRTLib.custodian.lease_maker import SignedLease, make_lease
from EncryptSecureRTLib.custodian.own_home import place_identity
from EncryptSecureRTLib.custodian.passphrase import MAX_SEALED_FILE_BYTES, open_file
from EncryptSecureRTLib.custodian.policy_maker import HardwareRules
from EncryptSecureRTLib.custodian.release import Release, check_collateral_of
from EncryptSecureRTLib.custodian.site_folder import KEYS_FILE, SiteFolder, home_of
from EncryptSecureRTLib.custodian.site_keys import KEYS_CONTENT, SiteKeys
from EncryptSecureRTLib.custodian.site_state import SignedPolicy, SiteState
from EncryptSecureRTLib.custodian.site_users import SiteUser
from EncryptSecureRTLib.custodian.users import Renewal, UserCredentials, new_user, renewed_user

Clock = Callable[[], datetime]
Change = Callable[[SiteState, datetime], SiteState]


def utc_now() -> datetime:
    """Return this computer's time."""
    return datetime.now(UTC)


class Site:
    """An opened site. Each change is on the disk before its method returns."""

    def __init__(self, folder: SiteFolder, keys: SiteKeys, clock: Clock) -> None:
        self._folder = folder
        self._keys = keys
        self._clock = clock

    def __repr__(self) -> str:
        return f"Site(site_key_id={self.state.site_key_id}, epoch={self.state.epoch})"

    @property
    def path(self) -> Path:
        """The site's folder."""
        return self._folder.path

    @property
    def state(self) -> SiteState:
        """What is known of the site now."""
        return self._folder.state

    @property
    def home(self) -> ClientHome:
        """The custodian's own client folder, for `open_channel`."""
        return home_of(self.path)

    @property
    def now(self) -> datetime:
        """The time, in whole seconds."""
        return self._clock().astimezone(UTC).replace(microsecond=0)

    def _signing_time(self) -> datetime:
        now = self.now
        # What is signed now must not be older than what was signed before.
        if now < self.state.changed:
            raise EncryptSecureRTError(ErrorCode.E_CLOCK)
        return now

    def _next_epoch(self, state: SiteState, now: datetime) -> SiteState:
        state = replace(state, epoch=self.state.epoch + 1, bundle_digest=None, changed=now)
        check_fits(state, now)
        return state

    def change(self, change: Change) -> int:
        """Make a change of rights (see `changes`) and return the epoch from which it holds.

        Raises
        ------
        EncryptSecureRTError
            What the change raises; E_TOO_LARGE if the bundle would be too large; E_LOCAL_FILE.
        """
        now = self._signing_time()
        state = change(self.state, now)
        if state != self.state:
            self._folder.commit(self._next_epoch(state, now))
        return self.state.epoch

    def add_user(
        self,
        csr_pem: bytes,
        roles: Sequence[Role],
        days: int = USER_DAYS,
        *,
        out: Path | None = None,
    ) -> UserCredentials:
        """Issue a certificate, give its user the roles, and raise the epoch.

        Parameters
        ----------
        csr_pem : bytes
            A PKCS #10 request; its subject is not looked at.
        out : Path, optional
            Folder for the files to hand over. Either they are there and the user is registered, or
            neither.

        Raises
        ------
        EncryptSecureRTError
            E_USER_KEY for a bad request or a key that has had a certificate; E_USAGE for no role or
            too many days; E_TOO_LARGE; E_LOCAL_FILE.
        """
        now = self._signing_time()
        user, certificate = new_user(
            self._keys,
            self.state.user_ca,
            csr_pem,
            checked_roles(roles),
            _user_validity(now, days),
            known=self.state.users,
        )
        return self._hand_over(user, certificate, now, out)

    def renew_user(
        self,
        user: str,
        csr_pem: bytes,
        days: int = USER_DAYS,
        *,
        replace_older: bool = False,
        out: Path | None = None,
    ) -> UserCredentials:
        """Issue one certificate more for a user, for the same key or a new one.

        The older ones are good until their end, unless `replace_older` revokes them. Parameters and
        errors are otherwise those of `add_user` and `users.renewed_user`.
        """
        now = self._signing_time()
        renewal = Renewal(
            user=user,
            public_key=read_request(csr_pem),
            validity=_user_validity(now, days),
            replace_older=replace_older,
        )
        entry, certificate = renewed_user(self._keys, self.state, renewal, now)
        return self._hand_over(entry, certificate, now, out)

    def renew_own(self, *, replace_older: bool = False) -> UserCredentials:
        """Give the custodian's own folder a new key and certificate; see `own_home`.

        It lasts as long as the user CA, as the first one does (see `founding`).
        """
        now = self._signing_time()
        key = ec.generate_private_key(ec.SECP256R1())
        renewal = Renewal(
            user=self.state.home_user,
            public_key=key.public_key(),
            validity=Validity(not_before=now - CLOCK_MARGIN, not_after=end_of(self.state.user_ca)),
            replace_older=replace_older,
        )
        entry, certificate = renewed_user(self._keys, self.state, renewal, now)
        state = self._next_epoch(with_user(self.state, entry), now)
        before = active_user(self.state, entry.user).usable_at(now)
        place_identity(self.home, key, certificate, {c.fingerprint for c in before})
        self._folder.commit(state)
        return self._credentials(entry, certificate, state.epoch)

    def _hand_over(
        self, user: SiteUser, certificate: bytes, now: datetime, out: Path | None
    ) -> UserCredentials:
        state = self._next_epoch(with_user(self.state, user), now)
        credentials = self._credentials(user, certificate, state.epoch)
        if out is None:
            self._folder.commit(state)
            return credentials
        with StagedFiles(out, credentials.files()) as staged:
            self._folder.commit(state)
            staged.commit()
        return credentials

    def _credentials(self, user: SiteUser, certificate: bytes, epoch: int) -> UserCredentials:
        record = user.certificates[-1]
        return UserCredentials(
            user=user.user,
            fingerprint=record.fingerprint,
            not_after=record.not_after,
            epoch=epoch,
            certificate_pem=certificate_pem(certificate),
            site_key_spki=self._keys.site_spki,
            policy=self.state.policy,
            collateral=self._folder.collateral(),
        )

    def revoke_user(self, user: str) -> int:
        """Revoke all of a user's certificates; return the epoch from which that holds."""
        return self.change(lambda state, now: without_user(state, user, now))

    def set_policy(
        self,
        release: Release,
        collateral: bytes | None = None,
        allow_simulated: bool = False,  # the name is what a caller must spell out
        *,
        rules: HardwareRules | None = None,
    ) -> int:
        """Accept a build: the next version of the client policy, signed; return the version.

        Raises
        ------
        EncryptSecureRTError
            E_SIMULATED unless a simulated release is allowed; E_POLICY; E_COLLATERAL_FORMAT, E_ROOT
            or E_COLLATERAL_ROLLBACK for collateral that does not go with the release.
        """
        parsed = None if collateral is None else read_collateral(collateral)
        if parsed is not None:
            check_collateral_of(release, parsed)
        now = self._signing_time()
        octets = policy_maker.add_build(
            None if self.state.policy is None else self.state.policy.octets,
            policy_maker.worker_entry(release, rules or HardwareRules(), parsed),
            site_key_id=self.state.site_key_id,
            allow_simulated=allow_simulated,
            now=now,
        )
        signature = self._signed(octets, now)
        if collateral is not None:
            self._folder.keep_collateral(collateral)
        return self._set(octets, signature, now)

    def withdraw_build(self, mrenclave: str) -> int:
        """Accept a build no longer; return the new policy's version."""
        now = self._signing_time()
        octets = policy_maker.withdraw_build(
            None if self.state.policy is None else self.state.policy.octets,
            mrenclave,
            site_key_id=self.state.site_key_id,
            now=now,
        )
        return self._set(octets, self._signed(octets, now), now)

    def _signed(self, octets: bytes, now: datetime) -> bytes:
        signature = sign(self._keys.site_signing, Label.POLICY, octets)
        # Read it as every client will, before any client gets it.
        load_policy(octets, signature=signature, pinned_site_key_spki=self._keys.site_spki, now=now)
        return signature

    def _set(self, octets: bytes, signature: bytes, now: datetime) -> int:
        policy = SignedPolicy(octets=octets, signature=signature)
        self._folder.commit(replace(self.state, policy=policy, changed=now))
        return policy_maker.policy_version(octets)

    def current_bundle(self) -> Bundle:
        """Return the bundle of this epoch, made at the first call and the same octets from then on.

        A bundle that ends soon, or that the folder has lost, is followed by the next epoch's.
        """
        now = self._signing_time()
        kept = self._folder.kept_bundle()
        if kept is not None and kept.usable_at(now):
            return kept
        state = self.state
        if state.bundle_digest is not None:
            state = self._next_epoch(state, now)
        bundle = make_bundle(state, self._keys, now)
        # The bundle first: a digest in the state without its bundle would cost an epoch.
        self._folder.keep_bundle(bundle)
        self._folder.commit(replace(state, bundle_digest=bundle.digest, changed=now))
        return bundle

    def bundle_for(self, statement: Statement) -> BundleMessage:
        """Return this epoch's bundle, sealed to the worker of a verified statement."""
        return bundle_message(self.current_bundle(), self._keys, statement)

    def lease_for(self, statement: Statement) -> SignedLease:
        """Return a lease for a worker that holds this epoch's bundle; nothing is kept of it.

        Errors are those of `lease_maker.make_lease`.
        """
        return make_lease(self._folder.kept_bundle(), self._keys, statement, self._signing_time())


def _user_validity(now: datetime, days: int) -> Validity:
    if not 1 <= days <= MAX_USER_DAYS:
        raise EncryptSecureRTError(ErrorCode.E_USAGE, f"1 to {MAX_USER_DAYS} days")
    return Validity.from_days(now, days)


def init_site(folder: Path, passphrase: bytes, *, lease_s: int = 0, clock: Clock = utc_now) -> Site:
    """Make a new site in a folder that is not there, or empty.

    Raises
    ------
    EncryptSecureRTError
        E_USAGE for a passphrase that is too short, or leases of no length that a bundle may ask
        for; E_LOCAL_FILE.
    """
    keys = found_site(folder, passphrase, clock(), lease_s=checked_lease_s(lease_s))
    return Site(SiteFolder(folder, keys), keys, clock)


def open_site(folder: Path, passphrase: bytes, *, clock: Clock = utc_now) -> Site:
    """Open a site.

    Raises
    ------
    EncryptSecureRTError
        E_USAGE if the passphrase does not open it; E_LOCAL_FILE if it is not there or damaged.
    """
    sealed = read_file(folder / KEYS_FILE, MAX_SEALED_FILE_BYTES)
    keys = SiteKeys.decode(open_file(passphrase, KEYS_CONTENT, sealed))
    return Site(SiteFolder(folder, keys), keys, clock)
