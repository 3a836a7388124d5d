"""Pictures that a user vouches for: their lists apply; what a header says of text still counts."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from Testing.Unit.protect.conftest import us
from Testing.Unit.protect.pictures import (
    CAPTURE,
    COLOURED,
    COLOURS,
    MULTI_FRAME,
    NEEDS,
    PIXELS,
    RT_IMAGE,
    TRUE_COLOUR,
    ULTRASOUND,
    Changes,
    picture,
    read_picture,
)
from Testing.Unit.protect.test_canaries import CANARY, PLANTED, Nested

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.headers import HeaderRequest, encode_answer
from encryptsecurert_worker.dicom.protect import Protector
from encryptsecurert_worker.dicom.protect.choices import Choices, PixelText
from encryptsecurert_worker.dicom.protect.iods import IODS


@pytest.fixture(scope="module")
def vouching(site: Any) -> Protector:
    return Protector(site.keys, Choices(pixels=PixelText.VOUCHED))


@pytest.fixture(params=NEEDS, ids=["US", "US-MF", "SC", "SC-MF", "RTIMAGE"])
def sop_class(request: pytest.FixtureRequest) -> bytes:
    uid: bytes = request.param
    return uid


def _code(protector: Protector, request: HeaderRequest) -> ErrorCode | None:
    return protector.answer(request).code


def test_a_picture_is_protected_if_its_user_vouches_for_it_and_else_not(
    site: Any, vouching: Protector, sop_class: bytes
) -> None:
    request = picture(sop_class)

    assert _code(site.protector, request) is ErrorCode.E_BURNED_IN
    dataset = read_picture(vouching.protect(request))

    assert dataset.SOPClassUID == sop_class.decode()
    assert dataset.PixelData == PIXELS
    assert vouching.examine(request).vouched


def test_that_there_is_no_text_is_believed_of_nobody_but_a_user(
    site: Any, vouching: Protector, sop_class: bytes
) -> None:
    request = picture(sop_class, {0x00280301: (b"CS", b"NO")})

    assert _code(site.protector, request) is ErrorCode.E_BURNED_IN
    assert read_picture(vouching.protect(request)).BurnedInAnnotation == "NO"
    # Who vouches changes nothing of what the file says.
    assert "BurnedInAnnotation" not in read_picture(vouching.protect(picture(sop_class)))


@pytest.mark.parametrize(
    "changes",
    [
        {0x00280301: (b"CS", b"YES")},
        {0x00280301: (b"CS", b"MAYBE")},
        {0x60000102: (b"US", us(12))},
        {0x601E0100: (b"US", us(16))},
    ],
    ids=["annotation", "odd annotation", "overlay bits", "overlay as wide as a pixel"],
)
def test_text_that_the_header_tells_of_is_refused_whoever_vouches(
    vouching: Protector, sop_class: bytes, changes: Changes
) -> None:
    assert _code(vouching, picture(sop_class, changes)) is ErrorCode.E_BURNED_IN


@pytest.mark.parametrize(
    "changes",
    [
        {0x00080008: (b"CS", b"DERIVED\\SECONDARY\\SCREEN SAVE")},
        {0x00080064: (b"CS", b"WSD")},
    ],
    ids=["screen save", "conversion type"],
)
def test_a_screen_in_another_kind_is_a_matter_of_vouching_as_well(
    site: Any, vouching: Protector, ct_request: Callable[..., HeaderRequest], changes: Changes
) -> None:
    request = ct_request(changes)

    assert _code(site.protector, request) is ErrorCode.E_BURNED_IN
    assert vouching.examine(request).vouched
    assert _code(vouching, request) is None


def test_what_needs_nobody_to_vouch_is_not_told_as_vouched(
    vouching: Protector, ct_request: Callable[..., HeaderRequest]
) -> None:
    assert vouching.examine(ct_request()).vouched is False


def test_a_picture_of_no_list_is_refused_whoever_vouches(
    site: Any, vouching: Protector, ct_request: Callable[..., HeaderRequest]
) -> None:
    for uid in (b"1.2.840.10008.5.1.4.1.1.12.1", b"1.2.840.10008.5.1.4.1.1.77.1.4"):
        request = ct_request({0x00080016: (b"UI", uid)})
        assert _code(site.protector, request) is ErrorCode.E_BURNED_IN
        assert _code(vouching, request) is ErrorCode.E_MODALITY


@pytest.mark.parametrize("sop_class", [ULTRASOUND, MULTI_FRAME, CAPTURE, TRUE_COLOUR])
@pytest.mark.parametrize("colours", [b"RGB", b"YBR_FULL", b"YBR_RCT", b"YBR_ICT"])
def test_colours_stay_where_a_kind_has_them(
    vouching: Protector, sop_class: bytes, colours: bytes
) -> None:
    changes = {**COLOURED, 0x00280004: (b"CS", colours)}

    dataset = read_picture(vouching.protect(picture(sop_class, changes, COLOURS)), COLOURS)

    assert dataset.PhotometricInterpretation == colours.decode()
    assert (dataset.SamplesPerPixel, dataset.PlanarConfiguration) == (3, 0)
    assert dataset.PixelData == COLOURS


def test_halved_colours_have_two_octets_for_each_pixel(vouching: Protector) -> None:
    changes = {**COLOURED, 0x00280004: (b"CS", b"YBR_FULL_422"), 0x7FE00010: (b"OB", PIXELS)}

    dataset = read_picture(vouching.protect(picture(CAPTURE, changes)))

    assert dataset.PhotometricInterpretation == "YBR_FULL_422"
    whole = {**changes, 0x7FE00010: (b"OB", COLOURS)}
    assert _code(vouching, picture(CAPTURE, whole, COLOURS)) is ErrorCode.E_DICOM


@pytest.mark.parametrize(
    ("sop_class", "changes", "code"),
    [
        (ULTRASOUND, {0x00280004: (b"CS", b"PALETTE COLOR")}, ErrorCode.E_MODALITY),
        (CAPTURE, {0x00280004: (b"CS", b"PALETTE COLOR")}, ErrorCode.E_MODALITY),
        (CAPTURE, {0x00280004: (b"CS", b"RGB")}, ErrorCode.E_MODALITY),
        (CAPTURE, {0x00280002: (b"US", us(3))}, ErrorCode.E_MODALITY),
        (RT_IMAGE, {0x00280004: (b"CS", b"RGB")}, ErrorCode.E_BURNED_IN),
        (RT_IMAGE, {0x00280002: (b"US", us(3))}, ErrorCode.E_BURNED_IN),
        (CAPTURE, {0x00080064: None}, None),
        (CAPTURE, {0x00080064: (b"CS", b"DOE")}, ErrorCode.E_DICOM),
        (RT_IMAGE, {0x3002000C: (b"CS", b"DOE")}, ErrorCode.E_DICOM),
    ],
)
def test_what_a_list_does_not_have_is_refused(
    vouching: Protector, sop_class: bytes, changes: Changes, code: ErrorCode | None
) -> None:
    assert _code(vouching, picture(sop_class, changes)) is code


@settings(max_examples=200)
@given(
    st.sampled_from(sorted(NEEDS)),
    st.lists(PLANTED, min_size=1, max_size=4, unique_by=lambda one: one[0]),
)
def test_planted_text_never_stands_in_clear(
    vouching: Protector, sop_class: bytes, planted: list[Nested]
) -> None:
    request = picture(sop_class, {tag: (vr, value) for tag, vr, value in planted})
    assert CANARY in bytes(request.header)

    answer = vouching.answer(request)

    assert CANARY not in encode_answer(answer)


@pytest.mark.parametrize("vr", [None, b"UN", b"LO"], ids=["own", "UN", "LO"])
def test_no_allowed_attribute_carries_text(
    vouching: Protector, sop_class: bytes, vr: bytes | None
) -> None:
    for rule in IODS[sop_class].rules:
        request = picture(sop_class, {rule.tag: (vr or rule.vrs[0], CANARY)})
        assert CANARY not in encode_answer(vouching.answer(request)), rule.keyword


def test_a_refusal_says_nothing_of_the_picture(vouching: Protector) -> None:
    with pytest.raises(EncryptSecureRTError) as caught:
        vouching.protect(picture(CAPTURE, {0x00080064: (b"CS", b"CANARY")}))

    assert "CANARY" not in str(caught.value)
