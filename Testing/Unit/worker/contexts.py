"""What a task gets from its surroundings, where a test does not look at it."""

import dataclasses

from Testing.Unit.worker.made import NOW

from encryptsecurert_protocol.statement import Kind
from encryptsecurert_worker.tasks.task import SiteKeys, TaskContext

KEYS = SiteKeys(
    uid_key=b"u" * 32, pid_key=b"p" * 32, recipient_certificate=b"", escrow_certificate=b""
)


def task_context(**changes: object) -> TaskContext:
    """Return a context that lets everything pass; `changes` replace members."""
    context = TaskContext(
        progress=lambda stage, fraction: None,
        log=lambda entry, value: None,
        keys=KEYS,
        kind=Kind.SIMULATED,
        measurement="0" * 64,
        input_sha256=("0" * 64,),
        admit_patient=lambda pseudonym: None,
        break_glass=lambda pseudonym, reason: NOW,
        now=lambda: NOW,
    )
    return dataclasses.replace(context, **changes)  # type: ignore[arg-type]  # members of a test
