"""Whether a volume's study tells whose it is: one thing at a time, and each has its twin."""

from collections.abc import Callable
from typing import Any

import pytest
from Testing.Scene.made import add_ct
from Testing.Scene.planted_study import Planted, add_protected, plant

from EncryptSecureRTLib.scene.hierarchy import hierarchy_of
from EncryptSecureRTLib.scene.study import StudyState, study_state


def test_volume_without_a_study_says_nothing(scene: Any) -> None:
    assert study_state(add_ct(scene, name="somebody's file")) is StudyState.NONE


def test_volume_in_a_folder_that_is_no_study_says_nothing(scene: Any) -> None:
    tree, ct = hierarchy_of(scene), add_ct(scene)
    tree.CreateItem(tree.CreateFolderItem(tree.GetSceneItemID(), "somebody's folder"), ct)

    assert study_state(ct) is StudyState.NONE


def test_protected_study_is_known(scene: Any) -> None:
    assert study_state(add_protected(scene).nodes["ct"]) is StudyState.PROTECTED


def test_study_with_patient_data_is_clear(scene: Any) -> None:
    assert study_state(plant(scene).nodes["ct"]) is StudyState.CLEAR


def test_volume_with_uids_and_no_study_is_judged_by_them(scene: Any) -> None:
    clear, mapped = add_ct(scene), add_ct(scene)
    clear.SetAttribute("DICOM.instanceUIDs", "1.2.840.113619.2.55.1 1.2.840.113619.2.55.2")
    mapped.SetAttribute("DICOM.instanceUIDs", "2.25.1 2.25.2")

    assert study_state(clear) is StudyState.CLEAR
    assert study_state(mapped) is StudyState.PROTECTED


def _name(item: str, name: str) -> Callable[[Planted], None]:
    return lambda study: hierarchy_of(study.scene).SetItemName(study.items[item], name)


def _attribute(item: str, name: str, value: str) -> Callable[[Planted], None]:
    return lambda s: hierarchy_of(s.scene).SetItemAttribute(s.items[item], name, value)


def _uid(item: str, value: str, name: str = "DICOM") -> Callable[[Planted], None]:
    return lambda study: hierarchy_of(study.scene).SetItemUID(study.items[item], name, value)


TELLING = {
    "name of the patient": _name("patient", "Planted^Name"),
    "name of the study": _name("study", "CT Thorax (20260102)"),
    "name of the volume": _name("ct", "2: Thorax of Planted"),
    "date in the study's name": _name("study", "No study description (20260102)"),
    "patient's name": _attribute("patient", "DICOM.PatientName", "Planted^Name"),
    "patient's number": _attribute("patient", "DICOM.PatientID", "4711"),
    "patient's short number": _attribute("patient", "DICOM.PatientID", "12"),
    "birth date": _attribute("patient", "DICOM.PatientBirthDate", "19580412"),
    "sex": _attribute("patient", "DICOM.PatientSex", "F"),
    "comment": _attribute("patient", "DICOM.PatientComments", "likes cats"),
    "study's description": _attribute("study", "DICOM.StudyDescription", "CT Thorax"),
    "study's date": _attribute("study", "DICOM.StudyDate", "20260102"),
    "study's time": _attribute("study", "DICOM.StudyTime", "101500"),
    "study's number": _attribute("study", "StudyID", "17"),
    "anything else on the study": _attribute("study", "Site.Remark", "Planted"),
    "study UID": _uid("study", "1.2.840.113619.2.55.1"),
    "study UID as an attribute": _attribute("study", "StudyInstanceUID", "1.2.3.4.5"),
    "series UID": _uid("ct", "1.2.840.113619.2.55.1"),
    "an instance UID": _uid("ct", "2.25.1 1.2.840.113619.2.55.1", "DICOMInstanceUID"),
    "frame of reference": _attribute("ct", "DICOM.FrameOfReferenceUID", "1.2.840.113619.2.9"),
    "patient's number as a UID": _uid("patient", "4711"),
}
HARMLESS = {
    "neutral name": _name("ct", "CT a3f9c1"),
    "neutral study": _name("study", "study a3f9c1"),
    "no patient's name": _attribute("patient", "DICOM.PatientName", "No name"),
    "dose unit": _attribute("study", "DicomRtImport.DoseUnitName", "GY"),
    "dose unit value": _attribute("study", "DicomRtImport.DoseUnitValue", "1.0"),
    "another mapped UID": _uid("study", "2.25.340282366920938463463374607431768211455"),
    "our own ref": _attribute("ct", "EncryptSecureRT.ref", "a1" + "0" * 30),
}


@pytest.mark.parametrize("change", TELLING)
def test_one_thing_that_tells_makes_a_study_clear(scene: Any, change: str) -> None:
    study = add_protected(scene)

    TELLING[change](study)

    assert study_state(study.nodes["ct"]) is StudyState.CLEAR


@pytest.mark.parametrize("change", HARMLESS)
def test_what_tells_nothing_leaves_a_study_protected(scene: Any, change: str) -> None:
    study = add_protected(scene)

    HARMLESS[change](study)

    assert study_state(study.nodes["ct"]) is StudyState.PROTECTED


def test_attribute_of_the_node_itself_counts_if_it_is_from_dicom(scene: Any) -> None:
    ct = add_protected(scene).nodes["ct"]

    ct.SetAttribute("Site.Note", "checked by Planted")
    without = study_state(ct)
    ct.SetAttribute("DICOM.SeriesDescription", "Planted")

    assert (without, study_state(ct)) == (StudyState.PROTECTED, StudyState.CLEAR)


def test_folder_between_the_volume_and_its_study_counts(scene: Any) -> None:
    study = add_protected(scene)
    tree = hierarchy_of(scene)
    folder = tree.CreateFolderItem(study.items["study"], "Planted's")
    tree.SetItemParent(study.items["ct"], folder)

    assert study_state(study.nodes["ct"]) is StudyState.CLEAR
    tree.SetItemName(folder, "folder a3f9c1")
    assert study_state(study.nodes["ct"]) is StudyState.PROTECTED


def test_folder_above_the_patient_is_not_judged(scene: Any) -> None:
    study = add_protected(scene)
    tree = hierarchy_of(scene)
    folder = tree.CreateFolderItem(tree.GetSceneItemID(), "Planted's workplace")
    tree.SetItemParent(study.items["patient"], folder)

    assert study_state(study.nodes["ct"]) is StudyState.PROTECTED
