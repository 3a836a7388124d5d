"""Objects of kind `plans` as what the numerics take, checked once more on the way."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.plans import (
    COLUMNS,
    BeamEntry,
    PlanForm,
    PlansHeader,
    unpack_plans,
)
from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.plan import (
    Beam,
    BeamLog,
    ControlPoints,
    Delivery,
    Device,
    DeviceKind,
    FractionGroup,
    MachineLog,
    Plan,
    TreatmentRecord,
    Wedge,
)
from encryptsecurert_rt.plan.model import Count, Word
from encryptsecurert_rt.plan.points import FloatArray

_WORDS = {word.label: word for word in Word}
_FIRST_AXIS = 2  # behind the meterset and the plan's control point


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An object with its beams' control points, in the order of the header's beams."""

    header: PlansHeader
    points: tuple[ControlPoints, ...]


def open_plans(octets: memoryview) -> Opened:
    """Read an object.

    Raises
    ------
    EncryptSecureRTError
        E_FORMAT, E_TOO_LARGE; E_PLAN if its numbers can be those of no machine.
    """
    header, payload = unpack_plans(octets)
    numbers = _Numbers(payload)
    try:
        return Opened(header=header, points=tuple(_points(b, numbers) for b in header.beams))
    except InvalidInput as error:
        raise EncryptSecureRTError(ErrorCode.E_PLAN, error.what) from None


def as_plan(opened: Opened) -> Plan:
    """Return a plan (E_PLAN; E_PARAMETERS if it is none)."""
    header = opened.header
    if header.form is not PlanForm.PLAN:
        raise EncryptSecureRTError(ErrorCode.E_PARAMETERS, "the first input is no plan")
    try:
        return Plan(
            beams=tuple(
                _beam(entry, points)
                for entry, points in zip(header.beams, opened.points, strict=True)
            ),
            groups=tuple(
                FractionGroup(
                    number=group.number,
                    fractions=group.fractions,
                    metersets=dict(group.metersets),
                )
                for group in header.groups
            ),
        )
    except InvalidInput as error:
        raise EncryptSecureRTError(ErrorCode.E_PLAN, error.what) from None


def as_record(opened: Opened, plan: PlansHeader) -> TreatmentRecord:
    """Return a record beside the plan that it should name (E_PLAN)."""
    header = opened.header
    try:
        return TreatmentRecord(
            deliveries=tuple(
                Delivery(
                    number=entry.number,
                    fraction=entry.fraction,
                    delivered=entry.delivered,
                    termination=entry.words.get("termination"),
                    beam=_beam(entry, points),
                )
                for entry, points in zip(header.beams, opened.points, strict=True)
            ),
            names_plan=_names_plan(header.plan_uids, plan.sop_instance_uids),
        )
    except InvalidInput as error:
        raise EncryptSecureRTError(ErrorCode.E_PLAN, error.what) from None


def as_log(opened: Opened) -> MachineLog:
    """Return a log (E_PLAN)."""
    pairs = zip(opened.header.beams, opened.points, strict=True)
    try:
        return MachineLog(
            beams=tuple(BeamLog(number=_number(entry), points=points) for entry, points in pairs)
        )
    except InvalidInput as error:
        raise EncryptSecureRTError(ErrorCode.E_PLAN, error.what) from None


def _names_plan(named: Sequence[str | None], plan: Sequence[str]) -> bool | None:
    """Whether all name the plan: one that names another is enough for no."""
    if any(uid is not None and uid not in plan for uid in named):
        return False
    return None if None in named else True


class _Numbers:
    """Takes numbers from a payload, in their order; each piece is a copy of its own."""

    def __init__(self, payload: memoryview) -> None:
        self._all = np.frombuffer(payload, "<f8")
        self._at = 0

    def take(self, *shape: int) -> FloatArray:
        count = int(np.prod(shape))
        piece = self._all[self._at : self._at + count]
        self._at += count
        return np.asarray(piece.astype(np.float64).reshape(shape))


def _points(entry: BeamEntry, numbers: _Numbers) -> ControlPoints:
    table = numbers.take(entry.points, len(COLUMNS))
    devices = []
    for told in entry.devices:
        boundaries = numbers.take(told.pairs + 1) if told.has_boundaries else None
        devices.append(
            Device(
                kind=DeviceKind(told.device),
                positions_mm=numbers.take(entry.points, 2 * told.pairs),
                boundaries_mm=boundaries,
            )
        )
    spots = None if entry.spots is None else tuple(numbers.take(n, 3) for n in entry.spots)
    return ControlPoints(
        meterset=np.ascontiguousarray(table[:, 0]),
        plan_point=np.ascontiguousarray(table[:, 1]),
        axes=np.ascontiguousarray(table[:, _FIRST_AXIS:]),
        devices=tuple(devices),
        spots=spots,
    )


def _beam(entry: BeamEntry, points: ControlPoints) -> Beam:
    return Beam(
        number=0 if entry.number is None else entry.number,
        words={_WORDS[name]: said for name, said in entry.words.items() if name in _WORDS},
        counts={Count(name): count for name, count in entry.counts.items()},
        wedges=tuple(
            Wedge(number=w.number, angle_deg=w.angle_deg, orientation_deg=w.orientation_deg)
            for w in entry.wedges
        ),
        final_weight=entry.final_weight,
        points=points,
    )


def _number(entry: BeamEntry) -> int:
    if entry.number is None:
        raise InvalidInput("a log must name its beams")
    return entry.number
