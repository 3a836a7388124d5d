"""Names that tell nothing, and clear names that are kept in memory only."""

import copy
import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from Testing.Scene.made import add_ct

from EncryptSecureRTLib.scene.names import ClearNames
from EncryptSecureRTLib.scene.neutral import (
    REF_ATTRIBUTE,
    Kind,
    is_mapped_uid,
    is_neutral,
    is_pseudonym,
    is_ref,
    make_neutral,
    neutral_name,
    new_ref,
    ref_of,
)

NAME = "Planted^Name"


@pytest.mark.parametrize(
    "name",
    [
        *(
            "CT a3f9c1",
            "CT a3f9c1 segmentation",
            "CT a3f9c1 segmentation_12",
            "dose 00000f vs dose 9a9a9a",
        ),
        *("2: Unnamed Series", "1001: Unnamed Series", "Unnamed Series", "No study description ()"),
        *("PABCDEFGH234567QZ (PABCDEFGH234567QZ)", "No name", "New Patient", "CT", ""),
    ],
)
def test_neutral_name_is_known(name: str) -> None:
    assert is_neutral(name)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "Planted",
            "CT Planted",
            "CT_Planted",
            "CT a3f9c1 Planted",
            "2: CT Thorax",
            "Planted^Name",
        ),
        *(
            "19580412",
            "1958-04-12",
            "12.04.1958",
            "12 04 1958",
            "12 04 58",
            "041258",
            "CT 4711",
            "decade",
        ),
        *("1.2.840.113619", "1.2.3.4", "No study description (20260102)", "PABCDEFGH234567Q1"),
        *("PABCDEFGH234567QZA", "a3f9c", "CT a3f9c1d", "Płanted", "CT\x00Planted"),
    ],
)
def test_name_that_may_tell_is_not(name: str) -> None:
    assert not is_neutral(name)


@given(st.binary(min_size=16, max_size=16))
def test_ref_shows_neither_a_word_nor_a_number(first: bytes) -> None:
    offered = iter([first.hex(), "0123456789" + "0" * 22, "abcdef" + "0" * 26, "a1" + "0" * 30])

    ref = new_ref(lambda octets: next(offered))

    assert is_ref(ref)
    assert not ref[:6].isdigit()
    assert not ref[:6].isalpha()


def test_every_kind_of_node_gets_a_neutral_name() -> None:
    assert all(is_neutral(neutral_name(kind, new_ref())) for kind in Kind)


def test_ref_of_a_node_is_random_and_its_name_begins_with_it(scene: Any) -> None:
    node = add_ct(scene, name=NAME)

    first, second = make_neutral(node, Kind.CT), make_neutral(node, Kind.CT)

    ref = ref_of(node)
    assert first != second
    assert ref is not None
    assert second == node.GetName() == f"CT {ref[:6]}"


def test_ref_that_is_something_else_is_none(scene: Any) -> None:
    node = add_ct(scene)

    assert ref_of(node) is None
    node.SetAttribute(REF_ATTRIBUTE, NAME)
    assert ref_of(node) is None


@pytest.mark.parametrize(
    ("value", "mapped", "pseudonym"),
    [
        ("2.25.0", True, False),
        ("2.25.340282366920938463463374607431768211455", True, False),
        ("2.25.01", False, False),
        ("2.25.1.2", False, False),
        ("1.2.840.10008.1.2", False, False),
        ("PABCDEFGH234567QZ", False, True),
        ("Pabcdefgh234567qz", False, False),
    ],
)
def test_protected_uids_and_pseudonyms_are_known_by_their_form(
    value: str, mapped: bool, pseudonym: bool
) -> None:
    assert (is_mapped_uid(value), is_pseudonym(value)) == (mapped, pseudonym)


# ---- clear names


class _Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_clear_name_is_known_by_its_label() -> None:
    names = ClearNames(keep_s=600.0, clock=_Clock())

    names.remember_all({"CT a3f9c1": NAME, "ROI_1": "Planted ROI"})

    assert (names.name_of("CT a3f9c1"), names.name_of("ROI_1")) == (NAME, "Planted ROI")
    assert names.name_of("CT b7e2d0") is None
    assert len(names) == 2


def test_clear_name_is_dropped_when_its_time_is_over_and_not_before() -> None:
    clock = _Clock()
    names = ClearNames(keep_s=600.0, clock=clock)
    names.remember("CT a3f9c1", NAME)

    clock.now_s += 599.9
    before = names.name_of("CT a3f9c1")
    clock.now_s += 0.1

    assert (before, names.name_of("CT a3f9c1"), len(names)) == (NAME, None, 0)


def test_looking_a_name_up_does_not_keep_it_longer_but_remembering_it_again_does() -> None:
    clock = _Clock()
    names = ClearNames(keep_s=600.0, clock=clock)
    names.remember("CT a3f9c1", NAME)
    names.remember("CT b7e2d0", NAME)

    clock.now_s += 400
    names.name_of("CT a3f9c1")
    names.remember("CT b7e2d0", NAME)
    clock.now_s += 400

    assert (names.name_of("CT a3f9c1"), names.name_of("CT b7e2d0")) == (None, NAME)


def test_forgetting_drops_everything() -> None:
    names = ClearNames(keep_s=600.0, clock=_Clock())
    names.remember("CT a3f9c1", NAME)

    names.forget()

    assert (names.name_of("CT a3f9c1"), len(names)) == (None, 0)


def test_clear_names_are_in_no_text_and_cannot_be_written() -> None:
    names = ClearNames(keep_s=600.0, clock=_Clock())
    names.remember("CT a3f9c1", NAME)

    assert repr(names) == str(names) == "ClearNames(1 kept)"
    with pytest.raises(TypeError):
        pickle.dumps(names)
    with pytest.raises(TypeError):
        copy.deepcopy(names)
    with pytest.raises(TypeError):
        json.dumps(names)
