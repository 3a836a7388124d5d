"""RT Structure Set from masks (PS3.3 A.19).

Implicit VR Little Endian, since the explicit form cannot hold a contour of more than 64 KiB of
text. One ROI for each structure; an empty structure is an ROI without contours, so that a reader
sees that it was looked for. Every contour names the slice that it lies on.
"""

from collections.abc import Sequence

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import ImplicitVRLittleEndian, RTStructureSetStorage

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import MIB
from encryptsecurert_rt.progress import Progress, no_progress
from encryptsecurert_worker.dicom.results import modules
from encryptsecurert_worker.dicom.results.context import (
    Producer,
    ReferenceSeries,
    StructureMask,
    check_structures,
    derived_uid,
)
from encryptsecurert_worker.dicom.results.contour_items import (
    contour_item,
    mark_as_encoded,
    set_contours,
)
from encryptsecurert_worker.dicom.results.contours import slice_polygons, to_patient
from encryptsecurert_worker.dicom.results.vocabulary import Term, term

_DETACHED_STUDY = "1.2.840.10008.3.1.2.3.1"  # retired, and what every planning system writes
_NOTICE = "Research use. Not for clinical use without review."
_TRACING_SHARE = 0.95  # of the whole time
# Contours of real CTs take 0.1 (0.8 mm pixels) to 1.3 octets (3 mm) a voxel; those of noise 20.
_MOST_BYTES, _MOST_BYTES_PER_VOXEL = 16 * MIB, 4


def make_rtstruct(
    reference: ReferenceSeries,
    structures: Sequence[StructureMask],
    producer: Producer,
    *,
    uid_seed: bytes,
    progress: Progress = no_progress,
) -> bytes:
    """Return the octets of an RT Structure Set file.

    Parameters
    ----------
    reference : ReferenceSeries
        The protected series that the masks lie on.
    structures : sequence of StructureMask
        Each bool (k, j, i) on the grid of `reference`; ROI numbers follow this order from 1.
    producer : Producer
        The worker.
    uid_seed : bytes
        At least 16 octets; the same input and seed give the same octets.
    progress : Progress
        Called once a slice and structure; what it raises ends the work.

    Raises
    ------
    EncryptSecureRTError
        E_PARAMETERS if masks do not fit the series or each other; E_TOO_LARGE if the contours
        take more than 16 MiB and 4 octets a voxel, as only those of noise do.
    """
    check_structures(reference, structures)
    ds = Dataset()
    ds.SOPClassUID = RTStructureSetStorage
    ds.SOPInstanceUID = derived_uid(uid_seed, "rtstruct/instance")
    modules.write_patient_and_study(ds, reference)
    modules.write_equipment(ds, producer)
    ds.Modality = "RTSTRUCT"
    ds.SeriesInstanceUID = derived_uid(uid_seed, "rtstruct/series")
    ds.SeriesNumber = 1
    ds.SeriesDescription = modules.labelled("EncryptSecureRT structures", producer)
    ds.OperatorsName = ""
    ds.FrameOfReferenceUID = reference.frame_of_reference_uid
    ds.PositionReferenceIndicator = ""
    _write_structure_set(ds, reference, structures, producer)
    _write_contours(ds, reference, structures, progress)
    _write_observations(ds, structures)
    ds.ApprovalStatus = "UNAPPROVED"
    progress("write", _TRACING_SHARE)
    octets = modules.file_octets(ds, ImplicitVRLittleEndian)
    progress("write", 1.0)
    return octets


def _write_structure_set(
    ds: Dataset,
    reference: ReferenceSeries,
    structures: Sequence[StructureMask],
    producer: Producer,
) -> None:
    """Set Structure Set (C.8.8.5)."""
    ds.InstanceNumber = 1
    ds.StructureSetLabel = "SIMULATED" if producer.simulated else "RTSTRUCT"  # SH: 16 characters
    ds.StructureSetName = modules.labelled("EncryptSecureRT structures", producer)
    ds.StructureSetDescription = modules.labelled(_NOTICE, producer)
    ds.StructureSetDate = ""
    ds.StructureSetTime = ""
    series = Dataset()
    series.SeriesInstanceUID = reference.series_instance_uid
    series.ContourImageSequence = DicomSequence(modules.image_references(reference))
    study = modules.sop_reference(_DETACHED_STUDY, reference.study_instance_uid)
    study.RTReferencedSeriesSequence = DicomSequence([series])
    frame = Dataset()
    frame.FrameOfReferenceUID = reference.frame_of_reference_uid
    frame.RTReferencedStudySequence = DicomSequence([study])
    ds.ReferencedFrameOfReferenceSequence = DicomSequence([frame])
    rois = []
    for number, structure in enumerate(structures, start=1):
        roi = Dataset()
        roi.ROINumber = number
        roi.ReferencedFrameOfReferenceUID = reference.frame_of_reference_uid
        roi.ROIName = term(structure.key).name
        volume_cc = np.count_nonzero(structure.mask) * reference.grid.voxel_volume_cc
        roi.ROIVolume = f"{volume_cc:.10g}"  # cm3
        roi.ROIGenerationAlgorithm = "AUTOMATIC"
        rois.append(roi)
    ds.StructureSetROISequence = DicomSequence(rois)


def _write_contours(
    ds: Dataset,
    reference: ReferenceSeries,
    structures: Sequence[StructureMask],
    progress: Progress,
) -> None:
    """Set ROI Contour (C.8.8.6)."""
    slices = reference.grid.shape[0]
    total = slices * len(structures)
    left_bytes = _MOST_BYTES + _MOST_BYTES_PER_VOXEL * structures[0].mask.size
    items = []
    for number, structure in enumerate(structures, start=1):
        item = Dataset()
        item.ReferencedROINumber = number
        item.ROIDisplayColor = list(term(structure.key).rgb)
        contours: list[bytes] = []
        for k in range(slices):
            progress("contours", _TRACING_SHARE * ((number - 1) * slices + k) / total)
            for polygon in slice_polygons(structure.mask[k]):
                points = to_patient(polygon, k, reference.grid)
                contours.append(
                    contour_item(
                        points,
                        number=len(contours) + 1,
                        sop_class_uid=reference.sop_class_uid,
                        sop_instance_uid=reference.sop_instance_uids[k],
                    )
                )
                left_bytes -= len(contours[-1])
                if left_bytes < 0:
                    raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE, "contours of noise")
        if contours:
            set_contours(item, contours)
        items.append(item)
    ds.ROIContourSequence = DicomSequence(items)
    mark_as_encoded(ds)


def _write_observations(ds: Dataset, structures: Sequence[StructureMask]) -> None:
    """Set RT ROI Observations (C.8.8.8)."""
    observations = []
    for number, structure in enumerate(structures, start=1):
        meaning = term(structure.key)
        observation = Dataset()
        observation.ObservationNumber = number
        observation.ReferencedROINumber = number
        observation.ROIObservationLabel = meaning.name
        observation.SegmentedPropertyCategoryCodeSequence = DicomSequence(
            [modules.code_item(meaning.category)]
        )
        observation.RTROIIdentificationCodeSequence = DicomSequence([_identification(meaning)])
        observation.RTROIInterpretedType = meaning.interpreted_type.value
        observation.ROIInterpreter = ""
        observations.append(observation)
    ds.RTROIObservationsSequence = DicomSequence(observations)


def _identification(meaning: Term) -> Dataset:
    item = modules.code_item(meaning.property_type)
    if meaning.laterality is not None:
        item.SegmentedPropertyTypeModifierCodeSequence = DicomSequence(
            [modules.code_item(meaning.laterality)]
        )
    return item
