"""`inspect`: what a file shows without a worker, and its original beside it to who may see it."""

import os
import pty
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.x509 import load_der_x509_certificate
from pydicom import dcmread
from Testing.Integration.clinic import EVERYBODY, Clinic, open_clinic
from Testing.Integration.command_lines import CLIENT, Run, run_client
from Testing.Integration.requests_of_a_panel import ask_as, ask_into_file

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.reveals import RevealClass, classes_of
from encryptsecurert_protocol.rights import Role
from EncryptSecureRTLib.client.inspect import (
    Comparison,
    Naming,
    compare_with_original,
    inspect_file,
)
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.study_files import find_study

SIMULATED_MARKS = ["EncryptSecureRT profile 1", "SIMULATED - not protected"]


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    with open_clinic(tmp_path_factory.mktemp("clinic")) as opened:
        opened.grant(*EVERYBODY[1:])  # all but the radiologist
        yield opened


@pytest.fixture(scope="module")
def file(clinic: Clinic) -> Path:
    return find_study(clinic.study).files[1]


def _rows(run: Run) -> dict[str, list[Any]]:
    """Return [keyword, VR, in clear, original] by path."""
    lines = [line for line in run.lines if line["kind"] == "inspected"]
    return {row[0]: row[1:] for line in lines for row in line["rows"]}


def _certificate_words(clinic: Clinic) -> set[tuple[str, str]]:
    bundle = clinic.hospital.service.core.site.require().core
    found = set()
    for der in (bundle.recipient_certificate, bundle.escrow_certificate):
        certificate = load_der_x509_certificate(der)
        (name,) = certificate.issuer.rdns[-1]
        found.add((f"{certificate.serial_number:x}", str(name.value)))
    return found


def test_without_a_worker_a_protected_file_shows_what_is_clear_and_for_whom_the_rest_is_sealed(
    clinic: Clinic, file: Path, tmp_path: Path
) -> None:
    run = run_client("inspect", file, home=tmp_path / "nobody")

    dataset = dcmread(file)
    told = run.result
    assert (told["state"], told["marks"]) == ("protected", SIMULATED_MARKS)
    assert told["file_kind"] == "CT Image Storage"
    shown = {path: row[2] for path, row in _rows(run).items()}
    tags = [f"{int(one.tag):08X}" for one in (*dataset.file_meta, *dataset)]
    assert [path for path in shown if "." not in path] == tags
    assert shown["00100010"] == str(dataset.PatientName)
    assert shown["7FE00010"] == f"{len(dataset.PixelData)} octets"
    assert shown["04000500"] == "1 item"
    assert {row[3] for row in _rows(run).values()} == {None}
    content = dataset.EncryptedAttributesSequence[0].EncryptedContent
    sealed = told["sealed"]
    assert sealed["algorithm"] == "AES-256-CBC"
    assert len(content) - 1 <= sealed["size_bytes"] <= len(content)
    assert {(one["serial"], one["issuer"]) for one in sealed["recipients"]} == _certificate_words(
        clinic
    )
    assert told["manifest"] == "named"


def test_a_file_that_is_not_as_it_was_signed_or_lies_alone_is_told_and_not_revealed(
    clinic: Clinic, file: Path, tmp_path: Path
) -> None:
    shutil.copytree(clinic.study, tmp_path / "study")
    changed = tmp_path / "study" / file.relative_to(clinic.study)
    octets = bytearray(changed.read_bytes())
    octets[-1] ^= 1
    changed.write_bytes(octets)
    (tmp_path / "lonely" / "series").mkdir(parents=True)
    lonely = Path(shutil.copy(file, tmp_path / "lonely" / "series"))

    assert inspect_file(changed).naming is Naming.OTHER
    assert inspect_file(lonely).naming is Naming.NONE
    assert _refused(clinic, Role.PHYSICIST, lonely) is ErrorCode.E_NOT_PROTECTED
    assert _refused(clinic, Role.PHYSICIST, changed) is ErrorCode.E_CASE


def _compared(clinic: Clinic, role: Role, file: Path) -> Comparison:
    home = clinic.people[role]
    with clinic.hospital.channel(home) as channel:
        return compare_with_original(channel, home, inspect_file(file), Watcher())


def _refused(clinic: Clinic, role: Role, file: Path) -> ErrorCode:
    with pytest.raises(EncryptSecureRTError) as refused:
        _compared(clinic, role, file)
    return refused.value.code


