"""A clear study is sealed before anything is sent, and a saved scene then names nobody."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from leakscan import scan
from protected import series_folder
from pydicom import dcmread
from Testing.Panel.imported import Imported, import_series, save_bundle

if TYPE_CHECKING:
    from Testing.Panel.bench import PanelBench
    from Testing.Panel.clinic import Clinic


@pytest.fixture
def clear(bench: "PanelBench", clinic: "Clinic", tmp_path: Path) -> Imported:
    bench.connect(clinic.url, clinic.physicist)
    series = import_series(bench, tmp_path / "clear")
    bench.choose(series.node)
    return series


def _seal(bench: "PanelBench") -> None:
    bench.press("sealStudyButton")
    assert bench.wait_idle() == "done"


def test_a_clear_study_is_not_sent_and_the_panel_says_what_to_do(
    bench: "PanelBench", clear: Imported
) -> None:
    assert bench.ui.caseLabel.text == "Study: in clear. The scene shows whose it is."
    assert not bench.ui.applyButton.enabled
    assert "Seal it first." in bench.ui.applyButton.toolTip
    assert bench.shown("sealStudyButton")


def test_sealing_protects_the_files_and_leaves_the_originals(
    bench: "PanelBench", clear: Imported
) -> None:
    before = {path.name: path.read_bytes() for path in clear.folder.iterdir()}
    _seal(bench)

    folder = series_folder(bench.answers.place)
    copies = [dcmread(path, stop_before_pixels=True) for path in folder.iterdir()]
    assert len(copies) == len(before)
    assert {copy.PatientIdentityRemoved for copy in copies} == {"YES"}
    assert {path.name: path.read_bytes() for path in clear.folder.iterdir()} == before
    assert bench.message.startswith("The study is sealed: 24 instances in a protected copy.")
    assert "were saved earlier and the DICOM database are as they were" in bench.message


def test_the_scene_then_has_the_uids_of_the_copy(bench: "PanelBench", clear: Imported) -> None:
    _seal(bench)

    folder = series_folder(bench.answers.place)
    copies = [dcmread(path, stop_before_pixels=True) for path in folder.iterdir()]
    by_position = sorted(copies, key=lambda copy: copy.ImagePositionPatient[2])
    uids = clear.node.GetAttribute("DICOM.instanceUIDs").split()
    assert uids == [copy.SOPInstanceUID for copy in by_position]
    assert bench.ui.caseLabel.text == "Study: sealed"


def test_what_is_sealed_can_be_segmented_and_the_result_belongs_to_its_series(
    bench: "PanelBench", clear: Imported
) -> None:
    _seal(bench)
    copy = series_folder(bench.answers.place)
    bench.press("applyButton")
    assert bench.wait_idle() == "done"
    bench.press("exportDicomButton")

    (results,) = bench.answers.place.glob("segmentation*")
    image = dcmread(next(copy.iterdir()), stop_before_pixels=True)
    structures = dcmread(results / "rtstruct.dcm")
    assert structures.StudyInstanceUID == image.StudyInstanceUID
    assert structures.PatientID == image.PatientID
    tree = bench.host.slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(
        bench.host.slicer.mrmlScene
    )
    (segmentation,) = bench.segmentations()
    parents = {
        tree.GetItemParent(tree.GetItemByDataNode(node)) for node in (clear.node, segmentation)
    }
    assert len(parents) == 1


def test_a_scene_saved_after_a_job_names_nobody_and_one_saved_before_does(
    bench: "PanelBench", clear: Imported, tmp_path: Path
) -> None:
    before = scan(save_bundle(bench, tmp_path / "before.mrb"), clear.needles)
    _seal(bench)
    bench.press("applyButton")
    assert bench.wait_idle() == "done"
    after = scan(save_bundle(bench, tmp_path / "after.mrb"), clear.needles)

    assert {"Canary^Planted^Q", "CANARY-4711"} <= {found.needle for found in before}
    assert after == []


def test_no_log_no_setting_and_no_private_file_names_anybody(
    bench: "PanelBench", clear: Imported, tmp_path: Path
) -> None:
    _seal(bench)
    bench.press("applyButton")
    assert bench.wait_idle() == "done"
    seen = tmp_path / "seen"
    seen.mkdir()
    (seen / "log.txt").write_text(bench.panel.session.log.as_text(), "utf-8")
    settings = bench.host.slicer.app.userSettings()
    (seen / "settings.txt").write_text(
        "\n".join(f"{key}={settings.value(key)}" for key in settings.allKeys()), "utf-8"
    )
    results = bench.panel.session.results_folder

    assert results is not None
    assert scan(seen, clear.needles) == []
    assert scan(results.parent, clear.needles) == []


def test_a_study_without_files_is_sealed_in_the_scene_after_a_question(
    bench: "PanelBench", clear: Imported, tmp_path: Path
) -> None:
    bench.panel.folders.file_of = lambda uid: ""
    bench.answers.yes = False
    bench.press("sealStudyButton")
    assert bench.ui.caseLabel.text.startswith("Study: in clear")

    bench.answers.yes = True
    bench.press("sealStudyButton")

    assert "no files of it were found" in bench.message
    assert bench.ui.caseLabel.text == "Study: sealed"
    assert scan(save_bundle(bench, tmp_path / "after.mrb"), clear.needles) == []


def test_a_refused_sealing_leaves_scene_and_disk_as_they_were(
    bench: "PanelBench", clear: Imported, clinic: "Clinic"
) -> None:
    bench.connect(clinic.url, clinic.auditor)
    name = clear.node.GetName()
    bench.press("sealStudyButton")

    assert bench.wait_idle() == "failed"
    assert "Your role does not allow this" in bench.message
    assert clear.node.GetName() == name
    assert list(bench.answers.place.iterdir()) == []


def test_a_study_with_one_bad_file_is_not_sealed_by_half(
    bench: "PanelBench", clear: Imported
) -> None:
    name = clear.node.GetName()
    last = max(clear.folder.iterdir())
    last.write_bytes(last.read_bytes()[:-1000])
    bench.press("sealStudyButton")

    assert bench.wait_idle() == "failed"
    assert "1 of 24 files refused; the first, file 24: CT Image Storage" in bench.message
    assert clear.node.GetName() == name
    assert list(bench.answers.place.iterdir()) == []
