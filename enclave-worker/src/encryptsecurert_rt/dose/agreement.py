"""Distance to agreement: how far from a reference point the evaluated dose is the reference dose.

DTA(r) = min |p - r| over p in the support of the evaluated dose with De(p) = Dr(r), De trilinear,
within a radius. The search is exact per cell (extremes of a trilinear function are at vertices) and
certified: the distance told is that of a point found, and no nearer one exists by more than the
tolerance. None within the radius is +inf, which is an answer; NaN is where nothing was asked or the
point lies outside the evaluated dose.

Harms et al. 1998 (distance to agreement, composite analysis); Low and Dempsey 2003.
"""

import ctypes
from dataclasses import dataclass
from enum import IntEnum, unique
from functools import cache

import numpy as np
import numpy.typing as npt

from encryptsecurert_rt.dose.difference import DifferenceMap
from encryptsecurert_rt.dose.grid import BoolArray, DoseGrid, FloatArray, RigidTransform, index_map
from encryptsecurert_rt.dose.sampling import lps_to_indices, snap_to_nodes, voxel_indices
from encryptsecurert_rt.errors import InvalidInput, KernelFault
from encryptsecurert_rt.native.library import kernels
from encryptsecurert_rt.native.tiles import run_tiles
from encryptsecurert_rt.progress import Progress, no_progress

DEFAULT_RADIUS_MM = 10.0
DEFAULT_TOLERANCE_MM = 0.01
MAX_RADIUS_MM = 100.0
MIN_TOLERANCE_MM = 1e-6
MAX_REACH_VOXELS = 64  # a point may have to look at (2 x 64)^3 cells: some ms, no more
_BLOCK_CELLS = 4  # as in the kernel
_TILE_SECONDS, _MOST_POINTS_A_TILE = 0.05, 1 << 13
# Seconds of one core for a point, a cell and a box looked at, on a server processor at 2 GHz.
_SECONDS_A_POINT, _SECONDS_OF_WORK = 2e-6, np.array([10e-9, 250e-9])
# A sample of the points: neighbours, since near points cost alike, spread by the golden ratio.
_RUN, _RUNS, _SAMPLE_SECONDS = 8, 256, 0.1
_GOLDEN = (5.0**0.5 - 1.0) / 2.0
STAGE = "distance to agreement"
StateArray = npt.NDArray[np.uint8]


@unique
class AgreementState(IntEnum):
    """What became of one reference voxel, as stored in `AgreementMap.state`."""

    MASKED = 0
    OUTSIDE = 1  # of the evaluated dose's support
    FOUND = 2
    NOT_FOUND = 3  # none within the radius
    UNFINISHED = 4  # the kernel's bound on work was reached; the distance told is an upper bound


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementSearch:
    """How far and how finely to search.

    Attributes
    ----------
    radius_mm : up to 100.
    tolerance_mm : at least 1e-6; the true distance is in [told - tolerance, told].
    """

    radius_mm: float = DEFAULT_RADIUS_MM
    tolerance_mm: float = DEFAULT_TOLERANCE_MM

    def __post_init__(self) -> None:
        if not 0.0 < self.radius_mm <= MAX_RADIUS_MM:
            raise InvalidInput("the radius must be above 0 and at most 100 mm")
        if not MIN_TOLERANCE_MM <= self.tolerance_mm < self.radius_mm:
            raise InvalidInput("the tolerance must be at least 1e-6 mm and below the radius")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AgreementMap:
    """Distance to agreement on the grid of the reference.

    Attributes
    ----------
    distance_mm : float64 (k, j, i); +inf where none was found within the radius, NaN where masked
        or outside. The true distance is in [distance - tolerance, distance]; +inf says that there
        is none within radius - tolerance.
    state : uint8 (k, j, i) of `AgreementState`.
    search : AgreementSearch
    """

    distance_mm: FloatArray
    state: StateArray
    search: AgreementSearch

    def count(self, state: AgreementState) -> int:
        """Return how many voxels are in a state."""
        return int((self.state == state).sum())


