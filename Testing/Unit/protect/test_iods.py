"""The allow-lists of all kinds: the standard agrees with every row, nested ones too."""

import csv
import string
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.uid import UID

from encryptsecurert_worker.dicom.protect.codes import meaning_of
from encryptsecurert_worker.dicom.protect.iods import ALL_IODS, IODS, SEALED_WHOLE, Iod, Pixels
from encryptsecurert_worker.dicom.protect.iods.rows import ONE, numbers
from encryptsecurert_worker.dicom.protect.rules import Action, Kind, Rule
from encryptsecurert_worker.dicom.protect.shell import markers

FREE_TEXT = frozenset(b"SH LO ST LT UT PN UC AE UR DA TM DT AS".split())
KEEPS_VALUE = (Action.KEEP_NUMBER, Action.KEEP_TERM, Action.KEEP_TAG, Action.IMAGE_TYPE)


class Row(NamedTuple):
    """A rule and the keywords of the sequences above it."""

    iod: Iod
    path: tuple[str, ...]
    rule: Rule

    def __str__(self) -> str:
        return "/".join((self.iod.name, *self.path, self.rule.keyword))


def _rows(iod: Iod, rules: tuple[Rule, ...], path: tuple[str, ...] = ()) -> Iterator[Row]:
    for rule in rules:
        yield Row(iod, path, rule)
        yield from _rows(iod, rule.items, (*path, rule.keyword))


ROWS = [row for iod in (*ALL_IODS, SEALED_WHOLE) for row in _rows(iod, iod.rules)]


def _digits(tag: str) -> str:
    return "".join(one for one in tag if one in string.hexdigits)


@pytest.fixture(scope="module")
def listed(shared_data: Path) -> dict[int, set[str]]:
    """Return the actions of Table E.1-1, both editions, by tag."""
    actions: dict[int, set[str]] = {}
    for name in ("table_e1_1.csv", "table_e1_1_supplement_2026c.csv"):
        with (shared_data / "ps3_15" / name).open(newline="") as file:
            for row in csv.DictReader(file):
                if len(_digits(row["tag"])) == 8:
                    found = set(row["basic_profile"].rstrip("*").split("/"))
                    actions.setdefault(int(_digits(row["tag"]), 16), set()).update(found)
    assert len(actions) > 640
    return actions


def test_there_are_lists_for_the_kinds_of_radiotherapy() -> None:
    assert len(ALL_IODS) == 25
    assert SEALED_WHOLE not in IODS.values()
    assert len(ROWS) > 1000
    assert all(UID(uid.decode()).type == "SOP Class" for uid in IODS if not uid.endswith(b"66.7"))


def test_keyword_and_vr_of_every_row_are_those_of_the_standard() -> None:
    for row in ROWS:
        assert keyword_for_tag(row.rule.tag) == row.rule.keyword, row
        assert [vr.decode() for vr in row.rule.vrs] == dictionary_VR(row.rule.tag).split(" or ")


def _met_by(actions: set[str]) -> set[str]:
    """Return what meets an action: X and Z also what says nothing of anybody (PS3.15 E.3)."""
    return actions | ({"Z", "D", "C", "U"} if actions & {"X", "Z"} else set())


def test_what_table_e1_1_lists_has_a_reason_at_every_path(listed: dict[int, set[str]]) -> None:
    checked = 0
    for row in ROWS:
        if row.rule.tag in listed:
            checked += 1
            assert row.rule.reason, row
            taken = set(row.rule.reason.split(":")[0].split("/"))
            assert taken & _met_by(listed[row.rule.tag]), row
    assert checked > 400
    assert not set(markers(simulated=True)) & set(listed)


def test_dates_that_move_are_those_that_table_e1_1_lets_be_modified(shared_data: Path) -> None:
    with (shared_data / "ps3_15" / "table_e1_1.csv").open(newline="") as file:
        cleaned = {
            row["keyword"] for row in csv.DictReader(file) if row["rtn_long_modif_dates"] == "C"
        }
    moving = [row for row in ROWS if row.rule.moves]

    assert len({row.rule.keyword for row in moving}) >= 25
    for row in moving:
        assert row.rule.keyword in cleaned, row
        assert row.rule.vrs in ((b"DA",), (b"TM",), (b"DT",)), row
        assert "Birth" not in row.rule.keyword, row


def test_no_date_stands_in_clear_but_emptied_fixed_or_moved() -> None:
    for row in ROWS:
        if set(row.rule.vrs) & {b"DA", b"TM", b"DT"}:
            assert row.rule.action in (Action.EMPTY, Action.FIXED, Action.SEAL), row
            assert row.rule.action is not Action.SEAL or row.rule.moves, row


