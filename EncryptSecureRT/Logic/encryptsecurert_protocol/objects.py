"""Sealed objects: what a client uploads, cut into chunks that only one worker can open.

    header   canonical JSON {schema, object, kind, chunks, last_size, prefix, suite, worker}
    sealed   HPKE(data key 32 || u64be plaintext size || SHA-256(plaintext)) to the worker,
             info = `EncryptSecureRT/object/v1` || 00 || SHA-256(header)
    chunks   AES-256-GCM under the data key, aad = SHA-256(header); 1 MiB each, the last one
             zero-padded to a multiple of 4 KiB

Results use the same chunks (see `results`). `object` is a keyed digest, so that the name of an
object tells nobody what it holds.
"""

import hashlib
from dataclasses import dataclass
from enum import Enum

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import DIGEST_BYTES, Fields, base64_text
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.sealing import (
    KEY_BYTES,
    PREFIX_BYTES,
    TAG_BYTES,
    HpkeKeyPair,
    HpkeSuite,
    hpke_seal,
    keyed_name,
)

_SCHEMA = "encryptsecurert.object/1"
_INFO = b"EncryptSecureRT/object/v1\x00"
_SIZE_BYTES = 8
_MEMBERS = ("schema", "object", "kind", "chunks", "last_size", "prefix", "suite", "worker")
MAX_CHUNKS = -(-LIMITS.object_bytes // LIMITS.chunk_bytes)


class ObjectKind(Enum):
    """What an object is for."""

    VOLUME = "volume"
    HEADERS = "headers"
    MANIFESTS = "manifests"
    STRUCTURES = "structures"
    PLANS = "plans"
    MEASUREMENTS = "measurements"
    PARAMETERS = "parameters"


@dataclass(frozen=True, slots=True)
class ChunkPlan:
    """How a plaintext of a given size is cut.

    Invariant: `chunks` >= 1; every chunk but the last is exactly 1 MiB; the last is a multiple
    of 4 KiB, at least 4 KiB.
    """

    chunks: int
    last_size: int

    def __post_init__(self) -> None:
        if self.chunks > MAX_CHUNKS:
            raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
        if self.chunks < 1:
            raise EncryptSecureRTError(ErrorCode.E_SEAL)
        if not LIMITS.padding_bytes <= self.last_size <= LIMITS.chunk_bytes:
            raise EncryptSecureRTError(ErrorCode.E_SEAL)
        if self.last_size % LIMITS.padding_bytes:
            raise EncryptSecureRTError(ErrorCode.E_SEAL)

    @classmethod
    def for_size(cls, size_bytes: int) -> "ChunkPlan":
        """Return the one plan for a plaintext of `size_bytes`."""
        if size_bytes > LIMITS.object_bytes:
            raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
        chunks = max(1, -(-size_bytes // LIMITS.chunk_bytes))
        rest = size_bytes - (chunks - 1) * LIMITS.chunk_bytes
        padded = max(1, -(-rest // LIMITS.padding_bytes)) * LIMITS.padding_bytes
        return cls(chunks, padded)

    def is_last(self, index: int) -> bool:
        """Tell whether `index` is the last chunk."""
        return index == self.chunks - 1

    def padded_size(self, index: int) -> int:
        """Plaintext octets of a chunk, padding included."""
        return self.last_size if self.is_last(index) else LIMITS.chunk_bytes

    def sealed_size(self, index: int) -> int:
        """Octets of a sealed chunk on the wire."""
        return self.padded_size(index) + TAG_BYTES

    @property
    def padded_total(self) -> int:
        """Plaintext octets of all chunks, padding included."""
        return (self.chunks - 1) * LIMITS.chunk_bytes + self.last_size


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectHeader:
    """The clear header of an uploaded object."""

    object: str
    kind: ObjectKind
    plan: ChunkPlan
    prefix: bytes
    suite: HpkeSuite
    worker: str

    def encode(self) -> bytes:
        """Return the canonical octets; their SHA-256 is the aad of every chunk."""
        return canonical.encode(
            {
                "schema": _SCHEMA,
                "object": self.object,
                "kind": self.kind.value,
                "chunks": self.plan.chunks,
                "last_size": self.plan.last_size,
                "prefix": base64_text(self.prefix),
                "suite": int(self.suite),
                "worker": self.worker,
            }
        )

    @classmethod
    def decode(cls, octets: bytes) -> "ObjectHeader":
        """Read a header strictly (E_FORMAT, E_TOO_LARGE, E_SEAL for impossible padding)."""
        fields = Fields(canonical.decode(octets), _MEMBERS)
        fields.constant("schema", _SCHEMA)
        return cls(
            object=fields.hex("object", DIGEST_BYTES),
            kind=ObjectKind(fields.text("kind", "|".join(k.value for k in ObjectKind))),
            plan=ChunkPlan(
                fields.integer("chunks", 1, MAX_CHUNKS),
                fields.integer("last_size", 1, LIMITS.chunk_bytes),
            ),
            prefix=fields.octets("prefix", PREFIX_BYTES, PREFIX_BYTES),
            suite=HpkeSuite(fields.integer("suite", min(HpkeSuite), max(HpkeSuite))),
            worker=fields.hex("worker", DIGEST_BYTES),
        )


@dataclass(frozen=True, slots=True)
class ContentKey:
    """What HPKE carries: the data key, and what the plaintext must turn out to be."""

    data_key: bytes
    size_bytes: int
    sha256: bytes

    def __repr__(self) -> str:
        return "ContentKey()"

    def encode(self) -> bytes:
        """Return data key || u64be size || SHA-256."""
        return self.data_key + self.size_bytes.to_bytes(_SIZE_BYTES, "big") + self.sha256

    @classmethod
    def decode(cls, octets: bytes, plan: ChunkPlan) -> "ContentKey":
        """Read the octets and check that the size fits the plan."""
        if len(octets) != KEY_BYTES + _SIZE_BYTES + DIGEST_BYTES:
            raise EncryptSecureRTError(ErrorCode.E_SEAL)
        size = int.from_bytes(octets[KEY_BYTES : KEY_BYTES + _SIZE_BYTES], "big")
        if size > LIMITS.object_bytes or ChunkPlan.for_size(size) != plan:
            raise EncryptSecureRTError(ErrorCode.E_SEAL)
        return cls(octets[:KEY_BYTES], size, octets[KEY_BYTES + _SIZE_BYTES :])


def object_name(dedup_key: bytes, kind: ObjectKind, sha256: bytes) -> str:
    """Return the name of an object: HMAC-SHA-256(dedup key, kind || 00 || SHA-256)."""
    return keyed_name(dedup_key, kind.value.encode("ascii"), sha256)


def seal_content_key(header: ObjectHeader, content: ContentKey, worker_public: bytes) -> bytes:
    """Seal the content key of an object to the worker that the header names."""
    if hashlib.sha256(worker_public).hexdigest() != header.worker:
        raise EncryptSecureRTError(ErrorCode.E_SEAL)
    info = _INFO + hashlib.sha256(header.encode()).digest()
    return hpke_seal(header.suite, worker_public, info, content.encode())


def open_content_key(header: ObjectHeader, sealed: bytes, worker_key: HpkeKeyPair) -> ContentKey:
    """Open the content key inside the worker, or refuse with E_SEAL."""
    if (
        worker_key.suite is not header.suite
        or hashlib.sha256(worker_key.public).hexdigest() != header.worker
    ):
        raise EncryptSecureRTError(ErrorCode.E_SEAL)
    info = _INFO + hashlib.sha256(header.encode()).digest()
    return ContentKey.decode(worker_key.open(sealed, info), header.plan)


def padded_chunk(plaintext: memoryview, plan: ChunkPlan, index: int) -> bytes | memoryview:
    """Return the octets of chunk `index` of a plaintext, the last one zero-padded."""
    start = index * LIMITS.chunk_bytes
    return pad_chunk(plaintext[start : start + LIMITS.chunk_bytes], plan, index)


def pad_chunk(chunk: bytes | memoryview, plan: ChunkPlan, index: int) -> bytes | memoryview:
    """Return chunk `index` at its size on the wire: as it is, or zero-padded if it is the last."""
    padding = plan.padded_size(index) - len(chunk)
    return bytes(chunk) + bytes(padding) if padding else chunk


def strip_padding(
    chunk: bytes | memoryview, plan: ChunkPlan, index: int, size_bytes: int
) -> memoryview:
    """Return a chunk without its padding; padding other than zeros is refused with E_SEAL."""
    if len(chunk) != plan.padded_size(index):
        raise EncryptSecureRTError(ErrorCode.E_SEAL)
    view = memoryview(chunk)
    if not plan.is_last(index):
        return view
    used = size_bytes - index * LIMITS.chunk_bytes
    if any(view[used:]):
        raise EncryptSecureRTError(ErrorCode.E_SEAL)
    return view[:used]
