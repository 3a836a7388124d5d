"""Made-up pictures of the kinds that are protected only if a user vouches for them."""

from io import BytesIO
from typing import Any

import pydicom
from Testing.Unit.protect.conftest import make_ct, request_of, us

from encryptsecurert_protocol.headers import HeaderRequest, ProtectedHeader

Changes = dict[int, tuple[bytes, Any] | None]
ULTRASOUND, MULTI_FRAME = b"1.2.840.10008.5.1.4.1.1.6.1", b"1.2.840.10008.5.1.4.1.1.3.1"
CAPTURE, TRUE_COLOUR = b"1.2.840.10008.5.1.4.1.1.7", b"1.2.840.10008.5.1.4.1.1.7.4"
RT_IMAGE = b"1.2.840.10008.5.1.4.1.1.481.1"
PIXELS = bytes(range(48))
COLOURS = bytes(range(72))

# What each class needs beside the small CT.
NEEDS: dict[bytes, Changes] = {
    ULTRASOUND: {0x00080060: (b"CS", b"US")},
    MULTI_FRAME: {0x00080060: (b"CS", b"US"), 0x00280008: (b"IS", b"1")},
    CAPTURE: {0x00080060: (b"CS", b"OT"), 0x00080064: (b"CS", b"WSD")},
    TRUE_COLOUR: {0x00080060: (b"CS", b"OT"), 0x00080064: (b"CS", b"SYN")},
    RT_IMAGE: {0x00080060: (b"CS", b"RTIMAGE"), 0x3002000C: (b"CS", b"NORMAL")},
}
COLOURED: Changes = {
    0x00280002: (b"US", us(3)),
    0x00280004: (b"CS", b"RGB"),
    0x00280006: (b"US", us(0)),
    0x00280100: (b"US", us(8)),
    0x00280101: (b"US", us(8)),
    0x00280102: (b"US", us(7)),
    0x00280103: (b"US", us(0)),
    0x7FE00010: (b"OB", COLOURS),
}


def picture(
    sop_class: bytes, changes: Changes | None = None, pixels: bytes = PIXELS
) -> HeaderRequest:
    """Return the request for a picture of that class."""
    elements = {**NEEDS[sop_class], 0x00080016: (b"UI", sop_class), **(changes or {})}
    return request_of(make_ct(elements, pixels=pixels), pixels)


def read_picture(answer: ProtectedHeader, pixels: bytes = PIXELS) -> pydicom.Dataset:
    """Return the protected picture."""
    at = answer.bulk[0].at
    octets = bytes(answer.header[:at]) + pixels + bytes(answer.header[at:])
    dataset: pydicom.Dataset = pydicom.dcmread(BytesIO(octets))
    assert str(dataset)  # decodes every value; warnings are errors
    return dataset
