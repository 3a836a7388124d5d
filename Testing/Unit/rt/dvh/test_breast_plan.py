"""A breast plan whose planning system stored its own histograms with the dose.

Structures of organ size, from contours 3 mm apart on a dose of 2.5 x 2.5 x 3 mm. The stored curves
are another program's, on its own dose grid and with its own rules for the ends of a structure.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pydicom
import pytest

from encryptsecurert_rt.dose.grid import DoseGrid
from encryptsecurert_rt.dvh import (
    ContourKind,
    ContourStructure,
    PlanarContour,
    compute_dvh,
    structure_mask,
)
from encryptsecurert_rt.geometry import ImageGrid

pytestmark = pytest.mark.real_data

ORGANS = ("Breast", "Heart", "Lt Lung", "Tumor Bed", "Tumor Bed Block")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A dose, structures by name, and stored cumulative histograms (Gy, cc) by name."""

    dose: DoseGrid
    structures: dict[str, ContourStructure]
    stored: dict[str, npt.NDArray[np.float64]]


def _dose(dataset: pydicom.Dataset) -> DoseGrid:
    offsets = [float(value) for value in dataset.GridFrameOffsetVector]
    row, column = (float(value) for value in dataset.PixelSpacing)
    x, y, z = (float(value) for value in dataset.ImagePositionPatient)
    grid = ImageGrid(
        shape=dataset.pixel_array.shape,
        spacing_mm=(offsets[1] - offsets[0], row, column),
        origin_lps_mm=(x, y, z),
        direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
    )
    return DoseGrid(dose_gy=dataset.pixel_array * float(dataset.DoseGridScaling), grid=grid)


@pytest.fixture(scope="module")
def plan(shared_data: Path) -> Plan:
    folder = shared_data / "dicomrt_breast_dicompyler"
    structure_set = pydicom.dcmread(folder / "rtss.dcm")
    dose = pydicom.dcmread(folder / "rtdose.dcm")
    names = {item.ROINumber: item.ROIName for item in structure_set.StructureSetROISequence}
    structures = {
        names[item.ReferencedROINumber]: ContourStructure(
            contours=tuple(
                PlanarContour(
                    points_lps_mm=np.array(contour.ContourData, dtype=np.float64).reshape(-1, 3),
                    kind=ContourKind.of(contour.ContourGeometricType),
                )
                for contour in item.ContourSequence
            )
        )
        for item in structure_set.ROIContourSequence
        if names[item.ReferencedROINumber] in ORGANS
    }
    stored = {}
    for item in dose.DVHSequence:
        name = names[item.DVHReferencedROISequence[0].ReferencedROINumber]
        widths, volumes = np.array(item.DVHData, dtype=np.float64).reshape(-1, 2).T
        starts = np.concatenate(([0.0], np.cumsum(widths)[:-1])) * float(item.DVHDoseScaling)
        stored[name] = np.stack((starts, volumes))
    return Plan(dose=_dose(dose), structures=structures, stored=stored)


@pytest.mark.parametrize("name", ORGANS)
def test_volume_and_mean_are_those_of_the_voxels_inside(plan: Plan, name: str) -> None:
    structure = plan.structures[name]

    dvh = compute_dvh(structure, plan.dose)
    mask = structure_mask(structure, plan.dose.grid)

    voxels = plan.dose.dose_gy[mask]
    volume_cc = float(mask.sum()) * plan.dose.grid.voxel_volume_cc
    # counts of voxels miss by a share of the shell of voxels at the surface, which is random
    assert dvh.volume_cc == pytest.approx(volume_cc, rel=0.006)
    assert dvh.mean_gy == pytest.approx(float(voxels.mean()), abs=0.04)
    # a plane of contours within a micrometre of one of voxels is taken for it
    assert dvh.minimum_gy <= voxels.min() + 1e-3
    assert dvh.maximum_gy >= voxels.max() - 1e-3
    assert dvh.warnings == ()


@pytest.mark.parametrize("name", ORGANS)
def test_curves_are_near_those_of_the_planning_system(plan: Plan, name: str) -> None:
    doses, volumes_cc = plan.stored[name]

    dvh = compute_dvh(plan.structures[name], plan.dose)

    found = np.array([dvh.volume_percent_at(float(dose)) for dose in doses])
    off = np.abs(found - 100.0 * volumes_cc / volumes_cc[0])[volumes_cc > 0.0]
    assert dvh.volume_cc == pytest.approx(volumes_cc[0], rel=0.021)  # 13 cc: ends of a stack
    assert off.mean() <= 0.3
    assert np.quantile(off, 0.9) <= 0.8
