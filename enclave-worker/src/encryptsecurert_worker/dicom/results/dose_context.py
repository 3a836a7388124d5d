"""What the results of a dose comparison are made from: two protected doses and a grid.

As in `context`: every UID is one of ours and the patient is a pseudonym, so no result can carry an
original identifier, whatever a client sends.
"""

import re
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import RTDoseStorage, RTIonPlanStorage, RTPlanStorage

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.volumes import MAPPED_UID
from encryptsecurert_rt.geometry import ImageGrid
from encryptsecurert_worker.dicom.results.context import is_pseudonym
from encryptsecurert_worker.dicom.results.modules import sop_reference

_MAPPED_UID = re.compile(MAPPED_UID)
_PLAN_CLASSES = (RTPlanStorage, RTIonPlanStorage)
_MAX_SIDE = 65535  # Rows and Columns are unsigned 16-bit


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseInstance:
    """One protected RT Dose: where it is in the patient's studies; mapped UIDs."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str

    def __post_init__(self) -> None:
        uids = (self.study_instance_uid, self.series_instance_uid, self.sop_instance_uid)
        if not all(_MAPPED_UID.fullmatch(uid) for uid in uids):
            raise EncryptSecureRTError(ErrorCode.E_NOT_PROTECTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanReference:
    """The plan that a dose is of: an RT Plan or RT Ion Plan, mapped UID."""

    sop_class_uid: str
    sop_instance_uid: str

    def __post_init__(self) -> None:
        if not _MAPPED_UID.fullmatch(self.sop_instance_uid):
            raise EncryptSecureRTError(ErrorCode.E_NOT_PROTECTED)
        if self.sop_class_uid not in _PLAN_CLASSES:
            raise EncryptSecureRTError(ErrorCode.E_PARAMETERS, "no class of a plan")


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedDoses:
    """The two doses of a comparison; results lie on the grid, and in the study, of the reference.

    Attributes
    ----------
    frame_of_reference_uid : of the reference, mapped.
    plan : of the reference, or None.
    dose_summation_type : of the reference, as in (3004,000A).
    grid : of the reference.
    """

    patient_pseudonym: str
    frame_of_reference_uid: str
    reference: DoseInstance
    evaluated: DoseInstance
    plan: PlanReference | None
    dose_summation_type: str
    grid: ImageGrid

    def __post_init__(self) -> None:
        if not _MAPPED_UID.fullmatch(self.frame_of_reference_uid):
            raise EncryptSecureRTError(ErrorCode.E_NOT_PROTECTED)
        if not is_pseudonym(self.patient_pseudonym):
            raise EncryptSecureRTError(ErrorCode.E_NOT_PROTECTED)
        if max(self.grid.shape) > _MAX_SIDE:
            raise EncryptSecureRTError(ErrorCode.E_PARAMETERS, "the grid is too large for DICOM")

    @property
    def study_instance_uid(self) -> str:
        """Where results belong."""
        return self.reference.study_instance_uid

    def instances(self) -> tuple[DoseInstance, ...]:
        """Return the reference dose, then the evaluated one if it is another."""
        if self.evaluated == self.reference:
            return (self.reference,)
        return (self.reference, self.evaluated)

    def source_items(self) -> list[Dataset]:
        """Return a reference to each instance."""
        return [sop_reference(RTDoseStorage, dose.sop_instance_uid) for dose in self.instances()]


def write_references(ds: Dataset, doses: ComparedDoses) -> None:
    """Set Common Instance Reference (C.12.2): both doses, each in its series and study."""
    others = []
    for dose in doses.instances():
        series = Dataset()
        series.SeriesInstanceUID = dose.series_instance_uid
        item = sop_reference(RTDoseStorage, dose.sop_instance_uid)
        series.ReferencedInstanceSequence = DicomSequence([item])
        others.append((dose.study_instance_uid, series))
    here = [series for study, series in others if study == doses.study_instance_uid]
    ds.ReferencedSeriesSequence = DicomSequence(here)
    elsewhere = []
    for study_uid, series in others:
        if study_uid != doses.study_instance_uid:
            study = Dataset()
            study.StudyInstanceUID = study_uid
            study.ReferencedSeriesSequence = DicomSequence([series])
            elsewhere.append(study)
    if elsewhere:
        ds.StudiesContainingOtherReferencedInstancesSequence = DicomSequence(elsewhere)
