"""What the package does with each kind of test vector; an answer that differs is an assertion."""

import hashlib
from collections.abc import Callable, Mapping

from Testing.vectors.vector_file import Vector

from encryptsecurert_protocol import canonical, headers
from encryptsecurert_protocol.audit import (
    AuditLine,
    AuditPage,
    audit_genesis,
    open_audit_line,
)
from encryptsecurert_protocol.bundles import BundleMessage, bundle_digest
from encryptsecurert_protocol.dose_curves import pack_curves, unpack_curves
from encryptsecurert_protocol.dose_jobs import DoseCompareParameters
from encryptsecurert_protocol.dose_results import DoseComparison
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.events import decode_event, encode_event
from encryptsecurert_protocol.evidence import EvidenceAnswer
from encryptsecurert_protocol.fields import time_from_text, time_text
from encryptsecurert_protocol.framing import pack_batch, unpack_batch
from encryptsecurert_protocol.jobs import JobHeader
from encryptsecurert_protocol.leases import open_lease
from encryptsecurert_protocol.manifests import SignedManifest
from encryptsecurert_protocol.measurement_results import MeasurementComparison
from encryptsecurert_protocol.measurements import MeasurementCompareParameters
from encryptsecurert_protocol.objects import (
    ObjectHeader,
    ObjectKind,
    object_name,
    open_content_key,
    strip_padding,
)
from encryptsecurert_protocol.plan_checks import PlanComparison
from encryptsecurert_protocol.plans import unpack_plans
from encryptsecurert_protocol.protection_reports import ProtectionReport
from encryptsecurert_protocol.receipts import Receipt, ReceiptBody
from encryptsecurert_protocol.results import open_result
from encryptsecurert_protocol.reveals import Revealed, RevealRequest
from encryptsecurert_protocol.sealing import (
    ChunkCipher,
    HpkeKeyPair,
    HpkeSuite,
    derive_key,
)
from encryptsecurert_protocol.signatures import Label, key_id, signed_message, verify
from encryptsecurert_protocol.statement import Statement, fresh_report_data, receipt_nonce
from encryptsecurert_protocol.structures import pack_structures, unpack_structures
from encryptsecurert_protocol.volumes import unpack_volume


def _canonical(vector: Vector) -> None:
    assert canonical.encode(canonical.decode(vector.payload)) == vector.payload


def _fraction(vector: Vector) -> None:
    text = vector.payload.decode("utf-8")
    value = canonical.fraction_from_text(text)
    assert value == float.fromhex(vector.fields["value-c99"])
    assert canonical.fraction_text(value) == text


def _time(vector: Vector) -> None:
    text = vector.payload.decode("utf-8")
    moment = time_from_text(text)
    assert moment.timestamp() == int(vector.fields["unix-seconds"])
    assert time_text(moment) == text


def _signature(vector: Vector) -> None:
    label = Label(vector.fields["label"])
    verify(vector.octets("spki-b64"), label, vector.payload, vector.octets("signature-hex"))


def _derive(vector: Vector) -> None:
    match vector.fields["function"]:
        case "sub-key":
            label = vector.fields["label"].encode("ascii")
            found = derive_key(vector.octets("key-hex"), label)
        case "object-name":
            kind = ObjectKind(vector.fields["object-kind"])
            name = object_name(vector.octets("key-hex"), kind, vector.octets("sha256-hex"))
            found = bytes.fromhex(name)
        case "receipt-nonce":
            found = receipt_nonce(vector.octets("job-sha256-hex"))
        case "report-data":
            nonce, statement = vector.octets("nonce-hex"), vector.octets("statement-hex")
            found = fresh_report_data(vector.octets("spki-b64"), nonce, statement)
        case "audit-genesis":
            found = bytes.fromhex(audit_genesis(vector.fields["instance-id"]))
        case "key-id":
            found = bytes.fromhex(key_id(vector.octets("spki-b64")))
        case _:
            raise AssertionError("unknown function")
    assert found == vector.payload


def _key_pair(vector: Vector) -> HpkeKeyPair:
    return HpkeKeyPair.from_secret(
        HpkeSuite(int(vector.fields["suite"])), vector.octets("secret-b64")
    )


def _hpke(vector: Vector) -> None:
    plaintext = _key_pair(vector).open(vector.payload, vector.octets("info-hex"))
    assert plaintext == vector.octets("plaintext-hex")


