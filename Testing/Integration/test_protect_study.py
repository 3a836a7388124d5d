"""A study of several kinds is protected in one go; what cannot be is told, and the rest goes on."""

import shutil
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import UID
from Testing.Integration.clinic import open_clinic
from Testing.Integration.command_lines import run_client
from Testing.Integration.hospital import Ward
from Testing.Integration.planted import found, found_below

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.rights import Role

pytestmark = pytest.mark.real_data
STUDY = "dicomrt_breast_dicompyler"


def _by_kind(folder: Path) -> dict[str, Dataset]:
    datasets = [dcmread(path) for path in folder.rglob("*.dcm")]
    return {dataset.SOPClassUID.name: dataset for dataset in datasets}


@pytest.fixture(scope="module")
def study(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the real study, and make it one: its files name several studies."""
    folder = tmp_path_factory.mktemp("study")
    for path in sorted((shared_data / STUDY).glob("*.dcm")):
        shutil.copy(path, folder / path.name)
    originals = [(path, dcmread(path)) for path in sorted(folder.iterdir())]
    first = originals[0][1]
    for path, dataset in originals:
        dataset.StudyInstanceUID, dataset.PatientID = first.StudyInstanceUID, "CANARY-4711"
        dataset.save_as(path)
    return folder


@pytest.fixture(scope="module")
def protected(ward: Ward, study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "protected"
    run = run_client("protect", study, out, "--url", ward.url, home=ward.physicist)
    assert run.code == 0, run
    assert run.result["instances"] == 4
    assert len(run.result["folders"]) == 4
    return out


def test_each_series_has_a_folder_and_the_kinds_are_those_of_the_study(
    study: Path, protected: Path
) -> None:
    before, after = _by_kind(study), _by_kind(protected)

    assert set(before) == {
        *("CT Image Storage", "RT Structure Set Storage", "RT Plan Storage", "RT Dose Storage"),
    }
    assert set(after) - {"Raw Data Storage"} == set(before)


def test_references_between_the_kinds_still_lead_to_each_other(
    study: Path, protected: Path
) -> None:
    before, after = _by_kind(study), _by_kind(protected)
    (plan,) = before["RT Dose Storage"].ReferencedRTPlanSequence
    (mapped,) = after["RT Dose Storage"].ReferencedRTPlanSequence

    is_there = plan.ReferencedSOPInstanceUID == before["RT Plan Storage"].SOPInstanceUID
    leads = mapped.ReferencedSOPInstanceUID == after["RT Plan Storage"].SOPInstanceUID
    assert leads is is_there
    assert UID(mapped.ReferencedSOPInstanceUID).startswith("2.25.")


def test_dose_and_contours_are_bit_for_bit_those_of_the_original(
    study: Path, protected: Path
) -> None:
    before, after = _by_kind(study), _by_kind(protected)

    dose, kept = before["RT Dose Storage"], after["RT Dose Storage"]
    assert dose.PixelData == kept.PixelData
    assert dose.DoseGridScaling == kept.DoseGridScaling
    regions, contours = (
        one["RT Structure Set Storage"].ROIContourSequence for one in (before, after)
    )
    assert len(regions) == len(contours) > 3
    for region, contour in zip(regions, contours, strict=True):
        for one, other in zip(
            region.get("ContourSequence", []), contour.get("ContourSequence", []), strict=True
        ):
            assert one.ContourData == other.ContourData


def test_nothing_of_the_patient_is_in_what_was_written_or_sent(
    ward: Ward, study: Path, protected: Path
) -> None:
    names = {str(one.get("PatientName", "")) for one in _by_kind(study).values()}
    texts = [one for one in (*names, "CANARY-4711") if len(one) > 3]

    assert found_below(texts, study)
    assert found_below(texts, protected) == {}
    assert len(ward.hospital.tap.octets) > 2_000_000  # the contours did travel
    assert found(texts, ward.hospital.tap.octets) == set()


def _write_picture(ct: Path, path: Path) -> None:
    """Write a CT as a picture of a screen, another instance."""
    dataset = dcmread(ct)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = UID(
        "1.2.840.10008.5.1.4.1.1.7"
    )
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = UID("1.2.3.4567.8")
    dataset.save_as(path)


@pytest.fixture
def with_a_picture(study: Path, tmp_path: Path) -> Path:
    """Copy the study, and make its first file a picture of a screen."""
    source = tmp_path / "study"
    shutil.copytree(study, source)
    _write_picture(source / "ct.0.dcm", source / "ct.0.dcm")
    return source


def test_one_refused_kind_leaves_the_others_and_is_told_by_its_place(
    ward: Ward, with_a_picture: Path, tmp_path: Path
) -> None:
    out = tmp_path / "p"

    run = run_client("protect", with_a_picture, out, "--url", ward.url, home=ward.physicist)

    assert run.code == 9
    assert run.result["instances"] == 3
    assert run.result["refused"] == {
        "count": 1,
        "rows": [
            {
                "place": 1,
                "kind": "Secondary Capture Image Storage",
                "code": "E_BURNED_IN",
                "what": ErrorCode.E_BURNED_IN.value.what,
                "todo": ErrorCode.E_BURNED_IN.value.todo,
            }
        ],
        "left_out": 0,
    }
    assert set(_by_kind(out)) == {
        *("RT Structure Set Storage", "RT Plan Storage", "RT Dose Storage", "Raw Data Storage"),
    }


def test_one_refused_kind_is_the_end_where_all_were_asked_for(
    ward: Ward, with_a_picture: Path, tmp_path: Path
) -> None:
    words = ("protect", with_a_picture, tmp_path / "p", "--all-or-nothing", "--url", ward.url)

    run = run_client(*words, home=ward.physicist)

    assert (run.code, run.error["code"]) == (9, "E_BURNED_IN")
    assert "1 of 4 files refused; the first, file 1: Secondary Capture Image Storage" in str(
        run.error["what"]
    )
    assert not (tmp_path / "p").exists()


def test_what_is_proved_is_removed_and_what_was_refused_stays(study: Path, tmp_path: Path) -> None:
    """`--remove-original` removes a file only when its reveal has its very digest."""
    source = tmp_path / "study"
    shutil.copytree(study, source)
    with open_clinic(tmp_path / "clinic") as clinic:
        patient = dcmread(next(clinic.original.iterdir()), stop_before_pixels=True)
        for path in source.iterdir():
            dataset = dcmread(path)
            dataset.PatientID = patient.PatientID
            dataset.IssuerOfPatientID = patient.get("IssuerOfPatientID", "")
            dataset.save_as(path)
        _write_picture(source / "ct.0.dcm", source / "screen.dcm")
        cut = (source / "ct.0.dcm").read_bytes()[:-5000]
        (source / "cut.dcm").write_bytes(cut)
        clinic.grant(Role.RADIATION_ONCOLOGIST)
        home = clinic.people[Role.RADIATION_ONCOLOGIST]

        run = run_client(
            *("protect", source, tmp_path / "p", "--remove-original", "--pictures", "seal"),
            *("--url", clinic.hospital.url),
            home=home,
        )

    assert run.code == 9, run
    assert run.result["originals_removed"] == run.result["instances"] == 5
    assert run.result["sealed_whole"] == 1
    assert [row["code"] for row in run.result["refused"]["rows"]] == ["E_DICOM"]
    assert [path.name for path in source.iterdir()] == ["cut.dcm"]
    assert (source / "cut.dcm").read_bytes() == cut
