"""`measurement-compare` as people and programs run it: a text or a plane in, a report out.

The truth is a plane that is cut out of a real proton dose at a place that is off by a known shift,
and the numerics themselves, which are called beside the job on what the files say.
"""

import csv
import json
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from pydicom import dcmread
from pydicom.uid import UID
from Testing.Integration.command_lines import Run, run_client
from Testing.Integration.hospital import Ward

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.measurement_results import MeasurementComparison
from encryptsecurert_protocol.measurements import MEASUREMENT_COMPARE_TASK
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.receipts import Receipt, ReceiptBody
from encryptsecurert_rt.dose.gamma import gamma_index, gamma_statistics
from encryptsecurert_rt.dose.grid import DoseGrid
from encryptsecurert_rt.dose.plane_files import parse_plane
from encryptsecurert_rt.dose.sampling import sample_dose
from encryptsecurert_rt.dose.shift import ShiftSearch, best_shift
from encryptsecurert_rt.dose.tg218 import UNIVERSAL_CRITERIA
from encryptsecurert_rt.geometry import ImageGrid
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.measurement_asked import MeasurementAsked
from EncryptSecureRTLib.client.measurement_compare import (
    Compared,
    compare_measurement,
    read_measurement_inputs,
)
from EncryptSecureRTLib.client.protect import protect_series
from EncryptSecureRTLib.client.runs import sending_all, submit_job

pytestmark = pytest.mark.real_data
_PLAN = "proton_phantom_dose/RD1.2.752.243.1.1.20250523160113556.3000.73252.dcm"
_FILES = [
    *("measurement-comparison.csv", "measurement-comparison.json", "receipt.json", "report.html"),
]
_SHIFT = np.array([1.3, 0.0, -0.7])  # what the measured positions lack, LPS mm
_MIDDLE = np.array([-1.5, 46.5, -0.5])
_FRAME = 52  # of the plan's dose: the plane that a measured RTDOSE is made of


@dataclass(frozen=True, slots=True, kw_only=True)
class Protected:
    """The protected dose of a plan, a plane of it as an RTDOSE, and what it says, for the truth."""

    dose: Path
    plane: Path
    grid: DoseGrid


