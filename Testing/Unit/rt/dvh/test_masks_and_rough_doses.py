"""Masks on any grid, doses that are anything but linear, and masks made of structures."""

import numpy as np
import numpy.typing as npt
import pytest
from dvh_bodies import STRAIGHT, contoured, exact, grid_of, of_rings, rectangle, tilt

from encryptsecurert_rt.dose.grid import DoseGrid, RigidTransform
from encryptsecurert_rt.dose.sampling import sample_dose
from encryptsecurert_rt.dvh import EndCaps, MaskStructure, compute_dvh, structure_mask
from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.geometry import ImageGrid
from encryptsecurert_rt.phantoms.bodies import Sphere
from encryptsecurert_rt.phantoms.contour_stacks import StackOptions
from encryptsecurert_rt.phantoms.nelms import grid_around

FloatArray = npt.NDArray[np.float64]
BALL = Sphere(radius_mm=12.0)
TILTED = tuple(float(value) for value in tilt().ravel())


def _wavy(grid: ImageGrid) -> DoseGrid:
    k, j, i = np.indices(grid.shape)
    dose = 36.0 + 20.0 * np.sin(0.9 * k) + 15.0 * np.cos(0.7 * i + 0.5 * j)
    return DoseGrid(dose_gy=np.ascontiguousarray(dose), grid=grid)


def _points_in_voxels(mask: MaskStructure, a_side: int) -> FloatArray:
    """Return points (n, 3) evenly in all voxels of a mask, in LPS."""
    part = (np.arange(a_side) + 0.5) / a_side - 0.5
    parts = np.stack(np.meshgrid(part, part, part), axis=-1).reshape(-1, 3)
    voxels = np.argwhere(mask.mask)[:, ::-1]
    ijk = (voxels[:, None, :] + parts[None]).reshape(-1, 3)
    matrix = mask.grid.ijk_to_lps
    return np.asarray(ijk @ matrix[:3, :3].T + matrix[:3, 3])


@pytest.mark.parametrize(
    ("direction", "points", "extreme_gy"), [(STRAIGHT, 0.1, 0.4), (TILTED, 0.25, 0.4)]
)
def test_a_mask_is_its_voxels_in_any_dose(
    direction: tuple[float, ...], points: float, extreme_gy: float
) -> None:
    """Against 512 points a voxel; its spacing and the dose's have no common measure."""
    dose = _wavy(grid_around(BALL, (3.0, 2.5, 2.5), margin_mm=3.0, direction=direction))
    own = grid_around(BALL, (2.0, 1.3, 1.3))
    mask = MaskStructure(mask=structure_mask(exact(BALL), own), grid=own)
    dense = np.sort(sample_dose(dose, _points_in_voxels(mask, 8)))

    dvh = compute_dvh(mask, dose)

    at = np.linspace(dense[0], dense[-1], 500)
    above = 100.0 * (1.0 - np.searchsorted(dense, at) / dense.size)
    found = np.array([dvh.volume_percent_at(float(value)) for value in at])
    assert np.abs(found - above).max() <= points
    assert dvh.volume_cc == pytest.approx(mask.mask.sum() * own.voxel_volume_cc, rel=1e-9)
    assert dvh.mean_gy == pytest.approx(float(dense.mean()), abs=0.01)
    assert dense[0] - extreme_gy <= dvh.minimum_gy <= dense[0] + 0.1
    assert dense[-1] - 0.1 <= dvh.maximum_gy <= dense[-1] + extreme_gy


@pytest.mark.parametrize(("direction", "points"), [(STRAIGHT, 0.1), (TILTED, 0.25)])
def test_contours_in_a_wavy_dose_are_their_points(
    direction: tuple[float, ...], points: float
) -> None:
    dose = _wavy(grid_around(BALL, (3.0, 2.5, 2.5), direction=direction))
    side = (np.arange(100) + 0.5) * 0.24 - 12.0
    cloud = np.stack(np.meshgrid(side, side, side), axis=-1).reshape(-1, 3)
    dense = np.sort(sample_dose(dose, cloud[BALL.signed_distance_mm(cloud) <= 0.0]))

    dvh = compute_dvh(contoured(BALL, StackOptions(slice_spacing_mm=0.5)), dose)

    at = np.linspace(dense[0], dense[-1], 500)
    above = 100.0 * (1.0 - np.searchsorted(dense, at) / dense.size)
    found = np.array([dvh.volume_percent_at(float(value)) for value in at])
    assert np.abs(found - above).max() <= points


