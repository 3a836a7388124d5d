"""Rights that change while jobs wait and run: they count at the next check point and request."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from Testing.Integration.faults import FaultyHospital, outputs_of, small_order, states, wait_for
from Testing.Integration.orders import draft, end_of, post, refusal_of
from Testing.Integration.small_jobs import parameters, small_volume

from encryptsecurert_protocol.audit import AuditEvent
from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.jobs import JobState
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.rights import STARTING_RIGHTS, Operation, Role
from EncryptSecureRTLib.client.channel import Channel
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.orders import Order
from EncryptSecureRTLib.client.runs import finish_job, submit_job
from EncryptSecureRTLib.client.upload import upload
from EncryptSecureRTLib.custodian.changes import with_rights, with_roles

_TIMES_ASKED = 3


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyHospital]:
    with FaultyHospital(tmp_path_factory.mktemp("rights") / "stand") as hospital:
        yield hospital


_TIMES_ASKED = 3


@pytest.fixture
def hospital(opened: FaultyHospital) -> Iterator[FaultyHospital]:
    yield opened
    opened.gate.open()


@pytest.fixture
def home(hospital: FaultyHospital) -> ClientHome:
    user = hospital.user(Role.PHYSICIST)
    hospital.provision()
    return user


def _running_and_waiting(
    hospital: FaultyHospital, home: ClientHome, channel: Channel
) -> tuple[str, str]:
    """Order two jobs, of which the first is held at its check point."""
    hospital.gate.shut()
    headers = [small_order(channel, home) for _ in range(2)]
    for header in headers:
        post(channel, header, home.user().key)
    wait_for(lambda: states(channel)[headers[0].job] == "running")
    return headers[0].job, headers[1].job


def _result_files(hospital: FaultyHospital) -> set[Path]:
    return set((hospital.state / "results").iterdir())


def _refusal_of_results(channel: Channel, job: str) -> ErrorCode:
    """Ask for results until somebody answers: on a busy computer a line may break first."""
    codes: list[ErrorCode] = []
    while not codes or (codes[-1] is ErrorCode.E_UNREACHABLE and len(codes) < _TIMES_ASKED):
        codes.append(refusal_of(channel.request, "GET", f"/v1/results/{job}/receipt"))
    return codes[-1]


def test_a_revoked_users_jobs_end_at_the_next_check_point_and_give_nothing(
    hospital: FaultyHospital, home: ClientHome
) -> None:
    before = _result_files(hospital)
    with hospital.channel(home) as channel:
        jobs = _running_and_waiting(hospital, home, channel)
        hospital.site.revoke_user(home.user().user)
        hospital.provision()
        book = hospital.service.core.book
        found = [book.get(home.user().user, job) for job in jobs]
        wait_for(lambda: all(job.state.ended for job in found))
        asked = _refusal_of_results(channel, jobs[0])

    assert [job.state for job in found] == [JobState.CANCELLED] * 2
    assert [job.record.results for job in found] == [(), ()]
    assert _result_files(hospital) == before
    assert asked is ErrorCode.E_USER_CERTIFICATE
    ends = [hospital.told(job)[-1] for job in jobs]
    assert ends == [(AuditEvent.JOB_ENDED.value, "E_USER_CERTIFICATE")] * 2


def test_a_role_that_is_taken_away_ends_its_jobs_and_withholds_their_results(
    hospital: FaultyHospital, home: ClientHome
) -> None:
    user = home.user().user
    with hospital.channel(home) as channel:
        done = small_order(channel, home)
        post(channel, done, home.user().key)
        assert outputs_of(channel, done)
        jobs = _running_and_waiting(hospital, home, channel)
        hospital.site.change(lambda state, _: with_roles(state, user, [Role.TECHNICIAN]))
        hospital.provision()

        ends = [end_of(channel, job) for job in jobs]
        withheld = refusal_of(channel.request, "GET", f"/v1/results/{done.job}/receipt")

    assert [(end.state, end.error) for end in ends] == [(JobState.CANCELLED, "E_CANCELLED")] * 2
    assert withheld is ErrorCode.E_FORBIDDEN
    told = [hospital.told(job)[-1] for job in jobs]
    assert told == [(AuditEvent.JOB_ENDED.value, "E_FORBIDDEN")] * 2


def test_a_changed_policy_of_roles_acts_on_the_next_request_of_an_open_connection(
    hospital: FaultyHospital, home: ClientHome
) -> None:
    def set_rights(*operations: Operation) -> None:
        hospital.site.change(lambda state, _: with_rights(state, Role.PHYSICIST, operations))
        hospital.provision()

    def offered(channel: Channel) -> set[str]:
        return {task["name"] for task in channel.request_json("GET", "/v1/tasks")["tasks"]}

    with hospital.channel(home) as channel:
        order = small_order(channel, home)
        mine = len(hospital.tap.connections)
        before = offered(channel)
        set_rights(Operation.PROTECT)
        less = offered(channel)
        code = refusal_of(post, channel, order, home.user().key)
        set_rights(*STARTING_RIGHTS[Role.PHYSICIST])
        again = offered(channel)
        post(channel, order, home.user().key)
        assert end_of(channel, order.job).state is JobState.DONE
        others = hospital.tap.connections[mine:]

    every = {"dose_compare", "protect", "segment"}
    assert (before, less, again) == (every, {"protect"}, every)
    assert code is ErrorCode.E_FORBIDDEN
    # Only the custodian connected anew: what the user asked went over the connection from before.
    lines = [line for connection in others for line, _ in connection.requests()]
    assert {line.split("?")[0] for line in lines} <= {
        "GET /v1/evidence",
        "GET /v1/health",
        "POST /v1/provision",
    }


def _ordered(channel: Channel, home: ClientHome) -> Order:
    name = upload(channel, home, ObjectKind.VOLUME, small_volume()).name
    return submit_job(channel, home, "segment", lambda: [name], parameters(0), Watcher())


def test_a_receipt_names_the_epoch_under_which_its_job_ran(
    hospital: FaultyHospital, home: ClientHome
) -> None:
    hospital.gate.shut()
    with hospital.channel(home) as channel:
        running, waiting = (_ordered(channel, home) for _ in range(2))
        wait_for(lambda: states(channel)[running.job] == "running")
        first = hospital.service.core.epoch
        hospital.user(Role.TECHNICIAN)
        second = hospital.provision().epoch
        hospital.gate.open()
        epochs = [
            finish_job(channel, home, order, Watcher()).body.epoch for order in (running, waiting)
        ]

    assert second == first + 1
    assert epochs == [first, second]
    finished = [
        line.epoch
        for line in hospital.audit_lines()
        if line.event is AuditEvent.JOB_FINISHED and line.job in (running.job, waiting.job)
    ]
    assert finished == epochs


def test_a_job_for_a_newer_epoch_than_the_workers_is_refused(
    hospital: FaultyHospital, home: ClientHome
) -> None:
    epoch = hospital.service.core.epoch
    with hospital.channel(home) as channel:
        code = refusal_of(post, channel, draft(channel, home, min_epoch=epoch + 1), home.user().key)

    assert code is ErrorCode.E_REPLAY
