"""Reading a CT series: the right volume, or the right error without a word from the file."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK
from data_pack import DATA
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    EnhancedCTImageStorage,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RTStructureSetStorage,
)

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.series import read_ct_series, scan_series
from EncryptSecureRTLib.client.series_headers import SeriesLimits

WriteSeries = Callable[..., Path]
Change = Callable[[Dataset, int], None]


def setting(**values: Any) -> Change:
    """Return a change that sets the same attributes in every slice."""

    def change(ds: Dataset, k: int) -> None:
        for keyword, value in values.items():
            setattr(ds, keyword, value)

    return change


def without(keyword: str) -> Change:
    return lambda ds, k: delattr(ds, keyword)


def refusal(folder: Path, limits: SeriesLimits | None = None) -> ErrorCode:
    with pytest.raises(EncryptSecureRTError) as refused:
        read_ct_series(folder, limits or SeriesLimits())
    assert "CANARY" not in str(refused.value).upper()
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
    return refused.value.code


def test_a_series_becomes_a_volume_of_ct_numbers(write_series: WriteSeries) -> None:
    series = read_ct_series(write_series())

    k, j, i = np.mgrid[:4, :5, :6]
    assert series.hu.dtype == np.int16
    np.testing.assert_array_equal(series.hu, 100 * k + 10 * j + i)
    assert series.spacing_mm == (2.5, 0.75, 0.5)
    assert series.origin_lps_mm == (-10.0, -20.0, 30.0)
    assert series.direction == (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
    assert series.sop_instance_uids == tuple(f"1.2.3.4.{n}" for n in range(1, 5))
    assert series.study_instance_uid == "1.2.3.1"
    assert series.series_instance_uid == "1.2.3.2"
    assert series.frame_of_reference_uid == "1.2.3.3"
    assert series.patient_id == "CANARY-ID"
    assert not series.protected


def test_simpleitk_reads_the_same_volume(write_series: WriteSeries) -> None:
    def tilt(ds: Dataset, k: int) -> None:  # turned about x; feet first: k runs to the feet
        cos, sin = 0.8, 0.6
        ds.ImageOrientationPatient = [-1, 0, 0, 0, cos, sin]
        normal = np.cross([-1, 0, 0], [0, cos, sin])
        ds.ImagePositionPatient = [round(float(v), 6) for v in (5, 6, 7) + 2.5 * k * normal]

    folder = write_series(tilt)

    series = read_ct_series(folder)

    # Ours gives the order of files; a peer that is given them finds grid and values by itself.
    by_uid = {header.sop_instance_uid: str(header.path) for header in scan_series(folder).slices}
    image: Any = SimpleITK.ReadImage([by_uid[uid] for uid in series.sop_instance_uids])
    theirs = SimpleITK.GetArrayFromImage(image)
    np.testing.assert_array_equal(series.hu, theirs)
    np.testing.assert_allclose(series.spacing_mm, image.GetSpacing()[::-1], atol=1e-6)
    np.testing.assert_allclose(series.origin_lps_mm, image.GetOrigin(), atol=1e-6)
    np.testing.assert_allclose(series.direction, image.GetDirection(), atol=1e-6)


def test_a_series_with_both_marks_in_every_slice_is_protected(
    write_series: WriteSeries, protect_slice: Callable[[Dataset], None]
) -> None:
    folder = write_series(lambda ds, k: protect_slice(ds))
    assert read_ct_series(folder).protected
    assert scan_series(folder).is_protected

    folder = write_series(lambda ds, k: protect_slice(ds) if k else None)
    assert not read_ct_series(folder).protected

    folder = write_series(setting(PatientIdentityRemoved="YES"))
    assert not read_ct_series(folder).protected


def test_other_files_are_counted_and_left(write_series: WriteSeries) -> None:
    folder = write_series()
    (folder / "readme.txt").write_text("no DICOM")
    (folder / "empty").touch()
    (folder / ".hidden").write_text("not looked at")

    assert read_ct_series(folder).ignored_files == 2
    assert scan_series(folder).ignored_files == 2


def test_one_level_of_sub_folders_is_read_and_no_more(write_series: WriteSeries) -> None:
    folder = write_series()

    assert len(scan_series(folder.parent).slices) == 4
    outer = folder.parent / "outer" / "inner"
    outer.mkdir(parents=True)
    folder.rename(outer / "series")
    assert refusal(outer.parent) is ErrorCode.E_NO_DICOM


def test_a_scan_reads_no_pixels_and_lists_every_file(write_series: WriteSeries) -> None:
    folder = write_series(without("PixelData"))

    assert [f.name for f in scan_series(folder).files] == ["001", "002", "003", "004"]
    assert refusal(folder) is ErrorCode.E_DICOM


def test_implicit_vr_is_read_alike(write_series: WriteSeries) -> None:
    expected = read_ct_series(write_series()).hu

    def implicit(ds: Dataset, k: int) -> None:
        ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian

    np.testing.assert_array_equal(read_ct_series(write_series(implicit)).hu, expected)


def test_signed_and_unsigned_12_bit_values_ignore_what_is_above(write_series: WriteSeries) -> None:
    words = np.full(30, 0xF000 | 0x0FFF, "<u2").tobytes()  # overlay bits over twelve ones

    folder = write_series(setting(PixelData=words))
    assert (read_ct_series(folder).hu == 4095 - 1024).all()

    folder = write_series(setting(PixelData=words, PixelRepresentation=1, RescaleIntercept=0))
    assert (read_ct_series(folder).hu == -1).all()


def test_a_broken_slope_rounds_to_whole_numbers(write_series: WriteSeries) -> None:
    stored = np.arange(30).astype("<u2")

    folder = write_series(setting(PixelData=stored.tobytes(), RescaleSlope="0.5"))

    expected = np.rint(stored * 0.5 - 1024).reshape(5, 6)
    np.testing.assert_array_equal(read_ct_series(folder).hu[0], expected)


@pytest.mark.parametrize(
    ("slope", "fits"), [("7.9", True), ("9.0", False), ("NaN", False), ("1e300", False)]
)
def test_values_beyond_16_bits_are_refused(
    write_series: WriteSeries, slope: str, fits: bool
) -> None:
    words = np.full(30, 0x0FFF, "<u2").tobytes()

    def change(ds: Dataset, k: int) -> None:
        ds.PixelData = words
        ds.add_new("RescaleSlope", "DS", "1")
        ds["RescaleSlope"]._value = slope  # as a file may hold it, whatever pydicom thinks

    folder = write_series(change)

    if fits:
        assert read_ct_series(folder).hu.max() == round(4095 * 7.9 - 1024)
    else:
        assert refusal(folder) is ErrorCode.E_DICOM


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (setting(Modality="MR"), ErrorCode.E_MODALITY),
        (setting(SOPClassUID=EnhancedCTImageStorage), ErrorCode.E_MODALITY),
        (setting(SOPClassUID=RTStructureSetStorage, Modality="RTSTRUCT"), ErrorCode.E_MODALITY),
        (without("StudyInstanceUID"), ErrorCode.E_MISSING_UID),
        (without("SeriesInstanceUID"), ErrorCode.E_MISSING_UID),
        (without("FrameOfReferenceUID"), ErrorCode.E_MISSING_UID),
        (without("ImagePositionPatient"), ErrorCode.E_GEOMETRY),
        (without("ImageOrientationPatient"), ErrorCode.E_GEOMETRY),
        (without("PixelSpacing"), ErrorCode.E_GEOMETRY),
        (without("Rows"), ErrorCode.E_GEOMETRY),
        (setting(PixelSpacing=[0, 1]), ErrorCode.E_GEOMETRY),
        (setting(ImageOrientationPatient=[1, 0, 0, 1, 0, 0]), ErrorCode.E_GEOMETRY),
        (setting(ImageOrientationPatient=[2, 0, 0, 0, 1, 0]), ErrorCode.E_GEOMETRY),
        (without("RescaleSlope"), ErrorCode.E_DICOM),
        (setting(PixelData=bytes(58)), ErrorCode.E_DICOM),
        (setting(BitsStored=17), ErrorCode.E_DICOM),
        (setting(BitsAllocated=8, BitsStored=8, HighBit=7), ErrorCode.E_DICOM),
        (setting(SamplesPerPixel=3), ErrorCode.E_DICOM),
        (setting(PhotometricInterpretation="MONOCHROME1"), ErrorCode.E_DICOM),
    ],
)
def test_what_is_missing_or_wrong_has_its_code(
    write_series: WriteSeries, change: Change, code: ErrorCode
) -> None:
    assert refusal(write_series(change)) is code


def test_two_series_or_patients_in_a_folder_are_refused(write_series: WriteSeries) -> None:
    def other_series(ds: Dataset, k: int) -> None:
        ds.SeriesInstanceUID = UID("1.2.3.99") if k == 2 else ds.SeriesInstanceUID

    def other_patient(ds: Dataset, k: int) -> None:
        ds.PatientID = "CANARY-2" if k == 2 else ds.PatientID

    assert refusal(write_series(other_series)) is ErrorCode.E_MIXED_SERIES
    assert refusal(write_series(other_patient)) is ErrorCode.E_MIXED_SERIES


def placed(*z_mm: float) -> Change:
    return lambda ds, k: setattr(ds, "ImagePositionPatient", [-10.0, -20.0, z_mm[k]])


@pytest.mark.parametrize(
    ("z_mm", "code"),
    [
        ((0, 2.5, 7.5, 10), ErrorCode.E_MISSING_SLICES),  # a gap of one
        ((0, 2.5, 5, 15), ErrorCode.E_MISSING_SLICES),  # a gap of three
        ((0, 2.5, 2.5, 5), ErrorCode.E_MISSING_SLICES),  # one twice
        ((0, 2.5, 5, 8.5), ErrorCode.E_SPACING),
        ((0, 2.5, 5.1, 7.5), ErrorCode.E_SPACING),
    ],
)
def test_uneven_slices_are_refused(
    write_series: WriteSeries, z_mm: tuple[float, ...], code: ErrorCode
) -> None:
    assert refusal(write_series(placed(*z_mm))) is code


@pytest.mark.parametrize("z_mm", [(7.5, 5, 2.5, 0), (0, 2.504, 5.0, 7.498), (-3.1, -2, -0.9, 0.2)])
def test_even_slices_in_any_order_and_with_rounded_positions_are_taken(
    write_series: WriteSeries, z_mm: tuple[float, ...]
) -> None:
    series = read_ct_series(write_series(placed(*z_mm)))

    assert series.origin_lps_mm[2] == min(z_mm)
    assert series.spacing_mm[0] == pytest.approx((max(z_mm) - min(z_mm)) / 3, abs=1e-6)


def test_the_same_instance_twice_is_refused(write_series: WriteSeries) -> None:
    assert refusal(write_series(setting(SOPInstanceUID=UID("1.2.3.5")))) is (
        ErrorCode.E_MISSING_SLICES
    )


def test_a_tilted_gantry_is_refused(write_series: WriteSeries) -> None:
    def tilt(ds: Dataset, k: int) -> None:
        ds.ImagePositionPatient = [-10.0, -20.0 + 0.4 * k, 30.0 + 2.5 * k]

    assert refusal(write_series(tilt)) is ErrorCode.E_GEOMETRY


def test_slices_of_different_size_or_direction_are_refused(write_series: WriteSeries) -> None:
    def turned(ds: Dataset, k: int) -> None:
        ds.ImageOrientationPatient = [1, 0, 0, 0, 0, -1] if k == 1 else [1, 0, 0, 0, 1, 0]

    def wider(ds: Dataset, k: int) -> None:
        ds.PixelSpacing = [0.75, 0.6] if k == 1 else [0.75, 0.5]

    assert refusal(write_series(turned)) is ErrorCode.E_GEOMETRY
    assert refusal(write_series(wider)) is ErrorCode.E_GEOMETRY


def test_one_slice_takes_its_thickness(write_series: WriteSeries) -> None:
    assert read_ct_series(write_series(slices=1)).spacing_mm == (2.5, 0.75, 0.5)
    assert refusal(write_series(without("SliceThickness"), slices=1)) is ErrorCode.E_GEOMETRY


def test_compressed_slices_can_be_scanned_but_not_read(write_series: WriteSeries) -> None:
    def compress(ds: Dataset, k: int) -> None:
        ds.file_meta.TransferSyntaxUID = JPEG2000Lossless
        ds.PixelData = pydicom.encaps.encapsulate([bytes(100)])
        ds["PixelData"].is_undefined_length = True

    folder = write_series(compress)

    assert len(scan_series(folder).slices) == 4
    assert refusal(folder) is ErrorCode.E_TRANSFER_SYNTAX


def test_a_deflated_series_is_not_even_opened(write_series: WriteSeries) -> None:
    def deflate(ds: Dataset, k: int) -> None:
        ds.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian

    assert refusal(write_series(deflate)) is ErrorCode.E_TRANSFER_SYNTAX


def test_a_folder_without_dicom_or_that_is_not_there_has_its_code(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("nothing")
    assert refusal(tmp_path) is ErrorCode.E_NO_DICOM
    assert refusal(tmp_path / "absent") is ErrorCode.E_LOCAL_FILE
    assert refusal(tmp_path / "note.txt") is ErrorCode.E_LOCAL_FILE


def test_limits_hold_at_the_last_value_and_not_beyond(write_series: WriteSeries) -> None:
    folder = write_series()
    size = max(f.stat().st_size for f in folder.iterdir())
    volume = 4 * 5 * 6 * 2

    assert read_ct_series(folder, SeriesLimits(files=4, file_bytes=size, volume_bytes=volume))
    for limits in (
        SeriesLimits(files=3),
        SeriesLimits(file_bytes=size - 1),
        SeriesLimits(volume_bytes=volume - 1),
    ):
        assert refusal(folder, limits) is ErrorCode.E_TOO_LARGE


def test_pydicom_says_nothing_of_values(
    write_series: WriteSeries, caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    def odd(ds: Dataset, k: int) -> None:
        ds["PatientID"]._value = "CANARY" * 20  # too long for its VR

    folder = write_series(odd)
    caplog.clear()
    recwarn.clear()

    with caplog.at_level(logging.DEBUG):
        series = read_ct_series(folder)

    assert "CANARY" not in repr(series)
    assert caplog.text == ""
    assert len(recwarn) == 0
    assert not logging.getLogger("pydicom").disabled  # as it was


@given(at=st.integers(0, 1100), octet=st.integers(0, 255), cut=st.booleans())
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_damaged_file_gives_a_series_or_an_error_of_ours(
    write_series: WriteSeries, at: int, octet: int, cut: bool
) -> None:
    folder = write_series(slices=2)
    file = folder / "001"
    octets = bytearray(file.read_bytes())
    at %= len(octets)
    octets[at] = octet
    file.write_bytes(octets[: at if cut else len(octets)])

    try:
        series = read_ct_series(folder)
    except EncryptSecureRTError:
        return
    assert series.hu.shape[1:] == (5, 6)


@pytest.mark.real_data
@pytest.mark.skipif(not DATA.exists(), reason="the data pack is not beside the checkout")
def test_a_real_series_is_read_as_its_description_says() -> None:
    series = read_ct_series(DATA / "ct_abdomen_crlm" / "CRLM-CT-1004")

    assert series.hu.shape == (41, 512, 512)
    assert (series.hu.min(), series.hu.max()) == (-3024, 1377)
    assert series.spacing_mm == pytest.approx((5.0, 0.796875, 0.796875))
    assert not series.protected


@pytest.mark.real_data
@pytest.mark.skipif(not DATA.exists(), reason="the data pack is not beside the checkout")
def test_the_one_ct_of_a_study_is_chosen_and_the_others_are_passed_over() -> None:
    series = read_ct_series(DATA / "dicomrt_breast_dicompyler")

    assert series.hu.shape == (1, 512, 512)
    assert series.ignored_files == 4  # plan, dose, structures and the licence


@pytest.mark.real_data
@pytest.mark.skipif(not DATA.exists(), reason="the data pack is not beside the checkout")
@pytest.mark.parametrize(
    ("folder", "codes"),
    [
        ("ct_abdpelvis_totalseg/example_ct_dicom", {ErrorCode.E_MISSING_UID}),
        ("sts_ct_mr_pet/STS_048/dicom/PET", {ErrorCode.E_MODALITY}),
    ],
)
def test_real_folders_that_are_no_plain_ct_series_are_refused(
    folder: str, codes: set[ErrorCode]
) -> None:
    assert refusal(DATA / folder) in codes
