"""Downloads that go on where they broke off: what is here is kept, only the rest is asked for."""

import hashlib
import re
from collections.abc import Callable

import requests

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import KIB
from EncryptSecureRTLib.client.errors import error_of_request
from EncryptSecureRTLib.client.line import Line

_PIECE_BYTES = 256 * KIB
_ETAG = re.compile(r'"([0-9a-f]{64})"')
_RANGE = re.compile(r"bytes ([0-9]{1,16})-[0-9]{1,16}/[0-9]{1,16}")


class PartialDownload:
    """The octets of one answer, as far as they are here; never more than `max_bytes`."""

    def __init__(self, path: str, max_bytes: int) -> None:
        self.octets = bytearray()
        self._path = path
        self._max_bytes = max_bytes
        self._sha256 = ""  # of the whole, as the worker names it
        self._joined = False

    def go_on(self, line: Line, stopped: Callable[[], bool] = lambda: False) -> bytearray:
        """Ask for what is missing and return the whole.

        Raises
        ------
        EncryptSecureRTError
            E_RESULT if there are more octets than announced, or the parts do not make the
            whole that the worker named at first; E_CANCELLED if `stopped` says so before a
            piece is read; what a channel raises, after which `go_on` may be called again.
        """
        response = line.request("GET", self._path, headers=self._range(), stream=True)
        try:
            self._begin(response)
            self._read(response, stopped)
        except requests.RequestException as error:
            raise error_of_request(error) from None
        finally:
            response.close()
        if self._joined and hashlib.sha256(self.octets).hexdigest() != self._sha256:
            raise EncryptSecureRTError(ErrorCode.E_RESULT)
        return self.octets

    def _range(self) -> dict[str, str]:
        if not self.octets or not self._sha256:
            return {}
        return {"Range": f"bytes={len(self.octets)}-", "If-Range": f'"{self._sha256}"'}

    def _begin(self, response: requests.Response) -> None:
        named = _ETAG.fullmatch(response.headers.get("ETag", ""))
        sha256 = named.group(1) if named else ""
        if response.status_code == requests.codes.partial_content:
            ranged = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
            start = int(ranged.group(1)) if ranged else -1
            if not self.octets or start != len(self.octets) or sha256 != self._sha256:
                raise EncryptSecureRTError(ErrorCode.E_RESULT)
            self._joined = True
        else:
            self.octets.clear()
            self._sha256 = sha256
            self._joined = False

    def _read(self, response: requests.Response, stopped: Callable[[], bool]) -> None:
        pieces = response.iter_content(_PIECE_BYTES)
        while not stopped():
            piece = next(pieces, None)
            if piece is None:
                return
            self.octets += piece
            if len(self.octets) > self._max_bytes:
                raise EncryptSecureRTError(ErrorCode.E_RESULT)
        raise EncryptSecureRTError(ErrorCode.E_CANCELLED)
