"""Profiles and isodoses as people ask for them, and as they read what was found."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from Testing.Unit.client_dose.outcomes_made import comparison, goal, outcome
from Testing.Unit.client_dose.test_dose_inputs import files, inputs
from Testing.Unit.client_dose.test_dose_report import PLAIN, Page, bare, rows_of
from Testing.Unit.client_dose.test_dose_told import compared

from encryptsecurert_protocol.dose_isodoses import IsodosePart
from encryptsecurert_protocol.dose_profiles import FieldFigures, ProfileLine, ProfilePart
from encryptsecurert_protocol.dose_results import DoseComparison
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.arguments import parse
from EncryptSecureRTLib.client.dose_criteria import parse_isodoses, parse_profile
from EncryptSecureRTLib.client.dose_csv import comparison_csv, isodoses_csv, profiles_csv
from EncryptSecureRTLib.client.dose_html import dose_page
from EncryptSecureRTLib.client.dose_pdf import dose_paper
from EncryptSecureRTLib.client.dose_planes import isodose_words
from EncryptSecureRTLib.client.dose_plots import profile_figure
from EncryptSecureRTLib.client.dose_shapes import isodose_table, profile_words
from EncryptSecureRTLib.client.dose_told import comparison_told

__all__ = ["files"]  # a fixture

_LINE = ProfileLine(from_lps_mm=(-30.0, 5.0, 0.0), to_lps_mm=(30.0, 5.0, 0.0), step_mm=20.0)
_FIELD = FieldFigures(
    axis_mm=30.0,
    axis_gy=60.0,
    left_mm=10.0,
    right_mm=50.25,
    field_size_mm=40.25,
    centre_mm=30.125,
    penumbra_left_mm=6.5,
    penumbra_right_mm=None,
    flattened_mm=None,
    flatness_percent=None,
    symmetry_percent=None,
)
_PROFILE = ProfilePart(
    line=_LINE,
    position_mm=(0.0, 20.0, 40.0, 60.0),
    reference_gy=(0.0, 60.0, 61.0, 0.0),
    evaluated_gy=(None, 59.25, 61.5, None),
    reference_field=_FIELD,
    evaluated_field=None,
)
_ISODOSES = (
    IsodosePart(
        level_gy=57.0,
        unit="cc",
        reference=101.25,
        evaluated=99.0,
        common_reference=101.25,
        common_evaluated=99.0,
        both=98.0,
        dice=0.97875,
    ),
    IsodosePart(
        level_gy=70.0,
        unit="cc",
        reference=0.0,
        evaluated=0.0,
        common_reference=0.0,
        common_evaluated=0.0,
        both=0.0,
        dice=None,
    ),
)


def shaped(**changes: object) -> DoseComparison:
    return comparison(profiles=(_PROFILE,), isodoses=_ISODOSES, **changes)


def test_a_line_and_levels_are_said_in_millimetres_percent_and_gray(
    files: dict[str, Path],
) -> None:
    words = ("--profile=-30,5,0:30,5,0:20", "--profile", "0,0,-1.5:0,0,8", "--isodose", "95%,20Gy")
    asked = parse(["dose-compare", "ref", "eval", *words, "--prescription", "60Gy"]).dose

    assert asked.profile_lines()[0] == _LINE
    assert (asked.profile_lines()[1].step_mm, asked.profile_lines()[1].points) == (1.0, 11)
    made = inputs(files, profiles=asked.profiles, isodoses="95%,20Gy", prescription="60Gy")
    assert made.parameters.profiles == asked.profile_lines()
    assert made.parameters.isodoses == (20.0, 57.0)
    assert made.known.percent_gy == 60.0


def test_percent_is_of_the_prescription_else_of_the_norm_else_of_the_largest_dose(
    files: dict[str, Path],
) -> None:
    largest_gy = float(inputs(files).reference.dose_gy.max())

    assert inputs(files, isodoses="50%", norm="40Gy").parameters.isodoses == (20.0,)
    assert inputs(files, isodoses="50%", norm="40Gy", prescription="30Gy").known.percent_gy == 30.0
    (half_gy,) = inputs(files, isodoses="50%").parameters.isodoses
    assert half_gy == pytest.approx(largest_gy / 2, abs=1e-9)
    assert inputs(files, isodoses="20Gy").known.percent_gy is None
    assert parse_isodoses("50%, 30Gy,30 Gy", 60.0) == (30.0,)


@pytest.mark.parametrize(
    "text",
    [
        *("", "1,2:3,4", "0,0,0:0,0,0", "0,0,0:1,1", "0,0,0:1,1,1:0", "0,0,0:1,1,nan"),
        *("0,0,0:1,1,1:1:1", "0,0,0:999999,0,0:0.01", "1e3,0,0:0,0,0"),
        "\N{ARABIC-INDIC DIGIT ONE},0,0:0,0,0",
    ],
)
def test_a_line_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(EncryptSecureRTError) as refused:
        parse_profile(text)

    assert refused.value.code is ErrorCode.E_USAGE


@pytest.mark.parametrize("text", ["", "95", "95%,", "0Gy", "-5Gy", "95%;50%", "1e9Gy"])
def test_a_level_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(EncryptSecureRTError) as refused:
        parse_isodoses(text, 60.0)

    assert refused.value.code is ErrorCode.E_USAGE


def test_more_than_sixteen_of_either_are_refused(files: dict[str, Path]) -> None:
    for members in (
        {"profiles": ["0,0,0:1,0,0"] * 17},
        {"isodoses": ",".join(f"{n}Gy" for n in range(1, 18))},
    ):
        with pytest.raises(EncryptSecureRTError) as refused:
            inputs(files, **members)
        assert refused.value.code is ErrorCode.E_USAGE


def test_a_page_has_both_with_their_units_and_a_dash_where_nothing_is() -> None:
    plain = bare(profiles=(_PROFILE,), isodoses=_ISODOSES)
    page = Page(dose_page(replace(plain, percent_gy=60.0, can_draw=False)))

    assert "57 Gy (95 %)" in page.text
    assert "101.25" in page.text
    assert "0.9788" in page.text
    assert "Profile 1: (-30, 5, 0) to (30, 5, 0) mm (LPS)" in page.text
    assert "40.25" in page.text
    assert "largest difference -0.750 Gy at 20 mm" in page.text
    table = isodose_table(plain.outcome.comparison)
    assert table is not None
    assert table.rows[1] == ("70 Gy", "0.00", "0.00", "0.00", "-", "-")


def test_isodoses_that_were_asked_for_are_those_of_the_pictures() -> None:
    assert isodose_words(outcome(isodoses=_ISODOSES)) == "Isodoses at 70 Gy, 57 Gy."
    assert isodose_words(outcome()) == "Isodoses at 95, 80, 50, 20 % of 61.5 Gy."


def test_a_profile_is_drawn_with_gaps_where_a_dose_is_not() -> None:
    above, below = profile_figure(_PROFILE).axes

    reference, evaluated = (np.asarray(line.get_ydata()) for line in above.lines)
    apart = np.asarray(below.lines[1].get_ydata())
    assert reference.tolist() == [0.0, 60.0, 61.0, 0.0]
    assert np.array_equal(evaluated, [np.nan, 59.25, 61.5, np.nan], equal_nan=True)
    assert np.array_equal(apart, [np.nan, -0.75, 0.5, np.nan], equal_nan=True)
    unknown = (None,) * 4
    assert "nowhere" in profile_words(replace(_PROFILE, evaluated_gy=unknown))


def test_paper_has_them_too() -> None:
    without = bare(dvh=None, goals=())
    made = bare(dvh=None, goals=(), profiles=(_PROFILE,), isodoses=_ISODOSES)

    assert len(dose_paper(made)) > len(dose_paper(without)) + 10_000  # a picture


def test_tables_for_programs_have_all_digits_and_empty_cells() -> None:
    made = outcome(profiles=(_PROFILE,), isodoses=_ISODOSES)
    _, points = rows_of(profiles_csv(made))
    _, levels = rows_of(isodoses_csv(made))

    assert [row["evaluated_Gy"] for row in points] == ["", "59.25", "61.5", ""]
    assert [row["difference_Gy"] for row in points] == ["", "-0.75", "0.5", ""]
    assert (points[1]["x_lps_mm"], points[1]["y_lps_mm"]) == ("-10.0", "5.0")
    assert (levels[0]["level_Gy"], levels[0]["unit"], levels[0]["dice"]) == (
        *("57.0", "cc", "0.97875"),
    )
    assert levels[1]["dice"] == ""


def test_a_structure_that_was_left_out_has_a_row_and_a_sentence_that_say_so() -> None:
    unusable = replace(goal("not_evaluable", None), evaluated_reason="structure_unusable")
    changes: dict[str, Any] = {
        "unusable": (9,),
        "warnings": ("structure_unusable.9",),
        "goals": (unusable,),
    }
    page = Page(dose_page(bare(PLAIN, **changes)))
    _, rows = rows_of(comparison_csv(outcome(**changes), PLAIN))
    words, _ = comparison_told(compared(**changes), PLAIN)

    assert "ROI_9: encloses nothing that can be measured" in page.text
    assert "not evaluable: its contours cannot be used" in page.text
    assert (rows[-1]["structure_number"], rows[-1]["left_out"]) == ("9", "unusable")
    (row,) = [line for line in words.splitlines() if line.startswith("ROI_9")]
    assert row.split()[:2] == ["ROI_9", "left"]


def test_a_terminal_shows_both() -> None:
    words, _ = comparison_told(compared(profiles=(_PROFILE,), isodoses=_ISODOSES), PLAIN, 60.0)

    assert "57 Gy (95 %)" in words
    assert "Profile 1: (-30, 5, 0) to (30, 5, 0) mm (LPS)" in words


def test_a_comparison_with_them_comes_back_the_same() -> None:
    made = shaped(unusable=(9,))

    changed = DoseComparison.decode(replace(made, goals=()).encode())

    assert (changed.profiles, changed.isodoses, changed.unusable) == ((_PROFILE,), _ISODOSES, (9,))
