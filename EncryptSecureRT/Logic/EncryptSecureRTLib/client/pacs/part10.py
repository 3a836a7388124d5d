"""The head of a file that is sent: preamble of zeros, and file meta information of our own.

What stood before the data set may have come from anywhere, and nobody has judged it.
"""

import struct

from EncryptSecureRTLib.client.pacs.model import Outgoing

# As the worker's: one name for all files of this project.
_IMPLEMENTATION = "2.25.86681476683314477966119502572101298504"
_VERSION_NAME = "ENCRYPTSECURERT"


def file_head(file: Outgoing) -> bytes:
    """Return preamble, prefix and file meta information (PS3.10 section 7.1)."""
    meta = b"".join(
        (
            struct.pack("<HH2sHL", 0x0002, 0x0001, b"OB", 0, 2) + b"\x00\x01",
            _text(0x0002, b"UI", file.sop_class),
            _text(0x0003, b"UI", file.instance),
            _text(0x0010, b"UI", file.syntax),
            _text(0x0012, b"UI", _IMPLEMENTATION),
            _text(0x0013, b"SH", _VERSION_NAME),
        )
    )
    length = struct.pack("<HH2sHL", 0x0002, 0x0000, b"UL", 4, len(meta))
    return bytes(128) + b"DICM" + length + meta


def _text(number: int, vr: bytes, text: str) -> bytes:
    value = text.encode("ascii")
    if len(value) & 1:
        value += b"\0" if vr == b"UI" else b" "
    return struct.pack("<HH2sH", 0x0002, number, vr, len(value)) + value
