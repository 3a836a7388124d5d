"""Files that nobody should make and hospitals have: each a real CT with one thing wrong.

    write_bad_files(folder, real_ct)    one file for each row of `BAD_FILES`, named after it

All are of the CT's patient and study, as far as that can still be read.
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.sequence import Sequence
from pydicom.uid import (
    ExplicitVRLittleEndian,
    ParametricMapStorage,
    SecondaryCaptureImageStorage,
    generate_uid,
)

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.limits import GIB, MIB

Edit = Callable[[Dataset], None]
Patch = Callable[[bytes], bytes]
_PIXELS = b"\xe0\x7f\x10\x00OW\0\0"
_NO_END = b"\xff\xff\xff\xff"
_SEQUENCE = b"\x08\x00\x40\x11SQ\0\0"  # Referenced Image Sequence
_ITEM, _ITEM_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0\0\0\0\0"
_SEQUENCE_END = b"\xfe\xff\xdd\xe0\0\0\0\0"
_TWICE = {"SOPInstanceUID": "1.2.3.4567.1"}


def _as_it_was(_: Dataset) -> None:
    """Change nothing."""


def _set(**values: object) -> Edit:
    def edit(ds: Dataset) -> None:
        for keyword, value in values.items():
            setattr(ds, keyword, value)

    return edit


def _without(keyword: str) -> Edit:
    return lambda ds: ds.__delattr__(keyword)


def _protected_by_others(ds: Dataset) -> None:
    item = Dataset()
    item.EncryptedContentTransferSyntaxUID = ExplicitVRLittleEndian
    item.EncryptedContent = bytes(64)
    ds.PatientIdentityRemoved, ds.DeidentificationMethod = "YES", "Another Program 2"
    ds.EncryptedAttributesSequence = Sequence([item])


def _nested(depth: int, *, with_ends: bool) -> bytes:
    """Return sequences in sequences, each with its length or with an end mark."""
    value = b""
    for _ in range(depth):
        if with_ends:
            value = _ITEM + _NO_END + value + _ITEM_END
            value = _SEQUENCE + _NO_END + value + _SEQUENCE_END
        else:
            value = _ITEM + len(value).to_bytes(4, "little") + value
            value = _SEQUENCE + len(value).to_bytes(4, "little") + value
    return value


def _before_the_patient(inserted: bytes) -> Patch:
    """Insert octets where (0008,1140) may stand: after the description of the series."""
    return lambda octets: octets.replace(b"\x10\x00\x10\x00PN", inserted + b"\x10\x00\x10\x00PN", 1)


def _at(mark: bytes, offset: int, instead: bytes) -> Patch:
    def patch(octets: bytes) -> bytes:
        start = octets.index(mark) + offset
        return octets[:start] + instead + octets[start + len(instead) :]

    return patch


@dataclass(frozen=True, slots=True, kw_only=True)
class BadFile:
    """One thing that is wrong with a file.

    Attributes
    ----------
    code : what `protect` has to say; None if it is to be protected all the same.
    edit, patch : how the data set is changed, then how its octets are.
    """

    code: ErrorCode | None
    edit: Edit = _as_it_was
    patch: Patch = bytes


def _malformed(patch: Patch) -> BadFile:
    return BadFile(code=ErrorCode.E_DICOM, patch=patch)


def _missing(keyword: str) -> BadFile:
    return BadFile(code=ErrorCode.E_MISSING_UID, edit=_without(keyword))


_SYNTAX = b"1.2.840.10008.1.2.1\0"
BAD_FILES = {
    "cut in the meta information": _malformed(lambda octets: octets[:200]),
    "cut in the header": _malformed(lambda octets: octets[:900]),
    "cut in the pixels": _malformed(lambda octets: octets[:-5000]),
    "more after the pixels": _malformed(lambda octets: octets + b"x" * 501),
    "zeros in the header": _malformed(lambda o: o[:600] + bytes(400) + o[1000:]),
    "a text longer than the file": _malformed(_at(b"\x20\x00\x0d\x00UI", 6, b"\xfe\xff")),
    "a text shorter than it is": _malformed(_at(b"\x20\x00\x0d\x00UI", 6, b"\x04\x00")),
    "pixels longer than the file": _malformed(_at(_PIXELS, 8, b"\0\0\0\x7f")),
    "pixels as long as can be said": _malformed(_at(_PIXELS, 8, b"\xfe\xff\xff\xff")),
    "fewer pixels than rows": BadFile(code=ErrorCode.E_DICOM, edit=_set(PixelData=bytes(1024))),
    "sequences 64 deep": _malformed(_before_the_patient(_nested(64, with_ends=True))),
    "sequences 64 deep by lengths": _malformed(_before_the_patient(_nested(64, with_ends=False))),
    "a sequence without an end": _malformed(
        _before_the_patient(_SEQUENCE + _NO_END + _ITEM + _NO_END)
    ),
    "a VR that is none": _malformed(_at(b"\x10\x00\x10\x00PN", 4, b"ZZ")),
    "a VR of other numbers": _malformed(_at(b"\x28\x00\x10\x00US", 4, b"FD")),
    "letters of no character set": BadFile(
        code=None,
        edit=_set(SpecificCharacterSet="ISO_IR 6", PatientName="Canary"),
        patch=_at(b"Canary", 0, b"\xff\xfe\xe4"),
    ),
    "a character set that is none": BadFile(
        code=None,
        edit=_set(SpecificCharacterSet="ISO_IR 100"),
        patch=_at(b"ISO_IR 100", 0, b"ISO_IR 999"),
    ),
    "no class": _missing("SOPClassUID"),
    "no instance UID": _missing("SOPInstanceUID"),
    "no study UID": _missing("StudyInstanceUID"),
    "no series UID": _missing("SeriesInstanceUID"),
    "no frame of reference": _missing("FrameOfReferenceUID"),
    "a UID of letters": BadFile(
        code=ErrorCode.E_MISSING_UID,
        edit=_set(SeriesInstanceUID="1.2.3.4567"),
        patch=lambda octets: octets.replace(b"1.2.3.4567", b"1.2.3.four"),
    ),
    "one instance, first version": BadFile(code=ErrorCode.E_DICOM, edit=_set(**_TWICE, Rows=2)),
    "one instance, other version": BadFile(code=ErrorCode.E_DICOM, edit=_set(**_TWICE, Rows=3)),
    "big endian": BadFile(
        code=ErrorCode.E_TRANSFER_SYNTAX, patch=_at(_SYNTAX, 0, b"1.2.840.10008.1.2.2\0")
    ),
    "a transfer syntax of tomorrow": BadFile(
        code=ErrorCode.E_TRANSFER_SYNTAX, patch=_at(_SYNTAX, 0, b"1.2.840.10008.1.2.8\0")
    ),
    "burned in": BadFile(code=ErrorCode.E_BURNED_IN, edit=_set(BurnedInAnnotation="YES")),
    "a screen": BadFile(
        code=ErrorCode.E_BURNED_IN, edit=_set(SOPClassUID=SecondaryCaptureImageStorage)
    ),
    "a kind without a list": BadFile(
        code=ErrorCode.E_MODALITY, edit=_set(SOPClassUID=ParametricMapStorage)
    ),
    "a header over 12 MiB": BadFile(
        code=ErrorCode.E_TOO_LARGE,
        edit=lambda ds: ds.add_new(0x00091010, "OB", bytes(12 * MIB)),
    ),
    "protected by others": BadFile(code=None, edit=_protected_by_others),
}
LARGER_THAN_2_GIB = "larger than 2 GiB"


def write_bad_files(folder: Path, ct: Path) -> None:
    """Write a file for each row, named after it, and one that is larger than 2 GiB."""
    for name, bad in BAD_FILES.items():
        ds = dcmread(ct)
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        bad.edit(ds)
        octets = BytesIO()
        ds.save_as(octets)
        (folder / name).write_bytes(bad.patch(octets.getvalue()))
    shutil.copy(ct, folder / LARGER_THAN_2_GIB)
    os.truncate(folder / LARGER_THAN_2_GIB, 2 * GIB + 2)
