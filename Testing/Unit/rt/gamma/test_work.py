"""The estimate of a search: grows with what is asked, is the same each time, and is soon there."""

import numpy as np
from dose_fields import dose_of, grid_of
from gamma_cases import criteria_of, smooth_dose

from encryptsecurert_rt.dose.gamma import GammaMode, estimate_work, gamma_index
from encryptsecurert_rt.dose.gamma.kernel import make_job
from encryptsecurert_rt.dose.gamma.work import tile_voxels
from encryptsecurert_rt.dose.grid import DoseGrid


def _pair(side: int = 24) -> tuple[DoseGrid, DoseGrid]:
    random = np.random.default_rng(1)
    grid = grid_of((side,) * 3)
    return smooth_dose(random, grid, 2.0), smooth_dose(random, grid, 2.0)


def test_the_same_question_has_the_same_answer() -> None:
    one, other = _pair()

    first, second = (estimate_work(one, other, criteria_of(3.0, 3.0)) for _ in range(2))

    assert first == second


def test_it_grows_with_voxels_reach_and_proof() -> None:
    one, other = _pair()
    small = _pair(12)
    criteria = criteria_of(3.0, 3.0)

    base = estimate_work(one, other, criteria).seconds

    assert estimate_work(*small, criteria).seconds < base / 4
    assert estimate_work(one, other, criteria_of(3.0, 12.0)).seconds > base
    assert estimate_work(one, other, criteria_of(0.1, 3.0)).seconds > base
    assert estimate_work(one, other, criteria, mode=GammaMode.PASS_FAIL).seconds < base


def test_it_counts_the_work_that_the_search_then_does() -> None:
    """By the same table of seconds, so that no clock is in the test."""
    one, other = _pair()
    criteria = criteria_of(3.0, 3.0)
    job = make_job(
        one,
        other,
        criteria,
        mask=None,
        reference_to_evaluated=None,
        mode=GammaMode.CERTIFIED,
        eps=0.001,
    )
    cells = job.run(0, job.state.size)[2]

    estimate = estimate_work(one, other, criteria)

    assert cells * 100e-9 < estimate.seconds * 1.5
    assert cells * 100e-9 > estimate.seconds / 5
    assert gamma_index(one, other, criteria).work >= cells


def test_hours_are_seen_from_a_sample() -> None:
    """A plateau 1000 Gy away within a wide search: each voxel looks at hundreds of thousands."""
    grid = grid_of((80, 80, 80), (1.0, 1.0, 1.0))
    one = dose_of(np.full(grid.shape, 10.0), grid)
    other = dose_of(np.full(grid.shape, 1000.0), grid)
    criteria = criteria_of(3.0, 20.0, cap=3.0)

    estimate = estimate_work(one, other, criteria)
    job = make_job(
        one,
        other,
        criteria,
        mask=None,
        reference_to_evaluated=None,
        mode=GammaMode.CERTIFIED,
        eps=0.001,
    )

    assert estimate.seconds > 600
    assert estimate.sampled < 1000
    # And a tile of it stays short: so does the time until somebody who cancels is heard.
    assert tile_voxels(job, 0.1, 16_384) < 1000
