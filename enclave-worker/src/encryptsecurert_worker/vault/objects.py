"""Uploaded objects: checked chunk by chunk, re-sealed under the storage key, opened for a job.

Each object is one file of equal records; its name is an HMAC, so the folder tells only sizes.
Everything is looked up as (owner, object): another owner's object does not exist.
"""

import contextlib
import hashlib
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import ID_BYTES
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.objects import (
    ContentKey,
    ObjectHeader,
    ObjectKind,
    open_content_key,
    strip_padding,
)
from encryptsecurert_protocol.sealing import (
    RECORD_OVERHEAD_BYTES,
    ChunkCipher,
    HpkeKeyPair,
    keyed_name,
    open_record_into,
    random_octets,
    seal_record_into,
)
from encryptsecurert_worker.vault.files import clear_folder

_RECORD_BYTES = LIMITS.chunk_bytes + RECORD_OVERHEAD_BYTES
# What is opened whole beside the inputs is bounded by what it may be, not by the largest object.
_SIZE_LIMITS_BYTES = {
    ObjectKind.VOLUME: LIMITS.object_bytes,
    ObjectKind.HEADERS: LIMITS.batch_bytes,
    ObjectKind.PARAMETERS: LIMITS.header_bytes,
}


class _RunningDigest:
    """SHA-256 of chunks that come nearly in order, as they come.

    A few early ones wait in memory for those before them; if more are early than that, the rest
    is left to whoever opens the object.
    """

    _WAITING_MAX = 3  # as many as a client of ours has on their way

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hasher = hashlib.sha256()
        self._waiting: dict[int, bytes] = {}
        self._next = 0

    def add(self, index: int, chunk: memoryview) -> None:
        """Take a chunk that has been checked and kept."""
        with self._lock:
            if index != self._next:
                if index > self._next and len(self._waiting) < self._WAITING_MAX:
                    self._waiting[index] = bytes(chunk)
                return
            self._hasher.update(chunk)
            self._next += 1
            while self._next in self._waiting:
                self._hasher.update(self._waiting.pop(self._next))
                self._next += 1

    def digest(self, chunks: int) -> bytes | None:
        """Return the digest of that many chunks, None if not all were taken."""
        with self._lock:
            return self._hasher.digest() if self._next == chunks else None


@dataclass(slots=True)
class Upload:
    """One object on its way in or wholly there. Guarded by its own lock."""

    upload: str
    owner: str
    header: ObjectHeader
    header_octets: bytes
    content: ContentKey
    cipher: ChunkCipher
    path: Path
    digests: dict[int, bytes] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    running: _RunningDigest = field(default_factory=_RunningDigest)

    @property
    def complete(self) -> bool:
        """Whether every chunk is there."""
        return len(self.digests) == self.header.plan.chunks

    def next_chunk(self) -> int:
        """Return the lowest index that is missing, or the count if none is."""
        return next(i for i in range(self.header.plan.chunks + 1) if i not in self.digests)


