"""Gamma beside other tools: the same two pairs, one run, a process each; speed and accuracy.

    .venv/bin/python Testing/benchmarks/bench_gamma.py

3 %/3 mm, global, cutoff 10 % of the reference's maximum, cap 2, on 100 x 100 x 100 voxels of 2 mm.
Times of ours and of pymedphys are those of the search alone, imports and files left out, in their
favour; of plastimatch those of its process. Errors are held against our certified map, which is
above the true minimum by 0.001 at most.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from bench_rows import Row

from encryptsecurert_rt.dose.gamma import (
    GammaCriteria,
    GammaMode,
    Normalisation,
    gamma_index,
    gamma_statistics,
)
from encryptsecurert_rt.dose.grid import DoseGrid, FloatArray
from encryptsecurert_rt.geometry import ImageGrid
from encryptsecurert_rt.phantoms.dose_pairs import EASY_PAIR, HARD_PAIR, dose_pair

HERE = Path(__file__).parent
PEERS = HERE.parents[1] / ".make" / "peers" / "bin" / "python"
PLASTIMATCH = Path(sys.executable).parent / "plastimatch"
SPACING_MM, SIDE, CLINICAL_SIDE = 2.0, 100, 256
PAIRS = {"hard": HARD_PAIR, "easy": EASY_PAIR}
BARS = {"hard": (8.0, 15.0), "easy": (4.0, 15.0)}
PASS_FAIL_BAR, PASS_FAIL_AIM = 25.0, 40.0
MOST_MIB, CLINICAL_BAR_S = 200.0, 60.0
_CERTAIN = 0.001
CRITERIA = GammaCriteria(
    dose_percent=3.0,
    distance_mm=3.0,
    cutoff_percent=10.0,
    normalisation=Normalisation.GLOBAL,
    cap=2.0,
)


def make_pair(path: Path, kind: str, side: int) -> None:
    """Write a pair as arrays that every tool's environment can read."""
    reference, evaluated = dose_pair(PAIRS[kind], shape=(side,) * 3, spacing_mm=SPACING_MM)
    np.savez(path, reference=reference.dose_gy, evaluated=evaluated.dose_gy, spacing_mm=SPACING_MM)


