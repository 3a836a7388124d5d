"""Which voxels are evaluated, what the others are, and what older programs get wrong there."""

from typing import Any

import numpy as np
import pytest
from dose_fields import dose_of, field_of, grid_of, ramp
from gamma_cases import criteria_of, smooth_dose

from encryptsecurert_rt.dose.gamma import (
    NO_OVERLAP,
    GammaCriteria,
    GammaMode,
    Normalisation,
    PointState,
    gamma_index,
    gamma_statistics,
)
from encryptsecurert_rt.dose.grid import DoseGrid, RigidTransform
from encryptsecurert_rt.errors import InvalidInput

MODES = list(GammaMode)


@pytest.mark.parametrize("mode", MODES)
def test_what_is_not_evaluated_is_nan_and_counted_never_a_perfect_pass(mode: GammaMode) -> None:
    reference = dose_of(np.full((4, 4, 4), 50.0))
    reference.dose_gy[0] = 9.9  # just below the cutoff
    reference.dose_gy[1] = 10.0  # just at it: evaluated
    evaluated = dose_of(np.full((4, 4, 3), 50.0), grid_of((4, 4, 3)))  # i = 3 is outside
    mask = np.ones((4, 4, 4), np.bool_)
    mask[:, 0] = False

    found = gamma_index(
        reference, evaluated, criteria_of(3.0, 3.0, cutoff_percent=10.0), mask=mask, mode=mode
    )

    assert np.all(found.state[:, 0] == PointState.MASKED)
    assert np.all(found.state[0, 1:] == PointState.BELOW_CUTOFF)
    assert np.all(found.state[1, 1:, :3] == PointState.FAILED)
    assert np.all(found.state[1:, 1:, 3] == PointState.OUTSIDE)
    assert np.all(found.state[2:, 1:, :3] == PointState.PASSED)
    assert np.isnan(found.gamma[found.state < PointState.PASSED]).all()
    counted = gamma_statistics(found)
    assert counted.evaluated == 27
    assert (counted.masked, counted.below_cutoff, counted.outside) == (16, 12, 9)
    assert counted.pass_percent_certain == pytest.approx(100.0 * 18 / 27)


@pytest.mark.parametrize("scaling", [0.007, 1e-4, 3.3e-5])
def test_a_tenth_of_the_maximum_is_at_a_cutoff_of_ten_percent_whatever_the_scaling(
    scaling: float,
) -> None:
    """Stored doses are integers times a scaling; 0.1 x 7 is above 0.7 in float64."""
    stored = np.array([[[1000.0, 100.0, 99.0], [1000.0, 100.0, 99.0]]])
    dose = dose_of(np.ascontiguousarray(np.repeat(stored, 2, axis=0) * scaling))
    seven = dose_of(np.full((2, 2, 2), 0.7))

    found, stated = (
        gamma_index(one, one, criteria_of(3.0, 3.0, cutoff_percent=10.0, norm_gy=norm_gy))
        for one, norm_gy in ((dose, None), (seven, 7.0))
    )

    assert np.all(found.state[..., :2] == PointState.PASSED)
    assert np.all(found.state[..., 2] == PointState.BELOW_CUTOFF)
    assert np.all(stated.state == PointState.PASSED)


def test_gamma_of_exactly_zero_passes() -> None:
    dose = dose_of(np.full((3, 3, 3), 20.0))

    found = gamma_statistics(gamma_index(dose, dose, criteria_of(3.0, 3.0)))

    assert (found.passed_certain, found.mean) == (27, 0.0)


@pytest.mark.parametrize("mode", [GammaMode.CERTIFIED, GammaMode.PASS_FAIL])
def test_detail_of_a_finer_evaluated_dose_is_seen(mode: GammaMode) -> None:
    """Resampling it to the reference's 4 mm first would lose the peak between the voxels."""
    at, on = grid_of((3, 3, 3), (4.0, 4.0, 4.0)), grid_of((9, 9, 9), (1.0, 1.0, 1.0))
    reference = dose_of(np.full((3, 3, 3), 50.0), at)
    reference.dose_gy[1, 1, 1] = 60.0
    peak = dose_of(np.full((9, 9, 9), 50.0), on)
    peak.dose_gy[4, 4, 5] = 60.0  # 1 mm from the voxel of 60 Gy

    found = gamma_index(reference, peak, criteria_of(1.0, 3.0), mode=mode)

    assert found.state[1, 1, 1] == PointState.PASSED
    if mode is GammaMode.CERTIFIED:
        assert found.gamma[1, 1, 1] == pytest.approx(1.0 / 3.0, abs=0.01)


