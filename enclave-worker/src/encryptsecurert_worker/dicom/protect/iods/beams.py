"""Rows that plans and treatment records share: beams, their devices, patient setup, brachytherapy.

Geometry, energies, weights and types stay; names, labels, codes and serial numbers of machines,
trays and accessories do not. A beam is called `BEAM_<number>`.
"""

from encryptsecurert_worker.dicom.protect.iods.modules import FRAME_REFERENCE
from encryptsecurert_worker.dicom.protect.iods.rows import (
    ONE,
    ONE_IF,
    THREE,
    TWO,
    TWO_IF,
    because,
    empty,
    fixed,
    fixed_dates,
    items,
    label,
    numbers,
    table,
    term,
    terms,
)
from encryptsecurert_worker.dicom.protect.iods.terms import PATIENT_POSITIONS

DELIVERY_TYPES = "TREATMENT OPEN_PORTFILM TRMT_PORTFILM CONTINUATION SETUP VERIFICATION"
DEVICE_TYPES = "X Y ASYMX ASYMY MLCX MLCY MLCX1 MLCX2 MLCY1 MLCY2"
DOSIMETER_UNITS = "MU MINUTE NP"
RADIATION_TYPES = "PHOTON ELECTRON NEUTRON PROTON ION"
WEDGE_TYPES = "STANDARD DYNAMIC MOTORIZED PARTIAL_MOTORIZED"
SETUP_TECHNIQUES = """
    ISOCENTRIC FIXED_SSD TBI BREAST_BRIDGE SKIN_APPOSITION
"""
ROTATIONS = "CW CC NONE"

MACHINE = empty(TWO, "TreatmentMachineName")

_FLUENCE = items(
    THREE, "PrimaryFluenceModeSequence", term(ONE, "FluenceMode", "STANDARD NON_STANDARD")
)
BEAM = table(
    numbers(ONE, "BeamNumber"),
    label(THREE, "BeamName", "BEAM", "BeamNumber"),
    term(ONE, "BeamType", "STATIC DYNAMIC"),
    term(TWO, "RadiationType", RADIATION_TYPES),
    term(ONE_IF, "HighDoseTechniqueType", "NORMAL TBI HDR"),
    term(THREE, "TreatmentDeliveryType", DELIVERY_TYPES),
    term(THREE, "PrimaryDosimeterUnit", DOSIMETER_UNITS),
    numbers(TWO_IF, "NumberOfWedges", "NumberOfCompensators", "NumberOfBoli", "NumberOfBlocks"),
    numbers(ONE, "NumberOfControlPoints"),
    numbers(ONE_IF, "FinalCumulativeMetersetWeight"),
    _FLUENCE,
    MACHINE,
)

_ROTATED = (
    "GantryRotationDirection BeamLimitingDeviceRotationDirection PatientSupportRotationDirection "
    "TableTopEccentricRotationDirection TableTopPitchRotationDirection "
    "TableTopRollRotationDirection"
)
LEAVES = items(
    ONE_IF,
    "BeamLimitingDevicePositionSequence",
    term(ONE, "RTBeamLimitingDeviceType", DEVICE_TYPES),
    numbers(ONE, "LeafJawPositions"),
)
POSITIONS = table(
    numbers(ONE_IF, "NominalBeamEnergy", "GantryAngle", "BeamLimitingDeviceAngle"),
    numbers(ONE_IF, "PatientSupportAngle", "TableTopEccentricAngle"),
    numbers(ONE_IF, "TableTopPitchAngle", "TableTopRollAngle"),
    numbers(TWO_IF, "TableTopVerticalPosition", "TableTopLongitudinalPosition"),
    numbers(TWO_IF, "TableTopLateralPosition", "IsocenterPosition"),
    numbers(THREE, "DoseRateSet", "TableTopEccentricAxisDistance", "SourceToSurfaceDistance"),
    numbers(THREE, "SurfaceEntryPoint", "SourceToExternalContourDistance"),
    terms(ONE_IF, _ROTATED, ROTATIONS),
    LEAVES,
)

