"""Contour stacks: their areas, planes and holes against the sections of the bodies."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.phantoms.bodies import Cone, Cylinder, Sphere
from encryptsecurert_rt.phantoms.contour_stacks import (
    HoleStyle,
    StackOptions,
    contour_stack,
    plane_heights_mm,
)
from encryptsecurert_rt.phantoms.nelms import nelms_bodies

FINE = StackOptions(slice_spacing_mm=0.5, points=400)


def _area_mm2(ring: npt.NDArray[np.float64]) -> float:
    x, y = ring[:, 0], ring[:, 1]
    return 0.5 * float(x @ np.roll(y, -1) - y @ np.roll(x, -1))


@pytest.mark.parametrize("name", list(nelms_bodies()))
def test_areas_times_spacing_add_up_to_the_volume(name: str) -> None:
    body = nelms_bodies()[name]

    rings = contour_stack(body, FINE)

    total_cc = sum(abs(_area_mm2(ring)) for ring in rings) * 0.5 / 1000.0
    # midpoint rule over 48 slices: an error of about (h / 2R)^2 of curved sections
    assert total_cc == pytest.approx(body.volume_cc, rel=1e-3)


@pytest.mark.parametrize("name", list(nelms_bodies()))
def test_points_lie_on_the_surface(name: str) -> None:
    body = nelms_bodies()[name]

    rings = contour_stack(body, FINE)

    # the ends of a lying body are flat faces: its corners are on the surface too
    assert max(float(np.abs(body.signed_distance_mm(ring)).max()) for ring in rings) < 1e-9


def test_planes_of_half_slices_end_half_a_slice_before_the_body() -> None:
    heights = plane_heights_mm(Sphere(radius_mm=12.0), StackOptions(slice_spacing_mm=3.0))

    assert heights == pytest.approx([-10.5, -7.5, -4.5, -1.5, 1.5, 4.5, 7.5, 10.5])


def test_planes_that_only_touch_the_body_have_no_ring() -> None:
    options = StackOptions(slice_spacing_mm=1.0, first_plane=0.0)

    rings = contour_stack(Sphere(radius_mm=3.0), options)

    assert len(plane_heights_mm(Sphere(radius_mm=3.0), options)) == 7
    assert [ring[0, 2] for ring in rings] == [-2.0, -1.0, 0.0, 1.0, 2.0]


def test_gap_leaves_its_planes_out() -> None:
    options = StackOptions(slice_spacing_mm=1.0, gap_mm=(-3.5, 4.5))

    rings = contour_stack(Cylinder(radius_mm=5.0, height_mm=24.0), options)

    heights = sorted({float(ring[0, 2]) for ring in rings})
    assert heights == [*np.arange(-11.5, -3.0), *np.arange(4.5, 12.0)]


def test_hole_is_a_ring_inside_or_a_keyhole_of_the_same_area() -> None:
    shell = Sphere(radius_mm=12.0, inner_radius_mm=7.0)
    nested = contour_stack(shell, StackOptions(slice_spacing_mm=3.0))
    keyhole = contour_stack(shell, StackOptions(slice_spacing_mm=3.0, holes=HoleStyle.KEYHOLE))

    by_plane: dict[float, list[float]] = {}
    for ring in nested:
        by_plane.setdefault(float(ring[0, 2]), []).append(_area_mm2(ring))

    assert len(keyhole) == len(by_plane) == 8
    assert [len(areas) for areas in by_plane.values()] == [1, 1, 2, 2, 2, 2, 1, 1]
    for ring, areas in zip(keyhole, by_plane.values(), strict=True):
        assert _area_mm2(ring) == pytest.approx(areas[0] - sum(areas[1:]))


def test_lying_tube_shows_two_strips_where_its_bore_is() -> None:
    tube = Cylinder(radius_mm=12.0, height_mm=24.0, inner_radius_mm=7.0, axis_lps=(0.6, 0.8, 0.0))
    for holes in HoleStyle:
        rings = contour_stack(tube, replace(FINE, holes=holes))

        assert sum(abs(_area_mm2(ring)) for ring in rings) * 0.0005 == pytest.approx(
            tube.volume_cc, rel=1e-3
        )
        assert max(float(np.abs(tube.signed_distance_mm(ring)).max()) for ring in rings) < 1e-9


def test_stack_moves_with_the_body() -> None:
    cone = Cone(radius_mm=12.0, height_mm=24.0)
    away = np.array((100.0, -50.0, 7.0))
    moved = replace(cone, centre_lps_mm=(100.0, -50.0, 7.0))

    for here, there in zip(contour_stack(cone, FINE), contour_stack(moved, FINE), strict=True):
        assert there == pytest.approx(here + away, abs=1e-12)


def test_refuses_a_leaning_axis_and_rings_of_few_points() -> None:
    with pytest.raises(InvalidInput):
        contour_stack(Cone(radius_mm=1.0, height_mm=1.0, axis_lps=(0.6, 0.0, 0.8)), FINE)
    with pytest.raises(InvalidInput):
        StackOptions(slice_spacing_mm=1.0, points=7)
    with pytest.raises(InvalidInput):
        StackOptions(slice_spacing_mm=0.0)
