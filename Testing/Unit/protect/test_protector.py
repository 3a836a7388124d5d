"""One header in, one protected header out: what is refused, and what stands in clear."""

import re
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from typing import Any

import pydicom
import pytest
from pydicom.uid import UID

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.headers import HeaderRequest, HeaderState, ProtectedHeader
from encryptsecurert_worker.dicom.implementation import (
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
)
from encryptsecurert_worker.dicom.protect import ProtectionKeys, Protector
from encryptsecurert_worker.dicom.protect.shell import (
    METHOD,
)

PIXELS = bytes(range(48))
Changes = dict[int, tuple[bytes, Any] | None]
Build = Callable[..., HeaderRequest]


def _file(answer: ProtectedHeader, pixels: bytes = PIXELS) -> bytes:
    at = answer.bulk[0].at
    return bytes(answer.header[:at]) + pixels + bytes(answer.header[at:])


def _read(answer: ProtectedHeader, pixels: bytes = PIXELS) -> pydicom.Dataset:
    dataset: pydicom.Dataset = pydicom.dcmread(BytesIO(_file(answer, pixels)))
    return dataset


def _us(number: int) -> tuple[bytes, bytes]:
    return b"US", number.to_bytes(2, "little")


REFUSED: list[tuple[str, Changes, Changes, ErrorCode]] = [
    # what, what is refused, the accepted twin, with which code
    ("no SOP instance UID", {0x00080018: None}, {}, ErrorCode.E_MISSING_UID),
    ("empty study UID", {0x0020000D: (b"UI", b"")}, {}, ErrorCode.E_MISSING_UID),
    ("no series UID", {0x0020000E: None}, {}, ErrorCode.E_MISSING_UID),
    ("no frame of reference", {0x00200052: None}, {}, ErrorCode.E_MISSING_UID),
    ("no SOP class", {0x00080016: None}, {}, ErrorCode.E_MISSING_UID),
    (
        "parametric map",
        {0x00080016: (b"UI", b"1.2.840.10008.5.1.4.1.1.30")},
        {0x00080016: (b"UI", b"1.2.840.10008.5.1.4.1.1.2")},
        ErrorCode.E_MODALITY,
    ),
    (
        "secondary capture",
        {0x00080016: (b"UI", b"1.2.840.10008.5.1.4.1.1.7")},
        {},
        ErrorCode.E_BURNED_IN,
    ),
    (
        "RT image",
        {0x00080016: (b"UI", b"1.2.840.10008.5.1.4.1.1.481.1")},
        {},
        ErrorCode.E_BURNED_IN,
    ),
    (
        "burned-in annotation",
        {0x00280301: (b"CS", b"YES")},
        {0x00280301: (b"CS", b"NO")},
        ErrorCode.E_BURNED_IN,
    ),
    ("conversion type", {0x00080064: (b"CS", b"WSD")}, {}, ErrorCode.E_BURNED_IN),
    (
        "screen save",
        {0x00080008: (b"CS", b"DERIVED\\SECONDARY\\SCREEN SAVE")},
        {0x00080008: (b"CS", b"DERIVED\\SECONDARY\\REFORMATTED\\AVERAGE")},
        ErrorCode.E_BURNED_IN,
    ),
    (
        "dose sheet",
        {0x00080008: (b"CS", b"ORIGINAL\\SECONDARY\\OTHER\\CT_SOM5 PROT")},
        {0x00080008: (b"CS", b"ORIGINAL\\PRIMARY\\AXIAL\\CT_SOM5 SPI")},
        ErrorCode.E_BURNED_IN,
    ),
    (
        "colour",
        {0x00280004: (b"CS", b"RGB")},
        {0x00280004: (b"CS", b"MONOCHROME1")},
        ErrorCode.E_BURNED_IN,
    ),
    ("three samples", {0x00280002: _us(3)}, {0x00280002: _us(1)}, ErrorCode.E_BURNED_IN),
    (
        "overlay in the pixels",
        {0x60000102: _us(12)},
        {0x60000102: _us(0), 0x60003000: (b"OW", b"\1\2")},
        ErrorCode.E_BURNED_IN,
    ),
    (
        "overlay as wide as a pixel",
        {0x601E0100: _us(16)},
        {0x601E0100: _us(1)},
        ErrorCode.E_BURNED_IN,
    ),
    (
        "protected by us",
        {0x00120063: (b"LO", METHOD), 0x04000500: (b"SQ", [])},
        {0x00120063: (b"LO", b"SOMEONE"), 0x04000500: (b"SQ", [])},
        ErrorCode.E_PROTECTED_ALREADY,
    ),
    ("fewer rows than pixels", {0x00280010: _us(3)}, {0x00280010: _us(4)}, ErrorCode.E_DICOM),
    ("more frames", {0x00280008: (b"IS", b"2")}, {0x00280008: (b"IS", b"1")}, ErrorCode.E_DICOM),
    ("frames that are no number", {0x00280008: (b"IS", b"DOE")}, {}, ErrorCode.E_DICOM),
    ("no rows", {0x00280010: None}, {}, ErrorCode.E_DICOM),
    ("rows as text", {0x00280010: (b"LO", b"4 ")}, {}, ErrorCode.E_DICOM),
    ("odd bits", {0x00280100: _us(12)}, {0x00280100: _us(16)}, ErrorCode.E_DICOM),
    ("more bits stored than there are", {0x00280101: _us(17)}, {}, ErrorCode.E_DICOM),
    (
        "a position that is a name",
        {0x00200032: (b"DS", b"DOE\\JOHN\\X")},
        {0x00200032: (b"DS", b"1\\2\\3")},
        ErrorCode.E_DICOM,
    ),
    ("pixels as UN", {0x7FE00010: (b"UN", PIXELS)}, {}, ErrorCode.E_DICOM),
    ("two study UIDs", {0x0020000D: (b"UI", b"1.2\\1.3")}, {}, ErrorCode.E_DICOM),
]


