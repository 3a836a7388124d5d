"""Files appear whole, together, private, and over nothing."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.custodian import disk
from EncryptSecureRTLib.custodian.disk import StagedFiles, new_folder, read_file, write_files

Contents = Callable[[Path], dict[str, bytes]]


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, "no space")


def test_files_and_folder_are_private(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        write_files(tmp_path / "made", {"a": b"1"})
    finally:
        os.umask(old)

    assert _mode(tmp_path / "made") == 0o700
    assert _mode(tmp_path / "made" / "a") == 0o600


def test_nothing_is_overwritten_unless_it_is_said(tmp_path: Path) -> None:
    write_files(tmp_path, {"b": b"old"})

    with pytest.raises(EncryptSecureRTError) as caught:
        write_files(tmp_path, {"a": b"new", "b": b"new"})

    assert caught.value.code is ErrorCode.E_LOCAL_FILE
    assert [path.name for path in tmp_path.iterdir()] == ["b"]
    assert (tmp_path / "b").read_bytes() == b"old"


def test_replacing_is_possible_where_it_is_said(tmp_path: Path) -> None:
    write_files(tmp_path, {"b": b"old"})

    write_files(tmp_path, {"b": b"new"}, replace=True)

    assert (tmp_path / "b").read_bytes() == b"new"


def test_a_dangling_link_is_something_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(EncryptSecureRTError):
        write_files(tmp_path, {"a": b"1"})

    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("failing", ["fsync", "open", "fdopen"])
def test_a_full_disk_leaves_the_old_files_and_nothing_else(
    tmp_path: Path, contents: Contents, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    write_files(tmp_path, {"a": b"old"})
    monkeypatch.setattr(os, failing, _full_disk)

    with pytest.raises(EncryptSecureRTError) as caught:
        write_files(tmp_path, {"a": b"new", "b": b"new"}, replace=True)

    monkeypatch.undo()
    assert caught.value.code is ErrorCode.E_LOCAL_FILE
    assert contents(tmp_path) == {"a": b"old"}


def test_a_folder_that_was_made_in_vain_goes_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", _full_disk)

    with pytest.raises(EncryptSecureRTError):
        write_files(tmp_path / "made", {"a": b"1"})

    assert not (tmp_path / "made").exists()


def test_if_the_second_name_cannot_be_given_the_first_file_goes(
    tmp_path: Path, contents: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = Path.replace

    def refuses_b(self: Path, target: Path) -> Path:
        if target.name == "b":
            _full_disk()
        return given(self, target)

    monkeypatch.setattr(Path, "replace", refuses_b)

    with pytest.raises(EncryptSecureRTError):
        write_files(tmp_path, {"a": b"1", "b": b"2"})

    assert contents(tmp_path) == {}


def test_staged_files_that_are_not_committed_go(tmp_path: Path, contents: Contents) -> None:
    with StagedFiles(tmp_path, {"a": b"1"}):
        assert len(contents(tmp_path)) == 1

    assert contents(tmp_path) == {}


def test_temporary_names_cannot_be_guessed(tmp_path: Path, contents: Contents) -> None:
    seen: list[str] = []
    for _ in range(2):
        with StagedFiles(tmp_path, {"a": b"1"}):
            seen += contents(tmp_path)

    assert len(set(seen)) == 2
    assert all(len(name) == len(".a.") + 16 + len(".new") for name in seen)


def test_what_stands_at_a_temporary_name_is_not_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"kept")
    monkeypatch.setattr(disk, "random_octets", bytes)
    planted = tmp_path / "out" / f".a.{'00' * 8}.new"
    planted.parent.mkdir()
    planted.symlink_to(victim)

    with pytest.raises(EncryptSecureRTError):
        write_files(tmp_path / "out", {"a": b"1"})

    assert victim.read_bytes() == b"kept"


def test_a_new_folder_appears_when_it_is_complete(tmp_path: Path) -> None:
    with new_folder(tmp_path / "site") as path:
        (path / "a").write_bytes(b"1")
        assert not (tmp_path / "site").exists()

    assert (tmp_path / "site" / "a").read_bytes() == b"1"
    assert _mode(tmp_path / "site") == 0o700
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_a_new_folder_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyError), new_folder(tmp_path / "site") as path:  # noqa: PT012  # what fills it fails
        (path / "a").write_bytes(b"1")
        raise KeyError

    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_may_become_the_new_one(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()

    with new_folder(tmp_path / "site") as path:
        (path / "a").write_bytes(b"1")

    assert (tmp_path / "site" / "a").exists()


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path, contents: Contents) -> None:
    write_files(tmp_path / "site", {"a": b"old"})

    with pytest.raises(EncryptSecureRTError) as caught, new_folder(tmp_path / "site"):
        pass

    assert caught.value.code is ErrorCode.E_LOCAL_FILE
    assert contents(tmp_path) == {"site/a": b"old"}


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1234")

    assert read_file(tmp_path / "a", 4) == b"1234"
    with pytest.raises(EncryptSecureRTError) as caught:
        read_file(tmp_path / "a", 3)
    assert caught.value.code is ErrorCode.E_TOO_LARGE


@pytest.mark.parametrize("name", ["absent", "folder", "zero\0octet"])
def test_what_cannot_be_read_is_a_local_file_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()

    with pytest.raises(EncryptSecureRTError) as caught:
        read_file(tmp_path / name, 4)

    assert caught.value.code is ErrorCode.E_LOCAL_FILE
