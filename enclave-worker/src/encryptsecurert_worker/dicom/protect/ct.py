"""Allow-list of CT Image Storage (PS3.3 A.3): which attributes stand in clear, and how.

One row an attribute; whatever has no row is sealed: private groups, sequences, free text,
overlays, curves, LUTs, the device, the institution, the staff, the protocol. Rows of the first
table go for every image IOD, the others are added for the modules that they name. Attribute
types are those of PS3.3.
"""

from dataclasses import replace

from encryptsecurert_worker.dicom.protect.rules import Action, Kind, Rule
from encryptsecurert_worker.dicom.protect.terms import (
    BODY_PARTS,
    LOSSY_METHODS,
    PATIENT_POSITIONS,
    RESCALE_TYPES,
)

CT_IMAGE_STORAGE = b"1.2.840.10008.5.1.4.1.1.2"

_ONE = Kind.REQUIRED
_ONE_IF = Kind.REQUIRED_IF
_TWO = Kind.MAY_BE_EMPTY
_THREE = Kind.OPTIONAL
_MANY = 2**16
_MAPPED = "U: mapped with the site's key, so that references stay whole"
_EMPTIED = "Z: written empty"
_CODED = "Z/D: replaced by a keyed pseudonym"


def _number(tag: int, keyword: str, vr: str, kind: Kind, count: tuple[int, int] = (1, 1)) -> Rule:
    vrs = tuple(vr.encode("ascii").split())
    return Rule(
        tag=tag, keyword=keyword, vrs=vrs, kind=kind, action=Action.KEEP_NUMBER, count=count
    )


def _term(
    tag: int,
    keyword: str,
    kind: Kind,
    terms: frozenset[bytes],
    fallback: bytes | None = None,
) -> Rule:
    return Rule(
        tag=tag,
        keyword=keyword,
        vrs=(b"CS",),
        kind=kind,
        action=Action.KEEP_TERM,
        terms=terms,
        fallback=fallback,
    )


def _mapped(tag: int, keyword: str, action: Action = Action.MAP_UID) -> Rule:
    return Rule(tag=tag, keyword=keyword, vrs=(b"UI",), kind=_ONE, action=action, reason=_MAPPED)


def _empty(tag: int, keyword: str, vr: bytes, reason: str = _EMPTIED) -> Rule:
    return Rule(tag=tag, keyword=keyword, vrs=(vr,), kind=_TWO, action=Action.EMPTY, reason=reason)


def _pseudonym(tag: int, keyword: str, vr: bytes) -> Rule:
    return Rule(
        tag=tag, keyword=keyword, vrs=(vr,), kind=_TWO, action=Action.PSEUDONYM, reason=_CODED
    )


_ALL_IMAGES = (
    replace(_term(0x00080016, "SOPClassUID", _ONE, frozenset([CT_IMAGE_STORAGE])), vrs=(b"UI",)),
    _mapped(0x00080018, "SOPInstanceUID"),
    _empty(0x00080020, "StudyDate", b"DA"),
    _empty(0x00080023, "ContentDate", b"DA"),
    _empty(0x00080030, "StudyTime", b"TM"),
    _empty(0x00080033, "ContentTime", b"TM"),
    _empty(0x00080050, "AccessionNumber", b"SH"),
    _empty(0x00080070, "Manufacturer", b"LO", ""),
    _empty(0x00080090, "ReferringPhysicianName", b"PN"),
    _pseudonym(0x00100010, "PatientName", b"PN"),
    _pseudonym(0x00100020, "PatientID", b"LO"),
    _empty(0x00100030, "PatientBirthDate", b"DA"),
    _empty(0x00100040, "PatientSex", b"CS"),
    _term(0x00180015, "BodyPartExamined", _THREE, BODY_PARTS),
    _term(0x00185100, "PatientPosition", _ONE_IF, PATIENT_POSITIONS),
    _mapped(0x0020000D, "StudyInstanceUID"),
    _mapped(0x0020000E, "SeriesInstanceUID"),
    _empty(0x00200010, "StudyID", b"SH"),
    _number(0x00200011, "SeriesNumber", "IS", _TWO),
    _number(0x00200012, "AcquisitionNumber", "IS", _TWO),
    _number(0x00200013, "InstanceNumber", "IS", _TWO),
    _term(0x00200060, "Laterality", _TWO, frozenset([b"L", b"R"])),
    _number(0x00280008, "NumberOfFrames", "IS", _ONE_IF),
)

