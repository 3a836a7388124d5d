"""How deep a message may nest is known before it is parsed, whatever stands in its texts."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import LIMITS

DEEPEST = LIMITS.json_depth


def _nested(levels: int) -> bytes:
    return b'{"a":' * (levels - 1) + b"{}" + b"}" * (levels - 1)


def test_the_deepest_is_read_and_one_more_is_refused() -> None:
    assert canonical.encode(canonical.decode(_nested(DEEPEST))) == _nested(DEEPEST)
    with pytest.raises(EncryptSecureRTError, match="E_FORMAT"):
        canonical.decode(_nested(DEEPEST + 1))


@pytest.mark.parametrize(
    "text", ["[" * 99, "{" * 99, '"[' * 99, '\\"{[' * 99, "\\" * 99 + "[" * 99]
)
def test_brackets_in_texts_do_not_count(text: str) -> None:
    octets = canonical.encode({"a": text, "b": [text]})

    assert canonical.decode(octets) == {"a": text, "b": [text]}


@pytest.mark.parametrize(
    "octets", [b"[" * 100_000, b'{"a":' * 100_000, b'{"a":"' + b"\\" * 100_001]
)
def test_what_never_closes_is_refused(octets: bytes) -> None:
    with pytest.raises(EncryptSecureRTError, match="E_FORMAT"):
        canonical.decode(octets, 2**20)


@pytest.mark.parametrize("piece", [b'\\"', b"\\\\", b'"', b'"",', b'\\"[', b"[", b'"\\'])
@pytest.mark.parametrize("closing", [b"", b'"', b'"}'])
def test_a_long_message_takes_one_pass_whatever_is_repeated_in_it(
    piece: bytes, closing: bytes
) -> None:
    octets = b'{"a":"' + b"[" * 17 + piece * (2**20 // len(piece)) + closing

    assert _is_read_or_refused(octets)  # it would take hours if it took the square of one


def _depth_octet_by_octet(octets: bytes) -> int:
    deepest = depth = 0
    in_text = escaped = False
    for octet in octets:
        if in_text:
            in_text = escaped or octet != 0x22
            escaped = not escaped and octet == 0x5C
        elif octet == 0x22:
            in_text = True
        elif octet in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif octet in b"]}":
            depth -= 1
    return deepest


@given(st.lists(st.sampled_from(list(b'[]{}"\\,:a\n\xff')), max_size=300).map(bytes))
def test_nesting_is_what_one_counts_octet_by_octet(octets: bytes) -> None:
    assert canonical._depth(octets) == _depth_octet_by_octet(octets)


@given(st.lists(st.sampled_from(list('[]{}"\\,:a')), max_size=200).map("".join))
def test_whatever_brackets_and_quotes_stand_in_a_row_they_parse_or_are_refused(text: str) -> None:
    assert _is_read_or_refused(text.encode())


def _is_read_or_refused(octets: bytes) -> bool:
    try:
        value = canonical.decode(octets, 2**21)
    except EncryptSecureRTError as error:
        return error.code is ErrorCode.E_FORMAT
    return bool(json.loads(octets) == value)
