"""The worker's walker against pydicom, against the client's walker, and against damage."""

import contextlib
import struct
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataelem import RawDataElement

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.headers import HeaderRequest
from encryptsecurert_worker.dicom.protect.elements import (
    MAX_DEPTH,
    MAX_ELEMENTS,
    PIXEL_DATA,
    PIXEL_TAGS,
    Element,
    Header,
    read_header,
)
from EncryptSecureRTLib.client.dicomfiles import header_request, split_file
from EncryptSecureRTLib.client.dicomfiles.walker import TagWalker

UNDEFINED = b"\xff\xff\xff\xff"
Flat = list[tuple[int, int | None]]


def _flat(elements: Iterator[Element] | tuple[Element, ...]) -> Flat:
    """Return (tag, length) of all elements in depth-first order; None for a sequence."""
    rows: Flat = []
    for element in elements:
        if element.tag in PIXEL_TAGS:
            continue
        if element.items is None:
            rows.append((element.tag, element.value_end - element.value))
            continue
        rows.append((element.tag, None))
        for item in element.items:
            rows += _flat(item)
    return rows


def _walk_file(path: Path) -> tuple[Header, HeaderRequest]:
    request = header_request(split_file(path))
    return read_header(request), request


def _oracle_of(octets: bytes) -> Flat:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its warnings are about values, which we do not compare
        return _oracle(pydicom.dcmread(BytesIO(octets)))


def _length(element: object) -> int:
    if isinstance(element, RawDataElement):
        return len(element.value or b"")
    # Reading the file converts Pixel Representation and the character set at once.
    value = getattr(element, "value", None)
    if isinstance(value, int):
        return 2
    if isinstance(value, pydicom.Sequence):
        return 0
    text = "\\".join([value] if isinstance(value, str) else value or [])
    return len(text) + len(text) % 2


def _oracle(dataset: pydicom.Dataset) -> Flat:
    """Take all lengths before pydicom converts the first element, which converts others too."""
    lengths = {tag: _length(dataset.get_item(tag)) for tag in dataset.keys()}
    rows: Flat = []
    for tag in sorted(lengths):
        if int(tag) in PIXEL_TAGS:
            continue
        converted = dataset[tag]
        if converted.VR != "SQ":
            rows.append((int(tag), lengths[tag]))
            continue
        rows.append((int(tag), None))
        for item in converted.value:
            rows += _oracle(item)
    return rows


@pytest.mark.real_data
def test_real_ct_files_have_the_elements_that_pydicom_finds(
    real_cts: list[Path],
) -> None:
    for path in [*real_cts[:2], *real_cts[-2:]]:
        header, _ = _walk_file(path)

        assert _flat(tuple(header.elements.values())) == _oracle_of(path.read_bytes())


@pytest.mark.real_data
def test_files_of_many_kinds_have_the_elements_that_pydicom_finds(shared_data: Path) -> None:
    checked = 0
    for path in sorted((shared_data / "dicom_kinds").rglob("*.dcm")):
        if path.name == "bad_sequence.dcm":
            continue  # pydicom looks into UN of defined length, by guessing; we do not
        try:
            split = split_file(path)
            if len(split.bulk) != 1:
                continue
            header = read_header(header_request(split))
        except EncryptSecureRTError:
            continue
        assert _flat(tuple(header.elements.values())) == _oracle_of(path.read_bytes()), path.name
        checked += 1
    assert checked >= 10


@pytest.mark.real_data
def test_what_the_worker_takes_the_client_has_split_at_pixel_data(shared_data: Path) -> None:
    for path in sorted((shared_data / "dicom_kinds").rglob("*.dcm")):
        with contextlib.suppress(EncryptSecureRTError):
            header, request = _walk_file(path)
            found = [one.value for tag, one in header.elements.items() if tag in PIXEL_TAGS]
            assert found == [one.offset for one in request.bulk]


def _sequence(tag: bytes, vr: bytes, body: bytes) -> bytes:
    """Return a sequence of undefined length with one item of undefined length."""
    return (
        tag
        + (vr + b"\0\0" if vr else b"")
        + UNDEFINED
        + b"\xfe\xff\x00\xe0"
        + UNDEFINED
        + body
        + b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    )


