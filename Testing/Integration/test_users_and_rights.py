"""Who gets in, who may do what, and what one user sees of another: nothing."""

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from Testing.Integration.command_lines import run_client
from Testing.Integration.hospital import Hospital, Ward
from Testing.Integration.orders import (
    draft,
    end_of,
    events_of,
    now,
    post,
    refusal_of,
    segment_order,
)

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.jobs import JobHeader, JobState
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.rights import Role
from encryptsecurert_protocol.sealing import random_octets
from encryptsecurert_protocol.signatures import SIGNATURE_BYTES, signed_message
from EncryptSecureRTLib.client.channel import Channel
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.custodian.certificates import (
    Validity,
    certificate_pem,
    issue_user,
    make_user_ca,
)
from EncryptSecureRTLib.custodian.site import init_site

PHYSICISTS_TASKS = {
    *("dose_compare", "measurement_compare", "plan_check", "protect", "reveal", "segment"),
}

# ---- who gets in


def test_a_client_without_a_certificate_is_refused_with_exit_4(ward: Ward, tmp_path: Path) -> None:
    home = ward.hospital.fresh_home(ward.physicist, tmp_path / "home")
    home.certificate_path.unlink()
    home.key_path.unlink()

    run = run_client("check", "--url", ward.url, home=home)
    twin = run_client("check", "--url", ward.url, home=ward.physicist)

    assert (run.code, run.error["code"]) == (4, "E_USER_CERTIFICATE")
    assert twin.code == 0
    assert twin.result["simulated"] is True


def test_a_certificate_of_an_unknown_ca_is_refused(ward: Ward, tmp_path: Path) -> None:
    home = ward.hospital.fresh_home(ward.physicist, tmp_path / "home")
    user = home.user()
    validity = Validity.from_days(now(), 30)
    ca_key = ec.generate_private_key(ec.SECP256R1())
    forged = issue_user(
        ca_key, make_user_ca(ca_key, validity), user.user, user.key.public_key(), validity
    )
    home.certificate_path.write_bytes(certificate_pem(forged))

    assert refusal_of(ward.channel, home) is ErrorCode.E_USER_CERTIFICATE


class _Calendar:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.back = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) - self.back


def test_an_expired_certificate_is_refused_and_one_that_still_holds_is_not(
    tmp_path: Path,
) -> None:
    calendar = _Calendar()
    calendar.back = timedelta(days=40)
    with patch("stand.init_site", lambda folder, words: init_site(folder, words, clock=calendar)):
        hospital = Hospital(tmp_path / "stand")
    expired, holding = _enroll_for(hospital, 30), _enroll_for(hospital, 60)
    calendar.back = timedelta(0)
    with hospital:
        hospital.provision()

        code = refusal_of(hospital.channel, expired)
        with hospital.channel(holding) as channel:
            tasks = channel.request_json("GET", "/v1/tasks")["tasks"]

    assert code is ErrorCode.E_USER_CERTIFICATE
    assert {task["name"] for task in tasks} == PHYSICISTS_TASKS


def _enroll_for(hospital: Hospital, days: int) -> ClientHome:
    def add(csr: bytes, roles: list[Role], *, out: Path) -> object:
        return type(hospital.site).add_user(hospital.site, csr, roles, days, out=out)

    with patch.object(hospital.site, "add_user", add):
        return hospital.user(Role.PHYSICIST)


def test_more_connections_than_one_user_may_have_are_told_to_wait(ward: Ward) -> None:
    channels: list[Channel] = []

    def open_one_too_many() -> None:
        while len(channels) <= LIMITS.connections_per_user:
            channels.append(ward.channel())

    code = refusal_of(open_one_too_many)
    ward.channel(ward.colleague).close()
    for channel in channels:
        channel.close()

    assert code is ErrorCode.E_BUSY
    assert len(channels) > LIMITS.connections_per_user // 2
    ward.channel().close()


# ---- roles


def test_tasks_are_listed_by_role(ward: Ward) -> None:
    listed = {}
    for home in (ward.physicist, ward.technician, ward.researcher, ward.auditor):
        with ward.channel(home) as channel:
            tasks = channel.request_json("GET", "/v1/tasks")["tasks"]
        listed[home.path.name] = {task["name"] for task in tasks}

    researcher = {"dose_compare", "measurement_compare", "plan_check", "segment"}
    assert list(listed.values()) == [PHYSICISTS_TASKS, {"protect"}, researcher, set()]


