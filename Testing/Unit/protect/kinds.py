"""Real files of every kind, split and protected as client and worker do it."""

import subprocess
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
from data_pack import DATA
from pydicom.data import get_testdata_files
from pydicom.filereader import read_dataset, read_file_meta_info

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.headers import ProtectedHeader
from encryptsecurert_worker.dicom.protect import Protector
from encryptsecurert_worker.dicom.protect.iods import IODS, Iod
from encryptsecurert_worker.dicom.protect.iods.rt_image import RT_IMAGE
from encryptsecurert_worker.dicom.protect.iods.secondary_capture import SECONDARY_CAPTURE
from encryptsecurert_worker.dicom.protect.iods.ultrasound import ULTRASOUND
from EncryptSecureRTLib.client.dicomfiles import header_request, split_file

_FOLDERS = ("dicom_kinds", "dicomrt_breast_dicompyler", "proton_phantom_dose", "slicerrt_dose")
_SERIES = ("PET/image", "MR_T1/image", "PET/mask", "MR_T1/mask", "CT/mask")


@dataclass(frozen=True, slots=True)
class Kept:
    """A real file and the answer to it."""

    original: Path
    answer: ProtectedHeader = field(repr=False)
    iod: Iod

    def octets(self) -> bytes:
        """Return the whole protected file."""
        header, at, whole = bytes(self.answer.header), 0, b""
        split = split_file(self.original)
        source = bytearray(self.original.read_bytes())
        for offset, length in split.gaps:
            source[offset : offset + length] = bytes(length)
        for insert, bulk in zip(self.answer.bulk, split.bulk, strict=True):
            whole += header[at : insert.at]
            whole += source[bulk.offset : bulk.offset + bulk.length]
            at = insert.at
        return whole + header[at:]


def _is_part_10(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


@lru_cache(maxsize=1)
def real_files() -> tuple[Path, ...]:
    """Return the DICOM files of the data pack and of pydicom, of long series only the ends."""
    found: list[Path] = []
    for name in _FOLDERS:
        found += sorted(path for path in (DATA / name).rglob("*") if path.is_file())
    for patient in sorted((DATA / "sts_ct_mr_pet").glob("*/dicom")):
        for name in _SERIES:
            slices = sorted((patient / name).glob("*"))
            found += [*slices[:1], *slices[1:][-1:]]
    found += sorted({Path(path) for path in get_testdata_files()})
    return tuple(path for path in found if path.is_file() and _is_part_10(path))


@lru_cache(maxsize=1)
def pictures_and_some_of_each_class() -> tuple[Path, ...]:
    """Return the real files that may show text or have no list, and two of each other class."""
    found: list[Path] = []
    classes: Counter[str] = Counter()
    for path in real_files():
        sop_class = str(read_file_meta_info(path).get("MediaStorageSOPClassUID", ""))
        classes[sop_class] += 1
        iod = IODS.get(sop_class.encode())
        if (
            iod is None
            or iod in (RT_IMAGE, ULTRASOUND, SECONDARY_CAPTURE)
            or classes[sop_class] < 3
        ):
            found.append(path)
    return tuple(found)


def outcomes(protector: Protector) -> Iterator[tuple[Path, Kept | ErrorCode]]:
    """Protect every real file; a refusal is an outcome."""
    for path in real_files():
        try:
            answer = protector.protect(header_request(split_file(path)))
        except EncryptSecureRTError as error:
            yield path, error.code
            continue
        yield path, Kept(path, answer, IODS[sop_class_of(answer)])


def sop_class_of(answer: ProtectedHeader) -> bytes:
    """Return the class that the file meta information of a protected file names."""
    head = bytes(answer.header[:400])
    place = head.index(b"\x02\x00\x02\x00UI")
    length = int.from_bytes(head[place + 6 : place + 8], "little")
    return head[place + 8 : place + 8 + length].rstrip(b"\0")


def read_quietly(path: Path) -> pydicom.Dataset:
    """Read an original; what pydicom says of it is the original's affair."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset: pydicom.Dataset = pydicom.dcmread(path)
        dataset.decode()
        str(dataset)
    return dataset


def sealed_item(site: Any, dataset: pydicom.Dataset) -> pydicom.Dataset:
    """Return the originals that are sealed in a protected file of a site."""
    (sealed,) = dataset.EncryptedAttributesSequence
    plaintext = site.open(der_octets(sealed.EncryptedContent))
    whole = read_dataset(BytesIO(plaintext), is_implicit_VR=False, is_little_endian=True)
    (item,) = whole[0x04000550].value
    opened: pydicom.Dataset = item
    return opened


def der_octets(content: bytes) -> bytes:
    """Return a DER SEQUENCE, whose length has the long form, without what follows it."""
    count = content[1] & 0x7F
    return content[: 2 + count + int.from_bytes(content[2 : 2 + count], "big")]


def dciodvfy_errors(program: str, path: Path) -> list[str]:
    """Return the lines of errors that dicom3tools finds in a file."""
    done = subprocess.run([program, path], capture_output=True, check=False)
    text = (done.stdout + done.stderr).decode("latin-1")
    return [line for line in text.splitlines() if line.startswith("Error")]
