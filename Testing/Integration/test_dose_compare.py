"""`dose-compare` as people and the panel run it: real doses, protected, compared, written."""

import csv
import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset
from Testing.Integration.command_lines import run_client
from Testing.Integration.hospital import Ward
from Testing.Integration.requests_of_a_panel import ask, refusal

from encryptsecurert_protocol.dose_curves import unpack_curves
from encryptsecurert_protocol.dose_results import DoseComparison
from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.structures import (
    MaskGrid,
    StructureEntry,
    StructureForm,
    StructuresHeader,
    pack_structures,
)
from encryptsecurert_protocol.volumes import VolumeHeader, unpack_volume
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.protect import protect_series

pytestmark = pytest.mark.real_data
PROTONS, BREAST = "proton_phantom_dose", "dicomrt_breast_dicompyler"
TUMOR_BED = 9  # ROI number in the breast's structure set; its name there is `Tumor Bed`
FILES = [
    *("comparison.csv", "comparison.json", "difference.dcm", "gamma.dcm", "isodoses.csv"),
    *("profiles.csv", "receipt.json", "report.dcm", "report.html"),
]
SHAPES = ("--isodose", "80%,50%", "--profile=-10,0,0:10,0,0")
SHAPE = (6, 8, 10)
Files = dict[str, Path]


def _protected(ward: Ward, original: Path, out: Path, key: Callable[[FileDataset], str]) -> Files:
    """Protect a study and return its files by what `key` says of each."""
    with ward.channel() as channel:
        protect_series(channel, ward.physicist, original, out, Watcher())
    read = [(dcmread(path, stop_before_pixels=True), path) for path in out.glob("2.25.*/*.dcm")]
    return {key(ds): path for ds, path in read if ds.Modality.startswith("RT")}


