"""Each limit of the protocol's own messages: at it, and one over it."""

import pytest

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.bundles import BundleMessage
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.events import LogEvent, decode_event, encode_event
from encryptsecurert_protocol.evidence import EvidenceAnswer
from encryptsecurert_protocol.fields import Fields, base64_text
from encryptsecurert_protocol.framing import Magic, frame_head, pack_batch, unframe, unpack_batch
from encryptsecurert_protocol.limits import GIB, KIB, LIMITS, MIB
from encryptsecurert_protocol.objects import ChunkPlan, ContentKey
from encryptsecurert_protocol.volumes import VolumeHeader


def _refusal(call: object, *arguments: object) -> ErrorCode:
    assert callable(call)
    with pytest.raises(EncryptSecureRTError) as refusal:
        call(*arguments)
    return refusal.value.code


def _object_of(size: int) -> bytes:
    octets = canonical.encode({"a": ""})
    return octets[:-2] + b"x" * (size - len(octets)) + octets[-2:]


def test_the_limits_are_those_of_the_document() -> None:
    assert (LIMITS.header_bytes, LIMITS.policy_bytes, LIMITS.chunk_bytes) == (MIB, MIB, MIB)
    assert (LIMITS.json_line_bytes, LIMITS.quote_bytes) == (64 * KIB, 64 * KIB)
    assert (LIMITS.object_bytes, LIMITS.batch_bytes) == (4 * GIB, 64 * MIB)
    assert (LIMITS.idle_s, LIMITS.evidence_nonce_s, LIMITS.results_kept_s) == (30, 60, 604_800)
    assert (LIMITS.computing_jobs, LIMITS.connections) == (1, 64)


def test_json_of_one_mebibyte_is_read_and_an_octet_more_is_not() -> None:
    assert canonical.decode(_object_of(MIB))
    assert _refusal(canonical.decode, _object_of(MIB + 1)) is ErrorCode.E_TOO_LARGE


def test_json_of_sixteen_levels_is_written_and_seventeen_are_not() -> None:
    value: dict[str, object] = {}
    for _ in range(15):
        value = {"a": value}

    assert canonical.decode(canonical.encode(value)) == value
    assert _refusal(canonical.encode, {"a": value}) is ErrorCode.E_FORMAT


def test_values_that_canonical_json_does_not_have_are_refused() -> None:
    for value in (1.5, b"", 2**53, {1: 2}, {"A": 1}, "e\u0301", "\ud800", object(), {1, 2}):
        assert _refusal(canonical.encode, {"a": value}) is ErrorCode.E_FORMAT


def test_numbers_that_no_fraction_stands_for_are_refused() -> None:
    for value in (float("nan"), float("inf"), 10**400):
        assert _refusal(canonical.fraction_text, value) is ErrorCode.E_FORMAT
    assert _refusal(canonical.fraction_from_text, 1.0) is ErrorCode.E_FORMAT


def test_a_header_of_one_mebibyte_is_framed_and_an_octet_more_is_not() -> None:
    fitting = {"a": "x" * (MIB - 8)}

    assert unframe(Magic.RESULT, frame_head(Magic.RESULT, fitting))[0] == fitting
    larger = {"a": "x" * (MIB - 7)}
    assert _refusal(frame_head, Magic.RESULT, larger) is ErrorCode.E_TOO_LARGE


def test_a_line_of_64_kibibytes_is_read_and_an_octet_more_is_not() -> None:
    # No event is that long, so the refusals differ: the members, or the size.
    assert _refusal(decode_event, _object_of(64 * KIB)) is ErrorCode.E_FORMAT
    assert _refusal(decode_event, _object_of(64 * KIB + 1)) is ErrorCode.E_TOO_LARGE
    assert decode_event(encode_event(LogEvent(n=1, entry="voxels", value=1.0)))


def test_a_batch_holds_2000_items_and_not_one_more() -> None:
    assert len(unpack_batch(pack_batch([b""] * 2000))) == 2000
    assert _refusal(pack_batch, [b""] * 2001) is ErrorCode.E_TOO_LARGE
    assert _refusal(pack_batch, []) is ErrorCode.E_FORMAT