class ObjectStore:
    """All objects of all owners."""

    def __init__(self, folder: Path, storage_key: bytes) -> None:
        self._folder = folder
        self._key = storage_key
        self._lock = threading.Lock()
        self._buffers = _Buffers()
        self._by_upload: dict[tuple[str, str], Upload] = {}
        self._by_object: dict[tuple[str, str], Upload] = {}
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def clear(self) -> None:
        """Remove what an earlier start left: it is sealed to keys that are gone."""
        clear_folder(self._folder)

    def begin(
        self, owner: str, header_octets: bytes, sealed: bytes, worker_key: HpkeKeyPair
    ) -> Upload:
        """Start an upload, or return the complete object of that name that the owner has."""
        header = ObjectHeader.decode(header_octets)
        content = open_content_key(header, sealed, worker_key)
        if content.size_bytes > _SIZE_LIMITS_BYTES[header.kind]:
            raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
        with self._lock:
            held = self._by_object.get((owner, header.object))
            if held is not None and (held.complete or held.header_octets == header_octets):
                return held
            upload_id = random_octets(ID_BYTES).hex()
            name = keyed_name(self._key, owner.encode(), upload_id.encode())
            upload = Upload(
                upload=upload_id,
                owner=owner,
                header=header,
                header_octets=header_octets,
                content=content,
                cipher=ChunkCipher(
                    content.data_key, header.prefix, hashlib.sha256(header_octets).digest()
                ),
                path=self._folder / name,
            )
            self._by_upload[owner, upload_id] = upload
            self._by_object[owner, header.object] = upload
            return upload

    def upload(self, owner: str, upload_id: str) -> Upload:
        """Return an upload of this owner, or refuse with E_NOT_FOUND."""
        with self._lock:
            found = self._by_upload.get((owner, upload_id))
        if found is None:
            raise EncryptSecureRTError(ErrorCode.E_NOT_FOUND)
        return found

    def put(self, upload: Upload, index: int, sealed: bytes) -> None:
        """Check one sealed chunk and keep it.

        The same octets again are welcome; other octets for a held index, octets of another
        index, an index past the end and a wrong length are E_SEAL, and what is held stays.
        """
        plan = upload.header.plan
        if not 0 <= index < plan.chunks or len(sealed) != plan.sealed_size(index):
            raise EncryptSecureRTError(ErrorCode.E_SEAL)
        # Buffers are kept for each thread: fresh memory costs more than the cipher does.
        chunk = self._buffers.plaintext[: plan.padded_size(index)]
        upload.cipher.open_into(index, sealed, chunk, last=plan.is_last(index))
        used = strip_padding(chunk, plan, index, upload.content.size_bytes)
        digest = sealed[-16:]  # the tag of a chunk that opened stands for its octets
        with upload.lock:
            held = upload.digests.get(index)
            if held is not None:
                if held != digest:
                    raise EncryptSecureRTError(ErrorCode.E_SEAL)
                return
            self._write(upload, index, used)
            upload.digests[index] = digest
        upload.running.add(index, used)  # while the next chunk travels

    def _write(self, upload: Upload, index: int, used: memoryview) -> None:
        record = self._buffers.record[: len(used) + RECORD_OVERHEAD_BYTES]
        seal_record_into(self._key, _aad(upload, index), used, record)
        try:
            descriptor = os.open(upload.path, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                if os.pwrite(descriptor, record, index * _RECORD_BYTES) != len(record):
                    raise OSError
            finally:
                os.close(descriptor)
        except OSError:
            raise EncryptSecureRTError(ErrorCode.E_BUSY, "the worker's storage is full") from None

    def require_complete(self, owner: str, name: str) -> Upload:
        """Return a complete object of this owner, or refuse with E_INPUT_GONE."""
        with self._lock:
            held = self._by_object.get((owner, name))
        if held is None or not held.complete:
            raise EncryptSecureRTError(ErrorCode.E_INPUT_GONE)
        return held

    def open(self, upload: Upload) -> memoryview:
        """Return the plaintext of a complete object; size and digest must match (E_DIGEST).

        An object that does not open is held no longer, so that its owner can send it again.
        """
        try:
            return self._open(upload)
        except EncryptSecureRTError:
            self._forget(upload)
            raise

    def _forget(self, upload: Upload) -> None:
        name = (upload.owner, upload.header.object)
        with self._lock:
            self._by_upload.pop((upload.owner, upload.upload), None)
            if self._by_object.get(name) is upload:
                del self._by_object[name]
        with contextlib.suppress(OSError):
            upload.path.unlink()

    def _open(self, upload: Upload) -> memoryview:
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
        if os.preadv(descriptor, [record], index * _RECORD_BYTES) != len(record):
            raise EncryptSecureRTError(ErrorCode.E_INPUT_GONE)
        open_record_into(self._key, _aad(upload, index), record, chunk)


class _Buffers(threading.local):
    """One chunk and one record for each thread that handles objects."""

    def __init__(self) -> None:
        self.plaintext = memoryview(bytearray(LIMITS.chunk_bytes))
        self.record = memoryview(bytearray(_RECORD_BYTES))


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
