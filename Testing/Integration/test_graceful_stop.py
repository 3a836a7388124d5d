"""SIGTERM: the worker ends soon and well, no job is lost, and who follows one notices little."""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event as Signal

import pytest
from stand import ProcessStand
from Testing.Integration.faults import states, wait_for
from Testing.Integration.orders import draft, post
from Testing.Integration.small_jobs import (
    outputs,
    parameters,
    patient,
    run_small,
    small_volume,
)
from Testing.Integration.test_uploads import Sender

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.events import EndEvent, Event, StateEvent
from encryptsecurert_protocol.jobs import JobState
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.rights import Role
from EncryptSecureRTLib.client.channel import Channel, open_channel
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.jobs import Finished, Watcher
from EncryptSecureRTLib.client.upload import upload

LONG, CHOICE = (120, 256, 256), 2  # some seconds of work
SHORT = (96, 192, 192)
MOST_S = 20
_NO_GRACE = ("--stop-s", "1")


class Stand(ProcessStand):
    """A worker as a process whose options differ from start to start."""

    def start_with(self, *options: str) -> None:
        """Stop if need be, and start with these options."""
        self.stop()
        self._options = options
        self.start()

    def end(self, *numbers: signal.Signals) -> tuple[int, float]:
        """Send signals and wait for the end; returns exit code and seconds."""
        process, begun_s = self._process, time.monotonic()
        assert process is not None
        for number in numbers:
            process.send_signal(number)
            time.sleep(0.3)
        self._end(signal.SIGTERM)
        return process.returncode, time.monotonic() - begun_s


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with Stand(tmp_path_factory.mktemp("stop")) as running:
        yield running


@pytest.fixture(scope="module")
def home(stand: Stand) -> ClientHome:
    user = stand.user(Role.PHYSICIST)
    stand.provision()
    return user


def _start_a_job(channel: Channel, home: ClientHome, shape: tuple[int, int, int]) -> str:
    """Order a job and wait until it computes."""
    name = upload(channel, home, ObjectKind.VOLUME, small_volume(shape)).name
    header = draft(channel, home, task="segment", inputs=(name,), parameters=parameters(CHOICE))
    post(channel, header, home.user().key)
    wait_for(lambda: states(channel)[header.job] == "running")
    return header.job


def test_a_short_job_is_finished_first(stand: Stand, home: ClientHome) -> None:
    stand.start_with()
    with open_channel(home, stand.url) as channel:
        job = _start_a_job(channel, home, SHORT)
    code, took_s = stand.end()
    stand.start()

    with open_channel(home, stand.url) as channel:
        state = states(channel)[job]

    assert (code, state) == (0, "done")
    assert took_s < MOST_S


# ---- a job that takes longer than the stop may


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """A stop and a start in the midst of a long job, as the client saw it."""

    expected: Mapping[str, str]
    code: int
    took_s: float
    events: list[Event]
    finished: Finished


@pytest.fixture(scope="module")
def followed(stand: Stand, home: ClientHome) -> Followed:
    stand.start_with(*_NO_GRACE)
    heard: list[Event] = []
    running = Signal()

    def hear(event: Event) -> None:
        heard.append(event)
        if isinstance(event, StateEvent) and event.state is JobState.RUNNING:
            running.set()

    content = small_volume(LONG)
    with patient(home, stand.url) as channel, ThreadPoolExecutor(1) as pool:
        watcher = Watcher(event=hear)
        future = pool.submit(run_small, channel, home, content, CHOICE, watcher)
        assert running.wait(30)
        code, took_s = stand.end()
        stand.start()
        finished = future.result(120)
        expected = outputs(run_small(channel, home, content, CHOICE))
    return Followed(expected=expected, code=code, took_s=took_s, events=heard, finished=finished)


def test_a_stop_in_a_long_job_ends_well_and_in_time(followed: Followed) -> None:
    assert followed.code == 0
    assert followed.took_s < MOST_S


def test_a_long_job_is_queued_again_and_gives_the_same_octets(followed: Followed) -> None:
    told = [event.state for event in followed.events if isinstance(event, StateEvent)]

    assert told == [JobState.QUEUED, JobState.RUNNING] * 2
    assert outputs(followed.finished) == followed.expected


def test_who_follows_a_job_over_a_stop_gets_its_end_by_itself(followed: Followed) -> None:
    numbers = [event.n for event in followed.events]

    assert isinstance(followed.events[-1], EndEvent)
    assert numbers == sorted(set(numbers))
    assert followed.finished.results


def test_who_asks_again_cuts_no_stop_short(stand: Stand, home: ClientHome) -> None:
    stand.start_with()
    with open_channel(home, stand.url) as channel:
        job = _start_a_job(channel, home, LONG)
    code, _ = stand.end(signal.SIGTERM, signal.SIGTERM)
    stand.start()

    with open_channel(home, stand.url) as channel:
        state = states(channel)[job]

    assert (code, state) == (0, "done")


# ---- requests on their way


class Caller:
    """Asks again and again on one connection until that is refused; what was answered counts."""

    def __init__(self, channel: Channel, ask: Callable[[Channel, int], object]) -> None:
        self._channel = channel
        self._ask = ask
        self.answered = 0
        self.refusal: ErrorCode | None = None
        self._thread = threading.Thread(target=self._call, daemon=True)
        self._thread.start()

    def _call(self) -> None:
        try:
            while True:
                self._ask(self._channel, self.answered)
                self.answered += 1
        except EncryptSecureRTError as error:
            self.refusal = error.code

    def wait(self) -> None:
        """Wait for the refusal."""
        self._thread.join(60)
        assert not self._thread.is_alive()
        self._channel.close()


def test_requests_on_their_way_are_answered_or_the_worker_is_unreachable(
    stand: Stand, home: ClientHome, tmp_path: Path
) -> None:
    stand.start_with()
    channels = [open_channel(home, stand.url) for _ in range(4)]
    sender = Sender(channels[0])
    whole = sender.chunk(1)
    callers = [
        Caller(channels[0], lambda channel, n: sender.put(1, whole)),
        Caller(channels[1], lambda channel, n: channel.request_json("GET", "/v1/tasks")),
        Caller(channels[2], lambda channel, n: Sender(channel, content=b"%d" % n).put_all((0,))),
        Caller(channels[3], lambda channel, n: channel.request("GET", "/v1/jobs")),
    ]
    wait_for(lambda: all(caller.answered >= 5 for caller in callers))
    code, took_s = stand.end()
    for caller in callers:
        caller.wait()
    stand.start()

    with open_channel(home, stand.url) as channel:
        held = channel.request_json("GET", f"/v1/objects/{sender.upload}")["chunks"]

    assert code == 0
    assert took_s < MOST_S
    assert {caller.refusal for caller in callers} == {ErrorCode.E_UNREACHABLE}
    assert held == [1]
