"""Small plans, records and logs, of which a test changes one thing."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from encryptsecurert_rt.plan import (
    AXES,
    Beam,
    BeamLog,
    ControlPoints,
    Delivery,
    Device,
    DeviceKind,
    FractionGroup,
    MachineLog,
    Plan,
    PlanCheck,
    Row,
    TreatmentRecord,
)
from encryptsecurert_rt.plan.model import Count, Word
from encryptsecurert_rt.plan.points import FloatArray

PAIRS = 4
AT = {axis.name: n for n, axis in enumerate(AXES)}
_WORDS = {
    Word.RADIATION: "PHOTON",
    Word.TYPE: "DYNAMIC",
    Word.DELIVERY: "TREATMENT",
    Word.FLUENCE: "STANDARD",
    Word.UNIT: "MU",
    Word.POSITION: "HFS",
}
_STILL = {
    "collimator": 10.0,
    "couch": 0.0,
    "energy": 6.0,
    "dose_rate": 600.0,
    "isocenter_x": 1.0,
    "isocenter_y": 2.0,
    "isocenter_z": 3.0,
}


def axes(count: int, **values: Any) -> FloatArray:
    """Return a table with a usual value, or one that is given, of each axis; others are unknown."""
    table = np.full((count, len(AXES)), np.nan)
    for name, value in {**_STILL, **values}.items():
        table[:, AT[name]] = value
    return table


def arc(count: int = 9, start_deg: float = 350.0, span_deg: float = 40.0) -> ControlPoints:
    """Return a clockwise arc through 0 degrees, with leaves that move by 1 mm a control point."""
    n = np.arange(count, dtype=np.float64)
    share = n / (count - 1)
    bank = np.tile(np.linspace(-8.0, 8.0, PAIRS), (count, 1)) + 8.0 * share[:, None]
    return ControlPoints(
        meterset=share,
        plan_point=np.full(count, np.nan),
        axes=axes(count, gantry=(start_deg + span_deg * share) % 360.0, gantry_direction=1.0),
        devices=(
            Device(kind=DeviceKind.ASYMX, positions_mm=np.tile([-50.0, 50.0], (count, 1))),
            Device(kind=DeviceKind.ASYMY, positions_mm=np.tile([-40.0, 40.0], (count, 1))),
            Device(
                kind=DeviceKind.MLCX,
                positions_mm=np.concatenate([bank - 10.0, bank + 10.0], axis=1),
                boundaries_mm=np.linspace(-20.0, 20.0, PAIRS + 1),
            ),
        ),
    )


def steps(segments: int = 3) -> ControlPoints:
    """Return step and shoot: two control points a segment, leaves 5 mm further in each."""
    edges = np.arange(segments + 1) / segments
    meterset = np.repeat(edges, 2)[1:-1]
    bank = np.repeat(np.arange(segments) * 5.0, 2)[:, None] + np.zeros((1, PAIRS))
    count = 2 * segments
    return ControlPoints(
        meterset=meterset,
        plan_point=np.full(count, np.nan),
        axes=axes(count, gantry=90.0, gantry_direction=0.0),
        devices=(
            Device(
                kind=DeviceKind.MLCX,
                positions_mm=np.concatenate([bank - 10.0, bank + 10.0], axis=1),
            ),
        ),
    )


def beam(number: int = 1, points: ControlPoints | None = None, **changes: Any) -> Beam:
    """Return a beam."""
    whole = Beam(
        number=number,
        words=_WORDS,
        counts=dict.fromkeys(Count, 0),
        final_weight=1.0,
        points=arc() if points is None else points,
    )
    return replace(whole, **changes)


def plan(*beams: Beam, metersets: Mapping[int, float | None] | None = None) -> Plan:
    """Return a plan of 25 fractions, with 100 MU a beam."""
    beams = beams or (beam(),)
    told = {one.number: 100.0 for one in beams} if metersets is None else metersets
    group = FractionGroup(number=1, fractions=25, metersets=told)
    return Plan(beams=beams, groups=(group,))


def delivered(
    of: Beam | None = None, *, fraction: int = 1, mu: float = 100.0, **changes: Any
) -> Delivery:
    """Return a beam as it was delivered: just as planned."""
    planned = of or beam()
    points = replace(planned.points, meterset=planned.points.meterset * mu)
    whole = Delivery(
        number=planned.number,
        fraction=fraction,
        delivered=mu,
        termination="NORMAL",
        beam=replace(planned, final_weight=None, points=points),
    )
    return replace(whole, **changes)


def record(*deliveries: Delivery, names_plan: bool | None = True) -> TreatmentRecord:
    """Return a record of deliveries."""
    return TreatmentRecord(deliveries=deliveries or (delivered(),), names_plan=names_plan)


def logged(points: ControlPoints, number: int = 1) -> MachineLog:
    """Return a log of one beam."""
    return MachineLog(beams=(BeamLog(number=number, points=points),))


def moved(
    points: ControlPoints, axis: str, change: Any, at: int | slice = slice(None)
) -> ControlPoints:
    """Return control points with one axis changed by an amount."""
    table = points.axes.copy()
    table[at, AT[axis]] += change
    return replace(points, axes=table)


def shifted(
    points: ControlPoints, kind: DeviceKind, change: float, at: Any = (slice(None), slice(None))
) -> ControlPoints:
    """Return control points with leaves or jaws moved by an amount."""
    devices = []
    for device in points.devices:
        positions = device.positions_mm.copy()
        if device.kind is kind:
            positions[at] += change
        devices.append(replace(device, positions_mm=positions))
    return replace(points, devices=tuple(devices))


def rows(check: PlanCheck, what: str) -> list[Row]:
    """Return the rows of a word."""
    return [row for row in check.rows if row.what == what]


def row(check: PlanCheck, what: str) -> Row:
    """Return the one row of a word."""
    (found,) = rows(check, what)
    return found


def beyond(check: PlanCheck) -> set[str]:
    """Return the words of the rows beyond tolerance."""
    return {one.what for one in check.rows if one.verdict.value == "beyond"}
