"""Objects and open uploads outlive the worker: what was acknowledged is there after any crash."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from Testing.Unit.worker.durable import StateFolder
from Testing.Unit.worker.made import refusal_of
from Testing.Unit.worker.orders import OWNER
from Testing.Unit.worker.sealed import Client

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import MIB
from encryptsecurert_protocol.sealing import HpkeKeyPair
from encryptsecurert_worker.vault import objects as objects_module
from encryptsecurert_worker.vault.ledger import Change, Ledger

CONTENT = b"what is kept across a restart " * 100_000  # 3 chunks
NAME = "ab" * 32
RECORD_BYTES = MIB + 60


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    return StateFolder(tmp_path)


@pytest.fixture
def client(worker_key: HpkeKeyPair) -> Client:
    return Client(worker_key, CONTENT)


def no_key(name: str) -> HpkeKeyPair:
    """Know no key, as a worker that was started anew does not know the last start's."""
    raise EncryptSecureRTError(ErrorCode.E_SEAL)


def refuse_busy(*args: object, **kwargs: object) -> None:
    """Refuse as a full disk does."""
    raise EncryptSecureRTError(ErrorCode.E_BUSY)


def test_a_complete_object_is_there_after_a_crash(state: StateFolder, client: Client) -> None:
    client.send(state.start().objects)

    again = state.start().objects
    held = again.require_complete(OWNER, NAME)
    assert bytes(again.open(held)) == CONTENT
    assert again.begin(OWNER, client.header, client.sealed, no_key) is held


def test_an_open_upload_goes_on_after_a_crash_under_its_header_alone(
    state: StateFolder, client: Client
) -> None:
    before = client.send(state.start().objects, order=[0, 2])

    again = state.start().objects
    upload = again.begin(OWNER, client.header, b"", no_key)
    assert (upload.upload, sorted(upload.digests)) == (before.upload, [0, 2])
    assert again.upload(OWNER, before.upload) is upload
    assert refusal_of(again.require_complete, OWNER, NAME) is ErrorCode.E_INPUT_GONE
    again.put(upload, 1, client.chunk(1))
    assert bytes(again.open(again.require_complete(OWNER, NAME))) == CONTENT


def test_an_upload_of_which_no_chunk_came_goes_on_as_well(
    state: StateFolder, client: Client
) -> None:
    before = client.begin(state.start().objects)

    upload = client.begin(state.start().objects)
    assert (upload.upload, upload.next_chunk()) == (before.upload, 0)


def test_an_unknown_header_for_another_key_is_refused(state: StateFolder, client: Client) -> None:
    code = refusal_of(state.start().objects.begin, OWNER, client.header, client.sealed, no_key)

    assert code is ErrorCode.E_SEAL
    assert list(state.start().ledger.of("upload")) == []


def test_the_same_octets_for_a_held_index_are_welcome_after_a_restart_and_no_others(
    state: StateFolder, client: Client
) -> None:
    client.send(state.start().objects, order=[0])
    again = state.start().objects
    upload = client.begin(again)
    other = client.cipher.seal(0, bytes(MIB), last=False)

    assert refusal_of(again.put, upload, 0, other) is ErrorCode.E_SEAL
    again.put(upload, 0, client.chunk(0))
    assert refusal_of(again.put, upload, 0, other) is ErrorCode.E_SEAL  # now by its tag
    for index in (1, 2):
        again.put(upload, index, client.chunk(index))
    assert bytes(again.open(upload)) == CONTENT


@pytest.mark.parametrize("lost", [1, RECORD_BYTES - 1])
def test_a_record_that_was_written_in_part_is_not_held(
    state: StateFolder, client: Client, lost: int
) -> None:
    client.send(state.start().objects, order=[0, 1])
    (path,) = state.files
    path.write_bytes(path.read_bytes()[:-lost])

    assert sorted(client.begin(state.start().objects).digests) == [0]


def test_a_record_of_zeros_is_not_held(state: StateFolder, client: Client) -> None:
    client.send(state.start().objects, order=[2])  # what was not written yet is a hole

    assert sorted(client.begin(state.start().objects).digests) == [2]


