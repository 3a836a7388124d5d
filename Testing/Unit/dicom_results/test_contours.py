"""Contours of masks: exact to the voxel, holes too, under every filling rule."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_rt.geometry import ImageGrid
from encryptsecurert_worker.dicom.results import contours
from encryptsecurert_worker.dicom.results.contours import slice_polygons, to_patient

Mask = npt.NDArray[np.bool_]
masks = hnp.arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9)))


def winding(polygon: npt.NDArray[np.int64], shape: tuple[int, int]) -> npt.NDArray[np.int64]:
    """Return the winding number of a polygon about each voxel centre (a ray to the right)."""
    j, i = np.mgrid[: shape[0], : shape[1]]
    y, x = 2.0 * j, 2.0 * i
    turns = np.zeros(shape, np.int64)
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if y0 == y1:
            continue
        crossed = (y0 > y) != (y1 > y)
        at = x0 + (y - y0) * (x1 - x0) / (y1 - y0)
        turns += np.where(crossed & (x < at), 1 if y1 > y0 else -1, 0)
    return turns


def area_in_voxels(polygon: npt.NDArray[np.int64]) -> float:
    x, y = polygon.T
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum()) / 8


def test_one_voxel_is_a_diamond_through_its_sides() -> None:
    mask = np.zeros((3, 4), np.bool_)
    mask[1, 2] = True

    (polygon,) = slice_polygons(mask)

    assert {tuple(p) for p in polygon.tolist()} == {(4, 1), (5, 2), (4, 3), (3, 2)}


def test_an_empty_slice_has_no_contour() -> None:
    assert slice_polygons(np.zeros((5, 5), np.bool_)) == []


def test_voxels_that_touch_at_a_corner_only_are_apart() -> None:
    assert len(slice_polygons(np.eye(4, dtype=np.bool_))) == 4


def test_a_slice_has_so_many_sides_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    mask = np.eye(5, dtype=np.bool_)  # four sides each
    monkeypatch.setattr(contours, "MOST_SIDES", 20)
    assert len(slice_polygons(mask)) == 5

    monkeypatch.setattr(contours, "MOST_SIDES", 19)
    with pytest.raises(EncryptSecureRTError) as refusal:
        slice_polygons(mask)
    assert refusal.value.code is ErrorCode.E_TOO_LARGE


def test_a_ring_is_one_polygon_with_a_channel() -> None:
    mask = np.ones((5, 5), np.bool_)
    mask[2, 2] = False

    (polygon,) = slice_polygons(mask)

    repeated = len(polygon) - len({tuple(p) for p in polygon.tolist()})
    assert repeated >= 1
    assert area_in_voxels(polygon) == 24.0  # half a voxel less outside, half more inside


@given(masks)
def test_even_odd_and_non_zero_filling_both_give_the_mask_back(mask: Mask) -> None:
    even_odd, non_zero = np.zeros_like(mask), np.zeros_like(mask)
    for polygon in slice_polygons(mask):
        turns = winding(polygon, (mask.shape[0], mask.shape[1]))
        assert not (even_odd & (turns % 2 == 1)).any()  # contours do not overlap
        even_odd |= turns % 2 == 1
        non_zero |= turns != 0

    np.testing.assert_array_equal(even_odd, mask)
    np.testing.assert_array_equal(non_zero, mask)


@given(masks)
def test_area_is_the_voxel_count_less_half_a_voxel_a_curve(mask: Mask) -> None:
    polygons = slice_polygons(mask)

    pieces = ndimage.label(mask)[1]
    outside = np.pad(~mask, 1, constant_values=True)
    holes = ndimage.label(outside, np.ones((3, 3)))[1] - 1
    assert len(polygons) == pieces
    expected = np.count_nonzero(mask) - 0.5 * pieces + 0.5 * holes
    assert sum(map(area_in_voxels, polygons)) == expected


@given(masks)
def test_no_vertex_lies_on_a_straight_run(mask: Mask) -> None:
    for polygon in slice_polygons(mask):
        before = polygon - np.roll(polygon, 1, axis=0)
        after = np.roll(polygon, -1, axis=0) - polygon
        bent = before[:, 0] * after[:, 1] != before[:, 1] * after[:, 0]
        back = (before * after).sum(axis=1) < 0
        assert (bent | back).all()


def test_nested_rings_are_filled_right() -> None:
    j, i = np.mgrid[:41, :41]
    mask = np.hypot(j - 20, i - 20).astype(int) // 3 % 2 == 0

    filled = np.zeros_like(mask)
    for polygon in slice_polygons(mask):
        filled |= winding(polygon, (41, 41)) % 2 == 1

    np.testing.assert_array_equal(filled, mask)


def test_vertices_are_placed_through_spacing_origin_and_axes() -> None:
    grid = ImageGrid(
        shape=(5, 6, 7),
        spacing_mm=(3.0, 2.0, 0.5),
        origin_lps_mm=(10.0, 20.0, 30.0),
        direction=(0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0),  # i to z, j to x, k to y
    )
    half_i_one_j = np.array([[1, 2]])

    ((x, y, z),) = to_patient(half_i_one_j, 4, grid)

    assert (x, y, z) == pytest.approx((10.0 + 2.0, 20.0 + 12.0, 30.0 + 0.25))
