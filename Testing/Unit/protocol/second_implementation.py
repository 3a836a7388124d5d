"""A second implementation of sealing and framing, written from `docs/protocol.md` alone.

It shares no code with the package: its own JSON writer, its own chunk, nonce and padding code.
Tests let each side open what the other seals, and the test vectors are made with it, so a
difference between document and package shows. It is small and slow, and for tests only.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from Testing.Unit.protocol.second_hpke import (
    Refused,
    hkdf_expand,
    hkdf_extract,
    hpke_open,
    hpke_seal,
)

CHUNK_BYTES = 1 << 20
STEP_BYTES = 4096
_ESCAPES = {
    '"': '\\"',
    "\\": "\\\\",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
}


def _text(text: str) -> str:
    pieces = (_ESCAPES.get(c) or (f"\\u{ord(c):04x}" if ord(c) < 0x20 else c) for c in text)
    return '"' + "".join(pieces) + '"'


def _write(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case str():
            return _text(value)
        case list() | tuple():
            return "[" + ",".join(_write(item) for item in value) + "]"
        case dict():
            pairs = sorted(value.items(), key=lambda pair: str(pair[0]).encode())
            return "{" + ",".join(f"{_text(k)}:{_write(v)}" for k, v in pairs) + "}"
        case _:
            raise Refused("E_FORMAT")


def canonical(value: Mapping[str, object]) -> bytes:
    """Return the canonical octets of an object."""
    return _write(dict(value)).encode("utf-8")


def read_canonical(octets: bytes) -> dict[str, Any]:
    """Return the object of canonical octets."""
    try:
        value = json.loads(octets)
    except ValueError:
        raise Refused("E_FORMAT") from None
    if not isinstance(value, dict) or canonical(value) != octets:
        raise Refused("E_FORMAT")
    return value


def b64(octets: bytes) -> str:
    """Return standard base64."""
    return base64.b64encode(octets).decode()


def sub_key(key: bytes, label: str) -> bytes:
    """Return the sub-key of a key for a label."""
    return hkdf_expand(hkdf_extract(b"", key), b"EncryptSecureRT/" + label.encode(), 32)


def object_name(dedup_key: bytes, kind: str, plaintext: bytes) -> str:
    """Return the name of an object."""
    message = kind.encode() + b"\x00" + hashlib.sha256(plaintext).digest()
    return hmac.new(dedup_key, message, hashlib.sha256).hexdigest()


def signed_octets(label: str, octets: bytes) -> bytes:
    """Return what a signature is made over."""
    return b"EncryptSecureRT/sig/%s/v1\x00" % label.encode() + hashlib.sha256(octets).digest()


def report_data(spki: bytes, nonce: bytes, statement: bytes) -> bytes:
    """Return the report data of a fresh quote."""
    digests = hashlib.sha256(spki).digest() + nonce + hashlib.sha256(statement).digest()
    return hashlib.sha512(b"EncryptSecureRT/attest/v1\x00" + digests + bytes(32)).digest()


def audit_genesis(instance_id: str) -> str:
    """Return what line 1 of an audit chain names as the head before it."""
    context = b"EncryptSecureRT/audit/v1\x00"
    return hashlib.sha256(context + bytes.fromhex(instance_id)).hexdigest()


def audit_info(instance_id: str, n: int) -> bytes:
    """Return the HPKE info with which audit line n is sealed."""
    return b"EncryptSecureRT/audit/v1\x00" + bytes.fromhex(instance_id) + n.to_bytes(8, "big")


def audit_head(line: bytes) -> str:
    """Return the head of a chain after a line."""
    return hashlib.sha256(line).hexdigest()


def frame(magic: bytes, header: bytes, payload: bytes) -> bytes:
    """Return magic || u32be length || header || payload."""
    return magic + len(header).to_bytes(4, "big") + header + payload


def unframe(magic: bytes, octets: bytes) -> tuple[bytes, bytes]:
    """Return (header octets, payload)."""
    size = int.from_bytes(octets[8:12], "big")
    if octets[:8] != magic or len(octets) < 12 + size:
        raise Refused("E_FORMAT")
    return octets[12 : 12 + size], octets[12 + size :]


def batch(items: Sequence[bytes]) -> bytes:
    """Return a batch of items."""
    header = canonical({"lengths": [len(item) for item in items]})
    return frame(b"ESRTBAT1", header, b"".join(items))


def plan(size: int) -> tuple[int, int]:
    """Return (chunks, last_size) of a plaintext."""
    chunks = max(1, (size + CHUNK_BYTES - 1) // CHUNK_BYTES)
    rest = size - (chunks - 1) * CHUNK_BYTES
    return chunks, max(1, (rest + STEP_BYTES - 1) // STEP_BYTES) * STEP_BYTES


def _nonce(prefix: bytes, index: int, chunks: int) -> bytes:
    return prefix + index.to_bytes(4, "big") + bytes([index == chunks - 1])


def seal_chunks(plaintext: bytes, key: bytes, prefix: bytes, aad: bytes) -> list[bytes]:
    """Return the sealed chunks of a plaintext."""
    chunks, last_size = plan(len(plaintext))
    padded = plaintext.ljust((chunks - 1) * CHUNK_BYTES + last_size, b"\x00")
    aead = AESGCM(key)
    return [
        aead.encrypt(
            _nonce(prefix, i, chunks), padded[i * CHUNK_BYTES : (i + 1) * CHUNK_BYTES], aad
        )
        for i in range(chunks)
    ]


def open_chunks(sealed: bytes, content: bytes, header: Mapping[str, Any], aad: bytes) -> bytes:
    """Return the plaintext of concatenated chunks under an opened content key."""
    if len(content) != 72:
        raise Refused("E_SEAL")
    key, size, digest = content[:32], int.from_bytes(content[32:40], "big"), content[40:]
    chunks, last_size = header["chunks"], header["last_size"]
    expected = (chunks - 1) * (CHUNK_BYTES + 16) + last_size + 16
    if plan(size) != (chunks, last_size) or len(sealed) != expected:
        raise Refused("E_SEAL")
    prefix, padded = base64.b64decode(header["prefix"]), b""
    for index in range(chunks):
        piece = sealed[index * (CHUNK_BYTES + 16) : (index + 1) * (CHUNK_BYTES + 16)]
        try:
            padded += AESGCM(key).decrypt(_nonce(prefix, index, chunks), piece, aad)
        except InvalidTag:
            raise Refused("E_SEAL") from None
    if any(padded[size:]) or hashlib.sha256(padded[:size]).digest() != digest:
        raise Refused("E_SEAL")
    return padded[:size]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealing:
    """What a sealer chooses: recipient and fresh secrets (`ephemeral` for test vectors only)."""

    suite: int
    public: bytes
    data_key: bytes
    prefix: bytes
    ephemeral: bytes | None = None

    def content_key(self, context: str, header: bytes, plaintext: bytes) -> bytes:
        """Return the sealed content key of a plaintext."""
        info = context.encode() + b"\x00" + hashlib.sha256(header).digest()
        content = self.data_key + len(plaintext).to_bytes(8, "big")
        content += hashlib.sha256(plaintext).digest()
        return hpke_seal(self.suite, self.public, info, content, self.ephemeral)

    def members(self, plaintext: bytes) -> dict[str, object]:
        """Return the header members that objects and results share."""
        chunks, last_size = plan(len(plaintext))
        shape: dict[str, object] = {"chunks": chunks, "last_size": last_size}
        return {**shape, "prefix": b64(self.prefix), "suite": self.suite}


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedObject:
    """An object as it travels."""

    header: bytes
    sealed: bytes
    chunks: list[bytes]


def seal_object(plaintext: bytes, kind: str, dedup_key: bytes, how: Sealing) -> SealedObject:
    """Seal an object to a worker."""
    worker = hashlib.sha256(how.public).hexdigest()
    name = object_name(dedup_key, kind, plaintext)
    own = {"schema": "encryptsecurert.object/1", "object": name, "kind": kind, "worker": worker}
    header = canonical({**own, **how.members(plaintext)})
    sealed = how.content_key("EncryptSecureRT/object/v1", header, plaintext)
    aad = hashlib.sha256(header).digest()
    return SealedObject(
        header=header, sealed=sealed, chunks=seal_chunks(plaintext, how.data_key, how.prefix, aad)
    )


def open_object(sealed_object: SealedObject, secret: bytes) -> bytes:
    """Open an object as its worker would."""
    header = read_canonical(sealed_object.header)
    aad = hashlib.sha256(sealed_object.header).digest()
    info = b"EncryptSecureRT/object/v1\x00" + aad
    content = hpke_open(header["suite"], secret, info, sealed_object.sealed)
    return open_chunks(b"".join(sealed_object.chunks), content, header, aad)


def seal_result(plaintext: bytes, job_sha256: str, name: str, how: Sealing) -> bytes:
    """Return a result file."""
    own = {"schema": "encryptsecurert.result/1", "job_sha256": job_sha256, "name": name}
    header = canonical({**own, **how.members(plaintext)})
    sealed = how.content_key("EncryptSecureRT/result/v1", header, plaintext)
    chunks = seal_chunks(plaintext, how.data_key, how.prefix, hashlib.sha256(header).digest())
    payload = len(sealed).to_bytes(4, "big") + sealed + b"".join(chunks)
    return frame(b"ESRTRES1", header, payload)


def open_result(octets: bytes, job_sha256: str, secret: bytes) -> bytes:
    """Open a result file as the job's owner would."""
    header_octets, rest = unframe(b"ESRTRES1", octets)
    header = read_canonical(header_octets)
    size = int.from_bytes(rest[:4], "big")
    if header["job_sha256"] != job_sha256:
        raise Refused("E_RESULT")
    aad = hashlib.sha256(header_octets).digest()
    info = b"EncryptSecureRT/result/v1\x00" + aad
    content = hpke_open(header["suite"], secret, info, rest[4 : 4 + size])
    return open_chunks(rest[4 + size :], content, header, aad)
