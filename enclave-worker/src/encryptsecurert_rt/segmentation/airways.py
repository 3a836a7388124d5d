"""Trachea and main bronchi: what leads air to the lungs but is not lung.

Followed from slice to slice downwards: a small, steady, pure patch of air is the trachea; where
it parts in two is the carina; where a branch suddenly grows it has met the lung, and is left.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from encryptsecurert_rt.segmentation.morphology import BoolVolume
from encryptsecurert_rt.segmentation.working_grid import WorkingGrid

_MIN_CM2, _MAX_CM2 = 0.3, 7.0  # lumen of a bronchus to a wide trachea
_LUMEN_HU = -900  # mean of a lumen that is resolved; parenchyma is denser
_STEADY_MM = 25.0  # length over which a trachea hardly changes
_CUT_MM = 12.0  # the same for a trachea that the upper end of the image cuts
_STEADY_RATIO = 2.0
_ON_MM = 12.0  # from there on the lumen is taken to go straight down for so long
_GROWTH = 1.8  # a patch that grows by this from slice to slice has met the lung


@dataclass(slots=True)
class _Tube:
    """Patches of one candidate, from the top down: slice, number of the patch, area in cm2.

    `ends` are the lowest patches before the lung: slice, number.
    """

    patches: list[tuple[int, int, float]]
    ends: list[tuple[int, int]]


def find_airways(air: BoolVolume, working: WorkingGrid) -> BoolVolume:
    """Mark the lumen of trachea and main bronchi within `air`, bool (z, y, x)."""
    labels, areas = _label_slices(air, working)
    taken = [np.zeros(a.size, np.bool_) for a in areas]
    lumen = np.zeros_like(air)
    for z in range(air.shape[0] - 1, -1, -1):
        for number in range(1, areas[z].size):
            if taken[z][number] or not _MIN_CM2 <= areas[z][number] <= _MAX_CM2:
                continue
            tube = _follow(z, number, labels, areas, taken)
            if _is_trachea(tube, labels, working):
                for patch_z, patch, _ in tube.patches:
                    lumen[patch_z] |= labels[patch_z] == patch
                for end_z, patch in tube.ends:
                    _follow_into_lung(lumen, air, labels[end_z] == patch, end_z, working)
    return lumen


def _follow_into_lung(
    lumen: BoolVolume,
    air: BoolVolume,
    patch: npt.NDArray[np.bool_],
    z: int,
    working: WorkingGrid,
) -> None:
    """Carry a branch on where its patch has run together with the lung, for a short way."""
    for at in range(z - 1, max(z - 1 - round(_ON_MM / working.spacing_mm[0]), -1), -1):
        lumen[at] |= ndimage.binary_dilation(patch) & air[at]


def _label_slices(
    air: BoolVolume, working: WorkingGrid
) -> tuple[list[npt.NDArray[np.int32]], list[npt.NDArray[np.float64]]]:
    pixel_cm2 = working.spacing_mm[1] * working.spacing_mm[2] / 100.0
    labels: list[npt.NDArray[np.int32]] = []
    areas: list[npt.NDArray[np.float64]] = []
    for plane in air:
        numbers = np.zeros(plane.shape, np.int32)
        ndimage.label(plane, output=numbers)
        labels.append(numbers)
        areas.append(np.bincount(numbers.ravel()).astype(np.float64) * pixel_cm2)
    return labels, areas


def _follow(
    z: int,
    number: int,
    labels: list[npt.NDArray[np.int32]],
    areas: list[npt.NDArray[np.float64]],
    taken: list[npt.NDArray[np.bool_]],
) -> _Tube:
    tube = _Tube(patches=[], ends=[])
    front = [(z, number)]
    while front:
        at, patch = front.pop()
        if taken[at][patch]:
            continue
        taken[at][patch] = True
        area = float(areas[at][patch])
        tube.patches.append((at, patch, area))
        if at == 0:
            continue
        below = np.unique(labels[at - 1][labels[at] == patch])
        for n in below[below > 0]:
            if areas[at - 1][n] > min(_MAX_CM2, max(_GROWTH * area, 1.0)):
                tube.ends.append((at, patch))
            elif areas[at - 1][n] >= 0.1:
                front.append((at - 1, int(n)))
    return tube


def _is_trachea(tube: _Tube, labels: list[npt.NDArray[np.int32]], working: WorkingGrid) -> bool:
    top = tube.patches[0][0]
    steady = [p for p in tube.patches if (top - p[0]) * working.spacing_mm[0] <= _STEADY_MM]
    least_mm = _CUT_MM if top == len(labels) - 1 else _STEADY_MM
    if (steady[0][0] - steady[-1][0] + 1) * working.spacing_mm[0] < least_mm:
        return False
    if len({z for z, _, _ in steady}) != len(steady):
        return False  # parts at once: not a tube
    areas = [area for _, _, area in steady]
    if max(areas) > _STEADY_RATIO * max(float(np.median(areas)), _MIN_CM2):
        return False
    lowest = [int(working.mean_hu[z][labels[z] == patch].min()) for z, patch, _ in steady]
    return float(np.median(lowest)) < _LUMEN_HU
