"""Two doses compared with real clicks and a real worker: maps, figures, plot, files, criteria."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from Testing.Panel import doses
from Testing.Panel.imported import save_bundle

if TYPE_CHECKING:
    from Testing.Panel.bench import PanelBench
    from Testing.Panel.clinic import Clinic

_CRITERIA = "gamma 3 %/2 mm, global (59.974 Gy, reference maximum), cutoff 10 % of it"
_RESULTS = {"difference.dcm", "gamma.dcm", "report.dcm", "receipt.json"}


class Seen:
    """What the panel does to the views."""

    def __init__(self) -> None:
        self.maps: list[tuple[str, str]] = []
        self.plots: list[str] = []
        self.points: list[tuple[float, float, float]] = []

    def show_over(self, ct: Any, segmentation: Any) -> None:
        """Fail: no segmentation is made here."""
        raise AssertionError("a comparison shows no segmentation")

    def show_map(self, volume: Any, background: Any) -> None:
        """Note both names."""
        self.maps.append((volume.GetName(), background.GetName()))

    def show_plot(self, chart: Any) -> None:
        """Note the chart's class."""
        self.plots.append(chart.GetClassName())

    def centre_on(self, point_ras_mm: tuple[float, float, float]) -> None:
        """Note the point."""
        self.points.append(point_ras_mm)


@pytest.fixture
def chosen(bench: "PanelBench", clinic: "Clinic", without_report: None) -> tuple[Any, Any, Any]:
    """Connect as the physicist and choose reference, evaluated dose and structures."""
    bench.connect(clinic.url, clinic.physicist)
    reference, evaluated = doses.add_pair(bench)
    structures = doses.add_structures(bench, reference)
    doses.choose_pair(bench, reference, evaluated, structures)
    return reference, evaluated, structures


def _compare(bench: "PanelBench") -> Any:
    bench.press("applyButton")
    assert bench.wait_idle() == "done", bench.message
    return bench.panel.session.state.outcome.compared


def _cells(bench: "PanelBench", row: int) -> list[str]:
    table = bench.ui.resultTable
    return [str(table.item(row, column).text()) for column in range(table.columnCount)]


def _volumes(bench: "PanelBench") -> list[str]:
    found = bench.host.slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    return [node.GetName() for node in found]


def test_a_click_gives_maps_figures_and_a_plot(
    bench: "PanelBench", chosen: tuple[Any, Any, Any]
) -> None:
    reference, evaluated, _ = chosen
    seen = bench.panel.views = Seen()
    util = bench.host.slicer.util
    assert bench.ui.applyButton.text == "Compare in TEE"

    compared = _compare(bench)

    gamma, difference = util.getNode(compared.gamma_id), util.getNode(compared.difference_id)
    truth = util.arrayFromVolume(evaluated) - util.arrayFromVolume(reference)
    np.testing.assert_array_equal(util.arrayFromVolume(difference), truth)  # the same grid
    values = util.arrayFromVolume(gamma)
    rate = 100 * np.mean(values[np.isfinite(values)] <= 1)
    assert f"{rate:.2f} % of " in bench.message
    assert _CRITERIA in bench.message
    assert "SIMULATED TEE" in bench.message
    assert f"{rate:.2f} %" in bench.ui.summaryLabel.text
    assert "Gamma 3 %/2 mm, global" in bench.ui.factsLabel.text
    assert "reference dose below the cutoff" in bench.ui.factsLabel.text
    assert [_cells(bench, row)[0].split("\n")[0] for row in range(3)] == [
        *("Whole grid", "PTV_5000", doses.PERSONS_NAME),
    ]
    mean = util.arrayFromVolume(reference)[doses.blob() > 50.0].mean()
    assert float(_cells(bench, 1)[2].split(" ")[0]) == pytest.approx(mean, rel=0.02)  # of voxels
    assert seen.maps == [(gamma.GetName(), reference.GetName())]
    bench.press("plotButton")
    assert seen.plots == ["vtkMRMLPlotChartNode"]
    assert not bench.shown("detailTable")
    bench.ui.resultTable.setCurrentCell(2, 0)
    assert bench.shown("detailTable")
    assert "D95%[Gy]" in [
        bench.ui.detailTable.item(row, 0).text() for row in range(bench.ui.detailTable.rowCount)
    ]
    (point,) = seen.points
    inside = util.arrayFromSegmentBinaryLabelmap(chosen[2], doses.OTHER, gamma) > 0
    worst = np.where(inside, values, np.nan)
    k, j, i = np.unravel_index(int(np.nanargmax(worst)), worst.shape)
    origin = gamma.GetOrigin()
    assert point == pytest.approx(
        [origin[axis] + doses.SPACING_MM * n for axis, n in enumerate((i, j, k))]
    )


