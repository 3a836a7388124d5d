"""What the standard says of tags and UIDs (PS3.6), out of pydicom's tables.

Only the tables are used: parsing and writing are our own, since pydicom normalises what it
writes and its warnings hold values.
"""

from functools import lru_cache

from pydicom._dicom_dict import DicomDictionary, RepeatersDictionary
from pydicom._uid_dict import UID_dictionary

# PS3.5 section 7.1.2: two reserved octets and a 32-bit length; the others have 16 bits.
LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())

_SEQUENCES = frozenset(tag for tag, entry in DicomDictionary.items() if entry[0] == "SQ")
_TAGS = {entry[4]: tag for tag, entry in DicomDictionary.items()}
_REGISTERED = frozenset(uid.encode("ascii") for uid in UID_dictionary)


def is_sequence(tag: int) -> bool:
    """Tell whether the dictionary has that tag as a sequence."""
    return tag in _SEQUENCES


def is_standard_tag(tag: int) -> bool:
    """Tell whether the dictionary has that tag: the attribute is then nobody's own."""
    return tag in DicomDictionary


def attribute_of(keyword: str) -> tuple[int, tuple[bytes, ...], str]:
    """Return tag, VRs and value multiplicity of an attribute, for the tables at import.

    Raises
    ------
    KeyError
        If PS3.6 has no such keyword.
    """
    tag = _TAGS[keyword]
    vr, multiplicity = DicomDictionary[tag][:2]
    return tag, tuple(vr.encode("ascii").split(b" or ")), multiplicity


def is_registered_uid(uid: bytes) -> bool:
    """Tell whether PS3.6 registers that UID: it then says nothing about anybody."""
    return uid in _REGISTERED


@lru_cache(maxsize=8192)
def vr_of(tag: int, *, signed_pixels: bool) -> bytes:
    """Return the VR that an implicit element takes in explicit VR; unknown and private is UN.

    Where the dictionary leaves a choice, PS3.5 Annex A.2 and the pixel representation decide.
    """
    group, number = tag >> 16, tag & 0xFFFF
    if group & 1:
        # A private creator is LO; what it reserves is known to its vendor only.
        return b"LO" if 0x0010 <= number <= 0x00FF else b"UN"
    if number == 0:
        return b"UL"
    entry = DicomDictionary.get(tag)
    name = entry[0] if entry is not None else _repeating(tag)
    if name == "US or SS":
        return b"SS" if signed_pixels else b"US"
    if " or " in name:
        return b"OW" if "OW" in name else b"UN"
    vr = name.encode("ascii")
    return vr if vr in LONG_VRS or vr in SHORT_VRS else b"UN"


def _repeating(tag: int) -> str:
    text = f"{tag:08X}"
    for mask, entry in RepeatersDictionary.items():
        if all(one in ("x", other) for one, other in zip(mask, text, strict=True)):
            return entry[0]
    return "UN"
