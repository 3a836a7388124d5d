"""A host whose clock jumps: nothing that is kept is lost, and rights go by the worker's time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from cryptography import x509
from Testing.Integration.command_lines import run_client
from Testing.Integration.faults import (
    FaultyHospital,
    outputs_of,
    small_order,
    states,
    wait_for,
)
from Testing.Integration.orders import draft, end_of, now, post, refusal_of
from Testing.Integration.small_jobs import run_small, small_volume

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import time_text
from encryptsecurert_protocol.jobs import JobState
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.rights import Role
from encryptsecurert_protocol.sealing import random_octets
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.receipts import archive_receipt
from EncryptSecureRTLib.client.upload import Content, upload

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A hospital whose worker's clock is turned, and a user of it."""

    hospital: FaultyHospital
    home: ClientHome

    def asked(self, home: ClientHome | None = None) -> ErrorCode | None:
        """Ask the worker for something on a new connection; returns the code of a refusal."""
        try:
            with self.hospital.channel(home or self.home) as channel:
                channel.request_json("GET", "/v1/tasks")
        except EncryptSecureRTError as error:
            return error.code
        return None


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyHospital]:
    with FaultyHospital(tmp_path_factory.mktemp("clocks") / "stand") as opened:
        yield opened


@pytest.fixture(scope="module")
def home(hospital: FaultyHospital) -> ClientHome:
    user = hospital.user(Role.PHYSICIST)
    hospital.provision()
    return user


@pytest.fixture
def place(hospital: FaultyHospital, home: ClientHome) -> Iterator[Place]:
    yield Place(hospital=hospital, home=home)
    hospital.clock.right()
    hospital.gate.open()


# ---- what is kept


@pytest.mark.parametrize("restart", [False, True], ids=["running", "restarted"])
@pytest.mark.parametrize("days", [400, -400])
def test_results_objects_and_uploads_outlast_a_jump_and_the_way_back(
    place: Place, days: int, restart: bool
) -> None:
    hospital, home = place.hospital, place.home
    content = Content([random_octets(5000)])
    with hospital.channel(home) as channel:
        header = small_order(channel, home)
        post(channel, header, home.user().key)
        expected = outputs_of(channel, header)
        upload(channel, home, ObjectKind.VOLUME, content)
        before = channel.request_json("GET", "/v1/tasks")["held_bytes"]
    hospital.clock.ahead = days * DAY
    if restart:
        hospital.restart()
    hospital.service._housekeeper.run_once()
    hospital.clock.right()
    hospital.service._housekeeper.run_once()

    with hospital.channel(home) as channel:
        assert outputs_of(channel, header) == expected
        assert upload(channel, home, ObjectKind.VOLUME, content).sent_bytes == 0
        assert channel.request_json("GET", "/v1/tasks")["held_bytes"] == before
        known = post(channel, header, home.user().key)
    assert known == {"job": header.job, "state": "done"}


def test_jobs_that_were_taken_run_though_their_time_is_over(place: Place) -> None:
    hospital, home = place.hospital, place.home
    hospital.gate.shut()
    with hospital.channel(home) as channel:
        headers = [small_order(channel, home, choice) for choice in range(2)]
        for header in headers:
            post(channel, header, home.user().key)
        wait_for(lambda: states(channel)[headers[0].job] == "running")
        hospital.clock.ahead = 2 * DAY
        hospital.gate.open()
        ends = [end_of(channel, header.job).state for header in headers]

    assert ends == [JobState.DONE] * 2


def test_a_clock_that_goes_back_stays_behind_no_time_that_the_site_signed(place: Place) -> None:
    hospital = place.hospital
    hospital.clock.ahead = -400 * DAY

    core = hospital.service.core
    assert core.time.now() == core.site.require().core.issued_at
    assert place.asked() is None


# ---- rights


@pytest.mark.parametrize("days", [100, 400], ids=["certificate over", "bundle over"])
def test_who_is_out_of_time_is_refused_and_welcome_again_when_the_clock_is_right(
    place: Place, days: int
) -> None:
    before = place.asked()
    with place.hospital.channel(place.home) as kept_open:
        place.hospital.clock.ahead = days * DAY
        on_an_old_connection = refusal_of(kept_open.request, "GET", "/v1/tasks")
        on_a_new_one = place.asked()
        place.hospital.clock.right()
        after = kept_open.request_json("GET", "/v1/tasks")

    assert before is None
    assert (on_an_old_connection, on_a_new_one) == (ErrorCode.E_USER_CERTIFICATE,) * 2
    assert after["tasks"]
    assert place.asked() is None


