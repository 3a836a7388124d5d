"""TLS to a PACS: its certificate and name are verified, always; ours is shown if it is given."""

import ssl
from pathlib import Path

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode


def verifying(ca: Path | None, cert: Path | None, key: Path | None) -> ssl.SSLContext:
    """Return the context of a client.

    Parameters
    ----------
    ca : certificate authority of the PACS; the system's if there is none.
    cert, key : ours, both or none.

    Raises
    ------
    EncryptSecureRTError
        E_USAGE, E_LOCAL_FILE.
    """
    context = _context(ssl.Purpose.SERVER_AUTH, ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if cert is not None or key is not None:
        _load(context, cert, key)
    return context


def listening_context(ca: Path | None, cert: Path | None, key: Path | None) -> ssl.SSLContext:
    """Return the context of our storage SCP, which asks the PACS for its certificate as well."""
    context = _context(ssl.Purpose.CLIENT_AUTH, ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    _load(context, cert, key)
    return context


def _context(purpose: ssl.Purpose, ca: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(purpose, cafile=ca)
    except (OSError, ssl.SSLError):
        detail = "--ca is a file of certificates in PEM"
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, detail) from None


def _load(context: ssl.SSLContext, cert: Path | None, key: Path | None) -> None:
    if cert is None or key is None:
        raise EncryptSecureRTError(ErrorCode.E_USAGE, "--cert and --key go together")
    try:
        # A password of none: OpenSSL would ask the terminal for one, and wait.
        context.load_cert_chain(cert, key, password="")
    except (OSError, ssl.SSLError):
        detail = "--cert and --key are in PEM, the key without a password"
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, detail) from None
