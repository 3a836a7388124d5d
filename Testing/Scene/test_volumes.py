"""What a volume node is, and all that keeps it from being sent."""

import time
from typing import Any

import numpy as np
import pytest
from Testing.Scene.made import CT_SHAPE, add_bending_transform, add_ct, numbered, put_under
from Testing.Scene.volume_cases import CASES, add_dose, add_moved_ct, add_sequence_proxy

from EncryptSecureRTLib.scene.geometry import ParentTransform
from EncryptSecureRTLib.scene.mrml import vtk
from EncryptSecureRTLib.scene.volumes import (
    PROBLEM_CODES,
    Problem,
    VolumeKind,
    instance_uids_of,
    problems,
    volume_facts,
)

GIB = 2**30


@pytest.mark.parametrize("case", CASES)
def test_problems_name_what_is_wrong_and_nothing_else(scene: Any, case: str) -> None:
    make, expected = CASES[case]

    found = problems(volume_facts(make(scene)), GIB)

    assert found == expected


def test_every_problem_has_a_case_and_an_error_code() -> None:
    covered = {problem for _, found in CASES.values() for problem in found}

    assert covered | {Problem.NO_VOLUME, Problem.TOO_LARGE} == set(Problem) == set(PROBLEM_CODES)


def test_several_problems_are_all_told(scene: Any) -> None:
    node = add_dose(scene)
    put_under(node, add_bending_transform(scene))

    found = problems(volume_facts(node), 1)

    assert found == (Problem.DOSE, Problem.NON_LINEAR_TRANSFORM, Problem.TOO_LARGE)


def test_no_chosen_volume_is_a_problem() -> None:
    assert problems(None, GIB) == (Problem.NO_VOLUME,)


def test_limit_is_of_what_is_sent_and_not_of_what_the_node_holds(scene: Any) -> None:
    facts = volume_facts(add_ct(scene, numbered(dtype="float64")))

    assert (facts.size_bytes, facts.sent_bytes) == (120 * 8, 120 * 2)
    assert problems(facts, 240) == ()
    assert problems(facts, 239) == (Problem.TOO_LARGE,)


def test_facts_of_a_ct(scene: Any) -> None:
    node = add_ct(scene)
    node.SetAttribute("DICOM.instanceUIDs", " ".join(f"2.25.{n}" for n in range(6)))

    facts = volume_facts(node)

    assert facts.kind is VolumeKind.SCALAR
    assert (facts.shape, facts.scalar_type, facts.size_bytes) == (CT_SHAPE, "short", 240)
    assert facts.spacing_mm == pytest.approx((2.5, 0.8, 0.9))
    assert facts.transform is ParentTransform.NONE
    assert (facts.is_dose, facts.is_sequence, facts.instance_uids) == (False, False, 6)
    assert instance_uids_of(node)[5] == "2.25.5"


@pytest.mark.parametrize(
    ("uids", "differs"), [(0, False), (1, False), (6, False), (5, True), (7, True), (60, True)]
)
def test_volume_with_other_slices_than_its_series_was_cropped_or_resampled(
    scene: Any, uids: int, differs: bool
) -> None:
    node = add_ct(scene)
    node.SetAttribute("DICOM.instanceUIDs", " ".join(f"2.25.{n}" for n in range(uids)))

    assert volume_facts(node).differs_from_series is differs


def test_facts_of_a_moved_volume_tell_the_transform_and_where_it_is_then(scene: Any) -> None:
    facts = volume_facts(add_moved_ct(scene))

    assert facts.transform is ParentTransform.LINEAR
    assert facts.grid is not None
    assert facts.grid.axes[0, 0] == pytest.approx(np.cos(np.radians(30)))


def test_facts_of_a_whole_body_ct_take_less_than_5_ms(scene: Any) -> None:
    image = vtk.vtkImageData()
    image.SetDimensions(512, 512, 400)
    image.AllocateScalars(vtk.VTK_SHORT, 1)
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT a3f9c1")
    node.SetAndObserveImageData(image)
    add_sequence_proxy(scene)
    volume_facts(node)

    took_s = []
    for _ in range(20):
        began = time.perf_counter()
        facts = volume_facts(node)
        took_s.append(time.perf_counter() - began)

    assert facts.size_bytes == 400 * 512 * 512 * 2
    assert min(took_s) < 0.005  # the least: the machine may be busy, the code not
