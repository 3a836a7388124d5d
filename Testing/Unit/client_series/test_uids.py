"""Pairs of original and protected UIDs, and that they go to a program and nowhere else."""

import io
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.series import scan_series
from EncryptSecureRTLib.client.uids import refuse_unless_piped, replaced_uids

WriteSeries = Callable[..., Path]


def _as_protected(ds: Dataset, k: int) -> None:
    ds.PatientName = ds.PatientID = "PABCDEFGH23456723"
    ds.StudyInstanceUID = UID("2.25.1")
    ds.SeriesInstanceUID = UID("2.25.2")
    ds.FrameOfReferenceUID = UID("2.25.3")
    ds.SOPInstanceUID = UID(f"2.25.{k + 100}")


def test_each_uid_is_told_with_the_one_in_its_place(write_series: WriteSeries) -> None:
    originals = scan_series(write_series()).slices
    folder = write_series(_as_protected)
    (folder / "2.25.2").mkdir()
    names = [f"2.25.2/{one.sop_instance_uid}.dcm" for one in scan_series(folder).slices]
    for one, name in zip(scan_series(folder).slices, names, strict=True):
        one.path.rename(folder / name)

    replaced = replaced_uids(originals, folder, names)

    assert replaced.series == ("2.25.2",)
    assert replaced.pairs[:3] == (
        ("1.2.3.1", "2.25.1"),
        ("1.2.3.2", "2.25.2"),
        ("1.2.3.3", "2.25.3"),
    )
    assert dict(replaced.pairs[3:]) == {f"1.2.3.4.{k + 1}": f"2.25.{k + 100}" for k in range(4)}
    assert replaced.as_json() == {
        "pseudonym": "PABCDEFGH23456723",
        "study": "2.25.1",
        "series": "2.25.2",
    }
    assert "2.25" not in repr(replaced)


# ---- where they may go


def _refused(monkeypatch: pytest.MonkeyPatch, stdout: object, *, as_json: bool = True) -> bool:
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdout", stdout)
        try:
            refuse_unless_piped(as_json=as_json)
        except EncryptSecureRTError as error:
            return error.code is ErrorCode.E_USAGE
    return False


def test_a_pipe_of_json_lines_is_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    ours, theirs = socket.socketpair()
    with os.fdopen(reading), os.fdopen(writing, "w") as pipe, ours, theirs:
        with ours.makefile("w") as stream:
            assert not _refused(monkeypatch, pipe)
            assert not _refused(monkeypatch, stream)
            assert _refused(monkeypatch, pipe, as_json=False)


def test_a_file_and_a_terminal_are_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    master, slave = os.openpty()
    with (tmp_path / "out").open("w") as file, Path(os.devnull).open("w") as nowhere:
        with os.fdopen(master), os.fdopen(slave, "w") as terminal:
            for stdout in (file, nowhere, terminal, io.StringIO()):
                assert _refused(monkeypatch, stdout)
