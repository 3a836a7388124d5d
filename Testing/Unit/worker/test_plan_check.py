"""Task `plan_check`: what it takes, what it says, what it refuses, and what memory it takes."""

import json
import re
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from Testing.Unit.worker.contexts import task_context
from Testing.Unit.worker.made import refusal_of
from Testing.Unit.worker.peaks import ROOT, STATUS

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.plan_checks import TOLERANCES, CheckVerdict, PlanComparison
from encryptsecurert_protocol.plans import (
    COLUMNS,
    BeamEntry,
    DeviceEntry,
    GroupEntry,
    PlanForm,
    PlansHeader,
)
from encryptsecurert_rt.plan import LOG_TOLERANCES, PLAN_TOLERANCES
from encryptsecurert_worker.tasks.plan_check import PlanCheckTask

GOOD: dict[str, object] = {
    "schema": "encryptsecurert.plan-check/1",
    "matching": "number",
    "tolerances": {},
}
_POINTS = 5
_TASK = PlanCheckTask()


def _octets(
    form: PlanForm = PlanForm.PLAN,
    *,
    uid: str = "2.25.7",
    leaf_mm: float = 0.0,
    points: int = _POINTS,
    pairs: int = 2,
    **changes: object,
) -> bytes:
    """Return an object with one beam that turns by 10 degrees; its first leaf is `leaf_mm` off."""
    share = np.linspace(0.0, 1.0, points)
    table = np.zeros((points, len(COLUMNS)))
    table[:, COLUMNS.index("meterset")] = share * (1.0 if form is PlanForm.PLAN else 100.0)
    table[:, COLUMNS.index("plan_point")] = np.nan
    table[:, COLUMNS.index("gantry")] = 10.0 * share
    leaves = np.tile([-10.0] * pairs + [10.0] * pairs, (points, 1)) + share[:, None]
    leaves[:, 0] += leaf_mm
    entry = BeamEntry(
        number=1,
        final_weight=1.0 if form is PlanForm.PLAN else None,
        delivered=100.0 if form is PlanForm.RECORD else None,
        fraction=1 if form is PlanForm.RECORD else None,
        words={"radiation": "PHOTON"} if form is PlanForm.PLAN else {},
        points=points,
        devices=(DeviceEntry(device="mlcx", pairs=pairs, has_boundaries=False),),
    )
    header = PlansHeader(
        form=form,
        sop_instance_uids=() if form is PlanForm.LOG else (uid,),
        plan_uids=("2.25.7",) if form is PlanForm.RECORD else (),
        frame_of_reference="2.25.1" if form is PlanForm.PLAN else None,
        groups=(GroupEntry(number=1, fractions=20, metersets=((1, 100.0),)),)
        if form is PlanForm.PLAN
        else (),
        beams=(entry,),
    )
    header = replace(header, **changes)  # type: ignore[arg-type]  # members of a test
    return header.frame_head() + table.tobytes() + leaves.astype("<f8").tobytes()


def _run(*inputs: bytes, **parameters: object) -> PlanComparison:
    views = [memoryview(octets) for octets in inputs]
    output = _TASK.run(views, {**GOOD, **parameters}, task_context())
    ((name, octets),) = output.results
    assert name == "plan-check"
    return PlanComparison.decode(octets)


def test_a_plan_beside_itself_is_within() -> None:
    check = _run(_octets(), _octets())

    assert (check.form, check.verdict) == ("plan", CheckVerdict.WITHIN)
    assert check.counts["beyond"] == check.counts["not_compared"] == 0
    assert check.tolerances == {n: PLAN_TOLERANCES.named(n) for n in TOLERANCES}


def test_a_leaf_that_is_off_is_told_with_unit_and_tolerance() -> None:
    output = _TASK.run(
        [memoryview(_octets()), memoryview(_octets(leaf_mm=0.75))], GOOD, task_context()
    )

    check = PlanComparison.decode(output.results[0][1])
    (row,) = [r for r in check.rows if r.what == "leaves.mlcx"]
    assert (row.difference, row.unit, row.tolerance) == (0.75, "mm", 0.1)
    assert row.places == {"beam": 1, "point": 0, "bank": 1, "leaf": 1}
    assert (row.compared, row.beyond) == (_POINTS * 4, _POINTS)
    assert len(check.points) == _POINTS
    numbers = dict(output.numbers)
    assert numbers["worst.leaves.mlcx.mm"] == 0.75
    assert numbers["rows.beyond"] == check.counts["beyond"] == 3
    assert output.warnings == ("beyond_tolerance",)
    assert all(re.fullmatch(r"[A-Za-z0-9_.+-]{1,64}", name) for name in numbers)


def test_the_second_input_says_what_is_compared() -> None:
    record = _run(_octets(), _octets(PlanForm.RECORD, uid="2.25.9"))
    log = _run(_octets(), _octets(PlanForm.LOG, leaf_mm=2.0))

    assert (record.form, record.verdict) == ("record", CheckVerdict.WITHIN)
    assert log.form == "log"
    rms = next(r for r in log.rows if r.what == "leaves_rms.mlcx")
    assert rms.difference == pytest.approx(2.0)
    assert log.tolerances["leaf_mm"] == LOG_TOLERANCES.leaf_mm
    assert log.points == ()


def test_a_record_of_another_plan_is_beyond() -> None:
    for named, verdict in (("2.25.8", "beyond"), (None, "not_compared"), ("2.25.7", "within")):
        check = _run(_octets(), _octets(PlanForm.RECORD, uid="2.25.9", plan_uids=(named,)))
        (row,) = [r for r in check.rows if r.what == "plan_of_record"]
        assert row.verdict.value == verdict


