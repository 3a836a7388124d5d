"""Certified gamma beside pymedphys and plastimatch on real doses, each voxel against a bound.

    .venv/bin/python Testing/benchmarks/peers_on_real_doses.py [--pair NAME] [--converge]

Both peers look at other points than the continuous dose, and that takes their gamma off by a
bounded amount (`Testing/tools/gamma_bounds.py` derives it; docs/gamma.md explains it). For each
pair and criterion a line a tool: the voxels it has a value for; its pass rate; verdicts other than
the certified one, passed and failed; its gamma less ours, least, mean and largest; the largest
share of its bound that a voxel takes, below and above; how many voxels are beyond their bound; and,
at 200 voxels drawn from a seed, the largest difference from the same search made anew.
`--converge` runs pymedphys with ever finer steps on a part of the first pair.

pymedphys runs in an environment of its own (`make bench` makes it). Its steps are a tenth of the
distance criterion. Global, of the reference's maximum; cutoff 10 % of it; cap 2.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import SimpleITK
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

from data_pack import DATA
from gamma_bounds import Bounds, FloatArray, PeerBounds
from gamma_peers import PLASTIMATCH, Places, least_on_segments, least_on_spheres, plastimatch_gamma

from encryptsecurert_rt.dose.gamma import (
    GammaCriteria,
    GammaMap,
    Normalisation,
    PointState,
    gamma_index,
    gamma_statistics,
)
from encryptsecurert_rt.dose.grid import DoseGrid, index_map
from encryptsecurert_rt.geometry import ImageGrid

HERE = Path(__file__).parent
PYMEDPHYS = HERE.parents[1] / ".make" / "peers" / "bin" / "python"
PARTS = 10
REMADE = 200
AXES = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
SHIFT_MM = (1.3, -1.9, 1.7)  # x, y, z; 2.86 mm


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two doses on parallel grids of equal spacing, and where they come from."""

    name: str
    reference: DoseGrid
    evaluated: DoseGrid


def dose_on(
    values: Any, spacing_mm: tuple[float, ...], origin_lps_mm: tuple[float, ...]
) -> DoseGrid:
    """Return a dose along the axes."""
    dose_gy = np.ascontiguousarray(values, np.float64)
    grid = ImageGrid(
        shape=dose_gy.shape,
        spacing_mm=spacing_mm,  # type: ignore[arg-type]  # three numbers
        origin_lps_mm=origin_lps_mm,  # type: ignore[arg-type]  # three numbers
        direction=AXES,
    )
    return DoseGrid(dose_gy=dose_gy, grid=grid)


def ent() -> Pair:
    """Return a head and neck on two days, from SlicerRT's test data."""
    days = []
    for name in ("EclipseEnt_Dose.nrrd", "EclipseEnt_Dose_Day2.nrrd"):
        image: Any = SimpleITK.ReadImage(str(DATA / "slicerrt_dose" / name))
        values = SimpleITK.GetArrayFromImage(image)
        days.append(dose_on(values, tuple(reversed(image.GetSpacing())), image.GetOrigin()))
    return Pair(name="ENT, day 1 and 2", reference=days[0], evaluated=days[1])


def _proton_files() -> list[DoseGrid]:
    found = []
    for path in sorted((DATA / "proton_phantom_dose").glob("*.dcm")):
        dataset = pydicom.dcmread(path)
        dose_gy = dataset.pixel_array.astype(np.float64) * float(dataset.DoseGridScaling)
        step_mm = float(dataset.GridFrameOffsetVector[1]) - float(dataset.GridFrameOffsetVector[0])
        spacing = (step_mm, *(float(x) for x in dataset.PixelSpacing))
        found.append(
            dose_on(dose_gy, spacing, tuple(float(x) for x in dataset.ImagePositionPatient))
        )
    return found


def _middle(dose: DoseGrid) -> DoseGrid:
    """Return 32 slices in the middle of what has dose, to save time."""
    dosed = np.flatnonzero((dose.dose_gy >= 0.1 * dose.maximum_gy).any(axis=(1, 2)))
    first = int(dosed.mean()) - 16
    x, y, z = dose.grid.origin_lps_mm
    origin = (x, y, z + first * dose.grid.spacing_mm[0])
    return dose_on(dose.dose_gy[first : first + 32], dose.grid.spacing_mm, origin)


def proton_sum() -> Pair:
    """Return a proton plan and the sum of its beams: the same but for 16 bits."""
    plan, one, other = _proton_files()
    both = DoseGrid(dose_gy=one.dose_gy + other.dose_gy, grid=plan.grid)
    return Pair(
        name="protons, plan and sum of beams", reference=_middle(plan), evaluated=_middle(both)
    )


