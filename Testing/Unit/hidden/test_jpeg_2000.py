"""What may be hidden in frames of JPEG 2000 is masked, or has the file refused."""

import struct
from collections.abc import Callable

import numpy as np
import pytest
from Testing.Unit.hidden.frames import (
    COLUMNS,
    JPEG_2000,
    ROWS,
    canary,
    compressed_ct,
    jpeg_2000,
    picture,
    segment,
)
from Testing.Unit.hidden.trips import Trip, pixels_of

from EncryptSecureRTLib.client.dicomfiles import hidden, jpeg2000

Protect = Callable[[bytes], Trip]
Refusal = Callable[[bytes], str]
COMMENT = 0x64
SOT, SOD = b"\xff\x90\0\x0a", b"\xff\x93"


def _in_main_header(frame: bytes, *segments: bytes) -> bytes:
    at = frame.index(SOT)
    return frame[:at] + b"".join(segments) + frame[at:]


def _in_tile_part(frame: bytes, *segments: bytes) -> bytes:
    """Put segments into the header of the first tile-part, and say that it is longer."""
    start, added = frame.index(SOT), b"".join(segments)
    (size,) = struct.unpack(">L", frame[start + 6 : start + 10])
    told = struct.pack(">L", size + len(added))
    rest = frame[start + 10 : start + 12] + added + frame[start + 12 :]
    return frame[: start + 6] + told + rest


@pytest.mark.parametrize("place", [_in_main_header, _in_tile_part])
def test_comments_are_masked(place: Callable[..., bytes], protected: Protect) -> None:
    comments = [segment(COMMENT, b"\0\1" + canary(n)) for n in range(2)]

    done = protected(compressed_ct(JPEG_2000, [place(jpeg_2000(picture()), *comments)]))

    assert not any(canary(n) in done.octets for n in range(2))
    assert np.array_equal(pixels_of(done.protected), pixels_of(done.original))


def test_the_comment_of_the_encoder_is_masked_in_every_frame(protected: Protect) -> None:
    frames = [jpeg_2000(picture(n)) for n in range(3)]
    assert all(b"OpenJPEG" in frame for frame in frames)

    done = protected(compressed_ct(JPEG_2000, frames, frames=3))

    assert b"OpenJPEG" not in done.octets
    assert np.array_equal(pixels_of(done.protected), pixels_of(done.original))


def test_comments_in_every_tile_are_masked(protected: Protect) -> None:
    frame = jpeg_2000(picture(), tile_size=(16, 16))
    assert frame.count(SOT) == 4

    done = protected(
        compressed_ct(JPEG_2000, [_in_tile_part(frame, segment(COMMENT, b"\0\1" + canary()))])
    )

    assert canary() not in done.octets
    assert np.array_equal(pixels_of(done.protected), pixels_of(done.original))


def test_what_follows_the_end_of_a_frame_is_masked(protected: Protect) -> None:
    done = protected(compressed_ct(JPEG_2000, [jpeg_2000(picture()) + canary()]))

    assert canary() not in done.octets
    assert np.array_equal(pixels_of(done.protected), pixels_of(done.original))


def test_a_last_tile_part_of_untold_length_ends_with_the_frame(protected: Protect) -> None:
    frame = jpeg_2000(picture())
    at = frame.index(SOT) + 6

    untold = frame[:at] + bytes(4) + frame[at + 4 :] + canary()
    done = protected(compressed_ct(JPEG_2000, [untold]))

    assert canary() not in done.octets


def test_a_frame_without_levels_of_decomposition_stays(protected: Protect) -> None:
    done = protected(compressed_ct(JPEG_2000, [jpeg_2000(picture(), num_resolutions=1)]))

    assert np.array_equal(pixels_of(done.protected), pixels_of(done.original))


def _told(frame: bytes, change: int = 0) -> bytes:
    """Return a TLM segment that tells the one tile-part of a frame."""
    size = struct.unpack_from(">L", frame, frame.index(SOT) + 6)[0] + change
    return segment(0x55, struct.pack(">BBHL", 0, 0x60, 0, size))


def test_told_lengths_of_tile_parts_stay_if_they_are_right(
    protected: Protect, refusal: Refusal
) -> None:
    frame = jpeg_2000(picture())

    done = protected(compressed_ct(JPEG_2000, [_in_main_header(frame, _told(frame))]))

    assert _told(frame) in done.octets
    for wrong in (_told(frame, 1), _told(frame) * 2, segment(0x55, b"\0\x60" + canary(0, 48))):
        planted = compressed_ct(JPEG_2000, [_in_main_header(frame, wrong)])
        assert refusal(planted) == hidden.TABLES


def test_told_lengths_of_more_tile_parts_than_are_kept_are_refused_before_they_are(
    refusal: Refusal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jpeg2000, "_MOST_PARTS", 1)
    frame = jpeg_2000(picture())
    odd = segment(0x55, b"\0\x70" + bytes(6))  # would be told as a wrong segment if it were read

    assert refusal(compressed_ct(JPEG_2000, [_in_main_header(frame, _told(frame) * 2, odd)])) == (
        hidden.TABLES
    )


