"""Binary morphology in millimetres, with Euclidean balls on anisotropic grids.

A ball is a stack of rows. Its dilation is made of shifted copies of the mask, one row of the
ball at a time: plain `or` on whole arrays, exact to the last voxel, with no distance map and no
state, and each call is short enough to stay cancellable on the working grid. A ball is cut to
what can reach from one end of the mask to the other, so that no spacing makes it endless.

Outside of the array there is nothing to dilate from and nothing that erodes: a body cut by the
image border is not eaten from there.
"""

import math
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
from scipy import ndimage

BoolVolume = npt.NDArray[np.bool_]
Spacing = tuple[float, float, float]
Box = tuple[slice, slice, slice]

_TOLERANCE = 1e-6  # a voxel at exactly the radius belongs to the ball
_VOXELS_AT_ONCE = 1 << 20


def _no_check() -> None:
    pass


def dilate(
    mask: BoolVolume,
    spacing_mm: Spacing,
    radius_mm: float,
    check: Callable[[], None] = _no_check,
) -> BoolVolume:
    """Add all voxels whose centre is at most `radius_mm` from a centre in `mask`.

    Parameters
    ----------
    mask : bool (k, j, i).
    spacing_mm : (k, j, i).
    radius_mm : below the smallest spacing, the mask comes back unchanged (as a copy).
    check : called for each row of the ball, which takes long where ball and mask are large; what
        it raises ends the work.
    """
    rows = sorted(_ball_rows(mask.shape, spacing_mm, radius_mm), key=lambda row: row[2])
    out = mask.copy()
    by_width: BoolVolume = mask.copy()
    reached = 0
    for k, j, width in rows:
        check()
        while reached < width:
            reached += 1
            by_width[:, :, reached:] |= mask[:, :, :-reached]
            by_width[:, :, :-reached] |= mask[:, :, reached:]
        _or_shifted(out, by_width, k, j)
    return out


def erode(
    mask: BoolVolume,
    spacing_mm: Spacing,
    radius_mm: float,
    check: Callable[[], None] = _no_check,
) -> BoolVolume:
    """Keep the voxels whose ball of `radius_mm` holds no voxel outside `mask`."""
    return ~dilate(~mask, spacing_mm, radius_mm, check)


def opening(
    mask: BoolVolume,
    spacing_mm: Spacing,
    radius_mm: float,
    check: Callable[[], None] = _no_check,
) -> BoolVolume:
    """Remove what is thinner than two radii; parts cut by the array border count as thick."""
    thick = dilate(erode(mask, spacing_mm, radius_mm, check), spacing_mm, radius_mm, check)
    thick &= mask
    return thick


def closing(
    mask: BoolVolume,
    spacing_mm: Spacing,
    radius_mm: float,
    check: Callable[[], None] = _no_check,
) -> BoolVolume:
    """Fill gaps narrower than two radii."""
    closed = erode(dilate(mask, spacing_mm, radius_mm, check), spacing_mm, radius_mm, check)
    closed |= mask
    return closed


def grow_one(mask: BoolVolume) -> BoolVolume:
    """Add the six neighbours of each voxel."""
    out = mask.copy()
    out[1:] |= mask[:-1]
    out[:-1] |= mask[1:]
    out[:, 1:] |= mask[:, :-1]
    out[:, :-1] |= mask[:, 1:]
    out[:, :, 1:] |= mask[:, :, :-1]
    out[:, :, :-1] |= mask[:, :, 1:]
    return out


def label(mask: BoolVolume) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Find the 6-connected components, numbered from 1, and count their voxels.

    The first count is that of the background.
    """
    numbers = np.empty(mask.shape, np.int32)
    count = 1 + int(ndimage.label(mask, output=numbers))
    return numbers, _sizes(numbers, count)


def label_slices(mask: BoolVolume) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Like `label`, but slices of axis 0 are not connected."""
    in_plane = np.zeros((3, 3, 3), np.bool_)
    in_plane[1] = ndimage.generate_binary_structure(2, 1)
    numbers = np.empty(mask.shape, np.int32)
    count = 1 + int(ndimage.label(mask, structure=in_plane, output=numbers))
    return numbers, _sizes(numbers, count)


def count_in(
    numbers: npt.NDArray[np.int32], where: BoolVolume, count: int
) -> npt.NDArray[np.int64]:
    """Count the voxels of each component (by number) that are in `where`."""
    counts = np.zeros(count, np.int64)
    flat, chosen = numbers.ravel(), where.ravel()
    for part in parts(flat.size):
        add_counts(counts, flat[part][chosen[part]])
    return counts


