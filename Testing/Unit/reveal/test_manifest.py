"""The signed manifest: what it says, how batches come together, and what is not taken."""

import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from Testing.Unit.protect.conftest import PIXELS, make_ct, request_of
from Testing.Unit.reveal.second_clear_form import second_clear_sha256
from Testing.Unit.reveal.signing import ALGORITHM, SigningSite, protected_request
from Testing.Unit.worker.made import refusal_of

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.headers import HeaderRequest, ProtectedHeader
from encryptsecurert_protocol.reveals import RevealRequest
from encryptsecurert_worker.dicom.manifest.clearform import clear_sha256
from encryptsecurert_worker.dicom.manifest.entries import read_answer, read_protected
from encryptsecurert_worker.dicom.manifest.studies import StudyManifests
from encryptsecurert_worker.dicom.protect.elements import read_header
from EncryptSecureRTLib.client.dicomfiles import header_request, split_file

Build = Callable[..., HeaderRequest]


def _file(answer: ProtectedHeader, pixels: bytes = PIXELS) -> bytes:
    at = answer.bulk[0].at
    return bytes(answer.header[:at]) + pixels + bytes(answer.header[at:])


def _split(octets: bytes, folder: Path) -> RevealRequest:
    path = folder / "file.dcm"
    path.write_bytes(octets)
    split = split_file(path)
    return RevealRequest(size=split.size, bulk=split.bulk, header=bytes(split.header))


def test_the_manifest_is_of_the_study_the_patient_and_each_instance(
    signing: SigningSite, ct: Build
) -> None:
    answers = [signing.protector.protect(ct(number)) for number in (7, 5, 6)]
    clear = pydicom.dcmread(BytesIO(_file(answers[0])))

    manifest = signing.manifest_site.open(signing.manifest(answers))

    assert (manifest.study, manifest.patient) == (clear.StudyInstanceUID, clear.PatientID)
    assert (manifest.algorithm, manifest.keys) == (ALGORITHM, signing.manifest_site.keys)
    names = sorted(Path(str(answer.name)).stem for answer in answers)
    assert [entry.instance for entry in manifest.entries] == names


def test_the_file_of_a_manifest_is_a_raw_data_instance_without_errors(
    signing: SigningSite, ct: Build, tmp_path: Path
) -> None:
    octets = signing.manifest([signing.protector.protect(ct())])
    (tmp_path / "manifest.dcm").write_bytes(octets)

    dataset = pydicom.dcmread(BytesIO(octets))

    assert dataset.SOPClassUID.name == "Raw Data Storage"
    assert dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID
    block = dataset.private_block(0x0EEF, "ENCRYPTSECURERT 1")
    assert json.loads(block[0x03].value.rstrip(b"\0"))["schema"] == "encryptsecurert.manifest/1"
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed")
    run = subprocess.run(
        ["dciodvfy", tmp_path / "manifest.dcm"], capture_output=True, text=True, check=False
    )
    assert [line for line in run.stderr.splitlines() if line.startswith("Error")] == []


def test_a_later_batch_takes_up_what_an_earlier_one_signed(signing: SigningSite, ct: Build) -> None:
    answers = [signing.protector.protect(ct(number)) for number in range(4)]
    first = signing.manifest(answers[:2])

    both = signing.manifest_site.open(signing.manifest(answers[2:], first))

    assert both == signing.manifest_site.open(signing.manifest(answers))


def test_nothing_is_taken_up_that_another_key_signed(signing: SigningSite, ct: Build) -> None:
    answer = signing.protector.protect(ct())
    other = signing.signed_by(ed25519.Ed25519PrivateKey.generate())
    forged = StudyManifests(other, ALGORITHM)
    forged.add(answer)
    (file,) = forged.files(signing.keys.uid_key, simulated=False)

    manifests = StudyManifests(signing.manifest_site, ALGORITHM)

    assert refusal_of(manifests.take, bytes(file.header)) is ErrorCode.E_DIGEST
    manifests.take(signing.manifest([answer]))


