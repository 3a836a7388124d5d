"""A study's files by series; a file that cannot be protected is told by its place and left out."""

import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
    RawDataStorage,
    RTStructureSetStorage,
)

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.series_headers import SeriesLimits
from EncryptSecureRTLib.client.study import STUDY_LIMITS, scan_study

WriteSeries = Callable[..., Path]
# Slice k of four is file 4 - k by name.
_THIRD = 2


def _second_series(ds: Dataset, k: int) -> None:
    if k % 2:
        ds.SeriesInstanceUID = UID("1.2.3.20")


def _error(folder: Path, limits: SeriesLimits = STUDY_LIMITS) -> EncryptSecureRTError:
    with pytest.raises(EncryptSecureRTError) as refused:
        scan_study(folder, limits)
    assert "CANARY" not in str(refused.value)
    return refused.value


def _refused(folder: Path, limits: SeriesLimits = STUDY_LIMITS) -> dict[int, ErrorCode]:
    scan = scan_study(folder, limits)
    assert "CANARY" not in repr(scan).upper()
    return {one.place: one.code for one in scan.refused}


def _with(keyword: str, value: object) -> Callable[[Dataset, int], None]:
    def change(ds: Dataset, k: int) -> None:
        if k == _THIRD:
            setattr(ds, keyword, value)

    return change


def _without(folder: Path, keyword: str, value: str = "") -> Path:
    """Take a UID out of the second file, whose meta information stays as it is."""
    path = folder / "002"
    ds = dcmread(path)
    setattr(ds, keyword, value)
    ds.save_as(path)
    return folder


def test_files_are_told_series_by_series(write_series: WriteSeries) -> None:
    scan = scan_study(write_series(_second_series))

    series = [header.series_instance_uid for header in scan.headers]
    assert sorted(series) == ["1.2.3.2"] * 2 + ["1.2.3.20"] * 2
    assert series[0] == series[1] != series[2] == series[3]
    assert sorted(header.place for header in scan.headers) == [1, 2, 3, 4]
    assert scan.refused == ()


def test_an_object_without_a_frame_of_reference_is_one_of_the_study(
    write_series: WriteSeries,
) -> None:
    def structures(ds: Dataset, k: int) -> None:
        if k == 3:
            ds.SOPClassUID, ds.SeriesInstanceUID = RTStructureSetStorage, UID("1.2.3.21")
            del ds.FrameOfReferenceUID, ds.Rows, ds.PixelData

    scan = scan_study(write_series(structures))

    frames = {one.kind: one.frame_of_reference_uid for one in scan.headers}
    assert frames == {"CT Image Storage": "1.2.3.3", "RT Structure Set Storage": ""}


def test_a_class_that_the_standard_does_not_have_is_not_spelled(write_series: WriteSeries) -> None:
    def own(ds: Dataset, k: int) -> None:
        ds.SOPClassUID = UID("1.2.19450101.1")

    assert {one.kind for one in scan_study(write_series(own)).headers} == {"unknown kind"}


# ---- one file alone


@pytest.mark.parametrize(
    ("keyword", "value", "code"),
    [
        ("SOPInstanceUID", "", ErrorCode.E_MISSING_UID),
        ("SeriesInstanceUID", "", ErrorCode.E_MISSING_UID),
        ("StudyInstanceUID", "7", ErrorCode.E_MISSING_UID),
        ("SOPClassUID", "", ErrorCode.E_MISSING_UID),
    ],
)
def test_a_file_without_a_uid_is_refused_alone(
    write_series: WriteSeries, keyword: str, value: str, code: ErrorCode
) -> None:
    folder = _without(write_series(), keyword, value)

    assert _refused(folder) == {2: code}
    assert [header.place for header in scan_study(folder).headers] == [1, 3, 4]


def test_a_file_of_another_byte_order_is_refused_alone(write_series: WriteSeries) -> None:
    def change(ds: Dataset, k: int) -> None:
        if k == _THIRD:
            ds.file_meta.TransferSyntaxUID = ExplicitVRBigEndian

    assert _refused(write_series(change)) == {2: ErrorCode.E_TRANSFER_SYNTAX}


