"""A plan beside what was recorded: parts, fractions, and geometry at recorded control points."""

from dataclasses import replace

import numpy as np
import pytest
from Testing.Unit.rt.plan.made import (
    arc,
    beam,
    beyond,
    delivered,
    moved,
    plan,
    record,
    row,
    rows,
    shifted,
)

from encryptsecurert_rt.plan import (
    ControlPoints,
    DeviceKind,
    Verdict,
    compare_record,
)
from encryptsecurert_rt.plan.model import Word


def _taken(points: ControlPoints, index: list[int]) -> ControlPoints:
    return ControlPoints(
        meterset=points.meterset[index],
        plan_point=np.array(index, np.float64),
        axes=points.axes[index],
        devices=tuple(replace(d, positions_mm=d.positions_mm[index]) for d in points.devices),
    )


def test_a_course_as_planned_is_within() -> None:
    check = compare_record(plan(), record(*(delivered(fraction=n + 1) for n in range(25))))

    assert check.verdict is Verdict.WITHIN
    assert check.points == ()
    fractions = row(check, "fractions")
    assert (fractions.expected, fractions.found) == (25.0, 25.0)
    assert [r.fraction for r in rows(check, "meterset")] == list(range(1, 26))


def test_a_course_that_goes_on_is_told_and_one_fraction_more_is_beyond() -> None:
    begun = compare_record(plan(), record(delivered(fraction=3)))
    over = compare_record(plan(), record(delivered(fraction=26)))

    assert (row(begun, "fractions").verdict, row(begun, "fractions").found) == (Verdict.TOLD, 3.0)
    assert beyond(begun) == set()
    assert row(over, "fractions").difference == 1.0
    assert beyond(over) == {"fractions"}


@pytest.mark.parametrize(("mu", "verdict"), [(99.0, "within"), (101.0, "within"), (98.9, "beyond")])
def test_delivered_meterset_is_within_one_per_cent_or_beyond(mu: float, verdict: str) -> None:
    found = row(compare_record(plan(), record(delivered(mu=mu))), "meterset")

    assert found.verdict.value == verdict
    assert found.difference == pytest.approx(mu - 100.0)


def test_parts_of_an_interrupted_beam_add_up_in_their_fraction() -> None:
    first = delivered(mu=40.0, termination="MACHINE")
    words = {**beam().words, Word.DELIVERY: "CONTINUATION"}
    second = delivered(mu=60.0)
    second = replace(second, beam=replace(second.beam, words=words))

    check = compare_record(plan(), record(first, second))
    assert (row(check, "meterset").found, row(check, "meterset").verdict.value) == (100.0, "within")
    assert [r.found for r in rows(check, "termination")] == ["MACHINE", "NORMAL"]
    assert "termination" in beyond(check)


def test_beams_that_were_not_delivered_or_not_planned_are_told() -> None:
    setup = beam(3, words={**beam().words, Word.DELIVERY: "SETUP"})
    whole = plan(beam(1), beam(2), setup, metersets={1: 100.0, 2: 100.0})

    check = compare_record(whole, record(delivered(beam(1)), delivered(beam(9))))
    assert [(r.beam, r.fraction) for r in rows(check, "beam_missing")] == [(2, 1)]
    assert [r.beam for r in rows(check, "beam_extra")] == [9]
    unnamed = compare_record(plan(), record(delivered(number=None)))
    assert [r.beam for r in rows(unnamed, "beam_extra")] == [None]


def test_a_port_film_is_told_and_not_compared() -> None:
    words = {**beam().words, Word.DELIVERY: "OPEN_PORTFILM"}
    film = delivered(mu=2.0)
    film = replace(film, beam=replace(film.beam, words=words))

    check = compare_record(plan(), record(delivered(), film))
    assert row(check, "delivery_without_treatment").verdict is Verdict.TOLD
    assert row(check, "meterset").found == 100.0


@pytest.mark.parametrize(
    ("names", "verdict"), [(True, "within"), (False, "beyond"), (None, "not_compared")]
)
def test_a_record_names_the_plan(names: bool | None, verdict: str) -> None:
    check = compare_record(plan(), record(names_plan=names))

    assert row(check, "plan_of_record").verdict.value == verdict


def test_an_angle_that_differs_is_found_at_its_control_point() -> None:
    one = delivered()
    turned = replace(one, beam=replace(one.beam, points=moved(one.beam.points, "gantry", 1.5, 6)))

    check = compare_record(plan(), record(turned))
    found = row(check, "gantry")
    assert (found.point, found.beam, found.fraction) == (6, 1, 1)
    assert found.difference == pytest.approx(1.5)
    assert beyond(check) == {"gantry"}


def test_recorded_control_points_are_those_that_they_name() -> None:
    one = delivered()
    named = replace(one, beam=replace(one.beam, points=_taken(one.beam.points, [0, 4, 8])))

    check = compare_record(plan(), record(named))
    assert beyond(check) == set()
    assert row(check, "cumulative_meterset").compared == 3
    assert row(check, "leaves.mlcx").difference == 0.0


@pytest.mark.parametrize("named", [[0.0, 4.0, 9.0], [0.0, 4.5, 8.0], [-1.0, 4.0, 8.0]])
def test_control_points_that_the_plan_does_not_have_are_not_compared(named: list[float]) -> None:
    one = delivered()
    points = replace(_taken(one.beam.points, [0, 4, 8]), plan_point=np.array(named))

    check = compare_record(plan(), record(replace(one, beam=replace(one.beam, points=points))))
    # By meterset instead: they are on the planned trajectory, wherever they claim to be.
    assert row(check, "leaves.mlcx").difference == pytest.approx(0.0, abs=1e-9)
    assert beyond(check) == set()


def test_without_names_the_plan_is_sampled_at_the_delivered_meterset() -> None:
    finer = replace(arc(33), meterset=arc(33).meterset * 100.0)
    one = delivered()
    off = shifted(finer, DeviceKind.MLCX, 2.0)

    same = compare_record(plan(), record(replace(one, beam=replace(one.beam, points=finer))))
    other = compare_record(plan(), record(replace(one, beam=replace(one.beam, points=off))))
    assert row(same, "gantry").difference == pytest.approx(0.0, abs=1e-9)
    assert beyond(same) == set()
    assert row(other, "leaves.mlcx").difference == pytest.approx(2.0)


def test_without_metersets_nothing_can_be_sampled() -> None:
    unknown = replace(arc(33), meterset=np.full(33, np.nan))
    one = delivered()

    check = compare_record(plan(), record(replace(one, beam=replace(one.beam, points=unknown))))
    assert row(check, "geometry").verdict is Verdict.NOT_COMPARED


def test_an_unknown_delivered_meterset_is_not_compared() -> None:
    check = compare_record(plan(), record(delivered(delivered=None)))
    assert row(check, "meterset").verdict is Verdict.NOT_COMPARED


def test_an_unknown_end_of_a_delivery_is_not_compared() -> None:
    for ended in ("UNKNOWN", None):
        check = compare_record(plan(), record(delivered(termination=ended)))
        assert row(check, "termination").verdict is Verdict.NOT_COMPARED


def test_leaves_that_a_record_does_not_have_are_not_compared() -> None:
    one = delivered()
    bare = replace(one, beam=replace(one.beam, points=replace(one.beam.points, devices=())))

    check = compare_record(plan(), record(bare))
    assert row(check, "leaves.mlcx").verdict is Verdict.NOT_COMPARED
    assert beyond(check) == set()
