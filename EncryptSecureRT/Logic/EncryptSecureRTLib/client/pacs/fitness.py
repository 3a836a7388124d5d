"""What may leave this computer: every file is judged before a PACS hears of the first one.

    manifest     holds a manifest, and nothing else
    protected    a manifest names it: sealed item, clear data set and bulk have its digests, so
                 nothing was changed or put in since a worker protected it
    result       the receipt beside it verifies, and names its digest

Anything else is an original, or was one, and refuses the whole folder. No key is needed for this,
so it holds against mistakes and PACS; a user who forges manifests has the originals anyway.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.filereader import read_file_meta_info

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.manifests import ManifestEntry, StudyManifest
from encryptsecurert_protocol.volumes import MAPPED_UID
from EncryptSecureRTLib.client.dicomfiles import SplitFile, split_protected
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.pacs.clearform import protected_form
from EncryptSecureRTLib.client.pacs.elements import read_elements
from EncryptSecureRTLib.client.pacs.manifest_file import read_manifest
from EncryptSecureRTLib.client.pacs.model import Outgoing, Seen
from EncryptSecureRTLib.client.refused import kind_in_meta
from EncryptSecureRTLib.client.results import RECEIPT_FILE
from EncryptSecureRTLib.client.series_headers import open_header, reading_dicom
from EncryptSecureRTLib.client.study_files import manifests_beside, sort_out
from EncryptSecureRTLib.client.unfinished import NOT_FETCHED

Known = Mapping[ManifestEntry, StudyManifest]
_SOP_CLASS, _SOP_INSTANCE, _STUDY, _SERIES = 0x00080016, 0x00080018, 0x0020000D, 0x0020000E


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A file that may leave, and where it belongs."""

    outgoing: Outgoing
    study: str
    series: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FitFiles:
    """What may leave of a folder.

    Attributes
    ----------
    manifests : first, so that no series is anywhere whose manifest is not.
    """

    manifests: tuple[Fit, ...]
    files: tuple[Fit, ...]

    @property
    def all(self) -> tuple[Fit, ...]:
        """Return all, in the order in which they leave."""
        return self.manifests + self.files


def fit_files(source: Path, home: ClientHome) -> FitFiles:
    """Judge all files below a folder; the manifests beside it count, and leave with their study.

    Raises
    ------
    EncryptSecureRTError
        E_NOT_PROTECTED if one file may not leave, with how many and the first one's kind;
        E_NO_DICOM if there is none; E_RECEIPT, E_RESULT and others of a receipt; E_LOCAL_FILE.
    """
    files, manifests = sort_out(source)
    read = [
        (Seen.of(path), path, *read_manifest(path))
        for path in manifests or manifests_beside(source)
    ]
    known = {entry: manifest for _, _, manifest, _ in read for entry in manifest.entries}
    fit, unfit = _judged(files, known, home)
    if unfit:
        detail = f"{len(unfit)} of {len(files)} files; the first: {kind_in_meta(unfit[0])}"
        raise EncryptSecureRTError(ErrorCode.E_NOT_PROTECTED, detail)
    if not fit:
        raise EncryptSecureRTError(ErrorCode.E_NO_DICOM)
    studies = {one.study for one in fit}
    leaving = [
        _of_elements(path, seen, elements.octets, {})
        for seen, path, manifest, elements in read
        if manifest.study in studies
    ]
    if not all(_is_told_right(one.outgoing) for one in leaving):
        raise EncryptSecureRTError(ErrorCode.E_NOT_PROTECTED, "a manifest is called otherwise")
    return FitFiles(manifests=tuple(leaving), files=tuple(fit))


def has_originals(source: Path) -> bool:
    """Tell whether a folder holds DICOM files of which none is in the protected form."""
    files, _ = sort_out(source)
    return bool(files) and not any(is_sealed(path) for path in files)


def is_sealed(path: Path) -> bool:
    """Tell whether a file says that it holds sealed attributes; whose they are is not looked at."""
    return "EncryptedAttributesSequence" in (_header(path) or ())


