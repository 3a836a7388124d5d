"""Application entities that refuse, lie, flood, stall or break off: one error, nothing left."""

import itertools
import shutil
import socket
import struct
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom.ae import ApplicationEntity
from Testing.Integration import hostile_pacs
from Testing.Integration.clinic import Clinic
from Testing.Integration.command_lines import Run
from Testing.Integration.gateway import run_here
from Testing.Integration.orthanc import free_port

from encryptsecurert_protocol.rights import Role
from EncryptSecureRTLib.client.pacs import dimse_find
from EncryptSecureRTLib.client.pacs.manifest_file import RAW_DATA_STORAGE

CT = "1.2.840.10008.5.1.4.1.1.2"


@pytest.fixture(scope="module")
def clear(clinic: Clinic) -> tuple[Path, ...]:
    return tuple(sorted(clinic.original.iterdir()))


@pytest.fixture(scope="module")
def study(clear: tuple[Path, ...]) -> str:
    return str(dcmread(clear[0], stop_before_pixels=True).StudyInstanceUID)


@pytest.fixture(autouse=True)
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Have a temporary folder of the test's own, and look into it afterwards."""
    folder = tmp_path / "private"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def _pull(clinic: Clinic, words: tuple[str, str], study: str, out: Path) -> Run:
    more = ("--study", study, "--out", out, "--url", clinic.hospital.url, "--timeout", "2")
    return run_here("pacs", "pull", *words, *more, home=clinic.people[Role.PHYSICIST])


def _echo(clinic: Clinic, words: tuple[str, ...], *more: str) -> Run:
    return run_here(
        "pacs", "echo", *words, "--timeout", "1", *more, home=clinic.people[Role.PHYSICIST]
    )


def _get(files: tuple[Path, ...], after: int | None = None) -> Any:
    """Return a handler of C-GET that sends files, and breaks off after some of them."""

    def get(event: Any) -> Iterator[Any]:
        yield len(files)
        for number, path in enumerate(files):
            if number == after:
                event.assoc.abort()
                return
            yield 0xFF00, dcmread(path)

    return get


def test_a_pacs_that_is_not_there_is_told_at_once(clinic: Clinic) -> None:
    begun_s = time.monotonic()
    gone = _echo(clinic, ("--dimse", f"PACS@127.0.0.1:{free_port()}"))

    assert (gone.code, gone.error["code"]) == (3, "E_PACS_UNREACHABLE")
    assert time.monotonic() - begun_s < 5


def _garbage(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 10)


