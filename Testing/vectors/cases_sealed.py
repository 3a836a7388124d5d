"""Scenarios of sealing: HPKE, chunks, objects, result files."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from Testing.Unit.protocol.second_hpke import public_octets
from Testing.Unit.protocol.second_implementation import (
    SealedObject,
    Sealing,
    canonical,
    frame,
    plan,
    read_canonical,
    seal_chunks,
    seal_object,
    unframe,
)
from Testing.vectors.vector_file import Vector, octet_fields
from Testing.vectors.vector_keys import (
    DEDUP_KEY,
    RESULT_1,
    RESULT_2,
    WORKER_1,
    WORKER_2,
    KeptSealings,
    digest,
    seed,
)

Case = tuple[str, Vector]
_OBJECT = b"EncryptSecureRT/object/v1\x00"
_RESULT = b"EncryptSecureRT/result/v1\x00"
_SUITES = {1: (WORKER_1, RESULT_1), 2: (WORKER_2, RESULT_2)}


def flipped(octets: bytes, index: int) -> bytes:
    """Return octets with one bit of one octet changed."""
    changed = bytearray(octets)
    changed[index] ^= 1
    return bytes(changed)


def _hpke(kept: KeptSealings) -> Iterator[Case]:
    info, plaintext = b"EncryptSecureRT/test/v1\x00", b"what is sealed"
    for suite, (secret, _) in _SUITES.items():
        sealed = kept.seal(f"hpke, suite {suite}", suite, secret, info, plaintext)
        rows = {
            "ok": (sealed, info, secret, "enc || ciphertext || tag"),
            "other-info": (sealed, info + b"\x00", secret, "sealed for another use"),
            "flipped-enc": (flipped(sealed, 3), info, secret, "first part of enc changed"),
            "flipped-tag": (flipped(sealed, -1), info, secret, "tag changed"),
            "cut": (sealed[:-1], info, secret, "last octet missing"),
            "enc-only": (sealed[: -len(plaintext) - 16], info, secret, "no ciphertext"),
            "other-key": (sealed, info, seed("other", len(secret)), "to another key"),
        }
        for name, (octets, used_info, used_secret, comment) in rows.items():
            fields = octet_fields({"secret-b64": used_secret, "info-hex": used_info})
            fields = {"suite": str(suite), **fields, "plaintext-hex": plaintext.hex()}
            expect = "ok" if name == "ok" else "E_SEAL"
            path = f"hpke/{'ok-' if name == 'ok' else ''}suite-{suite}"
            path += "" if name == "ok" else f"-{name}"
            yield (
                path,
                Vector(kind="hpke", expect=expect, comment=comment, fields=fields, payload=octets),
            )


def _chunks() -> Iterator[Case]:
    key, prefix, aad = seed("data key"), seed("prefix", 7), seed("aad")
    plaintext = seed("chunk", 64)
    good = AESGCM(key).encrypt(prefix + b"\x00\x00\x00\x02\x00", plaintext, aad)
    last = AESGCM(key).encrypt(prefix + b"\x00\x00\x0f\xff\x01", plaintext, aad)
    rows = {
        "ok-in-the-middle": (good, 2, 0, aad, "nonce = prefix || 00000002 || 00"),
        "ok-last": (last, 4095, 1, aad, "nonce = prefix || 00000fff || 01"),
        "other-index": (good, 3, 0, aad, "sealed for index 2"),
        "called-last": (good, 2, 1, aad, "sealed as not the last"),
        "not-called-last": (last, 4095, 0, aad, "sealed as the last"),
        "other-header": (good, 2, 0, seed("other aad"), "sealed under another header"),
        "flipped": (flipped(good, 0), 2, 0, aad, "first octet changed"),
        "cut": (good[:-1], 2, 0, aad, "last octet missing"),
        "tag-only": (good[-16:], 2, 0, aad, "ciphertext missing"),
        "shorter-than-tag": (good[:15], 2, 0, aad, "15 octets"),
    }
    for name, (sealed, index, is_last, used_aad, comment) in rows.items():
        fields = octet_fields({"key-hex": key, "prefix-hex": prefix, "aad-hex": used_aad})
        fields |= {"index": str(index), "last": str(is_last), "plaintext-hex": plaintext.hex()}
        expect = "ok" if name.startswith("ok-") else "E_SEAL"
        vector = Vector(kind="chunk", expect=expect, comment=comment, fields=fields, payload=sealed)
        yield f"chunk/{name}", vector


def _sealing(suite: int, secret: bytes) -> Sealing:
    return Sealing(
        suite=suite,
        public=public_octets(suite, secret),
        data_key=seed("data key"),
        prefix=seed("prefix", 7),
        ephemeral=seed("ephemeral"),
    )


def _content(plaintext: bytes, size: int | None = None, sha256: bytes | None = None) -> bytes:
    length = len(plaintext) if size is None else size
    found = hashlib.sha256(plaintext).digest() if sha256 is None else sha256
    return seed("data key") + length.to_bytes(8, "big") + found


def _object_vector(
    sealed: SealedObject, secret: bytes, plaintext: bytes, expect: str, comment: str
) -> Vector:
    fields = octet_fields(
        {
            "header-b64": sealed.header,
            "sealed-b64": sealed.sealed,
            "secret-b64": secret,
            "dedup-key-hex": DEDUP_KEY,
            "plaintext-sha256-hex": hashlib.sha256(plaintext).digest(),
        }
    )
    octets = b"".join(sealed.chunks)
    return Vector(kind="object", expect=expect, comment=comment, fields=fields, payload=octets)


def _objects(kept: KeptSealings) -> Iterator[Case]:
    sizes = {"empty": 0, "one-octet": 1, "full-step": 4096, "step-and-one": 4097}
    for name, size in sizes.items():
        plaintext = seed("plaintext", size)
        sealed = seal_object(plaintext, "volume", DEDUP_KEY, _sealing(1, WORKER_1))
        comment = f"{size} octets, padded to {plan(size)[1]}"
        yield f"object/ok-{name}", _object_vector(sealed, WORKER_1, plaintext, "ok", comment)
    plaintext = seed("plaintext", 100)
    made = seal_object(plaintext, "headers", DEDUP_KEY, _sealing(2, WORKER_2))
    info = _OBJECT + hashlib.sha256(made.header).digest()
    content_key = kept.seal("object, suite 2", 2, WORKER_2, info, _content(plaintext))
    made = replace(made, sealed=content_key)
    yield "object/ok-suite-2", _object_vector(made, WORKER_2, plaintext, "ok", "the default suite")
    good = seal_object(plaintext, "volume", DEDUP_KEY, _sealing(1, WORKER_1))
    for name, (changed, secret, expect, comment) in _object_defects(kept, good, plaintext).items():
        vector = _object_vector(changed, secret, plaintext, expect, comment)
        yield f"object/{name}", vector


def _object_defects(
    kept: KeptSealings, good: SealedObject, plaintext: bytes
) -> dict[str, tuple[SealedObject, bytes, str, str]]:
    aad = hashlib.sha256(good.header).digest()
    relabelled = canonical({**read_canonical(good.header), "kind": "parameters"})
    padded = plaintext + b"\x01" + bytes(4096 - len(plaintext) - 1)
    nonce = seed("prefix", 7) + b"\x00\x00\x00\x00"
    dirty = AESGCM(seed("data key")).encrypt(nonce + b"\x01", padded, aad)
    not_last = AESGCM(seed("data key")).encrypt(nonce + b"\x00", padded, aad)

    def resealed(name: str, content: bytes, context: bytes = _OBJECT) -> SealedObject:
        return replace(good, sealed=kept.seal(name, 1, WORKER_1, context + aad, content))

    other = "the content key is sealed for results"
    wrong = bytes(32)
    return {
        "other-kind": (replace(good, header=relabelled), WORKER_1, "E_SEAL", "header changed"),
        "other-worker": (good, seed("other"), "E_SEAL", "sealed to another worker"),
        "other-suite": (good, WORKER_2, "E_SEAL", "this worker's key is of suite 2"),
        "flipped-sealed": (
            replace(good, sealed=flipped(good.sealed, -1)),
            WORKER_1,
            "E_SEAL",
            "content key changed",
        ),
        "flipped-chunk": (
            replace(good, chunks=[flipped(good.chunks[0], 9)]),
            WORKER_1,
            "E_SEAL",
            "chunk changed",
        ),
        "cut-chunk": (
            replace(good, chunks=[good.chunks[0][:-1]]),
            WORKER_1,
            "E_SEAL",
            "chunk short",
        ),
        "no-chunk": (replace(good, chunks=[]), WORKER_1, "E_SEAL", "chunk missing"),
        "doubled-chunk": (
            replace(good, chunks=good.chunks * 2),
            WORKER_1,
            "E_SEAL",
            "chunk twice",
        ),
        "padding-not-zero": (replace(good, chunks=[dirty]), WORKER_1, "E_SEAL", "padding of 01"),
        "last-flag-missing": (
            replace(good, chunks=[not_last]),
            WORKER_1,
            "E_SEAL",
            "the last flag is 00",
        ),
        "size-of-other-plan": (
            resealed("object, size", _content(plaintext, size=4097)),
            WORKER_1,
            "E_SEAL",
            "the sealed size does not give this number and size of chunks",
        ),
        "size-overflow": (
            resealed("object, overflow", _content(plaintext, size=2**64 - 1)),
            WORKER_1,
            "E_SEAL",
            "a sealed size beyond any limit",
        ),
        "content-key-long": (
            resealed("object, long", _content(plaintext) + b"\x00"),
            WORKER_1,
            "E_SEAL",
            "73 octets",
        ),
        "other-use": (
            resealed("object, use", _content(plaintext), _RESULT),
            WORKER_1,
            "E_SEAL",
            other,
        ),
        "other-digest": (
            resealed("object, digest", _content(plaintext, sha256=wrong)),
            WORKER_1,
            "E_DIGEST",
            "every chunk opens, but together they are something else",
        ),
    }


def _result_file(
    kept: KeptSealings, suite: int, name: str, plaintext: bytes, **changes: object
) -> bytes:
    secret = _SUITES[suite][1]
    members = _sealing(suite, secret).members(plaintext)
    own = {"schema": "encryptsecurert.result/1", "job_sha256": digest("job"), "name": name}
    header = canonical({**own, **members, **changes})
    aad = hashlib.sha256(header).digest()
    sealed = kept.seal(
        f"result {name}, suite {suite}", suite, secret, _RESULT + aad, _content(plaintext)
    )
    chunks = seal_chunks(plaintext, seed("data key"), seed("prefix", 7), aad)
    payload = len(sealed).to_bytes(4, "big") + sealed + b"".join(chunks)
    return frame(b"ESRTRES1", header, payload)


def _result_vector(
    octets: bytes, expect: str, comment: str, plaintext: bytes, **changes: str
) -> Vector:
    fields = {"suite": "1", **octet_fields({"secret-b64": RESULT_1}), "name": "mask"}
    fields |= {"job-sha256": digest("job"), **changes}
    fields["plaintext-sha256-hex"] = hashlib.sha256(plaintext).hexdigest()
    return Vector(kind="result", expect=expect, comment=comment, fields=fields, payload=octets)


def _results(kept: KeptSealings) -> Iterator[Case]:
    plaintext = seed("result", 5000)
    good = _result_file(kept, 1, "mask", plaintext)
    yield "result/ok-suite-1", _result_vector(good, "ok", "suite 1", plaintext)
    octets = _result_file(kept, 2, "mask", plaintext)
    secret = octet_fields({"secret-b64": RESULT_2})
    vector = _result_vector(octets, "ok", "the default suite", plaintext, suite="2", **secret)
    yield "result/ok-suite-2", vector
    header, payload = unframe(b"ESRTRES1", good)
    swapped = read_canonical(header)
    swapped["name"] = "body"
    rows: dict[str, tuple[bytes, str, dict[str, str]]] = {
        "other-job": (good, "of another job", {"job-sha256": digest("other job")}),
        "other-name": (good, "another result of this job", {"name": "receipt"}),
        "other-key": (good, "to another key", octet_fields({"secret-b64": seed("other")})),
        "renamed": (frame(b"ESRTRES1", canonical(swapped), payload), "name changed", {}),
        "other-magic": (b"ESRTRES2" + good[8:], "magic of another version", {}),
        "cut": (good[:-1], "last octet missing", {}),
        "cut-in-header": (good[:40], "ends within the header", {}),
        "cut-after-header": (good[: 12 + len(header) + 2], "ends within the length", {}),
        "octet-after": (good + b"\x00", "an octet after the last chunk", {}),
        "long-header": (good[:8] + b"\xff\xff\xff\xff" + good[12:], "header length 2^32 - 1", {}),
        "long-sealed": (
            frame(b"ESRTRES1", header, b"\xff\xff\xff\xff" + payload[4:]),
            "sealed length 2^32 - 1",
            {},
        ),
        "flipped-chunk": (flipped(good, -1), "last tag changed", {}),
        "bad-name": (_result_file(kept, 1, "../mask", plaintext), "a path for a name", {}),
        "unknown-member": (
            _result_file(kept, 1, "mask", plaintext, note="x"),
            "a header member that is not known",
            {},
        ),
    }
    for name, (octets, comment, changes) in rows.items():
        yield f"result/{name}", _result_vector(octets, "E_RESULT", comment, plaintext, **changes)


def cases(kept: KeptSealings) -> Iterator[Case]:
    """Yield (path without suffix, vector)."""
    yield from _hpke(kept)
    yield from _chunks()
    yield from _objects(kept)
    yield from _results(kept)
