"""Results on disk: the files of one finished job and its receipt, all of them or none."""

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.receipts import ReceiptBody
from EncryptSecureRTLib.attest.localfiles import write_whole
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.jobs import Finished, Watcher
from EncryptSecureRTLib.client.receipts import archive_receipt
from EncryptSecureRTLib.client.trust import utc_now

RECEIPT_FILE = "receipt.json"
_RESULT_FILES = ("rtstruct.dcm", "seg.dcm", RECEIPT_FILE)
_VOLUME_PREFIX = "volume_cc."


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was written, and what the receipt says of it."""

    files: tuple[Path, ...]
    finished: Finished

    @property
    def volumes_cc(self) -> dict[str, float]:
        """Volume of each structure."""
        return volumes_cc(self.finished.body)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the worker found worth saying."""
        return self.finished.body.warnings


def volumes_cc(body: ReceiptBody) -> dict[str, float]:
    """Return the volume of each structure, by its label, that a receipt names."""
    return {
        name.removeprefix(_VOLUME_PREFIX): float(value)
        for name, value in body.numbers
        if name.startswith(_VOLUME_PREFIX)
    }


def refuse_if_taken(out: Path, names: Iterable[str] = _RESULT_FILES) -> None:
    """Refuse with E_LOCAL_FILE a folder that holds results already."""
    if any((out / name).exists() for name in names):
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, "the output folder holds results")


def write_results(home: ClientHome, out: Path, finished: Finished, watcher: Watcher) -> Written:
    """Archive the receipt, then write every result and the receipt into `out`, or nothing."""
    if not set(finished.results) < set(_RESULT_FILES):  # only these were seen not to be there
        raise EncryptSecureRTError(ErrorCode.E_RESULT)
    return write_files(home, out, finished.results, finished, watcher)


def write_files(
    home: ClientHome,
    out: Path,
    made: Mapping[str, bytes | bytearray],
    finished: Finished,
    watcher: Watcher,
    *,
    elsewhere: Mapping[Path, bytes | bytearray] | None = None,
) -> Written:
    """Archive the receipt, then write files by their names and the receipt, or nothing.

    Parameters
    ----------
    elsewhere : files outside `out`, written with the others or not at all.
    """
    watcher.stage("write")
    watcher.end_if_stopped()
    # First, so that no results are there whose receipt is not.
    archive_receipt(home, finished.receipt, utc_now())
    files = {path: bytes(octets) for path, octets in (elsewhere or {}).items()}
    files |= {out / name: bytes(octets) for name, octets in made.items()}
    files[out / RECEIPT_FILE] = finished.receipt
    try:
        for path, octets in files.items():
            watcher.end_if_stopped()
            write_whole(path, octets)
    except BaseException:
        for path in files:
            with contextlib.suppress(OSError):
                path.unlink()
        raise
    return Written(files=tuple(files), finished=finished)
