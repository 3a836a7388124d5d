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


@given(st.lists(st.sampled_from(list('[]{}"\\,:a')), max_size=200).map("".join))
def test_whatever_brackets_and_quotes_stand_in_a_row_they_parse_or_are_refused(text: str) -> None:
    octets = text.encode()
    refusals: list[ErrorCode] = []
    try:
        value = canonical.decode(octets)
    except EncryptSecureRTError as error:
        refusals.append(error.code)
    else:
        assert json.loads(octets) == value

    assert refusals in ([], [ErrorCode.E_FORMAT])
