"""Certified gamma against dense sampling, on grids of any kind, and what small grids must obey."""

import numpy as np
import pytest
from dose_fields import ALONG_AXES, centres_of, dose_of, grid_of
from effort import times
from gamma_cases import criteria_of, grid_about, oracle, smooth_dose, steepest, turned
from hypothesis import given, settings
from hypothesis import strategies as st

from encryptsecurert_rt.dose.gamma import (
    GammaCriteria,
    GammaMode,
    Normalisation,
    PointState,
    gamma_index,
)
from encryptsecurert_rt.dose.grid import DoseGrid

EPS = 0.001
STEP_MM = 0.06


def _case(seed: int) -> tuple[DoseGrid, DoseGrid, GammaCriteria]:
    """Return a pair on two grids of different spacing, and for two of three seeds turned."""
    random = np.random.default_rng(seed)
    on = grid_about(
        (6, 7, 8),
        tuple(random.uniform(1.5, 3.0, 3)),
        np.zeros(3),
        turned(random) if seed % 3 else ALONG_AXES,
    )
    at = grid_about((4, 4, 4), (2.0, 2.5, 1.5), random.uniform(-1, 1, 3), ALONG_AXES)
    noisy = seed % 4 == 3
    if noisy:  # saddles everywhere: what the proof finds hardest
        evaluated = dose_of(random.uniform(20.0, 40.0, on.shape), on)
    else:
        evaluated = smooth_dose(random, on)
    reference = dose_of(random.uniform(20.0, 40.0, at.shape), at)
    local = seed % 2 == 1
    criteria = criteria_of(
        10.0 if local else 4.0,
        random.uniform(1.0, 2.0),
        normalisation=Normalisation.LOCAL if local else Normalisation.GLOBAL,
        cap=2.0,
    )
    return reference, evaluated, criteria


@pytest.mark.parametrize("seed", range(8))
def test_no_dense_sample_contradicts_the_proven_interval(seed: int) -> None:
    reference, evaluated, criteria = _case(seed)
    random = np.random.default_rng(seed + 1000)
    found = gamma_index(reference, evaluated, criteria)
    places = np.argwhere(found.state >= PointState.PASSED)

    checked = 0
    for k, j, i in places[random.permutation(len(places))[: times(100, 4)]]:
        dose_gy = float(reference.dose_gy[k, j, i])
        local = criteria.normalisation is Normalisation.LOCAL
        criterion_gy = criteria.dose_percent / 100.0 * (dose_gy if local else 100.0)
        least = oracle(
            centres_of(reference.grid)[k, j, i],
            dose_gy,
            evaluated,
            criterion_gy,
            criteria.distance_mm,
            cap=criteria.cap,
            step_mm=STEP_MM,
        )
        # The nearest sample of any point is half a step away along each axis.
        missed = steepest(evaluated, criterion_gy, criteria.distance_mm) * STEP_MM * 3**0.5 / 2
        value = float(found.gamma[k, j, i])
        # The truth is in [least - missed, least], and in [value - eps, value].
        assert value - EPS <= least + 1e-6
        assert value >= least - missed
        checked += 1

    assert checked >= 4
    assert found.unproven == 0


def test_values_are_those_of_a_search_that_samples_far_more_finely() -> None:
    """A plane, so that a step of 0.01 mm, whose error at a minimum is small, is soon done."""
    random = np.random.default_rng(11)
    evaluated = smooth_dose(random, grid_of((1, 8, 8)), spread_gy=4.0)
    at = grid_of((1, 1, 6), origin_lps_mm=(2.3, 7.1, 0.0))
    reference = dose_of(random.uniform(27.0, 33.0, at.shape), at)
    criteria = criteria_of(3.0, 2.0, cap=2.0)

    found = gamma_index(reference, evaluated, criteria)

    for i in range(6):
        least = oracle(
            centres_of(at)[0, 0, i],
            float(reference.dose_gy[0, 0, i]),
            evaluated,
            3.0,
            2.0,
            cap=criteria.cap,
            step_mm=0.01,
        )
        assert found.gamma[0, 0, i] == pytest.approx(least, abs=EPS)


