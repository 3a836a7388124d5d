"""One search by pymedphys, in its own environment: reads a pair, writes its gamma, tells its costs.

    .make/peers/bin/python pymedphys_gamma.py PAIR.npz GAMMA.npy

Its interpolation compiles itself at the first call; that is done before the clock starts. Criteria
and the place of the evaluated grid may be in the pair; else they are those of `bench_gamma.py`.
"""

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pymedphys  # type: ignore[import-not-found]  # not in the environment that is checked

CRITERIA = {
    "dose_percent_threshold": 3.0,
    "distance_mm_threshold": 3.0,
    "lower_percent_dose_cutoff": 10.0,
    "interp_fraction": 10,
    "max_gamma": 2.0,
}


def main(pair: str, out: str) -> None:
    """Search once and print JSON."""
    warnings.simplefilter("ignore")
    with np.load(pair) as arrays:
        reference, evaluated = arrays["reference"], arrays["evaluated"]
        spacing_mm = np.broadcast_to(arrays["spacing_mm"], 3)
        shift_mm = arrays["shift_mm"] if "shift_mm" in arrays else np.zeros(3)
        criteria = {name: type(v)(arrays.get(name, v)) for name, v in CRITERIA.items()}
    small = tuple(np.arange(4.0) for _ in range(3))
    pymedphys.gamma(small, np.ones((4, 4, 4)), small, np.ones((4, 4, 4)), **criteria, quiet=True)
    at = tuple(np.arange(n) * h for n, h in zip(reference.shape, spacing_mm, strict=True))
    on = tuple(
        np.arange(n) * h + s for n, h, s in zip(evaluated.shape, spacing_mm, shift_mm, strict=True)
    )
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    gamma = pymedphys.gamma(at, reference, on, evaluated, **criteria, quiet=True)
    cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
    np.save(out, gamma)
    status = Path("/proc/self/status").read_text("ascii")
    peak_mib = int(status.split("VmHWM:")[1].split()[0]) / 1024
    print(json.dumps({"cpu_s": cpu_s, "wall_s": wall_s, "peak_mib": peak_mib}))


if __name__ == "__main__":
    main(*sys.argv[1:])
