"""Telling bone from contrast agent among dense parts, by how even and how alone they are.

Bone is uneven: a dense shell, spongy inside. Contrast agent in bowel, renal pelvis, heart and
great vessels is thick and even. Enhanced kidneys hardly reach the density of cortical bone; what
is doubtful like them is taken for contrast if it lies deep in the body and away from the skeleton.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from encryptsecurert_rt.segmentation import morphology
from encryptsecurert_rt.segmentation.morphology import BoolVolume
from encryptsecurert_rt.segmentation.working_grid import WorkingGrid

_THICK_MM = 3.5
_SPREAD_MM = 4.0  # how far beyond the dense part its blurred border goes
_MIN_THICK_CC = 0.3
_EVEN_HU = 600  # a thick part above is cortical bone or metal
_EVEN_DEVIATION = 0.15  # of the mean: measured 0.10 in bowel contrast, mostly > 0.2 in bone
_EVEN_PEAK = 1.35  # of the mean: measured 1.2 in bowel contrast, > 1.45 in bone
_CORTICAL_HU = 320
_CORTICAL_FRACTION = 0.4
_DEEP_MM = 20.0
_MIN_CC = 0.1
_SMALL_CC, _LARGE_CC, _NEAR_MM = 2.0, 3.0, 15.0
_SKIN_MM = 4.0
_AROUND_MM, _ENHANCED_HU = 4.0, 110


@dataclass(frozen=True, slots=True, kw_only=True)
class DenseParts:
    """Dense voxels sorted into bone and contrast agent; bool (z, y, x)."""

    bone: BoolVolume
    contrast: BoolVolume


def sort_dense(
    dense: BoolVolume,
    filled: BoolVolume,
    working: WorkingGrid,
    report: Callable[[float], None],
) -> DenseParts:
    """Sort `dense` (z, y, x) within the body `filled` into bone and contrast agent."""
    contrast = _thick_even_parts(dense, working)
    report(0.4)
    rest = dense & ~contrast
    numbers, sizes = morphology.label(rest)
    boxes = ndimage.find_objects(numbers)
    report(0.6)
    deep_inside = morphology.erode(filled, working.spacing_mm, _DEEP_MM)
    deep = morphology.count_in(numbers, rest & deep_inside, sizes.size) > 0.5 * sizes
    cortical = morphology.count_in(numbers, rest & (working.mean_hu > _CORTICAL_HU), sizes.size)
    soft = cortical < _CORTICAL_FRACTION * sizes
    volume_cc = sizes * working.voxel_cc
    large = morphology.select(numbers, (volume_cc > _LARGE_CC) & ~(deep & soft))
    around = morphology.dilate(large, working.spacing_mm, _NEAR_MM)
    alone = deep & (morphology.count_in(numbers, rest & around, sizes.size) == 0)
    report(0.8)
    for number in np.flatnonzero(deep & soft & ~alone & (volume_cc > _MIN_CC)):
        alone[number] = _in_enhanced_tissue(numbers, int(number), boxes, working)
    doubtful = alone & (soft | (volume_cc < _SMALL_CC))
    below_skin = morphology.erode(filled, working.spacing_mm, _SKIN_MM)
    on_skin = (
        morphology.count_in(numbers, rest & below_skin, sizes.size) < 0.3 * sizes
    )  # leads, buckles
    doubtful |= on_skin & (volume_cc < _SMALL_CC)
    bone = morphology.select(numbers, (volume_cc > _MIN_CC) & ~doubtful)
    agent = alone & soft & (volume_cc > _MIN_CC)
    return DenseParts(bone=bone, contrast=contrast | morphology.select(numbers, agent))


def _thick_even_parts(dense: BoolVolume, working: WorkingGrid) -> BoolVolume:
    spacing, hu = working.spacing_mm, working.mean_hu
    cores, sizes = morphology.label(morphology.erode(dense, spacing, _THICK_MM))
    contrast = np.zeros_like(dense)
    boxes = ndimage.find_objects(cores)
    for number in 1 + np.flatnonzero(sizes[1:] * working.voxel_cc > _MIN_THICK_CC):
        box = morphology.widened(boxes[number - 1], spacing, _THICK_MM + _SPREAD_MM)
        core = cores[box] == number
        part = morphology.dilate(core, spacing, _THICK_MM + _SPREAD_MM) & dense[box]
        core_hu = hu[box][core].astype(np.float64)
        mean, deviation = float(core_hu.mean()), float(core_hu.std())
        peak = float(np.percentile(hu[box][part], 99.0))
        if mean < _EVEN_HU and deviation < _EVEN_DEVIATION * mean and peak < _EVEN_PEAK * mean:
            contrast[box] |= part
    return contrast


def _in_enhanced_tissue(
    numbers: npt.NDArray[np.int32],
    number: int,
    boxes: list[tuple[slice, ...]],
    working: WorkingGrid,
) -> bool:
    """Say whether even the fainter tissue around a part is enhanced: renal pelvis in a kidney."""
    box = morphology.widened(boxes[number - 1], working.spacing_mm, _AROUND_MM)
    part = numbers[box] == number
    around = morphology.dilate(part, working.spacing_mm, _AROUND_MM) & ~part
    return float(np.percentile(working.mean_hu[box][around], 25.0)) > _ENHANCED_HU
