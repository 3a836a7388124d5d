"""Result files: what a job made, sealed to the key that the job's owner made for that job.

file = frame `ESRTRES1` with header {schema, job_sha256, name, chunks, last_size, prefix, suite}
|| u32be length || HPKE(data key || size || SHA-256) || chunks, as for objects, with
info = `EncryptSecureRT/result/v1` || 00 || SHA-256(header).
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import DIGEST_BYTES, Fields, base64_text
from encryptsecurert_protocol.framing import Magic, frame_head, frame_header_octets
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.objects import (
    MAX_CHUNKS,
    ChunkPlan,
    ContentKey,
    padded_chunk,
    strip_padding,
)
from encryptsecurert_protocol.sealing import (
    KEY_BYTES,
    PREFIX_BYTES,
    ChunkCipher,
    HpkeKeyPair,
    HpkeSuite,
    hpke_seal,
    random_octets,
)

_SCHEMA = "encryptsecurert.result/1"
_INFO = b"EncryptSecureRT/result/v1\x00"
_MEMBERS = ("schema", "job_sha256", "name", "chunks", "last_size", "prefix", "suite")
RESULT_NAME = r"[a-z0-9][a-z0-9_.-]{0,63}"
RECEIPT_NAME = "receipt"
_MAX_SEALED_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultHeader:
    """The clear header of a result file."""

    job_sha256: str
    name: str
    plan: ChunkPlan
    prefix: bytes
    suite: HpkeSuite

    def as_json(self) -> dict[str, object]:
        """Return the header's members."""
        return {
            "schema": _SCHEMA,
            "job_sha256": self.job_sha256,
            "name": self.name,
            "chunks": self.plan.chunks,
            "last_size": self.plan.last_size,
            "prefix": base64_text(self.prefix),
            "suite": int(self.suite),
        }

    @classmethod
    def decode(cls, octets: bytes) -> "ResultHeader":
        """Read a header strictly."""
        fields = Fields(canonical.decode(octets), _MEMBERS)
        fields.constant("schema", _SCHEMA)
        return cls(
            job_sha256=fields.hex("job_sha256", DIGEST_BYTES),
            name=fields.text("name", RESULT_NAME),
            plan=ChunkPlan(
                fields.integer("chunks", 1, MAX_CHUNKS),
                fields.integer("last_size", 1, LIMITS.chunk_bytes),
            ),
            prefix=fields.octets("prefix", PREFIX_BYTES, PREFIX_BYTES),
            suite=HpkeSuite(fields.integer("suite", min(HpkeSuite), max(HpkeSuite))),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultKey:
    """The public half of a job's result key, as the job header carries it."""

    suite: HpkeSuite
    public: bytes


def seal_result(
    plaintext: bytes | memoryview, *, job_sha256: str, name: str, key: ResultKey
) -> Iterator[bytes]:
    """Yield the pieces of a result file; each call takes a new data key and prefix."""
    view = memoryview(plaintext)
    plan = ChunkPlan.for_size(len(view))
    prefix = random_octets(PREFIX_BYTES)
    header = ResultHeader(
        job_sha256=job_sha256, name=name, plan=plan, prefix=prefix, suite=key.suite
    )
    head = frame_head(Magic.RESULT, header.as_json())
    aad = hashlib.sha256(frame_header_octets(Magic.RESULT, head)).digest()
    content = ContentKey(random_octets(KEY_BYTES), len(view), hashlib.sha256(view).digest())
    sealed = hpke_seal(key.suite, key.public, _INFO + aad, content.encode())
    yield head + len(sealed).to_bytes(4, "big") + sealed
    cipher = ChunkCipher(content.data_key, prefix, aad)
    for index in range(plan.chunks):
        yield cipher.seal(index, padded_chunk(view, plan, index), last=plan.is_last(index))


def open_result(
    octets: bytes | bytearray | memoryview,
    *,
    job_sha256: str,
    key: HpkeKeyPair,
    name: str | None = None,
) -> bytearray:
    """Return the plaintext of a result file; anything wrong is E_RESULT.

    With `name`, the header must also name the result that was asked for: all results of a job
    are sealed to one key, so a host could otherwise answer with another one of them (which the
    receipt's digests show, too).
    """
    try:
        return _open(memoryview(octets), job_sha256, key, name)
    except EncryptSecureRTError:
        raise EncryptSecureRTError(ErrorCode.E_RESULT) from None


def _open(view: memoryview, job_sha256: str, key: HpkeKeyPair, name: str | None) -> bytearray:
    header_octets = frame_header_octets(Magic.RESULT, view)
    header = ResultHeader.decode(header_octets)
    if header.job_sha256 != job_sha256 or header.suite is not key.suite:
        raise EncryptSecureRTError(ErrorCode.E_RESULT)
    if name is not None and header.name != name:
        raise EncryptSecureRTError(ErrorCode.E_RESULT)
    start = 12 + len(header_octets)
    length = int.from_bytes(view[start : start + 4], "big")
    if length > _MAX_SEALED_BYTES:
        raise EncryptSecureRTError(ErrorCode.E_RESULT)
    sealed = bytes(view[start + 4 : start + 4 + length])
    aad = hashlib.sha256(header_octets).digest()
    content = ContentKey.decode(key.open(sealed, _INFO + aad), header.plan)
    position = start + 4 + length
    expected = position + sum(header.plan.sealed_size(i) for i in range(header.plan.chunks))
    if expected != len(view):
        raise EncryptSecureRTError(ErrorCode.E_RESULT)
    cipher = ChunkCipher(content.data_key, header.prefix, aad)
    plaintext = bytearray(content.size_bytes)
    for index in range(header.plan.chunks):
        size = header.plan.sealed_size(index)
        chunk = cipher.open(
            index, view[position : position + size], last=header.plan.is_last(index)
        )
        used = strip_padding(chunk, header.plan, index, content.size_bytes)
        offset = index * LIMITS.chunk_bytes
        plaintext[offset : offset + len(used)] = used
        position += size
    if hashlib.sha256(plaintext).digest() != content.sha256:
        raise EncryptSecureRTError(ErrorCode.E_RESULT)
    return plaintext
