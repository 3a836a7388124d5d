"""What the package seals, an implementation written from the document opens, and vice versa."""

import hashlib
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from Testing.Unit.protocol import second_hpke, second_implementation
from Testing.Unit.protocol.second_implementation import SealedObject, Sealing

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.audit import (
    AuditEvent,
    AuditLine,
    audit_genesis,
    open_audit_line,
    seal_audit_line,
)
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.leases import open_lease
from encryptsecurert_protocol.objects import (
    ChunkPlan,
    ContentKey,
    ObjectHeader,
    ObjectKind,
    object_name,
    open_content_key,
    padded_chunk,
    seal_content_key,
    strip_padding,
)
from encryptsecurert_protocol.results import ResultKey, open_result, seal_result
from encryptsecurert_protocol.sealing import (
    ChunkCipher,
    HpkeKeyPair,
    HpkeSuite,
    hpke_seal,
    random_octets,
)
from encryptsecurert_protocol.signatures import spki_der
from encryptsecurert_protocol.volumes import VolumeHeader

STEP = 4096
CHUNK = 1 << 20
SIZES = [0, 1, STEP, STEP + 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 5]
DEDUP_KEY = bytes(range(32))
JOB = "ab" * 32


def _plaintext(size: int) -> bytes:
    return hashlib.shake_256(b"plaintext").digest(size)


def _seal_with_package(plaintext: bytes, pair: HpkeKeyPair) -> SealedObject:
    plan = ChunkPlan.for_size(len(plaintext))
    digest = hashlib.sha256(plaintext).digest()
    header = ObjectHeader(
        object=object_name(DEDUP_KEY, ObjectKind.VOLUME, digest),
        kind=ObjectKind.VOLUME,
        plan=plan,
        prefix=random_octets(7),
        suite=pair.suite,
        worker=hashlib.sha256(pair.public).hexdigest(),
    )
    content = ContentKey(random_octets(32), len(plaintext), digest)
    octets = header.encode()
    cipher = ChunkCipher(content.data_key, header.prefix, hashlib.sha256(octets).digest())
    view = memoryview(plaintext)
    chunks = [
        cipher.seal(i, padded_chunk(view, plan, i), last=plan.is_last(i))
        for i in range(plan.chunks)
    ]
    sealed = seal_content_key(header, content, pair.public)
    return SealedObject(header=octets, sealed=sealed, chunks=chunks)


def _open_with_package(sealed: SealedObject, pair: HpkeKeyPair) -> bytes:
    header = ObjectHeader.decode(sealed.header)
    content = open_content_key(header, sealed.sealed, pair)
    aad = hashlib.sha256(sealed.header).digest()
    cipher = ChunkCipher(content.data_key, header.prefix, aad)
    pieces = []
    for index, chunk in enumerate(sealed.chunks):
        opened = cipher.open(index, chunk, last=header.plan.is_last(index))
        pieces.append(bytes(strip_padding(opened, header.plan, index, content.size_bytes)))
    return b"".join(pieces)


def _sealing(pair: HpkeKeyPair) -> Sealing:
    return Sealing(
        suite=int(pair.suite),
        public=pair.public,
        data_key=random_octets(32),
        prefix=random_octets(7),
    )


@pytest.mark.parametrize("suite", list(HpkeSuite))
@pytest.mark.parametrize("size", SIZES)
def test_objects_of_the_package_open_in_the_second_implementation(
    size: int, suite: HpkeSuite
) -> None:
    plaintext, pair = _plaintext(size), HpkeKeyPair.generate(suite)

    sealed = _seal_with_package(plaintext, pair)

    assert second_implementation.open_object(sealed, pair.secret_octets) == plaintext


@pytest.mark.parametrize("suite", list(HpkeSuite))
@pytest.mark.parametrize("size", SIZES)
def test_objects_of_the_second_implementation_open_in_the_package(
    size: int, suite: HpkeSuite
) -> None:
    plaintext, pair = _plaintext(size), HpkeKeyPair.generate(suite)

    how = _sealing(pair)
    sealed = second_implementation.seal_object(plaintext, "volume", DEDUP_KEY, how)

    assert _open_with_package(sealed, pair) == plaintext


@pytest.mark.parametrize("suite", list(HpkeSuite))
@pytest.mark.parametrize("size", SIZES)
def test_results_of_the_package_open_in_the_second_implementation(
    size: int, suite: HpkeSuite
) -> None:
    plaintext, pair = _plaintext(size), HpkeKeyPair.generate(suite)
    key = ResultKey(suite=suite, public=pair.public)

    octets = b"".join(seal_result(plaintext, job_sha256=JOB, name="mask", key=key))

    assert second_implementation.open_result(octets, JOB, pair.secret_octets) == plaintext


@pytest.mark.parametrize("suite", list(HpkeSuite))
@pytest.mark.parametrize("size", SIZES)
def test_results_of_the_second_implementation_open_in_the_package(
    size: int, suite: HpkeSuite
) -> None:
    plaintext, pair = _plaintext(size), HpkeKeyPair.generate(suite)

    octets = second_implementation.seal_result(plaintext, JOB, "mask", _sealing(pair))

    assert open_result(octets, job_sha256=JOB, key=pair, name="mask") == plaintext


