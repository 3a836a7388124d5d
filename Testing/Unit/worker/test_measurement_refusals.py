"""What `measurement_compare` refuses: every text that is not right, with its line and no word."""

import re
from dataclasses import replace

import pytest
from Testing.Unit.client_dose.measurements_made import (
    FACTS,
    HEAD,
    OF_RTDOSE,
    PARAMETERS,
    calculated_octets,
    framed_plane,
    matrix_text,
    output_of,
    points_text,
)
from Testing.Unit.worker.made import refusal_of

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.events import WORD
from encryptsecurert_protocol.measurements import FIRST_LINE
from encryptsecurert_rt.dose.plane_files import FIRST_LINE as FIRST_LINE_OF_LIBRARY
from encryptsecurert_worker.tasks.measurement_compare import MeasurementCompareTask

_TASK = MeasurementCompareTask(threads=1)
_RTDOSE = replace(PARAMETERS, measured=OF_RTDOSE)
_HEADER = "".join(line for line in matrix_text().splitlines(True) if line.startswith("#"))


def test_client_and_library_know_the_same_first_line() -> None:
    assert FIRST_LINE == FIRST_LINE_OF_LIBRARY


@pytest.mark.parametrize(
    ("before", "after", "line", "word"),
    [
        ("# encryptsecurert plane 1", "# encryptsecurert plane 2", 1, "the_first_line_must_name_"),
        ("form: matrix", "form: film", 2, "the_form_must_be_"),
        ("frame: LPS", "frame: Doe^Jane", 3, "the_frame_must_be_lps_or_ras"),
        ("unit: Gy", "unit: mGy", 4, "the_unit_must_be_gy_or_cgy"),
        ("# unit: Gy\n", "# unit: Gy\n# patient: x\n", 5, "a_line_of_the_header_is_"),
        ("1, 0, 0", "1, 1, 0", 6, "a_direction_must_have_length_1"),
        ("1, 0, 0", "0, 0, -1", 0, "direction_must_be_orthonormal"),
        ("4, 4\n", "4, 400\n", 0, "spacing_must_be_"),
        ("4, 4\n", "4, 4\n-1, 2\n", 9, "a_measured_dose_must_not_be_negative"),
        ("4, 4\n", "4, 4\nnan, 2\n", 9, "a_number_was_expected"),
        ("# along_row: 1, 0, 0\n", "", 0, "the_header_lacks_a_line_"),
    ],
)
def test_a_text_of_another_form_is_told_by_line_and_fixed_words(
    before: str, after: str, line: int, word: str
) -> None:
    told: list[tuple[str, float]] = []
    text = matrix_text().replace(before, after, 1)
    assert text != matrix_text()

    def log(entry: str, value: float) -> None:
        told.append((entry, value))

    assert refusal_of(output_of, text, log=log) is ErrorCode.E_MEASURED_DOSE
    ((entry, value),) = told
    assert entry.startswith(f"refused.{word}")
    assert re.fullmatch(WORD, entry)
    assert value == line


@pytest.mark.parametrize(
    "text",
    [
        b"\xff\xfe#",
        HEAD.format("points").encode() + b"0, 0, 0, 0\n",
        HEAD.format("points").encode(),
        b"",
        (_HEADER + ", ".join(["1"] * 4097) + "\n").encode(),
    ],
    ids=["no UTF-8", "no dose", "no points", "nothing", "too long a row"],
)
def test_what_is_no_measurement_is_refused(text: bytes) -> None:
    assert refusal_of(output_of, text) is ErrorCode.E_MEASURED_DOSE


def test_points_that_fill_no_rectangle_are_no_plane() -> None:
    asked = replace(PARAMETERS, points_as_plane=True)

    assert refusal_of(output_of, points_text(), asked) is ErrorCode.E_MEASURED_DOSE


def test_a_measurement_beside_the_dose_is_refused() -> None:
    far = matrix_text().replace("-56.0, 0, 44.0", "-56.0, 500, 44.0")

    assert refusal_of(output_of, far) is ErrorCode.E_OVERLAP
    assert refusal_of(output_of, HEAD.format("points") + "0, 500, 0, 1\n") is ErrorCode.E_OVERLAP


def test_an_rtdose_of_another_patient_frame_or_of_slices_is_refused() -> None:
    other = replace(FACTS, patient_id="PZZZZZZZZZZZZZZZZ")
    of_other = replace(PARAMETERS, measured=other)

    assert refusal_of(output_of, framed_plane(), of_other) is ErrorCode.E_PATIENT_MIX
    moved = framed_plane(frame_of_reference="2.25.2")
    assert refusal_of(output_of, moved, _RTDOSE) is ErrorCode.E_FRAME_OF_REFERENCE
    assert refusal_of(output_of, calculated_octets(), _RTDOSE) is ErrorCode.E_MEASURED_DOSE
    gamma = calculated_octets(quantity="ct_number", unit="HU")
    assert refusal_of(output_of, matrix_text(), PARAMETERS, gamma) is ErrorCode.E_DOSE


def test_facts_are_of_an_rtdose_alone() -> None:
    assert refusal_of(output_of, framed_plane()) is ErrorCode.E_PARAMETERS
    assert refusal_of(output_of, matrix_text(), _RTDOSE) is ErrorCode.E_PARAMETERS


def test_other_parameters_are_refused() -> None:
    good = PARAMETERS.as_json()

    _TASK.check(good)
    for changes in ({"schema": "encryptsecurert.measurement-compare/2"}, {"more": 1}):
        assert refusal_of(_TASK.check, {**good, **changes}) is ErrorCode.E_PARAMETERS