def _with(octets: bytes, extra: bytes) -> bytes:
    """Put octets before PatientName."""
    place = octets.index(b"\x10\x00\x10\x00PN")
    return octets[:place] + extra + octets[place:]


def test_un_of_undefined_length_is_implicit_inside(
    ct_octets: Callable[..., bytes], element: Callable[..., bytes], tmp_path: Path
) -> None:
    child = element(0x00080104, b"LO", b"MEANING", implicit=True)
    octets = _with(ct_octets(), _sequence(b"\x09\x00\x10\x10", b"UN", child))
    path = tmp_path / "un.dcm"
    path.write_bytes(octets)

    header, _ = _walk_file(path)

    items = header.elements[0x00091010].items
    assert items is not None
    assert [one.tag for one in items[0]] == [0x00080104]
    assert _flat(tuple(header.elements.values())) == _oracle_of(octets)


def test_private_sequences_of_undefined_length_are_entered_in_implicit_vr(
    ct_octets: Callable[..., bytes], element: Callable[..., bytes], tmp_path: Path
) -> None:
    octets = ct_octets(implicit=True)
    child = element(0x00091011, b"UN", b"x", implicit=True)
    place = octets.index(b"\x10\x00\x10\x00")
    octets = octets[:place] + _sequence(b"\x09\x00\x10\x10", b"", child) + octets[place:]
    path = tmp_path / "private.dcm"
    path.write_bytes(octets)

    header, _ = _walk_file(path)

    assert _flat(tuple(header.elements.values())) == _oracle_of(octets)


def _nested(depth: int) -> bytes:
    body = b""
    for _ in range(depth):
        body = _sequence(b"\x08\x00\x40\x11", b"SQ", body)
    return body


def test_sequences_as_deep_as_the_limit_are_walked_and_deeper_ones_are_not(
    ct_octets: Callable[..., bytes], ct_request: Callable[..., HeaderRequest], tmp_path: Path
) -> None:
    path = tmp_path / "deep.dcm"
    path.write_bytes(_with(ct_octets(), _nested(MAX_DEPTH)))
    header, _ = _walk_file(path)
    assert 0x00081140 in header.elements

    path.write_bytes(_with(ct_octets(), _nested(MAX_DEPTH + 1)))
    with pytest.raises(EncryptSecureRTError) as caught:
        _walk_file(path)
    assert caught.value.code is ErrorCode.E_DICOM


def _code(request: HeaderRequest) -> ErrorCode:
    with pytest.raises(EncryptSecureRTError) as caught:
        read_header(request)
    return caught.value.code


def test_bulk_anywhere_but_at_the_pixels_is_refused(
    ct_octets: Callable[..., bytes], ct_request: Callable[..., HeaderRequest]
) -> None:
    good = ct_request()
    assert PIXEL_DATA in read_header(good).elements
    octets = ct_octets()
    (bulk,) = good.bulk

    hidden = octets.index(b"CANARY^NAME ")
    for offset, length in ((hidden, 12), (bulk.offset + 2, bulk.length - 2)):
        moved = HeaderRequest(
            size=len(octets),
            bulk=(type(bulk)(offset=offset, length=length, sha256=bulk.sha256),),
            header=octets[:offset] + octets[offset + length :],
        )
        assert _code(moved) in (ErrorCode.E_FORMAT, ErrorCode.E_DICOM)


def test_bulk_of_the_right_length_at_the_wrong_place_is_refused(
    ct_request: Callable[..., HeaderRequest],
) -> None:
    good = ct_request(after=bytes.fromhex("e17f10004f42000000000000"))
    assert PIXEL_DATA in read_header(good).elements

    for step in (-12, -2, 2, 12):
        moved = replace(good.bulk[0], offset=good.bulk[0].offset + step)
        assert _code(replace(good, bulk=(moved,))) is ErrorCode.E_FORMAT


def test_pixels_that_come_inside_the_header_are_refused(ct_octets: Callable[..., bytes]) -> None:
    octets = ct_octets()

    assert _code(HeaderRequest(size=len(octets), bulk=(), header=octets)) is ErrorCode.E_FORMAT


