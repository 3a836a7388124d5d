"""`inspect`: what one protected file shows, and what it holds sealed.

Without a worker: the attributes in clear, the marks, the outside of the sealed item, and whether a
manifest beside the file names it. That manifest's signature is not verified here, since this
computer does not hold the site's manifest key; the worker does. With a worker: beside each
attribute its original, as far as the user's roles see it.

Of a file that is not protected only its kind is told: its values would be values of a patient.
"""

import hashlib
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.datadict import keyword_for_tag
from pydicom.uid import RawDataStorage

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.manifests import MAX_MANIFEST_BYTES, StudyManifest
from encryptsecurert_protocol.offline import MAX_OFFLINE
from encryptsecurert_protocol.reveals import RevealClass, Revealed
from EncryptSecureRTLib.client.dicomfiles import SplitFile, split_protected
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.line import Line
from EncryptSecureRTLib.client.listing import ask_offer
from EncryptSecureRTLib.client.output import InspectedRows
from EncryptSecureRTLib.client.refused import kind_name
from EncryptSecureRTLib.client.reveal import Reveal, RevealedStudy
from EncryptSecureRTLib.client.revealed_values import Rows, data_set_rows, revealed_rows
from EncryptSecureRTLib.client.sealed_item import SealedItem, sealed_item, without_pad
from EncryptSecureRTLib.client.series_headers import reading_dicom
from EncryptSecureRTLib.client.study_files import StudyFiles, manifests_beside

_OUR_METHOD = "EncryptSecureRT profile "
_CREATOR, _CREATOR_TAG, _MANIFEST_TAG = "ENCRYPTSECURERT 1", (0x0EEF, 0x0010), (0x0EEF, 0x1003)
_MOST_MANIFEST_BYTES = MAX_MANIFEST_BYTES + 4096  # with the file around it
_HEAD_BYTES, _IMPLICIT_HEAD_BYTES = 12, 8  # of an element with a long value (PS3.5 section 7.1)
_PLACE = re.compile(r"([0-9A-F]{8})(?:\[([0-9]+)\])?")


class FileState(Enum):
    """What a file is."""

    PROTECTED = "protected"
    MANIFEST = "manifest"
    CLEAR = "clear"


