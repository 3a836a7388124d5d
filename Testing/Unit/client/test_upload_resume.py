"""Uploads that broke off go on where they were, and never under a key that sealed anything else."""

import json
import os
import stat
import threading
from pathlib import Path

import pytest
from Testing.Unit.client.answers import code_of
from Testing.Unit.client.fake_worker import FakeLine, FakeWorker

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import MIB
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.sealing import random_octets
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.line import Line
from EncryptSecureRTLib.client.patience import PatientChannel, Waiter
from EncryptSecureRTLib.client.upload import Content, Uploaded, upload
from EncryptSecureRTLib.client.upload_state import KEPT_FROM_BYTES, KEPT_S

_CONTENT = random_octets(5 * MIB + 100)  # six chunks


@pytest.fixture
def home(tmp_path: Path) -> ClientHome:
    made = ClientHome(tmp_path / "home")
    made.enroll()
    return made


@pytest.fixture
def worker() -> FakeWorker:
    return FakeWorker()


def _send(line: Line, home: ClientHome, content: bytes = _CONTENT) -> Uploaded:
    return upload(line, home, ObjectKind.VOLUME, Content([content]))


def _break_off(worker: FakeWorker, home: ClientHome, puts: int = 2) -> None:
    """Let the worker be away after some chunks."""
    worker.puts_left = puts
    assert code_of(lambda: _send(FakeLine(worker).line, home)) is ErrorCode.E_UNREACHABLE
    worker.puts_left = 1000


def _files(home: ClientHome) -> list[Path]:
    return sorted(home.uploads_path.iterdir()) if home.uploads_path.exists() else []


def test_an_upload_that_ended_leaves_nothing_behind(home: ClientHome, worker: FakeWorker) -> None:
    sent = _send(FakeLine(worker).line, home)

    assert sent.sent_bytes == len(_CONTENT)
    assert _files(home) == []


@pytest.mark.parametrize("restarted", [False, True])
def test_only_what_is_missing_is_sent_by_the_next_run(
    home: ClientHome, worker: FakeWorker, restarted: bool
) -> None:
    _break_off(worker, home)
    if restarted:
        worker.restart()
    line = FakeLine(worker)
    progress: list[tuple[int, int]] = []

    sent = upload(
        line.line,
        home,
        ObjectKind.VOLUME,
        Content([_CONTENT]),
        progress=lambda done, total: progress.append((done, total)),
    )

    assert sent.sent_bytes == len(_CONTENT) - 2 * MIB
    assert len(set(worker.headers)) == 1
    assert line.asked[0] == "POST /v1/objects"
    assert line.asked[1].startswith("GET /v1/objects/")
    assert progress[0] == (2 * MIB, len(_CONTENT))
    assert progress[-1] == (len(_CONTENT), len(_CONTENT))
    assert _files(home) == []


def test_what_was_sent_whole_before_the_break_is_not_sent_again(
    home: ClientHome, worker: FakeWorker
) -> None:
    _break_off(worker, home)
    kept = {path: path.read_bytes() for path in _files(home)}
    _send(FakeLine(worker).line, home)
    for path, octets in kept.items():  # as if the process had died before it could tidy up
        path.write_bytes(octets)

    assert _send(FakeLine(worker).line, home).sent_bytes == 0
    assert _files(home) == []


def test_a_worker_that_lost_the_upload_gets_a_new_one(home: ClientHome, worker: FakeWorker) -> None:
    _break_off(worker, home)
    worker.restart(forget=True)

    assert _send(FakeLine(worker).line, home).sent_bytes == len(_CONTENT)
    assert len(set(worker.headers)) == 2
    assert _files(home) == []


def test_an_upload_that_is_lost_on_the_way_begins_anew_and_counts_all_octets(
    home: ClientHome, worker: FakeWorker
) -> None:
    class Losing(FakeLine):
        def put(self, path: str, octets: bytes) -> None:
            if worker.puts_left == 997:
                worker.restart(forget=True)
                self.statement = FakeLine(worker).statement
            super().put(path, octets)

    sent = _send(Losing(worker).line, home)

    assert sent.sent_bytes >= len(_CONTENT) + MIB
    assert len(set(worker.headers)) == 2


def test_a_worker_that_refuses_every_key_is_asked_three_times(
    home: ClientHome, worker: FakeWorker
) -> None:
    line = FakeLine(worker)
    worker.away = [ErrorCode.E_SEAL] * 9

    assert code_of(lambda: _send(line.line, home)) is ErrorCode.E_SEAL
    assert line.asked == ["POST /v1/objects"] * 3
    assert _files(home) == []


@pytest.mark.parametrize(
    "chunks", [[6], [-1], [True], ["0"], [[0]], list(range(7)), "012", {"0": 1}]
)
def test_chunks_that_the_object_does_not_have_are_no_answer(
    home: ClientHome, worker: FakeWorker, chunks: object
) -> None:
    _break_off(worker, home)
    worker.state = lambda upload: {"chunks": chunks, "complete": False}  # type: ignore[method-assign]  # one lie

    assert code_of(lambda: _send(FakeLine(worker).line, home)) is ErrorCode.E_FORMAT


# ---- the file


