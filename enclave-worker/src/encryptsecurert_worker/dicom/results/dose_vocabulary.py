"""Codes of a dose comparison: the standard's where it has one, else the project's scheme 99ESRT.

DICOM has codes for the volume of a structure and for its least, greatest and mean absorbed dose;
it has none for the gamma index, for points of a dose-volume histogram, or for criteria of a
comparison (looked for in PS3.16 of pydicom's dictionary).
"""

from encryptsecurert_worker.dicom.results.vocabulary import CodedTerm

SCHEME = "99ESRT"


def own_code(value: str, meaning: str) -> CodedTerm:
    """Return a code of the project's scheme; values are at most 16 characters (SH)."""
    return CodedTerm(value=value, meaning=meaning, scheme=SCHEME)


def _unit(value: str, meaning: str) -> CodedTerm:
    return CodedTerm(value=value, meaning=meaning, scheme="UCUM")


GAMMA_INDEX = own_code("gamma", "gamma index")
NO_UNITS = _unit("1", "no units")
UNITS: dict[str, CodedTerm] = {
    "1": NO_UNITS,
    "%": _unit("%", "percent"),
    "Gy": _unit("Gy", "gray"),
    "mm": _unit("mm", "millimeter"),
    "cc": _unit("cm3", "cubic centimeter"),
}

SOURCE_IMAGE = CodedTerm(
    value="121322", meaning="Source image for image processing operation", scheme="DCM"
)
VOLUME = CodedTerm(value="118565006", meaning="Volume", scheme="SCT")
MAXIMUM_DOSE = CodedTerm(value="128531", meaning="Maximum Absorbed Radiation Dose", scheme="DCM")
MINIMUM_DOSE = CodedTerm(value="128532", meaning="Minimum Absorbed Radiation Dose", scheme="DCM")
MEAN_DOSE = CodedTerm(value="128533", meaning="Mean Absorbed Radiation Dose", scheme="DCM")

REFERENCE_DOSE = own_code("reference_dose", "Reference dose of a comparison")
EVALUATED_DOSE = own_code("evaluated_dose", "Evaluated dose of a comparison")
COMPARISON = own_code("dose_comparison", "Comparison of two dose distributions")
STRUCTURE = own_code("structure", "Structure of an RT Structure Set, by ROI Number")
