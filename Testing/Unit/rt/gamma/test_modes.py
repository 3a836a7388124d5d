"""Pass or fail alone, voxel centres alone, and the second search of what straddles 1."""

import numpy as np
import pytest
from dose_fields import dose_of, grid_of
from gamma_cases import criteria_of, grid_about, smooth_dose, turned

from encryptsecurert_rt.dose.gamma import (
    GammaMode,
    Normalisation,
    PointState,
    gamma_index,
    gamma_statistics,
    kernel,
)
from encryptsecurert_rt.dose.grid import DoseGrid


def _pair(seed: int) -> tuple[DoseGrid, DoseGrid]:
    random = np.random.default_rng(seed)
    grid = grid_of((14, 15, 16))
    on = (
        grid
        if seed % 2
        else grid_about((14, 14, 14), (2.2, 2.4, 2.6), np.full(3, 14.0), turned(random))
    )
    return smooth_dose(random, grid, 2.0), smooth_dose(random, on, 2.0)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("normalisation", list(Normalisation))
def test_pass_or_fail_is_what_certified_says_at_every_voxel(
    seed: int, normalisation: Normalisation
) -> None:
    one, other = _pair(seed)
    criteria = criteria_of(8.0, 3.0, normalisation=normalisation, cap=2.0)

    certified = gamma_index(one, other, criteria)
    decided = gamma_index(one, other, criteria, mode=GammaMode.PASS_FAIL)

    assert np.array_equal(certified.state, decided.state)
    assert np.isnan(decided.gamma).all()
    assert 0.05 < np.mean(decided.state == PointState.PASSED) < 0.99
    counted = gamma_statistics(decided)
    assert counted.pass_percent_certain == gamma_statistics(certified).pass_percent_certain
    assert (counted.mean, counted.p99, counted.fraction_above_1_5) == (None, None, None)


def test_what_straddles_1_is_decided_in_a_second_search() -> None:
    """A wide eps makes many straddle; the decision is the same as with a narrow one."""
    one, other = _pair(1)
    criteria = criteria_of(8.0, 3.0, cap=2.0)

    wide = gamma_index(one, other, criteria, eps=0.1)
    narrow = gamma_index(one, other, criteria, eps=0.0001)

    assert wide.refined_again > narrow.refined_again
    assert wide.refined_again > 20
    assert np.array_equal(wide.state, narrow.state)
    assert np.array_equal(wide.state == PointState.PASSED, wide.gamma <= 1.0)


@pytest.mark.parametrize("mode", [GammaMode.CERTIFIED, GammaMode.PASS_FAIL])
def test_gamma_of_1_up_to_rounding_passes(mode: GammaMode) -> None:
    reference = dose_of(np.full((3, 3, 3), 50.0))
    criteria = criteria_of(3.0, 3.0)

    at_it = gamma_index(reference, dose_of(np.full((3, 3, 3), 53.0)), criteria, mode=mode)
    above = gamma_index(reference, dose_of(np.full((3, 3, 3), 53.0 + 1e-6)), criteria, mode=mode)

    assert np.all(at_it.state == PointState.PASSED)
    assert np.all(above.state == PointState.FAILED)


@pytest.mark.parametrize("mode", [GammaMode.CERTIFIED, GammaMode.PASS_FAIL])
def test_work_that_runs_out_is_told_and_passes_nothing_for_certain(
    mode: GammaMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(8)
    grid = grid_of((6, 6, 6))
    one, other = (dose_of(random.uniform(0.0, 60.0, grid.shape), grid) for _ in range(2))
    criteria = criteria_of(2.0, 3.0, cap=2.0)
    whole = gamma_index(one, other, criteria, mode=mode)
    monkeypatch.setattr(kernel, "BOXES_A_POINT", 0)

    cut = gamma_index(one, other, criteria, mode=mode)

    undecided = cut.state == PointState.UNDECIDED
    assert whole.unproven == 0
    assert cut.unproven >= np.count_nonzero(undecided) > 0
    # What is decided is decided as with all the work that it takes.
    assert np.array_equal(cut.state[~undecided], whole.state[~undecided])
    counted = gamma_statistics(cut)
    assert counted.passed_possible == counted.passed_certain + np.count_nonzero(undecided)
    assert counted.pass_percent_certain is not None
    assert counted.pass_percent_possible is not None
    assert counted.pass_percent_certain < counted.pass_percent_possible


@pytest.mark.parametrize("seed", range(4))
def test_voxel_centres_are_those_of_a_plain_double_loop(seed: int) -> None:
    one, other = _pair(seed)
    criteria = criteria_of(4.0, 3.0, cap=2.0)

    found = gamma_index(one, other, criteria, mode=GammaMode.VOXEL_CENTRES)

    to_lps, from_lps = one.grid.ijk_to_lps, other.grid.ijk_to_lps
    k, j, i = np.indices(other.dose_gy.shape)
    centres = np.stack([i, j, k, np.ones_like(i)], axis=-1).reshape(-1, 4) @ from_lps.T
    places = np.argwhere(found.state >= PointState.PASSED)
    for place in places[:: max(1, len(places) // 60)]:
        point = to_lps @ [*place[::-1], 1.0]
        squared = ((centres - point)[:, :3] ** 2).sum(axis=1) / 9.0
        squared += ((other.dose_gy.ravel() - one.dose_gy[tuple(place)]) / 4.0) ** 2
        truth = min(np.sqrt(squared.min()), 2.0)
        assert found.gamma[tuple(place)] == pytest.approx(truth, abs=1e-6)
    assert found.eps == 0.0