DOSE_REFERENCES = items(
    THREE,
    "ReferencedDoseReferenceSequence",
    numbers(ONE, "ReferencedDoseReferenceNumber"),
    numbers(THREE, "CumulativeDoseReferenceCoefficient", "DeliveryWarningDose"),
    numbers(THREE, "DeliveryMaximumDose", "TargetMinimumDose", "TargetPrescriptionDose"),
    numbers(THREE, "TargetMaximumDose", "TargetUnderdoseVolumeFraction", "ConstraintWeight"),
    numbers(THREE, "OrganAtRiskFullVolumeDose", "OrganAtRiskLimitDose"),
    numbers(THREE, "OrganAtRiskMaximumDose", "OrganAtRiskOverdoseVolumeFraction"),
)


PATIENT_SETUP = items(
    ONE,
    "PatientSetupSequence",
    numbers(ONE, "PatientSetupNumber"),
    term(ONE_IF, "PatientPosition", PATIENT_POSITIONS),
    term(THREE, "SetupTechnique", SETUP_TECHNIQUES),
    numbers(THREE, "TableTopVerticalSetupDisplacement", "TableTopLongitudinalSetupDisplacement"),
    numbers(THREE, "TableTopLateralSetupDisplacement"),
    items(THREE, "ReferencedSetupImageSequence", FRAME_REFERENCE),
)

SOURCE = table(
    numbers(ONE, "SourceNumber"),
    term(ONE, "SourceType", "POINT LINE CYLINDER SPHERE"),
    numbers(THREE, "ActiveSourceDiameter", "ActiveSourceLength"),
    numbers(ONE, "SourceIsotopeHalfLife", "ReferenceAirKermaRate"),
    # Air kerma is that of a day; which day is sealed, so decay can be computed in clear only if
    # that day and those of treatment are moved.
    fixed_dates(ONE, "SourceStrengthReferenceDate", "SourceStrengthReferenceTime"),
    because("", fixed(ONE, "SourceIsotopeName", "ISOTOPE")),
    term(ONE_IF, "SourceStrengthUnits", "AIR_KERMA_RATE DOSE_RATE_WATER"),
    numbers(ONE_IF, "SourceStrength"),
)
CHANNEL = table(
    numbers(ONE, "ChannelNumber", "NumberOfControlPoints"),
    numbers(TWO, "ChannelLength", "TransferTubeNumber"),
    numbers(ONE_IF, "ChannelTotalTime", "NumberOfPulses", "PulseRepetitionInterval"),
    term(ONE, "SourceMovementType", "STEPWISE FIXED OSCILLATING UNIDIRECTIONAL"),
    numbers(TWO_IF, "TransferTubeLength", "ChannelInnerLength", "SourceApplicatorTipLength"),
    numbers(THREE, "SourceApplicatorNumber", "SourceApplicatorLength", "SourceApplicatorStepSize"),
    numbers(THREE, "SourceApplicatorWallNominalThickness"),
    numbers(TWO_IF, "ReferencedROINumber"),
    because("", empty(TWO_IF, "SourceApplicatorID")),
    term(ONE_IF, "SourceApplicatorType", "FLEXIBLE RIGID"),
    numbers(ONE, "ReferencedSourceNumber"),
)
TREATMENT_TECHNIQUES = """
    INTRALUMENARY INTRACAVITARY INTERSTITIAL CONTACT INTRAVASCULAR PERMANENT
"""
TREATMENT_TYPES = "MANUAL HDR MDR LDR PDR"
SETUP_TYPES = """
    FLETCHER_SUIT DELCLOS BLOEDORN JOSLIN_FLYNN CHANDIGARH MANCHESTER HENSCHKE NASOPHARYNGEAL
    OESOPHAGEAL ENDOBRONCHIAL SYED_NEBLETT ENDORECTAL PERINEAL
"""
