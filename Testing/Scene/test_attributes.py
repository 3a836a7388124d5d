"""Attributes and UIDs: what stays, what is mapped, what goes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from Testing.Scene.made import refusal_of

from encryptsecurert_protocol.errors import ErrorCode
from EncryptSecureRTLib.scene.attributes import UidMap, is_harmless, uids_in

CLEAR = "1.2.840.113619.2.55.1"
_uid = st.lists(st.integers(0, 10**12), min_size=3, max_size=8).map(
    lambda parts: ".".join(["1", *map(str, parts)])
)


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (CLEAR, 1),
        ("2.25.1", 1),
        (f"{CLEAR} {CLEAR}.1", 2),
        (f" {CLEAR},{CLEAR}\\{CLEAR};{CLEAR} ", 4),
        ("", 0),
        ("1.0", 0),
        ("3.25.1", 0),
        ("1.02.3.4", 0),
        (f"{CLEAR} and more", 0),
        (f"Series {CLEAR}", 0),
    ],
)
def test_list_of_uids_is_told_from_other_values(value: str, count: int) -> None:
    assert len(uids_in(value)) == count


def test_given_uids_are_mapped_and_others_get_a_random_stand_in_each() -> None:
    uids = UidMap({CLEAR: "2.25.7"})

    mapped = uids.of_all_in(f"{CLEAR} {CLEAR}.1,{CLEAR}.2 {CLEAR}.1")

    first, second, third, fourth = re.split("[ ,]", mapped)
    assert first == "2.25.7"
    assert second == fourth != third
    assert uids.fresh == 2


def test_uids_of_the_standard_and_stand_ins_stay() -> None:
    uids = UidMap({CLEAR: "2.25.7"})
    fresh = uids.of(f"{CLEAR}.1")

    assert uids.of("1.2.840.10008.5.1.4.1.1.2") == "1.2.840.10008.5.1.4.1.1.2"
    assert (uids.of("2.25.7"), uids.of(fresh)) == ("2.25.7", fresh)


def test_uid_under_2_25_that_is_no_stand_in_of_this_map_is_replaced() -> None:
    """Some scanners make such UIDs themselves, and those can be looked up."""
    uids = UidMap({CLEAR: "2.25.7"})

    assert uids.of("2.25.8") != "2.25.8"


def test_stand_in_that_is_no_mapped_uid_is_refused() -> None:
    with refusal_of(ErrorCode.E_PARAMETERS):
        UidMap({CLEAR: f"{CLEAR}.9"})


@pytest.mark.parametrize(
    ("name", "value", "stays"),
    [
        ("DICOM.Modality", "CT", True),
        ("DICOM.Modality", "Planted", False),
        ("DICOM.SeriesNumber", "1001", True),
        ("DICOM.SeriesNumber", "19580412", False),
        ("Site.Number", "1001", False),
        ("Site.Note", "CT", True),
        ("Site.Note", "Planted", False),
        ("Site.Empty", "", True),
        ("DicomRtImport.DoseUnitName", "GY", True),
        ("DicomRtImport.DoseUnitValue", "1.5e-05", True),
        ("DicomRtImport.DoseUnitValue", "1958.0412", False),
        ("EncryptSecureRT.ref", "a1" + "0" * 30, True),
        ("EncryptSecureRT.ref", "Planted", False),
        ("segmentID", "Lung_L", True),
        ("segmentID", "GTV Planted", False),
        ("DICOM.PatientName", "PABCDEFGH234567QZ", True),
        ("DICOM.PatientID", "CT", False),
    ],
)
def test_attribute_stays_if_its_name_is_known_and_its_value_has_the_form(
    name: str, value: str, stays: bool
) -> None:
    assert is_harmless(name, value) is stays
    assert UidMap({}).cleaned(name, value) == (value if stays else None)


@given(st.lists(_uid, min_size=1, max_size=20, unique=True))
def test_any_list_of_uids_keeps_order_and_identity(clear: list[str]) -> None:
    uids = UidMap({})

    mapped = uids.of_all_in(" ".join(clear)).split()

    assert len(set(mapped)) == len(clear)
    assert [uids.of(uid) for uid in clear] == mapped
    assert is_harmless("any", " ".join(mapped))


@given(st.text(st.characters(categories=["L"]), min_size=1), st.text(min_size=1))
def test_word_that_is_not_known_never_stays(name: str, value: str) -> None:
    kept = UidMap({}).cleaned(name, value)

    assert kept is None or is_harmless(name, kept)
    assert UidMap({}).cleaned(name, f"{value} Plantedson") is None
