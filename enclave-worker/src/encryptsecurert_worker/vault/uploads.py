"""One upload: what is known of it while it is here, and the fact that outlives a start.

fact    kind `upload`, owner: the user, id: the upload's id
value   {header (base64), content (base64 of the content key), complete, used_s}
used_s  service seconds of the last chunk, `have` or job; noted once an hour
"""

import hashlib
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import ID_BYTES, MAX_INTEGER, Fields, base64_text
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.objects import ContentKey, ObjectHeader
from encryptsecurert_protocol.sealing import ChunkCipher
from encryptsecurert_worker.vault.ledger import Change

KIND = "upload"
NOTED_EVERY_S = 3600
_VALUE = ("header", "content", "complete", "used_s")
_MAX_CONTENT_BYTES = 256


class RunningDigest:
    """SHA-256 of chunks that come nearly in order, as they come.

    A few early ones wait in memory for those before them; if more are early than that, the digest
    is given up and left to whoever opens the object.
    """

    _WAITING_MAX = 3  # as many as a client of ours has on their way

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hasher = hashlib.sha256()
        self._waiting: dict[int, bytes] = {}
        self._next = 0
        self._given_up = False

    def add(self, index: int, chunk: memoryview) -> None:
        """Take a chunk that has been checked and kept."""
        with self._lock:
            if self._given_up:
                return
            if index != self._next:
                if len(self._waiting) < self._WAITING_MAX:
                    self._waiting[index] = bytes(chunk)
                else:
                    self._give_up()
                return
            self._hasher.update(chunk)
            self._next += 1
            while self._next in self._waiting:
                self._hasher.update(self._waiting.pop(self._next))
                self._next += 1

    def give_up(self) -> None:
        """Let go of what waits; there will be no digest."""
        with self._lock:
            self._give_up()

    def _give_up(self) -> None:
        self._given_up = True
        self._waiting.clear()

    def digest(self, chunks: int) -> bytes | None:
        """Return the digest of that many chunks, None if not all were taken."""
        with self._lock:
            done = not self._given_up and self._next == chunks
            return self._hasher.digest() if done else None


@dataclass(slots=True, kw_only=True, eq=False)
class Upload:
    """One object on its way in or wholly there.

    Attributes
    ----------
    digests : by index of each chunk that is held, the tag of the sealed chunk, which stands for
        its octets; None for a chunk of an earlier start, whose tag is not known.
    complete : every chunk is on the disk, and so is the fact that says so.
    dropped : it is no longer here, for whoever found it before it went.
    used_s, noted_s : service seconds of the last use, and of the last use that is in the journal.
    lock : guards all of these.
    """

    upload: str
    owner: str
    header: ObjectHeader
    header_octets: bytes
    content: ContentKey
    path: Path
    used_s: int
    noted_s: int
    complete: bool = False
    dropped: bool = False
    cipher: ChunkCipher = field(init=False, repr=False)
    digests: dict[int, bytes | None] = field(default_factory=dict)
    running: RunningDigest = field(default_factory=RunningDigest)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        aad = hashlib.sha256(self.header_octets).digest()
        self.cipher = ChunkCipher(self.content.data_key, self.header.prefix, aad)

    @property
    def whole(self) -> bool:
        """Whether every chunk is held."""
        return len(self.digests) == self.header.plan.chunks

    @property
    def name(self) -> tuple[str, str]:
        """Owner and object, under which jobs ask for it."""
        return self.owner, self.header.object

    def next_chunk(self) -> int:
        """Return the lowest index that is missing, or the count if none is."""
        return next(i for i in range(self.header.plan.chunks + 1) if i not in self.digests)

    def chunk_bytes(self, index: int) -> int:
        """Return the size of a chunk without its padding."""
        rest = self.content.size_bytes - index * LIMITS.chunk_bytes
        return min(rest, LIMITS.chunk_bytes)

    def fact(self, *, complete: bool) -> Change:
        """Return what the journal holds of it."""
        value = {
            "header": base64_text(self.header_octets),
            "content": base64_text(self.content.encode()),
            "complete": complete,
            "used_s": self.used_s,
        }
        return Change(KIND, self.owner, self.upload, value)

    def no_fact(self) -> Change:
        """Return what makes the journal forget it."""
        return Change(KIND, self.owner, self.upload, None)


def upload_of(owner: str, upload_id: str, value: dict[str, Any], path: Path) -> Upload:
    """Return the upload that a fact tells of; its chunks are not looked at here (E_STATE)."""
    code = ErrorCode.E_STATE
    names = Fields({"owner": owner, "id": upload_id}, ("owner", "id"), code)
    fields = Fields(value, _VALUE, code)
    header_octets = fields.octets("header", LIMITS.header_bytes)
    content = fields.octets("content", _MAX_CONTENT_BYTES)
    try:
        header = ObjectHeader.decode(header_octets)
        key = ContentKey.decode(content, header.plan)
    except EncryptSecureRTError:
        raise EncryptSecureRTError(code) from None
    noted_s = fields.integer("used_s", 0, MAX_INTEGER)
    upload = Upload(
        upload=names.hex("id", ID_BYTES),
        owner=names.hex("owner", ID_BYTES),
        header=header,
        header_octets=header_octets,
        content=key,
        path=path,
        # Uses within the hour after the last note are not known: they are taken to have been.
        used_s=noted_s + NOTED_EVERY_S,
        noted_s=noted_s,
        complete=fields.boolean("complete"),
    )
    upload.running.give_up()
    return upload
