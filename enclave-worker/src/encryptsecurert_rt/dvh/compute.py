"""Computes the dose-volume histogram of a structure."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from encryptsecurert_rt.dose.grid import DoseGrid, RigidTransform
from encryptsecurert_rt.dose.sampling import sample_dose
from encryptsecurert_rt.dvh.contours import ContourStructure
from encryptsecurert_rt.dvh.curve import Dvh
from encryptsecurert_rt.dvh.histogram import PointHistogram
from encryptsecurert_rt.dvh.indices import MIN_COVERED
from encryptsecurert_rt.dvh.inside import structure_mask
from encryptsecurert_rt.dvh.lattice import Extent, Lattice, lattice_for
from encryptsecurert_rt.dvh.layers import PAD, DoseAxis, Integration, Sums
from encryptsecurert_rt.dvh.solids import LevelSolid, Solid, VoxelSolid, grid_directions, inverse_of
from encryptsecurert_rt.dvh.stack import ContourSolid
from encryptsecurert_rt.dvh.structure import MaskStructure, Structure, StructureWarning
from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.native.tiles import run_tiles
from encryptsecurert_rt.progress import Progress, no_progress

FloatArray = npt.NDArray[np.float64]

STAGE = "dose-volume histogram"
MAX_STEP_GY = 0.01
_MIN_BINS, _MAX_BINS = 1 << 12, 1 << 18
_MAX_TILES = 32
_CELLS_A_TILE = 1 << 16  # at least: neighbours measure the sections between them both
_TILES_POINTS = 1 << 22  # of the dose axes of all tiles together: 32 MiB


def compute_dvh(
    structure: Structure,
    dose: DoseGrid,
    *,
    structure_to_dose: RigidTransform | None = None,
    threads: int = 1,
    progress: Progress = no_progress,
) -> Dvh:
    """Integrate a dose over a structure.

    Parameters
    ----------
    structure : ContourStructure, MaskStructure or LevelStructure
        Need not be on planes of the dose, nor along its axes, nor inside its support.
    dose : DoseGrid
        Trilinear between voxel centres; nothing is known of it outside the box of these.
    structure_to_dose : RigidTransform, optional
        Takes LPS points of the structure's frame of reference to the dose's.
    threads : int
        The result is the same, bit for bit, for any number.
    progress : Progress

    Raises
    ------
    InvalidInput
        If the structure encloses no volume, or is too large or too complex.
    Cancelled
    """
    to_dose = (structure_to_dose or RigidTransform.identity()).matrix
    to_frame = inverse_of(structure_to_dose)
    solid = prepare(structure, dose, to_frame)
    lattice = lattice_for(solid.extent, dose.grid, to_frame)
    to_lps = np.eye(4)
    to_lps[:3, :3] = lattice.axes.T
    to_index = (np.linalg.inv(dose.grid.ijk_to_lps) @ to_dose @ to_lps)[:3]
    axis = _dose_axis(solid.extent, dose, to_index)
    integration = Integration(
        solid=solid,
        lattice=lattice,
        dose=dose,
        to_index=np.ascontiguousarray(to_index),
        axis=axis,
    )
    ends = _tiles(lattice, axis)
    sums = run_tiles(
        len(ends) - 1,
        lambda tile: integration.layers(int(ends[tile]), int(ends[tile + 1])),
        threads=threads,
        progress=progress,
        stage=STAGE,
    )
    warnings = set(solid.warnings)
    if lattice.coarse:
        warnings.add(StructureWarning.COARSE_CELLS)
    total = _total(sums)
    if total.covered_mm3 > 0.0:
        total = _with_doses(total, _corner_doses(solid, lattice, dose, to_dose))
    if not lattice.parallel:  # voxel centres, where extremes inside are, are not nodes
        inside = structure_mask(structure, dose.grid, structure_to_grid=structure_to_dose)
        total = _with_doses(total, dose.dose_gy[inside])
    return _dvh(total, axis, lattice.cell_mm, warnings)


def prepare(structure: Structure, dose: DoseGrid, to_frame: FloatArray) -> Solid:
    """Make a structure a solid; `to_frame` takes the dose's frame of reference to its own."""
    directions = grid_directions(dose.grid, to_frame)
    k, j, i = dose.grid.spacing_mm
    match structure:
        case ContourStructure():
            return ContourSolid.of(structure, directions, np.array((i, j, k)))
        case MaskStructure():
            return VoxelSolid.of(structure, min(i, j, k))
        case _:
            return LevelSolid.of(structure, directions, min(i, j, k))


