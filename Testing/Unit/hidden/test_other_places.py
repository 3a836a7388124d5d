"""Places outside the pixels in which text was found before: none stands in clear afterwards."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from leakforms import exact_forms, lower_forms
from Testing.Unit.hidden.frames import canary, item, jpeg, picture
from Testing.Unit.hidden.trips import Trip
from Testing.Unit.protect.conftest import encode_element, make_ct, us
from Testing.Unit.reveal.signing import SigningSite

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.dicomfiles import header_request, splice, split_file

Protect = Callable[[bytes], Trip]
TEXT = canary()
ICON: list[Any] = [
    (0x00280010, b"US", us(2)),
    (0x00280011, b"US", us(20)),
    (0x7FE00010, b"OW", TEXT),
]
ELEMENTS: dict[str, tuple[int, bytes, Any]] = {
    "icon image": (0x00880200, b"SQ", [ICON]),
    "curve": (0x50003000, b"OW", TEXT),
    "curve's description": (0x50000022, b"LO", TEXT),
    "audio": (0x5000200C, b"OW", TEXT),
    "overlay": (0x60003000, b"OW", TEXT),
    "overlay's label": (0x60001500, b"LO", TEXT),
    "overlay's comments": (0x60004000, b"LT", TEXT),
    "document": (0x00420011, b"OB", TEXT),
    "document's title": (0x00420010, b"ST", TEXT),
    "look-up table": (0x00283000, b"SQ", [[(0x00283006, b"OW", TEXT)]]),
    "palette": (0x00281201, b"OW", TEXT),
    "waveform": (0x54000100, b"SQ", [[(0x54001010, b"OW", TEXT)]]),
    "private octets": (0x00091010, b"OB", TEXT),
    "private element without creator": (0x7FE11010, b"UN", TEXT),
    "private sequence": (0x00291020, b"SQ", [[(0x00291021, b"LT", TEXT)]]),
    "unknown group": (0x00FE1010, b"UN", TEXT),
    "digital signature": (0xFFFAFFFA, b"SQ", [[(0x04000120, b"OB", TEXT)]]),
    "original attributes": (
        0x04000561,
        b"SQ",
        [[(0x04000550, b"SQ", [[(0x00104000, b"LT", TEXT)]])]],
    ),
    "encrypted by others": (0x04000500, b"SQ", [[(0x04000520, b"OB", TEXT)]]),
    "trailing padding": (0xFFFCFFFC, b"OB", TEXT),
    "decimal string": (0x00180060, b"DS", TEXT[:16]),
    "decimal string of the geometry": (0x00181130, b"DS", b"1.5\\" + TEXT[:16]),
    "integer string": (0x00200012, b"IS", TEXT[:12]),
    "binary numbers": (0x00280120, b"US", TEXT[:12]),
    "float": (0x00189305, b"FD", TEXT),
    "group length": (0x00080000, b"UL", TEXT[:12]),
}


def _forms(text: bytes) -> list[bytes]:
    return [text, *exact_forms(text.decode())]


def _is_in(text: bytes, octets: bytes) -> bool:
    lower = octets.lower()
    return any(form in octets for form in _forms(text)) or any(
        form in lower for form in lower_forms(text.decode())
    )


@pytest.mark.parametrize("implicit", [False, True], ids=["explicit", "implicit"])
@pytest.mark.parametrize("name", ELEMENTS)
def test_text_in_an_element_does_not_stay_in_clear(
    name: str, implicit: bool, protected: Protect
) -> None:
    tag, vr, value = ELEMENTS[name]
    octets = make_ct({tag: (vr, value)}, implicit=implicit)
    needle = TEXT[:12]
    assert needle in octets

    done = protected(octets)

    assert not _is_in(needle, done.octets)
    assert not _is_in(needle, done.manifest)


def test_text_in_a_compressed_icon_does_not_stay_in_clear(protected: Protect) -> None:
    pixels = (
        struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF)
        + item(b"")
        + item(jpeg(picture()) + TEXT)
        + struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
    )
    undefined = struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)
    ends = struct.pack("<HHLHHL", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)
    icon = struct.pack("<HH2sHL", 0x0088, 0x0200, b"SQ", 0, 0xFFFFFFFF) + undefined + pixels + ends
    plain = make_ct()
    at = plain.index(b"\xe0\x7f\x10\x00OW")

    done = protected(plain[:at] + icon + plain[at:])

    assert TEXT in done.original.read_bytes()
    assert not _is_in(TEXT, done.octets)


def test_text_in_preamble_and_file_meta_does_not_stay_in_clear(protected: Protect) -> None:
    texts = [canary(number) for number in range(4)]
    meta = b"".join(
        encode_element(tag, vr, value, implicit=False)
        for tag, vr, value in (
            (0x00020016, b"AE", texts[0][:16]),
            (0x00020100, b"UI", b"1.2.3." + b"47110815" * 3),
            (0x00020102, b"OB", texts[1]),
        )
    )
    plain = make_ct(preamble=texts[2].ljust(128, b"\0"))
    end = 144 + int.from_bytes(plain[140:144], "little")
    at = plain.index(b"\x02\0\x16\0AE")
    length = (end - 144 + len(meta) - (end - at)).to_bytes(4, "little")

    done = protected(plain[:140] + length + plain[144:at] + meta + plain[end:])

    for text in (texts[0][:16], texts[1], texts[2], b"4711081547110815"):
        assert text in done.original.read_bytes()
        assert not _is_in(text, done.octets)


def test_octets_behind_the_data_set_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "longer.dcm"
    path.write_bytes(make_ct() + TEXT)

    with pytest.raises(EncryptSecureRTError) as refused:
        split_file(path)

    assert refused.value.code is ErrorCode.E_DICOM


def test_names_of_files_and_folders_do_not_stay(signing: SigningSite, tmp_path: Path) -> None:
    original = tmp_path / TEXT.decode() / f"{TEXT.decode()}.dcm"
    original.parent.mkdir()
    original.write_bytes(make_ct())
    split = split_file(original)
    answer = signing.protector.protect(header_request(split))

    written = splice(answer, original, split, tmp_path / "protected")

    assert not _is_in(TEXT, str(written.relative_to(tmp_path)).encode())
    assert not _is_in(TEXT, written.read_bytes())
