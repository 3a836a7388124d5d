"""Which instances are not protected at all, and why.

A header can only be made safe if the picture is: pictures of screens, dose sheets and scanned
paper carry names in their pixels (PS3.15 section E.3.1 leaves that to the pixel cleaner, which
this is not). Where only the kind of picture speaks against it, a user who has looked may vouch for
the pixels; what the header itself says of text in them stands. And the bulk that stays out of our
sight must be pixels: exactly as many octets as rows, columns, bits and frames make, where they are
not compressed.
"""

import re

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_worker.dicom.protect.elements import PIXEL_DATA, Header
from encryptsecurert_worker.dicom.protect.iods import IODS, Iod, Pixels
from encryptsecurert_worker.dicom.protect.iods.whole import RAW_DATA_STORAGE

PROJECT_NAME = b"EncryptSecureRT"

_SOP_CLASS = 0x00080016
_IMAGE_TYPE = 0x00080008
_CONVERSION_TYPE = 0x00080064
_DEIDENTIFICATION_METHOD = 0x00120063
_ENCRYPTED_ATTRIBUTES = 0x04000500
_SAMPLES_OF_COLOURS = 3
_SAMPLES, _PHOTOMETRIC, _FRAMES = 0x00280002, 0x00280004, 0x00280008
_ROWS, _COLUMNS, _BITS_ALLOCATED = 0x00280010, 0x00280011, 0x00280100
_BITS_STORED = 0x00280101
_BURNED_IN = 0x00280301

# Classes whose pictures are made of screens, film or live video (PS3.4 Annex B.5).
_PICTURE_CLASSES = (
    b"1.2.840.10008.5.1.4.1.1.7",  # Secondary Capture, also multi-frame (.7.1 to .7.4)
    b"1.2.840.10008.5.1.4.1.1.3.1",  # Ultrasound Multi-frame
    b"1.2.840.10008.5.1.4.1.1.6",  # Ultrasound (.6.1), Enhanced US Volume (.6.2)
    b"1.2.840.10008.5.1.4.1.1.12.1",  # X-Ray Angiographic
    b"1.2.840.10008.5.1.4.1.1.12.2",  # X-Ray Radiofluoroscopic
    b"1.2.840.10008.5.1.4.1.1.77.1",  # Visible Light
    b"1.2.840.10008.5.1.4.1.1.481.1",  # RT Image
)
# Parts of ImageType values 3 and on that name pictures of screens, reports and dose sheets.
_SCREEN = re.compile(
    rb"SCREEN|SNAP ?SHOT|CAPTURE|REPORT|DOSE[ _]?(?:INFO|SHEET|SUMMARY)|\bPROT(?:OCOL)?\b"
)
# Two pixels share their colour differences where they are not compressed (PS3.3 C.7.6.3.1.2).
_HALVED, _SAMPLES_OF_HALVED = (b"YBR_FULL_422", b"YBR_PARTIAL_422"), 2
_COUNT = re.compile(rb" *\+?([0-9]{1,9}) *\Z")


def _refuse(code: ErrorCode) -> None:
    raise EncryptSecureRTError(code)


def _text(header: Header, tag: int) -> bytes:
    return (header.value(tag) or b"").strip(b" \0")


def check_not_protected(header: Header) -> None:
    """Refuse, with E_PROTECTED_ALREADY, what this project made; others' files are input."""
    if _text(header, _DEIDENTIFICATION_METHOD).startswith(PROJECT_NAME) and (
        _ENCRYPTED_ATTRIBUTES in header.elements
        or _text(header, _SOP_CLASS) == RAW_DATA_STORAGE  # a manifest
    ):
        _refuse(ErrorCode.E_PROTECTED_ALREADY)


def known_class(header: Header, *, vouched: bool) -> tuple[bytes, Iod]:
    """Return the SOP class, and the kind of object that it holds.

    Raises
    ------
    EncryptSecureRTError
        E_MISSING_UID without one, E_BURNED_IN for classes of pictures that nobody vouches for,
        E_MODALITY for others.
    """
    uid = _text(header, _SOP_CLASS)
    if not uid:
        _refuse(ErrorCode.E_MISSING_UID)
    if _is_picture(uid) and not vouched:
        _refuse(ErrorCode.E_BURNED_IN)
    iod = IODS.get(uid)
    if iod is None:
        raise EncryptSecureRTError(ErrorCode.E_MODALITY)
    return uid, iod


