"""Doses between voxel centres: exact at nodes and for linear doses, nothing outside."""

import numpy as np
import pytest
from dose_fields import TURNED, centres_of, dose_of, field_of, grid_of, ramp
from hypothesis import given
from hypothesis import strategies as st

from encryptsecurert_rt.dose.grid import RigidTransform
from encryptsecurert_rt.dose.sampling import BORDER_MM, resample_dose, sample_dose
from encryptsecurert_rt.errors import Cancelled, InvalidInput

RNG = np.random.default_rng(7)
ODD_GRID = grid_of((5, 6, 7), (3.0, 1.7, 2.3), (-219.9717, -113.0534, 99.8825), TURNED)
LINEAR = ramp((0.03, -0.02, 0.05), 20.0)


def test_a_grid_sampled_at_its_own_centres_gives_its_own_values() -> None:
    dose = dose_of(RNG.random(ODD_GRID.shape) * 70.0, ODD_GRID)

    assert np.array_equal(resample_dose(dose, ODD_GRID), dose.dose_gy)


def test_a_motion_and_its_inverse_give_the_same_values() -> None:
    dose = dose_of(RNG.random(ODD_GRID.shape), ODD_GRID)
    matrix = np.eye(4)
    matrix[:3, :3] = np.asarray(TURNED).reshape(3, 3)
    matrix[:3, 3] = 11.0, -7.0, 3.0
    there = grid_of(
        ODD_GRID.shape,
        ODD_GRID.spacing_mm,
        tuple((matrix @ (*ODD_GRID.origin_lps_mm, 1.0))[:3]),
        tuple((matrix[:3, :3] @ np.reshape(ODD_GRID.direction, (3, 3))).ravel()),
    )

    back = resample_dose(
        dose, there, RigidTransform(matrix=np.asarray(np.linalg.inv(matrix), np.float64))
    )

    assert np.array_equal(back, dose.dose_gy)


def test_a_linear_dose_is_exact_between_unaligned_grids() -> None:
    dose = field_of(LINEAR, grid_of((20, 30, 30), (3.0, 2.0, 2.5), (-30.0, -30.0, -30.0)))
    inner = grid_of((6, 5, 4), (1.3, 2.1, 0.7), (-4.0, 3.0, -2.0), TURNED)

    sampled = resample_dose(dose, inner)

    assert np.abs(sampled - LINEAR(centres_of(inner))).max() < 1e-12 * 20.0  # rounding of sums


def test_the_border_is_inside_and_a_little_beyond_it_is_not() -> None:
    dose = field_of(LINEAR, grid_of((3, 4, 5)))
    corner = np.array([8.0, 6.0, 4.0])
    steps = np.array([0.0, 0.9 * BORDER_MM, 1.1 * BORDER_MM])[:, np.newaxis]

    values = sample_dose(dose, corner + steps * (1.0, 0.0, 0.0))

    assert np.isnan(values).tolist() == [False, False, True]
    assert values[1] == values[0] == dose.dose_gy[-1, -1, -1]


def test_a_plane_has_no_dose_beside_it() -> None:
    plane = field_of(LINEAR, grid_of((1, 4, 5)))

    values = sample_dose(plane, np.array([[3.0, 3.0, 0.0], [3.0, 3.0, 0.5], [3.0, 3.0, -0.5]]))

    assert values[0] == pytest.approx(float(LINEAR(np.array([3.0, 3.0, 0.0]))), abs=1e-12)
    assert np.isnan(values[1:]).all()


def test_no_thread_count_changes_a_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("encryptsecurert_rt.dose.sampling._POINTS_A_TILE", 50)
    dose = dose_of(RNG.random((9, 8, 7)))
    other = grid_of((9, 8, 7), (1.9, 1.9, 1.9), (-1.0, 0.5, 0.0), TURNED)

    one, three = (resample_dose(dose, other, threads=n) for n in (1, 3))

    assert np.array_equal(one, three, equal_nan=True)
    assert 0 < np.isnan(one).sum() < one.size


@given(st.tuples(*(st.floats(0.0, n - 1.0) for n in (3, 4, 2))))
def test_a_value_is_the_trilinear_one_of_its_cell(index: tuple[float, float, float]) -> None:
    dose = dose_of(np.random.default_rng(3).random((2, 4, 3)))
    i, j, k = index

    value = sample_dose(dose, np.array([[2.0 * i, 2.0 * j, 2.0 * k]]))[0]

    expected = 0.0
    for kk, jj, ii in np.ndindex(dose.grid.shape):
        hats = [max(0.0, 1.0 - abs(x - n)) for x, n in ((k, kk), (j, jj), (i, ii))]
        expected += float(np.prod(hats) * dose.dose_gy[kk, jj, ii])
    # What is within 1e-6 mm of a node is taken to be on it: 1e-6 at most with doses up to 1.
    assert value == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize(
    "points",
    [np.zeros(3), np.zeros((4, 2)), np.full((1, 3), np.nan), np.zeros((2, 3), np.float32)],
)
def test_points_of_another_form_are_refused(points: np.ndarray) -> None:
    with pytest.raises(InvalidInput):
        sample_dose(dose_of(np.ones((2, 2, 2))), points)


def test_sampling_can_be_cancelled() -> None:
    def stop(stage: str, fraction: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        resample_dose(dose_of(np.ones((2, 2, 2))), ODD_GRID, progress=stop)
