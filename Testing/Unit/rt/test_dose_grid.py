"""Dose grids, rigid motions between them, and where a point of one lies in another."""

import numpy as np
import pytest

from encryptsecurert_rt.dose.grid import DoseGrid, RigidTransform, index_map
from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.geometry import ImageGrid

UPRIGHT = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


def _grid(**other: object) -> ImageGrid:
    values: dict[str, object] = {
        "shape": (2, 3, 4),
        "spacing_mm": (3.0, 2.0, 1.0),
        "origin_lps_mm": (10.0, 20.0, 30.0),
        "direction": UPRIGHT,
    }
    return ImageGrid(**{**values, **other})  # type: ignore[arg-type]  # as the test says


def _turned_about_z(degrees: float) -> RigidTransform:
    matrix = np.eye(4)
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix[:2, :2] = [[cosine, -sine], [sine, cosine]]
    return RigidTransform(matrix=matrix)


@pytest.mark.parametrize("value", [np.nan, np.inf, -1e-9, 1.1e9])
def test_a_dose_that_is_no_dose_is_refused(value: float) -> None:
    dose = np.ones((2, 3, 4))
    dose[1, 1, 1] = value

    with pytest.raises(InvalidInput):
        DoseGrid(dose_gy=dose, grid=_grid())


@pytest.mark.parametrize(
    "dose",
    [np.ones((2, 3, 5)), np.ones((2, 3, 4), np.float32), np.asfortranarray(np.ones((2, 3, 4)))],
)
def test_an_array_of_another_kind_is_refused(dose: np.ndarray) -> None:
    with pytest.raises(InvalidInput):
        DoseGrid(dose_gy=dose, grid=_grid())


def test_points_of_a_finer_grid_lie_between_those_of_a_coarser() -> None:
    coarse, fine = _grid(), _grid(spacing_mm=(1.5, 1.0, 0.5), shape=(4, 6, 8))

    assert np.allclose(index_map(fine, coarse) @ (2, 2, 2, 1), (1, 1, 1, 1))


def test_a_motion_between_frames_moves_the_points_before_they_are_looked_up() -> None:
    at_origin = _grid(origin_lps_mm=(0.0, 0.0, 0.0), spacing_mm=(1.0, 1.0, 1.0))

    # A quarter turn about z takes the x axis to the y axis.
    assert np.allclose(
        index_map(at_origin, at_origin, _turned_about_z(90)) @ (2, 0, 0, 1), (0, 2, 0, 1)
    )


@pytest.mark.parametrize("factor", [1.01, -1.0])
def test_a_motion_that_scales_or_mirrors_is_refused(factor: float) -> None:
    with pytest.raises(InvalidInput):
        RigidTransform(matrix=np.diag((factor, 1.0, 1.0, 1.0)))


def test_the_identity_moves_nothing() -> None:
    grid = _grid()

    assert np.allclose(index_map(grid, grid, RigidTransform.identity()), np.eye(4))
