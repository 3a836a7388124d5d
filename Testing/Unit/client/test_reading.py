"""A study is read before anybody asks for it, and no more of it once nobody wants it."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from Testing.Unit.client.people import refusal_of

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client import reading as module
from EncryptSecureRTLib.client.dicomfiles import SplitFile, split_protected
from EncryptSecureRTLib.client.reading import reading
from EncryptSecureRTLib.client.study_files import StudyFiles


def _never() -> bool:
    return False


@pytest.fixture
def study(tmp_path: Path) -> StudyFiles:
    """Return a study of small files, which need not be protected to be read."""
    folder = tmp_path / "study"
    folder.mkdir()
    for number in range(20):
        (folder / f"{number:02}.dcm").write_bytes(
            bytes(128) + b"DICM\2\0\x10\0UI\x14\x00" + b"1.2.840.10008.1.2.1\0"
        )
    return StudyFiles(source=folder, files=tuple(sorted(folder.iterdir())), manifests=())


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """Look at the threads that a test has left."""
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def test_all_files_come_in_their_order(study: StudyFiles) -> None:
    with reading(study, _never) as batches:
        read = [path for batch in batches for path, _ in batch]

    assert read == list(study.files)


def test_files_are_read_before_they_are_asked_for(
    study: StudyFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = threading.Event()

    def splitting(path: Path, *, with_digest: bool) -> SplitFile:
        begun.set()
        return split_protected(path, with_digest=with_digest)

    monkeypatch.setattr(module, "split_protected", splitting)
    with reading(study, _never):
        assert begun.wait(10)


def test_who_does_not_come_to_ask_leaves_most_of_it_unread(
    study: StudyFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    begun, gone = threading.Event(), threading.Event()

    def splitting(path: Path, *, with_digest: bool) -> SplitFile:
        read.append(path)
        begun.set()
        gone.wait(0.2)
        return split_protected(path, with_digest=with_digest)

    def fail_to_connect() -> None:
        with reading(study, _never):
            assert begun.wait(10)
            raise EncryptSecureRTError(ErrorCode.E_UNREACHABLE)

    monkeypatch.setattr(module, "split_protected", splitting)
    assert refusal_of(fail_to_connect) is ErrorCode.E_UNREACHABLE
    assert len(read) < len(study.files)


def test_a_file_that_cannot_be_read_is_told_to_who_asks(study: StudyFiles) -> None:
    study.files[3].write_bytes(b"mangled")

    with reading(study, _never) as batches, pytest.raises(EncryptSecureRTError, match="E_NO_DICOM"):
        next(batches)


def test_a_stop_comes_in_place_of_a_batch(study: StudyFiles) -> None:
    with (
        reading(study, lambda: True) as batches,
        pytest.raises(EncryptSecureRTError, match="E_CANCELLED"),
    ):
        next(batches)
