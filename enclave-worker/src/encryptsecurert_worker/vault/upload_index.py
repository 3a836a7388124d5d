"""All uploads, found by (owner, upload) and by (owner, object), and counted for each owner."""

import threading
from collections import Counter

from encryptsecurert_worker.vault.uploads import Upload


class UploadIndex:
    """Safe to use from several threads.

    Invariant: the counts are those of the uploads that can be found. An open upload counts with
    the whole size that it will have, so that nobody begins more than they may hold.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_upload: dict[tuple[str, str], Upload] = {}
        self._by_object: dict[tuple[str, str], list[Upload]] = {}
        self._bytes: Counter[str] = Counter()
        self._open: Counter[str] = Counter()
        self._count: Counter[str] = Counter()

    def enter(self, upload: Upload) -> None:
        """Let an upload be found."""
        with self._lock:
            self._by_upload[upload.owner, upload.upload] = upload
            self._by_object.setdefault(upload.name, []).append(upload)
            self._bytes[upload.owner] += upload.content.size_bytes
            self._open[upload.owner] += not upload.complete
            self._count[upload.owner] += 1

    def complete(self, upload: Upload) -> None:
        """Mark an upload as complete."""
        with self._lock:
            upload.complete = True
            self._open[upload.owner] -= (upload.owner, upload.upload) in self._by_upload

    def leave(self, upload: Upload, *, unused_since_s: float = float("inf")) -> bool:
        """Let an upload be found no longer, unless it was used later; tell whether it left."""
        with self._lock:
            key = (upload.owner, upload.upload)
            if key not in self._by_upload or upload.used_s > unused_since_s:
                return False
            del self._by_upload[key]
            same = self._by_object[upload.name]
            same.remove(upload)
            if not same:
                del self._by_object[upload.name]
            self._bytes[upload.owner] -= upload.content.size_bytes
            self._open[upload.owner] -= not upload.complete
            self._count[upload.owner] -= 1
            return True

    def find(self, owner: str, upload_id: str) -> Upload | None:
        """Return an upload of this owner."""
        with self._lock:
            return self._by_upload.get((owner, upload_id))

    def use(self, owner: str, name: str, now_s: int) -> Upload | None:
        """Return the complete object of that name, which is used now."""
        with self._lock:
            for upload in self._by_object.get((owner, name), ()):
                if upload.complete:
                    upload.used_s = now_s
                    return upload
        return None

    def find_open(self, owner: str, name: str, header_octets: bytes) -> Upload | None:
        """Return the upload of this owner that has this very header."""
        with self._lock:
            for upload in self._by_object.get((owner, name), ()):
                if upload.header_octets == header_octets:
                    return upload
        return None

    def all(self) -> list[Upload]:
        """Return every upload."""
        with self._lock:
            return list(self._by_upload.values())

    def bytes_of(self, owner: str) -> int:
        """Return how much an owner holds."""
        return self._bytes[owner]

    def count_of(self, owner: str) -> int:
        """Return how many uploads and objects an owner has."""
        return self._count[owner]

    def open_of(self, owner: str) -> int:
        """Return how many uploads of an owner are on their way."""
        return self._open[owner]

    @property
    def total_bytes(self) -> int:
        """How much all owners hold."""
        with self._lock:
            return self._bytes.total()

    @property
    def total_open(self) -> int:
        """How many uploads are on their way."""
        with self._lock:
            return self._open.total()
