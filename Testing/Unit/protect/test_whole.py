"""A file that is sealed whole: an instance of raw data that says next to nothing in clear."""

import re
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from Testing.Unit.protect.conftest import PIXELS, make_ct
from Testing.Unit.protect.kinds import dciodvfy_errors
from Testing.Unit.protect.test_canaries import CANARY, PLANTED, Nested
from Testing.Unit.protect.wholes import (
    DOCUMENT,
    FRAGMENTS,
    JPEG,
    ORIGINALS,
    ULTRASOUND,
    compressed,
    read_whole,
    whole,
)
from Testing.Unit.reveal.signing import SigningSite

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.headers import MAX_HEADER_BYTES, encode_answer
from encryptsecurert_worker.dicom.protect import Protector
from encryptsecurert_worker.dicom.protect.choices import Choices, Dates, PixelText
from encryptsecurert_worker.dicom.protect.iods.whole import RAW_DATA_STORAGE
from encryptsecurert_worker.dicom.protect.shell import METHOD


@pytest.fixture(params=ORIGINALS.values(), ids=list(ORIGINALS))
def original(request: pytest.FixtureRequest) -> bytes:
    octets: bytes = request.param
    return octets


def test_nothing_of_the_original_stands_in_clear(site: Any, original: bytes) -> None:
    clear = encode_answer(site.protector.protect(whole(original)))

    assert b"CANARY" in original
    for octets in (b"CANARY", PIXELS, b"%PDF", b"20010203", ULTRASOUND, DOCUMENT, b"JPEG"):
        assert octets not in clear


def test_what_stands_in_clear_is_raw_data_without_bulk(site: Any, original: bytes) -> None:
    answer = site.protector.protect(whole(original))

    dataset = read_whole(answer)
    assert answer.bulk == ()
    assert dataset.SOPClassUID == RAW_DATA_STORAGE.decode()
    assert dataset.file_meta.MediaStorageSOPClassUID == dataset.SOPClassUID
    assert dataset.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert answer.name == f"{dataset.SeriesInstanceUID}/{dataset.SOPInstanceUID}.dcm"
    assert re.fullmatch(r"P[A-Z2-7]{16}", dataset.PatientID)
    assert dataset.PatientIdentityRemoved == "YES"
    assert dataset.LongitudinalTemporalInformationModified == "REMOVED"
    assert (dataset.Modality, dataset.InstanceNumber) == ("CT", 7)
    beyond = {int(tag) for tag in dataset.keys() if tag.group > 0x0020}
    assert beyond == {0x00280303, 0x00400555, 0x04000500}


def test_it_stands_in_the_study_and_series_of_its_neighbours(site: Any) -> None:
    other = make_ct({0x00080018: (b"UI", b"1.2.3.4.6")})

    one, two = (read_whole(site.protector.protect(whole(octets))) for octets in (make_ct(), other))

    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "PatientID", "PatientName"):
        assert one[keyword].value == two[keyword].value
    assert one.SOPInstanceUID != two.SOPInstanceUID


def test_a_validator_finds_nothing_wrong_with_it(
    site: Any, original: bytes, tmp_path: Path
) -> None:
    program = shutil.which("dciodvfy")
    if program is None:
        pytest.skip("dciodvfy is not installed (dicom3tools)")
    path = tmp_path / "whole.dcm"
    for choices in (Choices(), Choices(dates=Dates.SHIFT)):
        path.write_bytes(bytes(Protector(site.keys, choices).protect(whole(original)).header))
        assert dciodvfy_errors(program, path) == []


def test_an_original_without_modality_and_number_is_told_as_any(site: Any) -> None:
    missing = make_ct({0x00080060: None, 0x00200013: None})
    wrong = make_ct({0x00080060: (b"CS", b"DOE"), 0x00200013: (b"IS", b"DOE")})
    empty = make_ct({0x00080060: (b"CS", b""), 0x00200013: (b"IS", b"")})

    for one in (missing, wrong, empty):
        dataset = read_whole(site.protector.protect(whole(one)))
        assert (dataset.Modality, dataset.InstanceNumber) == ("OT", 1)


