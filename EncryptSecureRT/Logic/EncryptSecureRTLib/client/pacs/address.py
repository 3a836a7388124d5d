"""Whom the client speaks to: an application entity, or a DICOMweb address.

>>> parse_peer("ARCHIVE@pacs.example:104")
DimsePeer(title='ARCHIVE', host='pacs.example', port=104)
>>> parse_base_url("https://pacs.example/dicom-web/", allow_http=False)
'https://pacs.example/dicom-web'
"""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode

# PS3.5 section 6.2, AE: up to 16 characters without backslash; outer spaces mean nothing.
_TITLE = re.compile(r"[!-\[\]-~](?:[ -\[\]-~]{0,14}[!-\[\]-~])?\Z")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?\Z")
_IPV6 = re.compile(r"[0-9A-Fa-f:.]{2,45}\Z")
_PORT = re.compile(r"[0-9]{1,5}\Z")
_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]{1,100}){0,10}/?\Z")


def _usage(detail: str) -> EncryptSecureRTError:
    return EncryptSecureRTError(ErrorCode.E_USAGE, detail)


@dataclass(frozen=True, slots=True, kw_only=True)
class DimsePeer:
    """An application entity: its title, and where it listens."""

    title: str
    host: str
    port: int

    @property
    def is_here(self) -> bool:
        """Whether it is on this computer, so that nothing of it is on a network."""
        return _is_loopback(f"//[{self.host}]" if ":" in self.host else f"//{self.host}")


def _is_loopback(address: str) -> bool:
    from EncryptSecureRTLib.client.trust import is_loopback  # what it needs loads slowly

    return is_loopback(address)


def checked_title(text: str) -> str:
    """Return an AE title without outer spaces, or refuse with E_USAGE."""
    title = text.strip(" ")
    if not _TITLE.match(title):
        raise _usage("an AE title has 1 to 16 characters of ASCII, and no backslash")
    return title


def checked_port(text: str) -> int:
    """Return a port number, or refuse with E_USAGE."""
    if not _PORT.match(text) or not 0 < int(text) < 65536:
        raise _usage("a port is 1 to 65535")
    return int(text)


def parse_peer(text: str) -> DimsePeer:
    """Read ``AET@host:port``; an IPv6 address stands in brackets.

    Raises
    ------
    EncryptSecureRTError
        E_USAGE.
    """
    title, at, place = text.rpartition("@")
    host, colon, port = place.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        is_host = _IPV6.match(host)
    else:
        is_host = _HOST.match(host)
    if not at or not colon or not is_host:
        raise _usage("--dimse is AET@host:port")
    return DimsePeer(title=checked_title(title), host=host, port=checked_port(port))


def parse_base_url(text: str, *, allow_http: bool) -> str:
    """Read the address of a DICOMweb service, without the slash at its end.

    Parameters
    ----------
    allow_http : bool
        Take http to another computer, where everybody on the way reads along.

    Raises
    ------
    EncryptSecureRTError
        E_USAGE, also for a user and password in the address: other programs can see them.
    """
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise _usage("--dicomweb is https://host[:port]/path") from None
    host = parts.hostname or ""
    is_host = _IPV6.match(host) if ":" in host else _HOST.match(host)
    if parts.username is not None or parts.password is not None:
        raise _usage("credentials do not stand in an address: use --credentials")
    if not is_host or not _PATH.match(parts.path) or parts.query or parts.fragment or port == 0:
        raise _usage("--dicomweb is https://host[:port]/path")
    if parts.scheme == "http":
        if not (allow_http or _is_loopback(text)):
            raise _usage("http shows everything to the network: https, or --unsafe-allow-http")
    elif parts.scheme != "https":
        raise _usage("--dicomweb is https://host[:port]/path")
    return text.rstrip("/")
