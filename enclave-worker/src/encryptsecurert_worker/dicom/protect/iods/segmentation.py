"""Allow-list of Segmentation and Label Map Segmentation Storage (PS3.3 A.51).

A segment is called `SEG_<number>`; what it is stays where the standard has a code for it.
"""

from encryptsecurert_worker.dicom.protect.iods.frames import (
    CONCATENATION,
    CONTENT,
    DERIVATION,
    DIMENSIONS,
    GEOMETRY,
    SEGMENT,
    SLIDE,
    SLIDE_POSITION,
    functional_groups,
)
from encryptsecurert_worker.dicom.protect.iods.iod import Iod
from encryptsecurert_worker.dicom.protect.iods.iod import Pixels as HasPixels
from encryptsecurert_worker.dicom.protect.iods.modules import (
    ANY_OBJECT,
    COMMON_INSTANCE_REFERENCES,
    ENHANCED_EQUIPMENT,
    FRAME_REFERENCE,
    PIXELS,
    image_type,
    sop_class,
)
from encryptsecurert_worker.dicom.protect.iods.rows import (
    ONE,
    ONE_IF,
    THREE,
    TWO,
    because,
    codes,
    empty,
    fixed,
    fixed_dates,
    frames_of_reference,
    items,
    label,
    numbers,
    table,
    term,
)

_STORAGE = (b"1.2.840.10008.5.1.4.1.1.66.4", b"1.2.840.10008.5.1.4.1.1.66.7")
_TISSUE = ("85756007", "SCT")

_SEGMENTS = items(
    ONE,
    "SegmentSequence",
    numbers(ONE, "SegmentNumber"),
    label(ONE, "SegmentLabel", "SEG", "SegmentNumber"),
    term(ONE, "SegmentAlgorithmType", "AUTOMATIC SEMIAUTOMATIC MANUAL"),
    because("", fixed(ONE_IF, "SegmentAlgorithmName", "ALG")),
    codes(ONE, "SegmentedPropertyCategoryCodeSequence", _TISSUE),
    codes(ONE, "SegmentedPropertyTypeCodeSequence", _TISSUE),
    codes(THREE, "AnatomicRegionSequence"),
    numbers(THREE, "RecommendedDisplayGrayscaleValue", "RecommendedDisplayCIELabValue"),
)

SEGMENTATION = Iod(
    name="segmentation",
    sop_classes=frozenset(_STORAGE),
    pixels=HasPixels.ALWAYS,
    rules=table(
        sop_class(*_STORAGE),
        ANY_OBJECT,
        PIXELS,
        term(ONE, "Modality", "SEG", "SEG"),
        image_type("", "DERIVED\\PRIMARY"),
        fixed_dates(ONE, "ContentDate", "ContentTime"),
        numbers(ONE, "InstanceNumber", "NumberOfFrames"),
        ENHANCED_EQUIPMENT,
        frames_of_reference(ONE_IF, "FrameOfReferenceUID"),
        because("", empty(THREE, "PositionReferenceIndicator")),
        because("", fixed(ONE, "ContentLabel", "SEGMENTATION")),
        empty(TWO, "ContentDescription", "ContentCreatorName"),
        term(ONE, "SegmentationType", "BINARY FRACTIONAL LABELMAP"),
        term(ONE_IF, "SegmentationFractionalType", "PROBABILITY OCCUPANCY"),
        numbers(ONE_IF, "MaximumFractionalValue"),
        term(THREE, "SegmentsOverlap", "YES NO UNDEFINED"),
        CONCATENATION,
        _SEGMENTS,
        DIMENSIONS,
        SLIDE,
        functional_groups(GEOMETRY, CONTENT, SEGMENT, DERIVATION, SLIDE_POSITION),
        COMMON_INSTANCE_REFERENCES,
        items(THREE, "SourceImageSequence", FRAME_REFERENCE),
    ),
)