def test_an_element_that_comes_twice_is_refused(
    ct_request: Callable[..., HeaderRequest], element: Callable[..., bytes]
) -> None:
    once = element(0x7FE10010, b"LO", b"X", implicit=False)
    assert 0x7FE10010 in read_header(ct_request(after=once)).elements

    assert _code(ct_request(after=once + once)) is ErrorCode.E_DICOM


@pytest.mark.parametrize(
    "syntax",
    [
        b"1.2.840.10008.1.2.2",
        b"1.2.840.10008.1.2.1.99",
        b"1.2.840.10008.1.2.4.90",
        b"1.2.840.10008.1.2.5",
        b"9.9",
    ],
)
def test_other_transfer_syntaxes_are_refused(
    ct_request: Callable[..., HeaderRequest], syntax: bytes
) -> None:
    assert _code(ct_request(syntax=syntax)) is ErrorCode.E_TRANSFER_SYNTAX
    for known in (b"1.2.840.10008.1.2.1", b"1.2.840.10008.1.2"):
        implicit = known == b"1.2.840.10008.1.2"
        assert read_header(ct_request(syntax=known, implicit=implicit)).implicit is implicit


VALUES = st.binary(max_size=12)
SIMPLE = st.tuples(
    st.sampled_from([0x00080104, 0x00091010, 0x00191001, 0x30061234, 0x00104000]),
    st.sampled_from(b"LO UN OB ST UT".split()),
    VALUES,
)
Nested = tuple[int, bytes, Any]
ELEMENTS: st.SearchStrategy[Nested] = st.recursive(
    SIMPLE,
    lambda children: st.tuples(
        st.sampled_from([0x00081140, 0x00400275, 0x300A00B0]),
        st.just(b"SQ"),
        st.lists(
            st.lists(children, max_size=3, unique_by=lambda one: one[0]).map(
                lambda item: sorted(item, key=lambda one: one[0])
            ),
            max_size=3,
        ),
    ),
    max_leaves=12,
)


@given(st.lists(ELEMENTS, max_size=5, unique_by=lambda one: one[0]), st.booleans())
def test_random_nested_data_sets_have_the_elements_that_pydicom_finds(
    ct_octets: Callable[..., bytes],
    ct_request: Callable[..., HeaderRequest],
    extra: list[Nested],
    implicit: bool,
) -> None:
    changes = {tag: (vr, value) for tag, vr, value in extra}
    octets = ct_octets(changes, implicit=implicit)

    header = read_header(ct_request(changes, implicit=implicit))

    assert _flat(tuple(header.elements.values())) == _oracle_of(octets)
    bulk = TagWalker(BytesIO(octets), len(octets)).layout().pixels
    assert [(one.offset, one.length) for one in bulk] == [(header.elements[PIXEL_DATA].value, 48)]


@given(st.data(), st.booleans())
def test_damaged_headers_raise_only_our_errors_in_both_walkers(
    ct_octets: Callable[..., bytes],
    ct_request: Callable[..., HeaderRequest],
    data: st.DataObject,
    implicit: bool,
) -> None:
    good = ct_request({0x00081140: (b"SQ", [[(0x00081155, b"UI", b"1.2")]])}, implicit=implicit)
    octets = bytearray(good.header)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(128, len(octets) - 1))
        octets[place] = data.draw(st.sampled_from([0, 1, 0xFF, 0xFE, 0x10, 0x53, 0x7F]))
    request = HeaderRequest(size=good.size, bulk=good.bulk, header=bytes(octets))
    whole = bytes(octets[: good.bulk[0].offset]) + bytes(48)

    with contextlib.suppress(EncryptSecureRTError):
        read_header(request)
    with contextlib.suppress(EncryptSecureRTError):
        TagWalker(BytesIO(whole), len(whole)).layout()


def test_many_elements_are_bounded(ct_request: Callable[..., HeaderRequest]) -> None:
    def items(count: int) -> bytes:
        return struct.pack("<HHL", 0xFFFE, 0xE000, 0) * count

    fitting, too_many = MAX_ELEMENTS - 100, MAX_ELEMENTS + 1
    assert read_header(ct_request({0x00081140: (b"SQ", items(fitting))})).elements

    assert _code(ct_request({0x00081140: (b"SQ", items(too_many))})) is ErrorCode.E_TOO_LARGE