def proton_shift() -> Pair:
    """Return a proton plan and itself, moved by 2.86 mm: at most that over the distance."""
    plan = _middle(_proton_files()[0])
    x, y, z = (o + s for o, s in zip(plan.grid.origin_lps_mm, SHIFT_MM, strict=True))
    moved = dose_on(plan.dose_gy, plan.grid.spacing_mm, (x, y, z))
    return Pair(name="protons, moved by 2.86 mm", reference=plan, evaluated=moved)


def openkbp() -> Pair:
    """Return an OpenKBP plan and a copy: moved by 2.7 mm, up to 4 % off, 0.3 Gy of noise."""
    folder = DATA / "openkbp" / "pt_196"
    listed = np.loadtxt(folder / "dose.csv", delimiter=",", skiprows=1)
    dose = np.zeros(128**3)
    dose[listed[:, 0].astype(int)] = listed[:, 1]
    spacing = tuple(float(x) for x in np.loadtxt(folder / "voxel_dimensions.csv"))
    whole = dose.reshape(128, 128, 128)
    places = [np.flatnonzero(whole.any(axis=tuple({0, 1, 2} - {a}))) for a in range(3)]
    part = whole[tuple(slice(max(p[0] - 4, 0), p[-1] + 5) for p in places)]
    random = np.random.default_rng(20)
    off = ndimage.gaussian_filter(random.standard_normal(part.shape), 6.0)
    copy = ndimage.shift(part, np.array([1.2, -1.7, 1.7]) / spacing, order=1)
    copy = copy * (1.0 + 0.02 * off / off.std()) + 0.3 * random.standard_normal(part.shape)
    return Pair(
        name="OpenKBP 196 and a copy",
        reference=dose_on(part, spacing, (0.0, 0.0, 0.0)),
        evaluated=dose_on(np.clip(copy, 0.0, None), spacing, (0.0, 0.0, 0.0)),
    )


PAIRS: dict[str, Callable[[], Pair]] = {
    "ent": ent,
    "openkbp": openkbp,
    "proton-sum": proton_sum,
    "proton-shift": proton_shift,
}


def pymedphys_gamma(pair: Pair, criteria: GammaCriteria, folder: Path, parts: int) -> FloatArray:
    """Return the map of pymedphys: NaN where it found nothing."""
    place, out = folder / "pair.npz", folder / "pymedphys.npy"
    shift = index_map(pair.evaluated.grid, pair.reference.grid)[:3, 3][::-1]
    np.savez(
        place,
        reference=pair.reference.dose_gy,
        evaluated=pair.evaluated.dose_gy,
        spacing_mm=pair.reference.grid.spacing_mm,
        shift_mm=shift * pair.reference.grid.spacing_mm,
        dose_percent_threshold=criteria.dose_percent,
        distance_mm_threshold=criteria.distance_mm,
        interp_fraction=parts,
    )
    script = str(HERE / "pymedphys_gamma.py")
    subprocess.run([str(PYMEDPHYS), script, str(place), str(out)], check=True, capture_output=True)
    return np.asarray(np.load(out), np.float64)


def resampled(pair: Pair) -> DoseGrid:
    """Return the evaluated dose on the reference's grid, 0 beyond it, as plastimatch takes it."""
    shift = index_map(pair.reference.grid, pair.evaluated.grid)[:3, 3][::-1]
    places = np.meshgrid(
        *(np.arange(n) + s for n, s in zip(pair.reference.dose_gy.shape, shift, strict=True)),
        indexing="ij",
    )
    values = ndimage.map_coordinates(pair.evaluated.dose_gy, places, order=1, mode="constant")
    return DoseGrid(dose_gy=np.ascontiguousarray(values), grid=pair.reference.grid)


def line(
    tool: str,
    gamma: FloatArray,
    found: GammaMap,
    bounds: Bounds | None = None,
    remade: Callable[[Places], FloatArray] | None = None,
) -> str:
    """Return a row of the table: a peer's map held against ours, its bounds, its search remade."""
    ours, cap = found.gamma.astype(np.float64), found.criteria.cap
    both = (found.state >= PointState.PASSED) & ~np.isnan(gamma)
    passed, certified = gamma[both] <= 1.0, found.state[both] == PointState.PASSED
    error = np.minimum(gamma[both], cap) - ours[both]
    told = (
        f"| {tool} | {both.sum()} | {100.0 * passed.mean():.3f} | "
        f"+{(passed & ~certified).sum()} -{(certified & ~passed).sum()} | "
        f"{error.min():+.3f} / {error.mean():+.4f} / {error.max():+.3f} | "
    )
    if bounds is None:
        return f"{told}| | |"
    low, high = bounds.low[both], bounds.high[both]
    beyond = int(((error < low) | (error > high)).sum())
    # What is within its rounding takes nothing of a bound.
    share_low = np.max(np.where(error < -2 * found.eps, error / low, 0.0))
    share_high = np.max(np.where(error > 2 * found.eps, error / high, 0.0))
    told += f"{100 * share_low:.0f} / {100 * share_high:.0f} % | {beyond} |"
    if remade is None:
        return f"{told} |"
    places = np.random.default_rng(3).permutation(np.argwhere(both))[:REMADE]
    off = np.abs(np.minimum(gamma[tuple(places.T)], cap) - remade(places)).max()
    return f"{told} {off:.1e} |"


