"""Histograms of bodies with closed forms in a linear dose.

What is asked of an exact structure is asked of the integration. From contours a stack of planes can
be known only as well as its planes tell: half a slice at both ends, straight lines between planes.
"""

import numpy as np
import pytest
from dvh_bodies import contoured, exact, of_rings, tilt, worst_points
from effort import FULL

from encryptsecurert_rt.dvh import compute_dvh
from encryptsecurert_rt.phantoms.bodies import Sphere
from encryptsecurert_rt.phantoms.contour_stacks import StackOptions, contour_stack
from encryptsecurert_rt.phantoms.nelms import (
    LinearDose,
    LinearDvh,
    grid_around,
    nelms_bodies,
    nelms_doses,
)

BODIES, DOSES = nelms_bodies(), nelms_doses()
UPRIGHT = ("sphere", "cylinder", "cone")
GRIDS_MM = (0.4, 1.0, 2.0, 3.0) if FULL else (2.0,)
OFFSET = (0.13, 0.31, 0.22)  # of a voxel: no plane of voxel centres through the middle of a body


def _off_centre(step_mm: float) -> tuple[float, float, float]:
    i, j, k = (part * step_mm for part in OFFSET)
    return i, j, k


@pytest.mark.parametrize("step_mm", GRIDS_MM)
@pytest.mark.parametrize("dose_name", list(DOSES))
@pytest.mark.parametrize("name", list(BODIES))
def test_an_exact_structure_has_its_closed_form_to_a_tenth_of_a_point(
    name: str, dose_name: str, step_mm: float
) -> None:
    body, dose = BODIES[name], DOSES[dose_name]
    truth = LinearDvh(body=body, dose=dose)
    grid = grid_around(body, (step_mm, step_mm, step_mm), offset_mm=_off_centre(step_mm))

    dvh = compute_dvh(exact(body), dose.on(grid))

    assert worst_points(dvh, truth) <= 0.1
    assert dvh.volume_cc == pytest.approx(truth.volume_cc, rel=1e-3)
    assert dvh.mean_gy == pytest.approx(truth.mean_gy, abs=0.005)
    assert dvh.dose_at_percent(95.0) == pytest.approx(truth.dose_at_fraction(0.95), abs=0.01)
    assert dvh.warnings == ()


@pytest.mark.parametrize("step_mm", GRIDS_MM if FULL else (2.0,))
@pytest.mark.parametrize("dose_name", list(DOSES))
@pytest.mark.parametrize("name", list(BODIES))
def test_fine_slices_are_as_good_as_the_body(name: str, dose_name: str, step_mm: float) -> None:
    body, dose = BODIES[name], DOSES[dose_name]
    truth = LinearDvh(body=body, dose=dose)
    grid = grid_around(body, (step_mm, step_mm, step_mm), offset_mm=_off_centre(step_mm))
    structure = contoured(body, StackOptions(slice_spacing_mm=0.2 if FULL else 0.4, points=128))

    dvh = compute_dvh(structure, dose.on(grid))

    assert worst_points(dvh, truth) <= 0.1
    assert dvh.volume_cc == pytest.approx(truth.volume_cc, rel=5e-3)
    assert dvh.dose_at_percent(95.0) == pytest.approx(truth.dose_at_fraction(0.95), abs=0.03)


@pytest.mark.parametrize("step_mm", GRIDS_MM)
@pytest.mark.parametrize(("slice_mm", "points", "volume"), [(1.0, 0.15, 0.005), (3.0, 1.2, 0.015)])
@pytest.mark.parametrize("dose_name", list(DOSES))
@pytest.mark.parametrize("name", UPRIGHT)
def test_clinical_slices_lose_what_the_stack_loses(
    name: str, dose_name: str, slice_mm: float, points: float, volume: float, step_mm: float
) -> None:
    body, dose = BODIES[name], DOSES[dose_name]
    truth = LinearDvh(body=body, dose=dose)
    grid = grid_around(body, (step_mm, step_mm, step_mm), offset_mm=_off_centre(step_mm))

    dvh = compute_dvh(contoured(body, StackOptions(slice_spacing_mm=slice_mm)), dose.on(grid))

    assert worst_points(dvh, truth) <= points
    assert dvh.volume_cc == pytest.approx(truth.volume_cc, rel=volume)