def test_pointers_of_frames_point_to_rows_of_their_table() -> None:
    for row in ROWS:
        if row.rule.action is Action.KEEP_TAG and row.rule.terms:
            beside = {one.rule.tag for one in ROWS if (one.iod, one.path) == (row.iod, row.path)}
            for octets in row.rule.terms:
                group, number = octets[:2], octets[2:]
                tag = int.from_bytes(group, "little") << 16 | int.from_bytes(number, "little")
                assert tag in beside, row


def test_what_table_e1_1_lists_is_never_kept_as_it_is(listed: dict[int, set[str]]) -> None:
    for row in ROWS:
        if row.rule.action in KEEPS_VALUE:
            assert row.rule.tag not in listed, row


def test_no_row_keeps_octets_of_no_known_meaning() -> None:
    for row in ROWS:
        if row.rule.action in KEEPS_VALUE:
            assert not set(row.rule.vrs) & set(b"OB OD OL OV OW UN".split()), row


def test_no_row_keeps_free_text_as_it_is() -> None:
    for row in ROWS:
        if set(row.rule.vrs) & FREE_TEXT and row.rule.action in KEEPS_VALUE:
            # Terms of the standard alone, and of these two attributes.
            assert row.rule.keyword in ("RescaleType", "ImagedNucleus"), row
            assert row.rule.terms


def test_every_term_and_every_fallback_is_short_and_public() -> None:
    for row in ROWS:
        if row.rule.action is Action.KEEP_TERM:
            assert row.rule.terms, row
            assert all(len(term) <= 64 and term.isascii() for term in row.rule.terms), row
        if row.rule.action is Action.KEEP_CODES and row.rule.fallback is not None:
            value, scheme = row.rule.fallback.split(b"\\")
            assert meaning_of(value, scheme), row


def test_labels_have_their_number_from_a_row_beside_them() -> None:
    labels = [row for row in ROWS if row.rule.action is Action.LABEL]
    assert {row.rule.fallback for row in labels} >= {b"ROI", b"BEAM", b"SEG"}
    for row in labels:
        beside = [one.rule for one in ROWS if (one.iod, one.path) == (row.iod, row.path)]
        numbered = [rule for rule in beside if rule.tag == row.rule.number_tag]
        assert [rule.action for rule in numbered] == [Action.KEEP_NUMBER], row


def test_sequences_are_reached_through_named_ones_only() -> None:
    for row in ROWS:
        if row.rule.vrs == (b"SQ",):
            assert row.rule.action in (Action.ITEMS, Action.KEEP_CODES, Action.EMPTY), row


def test_types_that_must_have_a_value_agree_with_the_standard(shared_data: Path) -> None:
    """Hold rows that may refuse an object against the standard's types."""
    types: dict[tuple[str, str], set[str]] = {}
    with (shared_data / "ps3_15" / "iod_attributes.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            types.setdefault((row["iod"], row["keyword"]), set()).add(row["type"][:1])
    names = {
        "RT structure set": "rt-structure-set",
        "RT dose": "rt-dose",
        "RT plan": "rt-plan",
        "RT ion plan": "rt-ion-plan",
        "MR image": "mr-image",
        "PET image": "positron-emission-tomography-image",
        "segmentation": "segmentation",
        "spatial registration": "spatial-registration",
        "RT image": "rt-image",
        "ultrasound image": "ultrasound-image",
        "secondary capture image": "secondary-capture-image",
    }
    checked = 0
    for one in ROWS:
        found = types.get((names.get(one.iod.name, ""), one.rule.keyword))
        if one.rule.kind is Kind.REQUIRED and found:
            checked += 1
            assert "1" in found or one.rule.fallback is not None or _never_refuses(one.rule), one
    assert checked > 200


def _never_refuses(rule: Rule) -> bool:
    return rule.action in (Action.MAP_UID, Action.MAP_UID_UNLESS_REGISTERED, Action.ITEMS)


def test_an_attribute_with_two_rows_is_a_mistake_that_is_found() -> None:
    row = numbers(ONE, "Rows")
    assert Iod(name="good", sop_classes=frozenset(), rules=row, pixels=Pixels.NEVER).by_tag

    with pytest.raises(ValueError, match="two rules"):
        Iod(name="bad", sop_classes=frozenset(), rules=row + row, pixels=Pixels.NEVER)
