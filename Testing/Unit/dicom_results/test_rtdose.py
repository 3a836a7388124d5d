"""A dose difference as RT Dose: pixels, scaling, geometry, and voxels that have none."""

import io
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pydicom
import pytest
import SimpleITK
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from Testing.Unit.dicom_results.conftest import AXIAL, OBLIQUE, SHAPE, make_grid
from Testing.Unit.dicom_results.doses import compared_doses

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_rt.errors import Cancelled
from encryptsecurert_rt.geometry import ImageGrid
from encryptsecurert_worker.dicom.results import Producer
from encryptsecurert_worker.dicom.results.dose_context import ComparedDoses
from encryptsecurert_worker.dicom.results.rtdose import PADDING, make_difference_rtdose

DoseMap = npt.NDArray[np.float64]


def read(octets: bytes) -> Dataset:
    return pydicom.dcmread(io.BytesIO(octets))


def some_difference() -> DoseMap:
    """Return differences of both signs, with a corner that has none."""
    values = np.random.default_rng(3).normal(0.0, 1.5, SHAPE)
    values[0, :5, :5] = np.nan
    return values


@pytest.fixture(params=[AXIAL, OBLIQUE], ids=["axial", "oblique"])
def doses(request: pytest.FixtureRequest) -> ComparedDoses:
    return compared_doses(make_grid(direction=request.param))


@pytest.fixture
def octets(doses: ComparedDoses, producer: Producer, seed: bytes) -> bytes:
    return make_difference_rtdose(some_difference(), doses, producer, uid_seed=seed)


def test_every_difference_comes_back_within_half_a_step(octets: bytes) -> None:
    ds, truth = read(octets), some_difference()

    stored = ds.pixel_array.astype(np.int64)
    inside = ~np.isnan(truth)
    scaling = float(ds.DoseGridScaling)
    error = np.abs(stored[inside] * scaling - truth[inside])
    assert error.max() <= 0.5 * scaling * (1 + 1e-9)
    assert scaling <= np.nanmax(np.abs(truth)) / 32767 * (1 + 1e-8)  # no coarser than need be


def test_a_voxel_without_difference_is_padding_and_never_none(octets: bytes) -> None:
    ds, truth = read(octets), some_difference()

    assert ds.PixelPaddingValue == PADDING
    np.testing.assert_array_equal(ds.pixel_array == PADDING, np.isnan(truth))
    assert "padding: outside the evaluated dose" in ds.DoseComment


def test_without_such_voxels_there_is_no_padding(
    doses: ComparedDoses, producer: Producer, seed: bytes
) -> None:
    ds = read(make_difference_rtdose(np.zeros(SHAPE), doses, producer, uid_seed=seed))

    assert "PixelPaddingValue" not in ds
    assert not ds.pixel_array.any()
    assert float(ds.DoseGridScaling) > 0.0


def test_it_is_an_error_dose_of_the_plan_and_names_both_doses(octets: bytes) -> None:
    ds = read(octets)

    assert (ds.DoseType, ds.DoseUnits, ds.PixelRepresentation) == ("ERROR", "GY", 1)
    assert ds.DoseSummationType == "PLAN"
    plan = ds.ReferencedRTPlanSequence[0]
    assert plan.ReferencedSOPInstanceUID == "2.25.106"
    assert plan.ReferencedSOPClassUID == "1.2.840.10008.5.1.4.1.1.481.5"
    sources = [item.ReferencedSOPInstanceUID for item in ds.SourceImageSequence]
    assert sources == ["2.25.105", "2.25.205"]
    assert ds.FrameOfReferenceUID == "2.25.103"
    assert ds.StudyInstanceUID == "2.25.101"


def _corners_lps_mm(ds: Dataset) -> npt.NDArray[np.float64]:
    """Return the first voxel of the first frame and the last of the last, by the standard."""
    origin = np.array(ds.ImagePositionPatient, float)
    along_row, along_column = np.array(ds.ImageOrientationPatient, float).reshape(2, 3)
    rows_mm, columns_mm = map(float, ds.PixelSpacing)
    offsets = [float(v) for v in ds.get("GridFrameOffsetVector", [0.0])]
    normal = np.cross(along_row, along_column)
    last = (
        origin + (ds.Columns - 1) * columns_mm * along_row + (ds.Rows - 1) * rows_mm * along_column
    )
    return np.array([origin + offsets[0] * normal, last + offsets[-1] * normal])


