"""Threads, progress, cancelling, and kernels that refuse what does not fit."""

import ctypes
import tracemalloc
from typing import Any

import numpy as np
import pytest
from dvh_bodies import contoured

from encryptsecurert_rt.dose.grid import DoseGrid
from encryptsecurert_rt.dvh import (
    ContourStructure,
    MaskStructure,
    PlanarContour,
    compute,
    compute_dvh,
    inside,
    lattice,
)
from encryptsecurert_rt.dvh import rings as rings_of_a_plane
from encryptsecurert_rt.dvh.distance import grid_distances, polygon_points
from encryptsecurert_rt.dvh.rings import plane_region
from encryptsecurert_rt.dvh.structure import LevelStructure, StructureWarning
from encryptsecurert_rt.errors import Cancelled, InvalidInput
from encryptsecurert_rt.geometry import ImageGrid
from encryptsecurert_rt.native.library import kernels
from encryptsecurert_rt.phantoms.bodies import Sphere
from encryptsecurert_rt.phantoms.contour_stacks import StackOptions
from encryptsecurert_rt.phantoms.nelms import grid_around

BALL = Sphere(radius_mm=20.0, inner_radius_mm=8.0)
STACK = contoured(BALL, StackOptions(slice_spacing_mm=2.0, points=64))
GRID = grid_around(BALL, (2.5, 2.0, 2.0))
DOSE = DoseGrid(dose_gy=np.random.default_rng(3).random(GRID.shape) * 70.0, grid=GRID)
_AXES: dict[str, Any] = {
    "shape": (3, 3, 3),
    "origin_lps_mm": (0.0, 0.0, 0.0),
    "direction": (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
}


def test_any_number_of_threads_gives_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compute, "_CELLS_A_TILE", 1 << 10)  # many tiles of a small structure

    one, two, five = (compute_dvh(STACK, DOSE, threads=threads) for threads in (1, 2, 5))

    for other in (two, five):
        assert other.curve_points()[1].tobytes() == one.curve_points()[1].tobytes()
        assert other.curve_points()[0].tobytes() == one.curve_points()[0].tobytes()
        assert (other.volume_cc, other.mean_gy) == (one.volume_cc, one.mean_gy)


def test_tiles_change_nothing_but_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = compute_dvh(STACK, DOSE)

    monkeypatch.setattr(compute, "_CELLS_A_TILE", 1 << 10)
    tiled = compute_dvh(STACK, DOSE)

    assert tiled.volume_cc == pytest.approx(whole.volume_cc, rel=1e-12)
    assert tiled.curve_points()[1] == pytest.approx(whole.curve_points()[1], abs=1e-9)


