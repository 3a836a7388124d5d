"""Task `break_glass`: open a case to its user for some hours, in an emergency, with a reason.

No inputs and no results but the receipt. The auditor is told of the case and of the reason, and
the hospital's alarm hears of it. An order that comes twice, or runs again after a crash, opens
the case once and for the same time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from encryptsecurert_protocol.audit import NOTE_CHARACTERS, checked_note
from encryptsecurert_protocol.bundles import PSEUDONYM
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import Fields
from encryptsecurert_protocol.limits import LIMITS, MIB
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.rights import Operation
from encryptsecurert_worker.tasks.task import TaskContext, TaskOutput

SCHEMA = "encryptsecurert.break-glass/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakGlassParameters:
    """Which case, and why: `reason` is as an audit line holds it."""

    pseudonym: str
    reason: str

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "BreakGlassParameters":
        """Read the parameters strictly; anything wrong is E_PARAMETERS."""
        fields = Fields(value, ("schema", "pseudonym", "reason"), ErrorCode.E_PARAMETERS)
        fields.constant("schema", SCHEMA)
        reason = value["reason"]
        if not isinstance(reason, str):
            raise EncryptSecureRTError(ErrorCode.E_PARAMETERS)
        return cls(pseudonym=fields.text("pseudonym", PSEUDONYM), reason=checked_note(reason))


class BreakGlassTask:
    """Opens a case that is not shared with the user."""

    name = "break_glass"
    algorithm = "break-glass-1"
    operation = Operation.BREAK_GLASS
    input_kinds: tuple[ObjectKind, ...] = ()
    optional_kinds: tuple[ObjectKind, ...] = ()

    def describe(self) -> Mapping[str, Any]:
        """Return what must be given, and for how long a case is opened."""
        return {
            "schema": SCHEMA,
            "reason_characters": NOTE_CHARACTERS,
            "granted_s": LIMITS.break_glass_s,
        }

    def check(self, parameters: Mapping[str, Any]) -> None:
        """Refuse parameters that are not right."""
        BreakGlassParameters.from_json(parameters)

    def memory_bytes(self, input_sizes: Sequence[int], parameters: Mapping[str, Any]) -> int:
        """Bound what a few small messages take."""
        return MIB

    def run(
        self, inputs: Sequence[memoryview], parameters: Mapping[str, Any], context: TaskContext
    ) -> TaskOutput:
        """Open the case, and say for how long."""
        asked = BreakGlassParameters.from_json(parameters)
        context.progress("granting", 0.1)
        until = context.break_glass(asked.pseudonym, asked.reason)
        granted_s = (until - context.now().replace(microsecond=0)).total_seconds()
        return TaskOutput(results=(), numbers=(("granted_s", granted_s),))
