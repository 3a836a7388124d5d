"""Goals on their way: client, job and worker read the same sheet as the same goals."""

import re
from pathlib import Path

import pytest

from encryptsecurert_protocol.dvh_options import GOAL_UNITS, METRIC, RELATIONS, DoseGoal
from encryptsecurert_protocol.dvh_parts import GoalOutcome
from encryptsecurert_rt.dvh.evaluate import Course, Reason
from encryptsecurert_rt.dvh.goal_sheets import GoalSheet, read_goals_csv, read_goals_json
from encryptsecurert_rt.dvh.goals import Goal, Relation, Verdict
from encryptsecurert_rt.dvh.notation import Unit
from EncryptSecureRTLib.client.dose_sheets import read_goals

REPOSITORY = Path(__file__).resolve().parents[4]
PAGE = (REPOSITORY / "docs/goals.md").read_text("utf-8")
FORMS = ("csv", "json")


def _text(form: str) -> str:
    return PAGE.split(f"```{form}\n")[1].split("```")[0]


def _in_worker(form: str) -> GoalSheet:
    return read_goals_csv(_text(form)) if form == "csv" else read_goals_json(_text(form))


@pytest.mark.parametrize("form", FORMS)
def test_client_reads_the_sheet_of_the_documentation_as_the_worker_does(
    form: str, tmp_path: Path
) -> None:
    path = tmp_path / "goals"
    path.write_text(_text(form), "utf-8")

    sent, read = read_goals(path), _in_worker(form)

    assert [
        (g.structure, g.metric, g.relation, g.value, g.unit, g.variation, g.priority)
        for g in sent.goals
    ] == [
        *(
            (
                *(g.structure, g.metric.text, g.relation.value),
                *(g.value, g.unit.value, g.variation, g.priority),
            )
            for g in read.goals
        )
    ]
    assert Course(prescription_gy=sent.prescription_gy, fractions=sent.fractions) == read.course


@pytest.mark.parametrize("form", FORMS)
def test_goals_come_out_of_a_job_as_they_went_in(form: str) -> None:
    for number, goal in enumerate(_in_worker(form).goals, start=1):
        told = DoseGoal.from_json(
            DoseGoal(
                structure=number,
                metric=goal.metric.text,
                relation=goal.relation.value,
                value=goal.value,
                unit=goal.unit.value,
                priority=goal.priority,
                variation=goal.variation,
            ).as_json()
        )

        again = Goal.from_fields(
            told.structure,
            {
                "metric": told.metric,
                "relation": told.relation,
                "value": told.value,
                "unit": told.unit,
                "variation": told.variation,
                "priority": told.priority,
            },
        )

        assert again.structure == number
        assert (again.metric, again.relation, again.value) == (
            goal.metric,
            goal.relation,
            goal.value,
        )
        assert (again.variation, again.priority) == (goal.variation, goal.priority)


def test_every_metric_of_the_documentation_has_the_characters_that_a_job_takes() -> None:
    metrics = re.findall(r"`([^`]+\[[^`]+\])`", PAGE.split("## Metrics")[1])

    assert len(metrics) >= 15
    assert [text for text in metrics if not re.fullmatch(METRIC, text)] == []


def test_words_of_results_are_those_of_the_worker() -> None:
    goal = DoseGoal(structure=1, metric="Max[Gy]", relation="<=", value=45.0, unit="Gy", priority=1)
    for verdict in Verdict:
        for reason in (None, *Reason):
            outcome = GoalOutcome(
                goal=goal,
                reference_value=None,
                reference_state=verdict.name.lower(),
                reference_reason=None if reason is None else reason.name.lower(),
                evaluated_value=None,
                evaluated_state=verdict.name.lower(),
                evaluated_reason=None,
            )

            assert GoalOutcome.from_json(outcome.as_json()) == outcome
    assert set(RELATIONS) == {relation.value for relation in Relation}
    assert set(GOAL_UNITS) == {unit.value for unit in Unit}
