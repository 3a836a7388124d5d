"""Make the phantom that the module brings as sample data: a CT of nobody, a few hundred KB.

    python Testing/host/make_sample_data.py [FILE]

The same octets each time, whatever the machine: the phantom is analytic and without noise, and
gzip writes no date.
"""

import gzip
import sys
from pathlib import Path

from encryptsecurert_rt.phantoms import ct_phantom, default_phantom_grid

FILE = (
    Path(__file__).resolve().parents[2]
    / "EncryptSecureRT/Resources/SampleData/EncryptSecureRTPhantom.nrrd"
)
SHAPE = (80, 160, 160)


def nrrd() -> bytes:
    """Return the phantom as a NRRD file: int16, gzip, space LPS."""
    phantom = ct_phantom(default_phantom_grid(shape=SHAPE))
    grid = phantom.grid
    axes = [
        tuple(cosine * spacing for cosine in grid.direction[column::3])
        for column, spacing in enumerate(grid.spacing_mm[::-1])
    ]
    vectors = " ".join(f"({x:.17g},{y:.17g},{z:.17g})" for x, y, z in axes)
    origin = ",".join(f"{value:.17g}" for value in grid.origin_lps_mm)
    header = (
        "NRRD0005\n"
        "# EncryptSecureRT phantom: synthetic data, of nobody\n"
        "type: short\n"
        "dimension: 3\n"
        "space: left-posterior-superior\n"
        f"sizes: {SHAPE[2]} {SHAPE[1]} {SHAPE[0]}\n"
        f"space directions: {vectors}\n"
        f"space origin: ({origin})\n"
        "kinds: domain domain domain\n"
        "endian: little\n"
        "encoding: gzip\n\n"
    )
    return header.encode("ascii") + gzip.compress(phantom.hu.astype("<i2").tobytes(), 9, mtime=0)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else FILE
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(nrrd())
