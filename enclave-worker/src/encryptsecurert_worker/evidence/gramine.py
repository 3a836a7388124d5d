"""Quotes by the CPU, through Gramine's attestation device.

    attestation_type   "dcap" where SGX attestation is on; missing under gramine-direct
    user_report_data   64 octets in one write
    quote              read to the end after that write

The two files are one state of the process: a write by another thread in between would give that
thread's data to ours, so a lock covers the pair and the quote is compared with what was asked.
Whether there is SGX is decided by such a quote, never by a device file, a flag or the environment.
Nothing of this was ever run on SGX hardware by us: the tests use a folder that behaves like it.
"""

import os
import threading
from pathlib import Path

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.statement import Kind
from encryptsecurert_worker.evidence.provider import MIN_QUOTE_BYTES, REPORT_DATA_BYTES

ATTESTATION_DEVICE = Path("/dev/attestation")
# One device for the process, so one lock for all providers.
_DEVICE_LOCK = threading.Lock()


class NoEvidence(EncryptSecureRTError):
    """There is no SGX attestation here; the worker ends with status 78 and never simulates."""

    def __init__(self, detail: str) -> None:
        super().__init__(ErrorCode.E_INTERNAL, detail)


def _write_once(path: Path, octets: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        if os.write(descriptor, octets) != len(octets):
            raise NoEvidence("short write to the attestation device")
    finally:
        os.close(descriptor)


def _cut(octets: bytes) -> bytes:
    """Return the quote up to its declared end; Gramine gives a buffer filled up with zeros."""
    if not MIN_QUOTE_BYTES <= len(octets) <= LIMITS.quote_bytes:
        raise NoEvidence("quote of an impossible size")
    end = 436 + int.from_bytes(octets[432:436], "little")
    if not MIN_QUOTE_BYTES <= end <= len(octets):
        raise NoEvidence("quote of an impossible size")
    return octets[:end]


class GramineProvider:
    """Quotes of the enclave that this process runs in.

    Parameters
    ----------
    directory : path
        The attestation device; another folder in tests only.

    Raises
    ------
    NoEvidence
        Unless DCAP attestation works here: there is no other provider to fall back to.
    """

    def __init__(self, directory: Path = ATTESTATION_DEVICE) -> None:
        self._directory = directory
        try:
            kind = (directory / "attestation_type").read_bytes().strip()
        except OSError:
            raise NoEvidence("no attestation device") from None
        if kind != b"dcap":
            raise NoEvidence("attestation is not DCAP")
        self._measurement = self.quote(bytes(REPORT_DATA_BYTES))[112:144].hex()

    @property
    def kind(self) -> Kind:
        """Always GRAMINE."""
        return Kind.GRAMINE

    @property
    def measurement(self) -> str:
        """MRENCLAVE as the CPU gave it, in hex."""
        return self._measurement

    def quote(self, report_data: bytes) -> bytes:
        """Return a version 3 quote over `report_data`; NoEvidence if the device does otherwise."""
        if len(report_data) != REPORT_DATA_BYTES:
            raise NoEvidence("report data of another size than 64")
        with _DEVICE_LOCK:
            try:
                _write_once(self._directory / "user_report_data", report_data)
                octets = (self._directory / "quote").read_bytes()
            except OSError:
                raise NoEvidence("the attestation device failed") from None
        quote = _cut(octets)
        if quote[:2] != b"\x03\x00" or quote[368:432] != report_data:
            raise NoEvidence("the quote is not over what was asked")
        return quote

    def collateral(self) -> bytes | None:
        """Return None: an enclave has no collateral; clients get it from their site."""
        return None
