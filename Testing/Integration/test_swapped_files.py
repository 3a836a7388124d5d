"""A host that swaps the worker's files, or puts older ones in their place: never wrong octets."""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from Testing.Integration.command_lines import run_client
from Testing.Integration.faults import FaultyHospital, outputs_of, small_order
from Testing.Integration.orders import (
    PROTECT_PARAMETERS,
    draft,
    end_of,
    post,
    put_object,
    refusal_of,
)
from Testing.Integration.small_jobs import outputs, parameters, run_small, small_volume

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.jobs import JobHeader
from encryptsecurert_protocol.limits import MIB
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.rights import Role
from encryptsecurert_protocol.sealing import random_octets
from EncryptSecureRTLib.client.channel import Channel
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.runs import run_job, submit_job
from EncryptSecureRTLib.client.upload import Content, upload

_CONTENT_BYTES = 8 * MIB
_REFUSED = (ErrorCode.E_RESULT, ErrorCode.E_NOT_FOUND)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A hospital and a user of it."""

    hospital: FaultyHospital
    home: ClientHome

    @property
    def owner(self) -> str:
        """The user's id."""
        return self.home.user().user

    def result_file(self, job: str, name: str) -> Path:
        """Return where a sealed result lies."""
        book = self.hospital.service.core.book
        (result,) = [r for r in book.get(self.owner, job).record.results if r.name == name]
        return book.files.path(result)

    def object_file(self, name: str) -> Path:
        """Return where an object lies."""
        return self.hospital.service.core.objects.require_complete(self.owner, name).path

    def swap(self, one: Path, other: Path) -> None:
        """Swap two files while the worker is away."""
        self.hospital.stop()
        _swap(one, other)
        self.hospital.start()

    def ordered(self, channel: Channel, choice: int = 0) -> JobHeader:
        """Run a job to its end, and fetch nothing."""
        header = small_order(channel, self.home, choice)
        post(channel, header, self.home.user().key)
        assert end_of(channel, header.job).error is None
        return header


def _swap(one: Path, other: Path) -> None:
    octets = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(octets)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    hospital = FaultyHospital(tmp_path_factory.mktemp("swapped") / "stand")
    home = hospital.user(Role.PHYSICIST)
    with hospital:
        hospital.provision()
        yield Place(hospital=hospital, home=home)


def _result(channel: Channel, header: JobHeader, name: str) -> ErrorCode:
    path = f"/v1/results/{header.job}/{name}"
    return refusal_of(channel.request, "GET", path)


def test_the_same_result_of_another_job_is_refused_and_the_rest_is_given(place: Place) -> None:
    with place.hospital.channel(place.home) as channel:
        jobs = [place.ordered(channel) for _ in range(2)]
    files = [place.result_file(header.job, "rtstruct.dcm") for header in jobs]
    assert files[0].stat().st_size == files[1].stat().st_size
    place.swap(*files)

    with place.hospital.channel(place.home) as channel:
        codes = [_result(channel, header, "rtstruct.dcm") for header in jobs]
        again = [_result(channel, header, "rtstruct.dcm") for header in jobs]
        receipt = channel.request("GET", f"/v1/results/{jobs[0].job}/receipt")

    assert codes == again == [ErrorCode.E_RESULT] * 2
    assert receipt.content


def test_two_results_of_one_job_are_not_taken_for_each_other(place: Place) -> None:
    with place.hospital.channel(place.home) as channel:
        header = place.ordered(channel)
    names = ("rtstruct.dcm", "receipt")
    place.swap(*(place.result_file(header.job, name) for name in names))

    with place.hospital.channel(place.home) as channel:
        codes = {_result(channel, header, name) for name in names}

    assert codes <= set(_REFUSED)


def test_an_older_result_in_the_place_of_a_newer_is_refused(place: Place) -> None:
    with place.hospital.channel(place.home) as channel:
        older = place.ordered(channel, 1)
        octets = place.result_file(older.job, "rtstruct.dcm").read_bytes()
        newer = place.ordered(channel, 1)
    file = place.result_file(newer.job, "rtstruct.dcm")
    place.hospital.stop()
    file.write_bytes(octets)
    place.hospital.start()

    with place.hospital.channel(place.home) as channel:
        assert _result(channel, newer, "rtstruct.dcm") is ErrorCode.E_RESULT
        assert outputs_of(channel, older)