def _chunk(vector: Vector) -> None:
    cipher = ChunkCipher(
        vector.octets("key-hex"), vector.octets("prefix-hex"), vector.octets("aad-hex")
    )
    last = vector.fields["last"] == "1"
    plaintext = cipher.open(int(vector.fields["index"]), vector.payload, last=last)
    assert plaintext == vector.octets("plaintext-hex")


def _object_header(vector: Vector) -> None:
    assert ObjectHeader.decode(vector.payload).encode() == vector.payload


def _object(vector: Vector) -> None:
    header_octets, secret = vector.octets("header-b64"), vector.octets("secret-b64")
    header = ObjectHeader.decode(header_octets)
    suite = HpkeSuite.X25519 if len(secret) == 32 else HpkeSuite.MLKEM768_X25519
    pair = HpkeKeyPair.from_secret(suite, secret)
    content = open_content_key(header, vector.octets("sealed-b64"), pair)
    aad = hashlib.sha256(header_octets).digest()
    cipher = ChunkCipher(content.data_key, header.prefix, aad)
    plaintext, position = b"", 0
    for index in range(header.plan.chunks):
        size = header.plan.sealed_size(index)
        piece = vector.payload[position : position + size]
        chunk = cipher.open(index, piece, last=header.plan.is_last(index))
        plaintext += strip_padding(chunk, header.plan, index, content.size_bytes)
        position += size
    if position != len(vector.payload):
        raise EncryptSecureRTError(ErrorCode.E_SEAL)
    digest = hashlib.sha256(plaintext).digest()
    if digest != content.sha256:
        raise EncryptSecureRTError(ErrorCode.E_DIGEST)
    assert digest == vector.octets("plaintext-sha256-hex")
    assert object_name(vector.octets("dedup-key-hex"), header.kind, digest) == header.object


def _result(vector: Vector) -> None:
    plaintext = open_result(
        vector.payload,
        job_sha256=vector.fields["job-sha256"],
        key=_key_pair(vector),
        name=vector.fields["name"],
    )
    assert hashlib.sha256(plaintext).digest() == vector.octets("plaintext-sha256-hex")


def _job(vector: Vector) -> None:
    code = ErrorCode.E_USER_CERTIFICATE
    signature = vector.octets("signature-hex")
    verify(vector.octets("spki-b64"), Label.JOB, vector.payload, signature, code)
    header = JobHeader.decode(vector.payload)
    header.check_time(time_from_text(vector.fields["now"]))
    assert header.encode() == vector.payload


def _statement(vector: Vector) -> None:
    assert Statement.decode(vector.payload).encode() == vector.payload
    spki, nonce = vector.octets("spki-b64"), vector.octets("nonce-hex")
    assert fresh_report_data(spki, nonce, vector.payload) == vector.octets("report-data-hex")


def _evidence(vector: Vector) -> None:
    assert EvidenceAnswer.decode(vector.payload).encode() == vector.payload


def _bundle(vector: Vector) -> None:
    message = BundleMessage(
        site_key=vector.octets("site-key-b64"),
        core=vector.payload,
        signature=vector.octets("signature-hex"),
        sealed=vector.octets("sealed-b64"),
    )
    core, secrets = message.open(_key_pair(vector))
    assert core.encode() == vector.payload
    assert bundle_digest(secrets.encode()) == core.secrets_sha256


def _lease(vector: Vector) -> None:
    message = signed_message(vector.payload, vector.octets("signature-hex"))
    lease = open_lease(message, vector.octets("site-key-b64"))
    assert lease.encode() == vector.payload


def _audit_line(vector: Vector) -> None:
    line = AuditLine.decode(vector.payload)
    assert line.encode() == vector.payload
    assert line.head == vector.fields["head"]


def _audit_page(vector: Vector) -> None:
    assert AuditPage.decode(vector.payload).encode() == vector.payload


def _audit_sealed(vector: Vector) -> None:
    suite = HpkeSuite.MLKEM768_X25519
    auditor = HpkeKeyPair.from_secret(suite, vector.octets("secret-b64"))
    n, instance_id = int(vector.fields["n"]), vector.fields["instance-id"]
    line = open_audit_line(vector.payload, n, instance_id, auditor)
    assert line == vector.octets("line-b64")


