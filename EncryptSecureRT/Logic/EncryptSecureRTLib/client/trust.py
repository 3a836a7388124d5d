"""From a client folder to a verifier: policy, pinned key, collateral, what was seen before."""

import ipaddress
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urlsplit

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import MAX_INTEGER, Fields
from EncryptSecureRTLib.attest.localfiles import read_whole, write_whole
from EncryptSecureRTLib.attest.memory import CollateralStore, ReplayCache, SiteMemory
from EncryptSecureRTLib.attest.policy import Policy, load_policy
from EncryptSecureRTLib.attest.verifier import Verifier
from EncryptSecureRTLib.client.home import ClientHome

_VERSION_FILE = "policy-version.json"
_REPLAY = ReplayCache()  # nonces and quotes must be new to the whole process


def utc_now() -> datetime:
    """Return this computer's time."""
    return datetime.now(UTC)


def is_loopback(address: str) -> bool:
    """Tell whether an address names this computer, without asking a name service."""
    host = urlsplit(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def open_policy(
    home: ClientHome, now: datetime, *, unsafe_allow_simulated: bool, address: str
) -> Policy:
    """Load the folder's policy.

    An unsigned one works only for simulated evidence, on loopback, and if the caller spelled
    `unsafe_allow_simulated` out.
    """
    octets, signature = home.policy()
    if unsafe_allow_simulated and not is_loopback(address):
        raise EncryptSecureRTError(ErrorCode.E_SIMULATED, "only on this computer")
    policy = load_policy(
        octets,
        signature=signature,
        pinned_site_key_spki=home.site_key(),
        now=now,
        unsafe_allow_simulated_unsigned=unsafe_allow_simulated,
        lowest_version=_lowest_version(home),
    )
    _remember_version(home, policy.version)
    return policy


def _lowest_version(home: ClientHome) -> int:
    octets = read_whole(home.state_path / _VERSION_FILE, 256)
    if octets is None:
        return 0
    fields = Fields(canonical.decode(octets), ("version",), ErrorCode.E_LOCAL_FILE)
    return fields.integer("version", 0, MAX_INTEGER)


def _remember_version(home: ClientHome, version: int) -> None:
    if version > _lowest_version(home):
        write_whole(home.state_path / _VERSION_FILE, canonical.encode({"version": version}))


def open_verifier(
    home: ClientHome,
    address: str,
    *,
    unsafe_allow_simulated: bool = False,
    clock: Callable[[], datetime] = utc_now,
) -> Verifier:
    """Return a verifier for one session."""
    policy = open_policy(
        home, clock(), unsafe_allow_simulated=unsafe_allow_simulated, address=address
    )
    return _verifier(home, policy, clock)


def _verifier(home: ClientHome, policy: Policy, clock: Callable[[], datetime]) -> Verifier:
    return Verifier(
        policy=policy,
        store=CollateralStore(home.state_path),
        replay=_REPLAY,
        sites=SiteMemory(home.state_path),
        clock=clock,
    )


def past_verifier(
    home: ClientHome, policy: bytes, signature: bytes | None, at: datetime
) -> Verifier:
    """Return a verifier for receipts under a policy that was in force at a moment.

    The pinned site key must have signed it. A newer version does not count against it, and
    nothing is remembered of it.
    """
    loaded = load_policy(policy, signature=signature, pinned_site_key_spki=home.site_key(), now=at)
    return _verifier(home, loaded, utc_now)
