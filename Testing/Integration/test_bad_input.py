"""Whatever is wrong: one typed error with its exit code; nothing written, no value told."""

import json
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from phantom_files import planted_texts
from pydicom import Dataset, dcmread
from pydicom.uid import CTImageStorage, generate_uid
from Testing.Integration.command_lines import Run, run_client
from Testing.Integration.hospital import Ward, write_series
from Testing.Integration.orders import refusal_of

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.attest.localfiles import write_whole
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.segment import SegmentRequest, segment_series

Edit = Callable[[Sequence[Dataset]], None]


def _assert_refused(run: Run, exit_code: int, code: str, *secrets: object) -> None:
    assert (run.code, run.error["code"], run.error["exit"]) == (exit_code, code, exit_code)
    assert run.stderr == ""
    told = json.dumps(run.error) + json.dumps([x for x in run.lines if x["kind"] != "result"])
    for secret in (*planted_texts(), *map(str, secrets)):
        assert secret not in told


def _files(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def _edited(folder: Path, edit: Edit, *, slices: int = 6) -> Path:
    """Write a small series, changed by `edit`."""
    paths = sorted(write_series(folder, slices=slices).iterdir())
    datasets = [dcmread(path) for path in paths]
    edit(datasets)
    for path, dataset in zip(paths, datasets, strict=True):
        path.unlink()
        if "Rows" in dataset:
            dataset.save_as(path)
    return folder


def _mixed(datasets: Sequence[Dataset]) -> None:
    for dataset in datasets[3:]:
        dataset.SeriesInstanceUID = "2.25.77"


def _gap(datasets: Sequence[Dataset]) -> None:
    datasets[2].clear()


def _twice(datasets: Sequence[Dataset]) -> None:
    datasets[2].ImagePositionPatient = datasets[3].ImagePositionPatient


def _uneven(datasets: Sequence[Dataset]) -> None:
    datasets[-1].ImagePositionPatient[2] += 1.7


def _sheared(datasets: Sequence[Dataset]) -> None:
    for k, dataset in enumerate(datasets):
        dataset.ImagePositionPatient[1] += 2.0 * k


def _without(*keywords: str) -> Edit:
    def edit(datasets: Sequence[Dataset]) -> None:
        for keyword in keywords:
            del datasets[1][keyword]

    return edit


def _two_studies(datasets: Sequence[Dataset]) -> None:
    for dataset in datasets[3:]:
        dataset.StudyInstanceUID = "2.25.78"


def _two_patients(datasets: Sequence[Dataset]) -> None:
    for dataset in datasets[3:]:
        dataset.PatientID = "SOMEONE-ELSE"


def _one_twice(datasets: Sequence[Dataset]) -> None:
    datasets[3].SOPInstanceUID = datasets[2].SOPInstanceUID


def _parametric_map(datasets: Sequence[Dataset]) -> None:
    for dataset in datasets:
        dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.30"


def _cut_pixels(datasets: Sequence[Dataset]) -> None:
    datasets[1].PixelData = datasets[1].PixelData[:100]


def _burned(datasets: Sequence[Dataset]) -> None:
    datasets[1].BurnedInAnnotation = "YES"


SEGMENT_CASES: dict[str, tuple[str, Edit]] = {
    "mixed series": ("E_MIXED_SERIES", _mixed),
    "a slice missing": ("E_MISSING_SLICES", _gap),
    "a slice twice": ("E_MISSING_SLICES", _twice),
    "uneven spacing": ("E_SPACING", _uneven),
    "sheared": ("E_GEOMETRY", _sheared),
    "no position": ("E_GEOMETRY", _without("ImagePositionPatient")),
    "pixels cut": ("E_DICOM", _cut_pixels),
    "not protected": ("E_NOT_PROTECTED", lambda datasets: None),
}
PROTECT_CASES: dict[str, tuple[str, Edit]] = {
    "two studies": ("E_MIXED_SERIES", _two_studies),
    "two patients": ("E_MIXED_SERIES", _two_patients),
    "an instance twice": ("E_DICOM", _one_twice),
    "a kind without a list": ("E_MODALITY", _parametric_map),
    "no study UID": ("E_MISSING_UID", _without("StudyInstanceUID")),
    "no instance UID": ("E_MISSING_UID", _without("SOPInstanceUID")),
    "no frame of reference": ("E_MISSING_UID", _without("FrameOfReferenceUID")),
    "refused by the worker": ("E_BURNED_IN", _burned),
}


@pytest.mark.parametrize("name", SEGMENT_CASES)
def test_a_series_that_cannot_be_segmented(ward: Ward, tmp_path: Path, name: str) -> None:
    code, edit = SEGMENT_CASES[name]
    source = _edited(tmp_path / "ct", edit)
    out = tmp_path / "out"

    run = run_client("segment", source, "--out", out, "--url", ward.url, home=ward.physicist)

    _assert_refused(run, 9, code, tmp_path)
    assert not out.exists()


@pytest.mark.parametrize("name", PROTECT_CASES)
def test_a_series_that_cannot_be_protected_as_a_whole(
    ward: Ward, tmp_path: Path, name: str
) -> None:
    code, edit = PROTECT_CASES[name]
    source = _edited(tmp_path / "ct", edit)
    before = _files(source)
    out = tmp_path / "out"
    words = ("protect", source, out, "--all-or-nothing", "--url", ward.url)

    run = run_client(*words, home=ward.physicist)

    _assert_refused(run, 9, code, tmp_path)
    assert not out.exists()
    assert _files(source) == before


def test_a_series_with_nothing_wrong_is_protected(ward: Ward, tmp_path: Path) -> None:
    source = _edited(tmp_path / "ct", lambda datasets: None)
    (source / "notes.txt").write_text("no DICOM")

    run = run_client("protect", source, tmp_path / "out", "--url", ward.url, home=ward.physicist)

    assert run.code == 0
    assert (run.result["instances"], run.result["ignored_files"]) == (6, 1)
    assert len(_files(tmp_path / "out")) == 7  # and the manifest


@pytest.mark.parametrize("command", ["protect", "segment"])
def test_folders_that_hold_no_series(ward: Ward, tmp_path: Path, command: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "a.txt").write_text("no DICOM")
    (tmp_path / "noise").mkdir()
    (tmp_path / "noise" / "IM1").write_bytes(bytes(128) + b"DICM" + b"\xff" * 500)
    expected = {
        "empty": (9, "E_NO_DICOM"),
        "text": (9, "E_NO_DICOM"),
        "noise": (9, "E_TRANSFER_SYNTAX" if command == "protect" else "E_MISSING_UID"),
    }
    expected["missing"] = (14, "E_LOCAL_FILE")
    expected["text/a.txt"] = (14, "E_LOCAL_FILE")

    for name, (exit_code, code) in expected.items():
        out = tmp_path / "out"
        words = [tmp_path / name, out] if command == "protect" else [tmp_path / name, "--out", out]
        run = run_client(command, *words, "--url", ward.url, home=ward.physicist)
        _assert_refused(run, exit_code, code, tmp_path)
        assert not out.exists()


def test_what_is_protected_is_not_protected_again(ward: Ward, tmp_path: Path) -> None:
    run = run_client(
        "protect", ward.protected, tmp_path / "out", "--url", ward.url, home=ward.physicist
    )

    _assert_refused(run, 9, "E_PROTECTED_ALREADY", tmp_path, ward.protected)
    assert not (tmp_path / "out").exists()


# ---- places to write


def test_results_that_are_there_already_are_not_touched(ward: Ward, tmp_path: Path) -> None:
    for name in ("rtstruct.dcm", "seg.dcm", "receipt.json"):
        out = tmp_path / name.split(".")[0]
        out.mkdir()
        (out / name).write_bytes(b"an earlier result")

        run = run_client(
            "segment", ward.protected, "--out", out, "--url", ward.url, home=ward.physicist
        )

        _assert_refused(run, 14, "E_LOCAL_FILE", tmp_path)
        assert _files(out) == [name]
        assert (out / name).read_bytes() == b"an earlier result"


def test_a_series_that_is_in_the_destination_already_is_not_touched(
    ward: Ward, tmp_path: Path
) -> None:
    source, out = write_series(tmp_path / "ct"), tmp_path / "out"
    first = run_client("protect", source, out, "--url", ward.url, home=ward.physicist)
    held = {path: (out / path).read_bytes() for path in _files(out)}

    second = run_client("protect", source, out, "--url", ward.url, home=ward.physicist)

    assert first.code == 0
    _assert_refused(second, 14, "E_LOCAL_FILE", tmp_path)
    assert {path: (out / path).read_bytes() for path in _files(out)} == held


@pytest.mark.parametrize("command", ["protect", "segment"])
def test_a_file_where_the_output_folder_should_be(ward: Ward, tmp_path: Path, command: str) -> None:
    in_the_way = tmp_path / "out"
    in_the_way.write_bytes(b"something else")
    source = ward.original if command == "protect" else ward.protected
    words = [source, in_the_way] if command == "protect" else [source, "--out", in_the_way]

    run = run_client(command, *words, "--url", ward.url, home=ward.physicist)

    _assert_refused(run, 14, "E_LOCAL_FILE", tmp_path)
    assert in_the_way.read_bytes() == b"something else"


def test_a_disk_that_fills_between_two_results_leaves_none_of_them(
    ward: Ward, tmp_path: Path
) -> None:
    written: list[str] = []

    def write_until_full(path: Path, octets: bytes) -> None:
        if path.name == "seg.dcm":
            raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE)
        written.append(path.name)
        write_whole(path, octets)

    request = SegmentRequest(folder=ward.protected, out=tmp_path / "out")
    with patch("EncryptSecureRTLib.client.results.write_whole", write_until_full):
        with ward.channel() as channel:
            code = refusal_of(segment_series, channel, ward.physicist, request, Watcher())
    with ward.channel() as channel:
        segment_series(channel, ward.physicist, request, Watcher())

    assert (code, written) == (ErrorCode.E_LOCAL_FILE, ["rtstruct.dcm"])
    assert _files(tmp_path / "out") == ["receipt.json", "rtstruct.dcm", "seg.dcm"]


