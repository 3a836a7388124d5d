"""A worker's core with scripted tasks, and its runner, started again and again on one folder."""

import dataclasses
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from Testing.Unit.worker.kept import AUDITOR
from Testing.Unit.worker.made import NOW, HandMadeSite, HandMadeUser
from Testing.Unit.worker.orders import accept, order
from Testing.Unit.worker.sealed import Client

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.audit import AuditLine, open_audit_line
from encryptsecurert_protocol.events import EndEvent, decode_event
from encryptsecurert_protocol.jobs import JobHeader, JobState
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.rights import Operation, Role
from encryptsecurert_worker.evidence.simulated import SimulatedProvider
from encryptsecurert_worker.jobs.job import Job
from encryptsecurert_worker.jobs.runner import JobRunner
from encryptsecurert_worker.server.building import build_core
from encryptsecurert_worker.server.config import WorkerConfig
from encryptsecurert_worker.tasks.task import TaskContext, TaskOutput, TaskRegistry
from encryptsecurert_worker.vault.sealing_keys import SimulatedSealingKey

Body = Callable[[TaskContext], TaskOutput]
OUTPUT = TaskOutput(results=(("answer", b"42"),), numbers=(("answer", 42.0),))
PATIENCE_S = 20


class Scripted:
    """A task that does what a test says."""

    algorithm = "scripted-1"
    operation = Operation.PROTECT
    input_kinds: tuple[ObjectKind, ...] = ()
    optional_kinds: tuple[ObjectKind, ...] = ()

    def __init__(self, name: str, body: Body) -> None:
        self.name = name
        self._body = body

    def describe(self) -> Mapping[str, Any]:
        """Tell nothing."""
        return {}

    def check(self, parameters: Mapping[str, Any]) -> None:
        """Take everything."""

    def memory_bytes(self, input_sizes: Sequence[int], parameters: Mapping[str, Any]) -> int:
        """Take nothing."""
        return 0

    def run(
        self, inputs: Sequence[memoryview], parameters: Mapping[str, Any], context: TaskContext
    ) -> TaskOutput:
        """Do as the test says."""
        return self._body(context)


class Gate:
    """A task's body that goes round, past check points, until it is let through."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.opened = threading.Event()

    def __call__(self, context: TaskContext) -> TaskOutput:
        """Wait here."""
        self.entered.set()
        while not self.opened.wait(0.005):
            context.progress("turning", 0.5)
        return OUTPUT


class Deaf:
    """A task's body that has no check point until it is let through."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.opened = threading.Event()

    def __call__(self, context: TaskContext) -> TaskOutput:
        """Wait here."""
        self.entered.set()
        self.opened.wait(PATIENCE_S)
        context.progress("turning", 0.5)
        return OUTPUT


class Desk:
    """One start of a worker without a server.

    Attributes
    ----------
    ends : (task, end) of every job that the runner told of.
    """

    def __init__(
        self,
        folder: Path,
        made: HandMadeSite,
        bodies: Mapping[str, Body],
        user: HandMadeUser | None = None,
    ) -> None:
        self.folder, self.made, self.bodies = folder, made, dict(bodies)
        self.user = user or made.user(Role.PHYSICIST)
        config = WorkerConfig(state=folder / "state", port=0, provider="simulated")
        provider = SimulatedProvider(folder / "tee", bytes(32), lambda: NOW)
        sealing = SimulatedSealingKey(folder, provider.measurement)
        core = build_core(config, provider, sealing, lambda: NOW)
        tasks = TaskRegistry([Scripted(name, body) for name, body in self.bodies.items()])
        self.core = dataclasses.replace(core, tasks=tasks)
        self._jobs = len(self.core.book.of(self.user.user))
        parameters = Client(made.worker_key, canonical.encode({}), kind=ObjectKind.PARAMETERS)
        self.parameters = parameters.name
        if user is None:  # a later start has bundle and parameters
            self.provision(self.user)
            parameters.send(self.core.objects, owner=self.user.user)
        self.ends: list[tuple[str, str]] = []
        self.runner = JobRunner(self.core, lambda task, end, _: self.ends.append((task, end)))
        self.runner.start()

    def provision(self, *users: HandMadeUser, epoch: int = 3) -> None:
        """Bring a bundle that lists these users."""
        made, core = self.made, self.core
        bundle = made.core(*users, epoch=epoch, auditor_key=AUDITOR.public)
        core.site.provision(made.message(bundle), [made.worker_key], NOW)
        core.audit.seal_to(AUDITOR.public)
        core.ledger.write([core.site.require().fact])
        core.book.wake()

    def close(self) -> None:
        """Stop at once."""
        self.runner.stop(0)
        self.core.close()

    def again(self) -> "Desk":
        """Start once more on the same folder."""
        return Desk(self.folder, self.made, self.bodies, self.user)

    def header(self, task: str, **changes: object) -> JobHeader:
        """Return the header of a new order."""
        self._jobs += 1
        members = {"inputs": (), "parameters": self.parameters, "task": task, **changes}
        return order(
            f"{self._jobs:032x}",
            self.user.user,
            certificate=self.user.fingerprint,
            **members,
        )

    def order(self, task: str, **changes: object) -> Job:
        """Queue a job."""
        return accept(self.core.book, self.header(task, **changes))

    def find(self, job: Job) -> Job:
        """Return the same job in this start."""
        return self.core.book.get(*job.record.key)

    @property
    def result_files(self) -> list[str]:
        """Names of all result files."""
        return [path.name for path in (self.core.state / "results").iterdir()]

    def lines(self) -> list[AuditLine]:
        """Return the audit chain."""
        instance, lines = self.core.identity.instance_id, self.core.audit.page(0).lines
        octets = [open_audit_line(s, n, instance, AUDITOR) for n, s in enumerate(lines, 1)]
        return [AuditLine.decode(line) for line in octets]

    @property
    def told(self) -> list[tuple[str, str]]:
        """Event and code of every audit line."""
        return [(line.event.value, line.code) for line in self.lines()]


def end_of(job: Job) -> EndEvent:
    """Wait for the end of a job."""
    wait_for(lambda: job.state.ended)
    last = decode_event(job.events_after(0)[0][-1][1])
    assert isinstance(last, EndEvent)
    return last


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something holds."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline_s, "it never came true"
        time.sleep(0.005)


def started(job: Job) -> None:
    """Wait until a job runs."""
    wait_for(lambda: job.state is JobState.RUNNING)
