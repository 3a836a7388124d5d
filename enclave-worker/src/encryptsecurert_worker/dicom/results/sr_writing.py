"""Writes a structured report group by group, so that a long one can be interrupted.

Content Sequence is the last element of a report, and of its container "Imaging Measurements"; the
container is the last item of the report. So the file is what stands before, then group after
group, then three delimiters: sequences and items of undefined length (PS3.5 7.5) need no sum.
"""

from collections.abc import Iterable

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import ExplicitVRLittleEndian

from encryptsecurert_worker.dicom.results import modules

_UNDEFINED = b"\xff\xff\xff\xff"
_SEQUENCE = b"\x40\x00\x30\xa7SQ\x00\x00" + _UNDEFINED  # (0040,A730)
_ITEM = b"\xfe\xff\x00\xe0" + _UNDEFINED
_ITEM_END = b"\xfe\xff\x0d\xe0" + bytes(4)
_SEQUENCE_END = b"\xfe\xff\xdd\xe0" + bytes(4)


def report_octets(ds: Dataset, groups: Iterable[Dataset]) -> bytes:
    """Return the PS3.10 file of a report with these groups in its last container.

    Parameters
    ----------
    ds : a report; its Content Sequence is taken from it, and what is in its last container.
    groups : items of that container, made while they are written.
    """
    *before, container = ds.ContentSequence
    last = Dataset(container)
    del ds.ContentSequence, last.ContentSequence
    pieces = [modules.file_octets(ds, ExplicitVRLittleEndian), _SEQUENCE]
    pieces += [_ITEM + _encoded(item) + _ITEM_END for item in before]
    pieces += [_ITEM, _encoded(last), _SEQUENCE]
    pieces += [_ITEM + _encoded(group) + _ITEM_END for group in groups]
    pieces += [_SEQUENCE_END, _ITEM_END, _SEQUENCE_END]
    return b"".join(pieces)


def _encoded(ds: Dataset) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_dataset(buffer, ds)
    return buffer.getvalue()