def test_the_command_of_who_is_out_of_time_ends_with_4(place: Place) -> None:
    place.hospital.clock.ahead = 100 * DAY

    run = run_client("tasks", "--url", place.hospital.url, home=place.home)

    assert (run.code, run.error["code"]) == (4, "E_USER_CERTIFICATE")


def test_a_custodian_gets_in_after_the_bundles_end_but_brings_no_bundle_that_is_over(
    place: Place,
) -> None:
    hospital = place.hospital
    epoch = hospital.service.core.epoch
    hospital.user(Role.TECHNICIAN)  # the next epoch
    hospital.clock.ahead = 400 * DAY

    code = refusal_of(hospital.provision)
    hospital.clock.right()

    assert code is ErrorCode.E_BUNDLE
    assert hospital.service.core.epoch == epoch
    assert hospital.provision().epoch == epoch + 1


# ---- edges


def _at(place: Place, moment: datetime) -> ErrorCode | None:
    place.hospital.clock.stopped_at = moment
    return place.asked()


def test_a_bundle_counts_to_the_second_before_its_end(place: Place) -> None:
    hospital = place.hospital
    site = hospital.service.core.site
    ends = site.require().core.not_after
    custodian = hospital.site.home.user().certificate_der  # this certificate lasts longer

    welcome, later = site.caller(custodian, ends - SECOND), refusal_of(site.caller, custodian, ends)

    assert welcome.entry.roles == (Role.CUSTODIAN,)
    assert later is ErrorCode.E_USER_CERTIFICATE
    assert site.is_custodian(custodian, ends)


def test_a_certificate_counts_to_the_second_before_its_end(place: Place) -> None:
    certificate = x509.load_der_x509_certificate(place.home.user().certificate_der)
    ends = certificate.not_valid_after_utc

    assert _at(place, ends - SECOND) is None
    assert _at(place, ends) is ErrorCode.E_USER_CERTIFICATE


@pytest.mark.parametrize(
    ("created_s", "expires_s", "code"),
    [
        (LIMITS.clock_skew_s, 3600, None),
        (LIMITS.clock_skew_s + 1, 3600, ErrorCode.E_REPLAY),
        (-3600, 1, None),
        (-3600, 0, ErrorCode.E_REPLAY),
        (-60, LIMITS.job_lifetime_s - 60, None),
        (-60, LIMITS.job_lifetime_s - 59, ErrorCode.E_FORMAT),
        (60, 60, ErrorCode.E_FORMAT),
        (60, 61, None),
    ],
)
def test_a_job_is_taken_up_to_the_last_second(
    place: Place, created_s: int, expires_s: int, code: ErrorCode | None
) -> None:
    hospital, home = place.hospital, place.home
    moment = now() + timedelta(hours=1)
    hospital.clock.stopped_at = moment
    with hospital.channel(home) as channel:
        header = draft(
            channel,
            home,
            inputs=(_headers(place),),
            created=moment + created_s * SECOND,
            expires=moment + expires_s * SECOND,
        )
        if code is None:
            assert post(channel, header, home.user().key)["job"] == header.job
        else:
            assert refusal_of(post, channel, header, home.user().key) is code


def _headers(place: Place) -> str:
    """Return an object that `protect` takes as its input; what it makes of it is not looked at."""
    with place.hospital.channel(place.home) as channel:
        return upload(channel, place.home, ObjectKind.HEADERS, Content([b"of no matter"])).name


# ---- receipts


def test_receipts_say_the_time_as_the_worker_claims_it(place: Place) -> None:
    hospital, home = place.hospital, place.home
    claimed = now() + timedelta(hours=10)
    hospital.clock.stopped_at = claimed
    with hospital.channel(home) as channel:
        finished = run_small(channel, home, small_volume(), 0)
    archived = archive_receipt(home, finished.receipt, now())

    run = run_client("verify", archived, home=home)

    assert finished.body.time_claimed == claimed
    assert run.code == 0, run
    # The client's own note of its arrival is what proves a time, not what the worker says.
    assert run.result["time_proved"] is True
    words = {line["name"]: line["words"] for line in run.lines if line["kind"] == "check"}
    assert time_text(claimed) not in words["time"]
