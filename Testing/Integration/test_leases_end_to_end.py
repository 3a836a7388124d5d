"""Leases from the custodian to the job: without one nothing is opened, whatever a host brings back.

Two leases never have one second, so that a clock that a test turns signs them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from Testing.Integration.command_lines import run_client
from Testing.Integration.faults import FaultyHospital, outputs_of, small_order, states, wait_for
from Testing.Integration.orders import draft, end_of, post, refusal_of

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.jobs import JobHeader, JobState
from encryptsecurert_protocol.leases import MIN_LEASE_S, Lease
from encryptsecurert_protocol.rights import Role
from EncryptSecureRTLib.client.channel import Channel, open_channel
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.custodian.changes import with_lease_s
from EncryptSecureRTLib.custodian.provision import give_lease
from EncryptSecureRTLib.custodian.site import init_site

CASE = "PAAAAAAAAAAAAAAAA"
_BREAK_GLASS = {"schema": "encryptsecurert.break-glass/1", "pseudonym": CASE, "reason": "urgent"}


class _Seconds:
    """A custodian's clock that is a second later each time it is looked at."""

    def __init__(self) -> None:
        self._now = datetime.now(UTC)

    def __call__(self) -> datetime:
        self._now = max(self._now + timedelta(seconds=1), datetime.now(UTC))
        return self._now


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A hospital whose worker needs leases, and a user who may do most things."""

    hospital: FaultyHospital
    home: ClientHome

    def custodian(self) -> Channel:
        """Open the custodian's channel."""
        site = self.hospital.site
        return open_channel(site.home, self.hospital.url, allow_unprovisioned=True)

    def lease(self) -> Lease:
        """Give the worker a lease, and nothing else."""
        with self.custodian() as channel:
            return give_lease(self.hospital.site, channel)

    def ready(self) -> bool:
        """Ask the worker whether it takes jobs."""
        with self.hospital.channel(self.home) as channel:
            return bool(channel.request_json("GET", "/v1/health")["ready"])

    def order(self, channel: Channel, **changes: Any) -> JobHeader:
        """Send an order."""
        header = small_order(channel, self.home, **changes)
        post(channel, header, self.home.user().key)
        return header


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyHospital]:
    clock = _Seconds()
    with patch("stand.init_site", lambda folder, words: init_site(folder, words, clock=clock)):
        made = FaultyHospital(tmp_path_factory.mktemp("leases") / "stand")
    made.site.change(lambda state, _: with_lease_s(state, MIN_LEASE_S))
    with made:
        yield made


@pytest.fixture(scope="module")
def home(hospital: FaultyHospital) -> ClientHome:
    return hospital.user(Role.RADIATION_ONCOLOGIST)


@pytest.fixture
def place(hospital: FaultyHospital, home: ClientHome) -> Iterator[Place]:
    hospital.provision()
    yield Place(hospital=hospital, home=home)
    hospital.gate.open()
    hospital.clock.right()


def _refused_jobs(place: Place, home: ClientHome) -> list[ErrorCode]:
    """Return how a worker without a lease refuses each kind of job."""
    with place.hospital.channel(home) as channel:
        orders = [
            small_order(channel, home),
            draft(channel, home),
            draft(channel, home, task="break_glass", parameters=_BREAK_GLASS),
        ]
        return [refusal_of(post, channel, order, home.user().key) for order in orders]


_ALL_REFUSED = [ErrorCode.E_NOT_PROVISIONED] * 3


def test_a_bundle_without_a_lease_opens_nothing(place: Place) -> None:
    hospital = place.hospital
    hospital.user(Role.TECHNICIAN)  # the next epoch
    with place.custodian() as channel:
        message = hospital.site.bundle_for(channel.statement).as_json()
        channel.request_json("POST", "/v1/provision", message)

    codes, ready = _refused_jobs(place, place.home), place.ready()
    place.lease()

    assert (codes, ready) == (_ALL_REFUSED, False)
    with hospital.channel(place.home) as channel:
        assert end_of(channel, place.order(channel).job).state is JobState.DONE


def test_with_a_lease_jobs_run_and_after_a_restart_none_does_until_the_next(place: Place) -> None:
    with place.hospital.channel(place.home) as channel:
        before = outputs_of(channel, place.order(channel))
        ready = place.ready()
    place.hospital.restart()

    codes, still_ready = _refused_jobs(place, place.home), place.ready()
    place.lease()

    assert (ready, still_ready) == (True, False)
    assert codes == _ALL_REFUSED
    assert place.ready()
    with place.hospital.channel(place.home) as channel:
        assert outputs_of(channel, place.order(channel)) == before


def test_the_command_without_a_lease_ends_with_7_and_what_is_finished_is_still_given(
    place: Place,
) -> None:
    with place.hospital.channel(place.home) as channel:
        done = place.order(channel)
        expected = outputs_of(channel, done)
    place.hospital.restart()
    words = ("--case", CASE, "--reason", "urgent", "--url", place.hospital.url)

    run = run_client("break-glass", *words, home=place.home)

    assert (run.code, run.error["code"]) == (7, "E_NOT_PROVISIONED")
    with place.hospital.channel(place.home) as channel:
        assert outputs_of(channel, done) == expected
        assert channel.request_json("GET", "/v1/tasks")["cases"] == []


