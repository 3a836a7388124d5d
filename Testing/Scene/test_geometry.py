"""RAS meets LPS in one place: analytic truths, a second reader, and round trips."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its usual short name
from hypothesis import given
from hypothesis import strategies as st
from Testing.Scene.made import (
    AXIAL,
    CT_SHAPE,
    Array,
    add_bending_transform,
    add_ct,
    add_linear_transform,
    matrix_of,
    numbered,
    put_under,
    refusal_of,
    rotation,
)

from encryptsecurert_protocol.errors import ErrorCode
from EncryptSecureRTLib.scene.geometry import (
    GridGeometry,
    ParentTransform,
    grid_from_ras,
    ijk_to_ras,
    lps_from_ras,
    parent_transform,
    ras_from_lps,
    set_volume_grid,
    volume_grid,
)
from EncryptSecureRTLib.scene.mrml import slicer

TOLERANCE_MM = 1e-6
IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
OBLIQUE = matrix_of(rotation((20, -35, 50)), (0.7, 0.9, 3.1), np.array([12.5, -80.25, 40.0]))
LEFT_HANDED = OBLIQUE @ np.diag([1.0, 1.0, -1.0, 1.0])


# ---- analytic truths


def test_axial_ct_of_a_scanner_has_the_identity_for_its_direction(scene: Any) -> None:
    grid = volume_grid(add_ct(scene), apply_transform=False)

    assert grid.shape == CT_SHAPE
    assert grid.direction == IDENTITY
    assert grid.spacing_mm == pytest.approx((2.5, 0.8, 0.9), abs=TOLERANCE_MM)
    assert grid.origin_lps_mm == pytest.approx((-120.0, -110.0, -300.0), abs=TOLERANCE_MM)
    assert grid.is_right_handed


def test_oblique_axes_are_the_columns_of_the_direction_turned_by_180_degrees() -> None:
    axes_ras = rotation((20, -35, 50))

    grid = grid_from_ras(OBLIQUE, CT_SHAPE)

    assert grid.spacing_mm == pytest.approx((3.1, 0.9, 0.7), abs=TOLERANCE_MM)
    assert grid.axes == pytest.approx(np.diag([-1, -1, 1]) @ axes_ras, abs=1e-9)
    assert grid.origin_lps_mm == pytest.approx((-12.5, 80.25, 40.0), abs=TOLERANCE_MM)


def test_left_handed_grid_is_taken_and_told_from_its_mirror() -> None:
    left = grid_from_ras(LEFT_HANDED, CT_SHAPE)
    right = grid_from_ras(OBLIQUE, CT_SHAPE)

    assert (left.is_right_handed, right.is_right_handed) == (False, True)
    assert left.spacing_mm == right.spacing_mm


def test_reversed_slices_are_the_same_voxels_under_other_numbers() -> None:
    grid = grid_from_ras(LEFT_HANDED, CT_SHAPE)

    turned = grid.with_slices_reversed()

    first, last = np.array([2.0, 3.0, 0.0, 1.0]), np.array([2.0, 3.0, CT_SHAPE[0] - 1.0, 1.0])
    assert turned.is_right_handed
    assert turned.ijk_to_lps @ first == pytest.approx(grid.ijk_to_lps @ last, abs=TOLERANCE_MM)
    assert turned.ijk_to_lps @ last == pytest.approx(grid.ijk_to_lps @ first, abs=TOLERANCE_MM)


def test_points_change_sign_in_x_and_y_only() -> None:
    points = [[1.0, -2.0, 3.0], [0.0, 0.0, 0.0]]

    turned = lps_from_ras(points)

    assert turned.tolist() == [[-1.0, 2.0, 3.0], [0.0, 0.0, 0.0]]
    assert ras_from_lps(turned).tolist() == points
    assert lps_from_ras([]).shape == (0, 3)


def test_image_whose_extent_does_not_begin_at_zero_is_where_its_voxels_are(scene: Any) -> None:
    node = add_ct(scene)
    node.GetImageData().SetExtent(2, 5, 10, 14, -3, 2)  # as many voxels, other numbers

    grid = volume_grid(node, apply_transform=False)

    expected = np.diag([-1, -1, 1, 1]) @ AXIAL @ [2, 10, -3, 1]
    assert grid.origin_lps_mm == pytest.approx(expected[:3], abs=TOLERANCE_MM)
    assert grid.shape == CT_SHAPE


# ---- parent transforms


def test_volume_without_a_transform_is_the_same_whether_one_may_be_applied_or_not(
    scene: Any,
) -> None:
    node = add_ct(scene)

    assert parent_transform(node) is ParentTransform.NONE
    assert volume_grid(node, apply_transform=True) == volume_grid(node, apply_transform=False)


def test_linear_transforms_are_composed_from_the_inside_outwards(scene: Any) -> None:
    node = add_ct(scene)
    inner = matrix_of(rotation((0, 0, 30)), (1, 1, 1), np.array([5.0, 0.0, 0.0]))
    outer = matrix_of(rotation((10, 0, 0)), (1, 1, 1), np.array([0.0, -7.0, 2.0]))
    outer_node, inner_node = add_linear_transform(scene, outer), add_linear_transform(scene, inner)
    put_under(inner_node, outer_node)
    put_under(node, inner_node)

    grid = volume_grid(node, apply_transform=True)

    assert parent_transform(node) is ParentTransform.LINEAR
    expected = np.diag([-1, -1, 1, 1]) @ outer @ inner @ AXIAL
    assert grid.ijk_to_lps == pytest.approx(expected, abs=TOLERANCE_MM)


def test_linear_transform_that_nobody_allowed_is_refused_with_what_to_do(scene: Any) -> None:
    node = add_ct(scene)
    put_under(node, add_linear_transform(scene, np.eye(4)))

    with refusal_of(ErrorCode.E_GEOMETRY) as refusal:
        volume_grid(node, apply_transform=False)

    assert "apply it or remove it" in refusal.value.what


def test_scaling_along_the_axes_changes_the_spacing_and_no_more(scene: Any) -> None:
    node = add_ct(scene)
    put_under(node, add_linear_transform(scene, np.diag([2.0, 3.0, 4.0, 1.0])))

    grid = volume_grid(node, apply_transform=True)

    assert grid.spacing_mm == pytest.approx((10.0, 2.4, 1.8), abs=TOLERANCE_MM)
    assert grid.direction == IDENTITY


def test_scaling_across_the_axes_shears_the_grid_and_is_refused(scene: Any) -> None:
    node = add_ct(scene, matrix=OBLIQUE)
    put_under(node, add_linear_transform(scene, np.diag([2.0, 1.0, 1.0, 1.0])))

    with refusal_of(ErrorCode.E_GEOMETRY):
        volume_grid(node, apply_transform=True)


def test_equal_scaling_across_the_axes_is_taken(scene: Any) -> None:
    node = add_ct(scene, matrix=OBLIQUE)
    put_under(node, add_linear_transform(scene, np.diag([2.0, 2.0, 2.0, 1.0])))

    assert volume_grid(node, apply_transform=True).spacing_mm == pytest.approx((6.2, 1.8, 1.4))


def test_non_linear_transform_is_refused_with_what_to_do(scene: Any) -> None:
    node = add_ct(scene)
    put_under(node, add_bending_transform(scene))

    with refusal_of(ErrorCode.E_GEOMETRY) as refusal:
        volume_grid(node, apply_transform=True)

    assert parent_transform(node) is ParentTransform.NON_LINEAR
    assert "harden it, or remove it" in refusal.value.what


def test_linear_transform_under_a_non_linear_one_is_non_linear(scene: Any) -> None:
    node, inner = add_ct(scene), add_linear_transform(scene, np.eye(4))
    put_under(inner, add_bending_transform(scene))
    put_under(node, inner)

    assert parent_transform(node) is ParentTransform.NON_LINEAR


def test_volume_without_voxels_is_refused(scene: Any) -> None:
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "empty")

    with refusal_of(ErrorCode.E_GEOMETRY):
        volume_grid(node, apply_transform=True)


@pytest.mark.parametrize(
    "change",
    [
        {"shape": (0, 5, 4)},
        {"shape": (5, 4)},
        {"spacing_mm": (0.0, 1.0, 1.0)},
        {"spacing_mm": (1.0, float("nan"), 1.0)},
        {"origin_lps_mm": (float("inf"), 0.0, 0.0)},
        {"direction": (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.1)},
        {"direction": (1.0, 0.1, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)},
        {"direction": IDENTITY[:8]},
    ],
)
def test_what_is_no_grid_cannot_be_made(change: dict[str, Any]) -> None:
    good: dict[str, Any] = {
        "shape": (6, 5, 4),
        "spacing_mm": (1.0, 1.0, 1.0),
        "origin_lps_mm": (0.0, 0.0, 0.0),
        "direction": IDENTITY,
    }

    assert GridGeometry(**good).shape == (6, 5, 4)
    with refusal_of(ErrorCode.E_GEOMETRY):
        GridGeometry(**good | change)


@pytest.mark.parametrize("matrix", [np.zeros((4, 4)), np.full((4, 4), np.nan)])
def test_matrix_without_axes_is_refused(matrix: Array) -> None:
    with refusal_of(ErrorCode.E_GEOMETRY):
        grid_from_ras(matrix, CT_SHAPE)


# ---- a second reader, and the way back


@pytest.mark.parametrize("matrix", [AXIAL, OBLIQUE, LEFT_HANDED], ids=["axial", "oblique", "left"])
def test_simpleitk_reads_the_same_grid_from_the_nrrd_that_slicer_writes(
    scene: Any, tmp_path: Path, matrix: Array
) -> None:
    node = add_ct(scene, matrix=matrix)
    storage = scene.AddNewNodeByClass("vtkMRMLNRRDStorageNode")
    storage.SetFileName(str(tmp_path / "volume.nrrd"))
    assert storage.WriteData(node)

    image: Any = sitk.ReadImage(str(tmp_path / "volume.nrrd"))
    grid = volume_grid(node, apply_transform=False)

    # The file has 17 digits; the rest is the way through spacing and direction.
    assert image.GetSpacing() == pytest.approx(grid.spacing_mm[::-1], abs=TOLERANCE_MM)
    assert image.GetOrigin() == pytest.approx(grid.origin_lps_mm, abs=TOLERANCE_MM)
    assert image.GetDirection() == pytest.approx(grid.direction, abs=1e-9)
    assert np.array_equal(sitk.GetArrayFromImage(image), numbered())
    index = (3, 2, 5)
    placed = grid.ijk_to_lps @ (*index, 1)
    assert image.TransformIndexToPhysicalPoint(index) == pytest.approx(placed[:3], abs=TOLERANCE_MM)


_angle = st.floats(-180, 180)
_length = st.floats(0.05, 100)
_place = st.floats(-2000, 2000)


@given(
    angles=st.tuples(_angle, _angle, _angle),
    spacing=st.tuples(_length, _length, _length),
    origin=st.tuples(_place, _place, _place),
    mirrored=st.booleans(),
)
def test_any_grid_survives_a_volume_node(
    angles: tuple[float, float, float],
    spacing: tuple[float, float, float],
    origin: tuple[float, float, float],
    mirrored: bool,
) -> None:
    axes = rotation(angles) @ np.diag([1, 1, -1 if mirrored else 1])
    matrix = matrix_of(axes, spacing, np.array(origin))
    node = slicer.vtkMRMLScalarVolumeNode()
    slicer.util.updateVolumeFromArray(node, numbered())

    grid = grid_from_ras(matrix, CT_SHAPE)
    set_volume_grid(node, grid)
    again = volume_grid(node, apply_transform=False)

    assert ijk_to_ras(again) == pytest.approx(matrix, abs=TOLERANCE_MM)
    assert again.is_right_handed is not mirrored
    assert again.origin_lps_mm == pytest.approx(
        (-origin[0], -origin[1], origin[2]), abs=TOLERANCE_MM
    )
