"""Segmentation: what it says, and that highdicom, SimpleITK and our client read the same voxels."""

import io
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
import SimpleITK
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, SegmentationStorage

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_rt.errors import Cancelled
from encryptsecurert_worker.dicom.results import (
    Producer,
    ReferenceSeries,
    StructureMask,
    make_seg,
)
from EncryptSecureRTLib.client.segments import masks_from_seg, read_seg


def read(octets: bytes) -> Dataset:
    return pydicom.dcmread(io.BytesIO(octets))


@pytest.fixture
def octets(
    reference: ReferenceSeries, structures: list[StructureMask], producer: Producer, seed: bytes
) -> bytes:
    made = make_seg(reference, structures, producer, uid_seed=seed)
    assert made is not None
    return made


def test_segments_carry_names_codes_colours_and_algorithm(octets: bytes) -> None:
    ds = read(octets)

    assert ds.file_meta.MediaStorageSOPClassUID == ds.SOPClassUID == SegmentationStorage
    assert ds.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert ds.SegmentationType == "BINARY"
    labels = [segment.SegmentLabel for segment in ds.SegmentSequence]
    assert labels == ["External", "Lung_L", "Lung_R", "Bone"]
    lung = ds.SegmentSequence[2]
    assert lung.SegmentedPropertyCategoryCodeSequence[0].CodeValue == "91723000"
    kind = lung.SegmentedPropertyTypeCodeSequence[0]
    assert kind.CodeValue == "39607008"
    assert kind.SegmentedPropertyTypeModifierCodeSequence[0].CodeValue == "24028007"
    assert lung.SegmentAlgorithmType == "AUTOMATIC"
    assert len(lung.RecommendedDisplayCIELabValue) == 3


def test_highdicom_reads_the_same_voxels_by_source_slice(
    octets: bytes, reference: ReferenceSeries, structures: list[StructureMask]
) -> None:
    seg = hd.seg.segread(io.BytesIO(octets))

    pixels = seg.get_pixels_by_source_instance(
        list(reference.sop_instance_uids),
        segment_numbers=[1, 2, 3, 4],
        assert_missing_frames_are_empty=True,
    )

    expected = np.stack([s.mask for s in structures], axis=-1)
    np.testing.assert_array_equal(pixels.astype(bool), expected)


def test_highdicom_finds_the_same_geometry(octets: bytes, reference: ReferenceSeries) -> None:
    volume = hd.seg.segread(io.BytesIO(octets)).get_volume(segment_numbers=[1])

    # highdicom may count slices from the other end: compare the corners as sets of points.
    shape = np.array(volume.spatial_shape)
    ours = reference.grid.ijk_to_lps
    corners = np.array(np.meshgrid([0, 1], [0, 1], [0, 1])).reshape(3, -1).T
    theirs = volume.map_indices_to_reference(corners * (shape - 1))
    kji = corners * (np.array(reference.grid.shape) - 1)
    expected = kji[:, ::-1] @ ours[:3, :3].T + ours[:3, 3]
    key = np.lexsort(np.round(expected, 3).T)
    np.testing.assert_allclose(theirs[np.lexsort(np.round(theirs, 3).T)], expected[key], atol=1e-4)


def test_simpleitk_reads_the_frames(
    octets: bytes, structures: list[StructureMask], tmp_path: Path
) -> None:
    file = tmp_path / "seg.dcm"
    file.write_bytes(octets)

    frames = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(file)))

    expected = [s.mask[k] for s in structures for k in range(7) if s.mask[k].any()]
    np.testing.assert_array_equal(frames > 0, expected)


def test_our_client_reads_masks_and_colours_back(
    octets: bytes, reference: ReferenceSeries, structures: list[StructureMask]
) -> None:
    drawn = masks_from_seg(octets, reference.sop_instance_uids)

    assert [d.label for d in drawn] == ["External", "Lung_L", "Lung_R", "Bone"]
    for one, structure in zip(drawn, structures, strict=True):
        np.testing.assert_array_equal(one.mask, structure.mask)
    expected = np.array([(80, 220, 100), (90, 160, 255), (255, 140, 60), (255, 230, 130)])
    assert np.abs(np.array([d.colour for d in drawn]) - expected).max() <= 1  # rounding


def test_our_client_finds_the_grid_in_the_file_itself(
    octets: bytes, reference: ReferenceSeries
) -> None:
    seg = read_seg(octets)

    grid, truth = seg.grid, reference.grid
    assert grid.shape == truth.shape
    np.testing.assert_allclose(grid.spacing_mm, truth.spacing_mm, atol=1e-8)
    np.testing.assert_allclose(grid.origin_lps_mm, truth.origin_lps_mm, atol=1e-6)
    np.testing.assert_allclose(grid.direction, truth.direction, atol=1e-9)
    by_uids = masks_from_seg(octets, reference.sop_instance_uids)
    for ours, theirs in zip(seg.structures, by_uids, strict=True):
        np.testing.assert_array_equal(ours.mask, theirs.mask)