def _dose_axis(extent: Extent, dose: DoseGrid, to_index: FloatArray) -> DoseAxis:
    """Lay points over the doses of the voxels around a structure."""
    spans = zip(extent.low_mm, extent.high_mm, strict=True)
    corners = np.stack(np.meshgrid(*spans), axis=-1).reshape(-1, 3)
    index = corners @ to_index[:, :3].T + to_index[:, 3]
    top = np.array(dose.grid.shape[::-1])
    low = np.clip(np.floor(index.min(axis=0) - 1e-6), 0, top - 1).astype(int)
    high = np.clip(np.ceil(index.max(axis=0) + 1e-6), 0, top - 1).astype(int) + 1
    around = dose.dose_gy[low[2] : high[2], low[1] : high[1], low[0] : high[0]]
    least, most = float(around.min()), float(around.max())
    step = (most - least) / _MIN_BINS
    if not step > 1e-9 * most:  # one dose everywhere
        return DoseAxis(least_gy=least, most_gy=most, step_gy=MAX_STEP_GY, bins=1)
    step = max(min(step, MAX_STEP_GY), (most - least) / _MAX_BINS)
    bins = int(np.ceil((most - least) / step))
    return DoseAxis(least_gy=least, most_gy=most, step_gy=step, bins=bins)


def _tiles(lattice: Lattice, axis: DoseAxis) -> list[int]:
    """Return the first layer of each tile, and the end."""
    cells = lattice.layers * (len(lattice.u_mm) - 1) * (len(lattice.v_mm) - 1)
    count = min(
        lattice.layers, _MAX_TILES, 1 + cells // _CELLS_A_TILE, 1 + _TILES_POINTS // axis.bins
    )
    return [int(end) for end in np.linspace(0, lattice.layers, count + 1)]


def _total(tiles: list[Sums]) -> Sums:
    """Add up tiles in their order."""
    return Sums(
        volume_mm3=sum(tile.volume_mm3 for tile in tiles),
        covered_mm3=sum(tile.covered_mm3 for tile in tiles),
        dose_gy_mm3=sum(tile.dose_gy_mm3 for tile in tiles),
        minimum_gy=min(tile.minimum_gy for tile in tiles),
        maximum_gy=max(tile.maximum_gy for tile in tiles),
        spline=np.asarray(sum(tile.spline for tile in tiles)),
    )


def _corner_doses(
    solid: Solid, lattice: Lattice, dose: DoseGrid, to_dose: FloatArray
) -> FloatArray:
    """Return the doses at points of a structure that may be finer than a cell."""
    corners = solid.corners_mm() @ lattice.axes
    return sample_dose(dose, corners @ to_dose[:3, :3].T + to_dose[:3, 3])


def _with_doses(total: Sums, doses_gy: FloatArray) -> Sums:
    """Widen the extremes to doses at points of the structure; NaN are outside the support."""
    there = doses_gy[np.isfinite(doses_gy)]
    if not there.size:
        return total
    return replace(
        total,
        minimum_gy=min(total.minimum_gy, float(there.min())),
        maximum_gy=max(total.maximum_gy, float(there.max())),
    )


def _dvh(total: Sums, axis: DoseAxis, cell_mm: float, warnings: set[StructureWarning]) -> Dvh:
    if not total.volume_mm3 > 0.0:
        raise InvalidInput("a structure encloses no volume")
    covered = min(total.covered_mm3 / total.volume_mm3, 1.0)
    nothing = not total.covered_mm3 > 0.0
    if nothing:
        warnings.add(StructureWarning.OUTSIDE_DOSE)
    elif covered < MIN_COVERED:
        warnings.add(StructureWarning.PARTLY_OUTSIDE_DOSE)
    # Interpolation between equal doses may differ from them in the last digit.
    minimum = float("nan") if nothing else max(total.minimum_gy, axis.least_gy)
    maximum = float("nan") if nothing else min(total.maximum_gy, axis.most_gy)
    mean = float("nan") if nothing else total.dose_gy_mm3 / total.covered_mm3
    volume_cc = total.volume_mm3 / 1000.0
    return Dvh(
        volume_cc=volume_cc,
        covered_fraction=0.0 if nothing else covered,
        minimum_gy=minimum,
        maximum_gy=maximum,
        mean_gy=mean if nothing else min(max(mean, minimum), maximum),
        cumulative=None if nothing else _cumulative(total, axis, (minimum, maximum), volume_cc),
        step_gy=axis.step_gy,
        cell_mm=cell_mm,
        warnings=tuple(sorted(warnings)),
    )


def _cumulative(
    total: Sums, axis: DoseAxis, ends_gy: tuple[float, float], volume_cc: float
) -> PointHistogram:
    """Sum third differences up to V(d) at the points of the axis between the ends."""
    minimum, maximum = ends_gy
    below = total.spline.cumsum().cumsum().cumsum()[PAD : PAD + axis.bins + 1]
    above = np.minimum.accumulate(np.clip(1.0 - below / total.covered_mm3, 0.0, 1.0))
    points = axis.least_gy + axis.step_gy * np.arange(axis.bins + 1)
    inner = (points > minimum) & (points < maximum)
    first = [minimum] if minimum == 0.0 else [0.0, minimum]
    last = [] if maximum == minimum else [maximum]
    return PointHistogram(
        dose_gy=np.concatenate((first, points[inner], last)),
        volume_fraction=np.concatenate((np.ones(len(first)), above[inner], np.zeros(len(last)))),
        volume_cc=volume_cc,
        covered_fraction=min(total.covered_mm3 / total.volume_mm3, 1.0),
    )
