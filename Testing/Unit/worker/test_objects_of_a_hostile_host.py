"""Whatever the host does to the folder of objects: right octets or a typed refusal."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from Testing.Unit.worker.durable import StateFolder
from Testing.Unit.worker.orders import OWNER
from Testing.Unit.worker.sealed import Client

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import MIB
from encryptsecurert_protocol.sealing import HpkeKeyPair
from encryptsecurert_worker.vault.objects import ObjectStore

RECORD_BYTES = MIB + 60
CONTENTS = {"01" * 32: b"first " * 250_000, "02" * 32: b"second " * 250_000}  # 2 chunks each
Deed = Callable[[list[Path], int, int], None]


def _cut(files: list[Path], which: int, size: int) -> None:
    octets = files[which].read_bytes()
    files[which].write_bytes(octets[: size % (len(octets) + 1)])


def _lengthen(files: list[Path], which: int, size: int) -> None:
    files[which].write_bytes(files[which].read_bytes() + bytes(size % 100_000))


def _flip(files: list[Path], which: int, size: int) -> None:
    octets = bytearray(files[which].read_bytes())
    if octets:
        octets[size % len(octets)] ^= 1
    files[which].write_bytes(octets)


def _swap_records(files: list[Path], which: int, size: int) -> None:
    octets = files[which].read_bytes()
    files[which].write_bytes(octets[RECORD_BYTES:] + octets[:RECORD_BYTES])


def _swap_files(files: list[Path], which: int, size: int) -> None:
    first, second = files[0].read_bytes(), files[1].read_bytes()
    files[0].write_bytes(second)
    files[1].write_bytes(first)


def _copy(files: list[Path], which: int, size: int) -> None:
    files[1 - which].write_bytes(files[which].read_bytes())


def _remove(files: list[Path], which: int, size: int) -> None:
    files[which].unlink()
    files[which].touch()


def _add(files: list[Path], which: int, size: int) -> None:
    files[which].with_name(f"{size:064x}").write_bytes(b"of nobody")


DEEDS: tuple[Deed, ...] = (
    _cut,
    _lengthen,
    _flip,
    _swap_records,
    _swap_files,
    _copy,
    _remove,
    _add,
)


def _opened(store: ObjectStore, name: str) -> bytes | ErrorCode:
    try:
        return bytes(store.open(store.require_complete(OWNER, name)))
    except EncryptSecureRTError as error:
        return error.code


@settings(max_examples=40, deadline=None)
@given(
    deeds=st.lists(
        st.tuples(st.sampled_from(DEEDS), st.integers(0, 1), st.integers(0, 2**24)),
        min_size=1,
        max_size=3,
    ),
    restart=st.booleans(),
    first_chunks=st.integers(0, 2),
)
def test_no_deed_gives_wrong_octets_or_a_foreign_exception_and_all_can_be_sent_again(
    tmp_path_factory: pytest.TempPathFactory,
    worker_key: HpkeKeyPair,
    deeds: list[tuple[Deed, int, int]],
    restart: bool,
    first_chunks: int,
) -> None:
    state = StateFolder(tmp_path_factory.mktemp("state"))
    store = state.start().objects
    clients = [Client(worker_key, content, name=name) for name, content in CONTENTS.items()]
    files = []
    for client, chunks in zip(clients, (first_chunks, 2), strict=True):
        files.append(client.send(store, order=range(chunks)).path)
        files[-1].touch()
    for deed, which, size in deeds:
        deed(files, which, size)

    if restart:
        store = state.start().objects

    for client in clients:
        octets = _opened(store, client.name)
        assert octets in (client.content, *_REFUSALS)
        if octets != client.content:
            _send_again(store, client)
            assert _opened(store, client.name) == client.content


_REFUSALS = (ErrorCode.E_INPUT_GONE, ErrorCode.E_DIGEST)


def _send_again(store: ObjectStore, client: Client) -> None:
    """Send what the worker says it lacks; an object that turns out damaged, a second time."""
    for _ in range(2):
        upload = client.begin(store)
        for index in range(client.plan.chunks):
            if index not in upload.digests:
                store.put(upload, index, client.chunk(index))
        if _opened(store, client.name) == client.content:
            return


@pytest.mark.parametrize("restart", [False, True])
def test_a_folder_in_a_files_place_is_a_refusal(
    tmp_path: Path, worker_key: HpkeKeyPair, restart: bool
) -> None:
    state = StateFolder(tmp_path)
    store = state.start().objects
    client = Client(worker_key, b"content")
    upload = client.send(store)
    upload.path.unlink()
    upload.path.mkdir()

    if restart:
        store = state.start().objects

    assert _opened(store, client.name) is ErrorCode.E_INPUT_GONE
