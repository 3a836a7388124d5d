"""`inspect` without a worker: what a file shows, what it is, and what a terminal gets of it."""

import io
import os
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest
from pydicom import Dataset, dcmread
from Testing.Unit.protect.conftest import make_ct
from Testing.Unit.reveal.signing import SigningSite
from Testing.Unit.worker.made import refusal_of

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.headers import HeaderRequest
from encryptsecurert_protocol.limits import MIB
from EncryptSecureRTLib.client.arguments import parse
from EncryptSecureRTLib.client.commands import COMMANDS
from EncryptSecureRTLib.client.dicomfiles import header_request, splice, split_file
from EncryptSecureRTLib.client.inspect import FileState, Inspected, Naming, inspect_file
from EncryptSecureRTLib.client.telling import inspected_told
from EncryptSecureRTLib.client.terminal import TerminalReporter
from EncryptSecureRTLib.client.uids import refuse_if_kept


@pytest.fixture
def original(tmp_path: Path) -> Path:
    path = tmp_path / "original.dcm"
    path.write_bytes(make_ct())
    return path


@pytest.fixture
def file(signing: SigningSite, original: Path, tmp_path: Path) -> Path:
    """Return a protected file as it lies on disk, a manifest in the folder beside its own."""
    split = split_file(original)
    answer = signing.protector.protect(header_request(split))
    path = splice(answer, original, split, tmp_path / "protected")
    (tmp_path / "protected" / "2.25.77").mkdir()
    manifest = tmp_path / "protected" / "2.25.77" / "2.25.78.dcm"
    manifest.write_bytes(signing.manifest([answer]))
    return path


def _clear(file: Inspected) -> dict[str, str]:
    return {row[1]: row[3] for row in file.rows}


def test_a_protected_file_shows_its_clear_attributes_in_their_order_and_places(
    file: Path, signing: SigningSite
) -> None:
    found = inspect_file(file)

    dataset = dcmread(file)
    assert (found.state, found.kind) == (FileState.PROTECTED, "CT Image Storage")
    paths = [row[0] for row in found.rows]
    tops = [f"{int(one.tag):08X}" for one in (*dataset.file_meta, *dataset)]
    assert [path for path in paths if "." not in path] == tops
    assert paths[paths.index("00120064") + 1] == "00120064[0].00080100"
    assert _clear(found)["PatientName"] == str(dataset.PatientName)
    assert _clear(found)["PixelData"] == f"{len(dataset.PixelData)} octets"
    assert found.sealed is not None
    serials = [f"{certificate.serial_number:x}" for _, certificate in signing.pairs]
    assert sorted(one.serial for one in found.sealed.recipients) == sorted(serials)
    assert {one.issuer for one in found.sealed.recipients} == {"0f3a", "77c1"}


def test_what_a_manifest_says_is_told_without_claiming_that_it_was_verified(
    file: Path, tmp_path: Path
) -> None:
    named = inspect_file(file)
    (manifest,) = named.manifests
    assert named.naming is Naming.NAMED
    assert "not verified" in inspected_told(named)[0]

    octets = file.read_bytes()
    file.write_bytes(octets[:-1] + bytes([octets[-1] ^ 1]))
    assert inspect_file(file).naming is Naming.OTHER
    manifest.unlink()
    assert inspect_file(file).naming is Naming.NONE
    assert inspect_file(file).manifests == ()


def test_raw_data_beside_it_that_is_longer_than_a_manifest_is_not_read(file: Path) -> None:
    (manifest,) = inspect_file(file).manifests
    padding_bytes = 17 * MIB
    with manifest.open("ab") as octets:  # what a reader of the whole file would pass over
        octets.write(struct.pack("<HH2sHL", 0xFFFC, 0xFFFC, b"OB", 0, padding_bytes))
        octets.truncate(octets.tell() + padding_bytes)

    assert inspect_file(file).naming is Naming.NONE


def test_a_manifest_is_known_as_one(file: Path) -> None:
    (manifest,) = inspect_file(file).manifests

    found = inspect_file(manifest)

    assert (found.state, found.sealed) == (FileState.MANIFEST, None)
    assert "its signature was not verified" in inspected_told(found)[0]


def test_a_file_that_is_sealed_whole_is_protected(signing: SigningSite, tmp_path: Path) -> None:
    octets = make_ct()
    request = HeaderRequest(size=len(octets), bulk=(), header=octets, whole=True)
    path = tmp_path / "whole.dcm"
    path.write_bytes(bytes(signing.protector.protect(request).header))

    found = inspect_file(path)

    assert (found.state, found.kind) == (FileState.PROTECTED, "Raw Data Storage")
    assert "PixelData" not in _clear(found)


def test_of_a_file_in_clear_nothing_is_kept_but_its_kind(original: Path) -> None:
    found = inspect_file(original)

    words, value = inspected_told(found)
    assert (found.state, found.rows) == (FileState.CLEAR, ())
    assert "NOT PROTECTED" in words
    assert value == {"state": "clear", "file_kind": "CT Image Storage"}
    assert "CANARY" not in repr(found) + words


