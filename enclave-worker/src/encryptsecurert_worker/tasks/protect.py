"""Task `protect`: DICOM headers in, protected headers out; pixel data never come here.

Input: one object of kind `headers`, a batch of header requests. Result `headers`: a batch of
answers in the same order, each protected or refused with a code of its own. A series is
protected whole or not at all, so one refused instance is the client's reason to write nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.framing import pack_batch, unpack_batch
from encryptsecurert_protocol.headers import decode_request, encode_answer, refused_header
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.rights import Operation
from encryptsecurert_protocol.statement import Kind
from encryptsecurert_worker.dicom.protect import ProtectionKeys, Protector
from encryptsecurert_worker.tasks.task import TaskContext, TaskOutput

SCHEMA = "encryptsecurert.protect/1"
RESULT = "headers"


class ProtectTask:
    """Seals the headers of CT instances."""

    name = "protect"
    algorithm = "protect-ct-1"
    operation = Operation.PROTECT
    input_kinds: tuple[ObjectKind, ...] = (ObjectKind.HEADERS,)

    def describe(self) -> Mapping[str, Any]:
        """Return the parameters' schema: there is nothing to choose yet."""
        return {"schema": SCHEMA}

    def check(self, parameters: Mapping[str, Any]) -> None:
        """Refuse anything but the bare schema."""
        if dict(parameters) != {"schema": SCHEMA}:
            raise EncryptSecureRTError(ErrorCode.E_PARAMETERS)

    def run(
        self, inputs: Sequence[memoryview], parameters: Mapping[str, Any], context: TaskContext
    ) -> TaskOutput:
        """Protect each header of the batch."""
        items = unpack_batch(inputs[0])
        keys = ProtectionKeys(
            uid_key=context.keys.uid_key,
            pid_key=context.keys.pid_key,
            recipient_certificate=context.keys.recipient_certificate,
            escrow_certificate=context.keys.escrow_certificate,
            simulated=context.kind is Kind.SIMULATED,
        )
        protector = Protector(keys)
        answers: list[bytes] = []
        refused = 0
        for number, item in enumerate(items):
            context.progress("protecting", 0.05 + 0.9 * number / len(items))
            try:
                answer = protector.protect(decode_request(item))
            except EncryptSecureRTError as error:
                answer = refused_header(error.code)
                refused += 1
            answers.append(encode_answer(answer))
        context.log("instances_refused", float(refused))
        return TaskOutput(
            results=((RESULT, pack_batch(answers)),),
            numbers=(
                ("instances_protected", float(len(items) - refused)),
                ("instances_refused", float(refused)),
            ),
        )
