"""What may leave: files that a manifest names octet for octet, manifests, and nothing else."""

import hashlib
import struct
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import ImplicitVRLittleEndian
from Testing.Unit.protect.conftest import PIXELS, make_ct, request_of
from Testing.Unit.reveal.signing import SigningSite

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.headers import ProtectedHeader
from encryptsecurert_protocol.reveals import RevealRequest
from encryptsecurert_worker.dicom.manifest.entries import read_protected
from EncryptSecureRTLib.client.dicomfiles import SplitFile, split_protected
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.pacs.clearform import protected_form
from EncryptSecureRTLib.client.pacs.elements import read_elements
from EncryptSecureRTLib.client.pacs.fitness import fit_files, has_originals
from EncryptSecureRTLib.client.pacs.manifest_file import read_manifest

_RAW_DATA = "1.2.840.10008.5.1.4.1.1.66"


@pytest.fixture(scope="module")
def signing() -> SigningSite:
    return SigningSite()


def _ct(number: int) -> bytes:
    return make_ct({0x00080018: (b"UI", b"1.2.3.4.%d" % number)})


def _whole(answer: ProtectedHeader) -> bytes:
    at = answer.bulk[0].at
    return bytes(answer.header[:at]) + PIXELS + bytes(answer.header[at:])


@pytest.fixture
def study(signing: SigningSite, tmp_path: Path) -> Path:
    """Write a study of three protected files and their manifest."""
    answers = [signing.protector.protect(request_of(_ct(number))) for number in (5, 6, 7)]
    folder = tmp_path / "protected"
    for answer in answers:
        path = folder / str(answer.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_whole(answer))
    (folder / "manifest").mkdir()
    (folder / "manifest" / "m.dcm").write_bytes(signing.manifest(answers))
    return folder


def _images(study: Path) -> list[Path]:
    return sorted(path for path in study.rglob("2.25.*.dcm"))


def _refusal(study: Path, home: Path) -> ErrorCode:
    with pytest.raises(EncryptSecureRTError) as refused:
        fit_files(study, ClientHome(home))
    return refused.value.code


def test_manifests_leave_first_and_each_file_is_called_as_it_is(
    study: Path, tmp_path: Path
) -> None:
    fit = fit_files(study, ClientHome(tmp_path / "home"))

    assert [one.outgoing.path for one in fit.all] == [study / "manifest/m.dcm", *_images(study)]
    assert {one.study for one in fit.all} == {fit.files[0].study}
    for one in fit.all:
        dataset = pydicom.dcmread(one.outgoing.path)
        told = (one.outgoing.sop_class, one.outgoing.instance, one.series)
        assert told == (dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.SeriesInstanceUID)
        octets = one.outgoing.path.read_bytes()
        assert octets[one.outgoing.data_set_at :].startswith(b"\x08\x00")
        assert one.outgoing.size_bytes == len(octets)


def test_one_series_folder_is_enough_if_the_manifest_lies_beside_it(
    study: Path, tmp_path: Path
) -> None:
    fit = fit_files(_images(study)[0].parent, ClientHome(tmp_path / "home"))

    assert (len(fit.manifests), len(fit.files)) == (1, 3)


@pytest.mark.parametrize("place", ["clear", "sealed", "pixels", "instance", "meta", "preamble"])
def test_one_changed_octet_refuses_all_but_where_nothing_is_sent_from(
    study: Path, tmp_path: Path, place: str
) -> None:
    path = _images(study)[1]
    octets = bytearray(path.read_bytes())
    at = {
        "clear": octets.index(b"\x18\x00\x50\x00") if b"\x18\x00\x50\x00" in octets else 0,
        "sealed": octets.index(b"\x00\x04\x20\x05OB") + 600,
        "pixels": octets.index(PIXELS) + 3,
        "instance": octets.rindex(path.stem.encode()) + 7,
        "meta": octets.index(path.stem.encode()) + 7,
        "preamble": 5,
    }[place]
    at = at or octets.index(b"\x28\x00\x10\x00US") + 8
    octets[at] ^= 1
    path.write_bytes(octets)

    if place == "preamble":  # it is never sent
        assert len(fit_files(study, ClientHome(tmp_path / "home")).files) == 3
    else:
        assert _refusal(study, tmp_path / "home") is ErrorCode.E_NOT_PROTECTED


@pytest.mark.parametrize(
    ("tag", "vr", "value"),
    [
        (0x00100010, "PN", "CANARY^NAME"),
        (0x00081030, "LO", "CANARY DESCRIPTION"),
        (0x00104000, "LT", "CANARY COMMENT"),
        (0x00091001, "LO", "CANARY PRIVATE"),
        (0xFFFC0000, "UL", 1),
    ],
)
def test_an_attribute_that_was_put_in_afterwards_is_found(
    study: Path, tmp_path: Path, tag: int, vr: str, value: object
) -> None:
    path = _images(study)[0]
    dataset = pydicom.dcmread(path)
    dataset.add_new(tag, vr, value)
    dataset.save_as(path)

    if vr == "UL":  # a group length says nothing, and survives a PACS
        assert fit_files(study, ClientHome(tmp_path / "home"))
    else:
        assert _refusal(study, tmp_path / "home") is ErrorCode.E_NOT_PROTECTED


