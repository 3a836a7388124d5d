"""Widgets that show segments, tables and the subject hierarchy follow the scene."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from Testing.host.load import Host


@pytest.fixture
def segmentation(host: "Host") -> Any:
    """Give a segmentation with two segments of one voxel each."""
    volume = host.slicer.util.addVolumeFromArray(np.zeros((2, 3, 4), np.int16), name="CT 1")
    node = host.slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "structures")
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    for index, name in enumerate(("Lung_L", "Lung_R")):
        segment_id = node.GetSegmentation().AddEmptySegment(name, name)
        mask = np.zeros((2, 3, 4), np.uint8)
        mask[0, 0, index] = 1
        host.slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, segment_id, volume)
    return node


def _column(view: Any, column: int) -> list[str]:
    table = view.tableWidget()
    return [table.item(row, column).text() for row in range(table.rowCount)]


def test_segments_table_follows_the_segmentation(host: "Host", segmentation: Any) -> None:
    view = host.slicer.qMRMLSegmentsTableView()
    view.setSegmentationNode(segmentation)
    both = _column(view, 1)

    segmentation.GetSegmentation().GetSegment("Lung_L").SetName("ROI_1")
    segmentation.GetSegmentation().RemoveSegment("Lung_R")

    assert both == ["Lung_L", "Lung_R"]
    assert _column(view, 1) == ["ROI_1"]
    assert view.segmentCount == 1
    assert view.segmentationNode() is segmentation


def test_segments_are_selected_by_id_and_tell_it(host: "Host", segmentation: Any) -> None:
    view = host.slicer.qMRMLSegmentsTableView()
    view.setSegmentationNode(segmentation)
    told: list[Any] = []
    view.selectionChanged.connect(lambda selected, deselected: told.append(selected))

    view.setSelectedSegmentIDs(["Lung_R"])

    assert view.selectedSegmentIDs() == ("Lung_R",)
    assert len(told) == 1


def test_segment_selector_chooses_a_node_and_a_segment(host: "Host", segmentation: Any) -> None:
    selector = host.slicer.qMRMLSegmentSelectorWidget()
    selector.setMRMLScene(host.slicer.mrmlScene)
    told: list[str] = []
    selector.connect("currentSegmentChanged(QString)", told.append)

    selector.setCurrentNode(segmentation)
    selector.setCurrentSegmentID("Lung_R")

    assert selector.segmentIDs() == ("Lung_L", "Lung_R")
    assert selector.currentSegmentID() == "Lung_R"
    assert told == ["Lung_R"]


def test_show_3d_makes_and_drops_surfaces(host: "Host", segmentation: Any) -> None:
    button = host.slicer.qMRMLSegmentationShow3DButton()
    before = button.enabled
    button.setSegmentationNode(segmentation)
    contains = segmentation.GetSegmentation().ContainsRepresentation

    button.checked = True
    made = contains("Closed surface")
    button.checked = False

    assert (before, made, contains("Closed surface")) == (False, True, False)


def test_table_view_shows_the_cells(host: "Host") -> None:
    node = host.slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", "results")
    view = host.slicer.qMRMLTableView()
    view.setMRMLTableNode(node)

    host.slicer.util.updateTableFromArray(node, [np.array([1.5, 2.5])], ["volume_cc"])

    assert view.horizontalHeaderItem(0).text() == "volume_cc"
    assert [view.item(row, 0).text() for row in range(view.rowCount)] == ["1.5", "2.5"]


def test_tree_shows_the_subject_hierarchy(host: "Host") -> None:
    scene = host.slicer.mrmlScene
    tree = host.slicer.qMRMLSubjectHierarchyTreeView()
    tree.setMRMLScene(scene)
    hierarchy = tree.subjectHierarchyNode()
    node = scene.AddNewNodeByClass("vtkMRMLTextNode", "notes")
    told: list[int] = []
    tree.connect("currentItemChanged(vtkIdType)", told.append)

    study = hierarchy.CreateStudyItem(hierarchy.GetSceneItemID(), "study a3f9c1")
    item = hierarchy.CreateItem(study, node)
    tree.setCurrentItem(item)

    assert tree.topLevelItem(0).text(0) == "study a3f9c1"
    assert tree.topLevelItem(0).child(0).text(0) == "notes"
    assert tree.currentNode() is node
    assert told[-1] == item


def test_tree_shows_the_hierarchy_of_a_scene_that_was_closed(host: "Host") -> None:
    scene = host.slicer.mrmlScene
    tree = host.slicer.qMRMLSubjectHierarchyTreeView()
    tree.setMRMLScene(scene)
    tree.subjectHierarchyNode().CreateStudyItem(
        tree.subjectHierarchyNode().GetSceneItemID(), "before"
    )
    host.close_scene()
    after_close = tree.topLevelItemCount

    tree.subjectHierarchyNode().CreateStudyItem(
        tree.subjectHierarchyNode().GetSceneItemID(), "after"
    )

    assert after_close == 0
    assert [tree.topLevelItem(i).text(0) for i in range(tree.topLevelItemCount)] == ["after"]


def test_plot_is_a_frame_that_says_what_it_is_not(host: "Host") -> None:
    plot = host.slicer.qMRMLPlotWidget()
    view_node = host.slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotViewNode")

    plot.setMRMLPlotViewNode(view_node)

    assert plot.mrmlPlotViewNode() is view_node
    assert "in Slicer" in plot.findChild(host.qt.QLabel).text
