"""Recovery with the escrow key: exact for our files, attributes back for others' files."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pydicom
import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from Testing.Unit.hidden.frames import BASELINE, canary, compressed_ct, jpeg, picture, segment
from Testing.Unit.protect.conftest import Site, look_alike_block, make_ct

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.headers import HeaderRequest
from encryptsecurert_worker.dicom.protect import sealed
from EncryptSecureRTLib.client.dicomfiles import header_request, splice, split_file
from EncryptSecureRTLib.custodian.cli import main
from EncryptSecureRTLib.custodian.escrow_pem import escrow_pem
from EncryptSecureRTLib.custodian.recover import EscrowKey, recover_file

_PASSPHRASE = b"correct horse battery"


@pytest.fixture(scope="module")
def site() -> Site:
    return Site()


@pytest.fixture(scope="module")
def escrow(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("escrow")
    key, certificate = site.pairs[1]
    (folder / "escrow.key").write_bytes(escrow_pem(key, _PASSPHRASE))
    (folder / "escrow.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / "passphrase").write_bytes(_PASSPHRASE)
    return folder


@pytest.fixture(scope="module")
def escrow_key(escrow: Path) -> EscrowKey:
    return EscrowKey.load(escrow, _PASSPHRASE)


def _original(folder: Path) -> Path:
    path = folder / "original.dcm"
    path.write_bytes(make_ct({0x00280010: (b"US", b"\4\0"), 0x00091001: (b"UN", b"PRIVATE ")}))
    return path


def _protected(site: Site, original: Path, folder: Path) -> Path:
    split = split_file(original)
    return splice(site.protector.protect(header_request(split)), original, split, folder)


def _recover(escrow: Path, out: Path, *files: Path) -> int:
    options = ["--escrow", escrow, "--out", out, "--passphrase-file", escrow / "passphrase"]
    return main(["recover", *map(str, files), *map(str, options), "--json"])


def _code(path: Path, out: Path, key: EscrowKey) -> ErrorCode:
    with pytest.raises(EncryptSecureRTError) as refused:
        recover_file(path, out, key)
    return refused.value.code


def test_our_file_comes_back_octet_for_octet(
    site: Site, escrow: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    original = _original(tmp_path)
    protected = _protected(site, original, tmp_path / "protected")

    code = _recover(escrow, tmp_path / "out", protected)

    assert code == 0
    assert (tmp_path / "out" / protected.name).read_bytes() == original.read_bytes()
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["files"] == [{"file": 1, "outcome": "exact"}]


def test_a_comment_that_was_masked_in_the_pixels_comes_back(
    site: Site, escrow_key: EscrowKey, tmp_path: Path
) -> None:
    original = tmp_path / "original.dcm"
    frame = jpeg(picture())
    original.write_bytes(compressed_ct(BASELINE, [frame[:2] + segment(0xFE, canary()) + frame[2:]]))
    protected = _protected(site, original, tmp_path / "protected")
    assert canary() not in protected.read_bytes()

    assert recover_file(protected, tmp_path / "out", escrow_key)

    assert (tmp_path / "out" / protected.name).read_bytes() == original.read_bytes()


def test_a_block_like_ours_in_the_original_is_not_taken_for_ours(
    site: Site, escrow_key: EscrowKey, tmp_path: Path
) -> None:
    original = tmp_path / "original.dcm"
    original.write_bytes(make_ct(look_alike_block()))
    protected = _protected(site, original, tmp_path / "protected")

    assert recover_file(protected, tmp_path / "out", escrow_key)

    assert (tmp_path / "out" / protected.name).read_bytes() == original.read_bytes()


def test_files_of_the_first_version_say_nothing_of_gaps_and_come_back(
    site: Site, escrow_key: EscrowKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def first_form(request: HeaderRequest) -> bytes:
        bulk = [one.as_json() for one in request.bulk]
        fields = {"bulk": bulk, "file_sha256": request.file_sha256, "size": request.size}
        return canonical.encode({**fields, "schema": "encryptsecurert.splice/1"})

    monkeypatch.setattr(sealed, "_splice_list", first_form)
    original = _original(tmp_path)
    protected = _protected(site, original, tmp_path / "protected")

    assert recover_file(protected, tmp_path / "out", escrow_key)

    assert (tmp_path / "out" / protected.name).read_bytes() == original.read_bytes()


def test_real_files_come_back_octet_for_octet(
    site: Site, escrow_key: EscrowKey, shared_data: Path, tmp_path: Path
) -> None:
    paths = sorted((shared_data / "ct_abdomen_crlm").rglob("*.dcm"))[:5]
    assert paths

    for path in paths:
        protected = _protected(site, path, tmp_path / "protected")
        assert recover_file(protected, tmp_path / "out", escrow_key)
        assert (tmp_path / "out" / protected.name).read_bytes() == path.read_bytes()


def test_what_gdcmanon_sealed_for_the_escrow_key_comes_back(
    site: Site, escrow_key: EscrowKey, escrow: Path, tmp_path: Path
) -> None:
    if shutil.which("gdcmanon") is None:
        pytest.skip("gdcmanon is not installed")
    original = _original(tmp_path)
    sealed = tmp_path / "sealed.dcm"
    subprocess.run(
        ["gdcmanon", "-e", "-c", escrow / "escrow.pem", original, sealed],
        capture_output=True,
        check=True,
    )
    before, hidden = pydicom.dcmread(original), pydicom.dcmread(sealed)
    assert hidden.PatientID != before.PatientID

    exact = recover_file(sealed, tmp_path / "out", escrow_key)

    after = pydicom.dcmread(tmp_path / "out" / "sealed.dcm")
    assert not exact
    assert 0x04000500 not in after
    for keyword in ("PatientName", "PatientID", "SOPInstanceUID", "StudyDate"):
        assert after[keyword] == before[keyword]
    assert after.file_meta.MediaStorageSOPInstanceUID == before.SOPInstanceUID
    assert after.PixelData == before.PixelData


def test_one_flipped_octet_of_the_pixels_is_no_original(
    site: Site, escrow_key: EscrowKey, tmp_path: Path
) -> None:
    protected = _protected(site, _original(tmp_path), tmp_path / "protected")
    octets = bytearray(protected.read_bytes())
    octets[-1] ^= 1
    protected.write_bytes(octets)

    assert _code(protected, tmp_path / "out", escrow_key) is ErrorCode.E_DIGEST
    assert list((tmp_path / "out").iterdir()) == []


def test_a_file_for_another_key_is_listed_and_the_others_go_on(
    site: Site, escrow: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    original = _original(tmp_path)
    good = _protected(site, original, tmp_path / "protected")
    foreign = _protected(Site(), original, tmp_path / "foreign")

    code = _recover(escrow, tmp_path / "out", foreign, original, good)

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert code == ErrorCode.E_SEAL.value.exit_code
    assert [row["outcome"] for row in lines[0]["files"]] == ["E_SEAL", "E_NOT_PROTECTED", "exact"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == [good.name]


def test_nothing_is_written_over(site: Site, escrow_key: EscrowKey, tmp_path: Path) -> None:
    protected = _protected(site, _original(tmp_path), tmp_path / "protected")
    assert recover_file(protected, tmp_path / "out", escrow_key)

    assert _code(protected, tmp_path / "out", escrow_key) is ErrorCode.E_LOCAL_FILE


def test_a_wrong_passphrase_opens_no_key(escrow: Path) -> None:
    with pytest.raises(EncryptSecureRTError) as refused:
        EscrowKey.load(escrow, b"correct horse batterY")

    assert refused.value.code is ErrorCode.E_SEAL


def test_a_message_names_no_value(
    site: Site, escrow: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _recover(escrow, tmp_path / "out", _original(tmp_path))

    said: Sequence[str] = capsys.readouterr()
    assert not any("CANARY" in text or "original" in text for text in said)
