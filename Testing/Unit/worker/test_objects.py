"""The object store: what reaches the disk is sealed, what is held opens whole or not at all."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from Testing.Unit.worker.durable import StateFolder
from Testing.Unit.worker.made import refusal_of
from Testing.Unit.worker.orders import OTHER, OWNER
from Testing.Unit.worker.sealed import Client

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.limits import MIB
from encryptsecurert_protocol.sealing import HpkeKeyPair, random_octets
from encryptsecurert_worker.vault.objects import ObjectStore

CONTENT = b"a word that must not be found " * 100_000  # 3 chunks


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return StateFolder(tmp_path).start().objects


def test_what_was_sent_comes_out(store: ObjectStore, worker_key: HpkeKeyPair) -> None:
    upload = Client(worker_key, CONTENT).send(store)

    assert upload.complete
    assert store.require_complete(OWNER, "ab" * 32) is upload
    assert bytes(store.open(upload)) == CONTENT
    assert bytes(store.open(upload)) == CONTENT  # as often as jobs ask for it


@pytest.mark.parametrize("size", [0, 1, 4096, MIB - 1, MIB, MIB + 1])
def test_every_size_comes_out(store: ObjectStore, worker_key: HpkeKeyPair, size: int) -> None:
    client = Client(worker_key, random_octets(size))

    assert bytes(store.open(client.send(store))) == client.content


@settings(max_examples=8, deadline=None)
@given(order=st.permutations(range(3)))
def test_chunks_in_any_order_come_out_the_same(
    tmp_path_factory: pytest.TempPathFactory, worker_key: HpkeKeyPair, order: list[int]
) -> None:
    store = StateFolder(tmp_path_factory.mktemp("state")).start().objects

    assert bytes(store.open(Client(worker_key, CONTENT).send(store, order=order))) == CONTENT


def test_files_tell_neither_content_nor_owner_nor_name(
    store: ObjectStore, worker_key: HpkeKeyPair, tmp_path: Path
) -> None:
    upload = Client(worker_key, CONTENT).send(store)
    (path,) = (tmp_path / "objects").iterdir()
    octets = path.read_bytes()

    assert b"must not be found" not in octets
    assert not {OWNER, "ab" * 32, upload.upload} & {path.name}
    assert OWNER.encode() not in octets
    assert path.stat().st_mode & 0o077 == 0


def test_another_owner_sees_nothing(store: ObjectStore, worker_key: HpkeKeyPair) -> None:
    upload = Client(worker_key, CONTENT).send(store)

    assert refusal_of(store.upload, OTHER, upload.upload) is ErrorCode.E_NOT_FOUND
    assert refusal_of(store.upload, OWNER, "00" * 16) is ErrorCode.E_NOT_FOUND
    assert refusal_of(store.require_complete, OTHER, "ab" * 32) is ErrorCode.E_INPUT_GONE
    theirs = Client(worker_key, b"theirs").send(store, owner=OTHER)
    assert bytes(store.open(theirs)) == b"theirs"
    assert bytes(store.open(upload)) == CONTENT


def test_a_whole_object_is_not_taken_again_and_a_broken_one_can_be(
    store: ObjectStore, worker_key: HpkeKeyPair
) -> None:
    broken = Client(worker_key, CONTENT).send(store, order=[0])
    other_header = Client(worker_key, CONTENT)
    whole = other_header.send(store)

    assert broken.next_chunk() == 1
    assert whole is not broken
    third = Client(worker_key, CONTENT)
    assert third.begin(store) is whole


def test_an_incomplete_object_is_no_input(store: ObjectStore, worker_key: HpkeKeyPair) -> None:
    client = Client(worker_key, CONTENT)
    upload = client.send(store, order=[0, 2])

    assert refusal_of(store.require_complete, OWNER, "ab" * 32) is ErrorCode.E_INPUT_GONE
    store.put(upload, 1, client.chunk(1))
    assert store.require_complete(OWNER, "ab" * 32) is upload


def _damage(path: Path) -> None:
    octets = bytearray(path.read_bytes())
    octets[MIB // 2] ^= 1
    path.write_bytes(octets)


def _swap_records(path: Path) -> None:
    record = MIB + 60
    octets = path.read_bytes()
    path.write_bytes(octets[record : 2 * record] + octets[:record] + octets[2 * record :])


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("what", [_damage, _swap_records, _cut, Path.unlink])
def test_what_the_host_did_to_a_file_is_found_and_the_object_can_be_sent_again(
    store: ObjectStore, worker_key: HpkeKeyPair, tmp_path: Path, what: Callable[[Path], None]
) -> None:
    upload = Client(worker_key, CONTENT).send(store)
    (path,) = (tmp_path / "objects").iterdir()
    what(path)

    assert refusal_of(store.open, upload) is ErrorCode.E_INPUT_GONE
    assert refusal_of(store.require_complete, OWNER, "ab" * 32) is ErrorCode.E_INPUT_GONE
    assert list((tmp_path / "objects").iterdir()) == []
    assert bytes(store.open(Client(worker_key, CONTENT).send(store))) == CONTENT


def test_one_objects_file_in_anothers_place_does_not_open(
    store: ObjectStore, worker_key: HpkeKeyPair, tmp_path: Path
) -> None:
    first = Client(worker_key, CONTENT, name="01" * 32).send(store)
    second = Client(worker_key, CONTENT, name="02" * 32).send(store)
    second.path.write_bytes(first.path.read_bytes())

    assert refusal_of(store.open, second) is ErrorCode.E_INPUT_GONE
    assert bytes(store.open(first)) == CONTENT


def test_untrue_content_is_refused_and_forgotten(
    store: ObjectStore, worker_key: HpkeKeyPair
) -> None:
    untrue = Client(worker_key, CONTENT, sha256=bytes(32)).send(store)

    assert refusal_of(store.open, untrue) is ErrorCode.E_DIGEST
    assert refusal_of(store.upload, OWNER, untrue.upload) is ErrorCode.E_NOT_FOUND
    assert bytes(store.open(Client(worker_key, CONTENT).send(store))) == CONTENT