def distance_to_agreement(  # noqa: PLR0913 - two doses and options by name
    reference: DoseGrid,
    evaluated: DoseGrid,
    *,
    search: AgreementSearch | None = None,
    mask: BoolArray | None = None,
    reference_to_evaluated: RigidTransform | None = None,
    threads: int = 1,
    progress: Progress = no_progress,
) -> AgreementMap:
    """Return the distance to agreement at each voxel centre of the reference.

    Parameters
    ----------
    reference, evaluated : DoseGrid
    search : AgreementSearch, optional
    mask : bool (k, j, i) on the grid of the reference, optional
        Where to compute; a dose cutoff is a mask too.
    reference_to_evaluated : RigidTransform, optional
    threads : int
        The result is the same, bit for bit, for any number.
    progress : Progress

    Raises
    ------
    InvalidInput
        If the mask does not fit, or the radius reaches over too many voxels of the evaluated dose.
    Cancelled
    """
    search = search or AgreementSearch()
    job = _Job(reference, evaluated, search, mask, reference_to_evaluated)
    distance = np.full(reference.dose_gy.size, np.nan)
    state = np.full(reference.dose_gy.size, AgreementState.MASKED, np.uint8)
    # Only the input decides how large tiles are; each point is searched by itself in any case.
    each = job.seconds_a_point()
    size = int(np.clip(_TILE_SECONDS / each, 1, _MOST_POINTS_A_TILE))

    def fill(tile: int) -> None:
        part = job.asked[tile * size : (tile + 1) * size]
        distance[part], state[part] = job.search(part)[:2]

    tiles = -(-job.asked.size // size)
    run_tiles(tiles, fill, threads=threads, progress=progress, stage=STAGE)
    return AgreementMap(
        distance_mm=distance.reshape(reference.grid.shape),
        state=state.reshape(reference.grid.shape),
        search=search,
    )


def agreement_seconds(
    reference: DoseGrid,
    evaluated: DoseGrid,
    *,
    search: AgreementSearch | None = None,
    mask: BoolArray | None = None,
    reference_to_evaluated: RigidTransform | None = None,
) -> float:
    """Return about how long `distance_to_agreement` would take on one core, within a second.

    Work is counted in a sample of the points, the same for the same input, and a table makes
    seconds of it; a machine may well be half or twice as fast. Raises as the search does.
    """
    job = _Job(reference, evaluated, search or AgreementSearch(), mask, reference_to_evaluated)
    return job.seconds_a_point() * job.asked.size


class _Job:
    """One search on the grid of the reference; `asked` are the flat indices of its points."""

    def __init__(
        self,
        reference: DoseGrid,
        evaluated: DoseGrid,
        search: AgreementSearch,
        mask: BoolArray | None,
        reference_to_evaluated: RigidTransform | None,
    ) -> None:
        _check_reach(evaluated, search)
        if mask is not None and (mask.dtype != np.bool_ or mask.shape != reference.grid.shape):
            raise InvalidInput("a mask must be bool in the shape of the reference dose")
        self._grid = reference.grid
        self._matrix = index_map(reference.grid, evaluated.grid, reference_to_evaluated)
        self._wanted_gy = reference.dose_gy.ravel()
        self._field = _Field(evaluated, search)
        self.asked = np.arange(self._wanted_gy.size) if mask is None else np.flatnonzero(mask)

    def search(self, part: npt.NDArray[np.intp]) -> tuple[FloatArray, StateArray, FloatArray]:
        """Return (distance_mm, state, work) of points by flat index; may run on any thread."""
        index = voxel_indices(self._grid, self._matrix, part)
        return self._field.distances(index, self._wanted_gy[part])

    def seconds_a_point(self) -> float:
        """Return what a point costs, by the sample."""
        spent, sampled = 0.0, 0
        for number in range(min(_RUNS, -(-self.asked.size // _RUN))):
            first = int((number * _GOLDEN) % 1.0 * max(self.asked.size - _RUN, 1))
            part = self.asked[first : first + _RUN]
            spent += _SECONDS_A_POINT * part.size + float(_SECONDS_OF_WORK @ self.search(part)[2])
            sampled += part.size
            if spent > _SAMPLE_SECONDS:
                break
        return spent / sampled if sampled else _SECONDS_A_POINT


def distance_to_agreement_at(
    points_lps_mm: FloatArray,
    dose_gy: FloatArray,
    evaluated: DoseGrid,
    *,
    search: AgreementSearch | None = None,
) -> tuple[FloatArray, StateArray]:
    """Return (distance_mm, state), each (n,), of points with a dose, as those of measurements.

    Parameters
    ----------
    points_lps_mm : float64 (n, 3), in the evaluated dose's frame of reference.
    dose_gy : float64 (n,)
    evaluated : DoseGrid
    search : AgreementSearch, optional
    """
    search = search or AgreementSearch()
    _check_reach(evaluated, search)
    if points_lps_mm.shape != (dose_gy.size, 3) or not np.isfinite(points_lps_mm).all():
        raise InvalidInput("points must be finite, (n, 3), one for each dose")
    index = lps_to_indices(evaluated.grid, points_lps_mm)
    return _Field(evaluated, search).distances(index, dose_gy)[:2]


def _check_reach(evaluated: DoseGrid, search: AgreementSearch) -> None:
    if search.radius_mm > MAX_REACH_VOXELS * min(evaluated.grid.spacing_mm):
        raise InvalidInput("the radius reaches over more than 64 voxels of the evaluated dose")


def _block_extremes(dose_gy: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the least and most of the dose over blocks of 4 cells, faces included."""
    low = high = dose_gy
    for axis, size in enumerate(dose_gy.shape):
        starts = np.arange(0, max(size - 1, 1), _BLOCK_CELLS)
        ends = np.minimum(starts + _BLOCK_CELLS, size - 1)
        low = np.minimum(np.minimum.reduceat(low, starts, axis), low.take(ends, axis))
        high = np.maximum(np.maximum.reduceat(high, starts, axis), high.take(ends, axis))
    return np.ascontiguousarray(low), np.ascontiguousarray(high)


@cache
def _kernel() -> "ctypes._NamedFuncPointer":
    doubles = np.ctypeslib.ndpointer(np.float64, flags="C_CONTIGUOUS")
    function = kernels().esrt_agreement
    function.restype = ctypes.c_int32
    function.argtypes = [
        doubles,
        np.ctypeslib.ndpointer(np.int64, shape=(3,)),
        np.ctypeslib.ndpointer(np.float64, shape=(3,)),
        doubles,
        doubles,
        doubles,
        doubles,
        ctypes.c_int64,
        ctypes.c_double,
        ctypes.c_double,
        doubles,
        np.ctypeslib.ndpointer(np.uint8, flags="C_CONTIGUOUS"),
        np.ctypeslib.ndpointer(np.int64, shape=(2,)),
    ]
    return function


class _Field:
    """An evaluated dose made ready for the kernel; `distances` may run on any thread."""

    def __init__(self, evaluated: DoseGrid, search: AgreementSearch) -> None:
        self._dose = evaluated
        self._search = search
        self._shape = np.asarray(evaluated.grid.shape, np.int64)
        self._spacing = np.asarray(evaluated.grid.spacing_mm, np.float64)
        self._low, self._high = _block_extremes(evaluated.dose_gy)

    def distances(
        self, index_kji: FloatArray, wanted_gy: FloatArray
    ) -> tuple[FloatArray, StateArray, FloatArray]:
        """Return (distance_mm, state, work) of points; `index_kji` (3, n) is changed in place.

        `work` (2,) counts cells and boxes that were looked at.
        """
        chosen = snap_to_nodes(index_kji, self._dose.grid)
        state = np.full(wanted_gy.size, AgreementState.OUTSIDE, np.uint8)
        distance = np.full(wanted_gy.size, np.nan)
        count = int(chosen.sum())
        found, unfinished = np.empty(count), np.zeros(count, np.uint8)
        work = np.zeros(2, np.int64)
        code = _kernel()(
            self._dose.dose_gy,
            self._shape,
            self._spacing,
            self._low,
            self._high,
            np.ascontiguousarray(index_kji[:, chosen].T),
            np.ascontiguousarray(wanted_gy[chosen]),
            count,
            self._search.radius_mm,
            self._search.tolerance_mm,
            found,
            unfinished,
            work,
        )
        if code != 0:
            raise KernelFault("the agreement kernel refused its arguments")
        distance[chosen] = found
        outcome = np.where(np.isinf(found), AgreementState.NOT_FOUND, AgreementState.FOUND)
        state[chosen] = np.where(unfinished != 0, AgreementState.UNFINISHED, outcome)
        return distance, state, work.astype(np.float64)


@unique
class CompositeState(IntEnum):
    """What the composite test says of one reference voxel."""

    NOT_EVALUATED = 0
    PASSED = 1
    FAILED = 2
    UNDECIDED = 3  # the distance's interval straddles the limit


def composite_test(
    difference: DifferenceMap, agreement: AgreementMap, *, dose_gy: float, distance_mm: float
) -> StateArray:
    """Return which voxels agree in dose or in distance: |De - Dr| <= dose_gy or DTA <= distance_mm.

    Parameters
    ----------
    difference : DifferenceMap
    agreement : AgreementMap
        Of the same doses, with a radius of at least distance_mm + tolerance.
    dose_gy, distance_mm : the criteria, above 0.

    Returns
    -------
    StateArray
        uint8 (k, j, i) of `CompositeState`; this is not gamma (it has no distance in both).

    Raises
    ------
    InvalidInput
        If the maps do not belong together or the radius is too short to fail a voxel.
    """
    if agreement.distance_mm.shape != difference.difference_gy.shape:
        raise InvalidInput("difference and agreement must be of the same reference")
    if not (np.isfinite(dose_gy) and dose_gy > 0.0 and distance_mm > 0.0):
        raise InvalidInput("criteria must be above 0")
    tolerance_mm = agreement.search.tolerance_mm
    if agreement.search.radius_mm < distance_mm + tolerance_mm:
        raise InvalidInput("the radius of the agreement must exceed the distance criterion")
    by_dose = np.abs(difference.difference_gy) <= dose_gy
    nearest = agreement.distance_mm - tolerance_mm
    out = np.full(by_dose.shape, CompositeState.NOT_EVALUATED, np.uint8)
    asked = agreement.state > AgreementState.OUTSIDE
    out[asked] = CompositeState.FAILED
    unfinished = agreement.state == AgreementState.UNFINISHED
    out[asked & ((nearest <= distance_mm) | unfinished)] = CompositeState.UNDECIDED
    out[asked & (by_dose | (agreement.distance_mm <= distance_mm))] = CompositeState.PASSED
    return out
