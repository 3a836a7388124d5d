"""The closed forms of the Nelms-type bodies: published figures, and clouds of random points."""

from dataclasses import replace

import numpy as np
import pytest

from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.phantoms.bodies import Cone, Cylinder, Sphere
from encryptsecurert_rt.phantoms.nelms import (
    LinearDose,
    LinearDvh,
    grid_around,
    nelms_bodies,
    nelms_doses,
    random_points,
)

UPWARD = LinearDose(gradient_gy_per_mm=(0.0, 0.0, 1.0))
BODIES = {
    **nelms_bodies(),
    "shell": Sphere(radius_mm=12.0, inner_radius_mm=7.0),
    "tube": Cylinder(radius_mm=12.0, height_mm=24.0, inner_radius_mm=7.0),
    "tube, lying": Cylinder(
        radius_mm=12.0, height_mm=24.0, inner_radius_mm=7.0, axis_lps=(0.0, 1.0, 0.0)
    ),
    "cone, tip down": Cone(radius_mm=12.0, height_mm=24.0, axis_lps=(0.0, 0.0, -1.0)),
}
# V12 in % and D95 in Gy, each worked out by hand from the formula of the body
FIGURES = {
    ("sphere", "superior"): (74.0741, 7.2484),
    ("cylinder", "superior"): (66.6667, 5.2),
    ("cylinder", "posterior"): (70.8209, 6.3354),
    ("cone", "superior"): (29.6296, 4.4069),
    ("cone", "posterior"): (78.7462, 8.2957),
}
LENGTH_MM = 12.0


@pytest.mark.parametrize(("body", "dose"), list(FIGURES))
def test_dvh_has_the_stated_figures(body: str, dose: str) -> None:
    v12_percent, d95_gy = FIGURES[body, dose]

    truth = LinearDvh(body=nelms_bodies()[body], dose=nelms_doses()[dose])

    assert 100 * truth.volume_fraction(np.asarray(12.0)) == pytest.approx(v12_percent, abs=6e-5)
    assert truth.dose_at_fraction(0.95) == pytest.approx(d95_gy, abs=6e-5)


@pytest.mark.parametrize("name", list(BODIES))
@pytest.mark.parametrize("dose", list(nelms_doses()))
def test_dvh_is_that_of_a_cloud_of_points(name: str, dose: str) -> None:
    truth = LinearDvh(body=BODIES[name], dose=nelms_doses()[dose])
    points = random_points(truth.body, 100_000, seed=7)

    doses_gy = np.sort(truth.dose.at(points))

    levels_gy = np.linspace(3.0, 29.0, 105)
    above = 1.0 - np.searchsorted(doses_gy, levels_gy) / doses_gy.size
    # Dvoretzky-Kiefer-Wolfowitz: a cloud of 100 000 is off by 0.0085 once in two million times
    assert np.abs(above - truth.volume_fraction(levels_gy)).max() < 0.0085
    assert truth.mean_gy == pytest.approx(float(doses_gy.mean()), abs=0.1)
    assert truth.minimum_gy <= doses_gy[0] < truth.minimum_gy + 1.5  # a tip holds few
    assert truth.maximum_gy - 1.5 < doses_gy[-1] <= truth.maximum_gy


@pytest.mark.parametrize("name", list(BODIES))
def test_volume_is_the_share_of_the_box_that_is_inside(name: str) -> None:
    body = BODIES[name]
    low, high = -LENGTH_MM, LENGTH_MM
    points = np.random.default_rng(11).uniform(low, high, (100_000, 3))

    inside = float((body.signed_distance_mm(points) <= 0.0).mean())

    # the standard deviation of the share is at most 0.0016
    assert body.volume_cc == pytest.approx(inside * (high - low) ** 3 / 1000.0, abs=0.008 * 13.824)


@pytest.mark.parametrize("name", list(BODIES))
def test_signed_distance_is_that_of_the_nearest_point_of_the_surface(name: str) -> None:
    body = BODIES[name]
    points = np.random.default_rng(3).uniform(-20.0, 20.0, (400, 3))
    distance = body.signed_distance_mm(points)
    step = 1e-5 * np.eye(3)
    slope = np.stack(
        [
            (body.signed_distance_mm(points + e) - body.signed_distance_mm(points - e)) / 2e-5
            for e in step
        ],
        axis=-1,
    )
    foot = points - distance[:, None] * slope

    # A function whose slope has length 1 and which is 0 at the foot of each point is the distance.
    # On edges between two nearest points the slope breaks, which random points meet seldom.
    smooth = np.abs(np.linalg.norm(slope, axis=-1) - 1.0) < 1e-6
    assert smooth.mean() > 0.99
    assert np.abs(body.signed_distance_mm(foot))[smooth].max() < 1e-6


@pytest.mark.parametrize("name", list(BODIES))
def test_reach_bounds_the_body_tightly_in_any_direction(name: str) -> None:
    body = BODIES[name]
    points = random_points(body, 40_000, seed=5)
    for direction in ((0.6, 0.0, 0.8), (0.0, -1.0, 0.0), (0.48, 0.64, -0.6)):
        along = points @ np.asarray(direction)

        low, high = body.reach_mm(direction)

        assert low <= along.min() < low + 1.5
        assert high - 1.5 < along.max() <= high


