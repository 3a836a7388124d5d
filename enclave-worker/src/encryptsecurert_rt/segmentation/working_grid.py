"""The working grid: about 2 mm, axes along the patient, on which structures are recognised.

What a structure is, is decided on block means of the CT: noise is lower there and each step is
short. Where its surface is, is decided on the CT itself, slab by slab.

    CT (k, j, i), any orientation  --block mean, flip, transpose-->  working (z, y, x)
    axes of the working grid: z to superior, y to posterior, x to the patient's left
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.geometry import ImageGrid
from encryptsecurert_rt.segmentation.morphology import BoolVolume, Spacing, most_ball_rows

IntVolume = npt.NDArray[np.int16]
_Scalar = TypeVar("_Scalar", bound=np.generic)

AIR_FLOOR_HU = -1024  # below is padding, which counts as air
_CEILING_HU = 3071  # metal
_STEP_MM = 2.0
_APART_MM = 1e6
_DEEPEST_MM = 30.0  # the largest ball that the steps ask for, voxels of any size
_MOST_BALL_ROWS = 4096  # twice those of that ball at the finest step that two voxels can have
_SLAB_VOXELS = 1 << 22  # tens of milliseconds of work a slab: cancelling stays prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class Orientation:
    """How an array (k, j, i) lies in the patient: which axis and sign give z, y and x."""

    axes: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]

    @classmethod
    def of(cls, grid: ImageGrid) -> "Orientation":
        """Choose the nearest of the 48 orientations along the patient's axes."""
        columns = np.asarray(grid.direction).reshape(3, 3)  # rows x, y, z; columns i, j, k
        strength = np.abs(columns)
        axes = [0, 0, 0]
        flipped = [False, False, False]
        for _ in range(3):
            row, column = np.unravel_index(int(np.argmax(strength)), (3, 3))
            axes[2 - int(row)] = 2 - int(column)
            flipped[2 - int(row)] = bool(columns[row, column] < 0)
            strength[row, :] = -1.0
            strength[:, column] = -1.0
        return cls(axes=(axes[0], axes[1], axes[2]), flipped=(flipped[0], flipped[1], flipped[2]))

    def to_patient(self, array: npt.NDArray[_Scalar]) -> npt.NDArray[_Scalar]:
        """View (k, j, i) as (z, y, x)."""
        return array.transpose(self.axes)[self._flips()]

    def from_patient(self, array: npt.NDArray[_Scalar]) -> npt.NDArray[_Scalar]:
        """View (z, y, x) as (k, j, i)."""
        return array[self._flips()].transpose(np.argsort(self.axes))

    def _flips(self) -> tuple[slice, slice, slice]:
        z, y, x = (slice(None, None, -1 if flip else 1) for flip in self.flipped)
        return z, y, x


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingGrid:
    """A CT with its block means.

    Attributes
    ----------
    hu : int16 (k, j, i), the CT as given.
    spacing_kji_mm : of `hu`.
    factors : voxels of `hu` a working voxel spans along (k, j, i).
    orientation : between (k, j, i) and (z, y, x).
    mean_hu : int16 (z, y, x), block means, padding as -1024.
    spacing_mm : (z, y, x) of the working grid.
    threads : how many slabs are worked on at a time.
    """

    hu: IntVolume
    spacing_kji_mm: Spacing
    factors: tuple[int, int, int]
    orientation: Orientation
    mean_hu: IntVolume
    spacing_mm: Spacing
    threads: int

    @property
    def voxel_cc(self) -> float:
        """Volume of a working voxel in cm3."""
        z, y, x = self.spacing_mm
        return z * y * x / 1000.0

    @property
    def in_slice_mm(self) -> Spacing:
        """Spacing of `hu` with its slices out of each other's reach: morphology slice by slice."""
        _, step_j, step_i = self.spacing_kji_mm
        return _APART_MM, step_j, step_i

    def surface(
        self,
        decide: Callable[["Slab"], BoolVolume],
        report: Callable[[float], None],
    ) -> BoolVolume:
        """Build a mask (k, j, i) on the CT from `decide`, which is asked slab by slab."""
        out = np.empty(self.hu.shape, np.bool_)

        def work(start: int, stop: int) -> None:
            slab = Slab(working=self, start=start, stop=stop)
            out[start:stop] = decide(slab)

        run_slabs(self.hu.shape, self.factors[0], self.threads, work, report)
        return out


