"""The C kernel of gamma, as Python calls it; `native/gamma.h` says what the fields mean."""

import ctypes
from dataclasses import dataclass
from enum import IntEnum
from functools import cache, cached_property

import numpy as np
import numpy.typing as npt

from encryptsecurert_rt.dose.gamma.offsets import Placement, offsets_within
from encryptsecurert_rt.dose.gamma.types import (
    MAX_EPS,
    MIN_EPS,
    FloatMap,
    GammaCriteria,
    GammaMode,
    Normalisation,
    StateMap,
    check_mask,
)
from encryptsecurert_rt.dose.grid import (
    LEAST_NORM_GY,
    BoolArray,
    DoseGrid,
    RigidTransform,
    cutoff_dose_gy,
    index_map,
)
from encryptsecurert_rt.errors import InvalidInput, KernelFault
from encryptsecurert_rt.native.library import kernels

# A tenth of a second; a smooth dose takes none, noise some tens, a lattice of saddles thousands.
BOXES_A_POINT = 400_000
_LEAST_CRITERION = 1e-7  # of the largest dose: below, float64 cannot tell the doses apart
_MODES = {GammaMode.CERTIFIED: 0, GammaMode.PASS_FAIL: 1, GammaMode.VOXEL_CENTRES: 2}


class Count(IntEnum):
    """Places of what a tile counts."""

    POINTS = 0
    OFFSETS = 1
    CELLS = 2
    BOXES = 3
    AGAIN = 4
    UNPROVEN = 5