@pytest.mark.parametrize(
    ("task", "forbidden", "allowed"),
    [("segment", "technician", "researcher"), ("protect", "researcher", "technician")],
)
def test_a_role_without_the_right_may_not_submit(
    ward: Ward, task: str, forbidden: str, allowed: str
) -> None:
    def submit(home: ClientHome) -> str:
        with ward.channel(home) as channel:
            if task == "segment":
                header = segment_order(channel, home, ward.protected)
            else:
                header = draft(channel, home)
            job: str = post(channel, header, home.user().key)["job"]
            return job

    assert refusal_of(submit, getattr(ward, forbidden)) is ErrorCode.E_FORBIDDEN
    assert len(submit(getattr(ward, allowed))) == 32


def test_the_command_of_a_role_without_the_right_ends_with_8_and_writes_nothing(
    ward: Ward, tmp_path: Path
) -> None:
    common = ("--url", ward.url)
    segment = run_client(
        "segment", ward.protected, "--out", tmp_path / "out", *common, home=ward.technician
    )
    protect = run_client("protect", ward.original, tmp_path / "copy", *common, home=ward.researcher)

    assert [(r.code, r.error["code"]) for r in (segment, protect)] == [(8, "E_FORBIDDEN")] * 2
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_only_a_custodian_may_provision(ward: Ward) -> None:
    site = ward.hospital.site
    with ward.channel() as channel:
        bundle = site.bundle_for(channel.statement).as_json()
        code = refusal_of(channel.request_json, "POST", "/v1/provision", bundle)
    with ward.channel(site.home) as channel:
        again = channel.request_json("POST", "/v1/provision", bundle)

    assert code is ErrorCode.E_FORBIDDEN
    assert again["epoch"] == site.state.epoch


# ---- what one user sees of another


def _answer(channel: Channel, method: str, path: str) -> tuple[int, bytes]:
    response = channel._session.request(method, channel.url + path, data=b"", timeout=30)
    return response.status_code, response.content


@pytest.fixture(scope="module")
def patients_job(ward: Ward) -> JobHeader:
    """Return a finished job of the physicist, with results."""
    home = ward.physicist
    with ward.channel() as channel:
        header = segment_order(channel, home, ward.protected)
        post(channel, header, home.user().key)
        assert end_of(channel, header.job).state is JobState.DONE
    return header


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/jobs/{job}/events?after=0"),
        ("DELETE", "/v1/jobs/{job}"),
        ("GET", "/v1/results/{job}/seg.dcm"),
        ("GET", "/v1/results/{job}/receipt"),
    ],
)
def test_another_users_job_answers_exactly_as_one_that_does_not_exist(
    ward: Ward, patients_job: JobHeader, method: str, path: str
) -> None:
    mine = path.format(job=patients_job.job)
    with ward.channel(ward.colleague) as channel:
        others = _answer(channel, method, mine)
        nobodys = _answer(channel, method, path.format(job=random_octets(16).hex()))
    with ward.channel() as channel:
        owners = _answer(channel, method, mine)

    assert others == nobodys == (404, b'{"detail":"","error":"E_NOT_FOUND"}')
    assert owners[0] == 200


def test_another_users_upload_answers_exactly_as_one_that_does_not_exist(ward: Ward) -> None:
    store = ward.hospital.service.core.objects
    owner = ward.physicist.user().user
    upload = next(u for (user, u) in store._index._by_upload if user == owner)
    with ward.channel(ward.colleague) as channel:
        for method, path in (("GET", "/v1/objects/{}"), ("PUT", "/v1/objects/{}/0")):
            others = _answer(channel, method, path.format(upload))
            nobodys = _answer(channel, method, path.format(random_octets(16).hex()))
            assert others == nobodys
            assert others[0] == 404
    with ward.channel() as channel:
        assert _answer(channel, "GET", f"/v1/objects/{upload}")[0] == 200


def test_another_users_object_cannot_be_an_input(ward: Ward, patients_job: JobHeader) -> None:
    (volume,) = patients_job.inputs
    parameters = patients_job.parameters

    def submit(home: ClientHome, **members: object) -> None:
        with ward.channel(home) as channel:
            order = segment_order(channel, home, ward.protected, **members)
            post(channel, order, home.user().key)

    colleague = ward.colleague
    for members in ({"inputs": (volume,)}, {"inputs": ("00" * 32,)}):
        assert refusal_of(submit, colleague, **members) is ErrorCode.E_INPUT_GONE
    with ward.channel(colleague) as channel:
        header = dataclasses.replace(draft(channel, colleague), parameters=parameters)
        code = refusal_of(post, channel, header, colleague.user().key)
    assert code is ErrorCode.E_INPUT_GONE
    submit(ward.physicist, inputs=(volume,))