@dataclass(frozen=True, slots=True, kw_only=True)
class Slab:
    """The slices from `start` to `stop` of the CT; `start` is at an edge of a working voxel."""

    working: WorkingGrid
    start: int
    stop: int

    @property
    def hu(self) -> IntVolume:
        """The CT in the slab, int16 (k, j, i)."""
        return self.working.hu[self.start : self.stop]

    def spread(self, coarse: npt.NDArray[_Scalar]) -> npt.NDArray[_Scalar]:
        """Repeat a (z, y, x) array of the working grid onto the voxels of the slab."""
        factor_k, factor_j, factor_i = self.working.factors
        _, rows, columns = self.working.hu.shape
        first, last = self.start // factor_k, -(-self.stop // factor_k)
        part = self.working.orientation.from_patient(coarse)[first:last]
        wide = np.repeat(part, factor_i, axis=2)[:, :, :columns]
        tall = np.repeat(wide, factor_j, axis=1)[:, :rows]
        return np.repeat(tall, factor_k, axis=0)[: self.stop - self.start]


def make_working_grid(
    hu: IntVolume, grid: ImageGrid, threads: int, report: Callable[[float], None]
) -> WorkingGrid:
    """Take block means of `hu`, int16 (k, j, i), to a grid of about 2 mm along the patient.

    Refused with InvalidInput where voxels are so uneven that a ball as wide as their longest side
    would be of too many short ones: one such dilation could take hours.
    """
    factors = tuple(
        min(max(1, int(_STEP_MM / step + 0.5)), count)
        for step, count in zip(grid.spacing_mm, grid.shape, strict=True)
    )
    factor_k, factor_j, factor_i = factors
    coarse = np.empty(tuple(-(-n // f) for n, f in zip(hu.shape, factors, strict=True)), np.int16)

    def work(start: int, stop: int) -> None:
        part = np.clip(hu[start:stop], AIR_FLOOR_HU, _CEILING_HU)
        coarse[start // factor_k : -(-stop // factor_k)] = _block_means(part, factors)

    run_slabs(hu.shape, factor_k, threads, work, report)
    orientation = Orientation.of(grid)
    steps = tuple(s * f for s, f in zip(grid.spacing_mm, factors, strict=True))
    z, y, x = (steps[axis] for axis in orientation.axes)
    shape = orientation.to_patient(coarse).shape
    if most_ball_rows(shape, (z, y, x), max(_DEEPEST_MM, 1.1 * max(y, x))) > _MOST_BALL_ROWS:
        raise InvalidInput("the sides of a voxel are too uneven for this image")
    return WorkingGrid(
        hu=hu,
        spacing_kji_mm=grid.spacing_mm,
        factors=(factor_k, factor_j, factor_i),
        orientation=orientation,
        mean_hu=np.ascontiguousarray(orientation.to_patient(coarse)),
        spacing_mm=(z, y, x),
        threads=threads,
    )


def run_slabs(
    shape: tuple[int, ...],
    multiple: int,
    threads: int,
    work: Callable[[int, int], None],
    report: Callable[[float], None],
) -> None:
    """Call `work(start, stop)` for slabs of axis 0, `threads` at a time; report from here.

    Slabs do not depend on `threads`, so neither does what is computed in them.
    """
    slices = max(1, _SLAB_VOXELS // max(1, shape[1] * shape[2]) // multiple) * multiple
    bounds = [(k, min(k + slices, shape[0])) for k in range(0, shape[0], slices)]
    with ThreadPoolExecutor(max_workers=threads) as pool:
        futures = [pool.submit(work, start, stop) for start, stop in bounds]
        try:
            for done, future in enumerate(futures, start=1):
                future.result()
                report(done / len(futures))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _block_means(part: IntVolume, factors: tuple[int, ...]) -> IntVolume:
    """Mean over blocks; a block cut by the end of the array repeats its last voxel."""
    for axis, factor in enumerate(factors):
        if factor == 1:
            continue
        short = -part.shape[axis] % factor
        if short:
            pad = [(0, short if a == axis else 0) for a in range(3)]
            part = np.pad(part, pad, mode="edge")
        lead = (slice(None),) * axis
        total = part[(*lead, slice(0, None, factor))].astype(np.int32)
        for step in range(1, factor):
            total += part[(*lead, slice(step, None, factor))]
        part = np.floor_divide(total, factor).astype(np.int16)
    return part