def test_a_result_that_is_swapped_while_the_worker_runs_is_refused_by_the_client(
    place: Place, tmp_path: Path
) -> None:
    home, content = place.home, small_volume()
    with place.hospital.channel(home) as channel:
        name = upload(channel, home, ObjectKind.VOLUME, content).name
        jobs = [
            submit_job(channel, home, "segment", lambda: [name], parameters(0), Watcher()).job
            for _ in range(2)
        ]
        for job in jobs:
            end_of(channel, job)
            channel.request("GET", f"/v1/results/{job}/rtstruct.dcm")  # checked in this start
    _swap(*(place.result_file(job, "rtstruct.dcm") for job in jobs))

    run = run_client("fetch", jobs[0], "--out", tmp_path / "out", home=home)

    assert (run.code, run.error["code"]) == (13, "E_RESULT")
    assert not (tmp_path / "out").exists()


# ---- inputs


def test_swapped_inputs_are_gone(place: Place) -> None:
    home = place.home
    with place.hospital.channel(home) as channel:
        names = [
            upload(channel, home, ObjectKind.VOLUME, small_volume(series=n)).name for n in (1, 2)
        ]
    place.swap(*(place.object_file(name) for name in names))

    with place.hospital.channel(home) as channel:
        orders = [
            draft(channel, home, task="segment", inputs=(name,), parameters=parameters(0))
            for name in names
        ]
        for order in orders:
            post(channel, order, home.user().key)
        ends = [end_of(channel, order.job).error for order in orders]
        later = [dataclasses.replace(order, job=random_octets(16).hex()) for order in orders]
        codes = [refusal_of(post, channel, order, home.user().key) for order in later]

    assert ends == ["E_INPUT_GONE"] * 2
    assert codes == [ErrorCode.E_INPUT_GONE] * 2


def _run(channel: Channel, home: ClientHome, content: Content) -> Mapping[str, str]:
    """Run a job as the commands do, which send an input that is gone once more."""

    def send() -> list[str]:
        return [upload(channel, home, ObjectKind.VOLUME, content).name]

    return outputs(run_job(channel, home, "segment", send, parameters(0), Watcher()))


def test_a_client_sends_swapped_inputs_again_by_itself(place: Place) -> None:
    home = place.home
    contents = [small_volume(series=n) for n in (3, 4)]
    with place.hospital.channel(home) as channel:
        expected = [outputs(run_small(channel, home, content, 0)) for content in contents]
        names = [upload(channel, home, ObjectKind.VOLUME, content).name for content in contents]
    place.swap(*(place.object_file(name) for name in names))

    with place.hospital.channel(home) as channel:
        again = [_run(channel, home, content) for content in contents]

    assert expected[0] != expected[1]
    assert again == expected


def test_swapped_parameters_are_gone(place: Place) -> None:
    home = place.home
    octets = [canonical.encode(p) for p in (PROTECT_PARAMETERS, parameters(3))]
    with place.hospital.channel(home) as channel:
        names = [put_object(channel, home, one) for one in octets]
        volume = upload(channel, home, ObjectKind.VOLUME, small_volume()).name
    place.swap(*(place.object_file(name) for name in names))

    with place.hospital.channel(home) as channel:
        order = draft(channel, home, task="segment", inputs=(volume,))
        header = JobHeader.decode(
            order.encode().replace(order.parameters.encode(), names[1].encode())
        )
        code = refusal_of(post, channel, header, home.user().key)
        put_object(channel, home, octets[1])
        post(channel, header, home.user().key)

        assert code is ErrorCode.E_INPUT_GONE
        assert end_of(channel, header.job).error is None


def _first_half(channel: Channel, home: ClientHome, content: Content) -> None:
    seen: list[int] = []

    def stopped() -> bool:
        return bool(seen) and seen[-1] >= 2 * MIB

    def progress(done_bytes: int, total_bytes: int) -> None:
        seen.append(done_bytes)

    assert (
        refusal_of(
            upload,
            channel,
            home,
            ObjectKind.VOLUME,
            content,
            progress=progress,
            stopped=stopped,
        )
        is ErrorCode.E_CANCELLED
    )


def test_swapped_halves_of_uploads_are_held_no_longer_and_travel_again(place: Place) -> None:
    home = place.home
    contents = [Content([random_octets(_CONTENT_BYTES)]) for _ in range(2)]
    with place.hospital.channel(home) as channel:
        for content in contents:
            _first_half(channel, home, content)
    index = place.hospital.service.core.objects._index
    halves = [upload.path for upload in index.all() if not upload.complete]
    assert len(halves) == 2
    place.swap(*halves)

    with place.hospital.channel(home) as channel:
        sent = [upload(channel, home, ObjectKind.VOLUME, content) for content in contents]
    store = place.hospital.service.core.objects
    opened = [bytes(store.open(store.require_complete(place.owner, s.name))) for s in sent]

    assert [s.sent_bytes for s in sent] == [_CONTENT_BYTES] * 2
    assert opened == [bytes(content.chunk(0, _CONTENT_BYTES)) for content in contents]
