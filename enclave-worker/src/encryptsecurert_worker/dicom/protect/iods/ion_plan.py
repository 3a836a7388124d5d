"""Allow-list of RT Ion Plan Storage (PS3.3 A.49): scan spots, snouts, shifters, modulators.

Devices that must have an identifier get a neutral one with their number.
"""

from encryptsecurert_worker.dicom.protect.iods.beams import (
    BEAM,
    DEVICE_TYPES,
    DOSE_REFERENCES,
    POSITIONS,
    ROTATIONS,
    WEDGE_TYPES,
)
from encryptsecurert_worker.dicom.protect.iods.iod import Iod, Pixels
from encryptsecurert_worker.dicom.protect.iods.modules import REFERENCE, sop_class
from encryptsecurert_worker.dicom.protect.iods.plan import GENERAL_PLAN
from encryptsecurert_worker.dicom.protect.iods.rows import (
    ONE,
    ONE_IF,
    THREE,
    TWO,
    TWO_IF,
    because,
    empty,
    fixed,
    items,
    label,
    numbers,
    table,
    term,
)

RT_ION_PLAN_STORAGE = b"1.2.840.10008.5.1.4.1.1.481.8"

PARTICLE = table(
    numbers(ONE_IF, "RadiationMassNumber", "RadiationAtomicNumber", "RadiationChargeState")
)
ION_BEAM = table(
    BEAM,
    PARTICLE,
    term(ONE, "ScanMode", "NONE UNIFORM MODULATED MODULATED_SPEC"),
    term(ONE_IF, "ModulatedScanModeType", "STATIONARY LEAPFROG LINEAR"),
    numbers(THREE, "VirtualSourceAxisDistances"),
    numbers(ONE, "NumberOfRangeShifters", "NumberOfLateralSpreadingDevices"),
    numbers(ONE, "NumberOfRangeModulators"),
    term(ONE_IF, "PatientSupportType", "TABLE CHAIR"),
    items(ONE_IF, "ReferencedBolusSequence", numbers(ONE, "ReferencedROINumber")),
)
SPOTS = table(
    because("", fixed(ONE_IF, "ScanSpotTuneID", "TUNE")),
    numbers(ONE_IF, "NumberOfScanSpotPositions", "ScanSpotPositionMap"),
    numbers(ONE_IF, "ScanSpotMetersetWeights", "NumberOfPaintings"),
    numbers(THREE, "ScanningSpotSize"),
)
SETTINGS = table(
    items(
        ONE_IF,
        "RangeShifterSettingsSequence",
        numbers(ONE, "ReferencedRangeShifterNumber"),
        numbers(THREE, "IsocenterToRangeShifterDistance"),
        numbers(THREE, "RangeShifterWaterEquivalentThickness"),
    ),
    items(
        ONE_IF,
        "LateralSpreadingDeviceSettingsSequence",
        numbers(ONE, "ReferencedLateralSpreadingDeviceNumber"),
        numbers(THREE, "IsocenterToLateralSpreadingDeviceDistance"),
        numbers(THREE, "LateralSpreadingDeviceWaterEquivalentThickness"),
    ),
    items(
        ONE_IF,
        "RangeModulatorSettingsSequence",
        numbers(ONE, "ReferencedRangeModulatorNumber"),
        numbers(THREE, "RangeModulatorGatingStartValue", "RangeModulatorGatingStopValue"),
        numbers(THREE, "IsocenterToRangeModulatorDistance"),
    ),
)
ION_POSITIONS = table(
    POSITIONS,
    PARTICLE,
    SPOTS,
    SETTINGS,
    numbers(ONE_IF, "KVP"),
    numbers(TWO_IF, "TableTopPitchAngle", "TableTopRollAngle", "GantryPitchAngle"),
    numbers(TWO_IF, "SnoutPosition"),
    numbers(THREE, "MetersetRate"),
    term(TWO_IF, "TableTopPitchRotationDirection", ROTATIONS),
    term(TWO_IF, "TableTopRollRotationDirection", ROTATIONS),
    term(TWO_IF, "GantryPitchRotationDirection", ROTATIONS),
)

