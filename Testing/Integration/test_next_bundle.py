"""A new bundle: who is out of it is out at once, and nobody else notices."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from Testing.Integration.command_lines import run_client
from Testing.Integration.hospital import Busy, Hospital
from Testing.Integration.orders import (
    events_of,
    post,
    put_object,
    refusal_of,
    segment_order,
)

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.events import EndEvent, Event
from encryptsecurert_protocol.jobs import JobState
from encryptsecurert_protocol.rights import Role
from EncryptSecureRTLib.client.home import ClientHome


@pytest.fixture
def small_hospital(tmp_path: Path) -> Iterator[tuple[Hospital, ClientHome, ClientHome]]:
    hospital = Hospital(tmp_path / "stand")
    leaving, staying = hospital.users([Role.PHYSICIST, Role.PHYSICIST])
    with hospital:
        hospital.provision()
        yield hospital, leaving, staying


def test_a_revoked_user_is_out_after_the_next_bundle(
    small_hospital: tuple[Hospital, ClientHome, ClientHome],
) -> None:
    hospital, leaving, staying = small_hospital
    channel = hospital.channel(leaving)
    staying_channel = hospital.channel(staying)
    put_object(channel, leaving, b"before")
    hospital.site.revoke_user(leaving.user().user)
    put_object(channel, leaving, b"not provisioned yet")
    hospital.provision()

    open_connection = refusal_of(channel.request_json, "GET", "/v1/tasks")
    run = run_client("check", "--url", hospital.url, home=leaving)
    twin = run_client("check", "--url", hospital.url, home=staying)
    tasks = staying_channel.request_json("GET", "/v1/tasks")["tasks"]
    for opened in (channel, staying_channel):
        opened.close()

    assert open_connection is ErrorCode.E_USER_CERTIFICATE
    assert (run.code, run.error["code"]) == (4, "E_USER_CERTIFICATE")
    assert twin.code == 0
    comparisons = {"dose_compare", "measurement_compare", "plan_check"}
    assert {task["name"] for task in tasks} == {*comparisons, "protect", "reveal", "segment"}


def test_a_user_of_the_next_bundle_is_unknown_until_it_is_there(
    small_hospital: tuple[Hospital, ClientHome, ClientHome],
) -> None:
    hospital, _, _ = small_hospital
    coming = hospital.user(Role.TECHNICIAN)

    before = refusal_of(hospital.channel, coming)
    hospital.provision()
    hospital.channel(coming).close()

    assert before is ErrorCode.E_USER_CERTIFICATE


def test_a_running_job_of_somebody_else_goes_on_through_a_new_bundle(busy: Busy) -> None:
    hospital, home = busy.hospital, busy.home
    tap = hospital.tap
    with hospital.channel(home) as channel:
        order = segment_order(channel, home, busy.protected)
        post(channel, order, home.user().key)
        events: list[Event] = []
        watching = threading.Thread(
            target=lambda: events.extend(events_of(channel, order.job)), daemon=True
        )
        watching.start()
        hospital.user(Role.TECHNICIAN)
        hospital.provision()
        before = len(tap.connections)
        watching.join(60)

        assert isinstance(events[-1], EndEvent)
        assert events[-1].state is JobState.DONE
        # The same connection: it was neither closed nor attested anew.
        assert channel.request_json("GET", "/v1/jobs")["jobs"]
        assert len(tap.connections) <= before + 1


def test_the_running_job_of_a_user_who_is_out_is_cancelled_and_its_results_are_withheld(
    busy: Busy,
) -> None:
    hospital = busy.hospital
    leaving = hospital.user(Role.PHYSICIST)
    hospital.provision()
    with hospital.channel(leaving) as channel:
        order = segment_order(channel, leaving, busy.protected)
        post(channel, order, leaving.user().key)
        job = hospital.service.core.book.get(leaving.user().user, order.job)
        deadline_s = time.monotonic() + 30
        while job.state is not JobState.RUNNING and time.monotonic() < deadline_s:
            time.sleep(0.01)
        hospital.site.revoke_user(leaving.user().user)
        hospital.provision()
        deadline_s = time.monotonic() + 2
        while not job.state.ended and time.monotonic() < deadline_s:
            time.sleep(0.01)
        path = f"/v1/results/{order.job}/receipt"
        code = refusal_of(channel.request, "GET", path)
        if code is ErrorCode.E_UNREACHABLE:  # the old line was just being closed
            code = refusal_of(channel.request, "GET", path)

    assert job.state is JobState.CANCELLED
    assert job.record.results == ()
    assert code is ErrorCode.E_USER_CERTIFICATE
