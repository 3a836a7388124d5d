"""Doses that cannot be compared: refused before anything is sent, or by the worker in words."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from Testing.Panel import doses
from Testing.Panel.traces import assert_untouched, enabled

if TYPE_CHECKING:
    from Testing.Panel.bench import PanelBench
    from Testing.Panel.clinic import Clinic
    from Testing.Panel.held_clinic import HeldClinic

Nodes = tuple[Any, Any, Any]


@pytest.fixture
def entered(bench: "PanelBench", tmp_path: Path) -> Nodes:
    """Choose doses and structures, and enter a worker that nobody has to ask."""
    for name in ("user.key", "user.pem", "policy.json"):
        (tmp_path / name).touch()
    bench.connect("https://worker.site:8443", tmp_path)
    reference, evaluated = doses.add_pair(bench)
    structures = doses.add_structures(bench, reference)
    doses.choose_pair(bench, reference, evaluated, structures)
    assert bench.ui.applyButton.enabled, bench.ui.applyButton.toolTip
    return reference, evaluated, structures


def _choose_again(bench: "PanelBench") -> list[str]:
    bench.panel.refresh()
    assert enabled(bench, "applyButton") == []
    return str(bench.ui.applyButton.toolTip).splitlines()


def _without_unit(bench: "PanelBench", nodes: Nodes) -> None:
    nodes[1].RemoveAttribute("DicomRtImport.DoseUnitName")


def _relative(bench: "PanelBench", nodes: Nodes) -> None:
    nodes[0].SetAttribute("DicomRtImport.DoseUnitName", "RELATIVE")


def _same_node(bench: "PanelBench", nodes: Nodes) -> None:
    bench.named("evaluatedDoseSelector").setCurrentNode(nodes[0])


def _a_result(bench: "PanelBench", nodes: Nodes) -> None:
    nodes[1].SetAttribute("EncryptSecureRT.quantity", "dose difference")


def _no_segment(bench: "PanelBench", nodes: Nodes) -> None:
    empty = bench.host.slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "empty")
    bench.named("doseStructuresSelector").setCurrentNode(empty)


def _output_in_use(bench: "PanelBench", nodes: Nodes) -> None:
    used = bench.add_volume(np.zeros((2, 3, 4), np.int16), "a CT of mine")
    bench.named("gammaVolumeSelector").setCurrentNode(used)


def _output_is_input(bench: "PanelBench", nodes: Nodes) -> None:
    bench.named("differenceVolumeSelector").setCurrentNode(nodes[0])


def _bent(bench: "PanelBench", nodes: Nodes) -> None:
    scene = bench.host.slicer.mrmlScene
    bending = scene.AddNewNodeByClass("vtkMRMLBSplineTransformNode", "bending")
    nodes[0].SetAndObserveTransformNodeID(bending.GetID())


_CASES: dict[str, tuple[Callable[["PanelBench", Nodes], None], str]] = {
    "no unit": (_without_unit, "The unit of the evaluated dose is unknown, and Gy is never assum"),
    "relative": (_relative, "The reference dose is relative. Choose a dose in Gy."),
    "same volume": (_same_node, "Reference and evaluated dose are the same volume."),
    "a result": (_a_result, "The evaluated dose is the result of a comparison. Choose a dose."),
    "no segment": (_no_segment, "The chosen segmentation is empty. Choose another one, or none."),
    "output in use": (_output_in_use, "The output has contents already."),
    "output is input": (_output_is_input, "The output is the input. Choose another output."),
    "bent": (_bent, "The reference dose is under a transform that is not linear."),
}


@pytest.mark.parametrize("case", _CASES)
def test_what_cannot_be_compared_is_refused_with_the_one_reason(
    bench: "PanelBench", entered: Nodes, case: str
) -> None:
    spoil, reason = _CASES[case]
    spoil(bench, entered)

    told = _choose_again(bench)

    assert len(told) == 1
    assert told[0].startswith(reason)
    bench.ui.applyButton.click()
    assert bench.phase == "unchecked"
    assert_untouched(bench, segmentations=len(bench.segmentations()))


def test_everything_that_is_missing_is_said_at_once(bench: "PanelBench") -> None:
    bench.choose_task("dose_compare")

    assert bench.ui.applyButton.toolTip.splitlines()[1:] == [
        *("Select the reference dose.", "Select the evaluated dose."),
    ]


def test_only_volumes_that_are_marked_as_doses_are_offered(
    bench: "PanelBench", entered: Nodes
) -> None:
    ct = bench.add_volume(np.zeros((4, 4, 4), np.int16), "a CT")

    bench.named("referenceDoseSelector").setCurrentNode(ct)

    assert bench.named("referenceDoseSelector").currentNode() is not ct


def test_unit_maximum_and_grid_stand_below_a_dose(bench: "PanelBench", entered: Nodes) -> None:
    entered[0].SetAttribute("DicomRtImport.DoseUnitName", "CGY")
    bench.panel.refresh()

    assert bench.named("referenceDoseFacts").text == (
        "cGy, max 59.97, 20 x 20 x 16 of 3 x 3 x 3 mm"
    )
    assert bench.named("doseStructuresFacts").text == "2 structures"


def test_a_preset_sets_the_numbers_and_another_number_is_custom(
    bench: "PanelBench", entered: Nodes
) -> None:
    ui = bench.ui
    assert ui.presetComboBox.currentText.startswith("TG-218")
    ui.presetComboBox.currentIndex = 2
    assert (ui.doseDifferenceSpinBox.value, ui.dtaSpinBox.value) == (2.0, 2.0)

    ui.thresholdSpinBox.value = 20.0

    assert ui.presetComboBox.currentText == "Custom"
    assert not bench.shown("normSpinBox")
    ui.normComboBox.currentIndex = 1
    assert bench.shown("normSpinBox")
    ui.presetComboBox.currentIndex = 0
    assert (ui.thresholdSpinBox.value, ui.normComboBox.currentIndex) == (10.0, 0)


def test_task_doses_and_criteria_come_back_with_the_scene(
    bench: "PanelBench", entered: Nodes
) -> None:
    bench.ui.dtaSpinBox.value = 1.5
    bench.ui.normComboBox.currentIndex = 1
    bench.ui.normSpinBox.value = 62.5
    kept = bench.loaded.widget.logic.getParameterNode()
    bench.panel.use_parameters(None)
    bench.choose_task("segment")
    bench.ui.dtaSpinBox.value = 9.0

    bench.panel.use_parameters(kept)

    assert bench.panel.page.task.key == "dose_compare"
    assert (bench.ui.dtaSpinBox.value, bench.ui.normSpinBox.value) == (1.5, 62.5)
    assert bench.named("referenceDoseSelector").currentNode() is entered[0]
    saved = {
        name: kept.parameterNode.GetParameter(name)
        for name in kept.parameterNode.GetParameterNames()
    }
    assert "https" not in str(saved)
    assert "Planted" not in str(saved)


def test_a_task_that_the_worker_does_not_offer_to_this_role_is_said(
    bench: "PanelBench", entered: Nodes
) -> None:
    from EncryptSecureRTLib.panel.state import Allowed

    told = bench.panel.page.look(Allowed(structures={"segment": ()}, object_bytes=2**32))

    assert told == ["Your role does not allow dose comparison on this worker."]
    assert bench.panel.page.look(Allowed(structures={"dose_compare": ()}, object_bytes=9)) == [
        "The reference dose has 0.1 MB, the limit of this worker is 0.0 MB."
        " Crop it to the region of interest.",
        "The evaluated dose has 0.1 MB, the limit of this worker is 0.0 MB."
        " Crop it to the region of interest.",
    ]


@pytest.fixture
def connected(bench: "PanelBench", clinic: "Clinic", without_report: None) -> Nodes:
    """Choose doses of nobody, at a real worker."""
    bench.connect(clinic.url, clinic.physicist)
    reference, evaluated = doses.add_pair(bench)
    doses.choose_pair(bench, reference, evaluated)
    return reference, evaluated, None


def _far_away(bench: "PanelBench", nodes: Nodes) -> None:
    nodes[1].SetOrigin(1000.0, 1000.0, 1000.0)


def _negative(bench: "PanelBench", nodes: Nodes) -> None:
    bench.host.slicer.util.arrayFromVolume(nodes[1])[0, 0, 0] = -1.0


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_far_away, "The dose grids do not overlap, or no point is above the threshold."),
        (_negative, "One of the doses cannot be compared: it is no dose in Gy"),
    ],
)
def test_what_shows_only_in_the_voxels_is_told_as_a_sentence(
    bench: "PanelBench", connected: Nodes, spoil: Callable[..., None], words: str
) -> None:
    spoil(bench, connected)
    bench.press("applyButton")

    assert bench.wait_idle() == "failed"
    assert bench.message.startswith(words)
    assert_untouched(bench)


@pytest.mark.parametrize("stage", ["uploading", "running"])
def test_cancel_leaves_the_scene_as_it_was(
    bench: "PanelBench", held: "HeldClinic", monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    from EncryptSecureRTLib.panel import widget

    monkeypatch.setattr(widget, "DOUBLE_CLICK_S", 0.0)
    bench.connect(held.url, held.physicist)
    random = np.random.default_rng().random(doses.SHAPE)  # so that the worker holds it not yet
    pair = [doses.add_dose(bench, random, "a dose"), doses.add_dose(bench, random + 1, "another")]
    doses.choose_pair(bench, *pair)
    bench.press("testConnectionButton")
    assert bench.wait_idle() == "ready"
    if stage == "uploading":
        held.hold_after("PUT /v1/objects", from_client=True)
    else:
        held.hospital.gate.shut()
    bench.press("applyButton")
    assert bench.wait_for(stage, "failed", "done") == stage

    bench.press("applyButton")
    held.let_go()

    assert bench.wait_idle() == "ready"
    assert bench.message == "Cancelled. Nothing was changed."
    assert bench.ui.applyButton.text == "Compare in TEE"
    assert_untouched(bench)
    assert len(bench.host.slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")) == 2
