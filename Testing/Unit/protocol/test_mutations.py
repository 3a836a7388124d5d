"""Ten thousand spoiled messages: each is refused by code, or is a good message of its own.

The seeds are the good test vectors. Half of the mutations spoil octets; half keep the JSON
canonical and spoil one value, so that they pass the first door and reach the ones behind it.
"""

import base64
import random
from collections.abc import Callable, Mapping

import pytest
from Testing.Unit.protocol.spoiling import altered, spoiled
from Testing.vectors.make_vectors import FOLDER
from Testing.vectors.vector_file import parse
from Testing.vectors.vector_keys import RESULT_1, SITE_KEY, digest, sign, spki

from encryptsecurert_protocol import canonical, headers
from encryptsecurert_protocol.audit import AuditLine, AuditPage
from encryptsecurert_protocol.bundles import BundleCore
from encryptsecurert_protocol.dose_curves import pack_curves, unpack_curves
from encryptsecurert_protocol.dose_results import DoseComparison
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.events import decode_event, encode_event
from encryptsecurert_protocol.evidence import EvidenceAnswer
from encryptsecurert_protocol.framing import pack_batch, unpack_batch
from encryptsecurert_protocol.jobs import JobHeader
from encryptsecurert_protocol.leases import Lease
from encryptsecurert_protocol.measurement_results import MeasurementComparison
from encryptsecurert_protocol.objects import ObjectHeader
from encryptsecurert_protocol.plan_checks import PlanComparison
from encryptsecurert_protocol.plans import unpack_plans
from encryptsecurert_protocol.receipts import Receipt, ReceiptBody
from encryptsecurert_protocol.results import open_result
from encryptsecurert_protocol.sealing import HpkeKeyPair, HpkeSuite
from encryptsecurert_protocol.signatures import Label, verify
from encryptsecurert_protocol.statement import Statement
from encryptsecurert_protocol.structures import pack_structures, unpack_structures
from encryptsecurert_protocol.volumes import unpack_volume

_RESULT_KEY = HpkeKeyPair.from_secret(HpkeSuite.X25519, RESULT_1)


def _volume(octets: bytes) -> bytes:
    header, voxels = unpack_volume(octets)
    return header.frame_head() + bytes(voxels)


def _plans(octets: bytes) -> bytes:
    header, numbers = unpack_plans(octets)
    return header.frame_head() + bytes(numbers)


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
    "lease": lambda octets: Lease.decode(octets).encode(),
    "audit-line": lambda octets: AuditLine.decode(octets).encode(),
    "audit-page": lambda octets: AuditPage.decode(octets).encode(),
    "receipt-body": lambda octets: ReceiptBody.decode(octets).encode(),
    "receipt": lambda octets: Receipt.decode(octets).encode(),
    "event": lambda octets: encode_event(decode_event(octets)).removesuffix(b"\n"),
    "header-request": lambda octets: headers.encode_request(headers.decode_request(octets)),
    "header-answer": lambda octets: headers.encode_answer(headers.decode_answer(octets)),
    "volume": _volume,
    "batch": _batch,
    "structures": lambda octets: pack_structures(*unpack_structures(octets)),
    "dvh-curves": lambda octets: pack_curves(unpack_curves(octets)),
    "dose-comparison": lambda octets: DoseComparison.decode(octets).encode(),
    "plans": _plans,
    "plan-comparison": lambda octets: PlanComparison.decode(octets).encode(),
    "measurement-comparison": lambda octets: MeasurementComparison.decode(octets).encode(),
    "result": _result,
    "signature": _signed,
}
# The kinds whose octets are one JSON object with members of their own.
_JSON_KINDS = (
    "audit-line audit-page bundle dose-comparison event evidence job lease measurement-comparison "
    "object-header receipt receipt-body statement"
).split()
_OCTET_MUTATIONS, _VALUE_MUTATIONS = 400, 600


def _seeds(kind: str) -> list[bytes]:
    if kind == "signature":
        return [sign(SITE_KEY, "job", b"octets") + spki(SITE_KEY)]
    pattern = "ok-suite-1.txt" if kind == "result" else "ok*.txt"  # one key is enough to spoil
    vectors = [parse(path.read_text("utf-8")) for path in sorted((FOLDER / kind).glob(pattern))]
    return [vector.payload for vector in vectors]


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

    refused = [_check(kind, spoiled(rng.choice(seeds), rng)) for _ in range(_OCTET_MUTATIONS)]

    assert not any(_check(kind, octets) for octets in seeds)
    assert sum(refused) > _OCTET_MUTATIONS // 3


@pytest.mark.parametrize("kind", _JSON_KINDS)
def test_messages_with_one_spoiled_value_are_refused_by_code(kind: str) -> None:
    rng, seeds = _random(kind), _seeds(kind)

    refused: list[bool] = []
    while len(refused) < _VALUE_MUTATIONS:
        octets = altered(rng.choice(seeds), rng)
        if octets is not None:
            refused.append(_check(kind, octets))

    assert sum(refused) > _VALUE_MUTATIONS // 3


def test_there_are_ten_thousand_mutations() -> None:
    assert len(READERS) * _OCTET_MUTATIONS + len(_JSON_KINDS) * _VALUE_MUTATIONS >= 10_000


def test_spoiled_keys_and_signatures_are_refused_by_code() -> None:
    rng = _random("keys")
    key = base64.b64encode(spki(SITE_KEY))

    for _ in range(300):
        octets = spoiled(key, rng)
        with pytest.raises(EncryptSecureRTError) as refusal:
            verify(octets, Label.JOB, b"octets", bytes(64), ErrorCode.E_BUNDLE)
        assert refusal.value.code is ErrorCode.E_BUNDLE
