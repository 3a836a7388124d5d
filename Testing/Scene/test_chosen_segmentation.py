"""Structures loaded into a segmentation node that the user chose: filled, or left as it was."""

from typing import Any

import numpy as np
import pytest
from Testing.Scene.made import (
    CT_SHAPE,
    add_ct,
    add_linear_transform,
    add_segments,
    put_under,
    to_the_end,
)

from EncryptSecureRTLib.scene.hierarchy import hierarchy_of, item_of
from EncryptSecureRTLib.scene.mrml import slicer
from EncryptSecureRTLib.scene.neutral import ref_of
from EncryptSecureRTLib.scene.segmentations import DisplaySegment, load_segments


def _body() -> list[DisplaySegment]:
    mask = np.ones(CT_SHAPE, np.uint8)
    return [
        DisplaySegment(
            key="body", label="External", rgb=(90, 160, 255), offset_kji=(0, 0, 0), mask=mask
        )
    ]


def _empty_node(scene: Any) -> Any:
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Organs at risk")
    node.CreateDefaultDisplayNodes()
    return node


def test_a_chosen_empty_node_is_filled_keeps_its_name_and_goes_beside_the_ct(scene: Any) -> None:
    ct, chosen = add_ct(scene), _empty_node(scene)
    tree = hierarchy_of(scene)
    study = tree.CreateStudyItem(tree.GetSceneItemID(), "study a3f9c1")
    tree.CreateItem(study, ct)

    node = add_segments(ct, _body(), into=chosen)

    assert node is chosen
    assert node.GetName() == "Organs at risk"
    assert slicer.util.arrayFromSegmentBinaryLabelmap(node, "body", ct).all()
    assert tree.GetItemParent(item_of(node)) == study
    assert node.GetNumberOfDisplayNodes() == 1
    assert ref_of(node) is not None


def test_a_chosen_node_that_got_contents_in_the_meantime_is_not_overwritten(scene: Any) -> None:
    ct, chosen = add_ct(scene), _empty_node(scene)
    loading = load_segments(ct, _body(), into=chosen)
    next(loading)
    chosen.GetSegmentation().AddEmptySegment("mine")

    node = to_the_end(loading)

    assert node is not chosen
    assert list(chosen.GetSegmentation().GetSegmentIDs()) == ["mine"]


def test_a_chosen_node_that_was_removed_in_the_meantime_loses_no_result(scene: Any) -> None:
    ct, chosen = add_ct(scene), _empty_node(scene)
    loading = load_segments(ct, _body(), into=chosen)
    next(loading)
    scene.RemoveNode(chosen)

    node = to_the_end(loading)

    assert node is not chosen
    assert node.GetScene() is scene


def test_a_chosen_node_is_empty_again_when_it_cannot_be_placed(
    scene: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ct, chosen = add_ct(scene), _empty_node(scene)
    put_under(ct, add_linear_transform(scene, np.eye(4)))

    def full(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("EncryptSecureRTLib.scene.segmentations.place_beside", full)
    with pytest.raises(MemoryError):
        add_segments(ct, _body(), into=chosen)

    assert chosen.GetScene() is scene
    assert chosen.GetSegmentation().GetNumberOfSegments() == 0
    assert chosen.GetTransformNodeID() is None
