"""The thread of all jobs: whatever a task does, its job ends and the next one runs."""

import errno
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from Testing.Unit.worker.books import full
from Testing.Unit.worker.desks import (
    OUTPUT,
    Body,
    Desk,
    Gate,
    Scripted,
    end_of,
    started,
    wait_for,
)
from Testing.Unit.worker.made import NOW, HandMadeSite
from Testing.Unit.worker.orders import RESULT_KEY

from encryptsecurert_protocol.audit import AuditEvent
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.events import (
    EndEvent,
    LogEvent,
    ProgressEvent,
    StateEvent,
    decode_event,
)
from encryptsecurert_protocol.jobs import JobState
from encryptsecurert_protocol.receipts import Receipt
from encryptsecurert_protocol.results import open_result
from encryptsecurert_protocol.rights import Role
from encryptsecurert_worker.jobs import book as book_module
from encryptsecurert_worker.jobs.job import Job
from encryptsecurert_worker.jobs.record import ResultFile
from encryptsecurert_worker.jobs.steps import JobSteps
from encryptsecurert_worker.tasks.task import TaskContext, TaskOutput


def _crash(context: TaskContext) -> TaskOutput:
    raise ZeroDivisionError("CANARY")


def _refuse(context: TaskContext) -> TaskOutput:
    raise EncryptSecureRTError(ErrorCode.E_GEOMETRY)


def _too_much(context: TaskContext) -> TaskOutput:
    raise MemoryError


def _half(context: TaskContext) -> TaskOutput:
    # Sealing fails after the first result.
    return TaskOutput(results=(("answer", b"42"), ("answer", 42)))  # type: ignore[arg-type]  # wrong on purpose


def _emergency(context: TaskContext) -> TaskOutput:
    until = context.break_glass("P" + "A" * 16, "no other way")
    return TaskOutput(results=(), numbers=(("granted_s", (until - context.now()).seconds),))


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def desk(tmp_path: Path, made: HandMadeSite, gate: Gate) -> Iterator[Desk]:
    bodies: dict[str, Body] = {
        "good": lambda context: OUTPUT,
        "crash": _crash,
        "refuse": _refuse,
        "too_much": _too_much,
        "gate": gate,
        "half": _half,
        "emergency": _emergency,
    }
    opened = Desk(tmp_path, made, bodies)
    yield opened
    gate.opened.set()
    opened.close()


def test_a_good_job_has_results_and_a_receipt_that_names_them(desk: Desk) -> None:
    job = desk.order("good")
    end = end_of(job)

    assert (end.state, end.error) == (JobState.DONE, None)
    assert [name for name, _ in end.results] == ["answer", "receipt"]
    files = {name: desk.core.book.result(job, name)[0].read_bytes() for name, _ in end.results}
    opened = {
        name: bytes(open_result(file, job_sha256=job.digest_hex, key=RESULT_KEY, name=name))
        for name, file in files.items()
    }
    assert opened["answer"] == b"42"
    body = Receipt.decode(opened["receipt"]).verified_body(desk.core.identity.receipt_spki)
    assert (body.job_sha256, body.task, body.user) == (job.digest_hex, "good", desk.user.user)
    assert body.numbers == (("answer", "42.0"),)
    assert [(name, len(file)) for name, file in files.items()] == list(end.results)


def test_the_receipt_names_the_line_of_its_jobs_end(desk: Desk) -> None:
    job = desk.order("good")
    end_of(job)
    path, _ = desk.core.book.result(job, "receipt")
    octets = open_result(path.read_bytes(), job_sha256=job.digest_hex, key=RESULT_KEY)
    body = Receipt.decode(bytes(octets)).verified_body(desk.core.identity.receipt_spki)
    (line,) = [line for line in desk.lines() if line.event is AuditEvent.JOB_FINISHED]

    assert body.audit_head == line.head
    assert (line.job, line.user, line.digest) == (
        job.header.job,
        job.header.user,
        job.digest_hex,
    )