def test_distance_of_known_points() -> None:
    tube = Cylinder(radius_mm=5.0, height_mm=10.0, inner_radius_mm=2.0)
    points = np.array(
        [(0.0, 0.0, 0.0), (0.0, 0.0, 9.0), (3.0, 0.0, 0.0), (8.0, 0.0, 9.0), (4.5, 0.0, 4.0)]
    )

    distance = tube.signed_distance_mm(points)

    # in the bore; above it, nearest the inner rim; in the wall; beyond the outer rim; in the wall
    assert distance == pytest.approx([2.0, np.hypot(2.0, 4.0), -1.0, 5.0, -0.5])


def test_body_without_its_middle_has_the_dvh_of_its_two_ends() -> None:
    cylinder = Cylinder(radius_mm=12.0, height_mm=24.0)

    truth = LinearDvh(body=cylinder, dose=UPWARD, gap_mm=(-3.0, 5.0))

    assert truth.volume_cc == pytest.approx(cylinder.volume_cc * 16.0 / 24.0)
    levels_gy = np.array([4.0, 10.0, 13.0, 16.0, 21.0, 24.5, 28.0])
    assert truth.volume_fraction(levels_gy) == pytest.approx(
        [1.0, 10 / 16, 7 / 16, 7 / 16, 7 / 16, 3.5 / 16, 0.0]
    )


def test_dvh_follows_the_body_and_the_dose_wherever_they_are() -> None:
    here = LinearDvh(body=BODIES["cone"], dose=UPWARD)
    away = (120.0, -35.0, 810.0)
    there = LinearDvh(
        body=replace(BODIES["cone"], centre_lps_mm=away), dose=replace(UPWARD, centre_lps_mm=away)
    )

    levels_gy = np.linspace(0.0, 32.0, 65)

    assert there.volume_fraction(levels_gy) == pytest.approx(
        here.volume_fraction(levels_gy), abs=1e-12
    )
    assert there.mean_gy == pytest.approx(here.mean_gy)


def test_dose_at_a_volume_is_where_the_curve_has_it() -> None:
    truth = LinearDvh(body=BODIES["sphere"], dose=UPWARD)

    d1cc_gy = truth.dose_at_cc(1.0)

    assert truth.volume_fraction(np.asarray(d1cc_gy)) * truth.volume_cc == pytest.approx(1.0)


@pytest.mark.parametrize("spacing_mm", [(0.9, 0.7, 0.8), (3.0, 2.0, 2.5)])
@pytest.mark.parametrize("turned", [False, True])
def test_grid_holds_the_body_and_the_dose_is_linear_on_it(
    spacing_mm: tuple[float, float, float], turned: bool
) -> None:
    body = replace(BODIES["cone"], centre_lps_mm=(10.0, 20.0, -30.0))
    direction = (0.6, 0.8, 0.0, -0.8, 0.6, 0.0, 0.0, 0.0, 1.0) if turned else tuple(np.eye(3).flat)
    dose = LinearDose(
        gradient_gy_per_mm=(0.2, -0.3, 0.9), centre_gy=60.0, centre_lps_mm=body.centre_lps_mm
    )

    grid = grid_around(body, spacing_mm, offset_mm=(0.3, 0.1, 0.2), direction=direction)

    to_index = np.linalg.inv(grid.ijk_to_lps)
    points = random_points(body, 5000, seed=2)
    index = points @ to_index[:3, :3].T + to_index[:3, 3]
    assert index.min() > 0.0
    assert (index < np.array(grid.shape[::-1]) - 1.0).all()
    on_grid = dose.on(grid)
    middle = grid.ijk_to_lps @ (2.0, 1.0, 3.0, 1.0)
    assert on_grid.dose_gy[3, 1, 2] == pytest.approx(float(dose.at(middle[:3])), abs=1e-9)


def test_refuses_what_has_no_closed_form_or_no_size() -> None:
    oblique = LinearDose(gradient_gy_per_mm=(0.0, 0.6, 0.8))
    with pytest.raises(InvalidInput):
        LinearDvh(body=BODIES["cone"], dose=oblique)
    with pytest.raises(InvalidInput):
        Sphere(radius_mm=3.0, inner_radius_mm=3.0)
    with pytest.raises(InvalidInput):
        Cylinder(radius_mm=3.0, height_mm=0.0)
    with pytest.raises(InvalidInput):
        Cone(radius_mm=3.0, height_mm=1.0, axis_lps=(0.0, 0.0, 2.0))
    with pytest.raises(InvalidInput):
        LinearDvh(body=BODIES["cylinder"], dose=UPWARD, gap_mm=(-12.0, 12.0))
    with pytest.raises(InvalidInput):
        LinearDose(gradient_gy_per_mm=(0.0, 0.0, 0.0))


def test_accepts_any_gradient_across_a_sphere() -> None:
    truth = LinearDvh(body=BODIES["sphere"], dose=LinearDose(gradient_gy_per_mm=(0.0, 0.6, 0.8)))

    assert 100 * truth.volume_fraction(np.asarray(12.0)) == pytest.approx(74.0741, abs=6e-5)
