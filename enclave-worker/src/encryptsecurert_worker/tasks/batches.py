"""What the tasks share that answer a batch item by item."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_worker.tasks.task import TaskContext

# Octets of memory that one octet of a manifest takes while its entries are read.
MANIFEST_PER_OCTET = 12
# An event costs as much as half an instance; each instance is a check point all the same.
_STEPS = 10


class Answer(NamedTuple):
    """One item's answer, as it stands in the batch of answers."""

    octets: bytes
    refused: bool


def answer_each(
    items: Sequence[memoryview],
    answer: Callable[[memoryview], Answer],
    context: TaskContext,
    stage: str,
) -> tuple[list[bytes], int]:
    """Return the answers in the order of their items, and how many are refusals.

    Raises
    ------
    EncryptSecureRTError
        E_TOO_LARGE if the answers are more than a batch; whatever `answer` raises.
    """
    answers: list[bytes] = []
    refused = answers_bytes = 0
    for number, item in enumerate(items):
        context.progress(stage, 0.05 + 0.9 * (_STEPS * number // len(items)) / _STEPS)
        octets, is_refusal = answer(item)
        refused += is_refusal
        answers.append(octets)
        answers_bytes += len(octets)
        if answers_bytes > LIMITS.batch_bytes:
            raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
    return answers, refused
