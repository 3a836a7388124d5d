"""Volumes that are no CT to be sent, and those that are asked about: before a client is started."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from Testing.Panel.traces import assert_untouched, enabled

if TYPE_CHECKING:
    from Testing.Panel.bench import PanelBench

_OFFERED = {
    "a time point of a sequence": "The chosen volume is one time point of a sequence (4D).",
    "a dose": "The chosen volume is a dose. Choose a CT.",
    "nothing in it": "The chosen volume is empty. Choose another one.",
    "bent": "The chosen volume is under a transform that is not linear. Harden it, or remove it.",
    "sheared": "The chosen volume is sheared, by its transform or a tilted gantry.",
}
_NOT_OFFERED = {
    "a label map": "The chosen volume is a label map. Choose a CT.",
    "a photograph": "The chosen volume is a colour image. Choose a CT.",
    "a vector field": "The chosen volume has several values in a voxel. Choose a CT.",
}


@pytest.fixture
def entered(bench: "PanelBench", tmp_path: Path) -> "PanelBench":
    """Choose a CT, and enter a worker that nobody has to ask for what is tried here."""
    for name in ("user.key", "user.pem", "policy.json"):
        (tmp_path / name).touch()
    bench.connect("https://worker.site:8443", tmp_path)
    bench.choose(bench.add_phantom())
    assert bench.ui.applyButton.enabled
    return bench


def _make(bench: "PanelBench", case: str) -> Any:
    from Testing.Scene.volume_cases import CASES

    return CASES[case][0](bench.host.slicer.mrmlScene)


def _assert_nothing_starts(bench: "PanelBench", reason: str) -> None:
    """Check that Apply is disabled for that one reason, and that a click on it does nothing."""
    button, asked = bench.ui.applyButton, len(bench.answers.asked)
    before = len(bench.segmentations())
    assert enabled(bench, "applyButton", "testConnectionButton") == ["testConnectionButton"]
    assert button.toolTip.startswith(reason)
    assert button.toolTip.count("\n") == 0
    button.click()
    assert bench.phase == "unchecked"
    assert len(bench.answers.asked) == asked
    assert_untouched(bench, segmentations=before)


def test_without_a_volume_there_is_nothing_to_send(entered: "PanelBench") -> None:
    entered.choose(None)

    _assert_nothing_starts(entered, "Select a CT.")


@pytest.mark.parametrize("case", _OFFERED)
def test_a_volume_that_is_no_plain_ct_can_be_chosen_and_is_refused_with_a_reason(
    entered: "PanelBench", case: str
) -> None:
    node = _make(entered, case)
    assert entered.ui.applyButton.enabled

    entered.choose(node)

    _assert_nothing_starts(entered, _OFFERED[case])


@pytest.mark.parametrize("case", _NOT_OFFERED)
def test_another_kind_of_volume_cannot_even_be_chosen_and_a_script_hears_why(
    entered: "PanelBench", case: str
) -> None:
    from EncryptSecureRTLib.client.process import EncryptSecureRTError

    node = _make(entered, case)
    entered.choose(node)
    assert entered.named("ctSelector").currentNode() is None
    _assert_nothing_starts(entered, "Select a CT.")

    with pytest.raises(EncryptSecureRTError) as refusal:
        entered.loaded.widget.logic.segment(node)
    assert (refusal.value.code.name, refusal.value.detail) == ("E_PARAMETERS", _NOT_OFFERED[case])


def test_all_that_is_wrong_is_told_at_once(entered: "PanelBench") -> None:
    node = _make(entered, "a dose")
    node.SetAndObserveTransformNodeID(_make(entered, "bent").GetTransformNodeID())
    entered.choose(node)
    entered.press("structuresButton")
    boxes = entered.named("structuresList")
    for row in range(boxes.count):
        boxes.item(row).setCheckState(entered.host.qt.Qt.Unchecked)

    assert entered.ui.applyButton.toolTip.splitlines() == [
        _OFFERED["a dose"],
        _OFFERED["bent"],
        "Choose a structure.",
    ]


def test_a_volume_that_was_good_and_is_made_bad_is_refused_at_the_click(
    entered: "PanelBench",
) -> None:
    ct = entered.named("ctSelector").currentNode()
    ct.SetAttribute("DicomRtImport.DoseVolume", "1")  # by another module: the panel hears nothing
    assert entered.ui.applyButton.enabled

    entered.press("applyButton")

    _assert_nothing_starts(entered, _OFFERED["a dose"])


def test_a_clear_study_is_not_sent_and_is_to_be_sealed(entered: "PanelBench") -> None:
    from Testing.Scene.planted_study import plant

    ct = plant(entered.host.slicer.mrmlScene).nodes["ct"]
    entered.choose(ct)

    assert entered.ui.caseLabel.text == "Study: in clear. The scene shows whose it is."
    assert entered.shown("sealStudyButton")
    _assert_nothing_starts(entered, "This study carries patient data in the scene. Seal it first.")


def test_a_sealed_study_is_not_to_be_sealed_again(entered: "PanelBench") -> None:
    from Testing.Scene.planted_study import add_protected

    ct = add_protected(entered.host.slicer.mrmlScene).nodes["ct"]
    entered.choose(ct)

    assert entered.ui.caseLabel.text == "Study: sealed"
    assert not entered.shown("sealStudyButton")
    assert entered.ui.applyButton.enabled


def test_a_volume_beyond_the_limit_is_not_sent(
    entered: "PanelBench", monkeypatch: pytest.MonkeyPatch
) -> None:
    from EncryptSecureRTLib.panel import facts

    monkeypatch.setattr(facts, "_LIMIT_BYTES", 4_095_999)  # the phantom has 4,096,000
    entered.panel.refresh()

    _assert_nothing_starts(
        entered,
        "The volume has 4.1 MB, the limit of this worker is 4.1 MB."
        " Crop it to the region of interest.",
    )
    monkeypatch.setattr(facts, "_LIMIT_BYTES", 4_096_000)
    entered.panel.refresh()
    assert entered.ui.applyButton.enabled


@pytest.fixture
def huge(ready: "PanelBench", monkeypatch: pytest.MonkeyPatch) -> "PanelBench":
    """Let a volume of 100 MB be huge, and choose one."""
    from EncryptSecureRTLib.panel import widget

    monkeypatch.setattr(widget, "HUGE_BYTES", 100_000_000)
    monkeypatch.setattr(widget, "DOUBLE_CLICK_S", 0.0)
    ready.choose(ready.add_volume(np.zeros((200, 500, 500), np.int16)))
    ready.answers.asked.clear()
    ready.answers.texts.clear()
    return ready


def test_a_huge_volume_is_asked_about_and_a_no_leaves_everything_as_it_was(
    huge: "PanelBench",
) -> None:
    huge.answers.yes = False
    huge.press("applyButton")

    assert huge.answers.asked == ["Send a large volume?"]
    assert huge.answers.texts[0].startswith("The volume has 100 MB. At 50 MB/s it takes about 2 s")
    assert huge.phase == "ready"
    assert huge.ui.applyButton.enabled
    assert_untouched(huge)


def test_a_yes_begins_and_is_asked_for_again_the_next_time(huge: "PanelBench") -> None:
    for times in (1, 2):
        huge.press("applyButton")
        assert huge.phase == "preparing"
        assert huge.answers.asked == ["Send a large volume?"] * times
        huge.press("applyButton")  # cancels
        assert huge.wait_idle() == "ready"


def test_a_volume_that_is_not_huge_is_not_asked_about(
    ready: "PanelBench", monkeypatch: pytest.MonkeyPatch
) -> None:
    from EncryptSecureRTLib.panel import widget

    monkeypatch.setattr(widget, "HUGE_BYTES", 4_096_001)
    monkeypatch.setattr(widget, "DOUBLE_CLICK_S", 0.0)
    ready.answers.asked.clear()
    ready.press("applyButton")

    assert ready.phase == "preparing"
    assert ready.answers.asked == []
    ready.press("applyButton")  # cancels
    assert ready.wait_idle() == "ready"


def test_an_output_with_contents_is_not_written_over(entered: "PanelBench") -> None:
    used = _make_segmentation(entered)
    entered.named("segmentationSelector").setCurrentNode(used)

    button = entered.ui.applyButton
    assert not button.enabled
    assert button.toolTip == (
        "The output has contents already. Choose a new one: nothing is overwritten."
    )
    entered.named("segmentationSelector").setCurrentNode(None)
    assert button.enabled


def _make_segmentation(bench: "PanelBench") -> Any:
    node = bench.host.slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "mine")
    node.GetSegmentation().AddEmptySegment("mine")
    return node
