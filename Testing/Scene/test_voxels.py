"""A volume node as the worker gets it: read back by the protocol and compared with the scene."""

import os
import re
import stat
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its usual short name
from hypothesis import given
from hypothesis import strategies as st
from Testing.Scene.made import (
    AXIAL,
    Array,
    add_ct,
    add_linear_transform,
    matrix_of,
    numbered,
    put_under,
    refusal_of,
    rotation,
    write_volume,
)
from Testing.Scene.volume_cases import CASES

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.volumes import VolumeHeader, unpack_volume
from EncryptSecureRTLib.scene.geometry import volume_grid
from EncryptSecureRTLib.scene.volumes import PROBLEM_CODES
from EncryptSecureRTLib.scene.voxels import SeriesUids, WrittenVolume, random_uids

UIDS = SeriesUids(frame_of_reference="2.25.99", slices=tuple(f"2.25.{100 + k}" for k in range(6)))
MIRRORED = AXIAL @ np.diag([1.0, 1.0, -1.0, 1.0])


def _read(path: Path) -> tuple[VolumeHeader, Array]:
    header, payload = unpack_volume(path.read_bytes())
    return header, np.frombuffer(payload, "<i2").reshape(header.shape)


def test_what_is_written_is_what_the_protocol_reads(scene: Any, tmp_path: Path) -> None:
    node = add_ct(scene)

    written = write_volume(node, tmp_path / "volume", UIDS)

    header, hu = _read(tmp_path / "volume")
    grid = volume_grid(node, apply_transform=False)
    assert written == WrittenVolume(header=header, slices_reversed=False)
    assert np.array_equal(hu, numbered())
    assert (header.shape, header.spacing_mm) == (grid.shape, grid.spacing_mm)
    assert (header.origin_mm, header.direction) == (grid.origin_lps_mm, grid.direction)
    assert (header.quantity, header.unit, header.dtype) == ("ct_number", "HU", "int16")
    assert (header.frame_of_reference, header.slice_uids) == ("2.25.99", UIDS.slices)


def test_left_handed_volume_is_written_right_handed_and_no_voxel_moves(
    scene: Any, tmp_path: Path
) -> None:
    node = add_ct(scene, matrix=MIRRORED)

    written = write_volume(node, tmp_path / "volume", UIDS)

    header, hu = _read(tmp_path / "volume")
    axes = np.asarray(header.direction).reshape(3, 3)
    assert written.slices_reversed
    assert np.linalg.det(axes) == pytest.approx(1)
    assert np.array_equal(hu, numbered()[::-1])
    assert header.slice_uids == UIDS.slices[::-1]
    # The slice that comes first in the file lies where it lay in the scene.
    last = volume_grid(node, apply_transform=False).ijk_to_lps @ (0, 0, 5, 1)
    assert header.origin_mm == pytest.approx(last[:3], abs=1e-6)


def test_linear_transform_is_applied_to_what_is_sent(scene: Any, tmp_path: Path) -> None:
    node = add_ct(scene)
    turn = matrix_of(rotation((0, 0, 90)), (1, 1, 1), np.array([10.0, 0.0, 0.0]))
    put_under(node, add_linear_transform(scene, turn))

    header = write_volume(node, tmp_path / "volume").header

    expected = np.diag([-1, -1, 1, 1]) @ turn @ AXIAL
    assert header.origin_mm == pytest.approx(expected[:3, 3], abs=1e-6)
    assert np.array_equal(_read(tmp_path / "volume")[1], numbered())


def test_uids_are_random_and_valid_unless_given(scene: Any, tmp_path: Path) -> None:
    node = add_ct(scene)

    first = write_volume(node, tmp_path / "a").header
    second = write_volume(node, tmp_path / "b").header

    uids = (*first.slice_uids, first.frame_of_reference, *second.slice_uids)
    assert len(set(uids)) == 13
    assert all(re.fullmatch(r"2\.25\.[1-9][0-9]{29,38}", uid) for uid in uids)
    assert _read(tmp_path / "a")[0] == first


def test_file_holds_no_name_and_only_its_owner_can_read_it(scene: Any, tmp_path: Path) -> None:
    node = add_ct(scene, name="Planted^Name")
    node.SetAttribute("DICOM.instanceUIDs", "1.2.840.113619.2.55")

    write_volume(node, tmp_path / "volume")

    octets = (tmp_path / "volume").read_bytes()
    assert b"Planted" not in octets
    assert b"113619" not in octets
    if sys.platform != "win32":
        assert stat.S_IMODE(os.stat(tmp_path / "volume").st_mode) == 0o600


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "uint16", "float32", "float64"])
def test_voxels_of_any_type_are_written_as_whole_numbers(
    scene: Any, tmp_path: Path, dtype: str
) -> None:
    values = np.array([-100, 0, 1, 99, 120, 127]).astype(dtype if dtype != "uint16" else "int16")
    array = np.broadcast_to(np.abs(values)[:, None, None], (6, 5, 4)).astype(dtype)

    write_volume(add_ct(scene, array), tmp_path / "volume")

    assert _read(tmp_path / "volume")[1][:, 0, 0].tolist() == [100, 0, 1, 99, 120, 127]


def test_fractions_are_rounded_to_the_nearest_number(scene: Any, tmp_path: Path) -> None:
    array = np.array([[[-1000.4, -0.6, 0.4, 1.6]]], np.float32)

    write_volume(add_ct(scene, array), tmp_path / "volume")

    assert _read(tmp_path / "volume")[1].ravel().tolist() == [-1000, -1, 0, 2]


