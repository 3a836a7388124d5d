"""DICOM Segmentation from masks (PS3.3 A.51), BINARY.

Every structure is described as a segment, in the order given; slices without a voxel of it have
no frame, as usual. If nothing has a voxel there is no legal object (one frame at least is
needed), so none is made.

highdicom writes everything but the frames: a template of one slice goes through its checks of
modules, segment descriptions and codes. The frames are added here, one by one, since its
constructor wants all masks as one array, takes 3 s and 500 MB more for 512 x 512 x 200 x 4, and
cannot be interrupted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import highdicom as hd
import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import ExplicitVRLittleEndian

from encryptsecurert_rt.geometry import ImageGrid
from encryptsecurert_rt.progress import Progress, no_progress
from encryptsecurert_worker.dicom.results import modules
from encryptsecurert_worker.dicom.results.context import (
    Producer,
    ReferenceSeries,
    StructureMask,
    check_structures,
    derived_uid,
)
from encryptsecurert_worker.dicom.results.vocabulary import CodedTerm, term

_SOURCE_IMAGE = CodedTerm(
    value="121322", meaning="Source image for image processing operation", scheme="DCM"
)
_SEGMENTATION = CodedTerm(value="113076", meaning="Segmentation", scheme="DCM")
_STUB_NAME = "Stub^Stub"  # highdicom warns, with the value, of a name of one part


@dataclass(frozen=True, slots=True)
class _Frame:
    """One frame: segment number and slice, both as they are used in the object."""

    segment: int
    k: int
    pixels: npt.NDArray[np.bool_]


def make_seg(
    reference: ReferenceSeries,
    structures: Sequence[StructureMask],
    producer: Producer,
    *,
    uid_seed: bytes,
    progress: Progress = no_progress,
) -> bytes | None:
    """Return the octets of a Segmentation file, or None if every mask is empty.

    Parameters
    ----------
    reference : ReferenceSeries
        The protected series that the masks lie on.
    structures : sequence of StructureMask
        Each bool (k, j, i) on the grid of `reference`; segment numbers follow this order from 1.
    producer : Producer
        The worker.
    uid_seed : bytes
        At least 16 octets; the same input and seed give the same octets.
    progress : Progress
        Called once a slice; what it raises ends the work.

    Raises
    ------
    EncryptSecureRTError
        E_PARAMETERS if masks do not fit the series or each other.
    """
    check_structures(reference, structures)
    progress("segmentation", 0.0)
    occupied = [np.flatnonzero(s.mask.any(axis=(1, 2))) for s in structures]
    if not any(slices.size for slices in occupied):
        return None
    frames = [
        _Frame(number, int(k), structure.mask[k])
        for number, (structure, slices) in enumerate(
            zip(structures, occupied, strict=True), start=1
        )
        for k in slices
    ]
    ds = _template(reference, structures, producer, uid_seed)
    _fix_identity(ds, reference, producer, uid_seed)
    progress("segmentation", 0.1)
    _write_frames(ds, reference, frames, progress)
    ds.SegmentsOverlap = "YES" if _overlap(structures) else "NO"
    progress("write", 0.9)
    octets = modules.file_octets(ds, ExplicitVRLittleEndian)
    progress("write", 1.0)
    return octets


def _template(
    reference: ReferenceSeries,
    structures: Sequence[StructureMask],
    producer: Producer,
    uid_seed: bytes,
) -> Dataset:
    """Return highdicom's object for one full slice of each structure."""
    full = np.ones((1, *reference.grid.shape[1:], len(structures)), np.bool_)
    return Dataset(
        hd.seg.Segmentation(
            source_images=[_source_stub(reference)],
            pixel_array=full,
            segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
            segment_descriptions=[
                _description(number, structure, producer, uid_seed)
                for number, structure in enumerate(structures, start=1)
            ],
            series_instance_uid=derived_uid(uid_seed, "seg/series"),
            series_number=2,
            sop_instance_uid=derived_uid(uid_seed, "seg/instance"),
            instance_number=1,
            manufacturer=modules.MANUFACTURER,
            manufacturer_model_name=modules.labelled(modules.MODEL, producer),
            software_versions=producer.version,
            device_serial_number=modules.SERIAL,
            content_label="SEG",
            content_description=modules.labelled("EncryptSecureRT segmentation", producer),
            omit_empty_frames=True,
        )
    )


def _source_stub(reference: ReferenceSeries) -> Dataset:
    """Return what highdicom takes over from or checks in a source slice."""
    grid = reference.grid
    axes = np.asarray(grid.direction).reshape(3, 3)
    stub = Dataset()
    stub.file_meta = FileMetaDataset()
    stub.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    modules.write_patient_and_study(stub, reference)
    stub.PatientName = _STUB_NAME
    stub.SOPClassUID = reference.sop_class_uid
    stub.SOPInstanceUID = reference.sop_instance_uids[0]
    stub.SeriesInstanceUID = reference.series_instance_uid
    stub.FrameOfReferenceUID = reference.frame_of_reference_uid
    stub.PositionReferenceIndicator = ""
    stub.Modality = "CT"
    stub.Rows, stub.Columns = grid.shape[1:]
    stub.PixelSpacing = modules.decimal_strings(grid.spacing_mm[1:])
    stub.SliceThickness = modules.decimal_strings(grid.spacing_mm[:1])[0]
    stub.ImageOrientationPatient = modules.decimal_strings((*axes[:, 0], *axes[:, 1]))
    stub.ImagePositionPatient = modules.decimal_strings(grid.origin_lps_mm)
    return stub


