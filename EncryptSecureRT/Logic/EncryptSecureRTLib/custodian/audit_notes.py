"""When a receipt came: the note that a client archives beside it, as the auditor believes it.

The user signed the note, by the key of the certificate that lies beside it and that the receipt
itself names. So neither the worker's host nor who carries the archive can set the time. A note
that is not so counts as none: it is missing, for another receipt, changed, or signed under a
certificate that the user was given after the job was sent.
"""

from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.signatures import spki_der
from EncryptSecureRTLib.attest.localfiles import read_whole
from EncryptSecureRTLib.client.receipts import CERTIFICATE_FILE, NOTE_FILE, noted_time


def proved_arrival(folder: Path, receipt_sha256: str, fingerprint: str) -> datetime | None:
    """Return when the receipt in a folder came, by its user's clock; None if nothing proves it.

    Parameters
    ----------
    fingerprint : SHA-256 of the user's certificate, as the receipt names it.
    """
    try:
        note = read_whole(folder / NOTE_FILE, LIMITS.json_line_bytes)
        pem = read_whole(folder / CERTIFICATE_FILE, LIMITS.certificate_bytes)
        if note is None or pem is None:
            return None
        return noted_time(note, _spki(pem, fingerprint), receipt_sha256)
    except EncryptSecureRTError:
        return None


def _spki(pem: bytes, fingerprint: str) -> bytes:
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        if certificate.fingerprint(hashes.SHA256()).hex() != fingerprint:
            raise ValueError
        return spki_der(certificate.public_key())  # type: ignore[arg-type]  # `verify` judges it
    except (ValueError, UnsupportedAlgorithm):
        raise EncryptSecureRTError(ErrorCode.E_RECEIPT) from None
