"""The allow-list of CT: what its rows let through, and that the standard agrees with them."""

import csv
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.datadict import dictionary_VR, keyword_for_tag

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_worker.dicom.protect.iods.ct import CT_RULES
from encryptsecurert_worker.dicom.protect.rules import Action, Kind, Rule, clear_value
from encryptsecurert_worker.dicom.protect.shell import markers

RULES = {rule.keyword: rule for rule in CT_RULES}
KEPT = [rule for rule in CT_RULES if rule.action in (Action.KEEP_NUMBER, Action.KEEP_TERM)]


def _clear(keyword: str, value: bytes) -> bytes | None:
    rule = RULES[keyword]
    return clear_value(rule, rule.vrs[0], value)


def test_no_attribute_has_two_rows() -> None:
    assert len({rule.tag for rule in CT_RULES}) == len(CT_RULES)


@pytest.mark.parametrize("rule", CT_RULES, ids=lambda rule: rule.keyword)
def test_keyword_and_vr_of_a_row_are_those_of_the_standard(rule: Rule) -> None:
    assert keyword_for_tag(rule.tag) == rule.keyword
    assert [vr.decode() for vr in rule.vrs] == dictionary_VR(rule.tag).split(" or ")


def test_no_row_keeps_octets_or_sequences() -> None:
    kept = {vr for rule in CT_RULES for vr in rule.vrs}

    assert not kept & set(b"OB OD OF OL OV OW UN SQ".split())


def test_no_row_keeps_free_text_as_it_is() -> None:
    texts = set(b"SH LO ST LT UT PN UC AE UR DA TM DT AS".split())

    for rule in CT_RULES:
        if set(rule.vrs) & texts:
            assert not rule.action.value.startswith("keep") or rule.terms


def test_what_table_e1_1_lists_is_replaced_with_a_reason(shared_data: Path) -> None:
    listed: dict[int, str] = {}
    for name in ("table_e1_1.csv", "table_e1_1_supplement_2026c.csv"):
        with (shared_data / "ps3_15" / name).open(newline="") as file:
            for row in csv.DictReader(file):
                digits = "".join(one for one in row["tag"] if one in string.hexdigits)
                if len(digits) == 8:
                    listed[int(digits, 16)] = row["basic_profile"]
    assert len(listed) > 600

    for rule in CT_RULES:
        if rule.tag in listed:
            assert rule.reason
            assert not rule.action.value.startswith("keep")
            # The reason's first word is the action of the table that it takes.
            assert set(rule.reason.split(":")[0].split("/")) & set(listed[rule.tag].split("/"))
        else:
            assert not rule.reason
    assert not set(markers(simulated=True)) & set(listed)


def test_types_are_those_of_the_ct_image_iod(shared_data: Path) -> None:
    types: dict[int, set[str]] = {}
    with (shared_data / "ps3_15" / "iod_attributes_flat.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["iod"] == "ct-image" and row["min_depth"] == "0":
                tag = int("".join(one for one in row["tag"] if one in string.hexdigits), 16)
                types[tag] = set(row["types"].replace(",", "|").replace(";", "|").split("|"))

    for rule in CT_RULES:
        found = {one.strip().rstrip("C") for one in types.get(rule.tag, set())}
        if rule.kind is Kind.REQUIRED and rule.tag in types:
            assert "1" in found, rule.keyword


@pytest.mark.parametrize(
    ("keyword", "value", "clear"),
    [
        ("SliceThickness", b"2.5 ", b"2.5 "),
        ("SliceThickness", b" +2.5e-1", b" +2.5e-1"),
        ("SliceThickness", b"-1234567890.1234", b"-1234567890.1234"),
        ("SliceThickness", b"-1234567890.12345", b""),
        ("SliceThickness", b"2.5\\3", b""),
        ("SliceThickness", b"2,5", b""),
        ("SliceThickness", b"Eve", b""),
        ("SliceThickness", b"1-2-3", b""),
        ("SliceThickness", b"E", b""),
        ("SliceThickness", b"2.5\0DOE", b""),
        ("SliceThickness", b"2.5\0", b"2.5"),
        ("SliceThickness", b"  ", b""),
        ("SpacingBetweenSlices", b"thick", None),
        ("PixelSpacing", b"0.5\\0.5", b"0.5\\0.5"),
        ("InstanceNumber", b"-12 ", b"-12 "),
        ("InstanceNumber", b"1.5", b""),
        ("InstanceNumber", b"1234567890123", b""),
        ("PatientPosition", b"HFS ", b"HFS"),
        ("PatientPosition", b"HFS DOE", None),
        ("BodyPartExamined", b"CHEST", b"CHEST"),
        ("BodyPartExamined", b"MRS DOE", None),
        ("RescaleType", b"HU", b"HU"),
        ("RescaleType", b"DOE", b"US"),
        ("Modality", b"CT", b"CT"),
        ("Modality", b"DOE", b"CT"),
        ("ImageType", b"ORIGINAL\\PRIMARY\\AXIAL ", b"ORIGINAL\\PRIMARY\\AXIAL"),
        ("ImageType", b"DERIVED\\SECONDARY\\DOE", b"DERIVED\\SECONDARY"),
        ("ImageType", b"DERIVED\\PRIMARY\\AXIAL\\DOE", b"DERIVED\\PRIMARY\\AXIAL"),
        ("ImageType", b"DOE\\PRIMARY\\AXIAL", b"DERIVED\\SECONDARY"),
        ("SmallestImagePixelValue", b"\x01\x02", b"\x01\x02"),
        ("SmallestImagePixelValue", b"DOE^", None),
        ("SmallestImagePixelValue", b"\x01", None),
    ],
)
def test_a_value_stands_in_clear_only_if_it_is_what_it_should_be(
    keyword: str, value: bytes, clear: bytes | None
) -> None:
    assert _clear(keyword, value) == clear


@pytest.mark.parametrize("keyword", ["PixelSpacing", "ImagePositionPatient", "RescaleSlope"])
def test_a_required_number_that_is_none_refuses_the_instance(keyword: str) -> None:
    good = b"\\".join([b"1"] * RULES[keyword].count[0])
    assert _clear(keyword, good) == good

    with pytest.raises(EncryptSecureRTError) as caught:
        _clear(keyword, good + b"\\DOE")

    assert caught.value.code is ErrorCode.E_DICOM
    assert "DOE" not in str(caught.value)


def test_a_value_of_another_vr_is_not_kept() -> None:
    rule = RULES["SliceThickness"]

    assert clear_value(rule, b"DS", b"25") == b"25"
    assert clear_value(rule, b"LO", b"25") == b""
    assert clear_value(rule, b"UN", b"25") == b""


@given(st.sampled_from(KEPT), st.binary(max_size=40))
def test_no_kept_value_has_letters_that_its_row_does_not_name(rule: Rule, value: bytes) -> None:
    vr = rule.vrs[0]
    try:
        clear = clear_value(rule, vr, value)
    except EncryptSecureRTError:
        return
    if clear and rule.action is Action.KEEP_TERM:
        assert set(clear.split(b"\\")) <= rule.terms | {rule.fallback}
    elif clear and vr in (b"DS", b"IS"):
        assert not set(clear) - set(b"0123456789+-.eE \\")
    elif clear:
        assert len(clear) == 2
