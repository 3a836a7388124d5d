"""A beam between its control points: what moves, which way round, and what holds."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from Testing.Unit.rt.plan.made import AT, PAIRS, arc, steps

from encryptsecurert_rt.plan import ControlPoints, DeviceKind
from encryptsecurert_rt.plan.points import FloatArray
from encryptsecurert_rt.plan.sampling import Sampler, can_sample, midpoints, turn


def _gantry(points: ControlPoints, *at: float) -> list[float]:
    return [round(a, 9) for a in Sampler(points, 1.0, np.array(at)).axes()[:, AT["gantry"]]]


def _leaves(points: ControlPoints, *at: float) -> FloatArray:
    device = points.device(DeviceKind.MLCX)
    assert device is not None
    return Sampler(points, 1.0, np.array(at)).device(device)


@pytest.mark.parametrize(
    ("one", "two", "apart"),
    [
        (359.9, 0.1, 0.2),
        (0.1, 359.9, -0.2),
        (10.0, 350.0, -20.0),
        (0.0, 180.0, -180.0),
        (720.0, 0.0, 0.0),
        (-5.0, 355.0, 0.0),
    ],
)
def test_angles_are_compared_on_the_circle(one: float, two: float, apart: float) -> None:
    assert float(turn(np.array(one), np.array(two))) == pytest.approx(apart, abs=1e-9)


def test_a_clockwise_arc_goes_through_zero() -> None:
    assert _gantry(arc(), 0.0, 0.125, 0.25, 0.3, 1.0) == [350.0, 355.0, 0.0, 2.0, 30.0]


def test_two_control_points_of_an_arc_go_the_way_that_is_told() -> None:
    long_way = arc(count=2, start_deg=181.0, span_deg=358.0)
    table = long_way.axes.copy()
    table[:, AT["gantry_direction"]] = -1.0
    back = replace(long_way, axes=table)
    table = table.copy()
    table[:, AT["gantry_direction"]] = np.nan
    untold = replace(long_way, axes=table)

    assert _gantry(long_way, 0.5) == [0.0]  # 181 to 179 clockwise
    assert _gantry(back, 0.5) == [180.0]
    assert _gantry(untold, 0.5) == [180.0]  # the short way


def test_leaves_move_linearly_with_meterset() -> None:
    leaves = _leaves(arc(), 0.0, 0.3, 1.0)

    assert leaves[:, 0] == pytest.approx([-18.0, -18.0 + 8.0 * 0.3, -10.0])


def test_energy_is_that_of_the_segment() -> None:
    points = arc(count=3)
    table = points.axes.copy()
    table[:, AT["energy"]] = [6.0, 10.0, 15.0]
    points = replace(points, axes=table)

    found = Sampler(points, 1.0, np.array([0.2, 0.5, 0.7])).axes()[:, AT["energy"]]
    assert found.tolist() == [6.0, 6.0, 10.0]


def test_at_a_jump_the_beam_is_where_it_came_from() -> None:
    just_after = 1 / 3 + 1e-9

    leaves = _leaves(steps(), 0.1, 1 / 3, just_after, 0.9)
    assert leaves[:, 0] == pytest.approx([-10.0, -10.0, -5.0, 0.0])


def test_beyond_its_end_a_beam_stays_there() -> None:
    assert _leaves(arc(), 1.5)[0].tolist() == _leaves(arc(), 1.0)[0].tolist()


def test_one_control_point_is_where_it_is() -> None:
    single = ControlPoints(
        meterset=np.array([1.0]),
        plan_point=np.array([np.nan]),
        axes=arc().axes[:1],
    )
    assert _gantry(single, 0.0, 0.5, 1.0) == [350.0] * 3


@given(
    st.lists(st.floats(0.01, 10.0), min_size=2, max_size=12).map(np.cumsum),
    st.randoms(use_true_random=False),
)
def test_at_its_control_points_a_beam_is_what_they_say(
    metersets: FloatArray, random: object
) -> None:
    count = len(metersets)
    generator = np.random.default_rng(random.randrange(2**32))  # type: ignore[attr-defined]  # a Random
    points = arc(count)
    devices = tuple(
        replace(d, positions_mm=generator.uniform(-100, 100, d.positions_mm.shape))
        for d in points.devices
    )
    points = replace(points, meterset=metersets, devices=devices)

    sampler = Sampler(points, float(metersets[-1]), metersets / metersets[-1])
    for device in devices:
        # A product and a sum of doubles of 200 mm: far below a nanometre.
        assert np.abs(sampler.device(device) - device.positions_mm).max() < 1e-9


def test_the_middle_of_segments_that_deliver_is_found() -> None:
    assert midpoints(steps(), 1.0) == pytest.approx([1 / 6, 0.5, 5 / 6])
    assert _leaves(steps(), *midpoints(steps(), 1.0))[:, PAIRS] == pytest.approx([10.0, 15.0, 20.0])


def test_an_unknown_meterset_cannot_be_sampled() -> None:
    unknown = replace(arc(), meterset=np.full(9, np.nan))

    assert can_sample(arc(), 1.0)
    assert not can_sample(arc(), None)
    assert not can_sample(arc(), 0.0)
    assert not can_sample(unknown, 1.0)