def _receipt_body(vector: Vector) -> None:
    assert ReceiptBody.decode(vector.payload).encode() == vector.payload


def _receipt(vector: Vector) -> None:
    receipt = Receipt.decode(vector.payload)
    assert receipt.verified_body(vector.octets("receipt-key-b64")).encode() == receipt.body
    assert receipt.encode() == vector.payload


def _volume(vector: Vector) -> None:
    header, voxels = unpack_volume(vector.payload)
    assert header.frame_head() + bytes(voxels) == vector.payload


def _batch(vector: Vector) -> None:
    items = [bytes(item) for item in unpack_batch(vector.payload)]
    named = vector.fields["items-hex"].split(" ")
    assert items == [b"" if item == "-" else bytes.fromhex(item) for item in named]
    assert pack_batch(items) == vector.payload


def _header_request(vector: Vector) -> None:
    assert headers.encode_request(headers.decode_request(vector.payload)) == vector.payload


def _header_answer(vector: Vector) -> None:
    assert headers.encode_answer(headers.decode_answer(vector.payload)) == vector.payload


def _manifest(vector: Vector) -> None:
    signed = SignedManifest(octets=vector.payload, signature=vector.octets("signature-hex"))
    manifest = signed.open([vector.octets("spki-b64")], vector.fields["site-key-id"])
    assert manifest.encode() == vector.payload


def _protected_file(vector: Vector) -> None:
    request = headers.decode_request(vector.payload, RevealRequest)
    assert headers.encode_request(request) == vector.payload


def _revealed(vector: Vector) -> None:
    assert Revealed.decode(vector.payload).encode() == vector.payload


def _event(vector: Vector) -> None:
    assert encode_event(decode_event(vector.payload)) == vector.payload + b"\n"


def _protection_report(vector: Vector) -> None:
    assert ProtectionReport.decode(vector.payload).encode() == vector.payload


def _structures(vector: Vector) -> None:
    header, payloads = unpack_structures(vector.payload)
    assert pack_structures(header, payloads) == vector.payload


def _dose_compare(vector: Vector) -> None:
    parameters = DoseCompareParameters.from_json(canonical.decode(vector.payload))
    assert parameters.encode() == vector.payload


def _dose_comparison(vector: Vector) -> None:
    assert DoseComparison.decode(vector.payload).encode() == vector.payload


def _plans(vector: Vector) -> None:
    header, numbers = unpack_plans(vector.payload)
    assert header.frame_head() + bytes(numbers) == vector.payload


def _plan_comparison(vector: Vector) -> None:
    assert PlanComparison.decode(vector.payload).encode() == vector.payload


def _measurement_compare(vector: Vector) -> None:
    parameters = MeasurementCompareParameters.from_json(canonical.decode(vector.payload))
    assert parameters.encode() == vector.payload


def _measurement_comparison(vector: Vector) -> None:
    assert MeasurementComparison.decode(vector.payload).encode() == vector.payload


def _dvh_curves(vector: Vector) -> None:
    assert pack_curves(unpack_curves(vector.payload)) == vector.payload


RUNNERS: Mapping[str, Callable[[Vector], None]] = {
    "canonical": _canonical,
    "fraction": _fraction,
    "time": _time,
    "signature": _signature,
    "derive": _derive,
    "hpke": _hpke,
    "chunk": _chunk,
    "object-header": _object_header,
    "object": _object,
    "result": _result,
    "job": _job,
    "statement": _statement,
    "evidence": _evidence,
    "bundle": _bundle,
    "lease": _lease,
    "audit-line": _audit_line,
    "audit-page": _audit_page,
    "audit-sealed": _audit_sealed,
    "receipt-body": _receipt_body,
    "receipt": _receipt,
    "volume": _volume,
    "batch": _batch,
    "header-request": _header_request,
    "header-answer": _header_answer,
    "event": _event,
    "manifest": _manifest,
    "protected-file": _protected_file,
    "revealed": _revealed,
    "protection-report": _protection_report,
    "structures": _structures,
    "dose-compare": _dose_compare,
    "dose-comparison": _dose_comparison,
    "dvh-curves": _dvh_curves,
    "plans": _plans,
    "plan-comparison": _plan_comparison,
    "measurement-compare": _measurement_compare,
    "measurement-comparison": _measurement_comparison,
}
