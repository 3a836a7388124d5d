"""RT Structure Set: what it says, and what its peers read from it."""

import io
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian, RTStructureSetStorage

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_rt.errors import Cancelled
from encryptsecurert_worker.dicom.results import (
    Producer,
    ReferenceSeries,
    StructureMask,
    make_rtstruct,
    rtstruct,
)

PLASTIMATCH = Path(sys.executable).with_name("plastimatch")


def read(octets: bytes) -> Dataset:
    return pydicom.dcmread(io.BytesIO(octets))


@pytest.fixture
def octets(
    reference: ReferenceSeries, structures: list[StructureMask], producer: Producer, seed: bytes
) -> bytes:
    return make_rtstruct(reference, structures, producer, uid_seed=seed)


def test_names_codes_and_types_come_from_the_vocabulary(octets: bytes) -> None:
    ds = read(octets)

    assert ds.SOPClassUID == ds.file_meta.MediaStorageSOPClassUID == RTStructureSetStorage
    assert ds.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
    assert [roi.ROIName for roi in ds.StructureSetROISequence] == [
        "External",
        "Lung_L",
        "Lung_R",
        "Bone",
    ]
    assert {roi.ROIGenerationAlgorithm for roi in ds.StructureSetROISequence} == {"AUTOMATIC"}
    observations = ds.RTROIObservationsSequence
    assert [o.RTROIInterpretedType for o in observations] == ["EXTERNAL"] + 3 * ["ORGAN"]
    lung = observations[1].RTROIIdentificationCodeSequence[0]
    assert (lung.CodeValue, lung.CodingSchemeDesignator) == ("39607008", "SCT")
    assert lung.SegmentedPropertyTypeModifierCodeSequence[0].CodeMeaning == "Left"


def test_volume_of_a_roi_is_that_of_its_voxels(
    octets: bytes, reference: ReferenceSeries, structures: list[StructureMask]
) -> None:
    volumes_cc = [float(roi.ROIVolume) for roi in read(octets).StructureSetROISequence]

    expected = [np.count_nonzero(s.mask) * reference.grid.voxel_volume_cc for s in structures]
    assert volumes_cc == pytest.approx(expected, rel=1e-9)


def test_study_series_frame_and_every_slice_are_referenced(
    octets: bytes, reference: ReferenceSeries
) -> None:
    ds = read(octets)
    frame = ds.ReferencedFrameOfReferenceSequence[0]
    study = frame.RTReferencedStudySequence[0]
    series = study.RTReferencedSeriesSequence[0]

    assert ds.StudyInstanceUID == study.ReferencedSOPInstanceUID == reference.study_instance_uid
    assert frame.FrameOfReferenceUID == ds.FrameOfReferenceUID == reference.frame_of_reference_uid
    assert series.SeriesInstanceUID == reference.series_instance_uid
    named = [image.ReferencedSOPInstanceUID for image in series.ContourImageSequence]
    assert named == list(reference.sop_instance_uids)


def test_each_contour_lies_in_the_plane_of_the_slice_that_it_names(
    octets: bytes, reference: ReferenceSeries
) -> None:
    matrix = np.linalg.inv(reference.grid.ijk_to_lps)
    seen = 0
    for roi in read(octets).ROIContourSequence:
        for contour in roi.get("ContourSequence", []):
            points = np.array(contour.ContourData, float).reshape(-1, 3)
            k = reference.sop_instance_uids.index(
                contour.ContourImageSequence[0].ReferencedSOPInstanceUID
            )
            ijk = points @ matrix[:3, :3].T + matrix[:3, 3]
            assert len(points) == contour.NumberOfContourPoints
            np.testing.assert_allclose(ijk[:, 2], k, atol=1e-4)
            halves = 2 * ijk[:, :2]
            np.testing.assert_allclose(halves, np.round(halves), atol=5e-4)
            seen += 1
    assert seen >= 7 + 3 + 5


def test_an_empty_structure_is_a_roi_without_contours(octets: bytes) -> None:
    ds = read(octets)

    assert ds.ROIContourSequence[3].ReferencedROINumber == 4
    assert "ContourSequence" not in ds.ROIContourSequence[3]
    assert float(ds.StructureSetROISequence[3].ROIVolume) == 0.0


def test_it_is_marked_as_the_protected_form(octets: bytes, reference: ReferenceSeries) -> None:
    ds = read(octets)

    assert ds.PatientID == ds.PatientName == reference.patient_pseudonym
    assert ds.PatientIdentityRemoved == "YES"
    assert ds.LongitudinalTemporalInformationModified == "REMOVED"
    assert (ds.PatientBirthDate, ds.PatientSex, ds.AccessionNumber) == ("", "", "")


def test_no_date_or_time_has_a_value(octets: bytes) -> None:
    stamps = [e.value for e in read(octets).iterall() if e.VR in ("DA", "TM", "DT")]

    assert stamps
    assert not any(stamps)


def test_the_same_input_gives_the_same_octets_and_another_seed_other_uids(
    octets: bytes,
    reference: ReferenceSeries,
    structures: list[StructureMask],
    producer: Producer,
    seed: bytes,
) -> None:
    again = make_rtstruct(reference, structures, producer, uid_seed=seed)
    other = make_rtstruct(reference, structures, producer, uid_seed=seed[::-1])

    assert again == octets
    assert read(other).SOPInstanceUID != read(octets).SOPInstanceUID
    assert read(other).SeriesInstanceUID != read(octets).SeriesInstanceUID


