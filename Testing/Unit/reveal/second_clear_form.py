"""The digest of a clear data set once more: by pydicom, from docs/protocol.md alone."""

import hashlib
import struct
from io import BytesIO

import pydicom
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

_PIXELS = 0x7FE00010


def second_clear_sha256(octets: bytes) -> str:
    """Return the digest of a whole protected file with uncompressed pixels, in hex."""
    dataset = pydicom.dcmread(BytesIO(octets))
    pixels = len(dataset[_PIXELS].value)
    for tag in (0x04000500, 0xFFFCFFFC, _PIXELS):
        if tag in dataset:
            del dataset[tag]
    for element in dataset:
        if element.VR == "SQ":
            element.is_undefined_length = False
            for item in element.value:
                item.is_undefined_length_sequence_item = False
    written = DicomBytesIO()
    written.is_implicit_VR, written.is_little_endian = False, True
    write_dataset(written, dataset)
    head = struct.pack("<HH2sHL", _PIXELS >> 16, _PIXELS & 0xFFFF, b"OW", 0, pixels)
    return hashlib.sha256(written.getvalue() + head).hexdigest()