def _swap_two_slices(ds: Dataset) -> None:
    named = ds.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    named[2], named[3] = named[3], named[2]


def _name_a_slice_twice(ds: Dataset) -> None:
    named = ds.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    named[2] = named[3]


def _move_a_frame(ds: Dataset) -> None:
    position = ds.PerFrameFunctionalGroupsSequence[3].PlanePositionSequence[0]
    position.ImagePositionPatient = [float(x) + 0.01 for x in position.ImagePositionPatient]


def _turn_the_axes(ds: Dataset) -> None:
    plane = ds.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0]
    plane.ImageOrientationPatient = [1, 0, 0, 1, 0, 0]


@pytest.mark.parametrize(
    "change", [_swap_two_slices, _name_a_slice_twice, _move_a_frame, _turn_the_axes]
)
def test_our_client_refuses_frames_that_are_not_on_one_grid(
    octets: bytes, change: Callable[[Dataset], None]
) -> None:
    ds = read(octets)
    change(ds)
    changed = io.BytesIO()
    ds.save_as(changed)

    with pytest.raises(EncryptSecureRTError) as refused:
        read_seg(changed.getvalue())

    assert refused.value.code is ErrorCode.E_GEOMETRY
    read_seg(octets)


def test_the_object_is_what_highdicom_itself_would_make(
    octets: bytes, reference: ReferenceSeries, structures: list[StructureMask], ct_folder: Path
) -> None:
    ours = read(octets)
    made = hd.seg.Segmentation(
        source_images=_with_study(ct_folder),
        pixel_array=np.stack([s.mask for s in structures], axis=-1),
        segmentation_type="BINARY",
        segment_descriptions=[
            hd.seg.SegmentDescription.from_dataset(d) for d in ours.SegmentSequence
        ],
        series_instance_uid=ours.SeriesInstanceUID,
        series_number=2,
        sop_instance_uid=ours.SOPInstanceUID,
        instance_number=1,
        manufacturer="m",
        manufacturer_model_name="m",
        software_versions="1",
        device_serial_number="1",
    )

    file = io.BytesIO()
    made.save_as(file)
    theirs = read(file.getvalue())  # without highdicom's own classes

    assert ours.NumberOfFrames == theirs.NumberOfFrames
    assert ours.SegmentsOverlap == theirs.SegmentsOverlap
    shared, expected = (o.SharedFunctionalGroupsSequence[0] for o in (ours, theirs))
    np.testing.assert_allclose(_measures(shared), _measures(expected), atol=1e-6)
    assert _frames(ours) == _frames(theirs)


def _measures(groups: Dataset) -> list[float]:
    pixel = groups.PixelMeasuresSequence[0]
    plane = groups.PlaneOrientationSequence[0]
    return [
        float(pixel.SliceThickness),
        float(pixel.SpacingBetweenSlices),
        *map(float, pixel.PixelSpacing),
        *map(float, plane.ImageOrientationPatient),
    ]


def _with_study(ct_folder: Path) -> list[Dataset]:
    sources: list[Dataset] = [pydicom.dcmread(path) for path in sorted(ct_folder.iterdir())]
    for source in sources:
        source.PatientName = "Stub^Stub"  # highdicom warns of names of one part
        for keyword in ("PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID"):
            setattr(source, keyword, "")
        source.AccessionNumber = source.ReferringPhysicianName = ""
        source.PositionReferenceIndicator = ""
    return sources


def _frames(ds: Dataset) -> set[tuple[int, str, str, bytes]]:
    """Return (segment, slice, position, pixels) of each frame; their order is free."""
    bits = np.unpackbits(np.frombuffer(ds.PixelData, np.uint8), bitorder="little")
    size = ds.Rows * ds.Columns
    found = set()
    for at, groups in enumerate(ds.PerFrameFunctionalGroupsSequence):
        source = groups.DerivationImageSequence[0].SourceImageSequence[0]
        position = np.round(np.array(groups.PlanePositionSequence[0][0x200032].value, float), 4)
        found.add(
            (
                groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber,
                source.ReferencedSOPInstanceUID,
                str((position + 0.0).tolist()),
                bits[at * size : (at + 1) * size].tobytes(),
            )
        )
    return found


def test_an_empty_structure_is_described_but_has_no_frame(octets: bytes) -> None:
    ds = read(octets)

    with_frames = {
        groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        for groups in ds.PerFrameFunctionalGroupsSequence
    }
    assert with_frames == {1, 2, 3}
    assert len(ds.SegmentSequence) == 4