class Naming(Enum):
    """What manifests beside a file say of it."""

    NONE = "no manifest beside it names it: nobody can reveal it as it lies here"
    NAMED = (
        "a manifest beside it names it, with this sealed item and these pixels; the signature was "
        "not verified here, and clear attributes were not compared"
    )
    OTHER = "a manifest beside it names it, but with another sealed item or other pixels"
    VERIFIED = "the worker verified the manifest's signature, and the file is the one it names"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """What was found of a file.

    Attributes
    ----------
    marks : the De-identification Method, value by value; empty if the file is clear.
    sealed : the outside of its full sealed item.
    offline : those of the items of offline recipients behind it.
    rows : of the attributes in clear; none of a file that is clear as a whole.
    manifests : of files beside it that name it.
    """

    path: Path = field(repr=False)
    state: FileState
    kind: str
    marks: tuple[str, ...] = ()
    sealed: SealedItem | None = None
    offline: tuple[SealedItem, ...] = ()
    naming: Naming = Naming.NONE
    rows: Rows = field(default=(), repr=False)
    manifests: tuple[Path, ...] = field(default=(), repr=False)

    @property
    def compared(self) -> InspectedRows:
        """The rows without originals."""
        return [(*row, None) for row in self.rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A file's rows beside those of its original.

    Attributes
    ----------
    classes : that were asked for; what is of others has no original here.
    """

    rows: InspectedRows = field(repr=False)
    classes: tuple[str, ...]
    revealed: RevealedStudy

    @property
    def is_whole(self) -> bool:
        """Whether all classes are seen, so that what has no original was not in it."""
        return len(self.classes) == len(RevealClass)


def inspect_file(path: Path) -> Inspected:
    """Look at a file without a worker.

    Raises
    ------
    EncryptSecureRTError
        E_NO_DICOM if it is none; E_DICOM if it is malformed or cut off; E_TRANSFER_SYNTAX,
        E_TOO_LARGE, E_LOCAL_FILE; E_NOT_PROTECTED if another program than this has marked it as
        protected or de-identified.
    """
    split = split_protected(path)
    with reading_dicom():
        dataset = dcmread(path, stop_before_pixels=True)
        state = _state(dataset)
        kind = kind_name(str(dataset.get("SOPClassUID") or ""))
        if state is FileState.CLEAR:
            return Inspected(path=path, state=state, kind=kind)
        rows = (
            *data_set_rows(dataset.file_meta),
            *data_set_rows(dataset),
            *_pixels(split, implicit=dataset.file_meta.TransferSyntaxUID.is_implicit_VR),
        )
        marks = tuple(map(str, _values(dataset, "DeidentificationMethod")))
        if state is FileState.MANIFEST:
            return Inspected(path=path, state=state, kind=kind, marks=marks, rows=rows)
        contents = _contents(dataset)
        instance = str(dataset.SOPInstanceUID)
    naming, manifests = _named_beside(path, split, b"".join(contents), instance)
    return Inspected(
        path=path,
        state=state,
        kind=kind,
        marks=marks,
        sealed=sealed_item(contents[0]),
        offline=tuple(map(sealed_item, contents[1:])),
        naming=naming,
        rows=rows,
        manifests=manifests,
    )


def compare_with_original(
    channel: Line, home: ClientHome, file: Inspected, watcher: Watcher, asked: Sequence[str] = ()
) -> Comparison:
    """Have a file's original revealed for display, and put it beside what stands in clear.

    Parameters
    ----------
    asked : classes; those that the user's roles see if there are none.

    Raises
    ------
    EncryptSecureRTError
        E_NOT_PROTECTED if no manifest beside the file names it; E_FORBIDDEN if the user's roles
        see nothing; what `Reveal.run` raises.
    """
    if not file.manifests:
        raise EncryptSecureRTError(ErrorCode.E_NOT_PROTECTED, "no manifest beside it names it")
    classes = tuple(asked) or ask_offer(channel).classes
    if not classes:
        raise EncryptSecureRTError(ErrorCode.E_FORBIDDEN)
    answers: list[Revealed] = []
    study = StudyFiles(source=file.path.parent, files=(file.path,), manifests=file.manifests)
    reveal = Reveal(channel, home, watcher, "display", classes)
    revealed = reveal.run(study, lambda path, split, answer: answers.append(answer))
    rows = _side_by_side(file.rows, revealed_rows(answers[0]))
    return Comparison(rows=rows, classes=classes, revealed=revealed)


def _side_by_side(clear: Rows, originals: Rows) -> InspectedRows:
    """Return every attribute that is in one of the two, in the order of tags and items."""
    left = {row[0]: row for row in clear}
    right = {row[0]: row for row in originals}
    found: list[tuple[str, str, str, str | None, str | None]] = []
    for path in sorted(left.keys() | right.keys(), key=_order):
        one, other = left.get(path), right.get(path)
        _, keyword, vr, _ = one or right[path]
        found.append((path, keyword, vr, one and one[3], other and other[3]))
    return found


def _order(path: str) -> list[tuple[int, int]]:
    return [(int(tag, 16), int(item or 0)) for tag, item in _PLACE.findall(path)]


def _state(dataset: Dataset) -> FileState:
    """Tell what a data set is by its marks (E_NOT_PROTECTED if they are another program's)."""
    methods = _values(dataset, "DeidentificationMethod")
    if methods and str(methods[0]).startswith(_OUR_METHOD):
        if "EncryptedAttributesSequence" in dataset:
            return FileState.PROTECTED
        if dataset.get("SOPClassUID") == RawDataStorage and _manifest_of(dataset) is not None:
            return FileState.MANIFEST
    marks = ("EncryptedAttributesSequence", "PatientIdentityRemoved", "DeidentificationMethod")
    if any(dataset.get(mark) not in (None, "", "NO") for mark in marks):
        detail = "it has marks of protection, but not this program's"
        raise EncryptSecureRTError(ErrorCode.E_NOT_PROTECTED, detail)
    return FileState.CLEAR


def _values(dataset: Dataset, keyword: str) -> Sequence[object]:
    value = dataset.get(keyword)
    if value is None or value == "":
        return ()
    return [value] if isinstance(value, str) else list(value)


def _contents(dataset: Dataset) -> list[bytes]:
    """Return the DER octets of the sealed items; within `reading_dicom`."""
    items = dataset.EncryptedAttributesSequence
    if not 1 <= len(items) <= 1 + MAX_OFFLINE:
        raise EncryptSecureRTError(ErrorCode.E_DICOM)
    return [without_pad(bytes(item.EncryptedContent)) for item in items]


def _pixels(split: SplitFile, *, implicit: bool) -> Rows:
    """Return the rows of the pixels, which are told by their size only."""
    found: list[tuple[str, str, str, str]] = []
    cut_bytes = 0
    for one in split.bulk:
        start = one.offset - cut_bytes - (_IMPLICIT_HEAD_BYTES if implicit else _HEAD_BYTES)
        group, number = struct.unpack_from("<HH", split.header, start)
        tag = group << 16 | number
        vr = "" if implicit else split.header[start + 4 : start + 6].decode("ascii")
        row = (f"{tag:08X}", keyword_for_tag(tag), vr, f"{one.length} octets")
        found.append(row)
        cut_bytes += one.length
    return found


def _manifest_of(dataset: Dataset) -> StudyManifest | None:
    """Return the manifest that a data set carries, None if it carries none; nothing is verified."""
    if dataset.get(_CREATOR_TAG) is None or dataset.get(_MANIFEST_TAG) is None:
        return None
    if str(dataset[_CREATOR_TAG].value) != _CREATOR:
        return None
    try:
        return StudyManifest.decode(bytes(dataset[_MANIFEST_TAG].value).removesuffix(b"\0"))
    except EncryptSecureRTError:
        return None


def _named_beside(
    path: Path, split: SplitFile, contents: bytes, instance: str
) -> tuple[Naming, tuple[Path, ...]]:
    """Return what manifests beside a file say of it, and those that name it."""
    digest = hashlib.sha256(contents).hexdigest()
    bulk = tuple(one.sha256 for one in split.bulk)
    naming = Naming.NONE
    naming_files: list[Path] = []
    for manifest_file in manifests_beside(path.parent):
        with reading_dicom():
            if manifest_file.stat().st_size > _MOST_MANIFEST_BYTES:
                continue  # other programs' Raw Data may be of many GB
            manifest = _manifest_of(dcmread(manifest_file))
        entries = manifest.entries if manifest is not None else ()
        for entry in entries:
            if entry.instance == instance:
                naming_files.append(manifest_file)
                is_same = (entry.content_sha256, entry.bulk_sha256) == (digest, bulk)
                if is_same or naming is Naming.NONE:
                    naming = Naming.NAMED if is_same else Naming.OTHER
    return naming, tuple(naming_files)
