"""What a dose volume is, in which unit, and what keeps it from being compared."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from Testing.Scene.made import (
    AXIAL,
    CT_SHAPE,
    add_bending_transform,
    add_ct,
    add_linear_transform,
    put_under,
)
from Testing.Scene.made_doses import add_dose, dose_values, load

from EncryptSecureRTLib.scene.doses import (
    DOSE_PROBLEM_CODES,
    DoseProblem,
    DoseUnit,
    dose_facts,
    dose_problems,
    dose_unit_of,
    study_is_in_gy,
)
from EncryptSecureRTLib.scene.hierarchy import hierarchy_of, item_of
from EncryptSecureRTLib.scene.mrml import slicer

MANY_BYTES = 10**9


def _set_voxel_units(node: Any, code: str) -> None:
    entry = slicer.vtkCodedEntry()
    entry.SetValueSchemeMeaning(code, "UCUM", code)
    node.SetVoxelValueUnits(entry)


@pytest.mark.parametrize(
    ("word", "unit"),
    [
        ("GY", DoseUnit.GY),
        ("Gy", DoseUnit.GY),
        ("cGy", DoseUnit.CGY),
        ("RELATIVE", DoseUnit.RELATIVE),
        ("percent", None),
        (None, None),
    ],
)
def test_unit_is_read_from_the_study(scene: Any, word: str | None, unit: DoseUnit | None) -> None:
    node = add_dose(scene, word)

    assert dose_unit_of(node) is unit
    assert study_is_in_gy(node) is (unit is DoseUnit.GY)


def test_unit_is_found_through_folders_between_dose_and_study(scene: Any) -> None:
    node = add_dose(scene, "cGy")
    tree = hierarchy_of(scene)
    folder = tree.CreateFolderItem(tree.GetItemParent(item_of(node)), "folder a1b2c3")
    tree.SetItemParent(item_of(node), folder)

    assert dose_unit_of(node) is DoseUnit.CGY


def test_units_of_the_voxels_tell_where_the_study_is_silent(scene: Any) -> None:
    node = add_dose(scene, None)
    _set_voxel_units(node, "cGy")

    assert dose_unit_of(node) is DoseUnit.CGY


def test_dose_outside_of_any_study_may_tell_its_unit_itself(scene: Any) -> None:
    node = add_ct(scene, dose_values())
    node.SetAttribute("DicomRtImport.DoseVolume", "1")
    silent = dose_unit_of(node)

    node.SetAttribute("DicomRtImport.DoseUnitName", "GY")

    assert (silent, dose_unit_of(node)) == (None, DoseUnit.GY)
    assert not study_is_in_gy(node)


def test_two_places_that_tell_different_units_tell_nothing(scene: Any) -> None:
    node = add_dose(scene, "GY")
    _set_voxel_units(node, "cGy")

    assert dose_unit_of(node) is None
    assert dose_problems(dose_facts(node), MANY_BYTES) == (DoseProblem.UNIT_UNKNOWN,)


def _label_map(_: Any) -> Any:
    voxels = np.zeros(CT_SHAPE, np.uint8)
    return slicer.util.addVolumeFromArray(
        voxels, ijkToRAS=AXIAL, nodeClassName="vtkMRMLLabelMapVolumeNode"
    )


def _bent(scene: Any) -> Any:
    node = add_dose(scene)
    put_under(node, add_bending_transform(scene))
    return node


def _sheared(scene: Any) -> Any:
    shear = np.eye(4)
    shear[0, 1] = 0.2
    node = add_dose(scene)
    put_under(node, add_linear_transform(scene, shear))
    return node


def _empty(scene: Any) -> Any:
    node = add_dose(scene)
    node.SetAndObserveImageData(None)
    return node


CASES: dict[str, tuple[Callable[[Any], Any], tuple[DoseProblem, ...]]] = {
    "a dose in Gy": (add_dose, ()),
    "a dose in cGy": (lambda scene: add_dose(scene, "cGy"), ()),
    "a dose of whole numbers": (lambda s: add_dose(s, values=dose_values("int16")), ()),
    "a CT": (add_ct, (DoseProblem.NOT_A_DOSE,)),
    "a label map": (_label_map, (DoseProblem.NOT_SCALAR, DoseProblem.NOT_A_DOSE)),
    "no unit": (lambda scene: add_dose(scene, None), (DoseProblem.UNIT_UNKNOWN,)),
    "relative": (lambda scene: add_dose(scene, "RELATIVE"), (DoseProblem.NOT_GY,)),
    "gamma": (lambda scene: load(add_dose(scene)).gamma, (DoseProblem.RESULT,)),
    "a difference": (lambda scene: load(add_dose(scene)).difference, (DoseProblem.RESULT,)),
    "bent": (_bent, (DoseProblem.NON_LINEAR_TRANSFORM,)),
    "sheared": (_sheared, (DoseProblem.SHEARED,)),
    "empty": (_empty, (DoseProblem.EMPTY,)),
}


@pytest.mark.parametrize("case", CASES)
def test_all_that_is_wrong_is_told(scene: Any, case: str) -> None:
    make, expected = CASES[case]

    found = dose_problems(dose_facts(make(scene)), MANY_BYTES)

    assert found == expected


def test_no_volume_is_the_only_problem_of_none() -> None:
    assert dose_problems(None, MANY_BYTES) == (DoseProblem.NO_VOLUME,)


def test_limit_is_of_the_eight_octets_that_are_sent_for_a_voxel(scene: Any) -> None:
    facts = dose_facts(add_dose(scene))
    octets = 6 * 5 * 4 * 8

    assert facts.sent_bytes == octets
    assert dose_problems(facts, octets) == ()
    assert dose_problems(facts, octets - 1) == (DoseProblem.TOO_LARGE,)


def test_every_problem_has_an_error_code() -> None:
    assert set(DOSE_PROBLEM_CODES) == set(DoseProblem)
