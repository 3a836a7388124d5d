"""Task `protect` asks for each patient before it makes an answer that would tell the pseudonym."""

from typing import Any

import pytest
from Testing.Unit.protect.conftest import Site, make_ct, request_of
from Testing.Unit.worker.contexts import site_keys, task_context
from Testing.Unit.worker.made import refusal_of
from Testing.Unit.worker.peaks import PROTECT

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.framing import pack_batch, unpack_batch
from encryptsecurert_protocol.headers import HeaderState, decode_answer, encode_request
from encryptsecurert_worker.dicom.protect.identity import patient_pseudonym
from encryptsecurert_worker.dicom.protect.protector import Protector
from encryptsecurert_worker.tasks.protect import ProtectTask
from encryptsecurert_worker.tasks.task import SiteKeys, TaskContext, TaskOutput

PATIENT_ID, SOP_CLASS = 0x00100020, 0x00080016
INSTANCE, STUDY = 0x00080018, 0x0020000D
CT, UNKNOWN = b"1.2.840.10008.5.1.4.1.1.2", b"1.2.3"


class Desk:
    """Admits so many patients, and notes whom it was asked for."""

    def __init__(self, most: int = 9) -> None:
        self.asked: list[str] = []
        self._most = most

    def admit(self, pseudonym: str) -> None:
        """Admit a patient, or refuse."""
        self.asked.append(pseudonym)
        if len(set(self.asked)) > self._most:
            raise EncryptSecureRTError(ErrorCode.E_QUOTA)


@pytest.fixture(scope="module")
def keys() -> SiteKeys:
    keys = Site().keys
    return site_keys(keys.recipient_certificate, keys.escrow_certificate)


def _header(patient: bytes, sop_class: bytes = CT, number: int = 1) -> bytes:
    changes: dict[int, tuple[bytes, Any] | None] = {
        PATIENT_ID: (b"LO", patient),
        SOP_CLASS: (b"UI", sop_class),
        INSTANCE: (b"UI", b"1.2.3.4.%d" % number),
        STUDY: (b"UI", b"1.2.3." + patient),
    }
    return encode_request(request_of(make_ct(changes)))


def _run(headers: list[bytes], context: TaskContext) -> TaskOutput:
    return ProtectTask().run([memoryview(pack_batch(headers))], PROTECT, context)


def _name(patient: bytes, keys: SiteKeys) -> str:
    pseudonym = patient_pseudonym(keys.pid_key, issuer=b"", patient_id=patient, study_uid=b"1.2")
    return pseudonym.decode("ascii")


def test_each_patient_of_a_job_is_asked_for_once_by_the_pseudonym(keys: SiteKeys) -> None:
    desk = Desk()
    headers = [_header(b"4711"), _header(b"4712"), _header(b"4711", number=2)]
    output = _run(headers, task_context(keys=keys, admit_patient=desk.admit))

    one, other = _name(b"4711", keys), _name(b"4712", keys)
    assert desk.asked == [one, other]
    assert dict(output.numbers) == {"instances_protected": 3.0, "instances_refused": 0.0}


def test_a_patient_too_many_fails_the_whole_job(keys: SiteKeys) -> None:
    desk = Desk(most=1)
    context = task_context(keys=keys, admit_patient=desk.admit)

    assert refusal_of(_run, [_header(b"4711"), _header(b"4712")], context) is ErrorCode.E_QUOTA


def test_a_quota_that_cannot_be_noted_fails_the_whole_job(keys: SiteKeys) -> None:
    def full(pseudonym: str) -> None:
        raise EncryptSecureRTError(ErrorCode.E_BUSY)

    context = task_context(keys=keys, admit_patient=full)

    assert refusal_of(_run, [_header(b"4711")], context) is ErrorCode.E_BUSY


def test_nobody_is_sealed_before_the_patient_is_admitted(
    keys: SiteKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed: list[object] = []
    monkeypatch.setattr(Protector, "seal", lambda self, examined: sealed.append(examined))
    context = task_context(keys=keys, admit_patient=Desk(most=0).admit)

    assert refusal_of(_run, [_header(b"4711")], context) is ErrorCode.E_QUOTA
    assert sealed == []


def test_a_header_that_is_refused_tells_no_pseudonym_and_counts_nobody(keys: SiteKeys) -> None:
    desk = Desk(most=0)
    output = _run([_header(b"4711", UNKNOWN)], task_context(keys=keys, admit_patient=desk.admit))

    (answer,) = [decode_answer(item) for item in unpack_batch(output.results[0][1])]
    assert (answer.state, answer.code) == (HeaderState.REFUSED, ErrorCode.E_MODALITY)
    assert desk.asked == []


def test_answers_beyond_a_batch_end_the_job_at_once(keys: SiteKeys) -> None:
    # One header of nearly a MiB holds its original twice when it is sealed.
    note = (b"UT", b"x" * 1_000_000)
    headers = [
        encode_request(
            request_of(make_ct({0x00204000: note, INSTANCE: (b"UI", b"1.2.3.%d" % number)}))
        )
        for number in range(60)
    ]
    heard: list[float] = []
    context = task_context(keys=keys, progress=lambda stage, fraction: heard.append(fraction))

    assert refusal_of(_run, headers, context) is ErrorCode.E_TOO_LARGE
    assert len(heard) < 40