def test_a_simulated_worker_marks_what_it_makes(
    reference: ReferenceSeries,
    structures: list[StructureMask],
    simulated_producer: Producer,
    octets: bytes,
    seed: bytes,
) -> None:
    ds = read(make_rtstruct(reference, structures, simulated_producer, uid_seed=seed))

    assert ds.SeriesDescription.startswith("SIMULATED")
    assert ds.StructureSetLabel == "SIMULATED"
    assert ds.SoftwareVersions[-1] == "SIMULATED - not protected"
    assert b"SIMULATED" not in octets


def test_measurement_and_version_are_in_the_equipment(octets: bytes) -> None:
    ds = read(octets)

    assert list(ds.SoftwareVersions) == ["0.1.0", "ab" * 32]
    assert ds.ContributingEquipmentSequence[0].Manufacturer == "EncryptSecureRT"


def test_a_contour_of_more_than_64_kib_of_text_comes_back_whole(
    reference: ReferenceSeries, structures: list[StructureMask], producer: Producer, seed: bytes
) -> None:
    # Holes like a chessboard make one keyhole polygon with a vertex at nearly every voxel.
    grid = reference.grid
    big = type(grid)(
        shape=(1, 101, 101),
        spacing_mm=grid.spacing_mm,
        origin_lps_mm=grid.origin_lps_mm,
        direction=grid.direction,
    )
    one_slice = ReferenceSeries(
        study_instance_uid=reference.study_instance_uid,
        series_instance_uid=reference.series_instance_uid,
        frame_of_reference_uid=reference.frame_of_reference_uid,
        sop_class_uid=reference.sop_class_uid,
        sop_instance_uids=reference.sop_instance_uids[:1],
        patient_pseudonym=reference.patient_pseudonym,
        grid=big,
    )
    mask = np.ones(big.shape, np.bool_)
    mask[:, 1:-1:2, 1:-1:2] = False

    ds = read(
        make_rtstruct(
            one_slice,
            [StructureMask(key=structures[0].key, mask=mask)],
            producer,
            uid_seed=seed,
        )
    )

    (contour,) = ds.ROIContourSequence[0].ContourSequence
    text = len("\\".join(str(v) for v in contour.ContourData))
    assert text > 65536
    assert len(contour.ContourData) == 3 * contour.NumberOfContourPoints


def test_progress_rises_and_can_cancel(
    reference: ReferenceSeries, structures: list[StructureMask], producer: Producer, seed: bytes
) -> None:
    heard: list[float] = []

    def listen(stage: str, fraction: float) -> None:
        heard.append(fraction)

    def stop(stage: str, fraction: float) -> None:
        raise Cancelled

    make_rtstruct(reference, structures, producer, uid_seed=seed, progress=listen)

    assert heard == sorted(heard)
    assert heard[-1] == 1.0
    assert len(heard) >= 4 * 7
    with pytest.raises(Cancelled):
        make_rtstruct(reference, structures, producer, uid_seed=seed, progress=stop)


def test_masks_of_another_shape_or_twice_the_same_structure_are_refused(
    reference: ReferenceSeries, structures: list[StructureMask], producer: Producer, seed: bytes
) -> None:
    cut = [StructureMask(key=structures[0].key, mask=structures[0].mask[1:])]
    for wrong in (cut, structures[:1] * 2, []):
        with pytest.raises(EncryptSecureRTError) as refused:
            make_rtstruct(reference, wrong, producer, uid_seed=seed)
        assert refused.value.code is ErrorCode.E_PARAMETERS
    assert make_rtstruct(reference, structures[:1], producer, uid_seed=seed)


@pytest.mark.skipif(not PLASTIMATCH.exists(), reason="plastimatch is not installed")
@pytest.mark.parametrize("rule", [[], ["--xor-contours"]], ids=["or", "xor"])
def test_plastimatch_rasterises_the_very_same_voxels(
    rule: list[str],
    octets: bytes,
    structures: list[StructureMask],
    ct_folder: Path,
    tmp_path: Path,
) -> None:
    file = tmp_path / "rtstruct.dcm"
    file.write_bytes(octets)

    subprocess.run(
        [
            str(PLASTIMATCH),
            "convert",
            f"--input={file}",
            f"--referenced-ct={ct_folder}",
            f"--output-prefix={tmp_path / 'out'}",
            "--prefix-format=mha",
            *rule,
        ],
        check=True,
        capture_output=True,
        cwd=tmp_path,
    )

    names = ("External", "Lung_L", "Lung_R")
    for structure, name in zip(structures, names, strict=False):
        image = SimpleITK.ReadImage(str(tmp_path / "out" / f"{name}.mha"))
        np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image) > 0, structure.mask)


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
def test_dciodvfy_finds_no_error(octets: bytes, tmp_path: Path) -> None:
    file = tmp_path / "rtstruct.dcm"
    file.write_bytes(octets)

    run = subprocess.run(
        ["dciodvfy", "-new", str(file)], capture_output=True, text=True, check=False
    )

    assert "RTStructureSet" in run.stderr
    assert [line for line in run.stderr.splitlines() if line.startswith("Error")] == []


def test_contours_larger_than_those_of_any_patient_are_refused(
    reference: ReferenceSeries,
    structures: list[StructureMask],
    producer: Producer,
    seed: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    noise = np.random.default_rng(1).random(structures[0].mask.shape) < 0.5
    masks = [StructureMask(key=structures[0].key, mask=noise)]
    octets = make_rtstruct(reference, masks, producer, uid_seed=seed)
    assert len(octets) > 5 * noise.size  # within the 16 MiB that are free to any

    monkeypatch.setattr(rtstruct, "_MOST_BYTES", 0)
    with pytest.raises(EncryptSecureRTError) as refusal:
        make_rtstruct(reference, masks, producer, uid_seed=seed)
    assert refusal.value.code is ErrorCode.E_TOO_LARGE