def select(numbers: npt.NDArray[np.int32], chosen: npt.NDArray[np.bool_]) -> BoolVolume:
    """Mask of the components whose entry in `chosen` (by number) is True."""
    chosen = chosen.copy()
    chosen[0] = False
    mask = np.empty(numbers.shape, np.bool_)
    flat, out = numbers.ravel(), mask.ravel()
    for part in parts(flat.size):
        out[part] = chosen[flat[part]]
    return mask


def parts(size: int) -> Iterator[slice]:
    """Cut a flat array where numpy would make a copy of 8 octets an element of the whole."""
    step = max(_VOXELS_AT_ONCE, size // 16)
    for start in range(0, size, step):
        yield slice(start, start + step)


def _sizes(numbers: npt.NDArray[np.int32], count: int) -> npt.NDArray[np.int64]:
    sizes = np.zeros(count, np.int64)
    flat = numbers.ravel()
    for part in parts(flat.size):
        add_counts(sizes, flat[part])
    return sizes


def add_counts(counts: npt.NDArray[np.int64], numbers: npt.NDArray[np.int32]) -> None:
    """Count a part of a labelled array, in which numbers other than 0 are near each other."""
    numbered = numbers[numbers > 0]
    counts[0] += numbers.size - numbered.size
    if numbered.size:
        first = int(numbered.min())
        found = np.bincount(numbered - first)
        counts[first : first + found.size] += found


def touching_sides(numbers: npt.NDArray[np.int32], count: int) -> npt.NDArray[np.bool_]:
    """Say of each component (by number) whether it reaches a face of axis 1 or 2."""
    hit = np.zeros(count, np.bool_)
    for face in (numbers[:, 0], numbers[:, -1], numbers[:, :, 0], numbers[:, :, -1]):
        hit[np.unique(face)] = True
    hit[0] = False
    return hit


def bounding_box(mask: BoolVolume, margin: int) -> Box | None:
    """Give the smallest box that holds `mask`, widened by `margin` voxels; None if it is empty."""
    if not mask.any():
        return None
    spans = []
    for axis in range(3):
        hit = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        spans.append(slice(max(int(hit[0]) - margin, 0), int(hit[-1]) + 1 + margin))
    return spans[0], spans[1], spans[2]


def widened(box: tuple[slice, ...], spacing_mm: Spacing, margin_mm: float) -> Box:
    """Widen a box by at least `margin_mm` on each side."""
    k, j, i = (
        slice(max(side.start - int(margin_mm / step) - 1, 0), side.stop + int(margin_mm / step) + 1)
        for side, step in zip(box, spacing_mm, strict=True)
    )
    return k, j, i


def uncrop(part: BoolVolume, box: Box, shape: tuple[int, ...]) -> BoolVolume:
    """Put a part back into an otherwise empty mask of `shape`."""
    whole = np.zeros(shape, np.bool_)
    whole[box] = part
    return whole


def most_ball_rows(shape: tuple[int, ...], spacing_mm: Spacing, radius_mm: float) -> int:
    """Bound the rows of a ball on a mask of `shape`: what one dilation costs, in whole masks."""
    reach_k, reach_j = (
        _reach(radius_mm / step, count)
        for step, count in zip(spacing_mm[:2], shape[:2], strict=True)
    )
    return (2 * reach_k + 1) * (2 * reach_j + 1)


def _ball_rows(
    shape: tuple[int, ...], spacing_mm: Spacing, radius_mm: float
) -> Iterator[tuple[int, int, int]]:
    step_k, step_j, step_i = spacing_mm
    reach_k = _reach(radius_mm / step_k, shape[0])
    for k in range(-reach_k, reach_k + 1):
        left = max(radius_mm**2 - (k * step_k) ** 2, 0.0)
        reach_j = _reach(math.sqrt(left) / step_j, shape[1])
        for j in range(-reach_j, reach_j + 1):
            rest = max(left - (j * step_j) ** 2, 0.0)
            yield k, j, _reach(math.sqrt(rest) / step_i, shape[2])


def _reach(steps: float, count: int) -> int:
    """Whole steps within `steps`; more than from end to end of `count` voxels change nothing."""
    return int(min(steps + _TOLERANCE, max(count - 1, 0)))


def _or_shifted(out: BoolVolume, source: BoolVolume, k: int, j: int) -> None:
    to_k, from_k = _overlap(k)
    to_j, from_j = _overlap(j)
    out[to_k, to_j] |= source[from_k, from_j]


def _overlap(shift: int) -> tuple[slice, slice]:
    if shift >= 0:
        return slice(shift, None), slice(None, -shift or None)
    return slice(None, shift), slice(-shift, None)
