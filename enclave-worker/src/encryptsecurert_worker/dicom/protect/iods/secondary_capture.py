"""Allow-list of Secondary Capture Image Storage, single and multi-frame (PS3.3 A.8).

Whatever was on a screen or on paper may be in these pictures, so they are protected only if a
user vouches for the pixels. How a picture was made stays, by which device and when does not.
"""

from encryptsecurert_worker.dicom.protect.iods.iod import Iod
from encryptsecurert_worker.dicom.protect.iods.iod import Pixels as HasPixels
from encryptsecurert_worker.dicom.protect.iods.modules import (
    ANY_IMAGE,
    COLOUR,
    FRAME_TIMES,
    RESCALE,
    WINDOW,
    image_type,
    sop_class,
)
from encryptsecurert_worker.dicom.protect.iods.rows import (
    ONE,
    ONE_IF,
    THREE,
    TWO_IF,
    numbers,
    pointers,
    table,
    term,
)
from encryptsecurert_worker.dicom.protect.iods.terms import DIRECTIONS, MODALITIES

_SECONDARY_CAPTURE = b"1.2.840.10008.5.1.4.1.1.7"
# Single frame; then multi-frame of single bits, grey octets, grey words, colours.
SECONDARY_CAPTURE_STORAGES = (
    _SECONDARY_CAPTURE,
    *(_SECONDARY_CAPTURE + number for number in (b".1", b".2", b".3", b".4")),
)

# What frames go by (PS3.3 C.8.6.5); where they go by labels, these are sealed.
_VECTORS = (
    *("PageNumberVector", "SliceLocationVector"),
    *("FramePrimaryAngleVector", "FrameSecondaryAngleVector"),
)

SECONDARY_CAPTURE = Iod(
    name="secondary capture image",
    sop_classes=frozenset(SECONDARY_CAPTURE_STORAGES),
    pixels=HasPixels.ALWAYS,
    rules=table(
        sop_class(*SECONDARY_CAPTURE_STORAGES),
        ANY_IMAGE,
        COLOUR,
        RESCALE,
        WINDOW,
        FRAME_TIMES,
        image_type("OTHER", kind=THREE),
        term(ONE, "Modality", MODALITIES, "OT"),
        term(ONE, "ConversionType", "DV DI DF WSD SD SI DRW SYN"),
        term(TWO_IF, "PatientOrientation", DIRECTIONS),
        numbers(ONE_IF, "PixelSpacing", "NominalScannedPixelSpacing"),
        numbers(ONE_IF, *_VECTORS),
        pointers(ONE_IF, "FrameIncrementPointer", "FrameTime", "FrameTimeVector", *_VECTORS),
        term(ONE_IF, "PresentationLUTShape", "IDENTITY"),
        # As far as the original says so; that a user vouches adds nothing here.
        term(ONE_IF, "BurnedInAnnotation", "NO"),
    ),
)
