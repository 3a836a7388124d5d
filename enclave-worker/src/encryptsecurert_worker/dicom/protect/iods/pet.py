"""Allow-list of Positron Emission Tomography Image Storage (PS3.3 A.21).

What a viewer needs for activity concentration stays. What makes standardised uptake values of
it - weight, size, sex, injected dose, times of injection and scan - identifies, and is sealed;
the worker that reveals has it.
"""

from encryptsecurert_worker.dicom.protect.iods.iod import Iod
from encryptsecurert_worker.dicom.protect.iods.iod import Pixels as HasPixels
from encryptsecurert_worker.dicom.protect.iods.modules import (
    ANY_IMAGE,
    FRAME_OF_REFERENCE,
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
    dates,
    empty,
    fixed_dates,
    items,
    numbers,
    table,
    term,
)

PET_IMAGE_STORAGE = b"1.2.840.10008.5.1.4.1.1.128"

_UNITS = """
    CNTS NONE CM2 PCNT CPS BQML MGMINML UMOLMINML MLMING MLG 1CM UMOLML PROPCNTS PROPCPS MLMINML
    MLML GML STDDEV
"""
_SERIES_TYPES = frozenset(
    [b"STATIC", b"DYNAMIC", b"GATED", b"WHOLE BODY", b"IMAGE", b"REPROJECTION"]
)
_CORRECTIONS = "DECY ATTN SCAT DTIM MOTN PMOT CLN RAN RADL DCAL NORM"
_PHARMACEUTICAL = items(
    TWO,
    "RadiopharmaceuticalInformationSequence",
    numbers(THREE, "RadionuclideHalfLife", "RadionuclidePositronFraction"),
    codes(TWO, "RadionuclideCodeSequence"),
)

PET = Iod(
    name="PET image",
    sop_classes=frozenset([PET_IMAGE_STORAGE]),
    pixels=HasPixels.ALWAYS,
    rules=table(
        sop_class(PET_IMAGE_STORAGE),
        ANY_IMAGE,
        FRAME_OF_REFERENCE,
        PLANE,
        PIXELS,
        RESCALE,
        numbers(ONE, "RescaleIntercept", "RescaleSlope"),
        WINDOW,
        image_type(""),
        term(ONE, "Modality", "PT", "PT"),
        fixed_dates(ONE, "SeriesDate", "SeriesTime"),
        dates(TWO, "AcquisitionDate", "AcquisitionTime"),
        term(ONE, "Units", _UNITS),
        term(ONE, "CountsSource", "EMISSION TRANSMISSION"),
        term(ONE, "SeriesType", _SERIES_TYPES),
        term(TWO, "CorrectedImage", _CORRECTIONS),
        term(ONE, "DecayCorrection", "NONE START ADMIN"),
        term(THREE, "RandomsCorrectionMethod", "NONE DLYD SING"),
        because("", empty(TWO_IF, "CollimatorType")),
        numbers(ONE_IF, "NumberOfSlices", "NumberOfTimeSlices", "NumberOfRRIntervals"),
        numbers(ONE_IF, "NumberOfTimeSlots", "DecayFactor", "ImageIndex"),
        numbers(ONE, "FrameReferenceTime"),
        numbers(TWO, "ActualFrameDuration"),
        numbers(THREE, "DoseCalibrationFactor", "DeadTimeFactor", "SliceSensitivityFactor"),
        numbers(THREE, "ScatterFractionFactor"),
        _PHARMACEUTICAL,
        codes(TWO, "PatientOrientationCodeSequence"),
        codes(TWO, "PatientGantryRelationshipCodeSequence"),
    ),
)