def test_frames_of_reference_are_compared() -> None:
    for frame, verdict in (("2.25.2", "beyond"), (None, "not_compared"), ("2.25.1", "within")):
        check = _run(_octets(), _octets(frame_of_reference=frame))
        (row,) = [r for r in check.rows if r.what == "frame_of_reference"]
        assert row.verdict.value == verdict


def test_tolerances_that_are_asked_for_hold() -> None:
    other = _octets(leaf_mm=0.75)
    lax = {"leaf_mm": "0.75", "leaf_rms_mm": "1.0", "leaf_p95_mm": None}

    check = _run(_octets(), other, tolerances=lax)
    assert check.counts["beyond"] == 0
    assert (check.tolerances["leaf_mm"], check.tolerances["leaf_p95_mm"]) == (0.75, None)
    (p95,) = [r for r in check.rows if r.what == "leaves_p95.mlcx"]
    assert p95.verdict is CheckVerdict.TOLD


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": "encryptsecurert.plan-check/2"},
        {"matching": "name"},
        {"tolerances": None},
        {"tolerances": {"leaf": "1.0"}},
        {"tolerances": {"leaf_mm": 1}},
        {"tolerances": {"leaf_mm": "-1.0"}},
        {"tolerances": {"leaf_mm": "1"}},
        {"tolerances": {"leaf_mm": "inf"}},
        {"more": 1},
    ],
)
def test_other_parameters_are_refused(changes: dict[str, object]) -> None:
    assert refusal_of(_TASK.check, {**GOOD, **changes}) is ErrorCode.E_PARAMETERS


def test_the_first_input_is_a_plan() -> None:
    assert refusal_of(_run, _octets(PlanForm.LOG), _octets()) is ErrorCode.E_PARAMETERS


def _spoiled(value: float, column: str) -> bytes:
    octets = bytearray(_octets())
    at = len(octets) - 8 * _POINTS * (len(COLUMNS) + 4) + 8 * COLUMNS.index(column)
    octets[at : at + 8] = struct.pack("<d", value)
    return bytes(octets)


@pytest.mark.parametrize(
    ("value", "column"),
    [(float("inf"), "gantry"), (-1e9, "table_lateral"), (-1.0, "meterset"), (2.0, "meterset")],
)
def test_numbers_of_no_machine_are_refused(value: float, column: str) -> None:
    assert refusal_of(_run, _octets(), _spoiled(value, column)) is ErrorCode.E_PLAN


def test_beams_that_are_there_twice_are_refused() -> None:
    head = _octets()
    beam = BeamEntry(number=1, points=1)
    header = PlansHeader(
        form=PlanForm.PLAN,
        sop_instance_uids=("2.25.7",),
        plan_uids=(),
        frame_of_reference=None,
        groups=(),
        beams=(beam, beam),
    )
    octets = header.frame_head() + bytes(header.size_bytes)

    assert refusal_of(_run, head, octets) is ErrorCode.E_PLAN


def test_a_cancelled_check_ends() -> None:
    def stop(stage: str, fraction: float) -> None:
        if stage == "compare":
            raise EncryptSecureRTError(ErrorCode.E_CANCELLED)

    with pytest.raises(EncryptSecureRTError) as refusal:
        _TASK.run([memoryview(_octets())] * 2, GOOD, task_context(progress=stop))
    assert refusal.value.code is ErrorCode.E_CANCELLED


def test_progress_never_goes_back() -> None:
    heard: list[float] = []

    def take(stage: str, fraction: float) -> None:
        heard.append(fraction)

    _TASK.run([memoryview(_octets())] * 2, GOOD, task_context(progress=take))
    assert heard == sorted(heard)
    assert heard[-1] < 1.0


def test_the_same_inputs_give_the_same_octets() -> None:
    def once() -> bytes:
        inputs = [memoryview(_octets()), memoryview(_octets(leaf_mm=0.3))]
        return _TASK.run(inputs, GOOD, task_context()).results[0][1]

    assert once() == once()


def test_the_task_describes_its_tolerances() -> None:
    told = _TASK.describe()["tolerances"]

    assert set(told) == {"plan", "record", "log"}
    assert all(tuple(one) == TOLERANCES for one in told.values())
    assert told["log"]["table_mm"] == "none"
    assert told["log"]["leaf_rms_mm"] == "1.0"


_PEAK = """
import sys, numpy as np
from Testing.Unit.worker.contexts import task_context
from Testing.Unit.worker.peaks import _resident_bytes
from encryptsecurert_worker.tasks.plan_check import PlanCheckTask
before = _resident_bytes("VmRSS")
inputs = [np.fromfile(path, np.uint8).data for path in sys.argv[1:]]
parameters = {"schema": "encryptsecurert.plan-check/1", "matching": "number", "tolerances": {}}
PlanCheckTask().run(inputs, parameters, task_context())
print(_resident_bytes("VmHWM") - before)
"""


@pytest.mark.skipif(not STATUS.exists(), reason="the system tells no peak memory")
def test_a_large_check_takes_no_more_memory_than_announced(tmp_path: Path) -> None:
    # Of a log everything stands there most often; beside plans it is 5 octets for each.
    plan = _octets(points=200, pairs=60)
    other = _octets(PlanForm.LOG, points=30_000, pairs=60, leaf_mm=1.0)
    paths = [tmp_path / "one", tmp_path / "two"]
    for path, octets in zip(paths, (plan, other), strict=True):
        path.write_bytes(octets)

    done = subprocess.run(
        [sys.executable, "-c", _PEAK, *map(str, paths)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    bound = _TASK.memory_bytes([len(plan), len(other)], GOOD)
    assert bound / 3 < json.loads(done.stdout) <= bound
