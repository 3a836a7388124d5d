"""A lease for one start of one worker, signed by the site key."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.leases import Lease
from encryptsecurert_protocol.signatures import Label, sign, signed_message
from encryptsecurert_protocol.statement import Statement
from EncryptSecureRTLib.custodian.bundle_maker import Bundle
from EncryptSecureRTLib.custodian.site_keys import SiteKeys


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedLease:
    """A lease, and the message in which it travels."""

    lease: Lease
    message: Mapping[str, str]


def make_lease(
    bundle: Bundle | None, keys: SiteKeys, statement: Statement, now: datetime
) -> SignedLease:
    """Return a lease from now on, as long as the bundle of the site says.

    Raises
    ------
    EncryptSecureRTError
        E_REPLAY if that is not the bundle that the worker of a verified statement holds; E_USAGE if
        its workers need no lease.
    """
    if bundle is None or not bundle.content.valid_at(now) or bundle.name != statement.bundle:
        raise EncryptSecureRTError(ErrorCode.E_REPLAY, "provision first")
    core = bundle.content
    if core.lease_s == 0:
        raise EncryptSecureRTError(ErrorCode.E_USAGE, "leases are off; see lease set")
    lease = Lease(
        start_id=statement.start_id,
        epoch=core.epoch,
        time=now,
        not_after=now + timedelta(seconds=core.lease_s),
    )
    octets = lease.encode()
    signature = sign(keys.site_signing, Label.LEASE, octets)
    return SignedLease(lease=lease, message=signed_message(octets, signature))
