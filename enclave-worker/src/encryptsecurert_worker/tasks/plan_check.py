"""Task `plan_check`: a plan beside another plan, a treatment record or a machine log.

Inputs: two objects of kind `plans`, the first of them a plan. Parameters: how beams find each
other, and tolerances in place of the usual ones. The result is one canonical JSON with a row for
each thing that was compared; differences beyond tolerance are what it is for, and no error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from encryptsecurert_protocol.canonical import fraction_from_text, fraction_text
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import Fields
from encryptsecurert_protocol.limits import MIB
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.plan_checks import (
    CHECK_NAME,
    PARAMETERS_SCHEMA,
    PLAN_CHECK_TASK,
    TOLERANCES,
    CheckRow,
    CheckVerdict,
    PlanComparison,
)
from encryptsecurert_protocol.plans import PlanForm, PlansHeader
from encryptsecurert_protocol.rights import Operation
from encryptsecurert_rt.errors import Cancelled, InvalidInput
from encryptsecurert_rt.plan import (
    LOG_TOLERANCES,
    PLAN_TOLERANCES,
    RECORD_TOLERANCES,
    BeamMatching,
    PlanCheck,
    Row,
    Tolerances,
    Verdict,
    compare_log,
    compare_plans,
    compare_record,
)
from encryptsecurert_rt.progress import Progress
from encryptsecurert_worker.tasks.plan_objects import (
    Opened,
    as_log,
    as_plan,
    as_record,
    open_plans,
)
from encryptsecurert_worker.tasks.task import TaskContext, TaskOutput

_DEFAULTS = {
    PlanForm.PLAN: PLAN_TOLERANCES,
    PlanForm.RECORD: RECORD_TOLERANCES,
    PlanForm.LOG: LOG_TOLERANCES,
}
_READ_END, _COMPARED_END = 0.1, 0.9
# Measured as resident octets of a process of its own, inputs included, with a quarter of margin. Of
# a log 7.8 octets for each: leaves stand there as logged, as planned, and as what the statistics of
# their differences are made of. The most rows that objects of a MiB can ask for take 111 MiB.
_BYTES, _BYTES_PER_OCTET = 144 * MIB, 10


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanCheckParameters:
    """What the user asked for; `tolerances` are those that are not the usual ones."""

    matching: BeamMatching
    tolerances: Mapping[str, float | None]

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "PlanCheckParameters":
        """Read the parameters strictly; anything wrong is E_PARAMETERS."""
        code = ErrorCode.E_PARAMETERS
        fields = Fields(value, ("schema", "matching", "tolerances"), code)
        fields.constant("schema", PARAMETERS_SCHEMA)
        told = fields.object("tolerances")
        if not set(told) <= set(TOLERANCES):
            raise EncryptSecureRTError(code)
        asked = cls(
            matching=BeamMatching(
                fields.text("matching", "|".join(one.value for one in BeamMatching))
            ),
            tolerances={name: _tolerance(text) for name, text in told.items()},
        )
        asked.over(PLAN_TOLERANCES)
        return asked

    def over(self, usual: Tolerances) -> Tolerances:
        """Return the usual tolerances with what was asked for in their place (E_PARAMETERS)."""
        try:
            return replace(usual, **self.tolerances)
        except InvalidInput:
            raise EncryptSecureRTError(ErrorCode.E_PARAMETERS) from None


def _tolerance(text: object) -> float | None:
    try:
        return None if text is None else fraction_from_text(text)
    except EncryptSecureRTError:
        raise EncryptSecureRTError(ErrorCode.E_PARAMETERS) from None


class PlanCheckTask:
    """Comparison of a plan with what should be the same."""

    name = PLAN_CHECK_TASK
    algorithm = "plan-check-1"
    operation = Operation.DOSE
    input_kinds: tuple[ObjectKind, ...] = (ObjectKind.PLANS, ObjectKind.PLANS)
    optional_kinds: tuple[ObjectKind, ...] = ()

    def describe(self) -> Mapping[str, Any]:
        """Return what can be chosen, and the usual tolerances by what stands beside the plan."""
        return {
            "schema": PARAMETERS_SCHEMA,
            "matching": [one.value for one in BeamMatching],
            "tolerances": {form.value: _told(usual) for form, usual in _DEFAULTS.items()},
        }

    def check(self, parameters: Mapping[str, Any]) -> None:
        """Refuse parameters that are not right."""
        PlanCheckParameters.from_json(parameters)

    def memory_bytes(self, input_sizes: Sequence[int], parameters: Mapping[str, Any]) -> int:
        """Bound what comparing takes: some copies of the larger object's numbers."""
        return _BYTES + _BYTES_PER_OCTET * sum(input_sizes)

    def run(
        self, inputs: Sequence[memoryview], parameters: Mapping[str, Any], context: TaskContext
    ) -> TaskOutput:
        """Compare, and write every row down."""
        asked = PlanCheckParameters.from_json(parameters)
        context.progress("read", 0.0)
        reference, other = (open_plans(octets) for octets in inputs)
        form = other.header.form
        tolerances = asked.over(_DEFAULTS[form])

        def progress(stage: str, fraction: float) -> None:
            context.progress(stage, _READ_END + (_COMPARED_END - _READ_END) * fraction)

        try:
            check = _compared(reference, other, tolerances, asked.matching, progress)
        except Cancelled:
            raise EncryptSecureRTError(ErrorCode.E_CANCELLED) from None
        context.progress("write", _COMPARED_END)
        comparison = PlanComparison(
            form=form.value,
            algorithm=self.algorithm,
            matching=asked.matching.value,
            tolerances={name: tolerances.named(name) for name in TOLERANCES},
            verdict=CheckVerdict(check.verdict.value),
            rows=tuple(_row(row) for row in check.rows),
            points=tuple(_row(row) for row in check.points),
            points_left_out=check.points_left_out,
        )
        for verdict in Verdict:
            context.log(f"rows.{verdict.value}", float(check.count(verdict)))
        return TaskOutput(
            results=((CHECK_NAME, comparison.encode()),),
            numbers=_numbers(check),
            warnings=("beyond_tolerance",) if check.verdict is Verdict.BEYOND else (),
        )