def _peak_mib() -> float:
    """Peak resident memory of this program; `ru_maxrss` would begin with its parent's."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def search(pair: Path, mode: str, threads: int, out: Path) -> None:
    """Search once in this process, write gamma, print JSON."""
    with np.load(pair) as arrays:
        doses = arrays["reference"], arrays["evaluated"]
    grid = ImageGrid(
        shape=doses[0].shape,
        spacing_mm=(SPACING_MM,) * 3,
        origin_lps_mm=(0.0, 0.0, 0.0),
        direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
    )
    reference, evaluated = (DoseGrid(dose_gy=dose, grid=grid) for dose in doses)
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    found = gamma_index(reference, evaluated, CRITERIA, mode=GammaMode[mode], threads=threads)
    cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
    statistics = gamma_statistics(found)
    if found.gamma is not None:
        np.save(out, found.gamma)
    told = {
        "cpu_s": cpu_s,
        "wall_s": wall_s,
        "peak_mib": _peak_mib(),
        "evaluated": statistics.evaluated,
        "pass_percent": statistics.pass_percent_certain,
    }
    print(json.dumps(told))


def ours(pair: Path, mode: GammaMode, out: Path, threads: int = 1) -> dict[str, Any]:
    """Run a search in a process of its own."""
    command = [sys.executable, __file__, "--search", mode.name, "--pair", str(pair)]
    return _told([*command, "--threads", str(threads), "--out", str(out)])


def pymedphys(pair: Path, out: Path) -> dict[str, Any] | None:
    """Run pymedphys, if its environment is there."""
    if not PEERS.exists():
        return None
    return _told([str(PEERS), str(HERE / "pymedphys_gamma.py"), str(pair), str(out)])


def _told(command: list[str]) -> dict[str, Any]:
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def plastimatch(pair: Path, folder: Path, *options: str) -> tuple[dict[str, Any], FloatArray]:
    """Run plastimatch and return its costs and its gamma."""
    import SimpleITK  # not in the process of a search, whose memory is measured

    with np.load(pair) as arrays:
        for name in ("reference", "evaluated"):
            image: Any = SimpleITK.GetImageFromArray(arrays[name].astype(np.float32))
            image.SetSpacing([SPACING_MM] * 3)
            SimpleITK.WriteImage(image, str(folder / f"{name}.mha"))
    command = [str(PLASTIMATCH), "gamma", "--dose-tolerance", "0.03", "--dta-tolerance", "3"]
    command += ["--gamma-max", "2", "--analysis-threshold", "0.1", "--ref-only-threshold", *options]
    command += ["--output", str(folder / "gamma.mha")]
    command += [str(folder / "reference.mha"), str(folder / "evaluated.mha")]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(
        ["/usr/bin/time", "-f", "peak %M", *command],
        check=True,
        capture_output=True,
        text=True,
    )
    wall_s = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = {
        "cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "wall_s": wall_s,
        "peak_mib": int(done.stderr.split("peak ")[-1].split()[0]) / 1024,
    }
    gamma = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(folder / "gamma.mha")))
    return told, np.asarray(gamma, dtype=np.float64)


def _costs(told: dict[str, Any]) -> str:
    return f"{told['cpu_s']:.2f} s CPU, {told['wall_s']:.2f} s, {told['peak_mib']:.0f} MiB"


def _errors(gamma: FloatArray, certified: FloatArray) -> str:
    """Tell how a map differs where both are defined; below means below any possible minimum."""
    both = ~np.isnan(certified) & ~np.isnan(gamma)
    error = np.minimum(gamma[both], CRITERIA.cap) - certified[both]
    below = 100.0 * float((error < -2 * _CERTAIN).mean())
    passed = 100.0 * float((gamma[both] <= 1.0).mean())
    return (
        f"{passed:.3f} % pass, error {error.min():+.3f} to {error.max():+.3f}, "
        f"mean {error.mean():+.4f}, {below:.1f} % below the minimum"
    )


def _pair_rows(kind: str, folder: Path) -> list[Row]:
    pair, out = folder / f"{kind}.npz", folder / "ours.npy"
    make_pair(pair, kind, SIDE)
    certified = ours(pair, GammaMode.CERTIFIED, out)
    truth = np.load(out).astype(np.float64)
    passing = ours(pair, GammaMode.PASS_FAIL, folder / "none.npy")
    peer = pymedphys(pair, folder / "peer.npy")
    bar, aim = BARS[kind]
    rows = [
        Row(
            f"gamma, {kind} pair, certified",
            f"{_costs(certified)}; {certified['evaluated']} voxels, "
            f"{certified['pass_percent']:.3f} % pass",
            f"{MOST_MIB:.0f} MiB",
            certified["peak_mib"] < MOST_MIB,
        ),
        Row("  pass or fail only", _costs(passing), "", True),
    ]
    if peer is not None:
        times = peer["cpu_s"] / certified["cpu_s"]
        pass_times = peer["cpu_s"] / passing["cpu_s"]
        errors = _errors(np.load(folder / "peer.npy"), truth)
        rows += [
            Row("  pymedphys, CPU over ours", f"{times:.1f} x", f"{bar:.0f} x", times >= bar),
            Row("    aim", f"{times:.1f} x", f"{aim:.0f} x", times >= aim),
            Row(
                "  pymedphys, CPU over ours, pass or fail",
                f"{pass_times:.1f} x",
                f"{PASS_FAIL_BAR:.0f} x",
                pass_times >= PASS_FAIL_BAR,
            ),
            Row(
                "    aim",
                f"{pass_times:.1f} x",
                f"{PASS_FAIL_AIM:.0f} x",
                pass_times >= PASS_FAIL_AIM,
            ),
            Row("  pymedphys", f"{_costs(peer)}; {errors}", "", True),
        ]
    if PLASTIMATCH.exists():
        for name, options in (("interpolated", ["--interp-search"]), ("voxel centres", [])):
            told, gamma = plastimatch(pair, folder, *options)
            errors = _errors(gamma, truth)
            rows.append(Row(f"  plastimatch, {name}", f"{_costs(told)}; {errors}", "", True))
    return rows


def _scaling_rows(folder: Path) -> list[Row]:
    nanoseconds = []
    for side in (64, 100, 160):
        pair = folder / f"{side}.npz"
        make_pair(pair, "hard", side)
        told = ours(pair, GammaMode.CERTIFIED, folder / "scaled.npy")
        nanoseconds.append(1e9 * told["cpu_s"] / told["evaluated"])
    pair = folder / "clinical.npz"
    make_pair(pair, "hard", CLINICAL_SIDE)
    clinical = ours(pair, GammaMode.CERTIFIED, folder / "scaled.npy", threads=2)
    figures = ", ".join(f"{one / 1000:.1f}" for one in nanoseconds)
    return [
        Row(
            "  CPU a voxel, 64, 100, 160 a side",
            f"{figures} us",
            "linear",
            nanoseconds[-1] < 1.3 * nanoseconds[0],
        ),
        Row(
            f"  {CLINICAL_SIDE} a side, hard, 2 threads",
            f"{_costs(clinical)}; {clinical['evaluated']} voxels",
            f"{CLINICAL_BAR_S:.0f} s",
            clinical["wall_s"] < CLINICAL_BAR_S,
        ),
    ]


def rows() -> list[Row]:
    """Return the rows of the common table."""
    folder = Path(tempfile.mkdtemp())
    try:
        return [*_pair_rows("hard", folder), *_pair_rows("easy", folder), *_scaling_rows(folder)]
    finally:
        shutil.rmtree(folder)


def main() -> None:
    """Print the table, or run one search when started by itself."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--search", choices=[mode.name for mode in GammaMode])
    parser.add_argument("--pair", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    if args.search:
        search(args.pair, args.search, args.threads, args.out)
        return
    for row in rows():
        state = "" if not row.bar else ("reached" if row.reached else "NOT REACHED")
        print(f"{row.what:<42} {row.figure:<60} {row.bar:<8} {state}")


if __name__ == "__main__":
    main()
