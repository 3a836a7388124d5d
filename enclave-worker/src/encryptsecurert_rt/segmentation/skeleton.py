"""The skeleton: cortical and spongy bone with the marrow that it encloses.

    dense parts > 250 HU inside the body, without contrast agent
    -->  weaker bone > 130 HU within 3 mm of them
    -->  spongy bone and marrow: what dense bone walls in on at least five of six sides, and
         cavities that it closes in 3-D
    -->  surface where the CT is half way between soft tissue and the bone next to it

Spongy bone is not simply what is attached to dense bone: enhanced vessels are attached as well.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from encryptsecurert_rt.segmentation import morphology
from encryptsecurert_rt.segmentation.body import Body
from encryptsecurert_rt.segmentation.contrast import sort_dense
from encryptsecurert_rt.segmentation.morphology import BoolVolume
from encryptsecurert_rt.segmentation.types import SegmentationWarning
from encryptsecurert_rt.segmentation.working_grid import Slab, WorkingGrid

_DENSE_HU = 250
_WEAK_HU = 130
_SPONGY_HU = 90  # above muscle and the spinal cord
_ATTACHED_MM = 3.0
_WALL_MM = 30.0  # how far away the walls of spongy bone may be: half a vertebra and more
_SIDES = 5
_SOFT_HU = 40
_MIN_SURFACE_HU, _MAX_SURFACE_HU = 120, 500
_PEAK_MM = 2.5
_SEAL_MM = 2.5
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
    hu, spacing = working.mean_hu, working.spacing_mm
    parts = sort_dense(body.filled & (hu > _DENSE_HU), body.filled, working)
    report(0.5)
    if not parts.bone.any():
        return None
    barred = parts.contrast | ~body.filled
    bone = parts.bone | _attached(parts.bone, (hu > _WEAK_HU) & ~barred, spacing)
    report(0.6)
    bone |= _walled_in(bone, spacing) & (hu > _SPONGY_HU) & ~barred
    report(0.8)
    bone |= _cavities(bone, working)
    report(0.9)
    said = (SegmentationWarning.MAY_HOLD_CONTRAST,) if parts.contrast.any() else ()
    return Skeleton(bone=bone, surface_hu=_surface_threshold(working), warnings=said)


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
        return mask

    return working.surface(decide, report)


def _attached(
    bone: BoolVolume, weak: BoolVolume, spacing_mm: morphology.Spacing
) -> BoolVolume:
    grown = bone
    for _ in range(max(1, int(_ATTACHED_MM / min(spacing_mm)))):
        grown = bone | (morphology.grow_one(grown) & (weak | grown))
    return grown


def _walled_in(bone: BoolVolume, spacing_mm: morphology.Spacing) -> BoolVolume:
    """Find voxels that see bone within reach on at least `_SIDES` of the six sides."""
    seen = np.zeros(bone.shape, np.uint8)
    for axis, step_mm in enumerate(spacing_mm):
        reach = int(_WALL_MM / step_mm)
        for backwards in (False, True):
            turned = np.flip(bone, axis) if backwards else bone
            hit = _bone_behind(turned, axis, reach)
            seen += np.flip(hit, axis) if backwards else hit
    return seen >= _SIDES


def _bone_behind(bone: BoolVolume, axis: int, reach: int) -> BoolVolume:
    length = bone.shape[axis]
    index = np.arange(length, dtype=np.int16)
    index = index.reshape([length if a == axis else 1 for a in range(3)])
    last = np.where(bone, index, np.int16(-reach - 1))
    np.maximum.accumulate(last, axis=axis, out=last)
    return np.asarray(index - last <= reach)


def _cavities(bone: BoolVolume, working: WorkingGrid) -> BoolVolume:
    """Find cavities that the bone closes in; the ends of the image along z are walls."""
    wall = morphology.closing(bone, working.spacing_mm, _SEAL_MM)
    numbers, sizes = morphology.label(~wall)
    inside = ~morphology.touching_sides(numbers, sizes.size)
    inside &= sizes * working.voxel_cc < _MARROW_CC
    return morphology.select(numbers, inside)


def _surface_threshold(working: WorkingGrid) -> npt.NDArray[np.int16]:
    """Half way between soft tissue and the densest bone around, in HU (half maximum)."""
    size = [2 * max(1, round(_PEAK_MM / step)) + 1 for step in working.spacing_mm]
    peak = ndimage.maximum_filter(working.mean_hu, size=size, mode="nearest")
    half = (peak.astype(np.int32) + _SOFT_HU) // 2
    return np.clip(half, _MIN_SURFACE_HU, _MAX_SURFACE_HU).astype(np.int16)
