"""Where nodes stand in the subject hierarchy."""

from typing import Any

from Testing.Scene.made import add_ct

from EncryptSecureRTLib.scene.hierarchy import (
    ancestors_of,
    branch_of,
    hierarchy_of,
    item_of,
    patient_item_of,
    place_beside,
    study_item_of,
)


def _in_study(scene: Any) -> tuple[Any, int, int, int]:
    """Return a CT in a folder in a study of a patient, and these items."""
    tree = hierarchy_of(scene)
    patient = tree.CreateSubjectItem(tree.GetSceneItemID(), "patient")
    study = tree.CreateStudyItem(patient, "study")
    folder = tree.CreateFolderItem(study, "folder a3f9c1")
    ct = add_ct(scene)
    tree.CreateItem(folder, ct)
    return ct, folder, study, patient


def test_study_and_patient_of_a_node_are_found_through_folders(scene: Any) -> None:
    ct, folder, study, patient = _in_study(scene)

    assert (study_item_of(ct), patient_item_of(ct)) == (study, patient)
    assert list(ancestors_of(ct)) == [folder, study, patient]


def test_node_outside_of_any_study_has_none(scene: Any) -> None:
    tree, alone, unknown = hierarchy_of(scene), add_ct(scene), add_ct(scene)
    tree.CreateItem(tree.GetSceneItemID(), alone)

    assert (study_item_of(alone), patient_item_of(alone)) == (None, None)
    assert (item_of(unknown), list(ancestors_of(unknown))) == (None, [])


def test_node_without_an_item_gets_one_beside_the_other(scene: Any) -> None:
    ct, folder, _, _ = _in_study(scene)
    node = add_ct(scene, name="dose b7e2d0")

    item = place_beside(node, ct)

    assert item == item_of(node)
    assert hierarchy_of(scene).GetItemParent(item) == folder


def test_node_with_an_item_is_moved_and_keeps_it(scene: Any) -> None:
    ct, folder, _, _ = _in_study(scene)
    tree, node = hierarchy_of(scene), add_ct(scene, name="dose b7e2d0")
    before = tree.CreateItem(tree.GetSceneItemID(), node)

    assert place_beside(node, ct) == before
    assert tree.GetItemParent(before) == folder


def test_beside_a_node_without_an_item_is_in_the_scene(scene: Any) -> None:
    tree, node = hierarchy_of(scene), add_ct(scene)

    item = place_beside(node, add_ct(scene))

    assert tree.GetItemParent(item) == tree.GetSceneItemID()


def test_names_of_items_stay_what_they_were(scene: Any) -> None:
    ct, folder, study, patient = _in_study(scene)
    tree = hierarchy_of(scene)

    place_beside(add_ct(scene, name="dose b7e2d0"), ct)

    items = (folder, study, patient)
    assert [tree.GetItemName(item) for item in items] == ["folder a3f9c1", "study", "patient"]


def test_branch_has_the_item_and_all_below_it_parents_first(scene: Any) -> None:
    ct, folder, study, patient = _in_study(scene)

    assert branch_of(scene, patient) == [patient, study, folder, item_of(ct)]
    assert branch_of(scene, folder) == [folder, item_of(ct)]
