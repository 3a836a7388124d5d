"""What may be hidden in frames of RLE is masked, or has the file refused."""

import struct
import warnings
from collections.abc import Callable

import numpy as np
import pytest
from Testing.Unit.hidden.frames import RLE, ROWS, canary, compressed_ct, picture, rle
from Testing.Unit.hidden.trips import Trip, pixels_of
from Testing.Unit.protect.conftest import us

from EncryptSecureRTLib.client.dicomfiles import hidden
from EncryptSecureRTLib.client.dicomfiles import rle as walks

Protect = Callable[[bytes], Trip]
Refusal = Callable[[bytes], str]
HEADER_BYTES = 64
TWELVE_BITS = {
    0x00280100: (b"US", us(16)),
    0x00280101: (b"US", us(12)),
    0x00280102: (b"US", us(11)),
}


def _planted_between_segments(frame: bytes) -> bytes:
    """Put a canary behind the first of two segments."""
    header = list(struct.unpack_from("<16L", frame))
    at, header[2] = header[2], header[2] + 40
    return struct.pack("<16L", *header) + frame[HEADER_BYTES:at] + canary() + frame[at:]


def test_what_follows_the_last_segment_is_masked(protected: Protect) -> None:
    done = protected(compressed_ct(RLE, [rle(picture()) + canary()]))

    assert canary() not in done.octets
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom unpacks what follows, and says so
        assert np.array_equal(pixels_of(done.protected), picture())


def test_what_follows_any_segment_is_masked(protected: Protect) -> None:
    frame = _planted_between_segments(rle(picture().astype(np.uint16) * 16))

    done = protected(compressed_ct(RLE, [frame], TWELVE_BITS))

    assert canary() not in done.octets
    assert len(done.split.gaps) == 1


def test_frames_as_they_should_be_stay(protected: Protect) -> None:
    frames = [rle(picture(number)) for number in range(3)]

    done = protected(compressed_ct(RLE, frames, frames=3))

    assert done.split.gaps == ()
    assert np.array_equal(pixels_of(done.protected), np.stack([picture(n) for n in range(3)]))


@pytest.mark.parametrize(
    "changed",
    [
        {15: 0x54584554},
        {0: 2},
        {0: 0},
        {1: 66},
        {1: 0},
        {0: 16},
    ],
    ids=["unused offset", "more segments", "none", "gap at the start", "no start", "too many"],
)
def test_a_header_that_says_something_else_is_refused(
    changed: dict[int, int], refusal: Refusal
) -> None:
    frame = rle(picture())
    header = list(struct.unpack_from("<16L", frame))
    for place, number in changed.items():
        header[place] = number

    planted = struct.pack("<16L", *header) + frame[HEADER_BYTES:]

    assert refusal(compressed_ct(RLE, [planted])) == hidden.FRAME


def test_a_frame_that_is_cut_short_is_refused(refusal: Refusal) -> None:
    frame = rle(picture())

    for end in (10, HEADER_BYTES, HEADER_BYTES + 20, -20):
        assert refusal(compressed_ct(RLE, [frame[:end]])) == hidden.FRAME


@pytest.mark.parametrize("rows", [ROWS, 65535])
def test_a_frame_that_would_fill_the_memory_is_refused_unread(
    rows: int, refusal: Refusal, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = rle(picture())
    monkeypatch.setattr(walks, "_MOST_BYTES", len(frame) - 1 if rows == ROWS else 2**20)
    monkeypatch.delattr(walks, "_segment_starts")

    assert refusal(compressed_ct(RLE, [frame], {0x00280010: (b"US", us(rows))})) == hidden.FRAME


def test_a_run_that_goes_on_behind_the_last_pixel_is_refused(refusal: Refusal) -> None:
    pixels = 24 * 32
    header = struct.pack("<16L", 1, HEADER_BYTES, *[0] * 14)
    rows = b"".join(b"\x1f" + bytes(32) for _ in range(23))
    exact, longer = rows + b"\x1f" + bytes(32), rows + b"\x47" + bytes(32) + canary()
    assert len(exact) == pixels + 24

    assert refusal(compressed_ct(RLE, [header + longer])) == hidden.FRAME


def test_spare_bits_are_looked_at(protected: Protect, refusal: Refusal) -> None:
    pixels = picture().astype(np.uint16) * 16
    assert protected(compressed_ct(RLE, [rle(pixels)], TWELVE_BITS)).split.gaps == ()

    pixels[3, 4] |= 0x4000

    assert refusal(compressed_ct(RLE, [rle(pixels)], TWELVE_BITS)) == hidden.SPARE_BITS
