"""Names, goals and registrations that people write: read strictly, told by line what is wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from Testing.Unit.client.people import refusal_of

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.dose_sheets import (
    GOALS_SCHEMA,
    numbers_of,
    read_goals,
    read_names,
    read_registration,
)

HEAD = "structure,metric,relation,value,unit,variation,priority\n"
GOAL = "SpinalCord,D0.03cc[Gy],<=,45,Gy,48.5,1\n"
MEMBER = {
    "structure": "Heart",
    "metric": "Mean[Gy]",
    "relation": "<",
    "value": 20,
    "unit": "Gy",
    "variation": None,
    "priority": 2,
}


def written(folder: Path, text: str) -> Path:
    path = folder / "sheet"
    path.write_text(text, encoding="utf-8")
    return path


def refused(read: Callable[[Path], object], path: Path) -> str:
    """Return the detail of a refusal for usage."""
    with pytest.raises(EncryptSecureRTError) as refusal:
        read(path)
    assert refusal.value.code is ErrorCode.E_USAGE
    return refusal.value.detail


def test_names_are_read_by_number(tmp_path: Path) -> None:
    text = "# of this clinic\nnumber,name\n7,SpinalCord\n\n12,Lung_L~\n3,~Brain links\n"

    names = {7: "SpinalCord", 12: "Lung_L~", 3: "~Brain links"}
    assert read_names(written(tmp_path, "\ufeff" + text)) == names
    assert read_names(written(tmp_path, text.replace("number,name\n", ""))) == names


@pytest.mark.parametrize(
    "line",
    [
        "0,Heart",
        "2147483648,Heart",
        "07,Heart",
        "7",
        "7,",
        "7,Heart,left",
        "7,=cmd()",
        "7,@Heart",
        "7,-Heart",
        f"7,{'x' * 65}",
        '7,"Heart\x1b[2J"',
        "7,Heart\x9b2J",
        "7,Heart\u202eL_gnuL",
        "seven,Heart",
    ],
)
def test_a_line_of_names_that_is_not_right_is_told_by_its_number(tmp_path: Path, line: str) -> None:
    detail = refused(read_names, written(tmp_path, f"3,Cord\n{line}\n"))

    assert "line 2" in detail
    assert "Heart" not in detail


@pytest.mark.parametrize("line", ["3,Heart", "4,Cord"])
def test_a_number_or_name_that_is_there_twice_is_refused(tmp_path: Path, line: str) -> None:
    assert "twice" in refused(read_names, written(tmp_path, f"3,Cord\n{line}\n"))


def test_a_sheet_of_goals_is_read_with_its_variation(tmp_path: Path) -> None:
    sheet = read_goals(written(tmp_path, f"# mine\n{HEAD}{GOAL}Heart,Mean[Gy],<,20,Gy,,2\n"))

    first, second = sheet.goals
    assert (first.structure, first.metric, first.relation) == ("SpinalCord", "D0.03cc[Gy]", "<=")
    assert (first.value, first.variation, first.priority) == (45.0, 48.5, 1)
    assert second.variation is None
    assert (sheet.prescription_gy, sheet.fractions) == (None, None)


def _json(**changes: Any) -> str:
    sheet: dict[str, Any] = {
        "schema": GOALS_SCHEMA,
        "prescription_gy": 60,
        "fractions": 30,
        "goals": [MEMBER],
    }
    return json.dumps({**sheet, **changes})


def test_json_says_the_course_too(tmp_path: Path) -> None:
    sheet = read_goals(written(tmp_path, _json()))

    assert (sheet.prescription_gy, sheet.fractions) == (60.0, 30)
    assert sheet.goals[0].value == 20.0


@pytest.mark.parametrize(
    "text",
    [
        "",
        GOAL,
        HEAD,
        HEAD + "Heart,Mean[Gy],<,20,Gy,1\n",
        HEAD + "Heart,Mean[Gy],<,2e1,Gy,,1\n",
        HEAD + "Heart,Mean[Gy],<,-2,Gy,,1\n",
        HEAD + "Heart,Mean[Gy],<,20,Gy,,0\n",
        HEAD + "Heart,Mean[Gy],<,20,Gy,x,1\n",
        HEAD + ",Mean[Gy],<,20,Gy,,1\n",
        HEAD + f"{'x' * 65},Mean[Gy],<,20,Gy,,1\n",
        HEAD + GOAL + GOAL,
        _json(schema="other"),
        _json(goals=[]),
        _json(goals=[{**MEMBER, "more": 1}]),
        _json(goals=[{**MEMBER, "value": "20"}]),
        _json(goals=[{**MEMBER, "value": True}]),
        _json(goals=[{**MEMBER, "priority": 1.0}]),
        _json(goals=[7]),
        _json(prescription_gy=0),
        _json(fractions=0),
        _json().replace('"fractions"', '"schema"'),
        _json().replace("60", "NaN"),
        "{" * 100_000,
    ],
)
def test_a_sheet_in_another_form_is_refused(tmp_path: Path, text: str) -> None:
    assert refused(read_goals, written(tmp_path, text)).startswith("--goals")


def test_structures_of_a_sheet_are_found_by_exactly_their_names(tmp_path: Path) -> None:
    sheet = read_goals(written(tmp_path, HEAD + GOAL))

    assert numbers_of(sheet, {7: "SpinalCord", 8: "Heart"}) == {"SpinalCord": 7}
    for names in ({7: "spinalcord"}, {7: "SpinalCord", 8: "SpinalCord"}):
        assert refusal_of(numbers_of, sheet, names) is ErrorCode.E_USAGE


def test_a_registration_is_16_numbers_row_by_row(tmp_path: Path) -> None:
    text = "# to the second CT\n1 0 0 -2.5\n0 1 0 3\n0, 0, 1, 1e-3\n0;0;0;1\n"

    matrix = read_registration(written(tmp_path, text))

    assert (matrix[3], matrix[7], matrix[11]) == (-2.5, 3.0, 0.001)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1 " * 15,
        "1 " * 17,
        "1 0 0 0 0 1 0 0 0 0 1 0 0 0 1 1",
        "1 0 0 0 0 1 0 0 0 0 1 nan 0 0 0 1",
    ],
)
def test_what_is_no_registration_is_refused(tmp_path: Path, text: str) -> None:
    refused(read_registration, written(tmp_path, text))


def test_sheets_that_are_not_there_or_no_text_are_refused(tmp_path: Path) -> None:
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")

    assert refusal_of(read_names, tmp_path / "none") is ErrorCode.E_LOCAL_FILE
    assert "UTF-8" in refused(read_names, binary)
