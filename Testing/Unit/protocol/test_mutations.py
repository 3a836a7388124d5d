"""Ten thousand spoiled messages: each is refused by code, or is a good message of its own.

The seeds are the good test vectors. Half of the mutations spoil octets; half keep the JSON
canonical and spoil one value, so that they pass the first door and reach the ones behind it.
"""

import base64
import random
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from Testing.Unit.protocol.second_implementation import canonical as write_unchecked
from Testing.vectors.make_vectors import FOLDER
from Testing.vectors.vector_file import parse
from Testing.vectors.vector_keys import RESULT_1, SITE_KEY, digest, sign, spki

from encryptsecurert_protocol import canonical, headers
from encryptsecurert_protocol.bundles import BundleCore
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.events import decode_event, encode_event
from encryptsecurert_protocol.evidence import EvidenceAnswer
from encryptsecurert_protocol.framing import pack_batch, unpack_batch
from encryptsecurert_protocol.jobs import JobHeader
from encryptsecurert_protocol.objects import ObjectHeader
from encryptsecurert_protocol.receipts import Receipt, ReceiptBody
from encryptsecurert_protocol.results import open_result
from encryptsecurert_protocol.sealing import HpkeKeyPair, HpkeSuite
from encryptsecurert_protocol.signatures import Label, verify
from encryptsecurert_protocol.statement import Statement
from encryptsecurert_protocol.volumes import unpack_volume

_RESULT_KEY = HpkeKeyPair.from_secret(HpkeSuite.X25519, RESULT_1)


def _volume(octets: bytes) -> bytes:
    header, voxels = unpack_volume(octets)
    return header.frame_head() + bytes(voxels)


def _batch(octets: bytes) -> bytes:
    return pack_batch([bytes(item) for item in unpack_batch(octets)])


def _result(octets: bytes) -> bytes:
    open_result(octets, job_sha256=digest("job"), key=_RESULT_KEY)
    return octets


def _signed(octets: bytes) -> bytes:
    verify(octets[64:], Label.JOB, b"octets", octets[:64])
    return octets


# kind: how it is read and written again; a message that is taken must be exactly its own octets
READERS: Mapping[str, Callable[[bytes], bytes]] = {
    "canonical": lambda octets: canonical.encode(canonical.decode(octets)),
    "object-header": lambda octets: ObjectHeader.decode(octets).encode(),
    "job": lambda octets: JobHeader.decode(octets).encode(),
    "statement": lambda octets: Statement.decode(octets).encode(),
    "evidence": lambda octets: EvidenceAnswer.decode(octets).encode(),
    "bundle": lambda octets: BundleCore.decode(octets).encode(),
    "receipt-body": lambda octets: ReceiptBody.decode(octets).encode(),
    "receipt": lambda octets: Receipt.decode(octets).encode(),
    "event": lambda octets: encode_event(decode_event(octets)).removesuffix(b"\n"),
    "header-request": lambda octets: headers.encode_request(headers.decode_request(octets)),
    "header-answer": lambda octets: headers.encode_answer(headers.decode_answer(octets)),
    "volume": _volume,
    "batch": _batch,
    "result": _result,
    "signature": _signed,
}
# The kinds whose octets are one JSON object with members of their own.
_JSON_KINDS = "bundle event evidence job object-header receipt receipt-body statement".split()
_OCTET_MUTATIONS, _VALUE_MUTATIONS = 400, 600
_NASTY: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**53,
    10**400,
    "",
    "x" * 5000,
    "\ud800",
    "e\u0301",
    "\x00",
    "-0.0",
    "nan",
    "1e999",
    "A===",
    "=" * 8,
    "\u0661" * 64,
    "9999-99-99T99:99:99Z",
    [],
    [[]],
    {},
    {"a": None},
    [None] * 3000,
)


def _seeds(kind: str) -> list[bytes]:
    if kind == "signature":
        return [sign(SITE_KEY, "job", b"octets") + spki(SITE_KEY)]
    pattern = "ok-suite-1.txt" if kind == "result" else "ok*.txt"  # one key is enough to spoil
    vectors = [parse(path.read_text("utf-8")) for path in sorted((FOLDER / kind).glob(pattern))]
    return [vector.payload for vector in vectors]


