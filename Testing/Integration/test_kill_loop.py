"""A worker that is killed again and again loses no job that it took, and gives no wrong result.

First at every storage operation of a job, once whole and once half done; then at random moments
while several clients order. Together at least 200 kills in full, see `effort`.
"""

import random
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pytest
from effort import times
from shown import SHOWN, Show
from stand import Stand
from Testing.Integration.forked import Break, ForkedWorker
from Testing.Integration.small_jobs import (
    CHOICES,
    expected_outputs,
    outputs,
    patient,
    run_small,
    small_volume,
)

from encryptsecurert_protocol.errors import EncryptSecureRTError
from encryptsecurert_protocol.rights import Role
from EncryptSecureRTLib.client.channel import open_channel
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.custodian.provision import provision

pytestmark = pytest.mark.first

LEAST_KILLS = times(200, 100)
CLIENTS = 3
SEED = 20261126


@dataclass
class Siege:
    """A worker to be killed, its users, and what their jobs must give."""

    worker: ForkedWorker
    homes: list[ClientHome]
    expected: list[Mapping[str, str]]
    taken: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    kills: int = 0

    def order(self, home: ClientHome, choice: int) -> None:
        """Order one job and compare what it gives."""
        content = small_volume()
        mine: list[str] = []

        def took(job: str) -> None:
            mine.append(job)
            self.taken.append(job)

        try:
            with patient(home, self.worker.url) as channel:
                finished = run_small(channel, home, content, choice, Watcher(job=took))
        except EncryptSecureRTError as error:
            self.failed.append(f"{error.code.name} {error.detail}")
            return
        if outputs(finished) != self.expected[choice % len(CHOICES)]:
            self.wrong.extend(mine)
        self.done.append(mine[-1])


@pytest.fixture(scope="module")
def siege(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Siege]:
    folder = tmp_path_factory.mktemp("siege")
    stand = Stand(folder)
    homes = [stand.user(Role.PHYSICIST) for _ in range(CLIENTS)]
    worker = ForkedWorker(stand.state)
    worker.start()
    try:
        with open_channel(stand.site.home, worker.url, allow_unprovisioned=True) as channel:
            provision(stand.site, channel)
        yield Siege(worker, homes, expected_outputs(homes[0], worker.url, small_volume()))
    finally:
        worker.kill()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("half", [False, True], ids=["whole", "half"])
def test_no_storage_operation_is_one_too_many(siege: Siege, half: bool) -> None:
    worker, home = siege.worker, siege.homes[0]
    worker.kill()
    for at in range(1, 200):
        worker.start(Break(at=at, half=half))
        client = threading.Thread(target=siege.order, args=(home, at))
        client.start()
        while client.is_alive() and worker.alive:
            time.sleep(0.01)
        survived = worker.alive
        if not survived:
            siege.kills += 1
            worker.start()
        client.join(120)
        worker.kill()
        assert not client.is_alive()
        if survived:
            break
    worker.start()

    assert siege.failed == []
    assert siege.wrong == []
    assert at > 10  # a job has more steps than that


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_no_moment_is_one_too_many(siege: Siege, record_property: Show) -> None:
    chance = random.Random(SEED)  # noqa: S311 - moments, not keys
    over = threading.Event()

    def orders(home: ClientHome, first: int) -> None:
        number = first
        while not over.is_set():
            siege.order(home, number)
            number += 1

    clients = [
        threading.Thread(target=orders, args=(home, n)) for n, home in enumerate(siege.homes)
    ]
    for client in clients:
        client.start()
    while siege.kills < LEAST_KILLS and not siege.failed:
        time.sleep(chance.uniform(0.0, 0.7))
        siege.worker.kill()
        siege.kills += 1
        siege.worker.start()
    over.set()
    for client in clients:
        client.join(240)
    states = {job: state for home in siege.homes for job, state in _jobs(home, siege)}

    counts = f"kills: {siege.kills}, jobs taken: {len(siege.taken)}, done: {len(siege.done)}"
    record_property(SHOWN, counts)
    assert not any(client.is_alive() for client in clients)
    assert (siege.failed, siege.wrong) == ([], [])
    assert siege.kills >= LEAST_KILLS
    lost = [job for job in siege.taken if states.get(job) != "done"]
    assert lost == []


def _jobs(home: ClientHome, siege: Siege) -> list[tuple[str, str]]:
    with patient(home, siege.worker.url) as channel:
        rows = channel.request_json("GET", "/v1/jobs")["jobs"]
    return [(row["job"], row["state"]) for row in rows]


def test_the_state_folder_holds_nothing_that_nobody_needs(siege: Siege) -> None:
    leftovers = [path.name for path in siege.worker.state.rglob("*.part")]

    assert leftovers == []
