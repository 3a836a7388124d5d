"""What breaks on this side or lies on the other, in the middle of a job: told, and nothing left."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from Testing.Panel.traces import assert_untouched, details, enabled

from encryptsecurert_protocol.receipts import Receipt, ReceiptBody
from encryptsecurert_worker.core import WorkerCore

if TYPE_CHECKING:
    from Testing.Panel.bench import PanelBench
    from Testing.Panel.held_clinic import HeldClinic

resource = pytest.importorskip("resource", reason="no limits to the size of files here")
_LOCAL_FILE = "A local file cannot be read or written"
_KIB = 1024


# ---- no room here


@contextmanager
def _files_end_at(most_bytes: int, process: int = 0) -> Iterator[None]:
    """Let no file of a process grow beyond a size, as on a disk that is full."""
    before = resource.prlimit(process, resource.RLIMIT_FSIZE, (most_bytes, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        if process == 0:
            resource.prlimit(process, resource.RLIMIT_FSIZE, before)


def test_a_disk_without_room_for_the_volume_is_told_before_a_client_is_started(
    quick: "PanelBench",
) -> None:
    with _files_end_at(100 * _KIB):
        quick.press("applyButton")
        assert quick.wait_idle() == "failed"

    assert quick.message == (
        f"{_LOCAL_FILE} (the volume to send)."
        " Check that the disk has space and that the folders may be written to."
    )
    assert details(quick) == ["E_LOCAL_FILE, exit code 14"]
    assert_untouched(quick)


def test_a_disk_without_room_for_the_results_leaves_no_half_of_them(
    running: "PanelBench", held: "HeldClinic"
) -> None:
    (child,) = running.children()
    with _files_end_at(10 * _KIB, child):
        held.let_go()
        assert running.wait_idle() == "failed"

    assert running.message.startswith(_LOCAL_FILE)
    assert details(running)[0] == "E_LOCAL_FILE, exit code 14"
    assert_untouched(running)


def test_a_temporary_folder_that_cannot_be_written_is_told(
    quick: "PanelBench", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_the_way = tmp_path / "a file"
    in_the_way.touch()
    monkeypatch.setattr(tempfile, "tempdir", str(in_the_way))
    quick.press("applyButton")
    assert quick.wait_idle() == "failed"
    monkeypatch.undo()

    assert quick.message.startswith(f"{_LOCAL_FILE} (no temporary folder).")
    assert str(tmp_path) not in quick.message + quick.panel.session.log.as_text()
    assert_untouched(quick)


def test_a_temporary_folder_of_somebody_else_is_not_used(
    quick: "PanelBench", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "of somebody else"
    target.mkdir()
    (tmp_path / f"encryptsecurert-{os.getuid()}").symlink_to(target)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    quick.press("applyButton")
    assert quick.wait_idle() == "failed"
    monkeypatch.undo()

    assert quick.message.startswith(f"{_LOCAL_FILE} (the temporary folder is not ours).")
    assert list(target.iterdir()) == []


# ---- the client


def test_a_client_that_is_killed_is_told_and_the_next_one_works(
    running: "PanelBench", held: "HeldClinic"
) -> None:
    (child,) = running.children()
    os.kill(child, signal.SIGKILL)
    assert running.wait_idle() == "failed"
    held.let_go()

    assert running.message == (
        "The background process ended unexpectedly."
        " Press Apply to try again; details help the developers."
    )
    lines = details(running)
    assert lines[0] == "E_INTERNAL, exit code 70"
    assert "exit code -9" in lines
    assert not running.ui.logSection.collapsed
    assert_untouched(running)

    assert enabled(running, "applyButton", "testConnectionButton") == [
        "applyButton",
        "testConnectionButton",
    ]
    running.press("applyButton")
    assert running.wait_idle() == "done"
    assert len(running.segmentations()) == 1


def test_a_client_that_is_killed_while_it_checks_is_told(
    bench: "PanelBench", held: "HeldClinic"
) -> None:
    held.line.hold(from_client=True, once=lambda: True)
    bench.connect(held.url, held.physicist)
    bench.press("testConnectionButton")
    bench.host.process_events(lambda: held.line.holds and bench.children())
    (child,) = bench.children()
    os.kill(child, signal.SIGKILL)

    assert bench.wait_idle() == "failed"
    assert bench.message.startswith("The background process ended unexpectedly.")
    assert bench.ui.trustBadge.text == "Not checked"


def test_a_client_that_cannot_be_started_is_told(
    quick: "PanelBench", monkeypatch: pytest.MonkeyPatch
) -> None:
    from EncryptSecureRTLib.client import process

    monkeypatch.setattr(process, "python_executable", lambda: "/nowhere/python")
    quick.press("applyButton")
    assert quick.wait_idle() == "failed"
    monkeypatch.undo()

    assert quick.message.startswith(f"{_LOCAL_FILE} (the client cannot be started).")
    assert_untouched(quick)


# ---- results that are not what they should be


def _flipped(octets: bytes) -> bytes:
    return octets[:-1] + bytes([octets[-1] ^ 1])


def _badly_signed(core: WorkerCore, body: ReceiptBody, policy_sha256: str) -> bytes:
    receipt = Receipt.decode(_SIGN(core, body, policy_sha256))
    return replace(receipt, signature=_flipped(receipt.signature)).encode()


def _of_other_files(core: WorkerCore, body: ReceiptBody, policy_sha256: str) -> bytes:
    outputs = tuple((name, "00" * 32) for name, _ in body.outputs)
    return _SIGN(core, replace(body, outputs=outputs), policy_sha256)


_SIGN = WorkerCore.sign_receipt
_NOT_SIGNED = "The result is not signed by the verified worker and was thrown away."
_OTHER_FILE = "A result is not the one that the receipt names and was thrown away."


@pytest.mark.parametrize(
    ("lie", "code", "words"),
    [
        (_badly_signed, "E_RECEIPT", _NOT_SIGNED),
        (_of_other_files, "E_RESULT", _OTHER_FILE),
    ],
    ids=["signature", "files"],
)
def test_a_result_that_the_receipt_does_not_vouch_for_is_never_loaded(
    quick: "PanelBench",
    monkeypatch: pytest.MonkeyPatch,
    lie: Callable[[WorkerCore, ReceiptBody, str], bytes],
    code: str,
    words: str,
) -> None:
    monkeypatch.setattr(WorkerCore, "sign_receipt", lie)
    seen: list[str] = []
    quick.panel.session.listen(lambda state: seen.append(state.phase.value))
    quick.press("applyButton")
    assert quick.wait_idle() == "failed"
    monkeypatch.undo()

    assert quick.message.startswith(words)
    assert details(quick) == [f"{code}, exit code 13"]
    assert "downloading" in seen
    assert "loading" not in seen
    assert_untouched(quick)


def test_a_result_on_another_grid_than_the_volume_is_not_loaded(
    running: "PanelBench", held: "HeldClinic"
) -> None:
    running.named("ctSelector").currentNode().SetSpacing(1.0, 1.0, 1.0)
    held.let_go()

    assert running.wait_idle() == "failed"
    assert "(the volume in the scene is not the series that was sent)" in running.message
    assert_untouched(running)


def test_what_a_crashed_application_left_is_removed_at_the_next_start(
    request: pytest.FixtureRequest,
) -> None:
    from EncryptSecureRTLib.panel.workfolder import root_folder

    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    left = root_folder() / f"{gone.pid}-0123456789abcdef"
    of_another = root_folder() / f"{os.getppid()}-0123456789abcdef"
    for folder in (left, of_another):
        folder.mkdir()
        (folder / "volume.bin").write_bytes(b"voxels")
    request.getfixturevalue("bench")

    assert not left.exists()
    assert of_another.exists()
    shutil.rmtree(of_another)