def test_progress_rises_to_one_and_may_cancel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compute, "_CELLS_A_TILE", 1 << 10)
    heard: list[tuple[str, float]] = []

    compute_dvh(STACK, DOSE, progress=lambda stage, fraction: heard.append((stage, fraction)))

    assert {stage for stage, _ in heard} == {compute.STAGE}
    assert [fraction for _, fraction in heard] == sorted(fraction for _, fraction in heard)
    assert heard[-1][1] == 1.0

    def stop(stage: str, fraction: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        compute_dvh(STACK, DOSE, progress=stop)


@pytest.mark.parametrize(
    ("limit", "enough", "too_few"), [("MAX_CELLS", 40000, 1000), ("MAX_EDGE_WORK", 50000, 1000)]
)
def test_cells_are_coarser_rather_than_too_many(
    limit: str, enough: int, too_few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fine = compute_dvh(STACK, DOSE)

    monkeypatch.setattr(lattice, limit, enough)
    coarse = compute_dvh(STACK, DOSE)
    monkeypatch.setattr(lattice, limit, too_few)
    with pytest.raises(InvalidInput, match="too large"):
        compute_dvh(STACK, DOSE)

    assert coarse.warnings == (StructureWarning.COARSE_CELLS,)
    assert coarse.cell_mm > fine.cell_mm
    assert coarse.volume_cc == pytest.approx(fine.volume_cc, rel=0.01)


@pytest.mark.parametrize("largest_gy", [1e-11, 9e6, 2e7, 1e9])
def test_doses_of_any_size_have_a_histogram(largest_gy: float) -> None:
    dose = DoseGrid(dose_gy=DOSE.dose_gy / DOSE.maximum_gy * largest_gy, grid=GRID)

    scaled, usual = compute_dvh(STACK, dose), compute_dvh(STACK, DOSE)

    factor = largest_gy / DOSE.maximum_gy
    assert scaled.mean_gy == pytest.approx(usual.mean_gy * factor, rel=1e-9)
    assert scaled.dose_at_percent(50.0) == pytest.approx(
        (usual.dose_at_percent(50.0) or 0.0) * factor, rel=1e-3
    )


def test_an_oblique_grid_with_too_many_voxels_beside_edges_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turned = ImageGrid(
        shape=GRID.shape,
        spacing_mm=GRID.spacing_mm,
        origin_lps_mm=(-15.0, -15.0, -15.0),
        direction=(1.0, 0.0, 0.0, 0.0, 0.8, -0.6, 0.0, 0.6, 0.8),
    )
    assert inside.structure_mask(STACK, turned).any()

    monkeypatch.setattr(inside, "MAX_OBLIQUE_WORK", 10_000)
    with pytest.raises(InvalidInput, match="too large"):
        inside.structure_mask(STACK, turned)


def test_a_wide_structure_has_no_more_nodes_a_layer_than_fit_in_memory() -> None:
    small = DoseGrid(dose_gy=np.ones((3, 3, 3)), grid=ImageGrid(**_AXES, spacing_mm=(0.2,) * 3))
    corners = np.array([[-1, -1, 0.2], [1, -1, 0.2], [1, 1, 0.2], [-1, 1, 0.2]]) * [2400, 2400, 1]
    wide = ContourStructure(contours=(PlanarContour(points_lps_mm=corners),))

    solid = compute.prepare(wide, small, np.eye(4))
    made = lattice.lattice_for(solid.extent, small.grid, np.eye(4))

    assert (len(made.u_mm) - 1) * (len(made.v_mm) - 1) <= lattice.MAX_LAYER_CELLS
    assert made.coarse


def test_contours_that_overlap_are_measured_one_after_the_other() -> None:
    nodes = np.linspace(0.0, 100.0, 401)
    square = np.array([[0.0, 0.0], [60.0, 0.0], [60.0, 60.0], [0.0, 60.0]])
    region = plane_region([square + shift for shift in range(40)], xor=False)
    assert region is not None

    tracemalloc.start()
    try:
        level = region.at_nodes(nodes, nodes)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert level[200, 200] < 0.0 < level[400, 0]
    assert peak_bytes < 10 * level.nbytes  # and not one for each of 40


def test_rings_that_meet_at_every_edge_are_refused_before_they_take_hours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ends, rng = np.resize([0.0, 100.0], 120), np.random.default_rng(5)
    rings = [np.column_stack((ends, rng.uniform(-0.004, 0.004, 120))) for _ in range(2)]
    assert plane_region(rings, xor=False) is not None

    monkeypatch.setattr(rings_of_a_plane, "MAX_PAIR_WORK", 2 * 120**2)  # enough for points alone
    with pytest.raises(InvalidInput, match="too many"):
        plane_region(rings, xor=False)


def test_a_mask_of_more_columns_than_fit_in_memory_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lattice, "MAX_LAYER_CELLS", 20)
    grid = ImageGrid(**_AXES, spacing_mm=(50.0, 50.0, 50.0))
    mask = MaskStructure(mask=np.ones((3, 3, 3), np.bool_), grid=grid)

    with pytest.raises(InvalidInput, match="too large"):
        compute_dvh(mask, DOSE)


@pytest.mark.parametrize("seed", range(4))
def test_distances_to_a_polygon_are_those_of_plain_arithmetic(seed: int) -> None:
    """A star with random rays, so concave; every distance against all of its edges."""
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.uniform(0.0, 2.0 * np.pi, 41))
    ring = rng.uniform(3.0, 20.0, (41, 1)) * np.column_stack((np.cos(angle), np.sin(angle)))
    edges = np.hstack((ring, np.roll(ring, -1, axis=0)))
    u, v = np.linspace(-22.0, 21.0, 83), np.linspace(-23.0, 22.0, 45)
    points = np.stack(np.meshgrid(u, v), axis=-1).reshape(-1, 2)
    start, along = edges[:, :2], edges[:, 2:] - edges[:, :2]
    away = points[:, None] - start
    t = np.clip((away * along).sum(-1) / (along**2).sum(-1), 0.0, 1.0)
    distance = np.hypot(*np.moveaxis(away - t[..., None] * along, -1, 0)).min(axis=1)
    low, high = edges[:, 1] <= points[:, 1:], edges[:, 3] <= points[:, 1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        at = start[:, 0] + (points[:, 1:] - start[:, 1]) * along[:, 0] / along[:, 1]
    inside = ((low != high) & (points[:, :1] < at)).sum(axis=1) % 2 == 1
    expected = np.where(inside, -distance, distance)

    assert polygon_points(edges, points) == pytest.approx(expected, abs=1e-12)
    assert grid_distances(edges, u, v).ravel() == pytest.approx(expected, abs=1e-12)


def test_kernels_refuse_counts_that_cannot_be() -> None:
    library, nothing = kernels(), ctypes.c_void_p()
    zero, one, two, big = (ctypes.c_int64(n) for n in (0, 1, 2, 1 << 40))
    step = ctypes.c_double(0.01)

    points = library["esrt_polygon_points"]
    assert points(zero, nothing, one, nothing, nothing) == -1
    assert points(one, nothing, big, nothing, nothing) == -1
    nodes = library["esrt_polygon_nodes"]
    assert nodes(one, nothing, big, nothing, big, nothing, nothing, nothing, nothing) == -1
    layer = library["esrt_dvh_layer"]
    neither_levels_nor_cells = (nothing,) * 5
    rest = (*(nothing,) * 4, step, step, one, nothing, nothing)
    for count in (zero, one, two, big):
        sides = (count, nothing, count, nothing, nothing)
        assert layer(*sides, *neither_levels_nor_cells, *rest) == -1


def test_a_signed_distance_that_is_none_is_refused() -> None:
    structure = LevelStructure(
        level_mm=lambda points: np.full(points.shape[:-1], np.nan),
        low_lps_mm=np.full(3, -1.0),
        high_lps_mm=np.full(3, 1.0),
        size_mm=1.0,
    )

    with pytest.raises(InvalidInput, match="signed distance"):
        compute_dvh(structure, DOSE)
