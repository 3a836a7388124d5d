"""Time and memory of the classical segmentation of a CT of 512 x 512 x 200, in a table.

Each row runs in a process of its own that only loads the CT (105 MB), so that its peak memory is
that of the segmentation; `before` is what the process held when it started to segment.

    python Testing/benchmarks/bench_segmentation.py
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from bench_rows import Row

from encryptsecurert_rt.geometry import ImageGrid
from encryptsecurert_rt.phantoms import ct_phantom, default_phantom_grid
from encryptsecurert_rt.segmentation import Structure, segment_ct

_CASES: dict[str, list[Structure]] = {
    "body": [Structure.BODY],
    "lungs": [Structure.LUNG_LEFT, Structure.LUNG_RIGHT],
    "skeleton": [Structure.SKELETON],
    "body, lungs, skeleton": list(Structure),
}


def _peak_mb() -> float:
    """Peak resident memory since this program was started (Linux)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (kilobytes,) = (line.split()[1] for line in lines if line.startswith("VmHWM"))
    return int(kilobytes) / 1024.0


def _grid(slices: int) -> ImageGrid:
    return default_phantom_grid(shape=(slices, 512, 512), extent_mm=(2.0 * slices, 460.8, 460.8))


def _run(case: str, threads: int, path: Path) -> dict[str, float | str]:
    """Segment the phantom once; give wall seconds, peaks in MB, longest silence and a digest."""
    hu = np.load(path)
    grid = _grid(hu.shape[0])
    before_mb = _peak_mb()
    heard = [time.monotonic()]
    results = segment_ct(
        hu,
        grid,
        _CASES[case],
        progress=lambda stage, fraction: heard.append(time.monotonic()),
        threads=threads,
    )
    wall_s = time.monotonic() - heard[0]
    digest = hashlib.sha256(b"".join(np.packbits(found.mask).tobytes() for found in results))
    return {
        "wall_s": wall_s,
        "peak_mb": _peak_mb(),
        "before_mb": before_mb,
        "silence_s": float(np.diff(heard).max()),
        "digest": digest.hexdigest()[:12],
    }


def main() -> None:
    """Print the table, or run one row when started by itself."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slices", type=int, default=200)
    parser.add_argument("--case", choices=list(_CASES))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--ct", type=Path)
    args = parser.parse_args()
    if args.case is not None:
        print(json.dumps(_run(args.case, args.threads, args.ct)))
        return
    print(
        f"{'structures':24}{'threads':>8}{'wall s':>8}{'before MB':>11}{'peak MB':>9}"
        f"{'silence s':>11}  digest"
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ct.npy"
        np.save(path, ct_phantom(_grid(args.slices)).hu)
        for case in _CASES:
            for threads in (1, 2):
                _print_row(case, threads, path)


def _measured(case: str, threads: int, path: Path) -> dict[str, Any]:
    command = [sys.executable, __file__, "--case", case, "--threads", str(threads)]
    done = subprocess.run([*command, "--ct", str(path)], check=True, capture_output=True, text=True)
    row: dict[str, Any] = json.loads(done.stdout)
    return row


def rows() -> list[Row]:
    """Return the rows of the common table: 512 x 512 x 200, two threads."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ct.npy"
        np.save(path, ct_phantom(_grid(200)).hu)
        row = _measured("body, lungs, skeleton", 2, path)
    return [
        Row(
            "body, lungs, skeleton of 512x512x200",
            f"{row['wall_s']:.1f} s",
            "12 s",
            row["wall_s"] <= 12,
        ),
        Row(
            "its peak memory, process and CT included",
            f"{row['peak_mb']:.0f} MiB",
            "",
            True,
        ),
        Row(
            "its longest silence between two check points",
            f"{row['silence_s']:.2f} s",
            "1 s",
            row["silence_s"] <= 1,
        ),
    ]


def _print_row(case: str, threads: int, path: Path) -> None:
    row = _measured(case, threads, path)
    print(
        f"{case:24}{threads:>8}{row['wall_s']:>8.2f}{row['before_mb']:>11.0f}"
        f"{row['peak_mb']:>9.0f}{row['silence_s']:>11.2f}  {row['digest']}"
    )


if __name__ == "__main__":
    main()
