"""Planted text never stands in clear, wherever in an original it was planted."""

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom._dicom_dict import DicomDictionary

from encryptsecurert_protocol.errors import EncryptSecureRTError
from encryptsecurert_protocol.headers import HeaderRequest, ProtectedHeader, encode_answer
from encryptsecurert_worker.dicom.protect.iods.ct import CT_RULES

Build = Callable[..., HeaderRequest]
CANARY = b"KANARIE"
TEXT_VRS = b"AE AS CS DA DS DT IS LO LT PN SH ST TM UC UI UN UR UT OB".split()

# Any tag of the dictionary, private tags with and without creator, overlays, curves, unknown ones.
STANDARD = [
    tag for tag, row in DicomDictionary.items() if row[0] != "SQ" and 0x0008 < tag >> 16 < 0x7FE0
]
SEQUENCES = [tag for tag, row in DicomDictionary.items() if row[0] == "SQ" and tag >> 16 > 0x0008]


ALLOWED = [rule.tag for rule in CT_RULES]


def _one_of(tags: list[int]) -> st.SearchStrategy[int]:
    """Draw by index: hypothesis warns of strategies that print as long lists."""
    return st.integers(0, len(tags) - 1).map(lambda index: tags[index])


def _tags(first_group: int, last_group: int) -> st.SearchStrategy[int]:
    """Draw any element of every second group."""
    return st.builds(
        lambda step, number: (first_group + 2 * step) << 16 | number,
        st.integers(0, (last_group - first_group) // 2),
        st.integers(0x0001, 0xFFFF),
    )


TAGS = st.one_of(
    _one_of(STANDARD),
    _one_of(ALLOWED),
    _tags(0x0009, 0x7FEF),
    _tags(0x0008, 0x7FDE),
    _tags(0x5000, 0x501E),
    _tags(0x6000, 0x601E),
)
TEXT = st.builds(
    lambda before, after: before + CANARY + after,
    st.sampled_from([b"", b"1.5\\", b"HFS\\", b"ORIGINAL\\PRIMARY\\", b"1.2."]),
    st.sampled_from([b"", b"\\1", b"\0", b"^X"]),
)
LEAF = st.tuples(TAGS, st.sampled_from(TEXT_VRS), TEXT)
Nested = tuple[int, bytes, Any]
PLANTED: st.SearchStrategy[Nested] = st.recursive(
    LEAF,
    lambda children: st.tuples(
        _one_of(SEQUENCES),
        st.just(b"SQ"),
        st.lists(
            st.lists(children, min_size=1, max_size=2, unique_by=lambda one: one[0]),
            min_size=1,
            max_size=2,
        ),
    ),
    max_leaves=6,
)


def _clear_octets(answer: ProtectedHeader) -> bytes:
    """Return the whole answer, message and all, as it leaves the worker."""
    return encode_answer(answer)


def test_the_canary_would_be_found_if_it_stood_in_clear(ct_request: Build) -> None:
    request = ct_request({0x00104000: (b"LT", CANARY)})

    assert CANARY in bytes(request.header)


@settings(max_examples=400)
@given(st.lists(PLANTED, min_size=1, max_size=4, unique_by=lambda one: one[0]), st.booleans())
def test_planted_text_never_stands_in_clear(
    site: Any, ct_request: Build, planted: list[Nested], implicit: bool
) -> None:
    request = ct_request({tag: (vr, value) for tag, vr, value in planted}, implicit=implicit)
    assert CANARY in bytes(request.header)

    answer = site.protector.answer(request)

    assert CANARY not in _clear_octets(answer)
    assert CANARY.decode() not in repr(answer)


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("rule", CT_RULES, ids=lambda rule: rule.keyword)
@pytest.mark.parametrize("vr", [None, b"UN", b"LO"], ids=["own", "UN", "LO"])
def test_no_allowed_attribute_carries_text(
    site: Any, ct_request: Build, rule: Any, vr: bytes | None, implicit: bool
) -> None:
    planted = {rule.tag: (vr or rule.vrs[0], CANARY)}

    answer = site.protector.answer(ct_request(planted, implicit=implicit))

    assert CANARY not in _clear_octets(answer)


def test_text_in_preamble_meta_and_after_the_pixels_never_stands_in_clear(
    site: Any, ct_request: Build, element: Callable[..., bytes]
) -> None:
    request = ct_request(
        preamble=CANARY.ljust(128, b"\0"),
        after=element(0xFFFCFFFC, b"OB", CANARY + b"\0", implicit=False),
    )

    answer = site.protector.protect(request)

    clear = _clear_octets(answer)
    assert CANARY not in clear
    # The made-up base file has canaries of its own, one of them in the file meta information.
    assert bytes(request.header).count(b"CANARY") == 4
    assert b"CANARY" not in clear


def test_uids_that_embed_numbers_are_not_recognised(site: Any, ct_request: Build) -> None:
    number = b"19450101"
    planted: dict[int, tuple[bytes, Any]] = {
        tag: (b"UI", b"1.2." + number + b"." + str(n).encode())
        for n, tag in enumerate((0x00080018, 0x0020000D, 0x0020000E, 0x00200052, 0x00083010))
    }

    answer = site.protector.protect(ct_request(planted))

    assert number not in _clear_octets(answer)


@settings(max_examples=400)
@given(st.data(), st.booleans())
def test_a_damaged_header_raises_only_our_errors_and_shows_nothing(
    site: Any, ct_request: Build, data: st.DataObject, implicit: bool
) -> None:
    changes = {
        0x00081140: (b"SQ", [[(0x00081155, b"UI", b"1.2"), (0x00080104, b"LO", CANARY)]]),
        0x00104000: (b"LT", CANARY),
    }
    good = ct_request(changes, implicit=implicit)
    octets = bytearray(good.header)
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(octets) - 1))
        octets[place] = data.draw(st.integers(0, 255))
    damaged = HeaderRequest(size=good.size, bulk=good.bulk, header=bytes(octets))

    with contextlib.suppress(EncryptSecureRTError):
        answer = site.protector.protect(damaged)
        if CANARY in bytes(octets):
            assert CANARY not in _clear_octets(answer)
