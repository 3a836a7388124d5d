"""Classical segmentation against the phantom's truth, and against what may go wrong."""

from dataclasses import replace
from time import monotonic
from typing import cast

import numpy as np
import numpy.typing as npt
import pytest

from encryptsecurert_rt.errors import Cancelled, InvalidInput
from encryptsecurert_rt.geometry import ImageGrid
from encryptsecurert_rt.phantoms import CtPhantom, ct_phantom, default_phantom_grid
from encryptsecurert_rt.segmentation import (
    SegmentationStage,
    SegmentationWarning,
    SegmentedStructure,
    Structure,
    segment_ct,
)

ALL = list(Structure)
LUNGS = [Structure.LUNG_LEFT, Structure.LUNG_RIGHT]
Mask = npt.NDArray[np.bool_]


def _dice(one: Mask, other: Mask) -> float:
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


def _segment(
    hu: npt.NDArray[np.int16], grid: ImageGrid, structures: list[Structure]
) -> dict[Structure, SegmentedStructure]:
    return {found.structure: found for found in segment_ct(hu, grid, structures)}


def _cut_grid(z_from_mm: float, z_to_mm: float) -> ImageGrid:
    """Take 3 x 2 x 2 mm voxels over part of the phantom."""
    length_mm = z_to_mm - z_from_mm
    grid = default_phantom_grid(
        shape=(round(length_mm / 3.0), 230, 230), extent_mm=(length_mm, 460.0, 460.0)
    )
    x, y, _ = grid.origin_lps_mm
    return replace(grid, origin_lps_mm=(x, y, z_from_mm + 1.5))


def _positions(grid: ImageGrid) -> tuple[npt.NDArray[np.float64], ...]:
    k, j, i = np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij", sparse=True)
    matrix = grid.ijk_to_lps
    return tuple(
        matrix[row, 3] + matrix[row, 0] * i + matrix[row, 1] * j + matrix[row, 2] * k
        for row in range(3)
    )


@pytest.fixture(scope="module")
def phantom() -> CtPhantom:
    return ct_phantom(_cut_grid(-150.0, 150.0))


@pytest.fixture(scope="module")
def found(phantom: CtPhantom) -> dict[Structure, SegmentedStructure]:
    return _segment(phantom.hu, phantom.grid, ALL)


@pytest.mark.parametrize("structure", ALL)
def test_volume_is_within_one_percent_of_the_closed_form(
    phantom: CtPhantom, found: dict[Structure, SegmentedStructure], structure: Structure
) -> None:
    assert found[structure].volume_cc == pytest.approx(phantom.volume_cc[structure], rel=0.01)


@pytest.mark.parametrize("structure", ALL)
def test_dice_with_the_truth_is_at_least_097(
    phantom: CtPhantom, found: dict[Structure, SegmentedStructure], structure: Structure
) -> None:
    assert _dice(found[structure].mask, phantom.truth[structure]) >= 0.97


def test_couch_is_not_in_the_body(
    phantom: CtPhantom, found: dict[Structure, SegmentedStructure]
) -> None:
    _, y_mm, _ = _positions(phantom.grid)

    couch_cc = (found[Structure.BODY].mask & (y_mm > 122.0)).sum() * phantom.grid.voxel_volume_cc

    assert couch_cc < 1.0


def test_body_holds_its_cavities(
    phantom: CtPhantom, found: dict[Structure, SegmentedStructure]
) -> None:
    lungs = phantom.truth[Structure.LUNG_LEFT] | phantom.truth[Structure.LUNG_RIGHT]

    assert not (lungs & ~found[Structure.BODY].mask).any()


def test_trachea_is_not_lung(
    phantom: CtPhantom, found: dict[Structure, SegmentedStructure]
) -> None:
    x_mm, y_mm, _ = _positions(phantom.grid)
    trachea = (np.abs(x_mm) < 9.0) & (np.abs(y_mm - 10.0) < 9.0)

    for structure in LUNGS:
        assert not (found[structure].mask & trachea).any()


