"""The sealed part: others open it exactly, and it brings back the very file."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydicom.filereader import read_dataset

from encryptsecurert_protocol.headers import HeaderRequest, ProtectedHeader
from encryptsecurert_worker.dicom.protect.sealed import BUCKET_BYTES, pad

PIXELS = bytes(range(48))
OPEN = ("openssl", "cms", "-decrypt", "-inform", "DER", "-binary", "-in", "cms")
LENGTH = (0x00080000, b"UL", b"\x0e\0\0\0")
Build = Callable[..., HeaderRequest]


def _content(answer: ProtectedHeader) -> bytes:
    """Return the DER octets in clear of (0400,0520), without the pad octet."""
    at = answer.bulk[0].at
    octets = bytes(answer.header[:at]) + PIXELS + bytes(answer.header[at:])
    (item,) = pydicom.dcmread(BytesIO(octets)).EncryptedAttributesSequence
    assert item.EncryptedContentTransferSyntaxUID == "1.2.840.10008.1.2.1"
    content: bytes = item.EncryptedContent
    # SEQUENCE, long form of the length: how many octets it has, then it, then the content.
    assert content[0] == 0x30
    count = content[1] & 0x7F
    return content[: 2 + count + int.from_bytes(content[2 : 2 + count], "big")]


def _item(plaintext: bytes) -> pydicom.Dataset:
    dataset = read_dataset(BytesIO(plaintext), is_implicit_VR=False, is_little_endian=True)
    (item,) = dataset[0x04000550].value
    opened: pydicom.Dataset = item
    return opened


def _raw_file(plaintext: bytes, pixels: bytes = PIXELS) -> bytes:
    """Put the original together from the private block alone, as a reveal will."""
    block = _item(plaintext).private_block(0x0EEF, "ENCRYPTSECURERT 1")
    splice = json.loads(block[0x02].value.rstrip(b"\0"))
    (bulk,) = splice["bulk"]
    assert bulk["sha256"] == hashlib.sha256(pixels).hexdigest()
    header = block[0x01].value[: splice["size"] - bulk["length"]]
    octets: bytes = header[: bulk["offset"]] + pixels + header[bulk["offset"] :]
    assert hashlib.sha256(octets).hexdigest() == splice["file_sha256"]
    return octets


@pytest.mark.parametrize("who", [0, 1], ids=["recipient", "escrow"])
def test_openssl_and_cryptography_open_the_same_plaintext(
    site: Any, ct_request: Build, tmp_path: Path, who: int
) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    content = _content(site.protector.protect(ct_request()))
    key, certificate = site.write_pem(tmp_path, who)
    (tmp_path / "cms").write_bytes(content)

    opened = subprocess.run(
        [*OPEN, "-inkey", key, "-recip", certificate],
        cwd=tmp_path,
        capture_output=True,
        check=True,
    ).stdout

    assert opened == site.open(content, who)
    assert len(opened) % BUCKET_BYTES == 0


def test_the_envelope_is_the_one_that_the_standard_describes(
    site: Any, ct_request: Build, tmp_path: Path
) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    (tmp_path / "cms").write_bytes(_content(site.protector.protect(ct_request())))

    text = subprocess.run(
        ["openssl", "cms", "-cmsout", "-print", "-inform", "DER", "-in", "cms"],
        cwd=tmp_path,
        capture_output=True,
        check=True,
        text=True,
    ).stdout

    assert "d.envelopedData" in text
    assert "version: 0" in text
    assert text.count("issuerAndSerialNumber") == 2
    assert text.count("algorithm: rsaEncryption") == 2
    assert "aes-256-cbc" in text


def test_two_envelopes_of_one_header_have_nothing_in_common(site: Any, ct_request: Build) -> None:
    first, second = (_content(site.protector.protect(ct_request())) for _ in range(2))

    assert site.open(first) == site.open(second)
    blocks = [
        {one[n : n + 16] for n in range(len(one) - 4096, len(one), 16)} for one in (first, second)
    ]
    assert not blocks[0] & blocks[1]


@pytest.mark.parametrize("implicit", [False, True])
def test_the_raw_header_and_the_bulk_are_the_original_file(
    site: Any, ct_octets: Callable[..., bytes], ct_request: Build, implicit: bool
) -> None:
    changes = {0x00091010: (b"UN", b"odd and private")}
    after = b"\xfc\xff\xfc\xff" + (b"" if implicit else b"OB\0\0") + b"\4\0\0\0" + bytes(4)
    options: dict[str, Any] = {
        "implicit": implicit,
        "preamble": b"II*\0" + bytes(124),
        "after": after,
    }

    plaintext = site.open(_content(site.protector.protect(ct_request(changes, **options))))

    assert _raw_file(plaintext) == ct_octets(changes, **options)


def test_originals_of_all_that_changed_are_sealed_and_what_is_clear_is_not(
    site: Any, ct_request: Build
) -> None:
    item = _item(site.open(_content(site.protector.protect(ct_request()))))

    assert str(item.PatientName) == "CANARY^NAME"
    assert item.SOPInstanceUID == "1.2.3.4.5"
    assert item.StudyDate == "20010203"
    assert item.InstitutionName == "CANARY HOSPITAL"
    assert "PixelSpacing" not in item
    assert "Rows" not in item


def test_the_originals_character_set_is_sealed_with_its_texts(site: Any, ct_request: Build) -> None:
    request = ct_request(
        {
            0x00080005: (b"CS", b"ISO_IR 192"),
            0x00100010: (b"PN", "Ærøskøbing^Åse".encode()),
        }
    )

    item = _item(site.open(_content(site.protector.protect(request))))

    assert str(item.PatientName) == "Ærøskøbing^Åse"


def test_an_implicit_original_is_sealed_with_the_dictionarys_vrs(
    site: Any, ct_request: Build
) -> None:
    request = ct_request(
        {
            0x00081140: (
                b"SQ",
                [[LENGTH, (0x00081155, b"UI", b"1.2.9"), (0x00091101, b"UN", b"xy")]],
            ),
            0x00090010: (b"LO", b"VENDOR"),
            0x00091001: (b"UN", b"private!"),
            0x00280106: (b"SS", b"\xff\xff"),
            0x00283006: (b"OW", bytes(4)),
            0x00104000: (b"LT", b"x" * 70_000),
            0x60003000: (b"OW", bytes(2)),
        },
        implicit=True,
    )

    item = _item(site.open(_content(site.protector.protect(request))))

    (nested,) = item.ReferencedImageSequence
    assert nested.ReferencedSOPInstanceUID == "1.2.9"
    assert 0x00080000 not in nested  # the length of the group in another VR encoding
    assert nested[0x00091101].VR == "UN"
    assert item[0x00090010].VR == "LO"
    assert item[0x00091001].value == b"private!"
    assert item[0x60003000].VR == "OW"
    assert item.get_item(0x00104000).VR == "UN"  # too long for the 16-bit length of LT
    assert len(item.get_item(0x00104000).value) == 70_000


def test_a_foreign_de_identification_goes_into_the_sealed_part(
    site: Any, ct_request: Build
) -> None:
    request = ct_request({0x00120063: (b"LO", b"SOMEONE"), 0x04000500: (b"SQ", [])})

    item = _item(site.open(_content(site.protector.protect(request))))

    assert item.DeidentificationMethod == "SOMEONE"
    assert 0x04000500 in item


def test_a_private_block_that_is_taken_is_left_alone(site: Any, ct_request: Build) -> None:
    request = ct_request({0x0EEF0010: (b"LO", b"OTHER"), 0x0EEF1001: (b"LO", b"theirs")})

    plaintext = site.open(_content(site.protector.protect(request)))

    item = _item(plaintext)
    assert item[0x0EEF0010].value == "OTHER"
    assert item[0x0EEF1001].value == "theirs"
    assert b"theirs" in _raw_file(plaintext)


@given(st.integers(0, 3 * BUCKET_BYTES))
@example(BUCKET_BYTES)
@example(BUCKET_BYTES - 2)
@example(BUCKET_BYTES - 10)
@example(BUCKET_BYTES - 12)
def test_padding_fills_a_bucket_and_pydicom_reads_it(length: int) -> None:
    length += length % 2
    padded = pad(bytes(length))

    assert len(padded) % BUCKET_BYTES == 0
    assert padded[:length] == bytes(length)
    if len(padded) > length:
        rest = read_dataset(BytesIO(padded[length:]), is_implicit_VR=False, is_little_endian=True)
        assert [int(one) for one in rest.keys()] == [0xFFFCFFFC]
    assert len(padded) - length < BUCKET_BYTES + 12


def test_headers_of_like_length_have_sealed_parts_of_one_length(
    site: Any, ct_request: Build
) -> None:
    lengths = {
        len(_content(site.protector.protect(ct_request({0x00081030: (b"LO", b"x" * count)}))))
        for count in range(2, 64, 4)
    }

    assert len(lengths) == 1
