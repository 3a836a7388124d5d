"""Each message comes back as it was, and its octets come back as they were."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from Testing.Unit.protocol import message_strategies as messages

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.audit import AuditLine, AuditPage
from encryptsecurert_protocol.bundles import BundleCore, BundleMessage, BundleSecrets
from encryptsecurert_protocol.events import Event, decode_event, encode_event
from encryptsecurert_protocol.evidence import EvidenceAnswer
from encryptsecurert_protocol.framing import pack_batch, unpack_batch
from encryptsecurert_protocol.jobs import JobHeader
from encryptsecurert_protocol.leases import Lease
from encryptsecurert_protocol.objects import ChunkPlan, ContentKey, ObjectHeader
from encryptsecurert_protocol.receipts import Receipt, ReceiptBody
from encryptsecurert_protocol.results import ResultHeader
from encryptsecurert_protocol.rights import RolePolicy
from encryptsecurert_protocol.signatures import signed_message, split_signed_message
from encryptsecurert_protocol.statement import Statement
from encryptsecurert_protocol.volumes import VolumeHeader, unpack_volume

few = settings(max_examples=60, deadline=None)


@few
@given(messages.object_headers)
def test_an_object_header_comes_back(header: ObjectHeader) -> None:
    assert ObjectHeader.decode(header.encode()) == header


@few
@given(messages.result_headers)
def test_a_result_header_comes_back(header: ResultHeader) -> None:
    assert ResultHeader.decode(canonical.encode(header.as_json())) == header


@few
@given(messages.job_headers)
def test_a_job_header_comes_back(header: JobHeader) -> None:
    assert JobHeader.decode(header.encode()) == header


@few
@given(messages.job_headers, messages.lives)
def test_a_job_is_accepted_from_its_creation_to_its_end(header: JobHeader, life: timedelta) -> None:
    created = header.created.replace(year=2026, day=1)
    fitting = replace(header, created=created, expires=created + life)

    fitting.check_time(created)
    fitting.check_time(fitting.expires - timedelta(seconds=1))


@few
@given(messages.statements)
def test_a_statement_comes_back(statement: Statement) -> None:
    assert Statement.decode(statement.encode()) == statement


@few
@given(messages.evidence_answers)
def test_an_evidence_answer_comes_back(answer: EvidenceAnswer) -> None:
    assert EvidenceAnswer.decode(answer.encode()) == answer


@few
@given(messages.receipt_bodies)
def test_a_receipt_body_comes_back(body: ReceiptBody) -> None:
    assert ReceiptBody.decode(body.encode()) == body


@few
@given(messages.receipts)
def test_a_receipt_comes_back(receipt: Receipt) -> None:
    assert Receipt.decode(receipt.encode()) == receipt


@few
@given(messages.events)
def test_an_event_comes_back(event: Event) -> None:
    line = encode_event(event)

    assert line.endswith(b"\n")
    assert b"\n" not in line[:-1]
    assert decode_event(line) == event


@few
@given(messages.role_policies)
def test_a_role_policy_comes_back(policy: RolePolicy) -> None:
    assert RolePolicy.from_json(policy.as_json()) == policy


@few
@given(messages.bundle_cores)
def test_a_bundle_core_comes_back(core: BundleCore) -> None:
    assert BundleCore.decode(core.encode()) == core


@few
@given(messages.leases)
def test_a_lease_comes_back(lease: Lease) -> None:
    assert Lease.decode(lease.encode()) == lease


@few
@given(messages.audit_lines)
def test_an_audit_line_comes_back(line: AuditLine) -> None:
    assert AuditLine.decode(line.encode()) == line


@few
@given(messages.audit_pages)
def test_an_audit_page_comes_back(page: AuditPage) -> None:
    assert AuditPage.decode(page.encode()) == page


@few
@given(messages.bundle_secrets)
def test_bundle_secrets_come_back(secrets: BundleSecrets) -> None:
    assert BundleSecrets.decode(secrets.encode()) == secrets


@few
@given(st.binary(max_size=99), st.binary(max_size=99), st.binary(min_size=64, max_size=64))
def test_a_bundle_message_comes_back(core: bytes, sealed: bytes, signature: bytes) -> None:
    message = BundleMessage(site_key=b"key", core=core, signature=signature, sealed=sealed)

    assert BundleMessage.from_json(message.as_json(), 99) == message


@few
@given(st.binary(max_size=99), st.binary(min_size=64, max_size=64))
def test_a_signed_message_comes_back(header: bytes, signature: bytes) -> None:
    assert split_signed_message(signed_message(header, signature), 99) == (header, signature)


@few
@given(messages.volume_headers)
def test_a_volume_comes_back(header: VolumeHeader) -> None:
    voxels = bytes(range(256))[: header.size_bytes].ljust(header.size_bytes, b"\x07")

    found, payload = unpack_volume(header.frame_head() + voxels)

    assert found == header
    assert payload == voxels


@few
@given(st.lists(st.binary(max_size=20), min_size=1, max_size=9))
def test_a_batch_comes_back(items: list[bytes]) -> None:
    assert [bytes(item) for item in unpack_batch(pack_batch(items))] == items


@few
@given(st.integers(0, 2**32), st.binary(min_size=32, max_size=32))
def test_a_content_key_comes_back(size: int, digest: bytes) -> None:
    content = ContentKey(bytes(32), size, digest)

    assert ContentKey.decode(content.encode(), ChunkPlan.for_size(size)) == content


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_fraction_comes_back_exactly(value: float) -> None:
    text = canonical.fraction_text(value)

    assert canonical.fraction_from_text(text) == value
    assert text != "-0.0"