def _long_pdu(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(struct.pack(">BBL", 2, 0, 2**32 - 1) + bytes(1000))
    connection.recv(4096)


def _half_pdu(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(struct.pack(">BBL", 2, 0, 1000) + bytes(10))
    time.sleep(1.5)


def _silence(connection: socket.socket) -> None:
    while connection.recv(4096):
        pass


@pytest.mark.parametrize("talk", [_garbage, _long_pdu, _half_pdu, _silence])
def test_what_is_no_dicom_ends_soon_and_as_one_of_our_errors(clinic: Clinic, talk: Any) -> None:
    begun_s = time.monotonic()
    with hostile_pacs.line(talk) as words:
        run = _echo(clinic, words)
        took_s = time.monotonic() - begun_s

    assert run.error["code"] in ("E_PACS_ANSWER", "E_PACS_UNREACHABLE")
    assert run.code in (3, 13)
    assert took_s < 4


def test_a_whole_clear_study_comes_protected(
    clinic: Clinic, clear: tuple[Path, ...], study: str, tmp_path: Path
) -> None:
    """The twin of the refusals below."""
    find = hostile_pacs.finding(*clear, study=study)
    with hostile_pacs.entity(find=find, get=_get(clear)) as words:
        run = _pull(clinic, words, study, tmp_path / "out")

    assert (run.code, run.result["instances"]) == (0, 5), run


def test_an_association_that_breaks_off_half_way_leaves_nothing(
    clinic: Clinic, clear: tuple[Path, ...], study: str, tmp_path: Path
) -> None:
    find = hostile_pacs.finding(*clear, study=study)
    with hostile_pacs.entity(find=find, get=_get(clear, after=2)) as words:
        run = _pull(clinic, words, study, tmp_path / "out")

    assert (run.code, run.error["code"]) == (3, "E_PACS_UNREACHABLE")
    assert {line["done"] for line in run.lines if line["kind"] == "count"} >= {1}
    assert not (tmp_path / "out").exists()


def test_fewer_instances_than_the_pacs_has_are_not_a_study(
    clinic: Clinic, clear: tuple[Path, ...], study: str, tmp_path: Path
) -> None:
    find = hostile_pacs.finding(*clear, study=study)
    with hostile_pacs.entity(find=find, get=_get(clear[:3])) as words:
        run = _pull(clinic, words, study, tmp_path / "out")

    assert (run.code, run.error["code"]) == (11, "E_PACS_INCOMPLETE")
    assert not (tmp_path / "out").exists()


def test_an_instance_of_another_study_refuses_all(
    clinic: Clinic, clear: tuple[Path, ...], study: str, tmp_path: Path
) -> None:
    other = dcmread(clear[0])
    other.StudyInstanceUID, other.SOPInstanceUID = "1.2.3.4", UID("1.2.3.5")
    other.file_meta.MediaStorageSOPInstanceUID = UID("1.2.3.5")
    other.save_as(tmp_path / "other.dcm")
    find = hostile_pacs.finding(*clear, study=study)
    with hostile_pacs.entity(find=find, get=_get((*clear, tmp_path / "other.dcm"))) as words:
        run = _pull(clinic, words, study, tmp_path / "out")

    assert (run.code, run.error["code"]) == (13, "E_PACS_ANSWER")
    assert not (tmp_path / "out").exists()


def test_a_pacs_that_does_not_answer_c_get_says_what_would_help(
    clinic: Clinic, clear: tuple[Path, ...], study: str, tmp_path: Path
) -> None:
    def refuse(event: Any) -> Iterator[Any]:
        yield 1
        yield 0xA701, None

    find = hostile_pacs.finding(*clear, study=study)
    with hostile_pacs.entity(find=find, get=refuse) as words:
        run = _pull(clinic, words, study, tmp_path / "out")

    assert (run.code, run.error["code"]) == (8, "E_PACS_REFUSED")
    assert "--move-port" in run.error["what"]


def test_answers_without_end_are_cut(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dimse_find, "MOST_STUDIES", 50)

    def find(event: Any) -> Iterator[tuple[int, Dataset]]:
        for number in itertools.count():
            answer = Dataset()
            answer.StudyInstanceUID = f"1.2.{number}"
            yield 0xFF00, answer

    with hostile_pacs.entity(find=find) as words:
        run = run_here("pacs", "find", *words, home=clinic.people[Role.PHYSICIST])

    assert (run.code, run.error["code"]) == (10, "E_TOO_LARGE")


@pytest.mark.parametrize("uid", ["", "CANARY^NAME", "1.2.3\\4.5"])
def test_an_answer_without_a_right_uid_is_refused_and_not_repeated(
    clinic: Clinic, uid: str
) -> None:
    def find(event: Any) -> Iterator[tuple[int, Dataset]]:
        answer = Dataset()
        answer.PatientID = uid
        answer.add_new("StudyInstanceUID", "LO", uid)
        yield 0xFF00, answer

    with hostile_pacs.entity(find=find) as words:
        run = run_here("pacs", "find", *words, home=clinic.people[Role.PHYSICIST])

    assert (run.code, run.error["code"]) == (13, "E_PACS_ANSWER")
    assert "CANARY" not in str(run.lines)


def test_a_store_tells_warnings_and_failures_and_goes_on_after_them(clinic: Clinic) -> None:
    statuses = iter([0x0000, 0xB000, 0xA700])
    source = clinic.study
    with hostile_pacs.entity(store=lambda event: next(statuses, 0x0000)) as words:
        failed = run_here("pacs", "push", source, *words, home=clinic.people[Role.PHYSICIST])
        statuses = iter([0x0000, 0xB000])
        warned = run_here("pacs", "push", source, *words, home=clinic.people[Role.PHYSICIST])

    assert (failed.code, failed.error["code"]) == (11, "E_PACS_INCOMPLETE")
    assert "1 of 6" in failed.error["what"]
    (told,) = [one for one in failed.lines if one["kind"] == "check"]
    assert told["words"].endswith("status A700")
    assert (warned.code, warned.result["stored"], warned.result["warnings"]["count"]) == (0, 5, 1)


def test_nothing_is_sent_to_a_pacs_that_would_lose_the_manifest(clinic: Clinic) -> None:
    sent: list[str] = []

    def store(event: Any) -> int:
        sent.append(event.request.AffectedSOPInstanceUID)
        return 0

    with hostile_pacs.entity([CT], store=store) as words:
        refused = run_here("pacs", "push", clinic.study, *words, home=clinic.people[Role.PHYSICIST])
    with hostile_pacs.entity([CT, RAW_DATA_STORAGE], store=store) as words:
        taken = run_here("pacs", "push", clinic.study, *words, home=clinic.people[Role.PHYSICIST])

    assert (refused.code, refused.error["code"]) == (8, "E_PACS_REFUSED")
    assert "Raw Data Storage" in refused.error["what"]
    assert (taken.code, len(sent)) == (0, 6)


def test_a_line_that_breaks_in_a_push_fails_what_is_left(clinic: Clinic) -> None:
    count = itertools.count()

    def store(event: Any) -> int:
        if next(count) == 3:
            event.assoc.abort()
        return 0

    with hostile_pacs.entity(store=store) as words:
        run = run_here("pacs", "push", clinic.study, *words, home=clinic.people[Role.PHYSICIST])

    assert (run.code, run.error["code"]) == (11, "E_PACS_INCOMPLETE")
    assert "3 of 6" in run.error["what"]


def test_a_file_that_is_changed_in_mid_push_is_not_sent(clinic: Clinic, tmp_path: Path) -> None:
    source = shutil.copytree(clinic.study, tmp_path / "study")
    sent: list[bytes] = []

    def store(event: Any) -> int:
        sent.append(event.request.DataSet.getvalue())
        for path in source.rglob("*.dcm"):
            path.write_bytes(
                path.read_bytes() + struct.pack("<HH2sH", 0xFFFA, 1, b"LO", 6) + b"CANARY"
            )
        return 0

    with hostile_pacs.entity(store=store) as words:
        run = run_here("pacs", "push", source, *words, home=clinic.people[Role.PHYSICIST])

    assert (run.code, run.error["code"]) == (14, "E_LOCAL_FILE")
    assert "changed after it was judged" in run.error["what"]
    assert [b"CANARY" in octets for octets in sent] == [False]


@pytest.mark.parametrize("word", ["called", "calling"])
def test_a_wrong_title_is_refused_by_its_name(clinic: Clinic, word: str) -> None:
    ours = ApplicationEntity("PACS")
    ours.require_called_aet = True
    ours.require_calling_aet = ["KNOWN"]
    ours.add_supported_context("1.2.840.10008.1.1")
    title, calling = ("OTHER", "KNOWN") if word == "called" else ("PACS", "OTHER")
    with hostile_pacs.serving(ours) as port:
        wrong = _echo(clinic, ("--dimse", f"{title}@127.0.0.1:{port}"), "--calling", calling)
        right = _echo(clinic, ("--dimse", f"PACS@127.0.0.1:{port}"), "--calling", "KNOWN")

    assert (wrong.code, wrong.error["code"]) == (8, "E_PACS_REFUSED")
    assert f"the {word} AE title" in wrong.error["what"]
    assert right.code == 0