def test_kidneys_in_contrast_phase_are_not_bone_and_are_warned_of(
    phantom: CtPhantom, found: dict[Structure, SegmentedStructure]
) -> None:
    x_mm, y_mm, z_mm = _positions(phantom.grid)
    kidneys = (np.abs(np.abs(x_mm) - 70.0) < 24.0) & (np.abs(y_mm - 62.0) < 22.0) & (z_mm < -90.0)

    assert not (found[Structure.SKELETON].mask & kidneys).any()
    assert SegmentationWarning.MAY_HOLD_CONTRAST in found[Structure.SKELETON].warnings


def test_body_that_the_ends_of_the_image_cut_is_warned_of_and_whole_lungs_are_not(
    found: dict[Structure, SegmentedStructure],
) -> None:
    assert found[Structure.BODY].warnings == (SegmentationWarning.CUT_BY_FIELD_OF_VIEW,)
    assert found[Structure.LUNG_LEFT].warnings == ()
    assert found[Structure.LUNG_RIGHT].warnings == ()


def test_gas_of_the_stomach_is_not_lung_where_there_is_no_lung() -> None:
    phantom = ct_phantom(_cut_grid(-150.0, -90.0))

    found = _segment(phantom.hu, phantom.grid, LUNGS)

    for structure in LUNGS:
        assert not found[structure].mask.any()
        assert found[structure].volume_cc == 0.0
        assert found[structure].warnings == (SegmentationWarning.NOT_FOUND,)


def test_lung_bases_cut_by_the_end_of_the_image_are_found() -> None:
    phantom = ct_phantom(_cut_grid(-150.0, -63.0))

    found = _segment(phantom.hu, phantom.grid, LUNGS)

    for structure in LUNGS:
        assert _dice(found[structure].mask, phantom.truth[structure]) >= 0.97
        assert found[structure].warnings == (SegmentationWarning.CUT_BY_FIELD_OF_VIEW,)


def test_touching_lungs_are_parted_and_the_parting_is_warned_of(phantom: CtPhantom) -> None:
    x_mm, y_mm, z_mm = _positions(phantom.grid)
    bridge = (np.abs(x_mm) < 30.0) & (np.abs(y_mm + 12.0) < 6.0) & (np.abs(z_mm - 5.0) < 20.0)
    hu = phantom.hu.copy()
    hu[bridge & (hu > -700)] = -840

    found = _segment(hu, phantom.grid, LUNGS)

    for structure in LUNGS:
        assert _dice(found[structure].mask, phantom.truth[structure]) >= 0.97
        assert SegmentationWarning.LUNGS_SPLIT_BY_SHAPE in found[structure].warnings


def test_single_lung_keeps_its_side() -> None:
    phantom = ct_phantom(_cut_grid(-60.0, 150.0))
    hu = phantom.hu.copy()
    hu[phantom.truth[Structure.LUNG_LEFT]] = 20  # filled by effusion

    found = _segment(hu, phantom.grid, LUNGS)

    right = found[Structure.LUNG_RIGHT]
    assert _dice(right.mask, phantom.truth[Structure.LUNG_RIGHT]) >= 0.97
    assert found[Structure.LUNG_LEFT].warnings == (SegmentationWarning.NOT_FOUND,)


@pytest.mark.parametrize(
    "direction",
    [
        (-1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, -1.0),  # feet first, supine
        (-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0),  # rows and columns both reversed
        (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, -1.0),  # slices from the head down
        (0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0),  # rows along y
    ],
)
def test_sides_are_the_patients_in_any_orientation(direction: tuple[float, ...]) -> None:
    grid = _cut_grid(-150.0, 150.0)
    axes = np.asarray(direction).reshape(3, 3)
    steps = np.array(grid.spacing_mm[::-1])
    half = (np.array(grid.shape[::-1]) - 1) / 2
    x, y, z = (float(v) for v in -axes @ (steps * half))
    turned = replace(grid, direction=direction, origin_lps_mm=(x, y, z))
    phantom = ct_phantom(turned)

    found = _segment(phantom.hu, turned, LUNGS)

    for structure in LUNGS:
        assert _dice(found[structure].mask, phantom.truth[structure]) >= 0.97


