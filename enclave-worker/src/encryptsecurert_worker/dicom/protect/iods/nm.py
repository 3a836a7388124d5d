"""Allow-list of Nuclear Medicine Image Storage (PS3.3 A.5): windows, detectors, frames."""

from encryptsecurert_worker.dicom.protect.iods.iod import Iod
from encryptsecurert_worker.dicom.protect.iods.iod import Pixels as HasPixels
from encryptsecurert_worker.dicom.protect.iods.modules import (
    ANY_IMAGE,
    PIXELS,
    PLANE,
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
    codes,
    empty,
    frames_of_reference,
    items,
    numbers,
    table,
    tags,
    term,
)

NM_IMAGE_STORAGE = b"1.2.840.10008.5.1.4.1.1.20"

NM = Iod(
    name="NM image",
    sop_classes=frozenset([NM_IMAGE_STORAGE]),
    pixels=HasPixels.ALWAYS,
    rules=table(
        sop_class(NM_IMAGE_STORAGE),
        ANY_IMAGE,
        PLANE,
        PIXELS,
        RESCALE,
        WINDOW,
        numbers(TWO_IF, "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"),
        frames_of_reference(ONE_IF, "FrameOfReferenceUID"),
        because("", empty(TWO_IF, "PositionReferenceIndicator")),
        image_type("STATIC DYNAMIC GATED TOMO RECON WHOLE BODY EMISSION TRANSMISSION"),
        term(ONE, "Modality", "NM", "NM"),
        tags(ONE, "FrameIncrementPointer"),
        numbers(ONE_IF, "EnergyWindowVector", "DetectorVector", "PhaseVector", "RotationVector"),
        numbers(ONE_IF, "RRIntervalVector", "TimeSlotVector", "SliceVector", "AngularViewVector"),
        numbers(ONE, "NumberOfEnergyWindows", "NumberOfDetectors"),
        numbers(ONE_IF, "NumberOfPhases", "NumberOfRotations", "NumberOfRRIntervals"),
        numbers(ONE_IF, "NumberOfTimeSlots", "NumberOfSlices"),
        numbers(TWO, "CountsAccumulated"),
        codes(TWO, "PatientOrientationCodeSequence"),
        codes(TWO, "PatientGantryRelationshipCodeSequence"),
        numbers(THREE, "ActualFrameDuration", "CountRate"),
        term(THREE, "CorrectedImage", "UNIF COR NCO DECY ATTN SCAT DTIM NRGY LIN MOTN CLN"),
        items(
            TWO,
            "EnergyWindowInformationSequence",
            items(
                THREE,
                "EnergyWindowRangeSequence",
                numbers(THREE, "EnergyWindowLowerLimit", "EnergyWindowUpperLimit"),
            ),
        ),
        items(
            TWO,
            "RadiopharmaceuticalInformationSequence",
            codes(TWO, "RadionuclideCodeSequence"),
        ),
        items(
            TWO,
            "DetectorInformationSequence",
            term(TWO, "CollimatorType", "PARA PINH FANB CONE SLNT ASTG DIVG NONE UNKN"),
            numbers(THREE, "FocalDistance", "XFocusCenter", "YFocusCenter", "RadialPosition"),
            numbers(TWO_IF, "StartAngle"),
            numbers(TWO, "ImagePositionPatient", "ImageOrientationPatient"),
        ),
        items(
            TWO_IF,
            "RotationInformationSequence",
            numbers(
                ONE, "AngularStep", "ScanArc", "ActualFrameDuration", "NumberOfFramesInRotation"
            ),
            term(ONE, "RotationDirection", "CW CC"),
            numbers(TWO, "StartAngle", "RadialPosition"),
            numbers(THREE, "TableHeight", "TableTraverse"),
        ),
    ),
)
