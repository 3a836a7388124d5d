"""The message of `protect`: one octet string for one request, and nothing else is taken."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.headers import (
    MAX_BULK_RANGES,
    MAX_HEADER_BYTES,
    BulkInsert,
    BulkRange,
    HeaderRequest,
    HeaderState,
    ProtectedHeader,
    decode_answer,
    decode_request,
    encode_answer,
    encode_request,
    refused_header,
)
from encryptsecurert_protocol.reveals import RevealRequest

DIGEST = "0" * 63 + "a"
NAME = "2.25.123/2.25.0.dcm"
BULK = BulkRange(offset=4, length=10, sha256=DIGEST)


def _request(header: bytes = b"headertail", **changes: object) -> HeaderRequest:
    fields: dict[str, object] = {"size": len(header) + 10, "bulk": (BULK,), "header": header}
    return HeaderRequest(**(fields | changes))  # type: ignore[arg-type]  # wrong types are tested


def _answer(**changes: object) -> ProtectedHeader:
    fields: dict[str, object] = {
        "state": HeaderState.PROTECTED,
        "name": NAME,
        "bulk": (BulkInsert(at=6, length=10, sha256=DIGEST),),
        "header": b"header",
    }
    return ProtectedHeader(**(fields | changes))  # type: ignore[arg-type]  # as above


def test_a_request_is_read_as_it_was_written() -> None:
    request = _request(file_sha256=DIGEST)

    read = decode_request(encode_request(request))

    assert (read.size, read.bulk, read.file_sha256) == (20, (BULK,), DIGEST)
    assert bytes(read.header) == b"headertail"


def test_a_request_begins_with_its_json_length_and_ends_with_the_header() -> None:
    octets = encode_request(_request())

    length = int.from_bytes(octets[:4], "big")

    assert canonical.decode(octets[4 : 4 + length])["schema"] == "encryptsecurert.header/2"
    assert octets[4 + length :] == b"headertail"


def test_answers_are_read_as_they_were_written() -> None:
    for answer in (_answer(), refused_header(ErrorCode.E_BURNED_IN)):
        read = decode_answer(encode_answer(answer))

        assert (read.state, read.code, read.name, read.bulk) == (
            answer.state,
            answer.code,
            answer.name,
            answer.bulk,
        )
        assert bytes(read.header) == bytes(answer.header)


def test_the_size_of_an_answer_counts_header_and_bulk() -> None:
    assert _answer().size == 16


@pytest.mark.parametrize(
    ("name", "is_taken"),
    [
        (NAME, True),
        ("2.25.1/2.25.2.dcm", True),
        ("2.25.01/2.25.2.dcm", False),
        ("../2.25.2.dcm", False),
        ("2.25.1/../../2.25.2.dcm", False),
        ("2.25.1/2.25.2.dcm\n", False),
        ("2.25.1\\2.25.2.dcm", False),
        ("/2.25.1/2.25.2.dcm", False),
        ("1.2.3/2.25.2.dcm", False),
        ("2.25." + "9" * 40 + "/2.25.2.dcm", False),
    ],
)
def test_only_mapped_uids_make_a_file_name(name: str, is_taken: bool) -> None:
    if is_taken:
        assert _answer(name=name).name == name
        return
    with pytest.raises(EncryptSecureRTError) as caught:
        _answer(name=name)
    assert caught.value.code is ErrorCode.E_FORMAT


@pytest.mark.parametrize(
    "changes",
    [
        {"size": 19},
        {"size": 21},
        {"bulk": ()},
        {"bulk": (BULK, BULK), "size": 30},
        {"bulk": (BulkRange(offset=11, length=10, sha256=DIGEST),)},
        {"file_sha256": DIGEST.upper()},
        {"file_sha256": "0"},
    ],
)
def test_a_request_that_does_not_add_up_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(EncryptSecureRTError) as caught:
        _request(**changes)
    assert caught.value.code is ErrorCode.E_FORMAT


@pytest.mark.parametrize(
    "changes",
    [
        {"code": ErrorCode.E_DICOM},
        {"name": None},
        {"header": b""},
        {"state": HeaderState.REFUSED},
        {"state": HeaderState.REFUSED, "code": ErrorCode.E_DICOM, "name": None, "header": b""},
        {"bulk": (BulkInsert(at=7, length=10, sha256=DIGEST),)},
    ],
)
def test_an_answer_that_contradicts_itself_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(EncryptSecureRTError) as caught:
        _answer(**changes)
    assert caught.value.code is ErrorCode.E_FORMAT


def test_a_header_at_the_limit_is_taken_and_one_octet_more_is_not() -> None:
    assert _request(bytes(MAX_HEADER_BYTES)).size == MAX_HEADER_BYTES + 10

    with pytest.raises(EncryptSecureRTError) as caught:
        _request(bytes(MAX_HEADER_BYTES + 1))
    assert caught.value.code is ErrorCode.E_TOO_LARGE


def test_as_many_bulk_ranges_as_the_limit_are_taken_and_one_more_is_not() -> None:
    def ranges(count: int) -> tuple[BulkRange, ...]:
        return tuple(BulkRange(offset=n, length=1, sha256=DIGEST) for n in range(count))

    most = ranges(MAX_BULK_RANGES)
    request = _request(b"", size=MAX_BULK_RANGES, bulk=most)
    assert decode_request(encode_request(request)).bulk == most

    with pytest.raises(EncryptSecureRTError) as caught:
        _request(b"", size=MAX_BULK_RANGES + 1, bulk=ranges(MAX_BULK_RANGES + 1))
    assert caught.value.code is ErrorCode.E_TOO_LARGE


def test_unknown_and_missing_fields_are_refused() -> None:
    good = canonical.decode(encode_request(_request())[4:-10])
    less = {key: value for key, value in good.items() if key != "file_sha256"}
    for fields, is_taken in ((good, True), (good | {"path": "x"}, False), (less, False)):
        text = canonical.encode(fields)
        octets = len(text).to_bytes(4, "big") + text + b"headertail"
        if is_taken:
            assert decode_request(octets).size == 20
            continue
        with pytest.raises(EncryptSecureRTError) as caught:
            decode_request(octets)
        assert caught.value.code is ErrorCode.E_FORMAT


def test_a_whole_request_has_no_bulk_and_says_so() -> None:
    whole = _request(size=10, bulk=(), whole=True)

    assert decode_request(encode_request(whole)).whole is True
    assert decode_request(encode_request(_request())).whole is False
    for wrong in ({"whole": True}, {"size": 10, "bulk": (), "whole": 1}):
        with pytest.raises(EncryptSecureRTError) as caught:
            _request(**wrong)
        assert caught.value.code is ErrorCode.E_FORMAT


def test_a_protected_file_is_never_asked_for_as_a_whole() -> None:
    with pytest.raises(EncryptSecureRTError) as caught:
        RevealRequest(size=10, bulk=(), header=b"headertail", whole=True)
    assert caught.value.code is ErrorCode.E_FORMAT

    request = RevealRequest(size=10, bulk=(), header=b"headertail")
    assert b"whole" not in encode_request(request)


def test_neither_message_shows_its_header_when_printed() -> None:
    assert "headertail" not in repr(_request())
    assert "secret" not in repr(_answer(header=b"secret"))


@given(st.data())
def test_changed_octets_raise_only_our_errors(data: st.DataObject) -> None:
    octets = bytearray(
        data.draw(st.sampled_from([encode_request(_request()), encode_answer(_answer())]))
    )
    for _ in range(data.draw(st.integers(1, 4))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(octets[: data.draw(st.integers(0, len(octets)))])
    for decode in (decode_request, decode_answer):
        with contextlib.suppress(EncryptSecureRTError):
            decode(cut)
