"""Plan checks: a plan beside another plan, beside what was recorded, beside what a machine logged.

    points       what a beam does: meterset, axes, leaves and spots at each control point
    model        plans, treatment records and machine logs, valid once they exist
    tolerances   how much may differ, by kind of comparison, with sources
    rows         one row for each thing that was compared: expected, found, difference, verdict
    sampling     a beam at any meterset, between its control points
    matching     which beam of the one is which of the other
    compare_plans, compare_record, compare_log

Nothing here has a name: beams are numbers, leaves are counted from 1. What a side does not say is
NaN or None; it is counted as not compared and is never equal to anything.
"""

from encryptsecurert_rt.plan.compare_log import compare_log
from encryptsecurert_rt.plan.compare_plans import compare_plans
from encryptsecurert_rt.plan.compare_record import compare_record
from encryptsecurert_rt.plan.matching import BeamMatching
from encryptsecurert_rt.plan.model import (
    Beam,
    BeamLog,
    Delivery,
    FractionGroup,
    MachineLog,
    Plan,
    TreatmentRecord,
    Wedge,
)
from encryptsecurert_rt.plan.points import AXES, COLUMNS, ControlPoints, Device, DeviceKind
from encryptsecurert_rt.plan.rows import PlanCheck, Row, Verdict
from encryptsecurert_rt.plan.tolerances import (
    LOG_TOLERANCES,
    PLAN_TOLERANCES,
    RECORD_TOLERANCES,
    Tolerances,
)

__all__ = [
    "AXES",
    "COLUMNS",
    "LOG_TOLERANCES",
    "PLAN_TOLERANCES",
    "RECORD_TOLERANCES",
    "Beam",
    "BeamLog",
    "BeamMatching",
    "ControlPoints",
    "Delivery",
    "Device",
    "DeviceKind",
    "FractionGroup",
    "MachineLog",
    "Plan",
    "PlanCheck",
    "Row",
    "Tolerances",
    "TreatmentRecord",
    "Verdict",
    "Wedge",
    "compare_log",
    "compare_plans",
    "compare_record",
]
