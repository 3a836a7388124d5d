"""Goals: verdicts, margins, and what is not evaluable; strict fields of a job."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encryptsecurert_rt.dvh.evaluate import Course, Reason
from encryptsecurert_rt.dvh.goals import Goal, Relation, Verdict, check_goal, check_goals
from encryptsecurert_rt.dvh.histogram import PointHistogram
from encryptsecurert_rt.dvh.notation import Metric
from encryptsecurert_rt.errors import InvalidInput

EVEN = PointHistogram(  # D95% is 22 Gy, V30Gy is 75 %
    dose_gy=np.array([20.0, 60.0]), volume_fraction=np.array([1.0, 0.0]), volume_cc=50.0
)
COURSE = Course()
FIELDS: dict[str, object] = {
    "metric": "D95%[Gy]",
    "relation": ">=",
    "value": 60,
    "unit": "Gy",
    "variation": 57.0,
    "priority": 1,
}


@pytest.mark.parametrize(
    ("metric", "relation", "value", "variation", "verdict", "margin"),
    [
        ("D95%[Gy]", Relation.AT_LEAST, 21.0, None, Verdict.MET, 1.0),
        ("D95%[Gy]", Relation.AT_LEAST, 23.0, 21.5, Verdict.ACCEPTABLE_VARIATION, -1.0),
        ("D95%[Gy]", Relation.AT_LEAST, 24.0, 23.0, Verdict.NOT_MET, -2.0),
        ("D95%[Gy]", Relation.AT_LEAST, 23.0, None, Verdict.NOT_MET, -1.0),
        ("V30Gy[%]", Relation.AT_MOST, 80.0, None, Verdict.MET, 5.0),
        ("V30Gy[%]", Relation.AT_MOST, 70.0, 76.0, Verdict.ACCEPTABLE_VARIATION, -5.0),
        ("V30Gy[%]", Relation.AT_MOST, 70.0, 74.0, Verdict.NOT_MET, -5.0),
        ("Max[Gy]", Relation.AT_MOST, 60.0, None, Verdict.MET, 0.0),
        ("Max[Gy]", Relation.BELOW, 60.0, None, Verdict.NOT_MET, 0.0),
        ("Min[Gy]", Relation.ABOVE, 20.0, None, Verdict.NOT_MET, 0.0),
        ("Min[Gy]", Relation.AT_LEAST, 20.0, None, Verdict.MET, 0.0),
    ],
)
def test_verdict_and_margin(
    metric: str,
    relation: Relation,
    value: float,
    variation: float | None,
    verdict: Verdict,
    margin: float,
) -> None:
    goal = Goal(
        structure=1,
        metric=Metric.parse(metric),
        relation=relation,
        value=value,
        variation=variation,
    )

    found = check_goal(goal, EVEN, COURSE)

    assert found.verdict is verdict
    assert found.margin == pytest.approx(margin)
    assert found.reason is None


def test_every_verdict_has_a_word() -> None:
    assert [verdict.value for verdict in Verdict] == [
        "met",
        "acceptable variation",
        "not met",
        "not evaluable",
    ]


def test_goals_are_answered_in_order_and_none_is_dropped() -> None:
    goals = [
        Goal.from_fields(number, {**FIELDS, "value": 20.0, "variation": None})
        for number in (7, 3, 7)
    ]

    found = check_goals(goals, {7: EVEN}, COURSE)

    assert [result.goal.structure for result in found] == [7, 3, 7]
    assert [result.verdict for result in found] == [
        Verdict.MET,
        Verdict.NOT_EVALUABLE,
        Verdict.MET,
    ]
    assert found[1].reason is Reason.NO_STRUCTURE
    assert found[1].number is None
    assert found[1].margin is None


def test_what_has_no_number_is_not_met_nor_failed() -> None:
    goal = Goal.from_fields(1, {**FIELDS, "metric": "D60cc[Gy]"})

    found = check_goal(goal, EVEN, COURSE)

    assert (found.verdict, found.reason) == (Verdict.NOT_EVALUABLE, Reason.TOO_SMALL)


def test_fields_of_a_job_make_a_goal() -> None:
    goal = Goal.from_fields(12, FIELDS)

    assert goal.structure == 12
    assert (goal.value, goal.variation, goal.priority) == (60.0, 57.0, 1)
    assert goal.relation is Relation.AT_LEAST


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("metric", "D95[Gy]"),
        ("metric", 95),
        ("metric", None),
        ("relation", "=<"),
        ("relation", None),
        ("relation", ">" * 100),
        ("value", "60"),
        ("value", True),
        ("value", None),
        ("value", -1.0),
        ("value", float("nan")),
        ("value", float("inf")),
        ("value", 10**400),
        ("unit", "cGy"),
        ("unit", "%"),
        ("variation", 61.0),
        ("variation", "57"),
        ("variation", -1.0),
        ("priority", 0),
        ("priority", 10),
        ("priority", 1.0),
        ("priority", True),
    ],
)
def test_refuses_a_wrong_field(name: str, value: object) -> None:
    with pytest.raises(InvalidInput):
        Goal.from_fields(1, {**FIELDS, name: value})


def test_refuses_missing_and_unknown_fields() -> None:
    with pytest.raises(InvalidInput):
        Goal.from_fields(1, {name: FIELDS[name] for name in FIELDS if name != "priority"})
    with pytest.raises(InvalidInput):
        Goal.from_fields(1, {**FIELDS, "colour": "red"})


@pytest.mark.parametrize("structure", [0, -1, 2**31, True, "", "a" * 65, "Lung\nL"])
def test_refuses_structures_without_a_number_or_name(structure: int | str) -> None:
    with pytest.raises(InvalidInput):
        Goal.from_fields(structure, FIELDS)


@given(st.dictionaries(st.sampled_from(sorted(FIELDS)), st.none() | st.text() | st.floats()))
def test_any_fields_make_a_goal_or_are_refused(changed: dict[str, object]) -> None:
    try:
        goal = Goal.from_fields(1, {**FIELDS, **changed})
    except InvalidInput:
        return
    assert check_goal(goal, EVEN, COURSE).verdict in set(Verdict)
