"""Where the patient's midline is: left and right in narrow or lopsided fields of view too.

The spine is the bone that stays where it is from slice to slice; ribs pass through. It is
trusted near the middle of the body, and anywhere if the body is cut by the image border.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from encryptsecurert_rt.segmentation.body import Body
from encryptsecurert_rt.segmentation.morphology import BoolVolume
from encryptsecurert_rt.segmentation.working_grid import WorkingGrid

_BONE_HU = 150
_SPINE_MM = 25.0
_PERSISTENCE = 0.3  # of the slices in which bone is at the place of the spine
_NEAR_MM = 40.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Midline:
    """The sagittal plane x = `x_index` (working voxels); `uncertain` if it is only a guess."""

    x_index: float
    step_mm: float
    uncertain: bool

    def offset_mm(self, mask: BoolVolume, first_x: int = 0) -> float:
        """Distance of the centre of `mask` (z, y, x) from the plane, positive to the left.

        `first_x` is the place of a mask that was cut out.
        """
        counts = mask.sum(axis=(0, 1))
        places = np.arange(first_x, first_x + counts.size)
        centre = float((counts * places).sum() / max(1, counts.sum()))
        return (centre - self.x_index) * self.step_mm

    def left_of(self, shape: tuple[int, ...], first_x: int = 0) -> BoolVolume:
        """Say of the columns of an array (z, y, x) which are the patient's left; (1, 1, x)."""
        return (np.arange(first_x, first_x + shape[2]) > self.x_index)[None, None, :]


def find_midline(
    body: Body, working: WorkingGrid, box: tuple[slice, slice, slice], lungs: BoolVolume
) -> Midline:
    """Find the midline in the slices that hold `lungs`, a mask of `box` of the working grid.

    `x_index` counts from the start of `box`.
    """
    slices = np.flatnonzero(lungs.any(axis=(1, 2))) + box[0].start
    filled = body.filled[slices]
    per_column = filled.sum(axis=(0, 1))
    centre = float((per_column * np.arange(per_column.size)).sum() / max(1, per_column.sum()))
    cut = bool(max(filled[:, :, 0].any(axis=1).mean(), filled[:, :, -1].any(axis=1).mean()) > 0.3)
    bone = (working.mean_hu[slices] > _BONE_HU) & body.tissue[slices]
    size = [max(1, round(_SPINE_MM / step)) for step in working.spacing_mm[1:]]
    persistence = ndimage.uniform_filter(
        bone.mean(axis=0, dtype=np.float64), size=size, mode="constant"
    )
    spine = int(np.argmax(persistence.max(axis=0)))
    peak = float(persistence.max())
    step_mm = working.spacing_mm[2]
    seen = peak > _PERSISTENCE
    near = abs(spine - centre) * step_mm < _NEAR_MM
    x_index = float(spine) if seen and (cut or near) else centre
    return Midline(x_index=x_index - box[2].start, step_mm=step_mm, uncertain=cut and not seen)
