"""The thread of all jobs: whatever a task does, its job ends and the next one runs."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from Testing.Unit.worker.made import NOW, HandMadeSite
from Testing.Unit.worker.orders import OWNER, RESULT_KEY, new_job
from Testing.Unit.worker.sealed import Client

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.events import EndEvent, decode_event
from encryptsecurert_protocol.jobs import JobState
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.receipts import Receipt
from encryptsecurert_protocol.results import open_result
from encryptsecurert_protocol.rights import Operation
from encryptsecurert_worker.audit.chain import AuditChain
from encryptsecurert_worker.core import WorkerCore
from encryptsecurert_worker.evidence.ratls_cert import make_ratls_identity
from encryptsecurert_worker.evidence.simulated import SimulatedProvider
from encryptsecurert_worker.jobs.book import JobBook
from encryptsecurert_worker.jobs.job import Job
from encryptsecurert_worker.jobs.runner import JobRunner
from encryptsecurert_worker.tasks.task import TaskContext, TaskOutput, TaskRegistry
from encryptsecurert_worker.vault.identity import new_identity
from encryptsecurert_worker.vault.objects import ObjectStore
from encryptsecurert_worker.vault.site import Site

Body = Callable[[TaskContext], TaskOutput]
OUTPUT = TaskOutput(results=(("answer", b"42"),), numbers=(("answer", 42.0),))


class Scripted:
    """A task that does what a test says."""

    algorithm = "scripted-1"
    operation = Operation.PROTECT
    input_kinds: tuple[ObjectKind, ...] = ()

    def __init__(self, name: str, body: Body) -> None:
        self.name = name
        self._body = body

    def describe(self) -> Mapping[str, Any]:
        """Tell nothing."""
        return {}

    def check(self, parameters: Mapping[str, Any]) -> None:
        """Take everything."""

    def run(
        self, inputs: Sequence[memoryview], parameters: Mapping[str, Any], context: TaskContext
    ) -> TaskOutput:
        """Do as the test says."""
        return self._body(context)


def _crash(context: TaskContext) -> TaskOutput:
    raise ZeroDivisionError("CANARY")


def _refuse(context: TaskContext) -> TaskOutput:
    raise EncryptSecureRTError(ErrorCode.E_GEOMETRY)


def _too_much(context: TaskContext) -> TaskOutput:
    raise MemoryError


def _for_ever(context: TaskContext) -> TaskOutput:
    while True:
        context.progress("turning", 0.5)
        time.sleep(0.005)


def _half(context: TaskContext) -> TaskOutput:
    # The second name is none that an event may carry: sealing fails after the first result.
    return TaskOutput(results=(("answer", b"42"), ("answer", 42)))  # type: ignore[arg-type]  # wrong on purpose


BODIES: dict[str, Body] = {
    "good": lambda context: OUTPUT,
    "crash": _crash,
    "refuse": _refuse,
    "too_much": _too_much,
    "for_ever": _for_ever,
    "half": _half,
}


class Desk:
    """A worker's core with scripted tasks, and its runner."""

    def __init__(self, folder: Path, made: HandMadeSite) -> None:
        self.user = made.user()
        site = Site()
        site.provision(made.message(made.core(self.user)), made.worker_key, NOW)
        provider = SimulatedProvider(folder / "tee", bytes(32), lambda: NOW)
        identity = new_identity(folder, NOW)
        self.audit_path = folder / "audit"
        self.audit = AuditChain(self.audit_path, identity.instance_id, identity.start_id)
        self.audit.seal_to(site.require().core.auditor_key)
        self.core = WorkerCore(
            state=folder,
            storage_key=bytes(32),
            clock=lambda: NOW,
            provider=provider,
            tls=make_ratls_identity(provider),
            identity=identity,
            site=site,
            objects=ObjectStore(folder / "objects", bytes(32)),
            book=JobBook(),
            tasks=TaskRegistry([Scripted(name, body) for name, body in BODIES.items()]),
            audit=self.audit,
        )
        self._jobs = 0
        parameters = Client(made.worker_key, canonical.encode({}), kind=ObjectKind.PARAMETERS)
        parameters.send(self.core.objects)
        self.parameters = parameters.name
        self.runner = JobRunner(self.core)
        self.runner.start()

    def order(self, task: str) -> Job:
        """Queue a job."""
        self._jobs += 1
        job_id = f"{self._jobs:032x}"
        job = new_job(job_id, task=task, inputs=(), parameters=self.parameters)
        return self.core.book.add(job)

    def end(self, job: Job) -> EndEvent:
        """Wait for the end of a job."""
        deadline_s = time.monotonic() + 10
        while not job.state.ended:
            assert time.monotonic() < deadline_s, "the job never ended"
            time.sleep(0.005)
        last = decode_event(job.events_after(0)[0][-1])
        assert isinstance(last, EndEvent)
        return last

    @property
    def result_files(self) -> list[str]:
        """Names of all result files."""
        return [path.name for path in (self.core.state / "results").iterdir()]