def _header(path: Path) -> Dataset | None:
    """Return what tells forms apart, nothing of a malformed file, None for a DICOMDIR."""
    try:
        with reading_dicom():
            return open_header(path, ["EncryptedAttributesSequence"])
    except EncryptSecureRTError as error:
        if error.code is ErrorCode.E_LOCAL_FILE:
            raise
        return Dataset()


def _judged(paths: Sequence[Path], known: Known, home: ClientHome) -> tuple[list[Fit], list[Path]]:
    fit: list[Fit] = []
    unfit: list[Path] = []
    receipted: dict[Path, frozenset[str]] = {}
    for path in _no_directories(paths):
        one = _protected(path, known) or _result(path, home, receipted)
        if one is None or not _is_told_right(one.outgoing):
            unfit.append(path)
        else:
            fit.append(one)
    return fit, unfit


def _is_told_right(outgoing: Outgoing) -> bool:
    """Tell whether file meta information names the object that the data set is.

    A C-STORE names what it sends by what stands there (PS3.7 section 9.1.1).
    """
    with reading_dicom():
        meta = read_file_meta_info(outgoing.path)
        told = (meta.get("MediaStorageSOPClassUID"), meta.get("MediaStorageSOPInstanceUID"))
        syntax = meta.get("TransferSyntaxUID")
    return (*told, syntax) == (outgoing.sop_class, outgoing.instance, outgoing.syntax)


def _no_directories(paths: Sequence[Path]) -> Iterator[Path]:
    """Leave DICOMDIRs out: they are never sent, whatever they name."""
    return (path for path in paths if _header(path) is not None)


def _protected(path: Path, known: Known) -> Fit | None:
    """Return a file that a manifest names, None if none does."""
    seen = Seen.of(path)
    split = _split(path)
    try:
        form = None if split is None else protected_form(split)
    except EncryptSecureRTError:
        return None
    if split is None or form is None:
        return None
    manifest = known.get(form.entry)
    if manifest is None or (manifest.study, manifest.patient) != (form.study, form.patient):
        return None
    if not re.fullmatch(MAPPED_UID, form.series):  # a folder will have that name
        return None
    outgoing = Outgoing(
        path=path,
        sop_class=form.sop_class,
        instance=form.entry.instance,
        syntax=form.syntax,
        data_set_at=form.start,
        size_bytes=split.size,
        seen=seen,
    )
    return Fit(outgoing=outgoing, study=form.study, series=form.series)


def _split(path: Path) -> SplitFile | None:
    try:
        return split_protected(path)
    except EncryptSecureRTError as error:
        if error.code is ErrorCode.E_LOCAL_FILE:
            raise
        return None


def _result(path: Path, home: ClientHome, receipted: dict[Path, frozenset[str]]) -> Fit | None:
    """Return a worker's result that a verified receipt beside it names, None if none does."""
    from EncryptSecureRTLib.client.verify import verify_receipt

    folder = path.parent
    if folder not in receipted:
        digests: frozenset[str] = frozenset()
        if (folder / RECEIPT_FILE).is_file():
            body = verify_receipt(home, folder / RECEIPT_FILE).judged.body
            if body.task not in NOT_FETCHED:  # those give no files
                digests = frozenset(digest for _, digest in body.outputs)
        receipted[folder] = digests
    if not receipted[folder]:
        return None
    seen = Seen.of(path)
    split = _split(path)
    if split is None or split.file_sha256 not in receipted[folder]:
        return None
    places = {one.offset: one.length for one in split.bulk[:1]}  # one range at most, at its place
    return _of_elements(path, seen, bytes(split.header), places, split)


def _of_elements(
    path: Path, seen: Seen, header: bytes, places: dict[int, int], split: SplitFile | None = None
) -> Fit:
    elements = read_elements(header, places)
    outgoing = Outgoing(
        path=path,
        sop_class=elements.text(_SOP_CLASS),
        instance=elements.text(_SOP_INSTANCE),
        syntax=elements.syntax.decode("ascii"),
        data_set_at=elements.start,
        size_bytes=len(header) if split is None else split.size,
        seen=seen,
    )
    return Fit(outgoing=outgoing, study=elements.text(_STUDY), series=elements.text(_SERIES))
