"""The outline of the patient: skin inwards, cavities included, couch and blankets left out.

tissue > -300 HU  -->  opening by 5 mm (couch shell, blankets, tubes go)  -->  thick parts
thick parts that are the patient's (largest, and others of some size that are not flat)
-->  fill what they enclose  -->  surface at -300 HU on the CT
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from encryptsecurert_rt.segmentation import morphology
from encryptsecurert_rt.segmentation.morphology import BoolVolume
from encryptsecurert_rt.segmentation.working_grid import Slab, WorkingGrid

TISSUE_HU = -300
SURFACE_HU = -300
_COUCH_RADIUS_MM = 5.0
_SHEET_MM = 1.7  # half the thickness of a cover that clings to the skin
_OTHER_PART_CC = 100.0  # an arm, a leg
_AIR_HU, _PURE_AIR_HU = -400, -950
_PURE_FRACTION = 0.75  # of room air; even an emphysematous lung has vessels and walls
_BORDER_LUNG_CC = 50.0
_WINDOW_RATIO = 1.5  # of a cut lung: surface at the image border over that at the body wall
_WALLED_FRACTION = 0.25  # of its surface, that of its vessels included; foam: the couch around
_AIRWAY_CM2 = 15.0  # an enclosed patch of outside air up to here is mouth, pharynx or trachea


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The body on the working grid: `tissue` without, `filled` with cavities; bool (z, y, x)."""

    tissue: BoolVolume
    filled: BoolVolume


def find_body(working: WorkingGrid, report: Callable[[float], None]) -> Body | None:
    """Recognise the body on the working grid; None if there is none."""
    spacing = working.spacing_mm
    tissue = working.mean_hu > TISSUE_HU
    thick = morphology.opening(tissue, spacing, _COUCH_RADIUS_MM, partial(report, 0.0))
    report(0.4)
    numbers, sizes = morphology.label(thick)
    if sizes.size < 2:
        return None
    parts = sizes * working.voxel_cc > _OTHER_PART_CC
    parts[1 + int(np.argmax(sizes[1:]))] = True
    body = morphology.select(numbers, parts)
    del numbers, thick
    report(0.6)
    filled = body | _cavities(body, working, report)
    report(1.0)
    return Body(tissue=body, filled=filled)


def body_surface(body: Body, working: WorkingGrid, report: Callable[[float], None]) -> BoolVolume:
    """Put the surface of the body on the CT: bool (k, j, i)."""
    reach_mm = 1.01 * max(working.spacing_mm[1:])
    inside = morphology.erode(body.filled, working.spacing_mm, reach_mm)
    near = morphology.dilate(body.filled, working.spacing_mm, reach_mm)

    def decide(slab: Slab) -> BoolVolume:
        mask = slab.hu > SURFACE_HU
        mask &= slab.spread(near)
        mask |= slab.spread(inside)
        return morphology.opening(mask, working.in_slice_mm, _SHEET_MM)

    return working.surface(decide, report)


def _cavities(
    body: BoolVolume, working: WorkingGrid, report: Callable[[float], None]
) -> BoolVolume:
    """Find what the body encloses, in 3-D or in its axial slices, or at the image border.

    The ends of the image along z are walls, so that lungs cut there are enclosed. In an axial
    slice, a ring of arms and trunk encloses air of the room: that is told by its size, its
    purity and its way out in 3-D.
    """
    hollow = ~body
    numbers, sizes = morphology.label(hollow)
    sides = morphology.touching_sides(numbers, sizes.size)
    outside = morphology.select(numbers, sides)
    enclosed = hollow & ~outside
    report(0.7)
    enclosed |= _lungs_at_border(outside, body, working)
    report(0.85)
    enclosed |= _slice_holes(outside & ~enclosed, working)
    return enclosed


def _slice_holes(outside: BoolVolume, working: WorkingGrid) -> BoolVolume:
    numbers, sizes = morphology.label_slices(outside)
    holes = ~morphology.touching_sides(numbers, sizes.size)
    area_cm2 = sizes * working.spacing_mm[1] * working.spacing_mm[2] / 100.0
    pure = morphology.count_in(numbers, working.mean_hu < _PURE_AIR_HU, sizes.size)
    room_air = (area_cm2 > _AIRWAY_CM2) & (pure > _PURE_FRACTION * sizes)
    return morphology.select(numbers, holes & ~room_air)


def _lungs_at_border(outside: BoolVolume, body: BoolVolume, working: WorkingGrid) -> BoolVolume:
    """Find lungs that a narrow field of view opens to the side.

    The air of the room between blankets can be as dense as an emphysematous lung, so density
    alone does not tell: room air reaches a corner of the slices, a lung is walled by the body
    but for a small window, foam of the couch by its own shell.
    """
    thin = outside & (working.mean_hu < _AIR_HU)
    numbers, sizes = morphology.label(thin)
    count = sizes.size
    lungs = sizes * working.voxel_cc > _BORDER_LUNG_CC
    lungs &= ~_touching_corners(numbers, count)
    lungs &= (
        morphology.count_in(numbers, working.mean_hu < _PURE_AIR_HU, count) < _PURE_FRACTION * sizes
    )
    if not lungs[1:].any():
        return np.zeros_like(outside)
    reach_mm = 1.01 * max(working.spacing_mm[1:])
    walled = thin & morphology.dilate(body, working.spacing_mm, reach_mm)
    window = sum(
        np.bincount(face.ravel(), minlength=count)
        for face in (numbers[:, 0], numbers[:, -1], numbers[:, :, 0], numbers[:, :, -1])
    )
    wall = morphology.count_in(numbers, walled, count)
    rim = morphology.count_in(numbers, thin & morphology.grow_one(~thin), count)
    lungs &= (window > 0) & (window < _WINDOW_RATIO * wall) & (wall > _WALLED_FRACTION * rim)
    return morphology.select(numbers, lungs)


def _touching_corners(numbers: npt.NDArray[np.int32], count: int) -> npt.NDArray[np.bool_]:
    hit = np.zeros(count, np.bool_)
    hit[np.unique(numbers[:, [0, 0, -1, -1], [0, -1, 0, -1]])] = True
    return hit