@pytest.mark.parametrize("role", [Role.RADIATION_ONCOLOGIST, Role.PHYSICIST, Role.DOSIMETRIST])
def test_each_role_sees_the_originals_of_its_classes_beside_what_is_clear(
    clinic: Clinic, file: Path, role: Role
) -> None:
    before = len(clinic.told())
    made = _compared(clinic, role, file)

    instance = dcmread(file)
    original = next(
        one
        for one in map(dcmread, sorted(clinic.original.iterdir()))
        if one.InstanceNumber == instance.InstanceNumber
    )
    rows = {row[1]: row[3:] for row in made.rows}
    seen = classes_of([role])
    assert set(made.classes) == {one.value for one in seen}
    assert rows["PatientName"] == (str(instance.PatientName), str(original.PatientName))
    assert rows["PatientID"] == (clinic.case, original.PatientID)
    uid = original.StudyInstanceUID if RevealClass.UIDS in seen else None
    assert rows["StudyInstanceUID"] == (instance.StudyInstanceUID, uid)
    number = str(original.Rows) if RevealClass.TEXT in seen else None
    assert rows["Rows"] == (str(original.Rows), number)
    (line,) = clinic.told()[before:]
    assert (line.event.value, line.user, line.case) == ("revealed", clinic.user(role), clinic.case)
    assert line.note == " ".join(["display", *made.classes]) + ": 1"


def test_who_may_not_reveal_or_has_not_the_case_sees_no_original(
    clinic: Clinic, file: Path
) -> None:
    assert _refused(clinic, Role.TECHNICIAN, file) is ErrorCode.E_FORBIDDEN
    assert _refused(clinic, Role.RESEARCHER, file) is ErrorCode.E_FORBIDDEN
    assert _refused(clinic, Role.RADIOLOGIST, file) is ErrorCode.E_CASE


def test_originals_do_not_go_into_a_file_and_nobody_is_asked_then(
    clinic: Clinic, file: Path, tmp_path: Path
) -> None:
    told = len(clinic.told())
    home, lines = clinic.people[Role.PHYSICIST], tmp_path / "lines"

    code = ask_into_file(home, clinic.hospital.url, "inspect", lines, source=file)

    assert code == 2
    assert b"inspected" not in lines.read_bytes()
    assert len(clinic.told()) == told


def test_a_program_gets_both_columns_through_its_pipe(clinic: Clinic, file: Path) -> None:
    result, lines = ask_as(
        clinic.people[Role.PHYSICIST], clinic.hospital.url, "inspect", source=file
    )

    rows = {
        row[1]: row[3:] for line in lines if line["kind"] == "inspected" for row in line["rows"]
    }
    assert rows["PatientID"][0] == clinic.case
    assert rows["PatientID"][1] == dcmread(min(clinic.original.iterdir())).PatientID
    assert (result["manifest"], result["simulated"]) == ("verified", True)


def _on_a_terminal(*words: str | Path, home: Path) -> tuple[int, str]:
    """Run a command whose output is a terminal, and return what stands there."""
    reader, writer = pty.openpty()
    environment = {
        **{name: v for name, v in os.environ.items() if not name.startswith("ENCRYPTSECURERT")},
        **{"COLUMNS": "200", "TERM": "xterm"},
    }
    shown = b""
    with subprocess.Popen(
        [*CLIENT, *map(str, words), "--home", str(home)],
        stdin=subprocess.DEVNULL,
        stdout=writer,
        stderr=writer,
        env=environment,
    ) as child:
        os.close(writer)
        while True:
            try:
                piece = os.read(reader, 65536)
            except OSError:  # how a terminal ends on Linux
                break
            if not piece:
                break
            shown += piece
    os.close(reader)
    return child.returncode, shown.decode()


def test_a_person_at_a_terminal_who_may_look_sees_both_columns(clinic: Clinic, file: Path) -> None:
    home = clinic.people[Role.PHYSICIST].path
    code, shown = _on_a_terminal("inspect", file, "--url", clinic.hospital.url, home=home)

    original = dcmread(min(clinic.original.iterdir()))
    (line,) = [one for one in shown.splitlines() if "(0010,0010) PatientName" in one]
    assert code == 0
    assert clinic.case in line
    assert str(original.PatientName) in line
    assert "SIMULATED - not protected" in shown
    assert "the worker verified the manifest's signature" in shown
