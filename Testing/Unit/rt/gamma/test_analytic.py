"""Gamma of doses for which it has a closed form: ramps, borders, offsets, shifts, a saddle."""

import numpy as np
import pytest
from dose_fields import ALONG_AXES, FloatArray, centres_of, dose_of, field_of, grid_of, ramp
from gamma_cases import criteria_of, grid_about, smooth_dose, turned

from encryptsecurert_rt.dose.gamma import (
    GammaMode,
    Normalisation,
    PointState,
    gamma_index,
)
from encryptsecurert_rt.dose.grid import DoseGrid, RigidTransform
from encryptsecurert_rt.geometry import ImageGrid

EPS = 0.001  # of the search; the values below are exact but for float32 and rounding
ROUNDING = 1e-6


def _grids(kind: str) -> tuple[ImageGrid, ImageGrid]:
    random = np.random.default_rng(7)
    centre = np.array([10.0, -20.0, 5.0])
    wide = grid_about((26, 30, 34), (2.0, 2.0, 2.0), centre, ALONG_AXES)
    if kind == "same":
        return wide, wide
    if kind == "anisotropic":
        return wide, grid_about((20, 40, 25), (3.0, 1.7, 2.9), centre, ALONG_AXES)
    if kind == "unaligned":
        shifted = centre + np.array([0.3, 0.9, 1.2])
        return wide, grid_about((26, 30, 34), (2.0, 2.0, 2.0), shifted, ALONG_AXES)
    axes = turned(random)
    return wide, grid_about((40, 40, 40), (2.0, 1.6, 1.9), centre, axes)


@pytest.mark.parametrize("kind", ["same", "anisotropic", "unaligned", "turned"])
@pytest.mark.parametrize("local", [False, True])
def test_a_ramp_gives_the_distance_of_a_point_from_a_plane(kind: str, local: bool) -> None:
    at, on = _grids(kind)
    gradient = (0.9, -0.5, 0.4)
    offset_gy = 1.3
    reference = field_of(ramp(gradient, 60.0), at)
    evaluated = field_of(ramp(gradient, 60.0 + offset_gy), on)
    criteria = criteria_of(
        3.0, 2.5, normalisation=Normalisation.LOCAL if local else Normalisation.GLOBAL
    )

    found = gamma_index(reference, evaluated, criteria)

    steep2 = sum(g * g for g in gradient)
    criterion = 0.03 * (reference.dose_gy if local else 100.0)
    truth = offset_gy / np.sqrt(criterion**2 + steep2 * 2.5**2)
    # The nearest point is this far down the ramp; the truth holds where that is in the support.
    away_mm = offset_gy * np.sqrt(steep2) * 2.5**2 / (criterion**2 + steep2 * 2.5**2)
    inside = _margin_mm(at, on) > np.broadcast_to(away_mm, at.shape)
    error = found.gamma[inside] - np.broadcast_to(truth, at.shape)[inside]
    assert inside.sum() > 3000
    assert error.min() > -ROUNDING
    assert error.max() < EPS


def _margin_mm(at: ImageGrid, on: ImageGrid) -> FloatArray:
    """Return how far inside the support of `on` the voxels of `at` are; negative outside."""
    points = centres_of(at)
    index = (
        np.linalg.inv(on.ijk_to_lps) @ np.append(points, np.ones((*at.shape, 1)), -1)[..., None]
    )[..., :3, 0]
    last = np.asarray(on.shape[::-1]) - 1.0
    spacing = np.asarray(on.spacing_mm[::-1])
    return np.asarray((np.minimum(index, last - index) * spacing).min(axis=-1))


