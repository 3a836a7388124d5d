"""Structures that reach beyond the dose: only what has dose is counted, and how much is said."""

import math

import numpy as np
import pytest
from dvh_bodies import STRAIGHT, contoured, even_dose, exact, grid_of, tilt

from encryptsecurert_rt.dose.grid import RigidTransform
from encryptsecurert_rt.dvh import MaskStructure, Structure, StructureWarning, compute_dvh
from encryptsecurert_rt.geometry import ImageGrid
from encryptsecurert_rt.phantoms.bodies import Cylinder, Sphere
from encryptsecurert_rt.phantoms.contour_stacks import StackOptions
from encryptsecurert_rt.phantoms.nelms import LinearDose

BALL = Sphere(radius_mm=12.0)
DOSE = LinearDose(gradient_gy_per_mm=(0.0, 0.0, 1.0))
STRUCTURES: dict[str, Structure] = {
    "exact": exact(BALL),
    "contours": contoured(BALL, StackOptions(slice_spacing_mm=1.0)),
}


def _above(z_mm: float, direction: tuple[float, ...] = STRAIGHT) -> ImageGrid:
    """Return a grid whose support begins at a height, along its k axis."""
    axes = np.asarray(direction).reshape(3, 3)
    origin = axes @ (-20.0, -20.0, z_mm)
    return ImageGrid(
        shape=(14, 21, 21),
        spacing_mm=(2.0, 2.0, 2.0),
        origin_lps_mm=(float(origin[0]), float(origin[1]), float(origin[2])),
        direction=direction,
    )


@pytest.mark.parametrize("name", list(STRUCTURES))
def test_half_a_ball_outside_is_said_and_not_counted(name: str) -> None:
    dvh = compute_dvh(STRUCTURES[name], DOSE.on(_above(0.0)))

    assert dvh.covered_fraction == pytest.approx(0.5, abs=1e-4)
    assert dvh.warnings == (StructureWarning.PARTLY_OUTSIDE_DOSE,)
    assert dvh.volume_cc == pytest.approx(BALL.volume_cc, rel=2e-3)
    assert dvh.covered_cc == pytest.approx(BALL.volume_cc / 2, rel=2e-3)
    assert dvh.volume_percent_at(0.0) == 100.0
    assert dvh.minimum_gy == pytest.approx(16.0, abs=1e-9)
    assert dvh.mean_gy == pytest.approx(16.0 + 3.0 / 8.0 * 12.0, abs=0.02)  # of a half ball
    assert dvh.dose_at_cc(dvh.covered_cc * 1.001) is None
    assert dvh.dose_at_cc(dvh.covered_cc * 0.999) is not None


def test_a_cut_across_the_cells_is_known_to_a_thousandth() -> None:
    direction = tuple(float(value) for value in tilt().ravel())

    dvh = compute_dvh(STRUCTURES["contours"], even_dose(1.0, _above(0.0, direction)))

    # each cell at the border counts or does not, and they are many
    assert dvh.covered_fraction == pytest.approx(0.5, abs=2e-3)


@pytest.mark.parametrize("name", [*STRUCTURES, "mask"])
def test_without_dose_there_is_no_histogram_and_no_zero(name: str) -> None:
    grid = grid_of((4, 4, 4), (2.0, 2.0, 2.0))
    structure: Structure = (
        MaskStructure(mask=np.ones(grid.shape, np.bool_), grid=grid)
        if name == "mask"
        else STRUCTURES[name]
    )

    dvh = compute_dvh(structure, DOSE.on(_above(13.0)))

    assert dvh.covered_fraction == 0.0
    assert dvh.warnings == (StructureWarning.OUTSIDE_DOSE,)
    assert dvh.volume_cc > 0.0
    assert dvh.dose_at_percent(50.0) is None
    assert dvh.dose_at_cc(0.1) is None
    assert dvh.near_maximum_gy is None
    assert all(
        math.isnan(value)
        for value in (
            *(dvh.minimum_gy, dvh.maximum_gy, dvh.mean_gy, dvh.geud_gy(2.0)),
            *(dvh.volume_percent_at(1.0), dvh.volume_cc_at(1.0)),
        )
    )
    assert dvh.curve_points()[0].size == 0
    assert dvh.differential(1.0)[0].size == 0


def test_a_plane_of_dose_holds_no_volume() -> None:
    dvh = compute_dvh(STRUCTURES["contours"], even_dose(1.0, grid_of((1, 21, 21), (2.0, 2.0, 2.0))))

    assert dvh.covered_fraction == 0.0


def test_just_enough_of_a_structure_inside_does_not_warn() -> None:
    body = Cylinder(radius_mm=10.0, height_mm=20.0)
    structure = contoured(body, StackOptions(slice_spacing_mm=1.0))

    # the cylinder reaches from -10 to 10: 0.45 % and 0.55 % of it are below these planes
    enough = compute_dvh(structure, even_dose(1.0, _above(-10.0 + 0.09)))
    too_little = compute_dvh(structure, even_dose(1.0, _above(-10.0 + 0.11)))

    assert enough.warnings == ()
    assert enough.covered_fraction == pytest.approx(0.9955, abs=1e-6)
    assert too_little.warnings == (StructureWarning.PARTLY_OUTSIDE_DOSE,)


def test_a_registration_brings_the_structure_to_the_dose() -> None:
    turn = tilt()
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn, (100.0, -40.0, 7.0)
    gradient = turn @ np.array((0.0, 0.0, 1.0))
    dose = LinearDose(
        gradient_gy_per_mm=(float(gradient[0]), float(gradient[1]), float(gradient[2])),
        centre_gy=16.0,
        centre_lps_mm=(100.0, -40.0, 7.0),
    )
    origin = turn @ (-20.0, -20.0, -14.0) + matrix[:3, 3]
    grid = ImageGrid(
        shape=(15, 21, 21),
        spacing_mm=(2.0, 2.0, 2.0),
        origin_lps_mm=(float(origin[0]), float(origin[1]), float(origin[2])),
        direction=tuple(float(value) for value in turn.ravel()),
    )

    moved = compute_dvh(
        STRUCTURES["contours"], dose.on(grid), structure_to_dose=RigidTransform(matrix=matrix)
    )
    still = compute_dvh(STRUCTURES["contours"], DOSE.on(grid_of((15, 21, 21), (2.0, 2.0, 2.0))))

    assert moved.volume_cc == pytest.approx(still.volume_cc, rel=1e-9)
    assert moved.dose_at_percent(95.0) == pytest.approx(still.dose_at_percent(95.0), abs=1e-6)
