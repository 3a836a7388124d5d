"""What is another user's takes the very same steps as what does not exist: nothing to time."""

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from Testing.Unit.worker.desks import OUTPUT, Desk, end_of
from Testing.Unit.worker.made import HandMadeSite, HandMadeUser
from Testing.Unit.worker.orders import order
from Testing.Unit.worker.sealed import Client

import encryptsecurert_worker
from encryptsecurert_protocol.errors import EncryptSecureRTError
from encryptsecurert_protocol.jobs import job_digest
from encryptsecurert_protocol.limits import MIB
from encryptsecurert_worker.jobs.admission import Admission
from encryptsecurert_worker.vault.site import Caller

_WORKER = encryptsecurert_worker.__path__[0]
_UNKNOWN, _UNKNOWN_OBJECT = "f0" * 16, "f0" * 32
Step = tuple[str, int]


def steps_of(action: Callable[[], object]) -> list[Step]:
    """Return each line of the worker that an action executes; refusals are a part of it."""
    steps: list[Step] = []

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        code = frame.f_code
        if not code.co_filename.startswith(_WORKER):
            return None
        if event == "line":
            steps.append((code.co_qualname, frame.f_lineno))
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        with suppress(EncryptSecureRTError):
            action()
    finally:
        sys.settrace(before)
    assert steps
    return steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """Two users of a worker; `owner` has a job with a result, an object and an open upload."""

    desk: Desk
    other: HandMadeUser
    job: str
    upload: str
    object: str
    open_object: str

    @property
    def owner(self) -> HandMadeUser:
        """Whose the things are."""
        return self.desk.user


@pytest.fixture
def neighbours(tmp_path: Path, made: HandMadeSite) -> Iterator[Neighbours]:
    desk = Desk(tmp_path, made, {"answer": lambda context: OUTPUT})
    other = made.user()
    desk.provision(desk.user, other, epoch=4)
    job = desk.order("answer")
    end_of(job)
    whole = Client(made.worker_key, b"whole", name="0a" * 32)
    whole.send(desk.core.objects, owner=desk.user.user)
    half = Client(made.worker_key, bytes(MIB + 1), name="0b" * 32)
    upload = half.send(desk.core.objects, owner=desk.user.user, order=[0])
    yield Neighbours(
        desk=desk,
        other=other,
        job=job.header.job,
        upload=upload.upload,
        object=whole.name,
        open_object=half.name,
    )
    desk.close()


def _require_same(
    neighbours: Neighbours, look: Callable[[str, str], object], foreign: str, unknown: str
) -> None:
    """See that `look`(owner, name) goes one way for both names, and another for their owner."""
    other = neighbours.other.user
    steps_of(lambda: look(other, unknown))  # whatever is made once is made

    of_foreign = steps_of(lambda: look(other, foreign))
    of_unknown = steps_of(lambda: look(other, unknown))

    assert of_foreign == of_unknown
    assert steps_of(lambda: look(neighbours.owner.user, foreign)) != of_foreign


def test_a_job_that_is_another_users_is_looked_for_as_one_that_is_not_there(
    neighbours: Neighbours,
) -> None:
    book = neighbours.desk.core.book

    _require_same(neighbours, book.get, neighbours.job, _UNKNOWN)


def test_the_result_of_another_users_job_is_looked_for_as_one_that_is_not_there(
    neighbours: Neighbours,
) -> None:
    book = neighbours.desk.core.book

    def result(owner: str, job: str) -> object:
        return book.result(book.get(owner, job), "answer")

    _require_same(neighbours, result, neighbours.job, _UNKNOWN)


def test_the_id_of_another_users_job_is_as_free_as_any(neighbours: Neighbours) -> None:
    book = neighbours.desk.core.book

    def known(owner: str, job: str) -> object:
        return book.known(owner, job, b"another digest")

    _require_same(neighbours, known, neighbours.job, _UNKNOWN)


def test_another_users_upload_is_looked_for_as_one_that_is_not_there(
    neighbours: Neighbours,
) -> None:
    store = neighbours.desk.core.objects

    _require_same(neighbours, store.upload, neighbours.upload, _UNKNOWN)


@pytest.mark.parametrize("which", ["object", "open_object"])
def test_another_users_object_is_an_input_as_little_as_one_that_is_not_there(
    neighbours: Neighbours, which: str
) -> None:
    store, foreign = neighbours.desk.core.objects, getattr(neighbours, which)
    other = neighbours.other.user
    look = store.require_complete
    steps_of(lambda: look(other, _UNKNOWN_OBJECT))  # whatever is made once is made

    of_foreign = steps_of(lambda: look(other, foreign))

    assert of_foreign == steps_of(lambda: look(other, _UNKNOWN_OBJECT))
    assert steps_of(lambda: look(neighbours.owner.user, neighbours.object)) != of_foreign


@pytest.mark.parametrize("which", ["object", "open_object"])
def test_an_upload_under_the_name_of_another_users_object_begins_as_any(
    neighbours: Neighbours, which: str
) -> None:
    desk, other = neighbours.desk, neighbours.other.user
    store, key = desk.core.objects, desk.made.worker_key

    def begin(name: str, owner: str = other) -> list[Step]:
        client = Client(key, b"whole", name=name)
        return steps_of(lambda: client.begin(store, owner=owner))

    begin("0c" * 32)
    of_foreign = begin(getattr(neighbours, which))

    assert of_foreign == begin("0d" * 32)
    assert begin(neighbours.object, neighbours.owner.user) != of_foreign


@pytest.mark.parametrize("which", ["object", "open_object"])
@pytest.mark.parametrize("member", ["inputs", "parameters"])
def test_an_order_with_another_users_object_is_refused_on_the_way_of_any(
    neighbours: Neighbours, which: str, member: str
) -> None:
    desk, other = neighbours.desk, neighbours.other
    admission = Admission(desk.core)
    mine = Client(desk.made.worker_key, b"{}", name="0e" * 32)
    mine.send(desk.core.objects, owner=other.user)
    core = desk.core.site.require().core
    caller = Caller(entry=other.entry, fingerprint=other.fingerprint, spki=b"")

    def refuse(number: int, name: str) -> list[Step]:
        members: dict[str, object] = {"inputs": (mine.name,), "parameters": mine.name}
        members[member] = (name,) if member == "inputs" else name
        header = order(
            f"{number:032x}",
            other.user,
            certificate=other.fingerprint,
            task="answer",
            site_key_id=core.site_key_id,
            worker=desk.core.identity.name,
            **members,
        )
        return steps_of(lambda: admission.admit(header, header.encode(), caller))

    refuse(1, _UNKNOWN_OBJECT)
    of_foreign = refuse(2, getattr(neighbours, which))

    assert of_foreign == refuse(3, _UNKNOWN_OBJECT)
    assert not desk.core.book.of(other.user)
    assert refuse(4, mine.name) != of_foreign


def test_a_job_under_the_id_of_another_users_job_is_taken_as_any(neighbours: Neighbours) -> None:
    desk, other = neighbours.desk, neighbours.other
    book = desk.core.book

    def accept(job: str) -> list[Step]:
        header = order(job, other.user, certificate=other.fingerprint, task="answer")
        octets = header.encode()
        digest = job_digest(octets)
        steps = steps_of(lambda: book.accept(header, octets, digest, header.certificate))
        end_of(book.get(other.user, job))
        return steps

    accept("0f" * 16)
    of_foreign = accept(neighbours.job)

    assert of_foreign == accept(_UNKNOWN)
