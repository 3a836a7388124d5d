"""Which structure names tell nothing, and the codes of those that our models make."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from Testing.Scene.conftest import VtkErrors

from encryptsecurert_worker.dicom.results.vocabulary import VOCABULARY
from EncryptSecureRTLib.scene.mrml import slicer
from EncryptSecureRTLib.scene.structures import (
    TERMINOLOGY_FILE,
    is_standard_name,
    terminology_entries,
)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "External",
            "Lung_L",
            "Lung_R",
            "Bone",
            "SpinalCord",
            "SpinalCord_PRV05",
            "Glnd_Submand_L",
        ),
        *("GTV", "GTVp1", "CTV_High", "PTV_7000", "ITV", "PTVn2_5400"),
    ],
)
def test_name_of_the_nomenclature_is_known(name: str) -> None:
    assert is_standard_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            "Planted",
            "Lung_L Planted",
            "Lung_Planted",
            "lung_l",
            "Lungl",
            "External\n",
            "Lung_L_",
        ),
        *(
            "PTV_19580412",
            "GTV Planted",
            "PTV_",
            "PTV_Planted",
            "xPTV",
            "SpinalCord_PRV005",
            "CTV12",
        ),
    ],
)
def test_name_that_a_person_gave_is_not(name: str) -> None:
    assert not is_standard_name(name)


def test_our_terminology_and_the_workers_vocabulary_say_the_same() -> None:
    entries = terminology_entries()

    assert set(entries) == {term.name for term in VOCABULARY.values()}
    for term in VOCABULARY.values():
        codes = (term.category, term.property_type, term.laterality)
        told = [f"{c.scheme}^{c.value}^{c.meaning}" if c else "^^" for c in codes]
        assert entries[term.name].split("~")[1:4] == told
        assert is_standard_name(term.name)


@pytest.fixture
def terminologies(scene: Any, vtk_errors: VtkErrors, tmp_path: Path) -> Iterator[Any]:
    """Return Slicer's own reader of terminologies, with ours loaded."""
    # It looks for the terminologies that come with the application, which are not here.
    vtk_errors.expect("vtkSlicerTerminologiesModuleLogic")
    logic = slicer.vtkSlicerTerminologiesModuleLogic()
    logic.SetModuleShareDirectory(str(tmp_path))
    logic.SetMRMLScene(scene)
    assert logic.LoadTerminologyFromFile(str(TERMINOLOGY_FILE)) == "EncryptSecureRT structures"
    yield logic
    logic.SetMRMLScene(None)


def test_slicer_finds_every_structure_by_its_name_and_serialises_it_as_we_do(
    terminologies: Any,
) -> None:
    for name, ours in terminology_entries().items():
        entry = slicer.vtkSlicerTerminologyEntry()

        found = terminologies.FindTypeInTerminologyBy3dSlicerLabel(
            "EncryptSecureRT structures", name, entry
        )

        assert found, name
        assert terminologies.SerializeTerminologyEntry(entry) == ours


def test_slicer_reads_the_codes_of_every_entry(terminologies: Any) -> None:
    for term in VOCABULARY.values():
        entry = slicer.vtkSlicerTerminologyEntry()

        assert terminologies.DeserializeTerminologyEntry(terminology_entries()[term.name], entry)

        side = entry.GetTypeModifierObject().GetCodeValue() or None
        assert entry.IsValid()
        assert entry.GetTypeObject().GetCodeValue() == term.property_type.value
        assert side == (term.laterality.value if term.laterality else None)
