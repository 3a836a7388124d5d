"""Structures loaded onto a CT: voxel by voxel, with names, codes and colours, or not at all."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from Testing.Scene.made import (
    AXIAL,
    CT_SHAPE,
    Array,
    add_bending_transform,
    add_ct,
    add_linear_transform,
    add_segments,
    matrix_of,
    put_under,
    refusal_of,
    rotation,
)

from encryptsecurert_protocol.errors import ErrorCode
from EncryptSecureRTLib.scene.hierarchy import hierarchy_of, item_of
from EncryptSecureRTLib.scene.mrml import slicer
from EncryptSecureRTLib.scene.neutral import ref_of
from EncryptSecureRTLib.scene.segmentations import DisplaySegment, load_segments

MIRRORED = AXIAL @ np.diag([1.0, 1.0, -1.0, 1.0])


def _segment(
    key: str = "lung_left",
    label: str = "Lung_L",
    offset_kji: tuple[int, int, int] = (1, 2, 0),
    mask: Array | None = None,
) -> DisplaySegment:
    filled = np.array([[[1, 0], [1, 1]], [[0, 1], [1, 1]]], np.uint8) if mask is None else mask
    return DisplaySegment(
        key=key, label=label, rgb=(90, 160, 255), offset_kji=offset_kji, mask=filled
    )


def _three() -> list[DisplaySegment]:
    return [
        _segment("body", "External", (0, 0, 0), np.ones(CT_SHAPE, np.uint8)),
        _segment(),
        _segment("skeleton", "Bone", (5, 4, 3), np.ones((1, 1, 1), np.uint8)),
    ]


def _full(segment: DisplaySegment) -> Array:
    whole = np.zeros(CT_SHAPE, np.uint8)
    place = tuple(
        slice(offset, offset + size)
        for offset, size in zip(segment.offset_kji, segment.mask.shape, strict=True)
    )
    whole[place] = segment.mask != 0
    return whole


def _voxels(node: Any, key: str, ct: Any) -> Array:
    voxels: Array = slicer.util.arrayFromSegmentBinaryLabelmap(node, key, ct)
    return voxels


def _everything(scene: Any) -> set[str]:
    return {scene.GetNthNode(n).GetID() for n in range(scene.GetNumberOfNodes())}


# ---- what is loaded


def test_every_voxel_of_every_segment_is_where_it_belongs(scene: Any) -> None:
    ct = add_ct(scene)

    node = add_segments(ct, _three())

    for segment in _three():
        assert np.array_equal(_voxels(node, segment.key, ct), _full(segment)), segment.label


def test_oblique_ct_makes_no_difference(scene: Any) -> None:
    oblique = matrix_of(rotation((20, -35, 50)), (0.7, 0.9, 3.1), np.array([12.5, -80.2, 40.0]))
    ct = add_ct(scene, matrix=oblique)

    node = add_segments(ct, _three())

    assert np.array_equal(_voxels(node, "lung_left", ct), _full(_segment()))


def test_mask_of_a_volume_that_was_sent_with_its_slices_reversed_is_turned_back(
    scene: Any,
) -> None:
    ct = add_ct(scene, matrix=MIRRORED)

    node = add_segments(ct, _three(), slices_reversed=True)

    assert np.array_equal(_voxels(node, "lung_left", ct), _full(_segment())[::-1])


def test_segments_have_names_colours_and_ids(scene: Any) -> None:
    segmentation = add_segments(add_ct(scene), _three()).GetSegmentation()

    lung = segmentation.GetSegment("lung_left")
    assert list(segmentation.GetSegmentIDs()) == ["body", "lung_left", "skeleton"]
    assert lung.GetName() == "Lung_L"
    assert np.rint(np.multiply(lung.GetColor(), 255)).tolist() == [90, 160, 255]


def test_codes_are_snomed_ct_and_not_slicers_default(scene: Any) -> None:
    segmentation = add_segments(add_ct(scene), _three()).GetSegmentation()

    assert segmentation.GetSegment("lung_left").GetTerminology() == (
        "EncryptSecureRT structures~SCT^91723000^Anatomical Structure~SCT^39607008^Lung"
        "~SCT^7771000^Left~~^^~^^"
    )
    assert "SCT^38266002^Entire body~^^" in segmentation.GetSegment("body").GetTerminology()


def test_node_is_named_after_the_ct_and_numbered_if_the_name_is_taken(scene: Any) -> None:
    ct = add_ct(scene)

    names = [add_segments(ct, [_segment()]).GetName() for _ in range(3)]

    assert names[0] == "CT a3f9c1 segmentation"
    assert len(set(names)) == 3
    assert all(name.startswith("CT a3f9c1 segmentation_") for name in names[1:])


def test_node_refers_to_the_ct_and_stands_beside_it(scene: Any) -> None:
    ct = add_ct(scene)
    tree = hierarchy_of(scene)
    study = tree.CreateStudyItem(tree.GetSceneItemID(), "study a3f9c1")
    tree.CreateItem(study, ct)

    node = add_segments(ct, [_segment()])

    role = node.GetReferenceImageGeometryReferenceRole()
    assert node.GetNodeReference(role) is ct
    assert tree.GetItemParent(item_of(node)) == study
    assert node.GetDisplayNode() is not None
    assert ref_of(node) is not None


def test_surfaces_are_made_only_when_asked_for(scene: Any) -> None:
    ct = add_ct(scene)

    plain = add_segments(ct, _three())
    solid = add_segments(ct, _three(), closed_surface=True)

    assert not plain.GetSegmentation().ContainsRepresentation("Closed surface")
    assert solid.GetSegmentation().ContainsRepresentation("Closed surface")


@pytest.mark.parametrize("mask", [np.zeros((0, 0, 0), np.uint8), np.zeros((2, 2, 2), np.uint8)])
def test_empty_mask_becomes_an_empty_segment(scene: Any, mask: Array) -> None:
    ct = add_ct(scene)

    node = add_segments(ct, [_segment(mask=mask, offset_kji=(0, 0, 0)), *_three()[:1]])

    assert node.GetSegmentation().GetNumberOfSegments() == 2
    assert not _voxels(node, "lung_left", ct).any()
    assert _voxels(node, "body", ct).all()


def test_ct_whose_extent_does_not_begin_at_zero_gets_its_segments_in_place(scene: Any) -> None:
    ct = add_ct(scene)
    ct.GetImageData().SetExtent(2, 5, 10, 14, -3, 2)

    node = add_segments(ct, [_segment()])

    labelmap = node.GetBinaryLabelmapInternalRepresentation("lung_left")
    assert labelmap.GetExtent() == (2, 3, 12, 13, -2, -1)


# ---- transforms: the mask stays on the CT


def test_segmentation_follows_the_transform_of_its_ct(scene: Any) -> None:
    ct = add_ct(scene)
    turn = matrix_of(rotation((0, 0, 30)), (1, 1, 1), np.array([5.0, 6.0, 7.0]))
    transform = add_linear_transform(scene, turn)
    put_under(ct, transform)

    node = add_segments(ct, [_segment(offset_kji=(2, 3, 1), mask=np.ones((1, 1, 1), np.uint8))])

    assert node.GetParentTransformNode() is transform
    assert np.argwhere(_voxels(node, "lung_left", ct)).tolist() == [[2, 3, 1]]
    centre_ras = np.array(node.GetSegmentCenterRAS("lung_left"))
    assert centre_ras == pytest.approx((turn @ AXIAL @ (1, 3, 2, 1))[:3], abs=1e-6)


def test_segmentation_stays_on_the_ct_when_the_transform_changes_or_goes(scene: Any) -> None:
    ct = add_ct(scene)
    transform = add_linear_transform(scene, np.eye(4))
    put_under(ct, transform)
    node = add_segments(ct, [_segment()])

    transform.SetMatrixTransformToParent(
        slicer.util.vtkMatrixFromArray(matrix_of(np.eye(3), (1, 1, 1), np.array([50.0, 0, 0])))
    )

    assert np.array_equal(_voxels(node, "lung_left", ct), _full(_segment()))
    scene.RemoveNode(transform)
    assert np.array_equal(_voxels(node, "lung_left", ct), _full(_segment()))


def test_ct_that_was_bent_after_it_was_sent_still_takes_its_segments(scene: Any) -> None:
    ct = add_ct(scene)
    put_under(ct, add_bending_transform(scene))

    node = add_segments(ct, [_segment()])

    assert node.GetParentTransformNode() is ct.GetParentTransformNode()
    labelmap = node.GetBinaryLabelmapInternalRepresentation("lung_left")
    assert labelmap.GetExtent() == (0, 1, 2, 3, 1, 2)


# ---- one by one, and not at all


def test_caller_gets_a_turn_after_each_segment_and_sees_no_half_made_node(scene: Any) -> None:
    ct = add_ct(scene)
    before = _everything(scene)
    seen = []

    loading = load_segments(ct, _three())
    for count in loading:
        seen.append((count, _everything(scene) == before, scene.IsBatchProcessing()))

    assert seen == [(1, True, False), (2, True, False), (3, True, False)]
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 1
    assert not scene.IsBatchProcessing()


@pytest.mark.parametrize("after", [0, 1, 2, 3])
def test_closing_the_loading_leaves_the_scene_as_it_was(scene: Any, after: int) -> None:
    ct = add_ct(scene)
    before = _everything(scene)
    loading = load_segments(ct, _three())
    for _ in range(after):
        next(loading)

    loading.close()

    assert _everything(scene) == before
    assert not scene.IsBatchProcessing()


def test_error_of_the_source_leaves_the_scene_as_it_was(scene: Any) -> None:
    ct = add_ct(scene)
    before = _everything(scene)

    def broken() -> Iterator[DisplaySegment]:
        yield _segment()
        raise RuntimeError("the file ended")

    with pytest.raises(RuntimeError):
        add_segments(ct, broken())

    assert _everything(scene) == before


def test_failure_in_the_last_step_removes_what_that_step_made(
    scene: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ct = add_ct(scene)
    before = _everything(scene)

    def full(*_: object) -> int:
        raise MemoryError

    monkeypatch.setattr("EncryptSecureRTLib.scene.segmentations.place_beside", full)

    with pytest.raises(MemoryError):
        add_segments(ct, _three())

    assert _everything(scene) == before
    assert not scene.IsBatchProcessing()


def test_ct_that_leaves_the_scene_in_the_meantime_ends_the_loading(scene: Any) -> None:
    ct = add_ct(scene)
    loading = load_segments(ct, _three())
    next(loading)

    scene.RemoveNode(ct)

    with refusal_of(ErrorCode.E_CANCELLED):
        list(loading)
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0


def test_scene_that_is_closed_in_the_meantime_ends_the_loading(scene: Any) -> None:
    loading = load_segments(add_ct(scene), _three())
    next(loading)

    scene.Clear(False)

    with refusal_of(ErrorCode.E_CANCELLED):
        list(loading)
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0


@pytest.mark.parametrize("offset", [(5, 2, 0), (1, 4, 0), (1, 2, 3)])
def test_mask_that_reaches_beyond_the_ct_is_refused(
    scene: Any, offset: tuple[int, int, int]
) -> None:
    ct = add_ct(scene)

    with refusal_of(ErrorCode.E_GEOMETRY):
        add_segments(ct, [_segment(offset_kji=offset)])
    assert add_segments(ct, [_segment(offset_kji=(4, 3, 2))]) is not None


def test_structure_that_comes_twice_is_refused(scene: Any) -> None:
    with refusal_of(ErrorCode.E_RESULT):
        add_segments(add_ct(scene), [_segment(), _segment()])


def test_ct_without_voxels_is_refused(scene: Any) -> None:
    ct = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT a3f9c1")

    with refusal_of(ErrorCode.E_GEOMETRY):
        add_segments(ct, [_segment()])


def test_name_that_is_not_in_the_terminology_cannot_enter_the_scene() -> None:
    with refusal_of(ErrorCode.E_VERSION):
        _segment(label="Planted^Name")


@pytest.mark.parametrize(
    "change",
    [
        {"key": "Planted Name"},
        {"key": ""},
        {"rgb": (0, 0, 256)},
        {"rgb": (0, 0)},
        {"offset_kji": (-1, 0, 0)},
        {"mask": np.zeros((2, 2), np.uint8)},
        {"mask": np.zeros((2, 2, 2), np.int16)},
    ],
)
def test_malformed_segment_cannot_be_made(change: dict[str, Any]) -> None:
    good: dict[str, Any] = {
        "key": "lung_left",
        "label": "Lung_L",
        "rgb": (0, 0, 0),
        "offset_kji": (0, 0, 0),
        "mask": np.zeros((2, 2, 2), np.uint8),
    }

    assert DisplaySegment(**good).label == "Lung_L"
    with refusal_of(ErrorCode.E_RESULT):
        DisplaySegment(**good | change)


_size = st.integers(1, 3)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(data=st.data(), size=st.tuples(_size, _size, _size), reverse=st.booleans())
def test_any_mask_at_any_place_is_read_back_as_it_was(
    scene: Any, data: st.DataObject, size: tuple[int, int, int], reverse: bool
) -> None:
    ct = add_ct(scene)
    offset = tuple(
        data.draw(st.integers(0, whole - part)) for whole, part in zip(CT_SHAPE, size, strict=True)
    )
    bits = data.draw(st.binary(min_size=27, max_size=27))
    mask = (np.frombuffer(bits, np.uint8)[: np.prod(size)].reshape(size) % 3).astype(np.uint8)
    segment = _segment(offset_kji=(offset[0], offset[1], offset[2]), mask=mask)

    node = add_segments(ct, [segment], slices_reversed=reverse)

    expected = _full(segment)[::-1] if reverse else _full(segment)
    assert np.array_equal(_voxels(node, "lung_left", ct), expected)
    scene.Clear(False)
