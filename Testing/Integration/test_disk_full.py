"""A worker whose disk is full: each request is told so, nothing that was told is lost.

The disk is full for a worker when the system lets none of its files grow.
"""

import dataclasses
import resource
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event as Signal

import pytest
from stand import ProcessStand
from Testing.Integration.faults import outputs_of, small_order, states, wait_for
from Testing.Integration.orders import draft, end_of, post, refusal_of
from Testing.Integration.small_jobs import parameters, run_small, small_volume
from Testing.Integration.test_uploads import Sender

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.events import Event, StateEvent
from encryptsecurert_protocol.jobs import JobHeader, JobState
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.rights import Role
from EncryptSecureRTLib.client.channel import Channel, open_channel
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.upload import upload

pytestmark = pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="a call of Linux")
BIG = (96, 192, 192)  # most of a second of work


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A worker as a process, and a user of it."""

    stand: ProcessStand
    home: ClientHome

    @property
    def journal_bytes(self) -> int:
        """How long the worker's journal is."""
        return (self.stand.state / "journal").stat().st_size

    @contextmanager
    def full_disk(self, most_bytes: int = 0) -> Iterator[None]:
        """Let no file of the worker grow beyond a size."""
        limits = (most_bytes, resource.RLIM_INFINITY)
        room = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        pid = self.stand.worker_pid
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)
        try:
            yield
        finally:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, room)

    def channel(self) -> Channel:
        """Open a channel."""
        return open_channel(self.home, self.stand.url)

    def send(self, channel: Channel, header: JobHeader) -> None:
        """Submit an order."""
        post(channel, header, self.home.user().key)

    def big_orders(self, channel: Channel) -> tuple[JobHeader, JobHeader]:
        """Return two orders for the same work, which takes a while."""
        name = upload(channel, self.home, ObjectKind.VOLUME, small_volume(BIG)).name
        order = draft(channel, self.home, task="segment", inputs=(name,), parameters=parameters(1))
        return order, dataclasses.replace(order, job=order.parameters[:32])


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessStand]:
    with ProcessStand(tmp_path_factory.mktemp("full")) as running:
        yield running


@pytest.fixture(scope="module")
def place(stand: ProcessStand) -> Place:
    home = stand.user(Role.PHYSICIST)
    stand.provision()
    return Place(stand=stand, home=home)


@pytest.mark.parametrize("half", [False, True], ids=["nothing fits", "half an entry fits"])
def test_every_request_that_writes_is_told_and_goes_on_when_there_is_room(
    place: Place, half: bool
) -> None:
    stand, home = place.stand, place.home
    with place.channel() as channel:
        sender = Sender(channel)
        sender.put(0, sender.chunk(0))
        order = small_order(channel, home)
        stand.user(Role.TECHNICIAN)  # the next epoch
        most_bytes = place.journal_bytes + 50 if half else 0
        with place.full_disk(most_bytes):
            codes = {
                "begin": refusal_of(Sender, channel),
                "chunk": refusal_of(sender.put, 1, sender.chunk(1)),
                "submit": refusal_of(place.send, channel, order),
                "provision": refusal_of(stand.provision),
            }
            held, known = sender.held(), order.job in states(channel)

        sender.put(1, sender.chunk(1))
        sender.put(2, sender.chunk(2))
        assert sender.begin() == {"have": True}
        place.send(channel, order)
        assert end_of(channel, order.job).state is JobState.DONE
        assert stand.provision().epoch == stand.site.state.epoch

    assert set(codes.values()) == {ErrorCode.E_BUSY}
    assert {code.value.exit_code for code in codes.values()} == {10}
    assert (held, known) == ([0], False)


def test_what_is_there_is_told_while_the_disk_is_full_and_results_once_the_auditor_hears_of_it(
    place: Place,
) -> None:
    with place.channel() as channel:
        order = small_order(channel, place.home)
        place.send(channel, order)
        end_of(channel, order.job)
        path = f"/v1/results/{order.job}/receipt"
        with place.full_disk():
            offer = channel.request_json("GET", "/v1/tasks")
            found = states(channel)
            untold = [refusal_of(channel.request, "GET", path) for _ in range(2)]
        told = channel.request("GET", path).content
        with place.full_disk():
            again = channel.request("GET", path).content

    assert offer["tasks"]
    assert found[order.job] == "done"
    assert untold == [ErrorCode.E_BUSY] * 2
    assert again == told


