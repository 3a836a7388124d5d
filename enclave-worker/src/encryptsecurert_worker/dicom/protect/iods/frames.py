"""Rows of multi-frame objects: functional groups and dimensions (PS3.3 C.7.6.16, C.7.6.17).

Of the groups only those of geometry, value and order stay. Dates, labels and comments of a frame
are sealed: a per-frame group may hold ten thousand copies of a date. Where dates are moved, those
of a frame are, too, to the minute.
"""

from encryptsecurert_worker.dicom.protect.iods.modules import (
    FRAME_REFERENCE,
    RESCALE,
    WINDOW,
    image_type,
)
from encryptsecurert_worker.dicom.protect.iods.rows import (
    ONE,
    ONE_IF,
    THREE,
    TWO,
    Rows,
    because,
    codes,
    fixed,
    fixed_dates,
    items,
    numbers,
    table,
    tags,
    term,
    uids,
)

CONCATENATION = table(
    uids(ONE_IF, "ConcatenationUID", "SOPInstanceUIDOfConcatenationSource"),
    numbers(ONE_IF, "InConcatenationNumber", "ConcatenationFrameOffsetNumber"),
)

DIMENSIONS = table(
    items(ONE, "DimensionOrganizationSequence", uids(ONE, "DimensionOrganizationUID")),
    term(THREE, "DimensionOrganizationType", "3D 3D_TEMPORAL TILED_FULL TILED_SPARSE 3D_STACK"),
    items(
        ONE_IF,
        "DimensionIndexSequence",
        uids(ONE, "DimensionOrganizationUID"),
        tags(ONE_IF, "DimensionIndexPointer", "FunctionalGroupPointer"),
    ),
)

_SOURCES = items(
    TWO,
    "SourceImageSequence",
    FRAME_REFERENCE,
    codes(ONE, "PurposeOfReferenceCodeSequence", ("121322", "DCM")),
    term(THREE, "SpatialLocationsPreserved", "YES NO REORIENTED_ONLY"),
)
DERIVATION = items(
    TWO,
    "DerivationImageSequence",
    _SOURCES,
    codes(ONE, "DerivationCodeSequence", ("113076", "DCM")),
)
GEOMETRY = table(
    items(
        ONE,
        "PixelMeasuresSequence",
        numbers(ONE_IF, "PixelSpacing", "SliceThickness", "SpacingBetweenSlices"),
    ),
    items(ONE, "PlanePositionSequence", numbers(ONE_IF, "ImagePositionPatient")),
    items(ONE, "PlaneOrientationSequence", numbers(ONE_IF, "ImageOrientationPatient")),
)
CONTENT = items(
    ONE,
    "FrameContentSequence",
    numbers(THREE, "FrameAcquisitionNumber"),
    fixed_dates(ONE_IF, "FrameAcquisitionDateTime", "FrameReferenceDateTime"),
    numbers(ONE_IF, "FrameAcquisitionDuration"),
    because("", fixed(ONE_IF, "StackID", "1")),
    numbers(ONE_IF, "InStackPositionNumber", "TemporalPositionIndex", "DimensionIndexValues"),
)
DESCRIPTION = table(
    # Palettes are sealed, so what was shown in colours is grey in clear.
    term(ONE_IF, "PixelPresentation", "MONOCHROME", "MONOCHROME"),
    term(ONE_IF, "VolumetricProperties", "VOLUME SAMPLED DISTORTED MIXED"),
    term(
        ONE_IF,
        "VolumeBasedCalculationTechnique",
        "NONE MAX_IP MIN_IP VOLUME_RENDER SURFACE_RENDER MPR CURVED_MPR MEAN_IP MIXED",
    ),
)
MR_CONTRASTS = """
    DIFFUSION FLOW_ENCODED FLUID_ATTENUATED PERFUSION PROTON_DENSITY STIR TAGGING T1 T2 T2_STAR TOF
    UNKNOWN MIXED
"""
ANATOMY = items(
    ONE_IF,
    "FrameAnatomySequence",
    term(ONE, "FrameLaterality", "R L U B", "U"),
    codes(ONE, "AnatomicRegionSequence", ("38266002", "SCT")),
)
EVENT = items(ONE_IF, "IrradiationEventIdentificationSequence", uids(ONE_IF, "IrradiationEventUID"))
SLIDE_POSITION = items(
    ONE_IF,
    "PlanePositionSlideSequence",
    numbers(ONE, "XOffsetInSlideCoordinateSystem", "YOffsetInSlideCoordinateSystem"),
    numbers(ONE, "ZOffsetInSlideCoordinateSystem", "ColumnPositionInTotalImagePixelMatrix"),
    numbers(ONE, "RowPositionInTotalImagePixelMatrix"),
)
SLIDE = table(
    numbers(ONE_IF, "TotalPixelMatrixColumns", "TotalPixelMatrixRows"),
    numbers(ONE_IF, "TotalPixelMatrixFocalPlanes", "ImageOrientationSlide"),
    items(
        ONE_IF,
        "TotalPixelMatrixOriginSequence",
        numbers(ONE, "XOffsetInSlideCoordinateSystem", "YOffsetInSlideCoordinateSystem"),
        numbers(ONE_IF, "ZOffsetInSlideCoordinateSystem"),
    ),
)
SEGMENT = items(ONE, "SegmentIdentificationSequence", numbers(ONE, "ReferencedSegmentNumber"))
VALUES = table(
    items(ONE_IF, "PixelValueTransformationSequence", RESCALE),
    items(ONE_IF, "FrameVOILUTSequence", WINDOW),
)


def frame_type(group: str, words: str, fallback: str) -> Rows:
    """Keep the frame type of a modality's own group, as far as its values are defined."""
    return items(
        ONE,
        group,
        image_type(words, fallback, keyword="FrameType"),
        DESCRIPTION,
        term(ONE_IF, "ComplexImageComponent", "MAGNITUDE PHASE REAL IMAGINARY MIXED"),
        term(ONE_IF, "AcquisitionContrast", MR_CONTRASTS),
    )


def functional_groups(*groups: Rows) -> Rows:
    """Return the shared and the per-frame sequence, with these groups in each item."""
    return table(
        items(ONE, "SharedFunctionalGroupsSequence", *groups),
        items(ONE, "PerFrameFunctionalGroupsSequence", *groups),
    )