@pytest.mark.parametrize("offset_gy", [-6.0, -2.0, 2.0, 6.0])
def test_at_a_border_the_nearest_point_stays_in_the_support(offset_gy: float) -> None:
    grid = grid_of((9, 5, 5))
    slope = 1.0  # Gy / mm along k
    reference = field_of(ramp((0.0, 0.0, slope), 40.0), grid)
    evaluated = field_of(ramp((0.0, 0.0, slope), 40.0 + offset_gy), grid)

    found = gamma_index(reference, evaluated, criteria_of(3.0, 3.0))

    for k in range(9):
        free = -offset_gy * slope * 3.0**2 / (3.0**2 + slope**2 * 3.0**2)
        d = np.clip(free, -2.0 * k, 2.0 * (8 - k))
        truth = np.hypot(d / 3.0, (offset_gy + slope * d) / 3.0)
        error = found.gamma[k] - truth
        assert error.min() > -ROUNDING
        assert error.max() < EPS


def test_a_uniform_offset_is_gamma_exactly() -> None:
    reference = dose_of(np.full((5, 6, 7), 50.0))

    for offset_gy in (0.0, 0.75, 3.0, 4.5):
        evaluated = dose_of(np.full((5, 6, 7), 50.0 + offset_gy))
        found = gamma_index(reference, evaluated, criteria_of(3.0, 3.0))

        assert np.all(found.gamma == np.float32(offset_gy / 3.0))
        assert np.all(found.state == (PointState.FAILED if offset_gy > 3.0 else PointState.PASSED))


@pytest.mark.parametrize("mode", [GammaMode.CERTIFIED, GammaMode.VOXEL_CENTRES])
def test_a_dose_against_itself_is_zero_exactly(mode: GammaMode) -> None:
    random = np.random.default_rng(1)
    axes = turned(random)
    dose = smooth_dose(random, grid_of((9, 8, 11), (1.1, 2.3, 3.7), (-311.7, 88.3, 4.1), axes))
    again = DoseGrid(dose_gy=dose.dose_gy.copy(), grid=dose.grid)

    found = gamma_index(dose, again, criteria_of(2.0, 2.0), mode=mode)

    assert np.all(found.gamma == 0.0)
    assert np.all(found.state == PointState.PASSED)


def test_a_shifted_dose_is_nowhere_further_than_the_shift() -> None:
    random = np.random.default_rng(2)
    shift = np.array([0.8, -1.1, 0.5])
    grid = grid_of((12, 12, 12))
    dose = smooth_dose(random, grid)
    moved = DoseGrid(
        dose_gy=dose.dose_gy,
        grid=grid_of((12, 12, 12), origin_lps_mm=tuple(float(x) for x in shift)),  # type: ignore[arg-type]  # three coordinates
    )

    found = gamma_index(dose, moved, criteria_of(0.5, 2.0))

    assert np.nanmax(found.gamma) <= np.linalg.norm(shift) / 2.0 + EPS
    assert np.nanmax(found.gamma) > 0.5  # the bound is not held by chance


def test_a_registration_is_followed_and_in_the_right_direction() -> None:
    random = np.random.default_rng(3)
    motion = np.eye(4)
    motion[:3, :3] = np.reshape(turned(random), (3, 3))
    motion[:3, 3] = (40.0, -7.0, 300.0)
    at = grid_of((8, 9, 10), (2.0, 2.0, 3.0))
    carried = motion @ at.ijk_to_lps
    direction = carried[:3, :3] / np.asarray(at.spacing_mm[::-1])
    there = grid_of(
        at.shape,
        at.spacing_mm,
        tuple(float(x) for x in carried[:3, 3]),  # type: ignore[arg-type]  # three coordinates
        tuple(float(x) for x in direction.ravel()),
    )
    dose = smooth_dose(random, at)

    found = gamma_index(
        dose,
        DoseGrid(dose_gy=dose.dose_gy, grid=there),
        criteria_of(1.0, 1.0),
        reference_to_evaluated=RigidTransform(matrix=motion),
    )

    assert np.nanmax(found.gamma) < 1e-5


