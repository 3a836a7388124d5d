"""Which class an attribute is of: what a role sees is decided by this table alone.

In this order: private attributes; what the table names, sequences with all that is in them;
then by VR. What nothing names is `text`, the class of clinical content.
"""

from collections.abc import Mapping

from encryptsecurert_protocol.reveals import RevealClass
from encryptsecurert_worker.dicom.protect.dictionary import attribute_of

_KEYWORDS: Mapping[RevealClass, str] = {
    RevealClass.IDENTITY: """
        PatientName PatientID IssuerOfPatientID IssuerOfPatientIDQualifiersSequence TypeOfPatientID
        OtherPatientIDs OtherPatientIDsSequence OtherPatientNames PatientBirthName
        PatientMotherBirthName PatientAddress PatientTelephoneNumbers PatientTelecomInformation
        CountryOfResidence RegionOfResidence MilitaryRank BranchOfService MedicalRecordLocator
        ResponsiblePerson ResponsiblePersonRole ResponsibleOrganization
        PatientInsurancePlanCodeSequence ReferencedPatientPhotoSequence
        AccessionNumber IssuerOfAccessionNumberSequence StudyID AdmissionID
        IssuerOfAdmissionIDSequence ServiceEpisodeID IssuerOfServiceEpisodeIDSequence
        FillerOrderNumberImagingServiceRequest PlacerOrderNumberImagingServiceRequest
        RequestedProcedureID ScheduledProcedureStepID PerformedProcedureStepID
    """,
    RevealClass.DEMOGRAPHICS: """
        PatientBirthDate PatientBirthTime PatientSex PatientAge PatientSize PatientWeight
        PatientBodyMassIndex MeasuredAPDimension MeasuredLateralDimension PatientSizeCodeSequence
        EthnicGroup EthnicGroupCodeSequence Occupation PregnancyStatus SmokingStatus
        PatientReligiousPreference PatientSexNeutered LastMenstrualDate
        PatientPrimaryLanguageCodeSequence PatientSpeciesDescription PatientBreedDescription
    """,
    RevealClass.DATES: "TimezoneOffsetFromUTC",
    RevealClass.STAFF: """
        InstitutionName InstitutionAddress InstitutionCodeSequence InstitutionalDepartmentName
        StationName ReferringPhysicianAddress ReferringPhysicianTelephoneNumbers
        ReferringPhysicianIdentificationSequence PhysiciansOfRecordIdentificationSequence
        PhysiciansReadingStudyIdentificationSequence PerformingPhysicianIdentificationSequence
        OperatorIdentificationSequence PersonIdentificationCodeSequence PersonAddress
        PersonTelephoneNumbers RequestingService PerformedStationName PerformedLocation
        ScheduledStationName ScheduledPerformingPhysicianIdentificationSequence
    """,
    RevealClass.LABELS: """
        ROIName ROIDescription ROIGenerationDescription ROIObservationLabel
        ROIObservationDescription StructureSetLabel StructureSetName StructureSetDescription
        SegmentLabel SegmentDescription SegmentAlgorithmName TrackingID
        RTPlanLabel RTPlanName RTPlanDescription PrescriptionDescription BeamName BeamDescription
        DoseReferenceDescription FractionGroupDescription PatientSetupLabel DoseComment
        RTImageLabel RTImageName RTImageDescription ContentLabel ContentDescription
    """,
    RevealClass.DEVICE: """
        Manufacturer ManufacturerModelName DeviceSerialNumber SoftwareVersions DeviceUID GantryID
        DetectorID PlateID CassetteID TreatmentMachineName RadiationMachineName AccessoryCode
        BlockTrayID WedgeID CompensatorID BolusID ApplicatorID ApplicatorDescription
        ManufacturerDeviceClassUID ManufacturerDeviceIdentifier ContributingEquipmentSequence
    """,
    RevealClass.TEXT: "ContentSequence",
}
_BY_VR: Mapping[bytes, RevealClass] = {
    b"DA": RevealClass.DATES,
    b"DT": RevealClass.DATES,
    b"TM": RevealClass.DATES,
    b"PN": RevealClass.STAFF,
    b"AE": RevealClass.STAFF,
    b"UI": RevealClass.UIDS,
}


def _tags() -> dict[int, RevealClass]:
    tags: dict[int, RevealClass] = {}
    for kind, words in _KEYWORDS.items():
        for keyword in words.split():
            tag = attribute_of(keyword)[0]
            if tag in tags:
                raise ValueError(keyword)
            tags[tag] = kind
    return tags


_BY_TAG = _tags()


def named_class(tag: int) -> RevealClass | None:
    """Return the class that a tag has whatever its VR, of a sequence with all in it."""
    return RevealClass.PRIVATE if tag & 0x10000 else _BY_TAG.get(tag)


def class_of(tag: int, vr: bytes) -> RevealClass:
    """Return the class of an attribute that is no sequence."""
    return named_class(tag) or _BY_VR.get(vr, RevealClass.TEXT)
