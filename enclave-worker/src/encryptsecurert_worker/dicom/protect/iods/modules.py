"""Rows that many kinds share: identity and order of an object, image plane, pixels, references.

Attribute types are those of PS3.3; where kinds differ, a kind's own table has the row anew.
"""

from encryptsecurert_worker.dicom.protect.dictionary import attribute_of
from encryptsecurert_worker.dicom.protect.iods.rows import (
    ONE,
    ONE_IF,
    THREE,
    TWO,
    TWO_IF,
    Rows,
    because,
    classes,
    empty,
    frames_of_reference,
    items,
    numbers,
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
from encryptsecurert_worker.dicom.protect.rules import Action, Kind, Rule

_PSEUDONYM = "Z/D: replaced by a keyed pseudonym"


def sop_class(*registered: bytes) -> Rows:
    """Keep the SOP class: it is one of those by which the table was found."""
    return (
        Rule(
            tag=0x00080016,
            keyword="SOPClassUID",
            vrs=(b"UI",),
            kind=Kind.REQUIRED,
            action=Action.KEEP_TERM,
            terms=frozenset(registered),
        ),
    )


def _pseudonym(tag: int, keyword: str, vr: bytes) -> Rule:
    return Rule(
        tag=tag,
        keyword=keyword,
        vrs=(vr,),
        kind=Kind.MAY_BE_EMPTY,
        action=Action.PSEUDONYM,
        reason=_PSEUDONYM,
    )


def image_type(
    words: str,
    fallback: str = "DERIVED\\SECONDARY",
    kind: Kind = ONE,
    *,
    keyword: str = "ImageType",
) -> Rows:
    """Keep an image's or frame's type as far as its values are defined.

    `words` are those of values 3 and 4; the fallback has as many values as there must be.
    """
    return (
        Rule(
            tag=attribute_of(keyword)[0],
            keyword=keyword,
            vrs=(b"CS",),
            kind=kind,
            action=Action.IMAGE_TYPE,
            count=(fallback.count("\\") + 1, 4),
            terms=frozenset(words.encode("ascii").split()),
            fallback=fallback.encode("ascii"),
        ),
    )


ANY_OBJECT = table(
    uids(ONE, "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"),
    empty(TWO, "StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName", "StudyID"),
    because("", empty(TWO, "Manufacturer")),
    (_pseudonym(0x00100010, "PatientName", b"PN"), _pseudonym(0x00100020, "PatientID", b"LO")),
    empty(TWO, "PatientBirthDate", "PatientSex"),
    numbers(TWO, "SeriesNumber"),
)

ANY_IMAGE = table(
    ANY_OBJECT,
    empty(TWO, "ContentDate", "ContentTime"),
    term(THREE, "BodyPartExamined", BODY_PARTS),
    term(ONE_IF, "PatientPosition", PATIENT_POSITIONS),
    numbers(TWO, "AcquisitionNumber", "InstanceNumber"),
    term(TWO, "Laterality", "L R"),
    numbers(ONE_IF, "NumberOfFrames"),
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
    "COMMON_INSTANCE_REFERENCES",
    "EVIDENCE",
    "FRAME_OF_REFERENCE",
    "FRAME_REFERENCE",
    "PIXELS",
    "PLANE",
    "REFERENCE",
    "REFERENCED_SERIES",
    "RESCALE",
    "WINDOW",
    "image_type",
    "sop_class",
]
