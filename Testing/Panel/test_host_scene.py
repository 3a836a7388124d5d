"""The host's scene is Slicer's: logics work together, bundles are written and read."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from Testing.host.load import Host


def test_bundle_written_by_the_scene_is_read_by_it(host: "Host", tmp_path: Path) -> None:
    scene, path = host.slicer.mrmlScene, tmp_path / "case.mrb"
    voxels = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    host.slicer.util.addVolumeFromArray(voxels, name="CT 1")
    messages = host.slicer.vtkMRMLMessageCollection()

    written = scene.WriteToMRB(str(path), None, messages)
    host.close_scene()
    read = scene.ReadFromMRB(str(path), True, messages)

    volume = host.slicer.util.getNode("CT 1")
    assert written
    assert read
    assert np.array_equal(host.slicer.util.arrayFromVolume(volume), voxels)


def test_data_node_gets_no_hierarchy_item_by_itself(host: "Host") -> None:
    scene = host.slicer.mrmlScene
    hierarchy = host.slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    node = scene.AddNewNodeByClass("vtkMRMLTextNode", "notes")
    before = hierarchy.GetItemByDataNode(node)

    item = hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)

    assert before == hierarchy.GetInvalidItemID()
    assert hierarchy.GetItemByDataNode(node) == item


def test_every_logic_is_in_slicer_modules_and_knows_the_scene(host: "Host") -> None:
    for name in ("segmentations", "volumes", "terminologies", "subjecthierarchy", "colors"):
        logic = getattr(host.slicer.modules, name).logic()
        assert logic.GetMRMLScene() is host.slicer.mrmlScene
        assert host.slicer.util.getModuleLogic(name) is logic