def _description(
    number: int, structure: StructureMask, producer: Producer, uid_seed: bytes
) -> hd.seg.SegmentDescription:
    meaning = term(structure.key)
    description = hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=meaning.name,
        segmented_property_category=_code(meaning.category),
        segmented_property_type=_code(meaning.property_type),
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=hd.AlgorithmIdentificationSequence(
            name=modules.labelled("EncryptSecureRT segmentation", producer),
            family=codes.DCM.MorphologicalOperations,
            version=producer.version,
        ),
        tracking_uid=derived_uid(uid_seed, f"seg/tracking/{structure.key.value}"),
        tracking_id=meaning.name,
        display_color=hd.color.CIELabColor.from_rgb(*meaning.rgb),
    )
    if meaning.laterality is not None:
        kind = description.SegmentedPropertyTypeCodeSequence[0]
        kind.SegmentedPropertyTypeModifierCodeSequence = DicomSequence(
            [modules.code_item(meaning.laterality)]
        )
    return description


def _code(coded: CodedTerm) -> Code:
    return Code(coded.value, coded.scheme, coded.meaning)


def _fix_identity(
    ds: Dataset, reference: ReferenceSeries, producer: Producer, uid_seed: bytes
) -> None:
    """Replace what highdicom took from the stub, the clock and random numbers."""
    modules.write_patient_and_study(ds, reference)
    modules.write_equipment(ds, producer)
    ds.SeriesDescription = modules.labelled("EncryptSecureRT segmentation", producer)
    del ds.InstanceCreationDate, ds.InstanceCreationTime
    ds.ContentDate = modules.FIXED_DATE
    ds.ContentTime = modules.FIXED_TIME
    ds.ContentCreatorName = ""
    organization = derived_uid(uid_seed, "seg/dimensions")
    for item in (*ds.DimensionOrganizationSequence, *ds.DimensionIndexSequence):
        item.DimensionOrganizationUID = organization
    measures = ds.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    measures.SpacingBetweenSlices = modules.decimal_strings(reference.grid.spacing_mm[:1])[0]
    series = ds.ReferencedSeriesSequence[0]
    series.ReferencedInstanceSequence = DicomSequence(modules.image_references(reference))


def _write_frames(
    ds: Dataset, reference: ReferenceSeries, frames: Sequence[_Frame], progress: Progress
) -> None:
    """Set the per-frame functional groups and the pixels (C.7.6.16, C.8.20.2)."""
    used = sorted({frame.k for frame in frames})
    index_of = {k: index for index, k in enumerate(used, start=1)}
    ds.NumberOfFrames = len(frames)
    ds.PerFrameFunctionalGroupsSequence = DicomSequence(
        _frame_groups(frame, index_of[frame.k], reference) for frame in frames
    )
    pixels = bytearray()
    for done, packed in _packed(frames):
        pixels += packed
        progress("segmentation", 0.1 + 0.8 * done / len(frames))
    pixels += bytes(len(pixels) % 2)
    ds.PixelData = bytes(pixels)


def _packed(frames: Sequence[_Frame]) -> Iterator[tuple[int, bytes]]:
    """Yield (frames done, octets): one bit a pixel, lowest bit first, without gaps (PS3.5 8.1.1).

    Eight frames at a time fill whole octets, whatever their size.
    """
    for start in range(0, len(frames), 8):
        group = [frame.pixels.ravel() for frame in frames[start : start + 8]]
        packed = np.packbits(np.concatenate(group), bitorder="little")
        yield start + len(group), packed.tobytes()


def _frame_groups(frame: _Frame, position_index: int, reference: ReferenceSeries) -> Dataset:
    source = modules.sop_reference(reference.sop_class_uid, reference.sop_instance_uids[frame.k])
    source.SpatialLocationsPreserved = "YES"
    source.PurposeOfReferenceCodeSequence = DicomSequence([modules.code_item(_SOURCE_IMAGE)])
    derivation = Dataset()
    derivation.SourceImageSequence = DicomSequence([source])
    derivation.DerivationCodeSequence = DicomSequence([modules.code_item(_SEGMENTATION)])
    content = Dataset()
    content.DimensionIndexValues = [frame.segment, position_index]
    position = Dataset()
    position.ImagePositionPatient = _slice_origin(reference.grid, frame.k)
    segment = Dataset()
    segment.ReferencedSegmentNumber = frame.segment
    groups = Dataset()
    groups.DerivationImageSequence = DicomSequence([derivation])
    groups.FrameContentSequence = DicomSequence([content])
    groups.PlanePositionSequence = DicomSequence([position])
    groups.SegmentIdentificationSequence = DicomSequence([segment])
    return groups


def _slice_origin(grid: ImageGrid, k: int) -> list[str]:
    x, y, z, _ = (grid.ijk_to_lps @ (0.0, 0.0, k, 1.0)).tolist()
    return modules.decimal_strings((x, y, z))


def _overlap(structures: Sequence[StructureMask]) -> bool:
    """Return whether a voxel lies in two structures."""
    for planes in zip(*(structure.mask for structure in structures), strict=True):
        taken = planes[0].copy()
        for plane in planes[1:]:
            if bool((taken & plane).any()):
                return True
            taken |= plane
    return False
