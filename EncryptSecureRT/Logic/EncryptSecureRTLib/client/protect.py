"""`protect`: a CT series in, its protected copy out; pixel data never leave this computer.

Headers travel in sealed batches, protected headers come back, and each is spliced onto the bulk
of its own file. The copy is made in a folder beside its place and renamed at the end, so that
there is a whole protected series or none.
"""

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

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
from EncryptSecureRTLib.client.dicomfiles import SplitFile, header_request, splice, split_file
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.line import Line
from EncryptSecureRTLib.client.receipts import archive_receipt
from EncryptSecureRTLib.client.runs import run_job, sending
from EncryptSecureRTLib.client.series import scan_series
from EncryptSecureRTLib.client.trust import utc_now
from EncryptSecureRTLib.client.uids import Replaced, replaced_uids
from EncryptSecureRTLib.client.upload import Content

_BATCH_INSTANCES = 256
_BATCH_BYTES = 12 * MIB  # a protected header is up to about four times its original
_PARAMETERS = {"schema": "encryptsecurert.protect/1"}
_RESULT = "headers"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectedSeries:
    """What `protect` made."""

    folder: Path
    instances: int
    ignored_files: int
    receipts: tuple[Path, ...]
    replaced: Replaced
    simulated: bool


def protect_series(
    channel: Line, home: ClientHome, source: Path, destination: Path, watcher: Watcher
) -> ProtectedSeries:
    """Protect the CT series in `source` into a new folder below `destination`.

    Raises
    ------
    EncryptSecureRTError
        What `scan_series` raises for the input; E_PROTECTED_ALREADY; the code of the first
        instance that the worker refuses (then nothing is written); E_LOCAL_FILE if the series
        is in `destination` already or there is no space; what jobs raise.
    """
    watcher.stage("scan")
    scan = scan_series(source)
    if scan.is_protected:
        raise EncryptSecureRTError(ErrorCode.E_PROTECTED_ALREADY)
    new_folder = not destination.exists()
    staging = destination / f".esrt-part-{random_octets(8).hex()}"
    copy = _Copy(channel, home, staging, watcher, len(scan.files))
    try:
        _make(staging)
        for batch in _batches(scan.files):
            copy.add(batch)
        watcher.end_if_stopped()
        replaced = replaced_uids(scan.slices, copy.paths)
        # First, so that no protected series is there whose receipt is not.
        archived = tuple(archive_receipt(home, octets, utc_now()) for octets in copy.receipts)
        folder = _publish(staging, destination)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        if new_folder:
            with contextlib.suppress(OSError):  # it stays if there is something in it
                destination.rmdir()
    return ProtectedSeries(
        folder=folder,
        instances=len(scan.files),
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


def _batches(files: Sequence[Path]) -> Iterator[list[tuple[Path, SplitFile]]]:
    batch: list[tuple[Path, SplitFile]] = []
    size = 0
    for path in files:
        split = split_file(path)
        if batch and (len(batch) >= _BATCH_INSTANCES or size + len(split.header) > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append((path, split))
        size += len(split.header)
    if batch:
        yield batch


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

    def add(self, batch: Sequence[tuple[Path, SplitFile]]) -> None:
        """Have a batch of headers protected, and write the files."""
        packed = pack_batch([encode_request(header_request(split)) for _, split in batch])
        channel, home, watcher = self._channel, self._home, self._watcher
        send = sending(channel, home, ObjectKind.HEADERS, lambda: Content([packed]), watcher)
        finished = run_job(channel, home, "protect", send, _PARAMETERS, watcher)
        answers = [decode_answer(item) for item in unpack_batch(finished.results[_RESULT])]
        if len(answers) != len(batch):
            raise EncryptSecureRTError(ErrorCode.E_RESULT)
        _refuse_if_any(answers)
        watcher.stage("write")
        for (path, split), answer in zip(batch, answers, strict=True):
            watcher.end_if_stopped()
            self.paths.append(splice(answer, path, split, self._staging))
            split.wipe()
            watcher.count(len(self.paths), self._instances)
        self.receipts.append(finished.receipt)
        self.simulated |= finished.judged.verdict.simulated


def _refuse_if_any(answers: Sequence[ProtectedHeader]) -> None:
    codes = [a.code for a in answers if a.state is HeaderState.REFUSED and a.code is not None]
    if codes:
        detail = f"{len(codes)} of {len(answers)} instances refused"
        raise EncryptSecureRTError(codes[0], detail)


def _publish(staging: Path, destination: Path) -> Path:
    try:
        folders = [path for path in staging.iterdir() if path.is_dir()]
        if len(folders) != 1:
            raise EncryptSecureRTError(ErrorCode.E_RESULT)
        target = destination / folders[0].name
        if target.exists():
            raise EncryptSecureRTError(
                ErrorCode.E_LOCAL_FILE, "the destination holds this series already"
            )
        return folders[0].rename(target)
    except OSError:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None
