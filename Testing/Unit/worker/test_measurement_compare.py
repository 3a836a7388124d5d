"""Task `measurement_compare`: the library's own numbers, what is refused, and what it takes."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from Testing.Unit.client_dose.measurements_made import (
    FACTS,
    FRAME,
    HEAD,
    OF_RTDOSE,
    PARAMETERS,
    SHIFT,
    calculated_octets,
    comparison_of,
    framed_plane,
    matrix_text,
    output_of,
    points_text,
)
from Testing.Unit.worker.contexts import task_context
from Testing.Unit.worker.made import refusal_of
from Testing.Unit.worker.peaks import ROOT, STATUS

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.measurement_results import MeasurementComparison
from encryptsecurert_protocol.measurements import (
    ShiftObjective,
)
from encryptsecurert_protocol.volumes import unpack_volume
from encryptsecurert_rt.dose.agreement import agreement_seconds
from encryptsecurert_rt.dose.difference import dose_difference
from encryptsecurert_rt.dose.gamma import estimate_work, gamma_index
from encryptsecurert_rt.dose.grid import DoseGrid
from encryptsecurert_rt.dose.plane import MeasuredPoints, compare_points
from encryptsecurert_rt.dose.plane_files import parse_plane
from encryptsecurert_rt.dose.process_limits import process_limits
from encryptsecurert_rt.dose.shift import ShiftSearch, best_shift
from encryptsecurert_rt.dose.tg218 import UNIVERSAL_CRITERIA
from encryptsecurert_rt.geometry import ImageGrid
from encryptsecurert_worker.tasks.measurement_compare import MeasurementCompareTask

_MODULE = "encryptsecurert_worker.tasks.measurement_compare"
_TASK = MeasurementCompareTask(threads=2)
_OFF = (1.4, -0.8)  # x, z in mm
_HEADER = "".join(line for line in matrix_text().splitlines(True) if line.startswith("#"))


def _calculated() -> DoseGrid:
    header, voxels = unpack_volume(calculated_octets())
    grid = ImageGrid(
        shape=header.shape,
        spacing_mm=header.spacing_mm,
        origin_lps_mm=header.origin_mm,
        direction=header.direction,
    )
    dose_gy = np.frombuffer(voxels, "<f8").reshape(header.shape)
    return DoseGrid(dose_gy=np.ascontiguousarray(dose_gy), grid=grid)


CALCULATED = _calculated()


def test_maps_of_a_plane_are_those_of_the_library_bit_for_bit() -> None:
    text = matrix_text(_OFF)
    measured = parse_plane(text)
    assert isinstance(measured, DoseGrid)

    results = dict(output_of(text).results)

    assert sorted(results) == ["difference", "gamma", "measured", "measurement-comparison"]
    truth: dict[str, npt.NDArray[np.floating]] = {
        "measured": measured.dose_gy,
        "difference": dose_difference(measured, CALCULATED).difference_gy,
        "gamma": gamma_index(measured, CALCULATED, UNIVERSAL_CRITERIA).gamma,
    }
    for name, values in truth.items():
        header, voxels = unpack_volume(results[name])
        assert bytes(voxels) == values.tobytes()
        assert header.frame_of_reference == FRAME
        assert header.shape == measured.grid.shape


def test_a_shift_that_was_planted_is_proposed_and_changes_nothing_else() -> None:
    text = matrix_text(_OFF)
    measured = parse_plane(text)
    assert isinstance(measured, DoseGrid)

    plain, shifted = comparison_of(text), comparison_of(text, replace(PARAMETERS, shift=SHIFT))

    found = shifted.shift
    assert found is not None
    # Trilinear interpolation of 2.5 mm voxels is not the field itself: a tenth of a millimetre.
    assert (found.x_mm, found.y_mm, found.z_mm) == pytest.approx((1.4, 0.0, -0.8), abs=0.1)
    truth = best_shift(
        measured, CALCULATED, search=ShiftSearch(within_mm=3.0), criteria=UNIVERSAL_CRITERIA
    )
    assert (found.x_mm, found.y_mm, found.z_mm) == truth.shift_lps_mm
    assert (found.before.rms_gy, found.after.rms_gy) == (truth.before.rms_gy, truth.after.rms_gy)
    assert (plain.gamma, plain.difference, plain.tg218) == (
        shifted.gamma,
        shifted.difference,
        shifted.tg218,
    )


def test_a_shift_may_be_the_one_of_the_largest_pass_rate() -> None:
    search = replace(SHIFT, within_mm=2.0, objective=ShiftObjective.GAMMA)

    found = comparison_of(matrix_text(_OFF), replace(PARAMETERS, shift=search)).shift
    assert found is not None
    assert found.options.objective is ShiftObjective.GAMMA
    assert found.after.pass_percent_certain == 100.0


def test_a_plane_at_the_border_has_no_shift_and_says_so() -> None:
    search = replace(SHIFT, within_mm=20.0, step_mm=5.0)
    text = matrix_text(rows=5, columns=5).replace("-8.0, 0, 8.0", "44, 0, 34")

    found = comparison_of(text, replace(PARAMETERS, shift=search))
    assert found.shift is None
    assert "shift_not_searched" in found.warnings


def test_points_are_compared_as_the_library_does() -> None:
    text = points_text()
    measured = parse_plane(text)
    assert isinstance(measured, MeasuredPoints)
    truth = compare_points(measured, CALCULATED)

    found = comparison_of(text)

    assert found.points is not None
    assert (found.gamma, found.tg218, found.points.left_out) == (None, None, 0)
    for n, row in enumerate(found.points.rows[:3]):
        assert row.values.calculated_gy == truth.calculated_gy[n]
        assert row.values.difference_percent == truth.difference_percent[n]
        assert row.values.distance_mm == truth.distance_mm[n]
    outside = found.points.rows[3]
    assert (outside.values.calculated_gy, outside.state) == (None, "outside")
    # By dose: 1.1 % of the maximum. By distance: 0.25 mm. Below the cutoff. Outside.
    verdicts = [row.verdict for row in found.points.rows]
    assert verdicts == ["within", "within", "not_judged", "not_judged"]
    assert found.agreement.whole.evaluated == 2
    assert (found.difference.whole.points, found.difference.whole.outside) == (3, 1)
    assert found.warnings == ("partly_outside_evaluated", "no_gamma_of_points")


def test_a_point_that_is_off_in_dose_and_in_distance_is_beyond() -> None:
    found = comparison_of(HEAD.format("points") + "0, 0, 0, 1.5\n")

    assert found.points is not None
    assert [row.verdict for row in found.points.rows] == ["beyond"]
    assert found.agreement.whole.pass_percent_possible == 0.0


def test_a_table_of_points_ends_and_the_figures_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("encryptsecurert_worker.tasks.measurement_points.MAX_TOLD_POINTS", 5)

    found = comparison_of(HEAD.format("points") + "0, 0, 0, 2\n" * 8)

    assert found.points is not None
    assert (len(found.points.rows), found.points.left_out) == (5, 3)
    assert found.difference.whole.points == 8


def test_points_are_the_same_however_many_are_compared_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = comparison_of(points_text())
    monkeypatch.setattr("encryptsecurert_worker.tasks.measurement_points._POINTS_AT_ONCE", 3)

    assert comparison_of(points_text()) == whole


def test_points_of_an_array_can_be_made_a_plane() -> None:
    measured = parse_plane(matrix_text())
    assert isinstance(measured, DoseGrid)
    lines = [
        f"{4 * (i - 14)}, 0, {4 * (11 - j)}, {dose:.17g}\n"
        for (j, i), dose in np.ndenumerate(measured.dose_gy[0])
    ]
    text = HEAD.format("points") + "".join(lines)

    found = comparison_of(text, replace(PARAMETERS, points_as_plane=True))

    matrix = comparison_of(matrix_text())
    assert found.measured.form == "points"
    assert found.warnings == ("points_as_plane",)
    assert found.gamma is not None
    assert matrix.gamma is not None
    assert found.gamma.whole.evaluated == matrix.gamma.whole.evaluated
    assert found.gamma.whole.maximum == matrix.gamma.whole.maximum


def test_earlier_results_make_the_limits_of_the_verdict() -> None:
    earlier = tuple(99.0 - 0.1 * (n % 4) for n in range(24))
    found = comparison_of(matrix_text(), replace(PARAMETERS, earlier_pass_percent=earlier))

    truth = process_limits(np.array(earlier))
    assert found.process is not None
    assert (found.process.tolerance_percent, found.process.action_percent) == (
        truth.tolerance_low,
        truth.action_low,
    )
    assert found.process.used
    assert found.tg218 is not None
    assert (found.tg218.verdict, found.tg218.departures) == ("within_tolerance", ())
    assert found.tg218.tolerance_percent == truth.tolerance_low


def test_limits_of_a_process_far_from_its_target_are_told_and_not_used() -> None:
    earlier = tuple(40.0 - 0.1 * (n % 4) for n in range(24))
    found = comparison_of(matrix_text(), replace(PARAMETERS, earlier_pass_percent=earlier))

    assert found.process is not None
    assert not found.process.used
    assert found.tg218 is not None
    assert (found.tg218.tolerance_percent, found.tg218.action_percent) == (95.0, 90.0)
    assert "local_limits_not_used" in found.warnings


def test_an_effective_dose_is_told() -> None:
    effective = replace(PARAMETERS, calculated=replace(FACTS, dose_type="EFFECTIVE"))

    for text in (matrix_text(), points_text()):
        assert "calculated_effective" in comparison_of(text, effective).warnings


def test_a_plane_of_the_dose_itself_agrees_everywhere() -> None:
    output = output_of(framed_plane(), replace(PARAMETERS, measured=OF_RTDOSE))

    found = MeasurementComparison.decode(output.results[0][1])
    assert found.gamma is not None
    assert found.gamma.whole.maximum == 0.0
    assert found.measured.facts is not None
    assert unpack_volume(dict(output.results)["gamma"])[0].slice_uids == ("2.25.71",)
    assert dict(output.numbers)["gamma.pass_percent_certain"] == 100.0
    assert all(re.fullmatch(r"[A-Za-z0-9_.+-]{1,64}", name) for name, _ in output.numbers)


# ---- how it runs


def test_hours_of_work_are_refused_before_they_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = parse_plane(matrix_text(_OFF))
    assert isinstance(measured, DoseGrid)
    search = replace(PARAMETERS, shift=replace(SHIFT, objective=ShiftObjective.GAMMA))
    once_s = estimate_work(measured, CALCULATED, UNIVERSAL_CRITERIA).seconds
    above_cutoff = measured.dose_gy >= 0.1 * measured.maximum_gy
    once_s += agreement_seconds(measured, CALCULATED, mask=above_cutoff)

    # Two threads. Enough for the maps, not for each gamma of a search; then for none.
    monkeypatch.setattr(f"{_MODULE}._MOST_SECONDS", 1.001 * once_s / 2)
    assert output_of(matrix_text(_OFF)).results
    assert refusal_of(output_of, matrix_text(_OFF), search) is ErrorCode.E_WORK
    monkeypatch.setattr(f"{_MODULE}._MOST_SECONDS", 0.0)
    assert refusal_of(output_of, matrix_text(_OFF)) is ErrorCode.E_WORK


def test_the_same_inputs_give_the_same_octets_for_any_number_of_threads() -> None:
    asked = replace(PARAMETERS, shift=SHIFT)
    inputs = [memoryview(matrix_text(_OFF).encode()), memoryview(calculated_octets())]

    alone = MeasurementCompareTask(threads=1).run(inputs, asked.as_json(), task_context())
    assert alone.results == output_of(matrix_text(_OFF), asked).results


@pytest.mark.parametrize("stage", ["gamma", "agreement", "shift"])
def test_a_cancelled_comparison_of_a_plane_ends(stage: str) -> None:
    def stop(at: str, fraction: float) -> None:
        if at == stage:
            raise EncryptSecureRTError(ErrorCode.E_CANCELLED)

    asked = replace(PARAMETERS, shift=SHIFT)
    with pytest.raises(EncryptSecureRTError) as refusal:
        output_of(matrix_text(_OFF), asked, progress=stop)
    assert refusal.value.code is ErrorCode.E_CANCELLED


@pytest.mark.parametrize("text", [matrix_text(_OFF), points_text()], ids=["plane", "points"])
def test_progress_never_goes_back(text: str) -> None:
    heard: list[float] = []

    def take(stage: str, fraction: float) -> None:
        heard.append(fraction)

    output_of(text, replace(PARAMETERS, shift=SHIFT), progress=take)
    assert heard == sorted(heard)
    assert heard[-1] < 1.0


_PEAK = """
import json, sys, numpy as np
from Testing.Unit.worker.contexts import task_context
from Testing.Unit.worker.peaks import _resident_bytes
from encryptsecurert_worker.tasks.measurement_compare import MeasurementCompareTask
before = _resident_bytes("VmRSS")
*paths, parameters = sys.argv[1:]
inputs = [np.fromfile(path, np.uint8).data for path in paths]
MeasurementCompareTask(threads=1).run(inputs, json.loads(parameters), task_context())
print(_resident_bytes("VmHWM") - before)
"""


@pytest.mark.skipif(not STATUS.exists(), reason="the system tells no peak memory")
def test_a_long_list_takes_no_more_memory_than_announced(tmp_path: Path) -> None:
    # Points as short as they can be: of nothing is more made for each octet.
    text = (HEAD.format("points") + "0,0,0,1\n" * 150_000).encode()
    inputs = [text, calculated_octets()]
    paths = [tmp_path / "one", tmp_path / "two"]
    for path, octets in zip(paths, inputs, strict=True):
        path.write_bytes(octets)

    done = subprocess.run(
        [sys.executable, "-c", _PEAK, *map(str, paths), json.dumps(PARAMETERS.as_json())],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    bound = _TASK.memory_bytes([len(octets) for octets in inputs], PARAMETERS.as_json())
    # The bound holds for gamma with a long reach, too, of which a list of points has none.
    assert bound / 5 < json.loads(done.stdout) <= bound
