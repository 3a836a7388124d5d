"""Allow-lists of Computed Radiography and Digital X-Ray Image Storage (PS3.3 A.2, A.26).

Look-up tables with their explanations are sealed, so a viewer falls back on the window. What the
laboratory, the room and the protocol are called is sealed as well.
"""

from encryptsecurert_worker.dicom.protect.iods.iod import Iod
from encryptsecurert_worker.dicom.protect.iods.iod import Pixels as HasPixels
from encryptsecurert_worker.dicom.protect.iods.modules import (
    ANY_IMAGE,
    PIXELS,
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
    codes,
    empty,
    numbers,
    table,
    term,
)
from encryptsecurert_worker.dicom.protect.iods.terms import BODY_PARTS, DIRECTIONS

CR_IMAGE_STORAGE = b"1.2.840.10008.5.1.4.1.1.1"
DX_STORAGES = (b"1.2.840.10008.5.1.4.1.1.1.1", b"1.2.840.10008.5.1.4.1.1.1.1.1")

_VIEWS = "AP PA LL RL RLD LLD RLO LLO"
_INTENTS = frozenset([b"FOR PRESENTATION", b"FOR PROCESSING"])
_GEOMETRY = table(
    numbers(TWO, "KVP"),
    numbers(THREE, "DistanceSourceToDetector", "DistanceSourceToPatient"),
    numbers(ONE_IF, "ImagerPixelSpacing", "PixelSpacing"),
    term(TWO_IF, "PatientOrientation", DIRECTIONS),
)

CR = Iod(
    name="CR image",
    sop_classes=frozenset([CR_IMAGE_STORAGE]),
    pixels=HasPixels.ALWAYS,
    rules=table(
        sop_class(CR_IMAGE_STORAGE),
        ANY_IMAGE,
        PIXELS,
        RESCALE,
        WINDOW,
        _GEOMETRY,
        image_type("", "ORIGINAL\\PRIMARY", THREE),
        term(ONE, "Modality", "CR", "CR"),
        term(TWO, "BodyPartExamined", BODY_PARTS),
        term(TWO, "ViewPosition", _VIEWS),
    ),
)
DX = Iod(
    name="DX image",
    sop_classes=frozenset(DX_STORAGES),
    pixels=HasPixels.ALWAYS,
    rules=table(
        sop_class(*DX_STORAGES),
        ANY_IMAGE,
        PIXELS,
        RESCALE,
        WINDOW,
        _GEOMETRY,
        image_type("", "ORIGINAL\\PRIMARY"),
        term(ONE, "Modality", "DX", "DX"),
        term(ONE, "PresentationIntentType", _INTENTS),
        term(ONE, "ImageLaterality", "R L U B", "U"),
        codes(TWO, "AnatomicRegionSequence"),
        empty(TWO, "AcquisitionContextSequence"),
        term(TWO, "DetectorType", "DIRECT SCINTILLATOR STORAGE FILM"),
        numbers(ONE, "PixelIntensityRelationshipSign"),
        term(ONE, "PixelIntensityRelationship", "LIN LOG", "LIN"),
        term(ONE_IF, "PresentationLUTShape", "IDENTITY INVERSE"),
        term(ONE_IF, "BurnedInAnnotation", "NO"),
    ),
)
