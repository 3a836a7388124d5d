"""`qMRMLNodeComboBox` follows the scene, filters, and makes, renames and deletes nodes."""

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from Testing.host.load import Host

VOLUME, LABELS = "vtkMRMLScalarVolumeNode", "vtkMRMLLabelMapVolumeNode"


@pytest.fixture
def scene(host: "Host") -> Any:
    """Give the scene."""
    return host.slicer.mrmlScene


@pytest.fixture
def combo(host: "Host", scene: Any) -> Any:
    """Give a combo box of volumes in the empty scene."""
    combo = host.slicer.qMRMLNodeComboBox()
    combo.nodeTypes = [VOLUME]
    combo.setMRMLScene(scene)
    return combo


def _texts(combo: Any) -> list[str]:
    rows = combo.comboBox()
    return [rows.itemText(row) for row in range(rows.count) if rows.itemText(row)]


def _names(combo: Any) -> list[str]:
    return [combo.nodeFromIndex(index).GetName() for index in range(combo.nodeCount())]


def _choose(combo: Any, text: str) -> None:
    """Do what a user does: show the row, and choose it."""
    rows = combo.comboBox()
    row = rows.findText(text)
    assert row >= 0
    rows.setCurrentIndex(row)
    rows.activated.emit(row)


def test_list_is_disabled_until_there_is_a_scene(host: "Host", scene: Any) -> None:
    combo = host.slicer.qMRMLNodeComboBox()
    before = combo.enabled

    combo.setMRMLScene(scene)

    assert (before, combo.enabled) == (False, True)


def test_nodes_come_and_go_with_the_scene(combo: Any, scene: Any) -> None:
    first = scene.AddNewNodeByClass(VOLUME, "CT 1")
    scene.AddNewNodeByClass(VOLUME, "CT 2")
    both = _names(combo)

    scene.RemoveNode(first)

    assert (both, _names(combo)) == (["CT 1", "CT 2"], ["CT 2"])


def test_renamed_node_is_renamed_in_the_list(combo: Any, scene: Any) -> None:
    node = scene.AddNewNodeByClass(VOLUME, "CT 1")
    combo.setCurrentNode(node)

    node.SetName("CT a3f9c1")

    assert "CT a3f9c1" in _texts(combo)
    assert combo.comboBox().currentText == "CT a3f9c1"
    assert combo.currentNode() is node


def test_other_types_are_not_listed_but_derived_ones_are(combo: Any, scene: Any) -> None:
    scene.AddNewNodeByClass("vtkMRMLTextNode", "notes")
    scene.AddNewNodeByClass(LABELS, "labels")
    with_derived = _names(combo)

    combo.showChildNodeTypes = False

    assert (with_derived, _names(combo)) == (["labels"], [])


def test_hidden_nodes_are_listed_only_on_demand(combo: Any, scene: Any) -> None:
    scene.AddNewNodeByClass(VOLUME, "CT 1").SetHideFromEditors(True)
    before = combo.nodeCount()

    combo.showHidden = True

    assert (before, combo.nodeCount()) == (0, 1)


@pytest.mark.parametrize(
    ("value", "listed"),
    [("1", ["dose"]), ("2", []), ("", ["empty"]), (None, ["dose", "empty"])],
)
def test_attribute_filter_takes_nodes_that_have_it(
    combo: Any, scene: Any, value: str | None, listed: list[str]
) -> None:
    scene.AddNewNodeByClass(VOLUME, "dose").SetAttribute("DicomRtImport.DoseVolume", "1")
    scene.AddNewNodeByClass(VOLUME, "empty").SetAttribute("DicomRtImport.DoseVolume", "")
    scene.AddNewNodeByClass(VOLUME, "CT")

    combo.addAttribute(VOLUME, "DicomRtImport.DoseVolume", value)

    assert _names(combo) == listed


def test_attribute_set_later_brings_the_node_into_the_list(combo: Any, scene: Any) -> None:
    combo.addAttribute(VOLUME, "DicomRtImport.DoseVolume", "1")
    node = scene.AddNewNodeByClass(VOLUME, "dose")
    before = combo.nodeCount()

    node.SetAttribute("DicomRtImport.DoseVolume", "1")

    assert (before, combo.nodeCount()) == (0, 1)


def test_node_that_comes_later_does_not_select_itself(combo: Any, scene: Any) -> None:
    scene.AddNewNodeByClass(VOLUME, "CT 1")

    assert combo.currentNode() is None
    assert combo.currentNodeID == ""


def test_first_node_is_taken_with_the_scene_unless_none_is_a_choice(
    host: "Host", scene: Any
) -> None:
    node = scene.AddNewNodeByClass(VOLUME, "CT 1")
    chosen = []

    for none_enabled in (False, True):
        combo = host.slicer.qMRMLNodeComboBox()
        combo.nodeTypes = [VOLUME]
        combo.noneEnabled = none_enabled
        combo.setMRMLScene(scene)
        chosen.append(combo.currentNode())

    assert chosen == [node, None]


def test_node_asked_for_before_the_scene_is_selected_with_it(host: "Host", scene: Any) -> None:
    scene.AddNewNodeByClass(VOLUME, "CT 1")
    wanted = scene.AddNewNodeByClass(VOLUME, "CT 2")
    combo = host.slicer.qMRMLNodeComboBox()
    combo.nodeTypes = [VOLUME]

    combo.setCurrentNode(wanted)
    combo.setMRMLScene(scene)

    assert combo.currentNode() is wanted


