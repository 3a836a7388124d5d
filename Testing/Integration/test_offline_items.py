"""An offline recipient of a real site: a key made by openssl, a study, and no worker at the end."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydicom import dcmread
from Testing.Integration.command_lines import run_client
from Testing.Integration.hospital import Hospital, write_series

from encryptsecurert_protocol.offline import OfflineRecipient
from encryptsecurert_protocol.reveals import RevealClass
from encryptsecurert_protocol.rights import Role
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.pacs.fitness import fit_files
from EncryptSecureRTLib.client.protect import protect_series
from EncryptSecureRTLib.custodian.changes import with_offline
from EncryptSecureRTLib.custodian.offline import read_certificate

_ADMIN = (sys.executable, "-m", "EncryptSecureRTLib.custodian.cli")


@dataclass(frozen=True, kw_only=True)
class Clinic:
    """A site with a console that reads names and dates offline, and a study protected for it."""

    hospital: Hospital
    home: ClientHome
    original: Path
    study: Path
    not_covered: tuple[str, ...]
    key: Path
    certificate: Path

    @property
    def files(self) -> list[Path]:
        """The protected files of the series."""
        return [p for p in sorted(self.study.rglob("*.dcm")) if "EncryptedAttr" in _words(p)]


def _words(path: Path) -> str:
    return " ".join(element.keyword for element in dcmread(path, stop_before_pixels=True))


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("offline")
    key, certificate = folder / "console.key", folder / "console.pem"
    # As docs/operation.md says.
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:3072", "-nodes", "-days", "3650"),
            *("-subj", "/CN=0123456789abcdef0123456789abcdef"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    recipient = OfflineRecipient(
        name="console",
        classes=(RevealClass.DATES, RevealClass.IDENTITY),
        certificate=read_certificate(certificate),
    )
    original = write_series(folder / "original", slices=3)
    hospital = Hospital(folder / "stand")
    home = hospital.user(Role.RADIATION_ONCOLOGIST)
    hospital.site.change(lambda state, _: with_offline(state, recipient))
    with hospital:
        hospital.provision()
        with hospital.channel(home) as channel:
            made = protect_series(channel, home, original, folder / "protected", Watcher())
        yield Clinic(
            hospital=hospital,
            home=home,
            original=original,
            study=folder / "protected",
            not_covered=made.reports[0].report.not_covered,
            key=key,
            certificate=certificate,
        )


def test_a_console_reads_its_classes_through_a_pipe_and_no_others(clinic: Clinic) -> None:
    words = ("offline", "open", *clinic.files, "--key", clinic.key)
    done = subprocess.run(
        [*_ADMIN, *map(str, words), "--certificate", str(clinic.certificate), "--json"],
        capture_output=True,
        check=True,
        text=True,
    )

    warning, result = map(json.loads, done.stdout.splitlines())
    originals = {
        str(one.SOPInstanceUID): one for one in map(dcmread, sorted(clinic.original.iterdir()))
    }
    told = [{row[1]: row[3] for row in one["attributes"]} for one in result["files"]]
    assert "Not verified" in warning["warning"]
    assert {one["SOPInstanceUID"] for one in told} == set(originals)
    for one in told:
        original = originals[one["SOPInstanceUID"]]
        assert one["PatientName"] == str(original.PatientName)
        assert one["StudyDate"] == original.StudyDate
        assert not {"InstitutionName", "StudyDescription", "PatientBirthDate"} & set(one)


def test_nothing_goes_into_a_file(clinic: Clinic, tmp_path: Path) -> None:
    words = ("offline", "open", clinic.files[0], "--key", clinic.key)
    with (tmp_path / "kept").open("wb") as kept:
        done = subprocess.run(
            [*_ADMIN, *map(str, words), "--certificate", str(clinic.certificate), "--json"],
            stdout=kept,
            check=False,
        )

    assert done.returncode == 2
    assert b"PatientName" not in (tmp_path / "kept").read_bytes()


def test_the_study_is_revealed_exactly_and_may_leave(clinic: Clinic, tmp_path: Path) -> None:
    case = str(dcmread(clinic.files[0], stop_before_pixels=True).PatientID)
    clinic.hospital.open_case(case, clinic.home)

    words = ("reveal", clinic.study, tmp_path / "revealed", "--url", clinic.hospital.url)
    done = run_client(*words, home=clinic.home)
    assert done.code == 0, done

    revealed = {path.read_bytes() for path in (tmp_path / "revealed").rglob("*.dcm")}
    assert revealed == {path.read_bytes() for path in clinic.original.iterdir()}
    assert len(fit_files(clinic.study, clinic.home).files) == 3


def test_the_officer_reads_which_keys_open_what(clinic: Clinic) -> None:
    (told,) = (line for line in clinic.not_covered if "outside of any worker" in line)

    assert "(console) opens of every file: dates, identity." in told
