"""Leases: signed for one start of a worker that holds the site's present bundle."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from Testing.Unit.custodian.fake_channel import FakeChannel, verdict_of

from encryptsecurert_protocol.bundles import BundleCore
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.leases import open_lease
from encryptsecurert_protocol.rights import Role
from encryptsecurert_protocol.sealing import HpkeKeyPair
from encryptsecurert_protocol.statement import BundleName, Statement
from EncryptSecureRTLib.attest.verdict import VerdictKind
from EncryptSecureRTLib.custodian.changes import with_lease_s
from EncryptSecureRTLib.custodian.provision import give_lease, provision_and_lease
from EncryptSecureRTLib.custodian.site import Site
from EncryptSecureRTLib.custodian.site_keys import SiteKeys

PassTime = Callable[..., None]
RequestOf = Callable[..., bytes]
StatementOf = Callable[..., Statement]
_DAY_S = 24 * 3600


def _set(site: Site, lease_s: int) -> int:
    return site.change(lambda state, _: with_lease_s(state, lease_s))


@pytest.fixture
def leasing(ready: Site) -> Site:
    """Give a site whose workers need leases of a day."""
    _set(ready, _DAY_S)
    return ready


def _code(call: Callable[[], object]) -> ErrorCode:
    with pytest.raises(EncryptSecureRTError) as caught:
        call()
    return caught.value.code


def test_workers_need_no_lease_until_it_is_said(ready: Site, channel: FakeChannel) -> None:
    assert provision_and_lease(ready, channel).lease is None
    assert channel.leases == []


def test_the_length_of_leases_is_in_the_bundle_and_costs_an_epoch(ready: Site) -> None:
    assert _set(ready, _DAY_S) == 2
    assert BundleCore.decode(ready.current_bundle().core).lease_s == _DAY_S
    assert _set(ready, _DAY_S) == 2
    assert _set(ready, 0) == 3
    assert BundleCore.decode(ready.current_bundle().core).lease_s == 0


@pytest.mark.parametrize("lease_s", [-1, 1, 599, 31 * _DAY_S + 1])
def test_a_length_that_no_bundle_may_ask_for_is_refused(ready: Site, lease_s: int) -> None:
    assert _code(lambda: _set(ready, lease_s)) is ErrorCode.E_USAGE
    assert _set(ready, 600) == 2
    assert _set(ready, 31 * _DAY_S) == 3


def test_provisioning_gives_a_lease_right_after_the_bundle(
    leasing: Site, channel: FakeChannel
) -> None:
    done = provision_and_lease(leasing, channel)

    assert channel.sent == [("POST", "/v1/provision")] * 2
    assert done.bundle == leasing.current_bundle().name
    assert channel.leases == [done.lease]
    assert done.lease is not None
    assert done.lease.start_id == channel.statement.start_id
    assert done.lease.epoch == done.bundle.epoch
    assert (done.lease.time, done.lease.length_s) == (leasing.now, _DAY_S)


def test_a_later_lease_is_given_without_a_bundle(
    leasing: Site, channel: FakeChannel, pass_time: PassTime
) -> None:
    provision_and_lease(leasing, channel)
    channel.reconnect()
    channel.sent.clear()
    pass_time(hours=6)

    lease = give_lease(leasing, channel)

    assert channel.leases[1:] == [lease]
    assert lease.time == leasing.now
    assert channel.sent == [("POST", "/v1/provision")]


def test_a_lease_is_signed_by_the_site_key_for_that_use(
    leasing: Site, worker_key: HpkeKeyPair, statement_of: StatementOf, keys: SiteKeys
) -> None:
    name = leasing.current_bundle().name

    signed = leasing.lease_for(statement_of(worker_key, name))

    assert open_lease(signed.message, keys.site_spki) == signed.lease
    other = SiteKeys.generate().site_spki
    assert _code(lambda: open_lease(signed.message, other)) is ErrorCode.E_BUNDLE


@pytest.mark.parametrize("held", ["none", "older", "other digest", "other site"])
def test_a_worker_with_another_bundle_is_to_be_provisioned_first(
    leasing: Site, channel: FakeChannel, held: str
) -> None:
    provision_and_lease(leasing, channel)
    present = leasing.current_bundle().name
    names: dict[str, BundleName | None] = {
        "none": None,
        "older": replace(present, epoch=1),
        "other digest": replace(present, digest="ab" * 32),
        "other site": replace(present, site_key_id="ab" * 32),
    }
    channel.statement = replace(channel.statement, bundle=names[held])
    channel.sent.clear()

    with pytest.raises(EncryptSecureRTError) as caught:
        give_lease(leasing, channel)

    assert caught.value.code is ErrorCode.E_REPLAY
    assert "provision first" in caught.value.what
    assert channel.sent == []


def test_after_a_change_of_rights_the_bundle_comes_first(
    leasing: Site, channel: FakeChannel, request_of: RequestOf
) -> None:
    provision_and_lease(leasing, channel)
    channel.reconnect()
    leasing.add_user(request_of(), [Role.PHYSICIST])

    assert _code(lambda: give_lease(leasing, channel)) is ErrorCode.E_REPLAY


def test_giving_a_lease_changes_nothing_of_the_site(
    leasing: Site,
    channel: FakeChannel,
    pass_time: PassTime,
    contents: Callable[..., dict[str, bytes]],
) -> None:
    provision_and_lease(leasing, channel)
    channel.reconnect()
    before = contents(leasing.path)
    pass_time(hours=1)

    give_lease(leasing, channel)

    assert contents(leasing.path) == before


def test_a_bundle_that_is_over_is_not_leased_on(
    leasing: Site, channel: FakeChannel, pass_time: PassTime
) -> None:
    provision_and_lease(leasing, channel)
    channel.reconnect()
    pass_time(days=366)

    assert _code(lambda: give_lease(leasing, channel)) is ErrorCode.E_REPLAY


def test_where_leases_are_off_none_is_given(ready: Site, channel: FakeChannel) -> None:
    provision_and_lease(ready, channel)
    channel.reconnect()
    channel.sent.clear()

    assert _code(lambda: give_lease(ready, channel)) is ErrorCode.E_USAGE
    assert channel.sent == []


@pytest.mark.parametrize("which", ["verdict", "certificate_verdict"])
def test_a_refused_worker_gets_no_lease(leasing: Site, channel: FakeChannel, which: str) -> None:
    provision_and_lease(leasing, channel)
    channel.reconnect()
    policy = leasing.state.policy
    assert policy is not None
    refused = verdict_of(VerdictKind.FRESH, policy.octets, ErrorCode.E_MEASUREMENT)
    setattr(channel, which, refused)
    channel.sent.clear()

    assert _code(lambda: give_lease(leasing, channel)) is ErrorCode.E_MEASUREMENT
    assert channel.sent == []


@pytest.mark.parametrize(
    "changes",
    [
        {"start_id": "ab" * 16},
        {"epoch": 1},
        {"not_after": "2025-01-06T12:00:01Z"},
        {"not_after": None},
        {"extra": 1},
    ],
)
def test_an_answer_that_names_another_lease_is_an_error(
    leasing: Site, channel: FakeChannel, changes: dict[str, object]
) -> None:
    channel.lease_changes = changes

    assert _code(lambda: provision_and_lease(leasing, channel)) is ErrorCode.E_BUNDLE


def test_no_lease_is_signed_with_a_clock_that_went_back(
    leasing: Site, channel: FakeChannel, pass_time: PassTime
) -> None:
    provision_and_lease(leasing, channel)
    channel.reconnect()
    pass_time(seconds=-timedelta(hours=1).total_seconds())

    assert _code(lambda: give_lease(leasing, channel)) is ErrorCode.E_CLOCK
