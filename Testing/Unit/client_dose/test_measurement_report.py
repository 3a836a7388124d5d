"""The report, the tables and what is told of a comparison with a measurement."""

import csv
import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from Testing.Unit.client_dose.measurements_made import (
    PARAMETERS,
    SHIFT,
    matrix_text,
    outcome_of,
    points_text,
)

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.measurement_parts import ProcessPart
from EncryptSecureRTLib.client import measurement_facts
from EncryptSecureRTLib.client.dose_outcome import DoseMap
from EncryptSecureRTLib.client.grid import VoxelGrid
from EncryptSecureRTLib.client.measurement_csv import figures_csv, points_csv
from EncryptSecureRTLib.client.measurement_facts import process_facts, shift_table, verdict_lines
from EncryptSecureRTLib.client.measurement_html import measurement_page
from EncryptSecureRTLib.client.measurement_outcome import MeasurementOutcome, maps_of
from EncryptSecureRTLib.client.measurement_plots import (
    plane_axes,
    plane_words,
    planes_figure,
    profiles_figure,
)

_OFF = (2.4, -1.6)


@pytest.fixture(scope="module")
def plane() -> MeasurementOutcome:
    """Return a plane that is off by 2.4 mm along x and -1.6 mm along z, and fails."""
    earlier = tuple(98.0 + 0.1 * (n % 5) for n in range(25))
    return outcome_of(
        matrix_text(_OFF), replace(PARAMETERS, shift=SHIFT, earlier_pass_percent=earlier)
    )


@pytest.fixture(scope="module")
def points() -> MeasurementOutcome:
    """Return four points: within, within by distance, below the cutoff, outside."""
    return outcome_of(points_text())


def _text(page: bytes) -> str:
    return re.sub(r"<[^>]+>", " ", page.decode())


def test_the_page_says_verdict_criteria_and_that_the_shift_was_not_applied(
    plane: MeasurementOutcome,
) -> None:
    page = measurement_page(plane)
    text = _text(page)

    assert "SIMULATED TEE: not for patient data" in text
    assert "TG-218, local limits: beyond the action limit" in text
    assert "gamma 3 %/2 mm, global (2.04" in text
    assert "Proposed shift, NOT APPLIED" in text
    assert "if shifted (not applied)" in text
    assert "All other figures are without it." in text
    assert "The plane is at y = 0 mm (LPS)." in text
    assert "Local limits (TG-218)" in text
    assert page.count(b"<img ") == 3  # planes, profiles, histogram
    assert b"<script" not in page


def test_a_real_worker_has_no_band() -> None:
    page = measurement_page(outcome_of(matrix_text(), simulated=False))

    assert "SIMULATED TEE" not in page.decode()
    assert "universal limits: within tolerance" in _text(page)


def test_the_page_of_points_has_a_table_and_no_picture(points: MeasurementOutcome) -> None:
    page = measurement_page(points)
    text = _text(page)

    assert page.count(b"<img ") == 0
    assert "Points have no gamma, and no TG-218 verdict." in text
    assert "Within the dose or the distance criterion: 100.00 % of 2 points" in text
    assert "TG-218, " not in text
    rows = re.findall(r"<tr[^>]*><th scope=\"row\">\d.*?</tr>", page.decode())
    assert len(rows) == 4
    assert "outside" in rows[3]


def test_a_point_that_is_beyond_stands_out() -> None:
    page = measurement_page(outcome_of(points_text().replace("2.02", "1.5")))

    (row,) = re.findall(r'<tr class="bad">.*?</tr>', page.decode())
    assert "BEYOND" in row


def test_more_points_than_are_shown_are_counted(points: MeasurementOutcome) -> None:
    part = points.comparison.points
    assert part is not None
    many = replace(part, rows=part.rows * 60, left_out=7)
    outcome = replace(points, comparison=replace(points.comparison, points=many))

    assert "47 more points follow in points.csv." in _text(measurement_page(outcome))
    assert b"# 7 more points are not listed\n" in points_csv(outcome, many)


