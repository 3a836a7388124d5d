"""The lungs, left and right, without airways and without gas of the bowel.

air inside the body < -400 HU, airways taken out
-->  cores (eroded by 4 mm): parenchyma or pure gas, told by density
-->  sides: cores left and right of the midline; one core over both is eroded further
-->  cores grow back through the air, in competition, so that touching lungs part in between
-->  closing by 8 mm takes vessels in  -->  surface at -400 HU on the CT
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from encryptsecurert_rt.segmentation import morphology
from encryptsecurert_rt.segmentation.airways import find_airways
from encryptsecurert_rt.segmentation.body import Body
from encryptsecurert_rt.segmentation.boxes import Boxes
from encryptsecurert_rt.segmentation.midline import Midline, find_midline
from encryptsecurert_rt.segmentation.morphology import BoolVolume
from encryptsecurert_rt.segmentation.types import SegmentationWarning
from encryptsecurert_rt.segmentation.working_grid import Slab, WorkingGrid

SURFACE_HU = -400  # midway between parenchyma (-850) and soft tissue (40)
_CORE_MM = 4.0
_CORE_CC, _CUT_CORE_CC = 10.0, 0.3
_GAS_HU = -935  # three quarters of a core of gas are below; of parenchyma, even emphysematous, not
_GAS_FRACTION = 0.75
_DENSE_HU = -500  # the median of a core of stool or of partial volume is above
_SPLIT_MM = (6.0, 9.0, 12.0, 16.0, 20.0, 25.0)
_SPLIT_FRACTION = 0.1  # each lung has at least this part of a core over both
_GROW_MM = 12.0
_VESSEL_MM = 8.0
_WALL_MM = 2.5  # of an airway
_NONE, _LEFT, _RIGHT, _GAS = range(4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lungs:
    """Both lungs on the working grid, and gas that is not lung; all bool (z, y, x)."""

    left: BoolVolume
    right: BoolVolume
    not_lung: BoolVolume
    warnings: tuple[SegmentationWarning, ...]


def find_lungs(body: Body, working: WorkingGrid, report: Callable[[float], None]) -> Lungs | None:
    """Recognise the lungs on the working grid; None if there is none."""
    air = body.filled & (working.mean_hu < SURFACE_HU)
    box = morphology.bounding_box(air, 8)
    if box is None:
        return None
    cropped = replace(working, mean_hu=working.mean_hu[box])
    air = air[box]
    airways = find_airways(air, cropped, lambda f: report(0.2 * f))
    report(0.2)
    free = air & ~morphology.dilate(airways, working.spacing_mm, _WALL_MM)
    slices = np.arange(working.mean_hu.shape[0])[box[0]]
    cores = _classify_cores(free, cropped, (slices == 0) | (slices == working.mean_hu.shape[0] - 1))
    if not cores.is_lung.any():
        return None
    lungs = morphology.select(cores.numbers, cores.is_lung)
    midline = find_midline(body, working, box, lungs)
    report(0.4)
    markers, warnings = _mark_sides(cores, cropped, midline, lambda f: report(0.4 + 0.2 * f))
    report(0.6)
    sides = _grow(markers, free, cropped.spacing_mm)
    report(0.8)
    left = _take_vessels_in(sides == _LEFT, sides, airways, cropped, partial(report, 0.8))
    right = _take_vessels_in(sides == _RIGHT, sides, airways, cropped, partial(report, 0.9))
    right &= ~left
    report(1.0)
    shape = working.mean_hu.shape
    not_lung = (sides == _GAS) | airways
    return Lungs(
        left=morphology.uncrop(left, box, shape),
        right=morphology.uncrop(right, box, shape),
        not_lung=morphology.uncrop(not_lung, box, shape),
        warnings=warnings,
    )


def lung_surface(
    lung: BoolVolume, others: BoolVolume, working: WorkingGrid, report: Callable[[float], None]
) -> BoolVolume:
    """Put the surface of one lung on the CT; `others` (z, y, x) is what it must not enter."""
    box = morphology.bounding_box(lung, 3)
    if box is None:
        return np.zeros(working.hu.shape, np.bool_)
    reach_mm = 1.01 * max(working.spacing_mm[1:])
    inside, near = np.zeros_like(lung), np.zeros_like(lung)
    inside[box] = morphology.erode(lung[box], working.spacing_mm, reach_mm)
    near[box] = morphology.dilate(lung[box], working.spacing_mm, reach_mm)
    near &= ~others

    def decide(slab: Slab) -> BoolVolume:
        mask = slab.hu < SURFACE_HU
        mask &= slab.spread(near)
        mask |= slab.spread(inside)
        return mask

    return working.surface(decide, report)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cores:
    """Cores of air, int32 (z, y, x), and of each (by number) whether it is lung, or gas."""

    numbers: npt.NDArray[np.int32]
    is_lung: npt.NDArray[np.bool_]
    is_gas: npt.NDArray[np.bool_]


def _classify_cores(air: BoolVolume, working: WorkingGrid, at_ends: BoolVolume) -> _Cores:
    """Tell parenchyma from gas; small cores that are neither for sure are left open.

    A small core is taken for lung only where an end of the image cuts it (`at_ends`, by slice).
    """
    numbers, sizes = morphology.label(morphology.erode(air, working.spacing_mm, _CORE_MM))
    pure = morphology.count_in(numbers, working.mean_hu < _GAS_HU, sizes.size)
    dense = morphology.count_in(numbers, working.mean_hu > _DENSE_HU, sizes.size)
    cut = np.zeros(sizes.size, np.bool_)
    cut[np.unique(numbers[at_ends])] = True
    volume_cc = sizes * working.voxel_cc
    is_gas = pure >= _GAS_FRACTION * sizes
    is_lung = ~is_gas & (dense < 0.5 * sizes)
    is_lung &= (volume_cc > _CORE_CC) | (cut & (volume_cc > _CUT_CORE_CC) & (pure < 0.1 * sizes))
    is_lung[0] = is_gas[0] = False
    return _Cores(numbers=numbers, is_lung=is_lung, is_gas=is_gas)


def _mark_sides(
    cores: _Cores, working: WorkingGrid, midline: Midline, report: Callable[[float], None]
) -> tuple[npt.NDArray[np.uint8], tuple[SegmentationWarning, ...]]:
    """Give each core its side; a core over both sides is eroded until it parts.

    Each is looked at in a box of its own: where voxels are large, a core may be a single one, and
    there may be as many as voxels.
    """
    warnings: list[SegmentationWarning] = []
    gas = morphology.select(cores.numbers, cores.is_gas)
    markers = np.where(gas, _GAS, _NONE).astype(np.uint8)
    boxes = Boxes.of(cores.numbers, cores.is_lung.size)
    lungs = np.flatnonzero(cores.is_lung)
    for done, number in enumerate(lungs):
        report(done / lungs.size)
        box = morphology.widened(boxes[int(number)], working.spacing_mm, 0.0)
        core, first_x = cores.numbers[box] == number, box[2].start
        pieces = _part(core, working, midline, first_x)
        if len(pieces) > 1:
            warnings.append(SegmentationWarning.LUNGS_SPLIT_BY_SHAPE)
            markers[box][core] = _NONE
        for piece in pieces:
            side = _LEFT if midline.offset_mm(piece, first_x) > 0 else _RIGHT
            markers[box][piece] = side
    if midline.uncertain:
        warnings.append(SegmentationWarning.SIDE_UNCERTAIN)
    return markers, tuple(dict.fromkeys(warnings))


def _part(
    core: BoolVolume, working: WorkingGrid, midline: Midline, first_x: int
) -> list[BoolVolume]:
    """Split a core that lies on both sides of the midline, where its shape allows.

    The core is cut out with a rim of one voxel, which erodes it as all around would.
    """
    total = np.count_nonzero(core)
    left = np.count_nonzero(core & midline.left_of(core.shape, first_x))
    if min(left, total - left) < _SPLIT_FRACTION * total:
        return [core]
    for radius_mm in _SPLIT_MM:
        numbers, sizes = morphology.label(morphology.erode(core, working.spacing_mm, radius_mm))
        if sizes.size < 2:
            break
        big = [n for n in range(1, sizes.size) if sizes[n] > _SPLIT_FRACTION * sizes[1:].sum()]
        pieces = [numbers == n for n in big]
        offsets = [midline.offset_mm(piece, first_x) for piece in pieces]
        if len(pieces) > 1 and min(offsets) < 0 < max(offsets):
            return pieces
    return [core]


def _grow(
    markers: npt.NDArray[np.uint8], air: BoolVolume, spacing_mm: morphology.Spacing
) -> npt.NDArray[np.uint8]:
    """Let all markers grow through `air` at one speed; what stays unreached is no lung."""
    sides = markers.copy()
    open_air = air & (sides == _NONE)
    for _ in range(int(_GROW_MM / min(spacing_mm))):
        grows = False
        for side in (_GAS, _LEFT, _RIGHT):  # a voxel reached by two goes to the first
            reached = morphology.grow_one(sides == side) & open_air
            sides[reached] = side
            open_air &= ~reached
            grows = grows or bool(reached.any())
        if not grows:  # nor would any later pass reach a voxel
            break
    return sides


def _take_vessels_in(
    lung: BoolVolume,
    sides: npt.NDArray[np.uint8],
    airways: BoolVolume,
    working: WorkingGrid,
    check: Callable[[], None],
) -> BoolVolume:
    """Close gaps of vessels and fill what the lung encloses."""
    closed = morphology.closing(lung, working.spacing_mm, _VESSEL_MM, check)
    numbers, sizes = morphology.label(~closed)
    outside = morphology.touching_sides(numbers, sizes.size)
    outside[np.unique(numbers[[0, -1]])] = True
    closed = ~morphology.select(numbers, outside)
    closed &= ~airways
    closed &= lung | (sides == _NONE)
    return closed
