"""The chi index, where it is known in closed form, and that it is not gamma."""

import numpy as np
import pytest
from dose_fields import dose_of, field_of, grid_of, ramp

from encryptsecurert_rt.dose.chi import chi_index, dose_gradient
from encryptsecurert_rt.dose.difference import dose_difference
from encryptsecurert_rt.errors import InvalidInput


def test_chi_of_two_parallel_ramps_is_gamma_with_a_sign() -> None:
    gradient = (0.3, 0.0, -0.4)  # 0.5 Gy/mm
    grid = grid_of((5, 6, 7), (3.0, 2.0, 1.0), (0.0, 0.0, 20.0))
    reference = field_of(ramp(gradient, 40.0), grid)
    evaluated = field_of(ramp(gradient, 39.2), grid)

    chi = chi_index(dose_difference(reference, evaluated), dose_gy=0.6, distance_mm=1.6)

    # 0.6 and 0.5 x 1.6 = 0.8 make 1
    assert np.abs(chi + 0.8).max() < 1e-12


def test_a_flat_dose_has_the_dose_difference_alone() -> None:
    reference, evaluated = dose_of(np.full((1, 3, 3), 2.0)), dose_of(np.full((1, 3, 2), 2.3))

    chi = chi_index(dose_difference(reference, evaluated), dose_gy=0.3, distance_mm=2.0)

    assert chi[:, :, :2] == pytest.approx(1.0)
    assert np.isnan(chi[:, :, 2]).all()
    assert (dose_gradient(reference) == 0.0).all()


@pytest.mark.parametrize("criteria", [(0.0, 2.0), (1.0, 0.0), (np.nan, 2.0), (1.0, np.inf)])
def test_criteria_that_are_no_lengths_and_doses_are_refused(criteria: tuple[float, float]) -> None:
    dose = dose_of(np.ones((2, 2, 2)))

    with pytest.raises(InvalidInput):
        chi_index(dose_difference(dose, dose), dose_gy=criteria[0], distance_mm=criteria[1])
