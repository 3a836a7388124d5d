"""The best shift is found, is the same each time, and is never applied."""

import dataclasses

import numpy as np
import pytest
from dose_fields import TURNED, FloatArray, dose_of, field_of, grid_of, ramp

from encryptsecurert_rt.dose.difference import dose_difference
from encryptsecurert_rt.dose.gamma import GammaCriteria, Normalisation
from encryptsecurert_rt.dose.grid import DoseGrid, RigidTransform
from encryptsecurert_rt.dose.shift import (
    ProposedShift,
    ShiftObjective,
    ShiftSearch,
    best_shift,
)
from encryptsecurert_rt.errors import Cancelled, InvalidInput

CRITERIA = GammaCriteria(
    dose_percent=2.0, distance_mm=1.0, cutoff_percent=10.0, normalisation=Normalisation.GLOBAL
)
SHIFT = np.array([1.4, 0.0, -0.8])


def _field(points: FloatArray) -> FloatArray:
    """Return a smooth field of some 40 x 30 mm, at any depth the same but for a slope."""
    x, y, z = points[..., 0], points[..., 1], points[..., 2]
    edges = 1.0 / (1.0 + np.exp((np.abs(x) - 20.0) / 3.0))
    return np.asarray(
        2.0 * edges / (1.0 + np.exp((np.abs(z) - 15.0) / 3.0)) * (1.0 + 0.004 * (x + y))
    )


CALCULATED = field_of(_field, grid_of((41, 11, 51), (2.0, 2.0, 2.0), (-50.0, -10.0, -40.0)))


def _measured(shift: FloatArray = SHIFT) -> DoseGrid:
    """Return a coronal plane that reads the dose at a place that is off by the shift."""
    coronal = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 1.0, 0.0)  # rows along z
    grid = grid_of((1, 13, 17), (4.0, 4.0, 4.0), (-32.0, 0.0, -24.0), coronal)
    return field_of(lambda points: _field(points + shift), grid)


def test_a_plane_that_is_off_is_found_and_not_moved() -> None:
    measured = _measured()
    before = measured.dose_gy.copy()

    found = best_shift(measured, CALCULATED, criteria=CRITERIA)

    # Trilinear interpolation of 2 mm voxels is not the field itself: a tenth of a millimetre.
    assert found.shift_lps_mm == pytest.approx(tuple(SHIFT), abs=0.1)
    assert found.shift_lps_mm[1] == 0.0  # not along the normal
    assert not found.at_limit
    assert found.after.rms_gy < 0.2 * found.before.rms_gy
    assert found.before.pass_percent_certain is not None
    assert found.after.pass_percent_certain is not None
    assert found.before.pass_percent_certain < 90.0
    assert found.after.pass_percent_certain > 99.0
    assert np.array_equal(measured.dose_gy, before)


def test_the_type_says_that_nothing_was_applied() -> None:
    found = best_shift(_measured(), CALCULATED)

    assert found.applied is ProposedShift.applied is False
    with pytest.raises(TypeError):
        dataclasses.replace(found, applied=True)  # type: ignore[call-arg]  # that is the test
    with pytest.raises((AttributeError, TypeError)):
        found.applied = True  # type: ignore[assignment, misc]  # that is the test


def test_a_caller_who_applies_it_gets_the_better_figures() -> None:
    measured = _measured()
    found = best_shift(measured, CALCULATED)

    moved = dose_difference(measured, CALCULATED, reference_to_evaluated=found.transform())

    above = measured.dose_gy >= 0.1 * measured.maximum_gy
    rms = np.sqrt(np.mean(moved.difference_gy[above] ** 2))
    assert rms == pytest.approx(found.after.rms_gy, rel=1e-9)
    assert found.points == above.sum()


def test_the_largest_pass_rate_is_another_objective() -> None:
    search = ShiftSearch(within_mm=2.0, resolution_mm=0.25)

    found = best_shift(
        _measured(), CALCULATED, objective=ShiftObjective.GAMMA, search=search, criteria=CRITERIA
    )

    assert found.objective is ShiftObjective.GAMMA
    assert found.after.pass_percent_certain == 100.0
    assert found.shift_lps_mm == pytest.approx(tuple(SHIFT), abs=0.3)


