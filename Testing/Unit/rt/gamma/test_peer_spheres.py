"""Why pymedphys gives another gamma: its samples on spheres, made anew, against their bound.

The program is not installed here. `Testing/benchmarks/peers_on_real_doses.py` runs it on real doses
and finds it equal to these spheres to rounding; what comes of it: `docs/gamma.md`.
"""

import numpy as np
import pytest
from dose_fields import dose_of, field_of, grid_of, ramp
from gamma_bounds import SHELL_COVER, PeerBounds
from gamma_cases import criteria_of, smooth_dose
from gamma_peers import least_on_spheres, sphere
from scipy import spatial

from encryptsecurert_rt.dose.gamma import PointState, gamma_index

EPS = 0.001


def test_no_place_is_further_from_a_sample_than_the_cover() -> None:
    """Places anywhere in a ball of two criteria, against spheres a tenth apart."""
    random = np.random.default_rng(8)
    most = 0.0
    for number in (1, 2, 3, 5, 9, 14, 20):
        ways = random.standard_normal((4000, 3))
        places = number * ways / np.linalg.norm(ways, axis=1, keepdims=True)
        nearest, _ = spatial.KDTree(sphere(float(number), 1.0)).query(places)
        most = max(most, float(nearest.max()))

    assert most <= 0.72
    assert most > 0.6  # the bound is not idle
    assert np.hypot(0.5, 0.72) == SHELL_COVER


@pytest.mark.parametrize("seed", range(2))
def test_spheres_are_never_below_the_certified_value_and_above_within_their_bound(
    seed: int,
) -> None:
    random = np.random.default_rng(seed)
    grid = grid_of((5, 6, 7), (2.0, 2.5, 1.5))
    reference, evaluated = smooth_dose(random, grid), smooth_dose(random, grid)
    criteria = criteria_of(3.0, 3.0, cap=1.5)
    places = np.argwhere(np.ones(grid.shape))[random.permutation(210)[:16]]

    found = gamma_index(reference, evaluated, criteria)
    certified = found.gamma[tuple(places.T)]
    bounds = PeerBounds(found=found, reference=reference, evaluated=evaluated)
    means = []
    for parts in (5, 10, 20):
        error = (
            least_on_spheres(reference, evaluated, criteria, 3.0, places, parts=parts) - certified
        )
        assert (error >= bounds.shells(parts).low[tuple(places.T)]).all()
        assert (error <= bounds.shells(parts).high[tuple(places.T)]).all()
        means.append(error.mean())

    # The finer it samples, the nearer it comes: there is nothing else between the two.
    assert means[0] > 0.01
    assert means[2] < 0.7 * means[1] < 0.5 * means[0]


@pytest.mark.parametrize(("way_mm", "verdict"), [(2.85, 1.0), (4.35, 1.5)])
def test_between_the_last_sphere_and_the_criterion_spheres_fail_what_passes(
    way_mm: float, verdict: float
) -> None:
    """Steep, so that only the right dose will do: 2.85 mm away, between spheres at 2.7 and 3."""
    steep = 12.0
    grid = grid_of((7, 7, 7))
    reference = field_of(ramp((0.0, steep * 0.6, steep * 0.8), 100.0), grid)
    evaluated = field_of(ramp((0.0, steep * 0.6, steep * 0.8), 100.0 + steep * way_mm), grid)
    criteria = criteria_of(3.0, 3.0, cap=1.5)

    found = gamma_index(reference, evaluated, criteria)
    place = np.array([[4, 4, 4]])
    (peer,) = least_on_spheres(reference, evaluated, criteria, 3.0, place, parts=10)

    truth = steep * way_mm / np.hypot(3.0, steep * 3.0)
    assert found.gamma[4, 4, 4] == pytest.approx(truth, abs=EPS)
    assert truth < verdict - 0.04
    assert verdict <= peer < verdict + 0.01
    bounds = PeerBounds(found=found, reference=reference, evaluated=evaluated).shells(10)
    assert peer - truth <= bounds.high[4, 4, 4]


def test_spheres_look_from_beyond_the_evaluated_dose_and_in_vain_from_further() -> None:
    """Where ours says OUTSIDE, a sample that is in the dose counts: 2 mm away, found at 2.1 mm."""
    reference = dose_of(np.full((3, 3, 6), 50.0), grid_of((3, 3, 6)))
    evaluated = dose_of(np.full((3, 3, 3), 51.0), grid_of((3, 3, 3)))
    criteria = criteria_of(3.0, 3.0, cap=1.5)
    row = np.array([[1, 1, i] for i in range(6)])

    found = gamma_index(reference, evaluated, criteria)
    peer = least_on_spheres(reference, evaluated, criteria, 3.0, row, parts=10)

    assert peer[:3] == pytest.approx(1.0 / 3.0, abs=1e-12)
    assert peer[3] == pytest.approx(np.hypot(0.7, 1.0 / 3.0), abs=1e-12)
    assert peer[5] == criteria.cap  # the program makes it NaN, and counts it nowhere
    assert (found.state[1, 1, 3:] == PointState.OUTSIDE).all()


def test_in_a_dose_thinner_than_their_steps_spheres_are_further_off_than_their_bound() -> None:
    """Two slices 0.05 mm apart: no sample in the direction that matters lies between them."""
    grid = grid_of((2, 9, 9), (0.05, 2.0, 2.0))
    steep, offset_gy = 6.0, 3.0
    reference = field_of(ramp((0.0, steep, 0.0), 100.0), grid)
    evaluated = field_of(ramp((0.0, steep, 0.0), 100.0 + offset_gy), grid)
    criteria = criteria_of(3.0, 3.0, cap=2.0)

    found = gamma_index(reference, evaluated, criteria)
    (peer,) = least_on_spheres(reference, evaluated, criteria, 3.0, np.array([[0, 4, 4]]), parts=10)

    truth = offset_gy / np.hypot(3.0, steep * 3.0)
    in_open_space = SHELL_COVER * 0.3 * np.hypot(1.0 / 3.0, steep / 3.0)
    assert found.gamma[0, 4, 4] == pytest.approx(truth, abs=EPS)  # 0.164
    assert peer == pytest.approx(offset_gy / 3.0, abs=1e-9)  # 1, found in place
    assert peer - truth > 1.5 * in_open_space