@pytest.mark.parametrize("mirrored", [False, True], ids=["right-handed", "left-handed"])
def test_the_grid_is_the_reference_grid(
    doses: ComparedDoses, mirrored: bool, producer: Producer, seed: bytes
) -> None:
    grid = doses.grid
    if mirrored:  # slices descend along the cross product of rows and columns
        axes = np.asarray(grid.direction).reshape(3, 3) * (1, 1, -1)
        grid = replace(grid, direction=tuple(axes.ravel().tolist()))
    octets = make_difference_rtdose(
        some_difference(), replace(doses, grid=grid), producer, uid_seed=seed
    )

    last = np.array((*grid.shape[::-1], 2)) - 1
    truth = np.array([grid.ijk_to_lps @ (0, 0, 0, 1), grid.ijk_to_lps @ last])[:, :3]
    np.testing.assert_allclose(_corners_lps_mm(read(octets)), truth, atol=1e-4)


def test_a_plane_has_no_frames(producer: Producer, seed: bytes) -> None:
    plane = ImageGrid(
        shape=(1, 5, 7),
        spacing_mm=(1.0, 2.0, 3.0),
        origin_lps_mm=(0.0, 0.0, 0.0),
        direction=AXIAL,
    )
    values = np.arange(35.0).reshape(1, 5, 7)
    ds = read(make_difference_rtdose(values, compared_doses(plane), producer, uid_seed=seed))

    assert "NumberOfFrames" not in ds
    assert "GridFrameOffsetVector" not in ds
    np.testing.assert_allclose(
        ds.pixel_array * float(ds.DoseGridScaling), values[0], atol=float(ds.DoseGridScaling)
    )


@settings(max_examples=40, deadline=None)
@given(st.floats(0.0, 1e5), st.floats(-1.0, 1.0))
def test_any_size_of_difference_is_reached(largest: float, share: float) -> None:
    grid = replace(make_grid(AXIAL), shape=(1, 1, 2))
    values = np.array([[[largest, largest * share]]])
    producer = Producer(version="0.1.0", measurement="ab" * 32, simulated=False)
    ds = read(make_difference_rtdose(values, compared_doses(grid), producer, uid_seed=bytes(32)))

    step = float(ds.DoseGridScaling)
    assert len(str(ds.DoseGridScaling)) <= 16
    np.testing.assert_allclose(ds.pixel_array * step, values[0], atol=0.5 * step * (1 + 1e-6))


def test_simpleitk_reads_the_same_stored_values(octets: bytes, tmp_path: Path) -> None:
    file = tmp_path / "difference.dcm"
    file.write_bytes(octets)

    stored = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(file)))

    np.testing.assert_array_equal(stored, read(octets).pixel_array)


def test_the_same_input_gives_the_same_octets_without_a_clock(
    octets: bytes, doses: ComparedDoses, producer: Producer, seed: bytes
) -> None:
    assert make_difference_rtdose(some_difference(), doses, producer, uid_seed=seed) == octets
    ds = read(octets)
    stamps = {e.value for e in ds.iterall() if e.VR in ("DA", "TM", "DT") and e.value}
    assert stamps == {"19000101", "000000"}
    uids = {str(e.value) for e in ds.iterall() if e.VR == "UI"}
    assert all(uid.startswith(("2.25.", "1.2.840.10008.")) for uid in uids)


def test_a_simulated_worker_marks_what_it_makes(
    octets: bytes, doses: ComparedDoses, simulated_producer: Producer, seed: bytes
) -> None:
    ds = read(make_difference_rtdose(some_difference(), doses, simulated_producer, uid_seed=seed))

    assert ds.SeriesDescription.startswith("SIMULATED")
    assert ds.DoseComment.startswith("SIMULATED")
    assert ds.ManufacturerModelName.startswith("SIMULATED")
    assert b"SIMULATED" not in octets


def test_progress_can_cancel(doses: ComparedDoses, producer: Producer, seed: bytes) -> None:
    def stop(stage: str, fraction: float) -> None:
        if fraction > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        make_difference_rtdose(some_difference(), doses, producer, uid_seed=seed, progress=stop)


def test_a_difference_on_another_grid_is_refused(
    doses: ComparedDoses, producer: Producer, seed: bytes
) -> None:
    with pytest.raises(EncryptSecureRTError) as refused:
        make_difference_rtdose(some_difference()[1:], doses, producer, uid_seed=seed)

    assert refused.value.code is ErrorCode.E_PARAMETERS


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
def test_dciodvfy_finds_no_error_but_signed_pixels(octets: bytes, tmp_path: Path) -> None:
    file = tmp_path / "difference.dcm"
    file.write_bytes(octets)

    run = subprocess.run(
        ["dciodvfy", "-new", str(file)], capture_output=True, text=True, check=False
    )

    assert "RTDose" in run.stderr
    errors = [line for line in run.stderr.splitlines() if line.startswith("Error")]
    # PS3.3 C.8.8.3 has signed pixels for Dose Type ERROR; the tool knows unsigned ones only.
    assert len(errors) == 1
    assert "PixelRepresentation" in errors[0].replace(" ", "")