def test_a_shift_beyond_the_box_is_told() -> None:
    found = best_shift(_measured(np.array([4.0, 0.0, 0.0])), CALCULATED)

    assert found.at_limit
    assert found.shift_lps_mm[0] == pytest.approx(3.0, abs=0.05)


def test_the_same_dose_has_no_shift_and_equal_ones_are_decided_for_the_shorter() -> None:
    flat = dose_of(np.full((5, 9, 9), 2.0))
    inner = dose_of(np.full((1, 3, 3), 2.0), grid_of((1, 3, 3), origin_lps_mm=(6.0, 6.0, 4.0)))

    assert best_shift(_measured(np.zeros(3)), CALCULATED).shift_lps_mm == pytest.approx(
        (0.0, 0.0, 0.0), abs=0.06
    )
    assert best_shift(inner, flat).shift_lps_mm == (0.0, 0.0, 0.0)


def test_a_volume_on_turned_axes_is_shifted_in_three_dimensions() -> None:
    shift = np.array([0.6, -0.9, 0.4])

    def bump(points: FloatArray) -> FloatArray:
        return np.asarray(2.0 * np.exp(-((points / (9.0, 7.0, 8.0)) ** 2).sum(axis=-1)))

    calculated = field_of(bump, grid_of((31, 31, 31), (1.0, 1.0, 1.0), (-15.0, -15.0, -15.0)))
    measured = field_of(
        lambda points: bump(points + shift),
        grid_of((5, 5, 5), (3.0, 3.0, 3.0), (-5.0, -7.0, -6.0), TURNED),
    )

    found = best_shift(measured, calculated, search=ShiftSearch(within_mm=2.0))

    assert found.shift_lps_mm == pytest.approx(tuple(shift), abs=0.06)


def test_a_known_registration_is_composed_with_the_shift() -> None:
    matrix = np.eye(4)
    matrix[:3, 3] = 100.0, 20.0, -30.0
    there = DoseGrid(
        dose_gy=CALCULATED.dose_gy,
        grid=grid_of(CALCULATED.grid.shape, origin_lps_mm=(50.0, 10.0, -70.0)),
    )
    transform = RigidTransform(matrix=matrix)

    plain = best_shift(_measured(), CALCULATED)
    found = best_shift(_measured(), there, measured_to_calculated=transform)

    assert found.shift_lps_mm == pytest.approx(plain.shift_lps_mm, abs=1e-6)
    assert found.transform(transform).matrix[:3, 3] == pytest.approx(
        np.array([100.0, 20.0, -30.0]) + found.shift_lps_mm
    )


def test_what_cannot_be_searched_is_refused() -> None:
    point = dose_of(np.ones((1, 1, 1)), grid_of((1, 1, 1), origin_lps_mm=(4.0, 4.0, 4.0)))
    dose = field_of(ramp((0.1, 0.0, 0.0), 1.0), grid_of((5, 5, 5)))

    with pytest.raises(InvalidInput):
        best_shift(_measured(), CALCULATED, objective=ShiftObjective.GAMMA)
    with pytest.raises(InvalidInput):
        best_shift(point, dose)
    with pytest.raises(InvalidInput):
        best_shift(dose, dose, search=ShiftSearch(within_mm=9.0))  # nothing stays inside
    with pytest.raises(InvalidInput):
        best_shift(dose, dose, search=ShiftSearch(within_mm=4.0, step_mm=0.1))
    for within, step, resolution in ((30.0, 1.0, 0.1), (3.0, 4.0, 0.1), (3.0, 1.0, 0.0)):
        with pytest.raises(InvalidInput):
            ShiftSearch(within_mm=within, step_mm=step, resolution_mm=resolution)


def test_a_search_can_be_cancelled() -> None:
    def stop(stage: str, fraction: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        best_shift(_measured(), CALCULATED, progress=stop)
