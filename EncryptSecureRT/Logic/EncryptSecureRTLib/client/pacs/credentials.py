"""Credentials for DICOMweb: from a file that only its owner can read, or from the environment.

Never from the command line, where every program on the computer sees them. One line:

    basic USER:PASSWORD
    bearer TOKEN
"""

import base64
import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode

VARIABLE = "ENCRYPTSECURERT_PACS_CREDENTIALS"
_MAX_BYTES = 16 * 1024
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*\Z")  # RFC 6750 section 2.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The value of an Authorization header; it does not print."""

    header: str = field(repr=False)


def find_credentials(path: Path | None) -> Credentials | None:
    """Return the credentials of a file, else of the environment, None if there are none.

    Raises
    ------
    EncryptSecureRTError
        E_USAGE if others can read the file, or the line is not right; E_LOCAL_FILE.
    """
    if path is not None:
        return _read_line(_octets(path))
    told = os.environ.get(VARIABLE, "")
    return _read_line(told.encode("utf-8", "surrogateescape")) if told else None


def _octets(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            facts = os.fstat(file.fileno())
            octets = file.read(_MAX_BYTES + 1)
    except OSError:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None
    if os.name == "posix" and stat.S_IMODE(facts.st_mode) & 0o077:
        detail = "the credentials' file is open to others: chmod 600"
        raise EncryptSecureRTError(ErrorCode.E_USAGE, detail)
    return octets


def _read_line(octets: bytes) -> Credentials:
    kind, _, secret = octets.rstrip(b"\r\n").partition(b" ")
    if len(octets) <= _MAX_BYTES and not any(one < 0x20 or one == 0x7F for one in secret):
        if kind == b"basic" and b":" in secret:
            return Credentials(header="Basic " + base64.b64encode(secret).decode("ascii"))
        if kind == b"bearer" and _TOKEN.match(secret.decode("ascii", "replace")):
            return Credentials(header="Bearer " + secret.decode("ascii"))
    detail = "credentials are one line: basic USER:PASSWORD, or bearer TOKEN"
    raise EncryptSecureRTError(ErrorCode.E_USAGE, detail)
