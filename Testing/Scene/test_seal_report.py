"""What sealing finds elsewhere, what it tells that it cannot change, and what it refuses."""

from pathlib import Path
from typing import Any

import pytest
from leakscan import scan
from Testing.Scene.conftest import VtkErrors
from Testing.Scene.made import add_ct, refusal_of, write_bundle
from Testing.Scene.planted_study import (
    BIRTH_DATE,
    CT_UIDS,
    PATIENT_ID,
    PATIENT_NAME,
    PSEUDONYM,
    add_address,
    add_protected,
    add_table,
    plant,
)
from Testing.Scene.sealed_study import LABEL, seal

from encryptsecurert_protocol.errors import ErrorCode
from EncryptSecureRTLib.scene.hierarchy import hierarchy_of
from EncryptSecureRTLib.scene.neutral import is_neutral
from EncryptSecureRTLib.scene.seal import seal_study
from EncryptSecureRTLib.scene.study import StudyState, study_state

# ---- what lies elsewhere


def test_other_patients_are_left_as_they_are(scene: Any) -> None:
    planted, other = plant(scene), add_protected(scene)
    tree = hierarchy_of(scene)
    tree.SetItemName(other.items["patient"], "Other^Planted")
    loose = add_ct(scene, name="a file of somebody")

    seal(planted)

    assert tree.GetItemName(other.items["patient"]) == "Other^Planted"
    assert other.nodes["ct"].GetName() == "2: Unnamed Series"
    assert loose.GetName() == "a file of somebody"


def test_identifying_words_elsewhere_are_taken_out_of_names_attributes_and_paths(
    scene: Any, tmp_path: Path
) -> None:
    planted = plant(scene)
    loose = add_ct(scene, name="copy of PLANTEDSON")
    loose.SetDescription(f"born {BIRTH_DATE}")
    loose.SetAttribute("Site.Patient", PATIENT_ID)
    loose.SetAttribute("Site.Other", "kept")
    loose.AddDefaultStorageNode()
    loose.GetStorageNode().SetFileName(f"/data/{PATIENT_ID}.nrrd")
    tree = hierarchy_of(scene)
    folder = tree.CreateFolderItem(tree.GetSceneItemID(), f"all of {PATIENT_NAME}")

    report = seal(planted)

    assert report.elsewhere == 2  # the volume and its storage node
    assert report.still_telling == 0
    assert is_neutral(loose.GetName())
    assert (loose.GetDescription(), loose.GetAttribute("Site.Patient")) == (None, None)
    assert loose.GetAttribute("Site.Other") == "kept"
    assert loose.GetStorageNode().GetFileName() == ""
    assert is_neutral(tree.GetItemName(folder))
    assert scan(write_bundle(scene, tmp_path), [PATIENT_ID, BIRTH_DATE, "Plantedson"]) == []


def test_content_that_somebody_wrote_is_told_and_left(scene: Any) -> None:
    planted = plant(scene)
    table = add_table(planted, f"{PATIENT_NAME}: 12 cc")
    text = scene.AddNewNodeByClass("vtkMRMLTextNode", "text a1b2c3")
    text.SetText("harmless")
    hierarchy_of(scene).CreateItem(planted.items["study"], text)

    report = seal(planted)

    assert (report.texts, report.still_telling) == (2, 1)
    assert table.GetCellText(0, 0) == f"{PATIENT_NAME}: 12 cc"
    assert is_neutral(table.GetName())


def test_sequence_elsewhere_loses_the_words_in_its_time_points(scene: Any) -> None:
    planted = plant(scene)
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "sequence a1b2c3")
    node = add_ct(scene, name=f"copy of {PATIENT_NAME}")
    sequence.SetDataNodeAtValue(node, "0")
    scene.RemoveNode(node)

    report = seal(planted)

    assert (report.elsewhere, report.still_telling) == (1, 0)
    assert is_neutral(sequence.GetNthDataNode(0).GetName())


def test_scene_view_that_still_tells_is_told(scene: Any, vtk_errors: VtkErrors) -> None:
    vtk_errors.expect("ResolveUnresolvedItems")  # of the copy of the hierarchy in the view
    planted = plant(scene)
    told, stored = (scene.AddNewNodeByClass("vtkMRMLSceneViewNode", "item") for _ in range(2))
    told.SetSceneViewDescription(f"as seen on {PATIENT_ID}")
    planted.nodes["ct"].GetDisplayNode().SetName(f"display of {PATIENT_NAME}")
    stored.StoreScene()

    assert seal(planted).still_telling == 2


