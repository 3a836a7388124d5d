"""A dose comparison as SR by TID 1500: groups, codes, units, and the values of the comparison."""

import io
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import highdicom as hd
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import Comprehensive3DSRStorage
from Testing.Unit.dicom_results.conftest import AXIAL, make_grid
from Testing.Unit.dicom_results.doses import compared_doses, some_comparison

from encryptsecurert_rt.errors import Cancelled
from encryptsecurert_worker.dicom.results import Producer
from encryptsecurert_worker.dicom.results.dose_context import ComparedDoses
from encryptsecurert_worker.dicom.results.dose_report_sr import make_dose_report


def read(octets: bytes) -> Dataset:
    return pydicom.dcmread(io.BytesIO(octets))


@pytest.fixture
def doses() -> ComparedDoses:
    return compared_doses(make_grid(direction=AXIAL))


@pytest.fixture
def octets(doses: ComparedDoses, producer: Producer, seed: bytes) -> bytes:
    return make_dose_report(some_comparison(), doses, producer, uid_seed=seed)


def _groups(octets: bytes) -> list[hd.sr.MeasurementsAndQualitativeEvaluations]:
    """Return the groups as highdicom finds them."""
    content = hd.sr.srread(io.BytesIO(octets)).content
    assert isinstance(content, hd.sr.MeasurementReport)
    return list(content.get_image_measurement_groups())


def _numbers(
    group: hd.sr.MeasurementsAndQualitativeEvaluations,
) -> dict[str, tuple[float, str]]:
    """Return value and unit of each measurement by its code."""
    numbers = {}
    for measurement in group.get_measurements():
        assert measurement.value is not None
        name, unit = str(measurement.name.value), str(measurement.unit.value)
        numbers[name] = (float(measurement.value), unit)
    return numbers


def _codes(group: hd.sr.MeasurementsAndQualitativeEvaluations) -> dict[str, str]:
    found = {}
    for evaluation in group.get_qualitative_evaluations():
        code = evaluation.value  # annotated as a number, too
        assert isinstance(code, hd.sr.CodedConcept)
        found[evaluation.name.value] = code.value
    return found


def test_highdicom_finds_the_grid_then_the_structure_then_its_histograms(octets: bytes) -> None:
    labels = [group.tracking_identifier for group in _groups(octets)]

    assert labels == ["whole grid", "ROI 4", "ROI 4", "ROI 4"]
    assert len({group.tracking_uid for group in _groups(octets)}) == 2


def test_the_grid_has_pass_rate_difference_and_criteria(octets: bytes) -> None:
    numbers, codes = _numbers(_groups(octets)[0]), _codes(_groups(octets)[0])

    assert numbers["gamma.pass_percent_certain"] == (95.0, "%")
    assert numbers["gamma.evaluated"] == (100.0, "1")
    assert numbers["gamma.criterion.dose_percent"] == (3.0, "%")
    assert numbers["gamma.criterion.distance_mm"] == (2.0, "mm")
    assert numbers["gamma.criterion.norm_gy"] == (62.61, "Gy")
    assert numbers["difference.mean_gy"] == (-0.1, "Gy")
    assert numbers["agreement.p95_mm"] == (2.0, "mm")
    assert numbers["structures.left_out"] == (1.0, "1")
    assert codes["gamma.normalisation"] == "global"
    assert codes["tg218.verdict"] == "within_tolerance"
    assert codes["tg218.universal"] == "no"


def test_a_structure_has_its_histogram_under_each_dose_with_standard_codes(octets: bytes) -> None:
    under_reference, under_evaluated = _groups(octets)[2:]

    numbers = _numbers(under_reference)
    assert numbers["118565006"] == (12.5, "cm3")
    assert numbers["128533"] == (60.1, "Gy")
    assert numbers["D95%[Gy]"] == (57.5, "Gy")
    assert _codes(under_reference)["dose"] == "reference_dose"
    assert _codes(under_evaluated)["dose"] == "evaluated_dose"


