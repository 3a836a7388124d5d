"""Gaps on the wire, and what a worker makes of a client that lies about them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from Testing.Unit.hidden.frames import BASELINE, canary, compressed_ct, jpeg, picture, segment
from Testing.Unit.protect.conftest import PIXELS, make_ct, request_of
from Testing.Unit.reveal.signing import SigningSite

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.gaps import MAX_GAPS, gaps_json
from encryptsecurert_protocol.headers import (
    MAX_PART_JSON_BYTES,
    BulkRange,
    HeaderRequest,
    decode_request,
    encode_answer,
    encode_request,
)
from encryptsecurert_protocol.reveals import RevealRequest
from EncryptSecureRTLib.client.dicomfiles import header_request, split_file

DIGEST = "0" * 64


def _refusal(call: Callable[[], object]) -> ErrorCode:
    with pytest.raises(EncryptSecureRTError) as refused:
        call()
    return refused.value.code


def _many(count: int) -> HeaderRequest:
    bulk = BulkRange(offset=0, length=2 * count + 1, sha256=DIGEST)
    gaps = tuple((1 + 2 * number, 1) for number in range(count))
    return HeaderRequest(size=2 * count + 1, bulk=(bulk,), header=bytes(count), gaps=gaps)


@pytest.fixture(scope="module")
def commented(tmp_path_factory: pytest.TempPathFactory) -> HeaderRequest:
    """Return the request for a file with a comment in its compressed pixels."""
    frame = jpeg(picture())
    path: Path = tmp_path_factory.mktemp("commented") / "original.dcm"
    path.write_bytes(compressed_ct(BASELINE, [frame[:2] + segment(0xFE, canary()) + frame[2:]]))
    return header_request(split_file(path))


def test_as_many_gaps_as_there_may_be_are_read_as_they_were_written() -> None:
    request = _many(MAX_GAPS)

    assert decode_request(encode_request(request)).gaps == request.gaps
    assert _refusal(lambda: _many(MAX_GAPS + 1)) is ErrorCode.E_TOO_LARGE


def _of_two_ranges(*gaps: tuple[int, int]) -> HeaderRequest:
    ranges = tuple(BulkRange(offset=at, length=10, sha256=DIGEST) for at in (0, 20))
    size = 30 - 20 + sum(length for _, length in gaps)
    return HeaderRequest(size=30, bulk=ranges, header=bytes(size), gaps=gaps)


def test_each_gap_lies_inside_one_range() -> None:
    assert _of_two_ranges((0, 1), (9, 1), (20, 10)).gaps
    for outside in ((5, 6), (10, 1), (19, 2), (29, 2), (30, 1)):
        assert _refusal(lambda gap=outside: _of_two_ranges(gap)) is ErrorCode.E_FORMAT  # type: ignore[misc]  # mypy cannot infer a lambda with a default


def test_there_is_room_for_as_many_gaps_at_the_end_of_the_largest_file() -> None:
    gaps = [(2**53 - 1, 1536)] * MAX_GAPS  # together as long as a header may be

    assert len(canonical.encode({"gaps": gaps_json(gaps)})) < MAX_PART_JSON_BYTES - 4096


def test_a_protected_file_is_sent_without_gaps(commented: HeaderRequest) -> None:
    fields: dict[str, Any] = {
        "size": commented.size,
        "bulk": commented.bulk,
        "header": commented.header,
        "gaps": commented.gaps,
    }

    assert HeaderRequest(**fields).gaps
    assert _refusal(lambda: RevealRequest(**fields)) is ErrorCode.E_FORMAT


def test_the_octets_of_a_gap_are_sealed_and_nowhere_else(
    signing: SigningSite, commented: HeaderRequest
) -> None:
    assert canary() in bytes(commented.header)

    answer = signing.protector.protect(commented)

    assert canary() not in encode_answer(answer)


@pytest.mark.parametrize(
    ("at", "length", "code"),
    [
        (0, 1, ErrorCode.E_FORMAT),
        (46, 1, ErrorCode.E_FORMAT),
        (46, 2, ErrorCode.E_FORMAT),
        (47, 1, None),
    ],
    ids=["first octet", "last but one", "last two", "where a pad octet is"],
)
def test_of_uncompressed_pixels_only_the_last_octet_can_be_a_gap(
    signing: SigningSite, at: int, length: int, code: ErrorCode | None
) -> None:
    octets, good = make_ct(), request_of(make_ct())
    start, end = good.bulk[0].offset, good.bulk[0].offset + len(PIXELS)
    header = octets[:start] + PIXELS[at : at + length] + octets[end:]

    answer = signing.protector.answer(replace(good, header=header, gaps=((start + at, length),)))

    assert answer.code is code


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_client_that_lies_about_bulk_and_gaps_gets_nothing_of_the_header_in_clear(
    signing: SigningSite, commented: HeaderRequest, data: st.DataObject
) -> None:
    (bulk,), (gap,) = commented.bulk, commented.gaps
    header = bytes(commented.header)
    steps = st.sampled_from([-40, -8, -2, -1, 0, 0, 1, 2, 8, 40])
    offset, length = bulk.offset + data.draw(steps), bulk.length + data.draw(steps)
    inside, masked = gap[0] + data.draw(steps), gap[1] + data.draw(steps)
    try:
        request = HeaderRequest(
            size=len(header) + length - masked,
            bulk=(BulkRange(offset=offset, length=length, sha256=bulk.sha256),),
            header=header,
            gaps=((inside, masked),),
        )
    except EncryptSecureRTError:
        return

    answer = signing.protector.answer(request)

    clear = encode_answer(answer)
    assert canary() not in clear
    assert b"CANARY" not in clear
    if (offset, masked) != (bulk.offset, gap[1]):
        assert answer.code in (ErrorCode.E_FORMAT, ErrorCode.E_DICOM)
