"""Structure names that tell nothing about a person, and the codes of those that our models make.

A name is from the AAPM TG-263 nomenclature (2018) or it is not; a person's own name for a
structure may hold anything. The list below has TG-263's names as they are mostly used, not all of
them: a name that is missing here is treated as a person's, which is safe.

The codes come from `Resources/Terminology/EncryptSecureRT.term.json`, the file that Slicer itself
reads, by the structure's TG-263 name. Slicer wants them as one text of seven fields with `~`
between: context, category, type, modifier, anatomic context, region, region modifier.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

TERMINOLOGY_FILE = (
    Path(__file__).resolve().parents[3] / "Resources/Terminology/EncryptSecureRT.term.json"
)
_NO_CODE = "^^"
_SIDED = (
    "BrachialPlex Breast Chestwall Cochlea Cornea Eye Femur Femur_Head Femur_Neck Glnd_Lacrimal"
    " Glnd_Submand Hippocampus Humerus Humerus_Head Kidney Lens Lobe_Temporal Lung OpticNrv Ovary"
    " Parotid Retina Scapula Testis"
)
_OTHERS = (
    "A_Aorta A_LAD Bag_Bowel Bladder Bone Bone_Mandible Bone_Pelvic BoneMarrow Bowel Bowel_Large"
    " Bowel_Small Brain Brainstem CaudaEquina Cavity_Oral Cerebellum Colon Colon_Sigmoid Duodenum"
    " Esophagus External Gallbladder Genitals Glnd_Thyroid Glottis Heart Ileum Jejunum Larynx"
    " Larynx_SG Lips Liver Lungs Musc_Constrict Musc_Constrict_I Musc_Constrict_M Musc_Constrict_S"
    " OpticChiasm Pancreas PenileBulb Pericardium Pharynx Pituitary Prostate Rectum SeminalVes"
    " Skin SpinalCanal SpinalCord Spleen Stomach Trachea Urethra Uterus Vagina"
)
_NAMES = frozenset(
    _OTHERS.split() + [f"{name}{side}" for name in _SIDED.split() for side in ("_L", "_R")]
)
_MARGIN = re.compile(r"_PRV[0-9]{0,2}\Z")  # a planning risk volume and its margin in mm
_TARGET = re.compile(  # class, part, number, then a level or a dose in cGy
    r"(GTV|CTV|PTV|ITV|IGTV|ICTV)[npsv]?[1-9]?(_(High|Mid|Low|[1-9][0-9]{2,3}))?"
)
_NUMBERED = re.compile(r"(ROI|Segment)_[1-9][0-9]{0,3}")
_CURVE = re.compile(r"(.+), (reference|evaluated)")


def is_standard_name(name: str) -> bool:
    """Whether a structure's name is one of TG-263, and so says nothing about a person."""
    return _MARGIN.sub("", name) in _NAMES or _TARGET.fullmatch(name) is not None


def is_harmless_structure(name: str) -> bool:
    """Whether a structure's name or ID is standard, a pseudo-label of ours, or Slicer's default."""
    return is_standard_name(name) or _NUMBERED.fullmatch(name) is not None


def curve_name(label: str, dose: str) -> str:
    """Return what a curve of a structure is called in a legend; `dose` tells which of the two."""
    return f"{label}, {dose}"


def is_harmless_curve(name: str) -> bool:
    """Whether a curve's name is that of a harmless structure under one of two doses."""
    match = _CURVE.fullmatch(name)
    return match is not None and is_harmless_structure(match[1])


@cache
def terminology_entries() -> Mapping[str, str]:
    """Return Slicer's serialised terminology entry for each structure of ours, by TG-263 name."""
    content = json.loads(TERMINOLOGY_FILE.read_text("utf-8"))
    context = content["SegmentationCategoryTypeContextName"]
    entries = {}
    for category in content["SegmentationCodes"]["Category"]:
        for kind in category["Type"]:
            for modifier in kind.get("Modifier", [{}]):
                label = {**kind, **modifier}["3dSlicerLabel"]
                codes = [_code(category), _code(kind), _code(modifier)]
                entries[label] = "~".join([context, *codes, "", _NO_CODE, _NO_CODE])
    return MappingProxyType(entries)


def terminology_context() -> str:
    """Return the name of our terminology, the first field of its entries."""
    return next(iter(terminology_entries().values())).split("~")[0]


def _code(item: Mapping[str, Any]) -> str:
    if not item:
        return _NO_CODE
    return f"{item['CodingSchemeDesignator']}^{item['CodeValue']}^{item['CodeMeaning']}"
