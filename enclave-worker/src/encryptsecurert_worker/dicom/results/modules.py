"""The DICOM modules that every result shares, and the writing of the file itself.

No clock: type 2 dates stay empty, type 1 dates are `FIXED_DATE`, and there are no creation
stamps, so the same job gives the same octets. All text is fixed words of ours in ASCII.
"""

import io
from collections.abc import Iterable, Sequence

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import UID

from encryptsecurert_worker.dicom.implementation import (
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
)
from encryptsecurert_worker.dicom.results.context import OfPatient, Producer, ReferenceSeries
from encryptsecurert_worker.dicom.results.vocabulary import CodedTerm

FIXED_DATE = "19000101"
FIXED_TIME = "000000"
MANUFACTURER = "EncryptSecureRT"
MODEL = "EncryptSecureRT worker"
SERIAL = "none"  # a worker is an image, not a device: its measurement is a software version
SIMULATED = "SIMULATED - not protected"


def labelled(text: str, producer: Producer) -> str:
    """Return a description, with the mark of simulation before it if there is one."""
    return f"SIMULATED {text}" if producer.simulated else text


def software_versions(producer: Producer) -> list[str]:
    """Return the values of Software Versions: version, measurement, mark of simulation."""
    values = [producer.version, producer.measurement]
    return [*values, SIMULATED] if producer.simulated else values


def code_item(term: CodedTerm) -> Dataset:
    """Return a code sequence item (PS3.3 8.8)."""
    item = Dataset()
    item.CodeValue = term.value
    item.CodingSchemeDesignator = term.scheme
    item.CodeMeaning = term.meaning
    return item


def write_patient_and_study(ds: Dataset, reference: OfPatient) -> None:
    """Set Patient (C.7.1.1), General Study (C.7.2.1) and the marks of the protected form."""
    ds.PatientName = reference.patient_pseudonym
    ds.PatientID = reference.patient_pseudonym
    ds.PatientBirthDate = ""
    ds.PatientSex = ""
    ds.PatientIdentityRemoved = "YES"
    ds.DeidentificationMethod = "EncryptSecureRT protected input"
    ds.LongitudinalTemporalInformationModified = "REMOVED"
    ds.StudyInstanceUID = reference.study_instance_uid
    ds.StudyDate = ""
    ds.StudyTime = ""
    ds.ReferringPhysicianName = ""
    ds.StudyID = ""
    ds.AccessionNumber = ""


def write_equipment(ds: Dataset, producer: Producer) -> None:
    """Set General Equipment (C.7.5.1) and name the worker as contributor (C.12.1)."""
    ds.Manufacturer = MANUFACTURER
    ds.ManufacturerModelName = labelled(MODEL, producer)
    ds.DeviceSerialNumber = SERIAL
    ds.SoftwareVersions = software_versions(producer)
    contributor = Dataset()
    contributor.PurposeOfReferenceCodeSequence = DicomSequence(
        [code_item(CodedTerm(value="109102", meaning="Processing Equipment", scheme="DCM"))]
    )
    contributor.Manufacturer = MANUFACTURER
    contributor.ManufacturerModelName = labelled(MODEL, producer)
    contributor.SoftwareVersions = software_versions(producer)
    contributor.ContributionDescription = labelled("Made in the attested worker", producer)
    ds.ContributingEquipmentSequence = DicomSequence([contributor])


def sop_reference(sop_class_uid: str, sop_instance_uid: str) -> Dataset:
    """Return an item that refers to one instance (PS3.3 10.8)."""
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class_uid
    item.ReferencedSOPInstanceUID = sop_instance_uid
    return item


def image_references(reference: ReferenceSeries) -> Iterable[Dataset]:
    """Yield a reference to each slice, in the order of k."""
    for uid in reference.sop_instance_uids:
        yield sop_reference(reference.sop_class_uid, uid)


def decimal_strings(values: Sequence[float]) -> list[str]:
    """Return numbers as decimal strings (DS) of ten digits: at most 16 characters."""
    return [f"{value + 0.0:.10g}" for value in values]


def file_octets(ds: Dataset, transfer_syntax: UID) -> bytes:
    """Return the PS3.10 file of a data set: empty preamble, our own file meta information."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ds.SOPClassUID
    meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    meta.TransferSyntaxUID = transfer_syntax
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    ds.file_meta = meta
    ds.preamble = bytes(128)
    buffer = io.BytesIO()
    dcmwrite(buffer, ds, enforce_file_format=True)
    return buffer.getvalue()
