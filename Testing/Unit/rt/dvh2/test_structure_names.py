"""Names of structures against the rules of TG-263."""

import pytest

from encryptsecurert_rt.dvh.structure_names import NameFault, name_faults, names_alike


@pytest.mark.parametrize(
    "name",
    [
        "Lung_L",
        "Lungs-GTV",
        "SpinalCord",
        "SpinalCord_PRV05",
        "OpticNrv_PRV03_L",
        "BrachialPlex_R",
        "A_LAD",
        "PTV_6000",
        "PTV_High",
        "PTV!_4500",
        "CTVp1",
        "GTVn",
        "~Brain",
        "Skin^Scalp",
        "zPTV_High!",
        "_Ring",
        "External",
        "Lobe_Temporal_L",
    ],
)
def test_accepts_names_of_the_report(name: str) -> None:
    assert name_faults(name) == ()


@pytest.mark.parametrize(
    ("name", "faults"),
    [
        ("", {NameFault.EMPTY}),
        ("PlanningOrganAtRisk", {NameFault.TOO_LONG}),
        ("Spinal Cord", {NameFault.BLANK}),
        ("Lung(L)", {NameFault.CHARACTER}),
        ("Øsophagus", {NameFault.CHARACTER}),
        ("lung_L", {NameFault.NO_CAPITAL}),
        ("60Gy", {NameFault.NO_CAPITAL}),
        ("L_Lung", {NameFault.SIDE_FIRST}),
        ("LeftLung", {NameFault.SIDE_FIRST}),
        ("Parotid_Left", {NameFault.SIDE_IN_WORDS}),
        ("ParotidRt", {NameFault.SIDE_IN_WORDS}),
        ("Cord_PRV5", {NameFault.MARGIN}),
        ("Cord_PRV5mm", {NameFault.MARGIN}),
        ("left femoral head of it", {NameFault.TOO_LONG, NameFault.BLANK, NameFault.NO_CAPITAL}),
    ],
)
def test_says_what_a_name_does_against_them(name: str, faults: set[NameFault]) -> None:
    assert set(name_faults(name)) == faults


def test_sixteen_characters_are_allowed_and_seventeen_are_not() -> None:
    assert name_faults("A" * 16) == ()
    assert name_faults("A" * 17) == (NameFault.TOO_LONG,)


def test_names_that_differ_in_capitals_only_are_found() -> None:
    assert names_alike(["Lung_L", "Lung_R", "LUNG_L"]) == (("Lung_L", "LUNG_L"),)
    assert names_alike(["Lung_L", "Lung_R"]) == ()