def test_sagittal_slices_give_the_same_structures(
    phantom: CtPhantom, found: dict[Structure, SegmentedStructure]
) -> None:
    grid = phantom.grid
    k, j, i = grid.spacing_mm
    # k along x, j along -z, i along y
    hu = np.ascontiguousarray(phantom.hu.transpose(2, 0, 1)[:, ::-1])
    x, y, z = grid.origin_lps_mm
    turned = ImageGrid(
        shape=(grid.shape[2], grid.shape[0], grid.shape[1]),
        spacing_mm=(i, k, j),
        origin_lps_mm=(x, y, z + k * (grid.shape[0] - 1)),
        direction=(0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, -1.0, 0.0),
    )

    again = _segment(hu, turned, ALL)

    for structure in ALL:
        back = again[structure].mask[:, ::-1].transpose(1, 2, 0)
        # equal but for clinging sheets, which are looked for in the slices of the image
        assert _dice(back, found[structure].mask) > 0.9995


def test_padding_is_air_and_cuts_what_it_covers(phantom: CtPhantom) -> None:
    x_mm, y_mm, _ = _positions(phantom.grid)
    hu = phantom.hu.copy()
    hu[np.broadcast_to(x_mm**2 + y_mm**2 > 172.0**2, hu.shape)] = -3024

    found = _segment(hu, phantom.grid, ALL)

    body = found[Structure.BODY]
    assert not (body.mask & (hu == -3024)).any()
    assert SegmentationWarning.CUT_BY_FIELD_OF_VIEW in body.warnings
    for structure in LUNGS:
        assert _dice(found[structure].mask, phantom.truth[structure]) >= 0.97


def test_lung_open_at_the_side_of_a_narrow_image_is_found(phantom: CtPhantom) -> None:
    # columns from x = -200 to x = 70 mm: the left lung is cut at its middle
    narrow = phantom.hu[:, :, 15:150].copy()
    x, y, z = phantom.grid.origin_lps_mm
    grid = replace(phantom.grid, shape=narrow.shape, origin_lps_mm=(x + 15 * 2.0, y, z))

    found = _segment(narrow, grid, ALL)

    for structure in LUNGS:
        truth = phantom.truth[structure][:, :, 15:150]
        assert _dice(found[structure].mask, truth) >= 0.97
    assert SegmentationWarning.CUT_BY_FIELD_OF_VIEW in found[Structure.LUNG_LEFT].warnings


def test_arm_apart_from_the_trunk_belongs_to_the_body(phantom: CtPhantom) -> None:
    x_mm, y_mm, _ = _positions(phantom.grid)
    arm = np.broadcast_to((x_mm + 205.0) ** 2 + y_mm**2 < 18.0**2, phantom.hu.shape)
    hu = phantom.hu.copy()
    hu[arm] = 50

    body = _segment(hu, phantom.grid, [Structure.BODY])[Structure.BODY]

    assert _dice(body.mask & (x_mm < -184.0), arm) >= 0.95  # 4 voxels across its radius


def test_nothing_but_air_gives_empty_masks_with_warnings() -> None:
    grid = default_phantom_grid(shape=(6, 20, 30))

    for result in segment_ct(np.full(grid.shape, -1000, np.int16), grid, ALL):
        assert not result.mask.any()
        assert result.warnings == (SegmentationWarning.NOT_FOUND,)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 40, 40), (3, 2, 1), (40, 1, 40)])
def test_tiny_images_of_tissue_are_body(shape: tuple[int, int, int]) -> None:
    grid = default_phantom_grid(shape=shape, extent_mm=(30.0, 30.0, 30.0))

    found = _segment(np.full(shape, 40, np.int16), grid, ALL)

    assert found[Structure.BODY].mask.all()
    assert found[Structure.SKELETON].warnings == (SegmentationWarning.NOT_FOUND,)


def test_extreme_values_are_survived() -> None:
    grid = default_phantom_grid(shape=(8, 32, 32))
    noise = np.random.default_rng(5).integers(-32768, 32767, grid.shape).astype(np.int16)

    results = segment_ct(noise, grid, ALL)

    assert [result.structure for result in results] == ALL


