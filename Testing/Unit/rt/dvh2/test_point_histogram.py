"""Histograms known at points: every question has an exact answer on straight lines and steps."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encryptsecurert_rt.dvh.histogram import PointHistogram
from encryptsecurert_rt.errors import InvalidInput


def _histogram(*points: tuple[float, float], volume_cc: float = 10.0) -> PointHistogram:
    dose, volume = np.array(points, dtype=np.float64).T
    return PointHistogram(
        dose_gy=np.ascontiguousarray(dose),
        volume_fraction=np.ascontiguousarray(volume),
        volume_cc=volume_cc,
    )


SLOPE = _histogram((20.0, 1.0), (40.0, 0.5), (60.0, 0.0))
# a quarter has exactly 10 Gy, half exactly 30 Gy, and a quarter 30 to 50 Gy
STEPS = _histogram((10.0, 1.0), (10.0, 0.75), (30.0, 0.75), (30.0, 0.25), (50.0, 0.0))


def test_straight_lines_are_read_exactly() -> None:
    assert SLOPE.dose_at_percent(95.0) == pytest.approx(22.0)
    assert SLOPE.dose_at_percent(25.0) == pytest.approx(50.0)
    assert SLOPE.dose_at_cc(2.5) == pytest.approx(50.0)
    assert SLOPE.volume_percent_at(30.0) == pytest.approx(75.0)
    assert SLOPE.volume_cc_at(30.0) == pytest.approx(7.5)
    assert SLOPE.mean_gy == pytest.approx(40.0)
    assert (SLOPE.minimum_gy, SLOPE.maximum_gy) == (20.0, 60.0)


def test_least_dose_of_the_whole_and_greatest_of_nothing_are_the_ends() -> None:
    assert SLOPE.dose_at_percent(100.0) == 20.0
    assert SLOPE.dose_at_percent(0.0) == 60.0
    assert SLOPE.volume_percent_at(0.0) == 100.0
    assert SLOPE.volume_percent_at(20.0) == 100.0
    assert SLOPE.volume_percent_at(60.0001) == 0.0


def test_a_step_counts_what_has_exactly_its_dose() -> None:
    assert STEPS.volume_percent_at(10.0) == pytest.approx(100.0)
    assert STEPS.volume_percent_at(10.0001) == pytest.approx(75.0)
    assert STEPS.volume_percent_at(30.0) == pytest.approx(75.0)
    assert STEPS.dose_at_percent(75.0) == pytest.approx(30.0)
    assert STEPS.dose_at_percent(76.0) == pytest.approx(10.0)
    assert STEPS.mean_gy == pytest.approx(0.25 * 10 + 0.5 * 30 + 0.25 * 40)
    assert (STEPS.minimum_gy, STEPS.maximum_gy) == (10.0, 50.0)


def test_uniform_dose_is_one_point() -> None:
    uniform = _histogram((60.0, 1.0))

    assert uniform.dose_at_percent(98.0) == uniform.dose_at_percent(2.0) == 60.0
    assert (uniform.minimum_gy, uniform.mean_gy, uniform.maximum_gy) == (60.0, 60.0, 60.0)
    assert uniform.volume_percent_at(60.0) == 100.0


def test_more_than_the_structure_has_no_dose() -> None:
    assert SLOPE.dose_at_cc(10.0) == 20.0
    assert SLOPE.dose_at_cc(10.1) is None


def test_volumes_of_a_partly_covered_structure_are_of_the_covered_part() -> None:
    half = replace(SLOPE, covered_fraction=0.5)

    assert half.volume_cc_at(30.0) == pytest.approx(3.75)
    assert half.volume_percent_at(30.0) == pytest.approx(75.0)
    assert half.dose_at_cc(1.25) == pytest.approx(50.0)
    assert half.dose_at_cc(5.1) is None


@given(
    st.lists(st.tuples(st.floats(0, 80), st.floats(0.01, 1)), min_size=1, max_size=20),
    st.floats(0.5, 100.0),
)
def test_dose_at_a_volume_is_the_largest_with_that_volume(
    parts: list[tuple[float, float]], percent: float
) -> None:
    doses = np.sort(np.array([dose for dose, _ in parts]))
    left = np.cumsum([weight for _, weight in parts])[::-1]
    histogram = PointHistogram(
        dose_gy=doses, volume_fraction=np.asarray(left / left[0]), volume_cc=1.0
    )

    dose_gy = histogram.dose_at_percent(percent)

    assert dose_gy is not None
    # a step may stand at the dose: at it there is enough, a little above it no longer
    assert histogram.volume_percent_at(dose_gy - 1e-9) >= percent - 1e-6
    above = histogram.volume_percent_at(dose_gy + 1e-6)
    assert above < percent + 1e-6


@pytest.mark.parametrize(
    "points",
    [
        [(10.0, 1.0), (9.0, 0.5)],
        [(10.0, 0.5), (20.0, 0.6)],
        [(10.0, 0.9), (20.0, 0.0)],
        [(-1.0, 1.0), (20.0, 0.0)],
        [(0.0, 1.0), (np.inf, 0.0)],
        [(0.0, 1.0), (20.0, -0.1)],
    ],
)
def test_refuses_what_is_no_cumulative_histogram(points: list[tuple[float, float]]) -> None:
    with pytest.raises(InvalidInput):
        _histogram(*points)


def test_refuses_questions_that_have_no_answer() -> None:
    with pytest.raises(InvalidInput):
        SLOPE.dose_at_percent(100.1)
    with pytest.raises(InvalidInput):
        SLOPE.dose_at_cc(-1.0)
    with pytest.raises(InvalidInput):
        _histogram((1.0, 1.0), (2.0, 0.0), volume_cc=0.0)