@pytest.fixture(scope="module")
def protons(ward: Ward, shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Protect the doses of a plan and of its two beams; return PLAN and one BEAM."""
    out = tmp_path_factory.mktemp("protons") / "protected"
    return _protected(ward, shared_data / PROTONS, out, lambda ds: str(ds.DoseSummationType))


@pytest.fixture(scope="module")
def breast(ward: Ward, shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Protect a breast's structure set, plan and dose."""
    out = tmp_path_factory.mktemp("breast") / "protected"
    return _protected(ward, shared_data / BREAST, out, lambda ds: str(ds.Modality))


@pytest.fixture(scope="module")
def compared(ward: Ward, protons: Files, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compare the plan with one of its beams; return the folder of the results."""
    out = tmp_path_factory.mktemp("compared") / "out"
    run = run_client(
        *("dose-compare", protons["PLAN"], protons["BEAM"], "--out", out, "--url", ward.url),
        *SHAPES,
        home=ward.physicist,
    )
    assert run.code == 0, run
    assert run.result["simulated"] is True
    assert [line["stage"] for line in run.lines if line["kind"] == "stage"] == [
        *("read", "connect", "upload", "submit", "run", "fetch", "report", "write")
    ]
    return out


def _rows(path: Path) -> list[dict[str, str]]:
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines))


def _dose_gy(path: Path) -> npt.NDArray[np.float64]:
    ds = dcmread(path)
    return np.asarray(ds.pixel_array * float(ds.DoseGridScaling))


def _planned(path: Path) -> Dataset:
    """Return the histogram of the tumor bed that the planning system wrote into a dose."""
    found: list[Dataset] = [
        item
        for item in dcmread(path, stop_before_pixels=True).DVHSequence
        if item.DVHReferencedROISequence[0].ReferencedROINumber == TUMOR_BED
    ]
    assert len(found) == 1
    return found[0]


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_everything_is_written_for_its_owner_alone(compared: Path) -> None:
    assert _names(compared) == FILES
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in compared.iterdir())


def test_figures_are_those_of_the_files(compared: Path, protons: Files) -> None:
    difference_gy = _dose_gy(protons["BEAM"]) - _dose_gy(protons["PLAN"])

    (whole,) = _rows(compared / "comparison.csv")

    # The worker adds in tiles, numpy in pairs: the last digits differ.
    assert float(whole["difference_mean_Gy"]) == pytest.approx(difference_gy.mean(), rel=1e-12)
    assert float(whole["difference_minimum_Gy"]) == difference_gy.min()
    assert float(whole["difference_maximum_Gy"]) == difference_gy.max()
    reference_gy = _dose_gy(protons["PLAN"])
    above = int((reference_gy >= 0.1 * reference_gy.max()).sum())
    assert int(whole["gamma_evaluated"]) == above
    assert int(whole["gamma_below_cutoff"]) == reference_gy.size - above


def test_isodoses_in_percent_are_of_the_largest_dose_of_the_reference(
    compared: Path, protons: Files
) -> None:
    low, high = _rows(compared / "isodoses.csv")

    largest_gy = _dose_gy(protons["PLAN"]).max()
    levels_gy = [float(row["level_Gy"]) for row in (low, high)]
    assert levels_gy == pytest.approx([0.5 * largest_gy, 0.8 * largest_gy], abs=1e-9)
    assert float(low["reference"]) > float(high["reference"]) > 0
    assert len(_rows(compared / "profiles.csv")) == 21


def test_the_difference_is_a_dose_of_the_same_study(compared: Path, protons: Files) -> None:
    ds, source = dcmread(compared / "difference.dcm"), dcmread(protons["PLAN"])

    written_gy = ds.pixel_array * float(ds.DoseGridScaling)

    assert (ds.StudyInstanceUID, ds.PatientID) == (source.StudyInstanceUID, source.PatientID)
    assert (ds.DoseType, ds.DoseUnits) == ("ERROR", "GY")
    difference_gy = _dose_gy(protons["BEAM"]) - _dose_gy(protons["PLAN"])
    half_a_step_gy = 0.5 * float(ds.DoseGridScaling)
    assert np.abs(written_gy - difference_gy).max() <= half_a_step_gy * 1.001


def test_the_receipt_vouches_for_the_figures(ward: Ward, compared: Path) -> None:
    run = run_client("verify", compared / "receipt.json", home=ward.physicist)

    comparison = DoseComparison.decode((compared / "comparison.json").read_bytes())

    assert run.code == 0
    assert run.result["task"] == "dose_compare"
    assert comparison.reference.facts.dose_summation_type == "PLAN"
    assert comparison.warnings == ("other_summation_type",)
    assert run.result["receipt_sha256"] in (compared / "report.html").read_text()


def test_a_folder_with_results_is_left_alone(ward: Ward, protons: Files, tmp_path: Path) -> None:
    (tmp_path / "gamma.dcm").write_text("mine")

    run = run_client(
        *("dose-compare", protons["PLAN"], protons["BEAM"], "--out", tmp_path, "--url", ward.url),
        home=ward.physicist,
    )

    assert (run.code, run.error["code"]) == (14, "E_LOCAL_FILE")
    assert _names(tmp_path) == ["gamma.dcm"]


def test_one_process_orders_and_another_fetches(
    ward: Ward, protons: Files, compared: Path, tmp_path: Path
) -> None:
    words = ("dose-compare", protons["PLAN"], protons["BEAM"], *SHAPES, "--url", ward.url)

    ordered = run_client(*words, "--detach", home=ward.physicist)
    job = str(ordered.result["job"])
    more = ("fetch", job, "--out", tmp_path / "out", "--reference")
    other = run_client(*more, protons["BEAM"], home=ward.physicist)
    fetched = run_client(*more, protons["PLAN"], home=ward.physicist)

    assert (other.code, other.error["code"]) == (2, "E_USAGE")
    assert fetched.code == 0, fetched
    assert "Isodoses" in (tmp_path / "out" / "report.html").read_text()
    assert _names(tmp_path / "out") == FILES
    first, again = (folder / "comparison.json" for folder in (compared, tmp_path / "out"))
    assert first.read_bytes() == again.read_bytes()


def test_structures_go_by_number_and_names_stay_out_of_files(
    ward: Ward, breast: Files, shared_data: Path, tmp_path: Path
) -> None:
    names, goals = tmp_path / "names.csv", tmp_path / "goals.csv"
    names.write_text(f"{TUMOR_BED},TumorBed\n")
    goals.write_text(
        "structure,metric,relation,value,unit,variation,priority\n"
        "TumorBed,D95%[Gy],>=,14,Gy,13.3,1\n"
        "TumorBed,Max[Gy],<,14,Gy,,2\n"
    )
    words = (
        *("dose-compare", breast["RTDOSE"], breast["RTDOSE"], "--structures", breast["RTSTRUCT"]),
        *("--only", str(TUMOR_BED), "--names", names, "--goals", goals, "--no-gamma"),
        *("--prescription", "14Gy", "--url", ward.url),
    )

    without = run_client(*words, "--out", tmp_path / "a", home=ward.physicist)
    more = ("--with-names", "--no-report", "--out", tmp_path / "b")
    named = run_client(*words, *more, home=ward.physicist)

    assert (without.code, named.code) == (0, 0), (without, named)
    assert without.result["goals"] == {"met": 1, "not_met": 1}
    for path in (tmp_path / "a").iterdir():
        assert b"TumorBed" not in path.read_bytes(), path.name
    assert [row["structure"] for row in _rows(tmp_path / "b" / "comparison.csv")][1] == "TumorBed"
    (_, row) = _rows(tmp_path / "a" / "comparison.csv")
    assert (row["structure_number"], row["structure"]) == ("9", "ROI_9")
    # The planning system's own histogram, in the file. It is in percent of 14 Gy, whatever it says;
    # its solid ends on the outermost contours, ours half a slice of 3 mm beyond.
    planned = _planned(shared_data / BREAST / "rtdose.dcm")
    assert float(row["volume_cc"]) == pytest.approx(float(planned.DVHData[1]), rel=0.03)
    mean_gy = 0.14 * float(planned.DVHMeanDose)
    assert float(row["dvh_reference_mean_Gy"]) == pytest.approx(mean_gy, rel=1e-3)
    assert row["dvh_reference_D95%_Gy"] == row["dvh_evaluated_D95%_Gy"]


def _volume(path: Path, dose_gy: npt.NDArray[np.float64]) -> Path:
    header = VolumeHeader(
        shape=SHAPE,
        dtype="float64",
        spacing_mm=(3.0, 2.0, 2.5),
        origin_mm=(0.0, 0.0, 0.0),
        direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
        quantity="dose",
        unit="Gy",
        frame_of_reference="2.25.7",
        slice_uids=("2.25.8",) * SHAPE[0],
    )
    path.write_bytes(header.frame_head() + dose_gy.astype("<f8").tobytes())
    return path


def _masks(path: Path) -> Path:
    grid = MaskGrid(
        shape=SHAPE,
        spacing_mm=(3.0, 2.0, 2.5),
        origin_mm=(0.0, 0.0, 0.0),
        direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
    )
    header = StructuresHeader(
        frame_of_reference="2.25.7",
        structure_set=None,
        grid=grid,
        structures=(StructureEntry(number=4, form=StructureForm.MASK, points=None),),
    )
    mask = np.zeros(SHAPE, np.bool_)
    mask[2:4, 2:6, 3:8] = True
    path.write_bytes(pack_structures(header, [np.packbits(mask, bitorder="little").tobytes()]))
    return path


@pytest.fixture
def scene(tmp_path: Path) -> dict[str, Any]:
    """Return the request of a scene: two doses that differ by 0.5 Gy, and a mask."""
    ramp_gy = np.linspace(20.0, 60.0, int(np.prod(SHAPE))).reshape(SHAPE)
    display = tmp_path / "display"
    display.mkdir(mode=0o700)
    return {
        "dose_reference_volume": _volume(tmp_path / "reference", ramp_gy),
        "dose_evaluated_volume": _volume(tmp_path / "evaluated", ramp_gy + 0.5),
        "dose_structures_object": _masks(tmp_path / "structures"),
        "dose_norm": "60Gy",
        "out": tmp_path / "out",
        "display": display,
    }


def test_doses_of_a_scene_are_compared_and_shown(ward: Ward, scene: dict[str, Any]) -> None:
    result, _ = ask(ward, "dose-compare", **scene, dose_no_report=True)

    display = scene["display"]
    assert _names(display) == ["comparison", "curves", "difference", "gamma"]
    header, voxels = unpack_volume((display / "difference").read_bytes())
    assert header.quantity == "dose_difference"
    np.testing.assert_allclose(np.frombuffer(voxels, "<f8"), 0.5, atol=1e-12)
    _, gamma = unpack_volume((display / "gamma").read_bytes())
    # |e| / DD is an upper bound of gamma anywhere: 0.5 Gy of 3 % of 60 Gy.
    assert np.nanmax(np.frombuffer(gamma, "<f4")) <= 0.5 / 1.8 + 1e-3
    assert len(unpack_curves((display / "curves").read_bytes())) == 2
    assert result["gamma"]["pass_percent_certain"] == 100.0
    assert "60 Gy" in result["gamma"]["criteria"]
    assert "report.html" not in _names(scene["out"])
    assert json.loads((display / "comparison").read_bytes())["gamma"]["norm_source"] == "stated"


def test_nothing_is_written_if_the_display_cannot_be(ward: Ward, scene: dict[str, Any]) -> None:
    (scene["display"] / "other").write_text("not empty")

    assert refusal(ward, "dose-compare", **scene) is ErrorCode.E_LOCAL_FILE
    assert not scene["out"].exists()


def test_what_cannot_be_compared_is_refused_before_it_is_sent(
    ward: Ward, protons: Files, breast: Files, shared_data: Path, tmp_path: Path
) -> None:
    clear = shared_data / BREAST / "rtdose.dcm"
    cases = {
        (clear, clear): "E_NOT_PROTECTED",
        (protons["PLAN"], breast["RTDOSE"]): "E_PATIENT_MIX",
    }
    for (reference, evaluated), code in cases.items():
        run = run_client(
            *("dose-compare", reference, evaluated, "--out", tmp_path / "out", "--url", ward.url),
            home=ward.physicist,
        )
        assert (run.code, run.error["code"]) == (9, code)
        assert "connect" not in [line.get("stage") for line in run.lines]
    assert not (tmp_path / "out").exists()


def test_a_role_without_the_right_is_refused(ward: Ward, scene: dict[str, Any]) -> None:
    words = [f"--{name.removeprefix('dose_').replace('_', '-')}" for name in scene]
    pairs = [part for word, name in zip(words, scene, strict=True) for part in (word, scene[name])]
    pairs = pairs[: pairs.index("--display")]

    run = run_client("dose-compare", *pairs, "--url", ward.url, home=ward.technician)

    assert (run.code, run.error["code"]) == (8, "E_FORBIDDEN")
    assert not scene["out"].exists()