def test_the_second_implementation_refuses_chunks_in_another_order() -> None:
    pair = HpkeKeyPair.generate(HpkeSuite.X25519)
    sealed = _seal_with_package(_plaintext(3 * CHUNK), pair)
    first, second, third = sealed.chunks
    swapped = SealedObject(
        header=sealed.header, sealed=sealed.sealed, chunks=[second, first, third]
    )

    with pytest.raises(second_hpke.Refused):
        second_implementation.open_object(swapped, pair.secret_octets)
    with pytest.raises(EncryptSecureRTError) as refusal:
        _open_with_package(swapped, pair)
    assert refusal.value.code is ErrorCode.E_SEAL


@pytest.mark.parametrize("suite", list(HpkeSuite))
def test_hpke_agrees_with_the_library_in_both_directions(suite: HpkeSuite) -> None:
    pair, info = HpkeKeyPair.generate(suite), b"EncryptSecureRT/test/v1\x00"

    sealed = hpke_seal(suite, pair.public, info, b"one way")
    other = second_hpke.hpke_seal(int(suite), pair.public, info, b"the other")

    assert second_hpke.hpke_open(int(suite), pair.secret_octets, info, sealed) == b"one way"
    assert pair.open(other, info) == b"the other"
    assert second_hpke.public_octets(int(suite), pair.secret_octets) == pair.public


def test_audit_lines_are_sealed_alike_and_chained_alike() -> None:
    pair, instance_id = HpkeKeyPair.generate(), "ab" * 16
    line = AuditLine(
        n=1,
        prev=second_implementation.audit_genesis(instance_id),
        time=datetime(2026, 5, 4, tzinfo=UTC),
        start_id="cd" * 16,
        event=AuditEvent.STARTED,
    )
    octets, info = line.encode(), second_implementation.audit_info(instance_id, 1)

    sealed = seal_audit_line(octets, 1, instance_id, pair.public)
    other = second_hpke.hpke_seal(int(pair.suite), pair.public, info, octets)

    assert second_hpke.hpke_open(int(pair.suite), pair.secret_octets, info, sealed) == octets
    assert open_audit_line(other, 1, instance_id, pair) == octets
    assert audit_genesis(instance_id) == line.prev
    assert line.head == second_implementation.audit_head(octets)


def test_a_lease_is_signed_over_the_octets_of_the_document() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    members = {
        "schema": "encryptsecurert.lease/1",
        "start_id": "cd" * 16,
        "epoch": 7,
        "time": "2026-05-04T00:00:00Z",
        "not_after": "2026-05-05T00:00:00Z",
    }
    octets = second_implementation.canonical(members)
    signature = key.sign(second_implementation.signed_octets("lease", octets))
    message = {
        "header": second_implementation.b64(octets),
        "signature": second_implementation.b64(signature),
    }

    lease = open_lease(message, spki_der(key.public_key()))

    assert (lease.start_id, lease.epoch, lease.length_s) == ("cd" * 16, 7, 86_400)
    assert lease.encode() == octets


def test_hpke_gives_the_published_test_vector_of_x25519() -> None:
    # RFC 9180, appendix A.1 has AES-128; its shared secret of mode base checks the KEM alone.
    enc = bytes.fromhex("37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431")
    secret = bytes.fromhex("4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8")
    shared = bytes.fromhex("fe0e18c9f024ce43799ae393c7e8fe8fce9d218875e8227b0187c04e7d2ea1fc")

    assert second_hpke.decapsulate(second_hpke.X25519, secret, enc) == shared


def test_canonical_json_agrees() -> None:
    value = {"b": ['\u00e9\x07\n"\\/', 1, -5, True, None], "a": {"_": "", "0": 2**53 - 1}}

    assert second_implementation.canonical(value) == canonical.encode(value)
    assert second_implementation.read_canonical(canonical.encode(value)) == value


def test_a_volume_frame_agrees() -> None:
    header = VolumeHeader(
        shape=(1, 2, 2),
        dtype="uint8",
        spacing_mm=(2.0, 1.5, 1.5),
        origin_mm=(-0.0, 1e-5, 1e6),
        direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
        quantity="label",
        unit="1",
        frame_of_reference="2.25.1",
        slice_uids=("2.25.2",),
    )
    members = {
        "shape": [1, 2, 2],
        "dtype": "uint8",
        "spacing_mm": ["2.0", "1.5", "1.5"],
        "origin_mm": ["0.0", "1e-05", "1000000.0"],
        "direction": ["1.0", "0.0", "0.0", "0.0", "1.0", "0.0", "0.0", "0.0", "1.0"],
        "quantity": "label",
        "unit": "1",
        "frame_of_reference": "2.25.1",
        "slice_uids": ["2.25.2"],
    }

    frame = second_implementation.frame(
        b"ESRTVOL1", second_implementation.canonical(members), b"\x00\x01\x01\x00"
    )

    assert header.frame_head() + b"\x00\x01\x01\x00" == frame
