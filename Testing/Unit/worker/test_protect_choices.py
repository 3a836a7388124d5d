"""What the user of a `protect` job chooses: read strictly, told in the offer and to the auditor."""

from typing import Any

import pytest
from Testing.Unit.protect.conftest import Site, make_ct, request_of
from Testing.Unit.protect.pictures import CAPTURE, ULTRASOUND, picture
from Testing.Unit.protect.wholes import whole
from Testing.Unit.worker.contexts import site_keys, task_context
from Testing.Unit.worker.made import refusal_of
from Testing.Unit.worker.peaks import PROTECT

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.framing import pack_batch, unpack_batch
from encryptsecurert_protocol.headers import HeaderRequest, decode_answer, encode_request
from encryptsecurert_worker.dicom.protect.choices import Choices, Dates, PixelText
from encryptsecurert_worker.tasks.protect import ProtectTask, choices_of
from encryptsecurert_worker.tasks.task import SiteKeys, TaskContext, TaskOutput

VOUCHED = {**PROTECT, "pixels": "vouched"}
INSTANCE = 0x00080018


@pytest.fixture(scope="module")
def keys() -> SiteKeys:
    keys = Site().keys
    return site_keys(keys.recipient_certificate, keys.escrow_certificate)


def _run(requests: list[HeaderRequest], chosen: Any, context: TaskContext) -> TaskOutput:
    batch = pack_batch([encode_request(request) for request in requests])
    return ProtectTask().run([memoryview(batch)], chosen, context)


def _codes(output: TaskOutput) -> list[ErrorCode | None]:
    return [decode_answer(item).code for item in unpack_batch(dict(output.results)["headers"])]


def test_parameters_are_exactly_these_three() -> None:
    assert choices_of(PROTECT) == Choices(dates=Dates.REMOVE, pixels=PixelText.JUDGED)
    both = {**PROTECT, "dates": "shift", "pixels": "vouched"}
    assert choices_of(both) == Choices(dates=Dates.SHIFT, pixels=PixelText.VOUCHED)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"schema": "encryptsecurert.protect/1"},
        {**PROTECT, "schema": "encryptsecurert.protect/1"},
        {key: value for key, value in PROTECT.items() if key != "dates"},
        {key: value for key, value in PROTECT.items() if key != "pixels"},
        {**PROTECT, "dates": "keep"},
        {**PROTECT, "dates": "shift "},
        {**PROTECT, "dates": ["remove"]},
        {**PROTECT, "dates": None},
        {**PROTECT, "pixels": "clean"},
        {**PROTECT, "pixels": True},
        {**PROTECT, "days": -7},
    ],
)
def test_anything_else_is_refused(parameters: dict[str, Any]) -> None:
    ProtectTask().check(PROTECT)

    assert refusal_of(ProtectTask().check, parameters) is ErrorCode.E_PARAMETERS


def test_the_offer_tells_the_choices() -> None:
    described = ProtectTask().describe()

    assert described["dates"] == ["remove", "shift"]
    assert described["pixels"] == ["judged", "vouched"]
    for dates in described["dates"]:
        for pixels in described["pixels"]:
            chosen = {"schema": described["schema"], "dates": dates, "pixels": pixels}
            ProtectTask().check(chosen)


def test_the_auditor_is_told_of_how_many_files_the_user_vouches_for(keys: SiteKeys) -> None:
    told: list[int] = []
    requests = [
        picture(CAPTURE),
        picture(ULTRASOUND, {INSTANCE: (b"UI", b"1.2.3.4.6")}),
        request_of(make_ct({INSTANCE: (b"UI", b"1.2.3.4.7")})),
        whole(make_ct({INSTANCE: (b"UI", b"1.2.3.4.8"), 0x00080016: (b"UI", CAPTURE)})),
        picture(CAPTURE, {INSTANCE: (b"UI", b"1.2.3.4.9"), 0x00280301: (b"CS", b"YES")}),
    ]

    output = _run(requests, VOUCHED, task_context(keys=keys, tell_vouched=told.append))

    assert _codes(output) == [None, None, None, None, ErrorCode.E_BURNED_IN]
    assert told == [2]


def test_nobody_is_told_where_nothing_was_vouched_for(keys: SiteKeys) -> None:
    told: list[int] = []
    context = task_context(keys=keys, tell_vouched=told.append)

    judged = _run([picture(CAPTURE), request_of(make_ct())], PROTECT, context)
    _run([request_of(make_ct())], VOUCHED, context)

    assert _codes(judged) == [ErrorCode.E_BURNED_IN, None]
    assert told == []


def test_a_job_that_the_auditor_cannot_be_told_of_has_no_results(keys: SiteKeys) -> None:
    def full(files: int) -> None:
        raise EncryptSecureRTError(ErrorCode.E_BUSY)

    context = task_context(keys=keys, tell_vouched=full)

    assert refusal_of(_run, [picture(CAPTURE)], VOUCHED, context) is ErrorCode.E_BUSY


def test_a_file_that_is_sealed_whole_counts_its_patient_and_stands_in_the_manifest(
    keys: SiteKeys,
) -> None:
    asked: list[str] = []
    octets = make_ct({INSTANCE: (b"UI", b"1.2.3.4.8")})
    context = task_context(keys=keys, admit_patient=asked.append)

    output = _run([request_of(make_ct()), whole(octets)], PROTECT, context)

    _run([whole(octets)], PROTECT, context)
    assert len(asked) == 2  # once each job
    assert len(set(asked)) == 1
    (file,) = map(decode_answer, unpack_batch(dict(output.results)["manifests"]))
    manifest = keys.manifest_site.open(bytes(file.header))
    assert sorted(len(entry.bulk_sha256) for entry in manifest.entries) == [0, 1]
    assert manifest.algorithm == "protect-4"


def test_the_same_instance_whole_and_as_header_is_one_too_many(keys: SiteKeys) -> None:
    requests = [request_of(make_ct()), whole(make_ct())]

    output = _run(requests, PROTECT, task_context(keys=keys))

    assert _codes(output) == [None, ErrorCode.E_DICOM]