# ---- no worker, wrong words


@pytest.mark.parametrize("command", ["check", "protect", "segment"])
def test_no_worker_is_exit_3(ward: Ward, tmp_path: Path, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    words: dict[str, tuple[str | Path, ...]] = {
        "check": (),
        "protect": (ward.original, tmp_path / "out"),
        "segment": (ward.protected, "--out", tmp_path / "out"),
    }

    run = run_client(
        command, *words[command], "--url", f"https://127.0.0.1:{port}", home=ward.physicist
    )

    _assert_refused(run, 3, "E_UNREACHABLE", tmp_path, port)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["dream"],
        ["check", "--dream"],
        ["check"],
        ["check", "--url", "http://127.0.0.1:1"],
        ["check", "--url", "https://user:secret@127.0.0.1:1"],
        ["check", "--url", "https://127.0.0.1:1/path?q"],
        ["check", "--url", "https://127.0.0.1:99999"],
        ["protect", "--url", "https://127.0.0.1:1"],
        ["protect", "SRC", "--url", "https://127.0.0.1:1"],
        ["segment", "SRC", "--url", "https://127.0.0.1:1"],
        ["segment", "SRC", "--out", "O", "--structures", "toe", "--url", "https://127.0.0.1:1"],
        ["check", "--request", "file.json"],
        ["verify"],
    ],
    ids=" ".join,
)
def test_words_that_are_not_understood_are_exit_2(
    ward: Ward, tmp_path: Path, words: list[str]
) -> None:
    run = run_client(*words, home=ward.physicist)

    _assert_refused(run, 2, "E_USAGE", "secret", "99999", "file.json", "toe")


