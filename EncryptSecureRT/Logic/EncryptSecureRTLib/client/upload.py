"""Sealed uploads: hash, name, seal to the attested worker, send chunk by chunk.

The data key, prefix and header are made once for an upload; each (key, index) seals one chunk
only. Chunks are sealed as they leave, so memory grows by a few chunks and not by a second copy.
An upload that broke off goes on under the same key and header, see `upload_state`.
"""

import hashlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import ID_BYTES, Fields
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.objects import ObjectKind, object_name, pad_chunk
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.line import Line
from EncryptSecureRTLib.client.upload_state import Draft, Source, UploadStore

_IN_FLIGHT = 3
_BEGINNINGS = 3
# The worker does not know the upload or its key: a new one, under a new key, is the way out.
_LOST = (ErrorCode.E_NOT_FOUND, ErrorCode.E_SEAL)
Stop = Callable[[], bool]
Progress = Callable[[int, int], None]


class Content:
    """The octets of an object, in parts that lie where they are; nothing is copied together."""

    def __init__(self, parts: Sequence[bytes | bytearray | memoryview]) -> None:
        self._parts = [memoryview(part).cast("B") for part in parts]
        self.size_bytes = sum(len(part) for part in self._parts)

    def sha256(self) -> bytes:
        """Return the digest of all octets."""
        digest = hashlib.sha256()
        for part in self._parts:
            digest.update(part)
        return digest.digest()

    def chunk(self, start: int, size: int) -> bytes | memoryview:
        """Return `size` octets from `start`: a view if they lie in one part."""
        pieces = []
        for part in self._parts:
            if start < len(part):
                piece = part[start : start + size]
                pieces.append(piece)
                size -= len(piece)
                start = 0
                if not size:
                    break
            else:
                start -= len(part)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploaded:
    """An object that the worker holds."""

    name: str
    sha256: str
    sent_bytes: int


def upload(
    channel: Line,
    home: ClientHome,
    kind: ObjectKind,
    content: Content,
    *,
    progress: Progress = lambda done, total: None,
    stopped: Stop = lambda: False,
) -> Uploaded:
    """Upload one object, unless the worker holds it already; go on with an upload that broke off.

    Parameters
    ----------
    progress : callable
        Called with (octets that the worker holds, octets in all).
    stopped : callable
        Asked at the start and before each chunk; if it says yes, E_CANCELLED.

    Raises
    ------
    EncryptSecureRTError
        E_LOCAL_FILE, before anything is sent, if the state of a large upload cannot be kept.
    """
    digest = content.sha256()
    if stopped():
        raise EncryptSecureRTError(ErrorCode.E_CANCELLED)
    key = home.dedup_key()
    source = Source(
        name=object_name(key, kind, digest),
        kind=kind,
        size_bytes=content.size_bytes,
        sha256=digest,
    )
    store = UploadStore(home.uploads_path, key)
    sender = _Sender(channel, content, progress, stopped)
    draft = store.load(source)
    resumed = draft is not None
    for beginnings_left in reversed(range(_BEGINNINGS)):
        if draft is None:
            draft = Draft.new(source, channel.statement)
            store.save(source, draft)
        try:
            sender.send(draft, resumed=resumed)
            break
        except EncryptSecureRTError as error:
            if error.code not in _LOST:
                raise
            store.drop(source)
            if not beginnings_left:
                raise
            draft, resumed = None, False
    store.drop(source)
    progress(content.size_bytes, content.size_bytes)
    return Uploaded(name=source.name, sha256=digest.hex(), sent_bytes=sender.sent_bytes)


class _Sender:
    """Sends what the worker does not hold of one content; `sent_bytes` are what it took."""

    def __init__(self, channel: Line, content: Content, progress: Progress, stopped: Stop) -> None:
        self.sent_bytes = 0
        self._channel = channel
        self._content = content
        self._progress = progress
        self._stopped = stopped
        self._counting = threading.Lock()

    def send(self, draft: Draft, *, resumed: bool) -> None:
        """Announce the upload and send the chunks that are missing."""
        answer = self._channel.request_json("POST", "/v1/objects", draft.message())
        if answer == {"have": True}:
            return
        fields = Fields(answer, ("upload", "next_chunk"))
        path = f"/v1/objects/{fields.hex('upload', ID_BYTES)}"
        chunks = range(draft.header.plan.chunks)
        held = self._held(path, chunks) if resumed else set()
        held_bytes = sum(self._size_bytes(index) for index in held)
        self._progress(held_bytes, self._content.size_bytes)
        self._send_all(draft, path, [i for i in chunks if i not in held], held_bytes)

    def _held(self, path: str, chunks: range) -> set[int]:
        fields = Fields(self._channel.request_json("GET", path), ("chunks", "complete"))
        held = fields.items("chunks", len(chunks))
        if not all(type(index) is int and index in chunks for index in held):
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)
        return set(held)

    def _size_bytes(self, index: int) -> int:
        return min(LIMITS.chunk_bytes, self._content.size_bytes - index * LIMITS.chunk_bytes)

    def _send_all(self, draft: Draft, path: str, missing: list[int], done_bytes: int) -> None:
        cipher, plan, halt = draft.cipher(), draft.header.plan, threading.Event()

        def one(index: int) -> int:
            if halt.is_set():
                return 0
            plaintext = self._content.chunk(index * LIMITS.chunk_bytes, LIMITS.chunk_bytes)
            padded = pad_chunk(plaintext, plan, index)
            sealed = cipher.seal(index, padded, last=plan.is_last(index))
            self._channel.put(f"{path}/{index}", sealed)
            with self._counting:
                self.sent_bytes += len(plaintext)
            return len(plaintext)

        with ThreadPoolExecutor(_IN_FLIGHT, "upload") as pool:
            pending: set[Future[int]] = set()
            try:
                for index in missing:
                    if self._stopped():
                        raise EncryptSecureRTError(ErrorCode.E_CANCELLED)
                    if len(pending) >= _IN_FLIGHT:
                        finished, pending = wait(pending, return_when=FIRST_COMPLETED)
                        done_bytes += sum(future.result() for future in finished)
                        self._progress(done_bytes, self._content.size_bytes)
                    pending.add(pool.submit(one, index))
                for future in pending:
                    future.result()
            except BaseException:
                halt.set()
                raise