def test_queued_jobs_wait_for_the_lease_and_then_run(place: Place) -> None:
    hospital, home = place.hospital, place.home
    hospital.gate.shut()
    with hospital.channel(home) as channel:
        jobs = [place.order(channel).job for _ in range(2)]
        wait_for(lambda: states(channel)[jobs[0]] == "running")
    hospital.restart()
    hospital.gate.open()

    with hospital.channel(home) as channel:
        waiting = [states(channel)[job] for job in jobs]
        place.lease()
        ends = [end_of(channel, job).state for job in jobs]

    assert waiting == ["queued"] * 2
    assert ends == [JobState.DONE] * 2


def test_a_lease_of_another_start_is_refused(place: Place) -> None:
    site = place.hospital.site
    with place.custodian() as channel:
        signed = site.lease_for(channel.statement)
    place.hospital.restart()

    with place.custodian() as channel:
        code = refusal_of(channel.request_json, "POST", "/v1/provision", signed.message)

    assert code is ErrorCode.E_REPLAY
    assert not place.ready()


def test_only_a_custodian_brings_a_lease(place: Place) -> None:
    place.hospital.restart()
    with place.custodian() as channel:
        signed = place.hospital.site.lease_for(channel.statement)

    with place.hospital.channel(place.home) as channel:
        code = refusal_of(channel.request_json, "POST", "/v1/provision", signed.message)

    assert code is ErrorCode.E_FORBIDDEN
    assert not place.ready()


def test_a_lease_that_ends_stops_the_queue_and_lets_the_running_job_end(place: Place) -> None:
    hospital, home = place.hospital, place.home
    hospital.gate.shut()
    with hospital.channel(home) as channel:
        running, waiting = place.order(channel).job, place.order(channel).job
        wait_for(lambda: states(channel)[running] == "running")
        hospital.clock.ahead = timedelta(seconds=MIN_LEASE_S + 60)
        hospital.gate.open()
        end = end_of(channel, running).state
        codes, ready = _refused_jobs(place, home), place.ready()
        left = states(channel)[waiting]
        hospital.clock.ahead = timedelta(0)
        place.lease()

        assert (end, left, ready) == (JobState.DONE, "queued", False)
        assert codes == _ALL_REFUSED
        assert end_of(channel, waiting).state is JobState.DONE


# ---- a state from before a revocation, brought back


@dataclass(frozen=True, slots=True, kw_only=True)
class RolledBack:
    """A worker on a state in which a revoked user still had rights."""

    place: Place
    revoked: ClientHome
    old_epoch: int
    queued: str


@pytest.fixture
def rolled_back(place: Place, tmp_path: Path) -> RolledBack:
    hospital = place.hospital
    leaving = hospital.user(Role.RADIATION_ONCOLOGIST)
    old_epoch = hospital.provision().epoch
    hospital.gate.shut()
    with hospital.channel(leaving) as channel:
        headers = [small_order(channel, leaving) for _ in range(2)]
        for header in headers:
            post(channel, header, leaving.user().key)
        wait_for(lambda: states(channel)[headers[0].job] == "running")
    image = hospital.image(tmp_path / "image")
    hospital.site.revoke_user(leaving.user().user)
    hospital.provision()
    hospital.gate.open()
    hospital.bring_back(image)
    return RolledBack(place=place, revoked=leaving, old_epoch=old_epoch, queued=headers[1].job)


def test_a_state_from_before_a_revocation_gets_no_lease(rolled_back: RolledBack) -> None:
    place = rolled_back.place
    with pytest.raises(EncryptSecureRTError) as refusal:
        place.lease()

    assert place.hospital.service.core.epoch == rolled_back.old_epoch
    assert refusal.value.code is ErrorCode.E_REPLAY
    assert "provision first" in refusal.value.what


def test_on_a_state_from_before_a_revocation_the_revoked_user_opens_nothing(
    rolled_back: RolledBack,
) -> None:
    place, home = rolled_back.place, rolled_back.revoked

    codes = _refused_jobs(place, home)
    with place.hospital.channel(home) as channel:
        found = states(channel)

    assert codes == _ALL_REFUSED
    assert set(found.values()) == {"queued"}


def test_the_present_bundle_ends_what_a_revoked_user_had_going(rolled_back: RolledBack) -> None:
    place, home = rolled_back.place, rolled_back.revoked
    place.hospital.provision()

    told = place.hospital.told(rolled_back.queued)

    assert place.ready()
    assert refusal_of(place.hospital.channel, home) is ErrorCode.E_USER_CERTIFICATE
    assert told[-1] == ("job-ended", "E_USER_CERTIFICATE")
    assert "job-started" not in [event for event, _ in told]
