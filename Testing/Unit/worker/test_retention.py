"""What is kept, for how long, and by which clock: seconds of service, never the host's date."""

import json
import logging
import threading
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from Testing.Unit.worker.durable import Start, StateFolder
from Testing.Unit.worker.made import refusal_of
from Testing.Unit.worker.orders import OTHER, OWNER
from Testing.Unit.worker.sealed import Client

from encryptsecurert_protocol.audit import AuditEvent
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.sealing import HpkeKeyPair
from encryptsecurert_worker.audit.chain import AuditChain
from encryptsecurert_worker.core import WorkerCore
from encryptsecurert_worker.vault import ledger as ledger_module
from encryptsecurert_worker.vault.housekeeping import Housekeeper
from encryptsecurert_worker.vault.identity import KeyRing
from encryptsecurert_worker.vault.time import COUNTED_EACH_S

CONTENT = b"some content " * 100_000  # 2 chunks
NAME = "ab" * 32
HOUR_S, DAY_S = 3600, 24 * 3600


class Book:
    """A book of jobs that pins what a test says and notes when it was asked to forget."""

    def __init__(self) -> None:
        self.pins: set[tuple[str, str]] = set()
        self.expired_at: list[int] = []
        self.error: Exception | None = None

    def pinned(self) -> set[tuple[str, str]]:
        """Return (owner, object) of what jobs need."""
        return self.pins

    def settle(self) -> None:
        """Write down nothing: no end is owed."""

    def expire(self, service_s: int) -> None:
        """Note the call, or fail."""
        if self.error is not None:
            raise self.error
        self.expired_at.append(service_s)


class House:
    """One start with its housekeeper, which a test lets make its rounds."""

    def __init__(self, state: StateFolder, start: Start) -> None:
        self.state = state
        self.start = start
        self.objects = start.objects
        self.book = Book()
        self.ring = KeyRing(start.time.monotonic_s())
        self.audit = AuditChain(state.path, start.ledger, start.time, "0a" * 16, "0b" * 16)
        self.audit.restore(HpkeKeyPair.generate().public)
        core = SimpleNamespace(
            ledger=start.ledger,
            time=start.time,
            objects=start.objects,
            quotas=start.quotas,
            book=self.book,
            audit=self.audit,
            identity=SimpleNamespace(ring=self.ring),
        )
        self.keeper = Housekeeper(cast(WorkerCore, core))

    def after(self, seconds: float) -> None:
        """Let time pass, then make a round."""
        self.state.pass_time(seconds)
        self.keeper.run_once()


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    return StateFolder(tmp_path)


@pytest.fixture
def house(state: StateFolder) -> House:
    return House(state, state.start())


@pytest.fixture
def client(worker_key: HpkeKeyPair) -> Client:
    return Client(worker_key, CONTENT)


def held(house: House) -> bool:
    """Tell whether the owner has the object, without using it."""
    return house.objects.held_bytes(OWNER) > 0


# ---- objects


def test_an_open_upload_lives_a_day_from_its_last_chunk(house: House, client: Client) -> None:
    upload = client.send(house.objects, order=[1])
    house.after(DAY_S - 1)
    house.objects.put(upload, 1, client.chunk(1))

    house.after(DAY_S - 1)
    assert house.objects.upload(OWNER, upload.upload) is upload
    house.after(1)
    assert refusal_of(house.objects.upload, OWNER, upload.upload) is ErrorCode.E_NOT_FOUND
    assert house.state.files == []
    assert list(house.start.ledger.of("upload")) == []


def test_an_object_lives_a_week_from_its_last_use(house: House, client: Client) -> None:
    client.send(house.objects)
    house.after(7 * DAY_S - 1)
    assert client.begin(house.objects).complete  # have
    house.after(7 * DAY_S - 1)
    house.objects.require_complete(OWNER, NAME)  # a job

    house.after(7 * DAY_S - 1)
    assert held(house)
    house.after(1)
    assert not held(house)
    assert house.state.files == []


def test_a_pinned_object_stays_and_lives_a_week_more_when_its_job_has_ended(
    house: House, client: Client
) -> None:
    client.send(house.objects)
    house.book.pins = {(OWNER, NAME)}
    house.after(30 * DAY_S)
    assert held(house)
    house.book.pins = {(OTHER, NAME)}

    house.after(7 * DAY_S - 1)
    assert held(house)
    house.after(1)
    assert not held(house)


def test_a_pin_does_not_keep_an_open_upload(house: House, client: Client) -> None:
    client.send(house.objects, order=[0])
    house.book.pins = {(OWNER, NAME)}

    house.after(DAY_S)

    assert not held(house)


@pytest.mark.parametrize("days", [-4000, 4000])
def test_a_clock_that_jumps_deletes_nothing(house: House, client: Client, days: int) -> None:
    client.send(house.objects)
    Client(client.key, CONTENT, name="cd" * 32).send(house.objects, order=[0])
    house.state.now += timedelta(days=days)

    house.after(60)

    assert house.objects.held_bytes(OWNER) == 2 * len(CONTENT)


def test_the_time_that_no_worker_served_does_not_count(state: StateFolder, client: Client) -> None:
    house = House(state, state.start())
    client.send(house.objects)
    house.after(6 * DAY_S)
    house.keeper.stop()
    state.pass_time(30 * DAY_S)  # nobody serves

    again = House(state, state.start())
    again.after(DAY_S - 1)
    assert held(again)
    again.after(HOUR_S + 1)  # a use within the hour before the stop may not have been noted
    assert not held(again)


