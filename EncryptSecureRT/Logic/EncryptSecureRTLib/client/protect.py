"""`protect`: a study in, its protected copy out; pixel data never leave this computer.

Headers travel in sealed batches, protected headers come back, and each is spliced onto the bulk
of its own file. The copy is made in a folder beside its place and renamed at the end, so that
there is a whole protected study or none. The last batch is given the manifests of those
before it, so that one manifest names all; it lies beside the series, in a series of its own.
"""

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.framing import pack_batch, unpack_batch
from encryptsecurert_protocol.headers import (
    HeaderState,
    ProtectedHeader,
    decode_answer,
    encode_request,
)
from encryptsecurert_protocol.limits import MIB
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.sealing import random_octets
from EncryptSecureRTLib.client.dicomfiles import (
    SplitFile,
    header_request,
    in_batches,
    splice,
    split_file,
)
from EncryptSecureRTLib.client.dicomfiles.splice import write_manifest
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.line import Line
from EncryptSecureRTLib.client.receipts import archive_receipt
from EncryptSecureRTLib.client.runs import run_job, sending_all
from EncryptSecureRTLib.client.study import FileHeader, scan_study
from EncryptSecureRTLib.client.trust import utc_now
from EncryptSecureRTLib.client.uids import Replaced, replaced_uids
from EncryptSecureRTLib.client.upload import Content

T = TypeVar("T")
_BATCH_BYTES = 12 * MIB  # a protected header is up to about four times its original
_PARAMETERS = {"schema": "encryptsecurert.protect/1"}
_RESULT, _MANIFESTS = "headers", "manifests"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectedSeries:
    """What `protect` made, a folder for each series, and of which files."""

    folders: tuple[Path, ...]
    manifests: tuple[Path, ...]
    originals: tuple[Path, ...] = field(repr=False)
    instances: int
    ignored_files: int
    receipts: tuple[Path, ...]
    replaced: Replaced
    simulated: bool

    @property
    def folder(self) -> Path:
        """The folder of the first series, which is that of the only one if there is only one."""
        return self.folders[0]


def protect_series(
    channel: Line, home: ClientHome, source: Path, destination: Path, watcher: Watcher
) -> ProtectedSeries:
    """Protect the study in `source`, each series into a new folder below `destination`.

    Raises
    ------
    EncryptSecureRTError
        What `scan_study` raises for the input; E_PROTECTED_ALREADY; the code of the first
        instance that the worker refuses (then nothing is written), and which kind it is;
        E_LOCAL_FILE if a series is in `destination` already or there is no space; what jobs
        raise.
    """
    watcher.stage("scan")
    scan = scan_study(source)
    if scan.is_protected:
        raise EncryptSecureRTError(ErrorCode.E_PROTECTED_ALREADY)
    new_folder = not destination.exists()
    staging = destination / f".esrt-part-{random_octets(8).hex()}"
    copy = _Copy(channel, home, staging, watcher, len(scan.headers))
    try:
        _make(staging)
        files = ((header, split_file(header.path)) for header in scan.headers)
        for batch, is_last in _with_last(in_batches(files, _BATCH_BYTES)):
            copy.add(batch, is_last=is_last)
        manifests = copy.write_manifests()
        watcher.end_if_stopped()
        replaced = replaced_uids(scan.headers, copy.paths)
        # First, so that no protected series is there whose receipt is not.
        archived = tuple(archive_receipt(home, octets, utc_now()) for octets in copy.receipts)
        folders = _publish(staging, destination, copy.paths, manifests)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        if new_folder:
            with contextlib.suppress(OSError):  # it stays if there is something in it
                destination.rmdir()
    return ProtectedSeries(
        folders=folders,
        manifests=tuple(destination / path.relative_to(staging) for path in manifests),
        originals=tuple(header.path for header in scan.headers),
        instances=len(scan.headers),
        ignored_files=scan.ignored_files,
        receipts=archived,
        replaced=replaced,
        simulated=copy.simulated,
    )