_IMAGE_PLANE_AND_PIXEL = (
    _number(0x00180050, "SliceThickness", "DS", _TWO),
    _number(0x00180088, "SpacingBetweenSlices", "DS", _THREE),
    _number(0x00181164, "ImagerPixelSpacing", "DS", _THREE, (2, 2)),
    _number(0x00200032, "ImagePositionPatient", "DS", _ONE, (3, 3)),
    _number(0x00200037, "ImageOrientationPatient", "DS", _ONE, (6, 6)),
    _mapped(0x00200052, "FrameOfReferenceUID", Action.MAP_UID_UNLESS_REGISTERED),
    _empty(0x00201040, "PositionReferenceIndicator", b"LO", ""),
    _number(0x00201041, "SliceLocation", "DS", _THREE),
    _number(0x00280002, "SamplesPerPixel", "US", _ONE),
    _term(
        0x00280004,
        "PhotometricInterpretation",
        _ONE,
        frozenset([b"MONOCHROME1", b"MONOCHROME2"]),
    ),
    _number(0x00280010, "Rows", "US", _ONE),
    _number(0x00280011, "Columns", "US", _ONE),
    _number(0x00280030, "PixelSpacing", "DS", _ONE, (2, 2)),
    _number(0x00280034, "PixelAspectRatio", "IS", _ONE_IF, (2, 2)),
    _number(0x00280100, "BitsAllocated", "US", _ONE),
    _number(0x00280101, "BitsStored", "US", _ONE),
    _number(0x00280102, "HighBit", "US", _ONE),
    _number(0x00280103, "PixelRepresentation", "US", _ONE),
    _number(0x00280106, "SmallestImagePixelValue", "US SS", _THREE),
    _number(0x00280107, "LargestImagePixelValue", "US SS", _THREE),
    _number(0x00280120, "PixelPaddingValue", "US SS", _ONE_IF),
    _number(0x00280121, "PixelPaddingRangeLimit", "US SS", _ONE_IF),
    _number(0x00281050, "WindowCenter", "DS", _ONE_IF, (1, _MANY)),
    _number(0x00281051, "WindowWidth", "DS", _ONE_IF, (1, _MANY)),
    _number(0x00281052, "RescaleIntercept", "DS", _ONE),
    _number(0x00281053, "RescaleSlope", "DS", _ONE),
    # Absent would mean Hounsfield units (PS3.3 C.8.2.1.1.2), so what is unknown says so.
    replace(_term(0x00281054, "RescaleType", _ONE_IF, RESCALE_TYPES, b"US"), vrs=(b"LO",)),
    _term(
        0x00281056,
        "VOILUTFunction",
        _THREE,
        frozenset([b"LINEAR", b"LINEAR_EXACT", b"SIGMOID"]),
    ),
    _term(0x00282110, "LossyImageCompression", _THREE, frozenset([b"00", b"01"])),
    _number(0x00282112, "LossyImageCompressionRatio", "DS", _ONE_IF, (1, _MANY)),
    replace(
        _term(0x00282114, "LossyImageCompressionMethod", _ONE_IF, LOSSY_METHODS),
        count=(1, _MANY),
    ),
)

_CT_IMAGE = (
    Rule(
        tag=0x00080008,
        keyword="ImageType",
        vrs=(b"CS",),
        kind=_ONE,
        action=Action.IMAGE_TYPE,
        terms=frozenset([b"AXIAL", b"LOCALIZER"]),
        fallback=b"DERIVED\\SECONDARY",
    ),
    _term(0x00080060, "Modality", _ONE, frozenset([b"CT"]), b"CT"),
    _number(0x00180060, "KVP", "DS", _TWO),
    _number(0x00180090, "DataCollectionDiameter", "DS", _THREE),
    _number(0x00181100, "ReconstructionDiameter", "DS", _THREE),
    _number(0x00181120, "GantryDetectorTilt", "DS", _THREE),
    _number(0x00181130, "TableHeight", "DS", _THREE),
    _term(0x00181140, "RotationDirection", _THREE, frozenset([b"CW", b"CC"])),
)

CT_RULES = _ALL_IMAGES + _IMAGE_PLANE_AND_PIXEL + _CT_IMAGE
