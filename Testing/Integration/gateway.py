"""A gateway between a clinical PACS and an archive: real studies, a user, commands run in here."""

import contextlib
import dataclasses
import hashlib
import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydicom import dcmread
from Testing.Integration.command_lines import Run, run_of
from Testing.Integration.hospital import Hospital

from encryptsecurert_protocol.rights import Role
from EncryptSecureRTLib.client import cli
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.output import JsonReporter

NEEDLES = ("CANARY^PULLED", "CANARY-4711", "CANARY DESCRIPTION")
# One or two small files of each kind, in several transfer syntaxes.
_FILES = (
    "sts_ct_mr_pet/STS_048/dicom/CT/image/000000.dcm",
    "sts_ct_mr_pet/STS_048/dicom/CT/image/000001.dcm",
    "sts_ct_mr_pet/STS_048/dicom/MR_T1/image/000000.dcm",
    "sts_ct_mr_pet/STS_048/dicom/PET/image/000000.dcm",
    "dicom_kinds/rt_utils/empty/dummy_rt.dcm",
    "dicomrt_breast_dicompyler/rtplan.dcm",
    "proton_phantom_dose/RD1.2.752.243.1.1.20250523160113556.3000.73252.dcm",
    "dicom_kinds/pydicom_data/emri_small_jpeg_2k_lossless.dcm",
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A user who may protect and export, and a study of several kinds.

    Attributes
    ----------
    original, protected : the study's folders.
    study, mapped : its StudyInstanceUID, and that of the protected copy.
    pseudonym : what its patient is called then.
    """

    hospital: Hospital
    home: ClientHome
    original: Path
    protected: Path
    study: str
    mapped: str
    pseudonym: str

    def run(self, *words: str | Path) -> Run:
        """Run a command at the worker within this process, as `run_client` does in another."""
        return run_here(*words, "--url", self.hospital.url, home=self.home)

    def find(self, *words: str) -> Run:
        """Search a PACS."""
        return run_here("pacs", "find", *words, home=self.home)

    def pull(self, *words: str | Path, study: str, out: Path) -> Run:
        """Pull a study."""
        return self.run("pacs", "pull", *words, "--study", study, "--out", out)

    def push(self, source: Path, *words: str | Path) -> Run:
        """Push a folder."""
        return self.run("pacs", "push", source, *words)

    def reveal(self, source: Path, out: Path) -> Run:
        """Reveal exact files."""
        return self.run("reveal", source, out)


def run_here(*words: str | Path, home: ClientHome) -> Run:
    """Run a command with `--json` within this process."""
    arguments = [*map(str, words), "--home", str(home.path), "--json"]
    with contextlib.redirect_stdout(io.StringIO()) as out:
        reporter = JsonReporter()
        switch = cli.StopSwitch()
        code = cli._guarded(lambda: cli._run(arguments, reporter, switch), reporter, debug=False)
    return run_of(code, out.getvalue(), "")


def digests(folder: Path) -> list[str]:
    """Return the SHA-256 of all files below a folder."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)


def write_real_study(data: Path, folder: Path) -> str:
    """Copy real files, make them one study with needles in it, and return its UID."""
    folder.mkdir(parents=True)
    study = ""
    for number, name in enumerate(_FILES):
        dataset = dcmread(data / name)
        study = study or str(dataset.StudyInstanceUID)
        dataset.StudyInstanceUID = study
        dataset.PatientName, dataset.PatientID, dataset.StudyDescription = NEEDLES
        if "PixelData" in dataset and dataset.file_meta.TransferSyntaxUID.is_compressed:
            dataset["PixelData"].VR = "OB"  # PS3.5 A.4; a PACS may correct it
        dataset.save_as(folder / f"{number}.dcm")
    return study


@contextmanager
def open_gateway(data: Path, folder: Path) -> Iterator[Gateway]:
    """Open a hospital with such a user, and protect the study."""
    original, protected = folder / "original", folder / "protected"
    study = write_real_study(data, original)
    hospital = Hospital(folder / "stand")
    home = hospital.user(Role.RADIATION_ONCOLOGIST)
    with hospital:
        hospital.provision()
        run = run_here("protect", original, protected, "--url", hospital.url, home=home)
        assert run.code == 0, run
        first = dcmread(next(protected.rglob("*.dcm")), stop_before_pixels=True)
        hospital.open_case(str(first.PatientID), home)
        yield Gateway(
            hospital=hospital,
            home=home,
            original=original,
            protected=protected,
            study=study,
            mapped=str(first.StudyInstanceUID),
            pseudonym=str(first.PatientID),
        )


def copy_of(folder: Path, to: Path) -> Path:
    """Return a copy of a folder that a test may change."""
    shutil.copytree(folder, to)
    return to