def test_parameter_of_a_module_that_still_tells_is_told(scene: Any) -> None:
    planted = plant(scene)
    node = scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode", "item a1b2c3")
    node.SetParameter("patient", PATIENT_ID)

    assert seal(planted).still_telling == 1


# ---- what is told


class _Database:
    """A DICOM database that has the first two instances."""

    def fileForInstance(self, uid: str, /) -> str:  # noqa: N802 - the database's own name
        return f"/data/{uid}.dcm" if uid in CT_UIDS[:2] else ""


def test_report_counts_what_the_scene_cannot_reach(scene: Any) -> None:
    planted = plant(scene)
    add_address(planted)

    report = seal(planted, database=_Database())

    assert report.saved_files == 3  # two paths and an address
    assert report.instances_in_database == 2
    assert report.items == 8
    assert report.nodes > len(planted.nodes)


def test_without_a_database_to_ask_every_instance_may_be_in_it(scene: Any) -> None:
    assert seal(plant(scene)).instances_in_database == len(CT_UIDS)


def test_clear_names_are_given_to_the_panel_and_are_in_no_text(scene: Any) -> None:
    planted = plant(scene)

    report = seal(planted)

    needles = planted.needles
    assert report.clear_names[LABEL].startswith(needles["CT name"])
    assert report.clear_names["ROI_1"] == needles["segment name"]
    assert report.clear_names["ROI_2"] == needles["second segment name"]
    assert "Lung_L" not in report.clear_names
    assert not any(word in repr(report) for word in needles.values())


def test_undo_cannot_bring_names_back(scene: Any) -> None:
    scene.SetUndoOn()
    planted = plant(scene)
    planted.nodes["ct"].SetUndoEnabled(True)
    scene.SaveStateForUndo()
    planted.nodes["ct"].SetName("another name")
    before = scene.GetNumberOfUndoLevels()

    seal(planted)

    assert (before > 0, scene.GetNumberOfUndoLevels()) == (True, 0)


def test_sealing_again_changes_no_name_and_no_given_uid(scene: Any) -> None:
    planted = plant(scene)
    seal(planted)
    names = {place: node.GetName() for place, node in planted.nodes.items()}
    uids = planted.nodes["ct"].GetAttribute("DICOM.instanceUIDs")

    report = seal(planted)

    assert {place: node.GetName() for place, node in planted.nodes.items()} == names
    assert planted.nodes["ct"].GetAttribute("DICOM.instanceUIDs") == uids
    assert dict(report.clear_names) == {}
    assert (report.elsewhere, report.still_telling) == (0, 0)


def test_volume_without_a_study_is_sealed_alone(scene: Any) -> None:
    ct = add_ct(scene, name="Planted name")
    ct.SetAttribute("DICOM.instanceUIDs", "1.2.840.113619.2.55.1")

    report = seal_study(ct, {}, PSEUDONYM, LABEL)

    assert ct.GetName() == LABEL
    assert study_state(ct) is StudyState.PROTECTED
    assert (report.items, report.random_uids) == (0, 1)


@pytest.mark.parametrize(
    ("uids", "pseudonym", "label"),
    [
        ({"1.2.3.4": "1.2.3.5"}, PSEUDONYM, LABEL),
        ({}, "Planted^Name", LABEL),
        ({}, PSEUDONYM, "CT of Planted"),
        ({}, PSEUDONYM, ""),
    ],
)
def test_stand_ins_of_another_form_are_refused_and_nothing_changes(
    scene: Any, uids: dict[str, str], pseudonym: str, label: str
) -> None:
    planted = plant(scene)
    name = planted.nodes["ct"].GetName()

    with refusal_of(ErrorCode.E_PARAMETERS):
        seal_study(planted.nodes["ct"], uids, pseudonym, label)

    assert planted.nodes["ct"].GetName() == name
    assert study_state(planted.nodes["ct"]) is StudyState.CLEAR


def test_failure_in_the_middle_leaves_no_batch_open(
    scene: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = plant(scene)

    def full(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("EncryptSecureRTLib.scene.seal.clean_node", full)

    with pytest.raises(MemoryError):
        seal(planted)
    assert not scene.IsBatchProcessing()
