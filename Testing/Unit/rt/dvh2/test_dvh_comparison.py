"""DVH comparison: units that mean what they say, continuous curves, both directions."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from encryptsecurert_rt.dvh import comparison
from encryptsecurert_rt.dvh.comparison import DvhCriteria, VolumeUnit, compare_dvh
from encryptsecurert_rt.dvh.histogram import PointHistogram
from encryptsecurert_rt.errors import InvalidInput

CRITERIA = DvhCriteria(volume_percent=3.0, dose_percent=3.0, unit=VolumeUnit.CC)


def _plateaus(volume_cc: float, *, shift_cc: float = 0.0) -> PointHistogram:
    """All of a structure has 20 Gy, half of it 60 Gy; or a curve that much higher."""
    whole = volume_cc + shift_cc
    return PointHistogram(
        dose_gy=np.array([20.0, 20.0, 60.0]),
        volume_fraction=np.array(
            [1.0, (volume_cc / 2 + shift_cc) / whole, (volume_cc / 2 + shift_cc) / whole]
        ),
        volume_cc=whole,
    )


def _fall(low_gy: float, high_gy: float, volume_cc: float = 100.0) -> PointHistogram:
    return PointHistogram(
        dose_gy=np.linspace(low_gy, high_gy, 11),
        volume_fraction=np.linspace(1.0, 0.0, 11),
        volume_cc=volume_cc,
    )


@pytest.mark.parametrize("unit", list(VolumeUnit))
def test_identical_curves_agree_everywhere(unit: VolumeUnit) -> None:
    found = compare_dvh(_fall(10.0, 60.0), _fall(10.0, 60.0), replace(CRITERIA, unit=unit))

    for direction in (found.reference_to_evaluated, found.evaluated_to_reference):
        assert direction.agreement_percent == 100.0
        assert direction.maximum == pytest.approx(0.0, abs=1e-9)
        assert direction.points >= 600


@pytest.mark.parametrize("volume_cc", [2.0, 4000.0])
def test_volume_shift_of_the_criterion_has_a_distance_of_one_whatever_the_volume(
    volume_cc: float,
) -> None:
    """Percent divided by cm3 is 50 times too strict for the one and 40 too lax for the other."""
    exact = _plateaus(volume_cc, shift_cc=0.03 * volume_cc)
    beyond = _plateaus(volume_cc, shift_cc=0.0301 * volume_cc)

    at = compare_dvh(_plateaus(volume_cc), exact, CRITERIA)
    over = compare_dvh(_plateaus(volume_cc), beyond, CRITERIA)

    assert at.whole_volume == pytest.approx(volume_cc)
    assert at.reference_to_evaluated.maximum == pytest.approx(1.0, abs=1e-9)
    assert at.reference_to_evaluated.agreement_percent == 100.0
    assert over.reference_to_evaluated.maximum == pytest.approx(1.0 + 1 / 300, abs=1e-6)
    assert over.reference_to_evaluated.agreement_percent is not None
    assert over.reference_to_evaluated.agreement_percent < 20.0


def test_percent_does_not_see_the_volume_and_cm3_does() -> None:
    small, large = _fall(10.0, 60.0, 100.0), _fall(10.0, 60.0, 150.0)

    in_percent = compare_dvh(small, large, replace(CRITERIA, unit=VolumeUnit.PERCENT))
    in_cc = compare_dvh(small, large, CRITERIA)

    assert in_percent.reference_to_evaluated.agreement_percent == 100.0
    assert in_cc.reference_to_evaluated.agreement_percent is not None
    assert in_cc.reference_to_evaluated.agreement_percent < 90.0


def test_cm3_are_those_inside_the_dose() -> None:
    half = replace(_fall(10.0, 60.0, 100.0), covered_fraction=0.5)

    found = compare_dvh(half, _fall(10.0, 60.0, 50.0), CRITERIA)

    assert found.whole_volume == pytest.approx(50.0)
    assert found.reference_to_evaluated.maximum == pytest.approx(0.0, abs=1e-9)


def test_dose_shift_of_the_criterion_has_a_distance_of_at_most_one() -> None:
    reference = _fall(50.0, 60.0)
    shifted = _fall(51.8, 61.8)  # 3 % of 60 Gy

    found = compare_dvh(reference, shifted, CRITERIA)

    assert found.maximum_gy == 60.0
    # along a slope a shorter way leads across: of two parallel lines in criteria units
    slope = (100.0 / 3.0) / (10.0 / 1.8)
    assert found.reference_to_evaluated.agreement_percent == 100.0
    assert found.reference_to_evaluated.mean is not None
    middle = slope / np.hypot(1.0, slope)
    only_slope = compare_dvh(reference, shifted, replace(CRITERIA, from_gy=53.0, step_gy=0.5))
    assert only_slope.evaluated_to_reference.maximum == pytest.approx(1.0, abs=1e-9)
    assert only_slope.reference_to_evaluated.mean == pytest.approx(middle, rel=0.02)


def test_distance_is_to_the_lines_and_not_to_their_corners() -> None:
    """The same line with two corners and with a thousand: searching corners only would fail."""
    few = _fall(0.0, 60.0)
    two = PointHistogram(
        dose_gy=np.array([0.0, 60.0]), volume_fraction=np.array([1.0, 0.0]), volume_cc=100.0
    )

    found = compare_dvh(few, two, CRITERIA)

    assert found.reference_to_evaluated.maximum == pytest.approx(0.0, abs=1e-9)


def test_distances_are_those_of_a_dense_search() -> None:
    generator = np.random.default_rng(4)
    curves = []
    for _ in range(2):
        volume = np.sort(generator.random(12))[::-1]
        volume[0], volume[-1] = 1.0, 0.0
        curves.append(
            PointHistogram(
                dose_gy=np.sort(generator.uniform(5.0, 60.0, 12)),
                volume_fraction=np.ascontiguousarray(volume),
                volume_cc=30.0,
            )
        )
    criteria = replace(CRITERIA, step_gy=2.0)

    found = compare_dvh(curves[0], curves[1], criteria)

    dose, volume = curves[1].curve_points()
    part = np.linspace(0.0, 1.0, 2001)
    corners = np.column_stack((np.append(0.0, dose), np.append(1.0, volume)))
    dense = np.concatenate([a + part[:, None] * (b - a) for a, b in pairwise(corners)])
    scale = np.array((0.03 * curves[0].maximum_gy, 0.03))
    ends = [curves[0].minimum_gy, curves[0].maximum_gy]
    at_gy = np.unique(np.append(np.arange(0.0, ends[1], 2.0), ends))
    points = np.array([(d, curves[0].volume_percent_at(d) / 100.0) for d in at_gy])
    expected = [np.linalg.norm((dense - p) / scale, axis=1).min() for p in points]
    assert found.reference_to_evaluated.points == len(expected)
    assert found.reference_to_evaluated.mean == pytest.approx(np.mean(expected), abs=2e-3)
    assert found.reference_to_evaluated.maximum == pytest.approx(np.max(expected), abs=2e-3)


def test_swapping_the_curves_swaps_the_directions() -> None:
    one, other = _fall(10.0, 60.0), _fall(25.0, 48.0)
    criteria = replace(CRITERIA, maximum_gy=60.0, unit=VolumeUnit.PERCENT)

    there, back = compare_dvh(one, other, criteria), compare_dvh(other, one, criteria)

    assert there.reference_to_evaluated == back.evaluated_to_reference
    assert there.evaluated_to_reference == back.reference_to_evaluated
    assert there.reference_to_evaluated != there.evaluated_to_reference


def test_hot_spot_of_the_evaluated_dose_is_seen() -> None:
    cool = _fall(50.0, 60.0)
    hot = PointHistogram(
        dose_gy=np.array([50.0, 60.0, 75.0]),
        volume_fraction=np.array([1.0, 0.001, 0.0]),
        volume_cc=100.0,
    )

    found = compare_dvh(cool, hot, CRITERIA)

    assert found.evaluated_to_reference.maximum == pytest.approx(15.0 / 1.8, rel=1e-6)


def test_points_below_the_first_dose_are_not_counted() -> None:
    all_points = compare_dvh(_fall(50.0, 60.0), _fall(53.0, 63.0), CRITERIA)
    fallen = compare_dvh(_fall(50.0, 60.0), _fall(53.0, 63.0), replace(CRITERIA, from_gy=50.0))

    assert fallen.reference_to_evaluated.points == 101
    assert fallen.reference_to_evaluated.agreement_percent is not None
    assert all_points.reference_to_evaluated.agreement_percent is not None
    assert (
        fallen.reference_to_evaluated.agreement_percent
        < all_points.reference_to_evaluated.agreement_percent - 50.0
    )


@pytest.mark.parametrize("tenths", range(21, 41))
def test_a_curve_that_goes_on_to_more_than_twice_the_dose_has_a_distance(tenths: int) -> None:
    found = compare_dvh(_fall(0.0, 0.7), _fall(0.0, 0.07 * tenths), CRITERIA)

    # The last point is beyond the other curve, at the same volume.
    beyond = (0.07 * tenths - 0.7) / (0.03 * 0.7)
    assert found.evaluated_to_reference.maximum == pytest.approx(beyond)


def test_a_dose_beyond_any_plan_has_no_more_points_than_a_plan(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(comparison, "_MOST_STEPS", 500)

    found = compare_dvh(_fall(1e6, 9e8), _fall(1e6, 8e8), CRITERIA)

    ends = 3  # where the curve leaves its full volume, where it ends, and 0 Gy
    assert found.reference_to_evaluated.points <= 500 + ends
    assert found.evaluated_to_reference.points <= 500 + ends


def test_nothing_counted_is_none_and_not_a_percentage() -> None:
    found = compare_dvh(_fall(1.0, 6.0), _fall(1.0, 6.0), replace(CRITERIA, from_gy=50.0))

    assert found.reference_to_evaluated.points == 0
    assert found.reference_to_evaluated.agreement_percent is None


def test_refuses_criteria_without_meaning() -> None:
    with pytest.raises(InvalidInput):
        replace(CRITERIA, volume_percent=0.0)
    with pytest.raises(InvalidInput):
        replace(CRITERIA, maximum_gy=0.0)
    with pytest.raises(InvalidInput):
        replace(CRITERIA, step_gy=0.0)
    nothing = PointHistogram(
        dose_gy=np.array([0.0]), volume_fraction=np.array([1.0]), volume_cc=1.0
    )
    with pytest.raises(InvalidInput):
        compare_dvh(nothing, _fall(1.0, 2.0), CRITERIA)
    with pytest.raises(InvalidInput):
        compare_dvh(_fall(1.0, 2.0), replace(_fall(1.0, 2.0), covered_fraction=0.0), CRITERIA)
