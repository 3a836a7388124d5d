"""Profiles along lines, and field metrics of broken lines that are known by hand."""

import numpy as np
import pytest
from dose_fields import FloatArray, dose_of, field_of, grid_of, ramp
from scipy.special import erf

from encryptsecurert_rt.dose.grid import RigidTransform
from encryptsecurert_rt.dose.profile import dose_profile, field_metrics
from encryptsecurert_rt.errors import InvalidInput


def test_a_profile_has_both_ends_equal_steps_and_both_doses() -> None:
    reference = field_of(ramp((0.1, 0.2, 0.3), 5.0), grid_of((6, 6, 6)))
    evaluated = field_of(ramp((0.1, 0.2, 0.3), 6.0), grid_of((6, 6, 4)))

    profile = dose_profile(
        reference, evaluated, start_lps_mm=(0, 0, 0), end_lps_mm=(8, 6, 0), step_mm=0.3
    )

    assert profile.position_mm[0] == 0.0
    assert profile.position_mm[-1] == pytest.approx(10.0)
    assert (
        profile.position_mm.size == 35
    )  # 34 steps of 10/34 mm, the longest that are not above 0.3
    assert np.ptp(np.diff(profile.position_mm)) < 1e-12
    # Along the line the dose rises by 0.8 x 0.1 + 0.6 x 0.2 Gy a mm.
    assert np.abs(profile.reference_gy - 5.0 - 0.2 * profile.position_mm).max() < 1e-12
    inside = profile.points_lps_mm[:, 0] <= 6.0
    assert np.array_equal(np.isnan(profile.evaluated_gy), ~inside)
    assert np.abs((profile.evaluated_gy - profile.reference_gy)[inside] - 1.0).max() < 1e-12


def test_a_step_that_fits_is_kept_and_the_transform_is_used() -> None:
    dose = field_of(ramp((0.1, 0.0, 0.0), 1.0), grid_of((4, 4, 20)))
    matrix = np.eye(4)
    matrix[0, 3] = 10.0

    profile = dose_profile(
        dose,
        dose,
        start_lps_mm=(1, 2, 2),
        end_lps_mm=(2, 2, 2),
        step_mm=0.1,
        reference_to_evaluated=RigidTransform(matrix=matrix),
    )

    assert profile.position_mm.size == 11
    assert np.abs(profile.evaluated_gy - profile.reference_gy - 1.0).max() < 1e-12


@pytest.mark.parametrize(
    ("end", "step"),
    [
        ((0, 0, 0), 1.0),
        ((1, 0, 0), 0.0),
        ((1, 0, 0), 1e-6),
        ((np.inf, 0, 0), 1.0),
        ((1, 0, 0), np.nan),
    ],
)
def test_a_line_without_length_or_with_too_many_steps_is_refused(
    end: tuple[float, float, float], step: float
) -> None:
    dose = dose_of(np.ones((2, 2, 2)))

    with pytest.raises(InvalidInput):
        dose_profile(dose, dose, start_lps_mm=(0, 0, 0), end_lps_mm=end, step_mm=step)


# A trapezoid about 0: 100 up to 40 mm, 0 from 60 mm: 50 % at 50 mm, 80 % at 44 mm, 20 % at 56 mm.
TRAPEZOID = np.array([-70.0, -60.0, -40.0, 40.0, 60.0, 70.0]), np.array([0.0, 0, 100, 100, 0, 0])


def test_a_trapezoid_has_the_metrics_of_its_corners() -> None:
    metrics = field_metrics(*TRAPEZOID)

    assert metrics.axis_mm == pytest.approx(0.0, abs=1e-12)
    assert metrics.axis_dose == 100.0
    assert (metrics.left_mm, metrics.right_mm) == pytest.approx((-50.0, 50.0))
    assert metrics.field_size_mm == pytest.approx(100.0)
    assert (metrics.penumbra_left_mm, metrics.penumbra_right_mm) == pytest.approx((12.0, 12.0))
    assert metrics.flattened_mm == pytest.approx(80.0)
    assert metrics.flatness_percent == pytest.approx(100.0)
    assert metrics.symmetry_percent == pytest.approx(100.0)


