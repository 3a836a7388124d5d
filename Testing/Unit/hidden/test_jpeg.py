"""What may be hidden in frames of JPEG and JPEG-LS is masked, or has the file refused."""

from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from Testing.Unit.hidden.frames import (
    BASELINE,
    JPEG_LS,
    canary,
    compressed_ct,
    jpeg,
    jpeg_ls,
    picture,
    segment,
)
from Testing.Unit.hidden.trips import Trip, pixels_of

from EncryptSecureRTLib.client.dicomfiles import hidden

Protect = Callable[[bytes], Trip]
Refusal = Callable[[bytes], str]
SOI, JFIF_END = 2, 20
FRAMES = {BASELINE: jpeg, JPEG_LS: jpeg_ls}
MARKERS = [0xFE, *range(0xE0, 0xF0)]


def _with(frame: bytes, *segments: bytes, at: int = SOI) -> bytes:
    return frame[:at] + b"".join(segments) + frame[at:]


def _before_scan(frame: bytes) -> int:
    return frame.index(b"\xff\xda")


@pytest.mark.parametrize("syntax", FRAMES, ids=["JPEG", "JPEG-LS"])
def test_comments_and_application_segments_are_masked(syntax: bytes, protected: Protect) -> None:
    canaries = [canary(marker) for marker in MARKERS]
    frame = FRAMES[syntax](picture())
    planted = _with(frame, *map(segment, MARKERS, canaries), at=_before_scan(frame))

    done = protected(compressed_ct(syntax, [planted]))

    assert all(one in done.original.read_bytes() for one in canaries)
    assert not any(one in done.octets for one in canaries)
    assert np.array_equal(pixels_of(done.protected), pixels_of(done.original))


def test_every_frame_of_many_is_looked_through(protected: Protect) -> None:
    frames = [_with(jpeg(picture(n)), segment(0xFE, canary(n))) for n in range(12)]

    done = protected(compressed_ct(BASELINE, frames, frames=12))

    assert not any(canary(n) in done.octets for n in range(12))
    assert len(done.split.gaps) == 12
    assert np.array_equal(pixels_of(done.protected), pixels_of(done.original))


def test_a_comment_that_is_cut_by_the_end_of_a_fragment_is_masked(protected: Protect) -> None:
    frame = _with(jpeg(picture()), segment(0xFE, canary()))
    cut = frame.index(canary()) + 20

    done = protected(compressed_ct(BASELINE, [frame[:cut], frame[cut:]]))

    assert canary()[:20] not in done.octets
    assert canary()[20:] not in done.octets
    assert len(done.split.gaps) == 2


def test_frames_in_several_fragments_without_a_table_are_told_apart(protected: Protect) -> None:
    frames = [_with(jpeg(picture(n)), segment(0xFE, canary(n))) for n in range(3)]
    fragments = [part for one in frames for part in (one[:30], one[30:100], one[100:])]

    done = protected(compressed_ct(BASELINE, fragments, frames=3))

    assert not any(canary(n)[:16] in done.octets for n in range(3))


@pytest.mark.parametrize("syntax", FRAMES, ids=["JPEG", "JPEG-LS"])
def test_what_follows_the_end_of_a_frame_is_masked(syntax: bytes, protected: Protect) -> None:
    done = protected(compressed_ct(syntax, [FRAMES[syntax](picture()) + canary()]))

    assert canary() not in done.octets
    assert np.array_equal(pixels_of(done.protected), pixels_of(done.original))


@pytest.mark.parametrize("pad", [b"\0", b"\xff"])
def test_one_pad_octet_stays(pad: bytes, protected: Protect) -> None:
    frame = jpeg(picture())
    odd = frame if len(frame) % 2 else _with(frame, segment(0xFE, b"\0"))

    done = protected(compressed_ct(BASELINE, [odd + pad]))

    assert done.split.gaps == ()


def test_the_usual_jfif_segment_stays(protected: Protect) -> None:
    frame = jpeg(picture())
    assert frame[SOI + 4 : SOI + 9] == b"JFIF\0"

    done = protected(compressed_ct(BASELINE, [frame]))

    assert done.split.gaps == ()
    assert frame in done.octets


def _without_jfif(frame: bytes) -> bytes:
    return frame[:SOI] + frame[JFIF_END:]


def test_a_thumbnail_in_a_jfif_segment_is_masked(protected: Protect) -> None:
    start = b"JFIF\0\1\2"
    thumbnail = segment(0xE0, start + b"\1\0\x48\0\x48\4\4" + canary(0, 48))

    done = protected(compressed_ct(BASELINE, [_with(_without_jfif(jpeg(picture())), thumbnail)]))

    assert canary(0, 48) not in done.octets
    assert segment(0xE0, start + bytes(55)) in done.octets
    assert np.array_equal(pixels_of(done.protected), pixels_of(done.original))


@pytest.mark.parametrize("transform", [0, 1, 2])
def test_what_tells_the_colours_of_a_frame_stays(transform: int, protected: Protect) -> None:
    usual = segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes([transform]))
    other = segment(0xEE, b"Adobe" + canary(0, 6) + bytes([transform]) + canary(1))
    masked = segment(0xEE, b"Adobe" + bytes(6) + bytes([transform]) + bytes(40))

    done = protected(compressed_ct(BASELINE, [_with(jpeg(picture()), usual, other)]))

    assert usual + masked in done.octets
    assert len(done.split.gaps) == 2


