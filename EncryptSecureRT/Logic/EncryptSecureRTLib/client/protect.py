"""`protect`: a study in, its protected copy out; pixel data stay on this computer.

Headers travel in sealed batches, protected headers come back, and each is spliced onto the bulk
of its own file. Pixels travel only of pictures that the user wants sealed, and sealed. A copy is
there when it is finished or not at all; which files it lacks, and why, is told one by one. The
manifest lies beside the series, in a series of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.objects import ObjectKind
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.line import Line
from EncryptSecureRTLib.client.protect_choices import Pictures, ProtectChoices
from EncryptSecureRTLib.client.protect_copy import BeginJob, ProtectedCopy
from EncryptSecureRTLib.client.protect_place import publish, staging_in
from EncryptSecureRTLib.client.receipts import archive_receipt
from EncryptSecureRTLib.client.refused import Refusals, RefusedFile
from EncryptSecureRTLib.client.report import BatchReport
from EncryptSecureRTLib.client.runs import BegunJob, begin_job, sending_all
from EncryptSecureRTLib.client.study import FileHeader, scan_study
from EncryptSecureRTLib.client.trust import utc_now
from EncryptSecureRTLib.client.uids import Replaced, replaced_uids
from EncryptSecureRTLib.client.upload import Content


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectedSeries:
    """What `protect` made, a folder for each series, and of which files.

    Attributes
    ----------
    headers : of the files that were protected, as they were.
    instances : how many these are.
    sealed_whole : how many of them were sealed whole, so that nobody sees anything of them.
    vouched : whether the user vouched that no pixel holds text.
    refused : the files that were not protected, by their place.
    ignored_files : how many files are not DICOM objects.
    reports : what the worker says of each batch, for the officer's report.
    """

    folders: tuple[Path, ...]
    manifests: tuple[Path, ...]
    headers: tuple[FileHeader, ...] = field(repr=False)
    instances: int
    sealed_whole: int
    vouched: bool
    refused: tuple[RefusedFile, ...]
    ignored_files: int
    receipts: tuple[Path, ...]
    reports: tuple[BatchReport, ...] = field(repr=False)
    replaced: Replaced
    simulated: bool

    @property
    def originals(self) -> tuple[Path, ...]:
        """The files that were protected."""
        return tuple(header.path for header in self.headers)

    @property
    def folder(self) -> Path:
        """The folder of the first series, which is that of the only one if there is only one."""
        return self.folders[0]

    @property
    def exit_code(self) -> int:
        """0, or that of bad input if files were refused, whatever their codes are."""
        return ErrorCode.E_DICOM.value.exit_code if self.refused else 0


_AS_USUAL = ProtectChoices()


def protect_series(
    channel: Line,
    home: ClientHome,
    source: Path,
    destination: Path,
    watcher: Watcher,
    choices: ProtectChoices = _AS_USUAL,
) -> ProtectedSeries:
    """Protect the study in `source`, each series into a new folder below `destination`.

    A file that cannot be protected is told in what is returned; the others are protected.

    Raises
    ------
    EncryptSecureRTError
        What `scan_study` raises for the folder; the code of the first refused file, with its
        place and kind, if none can be protected or all were asked for; E_LOCAL_FILE if a series
        is in `destination` already or there is no space; E_DIGEST if a file changed meanwhile;
        what jobs raise. Nothing is written then.
    """
    watcher.stage("scan")
    scan = scan_study(source)
    files = len(scan.headers) + len(scan.refused)
    refusals = Refusals(files, all_or_nothing=choices.all_or_nothing)
    refusals.add(scan.refused)
    begin = _beginning(channel, home, watcher, choices.parameters())
    seals = choices.pictures is Pictures.SEAL
    with staging_in(destination) as staging:
        copy = ProtectedCopy(begin, staging, watcher, refusals, seal_pictures=seals)
        copy.make(scan.headers)
        manifests = copy.write_manifests()
        watcher.end_if_stopped()
        originals = tuple(header for header in scan.headers if header.place in copy.names)
        names = tuple(copy.names[header.place] for header in originals)
        replaced = replaced_uids(originals, staging, names)
        # First, so that no protected series is there whose receipt is not.
        archived = tuple(archive_receipt(home, octets, utc_now()) for octets in copy.receipts)
        folders = publish(staging, destination, replaced.series, manifests)
    return ProtectedSeries(
        folders=folders,
        manifests=tuple(destination / path.relative_to(staging) for path in manifests),
        headers=originals,
        instances=len(originals),
        sealed_whole=copy.sealed_whole,
        vouched=choices.pictures is Pictures.UNSAFE_KEEP,
        refused=refusals.rows,
        ignored_files=scan.ignored_files,
        receipts=archived,
        reports=tuple(copy.reports),
        replaced=replaced,
        simulated=copy.simulated,
    )


def _beginning(
    channel: Line, home: ClientHome, watcher: Watcher, parameters: Mapping[str, str]
) -> BeginJob:
    """Return what begins a job of the task on given inputs."""

    def begin(contents: Mapping[ObjectKind, bytes]) -> BegunJob:
        made = {kind: lambda octets=octets: Content([octets]) for kind, octets in contents.items()}
        send = sending_all(channel, home, made, watcher)
        return begin_job(channel, home, "protect", send, parameters, watcher)

    return begin
