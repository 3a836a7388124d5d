"""Task `protect`: DICOM headers in, protected headers out; pixel data do not come here.

They do of files that are sealed whole, as one octet string with their header.

Input: one object of kind `headers`, a batch of header requests. Result `headers`: a batch of
answers in the same order, each protected or refused with a code of its own. Result `manifests`, if
anything was protected: a batch of signed manifests, one a study, each as the DICOM file that
carries it. A second input, of kind `manifests`, holds those of earlier batches of the same call;
their entries stand in the new ones. Result `report`: what stands in clear and why, counted from
the answers themselves, and what was sealed by class; no value of anybody. An instance is refused
by itself; what the others are worth without it is the client's to judge. The patients of a user's
day are counted, and one too many fails the whole job with E_QUOTA. The auditor is told for how many
files the user vouches that no pixel shows text.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import Fields
from encryptsecurert_protocol.framing import pack_batch, unpack_batch
from encryptsecurert_protocol.headers import (
    MAX_HEADER_BYTES,
    HeaderState,
    ProtectedHeader,
    decode_request,
    encode_answer,
    refused_header,
)
from encryptsecurert_protocol.limits import LIMITS, MIB
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.protection_reports import REPORT_NAME
from encryptsecurert_protocol.rights import Operation
from encryptsecurert_protocol.statement import Kind
from encryptsecurert_worker.dicom.manifest.studies import StudyManifests
from encryptsecurert_worker.dicom.protect import ProtectionKeys, Protector
from encryptsecurert_worker.dicom.protect.choices import Choices, Dates, PixelText
from encryptsecurert_worker.dicom.report import JobReport
from encryptsecurert_worker.tasks.batches import MANIFEST_PER_OCTET, Answer, answer_each
from encryptsecurert_worker.tasks.task import TaskContext, TaskOutput

SCHEMA = "encryptsecurert.protect/2"
RESULT, MANIFESTS = "headers", "manifests"
# A request has some hundred octets at least; of its answer each sealed item has 4 KiB and a key or
# two wrapped by RSA.
_ANSWER_PER_OCTET = 48
_WORK_BYTES = 96 * MIB
# Sealing one header has it in clear, as attributes, raw, encrypted and in DER at once.
_WORK_PER_OCTET = 16
_PATIENTS_KEPT = 64  # of those that were counted in a job, as a rule there is one
# With offline recipients, some of that once more in items of theirs.
_OFFLINE_PER_OCTET = 8


def choices_of(parameters: Mapping[str, Any]) -> Choices:
    """Read the parameters strictly; anything wrong is E_PARAMETERS."""
    fields = Fields(parameters, ("schema", "dates", "pixels"), ErrorCode.E_PARAMETERS)
    fields.constant("schema", SCHEMA)
    return Choices(
        dates=Dates(fields.text("dates", "|".join(one.value for one in Dates))),
        pixels=PixelText(fields.text("pixels", "|".join(one.value for one in PixelText))),
    )


class ProtectTask:
    """Seals the headers of the kinds of objects that have an allow-list."""

    name = "protect"
    algorithm = "protect-4"
    operation = Operation.PROTECT
    input_kinds: tuple[ObjectKind, ...] = (ObjectKind.HEADERS,)
    optional_kinds: tuple[ObjectKind, ...] = (ObjectKind.MANIFESTS,)

    def describe(self) -> Mapping[str, Any]:
        """Return what can be chosen."""
        return {
            "schema": SCHEMA,
            "dates": [one.value for one in Dates],
            "pixels": [one.value for one in PixelText],
        }

    def check(self, parameters: Mapping[str, Any]) -> None:
        """Refuse parameters that are not right."""
        choices_of(parameters)

    def memory_bytes(self, input_sizes: Sequence[int], parameters: Mapping[str, Any]) -> int:
        """Bound the batch, its answers twice (packing them), and the work on one header."""
        batch_bytes, earlier_bytes = input_sizes[0], sum(input_sizes[1:])
        answers_bytes = min(LIMITS.batch_bytes, _ANSWER_PER_OCTET * batch_bytes)
        return (
            batch_bytes
            + 3 * answers_bytes
            + MANIFEST_PER_OCTET * earlier_bytes
            + _work_bytes(batch_bytes)
        )

    def run(
        self, inputs: Sequence[memoryview], parameters: Mapping[str, Any], context: TaskContext
    ) -> TaskOutput:
        """Protect each header of the batch."""
        items = unpack_batch(inputs[0])
        choices = choices_of(parameters)
        protector = Protector(_keys(context), choices)
        report = JobReport(self.algorithm, choices, context.keys.offline)
        manifests = StudyManifests(context.keys.manifest_site, self.algorithm)
        for earlier in unpack_batch(inputs[1]) if len(inputs) > 1 else ():
            manifests.take(bytes(earlier))

        vouched = 0
        admit = lru_cache(_PATIENTS_KEPT)(context.admit_patient)  # it raises for who is not

        def answer(item: memoryview) -> Answer:
            nonlocal vouched
            protected, is_vouched = _answer(protector, item, manifests, report, admit)
            vouched += is_vouched
            return Answer(encode_answer(protected), protected.state is HeaderState.REFUSED)

        answers, refused = answer_each(items, answer, context, "protecting")
        if vouched:  # before any result is sealed: the auditor hears of it first
            context.tell_vouched(vouched)
        context.log("instances_refused", float(refused))
        results = [(RESULT, pack_batch(answers))]
        files = manifests.files(context.keys.uid_key, simulated=context.kind is Kind.SIMULATED)
        if files:
            results.append((MANIFESTS, pack_batch([encode_answer(file) for file in files])))
        results.append((REPORT_NAME, report.report().encode()))
        return TaskOutput(
            results=tuple(results),
            numbers=(
                ("instances_protected", float(len(items) - refused)),
                ("instances_refused", float(refused)),
            ),
        )


def _work_bytes(batch_bytes: int) -> int:
    """Bound the work on one header, which is at most the batch."""
    per_octet = _WORK_PER_OCTET + _OFFLINE_PER_OCTET
    return _WORK_BYTES + per_octet * min(batch_bytes, MAX_HEADER_BYTES)


def _answer(
    protector: Protector,
    item: memoryview,
    manifests: StudyManifests,
    report: JobReport,
    admit: Callable[[str], None],
) -> tuple[ProtectedHeader, bool]:
    """Protect one header, or refuse it; tell also if it is protected since its user vouches for it.

    A patient too many ends the job, so that it tells nothing: whoever may protect could otherwise
    look up pseudonyms by guessing.
    """
    try:
        examined = protector.examine(decode_request(item))
    except EncryptSecureRTError as error:
        report.refuse(error.code)
        return refused_header(error.code), False
    admit(examined.pseudonym)
    try:
        answer, sealed_tags = protector.seal_with_tags(examined)
        file = manifests.add(answer)
    except EncryptSecureRTError as error:
        report.refuse(error.code)
        return refused_header(error.code), False
    report.add(examined, sealed_tags, file)
    return answer, examined.vouched


def _keys(context: TaskContext) -> ProtectionKeys:
    return ProtectionKeys(
        uid_key=context.keys.uid_key,
        pid_key=context.keys.pid_key,
        dateshift_key=context.keys.dateshift_key,
        recipient_certificate=context.keys.recipient_certificate,
        escrow_certificate=context.keys.escrow_certificate,
        offline=context.keys.offline,
        simulated=context.kind is Kind.SIMULATED,
    )