def test_a_file_over_its_size_is_refused_alone(write_series: WriteSeries) -> None:
    folder = write_series(_with("ImageComments", "x" * 2000))

    assert _refused(folder, SeriesLimits(files=4, file_bytes=2000)) == {2: ErrorCode.E_TOO_LARGE}


def test_a_file_that_cannot_be_opened_is_refused_alone(
    write_series: WriteSeries, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, opened = write_series(), io.open

    def closed(path: Path, mode: str) -> IO[Any]:
        if path.name == "003":
            raise PermissionError
        return opened(path, mode)

    monkeypatch.setattr(Path, "open", closed)

    assert _refused(folder) == {3: ErrorCode.E_LOCAL_FILE}


def test_a_mangled_file_is_malformed_and_belongs_to_nobody(write_series: WriteSeries) -> None:
    """Cut before the study's UID, it has no UID, and what is left may name another patient."""
    folder = write_series(_with("PatientID", "CANARY-OTHER"))
    path = folder / "002"
    octets = path.read_bytes()
    path.write_bytes(octets[: octets.index(b"CANARY-OTHER") + 15])

    scan = scan_study(folder)

    (one,) = scan.refused
    assert (one.place, one.code, one.kind) == (2, ErrorCode.E_DICOM, "CT Image Storage")
    assert len(scan.headers) == 3


def test_a_refused_file_says_what_happened_and_what_to_do(write_series: WriteSeries) -> None:
    (one,) = scan_study(_without(write_series(), "SOPInstanceUID")).refused

    assert one.as_json() == {
        "place": 2,
        "kind": "CT Image Storage",
        "code": "E_MISSING_UID",
        "what": "An instance lacks a UID that it must have.",
        "todo": "Export the series again.",
    }


def test_places_count_every_file_by_name_and_those_of_a_folder_at_its_name(
    write_series: WriteSeries,
) -> None:
    folder = _without(write_series(), "SOPInstanceUID")
    inner = folder / "0015"
    inner.mkdir()
    (inner / "notes.txt").write_text("no DICOM")
    (inner / ".hidden").write_text("not counted")

    scan = scan_study(folder)

    assert [one.place for one in scan.refused] == [3]  # 001, 0015/notes.txt, 002
    assert scan.ignored_files == 1


def test_files_are_found_however_deep_their_folders_lie(write_series: WriteSeries) -> None:
    """Media have a folder for patient, study and series each (PS3.10 section 8.6)."""
    folder = write_series()
    (folder / "DICOM" / "PA0" / "ST0" / "SE0").mkdir(parents=True)
    (folder / "003").rename(folder / "DICOM" / "PA0" / "ST0" / "SE0" / "IM0")
    (folder / "DICOM" / "notes.txt").write_text("no DICOM")

    scan = scan_study(folder)

    assert [header.path.name for header in scan.headers] == ["001", "002", "004", "IM0"]
    assert [header.place for header in scan.headers] == [1, 2, 3, 4]
    assert scan.ignored_files == 1


def test_a_link_back_up_is_not_followed_round_and_round(write_series: WriteSeries) -> None:
    folder = write_series()
    (folder / "inner").mkdir()
    (folder / "inner" / "around").symlink_to(folder, target_is_directory=True)

    assert len(scan_study(folder).headers) == 4


def test_folders_deeper_than_any_export_are_refused_and_not_passed_over(
    write_series: WriteSeries,
) -> None:
    folder = write_series()
    (folder / "/".join(["d"] * 32)).mkdir(parents=True)
    scan_study(folder)
    (folder / "/".join(["d"] * 33)).mkdir()

    refused = _error(folder)

    assert refused.code is ErrorCode.E_TOO_LARGE
    assert "32 deep" in str(refused)


def test_a_directory_of_media_is_left_out_whatever_it_is_like(write_series: WriteSeries) -> None:
    folder = write_series()
    ds = dcmread(folder / "002")
    ds.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.save_as(folder / "002")
    cut = (folder / "002").read_bytes()[:-10]
    (folder / "002").write_bytes(cut)

    scan = scan_study(folder)

    assert (len(scan.headers), scan.refused, scan.ignored_files) == (3, (), 1)


# ---- an instance that is there twice


def test_of_copies_of_one_file_the_first_is_taken(write_series: WriteSeries) -> None:
    folder = write_series()
    shutil.copy(folder / "002", folder / "002 (copy)")

    scan = scan_study(folder)

    assert [header.place for header in scan.headers] == [1, 2, 4, 5]
    (one,) = scan.refused
    assert (one.place, one.code, one.detail) == (3, ErrorCode.E_DICOM, "a copy of file 2")


def test_of_different_files_with_one_instance_none_is_taken(write_series: WriteSeries) -> None:
    folder = write_series(_with("SOPInstanceUID", UID("1.2.3.4.1")))

    assert _refused(folder) == {2: ErrorCode.E_DICOM, 4: ErrorCode.E_DICOM}


# ---- protected files among them


def test_what_this_project_protected_is_refused_alone(
    write_series: WriteSeries, protect_slice: Callable[[Dataset], None]
) -> None:
    def protected(ds: Dataset, k: int) -> None:
        if k == _THIRD:
            protect_slice(ds)
            ds.DeidentificationMethod = ["EncryptSecureRT profile 1", "SIMULATED"]
            ds.PatientID, ds.StudyInstanceUID = "PABCDEFGH23456723", UID("2.25.1")
        if k == 3:
            ds.SOPClassUID = RawDataStorage
            ds.DeidentificationMethod = "EncryptSecureRT profile 1"
            ds.PatientID, ds.StudyInstanceUID = "PABCDEFGH23456723", UID("2.25.1")

    refused = _refused(write_series(protected))

    assert refused == dict.fromkeys((1, 2), ErrorCode.E_PROTECTED_ALREADY)


def test_what_others_protected_is_a_file_like_any_other(
    write_series: WriteSeries, protect_slice: Callable[[Dataset], None]
) -> None:
    def protected(ds: Dataset, k: int) -> None:
        protect_slice(ds)
        ds.DeidentificationMethod = "Another Program 2"

    scan = scan_study(write_series(protected))

    assert (len(scan.headers), scan.refused) == (4, ())


# ---- the folder as a whole


@pytest.mark.parametrize(
    ("keyword", "value", "counts"),
    [
        ("StudyInstanceUID", UID("1.2.3.99"), "patients: 1, studies: 2"),
        ("PatientID", "CANARY-OTHER", "patients: 2, studies: 1"),
        ("PatientID", "", "patients: 2, studies: 1"),
        ("IssuerOfPatientID", "CANARY-WARD", "patients: 2, studies: 1"),
    ],
)
def test_files_of_several_patients_or_studies_refuse_the_folder_and_say_which_are_fewer(
    write_series: WriteSeries, keyword: str, value: str, counts: str
) -> None:
    error = _error(write_series(_with(keyword, value)))

    assert error.code is ErrorCode.E_MIXED_SERIES
    assert error.detail == f"{counts}; not of the largest: file 2"


def test_spaces_around_a_patient_id_make_no_other_patient(write_series: WriteSeries) -> None:
    assert _refused(write_series(_with("PatientID", " CANARY-ID "))) == {}


def test_of_many_files_of_another_study_some_are_told(write_series: WriteSeries) -> None:
    def change(ds: Dataset, k: int) -> None:
        if k >= 13:
            ds.StudyInstanceUID = UID("1.2.3.99")

    error = _error(write_series(change, slices=20))

    assert error.detail.endswith("not of the largest: file 1, 2, 3, 4, 5 and 2 more")


def test_too_many_files_refuse_the_folder(write_series: WriteSeries) -> None:
    folder = write_series()

    assert _refused(folder, SeriesLimits(files=4, file_bytes=10_000)) == {}
    assert _error(folder, SeriesLimits(files=3, file_bytes=10_000)).code is ErrorCode.E_TOO_LARGE


def test_an_empty_folder_has_no_study(tmp_path: Path) -> None:
    assert _error(tmp_path).code is ErrorCode.E_NO_DICOM


def test_a_folder_that_is_none_cannot_be_read(tmp_path: Path) -> None:
    assert _error(tmp_path / "none").code is ErrorCode.E_LOCAL_FILE