class _Job(ctypes.Structure):
    _fields_ = (
        ("reference", ctypes.c_void_p),
        ("reference_count", ctypes.c_int64),
        ("reference_shape", ctypes.c_int64 * 3),
        ("evaluated", ctypes.c_void_p),
        ("evaluated_count", ctypes.c_int64),
        ("evaluated_shape", ctypes.c_int64 * 3),
        ("mask", ctypes.c_void_p),
        ("mask_count", ctypes.c_int64),
        ("gamma", ctypes.c_void_p),
        ("state", ctypes.c_void_p),
        ("gamma_count", ctypes.c_int64),
        ("state_count", ctypes.c_int64),
        ("offsets", ctypes.c_void_p),
        ("offset_count", ctypes.c_int64),
        ("map", ctypes.c_double * 12),
        ("spacing_mm", ctypes.c_double * 3),
        ("distance_mm", ctypes.c_double),
        ("dose_gy", ctypes.c_double),
        ("dose_fraction", ctypes.c_double),
        ("evaluated_maximum", ctypes.c_double),
        ("cutoff_gy", ctypes.c_double),
        ("cap", ctypes.c_double),
        ("eps", ctypes.c_double),
        ("boxes_a_point", ctypes.c_int64),
        ("local", ctypes.c_int32),
        ("either", ctypes.c_int32),
        ("mode", ctypes.c_int32),
        ("plain", ctypes.c_int32),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class KernelJob:
    """One comparison as the kernel needs it; it keeps the arrays alive that the kernel reads.

    Attributes
    ----------
    gamma : float32 (k, j, i) that is written, or None if only pass or fail is asked.
    state : uint8 (k, j, i) that is written.
    plain : not to use wide instructions; the result is the same, bit for bit.
    """

    reference: DoseGrid
    evaluated: DoseGrid
    mask: BoolArray | None
    criteria: GammaCriteria
    norm_gy: float
    mode: GammaMode
    eps: float
    placement: Placement
    offsets: npt.NDArray[np.void]
    gamma: FloatMap | None
    state: StateMap
    plain: bool = False

    def run(self, first: int, end: int) -> npt.NDArray[np.int64]:
        """Search the voxels from `first` to below `end` (flat); return the `Count`s.

        Raises
        ------
        KernelFault
            If the kernel refuses what it was given.
        """
        counts = np.zeros(len(Count), np.int64)
        code = _function()(ctypes.byref(self._fields), first, end, counts.ctypes.data)
        if code != 0:
            raise KernelFault("the gamma kernel refused its arguments")
        return counts

    @cached_property
    def _fields(self) -> _Job:
        """The arguments; built once, for they hold a maximum over all voxels."""
        criteria, evaluated = self.criteria, self.evaluated
        fraction = criteria.dose_percent / 100.0
        return _Job(
            reference=self.reference.dose_gy.ctypes.data,
            reference_count=self.reference.dose_gy.size,
            reference_shape=self.reference.dose_gy.shape,
            evaluated=evaluated.dose_gy.ctypes.data,
            evaluated_count=evaluated.dose_gy.size,
            evaluated_shape=evaluated.dose_gy.shape,
            mask=None if self.mask is None else self.mask.ctypes.data,
            mask_count=0 if self.mask is None else self.mask.size,
            gamma=None if self.gamma is None else self.gamma.ctypes.data,
            state=self.state.ctypes.data,
            gamma_count=0 if self.gamma is None else self.gamma.size,
            state_count=self.state.size,
            offsets=self.offsets.ctypes.data,
            offset_count=self.offsets.size,
            map=tuple(self.placement.to_evaluated[:3].ravel()),
            spacing_mm=evaluated.grid.spacing_mm[::-1],
            distance_mm=criteria.distance_mm,
            dose_gy=fraction * self.norm_gy,
            dose_fraction=fraction,
            evaluated_maximum=evaluated.maximum_gy,
            cutoff_gy=cutoff_dose_gy(criteria.cutoff_percent, self.norm_gy),
            cap=criteria.cap,
            eps=self.eps,
            boxes_a_point=BOXES_A_POINT,
            local=criteria.normalisation is Normalisation.LOCAL,
            either=criteria.either_dose_above_cutoff,
            mode=_MODES[self.mode],
            plain=self.plain,
        )


def make_job(  # noqa: PLR0913 - as `gamma_index`
    reference: DoseGrid,
    evaluated: DoseGrid,
    criteria: GammaCriteria,
    *,
    mask: BoolArray | None,
    reference_to_evaluated: RigidTransform | None,
    mode: GammaMode,
    eps: float,
) -> KernelJob:
    """Check what `gamma_index` is given, and return it as the kernel needs it.

    Raises
    ------
    InvalidInput
        As `gamma_index`, but for grids that do not overlap.
    """
    if not MIN_EPS <= eps <= MAX_EPS:
        raise InvalidInput("eps must be 1e-5 to 0.1")
    check_mask(mask, reference.dose_gy.shape)
    norm_gy = reference.maximum_gy if criteria.norm_gy is None else criteria.norm_gy
    if norm_gy < LEAST_NORM_GY:
        raise InvalidInput("the reference dose is zero everywhere")
    largest_gy = max(reference.maximum_gy, evaluated.maximum_gy)
    if criteria.dose_percent / 100.0 * norm_gy < _LEAST_CRITERION * largest_gy:
        raise InvalidInput("the dose criterion is too small for these doses")
    placement = Placement.of(
        index_map(reference.grid, evaluated.grid, reference_to_evaluated),
        reference.grid,
        evaluated.grid,
    )
    gamma: FloatMap | None = None
    if mode is not GammaMode.PASS_FAIL:
        gamma = np.empty(reference.dose_gy.shape, np.float32)
    return KernelJob(
        reference=reference,
        evaluated=evaluated,
        mask=None if mask is None else np.ascontiguousarray(mask),
        criteria=criteria,
        norm_gy=norm_gy,
        mode=mode,
        eps=eps,
        placement=placement,
        offsets=offsets_within(
            evaluated.grid,
            placement,
            reach_mm=criteria.distance_mm * (1.0 if mode is GammaMode.PASS_FAIL else criteria.cap),
            distance_mm=criteria.distance_mm,
            cells=mode is not GammaMode.VOXEL_CENTRES,
        ),
        gamma=gamma,
        state=np.empty(reference.dose_gy.shape, np.uint8),
    )


@cache
def _function() -> "ctypes._NamedFuncPointer":
    function = kernels().esrt_gamma_tile
    function.argtypes = [
        ctypes.POINTER(_Job),
        ctypes.c_int64,
        ctypes.c_int64,
        ctypes.c_void_p,
    ]
    function.restype = ctypes.c_int32
    return function
