"""Biological doses against tables, closed forms and their own definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encryptsecurert_rt.dvh.histogram import PointHistogram
from encryptsecurert_rt.dvh.radiobiology import (
    bed_gy,
    dose_of_eqd2_gy,
    eqd2_gy,
    eqd2_histogram,
    eqd2_of_fractions_gy,
    eud_gy,
    geud_gy,
    geud_of_histogram_gy,
)
from encryptsecurert_rt.errors import InvalidInput

# total dose in Gy, fractions, alpha/beta in Gy, EQD2 in Gy: fractions of the formula, by hand
EQD2_TABLE = [
    (60.0, 20, 10.0, 65.0),
    (60.0, 20, 3.0, 72.0),
    (50.0, 5, 10.0, 250.0 / 3.0),
    (60.0, 30, 10.0, 60.0),
    (60.0, 30, 2.0, 60.0),
    (8.0, 1, 10.0, 12.0),
    (0.0, 30, 3.0, 0.0),
]


def _uniform(low_gy: float, high_gy: float, points: int = 2) -> PointHistogram:
    return PointHistogram(
        dose_gy=np.linspace(low_gy, high_gy, points),
        volume_fraction=np.linspace(1.0, 0.0, points),
        volume_cc=5.0,
    )


@pytest.mark.parametrize(("total_gy", "fractions", "alpha_beta_gy", "expected_gy"), EQD2_TABLE)
def test_eqd2_has_the_values_of_the_table(
    total_gy: float, fractions: int, alpha_beta_gy: float, expected_gy: float
) -> None:
    converted = eqd2_gy(total_gy, fractions=fractions, alpha_beta_gy=alpha_beta_gy)
    biological = bed_gy(total_gy, fractions=fractions, alpha_beta_gy=alpha_beta_gy)

    assert float(converted) == pytest.approx(expected_gy, abs=1e-9)
    assert float(biological) == pytest.approx(expected_gy * (1 + 2 / alpha_beta_gy), abs=1e-9)


def test_equal_fractions_are_the_sum_of_their_fractions() -> None:
    dose_gy = np.array([[0.0, 10.0], [45.0, 66.0]])

    added = eqd2_of_fractions_gy([dose_gy / 25.0] * 25, alpha_beta_gy=3.0)

    assert added == pytest.approx(eqd2_gy(dose_gy, fractions=25, alpha_beta_gy=3.0), abs=1e-9)


def test_fractions_are_converted_before_they_are_added() -> None:
    """Two plans that each spare what the other one irradiates: their sum hides the large doses."""
    plans = [np.array([4.0, 0.0]), np.array([0.0, 4.0])]

    added = eqd2_of_fractions_gy(plans, alpha_beta_gy=3.0)

    assert added == pytest.approx([5.6, 5.6])
    assert float(eqd2_gy(4.0, fractions=2, alpha_beta_gy=3.0)) == pytest.approx(4.0)


@given(st.floats(0.0, 300.0), st.integers(1, 60), st.floats(0.5, 30.0))
def test_inverse_gives_the_dose_back(dose: float, fractions: int, alpha_beta: float) -> None:
    there = eqd2_gy(dose, fractions=fractions, alpha_beta_gy=alpha_beta)

    back = dose_of_eqd2_gy(there, fractions=fractions, alpha_beta_gy=alpha_beta)

    assert float(back) == pytest.approx(dose, rel=1e-12, abs=1e-12)


def test_geud_is_the_mean_for_one_and_nears_the_ends_for_large_exponents() -> None:
    dose_gy = [10.0, 20.0, 60.0]
    weights = [1.0, 2.0, 1.0]

    assert geud_gy(dose_gy, 1.0, weights=weights) == pytest.approx(27.5)
    assert geud_gy(dose_gy, 2.0) == pytest.approx(np.sqrt(4100.0 / 3.0))
    assert geud_gy(dose_gy, -1.0) == pytest.approx(3.0 / (1 / 10 + 1 / 20 + 1 / 60))
    assert geud_gy(dose_gy, 1000.0) == pytest.approx(60.0, rel=2e-3)
    assert geud_gy(dose_gy, -1000.0) == pytest.approx(10.0, rel=2e-3)


def test_target_with_a_part_without_dose_has_no_uniform_dose() -> None:
    assert geud_gy([0.0, 60.0, 60.0], -10.0) == 0.0
    assert geud_gy([0.0, 0.0], 8.0) == 0.0
    assert geud_gy([0.0, 60.0], -10.0, weights=[0.0, 1.0]) == pytest.approx(60.0)


@pytest.mark.parametrize("exponent", [-20.0, -1.0, -0.5, 0.1, 1.0, 2.0, 8.0, 200.0])
def test_geud_of_a_line_is_its_integral(exponent: float) -> None:
    parts_gy = np.linspace(20.0, 60.0, 200_001)[:-1] + 1e-4  # midpoints: an error below 1e-9

    from_curve = geud_of_histogram_gy(_uniform(20.0, 60.0), exponent)

    assert from_curve == pytest.approx(geud_gy(parts_gy, exponent), rel=1e-6)
    assert geud_of_histogram_gy(_uniform(20.0, 60.0, 4001), exponent) == pytest.approx(
        from_curve, rel=1e-9
    )


def test_geud_of_steps_is_that_of_their_parts() -> None:
    steps = PointHistogram(
        dose_gy=np.array([10.0, 10.0, 30.0]),
        volume_fraction=np.array([1.0, 0.6, 0.6]),
        volume_cc=1.0,
    )

    for exponent in (-3.0, 1.0, 5.0):
        assert geud_of_histogram_gy(steps, exponent) == pytest.approx(
            geud_gy([10.0, 30.0], exponent, weights=[0.4, 0.6])
        )


def test_line_from_zero_dose_has_a_negative_exponent_only_where_the_integral_is_finite() -> None:
    from_zero = _uniform(0.0, 1.0)

    # the mean of x^(-1/2) over 0 to 1 is 2, so the gEUD is 2^(-2)
    assert geud_of_histogram_gy(from_zero, -0.5) == pytest.approx(0.25)
    assert geud_of_histogram_gy(from_zero, -2.0) == 0.0


def test_equivalent_uniform_dose_leaves_as_many_cells() -> None:
    dose_gy, share = np.array([50.0, 60.0]), np.array([0.1, 0.9])

    uniform_gy = eud_gy(dose_gy, survival_at_2gy=0.5, weights=share)

    alive = share @ 0.5 ** (dose_gy / 2.0)
    assert 0.5 ** (uniform_gy / 2.0) == pytest.approx(alive, rel=1e-12)
    assert eud_gy([7.0] * 4, survival_at_2gy=0.3) == pytest.approx(7.0)


def test_histogram_in_eqd2_is_that_of_the_converted_dose() -> None:
    physical = _uniform(0.0, 60.0)

    converted = eqd2_histogram(physical, fractions=20, alpha_beta_gy=3.0)

    assert converted.maximum_gy == pytest.approx(72.0)
    for dose_gy in (12.0, 30.0, 50.0):
        level = float(eqd2_gy(dose_gy, fractions=20, alpha_beta_gy=3.0))
        # 16 points on a bend of 60 Gy: off by at most the bend (18 Gy) over 4 x 16^2
        assert converted.volume_percent_at(level) == pytest.approx(
            physical.volume_percent_at(dose_gy), abs=0.05
        )
    # the mean of D (D/20 + 3) / 5 over 0 to 60 Gy
    assert converted.mean_gy == pytest.approx(0.6 * 30.0 + 0.01 * 1200.0, rel=1e-3)


def test_refuses_what_is_no_dose_no_tissue_and_no_course() -> None:
    with pytest.raises(InvalidInput):
        eqd2_gy(60.0, fractions=30, alpha_beta_gy=0.0)
    with pytest.raises(InvalidInput):
        eqd2_gy(60.0, fractions=0, alpha_beta_gy=3.0)
    with pytest.raises(InvalidInput):
        bed_gy([60.0, np.nan], fractions=30, alpha_beta_gy=3.0)
    with pytest.raises(InvalidInput):
        eqd2_of_fractions_gy([], alpha_beta_gy=3.0)
    with pytest.raises(InvalidInput):
        eqd2_of_fractions_gy([[1.0], [1.0, 2.0]], alpha_beta_gy=3.0)
    with pytest.raises(InvalidInput):
        geud_gy([60.0], 0.0)
    with pytest.raises(InvalidInput):
        geud_gy([60.0, 50.0], 1.0, weights=[0.0, 0.0])
    with pytest.raises(InvalidInput):
        eud_gy([60.0], survival_at_2gy=1.0)
