"""Numbers of a map, against numpy on maps made by hand."""

from collections.abc import Sequence

import numpy as np
import pytest
from gamma_cases import criteria_of

from encryptsecurert_rt.dose.gamma import (
    HISTOGRAM_BINS,
    GammaMap,
    GammaMode,
    PointState,
    gamma_statistics,
)
from encryptsecurert_rt.errors import InvalidInput

S = PointState


def _map(
    values: Sequence[float],
    states: Sequence[int],
    mode: GammaMode = GammaMode.CERTIFIED,
    cap: float = 2.0,
) -> GammaMap:
    return GammaMap(
        gamma=np.asarray(values, np.float32).reshape(1, 1, -1),
        state=np.asarray(states, np.uint8).reshape(1, 1, -1),
        criteria=criteria_of(3.0, 3.0, cap=cap),
        norm_gy=60.0,
        mode=mode,
        eps=0.001,
        refined_again=0,
        unproven=0,
        work=0,
    )


NAN = float("nan")
MIXED = _map(
    [NAN, NAN, NAN, NAN, 0.0, 0.5, 1.0, 1.0005, 1.6, 2.0],
    [
        *(S.BELOW_CUTOFF, S.MASKED, S.OUTSIDE, S.UNDEFINED),
        *(S.PASSED, S.PASSED, S.PASSED, S.UNDECIDED, S.FAILED, S.FAILED),
    ],
)


def test_all_numbers_are_those_of_numpy() -> None:
    found = gamma_statistics(MIXED)

    values = MIXED.gamma[0, 0, 4:].astype(np.float64)
    assert (found.evaluated, found.passed_certain, found.passed_possible) == (6, 3, 4)
    assert found.pass_percent_certain == 50.0
    assert found.pass_percent_possible == pytest.approx(400 / 6)
    assert (found.below_cutoff, found.masked, found.outside, found.undefined) == (1, 1, 1, 1)
    assert found.capped == 1
    assert found.mean == pytest.approx(values.mean())
    assert found.maximum == 2.0
    assert found.p99 == pytest.approx(np.percentile(values, 99))
    assert found.fraction_above_1_5 == pytest.approx(2 / 6)
    assert found.histogram is not None
    assert len(found.histogram) == HISTOGRAM_BINS
    # Bins of 0.02: 0.0, 0.5, 1.0 and 1.0005, 1.6, and the cap in the last.
    assert {n: c for n, c in enumerate(found.histogram) if c} == {0: 1, 25: 1, 50: 2, 80: 1, 99: 1}


def test_a_structure_has_its_own_numbers_and_all_counts_add_up() -> None:
    mask = np.zeros((1, 1, 10), np.bool_)
    mask[0, 0, [0, 4, 9]] = True

    found = gamma_statistics(MIXED, mask)

    assert (found.evaluated, found.passed_certain, found.below_cutoff) == (2, 1, 1)
    assert found.masked == 7
    assert found.evaluated + found.below_cutoff + found.masked + found.outside == 10
    assert found.mean == 1.0


def test_a_structure_without_a_voxel_has_no_rate() -> None:
    found = gamma_statistics(MIXED, np.zeros((1, 1, 10), np.bool_))

    assert found.evaluated == 0
    assert found.masked == 10
    assert found.pass_percent_certain is None
    assert found.fraction_above_1_5 is None


def test_a_cap_of_one_and_a_half_hides_what_is_above() -> None:
    found = gamma_statistics(_map([1.5, 0.5], [S.FAILED, S.PASSED], cap=1.5))

    assert found.fraction_above_1_5 is None
    assert found.capped == 1


def test_a_mask_of_another_shape_or_type_is_refused() -> None:
    with pytest.raises(InvalidInput):
        gamma_statistics(MIXED, np.ones((1, 10, 1), np.bool_))
    with pytest.raises(InvalidInput):
        gamma_statistics(MIXED, np.ones((1, 1, 10), np.uint8))
