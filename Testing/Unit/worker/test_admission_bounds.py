"""What one user may make the worker keep has an end, whatever is tried how often."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from Testing.Unit.worker.durable import StateFolder
from Testing.Unit.worker.kept import Kept
from Testing.Unit.worker.made import refusal_of
from Testing.Unit.worker.orders import OTHER, OWNER, order
from Testing.Unit.worker.sealed import Client

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.jobs import job_digest
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.sealing import HpkeKeyPair
from encryptsecurert_worker.core import WorkerCore
from encryptsecurert_worker.jobs.admission import REFUSALS_TOLD_AN_HOUR, Admission
from encryptsecurert_worker.vault.upload_index import UploadIndex


def test_refusals_of_one_user_are_told_so_often_an_hour_and_no_more(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    core = SimpleNamespace(time=kept.time, audit=kept.audit, epoch=1)
    admission = Admission(cast(WorkerCore, core))

    def refuse(user: str) -> None:
        header = order(user=user)
        admission._tell(header, job_digest(header.encode()), ErrorCode.E_TASK)

    for _ in range(REFUSALS_TOLD_AN_HOUR + 50):
        refuse(OWNER)
    refuse(OTHER)
    first_hour = kept.audit.n
    kept.clocks.monotonic_s += 3600
    refuse(OWNER)

    assert first_hour == REFUSALS_TOLD_AN_HOUR + 1
    assert kept.audit.n == first_hour + 1


def test_the_count_of_objects_has_an_end_also_of_empty_ones(
    worker_key: HpkeKeyPair, tmp_path: Path, monkeypatch: Any
) -> None:
    objects = StateFolder(tmp_path).start().objects
    client = Client(worker_key, b"")
    client.send(objects)
    monkeypatch.setattr(UploadIndex, "count_of", lambda index, owner: LIMITS.objects_per_user)

    again = Client(worker_key, b"", name="cd" * 32)

    assert refusal_of(again.send, objects) is ErrorCode.E_QUOTA