@pytest.mark.parametrize("marks", [False, True])
def test_an_original_refuses_all_also_with_the_marks_of_the_protected_form(
    study: Path, tmp_path: Path, marks: bool
) -> None:
    path = tmp_path / "original.dcm"
    path.write_bytes(_ct(8))
    if marks:
        dataset = pydicom.dcmread(path)
        sealed = pydicom.dcmread(_images(study)[0])
        for keyword in ("PatientIdentityRemoved", "DeidentificationMethod"):
            setattr(dataset, keyword, getattr(sealed, keyword))
        dataset.EncryptedAttributesSequence = sealed.EncryptedAttributesSequence
        dataset.save_as(path)
    path.rename(study / "original.dcm")

    assert _refusal(study, tmp_path / "home") is ErrorCode.E_NOT_PROTECTED


def test_without_its_manifest_no_file_leaves(study: Path, tmp_path: Path) -> None:
    (study / "manifest/m.dcm").unlink()

    assert _refusal(study, tmp_path / "home") is ErrorCode.E_NOT_PROTECTED


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PatientName", "CANARY^NAME"),
        ("StudyDate", "20010203"),
        ("StudyDescription", "CANARY DESCRIPTION"),
        ("Manufacturer", "CANARY"),
    ],
)
def test_a_manifest_file_that_holds_more_refuses_all(
    study: Path, tmp_path: Path, keyword: str, value: str
) -> None:
    path = study / "manifest/m.dcm"
    dataset = pydicom.dcmread(path)
    setattr(dataset, keyword, value)
    dataset.save_as(path)

    assert _refusal(study, tmp_path / "home") is ErrorCode.E_NOT_PROTECTED


def test_raw_data_of_somebody_else_refuses_all(study: Path, tmp_path: Path) -> None:
    other = pydicom.dcmread(_images(study)[0])
    other.SOPClassUID = other.file_meta.MediaStorageSOPClassUID = pydicom.uid.UID(_RAW_DATA)
    del other.EncryptedAttributesSequence
    other.save_as(study / "raw.dcm")

    assert _refusal(study, tmp_path / "home") is ErrorCode.E_NOT_PROTECTED


def test_a_folder_of_originals_is_told_from_a_protected_one(study: Path, tmp_path: Path) -> None:
    originals = tmp_path / "originals"
    originals.mkdir()
    (originals / "a.dcm").write_bytes(_ct(5))

    assert has_originals(originals)
    assert not has_originals(study)


def _implicit(dataset: pydicom.Dataset) -> None:
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian


def _undefined(dataset: pydicom.Dataset) -> None:
    for element in dataset:
        if element.VR == "SQ":
            element.is_undefined_length = True
            for item in element.value:
                item.is_undefined_length_sequence_item = True


def _padded(dataset: pydicom.Dataset) -> None:
    dataset.add_new(0xFFFCFFFC, "OB", bytes(64))


@pytest.mark.parametrize("change", [_implicit, _undefined, _padded])
def test_what_a_pacs_does_to_an_encoding_leaves_files_fit(
    study: Path, tmp_path: Path, change: Callable[[pydicom.Dataset], None]
) -> None:
    for path in study.rglob("*.dcm"):
        dataset = pydicom.dcmread(path)
        change(dataset)
        implicit = change is _implicit
        dataset.save_as(path, implicit_vr=implicit, little_endian=True)

    assert len(fit_files(study, ClientHome(tmp_path / "home")).all) == 4


def _told_by_worker(split: SplitFile) -> object:
    request = RevealRequest(size=split.size, bulk=split.bulk, header=bytes(split.header))
    return read_protected(request).entry


@pytest.mark.parametrize("change", [None, _implicit, _undefined, _padded])
def test_client_and_worker_say_the_same_of_a_file(
    study: Path, change: Callable[[pydicom.Dataset], None] | None
) -> None:
    for path in _images(study):
        if change is not None:
            dataset = pydicom.dcmread(path)
            change(dataset)
            dataset.save_as(path, implicit_vr=change is _implicit, little_endian=True)
        split = split_protected(path)

        assert protected_form(split).entry == _told_by_worker(split)


@pytest.fixture(scope="module")
def header(signing: SigningSite) -> bytes:
    """Return the octets of a protected file without its pixels."""
    return bytes(signing.protector.protect(request_of(_ct(5))).header[:-12])


def _code_of(octets: bytearray) -> ErrorCode | None:
    split = SplitFile(
        size=len(octets), header=octets, bulk=(), file_sha256=hashlib.sha256(b"").hexdigest()
    )
    try:
        protected_form(split)
    except EncryptSecureRTError as error:
        return error.code
    return None


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_changed_octets_are_a_form_or_one_of_our_errors(header: bytes, data: st.DataObject) -> None:
    octets = bytearray(header)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(132, len(octets) - 1))
        octets[at : at + 1] = data.draw(st.binary(max_size=3))

    assert _code_of(bytearray(header)) is None
    assert _code_of(octets) in (None, ErrorCode.E_DICOM)


def test_depth_is_bounded(header: bytes) -> None:
    nested = b""
    for _ in range(40):
        item = struct.pack("<HHL", 0xFFFE, 0xE000, len(nested)) + nested
        nested = struct.pack("<HH2sHL", 0x0008, 0x1140, b"SQ", 0, len(item)) + item

    with pytest.raises(EncryptSecureRTError) as refused:
        read_elements(header[: header.index(b"\x08\x00\x08\x00")] + nested, {})

    assert refused.value.code is ErrorCode.E_DICOM


def test_a_manifest_is_read_as_it_was_signed(signing: SigningSite, study: Path) -> None:
    octets = (study / "manifest/m.dcm").read_bytes()

    manifest, _ = read_manifest(study / "manifest/m.dcm")

    assert manifest == signing.manifest_site.open(octets)
