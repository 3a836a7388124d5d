"""Results of a comparison and "Seal this study": nothing of theirs tells a name at any time."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from Testing.Scene.made import read_bundle, write_bundle
from Testing.Scene.made_doses import add_dose, curves_of, load, results_of
from Testing.Scene.planted_study import Planted, add_protected, plant
from Testing.Scene.sealed_study import found_in, seal

from EncryptSecureRTLib.scene.dose_results import LoadedDoseResults
from EncryptSecureRTLib.scene.doses import (
    DoseProblem,
    DoseUnit,
    dose_facts,
    dose_problems,
    dose_unit_of,
)
from EncryptSecureRTLib.scene.hierarchy import hierarchy_of
from EncryptSecureRTLib.scene.mrml import slicer, vtk
from EncryptSecureRTLib.scene.study import StudyState, study_state


def _dose_of(planted: Planted) -> Any:
    """Return a dose in the planted study, compared and with all its results."""
    dose = add_dose(planted.scene, name=planted.word("name of the compared dose"))
    hierarchy_of(planted.scene).CreateItem(planted.items["study"], dose)
    return dose


def _texts_of(loaded: Any) -> list[str]:
    nodes = (loaded.gamma, loaded.difference, loaded.table, loaded.curves, loaded.chart)
    series = [loaded.chart.GetNthPlotSeriesNode(n) for n in range(4)]
    titles = [loaded.chart.GetTitle(), loaded.chart.GetXAxisTitle(), loaded.chart.GetYAxisTitle()]
    legends = [n.GetNthDisplayNode(1).GetTitleText() for n in (loaded.gamma, loaded.difference)]
    codes = [n.GetVoxelValueQuantity().GetCodeValue() for n in (loaded.gamma, loaded.difference)]
    attributes = [n.GetAttribute("EncryptSecureRT.quantity") for n in nodes[:2]]
    return [*(n.GetName() for n in (*nodes, *series)), *titles, *legends, *codes, *attributes]


def test_sealing_leaves_results_as_they_are(scene: Any) -> None:
    planted = plant(scene)
    loaded = load(_dose_of(planted))
    before = _texts_of(loaded)
    colours = loaded.gamma.GetDisplayNode().GetColorNode()
    names = [colours.GetColorName(n) for n in range(256)]

    report = seal(planted)

    assert _texts_of(loaded) == before
    assert [colours.GetColorName(n) for n in range(256)] == names
    assert report.still_telling == 0
    assert loaded.difference.GetAttribute("DicomRtImport.DoseVolume") == "1"


def test_bundle_of_a_sealed_study_with_results_has_no_planted_word(
    scene: Any, tmp_path: Path
) -> None:
    planted = plant(scene)
    load(_dose_of(planted))

    seal(planted)

    assert found_in(write_bundle(scene, tmp_path), planted) == set()


def test_study_with_results_is_still_a_protected_one(scene: Any) -> None:
    study = add_protected(scene)
    dose = add_dose(scene)
    hierarchy_of(scene).CreateItem(study.items["study"], dose)

    loaded = load(dose)

    assert study_state(loaded.gamma) is StudyState.PROTECTED
    assert study_state(loaded.difference) is StudyState.PROTECTED
    assert study_state(study.nodes["ct"]) is StudyState.PROTECTED


def test_charts_and_legends_of_others_lose_their_names(scene: Any, tmp_path: Path) -> None:
    planted = plant(scene)
    word = planted.word
    table = scene.AddNewNodeByClass("vtkMRMLTableNode", word("name of a table"))
    hierarchy_of(scene).CreateItem(planted.items["study"], table)
    series = scene.AddNewNodeByClass("vtkMRMLPlotSeriesNode", word("name of a curve"))
    series.SetAndObserveTableNodeID(table.GetID())
    chart = scene.AddNewNodeByClass("vtkMRMLPlotChartNode", word("name of a chart"))
    chart.SetTitle(word("title of a chart"))
    chart.SetXAxisTitle(word("title of an axis"))
    chart.SetYAxisTitle("Dose (Gy)")
    chart.AddAndObservePlotSeriesNodeID(series.GetID())
    legend = slicer.vtkMRMLColorLegendDisplayNode()
    legend.SetTitleText(word("title of a legend"))
    scene.AddNode(legend)
    planted.nodes["ct"].AddAndObserveDisplayNodeID(legend.GetID())
    (tmp_path / "before").mkdir()

    before = found_in(write_bundle(scene, tmp_path / "before"), planted)
    seal(planted)
    after = found_in(write_bundle(scene, tmp_path), planted)

    places = {f"name of a {what}" for what in ("table", "curve", "chart")}
    titles = {f"title of {what}" for what in ("a chart", "an axis", "a legend")}
    assert places | titles <= before
    assert after == set()
    assert chart.GetYAxisTitle() == "Dose (Gy)"


def test_unit_of_a_dose_in_cgy_is_known_after_sealing(scene: Any) -> None:
    planted = plant(scene)
    tree, study = hierarchy_of(scene), planted.items["other study"]
    tree.SetItemAttribute(study, "DicomRtImport.DoseUnitName", "cGy")

    seal(planted)

    assert dose_unit_of(planted.nodes["dose"]) is DoseUnit.CGY


def test_curve_of_a_persons_structure_is_renamed(scene: Any) -> None:
    planted = plant(scene)
    dose = _dose_of(planted)
    chart = load(dose).chart
    chart.GetNthPlotSeriesNode(0).SetName("Planted tumour, reference")

    report = seal(planted)

    name = chart.GetNthPlotSeriesNode(0).GetName()
    assert name.startswith("curve ")
    assert report.clear_names[name] == "Planted tumour, reference"
    assert chart.GetNthPlotSeriesNode(1).GetName() == "Lung_L, evaluated"


def test_saved_scene_with_results_is_the_same_when_it_is_loaded_again(
    scene: Any, tmp_path: Path
) -> None:
    dose = add_dose(scene)
    results = results_of(dose)
    loaded = load(dose, results)
    texts = _texts_of(loaded)
    scene.RegisterNodeClass(slicer.vtkMRMLColorLegendDisplayNode())  # as the application has it
    ids = {name: getattr(loaded, name).GetID() for name in LoadedDoseResults.__dataclass_fields__}

    read_bundle(scene, write_bundle(scene, tmp_path))

    again: Any = LoadedDoseResults(**{name: scene.GetNodeByID(node) for name, node in ids.items()})
    assert results.gamma is not None
    values = slicer.util.arrayFromVolume(again.gamma)
    assert np.array_equal(values, results.gamma.values, equal_nan=True)
    assert _texts_of(again) == texts
    display = again.gamma.GetDisplayNode()
    assert display.GetColorNode().GetNumberOfColors() == 256
    assert display.GetWindowLevelMax() == pytest.approx(255 / 128, rel=1e-5)
    assert dose_problems(dose_facts(again.difference), 10**9) == (DoseProblem.RESULT,)
    column = again.curves.GetTable().GetColumnByName("Lung_L reference dose (Gy)")
    reference = curves_of().reference
    assert reference is not None
    # A table is saved as text.
    kept = vtk.util.numpy_support.vtk_to_numpy(column)
    assert kept == pytest.approx(reference.dose_gy, rel=1e-6)
