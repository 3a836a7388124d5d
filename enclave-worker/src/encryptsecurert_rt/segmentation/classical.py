"""Segment body, lungs and skeleton of a CT by classical means, without any learned weights."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.geometry import ImageGrid
from encryptsecurert_rt.progress import Progress, no_progress
from encryptsecurert_rt.segmentation import body as body_steps
from encryptsecurert_rt.segmentation import lungs as lung_steps
from encryptsecurert_rt.segmentation import skeleton as skeleton_steps
from encryptsecurert_rt.segmentation.morphology import BoolVolume
from encryptsecurert_rt.segmentation.types import (
    SegmentationStage,
    SegmentationWarning,
    SegmentedStructure,
    Structure,
)
from encryptsecurert_rt.segmentation.working_grid import (
    AIR_FLOOR_HU,
    WorkingGrid,
    make_working_grid,
)

_MAX_THREADS = 64
_SHARES = {  # of the whole time, measured on a thorax of 512 x 512 x 200
    SegmentationStage.PREPARE: (0.0, 0.1),
    SegmentationStage.BODY: (0.1, 0.4),
    SegmentationStage.LUNGS: (0.4, 0.7),
    SegmentationStage.SKELETON: (0.7, 1.0),
}


def segment_ct(
    hu: npt.NDArray[np.int16],
    grid: ImageGrid,
    structures: Sequence[Structure],
    *,
    progress: Progress = no_progress,
    threads: int = 2,
) -> tuple[SegmentedStructure, ...]:
    """Segment structures of a CT of any orientation, spacing and field of view.

    A structure that is not in the image comes back empty with a warning. The result does not
    depend on `threads`.

    Parameters
    ----------
    hu : int16 (k, j, i)
        Hounsfield units; padding of any value below -1024 counts as air.
    grid : ImageGrid
        Where the voxels of `hu` are; the patient's sides come from its direction.
    structures : sequence of Structure
        What to segment, without repeats.
    progress : Progress
        Hears of the stages in `SegmentationStage`; raises `Cancelled` to stop.
    threads : int
        How many threads work at a time, 1 to 64.

    Returns
    -------
    tuple of SegmentedStructure
        In the order of `structures`; masks bool (k, j, i) on `grid`.

    Raises
    ------
    InvalidInput
        If `hu` is not int16, its shape is not that of `grid`, `structures` is empty or has
        repeats, or `threads` is out of range.
    Cancelled
        If `progress` raises it.
    """
    wanted = _check(hu, grid, structures, threads)
    run = _Run(progress=progress)
    working = make_working_grid(hu, grid, threads, run.stage(SegmentationStage.PREPARE))
    found = _segment(working, wanted, run)
    progress(SegmentationStage.DONE.value, 1.0)
    return tuple(_describe(structure, *found[structure], hu, grid) for structure in structures)


@dataclass(slots=True, kw_only=True)
class _Run:
    """Turns the fraction of a stage into the fraction of the whole, never backwards."""

    progress: Progress
    reached: float = 0.0

    def stage(self, stage: SegmentationStage, part: tuple[float, float] = (0.0, 1.0)) -> "_Stage":
        first, last = _SHARES[stage]
        span = last - first
        return _Stage(
            run=self, word=stage.value, first=first + part[0] * span, last=first + part[1] * span
        )


@dataclass(slots=True, kw_only=True)
class _Stage:
    run: _Run
    word: str
    first: float
    last: float

    def __call__(self, fraction: float) -> None:
        at = self.first + fraction * (self.last - self.first)
        self.run.reached = max(self.run.reached, at)
        self.run.progress(self.word, self.run.reached)


_Found = dict[Structure, tuple[BoolVolume | None, tuple[SegmentationWarning, ...]]]


def _segment(working: WorkingGrid, wanted: frozenset[Structure], run: _Run) -> _Found:
    found: _Found = {structure: (None, ()) for structure in Structure}
    body = body_steps.find_body(working, run.stage(SegmentationStage.BODY, (0.0, 0.6)))
    if body is None:
        return found
    if Structure.BODY in wanted:
        report = run.stage(SegmentationStage.BODY, (0.6, 1.0))
        found[Structure.BODY] = (body_steps.body_surface(body, working, report), ())
    if wanted & {Structure.LUNG_LEFT, Structure.LUNG_RIGHT}:
        found.update(_segment_lungs(body, working, wanted, run))
    if Structure.SKELETON in wanted:
        report = run.stage(SegmentationStage.SKELETON, (0.0, 0.7))
        skeleton = skeleton_steps.find_skeleton(body, working, report)
        if skeleton is not None:
            report = run.stage(SegmentationStage.SKELETON, (0.7, 1.0))
            mask = skeleton_steps.skeleton_surface(skeleton, working, report)
            found[Structure.SKELETON] = (mask, skeleton.warnings)
    return found


def _segment_lungs(
    body: body_steps.Body, working: WorkingGrid, wanted: frozenset[Structure], run: _Run
) -> _Found:
    stage = SegmentationStage.LUNGS
    lungs = lung_steps.find_lungs(body, working, run.stage(stage, (0.0, 0.7)))
    found: _Found = {}
    if lungs is None:
        return found
    pairs = (
        (Structure.LUNG_LEFT, lungs.left, lungs.right, (0.7, 0.85)),
        (Structure.LUNG_RIGHT, lungs.right, lungs.left, (0.85, 1.0)),
    )
    for structure, lung, other, part in pairs:
        if structure in wanted:
            others = other | lungs.not_lung
            mask = lung_steps.lung_surface(lung, others, working, run.stage(stage, part))
            found[structure] = (mask, lungs.warnings)
    return found


def _describe(
    structure: Structure,
    mask: BoolVolume | None,
    warnings: tuple[SegmentationWarning, ...],
    hu: npt.NDArray[np.int16],
    grid: ImageGrid,
) -> SegmentedStructure:
    voxels = 0 if mask is None else int(np.count_nonzero(mask))
    if mask is None or voxels == 0:
        return SegmentedStructure(
            structure=structure,
            mask=np.zeros(grid.shape, np.bool_),
            volume_cc=0.0,
            warnings=(SegmentationWarning.NOT_FOUND,),
        )
    said = set(warnings)
    if _is_cut(mask, hu):
        said.add(SegmentationWarning.CUT_BY_FIELD_OF_VIEW)
    return SegmentedStructure(
        structure=structure,
        mask=mask,
        volume_cc=voxels * grid.voxel_volume_cc,
        warnings=tuple(w for w in SegmentationWarning if w in said),
    )


def _is_cut(mask: BoolVolume, hu: npt.NDArray[np.int16]) -> bool:
    """Say whether a mask reaches a face of the volume or touches padding in its slice."""
    for axis in range(3):
        if mask.shape[axis] > 1 and (mask.take(0, axis).any() or mask.take(-1, axis).any()):
            return True
    for slice_mask, slice_hu in zip(mask, hu, strict=True):
        padding = slice_hu < AIR_FLOOR_HU
        if not padding.any():
            continue
        if (slice_mask[1:] & padding[:-1]).any() or (slice_mask[:-1] & padding[1:]).any():
            return True
        if (slice_mask[:, 1:] & padding[:, :-1]).any():
            return True
        if (slice_mask[:, :-1] & padding[:, 1:]).any():
            return True
    return False


def _check(
    hu: npt.NDArray[np.int16], grid: ImageGrid, structures: Sequence[Structure], threads: int
) -> frozenset[Structure]:
    if not isinstance(hu, np.ndarray) or hu.dtype != np.int16:
        raise InvalidInput("the CT must be an int16 array in Hounsfield units")
    if hu.shape != grid.shape:
        raise InvalidInput("the CT must have the shape of its grid")
    wanted = frozenset(structures)
    if not wanted or len(wanted) != len(structures):
        raise InvalidInput("structures must be named, each once")
    if not all(isinstance(structure, Structure) for structure in wanted):
        raise InvalidInput("structures must be members of Structure")
    if not 1 <= threads <= _MAX_THREADS:
        raise InvalidInput("threads must be from 1 to 64")
    return wanted
