"""The action "Segment in TEE" in the Data module: offered for volumes, and it starts nothing."""

import importlib.util
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from Testing.Panel.bench import PanelBench


@pytest.fixture
def plugin(bench: "PanelBench") -> Any:
    from EncryptSecureRTLib.panel.startup import PLUGIN_FILE

    spec = importlib.util.spec_from_file_location(PLUGIN_FILE.stem, PLUGIN_FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    half = bench.host.qt.QObject()
    return getattr(module, PLUGIN_FILE.stem)(half)


def _item(bench: "PanelBench", node: Any) -> int:
    slicer = bench.host.slicer
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    return int(tree.CreateItem(tree.GetSceneItemID(), node))


def test_the_action_is_offered_for_a_volume_and_for_nothing_else(
    bench: "PanelBench", plugin: Any
) -> None:
    (action,) = plugin.itemContextMenuActions()
    volume = bench.add_volume(np.zeros((2, 3, 4), np.int16))
    slicer = bench.host.slicer
    labels = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    model = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode", "model")

    shown = {}
    for node in (volume, labels, model):
        plugin.showContextMenuActionsForItem(_item(bench, node))
        shown[node.GetClassName()] = bool(action.visible)

    assert shown == {
        "vtkMRMLScalarVolumeNode": True,
        "vtkMRMLLabelMapVolumeNode": False,
        "vtkMRMLModelNode": False,
    }
    plugin.showContextMenuActionsForItem(0)
    assert not action.visible


def test_a_volume_that_is_chosen_so_is_the_ct_and_nothing_is_started(bench: "PanelBench") -> None:
    volume = bench.add_volume(np.zeros((2, 3, 4), np.int16))

    bench.panel.choose_ct(volume)

    assert bench.named("ctSelector").currentNode() is volume
    assert bench.phase == "unconfigured"
    assert bench.children() == []
