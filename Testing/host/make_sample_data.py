"""Make the sample data that the module brings: a CT of nobody, and two doses that differ.

    python Testing/host/make_sample_data.py [FOLDER]

The same octets each time, whatever the machine: everything is analytic and without noise, doses are
whole multiples of 1/64 Gy, and gzip writes no date.
"""

import gzip
import math
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.special import erf

from encryptsecurert_rt.geometry import ImageGrid
from encryptsecurert_rt.phantoms import ct_phantom, default_phantom_grid

FOLDER = Path(__file__).resolve().parents[2] / "EncryptSecureRT/Resources/SampleData"
CT_FILE = "EncryptSecureRTPhantom.nrrd"
REFERENCE_FILE, EVALUATED_FILE = "EncryptSecureRTPlanned.nrrd", "EncryptSecureRTMoved.nrrd"
CT_SHAPE = (80, 160, 160)
# A target in the left lung, LPS mm; the other dose is moved to the left and 1 % higher.
ISOCENTRE_MM = (62.0, -8.0, 10.0)
SHIFT_MM, FACTOR = 3.0, 1.01
PRESCRIBED_GY = 50.0
DOSE_GRID = ImageGrid(
    shape=(30, 52, 56),
    spacing_mm=(4.0, 4.0, 4.0),
    origin_lps_mm=(-48.0, -110.0, -48.0),
    direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
)
_ANGLES_DEG = (20.0, 75.0, 140.0, 200.0, 320.0)
_HALF_WIDTH_MM, _EDGE_MM = 27.0, 5.0
_PER_MM = 0.004  # how fast a beam loses its dose
_STEP_GY = 1 / 64
Floats = npt.NDArray[np.float64]


def dose_gy(*, shift_mm: float = 0.0, factor: float = 1.0) -> Floats:
    """Return five beams on the isocentre, moved along x, float64 (k, j, i) on `DOSE_GRID`."""
    k, j, i = np.indices(DOSE_GRID.shape, dtype=np.float64)
    x, y, z = (
        DOSE_GRID.origin_lps_mm[axis] + 4.0 * index - ISOCENTRE_MM[axis]
        for axis, index in enumerate((i, j, k))
    )
    x = x - shift_mm
    total = np.zeros(DOSE_GRID.shape)
    for angle in np.radians(_ANGLES_DEG):
        along, across = x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle)
        across = across - x * math.sin(angle)
        total += _edge(across) * _edge(z) * np.exp(-_PER_MM * along)
    scaled: Floats = factor * PRESCRIBED_GY * total / len(_ANGLES_DEG)
    return np.round(scaled / _STEP_GY) * _STEP_GY


def _edge(distance_mm: Floats) -> Floats:
    inside: Floats = 0.5 * (1.0 + erf((_HALF_WIDTH_MM - np.abs(distance_mm)) / _EDGE_MM))
    return inside


def nrrd(voxels: npt.NDArray[np.generic], grid: ImageGrid, words: str) -> bytes:
    """Return a volume as a NRRD file: gzip, space LPS, voxels (k, j, i) as little-endian."""
    axes = [
        tuple(cosine * spacing for cosine in grid.direction[column::3])
        for column, spacing in enumerate(grid.spacing_mm[::-1])
    ]
    vectors = " ".join(f"({x:.17g},{y:.17g},{z:.17g})" for x, y, z in axes)
    origin = ",".join(f"{value:.17g}" for value in grid.origin_lps_mm)
    kind = {"i": "short", "f": "float"}[voxels.dtype.kind]
    header = (
        "NRRD0005\n"
        f"# EncryptSecureRT {words}: synthetic data, of nobody\n"
        f"type: {kind}\n"
        "dimension: 3\n"
        "space: left-posterior-superior\n"
        f"sizes: {grid.shape[2]} {grid.shape[1]} {grid.shape[0]}\n"
        f"space directions: {vectors}\n"
        f"space origin: ({origin})\n"
        "kinds: domain domain domain\n"
        "endian: little\n"
        "encoding: gzip\n\n"
    )
    return header.encode("ascii") + gzip.compress(voxels.tobytes(), 9, mtime=0)


def files() -> dict[str, bytes]:
    """Return every file by its name."""
    phantom = ct_phantom(default_phantom_grid(shape=CT_SHAPE))
    doses = {
        REFERENCE_FILE: dose_gy(),
        EVALUATED_FILE: dose_gy(shift_mm=SHIFT_MM, factor=FACTOR),
    }
    return {
        CT_FILE: nrrd(phantom.hu.astype("<i2"), phantom.grid, "phantom"),
        **{name: nrrd(dose.astype("<f4"), DOSE_GRID, "dose in Gy") for name, dose in doses.items()},
    }


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, octets in files().items():
        (folder / name).write_bytes(octets)