def lines(pair: Pair, criteria: GammaCriteria) -> Iterator[str]:
    """Compare one pair by one criterion with every tool that is there."""
    found = gamma_index(pair.reference, pair.evaluated, criteria, threads=2)
    counted = gamma_statistics(found)
    yield (
        f"| **{pair.name}, {criteria.dose_percent:g} %/{criteria.distance_mm:g} mm**, certified | "
        f"{counted.evaluated} | {counted.pass_percent_certain:.3f} | | "
        f"mean {counted.mean:.3f}, largest {counted.maximum:.3f} | | | |"
    )
    bounds = PeerBounds(found=found, reference=pair.reference, evaluated=pair.evaluated)
    doses, criterion_gy = (pair.reference, pair.evaluated), 0.01 * criteria.dose_percent
    criterion_gy *= found.norm_gy
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        if PYMEDPHYS.exists():
            spheres = partial(least_on_spheres, *doses, criteria, criterion_gy, parts=PARTS)
            gamma = pymedphys_gamma(pair, criteria, folder, PARTS)
            yield line("pymedphys", gamma, found, bounds.shells(PARTS), spheres)
        if PLASTIMATCH is None:
            return
        segments, centres = (
            plastimatch_gamma(*doses, criteria, folder, interpolated=interpolated)
            for interpolated in (True, False)
        )
    shift = index_map(pair.reference.grid, pair.evaluated.grid)[:3, 3]
    against = ""
    if np.abs(shift - np.rint(shift)).max() > 1e-6:
        # It searches another dose, which bounds nothing; but of that one it is within its bounds.
        yield line("plastimatch, segments", segments, found)
        yield line("plastimatch, voxel centres", centres, found)
        doses = (pair.reference, resampled(pair))
        again = gamma_index(*doses, criteria, threads=2)
        yield line("*certified, of the dose resampled*", again.gamma.astype(np.float64), found)
        found, bounds = again, PeerBounds(found=again, reference=doses[0], evaluated=doses[1])
        against = ", against that"
    remade = partial(least_on_segments, *doses, criteria, criterion_gy)
    yield line(f"plastimatch, segments{against}", segments, found, bounds.segments(), remade)
    yield line(f"plastimatch, voxel centres{against}", centres, found, bounds.centres())


def converge() -> Iterator[str]:
    """Run pymedphys on a part of the first pair with ever finer steps."""
    whole = ent()
    inner = (slice(85, 101), slice(55, 71), slice(75, 91))  # where most values are near 1
    spacing, origin = whole.reference.grid.spacing_mm, (0.0, 0.0, 0.0)
    part = Pair(
        name="part of ENT",
        reference=dose_on(whole.reference.dose_gy[inner], spacing, origin),
        evaluated=dose_on(whole.evaluated.dose_gy[inner], spacing, origin),
    )
    criteria = criteria_of(3.0, 3.0)  # of the part's own maximum
    found = gamma_index(part.reference, part.evaluated, criteria, threads=2)
    counted = gamma_statistics(found)
    yield f"| certified | {counted.evaluated} | {counted.pass_percent_certain:.3f} | | | | | |"
    bounds = PeerBounds(found=found, reference=part.reference, evaluated=part.evaluated)
    with tempfile.TemporaryDirectory() as place:
        for parts in (5, 10, 20):
            gamma = pymedphys_gamma(part, criteria, Path(place), parts)
            yield line(f"pymedphys, 1/{parts}", gamma, found, bounds.shells(parts))


def criteria_of(percent: float, mm: float) -> GammaCriteria:
    """Return the criteria of the table."""
    return GammaCriteria(
        dose_percent=percent,
        distance_mm=mm,
        cutoff_percent=10.0,
        normalisation=Normalisation.GLOBAL,
        cap=2.0,
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pair", choices=PAIRS, action="append")
    parser.add_argument("--converge", action="store_true")
    args = parser.parse_args()
    print(
        "| tool | voxels | pass % | verdicts | gamma less ours | share of bound | beyond | remade |"
    )
    print("|---|---|---|---|---|---|---|---|")
    if args.converge:
        for row in converge():
            print(row, flush=True)
        return
    for name in args.pair or PAIRS:
        for percent, mm in ((3.0, 3.0), (2.0, 2.0)):
            for row in lines(PAIRS[name](), criteria_of(percent, mm)):
                print(row, flush=True)


if __name__ == "__main__":
    main()
