"""What is one user's does not exist for another: every route with an id gives the same octets."""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from Testing.Integration.command_lines import run_client
from Testing.Integration.held import no_job_starts
from Testing.Integration.hospital import Hospital
from Testing.Integration.house import House, open_house, small_job
from Testing.Integration.orders import (
    NO_HEADERS,
    announce,
    draft,
    end_of,
    events_of,
    post,
    put_object,
    refusal_of,
)
from Testing.Unit.worker.sealed import Client

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.jobs import JobHeader, JobState
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.rights import Role
from encryptsecurert_protocol.sealing import random_octets
from encryptsecurert_protocol.signatures import Label, sign, signed_message
from EncryptSecureRTLib.client.channel import Channel
from EncryptSecureRTLib.client.home import ClientHome

# route: headers that might have it tell more
ROUTES = {
    ("GET", "/v1/objects/{upload}"): (),
    ("PUT", "/v1/objects/{upload}/{index}"): (),
    ("DELETE", "/v1/jobs/{job}"): (),
    ("GET", "/v1/jobs/{job}/events"): (),
    ("GET", "/v1/results/{job}/{name}"): ("Range: bytes=0-9\r\nIf-Range: {etag}\r\n",),
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(tmp_path_factory.mktemp("house") / "stand") as opened:
        yield opened


def _paths(house: House, route: str) -> list[tuple[str, str]]:
    """Return pairs of a path with an id of the first user, and the same with an id of nobody."""
    names = ("receipt", "rtstruct.dcm") if "{name}" in route else ("0", "1")
    pairs = []
    for name in names:
        for mine in (house.job,) if "{job}" in route else (house.upload, house.complete):
            path = route.replace("{name}", name).replace("{index}", name)
            pairs.append(
                (
                    re.sub(r"\{(job|upload)\}", mine, path),
                    re.sub(r"\{(job|upload)\}", random_octets(16).hex(), path),
                )
            )
    return pairs


def test_every_route_that_takes_an_id_is_looked_at_here(house: House) -> None:
    app = house.hospital.service._server.config.app
    assert isinstance(app, Starlette)
    routes = {
        (method, route.path)
        for route in app.routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
        if "{" in route.path
    }

    assert routes == set(ROUTES)


@pytest.mark.parametrize(("method", "route"), ROUTES)
def test_the_answer_for_anothers_id_is_octet_for_octet_that_for_no_id(
    house: House, method: str, route: str
) -> None:
    mine = house.state_of(house.first)
    body = house.client.chunk(1) if method == "PUT" else b""
    headers = [more.format(etag=house.etag) for more in ROUTES[method, route]]

    for foreign, unknown in _paths(house, route):
        for more in ([], headers):
            answers = {
                house.octets(house.second, method, path, *more, body=body)
                for path in (foreign, unknown)
            }
            (answer,) = answers
            assert answer.startswith(b"HTTP/1.1 404 ")
            assert answer.endswith(b'{"detail":"","error":"E_NOT_FOUND"}')

    assert house.state_of(house.first) == mine
    owners = house.octets(house.first, "GET", _paths(house, "/v1/jobs/{job}/events")[0][0])
    assert owners.startswith(b"HTTP/1.1 200 ")


def test_what_a_user_is_told_of_all_does_not_change_with_anothers_things(house: House) -> None:
    def told() -> list[bytes]:
        return [house.octets(house.second, "GET", path) for path in ("/v1/jobs", "/v1/tasks")]

    before = told()
    with house.hospital.channel(house.first) as channel:
        put_object(channel, house.first, random_octets(100))
        small_job(channel, house.first, 1)

    assert told() == before


# ---- orders


def _signed(home: ClientHome, order: JobHeader) -> bytes:
    octets = order.encode()
    return canonical.encode(signed_message(octets, sign(home.user().key, Label.JOB, octets)))


def _order(house: House, home: ClientHome, **changes: object) -> JobHeader:
    with house.hospital.channel(home) as channel:
        return draft(channel, home, **changes)  # type: ignore[arg-type]  # the members of one test


@pytest.mark.parametrize("member", ["inputs", "parameters"])
def test_anothers_object_in_an_order_is_refused_as_one_that_is_not_there(
    house: House, member: str
) -> None:
    home = house.second
    names = [house.volume, house.order, house.client.name, random_octets(32).hex()]
    right = _order(house, home, task="segment")
    answers = set()
    for name in names:
        value = (name,) if member == "inputs" else name
        changes = {member: value, "job": random_octets(16).hex()}
        order = _changed(right, changes)
        answers.add(house.octets(home, "POST", "/v1/jobs", body=_signed(home, order)))

    (answer,) = answers
    assert answer.startswith(b"HTTP/1.1 410 ")
    assert answer.endswith(b'{"detail":"","error":"E_INPUT_GONE"}')


def _changed(order: JobHeader, changes: Mapping[str, object]) -> JobHeader:
    value = {**canonical.decode(order.encode()), **changes}
    if isinstance(value["inputs"], tuple):
        value["inputs"] = list(value["inputs"])
    return JobHeader.decode(canonical.encode(value))


def test_a_job_under_the_id_of_anothers_job_is_ones_own(house: House) -> None:
    with house.hospital.channel(house.first) as channel:
        theirs = dataclasses.replace(house, job=small_job(channel, house.first))
    before = theirs.state_of(house.first)
    path = f"/v1/results/{theirs.job}"
    with house.hospital.channel(house.second) as channel:
        order = draft(channel, house.second, job=theirs.job)
        post(channel, order, house.second.user().key)
        end = end_of(channel, theirs.job)
        gone = refusal_of(channel.request, "GET", f"{path}/rtstruct.dcm")
        channel.request("DELETE", f"/v1/jobs/{theirs.job}")

    assert end.state is JobState.DONE
    assert [name for name, _ in end.results] == ["headers", "report", "receipt"]
    assert gone is ErrorCode.E_NOT_FOUND  # the first user's job has such a result
    assert theirs.state_of(house.first) == before


def test_nobody_ends_anothers_job_that_waits(house: House) -> None:
    with house.hospital.channel(house.first) as channel:
        order = draft(channel, house.first)
        with no_job_starts(house.hospital.service.core):
            post(channel, order, house.first.user().key)
            answer = house.octets(house.second, "DELETE", f"/v1/jobs/{order.job}")
            waiting = _row(channel, order.job)["state"]
        end = end_of(channel, order.job)

    assert answer.startswith(b"HTTP/1.1 404 ")
    assert waiting == "queued"
    assert end.state is JobState.DONE


def _row(channel: Channel, job: str) -> dict[str, object]:
    rows: list[dict[str, object]] = channel.request_json("GET", "/v1/jobs")["jobs"]
    (row,) = [row for row in rows if row["job"] == job]
    return row


# ---- objects


def test_announcing_anothers_object_begins_an_upload_of_ones_own(house: House) -> None:
    key = house.hospital.service.core.identity.hpke
    with house.hospital.channel(house.second) as channel:
        told = [
            announce(channel, Client(key, b"guess", name=name))
            for name in (house.volume, house.order, house.client.name, random_octets(32).hex())
        ]

    assert [set(answer) for answer in told] == [{"upload", "next_chunk"}] * 4
    assert [answer["next_chunk"] for answer in told] == [0] * 4
    assert not {answer["upload"] for answer in told} & {house.upload, house.complete}


def test_the_very_announcement_of_another_begins_an_upload_of_ones_own(house: House) -> None:
    mine = house.state_of(house.first)
    with house.hospital.channel(house.second) as channel:
        told = announce(channel, house.client)
        channel.put(f"/v1/objects/{told['upload']}/1", house.client.chunk(1))

    assert told["upload"] != house.upload
    assert told["next_chunk"] == 0
    assert house.state_of(house.first) == mine
    with house.hospital.channel(house.first) as channel:
        assert announce(channel, house.client) == {"upload": house.upload, "next_chunk": 1}


# ---- the same user


def test_another_process_with_the_same_certificate_sees_all_of_it(
    house: House, tmp_path: Path
) -> None:
    other = house.hospital.fresh_home(house.first, tmp_path / "other")

    rows = run_client("jobs", "--url", house.hospital.url, home=other).result["rows"]

    assert house.job in {row["job"] for row in rows}
    assert house.state_of(other) == house.state_of(house.first)


def test_a_renewed_certificate_sees_all_that_the_one_before_it_did(tmp_path: Path) -> None:
    hospital = Hospital(tmp_path / "stand")
    home = hospital.user(Role.PHYSICIST)
    old = hospital.fresh_home(home, tmp_path / "old")
    with hospital:
        hospital.provision()
        with hospital.channel(home) as channel:
            job = small_job(channel, home)
            name = put_object(channel, home, NO_HEADERS, ObjectKind.HEADERS)
        user = home.user().user
        request = (home.path / "user.csr").read_bytes()
        hospital.site.renew_user(user, request, replace_older=True, out=tmp_path / "w")
        home.accept(tmp_path / "w")
        hospital.provision()

        refused = refusal_of(hospital.channel, old)
        with hospital.channel(home) as channel:
            state = _row(channel, job)["state"]
            receipt = channel.request("GET", f"/v1/results/{job}/receipt").content
            events = events_of(channel, job)
            order = draft(channel, home, inputs=(name,))
            post(channel, order, home.user().key)
            end = end_of(channel, order.job)

    assert home.user().user == user
    assert home.user().fingerprint != old.user().fingerprint
    assert refused is ErrorCode.E_USER_CERTIFICATE
    assert (state, end.state) == ("done", JobState.DONE)
    assert receipt
    assert events
