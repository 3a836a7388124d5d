"""Damaged frames raise only our errors, and what is found in them is always a request."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from Testing.Unit.hidden.frames import (
    BASELINE,
    JPEG_2000,
    JPEG_LS,
    RLE,
    Pixels,
    canary,
    compressed_ct,
    jpeg,
    jpeg_2000,
    jpeg_ls,
    offset_table,
    picture,
    rle,
    segment,
)

from encryptsecurert_protocol.errors import EncryptSecureRTError
from EncryptSecureRTLib.client.dicomfiles import header_request, split_file

ENCODERS: dict[bytes, Callable[[Pixels], bytes]] = {
    BASELINE: lambda pixels: jpeg(pixels)[:2] + segment(0xFE, canary()) + jpeg(pixels)[2:],
    JPEG_LS: jpeg_ls,
    JPEG_2000: jpeg_2000,
    RLE: rle,
}
ODD = [0x00, 0x01, 0x4F, 0x51, 0x64, 0x7F, 0x80, 0x90, 0x93, 0xC4, 0xD8, 0xD9, 0xDA, 0xFE, 0xFF]


@pytest.mark.parametrize("syntax", ENCODERS, ids=["JPEG", "JPEG-LS", "JPEG 2000", "RLE"])
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damaged_frames_raise_only_our_errors(
    syntax: bytes, tmp_path: Path, data: st.DataObject
) -> None:
    fragments = [ENCODERS[syntax](picture(number)) for number in range(2)]
    octets = bytearray(compressed_ct(syntax, fragments, table=offset_table(fragments), frames=2))
    first = octets.index(fragments[0][:16])
    # Most of what matters is in the heads of frames and items.
    places = st.one_of(
        st.integers(first - 24, first + 200), st.integers(first - 24, len(octets) - 1)
    )
    for _ in range(data.draw(st.integers(1, 4))):
        octets[data.draw(places)] = data.draw(st.sampled_from(ODD))
    cut = data.draw(st.one_of(st.just(len(octets)), st.integers(first, len(octets))))
    path = tmp_path / "damaged.dcm"
    path.write_bytes(octets[:cut])

    with contextlib.suppress(EncryptSecureRTError):
        split = split_file(path)
        assert header_request(split).gaps == split.gaps
