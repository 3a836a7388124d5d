"""A user vouches for pictures: the audit log tells of it, by user and job, and of no patient."""

from Testing.Integration.audited import audit_lines
from Testing.Integration.hospital import Ward
from Testing.Integration.orders import PROTECT_PARAMETERS, draft, end_of, post, put_object
from Testing.Unit.protect.pictures import CAPTURE, ULTRASOUND, picture

from encryptsecurert_protocol.audit import AuditEvent
from encryptsecurert_protocol.framing import pack_batch
from encryptsecurert_protocol.headers import encode_request
from encryptsecurert_protocol.jobs import JobState, job_digest
from encryptsecurert_protocol.objects import ObjectKind
from EncryptSecureRTLib.custodian.audit_words import as_row


def test_a_line_before_the_end_names_user_and_job_and_no_patient(ward: Ward) -> None:
    requests = [picture(CAPTURE), picture(ULTRASOUND, {0x00080018: (b"UI", b"1.2.3.4.6")})]
    batch = pack_batch([encode_request(request) for request in requests])
    with ward.channel() as channel:
        name = put_object(channel, ward.physicist, batch, ObjectKind.HEADERS)
        parameters = {**PROTECT_PARAMETERS, "pixels": "vouched"}
        order = draft(channel, ward.physicist, inputs=(name,), parameters=parameters)
        post(channel, order, ward.physicist.user().key)
        assert end_of(channel, order.job).state is JobState.DONE

    lines = [line for line in audit_lines(ward.hospital) if line.job == order.job]

    events = [line.event for line in lines]
    assert events.count(AuditEvent.VOUCHED) == 1
    assert events.index(AuditEvent.VOUCHED) < events.index(AuditEvent.JOB_FINISHED)
    line = lines[events.index(AuditEvent.VOUCHED)]
    assert (line.user, line.note, line.case, line.code) == (order.user, "files: 2", "", "")
    assert line.digest == job_digest(order.encode()).hex()
    assert as_row(line)["what"] == "vouched that pictures show no text in their pixels"