@pytest.mark.parametrize("shape", [(1, 9, 9), (9, 1, 9), (9, 9, 1)])
def test_noise_whose_cells_are_split_hides_no_lower_value(shape: tuple[int, int, int]) -> None:
    """Planes across each axis: there dense sampling of many points is cheap."""
    random = np.random.default_rng(5)
    grid = grid_of(shape)
    reference, evaluated = (dose_of(random.uniform(20.0, 40.0, shape), grid) for _ in range(2))

    found = gamma_index(reference, evaluated, criteria_of(0.5, 2.0, cap=2.0))

    assert found.work > 4 * found.gamma.size  # most of it boxes that were split off
    for k, j, i in np.argwhere(found.state >= PointState.PASSED):
        least = oracle(
            centres_of(grid)[k, j, i],
            float(reference.dose_gy[k, j, i]),
            evaluated,
            0.5,
            2.0,
            cap=2.0,
            step_mm=0.03,
        )
        assert found.gamma[k, j, i] - EPS <= least + 1e-6


_shapes = st.tuples(*[st.integers(1, 4)] * 3)
_spacings = st.tuples(*[st.floats(0.5, 5.0)] * 3)


@given(
    shape=_shapes,
    spacing=_spacings,
    seed=st.integers(0, 10_000),
    percent=st.floats(0.5, 10.0),
    distance=st.floats(0.5, 8.0),
    cap=st.floats(1.0, 3.0),
)
@settings(max_examples=times(1000, 60), deadline=None)
def test_any_small_pair_obeys_what_gamma_must(  # how the pair is made
    shape: tuple[int, int, int],
    spacing: tuple[float, float, float],
    seed: int,
    percent: float,
    distance: float,
    cap: float,
) -> None:
    random = np.random.default_rng(seed)
    grid = grid_of(shape, spacing)
    one, other = (dose_of(random.uniform(0.0, 60.0, shape), grid) for _ in range(2))
    criteria = criteria_of(percent, distance, cap=cap)

    found = gamma_index(one, other, criteria)
    decided = gamma_index(one, other, criteria, mode=GammaMode.PASS_FAIL)
    centres = gamma_index(one, other, criteria, mode=GammaMode.VOXEL_CENTRES)

    in_place = np.abs(other.dose_gy - one.dose_gy) / percent
    # A search stops when nothing lower by more than eps is left.
    assert np.all(found.gamma <= np.minimum(in_place, cap) + EPS)
    assert np.all(found.gamma <= centres.gamma + EPS)
    assert np.array_equal(found.state, decided.state)
    passed = found.state == PointState.PASSED
    assert np.all(found.gamma[passed] <= 1.0)
    assert np.all(found.gamma[~passed] > (1.0 if cap > 1.0 else 0.999))
    assert np.all(np.isnan(decided.gamma))


@given(seed=st.integers(0, 10_000), factor=st.floats(0.3, 3.0))
@settings(max_examples=times(300, 25), deadline=None)
def test_a_smaller_eps_only_narrows_the_interval(seed: int, factor: float) -> None:
    random = np.random.default_rng(seed)
    grid = grid_of((3, 4, 5), (2.0 * factor, 2.0, 2.0))
    one, other = smooth_dose(random, grid), smooth_dose(random, grid)
    criteria = criteria_of(3.0, 3.0, cap=2.0)

    coarse = gamma_index(one, other, criteria, eps=0.01).gamma
    fine = gamma_index(one, other, criteria, eps=0.0001).gamma

    assert np.all(fine <= coarse + 0.0001 + 1e-6)
    assert np.all(fine >= coarse - 0.01 - 1e-6)
