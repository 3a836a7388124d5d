"""What other programs search: plastimatch's gamma as it runs, and two searches made anew.

The remade searches are for single voxels. Where a peer's map is equal to one, its difference from
the certified gamma is that of the two sets of points, and of nothing else.
"""

import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK
from scipy import ndimage

from encryptsecurert_rt.dose.gamma import GammaCriteria, Normalisation
from encryptsecurert_rt.dose.grid import BoolArray, DoseGrid, index_map

FloatArray = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

_BESIDE = Path(sys.executable).parent / "plastimatch"
PLASTIMATCH = str(_BESIDE) if _BESIDE.exists() else shutil.which("plastimatch")
# Half of the 26 ways to a neighbour; the others are these from the other end.
_WAYS = [way for way in product((-1, 0, 1), repeat=3) if way > (0, 0, 0)]


def plastimatch_gamma(
    reference: DoseGrid,
    evaluated: DoseGrid,
    criteria: GammaCriteria,
    folder: Path,
    *,
    interpolated: bool,
    mask: BoolArray | None = None,
    options: tuple[str, ...] = ("--ref-only-threshold",),
) -> FloatArray:
    """Return plastimatch's map (k, j, i): 0 where it compared nothing."""
    _write(folder / "reference.mha", reference.dose_gy.astype(np.float32), reference)
    _write(folder / "evaluated.mha", evaluated.dose_gy.astype(np.float32), evaluated)
    command = [str(PLASTIMATCH), "gamma", *options]
    command += ["--dose-tolerance", str(criteria.dose_percent / 100.0)]
    command += ["--dta-tolerance", str(criteria.distance_mm), "--gamma-max", str(criteria.cap)]
    command += ["--analysis-threshold", str(criteria.cutoff_percent / 100.0)]
    command += ["--output", str(folder / "gamma.mha")]
    if interpolated:
        command.append("--interp-search")
    if criteria.normalisation is Normalisation.LOCAL:
        command.append("--local-gamma")
    if criteria.norm_gy is not None:
        command += ["--reference-dose", str(criteria.norm_gy)]
    if mask is not None:
        _write(folder / "mask.mha", mask.astype(np.uint8), reference)
        command += ["--mask", str(folder / "mask.mha")]
    command += [str(folder / "reference.mha"), str(folder / "evaluated.mha")]
    subprocess.run(command, check=True, capture_output=True)
    return np.asarray(
        SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(folder / "gamma.mha"))), np.float64
    )


def _write(path: Path, values: npt.NDArray[Any], dose: DoseGrid) -> None:
    image: Any = SimpleITK.GetImageFromArray(values)
    image.SetSpacing(dose.grid.spacing_mm[::-1])
    image.SetOrigin(dose.grid.origin_lps_mm)
    image.SetDirection(dose.grid.direction)
    SimpleITK.WriteImage(image, str(path))


def least_on_segments(
    reference: DoseGrid,
    evaluated: DoseGrid,
    criteria: GammaCriteria,
    criterion_gy: float,
    places: Places,
) -> FloatArray:
    """Return the least gamma on straight segments from voxel centres to their 26 neighbours.

    Parameters
    ----------
    reference, evaluated : DoseGrid, on one grid.
    criteria : GammaCriteria
    criterion_gy : float
    places : (n, 3), voxels as (k, j, i).
    """
    unit = np.asarray(reference.grid.spacing_mm) / criteria.distance_mm
    shape = np.asarray(reference.dose_gy.shape)
    reach = np.ceil(criteria.cap / unit).astype(int)
    least = np.full(len(places), criteria.cap)
    for number, place in enumerate(places):
        first, end = np.maximum(place - reach, 0), np.minimum(place + reach + 1, shape)
        near = tuple(slice(a, b) for a, b in zip(first, end, strict=True))
        off = (evaluated.dose_gy[near] - reference.dose_gy[tuple(place)]) / criterion_gy
        ways = np.moveaxis(np.indices(off.shape), 0, -1) + first - place
        points = np.concatenate([ways * unit, off[..., None]], axis=-1)
        for way in _WAYS:
            start, stop = (points[_pairs(way, side)] for side in (1, -1))
            along = stop - start
            length2 = np.maximum((along**2).sum(axis=-1), 1e-300)
            t = np.clip(-(start * along).sum(axis=-1) / length2, 0.0, 1.0)
            found = np.linalg.norm(start + t[..., None] * along, axis=-1)
            least[number] = min(least[number], found.min(initial=criteria.cap))
    return least


def _pairs(way: tuple[int, ...], side: int) -> tuple[slice, ...]:
    """Return where the starts (side 1) or the ends (side -1) of segments in a direction are."""
    ends = {0: slice(None), 1: slice(None, -1), -1: slice(1, None)}
    return tuple(ends[step * side] for step in way)


def least_on_spheres(
    reference: DoseGrid,
    evaluated: DoseGrid,
    criteria: GammaCriteria,
    criterion_gy: float,
    places: Places,
    *,
    parts: int,
) -> FloatArray:
    """Return the least gamma on spheres, `parts` of them to the distance criterion, as pymedphys.

    On parallel grids of equal spacing; `places` as above. Nothing beyond the evaluated dose.
    """
    step = criteria.distance_mm / parts
    size, last = np.asarray(reference.grid.spacing_mm), np.asarray(evaluated.dose_gy.shape) - 1.0
    at = places + index_map(reference.grid, evaluated.grid)[:3, 3][::-1]
    doses = reference.dose_gy[tuple(places.T)]
    least = np.full(len(places), criteria.cap)
    for number in range(int(criteria.cap * parts) + 1):
        index = at[:, None] + sphere(number * step, step) / size
        within = ((index >= 0.0) & (index <= last)).all(axis=-1)
        values = ndimage.map_coordinates(
            evaluated.dose_gy, index.reshape(-1, 3).T, order=1, mode="nearest"
        )
        off = np.where(within, np.abs(values.reshape(within.shape) - doses[:, None]), np.inf)
        least = np.minimum(least, np.hypot(number / parts, off.min(axis=1) / criterion_gy))
        if (least <= number / parts).all():
            break  # all further samples are further than what was found
    return least


def sphere(radius: float, step: float) -> FloatArray:
    """Return points (n, 3) on a sphere: rows a step apart at most, and so the points of each."""
    rows = []
    for angle in np.linspace(0.0, np.pi, int(np.ceil(np.pi * radius / step)) + 1):
        count = int(np.ceil(2 * np.pi * radius * np.sin(angle) / step)) + 1
        turn = np.arange(count) * 2 * np.pi / count
        across, along = np.sin(angle), np.full(count, np.cos(angle))
        rows.append(np.column_stack([across * np.cos(turn), across * np.sin(turn), along]))
    return np.asarray(radius * np.concatenate(rows))