def test_an_option_must_be_spelled_out(ward: Ward) -> None:
    run = run_client("check", "--url", ward.url, "--unsafe-allow", home=ward.physicist)

    _assert_refused(run, 2, "E_USAGE")


_BAD_REQUESTS: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"not json\n",
    "no object": b"[1]\n",
    "cut": b'{"command": "check"',
    "not UTF-8": b'{"url": "\xff"}\n',
    "another command": b'{"command": "protect"}\n',
    "an unknown member": b'{"command": "check", "canary": 1}\n',
    "a number for a path": b'{"home": 7}\n',
    "a path with a zero octet": b'{"home": "a\\u0000b"}\n',
    "half a surrogate": b'{"home": "\\ud800"}\n',
    "lists in a list": b'{"structures": [["body"]]}\n',
    "an unknown structure": b'{"structures": ["canary"]}\n',
    "too deep": b'{"url": ' + b"[" * 60000 + b"\n",
    "too long": b'{"url": "' + b"x" * 70000 + b'"}\n',
}


@pytest.mark.parametrize("name", _BAD_REQUESTS)
def test_a_request_line_that_is_not_right_is_exit_2(ward: Ward, name: str) -> None:
    run = run_client("check", "--request", "-", home=ward.physicist, stdin=_BAD_REQUESTS[name])

    _assert_refused(run, 2, "E_USAGE", "canary")


# ---- real files


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("ct_abdpelvis_totalseg/example_ct_dicom", "E_MISSING_UID"),
    ],
)
def test_real_series_that_are_not_handled(
    ward: Ward, shared_data: Path, tmp_path: Path, path: str, code: str
) -> None:
    source = shared_data / path
    run = run_client("protect", source, tmp_path / "out", "--url", ward.url, home=ward.physicist)

    _assert_refused(run, 9, code, source, "STS_048", "boost")
    assert not (tmp_path / "out").exists()


@pytest.mark.real_data
def test_a_compressed_series_is_a_transfer_syntax_error(
    ward: Ward, shared_data: Path, tmp_path: Path
) -> None:
    source = tmp_path / "jpeg2000"
    source.mkdir()
    study, series, frame = (generate_uid() for _ in range(3))
    for path in sorted((shared_data / "ct_abdpelvis_totalseg" / "example_ct_dicom").iterdir()):
        dataset = dcmread(path)
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, series
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
        dataset.FrameOfReferenceUID, dataset.Modality = frame, "CT"
        dataset.save_as(source / path.name)
    out = tmp_path / "out"

    run = run_client("segment", source, "--out", out, "--url", ward.url, home=ward.physicist)

    _assert_refused(run, 9, "E_TRANSFER_SYNTAX", tmp_path, study)
    assert not out.exists()


@pytest.mark.parametrize("hu", [-32768, -1000, 0, 1500, 32767])
def test_a_volume_of_one_value_only_is_no_bad_input(ward: Ward, tmp_path: Path, hu: int) -> None:
    source = write_series(tmp_path / "ct", hu=np.full((4, 16, 16), hu, np.int16))
    home, url = ward.physicist, ("--url", ward.url)

    protected = run_client("protect", source, tmp_path / "p", *url, home=home)
    folder = protected.result["folder"]
    run = run_client("segment", folder, "--out", tmp_path / "out", *url, home=home)

    assert (protected.code, run.code) == (0, 0)
    assert run.result["warnings"]
