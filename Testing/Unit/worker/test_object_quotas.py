"""What one user may hold: open uploads, octets; and who is told `have`."""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path

import pytest
from Testing.Unit.worker.durable import StateFolder
from Testing.Unit.worker.made import refusal_of
from Testing.Unit.worker.orders import OTHER, OWNER
from Testing.Unit.worker.sealed import Client

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import LIMITS, MIB
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.sealing import HpkeKeyPair
from encryptsecurert_worker.vault.objects import ObjectStore

CONTENT = b"some content " * 100_000  # 2 chunks


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    return StateFolder(tmp_path)


@pytest.fixture
def store(state: StateFolder) -> Iterator[ObjectStore]:
    start = state.start()
    yield start.objects
    start.ledger.close()


def test_open_uploads_are_counted_for_each_user_also_after_a_restart(
    state: StateFolder, store: ObjectStore, worker_key: HpkeKeyPair
) -> None:
    clients = [Client(worker_key, b"x", name=f"{n:064x}") for n in range(65)]
    for client in clients[:64]:
        client.begin(store)
    assert refusal_of(clients[64].begin, store) is ErrorCode.E_QUOTA
    again = state.start().objects
    assert refusal_of(clients[64].begin, again) is ErrorCode.E_QUOTA

    clients[64].begin(again, owner=OTHER)  # the quota is a user's own
    clients[0].begin(again)  # what is open goes on
    clients[0].send(again)  # and makes room when it is complete
    assert not clients[64].begin(again).complete
    assert again.open_uploads == 65


def test_octets_count_from_the_beginning_of_an_upload(
    state: StateFolder, store: ObjectStore, worker_key: HpkeKeyPair
) -> None:
    Client(worker_key, CONTENT, name="01" * 32).begin(store)
    Client(worker_key, CONTENT, name="02" * 32).send(store)
    Client(worker_key, CONTENT, name="01" * 32).send(store, owner=OTHER)

    assert store.held_bytes(OWNER) == 2 * len(CONTENT)
    assert store.total_bytes == 3 * len(CONTENT)
    again = state.start().objects
    assert (again.held_bytes(OWNER), again.total_bytes) == (2 * len(CONTENT), 3 * len(CONTENT))


def test_what_is_held_beside_objects_counts_too(
    store: ObjectStore, worker_key: HpkeKeyPair
) -> None:
    Client(worker_key, CONTENT, name="01" * 32).send(store)
    client = Client(worker_key, CONTENT, name="02" * 32)
    room = LIMITS.held_bytes_per_user - 2 * len(CONTENT)

    def begin(other_bytes: int) -> object:
        return store.begin(
            OWNER, client.header, client.sealed, client.key_of, other_bytes=other_bytes
        )

    assert refusal_of(begin, room + 1) is ErrorCode.E_QUOTA
    assert begin(room)


def test_parameters_larger_than_any_are_too_large(
    store: ObjectStore, worker_key: HpkeKeyPair
) -> None:
    at = Client(worker_key, bytes(MIB), name="01" * 32, kind=ObjectKind.PARAMETERS)
    over = Client(worker_key, bytes(MIB + 1), name="02" * 32, kind=ObjectKind.PARAMETERS)

    assert at.send(store).complete
    assert refusal_of(over.begin, store) is ErrorCode.E_TOO_LARGE


def test_have_looks_at_the_name_alone_and_only_for_its_owner(
    store: ObjectStore, worker_key: HpkeKeyPair
) -> None:
    whole = Client(worker_key, CONTENT).send(store)
    later = Client(HpkeKeyPair.generate(), CONTENT)

    assert later.begin(store) is whole
    assert later.begin(store, owner=OTHER) is not whole


def test_two_uploads_of_one_object_stay_apart_and_either_completes_it(
    store: ObjectStore, worker_key: HpkeKeyPair
) -> None:
    first, second = Client(worker_key, CONTENT), Client(worker_key, CONTENT)
    earlier, later = first.send(store, order=[0]), second.send(store, order=[0])
    assert earlier is not later
    assert (first.begin(store), second.begin(store)) == (earlier, later)

    first.send(store)

    assert store.require_complete(OWNER, first.name) is earlier
    store.put(later, 1, second.chunk(1))  # whoever is late is not refused
    assert bytes(store.open(later)) == CONTENT


def test_one_header_begun_at_once_many_times_is_one_upload(
    store: ObjectStore, worker_key: HpkeKeyPair
) -> None:
    client = Client(worker_key, CONTENT)
    together = threading.Barrier(8)

    def begin(_: int) -> str:
        together.wait()
        return client.begin(store).upload

    with ThreadPoolExecutor(8) as pool:
        uploads = set(pool.map(begin, range(8)))

    assert len(uploads) == store.open_uploads == 1


def test_chunks_put_by_many_at_once_make_one_object(
    store: ObjectStore, worker_key: HpkeKeyPair
) -> None:
    client = Client(worker_key, bytes(range(256)) * 4096 * 12)  # 12 chunks
    upload = client.begin(store)
    chunks = [client.chunk(index) for index in range(12)]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(store.put, repeat(upload), [*range(12)] * 2, chunks * 2))

    assert upload.complete
    assert bytes(store.open(upload)) == client.content


def test_a_full_disk_keeps_the_chunk_out_and_the_upload_going(
    state: StateFolder,
    store: ObjectStore,
    worker_key: HpkeKeyPair,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = Client(worker_key, CONTENT)
    upload = client.begin(store)
    pwrite = os.pwrite
    with monkeypatch.context() as full:
        # The disk takes half of the record, as one that fills up does.
        full.setattr(os, "pwrite", lambda d, r, at: pwrite(d, r[: len(r) // 2], at))
        assert refusal_of(store.put, upload, 0, client.chunk(0)) is ErrorCode.E_BUSY
    assert upload.digests == {}
    assert sorted(client.begin(state.start().objects).digests) == []

    assert bytes(store.open(client.send(store))) == CONTENT


def test_an_upload_that_was_dropped_meanwhile_takes_no_more(
    state: StateFolder, worker_key: HpkeKeyPair
) -> None:
    start = state.start()
    client = Client(worker_key, CONTENT)
    upload = client.send(start.objects, order=[0])
    state.pass_time(LIMITS.upload_kept_s)
    start.objects.expire(start.time.service_s(), set())

    assert refusal_of(start.objects.put, upload, 1, client.chunk(1)) is ErrorCode.E_NOT_FOUND
    assert state.files == []


def test_a_refused_begin_leaves_nothing(
    state: StateFolder, store: ObjectStore, monkeypatch: pytest.MonkeyPatch, worker_key: HpkeKeyPair
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise EncryptSecureRTError(ErrorCode.E_BUSY)

    client = Client(worker_key, CONTENT)
    with monkeypatch.context() as full:
        full.setattr("encryptsecurert_worker.vault.ledger.Ledger.write", refuse)
        assert refusal_of(client.begin, store) is ErrorCode.E_BUSY

    assert store.open_uploads == store.total_bytes == 0
    assert not client.begin(store).complete