@pytest.fixture
def desk(tmp_path: Path, made: HandMadeSite) -> Iterator[Desk]:
    opened = Desk(tmp_path, made)
    yield opened
    opened.runner.stop(10)


def test_a_good_job_has_results_and_a_receipt_that_names_them(desk: Desk) -> None:
    job = desk.order("good")
    end = desk.end(job)

    assert (end.state, end.error) == (JobState.DONE, None)
    assert [name for name, _ in end.results] == ["answer", "receipt"]
    opened = {
        name: bytes(
            open_result(path.read_bytes(), job_sha256=job.digest_hex, key=RESULT_KEY, name=name)
        )
        for name, (path, _) in job.result_files.items()
    }
    assert opened["answer"] == b"42"
    body = Receipt.decode(opened["receipt"]).verified_body(desk.core.identity.receipt_spki)
    assert (body.job_sha256, body.task, body.user) == (job.digest_hex, "good", OWNER)
    assert body.numbers == (("answer", "42.0"),)
    assert b"42" not in b"".join(p.read_bytes()[:40] for p, _ in job.result_files.values())


@pytest.mark.parametrize(
    ("task", "code"),
    [
        ("crash", "E_INTERNAL"),
        ("refuse", "E_GEOMETRY"),
        ("too_much", "E_TOO_LARGE"),
        ("half", "E_INTERNAL"),
    ],
)
def test_a_failing_job_gives_its_code_leaves_nothing_and_the_next_one_runs(
    desk: Desk, task: str, code: str
) -> None:
    failing, good = desk.order(task), desk.order("good")

    end = desk.end(failing)
    assert (end.state, end.error, end.results) == (JobState.FAILED, code, ())
    assert failing.result_files == {}
    assert desk.end(good).state is JobState.DONE
    assert len(desk.result_files) == 2


def test_a_running_job_is_stopped_and_the_next_one_runs(desk: Desk) -> None:
    turning, good = desk.order("for_ever"), desk.order("good")
    while turning.state is not JobState.RUNNING:
        time.sleep(0.005)
    pressed_s = time.monotonic()
    desk.core.book.cancel(turning)

    end = desk.end(turning)
    assert time.monotonic() - pressed_s < 0.5
    assert (end.state, end.error) == (JobState.CANCELLED, "E_CANCELLED")
    assert desk.end(good).state is JobState.DONE


def test_an_input_that_is_gone_is_told(desk: Desk) -> None:
    job = new_job("0f" * 16, task="good", inputs=("aa" * 32,), parameters=desk.parameters)
    desk.core.book.add(job)

    assert desk.end(job).error == "E_INPUT_GONE"


def test_an_audit_file_that_cannot_be_written_fails_jobs_but_ends_nothing(desk: Desk) -> None:
    assert desk.end(desk.order("good")).state is JobState.DONE
    desk.audit_path.unlink()
    desk.audit_path.mkdir()  # as a full disk would: no line can be added
    failed = [desk.end(desk.order(task)) for task in ("good", "refuse")]
    desk.audit_path.rmdir()

    assert {(end.state, end.error) for end in failed} == {(JobState.FAILED, "E_BUSY")}
    assert desk.end(desk.order("good")).state is JobState.DONE


def test_stopping_cancels_what_runs_and_what_waits(desk: Desk) -> None:
    turning, waiting = desk.order("for_ever"), desk.order("good")
    while turning.state is not JobState.RUNNING:
        time.sleep(0.005)
    desk.runner.stop(10)

    assert [desk.end(job).state for job in (turning, waiting)] == [JobState.CANCELLED] * 2


def test_results_of_an_earlier_start_are_removed(desk: Desk) -> None:
    desk.end(desk.order("good"))
    assert desk.result_files
    again = JobRunner(desk.core)
    again.start()
    again.stop(10)

    assert desk.result_files == []