def test_what_is_saved_and_what_is_in_the_scene_names_no_structure_as_a_person_did(
    bench: "PanelBench",
    chosen: tuple[Any, Any, Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    from leakscan import scan

    monkeypatch.undo()  # with the report
    _compare(bench)
    buttons = ("exportCsvButton", "exportReportButton", "exportDicomButton")
    for button in buttons:
        bench.press(button)
    assert bench.message.startswith("Doses compared")

    saved = bench.answers.place
    tables = {path.name.rpartition("_")[2]: path for path in saved.glob("*.csv")}
    main = next(path for path in saved.glob("*.csv") if not path.stem.endswith("_dvh"))
    lines = main.read_text("utf-8").splitlines()
    assert "# SIMULATED TEE: not for patient data" in lines
    assert any(_CRITERIA in line for line in lines)
    names = [line.split(",")[1] for line in lines if not line.startswith("#")]
    assert names == ["structure", "whole grid", "PTV_5000", "ROI_2"]
    assert "dvh.csv" in tables
    (page,) = saved.glob("*.html")
    assert "SIMULATED" in page.read_text("utf-8")
    (folder,) = (path for path in saved.iterdir() if path.is_dir())
    assert {path.name for path in folder.iterdir()} == _RESULTS
    chosen[2].GetSegmentation().GetSegment(doses.OTHER).SetName("ROI_2")  # as it was before us
    bundle = save_bundle(bench, tmp_path / "scene.mrb")
    assert not scan(bundle, [doses.PERSONS_NAME])
    assert not scan(saved, [doses.PERSONS_NAME])


def test_a_dose_against_its_own_copy_passes_everywhere_and_the_next_job_makes_other_nodes(
    bench: "PanelBench", chosen: tuple[Any, Any, Any]
) -> None:
    scene = bench.host.slicer.mrmlScene
    same = doses.add_dose(bench, doses.blob(), "The same dose")
    bench.named("evaluatedDoseSelector").setCurrentNode(same)
    mine = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "My gamma")
    bench.named("gammaVolumeSelector").setCurrentNode(mine)

    compared = _compare(bench)

    assert compared.gamma_id == mine.GetID()
    assert bench.named("gammaVolumeSelector").currentNode() is None
    assert compared.pass_percent == (100.0, 100.0)
    assert all(_cells(bench, row)[1].startswith("100.00\n") for row in range(3))
    assert all(_cells(bench, row)[2].endswith("\n0.00") for row in (1, 2))
    before = _volumes(bench)
    bench.ui.localGammaCheckBox.checked = True
    again = _compare(bench)
    assert "local" in again.criteria
    assert {compared.gamma_id, compared.difference_id}.isdisjoint(
        {again.gamma_id, again.difference_id}
    )
    assert len(_volumes(bench)) == len(before) + 2


def _loaded(bench: "PanelBench", uid: str) -> Any:
    """Add a protected dose as SlicerRT loads it from the file of that instance."""
    from Testing.Unit.client_dose.doses_made import SCALING_GY, STORED

    from EncryptSecureRTLib.scene.geometry import GridGeometry, set_volume_grid

    node = doses.add_dose(bench, STORED * SCALING_GY, f"dose a{uid[-3:]}b1")
    grid = GridGeometry(
        shape=STORED.shape,
        spacing_mm=(3.0, 2.0, 2.5),
        origin_lps_mm=(-10.0, 20.0, 30.0),
        direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
    )
    set_volume_grid(node, grid)
    node.SetAttribute("DICOM.instanceUIDs", uid)
    return node


def _set_uid(ds: Any, *, uid: str) -> None:
    ds.SOPInstanceUID = uid


def test_doses_that_were_read_from_protected_files_are_sent_as_those_files(
    bench: "PanelBench", clinic: "Clinic", without_report: None, tmp_path: Path
) -> None:
    from pydicom import dcmread
    from Testing.Unit.client_dose.doses_made import STORED, dose_file

    paths = {}
    for uid in ("2.25.9001", "2.25.9002"):
        paths[uid] = dose_file(tmp_path / f"{uid}.dcm", partial(_set_uid, uid=uid))
    bench.panel.folders.file_of = lambda uid: str(paths.get(uid, ""))
    reference, evaluated = (_loaded(bench, uid) for uid in paths)
    structures = doses.add_segments(
        bench, reference, {"all": ("Planted^Structure", np.ones(STORED.shape, bool))}
    )
    bench.connect(clinic.url, clinic.physicist)
    doses.choose_pair(bench, reference, evaluated, structures)

    compared = _compare(bench)

    assert compared.pass_percent == (100.0, 100.0)
    assert [row.label for row in compared.rows] == ["Whole grid", "Planted^Structure"]
    bench.press("exportDicomButton")
    (written,) = bench.answers.place.glob("*/difference.dcm")
    expected, made = dcmread(paths["2.25.9001"]), dcmread(written)
    assert made.StudyInstanceUID == expected.StudyInstanceUID
    assert made.FrameOfReferenceUID == expected.FrameOfReferenceUID
    assert (made.Rows, made.Columns) == (expected.Rows, expected.Columns)


def test_pass_or_fail_gives_a_rate_and_no_gamma_volume(
    bench: "PanelBench", chosen: tuple[Any, Any, Any]
) -> None:
    bench.ui.modeComboBox.currentIndex = 1
    bench.ui.dvhCheckBox.checked = False
    bench.ui.normComboBox.currentIndex = 1
    bench.ui.normSpinBox.value = 58.0

    compared = _compare(bench)

    assert compared.gamma_id == ""
    assert bench.host.slicer.util.getNode(compared.difference_id) is not None
    assert "58 Gy" in compared.criteria
    assert "99th percentile" not in bench.ui.factsLabel.text
    assert not bench.shown("plotButton")
