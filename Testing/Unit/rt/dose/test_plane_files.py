"""Measured planes and points from text: what is read, and that nothing else is."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from effort import times
from hypothesis import given, settings
from hypothesis import strategies as st

from encryptsecurert_rt.dose.grid import DoseGrid
from encryptsecurert_rt.dose.plane import MeasuredPoints
from encryptsecurert_rt.dose.plane_files import parse_plane
from encryptsecurert_rt.errors import InvalidInput

MATRIX = """\
# encryptsecurert plane 1
# form: matrix
# frame: LPS
# unit: cGy
# origin_mm: -10, 5.5, 20
# along_row: 1, 0, 0
# along_column: 0, 0, -1
# spacing_mm: 7.07, 5
100, 200, 300
400, 500, 6.5e2
"""
POINTS = """\
# encryptsecurert plane 1
# form: points
# frame: RAS
# unit: Gy
1, 2, 3, 2.5
-4.5, 0, 1e1, 0
"""


def test_a_matrix_is_a_plane_in_gray_where_the_header_says() -> None:
    plane = parse_plane(MATRIX)

    assert isinstance(plane, DoseGrid)
    assert plane.dose_gy.tolist() == [[[1.0, 2.0, 3.0], [4.0, 5.0, 6.5]]]
    last = plane.grid.ijk_to_lps @ (2.0, 1.0, 0.0, 1.0)
    assert last[:3] == pytest.approx((-10.0 + 2 * 5.0, 5.5, 20.0 - 7.07))


def test_points_of_ras_are_turned_to_lps() -> None:
    points = parse_plane(POINTS)

    assert isinstance(points, MeasuredPoints)
    assert points.points_lps_mm.tolist() == [[-1.0, -2.0, 3.0], [4.5, 0.0, 10.0]]
    assert points.dose_gy.tolist() == [2.5, 0.0]


def test_a_matrix_of_ras_is_the_same_plane() -> None:
    ras = (
        MATRIX.replace("LPS", "RAS").replace("-10, 5.5", "10, -5.5").replace("1, 0, 0", "-1, 0, 0")
    )

    one, other = parse_plane(MATRIX), parse_plane(ras)

    assert isinstance(one, DoseGrid)
    assert isinstance(other, DoseGrid)
    assert one.grid.ijk_to_lps == pytest.approx(other.grid.ijk_to_lps)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.removesuffix("\n"),
        lambda text: text.replace("matrix\n", "matrix,,\n").replace("plane 1\n", "plane 1,,\n"),
        lambda text: text.replace("1, 0, 0", "0.99999, 0, 0"),
    ],
    ids=["byte order mark", "CR LF", "no last line end", "commas of a spreadsheet", "decimals"],
)
def test_what_programs_do_to_a_file_does_not_matter(change: Callable[[str], str]) -> None:
    plane = parse_plane(change(MATRIX))

    assert isinstance(plane, DoseGrid)
    assert plane.dose_gy.shape == (1, 2, 3)


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("# encryptsecurert plane 1", "# encryptsecurert plane 2", 1),
        ("# encryptsecurert plane 1", "100, 200", 1),
        ("form: matrix", "form: film", 2),
        ("form: matrix", "form: points", None),
        ("frame: LPS", "frame: IEC", 3),
        ("unit: cGy", "unit: mGy", 4),
        ("unit: cGy", "unit cGy", 4),
        ("# unit: cGy\n", "", None),
        ("# unit: cGy\n", "# unit: cGy\n# unit: cGy\n", 5),
        ("# unit: cGy\n", "# unit: cGy\n# patient: x\n", 5),
        ("# origin_mm: -10, 5.5, 20\n", "", None),
        ("-10, 5.5, 20", "-10, 5.5", 5),
        ("-10, 5.5, 20", "-10, 5.5, 2e7", None),
        ("1, 0, 0", "1, 1, 0", 6),
        ("0, 0, -1", "1, 0, 0", None),
        ("7.07, 5", "0, 5", None),
        ("100, 200, 300", "100, 200", 10),
        ("100, 200, 300", "100, 200, -300", 9),
        ("100, 200, 300", "100, 200, nan", 9),
        ("100, 200, 300", "100, 200, 1_0", 9),
        ("100, 200, 300", "100, 200, \u0663", 9),
        ("100, 200, 300", "100; 200; 300", 9),
        ("100, 200, 300", "100, 200, 1e999", 9),
        ("100, 200, 300", "", 9),
        ("100, 200, 300\n400, 500, 6.5e2\n", "", None),
    ],
)
def test_another_form_is_refused_with_its_line(before: str, after: str, line: int | None) -> None:
    assert before in MATRIX

    with pytest.raises(InvalidInput) as caught:
        parse_plane(MATRIX.replace(before, after, 1))

    assert re.match(r"line (\d+):", caught.value.what) is not None or line is None
    if line is not None:
        assert caught.value.what.startswith(f"line {line}: ")


@pytest.mark.parametrize("row", ["1, 2, 3", "1, 2, 3, 4, 5", "1, 2, 3, -4", "1, 2, 3e6, 4", "x"])
def test_points_of_another_form_are_refused(row: str) -> None:
    with pytest.raises(InvalidInput):
        parse_plane(POINTS + row + "\n")


def test_no_word_of_the_file_is_in_an_error() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_plane(MATRIX.replace("frame: LPS", "frame: Doe^Jane"))

    assert "Doe" not in caught.value.what


def test_too_much_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("encryptsecurert_rt.dose.text.MAX_TEXT_CHARS", len(MATRIX))
    assert isinstance(parse_plane(MATRIX), DoseGrid)
    with pytest.raises(InvalidInput):
        parse_plane(MATRIX + " ")
    monkeypatch.setattr("encryptsecurert_rt.dose.plane_files.MAX_VALUES", 5)
    with pytest.raises(InvalidInput):
        parse_plane(MATRIX)


@settings(max_examples=times(2000, 200), deadline=None)
@given(st.sampled_from([MATRIX, POINTS]), st.data())
def test_any_other_text_gives_our_error_or_a_plane(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    stop = data.draw(st.integers(start, min(len(text), start + 12)))
    middle = data.draw(st.text(st.sampled_from("0123456789.,-+eE#:\n nainf\u0661"), max_size=12))

    try:
        read = parse_plane(text[:start] + middle + text[stop:])
    except InvalidInput:
        return
    assert np.isfinite(read.dose_gy).all()


def test_the_examples_of_the_document_are_read() -> None:
    document = Path(__file__).parents[4] / "docs/planes.md"
    examples = re.findall(r"```csv\n(.*?)```", document.read_text("utf-8"), re.DOTALL)

    assert [type(parse_plane(example)) for example in examples] == [DoseGrid, MeasuredPoints]
