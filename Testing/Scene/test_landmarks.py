"""Fiducials as points in LPS, and back."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from Testing.Scene.made import (
    Array,
    add_bending_transform,
    add_linear_transform,
    matrix_of,
    put_under,
    refusal_of,
    rotation,
)

from encryptsecurert_protocol.errors import ErrorCode
from EncryptSecureRTLib.scene.landmarks import add_landmarks, read_landmarks
from EncryptSecureRTLib.scene.neutral import is_neutral, ref_of

POINTS_LPS = np.array([[10.0, -20.0, 30.0], [0.5, 0.25, -0.125]])


def _fiducials(scene: Any, points_ras: Array) -> Any:
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "F")
    for n, point in enumerate(points_ras):
        node.AddControlPoint(point, f"Planted {n}")
    return node


def test_points_of_the_scene_are_told_in_lps(scene: Any) -> None:
    node = _fiducials(scene, POINTS_LPS * (-1, -1, 1))

    points = read_landmarks(node)

    assert points.dtype == np.float64
    assert np.array_equal(points, POINTS_LPS)


def test_points_are_where_their_transform_puts_them(scene: Any) -> None:
    node = _fiducials(scene, POINTS_LPS * (-1, -1, 1))
    turn = matrix_of(rotation((0, 0, 90)), (1, 1, 1), np.array([1.0, 2.0, 3.0]))
    put_under(node, add_linear_transform(scene, turn))

    points = read_landmarks(node)

    # RAS (-10, 20, 30) turned by 90 degrees is (-20, -10, 30), shifted (-19, -8, 33).
    assert points[0] == pytest.approx([19.0, 8.0, 33.0], abs=1e-9)


def test_points_under_a_bending_transform_are_moved_as_it_says(scene: Any) -> None:
    node = _fiducials(scene, np.array([[100.0, 0.0, 0.0]]))
    put_under(node, add_bending_transform(scene))

    # The spline takes its second landmark (100, 0, 0) to (107, -3, 0).
    assert read_landmarks(node)[0] == pytest.approx([-107.0, 3.0, 0.0], abs=1e-6)


def test_node_without_points_gives_none(scene: Any) -> None:
    assert read_landmarks(_fiducials(scene, np.zeros((0, 3)))).shape == (0, 3)


def test_landmark_that_was_not_placed_is_refused(scene: Any) -> None:
    node = _fiducials(scene, POINTS_LPS)
    node.UnsetNthControlPointPosition(0)

    with refusal_of(ErrorCode.E_PARAMETERS):
        read_landmarks(node)


def test_added_landmarks_are_neutral_in_name_and_labels(scene: Any) -> None:
    node = add_landmarks(scene, POINTS_LPS)

    labels = [node.GetNthControlPointLabel(n) for n in range(2)]
    node.AddControlPoint(0, 0, 0)
    assert labels == ["F-1", "F-2"]
    assert node.GetNthControlPointLabel(2) == "F-3"
    assert is_neutral(node.GetName())
    assert ref_of(node) is not None
    assert node.GetDisplayNode() is not None


@pytest.mark.parametrize("points", [np.zeros(3), np.zeros((2, 4)), np.full((1, 3), np.nan)])
def test_what_are_no_points_is_refused_and_adds_nothing(scene: Any, points: Array) -> None:
    with refusal_of(ErrorCode.E_PARAMETERS):
        add_landmarks(scene, points)

    assert scene.GetNumberOfNodesByClass("vtkMRMLMarkupsFiducialNode") == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(
    points=arrays(
        np.float64, st.tuples(st.integers(0, 9), st.just(3)), elements=st.floats(-1e4, 1e4)
    )
)
def test_any_points_are_read_back_as_they_were(scene: Any, points: Array) -> None:
    node = add_landmarks(scene, points)

    assert np.array_equal(read_landmarks(node), points)
    scene.Clear(False)
