"""A study's files by series, and what keeps a folder from being one study."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRBigEndian, RTStructureSetStorage

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.study import scan_study

WriteSeries = Callable[..., Path]


def _second_series(ds: Dataset, k: int) -> None:
    if k % 2:
        ds.SeriesInstanceUID = UID("1.2.3.20")


def _code(folder: Path) -> ErrorCode:
    with pytest.raises(EncryptSecureRTError) as refused:
        scan_study(folder)
    assert "CANARY" not in str(refused.value)
    return refused.value.code


def test_files_are_told_series_by_series(write_series: WriteSeries) -> None:
    scan = scan_study(write_series(_second_series))

    series = [header.series_instance_uid for header in scan.headers]
    assert sorted(series) == ["1.2.3.2"] * 2 + ["1.2.3.20"] * 2
    assert series[0] == series[1] != series[2] == series[3]
    assert not scan.is_protected


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


@pytest.mark.parametrize(
    ("keyword", "value", "code"),
    [
        ("StudyInstanceUID", UID("1.2.3.99"), ErrorCode.E_MIXED_SERIES),
        ("PatientID", "CANARY-OTHER", ErrorCode.E_MIXED_SERIES),
        ("SOPInstanceUID", UID("1.2.3.4.1"), ErrorCode.E_DICOM),
        ("SeriesInstanceUID", "", ErrorCode.E_MISSING_UID),
    ],
)
def test_what_keeps_a_folder_from_being_one_study(
    write_series: WriteSeries, keyword: str, value: str, code: ErrorCode
) -> None:
    def change(ds: Dataset, k: int) -> None:
        if k == 2:
            setattr(ds, keyword, value)

    assert len(scan_study(write_series()).headers) == 4

    assert _code(write_series(change)) is code


def test_big_endian_files_are_refused(write_series: WriteSeries) -> None:
    def change(ds: Dataset, k: int) -> None:
        ds.file_meta.TransferSyntaxUID = ExplicitVRBigEndian

    assert _code(write_series(change)) is ErrorCode.E_TRANSFER_SYNTAX


def test_an_empty_folder_has_no_study(tmp_path: Path) -> None:
    assert _code(tmp_path) is ErrorCode.E_NO_DICOM
