"""A hospital for faults: its jobs wait at a gate, its host's clock turns, and it can be killed."""

import dataclasses
import hashlib
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from Testing.Integration.audited import audit_lines
from Testing.Integration.hospital import Hospital
from Testing.Integration.orders import RESULT_KEY, draft, end_of
from Testing.Integration.small_jobs import parameters, small_volume

from encryptsecurert_protocol.audit import AuditLine
from encryptsecurert_protocol.jobs import JobHeader, job_digest
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.results import RECEIPT_NAME, open_result
from encryptsecurert_worker.server import service
from encryptsecurert_worker.server.building import build_core
from encryptsecurert_worker.server.config import WorkerConfig
from encryptsecurert_worker.server.service import WorkerService
from encryptsecurert_worker.tasks.break_glass import BreakGlassTask
from encryptsecurert_worker.tasks.dose_compare import DoseCompareTask
from encryptsecurert_worker.tasks.protect import ProtectTask
from encryptsecurert_worker.tasks.segment import SegmentTask
from encryptsecurert_worker.tasks.task import Task, TaskContext, TaskOutput, TaskRegistry
from EncryptSecureRTLib.client.channel import Channel
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.upload import upload

WAIT_S = 30.0
_STOP_S = 3  # all of it is for answers on their way: a running job leaves at once


class Gate:
    """Keeps jobs at their check points while it is shut."""

    def __init__(self) -> None:
        self._opened = threading.Event()
        self._opened.set()

    def shut(self) -> None:
        """Let no job go on."""
        self._opened.clear()

    def open(self) -> None:
        """Let every job go on."""
        self._opened.set()

    def pass_through(self, check_point: Callable[[], None]) -> None:
        """Go through when it is open; come by the check point again and again until then."""
        while not self._opened.wait(0.005):
            check_point()


class _GatedSegmentation(SegmentTask):
    """The production task with a gate at each of its check points."""

    def __init__(self, gate: Gate) -> None:
        super().__init__(threads=1)
        self._gate = gate

    def run(
        self, inputs: Sequence[memoryview], parameters: Mapping[str, Any], context: TaskContext
    ) -> TaskOutput:
        return super().run(inputs, parameters, _gated(context, self._gate))


class _GatedComparison(DoseCompareTask):
    """The same of doses."""

    def __init__(self, gate: Gate) -> None:
        super().__init__(threads=1)
        self._gate = gate

    def run(
        self, inputs: Sequence[memoryview], parameters: Mapping[str, Any], context: TaskContext
    ) -> TaskOutput:
        return super().run(inputs, parameters, _gated(context, self._gate))


def _gated(context: TaskContext, gate: Gate) -> TaskContext:
    def progress(stage: str, fraction: float) -> None:
        context.progress(stage, fraction)
        gate.pass_through(lambda: context.progress(stage, fraction))

    return dataclasses.replace(context, progress=progress)


class HostClock:
    """The clock of a worker's host: `ahead` of the true time, or stopped at a moment."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)
        self.stopped_at: datetime | None = None

    def __call__(self) -> datetime:
        """Return what the host says."""
        return self.stopped_at or datetime.now(UTC) + self.ahead

    def right(self) -> None:
        """Be right again."""
        self.ahead, self.stopped_at = timedelta(0), None


class FaultyHospital(Hospital):
    """A hospital at which a test turns the clock, holds jobs, and kills the worker."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.gate = Gate()
        self.clock = HostClock()

    def _config(self) -> WorkerConfig:
        return dataclasses.replace(super()._config(), stop_s=_STOP_S)

    def _service(self) -> WorkerService:
        core = build_core(self._config(), self.provider, self._sealing, self.clock)
        gate = self.gate
        gated: list[Task] = [_GatedSegmentation(gate), _GatedComparison(gate)]
        tasks = TaskRegistry([ProtectTask(), *gated, BreakGlassTask()])
        with patch.object(service, "AttestedProtocol", self.tap.protocol()):
            return WorkerService(self._config(), dataclasses.replace(core, tasks=tasks))

    def image(self, folder: Path) -> Path:
        """Copy what lies in the state folder now; with that a worker would start after a kill."""

        def later(_: object, names: list[str]) -> set[str]:
            return {"journal"} & set(names)

        shutil.copytree(self.state, folder, ignore=later)
        shutil.copy2(self.state / "journal", folder / "journal")  # nothing is newer than it
        return folder

    def bring_back(self, image: Path) -> None:
        """Stop the worker, put an image in its folder's place, and start it on that."""
        self.stop()
        shutil.rmtree(self.state)
        shutil.copytree(image, self.state)
        self.start()

    def crash(self) -> None:
        """Start anew from what a kill at this moment leaves on the disk."""
        image = self.image(self.folder / "image")
        self.bring_back(image)
        shutil.rmtree(image)

    def audit_lines(self) -> list[AuditLine]:
        """Return the whole audit chain, as the auditor reads it."""
        return audit_lines(self)

    def told(self, job: str) -> list[tuple[str, str]]:
        """Return event and code of every audit line of a job."""
        return [(line.event.value, line.code) for line in self.audit_lines() if line.job == job]


def small_order(channel: Channel, home: ClientHome, choice: int = 0, **changes: Any) -> JobHeader:
    """Upload a small volume and return an order to segment it."""
    name = upload(channel, home, ObjectKind.VOLUME, small_volume()).name
    order = {"task": "segment", "inputs": (name,), "parameters": parameters(choice)}
    return draft(channel, home, **{**order, **changes})


def outputs_of(channel: Channel, header: JobHeader) -> dict[str, str]:
    """Follow a job to its end, and return the digests of its results' plaintexts."""
    found = {}
    for name, size in end_of(channel, header.job).results:
        octets = channel.download(f"/v1/results/{header.job}/{name}", size)
        digest = job_digest(header.encode()).hex()
        plaintext = open_result(octets, job_sha256=digest, key=RESULT_KEY, name=name)
        found[name] = hashlib.sha256(plaintext).hexdigest()
    found.pop(RECEIPT_NAME, None)
    return found


def states(channel: Channel) -> dict[str, str]:
    """Return the state of each of the caller's jobs."""
    return {row["job"]: row["state"] for row in channel.request_json("GET", "/v1/jobs")["jobs"]}


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something holds."""
    deadline_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline_s, "it never came true"
        time.sleep(0.01)
