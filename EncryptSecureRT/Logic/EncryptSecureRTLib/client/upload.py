"""Sealed uploads: hash, name, seal to the attested worker, send chunk by chunk.

The data key, prefix and header are made once for an upload; each (key, index) seals one chunk
only. Chunks are sealed as they leave, so memory grows by a few chunks and not by a second copy.
"""

import hashlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import ID_BYTES, Fields, base64_text
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.objects import (
    ChunkPlan,
    ContentKey,
    ObjectHeader,
    ObjectKind,
    object_name,
    pad_chunk,
    seal_content_key,
)
from encryptsecurert_protocol.sealing import (
    KEY_BYTES,
    PREFIX_BYTES,
    ChunkCipher,
    random_octets,
)
from EncryptSecureRTLib.client.channel import Channel

_IN_FLIGHT = 3
Stop = Callable[[], bool]


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
    channel: Channel,
    dedup_key: bytes,
    kind: ObjectKind,
    content: Content,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
    stopped: Stop = lambda: False,
) -> Uploaded:
    """Upload one object, unless the worker holds it already.

    Parameters
    ----------
    progress : callable
        Called with (octets sent, octets in all).
    stopped : callable
        Asked at the start and before each chunk; if it says yes, E_CANCELLED.
    """
    digest = content.sha256()
    if stopped():
        raise EncryptSecureRTError(ErrorCode.E_CANCELLED)
    statement = channel.statement
    plan = ChunkPlan.for_size(content.size_bytes)
    header = ObjectHeader(
        object=object_name(dedup_key, kind, digest),
        kind=kind,
        plan=plan,
        prefix=random_octets(PREFIX_BYTES),
        suite=statement.hpke_suite,
        worker=statement.hpke_key_sha256,
    )
    key = ContentKey(random_octets(KEY_BYTES), content.size_bytes, digest)
    sealed = seal_content_key(header, key, statement.hpke_public_key)
    octets = header.encode()
    answer = channel.request_json(
        "POST", "/v1/objects", {"header": base64_text(octets), "sealed": base64_text(sealed)}
    )
    if answer != {"have": True}:
        fields = Fields(answer, ("upload", "next_chunk"))
        cipher = ChunkCipher(key.data_key, header.prefix, hashlib.sha256(octets).digest())
        _send(
            channel,
            _Chunks(content, plan, cipher, fields.hex("upload", ID_BYTES)),
            progress,
            stopped,
        )
        sent = content.size_bytes
    else:
        sent = 0
    progress(content.size_bytes, content.size_bytes)
    return Uploaded(name=header.object, sha256=digest.hex(), sent_bytes=sent)


@dataclass(frozen=True, slots=True)
class _Chunks:
    content: Content
    plan: ChunkPlan
    cipher: ChunkCipher
    upload: str

    def send(self, channel: Channel, index: int) -> int:
        """Seal and send one chunk; return its plaintext octets."""
        start = index * LIMITS.chunk_bytes
        plaintext = self.content.chunk(start, LIMITS.chunk_bytes)
        padded = pad_chunk(plaintext, self.plan, index)
        sealed = self.cipher.seal(index, padded, last=self.plan.is_last(index))
        channel.put(f"/v1/objects/{self.upload}/{index}", sealed)
        return len(plaintext)


def _send(
    channel: Channel, chunks: _Chunks, progress: Callable[[int, int], None], stopped: Stop
) -> None:
    done = 0
    halt = threading.Event()

    def one(index: int) -> int:
        return 0 if halt.is_set() else chunks.send(channel, index)

    with ThreadPoolExecutor(_IN_FLIGHT, "upload") as pool:
        pending: set[Future[int]] = set()
        try:
            for index in range(chunks.plan.chunks):
                if stopped():
                    raise EncryptSecureRTError(ErrorCode.E_CANCELLED)
                if len(pending) >= _IN_FLIGHT:
                    finished, pending = wait(pending, return_when=FIRST_COMPLETED)
                    done += sum(future.result() for future in finished)
                    progress(done, chunks.content.size_bytes)
                pending.add(pool.submit(one, index))
            for future in pending:
                done += future.result()
        except BaseException:
            halt.set()
            raise
