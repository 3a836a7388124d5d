"""Uploaded objects: checked chunk by chunk, re-sealed under the storage key, opened for a job.

Everything is looked up as (owner, object): another owner's object does not exist. What an upload
is stands in the ledger before its owner hears of it, and that it is complete after all its records
are on the disk, so a restart loses neither.

No digest of a chunk is in the journal: an authentic record of (upload, index) has one plaintext
ever, since a data key seals one content, and the whole must have the digest that came with the
key. So a record that opens is held, and one that does not was never acknowledged to the end.
"""

import contextlib
import threading
from collections.abc import Callable, Collection
from pathlib import Path

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import ID_BYTES
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.measurements import MAX_MEASUREMENTS_BYTES
from encryptsecurert_protocol.objects import (
    ContentKey,
    ObjectHeader,
    ObjectKind,
    open_content_key,
    strip_padding,
)
from encryptsecurert_protocol.plans import MAX_PLANS_BYTES
from encryptsecurert_protocol.sealing import TAG_BYTES, HpkeKeyPair, random_octets
from encryptsecurert_protocol.structures import MAX_STRUCTURES_BYTES
from encryptsecurert_worker.vault.chunk_files import ChunkFiles
from encryptsecurert_worker.vault.files import sync_file
from encryptsecurert_worker.vault.ledger import Ledger
from encryptsecurert_worker.vault.time import WorkerTime
from encryptsecurert_worker.vault.upload_index import UploadIndex
from encryptsecurert_worker.vault.uploads import KIND, NOTED_EVERY_S, Upload, upload_of

# What is opened whole beside the inputs is bounded by what it may be, not by the largest object.
_SIZE_LIMITS_BYTES = {
    ObjectKind.VOLUME: LIMITS.object_bytes,
    ObjectKind.HEADERS: LIMITS.batch_bytes,
    ObjectKind.MANIFESTS: LIMITS.batch_bytes,
    ObjectKind.STRUCTURES: MAX_STRUCTURES_BYTES,
    ObjectKind.PLANS: MAX_PLANS_BYTES,
    ObjectKind.MEASUREMENTS: MAX_MEASUREMENTS_BYTES,
    ObjectKind.PARAMETERS: LIMITS.header_bytes,
}
_IDLE_S = 60  # after which an upload's early chunks wait in memory no longer
_STRIPES = 16