@pytest.fixture(scope="module")
def protons(ward: Ward, shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Protected:
    """Protect the dose of a plan together with one plane of it."""
    folder = tmp_path_factory.mktemp("measured")
    original = folder / "original"
    original.mkdir()
    shutil.copy(shared_data / _PLAN, original / "plan.dcm")
    ds = dcmread(original / "plan.dcm")
    stored = ds.pixel_array
    grid = _grid_of(stored * float(ds.DoseGridScaling))
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = UID("2.25.777")
    ds.PixelData, ds.NumberOfFrames = stored[_FRAME].tobytes(), 1
    ds.GridFrameOffsetVector = [0.0]
    x, y, z = (float(value) for value in ds.ImagePositionPatient)
    ds.ImagePositionPatient = [x, y, z + 2.0 * _FRAME]
    ds.save_as(original / "plane.dcm", enforce_file_format=True)
    with ward.channel() as channel:
        protect_series(channel, ward.physicist, original, folder / "protected", Watcher())
    found = {}
    for path in (folder / "protected").glob("2.25.*/*.dcm"):
        read = dcmread(path, stop_before_pixels=True)
        if read.Modality == "RTDOSE":
            found[int(read.NumberOfFrames)] = path
    return Protected(dose=found[stored.shape[0]], plane=found[1], grid=grid)


def _grid_of(dose_gy: npt.NDArray[np.float64]) -> DoseGrid:
    return DoseGrid(
        dose_gy=np.ascontiguousarray(dose_gy),
        grid=ImageGrid(
            shape=(dose_gy.shape[0], dose_gy.shape[1], dose_gy.shape[2]),
            spacing_mm=(2.0, 2.0, 2.0),
            origin_lps_mm=(-104.5, -105.5, -108.5),
            direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
        ),
    )


def _coronal(dose: DoseGrid, *, form: str = "matrix") -> str:
    """Return a plane of 41 x 37 values that reads the dose at places that are off by `_SHIFT`."""
    rows, columns, step_mm = 37, 41, 4.0
    origin = _MIDDLE + step_mm * np.array([-(columns // 2), 0.0, rows // 2])
    j, i = np.mgrid[:rows, :columns]
    points = origin + step_mm * np.stack([i, np.zeros_like(i), -j], axis=-1)
    values = sample_dose(dose, (points + _SHIFT).reshape(-1, 3).astype(np.float64))
    head = f"# encryptsecurert plane 1\n# form: {form}\n# frame: LPS\n# unit: cGy\n"
    if form == "points":
        lines = (
            f"{x:.1f}, {y:.1f}, {z:.1f}, {100 * value:.4f}"
            for (x, y, z), value in zip(points.reshape(-1, 3), values, strict=True)
        )
        return head + "\n".join([*lines, ""])
    x, y, z = origin
    head += f"# origin_mm: {x}, {y}, {z}\n# along_row: 1, 0, 0\n# along_column: 0, 0, -1\n"
    head += f"# spacing_mm: {step_mm}, {step_mm}\n"
    table = values.reshape(rows, columns)
    lines = (", ".join(f"{100 * value:.4f}" for value in row) for row in table)
    return head + "\n".join([*lines, ""])


@pytest.fixture(scope="module")
def text(protons: Protected) -> str:
    """Return the measured plane as text."""
    return _coronal(protons.grid)


@pytest.fixture(scope="module")
def compared(
    ward: Ward, protons: Protected, text: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Run, Path]:
    """Compare the plane, with a shift and earlier results; return the run and its folder."""
    folder = tmp_path_factory.mktemp("compared")
    (folder / "film.csv").write_text(text)
    results = (f"2026-01-{day:02d},{97.0 + 0.1 * (day % 3)}" for day in range(1, 29))
    (folder / "earlier.csv").write_text("\n".join(["date,pass_percent", *results, ""]))
    run = run_client(
        *("measurement-compare", folder / "film.csv", protons.dose, "--out", folder / "out"),
        *("--shift", "3mm", "--earlier", folder / "earlier.csv", "--url", ward.url),
        home=ward.physicist,
    )
    assert run.code == 0, run
    return run, folder / "out"


def _comparison(folder: Path) -> MeasurementComparison:
    return MeasurementComparison.decode((folder / "measurement-comparison.json").read_bytes())


def test_everything_is_written_for_its_owner_alone(compared: tuple[Run, Path]) -> None:
    run, out = compared

    assert sorted(path.name for path in out.iterdir()) == _FILES
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in out.iterdir())
    assert [line["stage"] for line in run.lines if line["kind"] == "stage"] == [
        *("read", "connect", "upload", "submit", "run", "fetch", "report", "write")
    ]
    page = (out / "report.html").read_text()
    assert "NOT APPLIED" in page
    assert page.count("data:image/png;base64,") == 3


def test_figures_are_those_of_the_library_bit_for_bit(
    compared: tuple[Run, Path], protons: Protected, text: str
) -> None:
    _, out = compared
    found = _comparison(out)
    measured = parse_plane(text)
    assert isinstance(measured, DoseGrid)

    gamma = gamma_statistics(gamma_index(measured, protons.grid, UNIVERSAL_CRITERIA))
    assert found.gamma is not None
    whole = found.gamma.whole
    assert (whole.evaluated, whole.passed_certain) == (gamma.evaluated, gamma.passed_certain)
    assert (whole.mean, whole.maximum, whole.p99) == (gamma.mean, gamma.maximum, gamma.p99)
    truth = best_shift(
        measured, protons.grid, search=ShiftSearch(within_mm=3.0), criteria=UNIVERSAL_CRITERIA
    )
    assert found.shift is not None
    assert (found.shift.x_mm, found.shift.y_mm, found.shift.z_mm) == truth.shift_lps_mm
    assert found.shift.after.rms_gy == truth.after.rms_gy


def test_the_planted_shift_is_proposed_and_not_applied(compared: tuple[Run, Path]) -> None:
    run, out = compared
    shift = run.result["shift"]

    # The dose is known every 2 mm, and the search ends at steps of 0.05 mm.
    for name, planted in zip(("x_mm", "y_mm", "z_mm"), _SHIFT, strict=True):
        assert float(shift[name]) == pytest.approx(planted, abs=0.05)
    assert (shift["state"], shift["at_limit"]) == ("not applied", False)
    assert float(shift["after"]["rms_gy"]) < 0.05 * float(shift["before"]["rms_gy"])
    found = _comparison(out)
    assert found.difference.whole.rms_gy is not None
    assert found.difference.whole.rms_gy > 10 * float(shift["after"]["rms_gy"])


def test_local_limits_come_of_earlier_results(compared: tuple[Run, Path]) -> None:
    run, out = compared
    found = _comparison(out)

    assert found.process is not None
    assert (found.process.results, found.process.used) == (28, True)
    assert found.tg218 is not None
    assert found.tg218.tolerance_percent == found.process.tolerance_percent != 95.0
    assert found.tg218.departures == ()  # the reference is measured, the criteria universal
    assert run.result["tg218"] == found.tg218.verdict
    receipt = Receipt.decode((out / "receipt.json").read_bytes())
    body = ReceiptBody.decode(receipt.body)
    assert len(body.parameters["earlier_pass_percent"]) == 28
    assert "2026-01" not in json.dumps(body.parameters)  # dates stay here
    assert dict(body.numbers)["shift_not_applied.x_mm"] == run.result["shift"]["x_mm"]


def test_the_table_has_every_figure_with_its_unit(compared: tuple[Run, Path]) -> None:
    _, out = compared
    lines = (out / "measurement-comparison.csv").read_text().splitlines()
    rows = {
        (row["part"], row["figure"]): row["value"]
        for row in csv.DictReader(line for line in lines if not line.startswith("#"))
    }
    found = _comparison(out)

    assert float(rows["difference", "rms_gy"]) == found.difference.whole.rms_gy
    assert found.gamma is not None
    assert int(rows["gamma", "evaluated"]) == found.gamma.whole.evaluated
    assert rows["shift_not_applied", "x_mm"] != "0.0"
    assert found.gamma.words in "\n".join(lines)


def _compare(ward: Ward, source: Path, dose: Path, out: Path, **changes: object) -> Compared:
    asked = MeasurementAsked(measured=source, dose=dose, **changes)  # type: ignore[arg-type]  # settings of a test
    with ward.channel() as channel:
        inputs = read_measurement_inputs(asked)
        return compare_measurement(channel, ward.physicist, inputs, out, Watcher())


def test_a_plane_of_the_dose_itself_differs_by_nothing(
    ward: Ward, protons: Protected, tmp_path: Path
) -> None:
    made = _compare(ward, protons.plane, protons.dose, tmp_path / "out")

    found = made.outcome.comparison
    assert found.measured.form == "rtdose"
    assert found.measured.facts is not None
    assert (found.measured.shape, found.measured.spacing_mm) == ((107, 107), (2.0, 2.0))
    assert found.gamma is not None
    assert (found.gamma.whole.maximum, found.gamma.whole.pass_percent_certain) == (0.0, 100.0)
    assert (found.difference.whole.minimum_gy, found.difference.whole.maximum_gy) == (0.0, 0.0)
    assert made.outcome.maps is not None
    assert np.array_equal(made.outcome.maps.measured_gy, protons.grid.dose_gy[_FRAME])


def test_points_are_compared_one_by_one_or_made_a_plane(
    ward: Ward, protons: Protected, text: str, tmp_path: Path
) -> None:
    array = tmp_path / "array.csv"
    array.write_text(_coronal(protons.grid, form="points"))
    (tmp_path / "film.csv").write_text(text)

    single = _compare(ward, array, protons.dose, tmp_path / "single")
    found = single.outcome.comparison
    assert found.points is not None
    assert (found.gamma, found.tg218) == (None, None)
    # These doses are weighted by an RBE, which no detector measures.
    assert found.warnings == ("calculated_effective", "no_gamma_of_points")
    assert (len(found.points.rows), found.points.left_out) == (37 * 41, 0)
    lines = (tmp_path / "single" / "points.csv").read_text().splitlines()
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    assert len(rows) == 37 * 41
    row = next(row for row in rows if row["distance_state"] == "found")
    assert float(row["difference_gy"]) == float(row["calculated_gy"]) - float(row["measured_gy"])

    plane = _compare(ward, array, protons.dose, tmp_path / "plane", as_plane=True)
    film = _compare(ward, tmp_path / "film.csv", protons.dose, tmp_path / "film")
    assert "points_as_plane" in plane.outcome.comparison.warnings
    # Rows of points may lie the other way round than those of the matrix; the points are the same.
    one, other = plane.outcome.comparison.gamma, film.outcome.comparison.gamma
    assert one is not None
    assert other is not None
    assert one.whole.evaluated == other.whole.evaluated
    assert one.whole.mean == pytest.approx(other.whole.mean, abs=1e-5)


def test_a_text_that_is_not_right_is_told_by_line_and_nothing_is_written(
    ward: Ward, protons: Protected, text: str, tmp_path: Path
) -> None:
    source = tmp_path / "film.csv"
    source.write_text(text.replace("# unit: cGy", "# unit: mGy"))

    words = ("measurement-compare", source, protons.dose, "--out", tmp_path / "out")
    run = run_client(*words, "--url", ward.url, home=ward.physicist)

    assert run.code == ErrorCode.E_MEASURED_DOSE.value.exit_code
    assert run.error["code"] == "E_MEASURED_DOSE"
    assert "line 4: the unit must be gy or cgy" in run.error["what"]
    assert not (tmp_path / "out").exists()


def test_a_comparison_that_nobody_waited_for_is_fetched(
    ward: Ward, protons: Protected, text: str, tmp_path: Path
) -> None:
    source = tmp_path / "film.csv"
    source.write_text(text)
    inputs = read_measurement_inputs(MeasurementAsked(measured=source, dose=protons.dose))
    contents = [
        (ObjectKind.MEASUREMENTS, inputs.measured.content),
        (ObjectKind.VOLUME, inputs.dose.content),
    ]
    home, watcher = ward.physicist, Watcher()
    with ward.channel() as channel:
        send = sending_all(channel, home, contents, watcher)
        asked: Mapping[str, object] = inputs.parameters.as_json()
        order = submit_job(channel, home, MEASUREMENT_COMPARE_TASK, send, asked, watcher)

    run = run_client("fetch", order.job, "--out", tmp_path / "out", home=home)
    assert run.code == 0, run
    assert run.result["form"] == "matrix"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == _FILES
