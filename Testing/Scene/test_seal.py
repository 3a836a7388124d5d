"""Sealing a study: a saved bundle has every planted word before, and none of them after."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from Testing.Scene.made import numbered, read_bundle, write_bundle
from Testing.Scene.planted_study import (
    CT_UIDS,
    FRAME_UID,
    PSEUDONYM,
    SERIES_UID,
    STUDY_UID,
    add_address,
    add_sequence,
    plant,
)
from Testing.Scene.sealed_study import LABEL, UIDS, found_in, seal

from EncryptSecureRTLib.scene.hierarchy import hierarchy_of, item_of
from EncryptSecureRTLib.scene.mrml import slicer
from EncryptSecureRTLib.scene.neutral import is_mapped_uid, is_neutral
from EncryptSecureRTLib.scene.study import StudyState, study_state


def _segments(node: Any) -> list[tuple[str, str]]:
    segmentation = node.GetSegmentation()
    return [(i, segmentation.GetSegment(i).GetName()) for i in segmentation.GetSegmentIDs()]


# ---- the bar


def test_bundle_has_every_planted_word_before_and_none_after(scene: Any, tmp_path: Path) -> None:
    planted = plant(scene)
    (tmp_path / "before").mkdir()
    (tmp_path / "after").mkdir()

    before = found_in(write_bundle(scene, tmp_path / "before"), planted)
    report = seal(planted)
    after = found_in(write_bundle(scene, tmp_path / "after"), planted)

    unsaved = {"file path", "second file path"}  # a bundle has paths of its own
    assert before | unsaved == set(planted.needles)
    assert after == set()
    assert report.still_telling == 0


def test_bundle_with_a_sequence_has_no_word_of_its_time_points_after(
    scene: Any, tmp_path: Path
) -> None:
    planted = plant(scene)
    add_sequence(planted)
    (tmp_path / "before").mkdir()

    before = found_in(write_bundle(scene, tmp_path / "before"), planted)
    seal(planted)
    after = found_in(write_bundle(scene, tmp_path), planted)

    assert {"sequence name", "browser name", "note of time point 0"} <= before
    assert after == set()


def test_plain_scene_file_has_no_path_either(scene: Any, tmp_path: Path) -> None:
    planted = plant(scene)
    add_address(planted)
    scene.SetRootDirectory(str(tmp_path))

    scene.Commit(str(tmp_path / "before.mrml"))
    before = found_in(tmp_path / "before.mrml", planted)
    seal(planted)
    scene.Commit(str(tmp_path / "after.mrml"))

    assert {"file path", "second file path", "address", "storage name"} <= before
    assert found_in(tmp_path / "after.mrml", planted) == set()


def test_state_is_clear_before_and_protected_after(scene: Any) -> None:
    planted = plant(scene)

    before = study_state(planted.nodes["ct"])
    seal(planted)

    assert (before, study_state(planted.nodes["ct"])) == (StudyState.CLEAR, StudyState.PROTECTED)
    assert study_state(planted.nodes["dose"]) is StudyState.PROTECTED


def test_sealed_scene_is_still_sealed_when_it_is_loaded_again(scene: Any, tmp_path: Path) -> None:
    planted = plant(scene)
    seal(planted)

    read_bundle(scene, write_bundle(scene, tmp_path))

    ct = scene.GetFirstNodeByName(LABEL)
    assert study_state(ct) is StudyState.PROTECTED
    assert np.array_equal(slicer.util.arrayFromVolume(ct), numbered())
    segmentation = scene.GetFirstNodeByClass("vtkMRMLSegmentationNode")
    assert [name for _, name in _segments(segmentation)] == ["ROI_1", "Lung_L", "ROI_2"]


# ---- what stays


def test_voxels_of_volumes_and_segments_stay(scene: Any) -> None:
    planted = plant(scene)
    ct, node = planted.nodes["ct"], planted.nodes["segmentation"]
    before = [
        slicer.util.arrayFromSegmentBinaryLabelmap(node, segment_id, ct)
        for segment_id, _ in _segments(node)
    ]

    seal(planted)

    after = [
        slicer.util.arrayFromSegmentBinaryLabelmap(node, segment_id, ct)
        for segment_id, _ in _segments(node)
    ]
    assert np.array_equal(slicer.util.arrayFromVolume(ct), numbered())
    assert all(mask.any() for mask in before)
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))


def test_segments_that_share_a_labelmap_share_one_after(scene: Any) -> None:
    planted = plant(scene)
    segmentation = planted.nodes["segmentation"].GetSegmentation()
    segmentation.CollapseBinaryLabelmaps(False)
    before = segmentation.GetNumberOfLayers()

    seal(planted)

    assert (before, segmentation.GetNumberOfLayers()) == (1, 1)


def test_label_values_of_segments_stay(scene: Any) -> None:
    planted = plant(scene)
    node, ct = planted.nodes["segmentation"], planted.nodes["ct"]
    first_id, _ = _segments(node)[0]
    slicer.util.arrayFromSegmentInternalBinaryLabelmap(node, first_id)[:] *= 3
    node.GetSegmentation().GetSegment(first_id).SetLabelValue(3)
    before = slicer.util.arrayFromSegmentBinaryLabelmap(node, first_id, ct)

    seal(planted)

    after = slicer.util.arrayFromSegmentBinaryLabelmap(node, _segments(node)[0][0], ct)
    assert before.any()
    assert np.array_equal(before, after)


def test_display_keeps_nothing_of_the_old_ids(scene: Any, tmp_path: Path) -> None:
    planted = plant(scene)
    planted.nodes["segmentation"].GetDisplayNode().SetRemoveUnusedDisplayProperties(False)

    seal(planted)

    assert found_in(write_bundle(scene, tmp_path), planted) == set()


def test_surfaces_of_segments_stay(scene: Any) -> None:
    planted = plant(scene)
    node = planted.nodes["segmentation"]
    node.CreateClosedSurfaceRepresentation()
    before = [
        node.GetClosedSurfaceInternalRepresentation(i).GetNumberOfPoints()
        for i, _ in _segments(node)
    ]

    seal(planted)

    after = [
        node.GetClosedSurfaceInternalRepresentation(i).GetNumberOfPoints()
        for i, _ in _segments(node)
    ]
    assert min(before) > 0
    assert before == after


def test_segments_whose_source_is_a_surface_stay(scene: Any, tmp_path: Path) -> None:
    planted = plant(scene)
    node = planted.nodes["segmentation"]
    node.CreateClosedSurfaceRepresentation()
    node.SetSourceRepresentationToClosedSurface()
    (tmp_path / "before").mkdir()

    before = found_in(write_bundle(scene, tmp_path / "before"), planted)
    seal(planted)
    after = found_in(write_bundle(scene, tmp_path), planted)

    assert {"segment name", "segment id", "segment tag"} <= before
    assert after == set()
    assert all(
        node.GetClosedSurfaceInternalRepresentation(i).GetNumberOfPoints()
        for i, _ in _segments(node)
    )


def test_segments_keep_order_colour_status_and_how_they_are_shown(scene: Any) -> None:
    planted = plant(scene)
    node = planted.nodes["segmentation"]

    seal(planted)

    segmentation, display = node.GetSegmentation(), node.GetDisplayNode()
    first, second, third = (i for i, _ in _segments(node))
    assert [display.GetSegmentVisibility(i) for i in (first, second, third)] == [False, True, True]
    assert display.GetSegmentOpacity3D(third) == 0.25
    assert segmentation.GetSegment(third).GetColor() == pytest.approx((0.1, 0.2, 0.2))
    status = slicer.vtkSlicerSegmentationsModuleLogic.GetSegmentStatus(
        segmentation.GetSegment(third)
    )
    assert status == slicer.vtkSlicerSegmentationsModuleLogic.Completed


def test_points_and_transforms_stay_where_they_are(scene: Any) -> None:
    planted = plant(scene)

    seal(planted)

    landmarks, ct = planted.nodes["landmarks"], planted.nodes["ct"]
    assert slicer.util.arrayFromMarkupsControlPoints(landmarks).tolist() == [[1.0, 2.0, 3.0]]
    assert landmarks.GetNthControlPointLabel(0) == "F-1"
    assert is_neutral(ct.GetParentTransformNode().GetName())


def test_units_of_the_dose_and_of_the_ct_stay_with_the_words_of_the_standard(scene: Any) -> None:
    planted = plant(scene)

    seal(planted)

    tree, ct = hierarchy_of(scene), planted.nodes["ct"]
    study = planted.items["study"]
    assert tree.GetItemAttribute(study, "DicomRtImport.DoseUnitName") == "GY"
    assert tree.GetItemAttribute(study, "DicomRtImport.DoseUnitValue") == "1.0"
    assert planted.nodes["dose"].GetAttribute("DicomRtImport.DoseVolume") == "1"
    assert ct.GetVoxelValueUnits().GetCodeMeaning() == "Hounsfield unit"
    assert ct.GetVoxelValueQuantity() is None


# ---- what changes


def test_names_are_neutral_and_say_what_a_node_is(scene: Any) -> None:
    planted = plant(scene)

    seal(planted)

    names = {place: node.GetName() for place, node in planted.nodes.items()}
    assert names["ct"] == LABEL
    assert names["dose"].startswith("dose ")
    assert names["segmentation"].startswith("segmentation ")
    assert all(is_neutral(name) for name in names.values())


def test_items_of_patient_and_study_have_pseudonym_and_neutral_name(scene: Any) -> None:
    planted = plant(scene)

    seal(planted)

    tree, patient = hierarchy_of(scene), planted.items["patient"]
    attributes = {
        name: tree.GetItemAttribute(patient, name) for name in tree.GetItemAttributeNames(patient)
    }
    assert tree.GetItemName(patient) == tree.GetItemUID(patient, "DICOM") == PSEUDONYM
    assert attributes == {
        "Level": "Patient",
        "DICOM.PatientName": PSEUDONYM,
        "DICOM.PatientID": PSEUDONYM,
    }
    assert tree.GetItemName(planted.items["study"]).startswith("study ")
    assert tree.GetItemParent(item_of(planted.nodes["ct"])) == planted.items["folder"]


def test_uids_are_the_given_ones_and_references_stay_references(scene: Any) -> None:
    planted = plant(scene)

    report = seal(planted)

    tree, items = hierarchy_of(scene), planted.items
    instances = " ".join(UIDS[uid] for uid in CT_UIDS)
    assert planted.nodes["ct"].GetAttribute("DICOM.instanceUIDs") == instances
    assert tree.GetItemUID(items["ct"], "DICOMInstanceUID") == instances
    assert tree.GetItemAttribute(items["dose"], "DICOM.ReferencedInstanceUIDs") == instances
    assert tree.GetItemUID(items["study"], "DICOM") == UIDS[STUDY_UID]
    assert tree.GetItemAttribute(items["study"], "DICOM.StudyInstanceUID") == UIDS[STUDY_UID]
    assert tree.GetItemUID(items["ct"], "DICOM") == UIDS[SERIES_UID]
    assert tree.GetItemAttribute(items["ct"], "DICOM.FrameOfReferenceUID") == UIDS[FRAME_UID]
    # The dose's series and its study were not in the mapping.
    assert report.random_uids == 2
    assert is_mapped_uid(tree.GetItemUID(items["dose"], "DICOM"))


def test_names_of_structures_become_pseudo_labels_unless_they_are_standard(scene: Any) -> None:
    planted = plant(scene)

    seal(planted)

    segments = _segments(planted.nodes["segmentation"])
    colours = planted.nodes["colours"]
    assert segments == [("ROI_1", "ROI_1"), ("Lung_L", "Lung_L"), ("Segment_3", "ROI_2")]
    # The colour table names the same structure by the same label.
    assert [colours.GetColorName(n) for n in range(2)] == ["ROI_3", "ROI_1"]
    assert planted.nodes["editor"].GetSelectedSegmentID() == "ROI_1"


def test_pseudo_labels_go_on_where_those_in_the_scene_end(scene: Any) -> None:
    planted = plant(scene)
    segmentation = planted.nodes["segmentation"].GetSegmentation()
    segmentation.AddEmptySegment("ROI_7", "ROI_7")

    seal(planted)

    names = [name for _, name in _segments(planted.nodes["segmentation"])]
    assert names == ["ROI_8", "Lung_L", "ROI_9", "ROI_7"]


def test_sequence_that_shows_the_volume_is_sealed_with_all_its_time_points(scene: Any) -> None:
    planted = plant(scene)
    sequence = add_sequence(planted)

    seal(planted)

    names = [sequence.GetNthDataNode(n).GetName() for n in range(2)]
    assert all(is_neutral(name) for name in [sequence.GetName(), *names])