def _spoiled(octets: bytes, rng: random.Random) -> bytes:
    spoiled = bytearray(octets)
    for _ in range(rng.choice((1, 1, 2, 8))):
        start, length = rng.randrange(len(spoiled) + 1), rng.choice((1, 1, 2, 4, 64))
        match rng.randrange(5):
            case 0:
                spoiled[start : start + 1] = bytes([rng.randrange(256)])
            case 1:
                del spoiled[start : start + length]
            case 2:
                spoiled[start:start] = spoiled[start : start + length]
            case 3:
                spoiled[start:start] = rng.choice((b"[" * 70, b"\xff", b'"', b"\\", b"0" * 5000))
            case _:
                spoiled[start : start + 4] = rng.choice((b"\xff" * 4, bytes(4), b"null", b"true"))
    return bytes(spoiled)


def _places(value: object) -> list[tuple[Any, Any]]:
    """Return (container, key) of every value below this one."""
    pairs: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        pairs = [(value, key) for key in value]
    elif isinstance(value, list):
        pairs = [(value, index) for index in range(len(value))]
    return pairs + [place for c, key in pairs for place in _places(c[key])]


def _altered(octets: bytes, rng: random.Random) -> bytes | None:
    value = canonical.decode(octets)
    places = _places(value)
    if not places:
        return None
    container, key = rng.choice(places)
    match rng.randrange(4):
        case 0 if isinstance(container, dict):
            del container[key]
        case 1 if isinstance(container, dict):
            container["added"] = rng.choice(_NASTY)
        case 2 if isinstance(container, list):
            container.append(container[key])
        case _:
            container[key] = rng.choice(_NASTY)
    try:
        return write_unchecked(value)
    except UnicodeEncodeError:  # half a character has no octets at all
        return None


def _check(kind: str, octets: bytes) -> bool:
    """Read octets; tell whether they were refused. Anything but a refusal by code is a failure."""
    try:
        again = READERS[kind](octets)
    except EncryptSecureRTError as error:
        refusal = error
    else:
        assert again == octets
        return False
    assert refusal.code is not ErrorCode.E_INTERNAL
    assert not refusal.detail
    assert refusal.__cause__ is None
    return True


def _random(kind: str) -> random.Random:
    return random.Random(kind)  # noqa: S311 - repeatable mutations, not keys


@pytest.mark.parametrize("kind", sorted(READERS))
def test_spoiled_octets_are_refused_by_code(kind: str) -> None:
    rng, seeds = _random(kind), _seeds(kind)

    refused = [_check(kind, _spoiled(rng.choice(seeds), rng)) for _ in range(_OCTET_MUTATIONS)]

    assert not any(_check(kind, octets) for octets in seeds)
    assert sum(refused) > _OCTET_MUTATIONS // 3


@pytest.mark.parametrize("kind", _JSON_KINDS)
def test_messages_with_one_spoiled_value_are_refused_by_code(kind: str) -> None:
    rng, seeds = _random(kind), _seeds(kind)

    refused: list[bool] = []
    while len(refused) < _VALUE_MUTATIONS:
        spoiled = _altered(rng.choice(seeds), rng)
        if spoiled is not None:
            refused.append(_check(kind, spoiled))

    assert sum(refused) > _VALUE_MUTATIONS // 3


def test_there_are_ten_thousand_mutations() -> None:
    assert len(READERS) * _OCTET_MUTATIONS + len(_JSON_KINDS) * _VALUE_MUTATIONS >= 10_000


def test_spoiled_keys_and_signatures_are_refused_by_code() -> None:
    rng = _random("keys")
    key = base64.b64encode(spki(SITE_KEY))

    for _ in range(300):
        spoiled = _spoiled(key, rng)
        with pytest.raises(EncryptSecureRTError) as refusal:
            verify(spoiled, Label.JOB, b"octets", bytes(64), ErrorCode.E_BUNDLE)
        assert refusal.value.code is ErrorCode.E_BUNDLE
