"""A client whose disk is full: exit code 14, nothing half written, and no job is lost by it."""

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from Testing.Integration.command_lines import Run, run_client, run_of
from Testing.Integration.hospital import Hospital, write_series
from Testing.Integration.orders import end_of
from Testing.Integration.small_jobs import parameters, small_volume

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import KIB
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.rights import Role
from EncryptSecureRTLib.attest import localfiles
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.orders import Order
from EncryptSecureRTLib.client.protect import protect_series
from EncryptSecureRTLib.client.results import write_results
from EncryptSecureRTLib.client.runs import finish_job, submit_job
from EncryptSecureRTLib.client.upload import upload

pytest.importorskip("resource", reason="no limits to the size of files here")
_CLIENT = "runpy.run_module('EncryptSecureRTLib.client.cli', run_name='__main__')"
_OUT = ["receipt.json", "rtstruct.dcm"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A hospital, a user's client folder, and a series as scanned and as protected."""

    hospital: Hospital
    home: ClientHome
    original: Path
    protected: Path

    def run(self, most_bytes: int, *words: str | Path) -> Run:
        """Run a client's command none of whose files may grow beyond a size."""
        limit = f"resource.setrlimit(resource.RLIMIT_FSIZE, ({most_bytes}, {most_bytes}))"
        code = f"import resource, runpy\n{limit}\n{_CLIENT}"
        where = ("--url", self.hospital.url, "--home", str(self.home.path), "--json")
        done = subprocess.run(
            [sys.executable, "-P", "-c", code, *map(str, words), *where],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return run_of(done.returncode, done.stdout, done.stderr)

    def order(self) -> Order:
        """Have the worker do a job, and fetch nothing of it."""
        with self.hospital.channel(self.home) as channel:
            name = upload(channel, self.home, ObjectKind.VOLUME, small_volume()).name
            order = submit_job(
                channel, self.home, "segment", lambda: [name], parameters(0), Watcher()
            )
            assert end_of(channel, order.job).error is None
        return order

    def assert_nothing_half(self, out: Path) -> None:
        """Check that no result is there, and no temporary file anywhere."""
        assert not out.exists() or _files(out) == []
        temporary = [name for name in _files(self.home.path) if name.endswith((".new", ".part"))]
        assert temporary == []


def _files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("full-client")
    hospital = Hospital(folder / "stand")
    home = hospital.user(Role.PHYSICIST)
    original = write_series(folder / "ct")
    with hospital:
        hospital.provision()
        with hospital.channel(home) as channel:
            protected = protect_series(channel, home, original, folder / "p", Watcher()).folder
        yield Place(hospital=hospital, home=home, original=original, protected=protected)


@pytest.mark.parametrize("most_bytes", [0, 10 * KIB, 30 * KIB])
def test_a_fetch_ends_with_14_and_can_be_done_later(
    place: Place, tmp_path: Path, most_bytes: int
) -> None:
    order, out = place.order(), tmp_path / "out"

    run = place.run(most_bytes, "fetch", order.job, "--out", out)

    assert (run.code, run.error["code"], run.stderr) == (14, "E_LOCAL_FILE", "")
    place.assert_nothing_half(out)
    later = run_client("fetch", order.job, "--out", out, home=place.home)
    assert (later.code, _files(out)) == (0, _OUT)


def test_a_segmentation_that_cannot_be_written_ends_with_14_and_its_job_is_there(
    place: Place, tmp_path: Path
) -> None:
    out = tmp_path / "out"

    run = place.run(10 * KIB, "segment", place.protected, "--out", out)

    (job,) = [line["job"] for line in run.lines if line["kind"] == "job"]
    assert (run.code, run.error["code"], run.stderr) == (14, "E_LOCAL_FILE", "")
    place.assert_nothing_half(out)
    later = run_client("fetch", job, "--out", out, home=place.home)
    assert (later.code, "rtstruct.dcm" in _files(out)) == (0, True)


def test_a_segmentation_whose_order_cannot_be_kept_is_not_ordered(
    place: Place, tmp_path: Path
) -> None:
    with place.hospital.channel(place.home) as channel:
        before = channel.request_json("GET", "/v1/jobs")

        run = place.run(1 * KIB, "segment", place.protected, "--out", tmp_path / "out")

        assert (run.code, run.error["code"], run.stderr) == (14, "E_LOCAL_FILE", "")
        assert channel.request_json("GET", "/v1/jobs") == before
    place.assert_nothing_half(tmp_path / "out")


def test_a_series_that_cannot_be_written_leaves_no_part_of_it(place: Place, tmp_path: Path) -> None:
    out = tmp_path / "protected"

    run = place.run(5 * KIB, "protect", place.original, out)

    assert (run.code, run.error["code"], run.stderr) == (14, "E_LOCAL_FILE", "")
    place.assert_nothing_half(out)
    later = run_client("protect", place.original, out, "--url", place.hospital.url, home=place.home)
    assert (later.code, len(_files(out))) == (0, 4 + 1)  # the slices and their manifest


class _FillingDisk:
    """The client's view of the system, on which so many more syncs succeed."""

    def __init__(self, room: int) -> None:
        self._room = room

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def fsync(self, descriptor: int) -> None:
        """Bring a file to the disk, or find that full."""
        self._room -= 1
        if self._room < 0:
            raise OSError(errno.ENOSPC, "no room")
        os.fsync(descriptor)


def test_whichever_file_the_disk_is_full_at_all_results_are_there_or_none(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, out, home = place.order(), tmp_path / "out", place.home
    with place.hospital.channel(home) as channel:
        finished = finish_job(channel, home, order, Watcher())
    codes: list[ErrorCode] = []
    while not out.exists() or not _files(out):
        monkeypatch.setattr(localfiles, "os", _FillingDisk(len(codes)))
        try:
            write_results(home, out, finished, Watcher())
        except EncryptSecureRTError as error:
            codes.append(error.code)
            place.assert_nothing_half(out)

    assert len(codes) > 8
    assert set(codes) == {ErrorCode.E_LOCAL_FILE}
    assert _files(out) == _OUT
