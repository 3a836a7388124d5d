"""A SIMULATED worker in this process whose jobs and lines a test holds at any stage.

    panel's client  ->  HoldingLine (loopback)  ->  worker, its queue and its gate

Held things go on at `let_go`. Nothing here sleeps: a stage is held until the test has seen it.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from Testing.Integration.cutting import Steps
from Testing.Integration.faults import FaultyHospital, wait_for
from Testing.Integration.held import no_job_starts
from Testing.Integration.taps import OuterConnection, TcpTap

from encryptsecurert_protocol.jobs import JobState
from encryptsecurert_protocol.rights import Role
from encryptsecurert_worker.server import service
from EncryptSecureRTLib.client.home import ClientHome

_LONGEST_HOLD_S = 60.0


class HoldingLine(TcpTap):
    """Forwards; while it holds one direction, what comes there waits.

    Attributes
    ----------
    holds : whether something waits.
    """

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.holds = False
        self._open = threading.Event()
        self._open.set()
        self._is_held: Callable[[bool], bool] = lambda from_client: False

    def hold(self, *, from_client: bool, once: Callable[[], bool]) -> None:
        """Hold what comes from one side, from the moment on at which `once` is true."""
        self._open.clear()
        self._is_held = lambda side: side is from_client and once()

    def let_go(self) -> None:
        """Let everything pass."""
        self._open.set()

    def _may_pass(self, connection: OuterConnection, from_client: bool) -> bool:
        if not self._open.is_set() and self._is_held(from_client):
            self.holds = True
            self._open.wait(_LONGEST_HOLD_S)
            self.holds = False
        return True


class HeldClinic:
    """The worker, a physicist whom it knows, and the line between the two."""

    def __init__(self, hospital: FaultyHospital, physicist: ClientHome, line: HoldingLine) -> None:
        self.hospital, self.line = hospital, line
        self._physicist, self._user = physicist, physicist.user().user

    @property
    def url(self) -> str:
        """The address at which the line listens."""
        return self.line.url

    @property
    def physicist(self) -> Path:
        """The physicist's client folder."""
        return self._physicist.path

    def hold_after(self, request: str, *, from_client: bool) -> None:
        """Hold one side of the line once the worker has got a request that begins so."""
        steps = self.hospital.tap
        assert isinstance(steps, Steps)
        seen = len(steps.requests)
        self.line.hold(
            from_client=from_client,
            once=lambda: any(line.startswith(request) for _, line in steps.requests[seen:]),
        )

    @contextmanager
    def queue_held(self) -> Iterator[None]:
        """Have no job start within."""
        with no_job_starts(self.hospital.service.core):
            yield

    def cut(self) -> None:
        """Cut the line, and let no new one reach the worker; its jobs go on."""
        with socket.create_server(("127.0.0.1", 0)) as nobody:
            port = nobody.getsockname()[1]
        self.line.lead_to(f"https://127.0.0.1:{port}")
        self.line.kill_connections()

    def mend(self) -> None:
        """Let new lines reach the worker again."""
        self.line.lead_to(self.hospital.url)

    def let_go(self) -> None:
        """Let jobs and lines go on."""
        self.mend()
        self.hospital.gate.open()
        self.line.let_go()

    def wait_idle(self) -> None:
        """Let everything go on, and wait until no job is left in the worker's way."""
        self.let_go()
        wait_for(lambda: all(state.ended for state in self._states().values()))

    def state_of(self, job: str) -> str:
        """Return the state of a job of the physicist's; empty if there is none."""
        states = self._states()
        return states[job].value if job in states else ""

    def _states(self) -> dict[str, JobState]:
        jobs = self.hospital.service.core.book.of(self._user)
        return {job.header.job: job.state for job, _ in jobs}


@contextmanager
def open_held_clinic(folder: Path) -> Iterator[HeldClinic]:
    """Start worker and line, and end both."""
    hospital = FaultyHospital(folder)
    hospital.tap = Steps()
    physicist = hospital.user(Role.PHYSICIST)
    # In a process with Qt only the main thread may collect garbage: see `host` in conftest.
    with patch.object(service, "give_back_memory", lambda: None), hospital:
        hospital.provision()
        with HoldingLine(hospital.url) as line:
            clinic = HeldClinic(hospital, physicist, line)
            yield clinic
            clinic.let_go()
