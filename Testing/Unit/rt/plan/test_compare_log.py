"""A plan beside a machine's log: exact trajectories, planted errors with closed forms."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from Testing.Unit.rt.plan.made import (
    AT,
    PAIRS,
    arc,
    beam,
    beyond,
    logged,
    moved,
    plan,
    row,
    rows,
    shifted,
    steps,
)

from encryptsecurert_rt.plan import (
    BeamLog,
    ControlPoints,
    DeviceKind,
    MachineLog,
    Plan,
    Verdict,
    compare_log,
)
from encryptsecurert_rt.plan.compare_log import beam_on
from encryptsecurert_rt.plan.model import Word
from encryptsecurert_rt.plan.points import FloatArray
from encryptsecurert_rt.plan.sampling import Sampler

MLCX = DeviceKind.MLCX


def _ideal(points: ControlPoints, mu: FloatArray, total: float = 100.0) -> ControlPoints:
    """Return the log of a machine that is always where the plan has it."""
    sampler = Sampler(points, 1.0, mu / total)
    table = sampler.axes()
    for name in ("energy", "isocenter_x", "isocenter_y", "isocenter_z", "gantry_direction"):
        table[:, AT[name]] = np.nan  # no log has them
    return ControlPoints(
        meterset=mu,
        plan_point=np.full(len(mu), np.nan),
        axes=table,
        devices=tuple(
            replace(d, positions_mm=sampler.device(d), boundaries_mm=None) for d in points.devices
        ),
    )


_MU = np.linspace(0.0, 100.0, 501)


def test_an_ideal_log_has_no_errors() -> None:
    check = compare_log(plan(), logged(_ideal(arc(), _MU)))

    assert check.verdict is Verdict.WITHIN
    assert row(check, "meterset").difference == 0.0
    assert row(check, "samples_with_beam").found == 500.0
    for what in ("gantry", "leaves.mlcx", "leaves_rms.mlcx", "leaves_p95.mlcx"):
        assert row(check, what).difference == pytest.approx(0.0, abs=1e-9)
    assert row(check, "leaves.mlcx").compared == 500 * 2 * PAIRS
    assert row(check, "energy").verdict is Verdict.NOT_COMPARED


def test_a_leaf_that_is_always_off_has_that_rms() -> None:
    log = shifted(_ideal(arc(), _MU), MLCX, 1.2, (slice(None), 5))

    check = compare_log(plan(), logged(log))
    rms, worst = row(check, "leaves_rms.mlcx"), row(check, "leaves.mlcx")
    assert rms.difference == pytest.approx(1.2)
    assert (rms.bank, rms.leaf) == (2, 2)
    assert worst.difference == pytest.approx(1.2)
    # One leaf of eight: 12.5 % of all errors, so the 95th percentile is among them.
    assert row(check, "leaves_p95.mlcx").difference == pytest.approx(1.2)
    assert beyond(check) == {"leaves_rms.mlcx"}


def test_a_leaf_that_swings_has_the_rms_of_a_sine() -> None:
    log = _ideal(arc(), _MU)
    phase = 2.0 * np.pi * 10.0 * _MU / 100.0
    devices = list(log.devices)
    positions = devices[2].positions_mm.copy()
    positions[:, 0] += 2.0 * np.sin(phase)
    devices[2] = replace(devices[2], positions_mm=positions)

    rms = row(compare_log(plan(), logged(replace(log, devices=tuple(devices)))), "leaves_rms.mlcx")
    # Fifty samples a turn over whole turns: the mean of the squares is exactly a half.
    assert rms.difference == pytest.approx(2.0 / np.sqrt(2.0))


def test_a_lag_of_the_gantry_is_its_speed_times_the_lag() -> None:
    log = _ideal(arc(), _MU)
    late = _ideal(arc(), np.maximum(_MU - 2.0, 0.0))
    table = log.axes.copy()
    table[:, AT["gantry"]] = late.axes[:, AT["gantry"]]

    found = row(compare_log(plan(), logged(replace(log, axes=table))), "gantry")
    assert found.difference == pytest.approx(-40.0 * 0.02)  # 40 degrees in 100 MU, 2 MU late


def test_a_gantry_error_across_zero_is_small() -> None:
    log = moved(_ideal(arc(), _MU), "gantry", 0.3)
    log = replace(log, axes=np.where(np.isnan(log.axes), np.nan, log.axes))

    assert row(compare_log(plan(), logged(log)), "gantry").difference == pytest.approx(0.3)


@pytest.mark.parametrize(("last", "verdict"), [(101.0, "within"), (98.0, "beyond")])
def test_the_last_meterset_is_the_delivered_one(last: float, verdict: str) -> None:
    mu = np.linspace(0.0, last, 300)

    found = row(compare_log(plan(), logged(_ideal(arc(), mu))), "meterset")
    assert found.difference == pytest.approx(last - 100.0)
    assert found.verdict.value == verdict


def test_while_the_beam_is_held_the_machine_may_be_anywhere() -> None:
    one = steps(3)
    mu = np.concatenate([np.linspace(0.0, 100 / 3, 50), [100 / 3] * 40, np.linspace(34, 100, 60)])
    log = _ideal(one, mu)
    held = slice(50, 90)
    wild = shifted(log, MLCX, 30.0, (held, slice(None)))

    check = compare_log(plan(beam(points=one)), logged(wild))
    assert row(check, "leaves.mlcx").difference == pytest.approx(0.0, abs=1e-9)
    assert row(check, "samples_with_beam").found == 49 + 60


def test_beam_on_is_where_meterset_grew() -> None:
    assert beam_on(np.array([0.0, 0.0, 1.0, 1.0, np.nan, 2.0, 3.0])).tolist() == [2, 6]


def test_beams_missing_and_extra_in_a_log_are_told() -> None:
    log = _ideal(arc(), _MU)
    both = MachineLog(
        beams=(BeamLog(number=1, points=log), BeamLog(number=7, points=log)),
    )

    check = compare_log(plan(beam(1), beam(2)), both)
    assert [r.beam for r in rows(check, "beam_missing")] == [2]
    assert [r.beam for r in rows(check, "beam_extra")] == [7]


def test_a_log_without_beam_is_not_compared() -> None:
    held = replace(_ideal(arc(), _MU), meterset=np.zeros(501))

    check = compare_log(plan(), logged(held))
    assert row(check, "geometry").verdict is Verdict.NOT_COMPARED
    assert row(check, "meterset").verdict is Verdict.BEYOND


def test_without_a_planned_meterset_the_log_is_its_own_scale() -> None:
    check = compare_log(plan(metersets={1: None}), logged(_ideal(arc(), _MU)))

    assert row(check, "meterset").verdict is Verdict.NOT_COMPARED
    assert row(check, "leaves.mlcx").difference == pytest.approx(0.0, abs=1e-9)


def test_a_plan_in_minutes_is_not_held_against_mu() -> None:
    timed = beam(words={**beam().words, Word.UNIT: "MINUTE"})

    check = compare_log(plan(timed), logged(_ideal(arc(), _MU)))
    found = row(check, "meterset")
    assert (found.verdict, found.unit) == (Verdict.NOT_COMPARED, "min")


def test_a_log_of_another_collimator_is_not_compared() -> None:
    log = _ideal(arc(), _MU)
    leaves = replace(log.devices[2], positions_mm=log.devices[2].positions_mm[:, :6])
    other = replace(log, devices=(*log.devices[:2], leaves))

    check = compare_log(plan(), logged(other))
    assert row(check, "leaves.mlcx").verdict is Verdict.NOT_COMPARED
    assert "pairs.mlcx" in beyond(check)


@pytest.mark.parametrize("pairs", [0, 1])
def test_leaves_that_a_log_does_not_have_take_no_memory(pairs: int) -> None:
    planned, log = arc(count=2), _ideal(arc(count=2), np.linspace(0.0, 100.0, 10_001))
    leaves = replace(planned.devices[2], positions_mm=np.zeros((2, 512)), boundaries_mm=None)
    planned = replace(planned, devices=(leaves,))
    others = (replace(leaves, positions_mm=np.zeros((10_001, 2 * pairs))),) if pairs else ()
    log = replace(log, devices=others)

    tracemalloc.start()
    try:
        check = compare_log(plan(beam(points=planned)), logged(log))
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert row(check, "leaves.mlcx").not_compared == 10_000 * 512
    assert peak_bytes < 10_000 * 512 * 8  # the plan's leaves at each sample, once


def test_rows_of_single_samples_are_not_kept() -> None:
    log = shifted(_ideal(arc(), _MU), MLCX, 1.2)
    assert compare_log(plan(), logged(log)).points == ()


def test_a_plan_of_step_and_shoot_is_sampled_as_it_steps() -> None:
    whole: Plan = plan(beam(points=steps(3)))
    log = _ideal(steps(3), np.linspace(0.0, 100.0, 301))

    assert row(compare_log(whole, logged(log)), "leaves_rms.mlcx").difference == pytest.approx(0.0)
