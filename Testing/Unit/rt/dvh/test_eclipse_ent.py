"""A head and neck plan beside the histograms that its planning system exported.

Contours are lines of VTK files, 2.5 mm apart; histograms are a table with volumes in its titles.
Both are SlicerRT's test data.
"""

import base64
import re
import struct
import zlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import SimpleITK
from dvh_bodies import of_rings

from encryptsecurert_rt.dose.grid import DoseGrid
from encryptsecurert_rt.dvh import ContourStructure, compute_dvh
from encryptsecurert_rt.geometry import ImageGrid

pytestmark = pytest.mark.real_data

RAS_TO_LPS = np.array((-1.0, -1.0, 1.0))
FILES = {"BODY": 0, "BRAIN": 1, "CTV": 3, "GTV": 5, "PTV1": 13, "optBRAIN": 14}


def _array(section: str, name: str, dtype: str) -> npt.NDArray[np.float64]:
    """Return a compressed binary array of a VTK file's section as float64."""
    found = re.search(rf'<DataArray[^>]*Name="{name}"[^>]*>\s*(\S+)\s', section)
    assert found is not None
    text = found.group(1)
    count = struct.unpack("<I", base64.b64decode(text[:8])[:4])[0]
    header_size = 4 * (3 + count)
    characters = -(-header_size // 3) * 4
    sizes = struct.unpack(f"<{3 + count}I", base64.b64decode(text[:characters])[:header_size])[3:]
    octets = base64.b64decode(text[characters:])
    ends = np.cumsum((0, *sizes))
    blocks = [octets[a:b] for a, b in pairwise(ends)]
    return np.frombuffer(b"".join(map(zlib.decompress, blocks)), dtype).astype(np.float64)


def _structure(path: Path) -> ContourStructure:
    text = path.read_text("ascii")
    lines = text[text.index("<Lines>") : text.index("</Lines>")]
    points = _array(text, "Points", "<f4").reshape(-1, 3) * RAS_TO_LPS
    which = _array(lines, "connectivity", "<i8").astype(np.int64)
    ends = _array(lines, "offsets", "<i8").astype(np.int64)
    rings = np.split(points[which], ends[:-1])
    return of_rings(tuple(ring for ring in rings if len(np.unique(ring, axis=0)) >= 3))


@pytest.fixture(scope="module")
def dose(shared_data: Path) -> DoseGrid:
    image: Any = SimpleITK.ReadImage(str(shared_data / "slicerrt_dose" / "EclipseEnt_Dose.nrrd"))
    dose_gy = SimpleITK.GetArrayFromImage(image).astype(np.float64)
    i, j, k = image.GetSpacing()
    grid = ImageGrid(
        shape=dose_gy.shape,
        spacing_mm=(k, j, i),
        origin_lps_mm=image.GetOrigin(),
        direction=image.GetDirection(),
    )
    return DoseGrid(dose_gy=dose_gy, grid=grid)


def _exported(shared_data: Path, name: str) -> tuple[float, npt.NDArray[np.float64]]:
    """Return the volume (cc) and the curve (n, 2) of Gy and percent."""
    table = shared_data / "slicerrt_dose" / "EclipseEnt_DvhTable_Eclipse.csv"
    title, *rows = (line.split(",") for line in table.read_text("ascii").splitlines())
    column = title.index(f"{name}_DvhArray Dose (Gy)")
    volume = re.search(r"% of ([0-9.]+) cc", title[column + 1])
    assert volume is not None
    points = [(float(row[column]), float(row[column + 1])) for row in rows if row[column]]
    return float(volume.group(1)), np.array(points)


@pytest.mark.parametrize(
    ("name", "points", "volume"),
    [
        ("BODY", 0.1, 0.01),
        ("BRAIN", 0.1, 0.002),
        ("optBRAIN", 0.1, 0.002),
        # A smooth rim in a steep fall: whether its ends are half a slice or less shows there.
        ("CTV", 0.4, 0.02),
        ("PTV1", 1.2, 0.01),
        ("GTV", 0.7, 0.05),
    ],
)
def test_curves_are_those_of_the_planning_system(
    shared_data: Path, dose: DoseGrid, name: str, points: float, volume: float
) -> None:
    volume_cc, exported = _exported(shared_data, name)
    structures = shared_data / "slicerrt_dose" / "EclipseEnt_Structures.seg"

    dvh = compute_dvh(_structure(structures / f"EclipseEnt_Structures.seg_{FILES[name]}.vtp"), dose)

    found = np.array([dvh.volume_percent_at(float(dose_gy)) for dose_gy in exported[:, 0]])
    assert np.abs(found - exported[:, 1]).max() <= points
    assert dvh.volume_cc == pytest.approx(volume_cc, rel=volume)
