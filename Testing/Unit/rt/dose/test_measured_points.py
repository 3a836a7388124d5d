"""Single measured points beside a calculated dose, and lists of points that are planes."""

import numpy as np
import pytest
from dose_fields import dose_of, field_of, grid_of, ramp

from encryptsecurert_rt.dose.agreement import AgreementState
from encryptsecurert_rt.dose.plane import MeasuredPoints, compare_points, plane_of_points
from encryptsecurert_rt.errors import InvalidInput


def _points(rows: list[tuple[float, float, float, float]]) -> MeasuredPoints:
    values = np.array(rows)
    return MeasuredPoints(points_lps_mm=values[:, :3].copy(), dose_gy=values[:, 3].copy())


def test_points_are_compared_in_dose_and_in_distance() -> None:
    calculated = field_of(ramp((0.1, 0.0, 0.0), 2.0), grid_of((5, 5, 11)))
    measured = _points([(10, 4, 4, 3.0), (10, 4, 4, 2.5), (10, 4, 4, 0.0), (99, 4, 4, 1.0)])
    hardly = compare_points(_points([(10, 4, 4, 1e-310)]), calculated)

    found = compare_points(measured, calculated)

    assert found.calculated_gy[:3] == pytest.approx(3.0)
    assert found.difference_gy[:3] == pytest.approx([0.0, 0.5, 3.0])
    assert found.difference_percent[:2] == pytest.approx([0.0, 20.0])
    assert np.isnan(found.difference_percent[2:]).all()
    assert found.distance_mm[:3] == pytest.approx([0.0, 5.0, np.inf])
    assert found.state.tolist() == [
        AgreementState.FOUND,
        AgreementState.FOUND,
        AgreementState.NOT_FOUND,
        AgreementState.OUTSIDE,
    ]
    assert found.outside == 1
    assert np.isnan(hardly.difference_percent).all()


@pytest.mark.parametrize("flat", [0, 1, 2])
def test_a_list_that_fills_a_rectangle_is_a_plane_with_the_same_doses(flat: int) -> None:
    rng = np.random.default_rng(flat)
    first, second = np.meshgrid(np.arange(4) * 7.07, np.arange(3) * 5.0)
    points = np.insert(np.stack([first.ravel(), second.ravel()], axis=1), flat, 12.0, axis=1)
    points = points[rng.permutation(12)] + rng.uniform(-0.002, 0.002, (12, 3))
    measured = MeasuredPoints(points_lps_mm=points, dose_gy=rng.random(12))

    plane = plane_of_points(measured)

    there = compare_points(measured, plane)
    # Positions are off the lattice by some thousandths of a mm.
    assert np.nanmax(np.abs(there.difference_gy)) < 0.002
    assert plane.dose_gy.size == 12
    assert sorted(plane.dose_gy.ravel()) == sorted(measured.dose_gy)


@pytest.mark.parametrize(
    "rows",
    [
        [(0, 0, 0, 1), (1, 0, 0, 1), (0, 1, 0, 1)],
        [(0, 0, 0, 1), (1, 0, 0, 1), (0, 1, 0, 1), (0, 1, 0, 1)],
        [(0, 0, 0, 1), (1, 0, 0, 1), (0, 1, 0, 1), (1, 1, 1, 1)],
        [(0, 0, 0, 1), (1, 0, 0, 1), (2.5, 0, 0, 1)],
        [(0, 0, 0, 1), (1, 0, 0, 1), (2.5, 0, 0, 1), (0, 1, 0, 1), (1, 1, 0, 1), (2.5, 1, 0, 1)],
        [(0, 0, 0, 1), (0.02, 0, 0, 1), (1e6, 0, 0, 1), (0, 1, 0, 1)],
        [(x * 0.008, y * 0.008, 0, 1) for x in range(3) for y in range(3)],
    ],
    ids=[
        "a hole",
        "one doubled",
        "not in a plane",
        "a line",
        "uneven",
        "a huge lattice",
        "too fine",
    ],
)
def test_other_lists_are_not(rows: list[tuple[float, float, float, float]]) -> None:
    with pytest.raises(InvalidInput):
        plane_of_points(_points(rows))


@pytest.mark.parametrize(
    ("points", "dose"),
    [
        (np.zeros((0, 3)), np.zeros(0)),
        (np.zeros((2, 3)), np.zeros(3)),
        (np.full((1, 3), np.nan), np.zeros(1)),
        (np.full((1, 3), 2e6), np.zeros(1)),
        (np.zeros((1, 3)), np.full(1, np.inf)),
        (np.zeros((1, 3)), np.full(1, -1.0)),
        (np.zeros((1, 3)), np.full(1, 1.1e9)),
        (np.zeros((1, 3), np.float32), np.zeros(1)),
    ],
)
def test_what_is_no_measurement_is_refused(points: np.ndarray, dose: np.ndarray) -> None:
    with pytest.raises(InvalidInput):
        MeasuredPoints(points_lps_mm=points, dose_gy=dose)


def test_a_single_slice_dose_is_a_plane_already() -> None:
    plane = dose_of(np.ones((1, 3, 3)))

    found = compare_points(_points([(2, 2, 0, 1.0), (2, 2, 1, 1.0)]), plane)

    assert np.isnan(found.calculated_gy).tolist() == [False, True]
