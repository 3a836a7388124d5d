"""Histograms by dicompyler-core, in its own environment: reads DICOM files, tells curves and costs.

    .make/peers-dvh/bin/python dicompyler_dvh.py FOLDER...

Prints JSON: a list with `dose_gy` (edges), `percent` (V there), `volume_cc` and `d95_gy` for each
folder, and the costs of all together without the imports.
"""

import json
import sys
import time
import warnings
from pathlib import Path

from dicompylercore import dvhcalc  # type: ignore[import-not-found]  # not in the environment that is checked


def one(folder: Path) -> dict[str, object]:
    """Compute one histogram with the tool's defaults."""
    found = dvhcalc.get_dvh(str(folder / "structures.dcm"), str(folder / "dose.dcm"), 1)
    whole = float(found.counts[0])
    return {
        "dose_gy": [float(edge) for edge in found.bins[: len(found.counts)]],
        "percent": [100.0 * float(count) / whole for count in found.counts],
        "volume_cc": float(found.volume),
        "d95_gy": float(found.D95.value),
    }


def main(folders: list[str]) -> None:
    """Compute all and print JSON."""
    warnings.simplefilter("ignore")
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    found = [one(Path(folder)) for folder in folders]
    cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
    # not getrusage, which would give what the process held that started this one
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak_mib = int(status.split("VmHWM:")[1].split()[0]) / 1024
    told = {"found": found, "cpu_s": cpu_s, "wall_s": wall_s, "peak_mib": peak_mib}
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1:])
