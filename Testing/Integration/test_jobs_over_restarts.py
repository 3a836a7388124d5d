"""The client's commands while the worker is killed and comes back: no job ends by that."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from phantom_files import write_ct_series
from stand import Stand
from Testing.Integration.forked import ForkedWorker
from Testing.Integration.hospital import small_phantom, write_series

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.rights import Role
from EncryptSecureRTLib.client.channel import open_channel
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.process import JobGoesOn, Message, client_argv, run_client
from EncryptSecureRTLib.client.protect import protect_series
from EncryptSecureRTLib.custodian.provision import provision


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A worker that can be killed, a user, and a protected series."""

    worker: ForkedWorker
    home: ClientHome
    protected: Path

    def ask(self, command: str, **request: object) -> tuple[Message, list[Message]]:
        """Run a command; kill the worker at the job's first event if `kill` says so."""
        kill, back = request.pop("kill", False), request.pop("back", False)
        heard: list[Message] = []

        def hear(message: Message) -> None:
            if kill and message["kind"] == "state" and not any(m["kind"] == "state" for m in heard):
                self.worker.kill()
            if back and message["kind"] == "waiting" and not self.worker.alive:
                self.worker.start()
            heard.append(message)

        common = {"command": command, "home": str(self.home.path), "url": self.worker.url}
        return run_client(client_argv(command), {**common, **request}, on_event=hear), heard


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Place]:
    folder = tmp_path_factory.mktemp("restarts")
    stand = Stand(folder)
    home = stand.user(Role.PHYSICIST)
    phantom = small_phantom()
    write_ct_series(folder / "ct", phantom.hu, phantom.grid)
    worker = ForkedWorker(stand.state)
    worker.start()
    try:
        with open_channel(stand.site.home, worker.url, allow_unprovisioned=True) as custodian:
            provision(stand.site, custodian)
        with open_channel(home, worker.url) as channel:
            made = protect_series(channel, home, folder / "ct", folder / "p", Watcher())
        yield _Place(worker=worker, home=home, protected=made.folder)
    finally:
        worker.kill()


@pytest.fixture(autouse=True)
def running(place: _Place) -> None:
    if not place.worker.alive:
        place.worker.start()


def test_a_detached_job_is_fetched_after_a_restart(place: _Place, tmp_path: Path) -> None:
    order, _ = place.ask("segment", series=str(place.protected), detach=True)
    place.worker.kill()
    place.worker.start()

    made, _ = place.ask("fetch", job=order["job"], out=str(tmp_path / "out"))
    plain, _ = place.ask("segment", series=str(place.protected), out=str(tmp_path / "plain"))

    assert made["outputs"] == plain["outputs"]


def test_a_worker_that_comes_back_is_waited_for(place: _Place, tmp_path: Path) -> None:
    made, heard = place.ask(
        "segment", series=str(place.protected), out=str(tmp_path / "out"), kill=True, back=True
    )

    waits = [line for line in heard if line["kind"] == "waiting"]
    assert waits
    assert set(waits[0]) == {"kind", "code", "attempt", "pause_s"}
    assert sum(line["kind"] == "job" for line in heard) == 1
    assert (tmp_path / "out" / "seg.dcm").exists()
    assert made["kind"] == "result"


def test_a_worker_that_is_not_waited_for_leaves_a_job_to_fetch(
    place: _Place, tmp_path: Path
) -> None:
    out = str(tmp_path / "out")

    with pytest.raises(JobGoesOn) as lost:
        place.ask("segment", series=str(place.protected), out=out, kill=True, patience_s=0)
    place.worker.start()
    made, _ = place.ask("fetch", job=lost.value.job, out=out)

    assert lost.value.code is ErrorCode.E_UNREACHABLE
    assert lost.value.detail == "the job goes on; fetch it later"
    assert made["kind"] == "result"
    assert (tmp_path / "out" / "receipt.json").exists()


def test_protecting_again_after_a_loss_sends_nothing_twice(place: _Place, tmp_path: Path) -> None:
    original = write_series(tmp_path / "ct")
    request = {"source": str(original), "out": str(tmp_path / "p")}

    with pytest.raises(JobGoesOn) as lost:
        place.ask("protect", **request, kill=True, patience_s=0)
    place.worker.start()
    made, heard = place.ask("protect", **request)

    assert lost.value.detail.startswith("run protect again")
    (sent,) = [line for line in heard if line["kind"] == "sent"]
    assert sent["done_bytes"] == sent["total_bytes"]
    assert made["instances"] == 4