def _make(staging: Path) -> None:
    try:
        staging.mkdir(parents=True)
    except OSError:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None


def _with_last(batches: Iterator[T]) -> Iterator[tuple[T, bool]]:
    """Yield each batch, and whether it is the last."""
    held = next(batches)
    for batch in batches:
        yield held, False
        held = batch
    yield held, True


class _Copy:
    """The protected copy as far as it is made: `paths` in the order of the originals."""

    def __init__(
        self, channel: Line, home: ClientHome, staging: Path, watcher: Watcher, instances: int
    ) -> None:
        self.paths: list[Path] = []
        self.receipts: list[bytes] = []
        self.simulated = False
        self._channel = channel
        self._home = home
        self._staging = staging
        self._watcher = watcher
        self._instances = instances
        self._manifests: list[ProtectedHeader] = []

    def add(self, batch: Sequence[tuple[FileHeader, SplitFile]], *, is_last: bool) -> None:
        """Have a batch of headers protected, and write the files."""
        packed = pack_batch([encode_request(header_request(split)) for _, split in batch])
        channel, home, watcher = self._channel, self._home, self._watcher
        contents = {ObjectKind.HEADERS: lambda: Content([packed])}
        if is_last and self._manifests:
            earlier = pack_batch([bytes(file.header) for file in self._manifests])
            self._manifests = []
            contents[ObjectKind.MANIFESTS] = lambda: Content([earlier])
        send = sending_all(channel, home, contents, watcher)
        finished = run_job(channel, home, "protect", send, _PARAMETERS, watcher)
        answers = [decode_answer(item) for item in unpack_batch(finished.results[_RESULT])]
        if len(answers) != len(batch):
            raise EncryptSecureRTError(ErrorCode.E_RESULT)
        _refuse_if_any(answers, [header for header, _ in batch])
        self._manifests += [decode_answer(i) for i in unpack_batch(finished.results[_MANIFESTS])]
        watcher.stage("write")
        for (original, split), answer in zip(batch, answers, strict=True):
            watcher.end_if_stopped()
            self.paths.append(splice(answer, original.path, split, self._staging))
            split.wipe()
            watcher.count(len(self.paths), self._instances)
        self.receipts.append(finished.receipt)
        self.simulated |= finished.judged.verdict.simulated

    def write_manifests(self) -> list[Path]:
        """Write the manifests that the last batch gave."""
        return [write_manifest(file, self._staging) for file in self._manifests]


def _refuse_if_any(answers: Sequence[ProtectedHeader], originals: Sequence[FileHeader]) -> None:
    refused = [
        (answer.code, original.kind)
        for answer, original in zip(answers, originals, strict=True)
        if answer.state is HeaderState.REFUSED and answer.code is not None
    ]
    if refused:
        code, kind = refused[0]
        detail = f"{len(refused)} of {len(answers)} instances refused; the first: {kind}"
        raise EncryptSecureRTError(code, detail)


def _publish(
    staging: Path, destination: Path, files: Sequence[Path], manifests: Sequence[Path]
) -> tuple[Path, ...]:
    """Move the series' folders, in the order of the files, and the manifests to their place."""
    folders = list(dict.fromkeys(path.parent for path in files))
    targets = [destination / folder.name for folder in folders]
    moved: list[tuple[Path, Path]] = []
    try:
        if any(target.exists() for target in targets):
            raise EncryptSecureRTError(
                ErrorCode.E_LOCAL_FILE, "the destination holds this series already"
            )
        # First, so that no series is there that nobody can reveal.
        for path in manifests:
            place = destination / path.relative_to(staging)
            place.parent.mkdir(exist_ok=True)  # another series of the study may have it
            path.replace(place)
        for folder, target in zip(folders, targets, strict=True):
            folder.rename(target)
            moved.append((folder, target))
    except OSError:
        for folder, target in moved:
            with contextlib.suppress(OSError):
                target.rename(folder)
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None
    return tuple(targets)
