"""Where the site asks for leases, nothing is open without one for this start and epoch."""

import dataclasses
from datetime import timedelta
from pathlib import Path

import pytest
from Testing.Unit.worker.kept import START, Clocks, Kept
from Testing.Unit.worker.made import NOW, HandMadeSite, refusal_of

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.leases import Lease
from encryptsecurert_protocol.sealing import HpkeKeyPair
from encryptsecurert_protocol.signatures import Label, sign, signed_message
from encryptsecurert_worker.vault.leases import LeaseKeeper
from encryptsecurert_worker.vault.site import Site

HOUR_S = 3600
LEASE = Lease(start_id=START, epoch=3, time=NOW, not_after=NOW + timedelta(seconds=HOUR_S))


@dataclasses.dataclass
class Desk:
    """A provisioned site, its keeper, and a custodian who signs leases."""

    made: HandMadeSite
    kept: Kept
    site: Site
    keeper: LeaseKeeper

    def signed(self, lease: Lease, label: Label = Label.LEASE) -> dict[str, str]:
        """Return a lease as it travels."""
        octets = lease.encode()
        return signed_message(octets, sign(self.made.signing, label, octets))

    def take(self, **changes: object) -> None:
        """Bring a lease; `changes` replace members."""
        lease = dataclasses.replace(LEASE, **changes)  # type: ignore[arg-type]  # a test's members
        _, fact = self.keeper.take(self.signed(lease))
        self.kept.ledger.write([fact])


@pytest.fixture
def desk(made: HandMadeSite, worker_key: HpkeKeyPair, tmp_path: Path) -> Desk:
    kept = Kept(tmp_path, Clocks())
    site = Site()
    site.provision(made.message(made.core(epoch=3, lease_s=HOUR_S)), (worker_key,), NOW)
    return Desk(made, kept, site, LeaseKeeper(site, kept.time, START))


def test_without_a_bundle_nothing_is_open(tmp_path: Path) -> None:
    assert not LeaseKeeper(Site(), Kept(tmp_path).time, START).open


def test_where_no_lease_is_asked_for_everything_is_open(
    made: HandMadeSite, worker_key: HpkeKeyPair, tmp_path: Path
) -> None:
    site = Site()
    site.provision(made.message(made.core()), (worker_key,), NOW)
    keeper = LeaseKeeper(site, Kept(tmp_path).time, START)

    assert keeper.open
    assert keeper.seconds_left is None


def test_where_one_is_asked_for_nothing_is_open_until_it_comes(desk: Desk) -> None:
    assert refusal_of(desk.keeper.require) is ErrorCode.E_NOT_PROVISIONED

    desk.take()

    desk.keeper.require()
    assert desk.keeper.seconds_left == HOUR_S


@pytest.mark.parametrize("clock", ["host", "monotonic"])
def test_a_lease_ends_by_either_clock(desk: Desk, clock: str) -> None:
    desk.take()
    if clock == "host":
        desk.kept.clocks.host = NOW + timedelta(seconds=HOUR_S - 1)
    else:
        desk.kept.clocks.monotonic_s += HOUR_S - 1
    assert desk.keeper.open

    desk.kept.clocks.host += timedelta(seconds=1)
    desk.kept.clocks.monotonic_s += 1

    assert not desk.keeper.open


def test_a_host_clock_that_goes_back_makes_no_lease_longer(desk: Desk) -> None:
    desk.take()
    desk.kept.clocks.host = NOW - timedelta(days=300)
    desk.kept.clocks.monotonic_s += HOUR_S

    assert not desk.keeper.open


def test_a_lease_is_for_one_start_and_the_present_epoch(desk: Desk) -> None:
    assert refusal_of(desk.take, start_id="0c" * 16) is ErrorCode.E_REPLAY
    assert refusal_of(desk.take, epoch=2) is ErrorCode.E_REPLAY
    assert refusal_of(desk.take, epoch=4) is ErrorCode.E_REPLAY
    assert not desk.keeper.open


def test_a_new_bundle_ends_the_lease_of_the_old(desk: Desk, worker_key: HpkeKeyPair) -> None:
    desk.take()
    message = desk.made.message(desk.made.core(epoch=4, lease_s=HOUR_S))
    desk.site.provision(message, (worker_key,), NOW)

    assert not desk.keeper.open


def test_the_same_lease_and_an_older_one_are_refused(desk: Desk) -> None:
    desk.take()

    assert refusal_of(desk.take) is ErrorCode.E_REPLAY
    assert refusal_of(desk.take, time=NOW - timedelta(seconds=1)) is ErrorCode.E_BUNDLE
    older = {"time": NOW - timedelta(seconds=9), "not_after": NOW + timedelta(seconds=99)}
    assert refusal_of(desk.take, **older) is ErrorCode.E_REPLAY


def test_a_lease_that_is_over_is_refused(desk: Desk) -> None:
    desk.kept.clocks.host = LEASE.not_after

    assert refusal_of(desk.take) is ErrorCode.E_REPLAY


def test_a_lease_is_not_longer_than_the_bundle_says(desk: Desk) -> None:
    longer = NOW + timedelta(seconds=HOUR_S + 1)

    assert refusal_of(desk.take, not_after=longer) is ErrorCode.E_BUNDLE


def test_only_the_sites_key_signs_leases_and_only_as_leases(desk: Desk) -> None:
    octets = LEASE.encode()
    other = HandMadeSite(HpkeKeyPair.generate())
    foreign = signed_message(octets, sign(other.signing, Label.LEASE, octets))

    assert refusal_of(desk.keeper.take, foreign) is ErrorCode.E_BUNDLE
    assert refusal_of(desk.keeper.take, desk.signed(LEASE, Label.BUNDLE)) is ErrorCode.E_BUNDLE
    odd_messages: list[object] = [{}, {"header": "", "signature": ""}, [], None]
    for odd in odd_messages:
        assert refusal_of(desk.keeper.take, odd) is ErrorCode.E_BUNDLE


def test_a_lease_is_not_restored(desk: Desk, made: HandMadeSite) -> None:
    desk.take()
    desk.kept.ledger.write([desk.site.require().fact])
    again = desk.kept.again()
    site = Site()
    site.restore(again.ledger)

    keeper = LeaseKeeper(site, again.time, "0c" * 16)

    assert site.require().core.epoch == 3
    assert not keeper.open
    assert refusal_of(keeper.take, desk.signed(LEASE)) is ErrorCode.E_REPLAY
