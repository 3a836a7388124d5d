"""The files of uploads: equal records, one a chunk, each sealed for its place.

A file's name is an HMAC, so the folder tells only sizes. A record opens under its own upload and
index only, and nothing here trusts a size or an octet that the host could have changed.
"""

import hashlib
import os
import threading
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.sealing import (
    RECORD_OVERHEAD_BYTES,
    keyed_name,
    open_record_into,
    seal_record_into,
)
from encryptsecurert_worker.vault.uploads import Upload

RECORD_BYTES = LIMITS.chunk_bytes + RECORD_OVERHEAD_BYTES


class _Buffers(threading.local):
    """One chunk and one record for each thread that handles objects."""

    def __init__(self) -> None:
        self.plaintext = memoryview(bytearray(LIMITS.chunk_bytes))
        self.record = memoryview(bytearray(RECORD_BYTES))


class ChunkFiles:
    """Reads and writes the records of all uploads; one caller at a time writes to an upload."""

    def __init__(self, folder: Path, storage_key: bytes) -> None:
        self._folder = folder
        self._key = storage_key
        self._buffers = _Buffers()

    def path(self, owner: str, upload_id: str) -> Path:
        """Return where an upload lies."""
        return self._folder / keyed_name(self._key, owner.encode(), upload_id.encode())

    def plaintext(self, size_bytes: int) -> memoryview:
        """Return this thread's buffer for one chunk.

        Buffers are kept for each thread: fresh memory costs more than the cipher does.
        """
        return self._buffers.plaintext[:size_bytes]

    def write(self, upload: Upload, index: int, used: memoryview) -> None:
        """Write one record; after a refusal (E_BUSY) none that counts is there."""
        record = self._buffers.record[: len(used) + RECORD_OVERHEAD_BYTES]
        seal_record_into(self._key, _aad(upload, index), used, record)
        try:
            descriptor = os.open(upload.path, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                if os.pwrite(descriptor, record, index * RECORD_BYTES) != len(record):
                    raise OSError
            finally:
                os.close(descriptor)
        except OSError:
            raise EncryptSecureRTError(ErrorCode.E_BUSY, "the worker's storage is full") from None

    def holds(self, upload: Upload, index: int, used: memoryview) -> bool:
        """Tell whether the record of a chunk opens and has just this content."""
        stored = memoryview(bytearray(upload.chunk_bytes(index)))
        try:
            with upload.path.open("rb", buffering=0) as file:
                self._read(file.fileno(), upload, index, stored)
        except (OSError, EncryptSecureRTError):
            return False
        return stored == used

    def held(self, upload: Upload) -> list[int]:
        """Return the indices of all chunks whose records open."""
        return list(self._held(upload))

    def _held(self, upload: Upload) -> Iterator[int]:
        try:
            with upload.path.open("rb", buffering=0) as file:
                records = -(-os.fstat(file.fileno()).st_size // RECORD_BYTES)
                for index in range(min(records, upload.header.plan.chunks)):
                    chunk = self.plaintext(upload.chunk_bytes(index))
                    try:
                        self._read(file.fileno(), upload, index, chunk)
                    except EncryptSecureRTError:  # never written, or not to its end
                        continue
                    yield index
        except OSError:
            return

    def is_uncut(self, upload: Upload) -> bool:
        """Tell whether the file is as long as all its records are."""
        last = upload.header.plan.chunks - 1
        size = last * RECORD_BYTES + upload.chunk_bytes(last) + RECORD_OVERHEAD_BYTES
        try:
            return upload.path.is_file() and upload.path.stat().st_size >= size
        except OSError:
            return False

    def open(self, upload: Upload) -> memoryview:
        """Return the plaintext; size and digest must match (E_INPUT_GONE, E_DIGEST)."""
        plan, size = upload.header.plan, upload.content.size_bytes
        # numpy's memory comes in large pages where the system has them, and is not zeroed first.
        plaintext = np.empty(size, np.uint8).data
        digest = upload.running.digest(plan.chunks)
        late = hashlib.sha256()
        try:
            with upload.path.open("rb", buffering=0) as file:
                for index in range(plan.chunks):
                    start = index * LIMITS.chunk_bytes
                    chunk = plaintext[start : start + LIMITS.chunk_bytes]
                    self._read(file.fileno(), upload, index, chunk)
                    if digest is None:
                        late.update(chunk)
        except OSError:
            raise EncryptSecureRTError(ErrorCode.E_INPUT_GONE) from None
        if (digest or late.digest()) != upload.content.sha256:
            raise EncryptSecureRTError(ErrorCode.E_DIGEST)
        return plaintext

    def _read(self, descriptor: int, upload: Upload, index: int, chunk: memoryview) -> None:
        record = self._buffers.record[: len(chunk) + RECORD_OVERHEAD_BYTES]
        if os.preadv(descriptor, [record], index * RECORD_BYTES) != len(record):
            raise EncryptSecureRTError(ErrorCode.E_INPUT_GONE)
        try:
            open_record_into(self._key, _aad(upload, index), record, chunk)
        except EncryptSecureRTError:  # our own seal: the disk lost the chunk, not who sent it
            raise EncryptSecureRTError(ErrorCode.E_INPUT_GONE) from None

    def keep_only(self, kept: Collection[Path]) -> None:
        """Make the folder, or remove every file in it that is not among these (E_LOCAL_FILE)."""
        names = {path.name for path in kept}
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for path in self._folder.iterdir():
                if path.name not in names and (path.is_symlink() or not path.is_dir()):
                    path.unlink()
        except OSError:
            raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None


def _aad(upload: Upload, index: int) -> bytes:
    return canonical.encode(
        {
            "kind": "chunk",
            "owner": upload.owner,
            "id": upload.upload,
            "index": index,
            "generation": 1,
        }
    )