def test_criteria_and_gamma_scale_together() -> None:
    random = np.random.default_rng(4)
    grid = grid_of((9, 9, 9))
    one, other = smooth_dose(random, grid), smooth_dose(random, grid)

    base = gamma_index(one, other, criteria_of(4.0, 3.0))
    for factor in (1.7, 3.0):
        scaled = gamma_index(one, other, criteria_of(4.0 * factor, 3.0 * factor))
        free = base.gamma < 9.9  # below the cap
        assert np.abs(scaled.gamma * factor - base.gamma)[free].max() < 2 * EPS * factor


def test_wider_criteria_never_raise_gamma() -> None:
    random = np.random.default_rng(5)
    grid = grid_of((8, 9, 10))
    one, other = smooth_dose(random, grid), smooth_dose(random, grid)
    base = gamma_index(one, other, criteria_of(2.0, 2.0)).gamma

    for dose_percent, distance_mm in ((3.0, 2.0), (2.0, 3.0), (5.0, 5.0)):
        wider = gamma_index(one, other, criteria_of(dose_percent, distance_mm)).gamma
        assert np.all(wider <= base + EPS)


def test_less_to_search_in_never_lowers_gamma() -> None:
    random = np.random.default_rng(6)
    grid = grid_of((8, 9, 10))
    one, other = smooth_dose(random, grid), smooth_dose(random, grid)
    part = DoseGrid(dose_gy=np.ascontiguousarray(other.dose_gy[:, :, :6]), grid=grid_of((8, 9, 6)))

    whole = gamma_index(one, other, criteria_of(2.0, 3.0)).gamma[:, :, :6]
    within = gamma_index(one, part, criteria_of(2.0, 3.0)).gamma[:, :, :6]

    assert np.all(within >= whole - EPS)
    assert np.any(within > whole + 0.1)


def test_a_saddle_is_searched_as_the_trilinear_that_it_is() -> None:
    """Straight lines between voxel centres would find c / 2 in the middle of D = c x y: gamma 0."""
    c = 40.0
    cell = np.zeros((2, 2, 2))
    cell[:, 1, 1] = c
    evaluated = dose_of(cell, grid_of((2, 2, 2), (20.0, 20.0, 20.0)))
    middle = grid_of((1, 1, 1), origin_lps_mm=(10.0, 10.0, 10.0))
    reference = dose_of([[[c / 2]]], middle)

    found = gamma_index(reference, evaluated, criteria_of(5.0, 3.0))

    # By symmetry the nearest point is on the diagonal x = y = s, where D = c s^2.
    s = np.linspace(0.4, 0.9, 200_001)
    truth = np.sqrt(2 * ((s - 0.5) * 20 / 3) ** 2 + ((c * s * s - c / 2) / 5) ** 2).min()
    assert truth > 0.5
    assert -ROUNDING < found.gamma[0, 0, 0] - truth < EPS


def test_planes_are_compared_in_the_plane() -> None:
    at = grid_of((1, 20, 20), (5.0, 2.0, 2.0))
    on = grid_of((1, 30, 30), (1.0, 1.5, 1.5), (-2.0, -3.0, 0.0))
    gradient = (0.8, -0.3, 5.0)  # its part across the plane must not count
    reference = field_of(ramp(gradient, 50.0), at)
    evaluated = field_of(ramp(gradient, 51.0), on)

    found = gamma_index(reference, evaluated, criteria_of(3.0, 3.0))

    truth = 1.0 / np.sqrt(9.0 + (0.8**2 + 0.3**2) * 9.0)
    error = found.gamma[0, 2:-2, 2:-2] - truth
    assert error.min() > -ROUNDING
    assert error.max() < EPS


def test_a_plane_in_a_volume_is_searched_in_the_volume() -> None:
    film = grid_of((1, 10, 10), origin_lps_mm=(10.0, 10.0, 21.0))
    volume = grid_of((20, 20, 20))
    reference = field_of(ramp((0.0, 0.0, 1.0), 20.0), film)
    evaluated = field_of(ramp((0.0, 0.0, 1.0), 22.0), volume)

    found = gamma_index(reference, evaluated, criteria_of(3.0, 3.0))

    assert np.abs(found.gamma - 2.0 / np.sqrt(18.0)).max() < EPS
