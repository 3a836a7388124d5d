"""Doses from files: what the standard says they are, or one clear refusal."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import RLELossless
from Testing.Unit.client.people import refusal_of
from Testing.Unit.client_dose.doses_made import SCALING_GY, SHAPE, STORED, Change, dose_file

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.volumes import VolumeHeader, unpack_volume
from EncryptSecureRTLib.client.dose_files import read_dose, read_dose_volume

AXES = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


def setting(**members: Any) -> Change:
    """Return the change that sets members, or removes those that are None."""

    def change(ds: FileDataset) -> None:
        for name, value in members.items():
            if value is None:
                del ds[name]
            else:
                setattr(ds, name, value)

    return change


@pytest.mark.parametrize("bits", [16, 32])
def test_a_dose_is_its_integers_times_the_scaling(tmp_path: Path, bits: int) -> None:
    dose = read_dose(dose_file(tmp_path / "dose.dcm", bits=bits))

    np.testing.assert_array_equal(dose.dose_gy, STORED * SCALING_GY)
    assert dose.dose_gy.dtype == np.float64
    assert dose.grid.shape == SHAPE
    assert dose.grid.spacing_mm == (3.0, 2.0, 2.5)
    assert dose.grid.origin_lps_mm == (-10.0, 20.0, 30.0)
    assert dose.grid.direction == AXES
    assert (dose.summation_type, dose.dose_type) == ("PLAN", "PHYSICAL")
    assert dose.plan == ("1.2.840.10008.5.1.4.1.1.481.5", "2.25.55")


def test_the_whole_range_of_32_bits_is_read(tmp_path: Path) -> None:
    stored = np.array([0, 1, 2**31, 2**32 - 1], np.uint32).reshape(1, 2, 2)

    dose = read_dose(dose_file(tmp_path / "dose.dcm", setting(DoseGridScaling=1e-7), stored))

    np.testing.assert_array_equal(dose.dose_gy.ravel(), stored.ravel() * 1e-7)


@pytest.mark.parametrize(
    ("offsets", "z_mm", "flipped"),
    [
        ([0, 3, 6, 9], 30.0, False),
        ([30, 33, 36, 39], 30.0, False),  # z coordinates, since the first is ImagePositionPatient's
        ([0, -3, -6, -9], 21.0, True),
        ([30, 27, 24, 21], 21.0, True),
    ],
)
def test_planes_lie_where_their_offsets_say(
    tmp_path: Path, offsets: list[float], z_mm: float, flipped: bool
) -> None:
    dose = read_dose(dose_file(tmp_path / "dose.dcm", setting(GridFrameOffsetVector=offsets)))

    assert dose.grid.origin_lps_mm == (-10.0, 20.0, z_mm)
    assert dose.grid.spacing_mm[0] == 3.0
    expected = STORED[::-1] if flipped else STORED
    np.testing.assert_array_equal(dose.dose_gy, expected * SCALING_GY)


def test_relative_offsets_go_along_the_normal_also_of_tilted_planes(tmp_path: Path) -> None:
    coronal = setting(ImageOrientationPatient=[1, 0, 0, 0, 0, -1])

    dose = read_dose(dose_file(tmp_path / "dose.dcm", coronal))

    # i to the left, j to inferior, so by the right hand k is to posterior.
    assert dose.grid.direction == (1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, -1.0, 0.0)


def test_one_plane_is_a_dose_too(tmp_path: Path) -> None:
    plane = setting(NumberOfFrames=None, GridFrameOffsetVector=None, SliceThickness="4")

    dose = read_dose(dose_file(tmp_path / "dose.dcm", plane, STORED[:1]))

    assert (dose.grid.shape, dose.grid.spacing_mm) == ((1, 3, 5), (4.0, 2.0, 2.5))


BAD: dict[str, tuple[Change, ErrorCode]] = {
    "in clear": (setting(EncryptedAttributesSequence=None), ErrorCode.E_NOT_PROTECTED),
    "relative dose": (setting(DoseUnits="RELATIVE"), ErrorCode.E_DOSE),
    "no unit": (setting(DoseUnits=None), ErrorCode.E_DOSE),
    "a difference": (setting(DoseType="ERROR", PixelRepresentation=1), ErrorCode.E_DOSE),
    "of nothing": (setting(DoseSummationType=None), ErrorCode.E_DOSE),
    "no scaling": (setting(DoseGridScaling=None), ErrorCode.E_DOSE),
    "scaling of 0": (setting(DoseGridScaling=0), ErrorCode.E_DOSE),
    "scaling beyond numbers": (setting(DoseGridScaling="1e308"), ErrorCode.E_DOSE),
    "negative scaling": (setting(DoseGridScaling=-1), ErrorCode.E_DOSE),
    "histograms alone": (setting(PixelData=None), ErrorCode.E_DOSE),
    "uneven planes": (setting(GridFrameOffsetVector=[0, 3, 6, 10]), ErrorCode.E_SPACING),
    "a plane twice": (setting(GridFrameOffsetVector=[0, 0, 0, 0]), ErrorCode.E_SPACING),
    "too few offsets": (setting(GridFrameOffsetVector=[0, 3, 6]), ErrorCode.E_GEOMETRY),
    "offsets of nowhere": (setting(GridFrameOffsetVector=[5, 8, 11, 14]), ErrorCode.E_GEOMETRY),
    "no offsets": (setting(GridFrameOffsetVector=None), ErrorCode.E_GEOMETRY),
    "no position": (setting(ImagePositionPatient=None), ErrorCode.E_GEOMETRY),
    "sheared": (setting(ImageOrientationPatient=[1, 0, 0, 0.5, 1, 0]), ErrorCode.E_GEOMETRY),
    "no spacing": (setting(PixelSpacing=[0, 2.5]), ErrorCode.E_GEOMETRY),
    "8 bits": (setting(BitsAllocated=8, BitsStored=8, HighBit=7), ErrorCode.E_DICOM),
    "cut": (setting(PixelData=bytes(100)), ErrorCode.E_DICOM),
    "too long": (setting(PixelData=bytes(244)), ErrorCode.E_DICOM),
    "colour": (setting(PhotometricInterpretation="RGB"), ErrorCode.E_DICOM),
    "no frame": (setting(FrameOfReferenceUID=None), ErrorCode.E_MISSING_UID),
    "no rows": (setting(Rows=None), ErrorCode.E_DICOM),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_dose_is_refused_by_what_is_wrong(tmp_path: Path, name: str) -> None:
    change, code = BAD[name]
    path = dose_file(tmp_path / "dose.dcm", change)

    assert refusal_of(lambda: read_dose(path)) is code


def test_coordinates_of_planes_that_are_not_transverse_are_refused(tmp_path: Path) -> None:
    change = setting(
        ImageOrientationPatient=[1, 0, 0, 0, 0, -1], GridFrameOffsetVector=[30, 33, 36, 39]
    )

    path = dose_file(tmp_path / "dose.dcm", change)

    assert refusal_of(lambda: read_dose(path)) is ErrorCode.E_GEOMETRY


def test_signed_values_below_zero_are_refused(tmp_path: Path) -> None:
    def change(ds: FileDataset) -> None:
        ds.PixelRepresentation = 1
        ds.PixelData = (STORED - 1).astype("<i4").tobytes()

    path = dose_file(tmp_path / "dose.dcm", change)

    assert refusal_of(lambda: read_dose(path)) is ErrorCode.E_DOSE


def test_compressed_doses_are_refused(tmp_path: Path) -> None:
    def change(ds: FileDataset) -> None:
        ds.file_meta.TransferSyntaxUID = RLELossless
        ds.PixelData = b"\xfe\xff\x00\xe0\x00\x00\x00\x00\xfe\xff\xdd\xe0\x00\x00\x00\x00"
        ds["PixelData"].is_undefined_length = True

    path = dose_file(tmp_path / "dose.dcm", change)

    assert refusal_of(lambda: read_dose(path)) is ErrorCode.E_TRANSFER_SYNTAX


def test_a_file_that_ends_early_is_refused(tmp_path: Path) -> None:
    path = dose_file(tmp_path / "dose.dcm")
    path.write_bytes(path.read_bytes()[:-50])

    assert refusal_of(lambda: read_dose(path)) is ErrorCode.E_DICOM


def test_a_plan_is_told_only_if_it_is_the_only_one(tmp_path: Path) -> None:
    def change(ds: FileDataset) -> None:
        other = Dataset()
        other.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.481.5"
        other.ReferencedSOPInstanceUID = "2.25.56"
        ds.ReferencedRTPlanSequence = Items([*ds.ReferencedRTPlanSequence, other])

    assert read_dose(dose_file(tmp_path / "dose.dcm", change)).plan is None


def test_a_folder_is_as_good_as_the_one_dose_in_it(tmp_path: Path) -> None:
    (tmp_path / "series").mkdir()
    dose_file(tmp_path / "series" / "a.dcm")
    (tmp_path / "note.txt").write_text("no DICOM")

    assert read_dose(tmp_path).maximum_gy == STORED.max() * SCALING_GY

    dose_file(tmp_path / "series" / "b.dcm")
    assert refusal_of(lambda: read_dose(tmp_path)) is ErrorCode.E_MIXED_SERIES


@pytest.mark.parametrize("content", [b"", b"text", bytes(128) + b"DICM"])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)

    assert refusal_of(lambda: read_dose(path)) in (ErrorCode.E_NO_DICOM, ErrorCode.E_DICOM)


def test_nothing_there_is_a_matter_of_files(tmp_path: Path) -> None:
    assert refusal_of(lambda: read_dose(tmp_path / "none")) is ErrorCode.E_LOCAL_FILE
    assert refusal_of(lambda: read_dose(tmp_path)) is ErrorCode.E_NO_DICOM


def _volume(path: Path, values: Any, **changes: Any) -> Path:
    members: dict[str, Any] = {
        "shape": values.shape,
        "dtype": "float64",
        "spacing_mm": (3.0, 2.0, 2.5),
        "origin_mm": (0.0, 0.0, 0.0),
        "direction": AXES,
        "quantity": "dose",
        "unit": "Gy",
        "frame_of_reference": "2.25.7",
        "slice_uids": ("2.25.8",) * values.shape[0],
    }
    header = VolumeHeader(**{**members, **changes})
    path.write_bytes(header.frame_head() + values.astype("<f8").tobytes())
    return path


def test_a_dose_of_a_scene_is_nobodys_and_goes_out_as_it_came(tmp_path: Path) -> None:
    path = _volume(tmp_path / "dose", STORED * 0.5)

    dose = read_dose_volume(path)
    content = dose.content()

    np.testing.assert_array_equal(dose.dose_gy, STORED * 0.5)
    assert dose.origin.patient_id == ""
    assert bytes(content.chunk(0, content.size_bytes)) == path.read_bytes()


@pytest.mark.parametrize("value", [np.nan, np.inf, -1e-9])
def test_a_dose_of_a_scene_has_finite_values_from_zero_on(tmp_path: Path, value: float) -> None:
    path = _volume(tmp_path / "dose", np.full((1, 2, 2), value))

    assert refusal_of(lambda: read_dose_volume(path)) is ErrorCode.E_DOSE


def test_a_volume_of_something_else_is_no_dose(tmp_path: Path) -> None:
    values = np.zeros((1, 2, 2))
    path = _volume(tmp_path / "map", values, quantity="dose_difference")

    assert refusal_of(lambda: read_dose_volume(path)) is ErrorCode.E_DOSE


def test_left_handed_axes_are_refused(tmp_path: Path) -> None:
    mirrored = (-1.0, *AXES[1:])
    path = _volume(tmp_path / "dose", np.zeros((1, 2, 2)), direction=mirrored)

    assert refusal_of(lambda: read_dose_volume(path)) is ErrorCode.E_GEOMETRY


def test_what_is_sent_of_a_file_says_its_grid_and_repeats_its_uid(tmp_path: Path) -> None:
    content = read_dose(dose_file(tmp_path / "dose.dcm")).content()

    header, voxels = unpack_volume(bytes(content.chunk(0, content.size_bytes)))

    assert (header.quantity, header.dtype, header.unit) == ("dose", "float64", "Gy")
    assert header.slice_uids == ("2.25.100",) * SHAPE[0]
    np.testing.assert_array_equal(np.frombuffer(voxels, "<f8").reshape(SHAPE), STORED * SCALING_GY)
