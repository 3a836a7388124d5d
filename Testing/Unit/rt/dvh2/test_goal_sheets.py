"""Goal sheets of untrusted text: read strictly, refused with the line, never anything else."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from encryptsecurert_rt.dvh.evaluate import Course
from encryptsecurert_rt.dvh.goal_sheets import (
    MAX_CHARACTERS,
    MAX_GOALS,
    read_goals_csv,
    read_goals_json,
)
from encryptsecurert_rt.dvh.goals import Relation
from encryptsecurert_rt.errors import InvalidInput

REPOSITORY = Path(__file__).resolve().parents[4]
HEADER = "structure,metric,relation,value,unit,variation,priority\n"
LINE = "SpinalCord,D0.03cc[Gy],<=,45,Gy,48,1\n"
GOAL = {
    "structure": "SpinalCord",
    "metric": "D0.03cc[Gy]",
    "relation": "<=",
    "value": 45,
    "unit": "Gy",
    "variation": 48.5,
    "priority": 1,
}
SHEET: dict[str, object] = {
    "schema": "encryptsecurert.goals/1",
    "prescription_gy": 60,
    "fractions": 30,
    "goals": [GOAL],
}


def test_csv_is_read() -> None:
    text = "\ufeff# thorax\r\n" + HEADER + "\n" + LINE + "PTV_6000,V95%[%],>=,95,%,,2\n"

    sheet = read_goals_csv(text, Course(prescription_gy=60.0))

    assert [goal.structure for goal in sheet.goals] == ["SpinalCord", "PTV_6000"]
    assert sheet.goals[0].relation is Relation.AT_MOST
    assert (sheet.goals[0].value, sheet.goals[0].variation) == (45.0, 48.0)
    assert (sheet.goals[1].variation, sheet.goals[1].priority) == (None, 2)
    assert sheet.course.prescription_gy == 60.0


def test_json_is_read_to_the_same_goals() -> None:
    sheet = read_goals_json(json.dumps({**SHEET, "goals": [{**GOAL, "variation": 48}]}))

    assert sheet.goals == read_goals_csv(HEADER + LINE).goals
    assert sheet.course == Course(prescription_gy=60.0, fractions=30)


def test_sheet_of_the_documentation_is_read() -> None:
    text = (REPOSITORY / "docs/goals.md").read_text("utf-8")
    csv_text = text.split("```csv\n")[1].split("```")[0]
    json_text = text.split("```json\n")[1].split("```")[0]

    assert len(read_goals_csv(csv_text).goals) >= 8
    assert len(read_goals_json(json_text).goals) >= 1


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("SpinalCord,D0.03cc[Gy],<=,45,Gy,48\n", "line 2: a goal has seven cells"),
        ("SpinalCord,D0.03cc,<=,45,Gy,48,1\n", "line 2: the text is not a metric"),
        ("SpinalCord,D0.03cc[Gy],<=,45,cGy,48,1\n", "line 2: a goal must be in the unit"),
        ("SpinalCord,D0.03cc[Gy],=,45,Gy,48,1\n", "line 2: a relation is"),
        ("SpinalCord,D0.03cc[Gy],<=,4e1,Gy,48,1\n", "line 2: a value is a decimal"),
        ('SpinalCord,D0.03cc[Gy],<=,"45,5",Gy,48,1\n', "line 2: a value is a decimal"),
        ("SpinalCord,D0.03cc[Gy],<=,nan,Gy,48,1\n", "line 2: a value is a decimal"),
        ("SpinalCord,D0.03cc[Gy],<=,45,Gy,40,1\n", "line 2: an acceptable variation"),
        ("SpinalCord,D0.03cc[Gy],<=,45,Gy,,\n", "line 2: a priority"),
        (",D0.03cc[Gy],<=,45,Gy,,1\n", "line 2: a structure's name"),
        ('"SpinalCord,D0.03cc[Gy],<=,45,Gy,,1\n', "line 2: not CSV"),
        ("S" * 65 + ",D0.03cc[Gy],<=,45,Gy,,1\n", "line 2: a cell has at most 64"),
        (LINE + LINE, "a goal sheet asks the same of a structure twice"),
        ("", "a goal sheet has 1 to 512 goals"),
    ],
)
def test_refuses_a_line_and_says_which(line: str, told: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_goals_csv(HEADER + line)

    assert caught.value.what.startswith(told)
    assert "SpinalCord" not in caught.value.what


def test_refuses_a_sheet_without_its_header() -> None:
    for text in ("", LINE, "structure;metric\n" + LINE, HEADER.upper() + LINE):
        with pytest.raises(InvalidInput):
            read_goals_csv(text)


def test_length_is_bounded_and_what_is_at_the_bound_is_read() -> None:
    lines = [f"S{n},Max[Gy],<=,45,Gy,,1\n" for n in range(MAX_GOALS)]

    assert len(read_goals_csv(HEADER + "".join(lines)).goals) == MAX_GOALS
    with pytest.raises(InvalidInput):
        read_goals_csv(HEADER + "".join(lines) + "T,Max[Gy],<=,45,Gy,,1\n")
    padding = "#" * (MAX_CHARACTERS - len(HEADER + LINE))
    assert len(read_goals_csv(HEADER + LINE + padding).goals) == 1
    with pytest.raises(InvalidInput):
        read_goals_csv(HEADER + LINE + padding + "#")


@pytest.mark.parametrize(
    "changed",
    [
        {"schema": "encryptsecurert.goals/2"},
        {"goals": []},
        {"goals": {}},
        {"goals": [GOAL, GOAL]},
        {"goals": [{**GOAL, "colour": "red"}]},
        {"goals": [{**GOAL, "structure": 5}]},
        {"goals": [{**GOAL, "value": "45"}]},
        {"prescription_gy": 0},
        {"prescription_gy": "60"},
        {"prescription_gy": True},
        {"prescription_gy": 10**400},
        {"fractions": 30.0},
        {"fractions": 0},
        {"extra": 1},
    ],
)
def test_refuses_other_json(changed: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        read_goals_json(json.dumps({**SHEET, **changed}))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        "[" * 100_000,
        '{"schema": NaN}',
        json.dumps(SHEET)[:-1] + ', "schema": "encryptsecurert.goals/1"}',
        json.dumps(SHEET).replace("45", "9" * 5000),
    ],
)
def test_refuses_what_is_hardly_json(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_goals_json(text)


@given(st.text(alphabet='SV0129,.%[]<=>"#\n\r\x00\u2028Gyc', max_size=200))
def test_any_csv_text_is_read_or_refused(text: str) -> None:
    for whole in (text, HEADER + text, HEADER + LINE + text):
        try:
            sheet = read_goals_csv(whole)
        except InvalidInput:
            continue
        assert len(sheet.goals) >= 1


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=8,
    )
)
def test_any_json_value_in_any_place_is_read_or_refused(value: object) -> None:
    for name in SHEET:
        for document in ({**SHEET, name: value}, {**SHEET, "goals": [{**GOAL, "value": value}]}):
            try:
                read_goals_json(json.dumps(document))
            except InvalidInput:
                continue
