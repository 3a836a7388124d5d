"""Telling bone from contrast agent among dense parts, by how even and how alone they are.

Bone is uneven: a dense shell, spongy inside. Contrast agent in bowel, renal pelvis, heart and
great vessels is thick and even. Enhanced kidneys hardly reach the density of cortical bone; what
is doubtful like them is taken for contrast if it lies deep in the body and away from the skeleton.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from encryptsecurert_rt.segmentation import morphology
from encryptsecurert_rt.segmentation.boxes import Boxes
from encryptsecurert_rt.segmentation.morphology import BoolVolume
from encryptsecurert_rt.segmentation.working_grid import WorkingGrid

_THICK_MM = 3.5
_SPREAD_MM = 4.0  # how far beyond its core the blurred border of an even part goes
_EVEN_HU = 600  # a thick part above is cortical bone or metal
_EVEN_RANGE = 0.4  # 10th to 90th percentile over the median; bone measured above 0.45
_CORTICAL_HU = 300
_CORTICAL_SHARE = 0.15
_HARD_HU, _HARD_SHARE = 500, 0.05  # some of every bone, hardly any of contrast that is not even
_DEEP_MM = 30.0  # ribs lie less deep
_MIN_CC = 0.1
_SMALL_CC, _LARGE_CC, _DEEP_LARGE_CC = 2.0, 3.0, 30.0
_NEAR_MM = 15.0  # of the large bones; no bone deep in the trunk is further from all others
_SKIN_MM = 4.0
_AROUND_MM, _ENHANCED_HU = 4.0, 110
_REST_MM, _REST_CC = 8.0, 10.0  # what is left over beside an even part


@dataclass(frozen=True, slots=True, kw_only=True)
class _EvenRule:
    """What makes a thick part contrast agent: density of its core, size, and no bright rim."""

    above_hu: int
    least_cc: float
    rim_percentile: float
    rim_ratio: float  # over the median of the core, at most


# Measured: kidneys 1.2 and bowel contrast 1.1 at the 90th percentile, bone mostly above 1.3;
# bowel contrast 1.2 at the 99th, bone above 1.45. A vertebra can hold a small even core.
_EVEN_RULES = (
    _EvenRule(above_hu=180, least_cc=3.0, rim_percentile=90.0, rim_ratio=1.25),
    _EvenRule(above_hu=250, least_cc=0.3, rim_percentile=99.0, rim_ratio=1.35),
)


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
    contrast = np.zeros_like(dense)
    for step, rule in enumerate(_EVEN_RULES):
        above = dense & (working.mean_hu > rule.above_hu)
        contrast |= _even_parts(above, rule, working, _part_of(report, 0.2 * step, 0.2))
        report(0.2 * (step + 1))
    parts = _Parts.of(dense & ~contrast, working)
    report(0.6)
    doubtful = _doubtful_parts(parts, contrast, filled, working, _part_of(report, 0.6, 0.4))
    report(1.0)
    contrast |= morphology.select(parts.numbers, doubtful & parts.seen)
    bone = morphology.select(parts.numbers, parts.seen & ~doubtful)
    return DenseParts(bone=bone, contrast=contrast)


def _part_of(report: Callable[[float], None], start: float, span: float) -> Callable[[float], None]:
    return lambda fraction: report(start + span * fraction)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """Parts of a mask: `numbers` (z, y, x), and by number how many voxels, and how large.

    Truth values in place of volumes: noise has half as many parts as voxels.
    """

    numbers: npt.NDArray[np.int32]
    sizes: npt.NDArray[np.int64]
    seen: npt.NDArray[np.bool_]
    small: npt.NDArray[np.bool_]
    rest: npt.NDArray[np.bool_]
    large: npt.NDArray[np.bool_]
    very_large: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, mask: BoolVolume, working: WorkingGrid) -> "_Parts":
        numbers, sizes = morphology.label(mask)
        volume_cc = sizes * working.voxel_cc
        sizes[0] = max(sizes[0], 1)  # of the background, which may be nowhere
        return cls(
            numbers=numbers,
            sizes=sizes,
            seen=volume_cc > _MIN_CC,
            small=volume_cc < _SMALL_CC,
            rest=volume_cc < _REST_CC,
            large=volume_cc > _LARGE_CC,
            very_large=volume_cc > _DEEP_LARGE_CC,
        )

    def share(self, where: BoolVolume) -> npt.NDArray[np.float64]:
        """Return which part of each lies in `where`."""
        shares = morphology.count_in(self.numbers, where, self.sizes.size).astype(np.float64)
        shares /= self.sizes
        return shares


def _doubtful_parts(
    parts: _Parts,
    contrast: BoolVolume,
    filled: BoolVolume,
    working: WorkingGrid,
    report: Callable[[float], None],
) -> npt.NDArray[np.bool_]:
    """Say of each part (by number) whether it is more likely something else than bone."""
    spacing, hu = working.spacing_mm, working.mean_hu
    check = partial(report, 0.0)
    deep = parts.share(morphology.erode(filled, spacing, _DEEP_MM, check)) > 0.5
    soft = parts.share(hu > _CORTICAL_HU) < _CORTICAL_SHARE
    hard = parts.share(hu > _HARD_HU) > _HARD_SHARE
    is_large = np.where(deep & ~hard, parts.very_large, parts.large)
    large = morphology.select(parts.numbers, is_large)
    near = parts.share(morphology.dilate(large, spacing, _NEAR_MM, check)) > 0.0
    doubtful = deep & ~hard & ~near
    beside = parts.share(morphology.dilate(contrast, spacing, _REST_MM, check)) > 0.5
    doubtful |= deep & beside & parts.rest
    on_skin = parts.share(morphology.erode(filled, spacing, _SKIN_MM, check)) < 0.3  # leads
    doubtful |= on_skin & parts.small
    boxes = Boxes.of(parts.numbers, parts.sizes.size)
    asked = np.flatnonzero(deep & soft & ~doubtful & parts.seen)
    for done, number in enumerate(asked):
        check = partial(report, done / asked.size)
        check()
        doubtful[number] = _in_enhanced_tissue(parts.numbers, int(number), boxes, working, check)
    return np.asarray(doubtful, np.bool_)


def _even_parts(
    dense: BoolVolume, rule: _EvenRule, working: WorkingGrid, report: Callable[[float], None]
) -> BoolVolume:
    spacing, hu = working.spacing_mm, working.mean_hu
    thick = morphology.erode(dense, spacing, _THICK_MM, partial(report, 0.0))
    cores, sizes = morphology.label(thick)
    even = np.zeros_like(dense)
    boxes = Boxes.of(cores, sizes.size)
    is_asked = sizes * working.voxel_cc > rule.least_cc
    is_asked[0] = False
    del thick, sizes
    asked = np.flatnonzero(is_asked)
    for done, number in enumerate(asked):
        check = partial(report, done / asked.size)
        check()
        box = morphology.widened(boxes[int(number)], spacing, _THICK_MM + _SPREAD_MM)
        core = cores[box] == number
        low, median, high = np.percentile(hu[box][core], (10.0, 50.0, 90.0))
        if median > _EVEN_HU or high - low > _EVEN_RANGE * median:
            continue
        part = morphology.dilate(core, spacing, _THICK_MM + _SPREAD_MM, check) & dense[box]
        check()
        if np.percentile(hu[box][part], rule.rim_percentile) < rule.rim_ratio * median:
            even[box] |= part
    return even


def _in_enhanced_tissue(
    numbers: npt.NDArray[np.int32],
    number: int,
    boxes: Boxes,
    working: WorkingGrid,
    check: Callable[[], None],
) -> bool:
    """Say whether even the fainter tissue around a part is enhanced: renal pelvis in a kidney."""
    box = morphology.widened(boxes[number], working.spacing_mm, _AROUND_MM)
    part = numbers[box] == number
    around = morphology.dilate(part, working.spacing_mm, _AROUND_MM, check) & ~part
    if not around.any():  # a part that fills its image has nothing around it
        return False
    return float(np.percentile(working.mean_hu[box][around], 25.0)) > _ENHANCED_HU
