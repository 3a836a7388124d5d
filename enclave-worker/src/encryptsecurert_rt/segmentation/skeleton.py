"""The skeleton: cortical and spongy bone with the marrow that it encloses.

    dense parts > 180 HU inside the body, without contrast agent
    -->  weaker bone > 130 HU within 3 mm of them
    -->  spongy bone and marrow: what dense bone walls in on at least five of six sides, and
         cavities that it closes in 3-D
    -->  surface where the CT is half way between soft tissue and the bone next to it

Spongy bone is not simply what is attached to dense bone: enhanced vessels are attached as well.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from encryptsecurert_rt.segmentation import morphology
from encryptsecurert_rt.segmentation.body import Body
from encryptsecurert_rt.segmentation.contrast import sort_dense
from encryptsecurert_rt.segmentation.morphology import BoolVolume
from encryptsecurert_rt.segmentation.types import SegmentationWarning
from encryptsecurert_rt.segmentation.working_grid import Slab, WorkingGrid

_DENSE_HU = 180
_WEAK_HU = 130
_SPONGY_HU = 90  # above muscle and the spinal cord
_CORD_HU = 60  # a voxel below is not spongy, whatever its surroundings
_GAP_MM, _GAP_HU, _GAP_PERCENT = 4.0, 60, 60  # holes with mostly bone within 4 mm
_ATTACHED_MM = 3.0
_WALL_MM = 30.0  # how far away the walls of spongy bone may be: half a vertebra and more
_MARROW_HU = -150  # below fat is air: a sinus of the skull
_SOFT_HU = 40
_MIN_SURFACE_HU, _MAX_SURFACE_HU = 120, 500
_PEAK_MM = 2.5
_SEAL_MM = 2.5
_FATTY_HU = 0
_RING_CM2 = 15.0
_THIN_MARROW_MM = 1.7  # half the width of the marrow of a rib
_CONTRAST_CC = 1.0  # less is noise
_SMALL_CAVITY_CC = 3.0  # less than the spinal canal of a vertebra
_MARROW_CC = 100.0  # a larger cavity is not marrow: the inside of the skull


@dataclass(frozen=True, slots=True, kw_only=True)
class Skeleton:
    """Bone on the working grid, bool (z, y, x), and the threshold of its surface in HU."""

    bone: BoolVolume
    surface_hu: npt.NDArray[np.int16]
    warnings: tuple[SegmentationWarning, ...]


def find_skeleton(
    body: Body, working: WorkingGrid, report: Callable[[float], None]
) -> Skeleton | None:
    """Recognise bone on the working grid; None if there is none."""
    box = morphology.bounding_box(body.filled, 3)
    if box is None:
        return None
    cropped = replace(working, mean_hu=working.mean_hu[box])
    filled, hu = body.filled[box], cropped.mean_hu
    parts = sort_dense(filled & (hu > _DENSE_HU), filled, cropped, lambda f: report(0.5 * f))
    report(0.5)
    if not parts.bone.any():
        return None
    barred = parts.contrast | ~filled
    contrast_cc = np.count_nonzero(parts.contrast) * working.voxel_cc
    said = (SegmentationWarning.MAY_HOLD_CONTRAST,) if contrast_cc > _CONTRAST_CC else ()
    bone = parts.bone | _attached(parts.bone, (hu > _WEAK_HU) & ~barred, cropped.spacing_mm)
    report(0.6)
    bone |= _spongy(bone, cropped) & ~barred
    report(0.7)
    bone |= _cavities(bone, cropped, report)
    report(0.9)
    surface_hu = np.full(working.mean_hu.shape, _MAX_SURFACE_HU, np.int16)
    surface_hu[box] = _surface_threshold(cropped)
    bone = morphology.uncrop(bone, box, working.mean_hu.shape)
    return Skeleton(bone=bone, surface_hu=surface_hu, warnings=said)


def skeleton_surface(
    skeleton: Skeleton, working: WorkingGrid, report: Callable[[float], None]
) -> BoolVolume:
    """Put the surface of the bone on the CT: bool (k, j, i)."""
    reach_mm = 1.01 * max(working.spacing_mm[1:])
    inside = morphology.erode(skeleton.bone, working.spacing_mm, reach_mm)
    near = morphology.dilate(skeleton.bone, working.spacing_mm, reach_mm)

    def decide(slab: Slab) -> BoolVolume:
        mask = slab.hu > slab.spread(skeleton.surface_hu)
        mask &= slab.spread(near)
        mask |= slab.spread(inside)
        return morphology.closing(mask, working.in_slice_mm, _THIN_MARROW_MM)

    return working.surface(decide, report)


def _attached(bone: BoolVolume, weak: BoolVolume, spacing_mm: morphology.Spacing) -> BoolVolume:
    grown = bone
    for _ in range(max(1, int(_ATTACHED_MM / min(spacing_mm)))):
        before = grown
        grown = bone | (morphology.grow_one(grown) & (weak | grown))
        if np.array_equal(grown, before):  # nor would any later pass add a voxel
            break
    return grown


def _spongy(bone: BoolVolume, working: WorkingGrid) -> BoolVolume:
    """Find spongy bone: denser than muscle on average, and walled in; and gaps between."""
    smooth_hu = ndimage.uniform_filter(working.mean_hu, size=3, mode="nearest")
    spongy: BoolVolume = smooth_hu > _SPONGY_HU
    spongy &= working.mean_hu > _CORD_HU  # the mean reaches from cortical bone into the canal
    spongy &= _walled_in(bone, working.spacing_mm)
    gaps: BoolVolume = smooth_hu > _GAP_HU
    size = _window(_GAP_MM, working)
    hundredths = (bone | spongy).astype(np.int16) * np.int16(100)
    around = ndimage.uniform_filter(hundredths, size=size, mode="nearest")
    gaps &= around > _GAP_PERCENT
    return spongy | gaps


def _window(reach_mm: float, working: WorkingGrid) -> list[int]:
    """Voxels of a filter that reaches `reach_mm` to both sides, at least to the neighbours.

    A step below a millimetre is that of an axis of one voxel, where any reach gives the same.
    """
    return [
        2 * max(1, min(round(reach_mm / step), 4 * count)) + 1
        for step, count in zip(working.spacing_mm, working.mean_hu.shape, strict=True)
    ]


def _walled_in(bone: BoolVolume, spacing_mm: morphology.Spacing) -> BoolVolume:
    """Find voxels that see bone within reach on five of six sides or, in a shaft, on four."""
    sides = []
    for axis, step_mm in enumerate(spacing_mm):
        seen = np.zeros(bone.shape, np.uint8)
        for backwards in (False, True):
            turned = np.flip(bone, axis) if backwards else bone
            hit = _bone_behind(turned, axis, int(_WALL_MM / step_mm))
            seen += np.flip(hit, axis) if backwards else hit
        sides.append(seen)
    in_plane = sides[1] + sides[2]
    return np.asarray((in_plane == 4) | (in_plane + sides[0] >= 5))


def _bone_behind(bone: BoolVolume, axis: int, reach: int) -> BoolVolume:
    length = bone.shape[axis]
    reach = min(reach, length)  # the whole axis; beyond, int16 would overflow
    index = np.arange(length, dtype=np.int16)
    index = index.reshape([length if a == axis else 1 for a in range(3)])
    last = np.where(bone, index, np.int16(-reach - 1))
    np.maximum.accumulate(last, axis=axis, out=last)
    return np.asarray(index - last <= reach)


def _cavities(
    bone: BoolVolume, working: WorkingGrid, report: Callable[[float], None]
) -> BoolVolume:
    """Find cavities that the bone closes in; the ends of the image along z are walls.

    Gaps of the shell are sealed for a second look; what is found then grows up to the shell.
    """
    wall = morphology.closing(bone, working.spacing_mm, _SEAL_MM)
    rim_mm = _SEAL_MM + max(working.spacing_mm[1:])
    sealed = _holes(wall, working)
    sealed |= morphology.dilate(sealed, working.spacing_mm, rim_mm) & wall
    report(0.75)
    found = sealed | _holes(bone, working)
    report(0.8)
    return found | _marrow_in_slices(bone, working)


def _holes(wall: BoolVolume, working: WorkingGrid) -> BoolVolume:
    numbers, sizes = morphology.label(~wall)
    volume_cc = sizes * working.voxel_cc
    small, inside = volume_cc < _SMALL_CAVITY_CC, volume_cc < _MARROW_CC
    inside &= ~morphology.touching_sides(numbers, sizes.size)
    del sizes, volume_cc  # 16 octets for each cavity, of which noise has many
    inside &= small | _is_marrow(numbers, inside, working)
    return morphology.select(numbers, inside)


def _marrow_in_slices(bone: BoolVolume, working: WorkingGrid) -> BoolVolume:
    numbers, sizes = morphology.label_slices(~bone)
    area_cm2 = sizes * working.spacing_mm[1] * working.spacing_mm[2] / 100.0
    ringed = ~morphology.touching_sides(numbers, sizes.size) & (area_cm2 < _RING_CM2)
    del sizes, area_cm2
    return morphology.select(numbers, ringed & _is_marrow(numbers, ringed, working))


def _is_marrow(
    numbers: npt.NDArray[np.int32], asked: npt.NDArray[np.bool_], working: WorkingGrid
) -> npt.NDArray[np.bool_]:
    """Say of the components asked for whether they are fat or spongy; the spinal canal is not."""
    count, total_hu = np.zeros(asked.size, np.int64), np.zeros(asked.size, np.float64)
    asked = asked.copy()
    asked[0] = False
    flat, flat_hu = numbers.ravel(), working.mean_hu.ravel()
    for part in morphology.parts(flat.size):
        inside = asked[flat[part]]
        which, hu = flat[part][inside], flat_hu[part][inside]
        if which.size == 0:
            continue
        morphology.add_counts(count, which)
        first = int(which.min())
        found = np.bincount(which - first, hu)
        total_hu[first : first + found.size] += found  # whole numbers: exact in any order
    np.maximum(count, 1, out=count)
    mean_hu = np.divide(total_hu, count, out=total_hu)
    return (mean_hu > _SPONGY_HU) | ((mean_hu < _FATTY_HU) & (mean_hu > _MARROW_HU))


def _surface_threshold(working: WorkingGrid) -> npt.NDArray[np.int16]:
    """Half way between soft tissue and the densest bone around, in HU (half maximum)."""
    size = _window(_PEAK_MM, working)
    peak = ndimage.maximum_filter(working.mean_hu, size=size, mode="nearest")
    # int16 holds it: the block means are at most 3071.
    peak += np.int16(_SOFT_HU)
    peak //= np.int16(2)
    return np.asarray(np.clip(peak, _MIN_SURFACE_HU, _MAX_SURFACE_HU, out=peak), np.int16)
