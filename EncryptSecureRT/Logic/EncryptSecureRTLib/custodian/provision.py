"""One bundle, and one lease, to one worker that was verified before.

The channel attests each of its connections before anything is sent, and raises otherwise. What is
checked here comes on top: that it was this site's own policy by which the worker was judged, and
that the worker's present bundle is one that ours may follow.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import DIGEST_BYTES, ID_BYTES, MAX_INTEGER, Fields
from encryptsecurert_protocol.leases import Lease
from encryptsecurert_protocol.statement import BundleName, Statement
from EncryptSecureRTLib.attest.verdict import Verdict
from EncryptSecureRTLib.custodian.site import Site

_ROUTE = "/v1/provision"


class ProvisionChannel(Protocol):
    """What of a client's channel is used here."""

    @property
    def statement(self) -> Statement:
        """What the verified worker says of itself."""

    @property
    def verdict(self) -> Verdict:
        """The verdict on fresh evidence."""

    @property
    def certificate_verdict(self) -> Verdict:
        """The verdict on the certificate."""

    def request_json(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Send and receive JSON objects."""

    def reconnect(self) -> None:
        """Leave every connection; the next request opens and attests a new one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioning:
    """What a worker confirmed: the bundle that it holds, and its lease if it needs one."""

    bundle: BundleName
    lease: Lease | None


def provision(site: Site, channel: ProvisionChannel) -> BundleName:
    """Do as `provision_and_lease` does; return the bundle's name."""
    return provision_and_lease(site, channel).bundle


def provision_and_lease(site: Site, channel: ProvisionChannel) -> Provisioning:
    """Send the site's present bundle to a worker, then a lease if its bundle asks for leases.

    Doing so again with the same worker and epoch changes nothing but the lease.

    Raises
    ------
    EncryptSecureRTError
        The verdict's own code if the worker was refused; E_POLICY_MISSING, E_POLICY_EXPIRED if it
        was judged by another policy than the site's present one; E_SITE, E_REPLAY if it holds
        another site's or a newer bundle; E_BUNDLE if it confirms another bundle or lease than ours;
        what the channel and `Site.bundle_for` raise. Up to E_REPLAY nothing was sent.
    """
    _check_worker(site, channel)
    statement = channel.statement
    held = statement.bundle
    if held is not None and held.site_key_id != site.state.site_key_id:
        raise EncryptSecureRTError(ErrorCode.E_SITE)
    name = site.current_bundle().name
    if held is not None and held.epoch > name.epoch:
        raise EncryptSecureRTError(ErrorCode.E_REPLAY, "the worker holds a newer bundle")
    message = site.bundle_for(statement)
    answer = channel.request_json("POST", _ROUTE, message.as_json())
    if _bundle_name(answer) != name:
        detail = "the worker confirms another bundle than the one that was sent"
        raise EncryptSecureRTError(ErrorCode.E_BUNDLE, detail)
    if site.state.lease_s == 0:
        return Provisioning(bundle=name, lease=None)
    channel.reconnect()  # a connection from before the first bundle shows no certificate
    lease = _send_lease(site, channel, replace(statement, bundle=name))
    return Provisioning(bundle=name, lease=lease)


def give_lease(site: Site, channel: ProvisionChannel) -> Lease:
    """Send a lease to a worker that holds the site's present bundle; return what it confirmed.

    Raises
    ------
    EncryptSecureRTError
        As `provision_and_lease`, and E_REPLAY if the worker holds another bundle or none, E_USAGE
        if the site's workers need no lease. In these cases nothing was sent.
    """
    _check_worker(site, channel)
    return _send_lease(site, channel, channel.statement)


def _send_lease(site: Site, channel: ProvisionChannel, statement: Statement) -> Lease:
    signed = site.lease_for(statement)
    lease = signed.lease
    answer = channel.request_json("POST", _ROUTE, signed.message)
    fields = Fields(answer, ("start_id", "epoch", "not_after"), ErrorCode.E_BUNDLE)
    confirmed = (
        fields.hex("start_id", ID_BYTES),
        fields.integer("epoch", 1, MAX_INTEGER),
        fields.time("not_after"),
    )
    if confirmed != (lease.start_id, lease.epoch, lease.not_after):
        detail = "the worker confirms another lease than the one that was sent"
        raise EncryptSecureRTError(ErrorCode.E_BUNDLE, detail)
    return lease


def _check_worker(site: Site, channel: ProvisionChannel) -> None:
    policy = site.state.policy
    if policy is None:
        raise EncryptSecureRTError(ErrorCode.E_POLICY_MISSING)
    policy_sha256 = hashlib.sha256(policy.octets).hexdigest()
    for verdict in (channel.certificate_verdict, channel.verdict):
        verdict.require()
        if verdict.policy_sha256 != policy_sha256:
            detail = "the worker was judged by another policy than the site's present one"
            raise EncryptSecureRTError(ErrorCode.E_POLICY_EXPIRED, detail)


def _bundle_name(answer: Mapping[str, Any]) -> BundleName:
    fields = Fields(answer, ("site_key_id", "epoch", "digest"), ErrorCode.E_BUNDLE)
    return BundleName(
        site_key_id=fields.hex("site_key_id", DIGEST_BYTES),
        epoch=fields.integer("epoch", 1, MAX_INTEGER),
        digest=fields.hex("digest", DIGEST_BYTES),
    )
