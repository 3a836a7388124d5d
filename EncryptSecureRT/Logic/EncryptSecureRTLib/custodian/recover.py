"""Originals back without any worker: the escrow key opens what was sealed for it.

For the day on which no worker can be had. It opens what this project sealed, and then the file
is exact and proved by its sealed SHA-256; and what another program sealed for the same key by
PS3.15 Annex E, and then its attributes go back to where they belong. No manifest is asked for:
who holds the escrow key can tell nobody what it opened, so there is nothing to learn from it.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from pydicom import Dataset, dcmread, dcmwrite

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.gaps import read_gaps
from encryptsecurert_protocol.headers import BulkRange
from encryptsecurert_protocol.reveals import OriginalFile, Revealed
from EncryptSecureRTLib.client.dicomfiles import split_protected
from EncryptSecureRTLib.client.reveal import put_together
from EncryptSecureRTLib.client.series_headers import reading_dicom
from EncryptSecureRTLib.custodian.escrow_pem import ESCROW_CERTIFICATE, ESCROW_KEY
from EncryptSecureRTLib.custodian.item_key import ENCRYPTED_ATTRIBUTES, ItemKey

_GROUP, _CREATOR, _RAW_HEADER, _SPLICE_LIST = 0x0EEF, "ENCRYPTSECURERT 1", 0x01, 0x02
_MARKS = (0x00120062, 0x00120063, 0x00120064)
# Of a file that was opened here: nothing is sent, so no mapped UID is needed.
_NO_INSTANCE = "2.25.0"


class EscrowKey(ItemKey):
    """The escrow key of a site."""

    __slots__ = ()

    @classmethod
    def load(cls, folder: Path, passphrase: bytes) -> Self:
        """Open the escrow folder of a site (E_SEAL for a wrong passphrase, E_LOCAL_FILE)."""
        return cls.read(folder / ESCROW_KEY, folder / ESCROW_CERTIFICATE, lambda: passphrase)


def recover_file(path: Path, out: Path, key: EscrowKey) -> bool:
    """Write the original of a protected file into `out` under the same name.

    Returns
    -------
    bool
        Whether it is proved to be exact, by the SHA-256 that was sealed with it: so it is for
        what this project protected.

    Raises
    ------
    EncryptSecureRTError
        E_NOT_PROTECTED without a sealed item; E_SEAL if none opens with this key; E_DIGEST if
        the original is not what it was; E_DICOM; E_LOCAL_FILE, also if the file is there already.
    """
    with reading_dicom():
        protected = dcmread(path)
        item = key.opened_item(protected)
        ours = _ours(item)
    with _new_file(out / path.name) as target:
        if ours is not None:
            _write_exact(path, ours, target)
            return True
        with reading_dicom():
            _put_back(protected, item)
            dcmwrite(target, protected)
        return False


def _ours(item: Dataset) -> Revealed | None:
    """Return the original without its bulk, if this project sealed it."""
    base = _our_block(item)
    if base is None:
        return None
    raw = item[base | _RAW_HEADER].value
    splice = json.loads(item[base | _SPLICE_LIST].value.rstrip(b"\0"))
    bulk = tuple(BulkRange(**one) for one in splice["bulk"])
    if splice["file_sha256"] is None:
        raise EncryptSecureRTError(ErrorCode.E_DIGEST, "there is no digest to prove it by")
    # Version 0.1.0 masked nothing, and said nothing of gaps.
    gaps = read_gaps(splice.get("gaps", []), [one.place for one in bulk])
    file = OriginalFile(
        size=splice["size"], bulk=bulk, file_sha256=splice["file_sha256"], gaps=gaps
    )
    length = file.size - sum(one.length for one in bulk) + sum(length for _, length in gaps)
    return Revealed(instance=_NO_INSTANCE, file=file, octets=raw[:length])


def _our_block(item: Dataset) -> int | None:
    """Return the first tag of our private block: the last one, since an original may hold one."""
    blocks = [
        element.tag.element
        for element in item.group_dataset(_GROUP)
        if element.tag.is_private_creator and str(element.value).strip(" \0") == _CREATOR
    ]
    bases = (_GROUP << 16 | block << 8 for block in reversed(blocks))
    ours = (one for one in bases if one | _RAW_HEADER in item and one | _SPLICE_LIST in item)
    return next(ours, None)


def _write_exact(path: Path, ours: Revealed, target: Path) -> None:
    split = split_protected(path, with_digest=False)
    with target.open("wb") as sink:
        put_together(path, split, ours, sink)


def _put_back(protected: Dataset, item: Dataset) -> None:
    """Move sealed attributes back, as PS3.15 section E.1.2 says."""
    for tag in (ENCRYPTED_ATTRIBUTES, *_MARKS):
        if tag in protected:
            del protected[tag]
    for element in item:
        protected[element.tag] = element
    protected.file_meta.MediaStorageSOPInstanceUID = protected.SOPInstanceUID


@contextmanager
def _new_file(target: Path) -> Iterator[Path]:
    """Yield a place beside `target` that becomes it at the end, or is removed."""
    part = target.with_name(f".{target.name}.part")
    try:
        if target.exists():
            raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, "a file of that name is there")
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            yield part
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except OSError:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None