class ObjectStore:
    """All objects of all owners."""

    def __init__(self, folder: Path, storage_key: bytes, ledger: Ledger, time: WorkerTime) -> None:
        self._files = ChunkFiles(folder, storage_key)
        self._ledger = ledger
        self._time = time
        self._index = UploadIndex()
        # One owner begins one upload at a time: none twice, and none beyond a quota.
        self._begins = tuple(threading.Lock() for _ in range(_STRIPES))

    def restore(self) -> None:
        """Go on with what the ledger names and the folder holds.

        An object whose file is gone or cut is held no longer; a file that no fact names goes.

        Raises
        ------
        EncryptSecureRTError
            E_STATE if a fact is not one of ours; E_LOCAL_FILE if the folder cannot be used.
        """
        lost = []
        for owner, upload_id, value in self._ledger.of(KIND):
            upload = upload_of(owner, upload_id, value, self._files.path(owner, upload_id))
            if upload.complete and not self._files.is_uncut(upload):
                lost.append(upload.no_fact())
                continue
            there = (
                range(upload.header.plan.chunks) if upload.complete else self._files.held(upload)
            )
            upload.digests.update(dict.fromkeys(there))
            self._index.enter(upload)
        kept = self._index.all()
        self._files.keep_only([upload.path for upload in kept])
        # A full disk keeps no worker from starting: the next start finds the same again.
        with contextlib.suppress(EncryptSecureRTError):
            if lost:
                self._ledger.write(lost, durable=False)
            for upload in kept:
                with upload.lock:
                    self._complete_if_whole(upload)

    def begin(
        self,
        owner: str,
        header_octets: bytes,
        sealed: bytes,
        key_of: Callable[[str], HpkeKeyPair],
        *,
        other_bytes: int = 0,
    ) -> Upload:
        """Start an upload, or return what the owner has of it: the object, or the open upload.

        Parameters
        ----------
        sealed : bytes
            The content key; not looked at if the owner has the object or the upload.
        key_of : callable
            The worker's key of the name that the header tells, or E_SEAL.
        other_bytes : int
            What the owner holds beside objects.

        Raises
        ------
        EncryptSecureRTError
            E_FORMAT, E_SEAL, E_TOO_LARGE, E_QUOTA, E_BUSY.
        """
        header = ObjectHeader.decode(header_octets)
        with self._begins[hash(owner) % _STRIPES]:
            held = self._index.use(owner, header.object, self._time.service_s())
            held = held or self._index.find_open(owner, header.object, header_octets)
            if held is not None:
                with held.lock:
                    self._complete_if_whole(held)
                return held
            content = open_content_key(header, sealed, key_of(header.worker))
            self._check_room(owner, header, content, other_bytes)
            upload_id = random_octets(ID_BYTES).hex()
            now_s = self._time.service_s()
            upload = Upload(
                upload=upload_id,
                owner=owner,
                header=header,
                header_octets=header_octets,
                content=content,
                path=self._files.path(owner, upload_id),
                used_s=now_s,
                noted_s=now_s,
            )
            self._ledger.write([upload.fact(complete=False)])
            self._index.enter(upload)
            return upload

    def _check_room(
        self, owner: str, header: ObjectHeader, content: ContentKey, other_bytes: int
    ) -> None:
        if content.size_bytes > _SIZE_LIMITS_BYTES[header.kind]:
            raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
        if self._index.open_of(owner) >= LIMITS.open_uploads_per_user:
            raise EncryptSecureRTError(ErrorCode.E_QUOTA, "too many uploads are open")
        if self._index.count_of(owner) >= LIMITS.objects_per_user:
            raise EncryptSecureRTError(ErrorCode.E_QUOTA, "too many objects are held already")
        held_bytes = self._index.bytes_of(owner) + other_bytes
        if held_bytes + content.size_bytes > LIMITS.held_bytes_per_user:
            raise EncryptSecureRTError(ErrorCode.E_QUOTA, "too much is held already")

    def upload(self, owner: str, upload_id: str) -> Upload:
        """Return an upload of this owner, or refuse with E_NOT_FOUND."""
        found = self._index.find(owner, upload_id)
        if found is None:
            raise EncryptSecureRTError(ErrorCode.E_NOT_FOUND)
        return found

    def put(self, upload: Upload, index: int, sealed: bytes) -> None:
        """Check one sealed chunk and keep it; with the last of them the object is complete.

        The same octets again are welcome; other octets for a held index, octets of another
        index, an index past the end and a wrong length are E_SEAL, and what is held stays. A full
        disk is E_BUSY.
        """
        plan = upload.header.plan
        if not 0 <= index < plan.chunks or len(sealed) != plan.sealed_size(index):
            raise EncryptSecureRTError(ErrorCode.E_SEAL)
        chunk = self._files.plaintext(plan.padded_size(index))
        upload.cipher.open_into(index, sealed, chunk, last=plan.is_last(index))
        used = strip_padding(chunk, plan, index, upload.content.size_bytes)
        with upload.lock:
            if upload.dropped:
                raise EncryptSecureRTError(ErrorCode.E_NOT_FOUND)
            tag = sealed[-TAG_BYTES:]  # of a chunk that opened, it stands for its octets
            is_new = index not in upload.digests
            if is_new:
                self._files.write(upload, index, used)
            else:
                self._require_same(upload, index, used, tag)
            upload.digests[index] = tag
            upload.used_s = self._time.service_s()
            self._complete_if_whole(upload)
        if is_new:
            upload.running.add(index, used)  # while the next chunk travels

    def _require_same(self, upload: Upload, index: int, used: memoryview, tag: bytes) -> None:
        held = upload.digests[index]
        same = self._files.holds(upload, index, used) if held is None else held == tag
        if not same:
            raise EncryptSecureRTError(ErrorCode.E_SEAL)

    def _complete_if_whole(self, upload: Upload) -> None:
        """Bring a whole upload to the disk, then the fact that it is complete; under its lock.

        A repeated last chunk waits for this, so that nobody hears of an end that is none.
        """
        if upload.complete or upload.dropped or not upload.whole:
            return
        try:
            sync_file(upload.path)
        except OSError:
            # After a failed sync the system may have dropped any of the pages: none is held.
            upload.digests.clear()
            upload.running.give_up()
            raise EncryptSecureRTError(ErrorCode.E_BUSY, "the worker's storage is full") from None
        self._ledger.write([upload.fact(complete=True)])
        upload.noted_s = upload.used_s
        self._index.complete(upload)

    def require_complete(self, owner: str, name: str) -> Upload:
        """Return a complete object of this owner, used now, or refuse with E_INPUT_GONE."""
        held = self._index.use(owner, name, self._time.service_s())
        if held is None:
            raise EncryptSecureRTError(ErrorCode.E_INPUT_GONE)
        return held

    def open(self, upload: Upload) -> memoryview:
        """Return the plaintext of a complete object; size and digest must match (E_DIGEST).

        An object that does not open is held no longer, so that its owner can send it again.
        """
        try:
            return self._files.open(upload)
        except EncryptSecureRTError:
            if self._index.leave(upload):
                self._drop(upload)
            raise

    def _drop(self, upload: Upload) -> None:
        """Remove what cannot be found any more."""
        with upload.lock:
            upload.dropped = True
            upload.running.give_up()
            # Also if the disk is too full for the journal: a fact without a file does no harm.
            with contextlib.suppress(EncryptSecureRTError):
                self._ledger.write([upload.no_fact()], durable=False)
            with contextlib.suppress(OSError):
                upload.path.unlink()

    def expire(self, service_s: int, pinned: Collection[tuple[str, str]]) -> None:
        """Remove what nobody used for long, and note what was used.

        Parameters
        ----------
        pinned : (owner, object) of what jobs still need: used now.

        Raises
        ------
        EncryptSecureRTError
            E_BUSY: what is left is done the next time.
        """
        for upload in self._index.all():
            if upload.complete and upload.name in pinned:
                upload.used_s = service_s
            kept_s = LIMITS.object_kept_s if upload.complete else LIMITS.upload_kept_s
            if self._index.leave(upload, unused_since_s=service_s - kept_s):
                self._drop(upload)
            elif not upload.complete and service_s - upload.used_s >= _IDLE_S:
                upload.running.give_up()
        for upload in self._index.all():  # by now there may be room on a full disk
            if upload.used_s - upload.noted_s > NOTED_EVERY_S:
                self._note(upload)

    def _note(self, upload: Upload) -> None:
        with upload.lock:
            if not upload.dropped:
                self._ledger.write([upload.fact(complete=upload.complete)], durable=False)
                upload.noted_s = upload.used_s

    def held_bytes(self, owner: str) -> int:
        """Return how much an owner holds: objects, and uploads with the size they will have."""
        return self._index.bytes_of(owner)

    @property
    def total_bytes(self) -> int:
        """How much all owners hold."""
        return self._index.total_bytes

    @property
    def open_uploads(self) -> int:
        """How many uploads are on their way."""
        return self._index.total_open
