"""The CT phantom against its own closed forms, on several grids."""

from dataclasses import replace

import numpy as np
import pytest

from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.geometry import ImageGrid
from encryptsecurert_rt.phantoms import CtPhantom, ct_phantom, default_phantom_grid
from encryptsecurert_rt.phantoms.shapes import Column, Ellipsoid, axial_cells
from encryptsecurert_rt.segmentation import Structure


@pytest.fixture(scope="module")
def phantom() -> CtPhantom:
    return ct_phantom(default_phantom_grid(shape=(100, 230, 230)))


def test_ellipsoid_of_equal_axes_has_the_volume_of_a_sphere() -> None:
    sphere = Ellipsoid(centre_lps_mm=(1.0, 2.0, 3.0), half_axes_mm=(10.0, 10.0, 10.0))

    assert sphere.volume_cc(-50.0, 50.0) == pytest.approx(4.0 / 3.0 * np.pi, rel=1e-12)


def test_half_of_a_cut_ellipsoid_has_half_its_volume() -> None:
    shape = Ellipsoid(centre_lps_mm=(0.0, 0.0, 5.0), half_axes_mm=(10.0, 20.0, 30.0))

    assert shape.volume_cc(5.0, 99.0) == pytest.approx(shape.volume_cc(-99.0, 99.0) / 2)


@pytest.mark.parametrize("angle_deg", [0.0, 30.0])
def test_filled_fractions_add_up_to_the_closed_form(angle_deg: float) -> None:
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    grid = ImageGrid(
        shape=(30, 60, 60),
        spacing_mm=(3.0, 1.7, 1.3),
        origin_lps_mm=(-39.0 * c + 51.0 * s, -39.0 * s - 51.0 * c, -43.5),
        direction=(c, -s, 0.0, s, c, 0.0, 0.0, 0.0, 1.0),
    )
    cells = axial_cells(grid, slice(None))
    ball = Ellipsoid(centre_lps_mm=(0.0, 0.0, 0.0), half_axes_mm=(12.0, 20.0, 15.0))
    rod = Column(centre_xy_mm=(2.0, 1.0), half_axes_mm=(5.0, 9.0), z_from_mm=-20.2, z_to_mm=11.1)

    for shape in (ball, rod):
        total_cc = float(shape.filled(cells).sum(dtype=np.float64)) * grid.voxel_volume_cc
        # 64 samples a boundary voxel, thousands of boundary voxels: errors average out
        assert total_cc == pytest.approx(shape.volume_cc(-999.0, 999.0), rel=2e-3)


@pytest.mark.parametrize("structure", list(Structure))
def test_truth_masks_hold_the_closed_form_volume(phantom: CtPhantom, structure: Structure) -> None:
    counted_cc = phantom.truth[structure].sum() * phantom.grid.voxel_volume_cc

    # whole voxels against smooth surfaces: thin ribs on 2 x 2 x 3 mm are the worst of them
    limit = 0.02 if structure is Structure.SKELETON else 0.003
    assert counted_cc == pytest.approx(phantom.volume_cc[structure], rel=limit)


def test_closed_form_volumes_do_not_depend_on_the_voxels(phantom: CtPhantom) -> None:
    coarse = ct_phantom(default_phantom_grid(shape=(60, 128, 128)))

    for structure in Structure:
        assert coarse.volume_cc[structure] == pytest.approx(phantom.volume_cc[structure])


def test_boundaries_are_antialiased_to_the_true_volume(phantom: CtPhantom) -> None:
    lung = phantom.truth[Structure.LUNG_LEFT]
    around = np.zeros_like(lung)
    around[:, :, 115:] = True  # x > 0: no lung but the left

    # lung -840 in soft tissue 40: the part of a voxel is linear in HU; trachea and stomach apart
    fraction = np.clip((40.0 - phantom.hu.astype(np.float64)) / 880.0, 0.0, 1.0)
    box = around & _grown(lung)
    total_cc = float(fraction[box].sum()) * phantom.grid.voxel_volume_cc

    assert total_cc == pytest.approx(phantom.volume_cc[Structure.LUNG_LEFT], rel=0.01)


def test_air_outside_is_exactly_minus_1000(phantom: CtPhantom) -> None:
    assert (phantom.hu[:, :10] == -1000).all()


def test_same_seed_gives_the_same_bits_and_another_seed_other_noise() -> None:
    grid = default_phantom_grid(shape=(12, 64, 64))

    first, again, other = (ct_phantom(grid, seed=seed).hu for seed in (3, 3, 4))

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_feet_first_grid_mirrors_the_same_patient(phantom: CtPhantom) -> None:
    grid = phantom.grid
    x, y, z = grid.origin_lps_mm
    turned = replace(
        grid,
        origin_lps_mm=(-x, y, -z),
        direction=(-1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, -1.0),
    )

    other = ct_phantom(turned)

    for structure in Structure:
        assert np.array_equal(other.truth[structure][::-1, :, ::-1], phantom.truth[structure])


def test_refuses_slices_that_are_not_axial() -> None:
    grid = default_phantom_grid(shape=(4, 16, 16))
    coronal = replace(grid, direction=(1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, -1.0, 0.0))

    with pytest.raises(InvalidInput):
        ct_phantom(coronal)


def test_refuses_shapes_without_size() -> None:
    with pytest.raises(InvalidInput):
        Ellipsoid(centre_lps_mm=(0.0, 0.0, 0.0), half_axes_mm=(1.0, 0.0, 1.0))
    with pytest.raises(InvalidInput):
        Column(centre_xy_mm=(0.0, 0.0), half_axes_mm=(1.0, -1.0))
    with pytest.raises(InvalidInput):
        Column(centre_xy_mm=(0.0, 0.0), half_axes_mm=(1.0, 1.0), z_from_mm=2.0, z_to_mm=2.0)


def _grown(
    mask: np.ndarray[tuple[int, ...], np.dtype[np.bool_]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    out = mask.copy()
    for axis in range(3):
        for shift in (1, -1):
            out |= np.roll(mask, shift, axis)
    return out
