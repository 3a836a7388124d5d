"""What is sent for a comparison, and what is refused before anything is."""

import re
from pathlib import Path
from typing import Any

import pytest
from Testing.Unit.client.people import refusal_of
from Testing.Unit.client_dose.doses_made import contour, dose_file, square, structure_file
from Testing.Unit.client_dose.test_dose_files import setting

from encryptsecurert_protocol.dose_jobs import DoseCompareParameters
from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.volumes import VolumeHeader
from EncryptSecureRTLib.client.dose_asked import DoseAsked
from EncryptSecureRTLib.client.dose_inputs import DoseInputs, read_inputs, read_known

GOALS = "structure,metric,relation,value,unit,variation,priority\n{},D95%[Gy],>=,2,Gy,1.5,1\n"


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Return two doses and two structures of one patient."""
    regions = {7: [contour(square(30.0)), contour(square(33.0))], 9: []}
    return {
        "reference": dose_file(tmp_path / "ref.dcm"),
        "evaluated": dose_file(tmp_path / "eval.dcm", setting(SOPInstanceUID="2.25.101")),
        "structures": structure_file(tmp_path / "rs.dcm", regions),
    }


def inputs(files: dict[str, Path], **members: Any) -> DoseInputs:
    """Return what would be sent."""
    return read_inputs(DoseAsked(**{**files, **members}))


def test_doses_go_first_the_reference_before_the_other(files: dict[str, Path]) -> None:
    made = inputs(files)

    kinds = [kind for kind, _ in made.contents()]
    assert kinds == [ObjectKind.VOLUME, ObjectKind.VOLUME, ObjectKind.STRUCTURES]
    assert made.parameters.reference.dose_sop_instance_uid == "2.25.100"
    assert made.parameters.evaluated.dose_sop_instance_uid == "2.25.101"
    assert made.parameters.reference.plan_sop_instance_uid == "2.25.55"
    assert made.parameters.outputs == ("difference_dicom", "gamma_dicom", "maps", "report_dicom")
    assert made.parameters.tg218
    assert not made.parameters.reference_measured
    assert inputs(files, measured=True).parameters.reference_measured
    read = DoseCompareParameters.from_json(made.parameters.as_json())
    assert read == made.parameters


def test_without_a_map_of_gamma_none_is_asked_for(files: dict[str, Path]) -> None:
    made = inputs(files, mode="pass-fail").parameters
    none = inputs(files, no_gamma=True).parameters

    assert "gamma_dicom" not in made.outputs
    assert (none.gamma, none.tg218) == (None, False)
    assert none.difference


def test_names_of_goals_become_numbers_and_stay_here(
    files: dict[str, Path], tmp_path: Path
) -> None:
    goals, names = tmp_path / "goals.csv", tmp_path / "names.csv"
    goals.write_text(GOALS.format("Cord of Nora"))
    names.write_text("7,Cord of Nora\n8,not there\n")

    made = inputs(files, goals=goals, names=names)

    assert [goal.structure for goal in made.parameters.goals] == [7]
    sent = [made.parameters.encode()]
    for _, content in made.contents():
        octets = content()
        sent.append(bytes(octets.chunk(0, octets.size_bytes)))
    assert not any(b"Nora" in octets for octets in sent)
    assert made.known.labels.name(7) == "Cord of Nora"
    assert made.known.file_labels.name(7) == "ROI_7"
    assert inputs(files, names=names, with_names=True).known.file_labels.name(7) == "Cord of Nora"


def test_a_structure_is_found_by_what_the_file_shows_too(
    files: dict[str, Path], tmp_path: Path
) -> None:
    goals = tmp_path / "goals.csv"
    goals.write_text(GOALS.format("ROI_7"))

    assert [goal.structure for goal in inputs(files, goals=goals).parameters.goals] == [7]
    for name in ("ROI_9", "Heart"):  # the one has no contour, the other is not there
        goals.write_text(GOALS.format(name))
        assert refusal_of(lambda: inputs(files, goals=goals)) is ErrorCode.E_USAGE


@pytest.mark.parametrize("line", ["D95%", "Mean[Gy]; drop", "D95%[Gy]\x00"])
def test_a_metric_of_another_notation_is_refused(
    files: dict[str, Path], tmp_path: Path, line: str
) -> None:
    goals = tmp_path / "goals.csv"
    goals.write_text(GOALS.format("ROI_7").replace("D95%[Gy]", line))

    assert refusal_of(lambda: inputs(files, goals=goals)) is ErrorCode.E_USAGE


def test_what_was_passed_over_is_told(files: dict[str, Path]) -> None:
    assert inputs(files).known.notes == (
        "Structures without a closed contour were left out: ROI_9.",
    )


def test_doses_and_structures_are_of_one_patient(files: dict[str, Path], tmp_path: Path) -> None:
    other = setting(PatientID="PBBBBBBBBBBBBBBBB")
    dose = dose_file(tmp_path / "other.dcm", other)
    structures = structure_file(tmp_path / "others.dcm", {7: [contour(square(30.0))]}, other)

    assert refusal_of(lambda: inputs(files, evaluated=dose)) is ErrorCode.E_PATIENT_MIX
    assert refusal_of(lambda: inputs(files, structures=structures)) is ErrorCode.E_PATIENT_MIX


def test_two_frames_need_a_registration_and_one_takes_none(
    files: dict[str, Path], tmp_path: Path
) -> None:
    matrix = tmp_path / "matrix.txt"
    matrix.write_text("1 0 0 5  0 1 0 0  0 0 1 0  0 0 0 1")
    moved = dose_file(tmp_path / "moved.dcm", setting(FrameOfReferenceUID="2.25.8"))

    made = inputs(files, evaluated=moved, registration=matrix)

    assert made.parameters.registration is not None
    assert made.parameters.registration[3] == 5.0
    code = ErrorCode.E_FRAME_OF_REFERENCE
    assert refusal_of(lambda: inputs(files, evaluated=moved)) is code
    assert refusal_of(lambda: inputs(files, registration=matrix)) is code
    # Structures go with the reference.
    swapped = {**files, "reference": moved, "evaluated": files["reference"]}
    assert refusal_of(lambda: inputs(swapped, registration=matrix)) is code


def test_doses_of_a_scene_are_of_one_nobody(tmp_path: Path) -> None:
    header = VolumeHeader(
        shape=(1, 1, 2),
        dtype="float64",
        spacing_mm=(1.0, 1.0, 1.0),
        origin_mm=(0.0, 0.0, 0.0),
        direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
        quantity="dose",
        unit="Gy",
        frame_of_reference="2.25.7",
        slice_uids=("2.25.8",),
    )
    path = tmp_path / "volume"
    path.write_bytes(header.frame_head() + bytes(16))

    made = read_inputs(DoseAsked(reference_volume=path, evaluated_volume=path)).parameters

    assert made.reference.patient_id == made.evaluated.patient_id
    assert re.fullmatch("P[A-Z2-7]{16}", made.reference.patient_id)
    assert made.reference.plan_sop_instance_uid is None


def test_words_that_are_wrong_are_told_before_files_are_read(tmp_path: Path) -> None:
    gone = tmp_path / "gone"

    asked = DoseAsked(reference=gone, evaluated=gone, gamma="3")

    assert refusal_of(read_inputs, asked) is ErrorCode.E_USAGE


def test_after_a_fetch_only_what_is_given_is_known(files: dict[str, Path], tmp_path: Path) -> None:
    names = tmp_path / "names.csv"
    names.write_text("7,Cord\n")

    nothing, some = read_known(DoseAsked()), read_known(DoseAsked(names=names))
    more = read_known(DoseAsked(reference=files["reference"], structures=files["structures"]))

    assert (nothing.reference, nothing.labels.name(7)) == (None, "ROI_7")
    assert (some.labels.name(7), some.file_labels.name(7)) == ("Cord", "ROI_7")
    assert more.reference is not None
    assert set(more.file_labels.contours) == {7}
