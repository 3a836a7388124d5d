"""Attributes as rows of text, for the program or the person that looks at them.

Decoded quietly: nothing of a value in any message. Octets, and text of more than 4096 characters,
are told by their size only.
"""

from collections.abc import Iterator, Sequence
from io import BytesIO

from pydicom import Dataset
from pydicom.dataelem import DataElement
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag

from encryptsecurert_protocol.reveals import Revealed
from EncryptSecureRTLib.client.series_headers import PARSER_ERRORS, reading_dicom

Rows = Sequence[tuple[str, str, str, str]]
"""(path of tags and item numbers, keyword, VR, value) of each attribute."""

_OCTET_VRS = frozenset("OB OD OF OL OV OW UN".split())
# A character may take twelve octets of JSON, and a line holds 64 KiB.
_LONGEST = 4096


def rows_of(answer: Revealed) -> Rows:
    """Return the rows of a revealed data set (E_DICOM if it cannot be read)."""
    with reading_dicom():
        return tuple(_rows(_dataset(answer), "", sequences=False))


def revealed_rows(answer: Revealed) -> Rows:
    """Return the rows of a revealed data set, with one for each sequence (E_DICOM)."""
    with reading_dicom():
        return data_set_rows(_dataset(answer))


def data_set_rows(dataset: Dataset) -> Rows:
    """Return the rows of a data set, with one for each sequence; within `reading_dicom`."""
    return tuple(_rows(dataset, "", sequences=True))


def _dataset(answer: Revealed) -> Dataset:
    octets = BytesIO(bytes(answer.octets))
    return read_dataset(octets, is_implicit_VR=False, is_little_endian=True)


def _rows(dataset: Dataset, path: str, *, sequences: bool) -> Iterator[tuple[str, str, str, str]]:
    for tag in sorted(dataset.keys()):
        place = f"{path}{int(tag):08X}"
        element = _read(dataset, tag)
        if element is None:
            yield place, "", "UN", "not readable"
        elif element.VR == "SQ":
            if sequences:
                yield place, element.keyword, "SQ", _items(len(element.value))
            for number, item in enumerate(element.value):
                yield from _rows(item, f"{place}[{number}].", sequences=sequences)
        else:
            yield place, element.keyword, element.VR, _text(element)


def _items(count: int) -> str:
    return f"{count} item{'s' * (count != 1)}"


def _read(dataset: Dataset, tag: BaseTag) -> DataElement | None:
    """Return an element, None if its value is none of its VR: originals are as they are."""
    try:
        return dataset[tag]
    except PARSER_ERRORS:
        return None


def _text(element: DataElement) -> str:
    value = element.value
    if element.VR in _OCTET_VRS:
        return f"{len(value or b'')} octets"
    if value is None:
        return ""
    several = not isinstance(value, str | bytes) and hasattr(value, "__iter__")
    text = "\\".join(map(str, value)) if several and element.VM > 1 else str(value)
    return text if len(text) <= _LONGEST else f"{len(text)} characters"