def test_result_files_tell_nothing_and_are_private(desk: Desk) -> None:
    job = desk.order("good")
    end_of(job)

    for name in desk.result_files:
        path = desk.core.state / "results" / name
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert len(bytes.fromhex(name)) == 16
        assert b"42" not in path.read_bytes()[:40]


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

    end = end_of(failing)
    assert (end.state, end.error, end.results) == (JobState.FAILED, code, ())
    assert end_of(good).state is JobState.DONE
    assert len(desk.result_files) == 2
    assert ("job-ended", code) in desk.told
    wait_for(lambda: desk.ends == [(task, "failed"), ("good", "done")])


def test_a_running_job_is_stopped_and_the_next_one_runs(desk: Desk) -> None:
    turning, good = desk.order("gate"), desk.order("good")
    started(turning)
    desk.core.book.cancel(turning)

    end = end_of(turning)
    assert (end.state, end.error) == (JobState.CANCELLED, "E_CANCELLED")
    assert end_of(good).state is JobState.DONE
    assert ("job-ended", "E_CANCELLED") in desk.told


def test_an_input_that_is_gone_is_told(desk: Desk) -> None:
    assert end_of(desk.order("good", inputs=("aa" * 32,))).error == "E_INPUT_GONE"


def test_a_job_that_a_smaller_worker_cannot_hold_any_more_is_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Scripted, "memory_bytes", lambda *_: desk.core.memory_bytes + 1)

    assert end_of(desk.order("good")).error == "E_TOO_LARGE"


def test_the_last_progress_stays_after_the_end(desk: Desk, gate: Gate) -> None:
    job = desk.order("gate")
    gate.entered.wait(10)
    wait_for(lambda: any(b"turning" in line for _, line in job.events_after(0)[0]))
    gate.opened.set()
    end_of(job)
    events = [decode_event(line) for _, line in job.events_after(0)[0]]

    shown = [type(event) for event in events if not isinstance(event, LogEvent)]
    assert shown == [StateEvent, StateEvent, ProgressEvent, EndEvent]
    assert events[-1].n > len(events)


def test_the_role_counts_at_the_start(desk: Desk, gate: Gate) -> None:
    running, waiting = desk.order("gate"), desk.order("good")
    started(running)
    desk.provision(desk.made.user(Role.PHYSICIST), epoch=4)  # nobody tells the book
    gate.opened.set()

    assert end_of(running).state is JobState.DONE
    assert end_of(waiting).state is JobState.CANCELLED
    assert desk.told[-1] == ("job-ended", "E_USER_CERTIFICATE")
    assert waiting.record.starts == 0


def test_a_user_without_the_role_is_told_apart_from_one_who_is_out(
    desk: Desk, made: HandMadeSite, gate: Gate
) -> None:
    running, waiting = desk.order("gate"), desk.order("good")
    started(running)
    user = type(desk.user)(
        user=desk.user.user, certificate=desk.user.certificate, role=Role.AUDITOR
    )
    desk.provision(user, epoch=4)
    gate.opened.set()
    end_of(waiting)

    assert desk.told[-1] == ("job-ended", "E_FORBIDDEN")


def test_results_of_a_job_that_was_withdrawn_are_withheld(desk: Desk, gate: Gate) -> None:
    job = desk.order("gate")
    gate.entered.wait(10)
    desk.provision(desk.made.user(Role.PHYSICIST), epoch=4)
    desk.core.book.withdraw(desk.core.refusal_of)

    assert end_of(job).state is JobState.CANCELLED
    assert desk.result_files == []
    assert desk.told[-1] == ("job-ended", "E_USER_CERTIFICATE")


