"""Holes drawn as rings in rings or as keyholes, gaps in a stack, and where a stack ends."""

import numpy as np
import pytest
from dvh_bodies import contoured, even_dose, grid_of, of_rings, rectangle, worst_points

from encryptsecurert_rt.dvh import ContourStructure, EndCaps, StructureWarning, compute_dvh
from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.phantoms.bodies import Cylinder, Sphere
from encryptsecurert_rt.phantoms.contour_stacks import HoleStyle, StackOptions
from encryptsecurert_rt.phantoms.nelms import LinearDvh, grid_around, nelms_doses

DOSES = nelms_doses()
SHELL = Sphere(radius_mm=12.0, inner_radius_mm=6.0)
TUBE = Cylinder(radius_mm=12.0, height_mm=24.0, inner_radius_mm=6.0)
BOX = grid_of((21, 21, 21), (2.0, 2.0, 2.0))


def _square(half_mm: float, z_mm: float) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.asarray(rectangle((-half_mm, -half_mm), (half_mm, half_mm), z_mm))


def _stack(caps: EndCaps, *heights_mm: float, spacing_mm: float | None = None) -> ContourStructure:
    structure = of_rings(tuple(_square(5.0, z) for z in heights_mm), caps)
    return ContourStructure(contours=structure.contours, end_caps=caps, slice_spacing_mm=spacing_mm)


@pytest.mark.parametrize("holes", list(HoleStyle))
@pytest.mark.parametrize("dose_name", list(DOSES))
@pytest.mark.parametrize("body", [SHELL, TUBE], ids=["shell", "tube"])
def test_a_hole_is_a_hole_however_it_is_drawn(
    body: Sphere | Cylinder, dose_name: str, holes: HoleStyle
) -> None:
    dose = DOSES[dose_name]
    structure = contoured(body, StackOptions(slice_spacing_mm=1.0, holes=holes, points=128))

    dvh = compute_dvh(structure, dose.on(grid_around(body, (2.0, 2.0, 2.0))))

    assert worst_points(dvh, LinearDvh(body=body, dose=dose)) <= 0.2
    assert dvh.volume_cc == pytest.approx(body.volume_cc, rel=5e-3)
    assert dvh.warnings == ()


def test_keyhole_and_nested_rings_are_the_same_region() -> None:
    options = [StackOptions(slice_spacing_mm=2.0, holes=style) for style in HoleStyle]
    grid = grid_around(TUBE, (2.0, 2.0, 2.0))

    first, second = (
        compute_dvh(contoured(TUBE, option), DOSES["posterior"].on(grid)) for option in options
    )

    # the bridge is taken out, so the same edges remain, some the other way round
    assert second.volume_cc == pytest.approx(first.volume_cc, rel=1e-12)
    assert second.curve_points()[1] == pytest.approx(first.curve_points()[1], abs=1e-9)


def test_an_island_in_a_hole_counts() -> None:
    rings = tuple(_square(half, z) for z in (-1.0, 1.0) for half in (9.0, 6.0, 3.0))

    dvh = compute_dvh(of_rings(rings), even_dose(1.0, BOX))

    # corners of squares lie inside cells of about a millimetre
    assert dvh.volume_cc == pytest.approx((18.0**2 - 12.0**2 + 6.0**2) * 4.0 / 1000.0, rel=5e-3)


def test_a_bridge_that_is_not_quite_closed_loses_no_more_than_its_width() -> None:
    outer, inner = _square(9.0, 0.0), _square(4.0, 0.0)
    start, end = outer[0] + (0.0, 0.02, 0.0), inner[0] + (0.0, 0.02, 0.0)
    ring = np.concatenate((outer, start[None], end[None], inner[:0:-1], inner[:1]))
    structure = ContourStructure(contours=of_rings((ring,)).contours, slice_spacing_mm=4.0)

    dvh = compute_dvh(structure, even_dose(1.0, BOX))

    assert dvh.volume_cc == pytest.approx((18.0**2 - 8.0**2) * 4.0 / 1000.0, rel=5e-3)


@pytest.mark.parametrize("slice_mm", [0.5, 1.0, 3.0])
def test_a_gap_ends_the_structure_on_both_sides(slice_mm: float) -> None:
    body, dose = Cylinder(radius_mm=12.0, height_mm=24.0), DOSES["superior"]
    options = StackOptions(slice_spacing_mm=slice_mm, gap_mm=(-3.0, 3.0), points=512)
    truth = LinearDvh(body=body, dose=dose, gap_mm=(-3.0, 3.0))

    dvh = compute_dvh(contoured(body, options), dose.on(grid_around(body, (2.0, 2.0, 2.0))))

    assert worst_points(dvh, truth) <= 0.02
    assert dvh.volume_cc == pytest.approx(truth.volume_cc, rel=1e-3)
    assert dvh.warnings == (StructureWarning.GAP,)


@pytest.mark.parametrize(
    ("distance_mm", "length_mm", "gap"), [(2.99, 2.99 + 2.0 + 2.0, False), (3.01, 8.0, True)]
)
def test_more_than_one_and_a_half_spacings_are_a_gap(
    distance_mm: float, length_mm: float, gap: bool
) -> None:
    heights = (0.0, 2.0, 2.0 + distance_mm, 4.0 + distance_mm)
    structure = _stack(EndCaps.HALF_SLICE, *heights, spacing_mm=2.0)
    expected_mm = length_mm + 2.0 if not gap else length_mm

    dvh = compute_dvh(structure, even_dose(1.0, BOX))

    assert (StructureWarning.GAP in dvh.warnings) is gap
    assert dvh.volume_cc == pytest.approx(100.0 * expected_mm / 1000.0, rel=2e-3)


def test_ends_are_half_a_slice_or_none_or_rounded() -> None:
    half, none, rounded = (
        compute_dvh(_stack(caps, -2.0, 0.0, 2.0), even_dose(1.0, BOX)) for caps in EndCaps
    )

    assert half.volume_cc == pytest.approx(0.6, rel=1e-3)
    assert none.volume_cc == pytest.approx(0.4, rel=1e-3)
    # each end: a square that draws in by 1 - sqrt(1 - h^2) on all sides, h from 0 to 1
    h = (np.arange(100000) + 0.5) / 100000
    end_cc = float(((10.0 - 2.0 * (1.0 - np.sqrt(1.0 - h**2))) ** 2).mean()) / 1000.0
    assert rounded.volume_cc == pytest.approx(0.4 + 2.0 * end_cc, rel=5e-3)


def test_a_lone_plane_is_as_thick_as_a_slice_of_the_dose() -> None:
    structure = _stack(EndCaps.HALF_SLICE, 0.3)

    assumed = compute_dvh(structure, even_dose(1.0, grid_of((15, 21, 21), (2.5, 2.0, 2.0))))
    given = compute_dvh(_stack(EndCaps.HALF_SLICE, 0.3, spacing_mm=4.0), even_dose(1.0, BOX))

    assert assumed.warnings == (StructureWarning.THICKNESS_ASSUMED,)
    assert assumed.volume_cc == pytest.approx(0.25, rel=1e-3)
    assert given.warnings == ()
    assert given.volume_cc == pytest.approx(0.4, rel=1e-3)


def test_a_lone_plane_without_ends_has_no_volume() -> None:
    with pytest.raises(InvalidInput, match="no volume"):
        compute_dvh(_stack(EndCaps.NONE, 0.0), even_dose(1.0, BOX))