@pytest.mark.parametrize(
    "planted",
    [
        segment(0x57, b"\0" + canary()),
        segment(0x58, b"\0" + canary()),
        segment(0x60, b"\0" + canary()),
        segment(0x61, b"\0" + canary()),
        segment(0x63, canary()),
        segment(0x74, canary()),
        segment(0x3F, canary()),
        segment(0x5E, b"\0\0\0" + canary()),
        segment(0x5F, canary()),
        segment(0x5D, b"\0\x42" + canary(0, 39)),
        segment(0x5E, b"\1\0\0"),
        segment(0x53, b"\0\0" + canary()),
        segment(0x55, b"\0\x60" + canary(0, 41)),
    ],
    ids=[
        *("PLM", "PLT", "PPM", "PPT", "CRG", "MCT", "reserved"),
        *("long RGN", "odd POC", "odd QCC", "RGN of no component"),
        *("long COC", "odd TLM"),
    ],
)
def test_a_segment_that_is_no_part_of_the_picture_is_refused(
    planted: bytes, refusal: Refusal
) -> None:
    frame = _in_main_header(jpeg_2000(picture()), planted)

    assert refusal(compressed_ct(JPEG_2000, [frame])) == hidden.SEGMENT


def test_more_quantisation_steps_than_levels_need_are_refused(refusal: Refusal) -> None:
    frame = jpeg_2000(picture())
    at = frame.index(b"\xff\x5c")
    length = int.from_bytes(frame[at + 2 : at + 4], "big")
    steps = frame[at + 4 : at + 2 + length]

    planted = frame[:at] + segment(0x5C, steps + canary(0, 30)) + frame[at + 2 + length :]

    assert refusal(compressed_ct(JPEG_2000, [planted])) == hidden.TABLES


def test_coding_is_told_in_the_first_part_of_a_tile_only(refusal: Refusal) -> None:
    frame = jpeg_2000(picture())
    at = frame.index(b"\xff\x52")
    coding = frame[at : at + 2 + int.from_bytes(frame[at + 2 : at + 4], "big")]
    empty = SOT + struct.pack(">HLBB", 0, 14 + len(coding), 1, 0) + coding + SOD

    assert refusal(compressed_ct(JPEG_2000, [frame[:-2] + empty + frame[-2:]])) == hidden.SEGMENT


def test_a_segment_that_comes_twice_is_refused(refusal: Refusal) -> None:
    frame = jpeg_2000(picture())
    at = frame.index(b"\xff\x5c")
    quantisation = frame[at : at + 2 + int.from_bytes(frame[at + 2 : at + 4], "big")]

    planted = _in_main_header(frame, quantisation)

    assert refusal(compressed_ct(JPEG_2000, [planted])) == hidden.SEGMENT


def test_a_tile_part_of_no_tile_is_refused(refusal: Refusal) -> None:
    frame = jpeg_2000(picture())
    for tile, part in ((1, 0), (0, 0), (0, 2)):
        extra = SOT + struct.pack(">HLBB", tile, 14 + 40, part, 0) + SOD + canary()

        planted = frame[:-2] + extra + frame[-2:]

        assert refusal(compressed_ct(JPEG_2000, [planted])) == hidden.FRAME


def test_more_tiles_than_there_can_be_are_refused(refusal: Refusal) -> None:
    frame = jpeg_2000(picture())
    at = frame.index(b"\xff\x51") + 6
    far = 2**32 - 1
    place = struct.pack(">8L", far, far, far - COLUMNS, far - ROWS, 1, 1, 0, 0)

    planted = frame[:at] + place + frame[at + 32 :]

    assert refusal(compressed_ct(JPEG_2000, [planted])) == hidden.FRAME


def test_more_tile_parts_than_are_kept_are_refused(
    refusal: Refusal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jpeg2000, "_MOST_PARTS", 3)
    frame = jpeg_2000(picture(), tile_size=(16, 16))
    assert frame.count(SOT) == 4

    assert refusal(compressed_ct(JPEG_2000, [frame])) == hidden.FRAME


def test_a_frame_of_another_size_is_refused(refusal: Refusal) -> None:
    assert (ROWS, COLUMNS) == picture().shape

    assert refusal(compressed_ct(JPEG_2000, [jpeg_2000(picture()[:20])])) == hidden.SHAPE


def test_a_frame_that_is_cut_short_is_refused(refusal: Refusal) -> None:
    frame = jpeg_2000(picture())

    for end in (3, 20, frame.index(SOT) + 4, -40, -2):
        assert refusal(compressed_ct(JPEG_2000, [frame[:end]])) == hidden.FRAME


def test_boxes_around_a_frame_are_refused(refusal: Refusal) -> None:
    box = b"\0\0\0\x0cjP  \r\n\x87\n"

    assert refusal(compressed_ct(JPEG_2000, [box + jpeg_2000(picture())])) == hidden.FRAME
