"""The folder of sealed results: random names, whole and on the disk before a job is done."""

import contextlib
import hashlib
import os
from collections.abc import Collection, Iterable
from pathlib import Path

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import ID_BYTES
from encryptsecurert_protocol.limits import MIB
from encryptsecurert_protocol.sealing import random_octets
from encryptsecurert_worker.jobs.record import ResultFile
from encryptsecurert_worker.vault.files import sync_folder


class ResultFolder:
    """Files of results; which of them belong to a job only the ledger knows."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            sync_folder(folder.parent)
        except OSError:
            raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None

    def path(self, result: ResultFile) -> Path:
        """Return where a result lies."""
        return self._folder / result.file

    def write(self, name: str, pieces: Iterable[bytes]) -> ResultFile:
        """Write a new file and bring its octets to the disk; no trace of it after a refusal.

        Raises
        ------
        EncryptSecureRTError
            E_BUSY if the storage is full.
        """
        file_name = random_octets(ID_BYTES).hex()
        path = self._folder / file_name
        digest = hashlib.sha256()
        size = 0
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                for piece in pieces:
                    file.write(piece)
                    digest.update(piece)
                    size += len(piece)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            self._unlink(path)
            raise EncryptSecureRTError(ErrorCode.E_BUSY, "the worker's storage is full") from None
        except BaseException:
            self._unlink(path)
            raise
        return ResultFile(name=name, file=file_name, size_bytes=size, sha256=digest.hexdigest())

    def sync(self) -> None:
        """Bring the names of all files to the disk (E_BUSY)."""
        try:
            sync_folder(self._folder)
        except OSError:
            raise EncryptSecureRTError(ErrorCode.E_BUSY, "the worker's storage is full") from None

    def are_whole(self, results: Iterable[ResultFile]) -> bool:
        """Tell whether each file is there and as long as it was."""
        try:
            return all(self.path(r).stat().st_size == r.size_bytes for r in results)
        except OSError:
            return False

    def check(self, result: ResultFile) -> None:
        """Refuse with E_RESULT unless the file's octets are those that were sealed."""
        digest = hashlib.sha256()
        try:
            with self.path(result).open("rb") as file:
                while piece := file.read(MIB):
                    digest.update(piece)
        except OSError:
            raise EncryptSecureRTError(ErrorCode.E_RESULT) from None
        if digest.hexdigest() != result.sha256:
            raise EncryptSecureRTError(ErrorCode.E_RESULT)

    def remove(self, results: Iterable[ResultFile]) -> None:
        """Remove files; one that stays is removed at the next start."""
        for result in results:
            self._unlink(self.path(result))

    def sweep(self, named: Collection[str]) -> None:
        """Remove every file that no job names (E_LOCAL_FILE)."""
        try:
            for path in self._folder.iterdir():
                if path.name not in named and path.is_file():
                    path.unlink()
        except OSError:
            raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None

    def _unlink(self, path: Path) -> None:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