def test_a_use_outlives_a_crash(state: StateFolder, client: Client) -> None:
    house = House(state, state.start())
    client.send(house.objects)
    house.after(6 * DAY_S)
    client.begin(house.objects)
    house.after(60)

    again = House(state, state.start())
    again.after(6 * DAY_S)

    assert held(again)


def test_a_use_that_was_not_noted_yet_counts_after_a_crash_as_well(
    state: StateFolder, client: Client
) -> None:
    house = House(state, state.start())
    client.send(house.objects)
    house.after(HOUR_S)
    client.begin(house.objects)
    house.after(60)

    again = House(state, state.start())
    again.after(7 * DAY_S - 61 - COUNTED_EACH_S)

    assert held(again)


def test_a_use_is_noted_once_an_hour_at_most(house: House, client: Client) -> None:
    client.send(house.objects)
    house.after(60)
    before = house.start.ledger.get("upload", *_only_upload(house))

    for _ in range(59):
        client.begin(house.objects)
        house.after(60)
    assert house.start.ledger.get("upload", *_only_upload(house)) == before
    client.begin(house.objects)
    house.after(61)
    client.begin(house.objects)
    house.after(60)
    assert house.start.ledger.get("upload", *_only_upload(house)) != before


def _only_upload(house: House) -> tuple[str, str]:
    ((owner, upload_id, _),) = house.start.ledger.of("upload")
    return owner, upload_id


def test_on_a_full_disk_what_is_old_goes_all_the_same(
    house: House, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise EncryptSecureRTError(ErrorCode.E_BUSY)

    used = Client(client.key, CONTENT, name="cd" * 32)
    used.send(house.objects)
    client.send(house.objects)
    house.state.pass_time(7 * DAY_S)
    used.begin(house.objects)

    with monkeypatch.context() as full:
        full.setattr(house.start.ledger, "write", refuse)
        house.keeper.run_once()

    assert refusal_of(house.objects.require_complete, OWNER, NAME) is ErrorCode.E_INPUT_GONE
    assert len(house.state.files) == 1
    assert house.objects.require_complete(OWNER, used.name)


def test_restarts_alone_keep_nothing_for_ever(state: StateFolder, client: Client) -> None:
    house = House(state, state.start())
    client.send(house.objects, order=[0])
    for _ in range(26):
        house.after(HOUR_S)
        house.keeper.stop()
        house.start.ledger.close()
        house = House(state, state.start())

    assert not held(house)


# ---- the housekeeper


def test_jobs_and_keys_have_their_turn(house: House) -> None:
    key = house.ring.keys[0]

    house.after(LIMITS.hpke_key_s)

    assert house.book.expired_at == [LIMITS.hpke_key_s]
    assert house.ring.keys[1:] == (key,)


def test_service_seconds_outlive_a_stop_and_nearly_outlive_a_crash(state: StateFolder) -> None:
    house = House(state, state.start())
    house.after(600)
    state.pass_time(30)
    assert state.start().time.service_s() == 600 + COUNTED_EACH_S
    house.keeper.stop()
    house.start.ledger.close()

    assert state.start().time.service_s() == 630 + COUNTED_EACH_S


def test_one_chore_that_fails_keeps_no_other_from_being_done(
    house: House, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    client.send(house.objects)
    house.book.error = EncryptSecureRTError(ErrorCode.E_BUSY)

    with caplog.at_level(logging.ERROR):
        house.after(7 * DAY_S)
        house.after(60)

    assert not held(house)
    assert [(r.msg, r.__dict__["code"]) for r in caplog.records] == [("jobs-not-expired", "E_BUSY")]


def test_a_failure_is_told_again_once_it_was_over(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        for error in (ValueError("a value of a patient"), None, ValueError("another")):
            house.book.error = error
            house.after(60)

    assert [(r.msg, r.__dict__["kind"]) for r in caplog.records] == [
        ("jobs-not-expired", "ValueError"),
        ("jobs-not-expired", "ValueError"),
    ]
    assert "patient" not in json.dumps([record.__dict__ for record in caplog.records], default=str)


def test_the_audit_file_follows_the_journal(house: House) -> None:
    house.audit.append(AuditEvent.JOB_STARTED)
    file = house.state.path / "audit"
    assert not file.exists()

    house.after(1)

    assert file.stat().st_size > 0


def test_a_journal_that_is_mostly_history_is_written_anew(
    house: House, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_module, "_COMPACT_FROM_BYTES", 0)
    client.send(house.objects)
    for _ in range(200):
        house.audit.append(AuditEvent.JOB_STARTED, durable=False)
    size = house.start.ledger.size_bytes

    house.after(60)

    assert house.start.ledger.size_bytes < size / 4
    again = House(house.state, house.state.start())
    assert bytes(again.objects.open(again.objects.require_complete(OWNER, NAME))) == CONTENT


def test_the_thread_files_audit_lines_until_it_is_stopped(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    filed = threading.Event()
    monkeypatch.setattr(house.audit, "flush", filed.set)
    before = set(threading.enumerate())
    house.keeper.start()

    assert filed.wait(30)
    house.keeper.stop()
    assert not {t.name for t in set(threading.enumerate()) - before} & {"housekeeping"}


def test_a_housekeeper_that_never_began_can_be_stopped(house: House) -> None:
    house.state.pass_time(60)

    house.keeper.stop()

    assert house.state.start().time.service_s() == 60 + COUNTED_EACH_S
