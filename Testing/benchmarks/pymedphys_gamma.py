"""One search by pymedphys, in its own environment: reads a pair, writes its gamma, tells its costs.

    .make/peers/bin/python pymedphys_gamma.py PAIR.npz GAMMA.npy

Its interpolation compiles itself at the first call; that is done before the clock starts.
"""

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pymedphys  # type: ignore[import-not-found]  # not in the environment that is checked

CRITERIA = {
    "dose_percent_threshold": 3,
    "distance_mm_threshold": 3,
    "lower_percent_dose_cutoff": 10,
    "interp_fraction": 10,
    "max_gamma": 2,
}


def main(pair: str, out: str) -> None:
    """Search once and print JSON."""
    warnings.simplefilter("ignore")
    with np.load(pair) as arrays:
        reference, evaluated = arrays["reference"], arrays["evaluated"]
        spacing_mm = float(arrays["spacing_mm"])
    small = tuple(np.arange(4.0) for _ in range(3))
    pymedphys.gamma(small, np.ones((4, 4, 4)), small, np.ones((4, 4, 4)), **CRITERIA, quiet=True)
    axes = tuple(np.arange(n) * spacing_mm for n in reference.shape)
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    gamma = pymedphys.gamma(axes, reference, axes, evaluated, **CRITERIA, quiet=True)
    cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
    np.save(out, gamma)
    status = Path("/proc/self/status").read_text("ascii")
    peak_mib = int(status.split("VmHWM:")[1].split()[0]) / 1024
    print(json.dumps({"cpu_s": cpu_s, "wall_s": wall_s, "peak_mib": peak_mib}))


if __name__ == "__main__":
    main(*sys.argv[1:])