def _is_picture(uid: bytes) -> bool:
    return any(uid == one or uid.startswith(one + b".") for one in _PICTURE_CLASSES)


def check_pixels(header: Header, iod: Iod, bulk_lengths: list[int], *, vouched: bool) -> bool:
    """Refuse what is or may be a picture with text in it, and bulk that is not pixels.

    Returns
    -------
    bool
        Whether it would be refused if nobody vouched for the pixels.

    Raises
    ------
    EncryptSecureRTError
        E_BURNED_IN; E_MODALITY for colours that a kind with colours does not have; E_DICOM if
        there are pixels where none belong, none where some do, or not as many as the header says.
    """
    if header.pixels is None and iod.pixels is not Pixels.ALWAYS:
        return False
    if iod.pixels is Pixels.NEVER:
        _refuse(ErrorCode.E_DICOM)
    may_show_text = _may_show_text(header)
    if may_show_text and not vouched:
        _refuse(ErrorCode.E_BURNED_IN)
    if _text(header, _BURNED_IN).upper() not in (b"", b"NO"):
        _refuse(ErrorCode.E_BURNED_IN)
    _check_colours(header, iod)
    for tag in header.elements:
        if tag >> 24 == 0x60 and not tag & 0x10000:
            _check_overlay(header, tag)
    _check_pixel_size(header, bulk_lengths)
    return may_show_text


def _may_show_text(header: Header) -> bool:
    """Tell whether this is a kind of picture that may have text in it, whatever it says of that."""
    image_type = _text(header, _IMAGE_TYPE).upper().split(b"\\")
    return (
        _is_picture(_text(header, _SOP_CLASS))
        or _CONVERSION_TYPE in header.elements
        or any(_SCREEN.search(part) for part in image_type[2:])
    )


def _check_colours(header: Header, iod: Iod) -> None:
    """Refuse colours where a kind is grey (for CT, PS3.3 C.8.2.1): a coloured one is a picture."""
    samples, colours = _number(header, _SAMPLES), _text(header, _PHOTOMETRIC)
    if samples == 1 and colours.startswith(b"MONOCHROME"):
        return
    kept = {term for term in iod.by_tag[_PHOTOMETRIC].terms if not term.startswith(b"MONOCHROME")}
    if not kept:
        _refuse(ErrorCode.E_BURNED_IN)
    if samples != _SAMPLES_OF_COLOURS or colours not in kept:
        _refuse(ErrorCode.E_MODALITY)


def _check_overlay(header: Header, tag: int) -> None:
    """Refuse overlays kept in spare bits of the pixels: we cannot mask what we do not see."""
    number = tag & 0xFFFF
    if number == 0x0102 and header.value(tag) != b"\0\0":  # Overlay Bit Position
        _refuse(ErrorCode.E_BURNED_IN)
    if number == 0x0100 and header.value(tag) != b"\1\0":  # Overlay Bits Allocated
        _refuse(ErrorCode.E_BURNED_IN)


def _check_pixel_size(header: Header, bulk_lengths: list[int]) -> None:
    """Refuse, with E_DICOM, bulk that is not just the pixels and at most one pad octet."""
    bits = _number(header, _BITS_ALLOCATED)
    is_float = PIXEL_DATA not in header.elements
    widths = (32, 64) if is_float else (1, 8, 16, 32)
    # Float pixels have no stored bits (PS3.3 C.7.6.24).
    stored = bits if is_float else _number(header, _BITS_STORED)
    if bits not in widths or not 1 <= stored <= bits:
        _refuse(ErrorCode.E_DICOM)
    frames = _COUNT.match(_text(header, _FRAMES) or b"1")
    if frames is None:
        raise EncryptSecureRTError(ErrorCode.E_DICOM)
    pixels = _number(header, _ROWS) * _number(header, _COLUMNS) * int(frames[1])
    halved = _text(header, _PHOTOMETRIC) in _HALVED
    samples = _SAMPLES_OF_HALVED if halved else _number(header, _SAMPLES)
    expected = (pixels * samples * bits + 7) // 8
    if expected == 0 or len(bulk_lengths) != 1:
        _refuse(ErrorCode.E_DICOM)
    if not header.is_encapsulated and bulk_lengths != [expected + (expected & 1)]:
        _refuse(ErrorCode.E_DICOM)


def _number(header: Header, tag: int) -> int:
    value = header.value(tag)
    if value is None or len(value) != 2:
        raise EncryptSecureRTError(ErrorCode.E_DICOM)
    return int.from_bytes(value, "little")
