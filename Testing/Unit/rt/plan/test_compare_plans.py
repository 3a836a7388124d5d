"""A plan beside a plan: nothing where they are the same, and each difference with its number."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from effort import times
from hypothesis import given, settings
from hypothesis import strategies as st
from Testing.Unit.rt.plan.made import (
    AT,
    arc,
    beam,
    beyond,
    moved,
    plan,
    row,
    rows,
    shifted,
    steps,
)

from encryptsecurert_rt.errors import Cancelled
from encryptsecurert_rt.plan import (
    PLAN_TOLERANCES,
    ControlPoints,
    DeviceKind,
    FractionGroup,
    Plan,
    Verdict,
    Wedge,
    compare_plans,
)
from encryptsecurert_rt.plan.model import Count, Word

MLCX, ASYMX = DeviceKind.MLCX, DeviceKind.ASYMX


@given(
    st.integers(1, 3),
    st.integers(2, 20),
    st.floats(0.0, 359.9),
    st.floats(1.0, 300.0),
    st.randoms(use_true_random=False),
)
@settings(max_examples=times(100, 20))
def test_a_plan_beside_itself_differs_nowhere(
    beams: int, count: int, start_deg: float, span_deg: float, random: Any
) -> None:
    generator = np.random.default_rng(random.randrange(2**32))
    points = arc(count, start_deg, span_deg)
    devices = tuple(
        replace(d, positions_mm=generator.uniform(-200, 200, d.positions_mm.shape))
        for d in points.devices
    )
    whole = plan(*(beam(n + 1, replace(points, devices=devices)) for n in range(beams)))

    check = compare_plans(whole, whole, same_frame=True)
    assert check.verdict is Verdict.WITHIN
    assert {one.verdict for one in check.rows} == {Verdict.WITHIN}
    assert {one.difference for one in check.rows} <= {0.0, None}
    assert check.points == ()


def _points(change: Callable[[ControlPoints], ControlPoints]) -> Callable[[Plan], Plan]:
    return lambda whole: plan(replace(whole.beams[0], points=change(whole.beams[0].points)))


def _beam(**changes: Any) -> Callable[[Plan], Plan]:
    return lambda whole: plan(replace(whole.beams[0], **changes))


def _words(word: Word, said: str) -> Callable[[Plan], Plan]:
    return _beam(words={**beam().words, word: said})


_LEAF = (4, 5)  # the second leaf of bank 2 at the fifth control point


@pytest.mark.parametrize(
    ("change", "what", "difference"),
    [
        (lambda whole: plan(*whole.beams, metersets={1: 103.5}), "meterset", 3.5),
        (_points(lambda p: moved(p, "gantry", 2.5, 3)), "gantry", 2.5),
        (_points(lambda p: moved(p, "gantry", -12.0, 0)), "gantry", -12.0),  # 350 to 338
        (_points(lambda p: moved(p, "gantry", 12.0, 0)), "gantry", 12.0),  # 350 to 2
        (_points(lambda p: moved(p, "collimator", 0.5)), "collimator", 0.5),
        (_points(lambda p: moved(p, "couch", -90.0)), "couch", -90.0),
        (_points(lambda p: moved(p, "energy", 4.0)), "energy", 4.0),
        (_points(lambda p: moved(p, "dose_rate", -200.0, 2)), "dose_rate", -200.0),
        (_points(lambda p: moved(p, "isocenter_z", 5.0)), "isocenter_z", 5.0),
        (_points(lambda p: moved(p, "gantry_direction", -2.0)), "gantry_direction", -2.0),
        (_points(lambda p: shifted(p, ASYMX, 3.0, (2, 1))), "jaws.asymx", 3.0),
        (_points(lambda p: shifted(p, MLCX, -1.25, _LEAF)), "leaves.mlcx", -1.25),
        (
            _points(lambda p: replace(p, meterset=np.append(p.meterset[:-1] * 0.9, 1.0))),
            "cumulative_meterset",
            -8.75,
        ),
        (_beam(counts={**beam().counts, Count.BLOCKS: 1}), "blocks", 1.0),
    ],
)
def test_each_planted_difference_is_found_with_its_number(
    change: Callable[[Plan], Plan], what: str, difference: float
) -> None:
    check = compare_plans(plan(), change(plan()), same_frame=True)

    found = row(check, what)
    assert found.difference == pytest.approx(difference, abs=1e-9)
    assert found.verdict is Verdict.BEYOND
    related = {"meterset": {"meterset_of_all"}, "leaves.mlcx": {"leaves_rms.mlcx"}}
    assert beyond(check) == {what} | related.get(what, set())
    assert check.verdict is Verdict.BEYOND


def test_a_leaf_is_named_with_its_bank_and_control_point() -> None:
    other = plan(beam(points=shifted(arc(), MLCX, -1.25, _LEAF)))

    check = compare_plans(plan(), other)
    found, (point,) = row(check, "leaves.mlcx"), check.points
    assert (found.beam, found.point, found.bank, found.leaf) == (1, 4, 2, 2)
    assert (point.what, point.point, point.bank, point.leaf) == ("leaves.mlcx", 4, 2, 2)
    assert (found.compared, found.not_compared, found.beyond) == (9 * 8, 0, 1)
    # One of nine control points: the RMS of that leaf is 1.25 / 3, and 95 % of all are 0.
    rms, p95 = row(check, "leaves_rms.mlcx"), row(check, "leaves_p95.mlcx")
    assert (rms.bank, rms.leaf) == (2, 2)
    assert rms.difference == pytest.approx(1.25 / 3)
    assert p95.difference == 0.0


@pytest.mark.parametrize(
    ("word", "said"),
    [
        (Word.RADIATION, "ELECTRON"),
        (Word.FLUENCE, "NON_STANDARD"),  # 6 MV with and without the flattening filter
        (Word.POSITION, "FFS"),
        (Word.DELIVERY, "SETUP"),
        (Word.TYPE, "STATIC"),
    ],
)
def test_another_word_is_beyond(word: Word, said: str) -> None:
    check = compare_plans(plan(), _words(word, said)(plan()))

    found = row(check, word.label)
    assert (found.expected, found.found) == (beam().words[word], said)
    assert word.label in beyond(check)


def test_another_unit_of_meterset_is_not_taken_for_the_same_number() -> None:
    check = compare_plans(plan(), _words(Word.UNIT, "MINUTE")(plan()))

    assert row(check, "unit").verdict is Verdict.BEYOND
    assert row(check, "meterset").verdict is Verdict.NOT_COMPARED
    assert rows(check, "meterset_of_all") == []


def test_another_number_of_fractions_is_beyond() -> None:
    whole = plan()
    (group,) = whole.groups
    other = replace(whole, groups=(replace(group, fractions=30),))

    found = row(compare_plans(whole, other), "fractions")
    assert (found.expected, found.found, found.difference) == (25.0, 30.0, 5.0)
    assert found.verdict is Verdict.BEYOND


def test_groups_that_are_not_there_are_told() -> None:
    whole = plan()
    second = FractionGroup(number=2, fractions=5, metersets={1: 50.0})
    both = replace(whole, groups=(*whole.groups, second))

    assert beyond(compare_plans(both, whole)) == {"group_missing"}
    assert beyond(compare_plans(whole, both)) == {"group_extra"}


def test_wedges_are_compared_by_number_and_on_the_circle() -> None:
    one = beam(wedges=(Wedge(number=1, angle_deg=15.0, orientation_deg=0.0),))
    turned = beam(wedges=(Wedge(number=1, angle_deg=30.0, orientation_deg=359.95),))

    check = compare_plans(plan(one), plan(turned))
    assert row(check, "wedge_angle").difference == 15.0
    assert row(check, "wedge_orientation").difference == pytest.approx(-0.05)
    assert beyond(check) == {"wedge_angle"}
    assert beyond(compare_plans(plan(one), plan(beam()))) == {"wedge_missing"}
    assert beyond(compare_plans(plan(beam()), plan(one))) == {"wedge_extra"}


def test_a_difference_of_just_the_tolerance_is_within() -> None:
    at = plan(beam(points=shifted(arc(), ASYMX, 0.1)))
    over = plan(beam(points=shifted(arc(), ASYMX, 0.1001)))

    assert row(compare_plans(plan(), at), "jaws.asymx").verdict is Verdict.WITHIN
    assert row(compare_plans(plan(), over), "jaws.asymx").verdict is Verdict.BEYOND


def test_without_a_tolerance_a_difference_is_told() -> None:
    lax = replace(PLAN_TOLERANCES, jaw_mm=None)
    other = plan(beam(points=shifted(arc(), ASYMX, 7.0)))

    found = row(compare_plans(plan(), other, lax), "jaws.asymx")
    assert (found.verdict, found.difference, found.beyond) == (Verdict.TOLD, 7.0, 0)


# ---- what is not known


def test_what_a_side_does_not_know_is_counted_and_never_equal() -> None:
    points = arc()
    table = points.axes.copy()
    table[3:, AT["collimator"]] = np.nan
    table[:, AT["couch"]] = np.nan
    other = beam(points=replace(points, axes=table), words={}, counts={}, final_weight=None)

    check = compare_plans(plan(), plan(other, metersets={1: None}))
    collimator, couch = row(check, "collimator"), row(check, "couch")
    assert (collimator.compared, collimator.not_compared) == (3, 6)
    assert (couch.verdict, couch.compared, couch.not_compared) == (Verdict.NOT_COMPARED, 0, 9)
    unknown = {one.what for one in check.rows if one.verdict is Verdict.NOT_COMPARED}
    assert unknown >= {"meterset", "radiation", "wedges", "cumulative_meterset", "couch"}
    assert "frame_of_reference" in unknown
    assert beyond(check) == set()


def test_two_unknowns_are_no_equal_ones() -> None:
    blank = replace(arc(), axes=np.full((9, 15), np.nan), meterset=np.full(9, np.nan))
    whole = plan(beam(points=blank), metersets={1: None})

    check = compare_plans(whole, whole)
    gantry = row(check, "gantry")
    assert (gantry.verdict, gantry.not_compared) == (Verdict.NOT_COMPARED, 9)
    assert row(check, "meterset").verdict is Verdict.NOT_COMPARED
    assert rows(check, "snout") == []  # of no photon beam, and nobody expects it


def test_other_frames_of_reference_are_told() -> None:
    assert beyond(compare_plans(plan(), plan(), same_frame=False)) == {"frame_of_reference"}


# ---- devices


def test_devices_that_are_not_there_are_told() -> None:
    bare = plan(beam(points=replace(arc(), devices=arc().devices[:1])))

    lost = compare_plans(plan(), bare)
    assert beyond(lost) == {"device_missing.asymy", "device_missing.mlcx"}
    assert row(lost, "leaves.mlcx").not_compared == 72
    assert beyond(compare_plans(bare, plan())) == {"device_extra.asymy", "device_extra.mlcx"}


def test_leaves_of_another_collimator_are_not_compared() -> None:
    points = arc()
    leaves = points.devices[2]
    edges = leaves.boundaries_mm
    assert edges is not None
    wider = replace(leaves, boundaries_mm=edges * 1.5)
    fewer = replace(leaves, positions_mm=leaves.positions_mm[:, :6], boundaries_mm=None)

    def against(device: Any) -> Any:
        other = replace(points, devices=(*points.devices[:2], device))
        return compare_plans(plan(), plan(beam(points=other)))

    assert row(against(wider), "boundaries.mlcx").difference == 10.0
    assert beyond(against(wider)) == {"boundaries.mlcx"}
    assert row(against(fewer), "pairs.mlcx").difference == -1.0
    assert row(against(fewer), "leaves.mlcx").verdict is Verdict.NOT_COMPARED


def test_where_leaves_meet_is_not_compared_where_either_side_does_not_know() -> None:
    points = arc()
    leaves = points.devices[2]
    edges = leaves.boundaries_mm
    assert edges is not None
    moved = edges + np.array([np.nan, 0.0, 0.0, 5.0, 0.0])[: edges.size]

    def with_edges(boundaries_mm: Any) -> Any:
        device = replace(leaves, boundaries_mm=boundaries_mm)
        return plan(beam(points=replace(points, devices=(*points.devices[:2], device))))

    for reference, other in ((None, edges), (edges, None)):
        found = row(compare_plans(with_edges(reference), with_edges(other)), "boundaries.mlcx")
        assert (found.verdict, found.not_compared) == (Verdict.NOT_COMPARED, edges.size)
    known, unknown = rows(compare_plans(plan(), with_edges(moved)), "boundaries.mlcx")
    assert (known.verdict, known.difference, known.compared) == (Verdict.BEYOND, 5.0, 4)
    assert (unknown.verdict, unknown.not_compared) == (Verdict.NOT_COMPARED, 1)


# ---- other numbers of control points


def test_an_arc_with_twice_the_control_points_is_the_same_arc() -> None:
    check = compare_plans(plan(beam(points=arc(9))), plan(beam(points=arc(17))))

    assert beyond(check) == {"control_points"}
    for what in ("gantry", "leaves.mlcx", "jaws.asymx"):
        found = row(check, what)
        assert found.difference == pytest.approx(0.0, abs=1e-9)
        assert found.compared > 0


def test_in_segments_a_shift_is_found_also_at_another_number_of_control_points() -> None:
    finer = shifted(arc(17), MLCX, 0.75)

    found = row(compare_plans(plan(), plan(beam(points=finer))), "leaves.mlcx")
    assert found.difference == pytest.approx(0.75)
    assert found.compared == 8 * 8  # in the middle of each of eight segments


def test_step_and_shoot_with_a_control_point_more_is_the_same_aperture() -> None:
    one = steps(3)
    doubled = [0, 1, 1, 2, 3, 4, 5]  # the end of the first segment is written twice
    more = ControlPoints(
        meterset=one.meterset[doubled],
        plan_point=one.plan_point[doubled],
        axes=one.axes[doubled],
        devices=tuple(replace(d, positions_mm=d.positions_mm[doubled]) for d in one.devices),
    )

    check = compare_plans(plan(beam(points=one)), plan(beam(points=more)))
    assert row(check, "leaves.mlcx").difference == 0.0
    assert beyond(check) == {"control_points"}


def test_without_metersets_other_numbers_of_control_points_cannot_be_compared() -> None:
    unknown = replace(arc(17), meterset=np.full(17, np.nan))

    check = compare_plans(plan(), plan(beam(points=unknown)))
    assert row(check, "geometry").verdict is Verdict.NOT_COMPARED
    assert rows(check, "gantry") == []


# ---- the rest


def test_rows_of_control_points_end_somewhere_and_the_rest_is_counted() -> None:
    count = 20_000
    long = arc(count)
    other = moved(moved(long, "gantry", 5.0), "collimator", 5.0)

    check = compare_plans(plan(beam(points=long)), plan(beam(points=other)))
    assert len(check.points) + check.points_left_out == 2 * count
    assert check.points_left_out == count


def test_a_comparison_can_be_stopped_between_beams() -> None:
    seen: list[float] = []

    def stop(stage: str, fraction: float) -> None:
        seen.append(fraction)
        if len(seen) == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        compare_plans(plan(beam(1), beam(2)), plan(beam(1), beam(2)), progress=stop)
    assert seen == [0.0, 0.5]
