"""Dose differences and their numbers, against closed forms and plain numpy."""

import numpy as np
import pytest
from dose_fields import TURNED, dose_of, field_of, grid_of, ramp

from encryptsecurert_rt.dose.difference import DifferenceMap, DifferenceScale, dose_difference
from encryptsecurert_rt.dose.statistics import HISTOGRAM_BINS, difference_statistics
from encryptsecurert_rt.errors import InvalidInput

RNG = np.random.default_rng(11)


def test_the_sign_is_evaluated_minus_reference() -> None:
    reference = dose_of(np.full((2, 3, 4), 10.0))

    difference = dose_difference(reference, dose_of(np.full((2, 3, 4), 10.5)))

    assert (difference.difference_gy == 0.5).all()


def test_a_linear_dose_on_another_grid_differs_by_nothing() -> None:
    linear = ramp((0.02, 0.01, -0.03), 30.0)
    reference = field_of(linear, grid_of((5, 6, 7), (2.0, 1.5, 1.0), (1.0, 2.0, 3.0), TURNED))
    evaluated = field_of(linear, grid_of((40, 40, 40), (3.0, 3.0, 3.0), (-60.0, -60.0, -60.0)))

    difference = dose_difference(reference, evaluated)

    assert np.abs(difference.difference_gy).max() < 1e-12 * 30.0  # rounding of sums


def test_what_is_outside_is_counted_and_in_no_number() -> None:
    reference = dose_of(np.full((1, 4, 6), 2.0))
    evaluated = dose_of(np.full((1, 4, 3), 3.0))

    statistics = difference_statistics(dose_difference(reference, evaluated))

    assert (statistics.counted, statistics.outside, statistics.masked) == (12, 12, 0)
    assert statistics.values is not None
    assert (statistics.values.mean, statistics.values.maximum) == (1.0, 1.0)


def _random_difference() -> DifferenceMap:
    reference = RNG.random((4, 5, 6)) * 60.0
    reference[0, 0, :3] = 0.0
    difference = RNG.normal(0.3, 1.0, reference.shape)
    difference[1, 1, 1] = np.nan
    return DifferenceMap(difference_gy=difference, reference=dose_of(reference))


@pytest.mark.parametrize("scale", DifferenceScale)
def test_numbers_are_those_of_plain_numpy(scale: DifferenceScale) -> None:
    difference = _random_difference()
    mask = RNG.random(difference.difference_gy.shape) < 0.7
    mask[0, 0, 0] = mask[1, 1, 1] = True
    prescription = 50.0 if scale is DifferenceScale.PERCENT_OF_PRESCRIPTION else None

    found = difference_statistics(difference, mask, scale=scale, prescription_gy=prescription)

    local = difference.reference.dose_gy[mask]
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = {
            DifferenceScale.GY: 1.0,
            DifferenceScale.PERCENT_OF_REFERENCE_MAXIMUM: 100.0 / difference.reference.maximum_gy,
            DifferenceScale.PERCENT_OF_PRESCRIPTION: 2.0,
            DifferenceScale.PERCENT_OF_LOCAL: 100.0 / local,
        }[scale]
        values = difference.difference_gy[mask] * np.asarray(factor)
    values = values[np.isfinite(values)]
    undefined = (local == 0.0).sum() if scale is DifferenceScale.PERCENT_OF_LOCAL else 0
    assert (found.counted, found.outside) == (values.size, 1)
    assert (found.undefined, found.masked) == (undefined, (~mask).sum())
    assert found.values is not None
    expected = {
        "mean": np.mean(values),
        "sd": np.std(values),
        "rms": np.sqrt(np.mean(values**2)),
        "minimum": np.min(values),
        "maximum": np.max(values),
        "percentile_2": np.percentile(values, 2),
        "percentile_98": np.percentile(values, 98),
    }
    for name, number in expected.items():
        assert getattr(found.values, name) == pytest.approx(number, rel=1e-12), name
    assert found.values.rms**2 == pytest.approx(found.values.mean**2 + found.values.sd**2)
    assert sum(found.values.histogram.counts) == values.size


def test_the_middle_bin_of_a_histogram_is_around_zero() -> None:
    reference = dose_of(np.full((1, 1, 3), 5.0))
    difference = DifferenceMap(difference_gy=np.array([[[-2.0, 0.0, 1.0]]]), reference=reference)

    values = difference_statistics(difference).values

    assert values is not None
    assert values.histogram.half_range == 2.0
    assert len(values.histogram.counts) == HISTOGRAM_BINS
    assert values.histogram.counts[HISTOGRAM_BINS // 2] == 1
    assert values.histogram.counts[0] == 1
    assert values.histogram.counts[75] == 1  # 1.0 is three quarters of the way from -2 to 2


def test_an_empty_set_has_no_numbers() -> None:
    difference = _random_difference()

    statistics = difference_statistics(difference, np.zeros((4, 5, 6), np.bool_))

    assert statistics.counted == 0
    assert statistics.values is None


def test_a_percentage_needs_its_norm() -> None:
    difference = _random_difference()
    nothing = DifferenceMap(
        difference_gy=np.zeros((1, 1, 1)), reference=dose_of(np.zeros((1, 1, 1)))
    )

    with pytest.raises(InvalidInput):
        difference.scaled(DifferenceScale.PERCENT_OF_PRESCRIPTION)
    with pytest.raises(InvalidInput):
        difference.scaled(DifferenceScale.GY, prescription_gy=60.0)
    with pytest.raises(InvalidInput):
        difference.scaled(DifferenceScale.PERCENT_OF_PRESCRIPTION, prescription_gy=0.0)
    with pytest.raises(InvalidInput):
        nothing.scaled(DifferenceScale.PERCENT_OF_REFERENCE_MAXIMUM)


@pytest.mark.parametrize("hardly_gy", [5e-324, 1e-310, 1e-13, 1e-7])
def test_a_percentage_of_hardly_any_dose_is_none_and_never_infinite(hardly_gy: float) -> None:
    local = dose_of(np.array([[[50.0, hardly_gy, 0.0]]]))
    alone = dose_of(np.full((1, 1, 3), hardly_gy / 1e6))
    scale = DifferenceScale.PERCENT_OF_LOCAL

    found = difference_statistics(dose_difference(local, dose_of(np.ones((1, 1, 3)))), scale=scale)
    nothing = dose_difference(alone, local)

    assert (found.counted, found.undefined) == (1, 2)
    assert found.values is not None
    assert found.values.minimum == -98.0
    assert difference_statistics(nothing, scale=scale).counted == 0
    with pytest.raises(InvalidInput, match="norm"):
        nothing.scaled(DifferenceScale.PERCENT_OF_REFERENCE_MAXIMUM)


def test_masks_and_maps_of_another_form_are_refused() -> None:
    difference = _random_difference()

    with pytest.raises(InvalidInput):
        difference_statistics(difference, np.ones((4, 5, 5), np.bool_))
    with pytest.raises(InvalidInput):
        difference_statistics(difference, np.ones((4, 5, 6), np.uint8))
    with pytest.raises(InvalidInput):
        DifferenceMap(difference_gy=np.zeros((2, 2, 2)), reference=difference.reference)