def test_nobody_needs_to_vouch_for_it(site: Any, original: bytes) -> None:
    vouching = Protector(site.keys, Choices(pixels=PixelText.VOUCHED))

    assert vouching.examine(whole(original)).vouched is False


REFUSED: dict[str, tuple[bytes, ErrorCode]] = {
    "no instance": (make_ct({0x00080018: None}), ErrorCode.E_MISSING_UID),
    "empty study": (make_ct({0x0020000D: (b"UI", b"")}), ErrorCode.E_MISSING_UID),
    "no series": (make_ct({0x0020000E: None}), ErrorCode.E_MISSING_UID),
    "protected by us": (
        make_ct({0x00120063: (b"LO", METHOD), 0x04000500: (b"SQ", [])}),
        ErrorCode.E_PROTECTED_ALREADY,
    ),
    "big endian": (make_ct(syntax=b"1.2.840.10008.1.2.2"), ErrorCode.E_TRANSFER_SYNTAX),
    "fragments without an end": (compressed()[:-8], ErrorCode.E_DICOM),
    "a fragment past the end": (
        compressed(fragments=struct.pack("<HHL", 0xFFFE, 0xE000, 99) + b"JPEG"),
        ErrorCode.E_DICOM,
    ),
    "a fragment without length": (
        compressed(fragments=struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)),
        ErrorCode.E_DICOM,
    ),
    "something else than fragments": (compressed(fragments=FRAGMENTS[2:]), ErrorCode.E_DICOM),
    "native pixels as compressed": (make_ct(syntax=JPEG), ErrorCode.E_TRANSFER_SYNTAX),
    "cut pixels": (make_ct()[:-2], ErrorCode.E_DICOM),
    "no DICOM": (b"no DICOM" * 40, ErrorCode.E_DICOM),
}


@pytest.mark.parametrize(("octets", "code"), REFUSED.values(), ids=REFUSED)
def test_what_has_no_place_in_a_study_is_refused(site: Any, octets: bytes, code: ErrorCode) -> None:
    assert site.protector.answer(whole(make_ct())).code is None
    assert site.protector.answer(whole(octets)).code is code


def test_our_own_manifest_and_our_own_whole_are_not_sealed_again() -> None:
    signing = SigningSite()
    answer = signing.protector.protect(whole(make_ct()))

    for octets in (signing.manifest([answer]), bytes(answer.header)):
        assert signing.protector.answer(whole(octets)).code is ErrorCode.E_PROTECTED_ALREADY


def test_pixels_in_a_header_are_refused_unless_it_is_whole(site: Any) -> None:
    octets = make_ct()
    request = whole(octets)

    with pytest.raises(EncryptSecureRTError) as caught:
        site.protector.protect(type(request)(size=len(octets), bulk=(), header=octets))

    assert caught.value.code is ErrorCode.E_FORMAT
    assert site.protector.answer(request).code is None


def test_a_file_is_sealed_whole_up_to_the_limit_and_not_beyond(site: Any) -> None:
    room = MAX_HEADER_BYTES - len(make_ct(pixels=b"")) & ~1
    largest = make_ct(pixels=bytes(room))

    answer = site.protector.protect(whole(largest))

    assert 2 * len(largest) < answer.size < 2 * len(largest) + 20_000
    with pytest.raises(EncryptSecureRTError) as caught:
        whole(make_ct(pixels=bytes(room + 2)))
    assert caught.value.code is ErrorCode.E_TOO_LARGE


@settings(max_examples=150)
@given(st.lists(PLANTED, min_size=1, max_size=4, unique_by=lambda one: one[0]), st.booleans())
def test_planted_text_never_stands_in_clear(
    site: Any, ct_octets: Callable[..., bytes], planted: list[Nested], implicit: bool
) -> None:
    octets = ct_octets({tag: (vr, value) for tag, vr, value in planted}, implicit=implicit)
    assert CANARY in octets

    answer = site.protector.answer(whole(octets))

    assert CANARY not in encode_answer(answer)
