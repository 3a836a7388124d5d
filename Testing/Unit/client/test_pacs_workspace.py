"""The private folder of originals: for its owner only, gone in every ending, even after a kill."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.pacs.workspace import private_folder, remove_stale

pytestmark = pytest.mark.skipif(os.name != "posix", reason="locks and modes are those of POSIX")
_HOLD = """
import sys, time
from EncryptSecureRTLib.client.pacs.workspace import private_folder
with private_folder() as folder:
    (folder / "clear.dcm").write_bytes(b"CANARY")
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def _held(folder: Path) -> "subprocess.Popen[str]":
    """Start a process that holds a private folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "TMPDIR": str(folder)},
    )
    assert process.stdout is not None
    assert process.stdout.readline()
    return process


def test_only_its_owner_can_look_into_it(here: Path) -> None:
    with private_folder() as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        assert folder.parent == here


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt, SystemExit])
def test_it_is_gone_in_every_ending(here: Path, error: type[BaseException] | None) -> None:
    def use() -> None:
        with private_folder() as folder:
            (folder / "study").mkdir()
            (folder / "study" / "clear.dcm").write_bytes(b"CANARY")
            if error is not None:
                raise error

    if error is None:
        use()
    else:
        with pytest.raises(error):
            use()

    assert list(here.iterdir()) == []


def test_a_second_stop_does_not_keep_it_from_being_removed(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = __import__("shutil").rmtree, []

    def interrupted(path: Path, **more: object) -> None:
        calls.append(path)
        if len(calls) == 1:
            raise KeyboardInterrupt
        real(path, **more)

    monkeypatch.setattr("shutil.rmtree", interrupted)
    with pytest.raises(KeyboardInterrupt), private_folder():
        pass

    assert (len(calls), list(here.iterdir())) == (2, [])


def test_who_cannot_remove_it_says_so(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.rmtree", lambda path, **more: None)
    with pytest.raises(EncryptSecureRTError) as told, private_folder():
        pass

    assert told.value.code is ErrorCode.E_LOCAL_FILE
    assert "originals may be left" in told.value.what


def test_the_next_run_removes_what_a_killed_one_has_left_and_nothing_that_is_in_use(
    here: Path,
) -> None:
    with _held(here) as killed, _held(here) as living:
        killed.send_signal(signal.SIGKILL)
        killed.wait(10)
        assert len(list(here.glob("*/clear.dcm"))) == 2

        removed = remove_stale(here)

        left = list(here.glob("*/clear.dcm"))
        living.kill()
    assert (removed, len(left)) == (1, 1)
    assert remove_stale(here) == 1
    assert list(here.iterdir()) == []


def test_a_link_of_that_name_is_followed_nowhere(here: Path, tmp_path_factory: object) -> None:
    elsewhere = Path(tempfile.mkdtemp(dir=here))
    (elsewhere / "mine").write_bytes(b"")
    (here / "esrt-pacs-link").symlink_to(elsewhere)

    assert remove_stale(here) == 0
    assert (elsewhere / "mine").exists()