def test_beyond_the_evaluated_dose_nothing_is_compared_with_zero() -> None:
    reference = dose_of(np.full((6, 6, 6), 50.0))
    evaluated = dose_of(np.full((3, 3, 3), 50.0))

    found = gamma_index(reference, evaluated, criteria_of(3.0, 3.0))

    assert np.count_nonzero(found.state == PointState.OUTSIDE) == 216 - 27
    assert gamma_statistics(found).pass_percent_certain == 100.0


def test_a_point_a_millionth_beyond_the_border_is_on_it() -> None:
    reference = dose_of(np.full((4, 4, 4), 50.0))
    near = grid_of((4, 4, 4), origin_lps_mm=(2e-4, -3e-4, 5e-4))
    far = grid_of((4, 4, 4), origin_lps_mm=(2e-2, 0.0, 0.0))

    on_it = gamma_index(reference, dose_of(reference.dose_gy, near), criteria_of(3.0, 3.0))
    beyond = gamma_index(reference, dose_of(reference.dose_gy, far), criteria_of(3.0, 3.0))

    assert np.all(on_it.state == PointState.PASSED)
    assert np.all(beyond.state[:, :, 0] == PointState.OUTSIDE)


def test_local_gamma_of_no_dose_is_undefined() -> None:
    reference = dose_of(np.full((3, 3, 3), 50.0))
    reference.dose_gy[1, 1, 1] = 0.0
    reference.dose_gy[0, 0, 0] = 1e-300
    evaluated = dose_of(np.full((3, 3, 3), 50.5))

    found = gamma_index(
        reference, evaluated, criteria_of(3.0, 3.0, normalisation=Normalisation.LOCAL)
    )

    assert found.state[1, 1, 1] == found.state[0, 0, 0] == PointState.UNDEFINED
    assert np.isnan(found.gamma[1, 1, 1])
    assert not np.isinf(found.gamma).any()
    assert gamma_statistics(found).undefined == 2


def test_either_dose_above_the_cutoff_is_an_option_and_off() -> None:
    grid = grid_of((2, 2, 4))
    reference, evaluated = (dose_of(np.zeros(grid.shape), grid) for _ in range(2))
    reference.dose_gy[..., :2], evaluated.dose_gy[..., 1:3] = 50.0, 50.0

    alone = gamma_index(reference, evaluated, criteria_of(3.0, 0.1, cutoff_percent=10.0))
    either = gamma_index(
        reference,
        evaluated,
        criteria_of(3.0, 0.1, cutoff_percent=10.0, either_dose_above_cutoff=True),
    )

    assert (alone.state[0, 0] >= PointState.PASSED).tolist() == [True, True, False, False]
    assert (either.state[0, 0] >= PointState.PASSED).tolist() == [True, True, True, False]


def test_a_mask_of_everything_changes_nothing_and_a_part_keeps_its_values() -> None:
    random = np.random.default_rng(3)
    grid = grid_of((7, 8, 9))
    one, other = smooth_dose(random, grid), smooth_dose(random, grid)
    criteria = criteria_of(3.0, 3.0)
    part = random.random(grid.shape) < 0.3

    whole = gamma_index(one, other, criteria)
    full = gamma_index(one, other, criteria, mask=np.ones(grid.shape, np.bool_))
    masked = gamma_index(one, other, criteria, mask=part)

    assert np.array_equal(whole.gamma, full.gamma)
    # Bit for bit: a value does not depend on which voxels are searched beside it.
    assert np.array_equal(masked.gamma[part], whole.gamma[part])
    assert np.isnan(masked.gamma[~part]).all()
    assert gamma_statistics(masked).passed_certain == gamma_statistics(whole, part).passed_certain


def test_the_norm_is_the_reference_maximum_unless_stated() -> None:
    reference = dose_of(np.full((3, 3, 3), 40.0))
    evaluated = dose_of(np.full((3, 3, 3), 41.0))

    by_maximum = gamma_index(reference, evaluated, criteria_of(5.0, 3.0, norm_gy=None))
    by_prescription = gamma_index(reference, evaluated, criteria_of(5.0, 3.0, norm_gy=50.0))

    assert (by_maximum.norm_gy, by_prescription.norm_gy) == (40.0, 50.0)
    assert by_maximum.gamma[1, 1, 1] == np.float32(0.5)
    assert by_prescription.gamma[1, 1, 1] == np.float32(0.4)


