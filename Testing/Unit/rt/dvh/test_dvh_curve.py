"""What a histogram answers: ends, steps, metrics, equal doses and very large ones."""

import numpy as np
import pytest
from dvh_bodies import contoured, even_dose, exact, grid_of
from hypothesis import given, settings
from hypothesis import strategies as st

from encryptsecurert_rt.dose.grid import DoseGrid
from encryptsecurert_rt.dvh import Dvh, MaskStructure, compute_dvh
from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.phantoms.bodies import Cylinder, Sphere
from encryptsecurert_rt.phantoms.contour_stacks import StackOptions
from encryptsecurert_rt.phantoms.nelms import LinearDose, grid_around

BODY = Cylinder(radius_mm=12.0, height_mm=24.0)
CONTOURS = contoured(BODY, StackOptions(slice_spacing_mm=2.0))
ALONG = LinearDose(gradient_gy_per_mm=(0.0, 0.0, 1.0)).on(grid_around(BODY, (2.0, 2.0, 2.0)))
DVH = compute_dvh(CONTOURS, ALONG)  # V falls evenly from 4 to 28 Gy


def _of_mask(doses_gy: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Dvh:
    grid = grid_of((3, 3, 3), (2.0, 2.0, 2.0))
    mask = np.zeros(grid.shape, np.bool_)
    mask[1, 1, 1] = True
    return compute_dvh(
        MaskStructure(mask=mask, grid=grid), DoseGrid(dose_gy=doses_gy.reshape(3, 3, 3), grid=grid)
    )


def test_the_curve_goes_from_all_at_zero_to_nothing_at_the_maximum() -> None:
    doses, volumes = DVH.curve_points()

    assert (doses[0], volumes[0]) == (0.0, 1.0)
    assert (doses[1], volumes[1]) == (DVH.minimum_gy, 1.0)
    assert (doses[-1], volumes[-1]) == (DVH.maximum_gy, 0.0)
    assert np.diff(doses[1:]).max() <= 0.01 + 1e-12
    assert (np.diff(doses) > 0.0).all()
    assert (np.diff(volumes) <= 0.0).all()


def test_metrics_are_those_of_the_body() -> None:
    assert DVH.minimum_gy == pytest.approx(4.0, abs=1e-9)
    assert DVH.maximum_gy == pytest.approx(28.0, abs=1e-9)
    assert DVH.mean_gy == pytest.approx(16.0, abs=1e-6)
    assert DVH.dose_at_percent(100.0) == DVH.minimum_gy
    assert DVH.dose_at_percent(0.0) == DVH.maximum_gy
    assert DVH.dose_at_percent(95.0) == pytest.approx(5.2, abs=1e-4)
    assert DVH.volume_percent_at(12.0) == pytest.approx(100.0 * 2 / 3, abs=1e-3)
    assert DVH.volume_cc_at(12.0) == pytest.approx(DVH.volume_cc * 2 / 3, rel=1e-5)
    assert DVH.volume_percent_at(0.0) == 100.0
    assert DVH.volume_percent_at(28.001) == 0.0
    assert DVH.dose_at_cc(DVH.volume_cc) == DVH.minimum_gy
    assert DVH.dose_at_cc(DVH.volume_cc * 1.0001) is None
    near = DVH.near_maximum_gy
    assert near == pytest.approx(28.0 - 24.0 * 0.03 / DVH.volume_cc, abs=1e-3)


@pytest.mark.parametrize("exponent", [-10.0, 1.0, 2.0, 8.0])
def test_the_equivalent_uniform_dose_is_the_mean_of_powers(exponent: float) -> None:
    power = (28.0 ** (exponent + 1) - 4.0 ** (exponent + 1)) / (exponent + 1) / 24.0

    assert DVH.geud_gy(exponent) == pytest.approx(power ** (1.0 / exponent), rel=1e-5)


def test_the_differential_histogram_adds_up_to_all() -> None:
    edges, per_gy = DVH.differential(0.5)

    assert (edges[0], edges[-1]) == (4.0, 28.0)
    assert per_gy.sum() * 0.5 == pytest.approx(1.0, abs=1e-12)
    assert per_gy == pytest.approx(np.full(48, 1.0 / 24.0), rel=1e-4)
    with pytest.raises(InvalidInput):
        DVH.differential(0.0)


@pytest.mark.parametrize("dose_gy", [0.0, 60.003, 1e5])
def test_one_dose_everywhere_is_a_step(dose_gy: float) -> None:
    dvh = compute_dvh(CONTOURS, even_dose(dose_gy, grid_around(BODY, (2.0, 2.0, 2.0))))

    assert (dvh.minimum_gy, dvh.maximum_gy) == (dose_gy, dose_gy)
    assert dvh.mean_gy == pytest.approx(dose_gy, rel=1e-12)
    assert [dvh.dose_at_percent(percent) for percent in (2.0, 50.0, 98.0)] == [dose_gy] * 3
    assert dvh.volume_percent_at(dose_gy) == 100.0
    assert dvh.volume_percent_at(dose_gy * (1.0 + 1e-9) + 1e-9) == 0.0


def test_a_narrow_range_of_doses_has_narrow_steps() -> None:
    dose = LinearDose(gradient_gy_per_mm=(0.0, 0.0, 1e-3), centre_gy=60.0)

    dvh = compute_dvh(CONTOURS, dose.on(grid_around(BODY, (2.0, 2.0, 2.0))))

    assert dvh.step_gy < 1e-5
    assert dvh.dose_at_percent(95.0) == pytest.approx(60.0 - 0.0108, abs=2e-6)


def test_doses_beyond_any_treatment_take_bounded_memory() -> None:
    dose = LinearDose(gradient_gy_per_mm=(0.0, 0.0, 1e5), centre_gy=2e6)

    dvh = compute_dvh(CONTOURS, dose.on(grid_around(BODY, (2.0, 2.0, 2.0))))

    assert dvh.curve_points()[0].size < 300000
    assert dvh.dose_at_percent(95.0) == pytest.approx(2e6 - 10.8e5, abs=2.0 * dvh.step_gy)


def test_a_histogram_knows_the_highest_point_however_small() -> None:
    """A body of 50 mm3 with a peak of one voxel in it."""
    ball = Sphere(radius_mm=6.0)
    grid = grid_of((9, 9, 9), (2.0, 2.0, 2.0))
    doses = np.full(grid.shape, 10.0)
    doses[4, 4, 4] = 70.0

    dvh = compute_dvh(exact(ball), DoseGrid(dose_gy=doses, grid=grid))

    assert dvh.maximum_gy == pytest.approx(70.0, abs=1e-9)
    assert dvh.minimum_gy == pytest.approx(10.0, abs=1e-9)
    # the integral of a product of three tents is one voxel
    assert dvh.mean_gy == pytest.approx(10.0 + 60.0 * 0.008 / dvh.volume_cc, abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(
    doses=st.lists(
        st.floats(min_value=0.0, max_value=100.0, allow_subnormal=False), min_size=27, max_size=27
    )
)
def test_any_dose_gives_a_falling_curve_between_its_extremes(doses: list[float]) -> None:
    array = np.array(doses)

    dvh = _of_mask(array)

    curve, volumes = dvh.curve_points()
    assert array.min() <= dvh.minimum_gy + 1e-9
    assert dvh.maximum_gy <= array.max() + 1e-9
    assert (np.diff(curve) >= 0.0).all()
    assert (np.diff(volumes) <= 0.0).all()
    area = float(np.trapezoid(volumes, curve))
    # the mean is the area under the curve; spreads keep means, and ends cut off what is beyond
    assert dvh.mean_gy == pytest.approx(area, abs=0.01 * (array.max() - array.min()) + 1e-9)
    assert dvh.volume_cc == pytest.approx(0.008, rel=1e-12)
