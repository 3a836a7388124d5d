"""Originals to be sealed whole: what cannot be protected with its pixels in clear, and others."""

import hashlib
import struct
from io import BytesIO
from typing import Any

import pydicom
from Testing.Unit.protect.conftest import PIXELS, make_ct

from encryptsecurert_protocol.headers import HeaderRequest, ProtectedHeader

Changes = dict[int, tuple[bytes, Any] | None]
ULTRASOUND, DOCUMENT = b"1.2.840.10008.5.1.4.1.1.6.1", b"1.2.840.10008.5.1.4.1.1.104.1"
JPEG, PIXEL_DATA = b"1.2.840.10008.1.2.4.50", 0x7FE00010

_SEQUENCE_END = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)


def _item(octets: bytes) -> bytes:
    return struct.pack("<HHL", 0xFFFE, 0xE000, len(octets)) + octets


# A frame that holds what would end the sequence, if items were not stepped over by their length.
FRAGMENTS = _item(b"") + _item(b"JPEG" + _SEQUENCE_END)


def compressed(changes: Changes | None = None, fragments: bytes = FRAGMENTS) -> bytes:
    """Return a file with compressed pixels."""
    head = struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF)
    return make_ct(
        {PIXEL_DATA: None, **(changes or {})},
        syntax=JPEG,
        after=head + fragments + _SEQUENCE_END,
    )


def whole(octets: bytes) -> HeaderRequest:
    """Return the request to seal a file whole."""
    return HeaderRequest(
        size=len(octets),
        bulk=(),
        header=octets,
        file_sha256=hashlib.sha256(octets).hexdigest(),
        whole=True,
    )


def read_whole(answer: ProtectedHeader) -> pydicom.Dataset:
    """Return the protected file, all of which the answer is."""
    dataset: pydicom.Dataset = pydicom.dcmread(BytesIO(bytes(answer.header)))
    assert str(dataset)  # decodes every value; warnings are errors
    return dataset


ORIGINALS = {
    "ultrasound": make_ct({0x00080016: (b"UI", ULTRASOUND)}),
    "implicit": make_ct({0x00280301: (b"CS", b"YES")}, implicit=True),
    "document": make_ct(
        {
            **dict.fromkeys((PIXEL_DATA, 0x00280010, 0x00280011)),
            0x00080016: (b"UI", DOCUMENT),
            0x00420011: (b"OB", b"%PDF CANARY "),
        }
    ),
    "unknown class": make_ct({0x00080016: (b"UI", b"1.2.3.4.5.6")}),
    "overlay in the pixels": make_ct({0x60000102: (b"US", b"\x0c\0")}),
    "float pixels": make_ct({PIXEL_DATA: None, 0x7FE00008: (b"OF", PIXELS)}),
    "compressed": compressed(),
    "compressed, private": compressed({0x00091010: (b"OB", PIXELS), 0x0EEF0010: (b"LO", b"X")}),
    "no pixels": make_ct({PIXEL_DATA: None}),
    "odd size": make_ct(preamble=b"II*\0" + bytes(124), after=b"\xfc\xff\xfc\xffOB\0\0\1\0\0\0\0"),
}