def test_the_state_is_for_its_owner_only(home: ClientHome, worker: FakeWorker) -> None:
    _break_off(worker, home)

    (path,) = _files(home)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.name == json.loads(worker.headers[0])["object"] + ".json"


def test_of_a_small_upload_nothing_is_kept(home: ClientHome, worker: FakeWorker) -> None:
    worker.puts_left = 1
    content = bytes(KEPT_FROM_BYTES)

    code = code_of(lambda: _send(FakeLine(worker).line, home, content))
    assert code is ErrorCode.E_UNREACHABLE
    assert _files(home) == []


def _damage(octets: bytes, member: str) -> bytes:
    value = json.loads(octets)
    if isinstance(value[member], int):
        value[member] += 1
    else:
        first = value[member][0]
        value[member] = ("A" if first != "A" else "B") + value[member][1:]
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    "member", ["schema", "header", "sealed", "data_key", "size", "sha256", "check"]
)
def test_a_state_in_which_anything_was_changed_is_dropped(
    home: ClientHome, worker: FakeWorker, member: str
) -> None:
    _break_off(worker, home)
    (path,) = _files(home)
    path.write_bytes(_damage(path.read_bytes(), member))

    assert _send(FakeLine(worker).line, home).sent_bytes == len(_CONTENT)
    assert len(set(worker.headers)) == 2


@pytest.mark.parametrize("octets", [b"", b"{}", b"[]", b"\xff", b"[" * 9000, bytes(70_000)])
def test_a_state_that_cannot_be_read_is_dropped(
    home: ClientHome, worker: FakeWorker, octets: bytes
) -> None:
    _break_off(worker, home)
    (path,) = _files(home)
    path.write_bytes(octets)

    assert _send(FakeLine(worker).line, home).sent_bytes == len(_CONTENT)
    assert _files(home) == []


def test_the_state_of_another_object_or_user_is_dropped(
    home: ClientHome, worker: FakeWorker, tmp_path: Path
) -> None:
    other = ClientHome(tmp_path / "other")
    other.enroll()
    _break_off(worker, home)
    (path,) = _files(home)
    octets, content = path.read_bytes(), _CONTENT[::-1]
    for owner in (home, other):
        before = len(worker.headers)
        worker.puts_left = 0
        code_of(lambda owner=owner: _send(FakeLine(worker).line, owner, content))  # type: ignore[misc]  # names the file
        (target,) = [file for file in _files(owner) if file != path]
        target.write_bytes(octets)
        worker.puts_left = 1000

        assert _send(FakeLine(worker).line, owner, content).sent_bytes == len(content)
        assert worker.headers[0] not in worker.headers[before:]


def test_a_state_older_than_a_week_is_removed_whosever_it_is(
    home: ClientHome, worker: FakeWorker
) -> None:
    _break_off(worker, home)
    (path,) = _files(home)
    left = path.with_name("x.json.00.new")
    left.write_bytes(b"half")
    for stale in (path, left):
        moment = stale.stat().st_mtime - KEPT_S - 60
        os.utime(stale, (moment, moment))

    assert _send(FakeLine(worker).line, home).sent_bytes == len(_CONTENT)
    assert _files(home) == []


def test_without_a_place_for_the_state_nothing_is_sent(
    home: ClientHome, worker: FakeWorker
) -> None:
    home.uploads_path.write_bytes(b"not a folder")
    line = FakeLine(worker)

    assert code_of(lambda: _send(line.line, home)) is ErrorCode.E_LOCAL_FILE
    assert line.asked == []


def test_with_a_full_disk_nothing_is_sent(
    home: ClientHome, worker: FakeWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    line = FakeLine(worker)

    assert code_of(lambda: _send(line.line, home)) is ErrorCode.E_LOCAL_FILE
    assert line.asked == []
    assert _files(home) == []


# ---- within one run


def _patient(worker: FakeWorker) -> PatientChannel:
    waiter = Waiter(sleep=lambda seconds: None, clock_s=iter(range(10**6)).__next__)
    return PatientChannel(lambda: FakeLine(worker).line, waiter=waiter)


def test_a_restart_in_mid_upload_goes_on_with_the_older_key(
    home: ClientHome, worker: FakeWorker
) -> None:
    once = threading.Lock()

    class Restarting(FakeWorker):
        def put(self, upload: str, index: int, octets: bytes) -> None:
            super().put(upload, index, octets)
            if index == 3 and once.acquire(blocking=False):  # taken, but the answer is lost
                self.restart()
                raise EncryptSecureRTError(ErrorCode.E_UNREACHABLE)

    worker = Restarting()
    channel = _patient(worker)

    sent = _send(channel, home)

    assert sent.sent_bytes == len(_CONTENT)
    assert len(worker.headers) == 1
    assert worker.begin(worker.headers[0], b"") == {"have": True}


def test_a_key_that_changes_before_the_announcement_is_a_new_header(
    home: ClientHome, worker: FakeWorker
) -> None:
    channel = _patient(worker)
    worker.restart()

    assert _send(channel, home).sent_bytes == len(_CONTENT)
    assert len(worker.headers) == 2  # the first one names a key that is gone
    assert _files(home) == []