def test_one_voxel_is_a_box() -> None:
    grid = grid_of((5, 5, 5), (3.0, 2.0, 2.0))
    mask = np.zeros(grid.shape, np.bool_)
    mask[2, 2, 2] = True

    dvh = compute_dvh(
        MaskStructure(mask=mask, grid=grid), _wavy(grid_of((7, 7, 7), (2.5, 2.5, 2.5)))
    )

    assert dvh.volume_cc == pytest.approx(0.012, rel=1e-12)
    assert dvh.covered_fraction == 1.0


def test_a_mask_is_bool_and_not_empty() -> None:
    grid = grid_of((2, 2, 2), (1.0, 1.0, 1.0))
    for mask in (np.zeros((2, 2, 2), np.bool_), np.ones((2, 2, 1), np.bool_)):
        with pytest.raises(InvalidInput):
            MaskStructure(mask=mask, grid=grid)
    with pytest.raises(InvalidInput):
        MaskStructure(mask=np.ones((2, 2, 2), np.uint8), grid=grid)


@pytest.mark.parametrize("direction", [STRAIGHT, TILTED], ids=["straight", "tilted"])
def test_voxels_inside_contours_are_those_inside_the_body(direction: tuple[float, ...]) -> None:
    grid = grid_around(BALL, (2.5, 2.0, 1.5), direction=direction, margin_mm=4.0)
    near = np.abs(BALL.signed_distance_mm(_centres(grid))) < 0.1  # where planes 1 mm apart may err

    mask = structure_mask(contoured(BALL, StackOptions(slice_spacing_mm=1.0)), grid)

    differs = mask ^ structure_mask(exact(BALL), grid)
    assert mask.sum() > 900
    assert not differs[~near.reshape(grid.shape)].any()


def _centres(grid: ImageGrid) -> FloatArray:
    k, j, i = np.indices(grid.shape)
    matrix = grid.ijk_to_lps
    ijk = np.stack((i, j, k), axis=-1).reshape(-1, 3)
    return np.asarray(ijk @ matrix[:3, :3].T + matrix[:3, 3])


@pytest.mark.parametrize(
    "axes",
    [
        STRAIGHT,
        (-1, 0, 0, 0, -1, 0, 0, 0, 1),
        (0, 0, 1, 1, 0, 0, 0, 1, 0),
        (0, -1, 0, 0, 0, -1, 1, 0, 0),
    ],
    ids=["axial", "turned", "other order", "other order, turned"],
)
def test_axes_in_any_order_and_sense_give_the_same_voxels(axes: tuple[float, ...]) -> None:
    """A box with three different sides, off centre, whose voxels are easily told."""
    structure = of_rings(
        tuple(rectangle((-3.0, -7.0), (9.0, 2.0), float(z)) for z in range(-4, 9, 2)), EndCaps.NONE
    )
    low, high = np.array((-3.0, -7.0, -4.0)), np.array((9.0, 2.0, 8.0))
    matrix = np.asarray(axes, dtype=np.float64).reshape(3, 3)
    origin = matrix @ (-10.37, -10.37, -10.37)
    grid = ImageGrid(
        shape=(21, 18, 24),
        spacing_mm=(1.0, 1.2, 0.9),
        origin_lps_mm=(float(origin[0]), float(origin[1]), float(origin[2])),
        direction=tuple(float(value) for value in axes),
    )
    centres = _centres(grid)
    inside = ((centres >= low) & (centres <= high)).all(axis=1).reshape(grid.shape)

    mask = structure_mask(structure, grid)

    assert inside.any()
    assert np.array_equal(mask, inside)


def test_centres_on_the_surface_are_inside() -> None:
    structure = of_rings(
        tuple(rectangle((-2.0, -2.0), (2.0, 2.0), z) for z in (-1.0, 0.0, 1.0)), EndCaps.NONE
    )

    mask = structure_mask(structure, grid_of((5, 7, 7), (1.0, 1.0, 1.0)))

    assert mask.sum() == 3 * 5 * 5
    assert mask[1:4, 1:6, 1:6].all()


def test_a_structure_beside_the_grid_has_no_voxel() -> None:
    grid = grid_of((3, 3, 3), (1.0, 1.0, 1.0), centre_mm=100.0)

    assert not structure_mask(contoured(BALL, StackOptions(slice_spacing_mm=2.0)), grid).any()


def test_a_mask_goes_to_another_grid_voxel_by_voxel() -> None:
    own = grid_of((4, 5, 6), (2.0, 2.0, 2.0))
    mask = np.random.default_rng(5).random(own.shape) < 0.5
    fine = grid_of((8, 10, 12), (1.0, 1.0, 1.0))
    there = RigidTransform(matrix=np.eye(4))

    found = structure_mask(MaskStructure(mask=mask, grid=own), fine, structure_to_grid=there)

    assert np.array_equal(found, mask.repeat(2, 0).repeat(2, 1).repeat(2, 2))
