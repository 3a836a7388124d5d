"""Small CT files with compressed pixels: frames by real encoders, put into items by hand.

The writer of items is a few lines of its own, so that the client is never tested against itself.
"""

import base64
import random
import struct
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydicom import Dataset
from pydicom.encaps import get_frame
from pydicom.uid import RLELossless
from Testing.Unit.protect.conftest import make_ct, us

BASELINE, LOSSLESS = b"1.2.840.10008.1.2.4.50", b"1.2.840.10008.1.2.4.70"
JPEG_LS, JPEG_2000 = b"1.2.840.10008.1.2.4.80", b"1.2.840.10008.1.2.4.90"
RLE = b"1.2.840.10008.1.2.5"
ROWS, COLUMNS = 24, 32

Pixels = npt.NDArray[np.uint8]


def canary(number: int = 0, length: int = 40) -> bytes:
    """Return a text that is nowhere by chance."""
    octets = random.Random(number).randbytes(length)  # noqa: S311 - test data
    return base64.b32encode(octets)[:length]


def picture(number: int = 0) -> Pixels:
    """Return (24, 32) pixels of noise on a slope."""
    noise = np.random.default_rng(number).integers(0, 40, (ROWS, COLUMNS))
    return (noise + 5 * np.arange(COLUMNS)).astype(np.uint8)


def jpeg(pixels: Pixels) -> bytes:
    """Return a baseline JPEG with its JFIF segment."""
    written = BytesIO()
    Image.fromarray(pixels).save(written, "JPEG", quality=95)
    return written.getvalue()


def jpeg_2000(pixels: Pixels, **options: Any) -> bytes:
    """Return a JPEG 2000 codestream with the comment that OpenJPEG writes."""
    written = BytesIO()
    Image.fromarray(pixels).save(written, "JPEG2000", no_jp2=True, irreversible=False, **options)
    return written.getvalue()


def jpeg_ls(pixels: Pixels) -> bytes:
    """Return a JPEG-LS stream."""
    import jpeg_ls as charls  # type: ignore[import-untyped]  # it has no stubs

    return bytes(charls.encode(pixels))


def rle(pixels: npt.NDArray[Any]) -> bytes:
    """Return one frame of RLE."""
    dataset = Dataset()
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PixelRepresentation = 1, 0
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 8 * pixels.itemsize
    dataset.HighBit = dataset.BitsStored - 1
    dataset.compress(RLELossless, pixels, generate_instance_uid=False)
    return get_frame(dataset.PixelData, 0, number_of_frames=1)


def segment(marker: int, body: bytes) -> bytes:
    """Return a marker segment."""
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def item(octets: bytes) -> bytes:
    """Return an item of compressed pixels; an odd one is padded."""
    octets += bytes(len(octets) & 1)
    return struct.pack("<HHL", 0xFFFE, 0xE000, len(octets)) + octets


def offset_table(fragments: Sequence[bytes]) -> bytes:
    """Return the offset table of frames that are one fragment each."""
    starts = np.cumsum([0, *(len(item(one)) for one in fragments)])[:-1]
    return b"".join(struct.pack("<L", start) for start in starts)


def compressed_ct(
    syntax: bytes,
    fragments: Sequence[bytes],
    changes: Mapping[int, tuple[bytes, Any] | None] | None = None,
    *,
    table: bytes = b"",
    frames: int | None = None,
) -> bytes:
    """Return a CT file of 24 rows and 32 columns of 8 bits with these fragments."""
    elements: dict[int, tuple[bytes, Any] | None] = {
        0x00280010: (b"US", us(ROWS)),
        0x00280011: (b"US", us(COLUMNS)),
        0x00280100: (b"US", us(8)),
        0x00280101: (b"US", us(8)),
        0x00280102: (b"US", us(7)),
        0x00280103: (b"US", us(0)),
        0x7FE00010: None,
    }
    if frames is not None:
        elements[0x00280008] = (b"IS", b"%d" % frames)
    head = struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF)
    end = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
    pixels = head + b"".join(item(one) for one in (table, *fragments)) + end
    return make_ct({**elements, **(changes or {})}, syntax=syntax, after=pixels)
