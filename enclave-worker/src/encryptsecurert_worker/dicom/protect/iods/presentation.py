"""Allow-list of Grayscale Softcopy Presentation State Storage (PS3.3 A.33.1).

Which images are shown, which part and with which window stays; what was written and drawn on
them is sealed.
"""

from encryptsecurert_worker.dicom.protect.iods.iod import Iod, Pixels
from encryptsecurert_worker.dicom.protect.iods.modules import (
    ANY_OBJECT,
    FRAME_REFERENCE,
    RESCALE,
    WINDOW,
    sop_class,
)
from encryptsecurert_worker.dicom.protect.iods.rows import (
    ANY_DATE,
    ANY_TIME,
    ONE,
    ONE_IF,
    TWO,
    because,
    empty,
    fixed,
    items,
    numbers,
    table,
    term,
    uids,
)

GRAYSCALE_PRESENTATION_STORAGE = b"1.2.840.10008.5.1.4.1.1.11.1"

_IMAGES = items(ONE_IF, "ReferencedImageSequence", FRAME_REFERENCE)

PRESENTATION_STATE = Iod(
    name="grayscale presentation state",
    sop_classes=frozenset([GRAYSCALE_PRESENTATION_STORAGE]),
    pixels=Pixels.NEVER,
    rules=table(
        sop_class(GRAYSCALE_PRESENTATION_STORAGE),
        ANY_OBJECT,
        term(ONE, "Modality", "PR", "PR"),
        numbers(ONE, "InstanceNumber"),
        because("", fixed(ONE, "ContentLabel", "PRESENTATION")),
        empty(TWO, "ContentDescription", "ContentCreatorName"),
        fixed(ONE, "PresentationCreationDate", ANY_DATE),
        fixed(ONE, "PresentationCreationTime", ANY_TIME),
        items(ONE, "ReferencedSeriesSequence", uids(ONE, "SeriesInstanceUID"), _IMAGES),
        items(
            ONE,
            "DisplayedAreaSelectionSequence",
            _IMAGES,
            numbers(ONE, "DisplayedAreaTopLeftHandCorner", "DisplayedAreaBottomRightHandCorner"),
            term(ONE, "PresentationSizeMode", "SCALE_TO_FIT TRUE_SIZE MAGNIFY", "SCALE_TO_FIT"),
            numbers(ONE_IF, "PresentationPixelSpacing", "PresentationPixelAspectRatio"),
            numbers(ONE_IF, "PresentationPixelMagnificationRatio"),
        ),
        items(ONE_IF, "SoftcopyVOILUTSequence", _IMAGES, WINDOW),
        RESCALE,
        numbers(ONE_IF, "ImageRotation"),
        term(ONE_IF, "ImageHorizontalFlip", "Y N"),
        term(ONE, "PresentationLUTShape", "IDENTITY INVERSE", "IDENTITY"),
    ),
)