def test_what_is_null_in_the_comparison_has_no_item(octets: bytes) -> None:
    difference_of_structure = _numbers(_groups(octets)[1])

    assert difference_of_structure["difference.points"] == (0.0, "1")
    assert "difference.mean_gy" not in difference_of_structure
    assert "D20cc[Gy]" not in _numbers(_groups(octets)[2])


def test_every_number_has_a_unit_of_ucum_and_every_own_code_the_projects_scheme(
    octets: bytes,
) -> None:
    for group in _groups(octets):
        for measurement in group.get_measurements():
            assert measurement.unit.scheme_designator == "UCUM"
            assert measurement.name.scheme_designator in {"99ESRT", "DCM", "SCT"}
            assert len(measurement.name.meaning) <= 64


def test_both_doses_are_evidence_each_in_its_study(octets: bytes) -> None:
    ds = read(octets)

    assert ds.SOPClassUID == Comprehensive3DSRStorage
    named = {
        (study.StudyInstanceUID, series.SeriesInstanceUID, one.ReferencedSOPInstanceUID)
        for evidence in (
            ds.CurrentRequestedProcedureEvidenceSequence,
            ds.PertinentOtherEvidenceSequence,  # of another study than the report
        )
        for study in evidence
        for series in study.ReferencedSeriesSequence
        for one in series.ReferencedSOPSequence
    }
    assert named == {("2.25.101", "2.25.104", "2.25.105"), ("2.25.201", "2.25.204", "2.25.205")}


def test_it_is_of_the_patient_for_research_and_verified_by_nobody(
    octets: bytes, doses: ComparedDoses
) -> None:
    ds = read(octets)

    assert ds.PatientID == ds.PatientName == doses.patient_pseudonym
    assert ds.ContentQualification == "RESEARCH"
    assert ds.VerificationFlag == "UNVERIFIED"
    assert ds.StudyInstanceUID == doses.study_instance_uid


def test_the_same_input_gives_the_same_octets_without_a_clock(
    octets: bytes, doses: ComparedDoses, producer: Producer, seed: bytes
) -> None:
    assert make_dose_report(some_comparison(), doses, producer, uid_seed=seed) == octets
    ds = read(octets)
    stamps = {e.value for e in ds.iterall() if e.VR in ("DA", "TM", "DT") and e.value}
    assert stamps == {"19000101", "000000"}
    uids = {str(e.value) for e in ds.iterall() if e.VR == "UI"}
    assert all(uid.startswith(("2.25.", "1.2.840.10008.")) for uid in uids)


def test_a_simulated_worker_marks_what_it_makes(
    octets: bytes, doses: ComparedDoses, simulated_producer: Producer, seed: bytes
) -> None:
    ds = read(make_dose_report(some_comparison(), doses, simulated_producer, uid_seed=seed))

    assert ds.SeriesDescription.startswith("SIMULATED")
    assert ds.ManufacturerModelName.startswith("SIMULATED")
    assert b"SIMULATED" not in octets


def test_progress_is_told_of_each_group_and_can_cancel(
    doses: ComparedDoses, producer: Producer, seed: bytes
) -> None:
    comparison = some_comparison()
    (part,) = comparison.dvh or ()
    many = replace(comparison, dvh=tuple(replace(part, number=n) for n in range(1, 6)))
    heard: list[float] = []

    def listen(stage: str, fraction: float) -> None:
        heard.append(fraction)
        if fraction > 0.6:
            raise Cancelled

    with pytest.raises(Cancelled):
        make_dose_report(many, doses, producer, uid_seed=seed, progress=listen)
    assert heard == sorted(heard)
    assert len(heard) > 5


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
def test_dciodvfy_finds_no_error(octets: bytes, tmp_path: Path) -> None:
    file = tmp_path / "report.dcm"
    file.write_bytes(octets)

    run = subprocess.run(
        ["dciodvfy", "-new", str(file)], capture_output=True, text=True, check=False
    )

    assert "Comprehensive3DSR" in run.stderr
    assert [line for line in run.stderr.splitlines() if line.startswith("Error")] == []
