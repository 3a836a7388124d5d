"""The panel with real clicks and a real worker: from an empty panel to segments on the right CT."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from shown import SHOWN, Show
from Testing.Panel.traces import choose_body_only

if TYPE_CHECKING:
    from Testing.Panel.bench import PanelBench
    from Testing.Panel.clinic import Clinic

_LABELS = ["External", "Lung_L", "Lung_R", "Bone"]


def test_a_new_panel_asks_for_a_worker_and_can_send_nothing(bench: "PanelBench") -> None:
    assert bench.phase == "unconfigured"
    assert bench.ui.trustBadge.text == "No worker chosen"
    assert not bench.ui.applyButton.enabled
    assert "Select a CT." in bench.ui.applyButton.toolTip
    assert "worker's address" in bench.ui.applyButton.toolTip
    assert not bench.ui.testConnectionButton.enabled


def test_the_check_shows_six_lines_and_a_verdict_that_says_simulated(
    bench: "PanelBench", clinic: "Clinic"
) -> None:
    bench.connect(clinic.url, clinic.physicist)
    assert bench.ui.trustBadge.text == "Not checked"
    bench.press("testConnectionButton")

    assert bench.wait_idle() == "ready"
    titles = [bench.named(f"checkTitle{row}").text for row in range(6)]
    assert titles == [
        f"✓ {name}" for name in "Reach TLS Attestation Policy Provisioned Version".split()
    ]
    assert bench.ui.trustBadge.text.startswith("SIMULATED TEE: not for patient data")
    bench.press("trustDetailsButton")
    assert bench.shown("verdictTree")
    assert bench.ui.verdictTree.topLevelItemCount == 19
    assert "measurement: " in bench.ui.verdictFacts.text


def test_nothing_is_contacted_without_consent_and_consent_is_asked_once(
    bench: "PanelBench", clinic: "Clinic"
) -> None:
    bench.connect(clinic.url, clinic.physicist)
    bench.answers.yes = False
    bench.press("testConnectionButton")
    assert bench.phase == "unchecked"
    assert clinic.url in bench.answers.texts[0]

    bench.answers.yes = True
    for _ in range(2):
        bench.press("testConnectionButton")
        bench.wait_idle()
    assert bench.answers.asked == ["Allow this worker?"] * 2

    bench.press("withdrawButton")
    bench.press("testConnectionButton")
    bench.wait_idle()
    assert len(bench.answers.asked) == 3


def test_a_click_gives_segments_on_the_ct_with_names_codes_and_volumes(ready: "PanelBench") -> None:
    ready.press("applyButton")

    assert ready.wait_idle() == "done"
    (node,) = ready.segmentations()
    assert node.GetName() == "CT phantom segmentation"
    segmentation = node.GetSegmentation()
    segments = [segmentation.GetNthSegment(n) for n in range(4)]
    assert [segment.GetName() for segment in segments] == _LABELS
    tag = segments[1].GetTerminologyEntryTagName()
    assert all(segment.HasTag(tag) for segment in segments)
    rows = [ready.ui.resultTable.item(row, 0).text() for row in range(4)]
    assert rows == _LABELS
    assert ready.message.startswith("4 structures in 0:0")
    assert "SIMULATED" in ready.message


def test_the_segments_lie_where_the_organs_are(ready: "PanelBench") -> None:
    ready.press("applyButton")
    ready.wait_idle()
    ct = ready.named("ctSelector").currentNode()
    (node,) = ready.segmentations()
    util = ready.host.slicer.util
    hu = util.arrayFromVolume(ct)

    lung = util.arrayFromSegmentBinaryLabelmap(node, "lung_left", ct) > 0
    bone = util.arrayFromSegmentBinaryLabelmap(node, "skeleton", ct) > 0

    assert np.median(hu[lung]) < -500
    assert np.median(hu[bone]) > 200
    # The patient's left is at positive x of LPS, which the phantom's columns run along.
    assert np.argwhere(lung)[:, 2].mean() > hu.shape[2] / 2


def test_a_ct_under_a_linear_transform_takes_its_segments_with_it(ready: "PanelBench") -> None:
    slicer = ready.host.slicer
    ct = ready.named("ctSelector").currentNode()
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "shift")
    matrix = slicer.util.arrayFromTransformMatrix(transform)
    matrix[:3, 3] = (10.0, -20.0, 5.0)
    slicer.util.updateTransformMatrixFromArray(transform, matrix)
    ct.SetAndObserveTransformNodeID(transform.GetID())
    ready.panel.refresh()
    assert "linear transform is applied" in ready.named("ctFacts").text

    ready.press("applyButton")
    assert ready.wait_idle() == "done"

    (node,) = ready.segmentations()
    assert node.GetTransformNodeID() == transform.GetID()


def test_chosen_structures_are_found_and_no_others(ready: "PanelBench") -> None:
    ready.press("structuresButton")
    for row in (0, 3):
        ready.named("structuresList").item(row).setCheckState(ready.host.qt.Qt.Unchecked)
    assert ready.named("structuresButton").text == "2 of 4 structures"
    ready.press("applyButton")
    ready.wait_idle()

    (node,) = ready.segmentations()
    assert list(node.GetSegmentation().GetSegmentIDs()) == ["lung_left", "lung_right"]


def test_the_same_job_again_makes_a_new_node_and_overwrites_nothing(ready: "PanelBench") -> None:
    for _ in range(2):
        ready.press("applyButton")
        assert ready.wait_idle() == "done"

    names = {node.GetName() for node in ready.segmentations()}
    assert names == {"CT phantom segmentation", "CT phantom segmentation_1"}


def test_an_empty_segmentation_that_was_chosen_is_filled_and_the_next_job_makes_another(
    ready: "PanelBench",
) -> None:
    choose_body_only(ready)
    scene = ready.host.slicer.mrmlScene
    chosen = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Organs at risk")
    ready.named("segmentationSelector").setCurrentNode(chosen)
    for _ in range(2):
        ready.press("applyButton")
        assert ready.wait_idle() == "done"
        assert ready.named("segmentationSelector").currentNode() is None

    names = [node.GetName() for node in ready.segmentations()]
    assert names == ["Organs at risk", "CT phantom segmentation"]
    assert list(chosen.GetSegmentation().GetSegmentIDs()) == ["body"]


def test_results_are_saved_as_table_dicom_and_receipt(ready: "PanelBench") -> None:
    ready.press("applyButton")
    ready.wait_idle()
    for button in ("exportCsvButton", "exportDicomButton", "saveReceiptButton"):
        ready.press(button)

    saved = ready.answers.place
    (table,) = saved.glob("*.csv")
    lines = table.read_text("utf-8").splitlines()
    assert lines[0].startswith("# EncryptSecureRT, receipt ")
    assert lines[1] == "# SIMULATED TEE: not for patient data"
    assert lines[2] == "structure,volume_cc,note"
    assert [line.split(",")[0] for line in lines[3:]] == _LABELS
    (folder,) = (path for path in saved.iterdir() if path.is_dir())
    assert {path.name for path in folder.iterdir()} >= {"rtstruct.dcm", "seg.dcm", "receipt.json"}


def test_a_disk_without_room_for_the_table_is_said_and_leaves_no_half_file(
    ready: "PanelBench",
) -> None:
    ready.press("applyButton")
    ready.wait_idle()
    ready.answers.place = Path("/dev/full/nowhere")
    ready.press("exportCsvButton")

    assert "A local file cannot be read or written" in ready.message


@pytest.mark.alone
def test_the_window_is_never_still_for_more_than_50_ms_while_a_job_runs(
    ready: "PanelBench", record_property: Show
) -> None:
    with ready.host.heartbeat() as beat:
        ready.press("applyButton")
        ready.wait_for("loading", "failed", "done")

    record_property(SHOWN, f"longest time that the window stood still: {beat.longest_ms:.0f} ms")
    assert beat.longest_ms < 50


def test_what_is_chosen_comes_back_with_the_scene_and_what_is_the_users_does_not(
    ready: "PanelBench", clinic: "Clinic"
) -> None:
    node = ready.loaded.widget.logic.getParameterNode().parameterNode
    saved = " ".join(f"{name}={node.GetParameter(name)}" for name in node.GetParameterNames())

    assert "structures=body lung_left lung_right skeleton" in saved
    for secret in (clinic.url, str(clinic.physicist), "https", "home"):
        assert secret not in saved


@pytest.mark.parametrize("name", ["url", "home", "patienceS", "consents", "urls"])
def test_settings_hold_no_secret(ready: "PanelBench", name: str) -> None:
    value = str(ready.host.slicer.app.userSettings().value(f"EncryptSecureRT/{name}"))

    assert "BEGIN" not in value
    assert len(value) < 400
