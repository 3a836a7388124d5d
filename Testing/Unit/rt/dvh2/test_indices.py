"""Conformity, gradient and homogeneity on concentric spheres, and when they are None."""

from dataclasses import replace

import numpy as np
import pytest

from encryptsecurert_rt.dvh.histogram import PointHistogram
from encryptsecurert_rt.dvh.indices import conformity, homogeneity
from encryptsecurert_rt.errors import InvalidInput

PRESCRIPTION_GY = 50.0
CENTRE_GY, FALL_GY_PER_MM = 60.0, 1.0  # a dose that falls from a point: isodoses are spheres


def _ball(radius_mm: float) -> PointHistogram:
    """Give the DVH of a ball around the point: V(d) = (r(d) / R)^3."""
    least_gy = CENTRE_GY - FALL_GY_PER_MM * radius_mm
    dose_gy = np.linspace(least_gy, CENTRE_GY, 20_001)
    return PointHistogram(
        dose_gy=dose_gy,
        volume_fraction=np.asarray(((CENTRE_GY - dose_gy) / (FALL_GY_PER_MM * radius_mm)) ** 3),
        volume_cc=float(4.0 / 3.0 * np.pi * radius_mm**3 / 1000.0),
    )


EVERYTHING = _ball(55.0)


def test_isodose_larger_than_the_target() -> None:
    found = conformity(_ball(8.0), EVERYTHING, PRESCRIPTION_GY)

    assert found is not None
    assert found.isodose_cc == pytest.approx(4.18879, rel=1e-5)  # a sphere of 10 mm
    assert found.rtog == pytest.approx((10 / 8) ** 3, rel=1e-6)
    assert found.paddick == pytest.approx((8 / 10) ** 3, rel=1e-6)
    assert found.coverage_percent == pytest.approx(100.0)
    assert found.gradient_index == pytest.approx((35 / 10) ** 3, rel=1e-6)  # 25 Gy: 35 mm


def test_isodose_smaller_than_the_target() -> None:
    found = conformity(_ball(20.0), EVERYTHING, PRESCRIPTION_GY)

    assert found is not None
    assert found.rtog == pytest.approx(1 / 8, rel=1e-6)
    assert found.paddick == pytest.approx(1 / 8, rel=1e-6)
    assert found.coverage_percent == pytest.approx(12.5, rel=1e-6)


def test_isodose_equal_to_the_target_is_one() -> None:
    found = conformity(_ball(10.0), EVERYTHING, PRESCRIPTION_GY)

    assert found is not None
    assert found.rtog == pytest.approx(1.0)
    assert found.paddick == pytest.approx(1.0)


def test_prescription_that_nothing_has_gives_no_quotient() -> None:
    found = conformity(_ball(10.0), EVERYTHING, 61.0)

    assert found is not None
    assert (found.rtog, found.paddick, found.gradient_index) == (0.0, None, None)


def test_target_that_the_grid_does_not_cover_has_no_index() -> None:
    cut = replace(_ball(10.0), covered_fraction=0.99)

    assert conformity(cut, EVERYTHING, PRESCRIPTION_GY) is None
    assert homogeneity(cut) is None


def test_homogeneity_of_a_ball() -> None:
    found = homogeneity(_ball(10.0))

    d2, d50, d98 = (60.0 - 10.0 * share ** (1 / 3) for share in (0.02, 0.5, 0.98))
    assert found == pytest.approx((d2 - d98) / d50, rel=1e-5)


def test_homogeneity_of_a_uniform_dose_is_0_and_of_no_dose_none() -> None:
    uniform = PointHistogram(
        dose_gy=np.array([60.0]), volume_fraction=np.array([1.0]), volume_cc=1.0
    )

    assert homogeneity(uniform) == 0.0
    assert homogeneity(replace(uniform, dose_gy=np.array([0.0]))) is None


def test_refuses_a_region_without_the_target_and_no_prescription() -> None:
    with pytest.raises(InvalidInput):
        conformity(EVERYTHING, _ball(10.0), PRESCRIPTION_GY)
    with pytest.raises(InvalidInput):
        conformity(_ball(10.0), EVERYTHING, 0.0)
