"""What a job is given: its complete objects and its parameters, checked whenever they are taken.

Asked when a job is accepted and again when it starts: its objects may be gone by then, and the
worker may have been started with another task or less memory.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.jobs import JobHeader
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_worker.core import WorkerCore
from encryptsecurert_worker.tasks.task import Task
from encryptsecurert_worker.vault.uploads import Upload


@dataclass(frozen=True, slots=True)
class Given:
    """A task with what it is to work on.

    Attributes
    ----------
    inputs : complete, of the kinds that the task takes, in its order.
    """

    task: Task
    inputs: tuple[Upload, ...]
    parameters_object: Upload
    parameters: Mapping[str, Any]

    @property
    def sha256_hex(self) -> tuple[str, ...]:
        """Digests of the inputs' plaintexts, then of the parameters'."""
        return tuple(o.content.sha256.hex() for o in (*self.inputs, self.parameters_object))


def given_to(core: WorkerCore, order: JobHeader) -> Given:
    """Return what an order names.

    Raises
    ------
    EncryptSecureRTError
        E_TASK, E_INPUT_GONE, E_PARAMETERS, E_TOO_LARGE beyond the memory budget.
    """
    task, objects = core.tasks.get(order.task), core.objects
    parameters_object = objects.require_complete(order.user, order.parameters)
    inputs = tuple(objects.require_complete(order.user, name) for name in order.inputs)
    kinds = tuple(held.header.kind for held in inputs)
    allowed = (task.input_kinds, task.input_kinds + task.optional_kinds)
    if kinds not in allowed or parameters_object.header.kind is not ObjectKind.PARAMETERS:
        raise EncryptSecureRTError(ErrorCode.E_PARAMETERS)
    parameters = canonical.decode(bytes(objects.open(parameters_object)))
    task.check(parameters)
    sizes = [held.content.size_bytes for held in inputs]
    if task.memory_bytes(sizes, parameters) > core.memory_bytes:
        raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE, "beyond the worker's memory budget")
    return Given(task, inputs, parameters_object, parameters)