def test_a_manifest_of_an_earlier_key_still_counts(signing: SigningSite, ct: Build) -> None:
    octets = signing.manifest([signing.protector.protect(ct())])
    renewed = signing.signed_by(ed25519.Ed25519PrivateKey.generate(), signing.manifest_key)

    assert renewed.open(octets) == signing.manifest_site.open(octets)


def test_an_instance_comes_once_in_a_job(signing: SigningSite, ct: Build) -> None:
    manifests = StudyManifests(signing.manifest_site, ALGORITHM)
    manifests.add(signing.protector.protect(ct(1)))
    again = signing.protector.protect(ct(1))

    assert refusal_of(manifests.add, again) is ErrorCode.E_DICOM
    manifests.add(signing.protector.protect(ct(2)))


def test_two_versions_of_an_instance_do_not_become_one_manifest(
    signing: SigningSite, ct: Build
) -> None:
    one, other = (signing.protector.protect(ct(1)) for _ in range(2))
    manifests = StudyManifests(signing.manifest_site, ALGORITHM)
    manifests.take(signing.manifest([one]))
    manifests.add(other)

    with pytest.raises(EncryptSecureRTError) as refused:
        manifests.files(signing.keys.uid_key, simulated=False)

    assert refused.value.code is ErrorCode.E_DIGEST


def test_a_study_is_of_one_patient(signing: SigningSite, ct: Build) -> None:
    manifests = StudyManifests(signing.manifest_site, ALGORITHM)
    manifests.add(signing.protector.protect(ct(1)))
    stranger = ct(2, elements={0x00100020: (b"LO", b"SOMEBODY ELSE")})

    answer = signing.protector.protect(stranger)

    assert refusal_of(manifests.add, answer) is ErrorCode.E_DICOM


def test_a_second_implementation_finds_the_same_digest_of_the_clear_part(
    signing: SigningSite, ct: Build, real_cts: Sequence[Path]
) -> None:
    assert read_answer(signing.protector.protect(ct())).entry.clear_sha256 == (
        second_clear_sha256(_file(signing.protector.protect(ct())))
    )
    for path in real_cts[::40]:
        split = split_file(path)
        answer = signing.protector.protect(header_request(split))
        (bulk,) = split.bulk
        pixels = path.read_bytes()[bulk.offset : bulk.offset + bulk.length]

        assert read_answer(answer).entry.clear_sha256 == second_clear_sha256(_file(answer, pixels))


def test_a_value_too_long_for_its_vr_is_un_in_either_encoding() -> None:
    text = b"x" * 70_000
    digests = []
    for vr, implicit in ((b"UN", False), (b"LT", True)):
        request = request_of(make_ct({0x00204000: (vr, text)}, implicit=implicit))
        digests.append(clear_sha256(request, read_header(request)))

    assert digests[0] == digests[1]


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize("undefined", [False, True], ids=["defined", "undefined lengths"])
def test_the_digests_survive_what_a_pacs_does(
    signing: SigningSite, ct: Build, tmp_path: Path, syntax: pydicom.uid.UID, undefined: bool
) -> None:
    answer = signing.protector.protect(ct())
    dataset = pydicom.dcmread(BytesIO(_file(answer)))
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.ImplementationVersionName = "SOME PACS"
    dataset[0xFFFCFFFC] = pydicom.DataElement(0xFFFCFFFC, "OB", bytes(20))
    for keyword in ("EncryptedAttributesSequence", "DeidentificationMethodCodeSequence"):
        dataset[keyword].is_undefined_length = undefined
    stored = BytesIO()
    pydicom.dcmwrite(
        stored,
        dataset,
        implicit_vr=syntax == ImplicitVRLittleEndian,
        little_endian=True,
        enforce_file_format=True,
    )

    after = read_protected(_split(stored.getvalue(), tmp_path))

    assert stored.getvalue() != _file(answer)
    assert after == read_protected(protected_request(answer))
