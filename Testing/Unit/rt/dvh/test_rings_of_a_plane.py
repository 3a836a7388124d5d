"""What rings of one plane enclose: overlaps, copies, and rings that are no areas."""

import numpy as np
import numpy.typing as npt
import pytest
from dvh_bodies import even_dose, grid_of, rectangle

from encryptsecurert_rt.dvh import (
    ContourKind,
    ContourStructure,
    PlanarContour,
    StructureWarning,
    compute_dvh,
    rings,
)
from encryptsecurert_rt.dvh.rings import plane_region
from encryptsecurert_rt.errors import InvalidInput

FloatArray = npt.NDArray[np.float64]
DOSE = even_dose(2.0, grid_of((11, 21, 21), (2.0, 2.0, 2.0)))
LEFT, RIGHT = rectangle((-8, -6), (2, 6), 0.0), rectangle((-2, -6), (8, 6), 0.0)
UPRIGHT, LYING = rectangle((-2, -9), (2, 9), 0.0), rectangle((-9, -2), (9, 2), 0.0)


def _structure(
    *rings: FloatArray, kind: ContourKind = ContourKind.CLOSED_PLANAR
) -> ContourStructure:
    return ContourStructure(
        contours=tuple(PlanarContour(points_lps_mm=ring, kind=kind) for ring in rings),
        slice_spacing_mm=10.0,
    )


def _area_mm2(structure: ContourStructure) -> float:
    return compute_dvh(structure, DOSE).volume_cc * 100.0


def test_overlapping_rings_are_united_with_a_warning() -> None:
    dvh = compute_dvh(_structure(LEFT, RIGHT), DOSE)

    assert dvh.warnings == (StructureWarning.AMBIGUOUS_OVERLAP,)
    assert dvh.volume_cc * 100.0 == pytest.approx(16 * 12, rel=3e-3)


def test_overlapping_rings_of_the_other_kind_exclude_what_both_hold() -> None:
    dvh = compute_dvh(_structure(LEFT, RIGHT, kind=ContourKind.CLOSED_PLANAR_XOR), DOSE)

    assert dvh.warnings == ()
    assert dvh.volume_cc * 100.0 == pytest.approx(16 * 12 - 4 * 12, rel=5e-3)


def test_a_cross_without_a_corner_in_the_other_is_an_overlap() -> None:
    dvh = compute_dvh(_structure(UPRIGHT, LYING), DOSE)

    assert dvh.warnings == (StructureWarning.AMBIGUOUS_OVERLAP,)
    # eight right angles and four corners inside of cells of half a millimetre
    assert dvh.volume_cc * 100.0 == pytest.approx(4 * 18 * 2 - 16, rel=5e-3)


def test_a_hole_in_united_rings_is_a_hole() -> None:
    hole = rectangle((-1, -1), (1, 1), 0.0)

    dvh = compute_dvh(_structure(LEFT, hole, RIGHT), DOSE)

    assert dvh.volume_cc * 100.0 == pytest.approx(16 * 12 - 4, rel=3e-3)


def test_rings_that_touch_do_not_overlap() -> None:
    other = rectangle((2, -6), (8, 6), 0.0)

    dvh = compute_dvh(_structure(LEFT, other), DOSE)

    assert dvh.warnings == ()
    assert dvh.volume_cc * 100.0 == pytest.approx(16 * 12, rel=3e-3)


def test_a_ring_that_is_there_twice_counts_once() -> None:
    dvh = compute_dvh(_structure(LEFT, LEFT[::-1].copy()), DOSE)

    assert dvh.warnings == (StructureWarning.AMBIGUOUS_OVERLAP,)
    assert dvh.volume_cc * 100.0 == pytest.approx(120.0, rel=3e-3)


@pytest.mark.parametrize("kind", ["repeated point", "point on a side", "other decimals"])
def test_a_copy_counts_once_however_its_points_are_written(kind: str) -> None:
    """By even-odd alone such a pair would be nothing, or a sliver."""
    hole = rectangle((-3, -3), (3, 3), 0.0)
    middle = 0.5 * (LEFT[0] + LEFT[1])
    copy = {
        "repeated point": np.insert(LEFT, 2, LEFT[1], axis=0),
        "point on a side": np.insert(LEFT, 1, middle, axis=0)[::-1],
        "other decimals": np.insert(LEFT, 1, middle, axis=0) + np.array((0.004, -0.003, 0.0)),
    }[kind]

    dvh = compute_dvh(_structure(LEFT, copy), DOSE)
    holed = compute_dvh(_structure(rectangle((-8, -6), (8, 6), 0.0), hole, hole * 1.001), DOSE)

    assert dvh.warnings == holed.warnings == (StructureWarning.AMBIGUOUS_OVERLAP,)
    assert dvh.volume_cc * 100.0 == pytest.approx(10 * 12, rel=3e-3)
    assert holed.volume_cc * 100.0 == pytest.approx(16 * 12 - 36, rel=3e-3)


def test_a_ring_inside_that_is_more_than_a_copy_is_a_hole() -> None:
    inner = rectangle((-7.9, -5.9), (1.9, 5.9), 0.0)

    region = plane_region([LEFT[:, :2], inner[:, :2]], xor=False)
    assert region is not None
    assert not region.overlap
    assert region.area_mm2 == pytest.approx(120 - 9.8 * 11.8)


def test_a_ring_that_goes_back_over_its_own_edges_is_refused() -> None:
    ring = np.array([(5, 3, 0), (1, 1, 0), (5, 3, 0), (1, 3, 0), (2, 3, 0)], np.float64)

    with pytest.raises(InvalidInput, match="no area"):
        compute_dvh(_structure(ring), DOSE)


def test_more_rings_than_can_be_held_against_each_other_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rings, "MAX_RINGS", 2)

    with pytest.raises(InvalidInput, match="too many contours"):
        compute_dvh(_structure(LEFT, RIGHT, UPRIGHT), DOSE)


def test_a_figure_of_eight_holds_both_its_loops() -> None:
    eight = np.array([(-8.0, -4.0, 0.0), (8.0, 4.0, 0.0), (8.0, -4.0, 0.0), (-8.0, 4.0, 0.0)])

    # two triangles of 8 x 8 / 2, with four sharp corners; the shoelace formula gives 0
    assert _area_mm2(_structure(eight)) == pytest.approx(64.0, rel=0.02)


def test_a_ring_on_a_line_is_left_out_with_a_warning() -> None:
    line = np.array([(-7.0, -7.0, 0.0), (0.0, 0.0, 0.0), (7.0, 7.0, 0.0)])

    dvh = compute_dvh(_structure(LEFT, line), DOSE)

    assert dvh.warnings == (StructureWarning.DEGENERATE_CONTOUR,)
    assert dvh.volume_cc == compute_dvh(_structure(LEFT), DOSE).volume_cc


def test_rings_on_lines_only_are_refused() -> None:
    lines = [np.array([(0.0, 0.0, 0.0), (1.0, a, 0.0), (2.0, 2.0 * a, 0.0)]) for a in (0.0, 1.0)]

    with pytest.raises(InvalidInput, match="enclose no area"):
        compute_dvh(_structure(*lines), DOSE)


def test_many_rings_that_all_cross_are_refused() -> None:
    rings = [rectangle((-9 + n / 10, -9 + n / 10), (n / 10, n / 10), 0.0) for n in range(65)]

    with pytest.raises(InvalidInput, match="overlap"):
        compute_dvh(_structure(*rings), DOSE)