@pytest.mark.parametrize("slice_mm", [1.0, 3.0])
@pytest.mark.parametrize("name", ["sphere", "cone"])
def test_a_stack_is_integrated_as_it_is_defined(name: str, slice_mm: float) -> None:
    """Against an integral over heights of the stack itself, not of the body.

    Circles blend to circles with the radius linear between planes; half a slice goes on at both
    ends.
    """
    body = BODIES[name]
    planes = np.arange(-12.0 + slice_mm / 2, 12.0, slice_mm)
    heights = (np.arange(240000) + 0.5) / 10000.0 - 12.0  # np.interp holds the ends
    radii = np.sqrt(144.0 - planes**2) if name == "sphere" else 6.0 - planes / 2
    areas = np.pi * np.interp(heights, planes, radii) ** 2
    dose = DOSES["superior"]
    structure = contoured(body, StackOptions(slice_spacing_mm=slice_mm, points=512))

    dvh = compute_dvh(structure, dose.on(grid_around(body, (2.5, 2.5, 2.5))))

    above = np.cumsum(areas[::-1])[::-1] / areas.sum()
    found = np.array([dvh.volume_percent_at(16.0 + float(h)) for h in heights[::400]])
    # 512 points lose 25 parts of a million of a circle, and cells some more of its edge
    assert np.abs(found - 100.0 * above[::400]).max() < 0.03
    assert dvh.volume_cc == pytest.approx(areas.sum() / 10000.0 / 1000.0, rel=1e-3)


@pytest.mark.parametrize("gradient", [(0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (0.6, 0.0, 0.8)])
def test_a_sphere_of_three_mm_keeps_its_volume(gradient: tuple[float, float, float]) -> None:
    body, dose = Sphere(radius_mm=3.0), LinearDose(gradient_gy_per_mm=gradient)

    dvh = compute_dvh(exact(body), dose.on(grid_around(body, (2.5, 2.5, 2.5))))

    assert dvh.volume_cc == pytest.approx(body.volume_cc, rel=0.01)
    assert worst_points(dvh, LinearDvh(body=body, dose=dose)) <= 0.1


@pytest.mark.parametrize("name", list(BODIES) if FULL else ["sphere", "cone, lying"])
def test_a_dose_along_other_axes_gives_the_same_histogram(name: str) -> None:
    body = BODIES[name]
    dose = LinearDose(gradient_gy_per_mm=(0.0, 0.0, 1.0), centre_gy=60.0)
    structure = contoured(body, StackOptions(slice_spacing_mm=1.0))
    direction = tuple(float(value) for value in tilt().ravel())

    straight = compute_dvh(structure, dose.on(grid_around(body, (2.0, 2.0, 2.0))))
    tilted = compute_dvh(
        structure, dose.on(grid_around(body, (2.0, 2.0, 2.0), direction=direction))
    )

    # a linear dose is the same on any grid; cells lie otherwise, and lose other bits of edges
    for percent in (2.0, 50.0, 98.0):
        assert tilted.dose_at_percent(percent) == pytest.approx(
            straight.dose_at_percent(percent), abs=0.01
        )
    assert tilted.volume_cc == pytest.approx(straight.volume_cc, rel=1e-3)
    assert tilted.mean_gy == pytest.approx(straight.mean_gy, abs=0.003)
    assert tilted.minimum_gy == pytest.approx(straight.minimum_gy, abs=1e-6)
    assert tilted.maximum_gy == pytest.approx(straight.maximum_gy, abs=1e-6)


def test_everything_turned_together_gives_the_same_histogram() -> None:
    body, turn = BODIES["cone"], tilt()
    rings = contour_stack(body, StackOptions(slice_spacing_mm=2.0))
    gradient = turn @ np.array([0.0, 0.3, 1.0])
    still = LinearDose(gradient_gy_per_mm=(0.0, 0.3, 1.0), centre_gy=30.0)
    turned = LinearDose(
        gradient_gy_per_mm=(float(gradient[0]), float(gradient[1]), float(gradient[2])),
        centre_gy=30.0,
    )
    grid = grid_around(body, (2.5, 2.0, 2.0), offset_mm=(0.3, 0.4, 0.5))
    origin = turn @ np.asarray(grid.origin_lps_mm)
    turned_grid = type(grid)(
        shape=grid.shape,
        spacing_mm=grid.spacing_mm,
        origin_lps_mm=(float(origin[0]), float(origin[1]), float(origin[2])),
        direction=tuple(float(value) for value in turn.ravel()),
    )

    first = compute_dvh(of_rings(rings), still.on(grid))
    second = compute_dvh(of_rings(tuple(ring @ turn.T for ring in rings)), turned.on(turned_grid))

    # the same cells up to the sign of an axis; the rest is rounding
    assert second.volume_cc == pytest.approx(first.volume_cc, rel=1e-9)
    assert second.mean_gy == pytest.approx(first.mean_gy, abs=1e-8)
    for dose_gy in (20.0, 30.0, 35.0):
        assert second.volume_percent_at(dose_gy) == pytest.approx(
            first.volume_percent_at(dose_gy), abs=1e-4
        )
