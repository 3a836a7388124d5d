"""Another user's id takes the very path through the code that an unknown id takes.

So neither the answer nor its time tells whether somebody else has a job, upload or object of it.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from Testing.Unit.worker.books import Shelf
from Testing.Unit.worker.durable import StateFolder
from Testing.Unit.worker.made import HandMadeSite
from Testing.Unit.worker.orders import OTHER, OWNER
from Testing.Unit.worker.sealed import Client

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.sealing import HpkeKeyPair

UNKNOWN_ID, UNKNOWN_NAME = "0e" * 16, "0e" * 32
Line = tuple[str, int]


def path_of(action: Callable[..., object], *arguments: object) -> tuple[list[Line], ErrorCode]:
    """Return each line of the worker that ran, in order, and the refusal."""
    lines: list[Line] = []

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        name = frame.f_code.co_filename
        if "encryptsecurert_worker" not in name:
            return None
        if event == "line":
            lines.append((Path(name).name, frame.f_lineno))
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        with pytest.raises(EncryptSecureRTError) as refusal:
            action(*arguments)
    finally:
        sys.settrace(before)
    assert lines
    return lines, refusal.value.code


def test_another_users_job_is_looked_up_as_one_that_does_not_exist(
    tmp_path: Path, made: HandMadeSite
) -> None:
    shelf = Shelf(tmp_path, made)
    job = shelf.accept("01" * 16, OWNER)

    others = path_of(shelf.book.get, OTHER, job.header.job)
    nobodys = path_of(shelf.book.get, OTHER, UNKNOWN_ID)

    assert shelf.book.get(OWNER, job.header.job) is job
    assert others == nobodys


def test_another_users_job_id_is_free(tmp_path: Path, made: HandMadeSite) -> None:
    shelf = Shelf(tmp_path, made)
    job = shelf.accept("01" * 16, OWNER)

    assert shelf.book.known(OTHER, job.header.job, b"\x00" * 32) is None


def test_another_users_objects_are_looked_up_as_ones_that_do_not_exist(
    tmp_path: Path, worker_key: HpkeKeyPair
) -> None:
    objects = StateFolder(tmp_path).start().objects
    client = Client(worker_key, b"octets of the owner")
    upload = client.send(objects, owner=OWNER)

    by_id = [path_of(objects.upload, OTHER, name) for name in (upload.upload, UNKNOWN_ID)]
    by_name = [path_of(objects.require_complete, OTHER, n) for n in (client.name, UNKNOWN_NAME)]

    assert objects.require_complete(OWNER, client.name).upload == upload.upload
    assert by_id[0] == by_id[1]
    assert by_name[0] == by_name[1]