def test_above_the_cap_is_the_cap_and_has_failed() -> None:
    reference = dose_of(np.full((3, 3, 3), 50.0))

    for cap in (1.0, 1.5, 2.0):
        found = gamma_index(
            reference, dose_of(np.full((3, 3, 3), 90.0)), criteria_of(3.0, 3.0, cap=cap)
        )
        assert np.all(found.gamma == np.float32(cap))
        assert np.all(found.state == PointState.FAILED)
        assert gamma_statistics(found).capped == 27


@pytest.mark.parametrize(
    "wrong",
    [
        {"dose_percent": 0.0},
        {"dose_percent": float("nan")},
        {"distance_mm": 0.0},
        {"distance_mm": -3.0},
        {"distance_mm": float("inf")},
        {"cutoff_percent": -1.0},
        {"cutoff_percent": 101.0},
        {"norm_gy": 0.0},
        {"norm_gy": float("nan")},
        {"cap": 0.9},
        {"cap": float("nan")},
    ],
)
def test_criteria_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    right = {"dose_percent": 3.0, "distance_mm": 3.0, "cutoff_percent": 10.0}

    GammaCriteria(normalisation=Normalisation.GLOBAL, **right)  # type: ignore[arg-type]  # all floats
    with pytest.raises(InvalidInput):
        GammaCriteria(normalisation=Normalisation.GLOBAL, **(right | wrong))  # type: ignore[arg-type]  # all floats


def test_every_refusal_says_its_own_words() -> None:
    dose = dose_of(np.full((3, 3, 3), 50.0))
    nothing = dose_of(np.zeros((3, 3, 3)))
    away = dose_of(dose.dose_gy, grid_of((3, 3, 3), origin_lps_mm=(500.0, 0.0, 0.0)))
    fine = dose_of(np.full((600, 40, 40), 50.0), grid_of((600, 40, 40), (0.05, 0.05, 0.05)))
    criteria = criteria_of(3.0, 3.0, norm_gy=None)
    none = np.zeros((3, 3, 3), np.bool_)

    def words(one: DoseGrid, other: DoseGrid, **others: Any) -> str:
        asked = others.pop("criteria", criteria)
        with pytest.raises(InvalidInput) as refused:
            gamma_index(one, other, asked, **others)
        return str(refused.value)

    said = [
        words(dose, away),
        words(dose, dose, mask=none),
        words(dose, dose, mask=np.ones((3, 3, 2), np.bool_)),
        words(dose, dose, eps=0.0),
        words(nothing, dose),
        words(dose, dose, criteria=criteria_of(1.0, 3.0, norm_gy=1e-6)),
        words(fine, dose_of(np.full((300, 300, 300), 1.0), grid_of((300,) * 3, (0.05,) * 3)),
              criteria=criteria_of(3.0, 100.0)),
        words(dose, dose, threads=0),
    ]  # fmt: skip

    assert said[0] == NO_OVERLAP
    assert len(set(said)) == len(said)


def test_a_dose_that_rounding_alone_tells_from_none_is_refused_as_none() -> None:
    hardly = dose_of(np.full((2, 2, 2), 1e-305))

    with pytest.raises(InvalidInput, match="zero everywhere"):
        gamma_index(hardly, hardly, criteria_of(3.0, 3.0, norm_gy=None))


def test_a_registration_may_bring_doses_together_or_apart() -> None:
    dose = field_of(ramp((0.1, 0.0, 0.0), 50.0), grid_of((4, 4, 4)))
    far = np.eye(4)
    far[0, 3] = 100.0

    assert gamma_index(dose, dose, criteria_of(3.0, 3.0)).gamma.max() == 0.0
    with pytest.raises(InvalidInput, match=NO_OVERLAP):
        gamma_index(
            dose, dose, criteria_of(3.0, 3.0), reference_to_evaluated=RigidTransform(matrix=far)
        )


def test_where_all_is_below_the_cutoff_no_rate_is_told() -> None:
    reference = dose_of(np.full((3, 3, 3), 5.0))

    found = gamma_statistics(
        gamma_index(reference, reference, criteria_of(3.0, 3.0, cutoff_percent=10.0))
    )

    assert (found.evaluated, found.below_cutoff) == (0, 27)
    assert found.pass_percent_certain is None
    assert found.pass_percent_possible is None
    assert (found.mean, found.maximum, found.histogram) == (None, None, None)
