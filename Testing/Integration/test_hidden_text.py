"""Text hidden in compressed pixels goes through a worker, and is in nothing that is left."""

from pathlib import Path

import pytest
from Testing.Integration.hospital import Ward
from Testing.Integration.planted import found, found_below
from Testing.Unit.hidden.frames import (
    BASELINE,
    JPEG_2000,
    JPEG_LS,
    RLE,
    canary,
    compressed_ct,
    jpeg,
    jpeg_2000,
    jpeg_ls,
    picture,
    rle,
    segment,
)

from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.protect import protect_series

_COMMENT, _COMMENT_2000 = 0xFE, 0x64


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Write a CT of four slices, each of another compression, with a text in each."""
    commented, ls, wavelets = (encode(picture()) for encode in (jpeg, jpeg_ls, jpeg_2000))
    header_end = wavelets.index(b"\xff\x90\0\x0a")
    frames = {
        BASELINE: commented[:2] + segment(_COMMENT, canary(0)) + commented[2:],
        JPEG_LS: ls[:2] + segment(_COMMENT, canary(1)) + ls[2:],
        JPEG_2000: wavelets[:header_end]
        + segment(_COMMENT_2000, canary(2))
        + wavelets[header_end:],
        RLE: rle(picture()) + canary(3),
    }
    folder = tmp_path / "study"
    folder.mkdir()
    for number, (syntax, frame) in enumerate(frames.items()):
        changes = {0x00080018: (b"UI", b"1.2.3.4.%d" % number)}
        (folder / f"{number}.dcm").write_bytes(compressed_ct(syntax, [frame], changes))
    return folder


def test_text_hidden_in_frames_is_sealed(ward: Ward, study: Path, tmp_path: Path) -> None:
    texts = [canary(number).decode() for number in range(4)]
    assert set().union(*found_below(texts, study).values()) == set(texts)

    with ward.channel() as channel:
        made = protect_series(channel, ward.physicist, study, tmp_path / "p", Watcher())

    assert (made.instances, made.sealed_whole, made.refused) == (4, 0, ())
    assert found_below(texts, tmp_path / "p") == {}
    assert found(texts, ward.hospital.tap.octets) == set()