def test_nothing_found_makes_no_object(
    reference: ReferenceSeries, structures: list[StructureMask], producer: Producer, seed: bytes
) -> None:
    assert make_seg(reference, structures[3:], producer, uid_seed=seed) is None
    assert make_seg(reference, structures[2:], producer, uid_seed=seed) is not None


def test_the_same_input_gives_the_same_octets_and_no_clock_is_read(
    octets: bytes,
    reference: ReferenceSeries,
    structures: list[StructureMask],
    producer: Producer,
    seed: bytes,
) -> None:
    ds = read(octets)

    assert make_seg(reference, structures, producer, uid_seed=seed) == octets
    stamps = {e.value for e in ds.iterall() if e.VR in ("DA", "TM", "DT") and e.value}
    assert stamps == {"19000101", "000000"}
    uids = {str(e.value) for e in ds.iterall() if e.VR == "UI"}
    assert all(uid.startswith(("2.25.", "1.2.840.10008.")) for uid in uids)


def test_it_is_marked_as_the_protected_form(octets: bytes, reference: ReferenceSeries) -> None:
    ds = read(octets)

    assert ds.PatientID == ds.PatientName == reference.patient_pseudonym
    assert ds.PatientIdentityRemoved == "YES"
    assert ds.ContentCreatorName == ""
    referenced = ds.ReferencedSeriesSequence[0]
    assert referenced.SeriesInstanceUID == reference.series_instance_uid
    named = [i.ReferencedSOPInstanceUID for i in referenced.ReferencedInstanceSequence]
    assert named == list(reference.sop_instance_uids)


def test_a_simulated_worker_marks_what_it_makes(
    reference: ReferenceSeries,
    structures: list[StructureMask],
    simulated_producer: Producer,
    octets: bytes,
    seed: bytes,
) -> None:
    made = make_seg(reference, structures, simulated_producer, uid_seed=seed)
    assert made is not None
    ds = read(made)

    assert ds.SeriesDescription.startswith("SIMULATED")
    assert ds.ContentDescription.startswith("SIMULATED")
    assert ds.ManufacturerModelName.startswith("SIMULATED")
    assert b"SIMULATED" not in octets


def test_progress_can_cancel_at_every_step(
    reference: ReferenceSeries, structures: list[StructureMask], producer: Producer, seed: bytes
) -> None:
    heard: list[float] = []

    def listen(stage: str, fraction: float) -> None:
        heard.append(fraction)

    make_seg(reference, structures, producer, uid_seed=seed, progress=listen)
    assert heard == sorted(heard)
    assert heard[-1] == 1.0

    for step in range(len(heard)):
        left = [step]

        def stop(stage: str, fraction: float, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise Cancelled

        with pytest.raises(Cancelled):
            make_seg(reference, structures, producer, uid_seed=seed, progress=stop)


def test_masks_that_do_not_fit_are_refused(
    reference: ReferenceSeries, structures: list[StructureMask], producer: Producer, seed: bytes
) -> None:
    cut = [StructureMask(key=structures[0].key, mask=structures[0].mask[:, :-1])]

    with pytest.raises(EncryptSecureRTError) as refused:
        make_seg(reference, cut, producer, uid_seed=seed)

    assert refused.value.code is ErrorCode.E_PARAMETERS


def test_our_client_refuses_masks_of_another_series(octets: bytes) -> None:
    with pytest.raises(EncryptSecureRTError) as refused:
        masks_from_seg(octets, ["2.25.1", "2.25.2"])

    assert refused.value.code is ErrorCode.E_GEOMETRY


def test_our_client_refuses_a_cut_or_foreign_file_without_other_errors(
    octets: bytes, reference: ReferenceSeries
) -> None:
    for length in (0, 131, 140, 400, 1000, 4000, len(octets) // 2, len(octets) - 200):
        with pytest.raises(EncryptSecureRTError) as refused:
            masks_from_seg(octets[:length], reference.sop_instance_uids)
        assert refused.value.code is ErrorCode.E_DICOM
        with pytest.raises(EncryptSecureRTError) as refused:
            read_seg(octets[:length])
        # A coordinate that is cut is another coordinate.
        assert refused.value.code in {ErrorCode.E_DICOM, ErrorCode.E_GEOMETRY}


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
def test_dciodvfy_finds_no_error(octets: bytes, tmp_path: Path) -> None:
    file = tmp_path / "seg.dcm"
    file.write_bytes(octets)

    run = subprocess.run(
        ["dciodvfy", "-new", str(file)], capture_output=True, text=True, check=False
    )

    assert "Segmentation" in run.stderr
    assert [line for line in run.stderr.splitlines() if line.startswith("Error")] == []