def _rows(octets: bytes) -> Iterator[dict[str, str]]:
    lines = octets.decode().splitlines()
    yield from csv.DictReader(line for line in lines if not line.startswith("#"))


def test_tables_have_all_digits_and_units(
    plane: MeasurementOutcome, points: MeasurementOutcome
) -> None:
    figures = {(r["part"], r["figure"]): r["value"] for r in _rows(figures_csv(plane))}
    shift = plane.comparison.shift
    assert shift is not None
    assert float(figures["shift_not_applied", "x_mm"]) == shift.x_mm
    assert float(figures["shift_not_applied", "after_rms_gy"]) == shift.after.rms_gy
    assert float(figures["difference", "sd_gy"]) == plane.comparison.difference.whole.sd_gy
    assert figures["tg218", "verdict"] == "beyond_action"

    part = points.comparison.points
    assert part is not None
    rows = list(_rows(points_csv(points, part)))
    assert float(rows[1]["distance_mm"]) == part.rows[1].values.distance_mm
    assert (rows[3]["calculated_gy"], rows[3]["distance_state"]) == ("", "outside")


def test_the_table_of_a_shift_has_figures_before_and_after(plane: MeasurementOutcome) -> None:
    part = plane.comparison.shift
    assert part is not None
    table = shift_table(part, 3)

    assert table.heads == ("", "x mm", "y mm", "z mm", "RMS difference Gy", "gamma pass %")
    before, after = table.rows
    assert before[1:4] == ("0.00", "0.00", "0.00")
    assert float(after[1]) == pytest.approx(_OFF[0], abs=0.1)
    assert float(after[4]) < float(before[4])
    assert "LPS" in table.note


def test_a_verdict_by_other_criteria_has_no_colour() -> None:
    gamma = replace(PARAMETERS.gamma, distance_mm=1.0) if PARAMETERS.gamma else None
    lines, state = verdict_lines(
        outcome_of(matrix_text(), replace(PARAMETERS, gamma=gamma)).comparison
    )

    assert "NOT the universal criteria: distance criterion not 2 mm" in lines[0]
    assert "reference not measured" not in lines[0]
    assert state == ""


def test_local_limits_say_whether_they_are_used() -> None:
    part = ProcessPart(
        results=25,
        centre_line_percent=98.5,
        mean_moving_range_percent=0.5,
        standard_deviation_percent=0.75,
        tolerance_percent=97.17,
        action_percent=94.97,
        beyond_tolerance=(3, 9),
        used=True,
    )

    facts = dict(process_facts(part))
    assert facts["Local limits"].endswith("the verdict rests on them")
    assert facts["Earlier results beyond"] == "number 4, 10"
    unused = dict(process_facts(replace(part, used=False)))
    assert "NOT used" in unused["Local limits"]


def test_every_warning_of_the_task_is_a_sentence() -> None:
    for word, sentence in measurement_facts._WARNINGS.items():
        assert measurement_facts.warning_words(word) == sentence
        assert sentence.endswith(".")
    assert measurement_facts.warning_words("gamma_unproven").endswith("not proven.")


# ---- how a plane lies in pictures


def _turned(outcome: MeasurementOutcome, *direction: float) -> MeasurementOutcome:
    maps = outcome.maps
    assert maps is not None
    return replace(outcome, maps=replace(maps, grid=replace(maps.grid, direction=direction)))


def test_axes_of_a_main_plane_are_coordinates(plane: MeasurementOutcome) -> None:
    maps = plane.maps
    assert maps is not None
    across, down = plane_axes(maps)

    assert (across.name, down.name) == ("x in mm (LPS)", "z in mm (LPS)")
    assert (across.position_mm[0], across.position_mm[-1]) == (-56.0, 56.0)
    assert (down.position_mm[0], down.position_mm[-1]) == (44.0, -44.0)
    assert (across.ends, down.ends) == (("R", "L"), ("I", "S"))
    # Superior is up and the patient's left is right, as the text has its rows.
    figure = planes_figure(maps, plane.comparison)
    assert figure is not None
    axes = figure.axes[0]
    assert axes.get_xlim()[0] < axes.get_xlim()[1]
    assert axes.get_ylim()[0] < axes.get_ylim()[1]