def test_one_and_two_threads_and_two_runs_give_the_same_bits(
    phantom: CtPhantom, found: dict[Structure, SegmentedStructure]
) -> None:
    for threads in (1, 2):
        again = segment_ct(phantom.hu, phantom.grid, ALL, threads=threads)
        for result in again:
            assert np.array_equal(result.mask, found[result.structure].mask)
            assert result.warnings == found[result.structure].warnings


def test_one_structure_alone_is_the_same_as_among_others(
    phantom: CtPhantom, found: dict[Structure, SegmentedStructure]
) -> None:
    for structure in ALL:
        alone = _segment(phantom.hu, phantom.grid, [structure])[structure]
        assert np.array_equal(alone.mask, found[structure].mask)


def test_input_is_left_as_it_was(phantom: CtPhantom) -> None:
    hu = phantom.hu.copy()
    hu.flags.writeable = False

    segment_ct(hu, phantom.grid, ALL)

    assert np.array_equal(hu, phantom.hu)


def test_progress_is_monotone_ends_at_one_and_uses_the_words_of_the_stages() -> None:
    phantom = ct_phantom(_cut_grid(-60.0, 60.0))
    heard: list[tuple[str, float]] = []

    segment_ct(phantom.hu, phantom.grid, ALL, progress=lambda s, f: heard.append((s, f)))

    words = list(dict.fromkeys(stage for stage, _ in heard))
    fractions = [fraction for _, fraction in heard]
    assert words == [stage.value for stage in SegmentationStage]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


@pytest.mark.parametrize("at", [0.0, 0.2, 0.5, 0.8, 0.95])
def test_cancelling_leaves_at_once(phantom: CtPhantom, at: float) -> None:
    asked: list[float] = []

    def cancel(stage: str, fraction: float) -> None:
        if fraction >= at:
            asked.append(monotonic())
            raise Cancelled

    with pytest.raises(Cancelled):
        segment_ct(phantom.hu, phantom.grid, ALL, progress=cancel)

    assert len(asked) == 1
    assert monotonic() - asked[0] < 1.0


def test_refuses_other_types_shapes_structures_and_threads() -> None:
    grid = default_phantom_grid(shape=(4, 16, 16))
    hu = np.full(grid.shape, 40, np.int16)

    assert len(segment_ct(hu, grid, [Structure.BODY], threads=64)) == 1
    body = [Structure.BODY]
    for dtype in (np.float32, np.int32, np.uint16, np.dtype(">i2")):
        with pytest.raises(InvalidInput):
            segment_ct(cast("npt.NDArray[np.int16]", hu.astype(dtype)), grid, body)
    with pytest.raises(InvalidInput):
        segment_ct(hu[:3], grid, body)
    with pytest.raises(InvalidInput):
        segment_ct(hu, grid, [])
    with pytest.raises(InvalidInput):
        segment_ct(hu, grid, body * 2)
    for threads in (0, 65):
        with pytest.raises(InvalidInput):
            segment_ct(hu, grid, body, threads=threads)


def test_a_result_refuses_a_mask_that_is_none() -> None:
    with pytest.raises(InvalidInput):
        SegmentedStructure(structure=Structure.BODY, mask=np.zeros((2, 2), np.bool_), volume_cc=0.0)
    with pytest.raises(InvalidInput):
        SegmentedStructure(
            structure=Structure.BODY, mask=np.zeros((2, 2, 2), np.bool_), volume_cc=float("nan")
        )


@pytest.mark.parametrize("seed", range(12))
def test_noise_in_a_tiny_image_ends_in_an_answer(seed: int) -> None:
    grid = default_phantom_grid(shape=(4, 16, 16), extent_mm=(20.0, 460.8, 460.8))
    noise = np.random.default_rng(seed).integers(-1024, 3071, grid.shape, np.int16)

    found = segment_ct(noise, grid, list(Structure))

    assert [one.structure for one in found] == list(Structure)
