"""Allow-list of RT Image Storage (PS3.3 A.17): portal, simulator and reconstructed radiographs.

Planning systems write names and marks into these pictures, so they are protected only if a user
vouches for the pixels. Where the image lies in the beam, with which energies, angles and settings
it was made stays; an image is called `RTIMAGE`, machines and accessories have no name.
"""

from encryptsecurert_worker.dicom.protect.iods.beams import DEVICE_TYPES, DOSIMETER_UNITS
from encryptsecurert_worker.dicom.protect.iods.iod import Iod
from encryptsecurert_worker.dicom.protect.iods.iod import Pixels as HasPixels
from encryptsecurert_worker.dicom.protect.iods.modules import (
    ANY_IMAGE,
    APPROVAL,
    FRAME_TIMES,
    PIXELS,
    REFERENCE,
    RESCALE,
    WINDOW,
    image_type,
    sop_class,
)
from encryptsecurert_worker.dicom.protect.iods.rows import (
    ONE,
    ONE_IF,
    THREE,
    TWO,
    TWO_IF,
    because,
    empty,
    fixed,
    frames_of_reference,
    items,
    numbers,
    table,
    term,
)
from encryptsecurert_worker.dicom.protect.iods.terms import DIRECTIONS

RT_IMAGE_STORAGE = b"1.2.840.10008.5.1.4.1.1.481.1"

_ANGLES = table(
    numbers(THREE, "GantryAngle", "GantryPitchAngle", "BeamLimitingDeviceAngle"),
    numbers(THREE, "PatientSupportAngle", "TableTopPitchAngle", "TableTopRollAngle"),
    numbers(THREE, "TableTopVerticalPosition", "TableTopLongitudinalPosition"),
    numbers(THREE, "TableTopLateralPosition"),
)
_DEVICES = items(
    THREE,
    "BeamLimitingDeviceSequence",
    term(ONE, "RTBeamLimitingDeviceType", DEVICE_TYPES),
    numbers(THREE, "SourceToBeamLimitingDeviceDistance"),
    numbers(ONE, "NumberOfLeafJawPairs"),
    numbers(TWO_IF, "LeafPositionBoundaries"),
    numbers(ONE_IF, "LeafJawPositions"),
)
_BLOCKS = items(
    TWO_IF,
    "BlockSequence",
    because("", empty(TWO, "MaterialID")),
    numbers(TWO, "SourceToBlockTrayDistance", "BlockNumberOfPoints", "BlockData"),
    term(ONE, "BlockType", "SHIELDING APERTURE"),
    term(TWO, "BlockDivergence", "PRESENT ABSENT"),
    term(THREE, "BlockMountingPosition", "PATIENT_SIDE SOURCE_SIDE"),
    numbers(ONE, "BlockNumber"),
    numbers(THREE, "BlockThickness"),
)
_FLUENCE_MODE = items(
    THREE, "PrimaryFluenceModeSequence", term(ONE, "FluenceMode", "STANDARD NON_STANDARD")
)
_EXPOSURES = items(
    THREE,
    "ExposureSequence",
    numbers(ONE_IF, "ReferencedFrameNumber"),
    numbers(TWO_IF, "KVP", "ExposureTime", "XRayTubeCurrent", "MetersetExposure"),
    numbers(THREE, "ExposureTimeInms", "XRayTubeCurrentInmA", "DiaphragmPosition"),
    numbers(ONE, "NumberOfBlocks"),
    _FLUENCE_MODE,
    _DEVICES,
    _BLOCKS,
    _ANGLES,
)
_GEOMETRY = table(
    term(ONE, "RTImagePlane", "NORMAL NON_NORMAL"),
    numbers(TWO, "XRayImageReceptorAngle", "ImagePlanePixelSpacing", "RTImagePosition"),
    numbers(TWO_IF, "RTImageOrientation"),
    numbers(THREE, "XRayImageReceptorTranslation", "IsocenterPosition"),
    numbers(TWO, "RadiationMachineSAD", "RTImageSID"),
    numbers(THREE, "RadiationMachineSSD", "SourceToReferenceObjectDistance"),
    numbers(THREE, "TableTopEccentricAxisDistance", "TableTopEccentricAngle"),
    _ANGLES,
)

RT_IMAGE = Iod(
    name="RT image",
    sop_classes=frozenset([RT_IMAGE_STORAGE]),
    pixels=HasPixels.ALWAYS,
    rules=table(
        sop_class(RT_IMAGE_STORAGE),
        ANY_IMAGE,
        PIXELS,
        RESCALE,
        WINDOW,
        FRAME_TIMES,
        image_type("DRR PORTAL SIMULATOR RADIOGRAPH BLANK FLUENCE"),
        term(ONE, "Modality", "RTIMAGE", "RTIMAGE"),
        empty(TWO, "OperatorsName"),
        because("", empty(TWO, "RadiationMachineName")),
        because("", fixed(ONE, "RTImageLabel", "RTIMAGE")),
        frames_of_reference(ONE_IF, "FrameOfReferenceUID"),
        because("", empty(TWO_IF, "PositionReferenceIndicator")),
        term(TWO_IF, "PatientOrientation", DIRECTIONS),
        term(TWO, "ConversionType", "DV DI DF WSD"),
        term(TWO_IF, "ReportedValuesOrigin", "OPERATOR PLAN ACTUAL"),
        term(TWO, "PrimaryDosimeterUnit", DOSIMETER_UNITS),
        term(THREE, "PixelIntensityRelationship", "LIN LOG"),
        numbers(ONE_IF, "PixelIntensityRelationshipSign"),
        _GEOMETRY,
        _EXPOSURES,
        numbers(THREE, "ExposureTime", "ExposureTimeInms", "MetersetExposure"),
        numbers(THREE, "FractionNumber", "ClinicalFractionNumber"),
        numbers(THREE, "ReferencedBeamNumber", "ReferencedFractionGroupNumber"),
        numbers(THREE, "StartCumulativeMetersetWeight", "EndCumulativeMetersetWeight"),
        items(THREE, "ReferencedRTPlanSequence", REFERENCE),
        items(
            ONE_IF,
            "FluenceMapSequence",
            term(ONE, "FluenceDataSource", "CALCULATED MEASURED"),
            numbers(THREE, "FluenceDataScale"),
        ),
        APPROVAL,
        # As far as the original says so; that a user vouches adds nothing here.
        term(THREE, "BurnedInAnnotation", "NO"),
    ),
)