def test_jobs_lists_only_the_callers_and_another_owners_id_is_free(
    ward: Ward, patients_job: JobHeader
) -> None:
    colleague = ward.colleague
    with ward.channel(colleague) as channel:
        before = [row["job"] for row in channel.request_json("GET", "/v1/jobs")["jobs"]]
        header = draft(channel, colleague, job=patients_job.job)
        post(channel, header, colleague.user().key)
        after = [row["job"] for row in channel.request_json("GET", "/v1/jobs")["jobs"]]
    with ward.channel() as channel:
        state = {r["job"]: r["state"] for r in channel.request_json("GET", "/v1/jobs")["jobs"]}

    assert patients_job.job not in before
    assert after == [*before, patients_job.job]
    assert state[patients_job.job] == "done"


# ---- the signed header


def test_a_header_that_is_not_the_callers_own_is_refused(ward: Ward) -> None:
    mine, theirs = ward.physicist, ward.colleague
    key, other_key = mine.user().key, theirs.user().key
    user, certificate = theirs.user().user, theirs.user().fingerprint
    with ward.channel() as channel:
        right = draft(channel, mine)
        cases = {
            "another user's order": (
                dataclasses.replace(right, user=user, certificate=certificate),
                other_key,
            ),
            "signed by another": (right, other_key),
            "another certificate": (dataclasses.replace(right, certificate=certificate), key),
            "another user id": (dataclasses.replace(right, user=user), key),
        }
        codes = {
            name: refusal_of(post, channel, header, signer)
            for name, (header, signer) in cases.items()
        }
        unsigned = signed_message(right.encode(), bytes(SIGNATURE_BYTES))
        codes["unsigned"] = refusal_of(channel.request_json, "POST", "/v1/jobs", unsigned)
        accepted = post(channel, right, key)

    assert set(codes.values()) == {ErrorCode.E_USER_CERTIFICATE}
    assert accepted["job"] == right.job


def test_the_same_order_twice_is_one_job_also_after_its_end(ward: Ward) -> None:
    home = ward.physicist
    with ward.channel() as channel:
        header = draft(channel, home)
        first = post(channel, header, home.user().key)
        events = events_of(channel, header.job)
        again = post(channel, header, home.user().key)
        rows = [
            r for r in channel.request_json("GET", "/v1/jobs")["jobs"] if r["job"] == first["job"]
        ]
        events_again = events_of(channel, header.job)

    assert again["job"] == first["job"] == header.job
    assert len(rows) == 1
    assert events_again[-1] == events[-1]  # numbers may have gaps by then


def test_the_same_id_with_another_content_is_a_replay(ward: Ward) -> None:
    home = ward.physicist
    with ward.channel() as channel:
        header = draft(channel, home)
        post(channel, header, home.user().key)
        other = dataclasses.replace(header, expires=header.expires - timedelta(seconds=1))

        code = refusal_of(post, channel, other, home.user().key)

    assert code is ErrorCode.E_REPLAY


_HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        (ErrorCode.E_REPLAY, {"created": now() - 25 * _HOUR, "expires": now() - _HOUR}),
        (ErrorCode.E_REPLAY, {"created": now() + _HOUR, "expires": now() + 2 * _HOUR}),
        (ErrorCode.E_FORMAT, {"created": now(), "expires": now() + 25 * _HOUR}),
        (ErrorCode.E_FORMAT, {"created": now(), "expires": now()}),
        (ErrorCode.E_REPLAY, {"min_epoch": 10_000}),
        (ErrorCode.E_REPLAY, {"worker": "00" * 32}),
        (ErrorCode.E_SITE, {"site_key_id": "00" * 32}),
        (ErrorCode.E_TASK, {"task": "dream"}),
        (ErrorCode.E_INPUT_GONE, {"inputs": ("00" * 32,)}),
    ],
)
def test_an_order_out_of_its_time_or_place_is_refused(
    ward: Ward, code: ErrorCode, changes: dict[str, object]
) -> None:
    home = ward.physicist
    with ward.channel() as channel:
        header = draft(channel, home, **changes)  # type: ignore[arg-type]  # the members of one test
        assert refusal_of(post, channel, header, home.user().key) is code
        # A client whose clock is four minutes ahead is still welcome.
        early = draft(channel, home, created=now() + timedelta(minutes=4))
        assert post(channel, early, home.user().key)["job"] == early.job
