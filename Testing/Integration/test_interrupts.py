"""Ctrl-C, a closed input, an output that nobody reads: the job ends, nothing half is left."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from Testing.Integration.command_lines import CLIENT, Run, interrupt_client
from Testing.Integration.hospital import Busy, Ward

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.channel import open_channel
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.protect import protect_series
from EncryptSecureRTLib.client.segment import SegmentRequest, segment_series


def _at_progress(fraction: float) -> Any:
    return lambda line: line["kind"] == "progress" and line["fraction"] >= fraction


def _at_stage(stage: str) -> Any:
    return lambda line: line["kind"] == "stage" and line["stage"] == stage


def _jobs(busy: Busy) -> dict[str, str]:
    with open_channel(busy.home, busy.hospital.url) as channel:
        rows = channel.request_json("GET", "/v1/jobs")["jobs"]
    return {row["job"]: row["state"] for row in rows}


def _assert_cancelled(run: Run, out: Path) -> None:
    assert (run.code, run.error["code"]) == (12, "E_CANCELLED")
    assert run.stderr == ""
    assert not out.exists() or list(out.iterdir()) == []


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize("fraction", [0.0, 0.3, 0.8])
def test_ctrl_c_while_the_worker_computes_ends_the_job(
    busy: Busy, tmp_path: Path, fraction: float
) -> None:
    before = _jobs(busy)
    words = ("segment", busy.protected, "--out", tmp_path / "out", "--url", busy.hospital.url)

    run, took_s = interrupt_client(*words, home=busy.home, when=_at_progress(fraction))

    _assert_cancelled(run, tmp_path / "out")
    assert took_s < 2.0
    after = _jobs(busy)
    assert [after[job] for job in set(after) - set(before)] == ["cancelled"]


@pytest.mark.parametrize("stage", ["connect", "read", "upload"])
def test_ctrl_c_before_the_job_leaves_no_job(busy: Busy, tmp_path: Path, stage: str) -> None:
    before = _jobs(busy)
    words = ("segment", busy.protected, "--out", tmp_path / "out", "--url", busy.hospital.url)

    run, _ = interrupt_client(*words, home=busy.home, when=_at_stage(stage))

    _assert_cancelled(run, tmp_path / "out")
    after = _jobs(busy)
    assert {after[job] for job in set(after) - set(before)} <= {"cancelled"}


@pytest.mark.parametrize("stage", ["connect", "scan"])
def test_ctrl_c_while_protecting_leaves_nothing_half_written(
    busy: Busy, tmp_path: Path, stage: str
) -> None:
    out = tmp_path / "out"
    words = ("protect", busy.original, out, "--url", busy.hospital.url)

    run, _ = interrupt_client(*words, home=busy.home, when=_at_stage(stage))

    _assert_cancelled(run, out)
    assert set(_jobs(busy).values()) <= {"cancelled", "done"}


@pytest.mark.parametrize("stage", ["upload", "submit", "run", "fetch", "write"])
def test_ctrl_c_at_any_moment_of_protecting_leaves_all_or_nothing(
    busy: Busy, tmp_path: Path, stage: str
) -> None:
    out = tmp_path / "out"
    words = ("protect", busy.original, out, "--url", busy.hospital.url)

    run, _ = interrupt_client(*words, home=busy.home, when=_at_stage(stage))

    # The job may be over before the key is heard of; then the series is there, whole.
    files = [path for path in out.rglob("*") if path.is_file()] if out.exists() else []
    assert (run.code, len(files)) in {(12, 0), (0, 120)}
    assert run.stderr == ""
    assert not [path for path in files if ".esrt-part" in str(path)]
    assert set(_jobs(busy).values()) <= {"cancelled", "done"}


def _start(busy: Busy, out: Path) -> "subprocess.Popen[str]":
    """Start a segmentation as the panel does, and wait until the worker computes."""
    process = subprocess.Popen(
        [*CLIENT, "segment", "--json", "--request", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    request = {
        "command": "segment",
        "home": str(busy.home.path),
        "url": busy.hospital.url,
        "series": str(busy.protected),
        "out": str(out),
        "structures": ["body", "skeleton"],
    }
    process.stdin.write(json.dumps(request) + "\n")
    process.stdin.flush()
    for line in process.stdout:
        if json.loads(line)["kind"] == "progress":
            return process
    raise AssertionError("the job never ran")


def test_the_end_of_standard_input_ends_the_job(busy: Busy, tmp_path: Path) -> None:
    before = _jobs(busy)
    with _start(busy, tmp_path / "out") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.close()
        last = json.loads(process.stdout.readlines()[-1])
        code, stderr = process.wait(30), process.stderr.read()

    assert (code, last["kind"], last["code"]) == (12, "error", "E_CANCELLED")
    assert stderr == ""
    assert not (tmp_path / "out").exists()
    after = _jobs(busy)
    assert [after[job] for job in set(after) - set(before)] == ["cancelled"]


def test_an_output_that_nobody_reads_any_more_ends_the_job(busy: Busy, tmp_path: Path) -> None:
    before = _jobs(busy)
    with _start(busy, tmp_path / "out") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        code, stderr = process.wait(30), process.stderr.read()

    assert (code, stderr) == (12, "")
    assert not (tmp_path / "out").exists()
    after = _jobs(busy)
    assert [after[job] for job in set(after) - set(before)] == ["cancelled"]


class _StopAt:
    """A user who asks for a stop when a stage begins."""

    def __init__(self, stage: str) -> None:
        self._at = stage
        self.asked = False

    def watcher(self) -> Watcher:
        return Watcher(stage=self._hear, stopped=lambda: self.asked)

    def _hear(self, stage: str) -> None:
        self.asked = self.asked or stage == self._at


@pytest.mark.parametrize("stage", ["fetch", "write"])
def test_a_stop_asked_for_after_the_job_leaves_no_protected_series(
    ward: Ward, tmp_path: Path, stage: str
) -> None:
    home = ward.hospital.fresh_home(ward.technician, tmp_path / "home")
    stop = _StopAt(stage)

    with ward.channel(home) as channel, pytest.raises(EncryptSecureRTError) as caught:
        protect_series(channel, home, ward.original, tmp_path / "out", stop.watcher())

    assert caught.value.code is ErrorCode.E_CANCELLED
    assert not (tmp_path / "out").exists()
    assert not home.receipts_path.exists()


@pytest.mark.parametrize("stage", ["fetch", "write"])
def test_a_stop_asked_for_after_the_job_leaves_no_segmentation(
    ward: Ward, tmp_path: Path, stage: str
) -> None:
    home = ward.hospital.fresh_home(ward.colleague, tmp_path / "home")
    order = SegmentRequest(folder=ward.protected, out=tmp_path / "out", structures=("body",))

    with ward.channel(home) as channel, pytest.raises(EncryptSecureRTError) as caught:
        segment_series(channel, home, order, _StopAt(stage).watcher())

    assert caught.value.code is ErrorCode.E_CANCELLED
    assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []
