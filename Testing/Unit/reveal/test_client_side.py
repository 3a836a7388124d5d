"""The client's side of a reveal: finding the study, rows for a program, and exact files."""

import hashlib
import os
from io import BytesIO
from pathlib import Path
from typing import cast

import pydicom
import pytest
from pydicom import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from Testing.Unit.protect.conftest import make_ct
from Testing.Unit.reveal.signing import SigningSite, protected_request
from Testing.Unit.worker.made import refusal_of

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.headers import HeaderRequest
from encryptsecurert_protocol.reveals import OriginalFile, Revealed
from EncryptSecureRTLib.client.dicomfiles import (
    SplitFile,
    header_request,
    splice,
    split_file,
)
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.line import Line
from EncryptSecureRTLib.client.reveal import put_together, remove_proven
from EncryptSecureRTLib.client.revealed_values import rows_of
from EncryptSecureRTLib.client.study_files import find_study


@pytest.fixture
def place(signing: SigningSite, tmp_path: Path) -> Path:
    """Return a folder as `protect` writes it: a series, a manifest in a series of its own."""
    original = tmp_path / "original.dcm"
    original.write_bytes(make_ct())
    answer = signing.protector.protect(header_request(split_file(original)))
    place = tmp_path / "protected"
    splice(answer, original, split_file(original), place)
    (place / "2.25.77").mkdir()
    (place / "2.25.77" / "2.25.78.dcm").write_bytes(signing.manifest([answer]))
    return place


def _revealed(signing: SigningSite, path: Path) -> tuple[SplitFile, Revealed]:
    """Return how a protected file is split, and its original as the worker gives it."""
    split = split_file(path)
    answer = signing.protector.protect(header_request(split_file(path.parents[2] / "original.dcm")))
    revealer = signing.revealer(signing.manifest([answer]))
    return split, revealer.open(revealer.examine(protected_request(answer))).whole()


def test_files_and_manifests_are_told_apart_below_a_study(place: Path) -> None:
    (place / "notes.txt").write_text("no DICOM")

    study = find_study(place)

    assert [path.parent.parent for path in study.files] == [place]
    assert [path.name for path in study.manifests] == ["2.25.78.dcm"]


def test_a_file_that_is_sealed_whole_is_no_manifest_though_both_are_raw_data(
    signing: SigningSite, place: Path
) -> None:
    octets = make_ct({0x00080018: (b"UI", b"1.2.3.4.6")})
    whole = signing.protector.protect(
        HeaderRequest(size=len(octets), bulk=(), header=octets, whole=True)
    )
    path = place / "2.25.77" / "2.25.79.dcm"
    path.write_bytes(bytes(whole.header))

    study = find_study(place)

    assert path in study.files
    assert [path.name for path in study.manifests] == ["2.25.78.dcm"]


def test_the_manifest_is_found_beside_a_series(place: Path) -> None:
    series = find_study(place).files[0].parent

    assert find_study(series).manifests == find_study(place).manifests


def test_raw_data_of_another_program_beside_a_series_is_no_manifest(place: Path) -> None:
    series = find_study(place).files[0].parent
    foreign = pydicom.dcmread(place / "2.25.77" / "2.25.78.dcm")
    foreign.DeidentificationMethod = "another program"
    foreign.save_as(place / "2.25.77" / "2.25.80.dcm")

    assert [path.name for path in find_study(series).manifests] == ["2.25.78.dcm"]


def test_a_malformed_file_beside_a_series_is_no_manifest_and_no_obstacle(place: Path) -> None:
    series = find_study(place).files[0].parent
    (place / "2.25.77" / "2.25.80.dcm").write_bytes(bytes(128) + b"DICM\x02\x00\x00\x00??")

    assert [path.name for path in find_study(series).manifests] == ["2.25.78.dcm"]


def test_without_a_manifest_there_is_nothing_to_ask_for(place: Path) -> None:
    (place / "2.25.77" / "2.25.78.dcm").unlink()

    assert refusal_of(find_study, place) is ErrorCode.E_NOT_PROTECTED


