"""Codes that may stand in clear: those that PS3.16 itself lists, with the meanings it gives.

A code's meaning is free text in a file, so it is never taken over. Private schemes, local codes
and codes that no context group of the standard has are text as well, and are not found here.
The SNOMED CT identifiers of PS3.16 are known by their retired SRT spelling, too.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import cast

from pydicom.sr._concepts_dict import concepts
from pydicom.sr._snomed_dict import mapping

# scheme -> keyword -> code value -> (meaning, context groups)
_Concepts = Mapping[str, Mapping[str, Mapping[str, tuple[str, list[int]]]]]
_SRT = b"SRT"


@lru_cache(maxsize=1)
def _meanings() -> dict[tuple[bytes, bytes], bytes]:
    """Return meanings by (value, scheme); what is not ASCII or too long for LO is left out."""
    found: dict[tuple[bytes, bytes], bytes] = {}
    for scheme, by_keyword in cast(_Concepts, concepts).items():
        for by_value in by_keyword.values():
            for value, (meaning, _) in by_value.items():
                if meaning.isascii() and len(meaning) <= 64 and len(value) <= 16:
                    found[value.encode(), scheme.encode()] = meaning.encode()
    for value, current in mapping["SRT"].items():
        known = found.get((current.encode(), b"SCT"))
        if known is not None:
            found[value.encode(), _SRT] = known
    return found


def meaning_of(value: bytes, scheme: bytes) -> bytes | None:
    """Return the meaning that PS3.16 gives a code, None if it does not have it."""
    return _meanings().get((value, scheme))
