"""Trachea and main bronchi: what leads air to the lungs but is not lung.

Followed from slice to slice downwards: a small, steady, pure patch of air is the trachea; where
it parts in two is the carina; where a branch suddenly grows it has met the lung, and is left.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from encryptsecurert_rt.segmentation.boxes import Boxes
from encryptsecurert_rt.segmentation.morphology import BoolVolume
from encryptsecurert_rt.segmentation.working_grid import WorkingGrid

_MIN_CM2, _MAX_CM2 = 0.3, 7.0  # lumen of a bronchus to a wide trachea
_LUMEN_HU = -900  # mean of a lumen that is resolved; parenchyma is denser
_STEADY_MM = 25.0  # length over which a trachea hardly changes
_CUT_MM = 12.0  # the same for a trachea that the upper end of the image cuts
_STEADY_RATIO = 2.0
_ON_MM = 12.0  # from there on the lumen is taken to go straight down for so long
_GROWTH = 1.8  # a patch that grows by this from slice to slice has met the lung


@dataclass(frozen=True, slots=True, kw_only=True)
class _Patches:
    """Patches of air in one slice: their numbers (y, x), and by number areas and boxes.

    A patch is looked for in its box only: where pixels are large, each may be a patch.
    """

    numbers: npt.NDArray[np.int32]
    area_cm2: npt.NDArray[np.float64]
    boxes: Boxes

    @classmethod
    def of(cls, plane: npt.NDArray[np.bool_], pixel_cm2: float) -> "_Patches":
        numbers = np.zeros(plane.shape, np.int32)
        ndimage.label(plane, output=numbers)
        area_cm2 = np.bincount(numbers.ravel()).astype(np.float64) * pixel_cm2
        return cls(numbers=numbers, area_cm2=area_cm2, boxes=Boxes.of(numbers, area_cm2.size))

    def find(self, number: int) -> tuple[tuple[slice, ...], npt.NDArray[np.bool_]]:
        """Give the box of a patch, and which of its pixels are in the patch."""
        box = self.boxes[number]
        return box, self.numbers[box] == number


@dataclass(slots=True)
class _Tube:
    """Patches of one candidate, from the top down: slice, number of the patch, area in cm2.

    `ends` are the lowest patches before the lung: slice, number.
    """

    patches: list[tuple[int, int, float]]
    ends: list[tuple[int, int]]


def find_airways(
    air: BoolVolume, working: WorkingGrid, report: Callable[[float], None]
) -> BoolVolume:
    """Mark the lumen of trachea and main bronchi within `air`, bool (z, y, x)."""
    pixel_cm2 = working.spacing_mm[1] * working.spacing_mm[2] / 100.0
    slices: list[_Patches] = []
    for plane in air:
        report(0.3 * len(slices) / air.shape[0])
        slices.append(_Patches.of(plane, pixel_cm2))
    taken = [np.zeros(patches.area_cm2.size, np.bool_) for patches in slices]
    lumen = np.zeros_like(air)
    for z in range(air.shape[0] - 1, -1, -1):
        check = partial(report, 1.0 - 0.7 * (z + 1) / air.shape[0])
        area_cm2 = slices[z].area_cm2
        starts = ~taken[z] & (area_cm2 >= _MIN_CM2) & (area_cm2 <= _MAX_CM2)
        starts[0] = False
        for number in np.flatnonzero(starts).tolist():
            tube = _follow(z, number, slices, taken, check)
            if _is_trachea(tube, slices, working):
                for patch_z, patch, _ in tube.patches:
                    box, inside = slices[patch_z].find(patch)
                    lumen[patch_z][box] |= inside
                for end_z, patch in tube.ends:
                    _follow_into_lung(lumen, air, slices[end_z], patch, end_z, working)
    return lumen


def _follow_into_lung(
    lumen: BoolVolume,
    air: BoolVolume,
    patches: _Patches,
    number: int,
    z: int,
    working: WorkingGrid,
) -> None:
    """Carry a branch on where its patch has run together with the lung, for a short way."""
    rows, columns = patches.boxes[number]
    box = (
        slice(max(rows.start - 1, 0), rows.stop + 1),
        slice(max(columns.start - 1, 0), columns.stop + 1),
    )
    grown = ndimage.binary_dilation(patches.numbers[box] == number)
    for at in range(z - 1, max(z - 1 - round(_ON_MM / working.spacing_mm[0]), -1), -1):
        lumen[at][box] |= grown & air[at][box]


def _follow(
    z: int,
    number: int,
    slices: list[_Patches],
    taken: list[npt.NDArray[np.bool_]],
    check: Callable[[], None],
) -> _Tube:
    tube = _Tube(patches=[], ends=[])
    front = [(z, number)]
    while front:
        at, patch = front.pop()
        if taken[at][patch]:
            continue
        check()
        taken[at][patch] = True
        area = float(slices[at].area_cm2[patch])
        tube.patches.append((at, patch, area))
        if at == 0:
            continue
        box, inside = slices[at].find(patch)
        below = np.unique(slices[at - 1].numbers[box][inside])
        for n in below[below > 0]:
            if slices[at - 1].area_cm2[n] > min(_MAX_CM2, max(_GROWTH * area, 1.0)):
                tube.ends.append((at, patch))
            elif slices[at - 1].area_cm2[n] >= 0.1:
                front.append((at - 1, int(n)))
    return tube


def _is_trachea(tube: _Tube, slices: list[_Patches], working: WorkingGrid) -> bool:
    top = tube.patches[0][0]
    steady = [p for p in tube.patches if (top - p[0]) * working.spacing_mm[0] <= _STEADY_MM]
    least_mm = _CUT_MM if top == len(slices) - 1 else _STEADY_MM
    if (steady[0][0] - steady[-1][0] + 1) * working.spacing_mm[0] < least_mm:
        return False
    if len({z for z, _, _ in steady}) != len(steady):
        return False  # parts at once: not a tube
    areas = [area for _, _, area in steady]
    if max(areas) > _STEADY_RATIO * max(float(np.median(areas)), _MIN_CM2):
        return False
    lowest = []
    for z, patch, _ in steady:
        box, inside = slices[z].find(patch)
        lowest.append(int(working.mean_hu[z][box][inside].min()))
    return float(np.median(lowest)) < _LUMEN_HU
