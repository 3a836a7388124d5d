"""The words of `plan-compare`: what is asked, and what is told as table, CSV and JSON."""

import csv
import io
import json
from pathlib import Path

import pytest
from Testing.Unit.worker.made import refusal_of

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.plan_checks import (
    TOLERANCES,
    CheckRow,
    CheckVerdict,
    PlanComparison,
)
from EncryptSecureRTLib.client.arguments import parse
from EncryptSecureRTLib.client.plan_asked import read_tolerances
from EncryptSecureRTLib.client.plan_words import csv_of, table_of

_LEAF = CheckRow(
    what="leaves.mlcx",
    unit="mm",
    verdict=CheckVerdict.BEYOND,
    places={"beam": 2, "point": 4, "bank": 2, "leaf": 7},
    expected=-12.5,
    found=-11.0,
    difference=1.5,
    tolerance=0.1,
    compared=480,
    not_compared=0,
    beyond=3,
)
_UNKNOWN = CheckRow(
    what="couch",
    unit="deg",
    verdict=CheckVerdict.NOT_COMPARED,
    places={"beam": 2},
    expected=None,
    found=None,
    difference=None,
    tolerance=0.1,
    compared=0,
    not_compared=9,
    beyond=0,
)


def _check(*rows: CheckRow, verdict: CheckVerdict = CheckVerdict.BEYOND) -> PlanComparison:
    return PlanComparison(
        form="record",
        algorithm="plan-check-1",
        matching="number",
        tolerances=dict.fromkeys(TOLERANCES, 0.1),
        verdict=verdict,
        rows=rows,
        points=rows[:1],
        points_left_out=0,
    )


def test_csv_has_every_row_and_point_with_exact_numbers() -> None:
    rows = list(csv.DictReader(io.StringIO(csv_of(_check(_LEAF, _UNKNOWN)))))

    assert [(r["scope"], r["what"]) for r in rows] == [
        ("row", "leaves.mlcx"),
        ("row", "couch"),
        ("point", "leaves.mlcx"),
    ]
    first, unknown, _ = rows
    assert (first["beam"], first["bank"], first["leaf"], first["fraction"]) == ("2", "2", "7", "")
    assert (first["expected"], first["found"], first["difference"]) == ("-12.5", "-11.0", "1.5")
    assert (first["tolerance"], first["unit"], first["verdict"]) == ("0.1", "mm", "beyond")
    assert (unknown["expected"], unknown["not_compared"]) == ("", "9")


def test_the_table_names_what_is_beyond_and_what_is_not_known() -> None:
    text = "\n".join(table_of(_check(_LEAF, _UNKNOWN)))

    assert "plan beside record: BEYOND TOLERANCE" in text
    assert "1 rows beyond, 0 within, 0 told, 1 not compared" in text
    row = next(line for line in text.splitlines() if line.startswith("leaves.mlcx"))
    assert row.split() == ["leaves.mlcx", "2", "4", "2-7", "-12.5", "-11", "1.5", "0.1", "mm"]
    assert "not compared, since a side does not tell: couch" in text


def test_a_check_without_differences_has_no_table() -> None:
    within = _check(verdict=CheckVerdict.WITHIN)

    assert table_of(within)[0] == "plan beside record: within tolerance"
    assert not any("expected" in line for line in table_of(within))


def test_rows_beyond_a_line_are_counted() -> None:
    text = table_of(_check(*[_LEAF] * 103))

    assert "and 3 more" in text


# ---- what is asked


def test_the_words_of_the_command_line_are_taken() -> None:
    words = ("plan-compare", "a", "b", "--out", "c", "--tolerances", "t", "--match", "geometry")

    asked = parse([*words, "--url", "https://w:1"])
    assert asked.plan.pair() == (Path("a"), Path("b"))
    assert (asked.out, asked.plan.tolerances) == (Path("c"), Path("t"))
    assert asked.plan.matching == "geometry"
    assert parse(["plan-compare", "a", "b"]).plan.matching == "number"


def test_a_request_line_asks_for_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    line = json.dumps(
        {"plan_reference": "a", "plan_other": "b", "plan_matching": "geometry", "out": "c"}
    )
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(f"{line}\n".encode())))

    asked = parse(["plan-compare", "--request", "-"])
    assert asked.plan.pair() == (Path("a"), Path("b"))
    assert (asked.plan.matching, asked.out) == ("geometry", Path("c"))


@pytest.mark.parametrize(
    "words",
    [("plan-compare",), ("plan-compare", "a")],
)
def test_two_inputs_are_needed(words: tuple[str, ...]) -> None:
    assert refusal_of(parse(words).plan.pair) is ErrorCode.E_USAGE


def test_other_ways_to_match_are_refused() -> None:
    assert refusal_of(parse, ["plan-compare", "a", "b", "--match", "name"]) is ErrorCode.E_USAGE


def test_tolerances_of_a_file_are_numbers_or_null(tmp_path: Path) -> None:
    path = tmp_path / "site.json"
    path.write_text('{"leaf_mm": 1, "gantry_deg": 0.5, "table_mm": null}')

    told = read_tolerances(path)
    assert told == {"leaf_mm": "1.0", "gantry_deg": "0.5", "table_mm": None}
    assert read_tolerances(None) == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "nonsense",
        '{"leaf": 1}',
        '{"leaf_mm": "1"}',
        '{"leaf_mm": true}',
        '{"leaf_mm": -1}',
        '{"leaf_mm": NaN}',
        '{"leaf_mm": Infinity}',
        '{"leaf_mm": 1, "leaf_mm": 2}',
        "[" * 5000,
    ],
)
def test_a_file_with_anything_else_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "site.json"
    path.write_text(text)

    assert refusal_of(read_tolerances, path) is ErrorCode.E_USAGE


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EncryptSecureRTError) as refusal:
        read_tolerances(tmp_path / "none.json")
    assert refusal.value.code is ErrorCode.E_LOCAL_FILE


def test_a_row_goes_into_json_as_the_worker_wrote_it() -> None:
    assert json.loads(json.dumps(_LEAF.as_json()))["difference"] == "1.5"
