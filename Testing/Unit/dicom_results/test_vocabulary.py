"""The vocabulary against the code dictionary of the standard and the terminology for Slicer."""

import json
from pathlib import Path

import pytest
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from encryptsecurert_rt.segmentation import Structure
from encryptsecurert_worker.dicom.results.vocabulary import VOCABULARY, CodedTerm, term

ROOT = Path(__file__).parents[3]
TERMINOLOGY = ROOT / "EncryptSecureRT/Resources/Terminology/EncryptSecureRT.term.json"


def code(coded: CodedTerm) -> Code:
    return Code(coded.value, coded.scheme, coded.meaning)


def test_every_structure_of_the_numerics_has_a_term() -> None:
    assert set(VOCABULARY) == set(Structure)


@pytest.mark.parametrize("structure", list(Structure))
def test_codes_are_in_the_context_groups_of_the_standard(structure: Structure) -> None:
    meaning = term(structure)

    assert code(meaning.category) in codes.cid7150
    kinds = {codes.SCT.EntireBody, codes.SCT.Lung, codes.SCT.Bone}
    known = {kind.value: kind.meaning for kind in kinds}
    assert known[meaning.property_type.value] == meaning.property_type.meaning
    if meaning.laterality is not None:
        assert code(meaning.laterality) in codes.cid244


def test_left_is_left_and_right_is_right() -> None:
    left, right = term(Structure.LUNG_LEFT), term(Structure.LUNG_RIGHT)

    assert left.laterality is not None
    assert right.laterality is not None
    assert (left.name, code(left.laterality)) == ("Lung_L", codes.SCT.Left)
    assert (right.name, code(right.laterality)) == ("Lung_R", codes.SCT.Right)


def test_names_fit_tg263_and_differ() -> None:
    names = [t.name for t in VOCABULARY.values()]

    assert all(len(name) <= 16 and name.replace("_", "").isalnum() for name in names)
    assert len(set(names)) == len(names)


def test_the_terminology_file_for_slicer_says_the_same() -> None:
    found = {}
    (category,) = json.loads(TERMINOLOGY.read_text())["SegmentationCodes"]["Category"]
    for kind in category["Type"]:
        for entry in kind.get("Modifier", [kind]):
            side = entry["CodeValue"] if entry is not kind else None
            found[entry["3dSlicerLabel"]] = (
                category["CodeValue"],
                kind["CodeValue"],
                side,
                tuple(entry["recommendedDisplayRGBValue"]),
            )

    assert found == {
        t.name: (
            t.category.value,
            t.property_type.value,
            t.laterality.value if t.laterality else None,
            t.rgb,
        )
        for t in VOCABULARY.values()
    }