def test_a_disk_that_is_full_at_the_end_fails_the_job_and_is_told_later(
    desk: Desk, gate: Gate
) -> None:
    job = desk.order("gate")
    gate.entered.wait(10)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(desk.core.ledger, "write", full)
        gate.opened.set()
        end = end_of(job)
    wait_for(lambda: bool(desk.ends))
    desk.core.book.settle()

    assert (end.state, end.error) == (JobState.FAILED, "E_BUSY")
    assert desk.result_files == []
    assert desk.told[-1] == ("job-ended", "E_BUSY")


def test_results_and_their_names_are_on_the_disk_before_the_job_is_done(
    desk: Desk, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    before_done: list[int] = []
    fsync, finish = os.fsync, desk.core.book.steps.finish

    def noted_fsync(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    def noted_finish(job: Job, results: tuple[ResultFile, ...]) -> None:
        before_done.extend(synced)
        finish(job, results)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(desk.core.book.steps, "finish", noted_finish)
    gate.opened.set()
    end_of(desk.order("gate"))
    folder = desk.core.state / "results"
    files = [path.stat().st_ino for path in folder.iterdir()]

    assert len(files) == 2
    assert {*files, folder.stat().st_ino} <= set(before_done)
    assert before_done.index(folder.stat().st_ino) > max(map(before_done.index, files))


def test_results_that_the_disk_does_not_take_fail_the_job(
    desk: Desk, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    job = desk.order("gate")
    gate.entered.wait(10)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", no_space)
        gate.opened.set()
        wait_for(lambda: job.state.ended)

    assert job.error == "E_BUSY"
    assert desk.result_files == []


def test_a_disk_that_is_full_at_the_start_lets_jobs_wait(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(book_module, "_POLL_S", 0.01)
    refused = threading.Event()
    append = desk.core.audit.append

    def no_starts(event: AuditEvent, **members: Any) -> str:
        if event is AuditEvent.JOB_STARTED:
            refused.set()
            full()
        return append(event, **members)

    with monkeypatch.context() as patched:
        patched.setattr(desk.core.audit, "append", no_starts)
        job = desk.order("good")
        refused.wait(10)
        waited = job.state

    assert waited is JobState.QUEUED
    assert end_of(job).state is JobState.DONE


def test_no_case_is_opened_once_the_lease_of_the_start_has_ended(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = desk.core.book.start

    def start(job: Job) -> bool:
        begun = taken(job)
        core = desk.made.core(desk.user, epoch=4, lease_s=3600)  # and nobody brings a lease
        desk.core.site.provision(desk.made.message(core), [desk.made.worker_key], NOW)
        return begun

    monkeypatch.setattr(desk.core.book, "start", start)
    end = end_of(desk.order("emergency"))

    assert (end.state, end.error) == (JobState.FAILED, "E_NOT_PROVISIONED")
    assert not list(desk.core.quotas.grants(desk.user.user, NOW))
    assert AuditEvent.BREAK_GLASS not in {line.event for line in desk.lines()}


def test_break_glass_is_in_the_audit_with_its_case_and_reason(desk: Desk) -> None:
    job = desk.order("emergency")
    end = end_of(job)
    (line,) = [line for line in desk.lines() if line.event is AuditEvent.BREAK_GLASS]

    assert [name for name, _ in end.results] == ["receipt"]
    assert (line.case, line.note) == ("P" + "A" * 16, "no other way")
    assert (line.user, line.job) == (job.header.user, job.header.job)


def test_the_thread_of_all_jobs_outlasts_what_goes_wrong_between_two(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real, calls = JobSteps.start, iter([MemoryError()])

    def start(steps: JobSteps, job: Job) -> bool:
        for error in calls:
            raise error
        return real(steps, job)

    monkeypatch.setattr(JobSteps, "start", start)
    first, second = desk.order("good"), desk.order("good")

    assert (end_of(first).error, end_of(second).state) == ("E_INTERNAL", JobState.DONE)
    assert "jobs-thread-failed" in [record.msg for record in caplog.records]
