"""Segmentation of voxels that no scanner makes: an answer or a refusal, and soon."""

from itertools import product

import numpy as np
import numpy.typing as npt
import pytest

from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.geometry import ImageGrid
from encryptsecurert_rt.segmentation import Structure, segment_ct

Spacing = tuple[float, float, float]
Shape = tuple[int, int, int]

_EXTREMES = [(k, j, i) for k, j, i in product((0.05, 2.0, 100.0), repeat=3)]


def _grid(shape: Shape, spacing_mm: Spacing) -> ImageGrid:
    return ImageGrid(
        shape=shape,
        spacing_mm=spacing_mm,
        origin_lps_mm=(0.0, 0.0, 0.0),
        direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
    )


def _contents(shape: Shape) -> list[npt.NDArray[np.int16]]:
    """Bone all over, noise, and lung in a wall of soft tissue with a bone in it."""
    noise = np.random.default_rng(1).integers(-1024, 3071, shape, np.int16)
    chest = np.full(shape, 40, np.int16)
    chest[:, 1:-1, 1:-1] = -850
    chest[:, 3:5, 3:5] = 700
    return [np.full(shape, 1000, np.int16), noise, chest]


def _answers(hu: npt.NDArray[np.int16], grid: ImageGrid) -> bool:
    return [one.structure for one in segment_ct(hu, grid, list(Structure))] == list(Structure)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("spacing_mm", _EXTREMES)
@pytest.mark.parametrize("shape", [(2, 8, 8), (1, 9, 70), (12, 30, 60)])
def test_the_bounds_of_spacing_end_in_an_answer(shape: Shape, spacing_mm: Spacing) -> None:
    for hu in _contents(shape):
        assert _answers(hu, _grid(shape, spacing_mm))


@pytest.mark.timeout(20)
def test_voxels_too_uneven_for_the_size_of_the_image_are_refused() -> None:
    shape = (80, 80, 4)
    hu = np.full(shape, 40, np.int16)

    assert _answers(hu, _grid(shape, (2.0, 2.0, 50.0)))
    with pytest.raises(InvalidInput):
        segment_ct(hu, _grid(shape, (2.0, 2.0, 100.0)), list(Structure))


@pytest.mark.timeout(20)
@pytest.mark.parametrize("spacing_mm", [(10.0, 10.0, 10.0), (30.0, 30.0, 30.0)])
def test_as_many_lungs_and_airways_as_voxels_end_in_an_answer(spacing_mm: Spacing) -> None:
    shape = (20, 160, 160)
    hu = np.full(shape, 40, np.int16)
    hu[:, 1:-1:2, 1:-1:2] = -850

    assert _answers(hu, _grid(shape, spacing_mm))