def test_a_job_that_cannot_be_finished_fails_and_the_next_waits_for_room(place: Place) -> None:
    with place.channel() as channel:
        running, waiting = place.big_orders(channel)
        place.send(channel, running)
        place.send(channel, waiting)
        wait_for(lambda: states(channel)[running.job] == "running")
        with place.full_disk():
            failed = end_of(channel, running.job)
            later = states(channel)[waiting.job]
        done = outputs_of(channel, waiting)

        assert (failed.state, failed.error, failed.results) == (JobState.FAILED, "E_BUSY", ())
        assert later == "queued"
        assert set(done) == {"rtstruct.dcm"}


def test_the_client_of_a_job_that_failed_for_want_of_room_is_not_told_that_it_goes_on(
    place: Place,
) -> None:
    running = Signal()

    def hear(event: Event) -> None:
        if isinstance(event, StateEvent) and event.state is JobState.RUNNING:
            running.set()

    with place.channel() as channel, ThreadPoolExecutor(1) as pool:
        content = small_volume(BIG, series=1)
        job = pool.submit(run_small, channel, place.home, content, 1, Watcher(event=hear))
        assert running.wait(30)
        with place.full_disk(), pytest.raises(EncryptSecureRTError) as failure:
            job.result(60)

        assert type(failure.value) is EncryptSecureRTError
        assert failure.value.code is ErrorCode.E_BUSY


def test_a_restart_finds_everything_that_was_told(place: Place) -> None:
    stand, home = place.stand, place.home
    with place.channel() as channel:
        sender = Sender(channel)
        sender.put_all((0, 2))
        order = small_order(channel, home)
        place.send(channel, order)
        expected = outputs_of(channel, order)
        with place.full_disk():
            refusal_of(sender.put, 1, sender.chunk(1))
        before = states(channel)
    stand.stop()
    stand.start()

    with place.channel() as channel:
        held = channel.request_json("GET", f"/v1/objects/{sender.upload}")

        assert states(channel) == before
        assert outputs_of(channel, order) == expected
        assert held == {"chunks": [0, 2], "complete": False}
        assert channel.statement.bundle is not None
        assert channel.statement.bundle.epoch == stand.site.state.epoch


def test_a_full_disk_keeps_no_worker_from_stopping_in_order(place: Place) -> None:
    stand = place.stand
    with place.channel() as channel:
        order, _ = place.big_orders(channel)
        place.send(channel, order)
        wait_for(lambda: states(channel)[order.job] == "running")
        before = {job for job, state in states(channel).items() if state == "done"}
    process = stand._process
    assert process is not None
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    stand.stop()
    stand.start()

    with place.channel() as channel:
        end = end_of(channel, order.job).state
        after = {job for job, state in states(channel).items() if state == "done"}

    assert process.returncode == 0
    assert end is JobState.DONE
    assert before < after


def _serve_on_a_full_disk(state: Path, most_bytes: int) -> tuple[int, str, list[str]]:
    """Start a worker none of whose files may grow beyond a size."""
    limit = f"resource.setrlimit(resource.RLIMIT_FSIZE, ({most_bytes}, resource.RLIM_INFINITY))"
    run = "runpy.run_module('encryptsecurert_worker', run_name='__main__')"
    words = ["serve", "--provider", "simulated", "--port", "0", "--state", str(state)]
    command = [sys.executable, "-P", "-c", f"import resource, runpy\n{limit}\n{run}", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout, done.stderr.splitlines()


def test_a_worker_that_cannot_note_its_start_does_not_start(place: Place) -> None:
    stand = place.stand
    stand.stop()
    journal = (stand.state / "journal").read_bytes()

    code, out, err = _serve_on_a_full_disk(stand.state, len(journal))
    unchanged = (stand.state / "journal").read_bytes() == journal
    stand.start()

    assert (code, out) == (10, "")
    assert err[-1].startswith("E_BUSY: ")
    assert unchanged
    with place.channel() as channel:
        assert set(states(channel).values()) <= {"done", "failed"}
