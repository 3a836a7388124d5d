"""Rows that many kinds share: identity and order of an object, image plane, pixels, references.

Attribute types are those of PS3.3; where kinds differ, a kind's own table has the row anew.
"""

from dataclasses import replace

from encryptsecurert_worker.dicom.protect.iods.rows import (
    ONE,
    ONE_IF,
    THREE,
    TWO,
    TWO_IF,
    Rows,
    because,
    classes,
    dates,
    empty,
    fixed,
    frames_of_reference,
    items,
    numbers,
    pointers,
    pseudonym,
    table,
    term,
    uids,
)
from encryptsecurert_worker.dicom.protect.iods.terms import (
    BODY_PARTS,
    LOSSY_METHODS,
    PATIENT_POSITIONS,
    RESCALE_TYPES,
)
from encryptsecurert_worker.dicom.protect.rules import Action, Kind


def sop_class(*registered: bytes) -> Rows:
    """Keep the SOP class: it is one of those by which the table was found."""
    return term(ONE, "SOPClassUID", frozenset(registered))


def image_type(
    words: str | frozenset[bytes],
    fallback: str = "DERIVED\\SECONDARY",
    kind: Kind = ONE,
    *,
    keyword: str = "ImageType",
) -> Rows:
    """Keep an image's or frame's type as far as its values are defined.

    `words` are those of values 3 and 4; the fallback has as many values as there must be.
    """
    count = (fallback.count("\\") + 1, 4)
    return tuple(
        replace(rule, action=Action.IMAGE_TYPE, count=count)
        for rule in term(kind, keyword, words, fallback)
    )


ANY_OBJECT = table(
    uids(ONE, "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"),
    dates(TWO, "StudyDate", "StudyTime"),
    dates(THREE, "SeriesDate", "SeriesTime"),
    empty(TWO, "AccessionNumber", "ReferringPhysicianName", "StudyID"),
    because("", empty(TWO, "Manufacturer")),
    pseudonym(TWO, "PatientName", "PatientID"),
    empty(TWO, "PatientBirthDate", "PatientSex"),
    numbers(TWO, "SeriesNumber"),
)

ANY_IMAGE = table(
    ANY_OBJECT,
    dates(TWO, "ContentDate", "ContentTime"),
    dates(THREE, "AcquisitionDate", "AcquisitionTime", "AcquisitionDateTime"),
    term(THREE, "BodyPartExamined", BODY_PARTS),
    term(ONE_IF, "PatientPosition", PATIENT_POSITIONS),
    numbers(TWO, "AcquisitionNumber", "InstanceNumber"),
    term(TWO, "Laterality", "L R"),
    numbers(ONE_IF, "NumberOfFrames"),
)

# PS3.3 C.7.5.2
ENHANCED_EQUIPMENT = table(
    because("", fixed(ONE, "Manufacturer", "NONE")),
    because("", fixed(ONE, "ManufacturerModelName", "NONE")),
    fixed(ONE, "DeviceSerialNumber", "NONE"),
    because("", fixed(ONE, "SoftwareVersions", "NONE")),
)

PIXELS = table(
    numbers(ONE, "SamplesPerPixel", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit"),
    numbers(ONE, "PixelRepresentation"),
    term(ONE, "PhotometricInterpretation", "MONOCHROME1 MONOCHROME2"),
    numbers(ONE_IF, "PixelAspectRatio", "PixelPaddingValue", "PixelPaddingRangeLimit"),
    numbers(THREE, "SmallestImagePixelValue", "LargestImagePixelValue"),
    term(THREE, "LossyImageCompression", "00 01"),
    numbers(ONE_IF, "LossyImageCompressionRatio"),
    term(ONE_IF, "LossyImageCompressionMethod", LOSSY_METHODS),
)

# A palette is octets of no known meaning: a picture that needs one has no list.
COLOUR = table(
    PIXELS,
    term(
        ONE,
        "PhotometricInterpretation",
        "MONOCHROME1 MONOCHROME2 RGB YBR_FULL YBR_FULL_422 YBR_PARTIAL_422 YBR_ICT YBR_RCT",
    ),
    numbers(ONE_IF, "PlanarConfiguration"),
)

FRAME_TIMES = table(
    pointers(ONE_IF, "FrameIncrementPointer", "FrameTime", "FrameTimeVector"),
    numbers(ONE_IF, "FrameTime", "FrameTimeVector"),
    numbers(THREE, "FrameDelay", "CineRate", "RecommendedDisplayFrameRate", "EffectiveDuration"),
    numbers(THREE, "StartTrim", "StopTrim", "PreferredPlaybackSequencing", "ActualFrameDuration"),
)

# Absent would mean Hounsfield units (PS3.3 C.8.2.1.1.2), so what is unknown says so.
RESCALE = table(
    numbers(ONE_IF, "RescaleIntercept", "RescaleSlope"),
    term(ONE_IF, "RescaleType", RESCALE_TYPES, "US"),
)

WINDOW = table(
    numbers(ONE_IF, "WindowCenter", "WindowWidth"),
    term(THREE, "VOILUTFunction", "LINEAR LINEAR_EXACT SIGMOID"),
)

PLANE = table(
    numbers(TWO, "SliceThickness"),
    numbers(THREE, "SpacingBetweenSlices", "ImagerPixelSpacing", "SliceLocation"),
    numbers(ONE, "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"),
)

FRAME_OF_REFERENCE = table(
    frames_of_reference(ONE, "FrameOfReferenceUID"),
    because("", empty(TWO, "PositionReferenceIndicator")),
)

REFERENCE = table(
    classes(ONE, "ReferencedSOPClassUID"),
    uids(ONE, "ReferencedSOPInstanceUID"),
)
FRAME_REFERENCE = table(
    REFERENCE, numbers(ONE_IF, "ReferencedFrameNumber", "ReferencedSegmentNumber")
)
REFERENCED_SERIES = items(
    ONE_IF,
    "ReferencedSeriesSequence",
    uids(ONE, "SeriesInstanceUID"),
    items(ONE_IF, "ReferencedInstanceSequence", REFERENCE),
    items(ONE_IF, "ReferencedImageSequence", FRAME_REFERENCE),
)
COMMON_INSTANCE_REFERENCES = table(
    REFERENCED_SERIES,
    items(
        ONE_IF,
        "StudiesContainingOtherReferencedInstancesSequence",
        uids(ONE, "StudyInstanceUID"),
        REFERENCED_SERIES,
    ),
)
EVIDENCE = table(
    uids(ONE, "StudyInstanceUID"),
    items(
        ONE,
        "ReferencedSeriesSequence",
        uids(ONE, "SeriesInstanceUID"),
        items(ONE, "ReferencedSOPSequence", REFERENCE),
    ),
)

APPROVAL = table(
    term(ONE_IF, "ApprovalStatus", "APPROVED UNAPPROVED REJECTED"),
    empty(TWO_IF, "ReviewDate", "ReviewTime", "ReviewerName"),
)

__all__ = [
    "ANY_IMAGE",
    "ANY_OBJECT",
    "APPROVAL",
    "COLOUR",
    "COMMON_INSTANCE_REFERENCES",
    "ENHANCED_EQUIPMENT",
    "EVIDENCE",
    "FRAME_OF_REFERENCE",
    "FRAME_REFERENCE",
    "FRAME_TIMES",
    "PIXELS",
    "PLANE",
    "REFERENCE",
    "REFERENCED_SERIES",
    "RESCALE",
    "WINDOW",
    "image_type",
    "sop_class",
]
