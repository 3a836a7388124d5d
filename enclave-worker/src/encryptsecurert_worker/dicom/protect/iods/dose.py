"""Allow-list of RT Dose Storage (PS3.3 A.18): the grid, its scaling, DVHs and what it is of."""

from encryptsecurert_worker.dicom.protect.iods.iod import Iod
from encryptsecurert_worker.dicom.protect.iods.iod import Pixels as HasPixels
from encryptsecurert_worker.dicom.protect.iods.modules import (
    ANY_OBJECT,
    APPROVAL,
    COMMON_INSTANCE_REFERENCES,
    FRAME_OF_REFERENCE,
    PIXELS,
    PLANE,
    REFERENCE,
    sop_class,
)
from encryptsecurert_worker.dicom.protect.iods.rows import (
    ONE,
    ONE_IF,
    THREE,
    TWO,
    empty,
    items,
    moving,
    numbers,
    table,
    tags,
    term,
)

RT_DOSE_STORAGE = b"1.2.840.10008.5.1.4.1.1.481.2"

_SUMMATION_TYPES = """
    PLAN MULTI_PLAN PLAN_OVERVIEW FRACTION BEAM BRACHY FRACTION_SESSION BEAM_SESSION
    BRACHY_SESSION CONTROL_POINT RECORD
"""
_DVH = items(
    ONE_IF,
    "DVHSequence",
    items(
        ONE,
        "DVHReferencedROISequence",
        numbers(ONE, "ReferencedROINumber"),
        term(ONE, "DVHROIContributionType", "INCLUDED EXCLUDED"),
    ),
    term(ONE, "DVHType", "DIFFERENTIAL CUMULATIVE NATURAL"),
    term(ONE, "DoseUnits", "GY RELATIVE"),
    term(ONE, "DoseType", "PHYSICAL EFFECTIVE ERROR"),
    numbers(ONE, "DVHDoseScaling", "DVHNumberOfBins", "DVHData"),
    term(ONE, "DVHVolumeUnits", "CM3 PERCENT PER_U"),
    numbers(THREE, "DVHMinimumDose", "DVHMaximumDose", "DVHMeanDose"),
)
_REFERENCED_PLAN = items(
    ONE_IF,
    "ReferencedRTPlanSequence",
    REFERENCE,
    items(
        ONE_IF,
        "ReferencedFractionGroupSequence",
        numbers(ONE, "ReferencedFractionGroupNumber"),
        items(
            ONE_IF,
            "ReferencedBeamSequence",
            numbers(ONE, "ReferencedBeamNumber"),
            items(
                ONE_IF,
                "ReferencedControlPointSequence",
                numbers(ONE, "ReferencedStartControlPointIndex", "ReferencedStopControlPointIndex"),
            ),
        ),
        items(
            ONE_IF,
            "ReferencedBrachyApplicationSetupSequence",
            numbers(ONE, "ReferencedBrachyApplicationSetupNumber"),
        ),
    ),
)

RT_DOSE = Iod(
    name="RT dose",
    sop_classes=frozenset([RT_DOSE_STORAGE]),
    pixels=HasPixels.MAYBE,
    rules=table(
        sop_class(RT_DOSE_STORAGE),
        ANY_OBJECT,
        FRAME_OF_REFERENCE,
        PIXELS,
        PLANE,
        # A dose object may be histograms alone, without a grid (PS3.3 C.8.8.3).
        numbers(ONE_IF, "SamplesPerPixel", "Rows", "Columns", "BitsAllocated", "BitsStored"),
        numbers(ONE_IF, "HighBit", "PixelRepresentation"),
        term(ONE_IF, "PhotometricInterpretation", "MONOCHROME2"),
        numbers(ONE_IF, "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"),
        numbers(THREE, "SliceThickness"),
        term(ONE, "Modality", "RTDOSE", "RTDOSE"),
        empty(TWO, "OperatorsName"),
        moving(empty(THREE, "ContentDate", "ContentTime")),
        numbers(THREE, "InstanceNumber"),
        numbers(ONE_IF, "NumberOfFrames", "GridFrameOffsetVector", "DoseGridScaling"),
        tags(ONE_IF, "FrameIncrementPointer"),
        term(ONE, "DoseUnits", "GY RELATIVE"),
        term(ONE, "DoseType", "PHYSICAL EFFECTIVE ERROR"),
        term(ONE, "DoseSummationType", _SUMMATION_TYPES),
        term(THREE, "SpatialTransformOfDose", "NONE RIGID NON_RIGID"),
        term(THREE, "TissueHeterogeneityCorrection", "IMAGE ROI_OVERRIDE WATER"),
        numbers(THREE, "NormalizationPoint", "DVHNormalizationPoint", "DVHNormalizationDoseValue"),
        items(ONE_IF, "ReferencedStructureSetSequence", REFERENCE),
        items(ONE_IF, "ReferencedTreatmentRecordSequence", REFERENCE),
        _REFERENCED_PLAN,
        _DVH,
        COMMON_INSTANCE_REFERENCES,
        APPROVAL,
    ),
)
