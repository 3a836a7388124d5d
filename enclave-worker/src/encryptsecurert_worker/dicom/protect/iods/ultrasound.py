"""Allow-list of Ultrasound and Ultrasound Multi-frame Image Storage (PS3.3 A.6, A.7).

Scanners write names into the picture, so these are protected only if a user vouches for the
pixels. Regions and their calibration stay, as do frame times and indices of exposure; what the
transducer, the preset and the view are called does not.
"""

from encryptsecurert_worker.dicom.protect.iods.iod import Iod
from encryptsecurert_worker.dicom.protect.iods.iod import Pixels as HasPixels
from encryptsecurert_worker.dicom.protect.iods.modules import (
    ANY_IMAGE,
    COLOUR,
    FRAME_TIMES,
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
    because,
    codes,
    empty,
    frames_of_reference,
    items,
    numbers,
    table,
    term,
)
from encryptsecurert_worker.dicom.protect.iods.terms import DIRECTIONS

ULTRASOUND_STORAGES = (b"1.2.840.10008.5.1.4.1.1.6.1", b"1.2.840.10008.5.1.4.1.1.3.1")

# PS3.3 C.8.5.6.1.1: value 3 says what was looked at, value 4 adds up the modes as hexadecimal.
_EXAMINATIONS = frozenset(
    b"ABDOMINAL,BREAST,CHEST,ENDOCAVITARY,ENDORECTAL,ENDOVAGINAL,EPICARDIAL,FETAL HEART,"
    b"GYNECOLOGY,INTRACARDIAC,INTRAOPERATIVE,INTRAVASCULAR,MUSCULOSKELETAL,NEONATAL HEAD,"
    b"OBSTETRICAL,OPHTHALMIC,PEDIATRIC,PELVIC,RETROPERITONEAL,SCROTAL,SMALL PARTS,TEE,THYROID,"
    b"TRANSCRANIAL,TTE,US BIOPSY,VASCULAR".split(b",")
)
_ALL_MODES = 0x077F
_MODES = frozenset(b"%04X" % modes for modes in range(1, _ALL_MODES + 1) if not modes & ~_ALL_MODES)
_TRANSDUCERS = frozenset(
    b"SECTOR_PHASED,SECTOR_MECH,SECTOR_ANNULAR,LINEAR,CURVED LINEAR,SINGLE CRYSTAL,SPLIT XTAL CWD,"
    b"IV_PHASED,IV_ROT XTAL,IV_ROT MIRROR,ENDOCAV_PA,ENDOCAV_MECH,ENDOCAV_CLA,ENDOCAV_AA,"
    b"ENDOCAV_LINEAR,VECTOR_PHASED".split(b",")
)
_REGIONS = items(
    ONE_IF,
    "SequenceOfUltrasoundRegions",
    numbers(ONE, "RegionSpatialFormat", "RegionDataType", "RegionFlags"),
    numbers(ONE, "RegionLocationMinX0", "RegionLocationMinY0"),
    numbers(ONE, "RegionLocationMaxX1", "RegionLocationMaxY1"),
    numbers(ONE, "PhysicalUnitsXDirection", "PhysicalUnitsYDirection"),
    numbers(ONE, "PhysicalDeltaX", "PhysicalDeltaY"),
    numbers(THREE, "ReferencePixelX0", "ReferencePixelY0"),
    numbers(THREE, "ReferencePixelPhysicalValueX", "ReferencePixelPhysicalValueY"),
    numbers(THREE, "TransducerFrequency", "PulseRepetitionFrequency"),
    numbers(THREE, "DopplerCorrectionAngle", "SteeringAngle"),
    numbers(THREE, "DopplerSampleVolumeXPosition", "DopplerSampleVolumeYPosition"),
    numbers(THREE, "TMLinePositionX0", "TMLinePositionY0"),
    numbers(THREE, "TMLinePositionX1", "TMLinePositionY1"),
    numbers(ONE_IF, "PixelComponentOrganization", "PixelComponentMask"),
    numbers(ONE_IF, "PixelComponentRangeStart", "PixelComponentRangeStop"),
    numbers(ONE_IF, "PixelComponentPhysicalUnits", "PixelComponentDataType"),
    numbers(ONE_IF, "NumberOfTableBreakPoints", "TableOfXBreakPoints", "TableOfYBreakPoints"),
    numbers(ONE_IF, "NumberOfTableEntries", "TableOfPixelValues", "TableOfParameterValues"),
)

ULTRASOUND = Iod(
    name="ultrasound image",
    sop_classes=frozenset(ULTRASOUND_STORAGES),
    pixels=HasPixels.ALWAYS,
    rules=table(
        sop_class(*ULTRASOUND_STORAGES),
        ANY_IMAGE,
        COLOUR,
        WINDOW,
        FRAME_TIMES,
        image_type(_EXAMINATIONS | _MODES, kind=TWO),
        term(ONE, "Modality", "US IVUS", "US"),
        frames_of_reference(ONE_IF, "FrameOfReferenceUID"),
        because("", empty(TWO_IF, "PositionReferenceIndicator")),
        term(TWO_IF, "PatientOrientation", DIRECTIONS),
        codes(THREE, "AnatomicRegionSequence"),
        _REGIONS,
        term(THREE, "TransducerType", _TRANSDUCERS),
        numbers(THREE, "UltrasoundColorDataPresent", "PixelSpacing"),
        numbers(THREE, "StageNumber", "ViewNumber", "EventElapsedTimes", "TriggerTime"),
        numbers(TWO_IF, "NumberOfStages", "NumberOfViewsInStage"),
        numbers(THREE, "FocusDepth", "DepthOfScanField", "MechanicalIndex", "BoneThermalIndex"),
        numbers(THREE, "CranialThermalIndex", "SoftTissueThermalIndex"),
        numbers(THREE, "SoftTissueFocusThermalIndex", "SoftTissueSurfaceThermalIndex"),
        # As far as the original says so; that a user vouches adds nothing here.
        term(THREE, "BurnedInAnnotation", "NO"),
    ),
)
