"""Items of compressed pixels: as many frames as there are, a table that leads to them, no more."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from Testing.Unit.hidden.frames import (
    BASELINE,
    RLE,
    canary,
    compressed_ct,
    jpeg,
    jpeg_2000,
    offset_table,
    picture,
    rle,
    segment,
)
from Testing.Unit.hidden.trips import Trip, pixels_of

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.gaps import MAX_GAPS
from encryptsecurert_protocol.headers import ENCAPSULATED_SYNTAXES
from EncryptSecureRTLib.client.dicomfiles import hidden, split_file
from EncryptSecureRTLib.client.dicomfiles.encapsulated import _WALKS

Protect = Callable[[bytes], Trip]
Refusal = Callable[[bytes], str]
FRAMES = [jpeg(picture(number)) for number in range(3)]


def _commented(frame: bytes, *comments: bytes) -> bytes:
    return frame[:2] + b"".join(segment(0xFE, one) for one in comments) + frame[2:]


def test_there_is_a_way_through_the_frames_of_every_compression() -> None:
    assert set(_WALKS) == ENCAPSULATED_SYNTAXES


def test_a_table_that_leads_to_the_frames_stays_true(protected: Protect) -> None:
    frames = [_commented(frame, canary(n)) for n, frame in enumerate(FRAMES)]
    table = offset_table(frames)

    done = protected(compressed_ct(BASELINE, frames, table=table, frames=3))

    assert table in done.octets
    assert np.array_equal(pixels_of(done.protected), pixels_of(done.original))


@pytest.mark.parametrize(
    "table",
    [
        canary(0, 12),
        offset_table(FRAMES)[:8],
        offset_table(FRAMES) + canary(0, 4),
        offset_table(FRAMES)[:8] + b"TEXT",
    ],
    ids=["text", "too short", "too long", "one wrong"],
)
def test_a_table_that_leads_elsewhere_is_refused(table: bytes, refusal: Refusal) -> None:
    assert refusal(compressed_ct(BASELINE, FRAMES, table=table, frames=3)) == hidden.OFFSETS


@pytest.mark.parametrize("syntax", [BASELINE, RLE])
def test_more_frames_than_the_header_says_are_refused(syntax: bytes, refusal: Refusal) -> None:
    frame = (jpeg if syntax == BASELINE else rle)(picture())

    assert refusal(compressed_ct(syntax, [frame] * 3, frames=2)) == hidden.FRAMES


def test_a_fragment_that_belongs_to_no_frame_is_refused(refusal: Refusal) -> None:
    assert refusal(compressed_ct(BASELINE, [FRAMES[0], canary()])) == hidden.FRAME
    assert refusal(compressed_ct(BASELINE, [canary(), FRAMES[0]])) == hidden.FRAME


def test_extended_offset_tables_are_sealed(protected: Protect) -> None:
    numbers = canary(0, 24)
    tables = {0x7FE00001: (b"OV", numbers), 0x7FE00002: (b"OV", numbers[::-1])}

    done = protected(compressed_ct(BASELINE, FRAMES, tables, frames=3))

    assert numbers not in done.octets
    assert numbers[::-1] not in done.octets
    assert 0x7FE00001 not in pydicom.dcmread(done.protected)


def test_as_many_comments_are_masked_as_a_message_has_room_for(
    protected: Protect, refusal: Refusal
) -> None:
    most = _commented(FRAMES[0], *[b"TEXT"] * MAX_GAPS)

    done = protected(compressed_ct(BASELINE, [most]))

    assert b"TEXT" not in done.octets
    assert len(done.split.gaps) == MAX_GAPS
    over = _commented(FRAMES[0], *[b"TEXT"] * (MAX_GAPS + 1))
    assert refusal(compressed_ct(BASELINE, [over])) == hidden.TOO_MANY


def test_a_comment_in_each_frame_of_thousands_is_masked(protected: Protect) -> None:
    count = 2000
    frame = jpeg_2000(picture())
    assert b"OpenJPEG" in frame

    done = protected(compressed_ct(b"1.2.840.10008.1.2.4.90", [frame] * count, frames=count))

    assert b"OpenJPEG" not in done.octets
    assert len(done.split.gaps) == count


def test_comments_count_as_header(tmp_path: Path) -> None:
    path = tmp_path / "long.dcm"
    comments = [bytes([n % 255 + 1]) * 65533 for n in range(200)]
    path.write_bytes(compressed_ct(BASELINE, [_commented(FRAMES[0], *comments)]))

    with pytest.raises(EncryptSecureRTError) as refused:
        split_file(path)

    assert refused.value.code is ErrorCode.E_TOO_LARGE


def test_a_frame_that_a_pacs_wrote_anew_comes_back(protected: Protect, tmp_path: Path) -> None:
    done = protected(compressed_ct(BASELINE, [_commented(FRAMES[0], canary())]))
    dataset = pydicom.dcmread(done.protected)
    dataset.file_meta.ImplementationVersionName = "SOME PACS"
    dataset["EncryptedAttributesSequence"].is_undefined_length = True
    dataset.add_new(0xFFFCFFFC, "OB", bytes(20))
    stored = tmp_path / "stored.dcm"

    dataset.save_as(stored)

    assert stored.read_bytes() != done.octets
    assert done.revealed(stored) == done.original.read_bytes()


def test_other_octets_in_the_place_of_a_comment_are_noticed(
    protected: Protect, tmp_path: Path
) -> None:
    done = protected(compressed_ct(BASELINE, [_commented(FRAMES[0], canary())]))
    octets = bytearray(done.octets)
    octets[octets.index(segment(0xFE, bytes(40))) + 10] = 1
    changed = tmp_path / "changed.dcm"
    changed.write_bytes(octets)

    with pytest.raises(EncryptSecureRTError) as refused:
        done.revealed(changed)

    assert refused.value.code is ErrorCode.E_DIGEST


def test_implicit_and_truncated_items_are_no_items(tmp_path: Path) -> None:
    octets = compressed_ct(BASELINE, FRAMES, frames=3)
    path = tmp_path / "damaged.dcm"
    at = octets.index(struct.pack("<HHL", 0xFFFE, 0xE000, len(FRAMES[0]) + len(FRAMES[0]) % 2))
    for damaged in (octets[: at + 20], octets[: at + 4] + b"\xff" * 4 + octets[at + 8 :]):
        path.write_bytes(damaged)

        with pytest.raises(EncryptSecureRTError) as refused:
            split_file(path)

        assert refused.value.code is ErrorCode.E_DICOM
