"""A dose volume as the worker gets it: read back by the protocol and compared with the scene."""

import os
import stat
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its usual short name
from Testing.Scene.made import (
    AXIAL,
    Array,
    add_ct,
    add_linear_transform,
    matrix_of,
    put_under,
    refusal_of,
    rotation,
)
from Testing.Scene.made_doses import add_dose, dose_values, grid_of, write_dose

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.volumes import VolumeHeader, unpack_volume
from EncryptSecureRTLib.client.dose_files import read_dose_volume
from EncryptSecureRTLib.scene.dose_voxels import DoseUids, random_dose_uids, writing_dose
from EncryptSecureRTLib.scene.mrml import slicer

UIDS = DoseUids(frame_of_reference="2.25.99", instance="2.25.100")


def _read(path: Path) -> tuple[VolumeHeader, Array]:
    header, payload = unpack_volume(path.read_bytes())
    return header, np.frombuffer(payload, "<f8").reshape(header.shape)


def test_what_is_written_is_what_the_protocol_reads(scene: Any, tmp_path: Path) -> None:
    node = add_dose(scene)

    written = write_dose(node, tmp_path / "dose", UIDS)

    header, dose_gy = _read(tmp_path / "dose")
    grid = grid_of(node)
    assert (written.header, written.slices_reversed) == (header, False)
    assert np.array_equal(dose_gy, dose_values("float64"))
    assert (header.shape, header.spacing_mm) == (grid.shape, grid.spacing_mm)
    assert (header.origin_mm, header.direction) == (grid.origin_lps_mm, grid.direction)
    assert (header.quantity, header.unit, header.dtype) == ("dose", "Gy", "float64")
    assert header.frame_of_reference == "2.25.99"
    assert header.slice_uids == ("2.25.100",) * 6


def test_cgy_become_gy_rounded_once(scene: Any, tmp_path: Path) -> None:
    values = np.arange(120, dtype=np.float64).reshape(6, 5, 4) * 7

    write_dose(add_dose(scene, "cGy", values), tmp_path / "dose")

    expected = [float(n * 7) / 100 for n in range(120)]
    assert _read(tmp_path / "dose")[1].ravel().tolist() == expected


@pytest.mark.parametrize("dtype", ["int16", "uint16", "int32", "float32", "float64"])
def test_voxels_of_any_type_become_the_same_gy(scene: Any, tmp_path: Path, dtype: str) -> None:
    values = np.floor(8 * dose_values("float64"))

    write_dose(add_dose(scene, values=values.astype(dtype)), tmp_path / "dose")

    assert np.array_equal(_read(tmp_path / "dose")[1], values)


def test_left_handed_dose_is_written_right_handed_and_no_voxel_moves(
    scene: Any, tmp_path: Path
) -> None:
    node = add_dose(scene, matrix=AXIAL @ np.diag([1.0, 1.0, -1.0, 1.0]))

    written = write_dose(node, tmp_path / "dose")

    header, dose_gy = _read(tmp_path / "dose")
    assert written.slices_reversed
    assert np.linalg.det(np.reshape(header.direction, (3, 3))) == pytest.approx(1)
    assert np.array_equal(dose_gy, dose_values("float64")[::-1])
    last = grid_of(node).ijk_to_lps @ (0, 0, 5, 1)
    assert header.origin_mm == pytest.approx(last[:3], abs=1e-6)


def test_linear_transform_is_applied_to_what_is_sent(scene: Any, tmp_path: Path) -> None:
    node = add_dose(scene)
    turn = matrix_of(rotation((0, 0, 90)), (1, 1, 1), np.array([10.0, 0.0, 0.0]))
    put_under(node, add_linear_transform(scene, turn))

    header = write_dose(node, tmp_path / "dose").header

    expected = np.diag([-1, -1, 1, 1]) @ turn @ AXIAL
    assert header.origin_mm == pytest.approx(expected[:3, 3], abs=1e-6)


def test_random_uids_share_a_frame_only_if_it_is_given(scene: Any, tmp_path: Path) -> None:
    first = write_dose(add_dose(scene), tmp_path / "a").header
    frame = first.frame_of_reference

    second = write_dose(add_dose(scene), tmp_path / "b", random_dose_uids(frame)).header
    third = write_dose(add_dose(scene), tmp_path / "c").header

    assert second.frame_of_reference == frame
    assert len({first.slice_uids[0], second.slice_uids[0], third.slice_uids[0]}) == 3
    assert third.frame_of_reference != frame


def test_uids_that_are_not_mapped_ones_cannot_be_given() -> None:
    with refusal_of(ErrorCode.E_NOT_PROTECTED):
        DoseUids(frame_of_reference="1.2.840.1", instance="2.25.1")
    with refusal_of(ErrorCode.E_NOT_PROTECTED):
        DoseUids(frame_of_reference="2.25.1", instance="1.2.840.1")


