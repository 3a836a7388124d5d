"""A restart, asked for or by a kill: what was there is there, and what went on goes on."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event as Signal

import pytest
from Testing.Integration.command_lines import run_client
from Testing.Integration.faults import (
    FaultyHospital,
    outputs_of,
    small_order,
    states,
    wait_for,
)
from Testing.Integration.hospital import write_series
from Testing.Integration.orders import draft, end_of, events_of, post, refusal_of
from Testing.Integration.small_jobs import outputs, parameters, patient, run_small, small_volume

from encryptsecurert_protocol.audit import AuditEvent
from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.events import EndEvent, Event, StateEvent
from encryptsecurert_protocol.jobs import JobState
from encryptsecurert_protocol.limits import MIB
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.rights import Role
from encryptsecurert_protocol.sealing import random_octets
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.jobs import Finished, Watcher
from EncryptSecureRTLib.client.protect import protect_series
from EncryptSecureRTLib.client.runs import submit_job
from EncryptSecureRTLib.client.upload import Content, upload

CHUNKS = 8
_CHUNK = re.compile(r"PUT /v1/objects/[0-9a-f]{32}/([0-9]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A hospital, a user of it, and how its worker restarts."""

    hospital: FaultyHospital
    home: ClientHome
    restart: Callable[[], None]


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyHospital]:
    with FaultyHospital(tmp_path_factory.mktemp("restart") / "stand") as opened:
        yield opened


@pytest.fixture(scope="module")
def home(hospital: FaultyHospital) -> ClientHome:
    user = hospital.user(Role.PHYSICIST)
    hospital.provision()
    return user


@pytest.fixture(params=["stopped", "killed"])
def place(
    hospital: FaultyHospital, home: ClientHome, request: pytest.FixtureRequest
) -> Iterator[Place]:
    restart = hospital.restart if request.param == "stopped" else hospital.crash
    yield Place(hospital=hospital, home=home, restart=restart)
    hospital.gate.open()


def _running(place: Place, job: str) -> None:
    """Wait until a job is at the gate."""
    book = place.hospital.service.core.book
    wait_for(lambda: book.get(place.home.user().user, job).state is JobState.RUNNING)


def test_the_bundle_is_there_and_jobs_are_taken_without_provisioning(place: Place) -> None:
    with place.hospital.channel(place.home) as channel:
        before = channel.statement
    place.restart()

    with place.hospital.channel(place.home) as channel:
        after = channel.statement
        header = small_order(channel, place.home)
        post(channel, header, place.home.user().key)
        end = end_of(channel, header.job)

    assert end.state is JobState.DONE
    assert (after.bundle, after.instance_id) == (before.bundle, before.instance_id)
    assert after.start_id != before.start_id
    assert after.receipt_key != before.receipt_key


def test_another_process_fetches_what_was_finished_before(place: Place, tmp_path: Path) -> None:
    home = place.home
    content = small_volume()
    with place.hospital.channel(home) as channel:
        expected = outputs(run_small(channel, home, content, 2))
        name = upload(channel, home, ObjectKind.VOLUME, content).name
        order = submit_job(channel, home, "segment", lambda: [name], parameters(2), Watcher())
        end_of(channel, order.job)
    place.restart()

    run = run_client("fetch", order.job, "--out", tmp_path / "out", home=home)

    assert run.code == 0, run
    assert run.result["outputs"] == expected
    assert (tmp_path / "out" / "receipt.json").exists()


def test_a_partial_upload_goes_on_and_no_chunk_travels_twice(place: Place) -> None:
    hospital, home = place.hospital, place.home
    content = Content([random_octets(CHUNKS * MIB - 5000)])
    seen: list[int] = []

    def chunks_since(first: int) -> list[int]:
        lines = [line for c in hospital.tap.connections[first:] for line, _ in c.requests()]
        return sorted(int(found[1]) for line in lines if (found := _CHUNK.fullmatch(line)))

    first = len(hospital.tap.connections)
    with hospital.channel(home) as channel:
        stopped = lambda: bool(seen) and seen[-1] >= 3 * MIB  # noqa: E731 - one condition
        code = refusal_of(
            upload,
            channel,
            home,
            ObjectKind.VOLUME,
            content,
            progress=lambda done, total: seen.append(done),
            stopped=stopped,
        )
    before = chunks_since(first)
    place.restart()

    second = len(hospital.tap.connections)
    with hospital.channel(home) as channel:
        rest = upload(channel, home, ObjectKind.VOLUME, content)
    after = chunks_since(second)

    assert code is ErrorCode.E_CANCELLED
    assert 3 <= len(before) < CHUNKS
    assert sorted(before + after) == list(range(CHUNKS))
    assert rest.sent_bytes == sum(MIB if i < CHUNKS - 1 else MIB - 5000 for i in after)


