"""A dose comparison as Comprehensive 3D SR by TID 1500 "Measurement Report" (PS3.16).

    Imaging Measurements
      whole grid            gamma, difference and agreement, with their criteria
      ROI <number>          the same within a structure
      ROI <number>          its dose-volume histogram under the reference, then the evaluated dose

Groups are of TID 1501, "Measurement and Qualitative Evaluation Group". A group of TID 1411,
"Volumetric ROI Measurements", must refer to a segment, to regions drawn on images or to a
surface, and there is none: the structures come as contours of an RT Structure Set, or as masks.
So a structure is told by its ROI Number in Tracking Identifier, and by a Tracking Unique
Identifier that is the same for the same ROI of the same structure set in every report of the job.
Both doses are the groups' source images; RT Dose is an image to SR.

A figure that is null in the comparison has no content item.

highdicom writes the document around the first group, which refers to both doses, and makes the
others; these are written one by one (`sr_writing`), since its document looks through and copies the
whole tree, which takes seconds for a hundred groups and cannot be interrupted.
"""

from collections.abc import Iterator, Sequence

import highdicom as hd
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, RTDoseStorage

from encryptsecurert_protocol.dose_results import DoseComparison
from encryptsecurert_rt.progress import Progress, no_progress
from encryptsecurert_worker.dicom.results import modules
from encryptsecurert_worker.dicom.results.context import Producer, derived_uid
from encryptsecurert_worker.dicom.results.dose_context import ComparedDoses, DoseInstance
from encryptsecurert_worker.dicom.results.dose_report_figures import (
    FigureGroup,
    Shown,
    groups_of,
)
from encryptsecurert_worker.dicom.results.dose_vocabulary import COMPARISON, UNITS
from encryptsecurert_worker.dicom.results.sr_writing import report_octets
from encryptsecurert_worker.dicom.results.vocabulary import CodedTerm

_STUB_NAME = "Stub^Stub"  # highdicom warns, with the value, of a name of one part


def make_dose_report(
    comparison: DoseComparison,
    doses: ComparedDoses,
    producer: Producer,
    *,
    uid_seed: bytes,
    progress: Progress = no_progress,
) -> bytes:
    """Return the octets of a Comprehensive 3D SR file.

    Parameters
    ----------
    comparison : DoseComparison
    doses : ComparedDoses
        What the comparison is of.
    producer : Producer
    uid_seed : at least 16 octets; the same input and seed give the same octets.
    progress : Progress
        Called once a group; what it raises ends the work.
    """
    progress("report_dicom", 0.0)
    groups = groups_of(comparison)
    ds = _document(groups[0], doses, producer, uid_seed)
    _fix_identity(ds, doses, producer)

    def items() -> Iterator[Dataset]:
        for done, group in enumerate(groups, start=1):
            yield from (Dataset(item) for item in _group(group, doses, uid_seed))
            progress("report_dicom", 0.1 + 0.8 * done / len(groups))

    octets = report_octets(ds, items())
    progress("write", 1.0)
    return octets


def _document(
    group: FigureGroup, doses: ComparedDoses, producer: Producer, uid_seed: bytes
) -> Dataset:
    """Return a report of one group, which refers to both doses."""
    report = hd.sr.MeasurementReport(
        observation_context=_observer(producer),
        procedure_reported=_code(COMPARISON),
        imaging_measurements=[_group(group, doses, uid_seed)],
        title=hd.sr.CodedConcept("126000", "DCM", "Imaging Measurement Report"),
    )
    return Dataset(
        hd.sr.Comprehensive3DSR(
            evidence=[_evidence(dose, doses) for dose in doses.instances()],
            content=report,
            series_instance_uid=derived_uid(uid_seed, "report/series"),
            series_number=5,
            sop_instance_uid=derived_uid(uid_seed, "report/instance"),
            instance_number=1,
            manufacturer=modules.MANUFACTURER,
            is_complete=True,
            is_final=False,
            is_verified=False,
        )
    )


def _group(
    group: FigureGroup, doses: ComparedDoses, uid_seed: bytes
) -> hd.sr.MeasurementsAndQualitativeEvaluations:
    tracked = f"report/tracking/{group.number or 'grid'}"
    return hd.sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(
            uid=derived_uid(uid_seed, tracked), identifier=group.label
        ),
        finding_type=_code(group.finding),
        source_images=[
            hd.sr.SourceImageForMeasurementGroup(
                referenced_sop_class_uid=RTDoseStorage,
                referenced_sop_instance_uid=dose.sop_instance_uid,
            )
            for dose in _shown(group.shown, doses)
        ],
        measurements=[
            hd.sr.Measurement(
                name=_code(figure.concept), value=figure.value, unit=_code(UNITS[figure.unit])
            )
            for figure in group.figures
        ],
        qualitative_evaluations=[
            hd.sr.QualitativeEvaluation(name=_code(name), value=_code(value))
            for name, value in group.evaluations
        ],
    )


def _shown(shown: Shown, doses: ComparedDoses) -> Sequence[DoseInstance]:
    if shown is Shown.REFERENCE:
        return (doses.reference,)
    if shown is Shown.EVALUATED:
        return (doses.evaluated,)
    return doses.instances()


def _code(term: CodedTerm) -> hd.sr.CodedConcept:
    return hd.sr.CodedConcept(term.value, term.scheme, term.meaning)


def _observer(producer: Producer) -> hd.sr.ObservationContext:
    """Return the worker as the device that observes; its UID stands for its measurement."""
    uid = derived_uid(bytes.fromhex(producer.measurement), "device observer")
    return hd.sr.ObservationContext(
        observer_device_context=hd.sr.ObserverContext(
            observer_type=hd.sr.CodedConcept("121007", "DCM", "Device"),
            observer_identifying_attributes=hd.sr.DeviceObserverIdentifyingAttributes(
                uid=uid,
                name=modules.labelled(modules.MODEL, producer),
                manufacturer_name=modules.MANUFACTURER,
                model_name=modules.labelled(modules.MODEL, producer),
            ),
        )
    )


def _evidence(dose: DoseInstance, doses: ComparedDoses) -> Dataset:
    """Return what highdicom reads of an instance that the report refers to."""
    stub = Dataset()
    stub.file_meta = FileMetaDataset()
    stub.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    modules.write_patient_and_study(stub, doses)
    stub.PatientName = _STUB_NAME
    stub.StudyInstanceUID = dose.study_instance_uid
    stub.SOPClassUID = RTDoseStorage
    stub.SOPInstanceUID = dose.sop_instance_uid
    stub.SeriesInstanceUID = dose.series_instance_uid
    stub.Modality = "RTDOSE"
    return stub


def _fix_identity(ds: Dataset, doses: ComparedDoses, producer: Producer) -> None:
    """Replace what highdicom took from the stub and the clock."""
    modules.write_patient_and_study(ds, doses)
    modules.write_equipment(ds, producer)
    ds.SeriesDescription = modules.labelled("EncryptSecureRT dose comparison", producer)
    ds.ContentQualification = "RESEARCH"
    for keyword in ("InstanceCreationDate", "InstanceCreationTime"):
        if keyword in ds:
            delattr(ds, keyword)
    ds.ContentDate, ds.ContentTime = modules.FIXED_DATE, modules.FIXED_TIME
    if "ObservationDateTime" in ds:
        del ds.ObservationDateTime
