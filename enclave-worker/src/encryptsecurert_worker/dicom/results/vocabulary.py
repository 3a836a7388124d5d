"""What each structure is called and coded: the only labels that a result may carry.

    key          TG-263     property type (SNOMED CT)   laterality   interpreted type
    body         External   38266002 Entire body                     EXTERNAL
    lung_left    Lung_L     39607008 Lung               7771000      ORGAN
    lung_right   Lung_R     39607008 Lung               24028007     ORGAN
    skeleton     Bone       272673000 Bone                           ORGAN

Names are from the AAPM TG-263 nomenclature (2018). Its "External" is the contour that dose
calculation uses; it has no name for the whole skeleton, and "Bone" is its name for bone that is
not told apart further, which is what a threshold finds. Codes are the ones of DICOM PS3.16 CID
7150 (category), CID 244 (laterality) and the anatomy groups; SNOMED CT has no sided lung there,
so a side is always a modifier. Colours are ours, chosen to stay apart on a grey CT.
"""

from dataclasses import dataclass
from enum import Enum

from encryptsecurert_rt.segmentation import Structure


class InterpretedType(Enum):
    """RT ROI Interpreted Type (3006,00A4), the terms in use here (PS3.3 C.8.8.8.1)."""

    EXTERNAL = "EXTERNAL"
    ORGAN = "ORGAN"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodedTerm:
    """A SNOMED CT concept as DICOM writes it."""

    value: str
    meaning: str
    scheme: str = "SCT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """All that is written about one structure.

    Attributes
    ----------
    name : TG-263 name, at most 16 characters.
    category, property_type : segmented property (PS3.3 C.8.20.2).
    laterality : modifier of the type, if the structure has a side.
    interpreted_type : what a planning system takes the ROI for.
    rgb : recommended display colour, 0 to 255 each.
    """

    name: str
    category: CodedTerm
    property_type: CodedTerm
    laterality: CodedTerm | None
    interpreted_type: InterpretedType
    rgb: tuple[int, int, int]


_ANATOMY = CodedTerm(value="91723000", meaning="Anatomical Structure")
_LUNG = CodedTerm(value="39607008", meaning="Lung")

VOCABULARY: dict[Structure, Term] = {
    Structure.BODY: Term(
        name="External",
        category=_ANATOMY,
        property_type=CodedTerm(value="38266002", meaning="Entire body"),
        laterality=None,
        interpreted_type=InterpretedType.EXTERNAL,
        rgb=(80, 220, 100),
    ),
    Structure.LUNG_LEFT: Term(
        name="Lung_L",
        category=_ANATOMY,
        property_type=_LUNG,
        laterality=CodedTerm(value="7771000", meaning="Left"),
        interpreted_type=InterpretedType.ORGAN,
        rgb=(90, 160, 255),
    ),
    Structure.LUNG_RIGHT: Term(
        name="Lung_R",
        category=_ANATOMY,
        property_type=_LUNG,
        laterality=CodedTerm(value="24028007", meaning="Right"),
        interpreted_type=InterpretedType.ORGAN,
        rgb=(255, 140, 60),
    ),
    Structure.SKELETON: Term(
        name="Bone",
        category=_ANATOMY,
        property_type=CodedTerm(value="272673000", meaning="Bone"),
        laterality=None,
        interpreted_type=InterpretedType.ORGAN,
        rgb=(255, 230, 130),
    ),
}


def term(key: Structure) -> Term:
    """Return what is written about a structure."""
    return VOCABULARY[key]
