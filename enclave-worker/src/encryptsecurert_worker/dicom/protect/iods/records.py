"""Allow-lists of treatment records: external beams, ions, brachytherapy (PS3.3 A.30, A.31, A.50).

What was specified and delivered stays; when, on which machine, by whom and with which remarks
does not. Dates that an object must have are the same day for everybody, or moved where that is
chosen.
"""

from encryptsecurert_worker.dicom.protect.iods.beams import (
    BEAM,
    CHANNEL,
    DELIVERY_TYPES,
    DEVICE_TYPES,
    DOSIMETER_UNITS,
    MACHINE,
    PATIENT_SETUP,
    POSITIONS,
    SETUP_TYPES,
    SOURCE,
    TREATMENT_TECHNIQUES,
    TREATMENT_TYPES,
    WEDGE_TYPES,
)
from encryptsecurert_worker.dicom.protect.iods.iod import Iod, Pixels
from encryptsecurert_worker.dicom.protect.iods.ion_plan import ION_BEAM, ION_POSITIONS
from encryptsecurert_worker.dicom.protect.iods.modules import (
    ANY_OBJECT,
    COMMON_INSTANCE_REFERENCES,
    REFERENCE,
    sop_class,
)
from encryptsecurert_worker.dicom.protect.iods.rows import (
    ONE,
    ONE_IF,
    THREE,
    TWO,
    TWO_IF,
    Rows,
    because,
    dates,
    empty,
    fixed_dates,
    items,
    label,
    numbers,
    table,
    term,
)

RT_BEAMS_RECORD_STORAGE = b"1.2.840.10008.5.1.4.1.1.481.4"
RT_BRACHY_RECORD_STORAGE = b"1.2.840.10008.5.1.4.1.1.481.6"
RT_ION_BEAMS_RECORD_STORAGE = b"1.2.840.10008.5.1.4.1.1.481.9"

_GENERAL = table(
    ANY_OBJECT,
    term(ONE, "Modality", "RTRECORD", "RTRECORD"),
    empty(TWO, "OperatorsName"),
    dates(TWO, "TreatmentDate", "TreatmentTime"),
    numbers(ONE, "InstanceNumber"),
    numbers(TWO, "NumberOfFractionsPlanned"),
    term(ONE_IF, "PrimaryDosimeterUnit", DOSIMETER_UNITS),
    items(TWO, "ReferencedRTPlanSequence", REFERENCE),
    items(THREE, "ReferencedTreatmentRecordSequence", REFERENCE),
    items(
        ONE,
        "TreatmentMachineSequence",
        MACHINE,
        empty(TWO, "InstitutionName", "DeviceSerialNumber"),
        because("", empty(TWO, "Manufacturer", "ManufacturerModelName")),
    ),
    PATIENT_SETUP,
    COMMON_INSTANCE_REFERENCES,
)
_SESSION = table(
    numbers(TWO, "CurrentFractionNumber"),
    term(ONE, "TreatmentTerminationStatus", "NORMAL OPERATOR MACHINE UNKNOWN", "UNKNOWN"),
    term(TWO, "TreatmentVerificationStatus", "VERIFIED VERIFIED_OVR NOT_VERIFIED"),
    term(TWO, "TreatmentDeliveryType", DELIVERY_TYPES),
)
_METERSETS = table(
    numbers(THREE, "SpecifiedPrimaryMeterset", "SpecifiedSecondaryMeterset"),
    numbers(THREE, "DeliveredPrimaryMeterset", "DeliveredSecondaryMeterset"),
    numbers(THREE, "SpecifiedTreatmentTime", "DeliveredTreatmentTime"),
)
_DELIVERED = table(
    fixed_dates(ONE, "TreatmentControlPointDate", "TreatmentControlPointTime"),
    numbers(TWO, "SpecifiedMeterset", "DoseRateDelivered", "DoseRateSet"),
    numbers(ONE, "DeliveredMeterset"),
    term(ONE_IF, "NominalBeamEnergyUnit", "MV MEV"),
    numbers(THREE, "ReferencedControlPointIndex"),
)
_LEAF_PAIRS = items(
    ONE_IF,
    "BeamLimitingDeviceLeafPairsSequence",
    term(ONE, "RTBeamLimitingDeviceType", DEVICE_TYPES),
    numbers(ONE, "NumberOfLeafJawPairs"),
)
_WEDGES = items(
    ONE_IF,
    "RecordedWedgeSequence",
    numbers(ONE_IF, "WedgeNumber"),
    term(TWO, "WedgeType", WEDGE_TYPES),
    numbers(TWO_IF, "WedgeAngle", "WedgeOrientation"),
)
_REFERENCED_BEAM = table(
    numbers(THREE, "ReferencedBeamNumber", "ReferencedPatientSetupNumber"),
    label(THREE, "BeamName", "BEAM", "ReferencedBeamNumber"),
)

