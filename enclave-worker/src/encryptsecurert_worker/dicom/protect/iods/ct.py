"""Allow-list of CT Image Storage (PS3.3 A.3): which attributes stand in clear, and how.

One row an attribute; whatever has no row is sealed: private groups, sequences, free text,
overlays, curves, LUTs, the device, the institution, the staff, the protocol.
"""

from encryptsecurert_worker.dicom.protect.iods.iod import Iod, Pixels
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
from encryptsecurert_worker.dicom.protect.iods.rows import ONE, THREE, TWO, numbers, table, term

CT_IMAGE_STORAGE = b"1.2.840.10008.5.1.4.1.1.2"

CT_RULES = table(
    sop_class(CT_IMAGE_STORAGE),
    ANY_IMAGE,
    FRAME_OF_REFERENCE,
    PLANE,
    PIXELS,
    RESCALE,
    numbers(ONE, "RescaleIntercept", "RescaleSlope"),
    WINDOW,
    image_type("AXIAL LOCALIZER"),
    term(ONE, "Modality", "CT", "CT"),
    numbers(TWO, "KVP"),
    numbers(THREE, "DataCollectionDiameter", "ReconstructionDiameter"),
    numbers(THREE, "GantryDetectorTilt", "TableHeight"),
    term(THREE, "RotationDirection", "CW CC"),
)

CT = Iod(
    name="CT image",
    sop_classes=frozenset([CT_IMAGE_STORAGE]),
    rules=CT_RULES,
    pixels=Pixels.ALWAYS,
)