def test_the_last_record_of_a_whole_upload_alone_makes_no_object(
    state: StateFolder, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = state.start()
    upload = client.send(before.objects, order=[0, 1])
    with monkeypatch.context() as full:
        full.setattr(Ledger, "write", refuse_busy)
        assert refusal_of(before.objects.put, upload, 2, client.chunk(2)) is ErrorCode.E_BUSY
    assert not upload.complete
    assert refusal_of(before.objects.require_complete, OWNER, NAME) is ErrorCode.E_INPUT_GONE

    before.objects.put(upload, 2, client.chunk(2))  # again, now that there is room

    assert before.objects.require_complete(OWNER, NAME) is upload


def test_a_whole_upload_whose_end_was_not_noted_is_complete_after_a_restart(
    state: StateFolder, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = state.start()
    upload = client.send(before.objects, order=[0, 1])
    with monkeypatch.context() as full:
        full.setattr(Ledger, "write", refuse_busy)
        refusal_of(before.objects.put, upload, 2, client.chunk(2))

    again = state.start().objects

    assert again.open_uploads == 0
    assert bytes(again.open(again.require_complete(OWNER, NAME))) == CONTENT


def test_beginning_again_completes_a_whole_upload(
    state: StateFolder, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = state.start().objects
    upload = client.send(store, order=[0, 1])
    with monkeypatch.context() as full:
        full.setattr(Ledger, "write", refuse_busy)
        refusal_of(store.put, upload, 2, client.chunk(2))

    assert client.begin(store).complete


def test_after_a_failed_sync_no_chunk_is_held(
    state: StateFolder, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path) -> None:
        raise OSError

    store = state.start().objects
    upload = client.send(store, order=[0, 1])
    with monkeypatch.context() as failing:
        failing.setattr(objects_module, "sync_file", fail)
        assert refusal_of(store.put, upload, 2, client.chunk(2)) is ErrorCode.E_BUSY
    assert upload.digests == {}

    client.send(store)

    assert bytes(store.open(upload)) == CONTENT


def test_a_worker_whose_disk_is_full_starts_all_the_same(
    state: StateFolder, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.send(state.start().objects)
    state.files[0].unlink()
    with monkeypatch.context() as full:
        full.setattr(Ledger, "write", refuse_busy)
        again = state.start().objects

    assert refusal_of(again.require_complete, OWNER, NAME) is ErrorCode.E_INPUT_GONE


@pytest.mark.parametrize("cut", [None, 0, RECORD_BYTES, -1])
def test_an_object_whose_file_is_gone_or_cut_is_forgotten_and_can_be_sent_again(
    state: StateFolder, client: Client, cut: int | None
) -> None:
    client.send(state.start().objects)
    (path,) = state.files
    octets = path.read_bytes()
    path.unlink()
    if cut is not None:
        path.write_bytes(octets[:cut])

    again = state.start()

    assert refusal_of(again.objects.require_complete, OWNER, NAME) is ErrorCode.E_INPUT_GONE
    assert list(again.ledger.of("upload")) == []
    assert state.files == []
    assert bytes(again.objects.open(client.send(again.objects))) == CONTENT


def test_files_that_no_fact_names_are_removed_and_others_stay(
    state: StateFolder, client: Client
) -> None:
    client.send(state.start().objects, order=[0])
    kept = state.files
    (state.path / "objects" / ("00" * 32)).write_bytes(b"of nobody")

    state.start()

    assert state.files == kept


def test_what_was_forgotten_stays_forgotten(state: StateFolder, worker_key: HpkeKeyPair) -> None:
    before = state.start()
    untrue = Client(worker_key, CONTENT, sha256=bytes(32)).send(before.objects)
    assert refusal_of(before.objects.open, untrue) is ErrorCode.E_DIGEST

    again = state.start().objects

    assert refusal_of(again.upload, OWNER, untrue.upload) is ErrorCode.E_NOT_FOUND
    assert again.total_bytes == again.open_uploads == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"header": "AA=="},
        {"content": "AA=="},
        {"complete": 1},
        {"used_s": -1},
        {"used_s": None},
        {"more": 1},
    ],
)
def test_a_fact_that_is_not_ours_is_a_damaged_state(
    state: StateFolder, client: Client, wrong: dict[str, object]
) -> None:
    before = state.start()
    upload = client.begin(before.objects)
    value = before.ledger.get("upload", OWNER, upload.upload)
    assert value is not None
    before.ledger.write([Change("upload", OWNER, upload.upload, {**value, **wrong})])

    assert refusal_of(state.start) is ErrorCode.E_STATE


@settings(max_examples=12, deadline=None)
@given(
    order=st.permutations(range(3)),
    restarts=st.sets(st.integers(0, 3)),
    repeated=st.integers(0, 2),
)
def test_any_order_of_chunks_with_restarts_in_between_gives_the_object(
    tmp_path_factory: pytest.TempPathFactory,
    worker_key: HpkeKeyPair,
    order: list[int],
    restarts: set[int],
    repeated: int,
) -> None:
    state = StateFolder(tmp_path_factory.mktemp("state"))
    client = Client(worker_key, CONTENT)
    store = state.start().objects
    for step, index in enumerate([*order, order[repeated]]):
        if step in restarts:
            store = state.start().objects
        upload = client.begin(store)
        store.put(upload, index, client.chunk(index))

    assert bytes(store.open(store.require_complete(OWNER, NAME))) == CONTENT
