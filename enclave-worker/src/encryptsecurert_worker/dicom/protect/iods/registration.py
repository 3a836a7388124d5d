"""Allow-lists of Spatial and Deformable Spatial Registration Storage (PS3.3 A.39).

Matrices and deformation fields stay as they are: they are numbers. Frames of reference and images
are mapped as everywhere, so that a registration still joins what it joined.
"""

from encryptsecurert_worker.dicom.protect.iods.iod import Iod, Pixels
from encryptsecurert_worker.dicom.protect.iods.modules import (
    ANY_OBJECT,
    COMMON_INSTANCE_REFERENCES,
    FRAME_OF_REFERENCE,
    FRAME_REFERENCE,
    REFERENCE,
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
    numbers,
    table,
    term,
    uids,
)

SPATIAL_REGISTRATION_STORAGE = b"1.2.840.10008.5.1.4.1.1.66.1"
DEFORMABLE_REGISTRATION_STORAGE = b"1.2.840.10008.5.1.4.1.1.66.3"

_GENERAL = table(
    ANY_OBJECT,
    FRAME_OF_REFERENCE,
    term(ONE, "Modality", "REG", "REG"),
    fixed_dates(ONE, "ContentDate", "ContentTime"),
    numbers(ONE, "InstanceNumber"),
    because("", fixed(ONE, "ContentLabel", "REG")),
    empty(TWO, "ContentDescription", "ContentCreatorName"),
    COMMON_INSTANCE_REFERENCES,
)
_MATRIX = table(
    numbers(ONE, "FrameOfReferenceTransformationMatrix"),
    term(ONE, "FrameOfReferenceTransformationMatrixType", "RIGID RIGID_SCALE AFFINE"),
)
_IMAGES = items(ONE_IF, "ReferencedImageSequence", FRAME_REFERENCE)
_RIGID = items(
    ONE,
    "RegistrationSequence",
    frames_of_reference(ONE_IF, "FrameOfReferenceUID"),
    _IMAGES,
    items(
        ONE,
        "MatrixRegistrationSequence",
        codes(TWO, "RegistrationTypeCodeSequence"),
        items(ONE, "MatrixSequence", _MATRIX),
    ),
    items(THREE, "UsedFiducialsSequence", REFERENCE, uids(ONE, "FiducialUID")),
    items(THREE, "UsedSegmentsSequence", REFERENCE, numbers(ONE, "ReferencedSegmentNumber")),
    items(
        THREE,
        "UsedRTStructureSetROISequence",
        REFERENCE,
        numbers(ONE, "ReferencedROINumber"),
    ),
)
_DEFORMABLE = items(
    ONE,
    "DeformableRegistrationSequence",
    frames_of_reference(ONE, "SourceFrameOfReferenceUID"),
    _IMAGES,
    codes(TWO, "RegistrationTypeCodeSequence"),
    items(ONE_IF, "PreDeformationMatrixRegistrationSequence", _MATRIX),
    items(ONE_IF, "PostDeformationMatrixRegistrationSequence", _MATRIX),
    items(
        ONE_IF,
        "DeformableRegistrationGridSequence",
        numbers(ONE, "ImagePositionPatient", "ImageOrientationPatient"),
        numbers(ONE, "GridDimensions", "GridResolution"),
        numbers(ONE, "VectorGridData"),
    ),
    items(THREE, "UsedFiducialsSequence", REFERENCE, uids(ONE, "FiducialUID")),
)

SPATIAL_REGISTRATION = Iod(
    name="spatial registration",
    sop_classes=frozenset([SPATIAL_REGISTRATION_STORAGE]),
    pixels=Pixels.NEVER,
    rules=table(sop_class(SPATIAL_REGISTRATION_STORAGE), _GENERAL, _RIGID),
)
DEFORMABLE_REGISTRATION = Iod(
    name="deformable spatial registration",
    sop_classes=frozenset([DEFORMABLE_REGISTRATION_STORAGE]),
    pixels=Pixels.NEVER,
    rules=table(sop_class(DEFORMABLE_REGISTRATION_STORAGE), _GENERAL, _DEFORMABLE),
)
