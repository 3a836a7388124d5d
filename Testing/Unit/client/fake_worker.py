"""A worker in memory that takes uploads, dies on demand and comes back with other keys.

It opens what it is sent, and fails a test that seals two plaintexts under one (data key, index).
"""

import base64
import hashlib
from datetime import UTC, datetime
from typing import Any, cast

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.objects import ObjectHeader, open_content_key
from encryptsecurert_protocol.sealing import ChunkCipher, HpkeKeyPair, random_octets
from encryptsecurert_protocol.statement import Kind, Profile, Statement
from EncryptSecureRTLib.client.line import Line


def statement_of(key: HpkeKeyPair) -> Statement:
    """Return what a worker with this key says of itself."""
    return Statement(
        worker_version="0.1.0",
        kind=Kind.SIMULATED,
        measurement="01" * 32,
        profile=Profile.BOTH,
        hpke_suite=key.suite,
        hpke_public_key=key.public,
        receipt_key=bytes(44),
        bundle=None,
        instance_id="05" * 16,
        start_id="06" * 16,
        audit_head="07" * 32,
        started_at=datetime(2026, 11, 24, tzinfo=UTC),
    )


class _Held:
    """One upload as far as it is here."""

    def __init__(self, header: ObjectHeader, data_key: bytes) -> None:
        self.plan, self.data_key = header.plan, data_key
        aad = hashlib.sha256(header.encode()).digest()
        self.cipher = ChunkCipher(data_key, header.prefix, aad)
        self.chunks: dict[int, bytes] = {}


class FakeWorker:
    """Uploads by header and by id; `puts_left` chunks are taken before it is away."""

    def __init__(self) -> None:
        self.key = HpkeKeyPair.generate()
        self.headers: list[bytes] = []  # of every announcement
        self.puts_left = 1000
        self.away: list[ErrorCode] = []  # what the next requests meet
        self._by_header: dict[bytes, str] = {}
        self._uploads: dict[str, _Held] = {}
        self._sealed: dict[tuple[bytes, int], bytes] = {}

    def restart(self, *, forget: bool = False) -> None:
        """Come back with another key, with or without what was held."""
        self.key = HpkeKeyPair.generate()
        if forget:
            self._by_header.clear()
            self._uploads.clear()

    def begin(self, header_octets: bytes, sealed: bytes) -> dict[str, Any]:
        """Answer an announcement: by its header if that is known, whatever key it names."""
        self.headers.append(header_octets)
        if header_octets not in self._by_header:
            header = ObjectHeader.decode(header_octets)
            held = _Held(header, open_content_key(header, sealed, self.key).data_key)
            self._by_header[header_octets] = random_octets(16).hex()
            self._uploads[self._by_header[header_octets]] = held
        upload = self._by_header[header_octets]
        held = self._uploads[upload]
        if len(held.chunks) == held.plan.chunks:
            return {"have": True}
        missing = (i for i in range(held.plan.chunks) if i not in held.chunks)
        return {"upload": upload, "next_chunk": next(missing)}

    def state(self, upload: str) -> dict[str, Any]:
        """Say which chunks are here."""
        held = self._held(upload)
        complete = len(held.chunks) == held.plan.chunks
        return {"chunks": sorted(held.chunks), "complete": complete}

    def put(self, upload: str, index: int, octets: bytes) -> None:
        """Take a chunk."""
        held = self._held(upload)
        plaintext = held.cipher.open(index, octets, last=held.plan.is_last(index))
        assert self._sealed.setdefault((held.data_key, index), plaintext) == plaintext
        held.chunks[index] = plaintext

    def _held(self, upload: str) -> _Held:
        if upload not in self._uploads:
            raise EncryptSecureRTError(ErrorCode.E_NOT_FOUND)
        return self._uploads[upload]


class FakeLine:
    """A session with one start of the worker: E_SESSION once there was another."""

    def __init__(self, worker: FakeWorker) -> None:
        self._worker = worker
        self.statement = statement_of(worker.key)
        self.asked: list[str] = []

    @property
    def line(self) -> Line:
        """Itself, as what it stands for."""
        return cast(Line, self)

    def _reach(self) -> FakeWorker:
        if self._worker.away:
            raise EncryptSecureRTError(self._worker.away.pop(0))
        if self.statement.hpke_public_key != self._worker.key.public:
            raise EncryptSecureRTError(ErrorCode.E_SESSION)
        return self._worker

    def request_json(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Announce an upload, or ask for its state."""
        self.asked.append(f"{method} {path}")
        worker = self._reach()
        if method == "POST":
            header, sealed = (base64.b64decode(body[name]) for name in ("header", "sealed"))
            return worker.begin(header, sealed)
        return worker.state(path.rsplit("/", 1)[-1])

    def put(self, path: str, octets: bytes) -> None:
        """Send a chunk."""
        worker = self._reach()
        if worker.puts_left <= 0:
            raise EncryptSecureRTError(ErrorCode.E_UNREACHABLE)
        worker.puts_left -= 1
        _, upload, index = path.rsplit("/", 2)
        worker.put(upload, int(index), octets)

    def close(self) -> None:
        """Be done."""
