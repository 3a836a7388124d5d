"""What was sealed whole comes back to the octet: by reveal, by escrow key, by others' tools."""

import contextlib
import hashlib
import shutil
import struct
import subprocess
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from Testing.Unit.protect.conftest import make_ct
from Testing.Unit.protect.kinds import der_octets, sealed_item
from Testing.Unit.protect.wholes import (
    FRAGMENTS,
    ORIGINALS,
    PIXEL_DATA,
    compressed,
    read_whole,
    whole,
)
from Testing.Unit.reveal.signing import SigningSite, protected_request

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.headers import ProtectedHeader
from encryptsecurert_protocol.reveals import RevealClass
from encryptsecurert_worker.dicom.protect.iods.whole import RAW_DATA_STORAGE
from encryptsecurert_worker.dicom.reveal.opening import original_of
from encryptsecurert_worker.dicom.reveal.revealer import Opened
from EncryptSecureRTLib.custodian.recover import EscrowKey, recover_file


@pytest.fixture(scope="module")
def signing() -> SigningSite:
    return SigningSite()


@pytest.fixture(params=ORIGINALS.values(), ids=list(ORIGINALS))
def original(request: pytest.FixtureRequest) -> bytes:
    octets: bytes = request.param
    return octets


def _opened(signing: SigningSite, answer: ProtectedHeader) -> Opened:
    revealer = signing.revealer(signing.manifest([answer]))
    return revealer.open(revealer.examine(protected_request(answer)))


def test_by_reveal_exactly(signing: SigningSite, original: bytes) -> None:
    revealed = _opened(signing, signing.protector.protect(whole(original))).whole()

    assert bytes(revealed.octets) == original
    assert revealed.file is not None
    assert revealed.file.bulk == ()
    assert revealed.file.file_sha256 == hashlib.sha256(original).hexdigest()


def test_with_the_escrow_key_exactly(site: Any, original: bytes, tmp_path: Path) -> None:
    path = tmp_path / "protected.dcm"
    path.write_bytes(bytes(site.protector.protect(whole(original)).header))

    assert recover_file(path, tmp_path / "out", EscrowKey(*site.pairs[1]))

    assert (tmp_path / "out" / "protected.dcm").read_bytes() == original


def test_the_sealed_attributes_are_all_there_with_the_pixels(site: Any, original: bytes) -> None:
    dataset = read_whole(site.protector.protect(whole(original)))

    sealed, before = sealed_item(site, dataset), pydicom.dcmread(BytesIO(original))
    for element in before:
        if element.tag == 0xFFFCFFFC:
            continue
        back = sealed.get(element.tag, dataset.get(element.tag))
        assert back.value == element.value, element.tag
    for keyword in ("PixelData", "FloatPixelData", "EncapsulatedDocument"):
        assert (keyword in sealed) is (keyword in before)


def test_by_openssl_and_gdcm(site: Any, original: bytes, tmp_path: Path) -> None:
    if shutil.which("openssl") is None or shutil.which("gdcmanon") is None:
        pytest.skip("openssl or gdcmanon is not installed")
    key, certificate = site.write_pem(tmp_path, 1)
    answer = site.protector.protect(whole(original))
    (tmp_path / "p.dcm").write_bytes(bytes(answer.header))
    (item,) = read_whole(answer).EncryptedAttributesSequence
    (tmp_path / "cms").write_bytes(der_octets(item.EncryptedContent))

    opened = subprocess.run(
        [
            *("openssl", "cms", "-decrypt", "-inform", "DER", "-binary", "-in", "cms"),
            *("-inkey", key, "-recip", certificate),
        ],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    ).stdout
    subprocess.run(
        ["gdcmanon", "-d", "-i", "p.dcm", "-o", "r.dcm", "-k", key, "-c", certificate],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )

    assert bytes(original_of(opened).header) == original
    restored, before = pydicom.dcmread(tmp_path / "r.dcm"), pydicom.dcmread(BytesIO(original))
    assert restored.SOPClassUID == before.SOPClassUID
    assert restored.file_meta.MediaStorageSOPClassUID == before.SOPClassUID
    assert restored.get("PixelData") == before.get("PixelData")
    assert restored.PatientName == before.PatientName
    block = restored.private_block(0x0EEF, "ENCRYPTSECURERT 1")
    assert block[0x01].value[: len(original)] == original


def test_raw_data_of_others_as_well(signing: SigningSite) -> None:
    octets = make_ct({PIXEL_DATA: None, 0x00080016: (b"UI", RAW_DATA_STORAGE)})

    opened = _opened(signing, signing.protector.protect(whole(octets)))

    assert bytes(opened.whole().octets) == octets


def test_the_deepest_original_that_is_taken_is_one_that_comes_back(signing: SigningSite) -> None:
    nested: list[Any] = [(0x00080104, b"LO", b"DEEP")]
    for _ in range(16):
        nested = [(0x00081140, b"SQ", [nested])]
    octets = make_ct({nested[0][0]: nested[0][1:]})
    deeper = make_ct({0x00081140: (b"SQ", [nested])})

    opened = _opened(signing, signing.protector.protect(whole(octets)))

    assert bytes(opened.whole().octets) == octets
    assert signing.protector.answer(whole(deeper)).code is ErrorCode.E_DICOM


def test_an_original_with_as_many_elements_as_are_walked_is_one_that_comes_back(
    signing: SigningSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    octets = make_ct()
    for most in range(60):
        monkeypatch.setattr("encryptsecurert_worker.dicom.protect.elements.MAX_ELEMENTS", most)
        answer = signing.protector.answer(whole(octets))
        if answer.code is None:
            (item,) = read_whole(answer).EncryptedAttributesSequence
            opened = original_of(signing.open(der_octets(item.EncryptedContent)))
            assert bytes(opened.header) == octets
            return
        assert answer.code is ErrorCode.E_TOO_LARGE
    pytest.fail("the walk has no bound that this file keeps")


def test_pixels_do_not_go_with_the_attributes_that_are_shown(
    signing: SigningSite, original: bytes
) -> None:
    opened = _opened(signing, signing.protector.protect(whole(original)))

    shown = bytes(opened.show(frozenset(RevealClass)).octets)

    assert b"CANARY^NAME" in shown
    assert FRAGMENTS not in shown
    assert struct.pack("<HH", 0x7FE0, 0x0010) not in shown


@settings(max_examples=150)
@given(st.data(), st.booleans())
def test_a_damaged_file_raises_only_our_errors_and_what_is_taken_comes_back(
    signing: SigningSite, data: st.DataObject, is_compressed: bool
) -> None:
    octets = bytearray(compressed() if is_compressed else make_ct())
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(128, len(octets) - 1))
        octets[place] = data.draw(st.integers(0, 255))

    with contextlib.suppress(EncryptSecureRTError):
        answer = signing.protector.protect(whole(bytes(octets)))
        (item,) = pydicom.dcmread(BytesIO(bytes(answer.header))).EncryptedAttributesSequence
        opened = original_of(signing.open(der_octets(item.EncryptedContent)))
        assert bytes(opened.header) == bytes(octets)