def test_a_batch_is_64_mebibytes_and_not_an_octet_more() -> None:
    head = len(frame_head(Magic.BATCH, {"lengths": [64 * MIB - 40]}))
    item = bytes(64 * MIB - head)

    packed = pack_batch([item])

    assert len(packed) == 64 * MIB
    assert len(unpack_batch(packed)[0]) == len(item)
    assert _refusal(pack_batch, [item + b"\x00"]) is ErrorCode.E_TOO_LARGE
    assert _refusal(unpack_batch, packed + b"\x00") is ErrorCode.E_TOO_LARGE


def test_an_object_is_4_gibibytes_and_not_an_octet_more() -> None:
    plan = ChunkPlan.for_size(4 * GIB)

    assert (plan.chunks, plan.last_size, plan.padded_total) == (4096, MIB, 4 * GIB)
    assert _refusal(ChunkPlan.for_size, 4 * GIB + 1) is ErrorCode.E_TOO_LARGE
    assert _refusal(ChunkPlan, 4097, 4096) is ErrorCode.E_TOO_LARGE
    over = ContentKey(bytes(32), 4 * GIB + 1, bytes(32)).encode()
    assert _refusal(ContentKey.decode, over, plan) is ErrorCode.E_SEAL


def test_a_plan_has_a_chunk_and_a_last_size_in_steps() -> None:
    assert ChunkPlan(1, 4096).sealed_size(0) == 4112
    for chunks, last_size in ((0, 4096), (1, 0), (1, 4095), (1, 4097), (1, MIB + 4096)):
        assert _refusal(ChunkPlan, chunks, last_size) is ErrorCode.E_SEAL


def test_a_quote_is_64_kibibytes_and_not_an_octet_more() -> None:
    def answer(size: int) -> bytes:
        return EvidenceAnswer(statement=b"", quote=bytes(size), collateral=None).encode()

    assert len(EvidenceAnswer.decode(answer(64 * KIB)).quote) == 64 * KIB
    assert _refusal(EvidenceAnswer.decode, answer(64 * KIB + 1)) is ErrorCode.E_STATEMENT


def test_octet_members_are_bounded_before_they_are_decoded() -> None:
    for size in (0, 1, 2, 3, 99, 100):
        fields = Fields({"a": base64_text(bytes(size))}, ("a",))
        assert fields.octets("a", 100) == bytes(size)
    for size in (101, 102, 103, 10_000):
        fields = Fields({"a": base64_text(bytes(size))}, ("a",))
        assert _refusal(fields.octets, "a", 100) is ErrorCode.E_FORMAT


def test_a_bundle_core_has_the_limit_that_its_reader_names() -> None:
    core = b"x" * 200
    message = BundleMessage(site_key=b"k", core=core, signature=bytes(64), sealed=b"s")

    assert BundleMessage.from_json(message.as_json(), 200).core == core
    assert _refusal(BundleMessage.from_json, message.as_json(), 199) is ErrorCode.E_FORMAT


def _volume(shape: tuple[int, int, int], dtype: str = "uint8") -> VolumeHeader:
    return VolumeHeader(
        shape=shape,
        dtype=dtype,
        spacing_mm=(1.0, 1.0, 1.0),
        origin_mm=(0.0, 0.0, 0.0),
        direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
        quantity="label",
        unit="1",
        frame_of_reference="2.25.1",
        slice_uids=("2.25.2",) * shape[0],
    )


def test_a_volume_has_edges_of_4096_and_fits_an_object() -> None:
    assert _volume((256, 4096, 4096)).size_bytes == 4 * GIB
    code = ErrorCode.E_FORMAT
    assert _refusal(lambda: _volume((1, 4097, 1))) is code
    assert _refusal(lambda: _volume((257, 4096, 4096))) is ErrorCode.E_TOO_LARGE


def test_a_volume_header_of_most_slices_fits_the_header_limit() -> None:
    header = _volume((4096, 1, 1))

    assert len(header.frame_head()) < LIMITS.header_bytes
