"""An offline recipient's side: its certificate as a custodian takes it, its items as it opens them.

No worker and no manifest are asked. So nothing that is opened here is known to be what was
sealed, or to be of the file in which it lies; only a worker, or the escrow key with the digest
that is sealed in the first item, proves that. And nobody is told that it was opened.
"""

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pydicom import dcmread

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import LIMITS
from EncryptSecureRTLib.client.revealed_values import Rows, data_set_rows
from EncryptSecureRTLib.client.series_headers import reading_dicom
from EncryptSecureRTLib.custodian.disk import read_file
from EncryptSecureRTLib.custodian.item_key import ItemKey


def read_certificate(path: Path) -> bytes:
    """Return the DER of a certificate's file, PEM or DER (E_USAGE, E_LOCAL_FILE)."""
    octets = read_file(path, LIMITS.certificate_bytes)
    is_pem = octets.lstrip().startswith(b"-----")
    read = x509.load_pem_x509_certificate if is_pem else x509.load_der_x509_certificate
    try:
        return read(octets).public_bytes(Encoding.DER)
    except ValueError:
        raise EncryptSecureRTError(ErrorCode.E_USAGE, "not a certificate") from None


def open_offline(path: Path, key: ItemKey) -> Rows:
    """Return the rows of the attributes in a file's item for this key.

    Raises
    ------
    EncryptSecureRTError
        E_NOT_PROTECTED without a sealed item; E_DICOM and E_LOCAL_FILE for the file; E_SEAL for
        whatever goes wrong from then on.
    """
    with reading_dicom():
        protected = dcmread(path, stop_before_pixels=True)
    try:
        with reading_dicom():
            return data_set_rows(key.opened_item(protected))
    except EncryptSecureRTError as error:
        if error.code is ErrorCode.E_NOT_PROTECTED:
            raise
        raise EncryptSecureRTError(ErrorCode.E_SEAL) from None