def test_a_folder_without_dicom_files_holds_no_study(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no DICOM")

    assert refusal_of(find_study, tmp_path) is ErrorCode.E_NO_DICOM
    assert refusal_of(find_study, tmp_path / "nowhere") is ErrorCode.E_LOCAL_FILE


def test_links_are_not_followed(place: Path) -> None:
    file = find_study(place).files[0]
    os.symlink(file, file.parent / "link.dcm")

    assert find_study(place).files == (file,)


def test_the_original_is_put_together_and_proved(signing: SigningSite, place: Path) -> None:
    (path,) = find_study(place).files
    split, answer = _revealed(signing, path)
    sink = BytesIO()

    digest = put_together(path, split, answer, sink)

    assert sink.getvalue() == make_ct()
    assert digest == hashlib.sha256(make_ct()).hexdigest()


def test_other_pixels_are_noticed(signing: SigningSite, place: Path) -> None:
    (path,) = find_study(place).files
    split, answer = _revealed(signing, path)
    octets = bytearray(path.read_bytes())
    octets[-1] ^= 1
    path.write_bytes(octets)

    assert refusal_of(put_together, path, split, answer) is ErrorCode.E_DIGEST


def test_an_answer_for_another_layout_of_bulk_is_refused(signing: SigningSite, place: Path) -> None:
    (path,) = find_study(place).files
    split, answer = _revealed(signing, path)
    assert answer.file is not None
    length = len(answer.octets)
    whole = OriginalFile(size=length, bulk=(), file_sha256=answer.file.file_sha256)
    other = Revealed(instance=answer.instance, file=whole, octets=answer.octets)

    assert refusal_of(put_together, path, split, other) is ErrorCode.E_RESULT


def _octets(dataset: Dataset) -> bytes:
    written = DicomBytesIO()
    written.is_implicit_VR, written.is_little_endian = False, True
    write_dataset(written, dataset)
    return written.getvalue()


def test_rows_name_places_and_give_text_in_its_own_character_set() -> None:
    item = Dataset()
    item.ROIName = "Prostata"
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.PatientName = "M\u00fcller^J\u00f6rg"
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    dataset.StructureSetROISequence = [Dataset(), item]
    dataset.add_new(0x00091001, "UN", b"\x01\x02\x03\x04")

    rows = rows_of(Revealed(instance="2.25.1", octets=_octets(dataset)))

    assert ("00100010", "PatientName", "PN", "M\u00fcller^J\u00f6rg") in rows
    assert ("00080008", "ImageType", "CS", "ORIGINAL\\PRIMARY") in rows
    assert ("30060020[1].30060026", "ROIName", "LO", "Prostata") in rows
    assert ("00091001", "", "UN", "4 octets") in rows


def test_a_long_value_is_told_by_its_length() -> None:
    dataset = Dataset()
    dataset.ImageComments = "x" * 4096
    dataset.TextValue = "y" * 20_000

    rows = {row[1]: row[3] for row in rows_of(Revealed(instance="2.25.1", octets=_octets(dataset)))}

    assert rows == {"ImageComments": "x" * 4096, "TextValue": "20000 characters"}


def test_a_value_that_is_none_of_its_vr_spoils_no_other_row() -> None:
    dataset = Dataset()
    dataset.PatientID = "4711"
    spoiled = b"\x18\x00\x73\x90FD\x04\x00\x01\x02\x03\x04"  # half a number

    rows = rows_of(Revealed(instance="2.25.1", octets=_octets(dataset) + spoiled))

    assert ("00100020", "PatientID", "LO", "4711") in rows
    assert ("00189073", "", "UN", "not readable") in rows


def test_an_original_that_is_a_link_is_not_removed_as_if_it_were_the_file(
    place: Path, tmp_path: Path
) -> None:
    original, link = tmp_path / "original.dcm", tmp_path / "link.dcm"
    link.symlink_to(original)

    nobody = cast("Line", None)  # no worker is asked
    study, home = find_study(place), ClientHome(tmp_path)
    code = refusal_of(remove_proven, nobody, home, study, [original, link], Watcher())

    assert code is ErrorCode.E_LOCAL_FILE
    assert original.exists()
    assert link.is_symlink()
