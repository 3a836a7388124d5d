"""Patients of the OpenKBP challenge: dose and masks on one grid, from sparse CSV files.

Babier et al., Med Phys 48 (2021) 5549; MIT licence. Real anatomy, synthetic plans of 35 fractions.
A file lists `index,value` of a 128 x 128 x 128 array in C order; what is not listed is 0, and masks
list no value. Axes are taken for (k, j, i) as they are: a DVH does not ask which is which.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from encryptsecurert_rt.dose.grid import DoseGrid
from encryptsecurert_rt.geometry import ImageGrid

SIDE = 128
NOT_STRUCTURES = {"ct", "dose", "possible_dose_mask", "voxel_dimensions"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """A dose and the masks of the structures, by name."""

    dose: DoseGrid
    masks: dict[str, npt.NDArray[np.bool_]]


def read_patient(folder: Path) -> Patient:
    """Read the dose and all structures of a patient."""
    spacing = np.loadtxt(folder / "voxel_dimensions.csv")
    grid = ImageGrid(
        shape=(SIDE,) * 3,
        spacing_mm=(float(spacing[0]), float(spacing[1]), float(spacing[2])),
        origin_lps_mm=(0.0, 0.0, 0.0),
        direction=(0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0),
    )
    listed = np.loadtxt(folder / "dose.csv", delimiter=",", skiprows=1)
    dose = np.zeros(SIDE**3)
    dose[listed[:, 0].astype(int)] = listed[:, 1]
    masks = {}
    for path in sorted(folder.glob("*.csv")):
        if path.stem not in NOT_STRUCTURES:
            mask = np.zeros(SIDE**3, dtype=np.bool_)
            lines = path.read_text("ascii").splitlines()[1:]
            mask[[int(line.split(",")[0]) for line in lines]] = True
            masks[path.stem] = mask.reshape(grid.shape)
    return Patient(dose=DoseGrid(dose_gy=dose.reshape(grid.shape), grid=grid), masks=masks)
