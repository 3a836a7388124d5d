"""The octets of an upload: parts that lie where they are, cut as if they were one."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.objects import ObjectKind
from EncryptSecureRTLib.client.channel import Channel
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.upload import Content, upload


@given(
    parts=st.lists(st.binary(max_size=20), max_size=6),
    start=st.integers(0, 130),
    size=st.integers(1, 60),
)
def test_a_chunk_is_what_the_joined_octets_have_there(
    parts: list[bytes], start: int, size: int
) -> None:
    content, joined = Content(parts), b"".join(parts)

    assert bytes(content.chunk(start, size)) == joined[start : start + size]
    assert content.size_bytes == len(joined)
    assert content.sha256() == hashlib.sha256(joined).digest()


def test_a_chunk_within_one_part_is_not_copied() -> None:
    voxels = bytearray(100)
    content = Content([b"head", voxels])
    chunk = content.chunk(10, 20)
    voxels[6] = 7

    assert isinstance(chunk, memoryview)
    assert chunk[0] == 7


def test_parts_may_hold_items_of_any_size() -> None:
    words = memoryview(bytes(range(16))).cast("H")

    assert bytes(Content([words]).chunk(0, 16)) == bytes(range(16))


def test_an_upload_that_is_stopped_asks_the_channel_nothing(tmp_path: Path) -> None:
    class NoChannel(Channel):
        def __init__(self) -> None:
            pass

    with pytest.raises(EncryptSecureRTError) as refusal:
        upload(
            NoChannel(),
            ClientHome(tmp_path),
            ObjectKind.VOLUME,
            Content([b"x"]),
            stopped=lambda: True,
        )

    assert refusal.value.code is ErrorCode.E_CANCELLED
