"""Telling bone from contrast agent among dense parts, by what is dense where.

Bone is a dense shell around spongy tissue, or thin. Contrast in bowel, renal pelvis, heart and
great vessels is thick, even, and fades towards its rim; enhanced kidneys hardly reach the density
of cortical bone. What remains doubtful is deep in the body, small and alone.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from encryptsecurert_rt.segmentation import morphology
from encryptsecurert_rt.segmentation.morphology import BoolVolume
from encryptsecurert_rt.segmentation.working_grid import WorkingGrid

_THICK_MM = 4.5
_RIM_MM = 2.1
_SPREAD_MM = 4.0  # how far beyond the dense part its blurred border goes
_MIN_THICK_CC = 0.3
_EVEN_HU = 600  # a thick part above is cortical bone or metal
_CORTICAL_HU = 320
_CORTICAL_FRACTION = 0.4
_DEEP_MM = 20.0
_MIN_CC = 0.1
_ALONE_CC, _ALONE_MM = 2.0, 10.0
_LARGE_CC = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DenseParts:
    """Dense voxels sorted into bone and contrast agent; bool (z, y, x)."""

    bone: BoolVolume
    contrast: BoolVolume


def sort_dense(dense: BoolVolume, filled: BoolVolume, working: WorkingGrid) -> DenseParts:
    """Sort `dense` (z, y, x) within the body `filled` into bone and contrast agent."""
    contrast = _thick_even_parts(dense, working)
    rest = dense & ~contrast
    numbers, sizes = morphology.label(rest)
    deep_inside = morphology.erode(filled, working.spacing_mm, _DEEP_MM)
    deep = _count(numbers, rest & deep_inside, sizes.size) > 0.5 * sizes
    cortical = _count(numbers, rest & (working.mean_hu > _CORTICAL_HU), sizes.size)
    soft = deep & (cortical < _CORTICAL_FRACTION * sizes)
    volume_cc = sizes * working.voxel_cc
    large = morphology.select(numbers, (volume_cc > _LARGE_CC) & ~soft)
    around = morphology.dilate(large, working.spacing_mm, _ALONE_MM)
    alone = deep & (volume_cc < _ALONE_CC) & (_count(numbers, rest & around, sizes.size) == 0)
    bone = morphology.select(numbers, (volume_cc > _MIN_CC) & ~soft & ~alone)
    return DenseParts(bone=bone, contrast=contrast | morphology.select(numbers, soft))


def _thick_even_parts(dense: BoolVolume, working: WorkingGrid) -> BoolVolume:
    spacing, hu = working.spacing_mm, working.mean_hu
    cores, sizes = morphology.label(morphology.erode(dense, spacing, _THICK_MM))
    rim = dense & ~morphology.erode(dense, spacing, _RIM_MM)
    contrast = np.zeros_like(dense)
    for number in np.flatnonzero(sizes * working.voxel_cc > _MIN_THICK_CC):
        if number == 0:
            continue
        core = cores == number
        core_hu = float(hu[core].mean())
        if core_hu > _EVEN_HU:
            continue
        part = morphology.dilate(core, spacing, _THICK_MM + _SPREAD_MM) & dense
        rim_hu = hu[part & rim]
        if rim_hu.size and float(rim_hu.mean()) < core_hu:
            contrast |= part
    return contrast


def _count(
    numbers: npt.NDArray[np.int32], where: BoolVolume, count: int
) -> npt.NDArray[np.int64]:
    return np.bincount(numbers[where], minlength=count)