def test_selection_is_told_by_all_three_signals(combo: Any, scene: Any) -> None:
    node = scene.AddNewNodeByClass(VOLUME, "CT 1")
    got: list[Any] = []
    for signature in (
        "currentNodeChanged(vtkMRMLNode*)",
        "currentNodeChanged(bool)",
        "currentNodeIDChanged(QString)",
    ):
        combo.connect(signature, got.append)

    combo.setCurrentNode(node)
    combo.setCurrentNode(node)
    combo.currentNodeID = ""

    assert got == [node, True, node.GetID(), None, False, ""]


def test_blocked_signals_are_not_told(combo: Any, scene: Any) -> None:
    node = scene.AddNewNodeByClass(VOLUME, "CT 1")
    got: list[Any] = []
    combo.currentNodeChanged.connect(got.append)

    combo.blockSignals(True)
    combo.setCurrentNode(node)
    combo.blockSignals(False)

    assert got == []
    assert combo.currentNode() is node


def test_when_the_current_node_goes_the_one_in_its_place_is_taken(combo: Any, scene: Any) -> None:
    nodes = [scene.AddNewNodeByClass(VOLUME, f"CT {number}") for number in range(3)]
    combo.setCurrentNode(nodes[1])
    taken = []

    for node in (nodes[1], nodes[2], nodes[0]):
        scene.RemoveNode(node)
        current = combo.currentNode()
        taken.append(current.GetName() if current is not None else None)

    assert taken == ["CT 2", "CT 0", None]


def test_none_is_an_entry_with_its_own_text(combo: Any, scene: Any) -> None:
    combo.noneEnabled = True
    combo.noneDisplay = "Create new on Apply"
    node = scene.AddNewNodeByClass(VOLUME, "CT 1")
    combo.setCurrentNode(node)

    _choose(combo, "Create new on Apply")

    assert combo.currentNode() is None
    assert combo.comboBox().currentText == "Create new on Apply"


def test_user_makes_a_node_by_the_entry_for_it(combo: Any, scene: Any) -> None:
    combo.baseName = "dose"
    got: list[Any] = []
    for name in ("nodeAdded", "nodeAddedByUser", "nodeAddedByUserAction"):
        getattr(combo, name).connect(lambda node, name=name: got.append(name))

    _choose(combo, "Create new Volume")
    first = combo.currentNode()
    _choose(combo, "Create new Volume")

    assert first.GetName() == "dose"
    assert combo.currentNode().GetName() == "dose_1"
    assert got == ["nodeAdded", "nodeAddedByUser", "nodeAddedByUserAction"] * 2


def test_node_made_by_a_script_gets_the_attribute_of_the_filter(combo: Any) -> None:
    combo.addAttribute(VOLUME, "DicomRtImport.DoseVolume", "1")

    node = combo.addNode()

    assert node.GetAttribute("DicomRtImport.DoseVolume") == "1"
    assert combo.currentNode() is node


def test_type_that_is_not_listed_cannot_be_made(host: "Host", combo: Any) -> None:
    assert combo.addNode("vtkMRMLModelNode") is None
    assert len(host.complaints.take()) == 1


def test_base_name_before_node_types_is_lost_as_in_slicer(host: "Host") -> None:
    combo = host.slicer.qMRMLNodeComboBox()

    combo.baseName = "dose"
    lost = host.complaints.take()
    combo.nodeTypes = [VOLUME]
    combo.baseName = "dose"

    assert len(lost) == 1
    assert combo.baseName == "dose"


def test_entries_are_those_that_are_enabled(combo: Any, scene: Any) -> None:
    scene.AddNewNodeByClass(VOLUME, "CT 1")
    usual = _texts(combo)

    combo.addEnabled = combo.removeEnabled = False
    combo.renameEnabled = True

    assert usual == ["CT 1", "Create new Volume", "Delete current Volume"]
    assert _texts(combo) == ["CT 1", "Rename current Volume"]


def test_user_deletes_the_current_node(combo: Any, scene: Any) -> None:
    node = scene.AddNewNodeByClass(VOLUME, "CT 1")
    combo.setCurrentNode(node)
    leaving: list[Any] = []
    combo.connect("nodeAboutToBeRemoved(vtkMRMLNode*)", leaving.append)

    _choose(combo, "Delete current Volume")

    assert leaving == [node]
    assert combo.nodeCount() == 0


def test_user_renames_the_current_node(host: "Host", combo: Any, scene: Any) -> None:
    node = scene.AddNewNodeByClass(VOLUME, "CT 1")
    combo.renameEnabled = True
    combo.setCurrentNode(node)

    def answer() -> None:
        dialog = host.qt.QApplication.activeModalWidget()
        dialog.setTextValue("planning CT")
        dialog.accept()

    host.qt.QTimer.singleShot(1, answer)
    _choose(combo, "Rename current Volume")

    assert node.GetName() == "planning CT"


def test_closed_scene_leaves_nothing_selected(host: "Host", combo: Any, scene: Any) -> None:
    combo.setCurrentNode(scene.AddNewNodeByClass(VOLUME, "CT 1"))

    host.close_scene()

    assert combo.currentNode() is None
    assert combo.nodeCount() == 0


def test_nodes_added_in_a_batch_are_there_after_it(combo: Any, scene: Any) -> None:
    scene.StartState(scene.BatchProcessState)
    scene.AddNewNodeByClass(VOLUME, "CT 1")
    scene.EndState(scene.BatchProcessState)

    assert _texts(combo)[0] == "CT 1"


def test_deleted_list_lets_go_of_the_scene(host: "Host", combo: Any, scene: Any) -> None:
    combo.deleteLater()
    host.qt.QCoreApplication.sendPostedEvents(combo, host.qt.QEvent.DeferredDelete)

    scene.AddNewNodeByClass(VOLUME, "CT 1")

    assert host.complaints.texts == []