_DEVICES = table(
    items(THREE, "SnoutSequence", because("", fixed(ONE, "SnoutID", "SNOUT"))),
    items(
        ONE_IF,
        "RangeShifterSequence",
        numbers(ONE, "RangeShifterNumber"),
        because("", label(ONE, "RangeShifterID", "SHIFTER", "RangeShifterNumber")),
        term(ONE, "RangeShifterType", "ANALOG BINARY"),
    ),
    items(
        ONE_IF,
        "LateralSpreadingDeviceSequence",
        numbers(ONE, "LateralSpreadingDeviceNumber"),
        because(
            "", label(ONE, "LateralSpreadingDeviceID", "SPREADER", "LateralSpreadingDeviceNumber")
        ),
        term(ONE, "LateralSpreadingDeviceType", "SCATTERER MAGNET"),
    ),
    items(
        ONE_IF,
        "RangeModulatorSequence",
        numbers(ONE, "RangeModulatorNumber"),
        because("", label(ONE, "RangeModulatorID", "MODULATOR", "RangeModulatorNumber")),
        term(ONE, "RangeModulatorType", "FIXED WHL_FIXEDWEIGHTS WHL_MODWEIGHTS"),
        because("", fixed(ONE_IF, "BeamCurrentModulationID", "MODULATION")),
    ),
    items(
        THREE,
        "IonBeamLimitingDeviceSequence",
        term(ONE, "RTBeamLimitingDeviceType", DEVICE_TYPES),
        numbers(TWO, "IsocenterToBeamLimitingDeviceDistance"),
        numbers(ONE, "NumberOfLeafJawPairs"),
        numbers(ONE_IF, "LeafPositionBoundaries"),
    ),
    items(
        ONE_IF,
        "IonWedgeSequence",
        numbers(ONE, "WedgeNumber"),
        term(TWO, "WedgeType", WEDGE_TYPES),
        numbers(TWO, "WedgeAngle", "WedgeOrientation"),
        numbers(ONE, "IsocenterToWedgeTrayDistance"),
    ),
)
_BLOCKS = items(
    ONE_IF,
    "IonBlockSequence",
    because("", empty(TWO, "MaterialID")),
    numbers(ONE, "IsocenterToBlockTrayDistance", "BlockNumber", "BlockThickness"),
    numbers(ONE, "BlockNumberOfPoints", "BlockData"),
    term(ONE, "BlockType", "SHIELDING APERTURE"),
    term(ONE, "BlockDivergence", "PRESENT ABSENT"),
    term(ONE, "BlockMountingPosition", "PATIENT_SIDE SOURCE_SIDE"),
)
_COMPENSATORS = items(
    ONE_IF,
    "IonRangeCompensatorSequence",
    because("", empty(TWO, "MaterialID")),
    numbers(ONE, "CompensatorNumber"),
    term(ONE, "CompensatorDivergence", "PRESENT ABSENT"),
    term(ONE, "CompensatorMountingPosition", "PATIENT_SIDE SOURCE_SIDE DOUBLE_SIDED"),
    numbers(ONE_IF, "CompensatorRows", "CompensatorColumns", "CompensatorPixelSpacing"),
    numbers(ONE_IF, "CompensatorPosition", "CompensatorThicknessData"),
    numbers(ONE_IF, "IsocenterToCompensatorTrayDistance", "CompensatorColumnOffset"),
    numbers(ONE_IF, "IsocenterToCompensatorDistances"),
    numbers(THREE, "CompensatorRelativeStoppingPowerRatio", "CompensatorMillingToolDiameter"),
)
_CONTROL_POINTS = items(
    ONE,
    "IonControlPointSequence",
    numbers(ONE, "ControlPointIndex"),
    numbers(TWO, "CumulativeMetersetWeight"),
    ION_POSITIONS,
    DOSE_REFERENCES,
    items(
        ONE_IF,
        "IonWedgePositionSequence",
        numbers(ONE, "ReferencedWedgeNumber"),
        term(ONE, "WedgePosition", "IN OUT"),
    ),
)
_BEAMS = items(
    ONE,
    "IonBeamSequence",
    ION_BEAM,
    numbers(THREE, "ReferencedPatientSetupNumber", "ReferencedToleranceTableNumber"),
    items(THREE, "ReferencedDoseSequence", REFERENCE),
    _DEVICES,
    _BLOCKS,
    _COMPENSATORS,
    _CONTROL_POINTS,
)

RT_ION_PLAN = Iod(
    name="RT ion plan",
    sop_classes=frozenset([RT_ION_PLAN_STORAGE]),
    pixels=Pixels.NEVER,
    rules=table(
        sop_class(RT_ION_PLAN_STORAGE),
        GENERAL_PLAN,
        term(ONE, "Modality", "RTPLAN", "RTPLAN"),
        _BEAMS,
    ),
)