@pytest.mark.parametrize(
    ("dtype", "value", "taken"),
    [
        ("int32", 32767, True),
        ("int32", 32768, False),
        ("int32", -32768, True),
        ("int32", -32769, False),
        ("uint16", 32768, False),
        ("float64", 32767.4, True),
        ("float64", 32767.6, False),
        ("float64", float("nan"), False),
        ("float32", float("-inf"), False),
    ],
)
def test_what_does_not_fit_16_bits_is_refused_and_leaves_no_file(
    scene: Any, tmp_path: Path, dtype: str, value: float, taken: bool
) -> None:
    array = np.zeros((3, 2, 2), dtype)
    array[2, 1, 1] = value
    node = add_ct(scene, array)

    if taken:
        write_volume(node, tmp_path / "volume")
        assert _read(tmp_path / "volume")[1][2, 1, 1] == round(value)
    else:
        with refusal_of(ErrorCode.E_MODALITY):
            write_volume(node, tmp_path / "volume")
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("case", CASES)
def test_what_has_a_problem_is_refused_with_its_code_and_what_has_none_is_written(
    scene: Any, tmp_path: Path, case: str
) -> None:
    make, problems = CASES[case]
    node = make(scene)

    if problems:
        with refusal_of(PROBLEM_CODES[problems[0]]):
            write_volume(node, tmp_path / "volume")
    else:
        write_volume(node, tmp_path / "volume")
    assert (tmp_path / "volume").exists() is not bool(problems)


def test_spacing_of_no_scanner_is_refused(scene: Any, tmp_path: Path) -> None:
    node = add_ct(scene, matrix=np.diag([-1.0, -1.0, 0.01, 1.0]))

    with refusal_of(ErrorCode.E_GEOMETRY):
        write_volume(node, tmp_path / "volume")


@pytest.mark.parametrize("slices", [5, 7])
def test_one_uid_is_needed_for_each_slice(scene: Any, tmp_path: Path, slices: int) -> None:
    with refusal_of(ErrorCode.E_MISSING_SLICES):
        write_volume(add_ct(scene), tmp_path / "volume", random_uids(slices))


def test_uids_that_are_not_mapped_ones_cannot_be_given() -> None:
    with refusal_of(ErrorCode.E_NOT_PROTECTED):
        SeriesUids(frame_of_reference="2.25.1", slices=("1.2.840.113619.2.55",))
    with refusal_of(ErrorCode.E_NOT_PROTECTED):
        SeriesUids(frame_of_reference="1.2.3", slices=("2.25.1",))
    with refusal_of(ErrorCode.E_MISSING_SLICES):
        SeriesUids(frame_of_reference="2.25.1", slices=("2.25.2", "2.25.2"))


def test_file_that_exists_is_left_alone(scene: Any, tmp_path: Path) -> None:
    (tmp_path / "volume").write_bytes(b"mine")

    with refusal_of(ErrorCode.E_LOCAL_FILE):
        write_volume(add_ct(scene), tmp_path / "volume")

    assert (tmp_path / "volume").read_bytes() == b"mine"


def test_folder_that_is_missing_is_a_local_error(scene: Any, tmp_path: Path) -> None:
    with refusal_of(ErrorCode.E_LOCAL_FILE):
        write_volume(add_ct(scene), tmp_path / "no" / "volume")


@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_no_second_copy_of_the_volume_is_made(scene: Any, tmp_path: Path, dtype: str) -> None:
    node = add_ct(scene, np.zeros((100, 256, 256), dtype))
    tracemalloc.start()

    try:
        write_volume(node, tmp_path / "volume")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 2_000_000  # a few slices of 256 x 256; the volume has 13 MB or more


@given(st.integers(1, 50))
def test_random_uids_are_enough_and_all_different(slices: int) -> None:
    uids = random_uids(slices)

    assert len({uids.frame_of_reference, *uids.slices}) == slices + 1


@pytest.mark.real_data
def test_real_ct_is_sent_with_the_voxels_and_the_place_that_simpleitk_reads(
    scene: Any, tmp_path: Path, shared_data: Path
) -> None:
    source = shared_data / "ct_abdomen_crlm" / "CRLM-CT-1004"
    reader: Any = sitk.ImageSeriesReader
    files = reader.GetGDCMSeriesFileNames(str(source))
    image: Any = sitk.ReadImage(files)
    axes = np.asarray(image.GetDirection()).reshape(3, 3)
    to_lps = matrix_of(axes, image.GetSpacing(), np.asarray(image.GetOrigin()))
    array = sitk.GetArrayFromImage(image)
    node = add_ct(scene, array, np.diag([-1, -1, 1, 1]) @ to_lps)

    written = write_volume(node, tmp_path / "volume")

    header, hu = _read(tmp_path / "volume")
    assert (header.shape, written.slices_reversed) == ((41, 512, 512), False)
    assert header.spacing_mm == pytest.approx(image.GetSpacing()[::-1], abs=1e-6)
    assert header.origin_mm == pytest.approx(image.GetOrigin(), abs=1e-6)
    assert header.direction == pytest.approx(image.GetDirection(), abs=1e-9)
    assert (int(hu.min()), int(hu.max())) == (-3024, 1377)
    assert np.array_equal(hu, array)