@pytest.mark.parametrize("value", [-1e-9, np.nan, np.inf, -np.inf])
def test_dose_with_one_impossible_voxel_is_refused_and_leaves_no_file(
    scene: Any, tmp_path: Path, value: float
) -> None:
    values = dose_values("float64")
    values[5, 4, 3] = value

    with refusal_of(ErrorCode.E_DOSE):
        write_dose(add_dose(scene, values=values), tmp_path / "dose")

    assert not (tmp_path / "dose").exists()


@pytest.mark.parametrize("unit", [None, "RELATIVE", "percent"])
def test_dose_without_a_known_unit_is_never_taken_for_gy(
    scene: Any, tmp_path: Path, unit: str | None
) -> None:
    with refusal_of(ErrorCode.E_DOSE):
        write_dose(add_dose(scene, unit), tmp_path / "dose")


def test_ct_is_refused_as_a_dose(scene: Any, tmp_path: Path) -> None:
    with refusal_of(ErrorCode.E_DOSE):
        write_dose(add_ct(scene), tmp_path / "dose")


def test_spacing_of_no_dose_grid_is_refused(scene: Any, tmp_path: Path) -> None:
    with refusal_of(ErrorCode.E_GEOMETRY):
        write_dose(add_dose(scene, matrix=np.diag([-1.0, -1.0, 0.01, 1.0])), tmp_path / "dose")


def test_file_holds_no_name_and_only_its_owner_can_read_it(scene: Any, tmp_path: Path) -> None:
    node = add_dose(scene, name="Planted^Name")
    node.SetAttribute("DICOM.instanceUIDs", "1.2.840.113619.2.55")

    write_dose(node, tmp_path / "dose")

    octets = (tmp_path / "dose").read_bytes()
    assert b"Planted" not in octets
    assert b"113619" not in octets
    if sys.platform != "win32":
        assert stat.S_IMODE(os.stat(tmp_path / "dose").st_mode) == 0o600


def test_file_that_exists_is_left_alone(scene: Any, tmp_path: Path) -> None:
    (tmp_path / "dose").write_bytes(b"mine")

    with refusal_of(ErrorCode.E_LOCAL_FILE):
        write_dose(add_dose(scene), tmp_path / "dose")

    assert (tmp_path / "dose").read_bytes() == b"mine"


def test_pauses_come_while_a_large_dose_is_written_and_closing_removes_the_file(
    scene: Any, tmp_path: Path
) -> None:
    node = add_dose(scene, values=np.ones((20, 256, 256), np.float32))
    writing = writing_dose(node, tmp_path / "dose")

    written, in_all = next(writing)
    writing.close()

    assert 0 < written < in_all == 20 * 256 * 256 * 8
    assert not (tmp_path / "dose").exists()


def test_voxels_of_the_node_stay_as_they_are(scene: Any, tmp_path: Path) -> None:
    node = add_dose(scene, "cGy")

    write_dose(node, tmp_path / "dose")

    assert np.array_equal(slicer.util.arrayFromVolume(node), dose_values())


def test_client_takes_what_the_scene_has_written(scene: Any, tmp_path: Path) -> None:
    node = add_dose(scene, "cGy", matrix=AXIAL @ np.diag([1.0, 1.0, -1.0, 1.0]))

    header = write_dose(node, tmp_path / "dose").header

    taken = read_dose_volume(tmp_path / "dose")
    assert np.array_equal(taken.dose_gy, dose_values("float64")[::-1] / 100)
    assert taken.grid.origin_lps_mm == header.origin_mm
    assert taken.grid.direction == header.direction
    assert taken.origin.frame_of_reference_uid == header.frame_of_reference


@pytest.mark.real_data
def test_real_dose_is_sent_with_the_voxels_and_the_place_that_simpleitk_reads(
    scene: Any, tmp_path: Path, shared_data: Path
) -> None:
    image: Any = sitk.ReadImage(str(shared_data / "slicerrt_dose" / "EclipseEnt_Dose.nrrd"))
    array = sitk.GetArrayFromImage(image)
    axes = np.asarray(image.GetDirection()).reshape(3, 3)
    to_lps = matrix_of(axes, image.GetSpacing(), np.asarray(image.GetOrigin()))
    node = add_dose(scene, values=array, matrix=np.diag([-1, -1, 1, 1]) @ to_lps)

    write_dose(node, tmp_path / "dose")

    taken = read_dose_volume(tmp_path / "dose")
    assert taken.grid.shape == (136, 88, 176)
    assert taken.grid.spacing_mm == pytest.approx((2.5, 2.5, 2.5), abs=1e-9)
    assert taken.grid.origin_lps_mm == pytest.approx(image.GetOrigin(), abs=1e-6)
    assert taken.maximum_gy == pytest.approx(62.6128, abs=1e-4)
    assert np.array_equal(taken.dose_gy, array.astype(np.float64))
