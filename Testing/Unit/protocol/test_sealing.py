"""Sealing gives fresh octets each time, and a failure to open says nothing."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from encryptsecurert_protocol.bundles import BundleSecrets
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.objects import (
    ChunkPlan,
    ContentKey,
    ObjectHeader,
    ObjectKind,
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
    keyed_name,
    open_record,
    open_record_into,
    seal_record,
    seal_record_into,
)

PAIR = HpkeKeyPair.from_secret(HpkeSuite.X25519, bytes(range(32)))
JOB = "cd" * 32


def _sealing_is_refused(call: object, *arguments: object, **named: object) -> None:
    assert callable(call)
    with pytest.raises(EncryptSecureRTError) as refusal:
        call(*arguments, **named)
    error = refusal.value
    assert error.code is ErrorCode.E_SEAL
    assert (error.detail, error.__cause__, error.__suppress_context__) in (
        ("", None, True),
        ("", None, False),
    )
    assert str(error) == str(EncryptSecureRTError(ErrorCode.E_SEAL))


def _header(pair: HpkeKeyPair = PAIR, worker: str = "") -> ObjectHeader:
    return ObjectHeader(
        object="ab" * 32,
        kind=ObjectKind.VOLUME,
        plan=ChunkPlan(1, 4096),
        prefix=bytes(7),
        suite=pair.suite,
        worker=worker or hashlib.sha256(pair.public).hexdigest(),
    )


@pytest.mark.parametrize("suite", list(HpkeSuite))
def test_the_same_plaintext_is_sealed_differently_each_time(suite: HpkeSuite) -> None:
    pair = HpkeKeyPair.generate(suite)

    sealed = [hpke_seal(suite, pair.public, b"info", b"text") for _ in range(3)]

    assert len(set(sealed)) == 3
    assert {pair.open(octets, b"info") for octets in sealed} == {b"text"}


@pytest.mark.parametrize("suite", list(HpkeSuite))
def test_a_key_pair_comes_back_from_its_secret(suite: HpkeSuite) -> None:
    pair = HpkeKeyPair.generate(suite)

    assert HpkeKeyPair.from_secret(suite, pair.secret_octets) == pair
    _sealing_is_refused(HpkeKeyPair.from_secret, suite, pair.secret_octets[:-1])
    _sealing_is_refused(HpkeKeyPair.from_secret, suite, b"")


@pytest.mark.parametrize("suite", list(HpkeSuite))
def test_public_keys_that_are_none_are_refused(suite: HpkeSuite) -> None:
    pair = HpkeKeyPair.generate(suite)

    _sealing_is_refused(hpke_seal, suite, pair.public[:-1], b"", b"")
    _sealing_is_refused(hpke_seal, suite, pair.public[:-32] + bytes(32), b"", b"")
    if suite is HpkeSuite.MLKEM768_X25519:
        _sealing_is_refused(hpke_seal, suite, b"\xff" * 1216, b"", b"")


def test_secrets_are_in_no_text_form() -> None:
    secrets = BundleSecrets(
        salt=b"s" * 32, pseudonym_key=b"p" * 32, recipient_key=b"r", manifest_key=b"m"
    )
    content = ContentKey(b"k" * 32, 1, b"d" * 32)

    texts = [repr(PAIR), repr(secrets), repr(content), str(secrets), f"{content}"]

    assert [text for text in texts if "b'" in text or 'b"' in text] == []
    assert repr(PAIR) == "HpkeKeyPair(suite=X25519)"


def test_a_chunk_index_outside_the_nonce_is_refused() -> None:
    cipher = ChunkCipher(bytes(32), bytes(7), b"")

    assert cipher.open(2**32 - 1, cipher.seal(2**32 - 1, b"x", last=True), last=True) == b"x"
    _sealing_is_refused(cipher.open, 2**32, bytes(16), last=False)
    _sealing_is_refused(cipher.seal, -1, b"", last=False)
    _sealing_is_refused(ChunkCipher, bytes(31), bytes(7), b"")
    _sealing_is_refused(ChunkCipher, bytes(32), bytes(8), b"")


def test_each_chunk_has_a_nonce_of_its_own() -> None:
    cipher = ChunkCipher(bytes(32), bytes(7), b"")
    places = [(i, last) for i in range(50) for last in (False, True)]

    sealed = {cipher.seal(i, bytes(32), last=last) for i, last in places}

    assert len(sealed) == len(places)


def test_a_record_opens_under_its_key_and_name_only() -> None:
    record = seal_record(bytes(32), b"aad", b"plaintext")

    assert open_record(bytes(32), b"aad", bytes(record)) == b"plaintext"
    assert seal_record(bytes(32), b"aad", b"plaintext") != record
    _sealing_is_refused(open_record, bytes([1] * 32), b"aad", record)
    _sealing_is_refused(open_record, bytes(32), b"other", record)
    _sealing_is_refused(open_record, bytes(32), b"aad", record[:-1])
    _sealing_is_refused(open_record, bytes(32), b"aad", record[:59])
    _sealing_is_refused(open_record, bytes(32), b"aad", b"")
    _sealing_is_refused(open_record, bytes(32), b"aad", bytes([record[0] ^ 1]) + record[1:])


def test_sealing_into_a_buffer_gives_what_sealing_gives() -> None:
    cipher = ChunkCipher(bytes(32), bytes(7), b"aad")
    chunk, record, found = bytearray(9), bytearray(69), bytearray(9)

    cipher.open_into(3, cipher.seal(3, b"plaintext", last=True), memoryview(chunk), last=True)
    seal_record_into(bytes(32), b"aad", b"plaintext", memoryview(record))
    open_record_into(bytes(32), b"aad", memoryview(record), memoryview(found))

    assert chunk == found == b"plaintext"
    assert open_record(bytes(32), b"aad", bytes(record)) == b"plaintext"


def test_opening_into_a_buffer_refuses_as_opening_does() -> None:
    cipher = ChunkCipher(bytes(32), bytes(7), b"aad")
    sealed = cipher.seal(3, b"plaintext", last=True)
    record = seal_record(bytes(32), b"aad", b"plaintext")
    room = memoryview(bytearray(9))

    _sealing_is_refused(cipher.open_into, 2, sealed, room, last=True)
    _sealing_is_refused(cipher.open_into, 3, sealed, room, last=False)
    for octets in (sealed[:-1], sealed + b"\x00", sealed[:15], b""):
        _sealing_is_refused(cipher.open_into, 3, octets, room, last=True)
    for octets in (record[:-1], record + b"\x00", record[:59], record[:43], record[:5], b""):
        spoiled = memoryview(bytearray(octets))
        _sealing_is_refused(open_record_into, bytes(32), b"aad", spoiled, room)
    other = memoryview(bytearray(record))
    _sealing_is_refused(open_record_into, bytes(32), b"other", other, room)
    _sealing_is_refused(open_record_into, bytes(32), b"aad", other, room[:8])


def test_a_content_key_is_sealed_only_to_the_worker_that_the_header_names() -> None:
    content = ContentKey(bytes(32), 5, bytes(32))
    sealed = seal_content_key(_header(), content, PAIR.public)
    other = HpkeKeyPair.generate(HpkeSuite.X25519)

    assert open_content_key(_header(), sealed, PAIR) == content
    _sealing_is_refused(seal_content_key, _header(), content, other.public)
    _sealing_is_refused(open_content_key, _header(worker="00" * 32), sealed, PAIR)
    _sealing_is_refused(open_content_key, _header(), sealed, other)


@given(st.integers(0, 9 * 2**20))
def test_a_plan_covers_its_size_and_wastes_less_than_a_step(size: int) -> None:
    plan = ChunkPlan.for_size(size)

    assert 0 <= plan.padded_total - size < 4096 or (size == 0 and plan.padded_total == 4096)
    assert sum(plan.padded_size(i) for i in range(plan.chunks)) == plan.padded_total
    assert [plan.is_last(i) for i in range(plan.chunks)].count(True) == 1


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 4097])
def test_padding_goes_on_and_comes_off(size: int) -> None:
    plaintext, plan = b"\x01" * size, ChunkPlan.for_size(size)

    chunk = bytes(padded_chunk(memoryview(plaintext), plan, 0))

    assert len(chunk) == plan.last_size
    assert strip_padding(chunk, plan, 0, size) == plaintext
    if size % 4096 or not size:
        _sealing_is_refused(strip_padding, chunk[:-1] + b"\x01", plan, 0, size)
    _sealing_is_refused(strip_padding, chunk[:-1], plan, 0, size)


def test_a_plaintext_that_ends_in_zeros_keeps_them() -> None:
    plaintext, plan = b"\x01" + bytes(99), ChunkPlan.for_size(100)

    chunk = bytes(padded_chunk(memoryview(plaintext), plan, 0))

    assert strip_padding(chunk, plan, 0, 100) == plaintext


def test_a_result_is_the_one_that_was_asked_for() -> None:
    key = ResultKey(suite=PAIR.suite, public=PAIR.public)
    octets = b"".join(seal_result(b"mask", job_sha256=JOB, name="mask", key=key))

    assert open_result(octets, job_sha256=JOB, key=PAIR) == b"mask"
    assert open_result(octets, job_sha256=JOB, key=PAIR, name="mask") == b"mask"
    for wrong in ({"name": "body"}, {"job_sha256": "00" * 32}):
        with pytest.raises(EncryptSecureRTError) as refusal:
            open_result(octets, **{"job_sha256": JOB, "key": PAIR, **wrong})  # type: ignore[arg-type]  # one is wrong
        assert refusal.value.code is ErrorCode.E_RESULT


def test_each_sealing_of_a_result_has_its_own_key_and_prefix() -> None:
    key = ResultKey(suite=PAIR.suite, public=PAIR.public)
    files = [b"".join(seal_result(b"m", job_sha256=JOB, name="m", key=key)) for _ in range(2)]

    assert files[0][-4112:] != files[1][-4112:]
    assert len(files[0]) == len(files[1])


def test_a_keyed_name_depends_on_key_and_parts() -> None:
    names = {
        keyed_name(b"k" * 32, b"a", b"b"),
        keyed_name(b"k" * 32, b"a", b"c"),
        keyed_name(b"l" * 32, b"a", b"b"),
    }

    assert len(names) == 3
    assert keyed_name(b"k" * 32, b"a", b"b") in names
