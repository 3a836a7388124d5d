"""Ball morphology against distances, and labels against counting."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from encryptsecurert_rt.segmentation import morphology

Spacing = tuple[float, float, float]
spacings = st.tuples(*[st.floats(0.5, 5.0)] * 3)
radii = st.floats(0.0, 9.0)


def _mask(seed: int, density: float) -> npt.NDArray[np.bool_]:
    return np.asarray(np.random.default_rng(seed).random((7, 11, 13)) < density)


@given(seed=st.integers(0, 999), spacing=spacings, radius_mm=radii)
@settings(max_examples=60, deadline=None)
def test_dilation_is_what_the_distance_transform_says(
    seed: int, spacing: Spacing, radius_mm: float
) -> None:
    mask = _mask(seed, 0.02)
    distance = (
        ndimage.distance_transform_edt(~mask, sampling=spacing)
        if mask.any()
        else np.full(mask.shape, np.inf)
    )

    dilated = morphology.dilate(mask, spacing, radius_mm)

    sure = np.abs(distance - radius_mm) > 1e-3  # voxels on the very surface of the ball aside
    assert np.array_equal(dilated[sure], (distance <= radius_mm)[sure])


@given(seed=st.integers(0, 999), spacing=spacings, radius_mm=radii)
@settings(max_examples=30, deadline=None)
def test_opening_shrinks_and_closing_grows(seed: int, spacing: Spacing, radius_mm: float) -> None:
    mask = _mask(seed, 0.5)

    opened = morphology.opening(mask, spacing, radius_mm)
    closed = morphology.closing(mask, spacing, radius_mm)

    assert not (opened & ~mask).any()
    assert not (mask & ~closed).any()


def test_the_array_border_does_not_erode() -> None:
    full = np.ones((4, 5, 6), np.bool_)

    assert morphology.erode(full, (1.0, 1.0, 1.0), 3.0).all()


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "spacing", [(1e-300,) * 3, (1e-3, 1.0, 1.0), (1.0, 1e-9, 1.0), (5e-324,) * 3]
)
def test_a_ball_larger_than_the_mask_ends_at_its_borders(spacing: Spacing) -> None:
    mask = np.zeros((2, 8, 9), np.bool_)
    mask[0, 0, 0] = True
    least = max(step * (n - 1) for step, n in zip(spacing, mask.shape, strict=True))

    assert morphology.dilate(mask, spacing, 2.0 * least + 20.0).all()
    assert not morphology.erode(~mask, spacing, 2.0 * least + 20.0).any()


def test_the_rows_of_a_ball_are_bounded_by_its_radius_and_by_the_mask() -> None:
    assert morphology.most_ball_rows((99, 99, 99), (1.0, 2.0, 0.1), 4.0) == 9 * 5
    assert morphology.most_ball_rows((2, 3, 99), (1e-300, 1e-300, 1.0), 4.0) == 3 * 5


def test_components_are_connected_by_faces_and_counted() -> None:
    mask = np.zeros((2, 3, 3), np.bool_)
    mask[0, 0, 0] = mask[0, 1, 1] = mask[1, 1, 1] = True

    numbers, sizes = morphology.label(mask)

    assert sizes.tolist() == [15, 1, 2]
    assert numbers[0, 1, 1] == numbers[1, 1, 1] != numbers[0, 0, 0]


def test_slices_are_labelled_apart() -> None:
    mask = np.ones((3, 2, 2), np.bool_)

    _, sizes = morphology.label_slices(mask)

    assert sizes.tolist() == [0, 4, 4, 4]


def test_bounding_box_holds_the_mask_and_its_margin() -> None:
    mask = np.zeros((5, 6, 7), np.bool_)
    mask[2, 3, 4] = True

    assert morphology.bounding_box(mask, 1) == (slice(1, 4), slice(2, 5), slice(3, 6))
    assert morphology.bounding_box(np.zeros_like(mask), 1) is None