def _foreign_item(dataset: Dataset) -> None:
    dataset.EncryptedAttributesSequence = [Dataset()]


def _foreign_method(dataset: Dataset) -> None:
    dataset.DeidentificationMethod = "somebody's own"


def _foreign_flag(dataset: Dataset) -> None:
    dataset.PatientIdentityRemoved = "YES"


@pytest.mark.parametrize("mark", [_foreign_item, _foreign_method, _foreign_flag])
def test_what_others_have_marked_as_protected_is_not_ours(
    original: Path, mark: Callable[[Dataset], None]
) -> None:
    dataset = dcmread(original)
    mark(dataset)
    dataset.save_as(original)

    assert refusal_of(inspect_file, original) is ErrorCode.E_NOT_PROTECTED


def test_broken_files_are_refused_wherever_they_are_cut(file: Path, tmp_path: Path) -> None:
    octets = file.read_bytes()
    cut = tmp_path / "cut.dcm"
    codes = set()
    for length in (0, 100, 140, 300, 1000, 3000, len(octets) - 100, len(octets) - 1):
        cut.write_bytes(octets[:length])
        codes.add(refusal_of(inspect_file, cut))

    known = {ErrorCode.E_NO_DICOM, ErrorCode.E_DICOM, ErrorCode.E_TRANSFER_SYNTAX}
    assert ErrorCode.E_DICOM in codes
    assert codes <= known
    assert refusal_of(inspect_file, tmp_path / "none.dcm") is ErrorCode.E_LOCAL_FILE
    assert refusal_of(inspect_file, tmp_path) is ErrorCode.E_LOCAL_FILE


def test_a_sealed_item_that_is_none_is_malformed(file: Path) -> None:
    dataset = dcmread(file)
    dataset.EncryptedAttributesSequence[0].EncryptedContent = b"not CMS "
    dataset.save_as(file)

    assert refusal_of(inspect_file, file) is ErrorCode.E_DICOM


def test_a_terminal_gets_no_control_characters_and_short_values(
    capsys: pytest.CaptureFixture[str],
) -> None:
    evil = "\x1b[31mred\x07\x9b2J\u202e\r\nnext"
    rows = [
        ("00100010", "PatientName", "PN", "P1", evil),
        ("30060020", "StructureSetROISequence", "SQ", "1 item", "1 item"),
        ("30060020[0].30060026", "ROIName", "LO", "ROI_1" + "x" * 90, None),
        ("00204000", "ImageComments", "LT", None, "[bold]no markup[/bold]"),
    ]
    reporter = TerminalReporter()
    reporter.inspected(rows, "sealed")
    reporter.close()

    shown = capsys.readouterr().out
    lines = shown.splitlines()
    assert len(lines) == 5
    assert all(line.isprintable() for line in lines)
    assert "?[31mred" in lines[1]
    assert lines[3].startswith("  (3006,0026) ROIName")
    assert "..." in lines[3]
    assert lines[3].endswith("sealed")
    assert "[bold]no markup[/bold]" in lines[4]


def test_without_a_worker_there_is_one_column(capsys: pytest.CaptureFixture[str]) -> None:
    TerminalReporter().inspected([("00100010", "PatientName", "PN", "P1", None)], "")

    assert capsys.readouterr().out.split() == [
        *("attribute", "VR", "in", "clear"),
        *("(0010,0010)", "PatientName", "PN", "P1"),
    ]


class _Heard:
    """A reporter that keeps what it hears."""

    def __init__(self) -> None:
        self.rows: list[Any] = []
        self.value: dict[str, Any] = {}

    def inspected(self, rows: list[Any], unseen: str) -> None:
        """Keep the rows."""
        assert unseen == ""
        self.rows = rows

    def result(self, words: str, value: dict[str, Any]) -> None:
        """Keep the value."""
        self.value = value


def test_an_address_in_the_settings_alone_asks_nobody(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENCRYPTSECURERT_URL", "https://worker.invalid:8443")
    invocation = parse(["inspect", str(file), "--home", str(tmp_path / "home")])
    heard = _Heard()

    code = COMMANDS["inspect"](invocation, heard, None)  # type: ignore[arg-type]  # hears two words

    assert invocation.url
    assert (code, heard.value["state"]) == (0, "protected")
    assert {row[4] for row in heard.rows} == {None}


@contextmanager
def _output(stream: IO[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patched, stream:
        patched.setattr(sys, "stdout", stream)
        yield


def test_revealed_values_go_to_a_terminal_or_a_pipe_and_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _output((tmp_path / "file").open("w"), monkeypatch):
        assert refusal_of(refuse_if_kept) is ErrorCode.E_USAGE
    with _output(io.StringIO(), monkeypatch):
        assert refusal_of(refuse_if_kept) is ErrorCode.E_USAGE
    reader, writer = os.pipe()
    with _output(os.fdopen(writer, "w"), monkeypatch):
        refuse_if_kept()
    os.close(reader)
    reader, writer = os.openpty()
    with _output(os.fdopen(writer, "w"), monkeypatch):
        refuse_if_kept()
    os.close(reader)