def test_queued_jobs_wait_in_their_places_and_run_in_order(place: Place) -> None:
    hospital, home = place.hospital, place.home
    hospital.gate.shut()
    with hospital.channel(home) as channel:
        headers = [small_order(channel, home, choice) for choice in range(3)]
        for header in headers:
            post(channel, header, home.user().key)
        _running(place, headers[0].job)
    first = len(hospital.audit_lines())
    place.restart()

    with hospital.channel(home) as channel:
        _running(place, headers[0].job)
        rows = channel.request_json("GET", "/v1/jobs")["jobs"]
        places = {row["job"]: row["place"] for row in rows}
        hospital.gate.open()
        ends = [end_of(channel, header.job).state for header in headers]
    started = [
        line.job for line in hospital.audit_lines()[first:] if line.event is AuditEvent.JOB_STARTED
    ]

    assert [places[header.job] for header in headers] == [0, 1, 2]
    assert ends == [JobState.DONE] * 3
    assert started == [header.job for header in headers]


@dataclass(frozen=True, slots=True)
class _Followed:
    events: list[Event]
    finished: Finished


def _follow_over_a_restart(place: Place) -> _Followed:
    """Order a job, restart the worker while it runs, and let the same client follow it."""
    heard: list[Event] = []
    running = Signal()

    def hear(event: Event) -> None:
        heard.append(event)
        if isinstance(event, StateEvent) and event.state is JobState.RUNNING:
            running.set()

    place.hospital.gate.shut()
    with (
        patient(place.home, place.hospital.url) as channel,
        ThreadPoolExecutor(1) as pool,
    ):
        watcher = Watcher(event=hear)
        future = pool.submit(run_small, channel, place.home, small_volume(), 0, watcher)
        assert running.wait(30)
        place.restart()
        place.hospital.gate.open()
        return _Followed(heard, future.result(60))


def test_a_running_job_runs_again_with_the_same_digests(place: Place) -> None:
    with place.hospital.channel(place.home) as channel:
        expected = outputs(run_small(channel, place.home, small_volume(), 0))

    finished = _follow_over_a_restart(place).finished

    assert outputs(finished) == expected
    assert finished.body.start_id == place.hospital.service.core.identity.start_id
    told = [
        line for line in place.hospital.audit_lines() if line.digest == finished.body.job_sha256
    ]
    assert [line.event.value for line in told[:4]] == [
        "job-submitted",
        "job-started",
        "job-requeued",
        "job-started",
    ]


def test_events_go_on_with_higher_numbers(place: Place) -> None:
    events = _follow_over_a_restart(place).events

    numbers = [event.n for event in events]
    told = [event.state for event in events if isinstance(event, StateEvent)]
    assert numbers == sorted(set(numbers))
    assert told == [JobState.QUEUED, JobState.RUNNING] * 2
    assert isinstance(events[-1], EndEvent)


def test_a_job_that_is_sent_again_is_known_and_its_id_serves_no_other(place: Place) -> None:
    home = place.home
    with place.hospital.channel(home) as channel:
        header = small_order(channel, home)
        post(channel, header, home.user().key)
        expected = outputs_of(channel, header)
    place.restart()

    with place.hospital.channel(home) as channel:
        before = states(channel)
        again = post(channel, header, home.user().key)
        other = refusal_of(
            post, channel, small_order(channel, home, job=header.job), home.user().key
        )
        stale = draft(channel, home, worker=header.worker)
        for_older_key = refusal_of(post, channel, stale, home.user().key)

        assert again == {"job": header.job, "state": "done"}
        assert states(channel) == before
        assert outputs_of(channel, header) == expected
    assert (other, for_older_key) == (ErrorCode.E_REPLAY, ErrorCode.E_REPLAY)


def test_the_events_of_a_finished_job_are_as_they_were(place: Place) -> None:
    home = place.home
    with place.hospital.channel(home) as channel:
        header = small_order(channel, home)
        post(channel, header, home.user().key)
        end_of(channel, header.job)
        before = events_of(channel, header.job)
    place.restart()

    with place.hospital.channel(home) as channel:
        assert events_of(channel, header.job) == before


def test_the_audit_chain_goes_on_without_a_gap(place: Place) -> None:
    before = place.hospital.audit_lines()
    place.restart()

    lines = place.hospital.audit_lines()
    statement = place.hospital.service.core.statement()

    first = next(line for line in lines[len(before) :] if line.start_id != before[-1].start_id)
    assert lines[: len(before)] == before
    assert [line.n for line in lines] == list(range(1, len(lines) + 1))
    assert [line.prev for line in lines[1:]] == [line.head for line in lines[:-1]]
    assert first.event is AuditEvent.STARTED
    assert first.start_id.encode() in statement


def test_what_a_user_has_used_stays_counted(place: Place, tmp_path: Path) -> None:
    hospital, home = place.hospital, place.home
    series = write_series(tmp_path / "ct")
    with hospital.channel(home) as channel:
        protect_series(channel, home, series, tmp_path / "protected", Watcher())
        before = channel.request_json("GET", "/v1/tasks")
    place.restart()

    with hospital.channel(home) as channel:
        after = channel.request_json("GET", "/v1/tasks")

    assert before["patients_today"] == 1
    assert before["held_bytes"] > 0
    assert after == before
