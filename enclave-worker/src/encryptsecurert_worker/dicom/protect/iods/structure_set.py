"""Allow-list of RT Structure Set Storage (PS3.3 A.19).

Numbers, contours, colours and references stay; a region is called `ROI_<number>` and a set
`RTSTRUCT`, whoever drew it and whatever it is called. Contours are held against the grammar of
decimal strings number by number, since they are text and could say anything.
"""

from encryptsecurert_worker.dicom.protect.iods.iod import Iod, Pixels
from encryptsecurert_worker.dicom.protect.iods.modules import (
    ANY_OBJECT,
    APPROVAL,
    COMMON_INSTANCE_REFERENCES,
    FRAME_REFERENCE,
    REFERENCE,
    sop_class,
)
from encryptsecurert_worker.dicom.protect.iods.rows import (
    ONE,
    ONE_IF,
    THREE,
    TWO,
    codes,
    dates,
    empty,
    fixed,
    frames_of_reference,
    items,
    label,
    numbers,
    table,
    term,
    uids,
)

RT_STRUCTURE_SET_STORAGE = b"1.2.840.10008.5.1.4.1.1.481.3"

_INTERPRETED_TYPES = """
    EXTERNAL PTV CTV GTV TREATED_VOLUME IRRAD_VOLUME OAR BOLUS AVOIDANCE ORGAN MARKER REGISTRATION
    ISOCENTER CONTRAST_AGENT CAVITY BRACHY_CHANNEL BRACHY_ACCESSORY BRACHY_SRC_APP
    BRACHY_CHNL_SHLD SUPPORT FIXATION DOSE_REGION CONTROL DOSE_MEASUREMENT DEVICE
"""
_GEOMETRIC_TYPES = "POINT OPEN_PLANAR OPEN_NONPLANAR CLOSED_PLANAR CLOSEDPLANAR_XOR"

_FRAMES = items(
    THREE,
    "ReferencedFrameOfReferenceSequence",
    frames_of_reference(ONE, "FrameOfReferenceUID"),
    items(
        THREE,
        "RTReferencedStudySequence",
        REFERENCE,
        items(
            ONE,
            "RTReferencedSeriesSequence",
            uids(ONE, "SeriesInstanceUID"),
            items(ONE, "ContourImageSequence", FRAME_REFERENCE),
        ),
    ),
)
_REGIONS = items(
    ONE,
    "StructureSetROISequence",
    numbers(ONE, "ROINumber"),
    frames_of_reference(ONE, "ReferencedFrameOfReferenceUID"),
    label(TWO, "ROIName", "ROI", "ROINumber"),
    numbers(THREE, "ROIVolume"),
    term(TWO, "ROIGenerationAlgorithm", "AUTOMATIC SEMIAUTOMATIC MANUAL"),
)
_CONTOURS = items(
    ONE,
    "ROIContourSequence",
    numbers(ONE, "ReferencedROINumber"),
    numbers(THREE, "ROIDisplayColor"),
    items(
        THREE,
        "ContourSequence",
        numbers(THREE, "ContourNumber", "AttachedContours"),
        numbers(THREE, "ContourSlabThickness", "ContourOffsetVector"),
        items(THREE, "ContourImageSequence", FRAME_REFERENCE),
        term(ONE, "ContourGeometricType", _GEOMETRIC_TYPES),
        numbers(ONE, "NumberOfContourPoints", "ContourData"),
    ),
)
_OBSERVATIONS = items(
    ONE,
    "RTROIObservationsSequence",
    numbers(ONE, "ObservationNumber", "ReferencedROINumber"),
    term(TWO, "RTROIInterpretedType", _INTERPRETED_TYPES),
    empty(TWO, "ROIInterpreter"),
    codes(THREE, "RTROIIdentificationCodeSequence"),
    items(
        THREE,
        "RTRelatedROISequence",
        numbers(ONE, "ReferencedROINumber"),
        term(THREE, "RTROIRelationship", "SAME ENCLOSED ENCLOSING"),
    ),
    items(
        THREE,
        "ROIPhysicalPropertiesSequence",
        term(
            ONE_IF,
            "ROIPhysicalProperty",
            "REL_MASS_DENSITY REL_ELEC_DENSITY EFFECTIVE_Z EFF_Z_PER_A REL_STOP_RATIO "
            "LINEAR_ATTENUATION MEAN_EXCI_ENERGY ELEM_FRACTION",
        ),
        numbers(ONE, "ROIPhysicalPropertyValue"),
    ),
)

RT_STRUCTURE_SET = Iod(
    name="RT structure set",
    sop_classes=frozenset([RT_STRUCTURE_SET_STORAGE]),
    pixels=Pixels.NEVER,
    rules=table(
        sop_class(RT_STRUCTURE_SET_STORAGE),
        ANY_OBJECT,
        term(ONE, "Modality", "RTSTRUCT", "RTSTRUCT"),
        empty(TWO, "OperatorsName"),
        dates(TWO, "StructureSetDate", "StructureSetTime"),
        numbers(THREE, "InstanceNumber"),
        frames_of_reference(ONE_IF, "FrameOfReferenceUID"),
        fixed(ONE, "StructureSetLabel", "RTSTRUCT"),
        items(THREE, "ReferencedStudySequence", REFERENCE),
        items(THREE, "PredecessorStructureSetSequence", REFERENCE),
        COMMON_INSTANCE_REFERENCES,
        _FRAMES,
        _REGIONS,
        _CONTOURS,
        _OBSERVATIONS,
        APPROVAL,
    ),
)