_BEAM_SESSION = items(
    ONE,
    "TreatmentSessionBeamSequence",
    BEAM,
    _SESSION,
    _METERSETS,
    _REFERENCED_BEAM,
    numbers(TWO, "NumberOfWedges", "NumberOfCompensators", "NumberOfBoli", "NumberOfBlocks"),
    numbers(THREE, "SourceAxisDistance"),
    _LEAF_PAIRS,
    _WEDGES,
    items(THREE, "ReferencedBolusSequence", numbers(ONE, "ReferencedROINumber")),
    items(
        ONE,
        "ControlPointDeliverySequence",
        POSITIONS,
        _DELIVERED,
    ),
)
_ION_SESSION = items(
    ONE,
    "TreatmentSessionIonBeamSequence",
    ION_BEAM,
    _SESSION,
    _METERSETS,
    _REFERENCED_BEAM,
    _LEAF_PAIRS,
    _WEDGES,
    items(
        ONE,
        "IonControlPointDeliverySequence",
        ION_POSITIONS,
        _DELIVERED,
        numbers(ONE_IF, "ScanSpotMetersetsDelivered", "ScanSpotPrescribedIndices"),
        numbers(THREE, "MetersetRateDelivered"),
    ),
)
_BRACHY_SESSION = items(
    ONE,
    "TreatmentSessionApplicationSetupSequence",
    _SESSION,
    term(ONE_IF, "ApplicationSetupType", SETUP_TYPES),
    numbers(ONE, "TotalReferenceAirKerma"),
    numbers(THREE, "ReferencedBrachyApplicationSetupNumber"),
    items(
        ONE,
        "RecordedChannelSequence",
        CHANNEL,
        numbers(ONE, "SpecifiedChannelTotalTime", "DeliveredChannelTotalTime"),
        numbers(ONE_IF, "SpecifiedNumberOfPulses", "DeliveredNumberOfPulses"),
        numbers(ONE_IF, "SpecifiedPulseRepetitionInterval", "DeliveredPulseRepetitionInterval"),
        fixed_dates(ONE_IF, "SafePositionExitDate", "SafePositionExitTime"),
        fixed_dates(ONE_IF, "SafePositionReturnDate", "SafePositionReturnTime"),
        items(
            ONE,
            "BrachyControlPointDeliveredSequence",
            fixed_dates(ONE, "TreatmentControlPointDate", "TreatmentControlPointTime"),
            numbers(ONE, "ControlPointRelativePosition"),
            numbers(THREE, "ReferencedControlPointIndex"),
        ),
    ),
)
_SOURCES = items(
    ONE,
    "RecordedSourceSequence",
    SOURCE,
    empty(TWO_IF, "SourceSerialNumber", "SourceManufacturer"),
)


def _record(name: str, storage: bytes, *sessions: Rows) -> Iod:
    return Iod(
        name=name,
        sop_classes=frozenset([storage]),
        pixels=Pixels.NEVER,
        rules=table(sop_class(storage), _GENERAL, *sessions),
    )


RT_BEAMS_RECORD = _record("RT beams treatment record", RT_BEAMS_RECORD_STORAGE, _BEAM_SESSION)
RT_ION_BEAMS_RECORD = _record(
    "RT ion beams treatment record", RT_ION_BEAMS_RECORD_STORAGE, _ION_SESSION
)
RT_BRACHY_RECORD = _record(
    "RT brachy treatment record",
    RT_BRACHY_RECORD_STORAGE,
    _SOURCES,
    _BRACHY_SESSION,
    term(ONE, "BrachyTreatmentTechnique", TREATMENT_TECHNIQUES),
    term(ONE, "BrachyTreatmentType", TREATMENT_TYPES),
)