def test_a_plane_whose_rows_run_the_other_way_lies_the_same(plane: MeasurementOutcome) -> None:
    # Rows to the right and columns upwards: the first value is at the patient's left, inferior.
    maps = _turned(plane, -1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0).maps
    assert maps is not None
    figure = planes_figure(maps, plane.comparison)

    assert figure is not None
    axes = figure.axes[0]
    assert axes.get_xlim()[0] < axes.get_xlim()[1]
    assert axes.get_ylim()[0] < axes.get_ylim()[1]


def test_an_oblique_plane_has_distances(plane: MeasurementOutcome) -> None:
    maps = _turned(plane, 0.8, 0.0, 0.6, 0.6, 0.0, -0.8, 0.0, 1.0, 0.0).maps
    assert maps is not None
    across, down = plane_axes(maps)

    assert (across.name, across.ends) == ("along a row in mm", ("", ""))
    assert (across.position_mm[0], down.name) == (0.0, "z in mm (LPS)")
    assert plane_words(maps) == "The plane is oblique."
    assert planes_figure(maps, plane.comparison) is not None


def test_profiles_go_through_the_middle_and_have_units(plane: MeasurementOutcome) -> None:
    maps = plane.maps
    assert maps is not None
    figure = profiles_figure(maps)

    assert figure is not None
    row, column = figure.axes
    assert (row.get_title(), column.get_title()) == (
        "Row 12 of 23 (z = 0 mm)",
        "Column 15 of 29 (x = 0 mm)",
    )
    assert (row.get_xlabel(), row.get_ylabel()) == ("x in mm (LPS): R to L", "dose in Gy")
    calculated, measured = row.lines
    assert np.array_equal(measured.get_ydata(), maps.measured_gy[11])
    assert np.array_equal(calculated.get_ydata(), maps.calculated_gy[11])


def test_a_single_row_has_one_profile_and_no_plane() -> None:
    outcome = outcome_of(matrix_text(rows=1, columns=9))

    assert outcome.maps is not None
    assert planes_figure(outcome.maps, outcome.comparison) is None
    figure = profiles_figure(outcome.maps)
    assert figure is not None
    assert len(figure.axes) == 1
    assert measurement_page(outcome).count(b"<img ") == 2


# ---- results that do not belong together


def _map(outcome: MeasurementOutcome, values: object, grid: VoxelGrid | None = None) -> DoseMap:
    assert outcome.maps is not None
    return DoseMap(grid=grid or outcome.maps.grid, values=np.asarray(values)[np.newaxis])


def test_maps_that_do_not_belong_together_are_refused(
    plane: MeasurementOutcome, points: MeasurementOutcome
) -> None:
    maps = plane.maps
    assert maps is not None
    measured, difference = _map(plane, maps.measured_gy), _map(plane, maps.difference_gy)
    moved = replace(maps.grid, origin_lps_mm=(0.0, 0.0, 1.0))
    elsewhere = _map(plane, maps.difference_gy, moved)
    ungraded = replace(plane.comparison, gamma=None)
    gamma = _map(plane, maps.gamma)

    for comparison, *three in (
        (plane.comparison, measured, None, None),
        (plane.comparison, None, difference, gamma),
        (plane.comparison, measured, elsewhere, None),
        (points.comparison, measured, difference, None),
        (ungraded, measured, difference, gamma),
    ):
        with pytest.raises(EncryptSecureRTError) as refusal:
            maps_of(comparison, *three)
        assert refusal.value.code is ErrorCode.E_RESULT
    assert maps_of(plane.comparison, measured, difference, gamma) is not None
    assert maps_of(points.comparison, None, None, None) is None
