"""Task `protect`: DICOM headers in, protected headers out; pixel data never come here.

Input: one object of kind `headers`, a batch of header requests. Result `headers`: a batch of
answers in the same order, each protected or refused with a code of its own. Result `manifests`, if
anything was protected: a batch of signed manifests, one a study, each as the DICOM file that
carries it. A second input, of kind `manifests`, holds those of earlier batches of the same call;
their entries stand in the new ones. A series is
protected whole or not at all, so one refused instance is the client's reason to write nothing.
The patients of a user's day are counted, and one too many fails the whole job with E_QUOTA.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
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
from encryptsecurert_protocol.rights import Operation
from encryptsecurert_protocol.statement import Kind
from encryptsecurert_worker.dicom.manifest.studies import StudyManifests
from encryptsecurert_worker.dicom.protect import ProtectionKeys, Protector
from encryptsecurert_worker.tasks.batches import MANIFEST_PER_OCTET, Answer, answer_each
from encryptsecurert_worker.tasks.task import TaskContext, TaskOutput

SCHEMA = "encryptsecurert.protect/1"
RESULT, MANIFESTS = "headers", "manifests"
# A header has some hundred octets at least; its answer has two RSA-wrapped keys and 4 KiB sealed.
_ANSWER_PER_OCTET = 24
_WORK_BYTES = 96 * MIB
# Sealing one header has it in clear, as attributes, raw, encrypted and in DER at once.
_WORK_PER_OCTET = 16


class ProtectTask:
    """Seals the headers of the kinds of objects that have an allow-list."""

    name = "protect"
    algorithm = "protect-2"
    operation = Operation.PROTECT
    input_kinds: tuple[ObjectKind, ...] = (ObjectKind.HEADERS,)
    optional_kinds: tuple[ObjectKind, ...] = (ObjectKind.MANIFESTS,)

    def describe(self) -> Mapping[str, Any]:
        """Return the parameters' schema: there is nothing to choose yet."""
        return {"schema": SCHEMA}

    def check(self, parameters: Mapping[str, Any]) -> None:
        """Refuse anything but the bare schema."""
        if dict(parameters) != {"schema": SCHEMA}:
            raise EncryptSecureRTError(ErrorCode.E_PARAMETERS)

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
        protector = Protector(_keys(context))
        manifests = StudyManifests(context.keys.manifest_site, self.algorithm)
        for earlier in unpack_batch(inputs[1]) if len(inputs) > 1 else ():
            manifests.take(bytes(earlier))

        def answer(item: memoryview) -> Answer:
            protected = _answer(protector, item, manifests, context)
            return Answer(encode_answer(protected), protected.state is HeaderState.REFUSED)

        answers, refused = answer_each(items, answer, context, "protecting")
        context.log("instances_refused", float(refused))
        results = [(RESULT, pack_batch(answers))]
        files = manifests.files(context.keys.uid_key, simulated=context.kind is Kind.SIMULATED)
        if files:
            results.append((MANIFESTS, pack_batch([encode_answer(file) for file in files])))
        return TaskOutput(
            results=tuple(results),
            numbers=(
                ("instances_protected", float(len(items) - refused)),
                ("instances_refused", float(refused)),
            ),
        )


def _work_bytes(batch_bytes: int) -> int:
    """Bound the work on one header, which is at most the batch."""
    return _WORK_BYTES + _WORK_PER_OCTET * min(batch_bytes, MAX_HEADER_BYTES)


def _answer(
    protector: Protector, item: memoryview, manifests: StudyManifests, context: TaskContext
) -> ProtectedHeader:
    """Protect one header, or refuse it; a patient too many ends the job, so that it tells nothing.

    Whoever may protect could otherwise look up pseudonyms by guessing.
    """
    try:
        examined = protector.examine(decode_request(item))
    except EncryptSecureRTError as error:
        return refused_header(error.code)
    context.admit_patient(examined.pseudonym)
    try:
        answer = protector.seal(examined)
        manifests.add(answer)
        return answer
    except EncryptSecureRTError as error:
        return refused_header(error.code)


def _keys(context: TaskContext) -> ProtectionKeys:
    return ProtectionKeys(
        uid_key=context.keys.uid_key,
        pid_key=context.keys.pid_key,
        recipient_certificate=context.keys.recipient_certificate,
        escrow_certificate=context.keys.escrow_certificate,
        simulated=context.kind is Kind.SIMULATED,
    )
