"""Originals back without any worker: the escrow key opens what was sealed for it.

For the day on which no worker can be had. It opens what this project sealed, and then the file
is exact and proved by its sealed SHA-256; and what another program sealed for the same key by
PS3.15 Annex E, and then its attributes go back to where they belong. No manifest is asked for:
who holds the escrow key can tell nobody what it opened, so there is nothing to learn from it.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.hazmat.primitives.serialization.pkcs7 import pkcs7_decrypt_der
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.filereader import read_dataset

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.headers import MAX_PROTECTED_HEADER_BYTES, BulkRange
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.reveals import OriginalFile, Revealed
from EncryptSecureRTLib.client.dicomfiles import split_file
from EncryptSecureRTLib.client.reveal import put_together
from EncryptSecureRTLib.client.series_headers import reading_dicom
from EncryptSecureRTLib.custodian.disk import read_file
from EncryptSecureRTLib.custodian.escrow_pem import ESCROW_CERTIFICATE, ESCROW_KEY

_ENCRYPTED_ATTRIBUTES, _CONTENT, _MODIFIED = 0x04000500, 0x04000520, 0x04000550
_GROUP, _CREATOR, _RAW_HEADER, _SPLICE_LIST = 0x0EEF, "ENCRYPTSECURERT 1", 0x01, 0x02
_MARKS = (0x00120062, 0x00120063, 0x00120064)
# Of a file that was opened here: nothing is sent, so no mapped UID is needed.
_NO_INSTANCE = "2.25.0"


@dataclass(frozen=True, slots=True)
class EscrowKey:
    """The escrow key with its certificate, which sealed items name."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate

    @classmethod
    def load(cls, folder: Path, passphrase: bytes) -> "EscrowKey":
        """Open the escrow folder of a site (E_SEAL for a wrong passphrase, E_LOCAL_FILE)."""
        pem = read_file(folder / ESCROW_KEY, LIMITS.certificate_bytes)
        certificate = read_file(folder / ESCROW_CERTIFICATE, LIMITS.certificate_bytes)
        try:
            key = load_pem_private_key(pem, passphrase)
            if not isinstance(key, rsa.RSAPrivateKey):
                raise EncryptSecureRTError(ErrorCode.E_SEAL)
            return cls(key, x509.load_pem_x509_certificate(certificate))
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise EncryptSecureRTError(ErrorCode.E_SEAL) from None

    def open(self, content: bytes) -> bytes:
        """Return the plaintext of one sealed item (E_SEAL)."""
        try:
            return pkcs7_decrypt_der(_without_pad(content), self.certificate, self.key, [])
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise EncryptSecureRTError(ErrorCode.E_SEAL) from None


def _without_pad(content: bytes) -> bytes:
    """Cut what follows the outermost DER value: a DICOM value has an even length."""
    if len(content) < 2 or not content[1] & 0x80:
        return content
    count = content[1] & 0x7F
    return content[: 2 + count + int.from_bytes(content[2 : 2 + count], "big")]


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
        item = _opened_item(protected, key)
        ours = _ours(item)
    with _new_file(out / path.name) as target:
        if ours is not None:
            _write_exact(path, ours, target)
            return True
        with reading_dicom():
            _put_back(protected, item)
            dcmwrite(target, protected)
        return False


def _opened_item(protected: Dataset, key: EscrowKey) -> Dataset:
    """Return the original attributes of the first sealed item that opens."""
    sealed = protected.get(_ENCRYPTED_ATTRIBUTES)
    if sealed is None or not sealed.value:
        raise EncryptSecureRTError(ErrorCode.E_NOT_PROTECTED)
    for item in sealed.value:
        try:
            plaintext = key.open(item[_CONTENT].value)
        except (EncryptSecureRTError, KeyError):
            continue
        opened = read_dataset(BytesIO(plaintext), is_implicit_VR=False, is_little_endian=True)
        (original,) = opened[_MODIFIED].value
        return Dataset(original)
    raise EncryptSecureRTError(ErrorCode.E_SEAL)


def _ours(item: Dataset) -> Revealed | None:
    """Return the original without its bulk, if this project sealed it."""
    try:
        block = item.private_block(_GROUP, _CREATOR)
        raw, splice = block[_RAW_HEADER].value, json.loads(block[_SPLICE_LIST].value.rstrip(b"\0"))
    except KeyError:
        return None
    bulk = tuple(BulkRange(**one) for one in splice["bulk"])
    if splice["file_sha256"] is None:
        raise EncryptSecureRTError(ErrorCode.E_DIGEST, "there is no digest to prove it by")
    file = OriginalFile(size=splice["size"], bulk=bulk, file_sha256=splice["file_sha256"])
    length = file.size - sum(one.length for one in bulk)
    return Revealed(instance=_NO_INSTANCE, file=file, octets=raw[:length])


def _write_exact(path: Path, ours: Revealed, target: Path) -> None:
    split = split_file(path, MAX_PROTECTED_HEADER_BYTES)
    with target.open("wb") as sink:
        put_together(path, split, ours, sink)


def _put_back(protected: Dataset, item: Dataset) -> None:
    """Move sealed attributes back, as PS3.15 section E.1.2 says."""
    for tag in (_ENCRYPTED_ATTRIBUTES, *_MARKS):
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
