"""The tools of `bench_dvh.py`, each run on cases in a process that does nothing else.

    .venv/bin/python Testing/benchmarks/dvh_tools.py NUMBER...

computes ours of these cases and prints JSON, as the script of a peer does.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from dvh_cases import DvhCase, hard_cases, nelms_cases

from encryptsecurert_rt.dvh import ContourStructure, PlanarContour, compute_dvh

FloatArray = npt.NDArray[np.float64]

HERE = Path(__file__).parent
DICOMPYLER = HERE.parents[1] / ".make" / "peers-dvh" / "bin" / "python"
PLASTIMATCH = Path(sys.executable).parent / "plastimatch"
LEVELS_GY = np.arange(24.0, 56.005, 0.01)
_BIN_GY, _BINS = 0.02, 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A tool's histogram of one case: V in percent at `LEVELS_GY`, whole volume, D95."""

    percent: FloatArray
    volume_cc: float
    d95_gy: float
    warned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Of all cases together."""

    cpu_s: float
    wall_s: float
    peak_mib: float


def search(numbers: Sequence[int]) -> None:
    """Compute some of the cases in this process and print JSON."""
    cpu_s = wall_s = 0.0
    found = []
    for number, case in enumerate(chain(nelms_cases(), hard_cases())):
        if number not in numbers:
            continue
        started_s = time.process_time(), time.perf_counter()
        contours = tuple(PlanarContour(points_lps_mm=ring) for ring in case.contours)
        found.append(compute_dvh(ContourStructure(contours=contours), case.dose))
        cpu_s += time.process_time() - started_s[0]
        wall_s += time.perf_counter() - started_s[1]
    # not getrusage, which would give what the process held that started this one
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak_mib = int(status.split("VmHWM:")[1].split()[0]) / 1024
    told = [
        {
            "dose_gy": dvh.curve_points()[0].tolist(),
            "percent": (100.0 * dvh.curve_points()[1]).tolist(),
            "volume_cc": dvh.volume_cc,
            "d95_gy": dvh.dose_at_percent(95.0),
            "warned": bool(dvh.warnings),
        }
        for dvh in found
    ]
    print(json.dumps({"found": told, "cpu_s": cpu_s, "wall_s": wall_s, "peak_mib": peak_mib}))


def _told(command: list[str]) -> tuple[list[Found], Costs]:
    """Run a script of ours that prints JSON."""
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    found = [
        Found(
            percent=np.interp(LEVELS_GY, one["dose_gy"], one["percent"], left=100.0, right=0.0),
            volume_cc=one["volume_cc"],
            d95_gy=one["d95_gy"],
            warned=one.get("warned", False),
        )
        for one in told["found"]
    ]
    costs = Costs(cpu_s=told["cpu_s"], wall_s=told["wall_s"], peak_mib=told["peak_mib"])
    return found, costs


def ours(numbers: Sequence[int]) -> tuple[list[Found], Costs]:
    """Compute in a process of its own."""
    return _told([sys.executable, __file__, *map(str, numbers)])


def dicompyler(folders: Sequence[Path]) -> tuple[list[Found], Costs]:
    """Compute in one process of the peer's environment."""
    return _told([str(DICOMPYLER), str(HERE / "dicompyler_dvh.py"), *map(str, folders)])


def plastimatch(folders: Sequence[Path], *, on_dose_voxels: bool) -> tuple[list[Found], Costs]:
    """Run its processes for each case; it takes directories."""
    found, peaks = [], [0.0]
    before, wall_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    for folder in folders:
        source = ["--input", str(folder)]
        if on_dose_voxels:
            raster = ["--output-ss-img", f"{folder}/ss.mha", "--output-ss-list", f"{folder}/ss.txt"]
            fixed = ["--input", f"{folder}/structures.dcm", "--fixed", f"{folder}/dose.mha"]
            _, peak_mib = _run_plastimatch(["convert", *fixed, *raster])
            peaks.append(peak_mib)
            source = ["--input-dose", f"{folder}/dose.mha", "--input-ss-img", f"{folder}/ss.mha"]
            source += ["--input-ss-list", f"{folder}/ss.txt"]
        out = folder / "dvh.csv"
        bins = ["--bin-width", str(_BIN_GY), "--num-bins", str(_BINS), "--normalization", "vox"]
        told, peak_mib = _run_plastimatch(["dvh", *source, "--output-csv", str(out), *bins])
        peaks.append(peak_mib)
        found.append(_plastimatch_curve(told, out.read_text()))
    wall_s = time.perf_counter() - wall_s
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return found, Costs(cpu_s=cpu_s, wall_s=wall_s, peak_mib=max(peaks))


def _run_plastimatch(arguments: list[str]) -> tuple[str, float]:
    """Give what it says and its peak memory in MiB."""
    command = ["/usr/bin/time", "-f", "peak %M", str(PLASTIMATCH), *arguments]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    return done.stdout, int(done.stderr.split("peak ")[-1].split()[0]) / 1024


def _plastimatch_curve(told: str, csv_text: str) -> Found:
    """Read counts of voxels, and the size of one from what it says."""
    rows = np.array(
        [[float(cell) for cell in line.split(",")] for line in csv_text.splitlines()[1:]]
    )
    lines = told.splitlines()
    x, y, z = (float(value) for value in lines[lines.index("checking voxel size...") + 1].split())
    percent = 100.0 * rows[:, 1] / rows[0, 1]
    last = int(np.flatnonzero(percent >= 95.0)[-1])
    return Found(
        # A dose is counted in the bin whose middle is nearest: what is at least a bin's is at least
        # half a bin below its middle.
        percent=np.interp(LEVELS_GY, rows[:, 0] - _BIN_GY / 2, percent),
        volume_cc=float(rows[0, 1]) * x * y * z / 1000.0,
        d95_gy=float(rows[last, 0]),
    )


def write_image(case: DvhCase, path: Path) -> None:
    """Write the dose as an image, since only then plastimatch takes its voxels for a raster."""
    import SimpleITK  # ours is measured in a process that imports this module

    image: Any = SimpleITK.GetImageFromArray(case.dose.dose_gy.astype(np.float32))
    image.SetOrigin(case.dose.grid.origin_lps_mm)
    image.SetSpacing(case.dose.grid.spacing_mm[::-1])
    SimpleITK.WriteImage(image, path)


if __name__ == "__main__":
    search([int(number) for number in sys.argv[1:]])