def test_the_colour_transform_of_jpeg_ls_stays_and_nothing_like_it(protected: Protect) -> None:
    frame = jpeg_ls(picture())
    known, other = segment(0xE8, b"mrfx\0"), segment(0xE8, b"mrfx" + canary())

    done = protected(compressed_ct(JPEG_LS, [_with(frame, known, other)]))

    assert known + segment(0xE8, bytes(44)) in done.octets
    assert np.array_equal(pixels_of(done.protected), pixels_of(done.original))


def test_the_usual_huffman_tables_may_be_there_unused(protected: Protect) -> None:
    coloured = BytesIO()
    Image.fromarray(np.stack([picture()] * 3, axis=-1)).save(coloured, "JPEG")
    octets = coloured.getvalue()
    tables = octets[octets.index(b"\xff\xc4") : _before_scan(octets)]
    assert tables.count(b"\xff\xc4") == 4

    done = protected(compressed_ct(BASELINE, [_with(jpeg(picture()), tables)]))

    assert tables in done.octets
    assert np.array_equal(pixels_of(done.protected), pixels_of(done.original))


UNUSED_DHT = segment(0xC4, b"\x03" + bytes([0, 4, *[0] * 14]) + b"WORD")


@pytest.mark.parametrize(
    ("planted", "words"),
    [
        (segment(0xDB, b"\x03" + canary(0, 64)), hidden.TABLES),
        (UNUSED_DHT, hidden.TABLES),
        (segment(0xDB, b"\0" + canary(0, 64)), hidden.TABLES),
        (segment(0xDB, b"\x00" + bytes(63)), hidden.FRAME),
        (segment(0xDD, b"\0\0" + canary()), hidden.FRAME),
        (segment(0xDD, b"\0\0") * 2, hidden.TABLES),
        (segment(0xDC, canary()), hidden.SEGMENT),
        (segment(0xC9, canary()), hidden.SEGMENT),
        (segment(0xDF, canary()), hidden.SEGMENT),
        (segment(0xF0, canary()), hidden.SEGMENT),
        (segment(0xF8, canary()), hidden.SEGMENT),
        (segment(0x02, canary()), hidden.SEGMENT),
        (segment(0xEE, b"Adobe\0\x64\0\0\0\0\x03"), hidden.SEGMENT),
        (canary(), hidden.FRAME),
        (b"\xff\xfe\0\1", hidden.FRAME),
    ],
    ids=[
        *("table that no component names", "Huffman table that no scan names"),
        *("table defined twice", "table cut short", "long restart interval"),
        *("restart interval defined twice", "line count"),
        *("arithmetic coding", "hierarchy", "extension", "of JPEG-LS", "reserved"),
        *("unknown colours", "no marker", "length below two"),
    ],
)
def test_a_segment_that_is_no_part_of_the_picture_is_refused(
    planted: bytes, words: str, refusal: Refusal
) -> None:
    assert refusal(compressed_ct(BASELINE, [_with(jpeg(picture()), planted)])) == words


def test_a_huffman_table_has_each_value_once(refusal: Refusal) -> None:
    frame = jpeg(picture())
    at = frame.index(b"\xff\xc4\0")
    length = int.from_bytes(frame[at + 2 : at + 4], "big")
    values = at + 2 + length - 2

    planted = frame[:values] + b"AA" + frame[values + 2 :]

    assert refusal(compressed_ct(BASELINE, [planted])) == hidden.FRAME


@pytest.mark.parametrize(
    ("planted", "words"),
    [
        (segment(0xF8, b"\2" + canary(0, 10)), hidden.SEGMENT),
        (segment(0xF8, b"\1" + canary(0, 12)), hidden.SEGMENT),
        (segment(0xF8, b"\1" + canary(0, 10)) * 2, hidden.TABLES),
        (segment(0xDB, b"\0" + bytes(64)), hidden.SEGMENT),
    ],
    ids=["palette", "long presets", "presets defined twice", "of JPEG"],
)
def test_a_segment_that_jpeg_ls_does_not_need_is_refused(
    planted: bytes, words: str, refusal: Refusal
) -> None:
    frame = jpeg_ls(picture())

    assert refusal(compressed_ct(JPEG_LS, [_with(frame, planted)])) == words


@pytest.mark.parametrize("syntax", FRAMES, ids=["JPEG", "JPEG-LS"])
def test_a_scan_of_what_was_scanned_or_is_not_there_is_refused(
    syntax: bytes, refusal: Refusal
) -> None:
    frame = FRAMES[syntax](picture())
    for component in (1, 7):
        scan = segment(0xDA, bytes([1, component, 0]) + canary(0, 3))

        assert refusal(compressed_ct(syntax, [frame[:-2] + scan + frame[-2:]])) == hidden.FRAME


@pytest.mark.parametrize("syntax", FRAMES, ids=["JPEG", "JPEG-LS"])
def test_a_frame_of_another_size_is_refused(syntax: bytes, refusal: Refusal) -> None:
    frame = FRAMES[syntax](picture()[:20])

    assert refusal(compressed_ct(syntax, [frame])) == hidden.SHAPE


@pytest.mark.parametrize("syntax", FRAMES, ids=["JPEG", "JPEG-LS"])
def test_a_frame_that_is_cut_short_is_refused(syntax: bytes, refusal: Refusal) -> None:
    frame = FRAMES[syntax](picture())

    for end in (0x30, -40, -2, -1):
        assert refusal(compressed_ct(syntax, [frame[:end]])) == hidden.FRAME


@pytest.mark.parametrize("syntax", FRAMES, ids=["JPEG", "JPEG-LS"])
def test_what_is_no_frame_is_refused(syntax: bytes, refusal: Refusal) -> None:
    for octets in (canary(), b"\xff\xd8\xff\xd9", b"\xff\xd8" + segment(0xFE, canary())):
        assert refusal(compressed_ct(syntax, [octets])) == hidden.FRAME
