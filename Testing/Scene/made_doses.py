"""Doses, and results of comparing them, with a truth that is told in one line."""

from pathlib import Path
from typing import Any

import numpy as np
from Testing.Scene.made import AXIAL, CT_SHAPE, Array, add_ct, to_the_end

from EncryptSecureRTLib.scene.dose_maps import DifferenceMap, GammaMap
from EncryptSecureRTLib.scene.dose_plots import DoseCurve, StructureCurves
from EncryptSecureRTLib.scene.dose_results import DoseResults, load_dose_results
from EncryptSecureRTLib.scene.dose_tables import WHOLE_GRID, ResultColumn, ResultTable
from EncryptSecureRTLib.scene.dose_voxels import DoseUids, writing_dose
from EncryptSecureRTLib.scene.geometry import GridGeometry, volume_grid
from EncryptSecureRTLib.scene.hierarchy import hierarchy_of
from EncryptSecureRTLib.scene.voxels import WrittenVolume

DOSE_NAME = "dose b7e2d0"


def dose_values(dtype: str = "float32") -> Array:
    """Return a dose (k, j, i) of k + j / 8 + i / 64: each voxel another value, exact in binary."""
    k, j, i = np.mgrid[: CT_SHAPE[0], : CT_SHAPE[1], : CT_SHAPE[2]]
    values: Array = (k + j / 8 + i / 64).astype(dtype)
    return values


def add_study(scene: Any, unit: str | None = "GY") -> int:
    """Add a study item that tells the unit of its doses as SlicerRT does; return the item."""
    tree = hierarchy_of(scene)
    study = tree.CreateStudyItem(tree.GetSceneItemID(), "study c1d2e3")
    if unit is not None:
        tree.SetItemAttribute(study, "DicomRtImport.DoseUnitName", unit)
        tree.SetItemAttribute(study, "DicomRtImport.DoseUnitValue", "0.0001")
    return int(study)


def add_dose(
    scene: Any,
    unit: str | None = "GY",
    values: Array | None = None,
    matrix: Array = AXIAL,
    name: str = DOSE_NAME,
) -> Any:
    """Add a dose as SlicerRT leaves it, in a study of its own."""
    node = add_ct(scene, dose_values() if values is None else values, matrix, name)
    node.SetAttribute("DicomRtImport.DoseVolume", "1")
    hierarchy_of(scene).CreateItem(add_study(scene, unit), node)
    return node


def write_dose(node: Any, path: Path, uids: DoseUids | None = None) -> WrittenVolume:
    """Write a dose volume node; see `writing_dose`."""
    return to_the_end(writing_dose(node, path, uids))


def grid_of(dose: Any) -> GridGeometry:
    """Return the grid of a dose in the world."""
    return volume_grid(dose, apply_transform=True)


def gamma_values() -> Array:
    """Return gamma (k, j, i): NaN where k is 0, else from 0 to the cap of 2 along the rest."""
    values = np.linspace(0.0, 2.0, int(np.prod(CT_SHAPE))).reshape(CT_SHAPE).astype(np.float32)
    values[0] = np.nan
    return values


def difference_values() -> Array:
    """Return a difference in Gy (k, j, i): NaN where k is 0, else from -0.4 to 1.6."""
    values = np.linspace(-0.4, 1.6, int(np.prod(CT_SHAPE))).reshape(CT_SHAPE)
    values[0] = np.nan
    return values


def curves_of(label: str = "Lung_L", shift_gy: float = 0.5) -> StructureCurves:
    """Return straight-line DVHs: all of the structure has 1 Gy, none more than 3 Gy."""
    dose_gy = np.linspace(1.0, 3.0, 201)
    fraction = np.linspace(1.0, 0.0, 201)
    return StructureCurves(
        label=label,
        rgb=(90, 160, 255),
        reference=DoseCurve(dose_gy=dose_gy, fraction=fraction),
        evaluated=DoseCurve(dose_gy=dose_gy[:101] + shift_gy, fraction=fraction[::2]),
    )


def result_table() -> ResultTable:
    """Return two figures for the whole grid and a structure; one value is missing."""
    return ResultTable(
        criteria="gamma 3 %/2 mm, global (62.61 Gy, reference maximum), cutoff 10 %, cap 2",
        rows=(WHOLE_GRID, "ROI_7"),
        columns=(
            ResultColumn(name="gamma pass rate", unit="%", values=(97.25, 91.5)),
            ResultColumn(name="volume", unit="cc", values=(None, 31.4)),
        ),
    )


def results_of(dose: Any) -> DoseResults:
    """Return all kinds of results on the grid of a dose."""
    grid = grid_of(dose)
    return DoseResults(
        gamma=GammaMap(grid=grid, values=gamma_values(), cap=2.0),
        difference=DifferenceMap(grid=grid, values_gy=difference_values()),
        table=result_table(),
        structures=(curves_of("Lung_L"), curves_of("ROI_7", 0.0)),
    )


def load(dose: Any, results: DoseResults | None = None, **options: Any) -> Any:
    """Load results beside a dose and return the LoadedDoseResults; see `load_dose_results`."""
    return to_the_end(load_dose_results(dose, results or results_of(dose), **options))
