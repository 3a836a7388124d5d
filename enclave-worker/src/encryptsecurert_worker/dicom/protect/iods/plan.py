"""Allow-list of RT Plan Storage (PS3.3 A.20): external beams and brachytherapy.

A plan is called `RTPLAN`, a beam `BEAM_<number>`; machines, trays and accessories have no name.
"""

from encryptsecurert_worker.dicom.protect.iods.beams import (
    BEAM,
    CHANNEL,
    DEVICE_TYPES,
    DOSE_REFERENCES,
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
from encryptsecurert_worker.dicom.protect.iods.modules import (
    ANY_OBJECT,
    APPROVAL,
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
    because,
    dates,
    empty,
    fixed,
    frames_of_reference,
    items,
    numbers,
    table,
    term,
    uids,
)

RT_PLAN_STORAGE = b"1.2.840.10008.5.1.4.1.1.481.5"

_PRESCRIPTION = items(
    THREE,
    "DoseReferenceSequence",
    numbers(ONE, "DoseReferenceNumber"),
    uids(THREE, "DoseReferenceUID"),
    term(ONE, "DoseReferenceStructureType", "POINT VOLUME COORDINATES SITE"),
    term(ONE, "DoseReferenceType", "TARGET ORGAN_AT_RISK"),
    numbers(ONE_IF, "ReferencedROINumber", "DoseReferencePointCoordinates"),
    numbers(THREE, "NominalPriorDose", "ConstraintWeight", "DeliveryWarningDose"),
    numbers(THREE, "DeliveryMaximumDose", "TargetMinimumDose", "TargetPrescriptionDose"),
    numbers(THREE, "TargetMaximumDose", "TargetUnderdoseVolumeFraction"),
    numbers(THREE, "OrganAtRiskFullVolumeDose", "OrganAtRiskLimitDose"),
    numbers(THREE, "OrganAtRiskMaximumDose", "OrganAtRiskOverdoseVolumeFraction"),
)
_TOLERANCES = items(
    THREE,
    "ToleranceTableSequence",
    numbers(ONE, "ToleranceTableNumber"),
    numbers(THREE, "GantryAngleTolerance", "BeamLimitingDeviceAngleTolerance"),
    numbers(THREE, "PatientSupportAngleTolerance", "TableTopEccentricAngleTolerance"),
    numbers(THREE, "TableTopVerticalPositionTolerance", "TableTopLongitudinalPositionTolerance"),
    numbers(THREE, "TableTopLateralPositionTolerance"),
    numbers(THREE, "TableTopPitchAngleTolerance", "TableTopRollAngleTolerance"),
    items(
        THREE,
        "BeamLimitingDeviceToleranceSequence",
        numbers(ONE, "BeamLimitingDevicePositionTolerance"),
        term(ONE, "RTBeamLimitingDeviceType", DEVICE_TYPES),
    ),
)
_FRACTIONS = items(
    ONE,
    "FractionGroupSequence",
    numbers(ONE, "FractionGroupNumber"),
    numbers(TWO, "NumberOfFractionsPlanned"),
    numbers(THREE, "NumberOfFractionPatternDigitsPerDay", "RepeatFractionCycleLength"),
    numbers(ONE, "NumberOfBeams", "NumberOfBrachyApplicationSetups"),
    DOSE_REFERENCES,
    items(
        ONE_IF,
        "ReferencedBeamSequence",
        numbers(ONE, "ReferencedBeamNumber"),
        numbers(THREE, "BeamDose", "BeamMeterset", "BeamDoseSpecificationPoint"),
        numbers(THREE, "BeamDosePointDepth", "BeamDosePointEquivalentDepth", "BeamDosePointSSD"),
        term(ONE_IF, "BeamDoseType", "PHYSICAL EFFECTIVE"),
        numbers(THREE, "AlternateBeamDose"),
        term(ONE_IF, "AlternateBeamDoseType", "PHYSICAL EFFECTIVE"),
        uids(THREE, "ReferencedDoseReferenceUID"),
    ),
    items(
        ONE_IF,
        "ReferencedBrachyApplicationSetupSequence",
        numbers(ONE, "ReferencedBrachyApplicationSetupNumber"),
        numbers(THREE, "BrachyApplicationSetupDose"),
        numbers(THREE, "BrachyApplicationSetupDoseSpecificationPoint"),
    ),
)
GENERAL_PLAN = table(
    ANY_OBJECT,
    empty(TWO, "OperatorsName"),
    dates(TWO, "RTPlanDate", "RTPlanTime"),
    numbers(THREE, "InstanceNumber"),
    fixed(ONE, "RTPlanLabel", "RTPLAN"),
    term(THREE, "PlanIntent", "CURATIVE PALLIATIVE PROPHYLACTIC VERIFICATION MACHINE_QA RESEARCH"),
    term(ONE, "RTPlanGeometry", "PATIENT TREATMENT_DEVICE"),
    frames_of_reference(ONE_IF, "FrameOfReferenceUID"),
    because("", empty(TWO_IF, "PositionReferenceIndicator")),
    items(ONE_IF, "ReferencedStructureSetSequence", REFERENCE),
    items(THREE, "ReferencedDoseSequence", REFERENCE),
    items(
        THREE,
        "ReferencedRTPlanSequence",
        REFERENCE,
        term(ONE, "RTPlanRelationship", "PRIOR ALTERNATIVE PREDECESSOR VERIFIED_PLAN CONCURRENT"),
    ),
    _PRESCRIPTION,
    _TOLERANCES,
    _FRACTIONS,
    PATIENT_SETUP,
    COMMON_INSTANCE_REFERENCES,
    APPROVAL,
)

_DEVICES = items(
    ONE_IF,
    "BeamLimitingDeviceSequence",
    term(ONE, "RTBeamLimitingDeviceType", DEVICE_TYPES),
    numbers(THREE, "SourceToBeamLimitingDeviceDistance"),
    numbers(ONE, "NumberOfLeafJawPairs"),
    numbers(TWO_IF, "LeafPositionBoundaries"),
)
_WEDGES = items(
    ONE_IF,
    "WedgeSequence",
    numbers(ONE, "WedgeNumber"),
    term(TWO, "WedgeType", WEDGE_TYPES),
    numbers(TWO, "WedgeAngle", "WedgeFactor", "WedgeOrientation"),
    numbers(THREE, "SourceToWedgeTrayDistance", "EffectiveWedgeAngle", "WedgeThinEdgePosition"),
)
_COMPENSATORS = items(
    ONE_IF,
    "CompensatorSequence",
    numbers(ONE, "CompensatorNumber"),
    because("", empty(TWO_IF, "MaterialID")),
    term(THREE, "CompensatorType", "STANDARD DYNAMIC"),
    numbers(TWO, "SourceToCompensatorTrayDistance"),
    numbers(ONE_IF, "CompensatorRows", "CompensatorColumns", "CompensatorPixelSpacing"),
    numbers(ONE_IF, "CompensatorPosition", "CompensatorTransmissionData"),
    numbers(ONE_IF, "CompensatorThicknessData", "SourceToCompensatorDistance"),
)
_BLOCKS = items(
    ONE_IF,
    "BlockSequence",
    because("", empty(TWO, "MaterialID")),
    numbers(TWO, "SourceToBlockTrayDistance", "BlockNumberOfPoints", "BlockData"),
    term(ONE, "BlockType", "SHIELDING APERTURE"),
    term(TWO, "BlockDivergence", "PRESENT ABSENT"),
    term(THREE, "BlockMountingPosition", "PATIENT_SIDE SOURCE_SIDE"),
    numbers(ONE, "BlockNumber"),
    numbers(TWO_IF, "BlockThickness", "BlockTransmission"),
)
_CONTROL_POINTS = items(
    ONE,
    "ControlPointSequence",
    numbers(ONE, "ControlPointIndex"),
    numbers(TWO, "CumulativeMetersetWeight"),
    DOSE_REFERENCES,
    items(
        ONE_IF,
        "WedgePositionSequence",
        numbers(ONE, "ReferencedWedgeNumber"),
        term(ONE, "WedgePosition", "IN OUT"),
    ),
    POSITIONS,
)
_BEAMS = items(
    ONE_IF,
    "BeamSequence",
    BEAM,
    numbers(THREE, "SourceAxisDistance", "ReferencedToleranceTableNumber"),
    numbers(THREE, "ReferencedPatientSetupNumber"),
    items(ONE_IF, "ReferencedBolusSequence", numbers(ONE, "ReferencedROINumber")),
    items(THREE, "ReferencedDoseSequence", REFERENCE),
    _DEVICES,
    _WEDGES,
    _COMPENSATORS,
    _BLOCKS,
    _CONTROL_POINTS,
)
_APPLICATIONS = items(
    ONE_IF,
    "ApplicationSetupSequence",
    term(ONE_IF, "ApplicationSetupType", SETUP_TYPES),
    numbers(ONE, "ApplicationSetupNumber", "TotalReferenceAirKerma"),
    items(
        ONE,
        "ChannelSequence",
        CHANNEL,
        numbers(ONE_IF, "FinalCumulativeTimeWeight"),
        items(
            ONE,
            "BrachyControlPointSequence",
            numbers(ONE, "ControlPointIndex", "ControlPointRelativePosition"),
            numbers(TWO, "CumulativeTimeWeight"),
            numbers(THREE, "ControlPoint3DPosition", "ControlPointOrientation"),
        ),
    ),
)

RT_PLAN = Iod(
    name="RT plan",
    sop_classes=frozenset([RT_PLAN_STORAGE]),
    pixels=Pixels.NEVER,
    rules=table(
        sop_class(RT_PLAN_STORAGE),
        GENERAL_PLAN,
        term(ONE, "Modality", "RTPLAN", "RTPLAN"),
        _BEAMS,
        term(ONE_IF, "BrachyTreatmentTechnique", TREATMENT_TECHNIQUES),
        term(ONE_IF, "BrachyTreatmentType", TREATMENT_TYPES),
        items(ONE_IF, "TreatmentMachineSequence", MACHINE),
        items(ONE_IF, "SourceSequence", SOURCE),
        _APPLICATIONS,
    ),
)
