"""A file is walked a piece at a time: what is found does not depend on where pieces end."""

import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from Testing.Unit.protect.conftest import UNDEFINED, encode_element, make_ct

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.dicomfiles.split import media_class_of
from EncryptSecureRTLib.client.dicomfiles.walker import Layout, TagWalker

WALKER = sys.modules["EncryptSecureRTLib.client.dicomfiles.walker"]
WINDOWS = [12, 13, 17, 64, 1000]
CT = "1.2.840.10008.5.1.4.1.1.2"


def _layout(octets: bytes) -> Layout:
    return TagWalker(BytesIO(octets), len(octets)).layout()


def _delimited(implicit: bool) -> bytes:
    """Return a sequence of undefined length, with an item of undefined length in it."""
    child = encode_element(0x00081155, b"UI", b"1.2.3.4", implicit=implicit)
    head = b"\x08\x00\x40\x11" + (b"" if implicit else b"SQ\0\0") + UNDEFINED.to_bytes(4, "little")
    item = b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + child + b"\xfe\xff\x0d\xe0\0\0\0\0"
    return head + item + b"\xfe\xff\xdd\xe0\0\0\0\0"


@pytest.fixture(params=["explicit", "implicit"])
def octets(request: pytest.FixtureRequest) -> bytes:
    implicit = request.param == "implicit"
    long: dict[int, Any] = {0x00091010: (b"UN", bytes(9000)), 0x00081080: (b"LO", b"x" * 40)}
    made = make_ct(long, implicit=implicit)
    at = made.index(b"\x10\x00\x10\x00")  # before the patient's name
    return made[:at] + _delimited(implicit) + made[at:]


@pytest.mark.parametrize("window_bytes", WINDOWS)
def test_any_window_finds_the_same(
    octets: bytes, window_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = _layout(octets)
    assert whole.pixels
    assert whole.names

    monkeypatch.setattr(WALKER, "_WINDOW_BYTES", window_bytes)

    assert _layout(octets) == whole


@pytest.mark.parametrize("window_bytes", [12, 8192])
def test_a_file_that_is_cut_anywhere_is_refused(
    octets: bytes, window_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WALKER, "_WINDOW_BYTES", window_bytes)
    pixels = _layout(octets).pixels[0]

    for end in range(pixels.offset - 300, pixels.offset + pixels.length):
        # It was as long, and has become shorter while it was read.
        found = _pixels_or_code(octets[:end], len(octets))
        assert found in ((pixels,), ErrorCode.E_DICOM)
        assert found == (pixels,) or end < pixels.offset
        # It always was that short: it may end between two elements.
        found = _pixels_or_code(octets[:end], end)
        assert found in ((), ErrorCode.E_DICOM)


def _pixels_or_code(octets: bytes, size: int) -> object:
    try:
        return TagWalker(BytesIO(octets), size).layout().pixels
    except EncryptSecureRTError as error:
        return error.code


def test_the_class_is_read_from_the_meta_information_alone(tmp_path: Path) -> None:
    path = tmp_path / "CANARY.dcm"
    made = make_ct()
    for octets in (made, made[: made.index(b"\x08\x00\x08\x00") + 3]):
        path.write_bytes(octets)

        assert media_class_of(path) == CT
        assert pydicom.filereader.read_file_meta_info(path).MediaStorageSOPClassUID == CT


def test_a_file_without_a_class_or_meta_information_names_none(tmp_path: Path) -> None:
    path = tmp_path / "CANARY.dcm"
    path.write_bytes(bytes(128) + b"DICM")

    assert media_class_of(path) == ""
    path.write_bytes(bytes(128) + b"DICM" + b"\x02\x00\x02\x00UI\x40\x00" + b"1.2")
    with pytest.raises(EncryptSecureRTError) as cut:
        media_class_of(path)
    path.write_bytes(b"CANARY")
    with pytest.raises(EncryptSecureRTError) as other:
        media_class_of(path)

    assert cut.value.code is ErrorCode.E_DICOM
    assert other.value.code is ErrorCode.E_NO_DICOM