@pytest.mark.parametrize(
    ("refused", "taken", "code"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_an_instance_is_refused_and_its_twin_is_taken(
    site: Any, ct_request: Build, refused: Changes, taken: Changes, code: ErrorCode
) -> None:
    assert site.protector.protect(ct_request(taken)).state is HeaderState.PROTECTED

    with pytest.raises(EncryptSecureRTError) as caught:
        site.protector.protect(ct_request(refused))

    assert caught.value.code is code
    assert "DOE" not in str(caught.value)
    answer = site.protector.answer(ct_request(refused))
    assert (answer.state, answer.code) == (HeaderState.REFUSED, code)


@pytest.mark.parametrize(
    ("sop_class", "code"),
    [
        (b"1.2.840.10008.5.1.4.1.1.30", ErrorCode.E_MODALITY),
        (b"1.2.840.10008.5.1.4.1.1.2", ErrorCode.E_DICOM),
        (b"1.2.840.10008.5.1.4.1.1.7", ErrorCode.E_BURNED_IN),
    ],
    ids=["parametric map", "CT", "secondary capture"],
)
def test_a_file_without_pixels_is_refused_by_what_it_is(
    site: Any, ct_octets: Callable[..., bytes], sop_class: bytes, code: ErrorCode
) -> None:
    octets = ct_octets({0x7FE00010: None, 0x00080016: (b"UI", sop_class)})
    request = HeaderRequest(size=len(octets), bulk=(), header=octets)

    assert site.protector.answer(request).code is code


def test_eight_bit_pixels_of_odd_number_have_one_pad_octet(site: Any, ct_request: Build) -> None:
    narrow: Changes = {
        0x00280010: _us(3),
        0x00280011: _us(5),
        0x00280100: _us(8),
        0x00280101: _us(8),
        0x00280102: _us(7),
        0x7FE00010: (b"OB", bytes(range(1, 17))),
    }
    answer = site.protector.protect(ct_request(narrow, pixels=bytes(range(1, 17))))
    assert _read(answer, bytes(range(1, 17)))[0x7FE00010].VR == "OB"

    longer = {**narrow, 0x7FE00010: (b"OB", bytes(range(1, 19)))}
    with pytest.raises(EncryptSecureRTError) as caught:
        site.protector.protect(ct_request(longer, pixels=bytes(range(1, 19))))
    assert caught.value.code is ErrorCode.E_DICOM


@pytest.mark.parametrize("implicit", [False, True])
def test_pydicom_reads_the_protected_file_without_a_warning(
    site: Any, ct_request: Build, implicit: bool
) -> None:
    dataset = _read(site.protector.protect(ct_request(implicit=implicit)))

    assert dataset.file_meta.TransferSyntaxUID == UID("1.2.840.10008.1.2.1")
    assert dataset.PixelData == PIXELS
    assert dataset.pixel_array.shape == (4, 6)
    assert str(dataset)  # decodes every value


def test_an_implicit_and_an_explicit_original_get_the_same_clear_part(
    site: Any, ct_request: Build
) -> None:
    explicit, implicit = (
        _read(site.protector.protect(ct_request(implicit=one))) for one in (False, True)
    )
    for dataset in (explicit, implicit):
        del dataset[0x04000500]

    assert explicit == implicit


def test_what_a_simulated_worker_protects_says_so(site: Any, ct_request: Build) -> None:
    protector = Protector(replace(site.keys, simulated=True))

    methods = _read(protector.protect(ct_request())).DeidentificationMethod

    assert list(methods) == ["EncryptSecureRT profile 1", "SIMULATED - not protected"]


def test_preamble_and_file_meta_are_our_own(site: Any, ct_request: Build) -> None:
    answer = site.protector.protect(ct_request(preamble=b"II*\0CANARY" + bytes(118)))

    assert bytes(answer.header[:128]) == bytes(128)
    meta = _read(answer).file_meta
    assert [tag.tag.element for tag in meta] == [0x0, 0x1, 0x2, 0x3, 0x10, 0x12, 0x13]
    assert meta.ImplementationClassUID == IMPLEMENTATION_CLASS_UID
    assert meta.ImplementationVersionName == IMPLEMENTATION_VERSION_NAME
    assert meta.MediaStorageSOPInstanceUID == _read(answer).SOPInstanceUID


def test_the_marks_of_removed_identity_are_there(site: Any, ct_request: Build) -> None:
    dataset = _read(site.protector.protect(ct_request()))

    assert dataset.PatientIdentityRemoved == "YES"
    assert dataset.DeidentificationMethod == "EncryptSecureRT profile 1"
    codes = [item.CodeValue for item in dataset.DeidentificationMethodCodeSequence]
    assert codes == ["113100"]
    assert dataset.LongitudinalTemporalInformationModified == "REMOVED"
    assert "SpecificCharacterSet" not in dataset


def test_patient_and_dates_are_replaced_and_emptied(site: Any, ct_request: Build) -> None:
    dataset = _read(site.protector.protect(ct_request({0x00080021: (b"DA", b"20010203")})))

    assert re.fullmatch(r"P[A-Z2-7]{16}", dataset.PatientID)
    assert str(dataset.PatientName) == dataset.PatientID
    for keyword in ("StudyDate", "StudyTime", "PatientBirthDate", "AccessionNumber", "StudyID"):
        assert dataset[keyword].is_empty
    assert "SeriesDate" not in dataset
    assert "InstitutionName" not in dataset


def test_geometry_and_numbers_stay_octet_by_octet(site: Any, ct_request: Build) -> None:
    answer = site.protector.protect(ct_request())

    assert b"-10.5\\-20\\3e1" in answer.header
    assert _read(answer).ImagePositionPatient == [-10.5, -20, 30]


def test_the_same_uids_are_mapped_alike_in_all_instances(site: Any, ct_request: Build) -> None:
    first = _read(site.protector.protect(ct_request()))
    other = _read(Protector(site.keys).protect(ct_request({0x00080018: (b"UI", b"1.2.3.4.6")})))

    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "PatientID"):
        assert first[keyword].value == other[keyword].value
    assert first.SOPInstanceUID != other.SOPInstanceUID


def test_a_well_known_frame_of_reference_stays_and_an_invented_one_does_not(
    site: Any, ct_request: Build
) -> None:
    known, invented = "1.2.840.10008.1.4.1.1", "1.2.840.10008.1.4.1.999"

    kept = _read(site.protector.protect(ct_request({0x00200052: (b"UI", known.encode())})))
    mapped = _read(site.protector.protect(ct_request({0x00200052: (b"UI", invented.encode())})))

    assert kept.FrameOfReferenceUID == known
    assert mapped.FrameOfReferenceUID.startswith("2.25.")


def test_the_name_is_made_of_the_mapped_uids(site: Any, ct_request: Build) -> None:
    answer = site.protector.protect(ct_request())
    dataset = _read(answer)

    assert answer.name == f"{dataset.SeriesInstanceUID}/{dataset.SOPInstanceUID}.dcm"


def test_a_single_header_gets_the_same_clear_part(site: Any, ct_request: Build) -> None:
    one, other = (
        _read(Protector(site.keys).protect(ct_request())),
        _read(site.protector.protect(ct_request())),
    )
    for dataset in (one, other):
        del dataset[0x04000500]

    assert one == other


def test_a_protected_file_is_not_protected_again(site: Any, ct_request: Build) -> None:
    answer = site.protector.protect(ct_request())
    again = HeaderRequest(
        size=answer.size,
        bulk=(replace(ct_request().bulk[0], offset=answer.bulk[0].at),),
        header=answer.header,
    )

    assert site.protector.answer(again).code is ErrorCode.E_PROTECTED_ALREADY


@pytest.mark.parametrize(
    "changes",
    [
        {"uid_key": b"u" * 31},
        {"pid_key": b"p" * 33},
        {"pid_key": b"u" * 32},
        {"dateshift_key": b"d" * 31},
        {"dateshift_key": b"p" * 32},
        {"recipient_certificate": b"0\0"},
        {"escrow_certificate": b""},
    ],
)
def test_keys_that_cannot_protect_are_refused(site: Any, changes: dict[str, Any]) -> None:
    keys: ProtectionKeys = site.keys
    assert Protector(keys)

    with pytest.raises(EncryptSecureRTError) as caught:
        Protector(replace(keys, **changes))
    assert caught.value.code is ErrorCode.E_BUNDLE


def test_keys_do_not_show_when_printed(site: Any) -> None:
    assert "u" * 32 not in repr(site.keys)