def test_a_tilt_shows_in_flatness_and_symmetry() -> None:
    position = np.array([-80.0, -60.0, -59.999, 60.0, 60.001, 80.0])
    dose = np.array([0.0, 0.0, 94.0001, 106.0, 0.0, 0.0])  # 0.1 a mm

    metrics = field_metrics(position, dose, axis_mm=0.0)

    # The field is 120 mm wide, so the flattened area ends a tenth of that inside: at 48 mm.
    assert metrics.flattened_mm == pytest.approx(96.0, abs=1e-3)
    assert metrics.flatness_percent == pytest.approx(100.0 * 104.8 / 95.2, abs=1e-3)
    assert metrics.symmetry_percent == pytest.approx(100.0 * 104.8 / 95.2, abs=1e-3)
    assert metrics.axis_dose == pytest.approx(100.0, abs=1e-3)


def test_a_dip_that_is_symmetric_shows_in_flatness_alone() -> None:
    position = np.array([-101.0, -100.0, -30.0, 0.0, 30.0, 100.0, 101.0])
    dose = np.array([0.0, 100, 104, 100, 104, 100, 0])

    metrics = field_metrics(position, dose)

    assert metrics.flatness_percent == pytest.approx(104.0)
    assert metrics.symmetry_percent == pytest.approx(100.0)


@pytest.mark.parametrize(
    ("field_mm", "inside_mm"), [(60, 10), (100, 10), (200, 20), (300, 30), (400, 30)]
)
def test_the_flattened_area_is_that_of_the_standard(field_mm: float, inside_mm: float) -> None:
    half = 0.5 * field_mm
    position = np.array([-half - 1, -half + 1, half - 1, half + 1])

    metrics = field_metrics(position, np.array([0.0, 1.0, 1.0, 0.0]))

    assert metrics.flattened_mm == pytest.approx(field_mm - 2 * inside_mm)


def test_a_small_field_has_no_flatness() -> None:
    position, dose = TRAPEZOID

    metrics = field_metrics(0.3 * position, dose)

    assert metrics.field_size_mm == pytest.approx(30.0)
    assert metrics.flatness_percent is metrics.symmetry_percent is metrics.flattened_mm is None


def test_a_penumbra_that_the_profile_does_not_reach_is_none() -> None:
    metrics = field_metrics(np.array([-70.0, -40.0, 40.0, 52.0]), np.array([0.0, 100, 100, 40]))

    assert metrics.penumbra_left_mm == pytest.approx(18.0)
    assert metrics.penumbra_right_mm is None


def test_a_smooth_edge_has_the_penumbra_of_its_width() -> None:
    sigma = 3.0
    position = np.arange(-80.0, 80.01, 0.1)

    def edge(x: FloatArray) -> FloatArray:
        return np.asarray(0.5 * (1.0 - erf(x / (np.sqrt(2.0) * sigma))))

    metrics = field_metrics(position, edge(position - 40.0) * edge(-position - 40.0))

    # Between 80 % and 20 % of a normal distribution are 2 x 0.841621 sigma.
    assert metrics.penumbra_left_mm == pytest.approx(2 * 0.841621 * sigma, abs=1e-3)
    assert metrics.field_size_mm == pytest.approx(80.0, abs=1e-6)


@pytest.mark.parametrize(
    ("position", "dose", "axis"),
    [
        ([0.0, 1.0, 2.0], [1.0, 1.0, 1.0], None),
        ([0.0, 1.0, 2.0], [0.0, 0.0, 0.0], None),
        ([0.0, 2.0, 1.0], [0.0, 1.0, 0.0], None),
        ([0.0, 1.0, 2.0], [0.0, -1.0, 0.0], None),
        ([0.0, 1.0, 2.0], [0.0, np.nan, 0.0], None),
        ([0.0, 1.0, 2.0], [0.0, 1.0], None),
        ([0.0, 1.0, 2.0], [0.0, 1.0, 0.0], 3.0),
        ([0.0, 1.0, 2.0], [0.0, 1.0, 0.0], 0.0),
        ([0.0, 1.0, 2.0], [0.0, 1.0, 0.9], 1.0),
    ],
)
def test_what_is_no_field_is_refused(
    position: list[float], dose: list[float], axis: float | None
) -> None:
    with pytest.raises(InvalidInput):
        field_metrics(np.array(position), np.array(dose), axis_mm=axis)
