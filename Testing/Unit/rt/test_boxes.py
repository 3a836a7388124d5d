"""Boxes of components, and counts made part by part, against those of the whole."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage

from encryptsecurert_rt.segmentation import boxes, morphology
from encryptsecurert_rt.segmentation.boxes import Boxes

_SHAPES = [(9, 11, 13), (1, 40, 30), (40, 1, 1), (30, 25)]
_DENSITIES = [0.0, 0.1, 0.5, 0.9, 1.0]


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boxes, "_VOXELS_AT_ONCE", 97)
    monkeypatch.setattr(morphology, "_VOXELS_AT_ONCE", 97)


def _mask(shape: tuple[int, ...], density: float) -> npt.NDArray[np.bool_]:
    return np.asarray(np.random.default_rng(4).random(shape) < density)


def _numbers(shape: tuple[int, ...], density: float) -> tuple[npt.NDArray[np.int32], int]:
    numbers = np.zeros(shape, np.int32)
    return numbers, 1 + int(ndimage.label(_mask(shape, density), output=numbers))


@pytest.mark.parametrize("shape", _SHAPES)
@pytest.mark.parametrize("density", _DENSITIES)
def test_boxes_are_those_of_scipy(shape: tuple[int, ...], density: float) -> None:
    numbers, count = _numbers(shape, density)
    found = Boxes.of(numbers, count)

    assert [found[number] for number in range(1, count)] == ndimage.find_objects(numbers)


def test_boxes_of_an_edge_beyond_16_bits_are_right() -> None:
    numbers = np.zeros((1, 40_000), np.int32)
    numbers[0, 39_990:39_995] = 1

    assert Boxes.of(numbers, 2)[1] == (slice(0, 1), slice(39_990, 39_995))


@pytest.mark.parametrize("density", _DENSITIES)
def test_sizes_counts_and_selections_are_those_of_the_whole(density: float) -> None:
    mask, where = _mask((9, 11, 13), density), _mask((9, 11, 13), 0.4)
    numbers, sizes = morphology.label(mask)
    chosen = np.arange(sizes.size) % 3 == 1

    assert sizes.tolist() == np.bincount(numbers.ravel()).tolist()
    counts = morphology.count_in(numbers, where, sizes.size)
    assert counts.tolist() == np.bincount(numbers[where], minlength=sizes.size).tolist()
    assert np.array_equal(morphology.select(numbers, chosen), chosen[numbers])