def _compared(
    reference: Opened,
    other: Opened,
    tolerances: Tolerances,
    matching: BeamMatching,
    progress: Progress,
) -> PlanCheck:
    plan = as_plan(reference)
    if other.header.form is PlanForm.LOG:
        return compare_log(plan, as_log(other), tolerances, progress=progress)
    if other.header.form is PlanForm.RECORD:
        record = as_record(other, reference.header)
        return compare_record(plan, record, tolerances, progress=progress)
    return compare_plans(
        plan,
        as_plan(other),
        tolerances,
        matching=matching,
        same_frame=_same_frame(reference.header, other.header),
        progress=progress,
    )


def _same_frame(one: PlansHeader, two: PlansHeader) -> bool | None:
    if one.frame_of_reference is None or two.frame_of_reference is None:
        return None
    return one.frame_of_reference == two.frame_of_reference


def _told(tolerances: Tolerances) -> dict[str, str]:
    values = {name: tolerances.named(name) for name in TOLERANCES}
    return {name: "none" if v is None else fraction_text(v) for name, v in values.items()}


def _row(row: Row) -> CheckRow:
    places = {
        "beam": row.beam,
        "group": row.group,
        "fraction": row.fraction,
        "point": row.point,
        "bank": row.bank,
        "leaf": row.leaf,
    }
    return CheckRow(
        what=row.what,
        unit=row.unit,
        verdict=CheckVerdict(row.verdict.value),
        places={name: place for name, place in places.items() if place is not None},
        expected=row.expected,
        found=row.found,
        difference=row.difference,
        tolerance=row.tolerance,
        compared=row.compared,
        not_compared=row.not_compared,
        beyond=row.beyond,
    )


def _numbers(check: PlanCheck) -> tuple[tuple[str, float], ...]:
    """Return how many rows there are of each verdict, and the worst difference of each kind."""
    counts = [(f"rows.{v.value}", float(check.count(v))) for v in Verdict]
    worst: dict[str, float] = {}
    for row in check.rows:
        if row.difference is not None:
            name = f"worst.{row.what}.{_unit_word(row.unit)}"
            worst[name] = max(abs(row.difference), worst.get(name, 0.0))
    return (*counts, *sorted(worst.items()))


def _unit_word(unit: str) -> str:
    return unit.replace("/", "_per_").replace("%", "percent").replace(" ", "_")
