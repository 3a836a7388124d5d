"""The simulated quote provider: real formats and signatures, and no protection whatever.

It exists so that every line of the verification path runs on a developer's machine. It is not part
of the measured image, a worker takes it only if its configuration says so, and a client accepts it
only if its policy does. The quote says `ESRTSIMULATED`, and its root is not Intel's.
"""

import hashlib
import struct
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.statement import Kind
from encryptsecurert_worker.evidence.provider import REPORT_DATA_BYTES
from encryptsecurert_worker.evidence.simulated_collateral import (
    QE_ISVSVN,
    QE_MRSIGNER,
    RENEW_AFTER,
    issued_at,
    make_collateral,
)
from encryptsecurert_worker.evidence.simulated_pki import (
    CPUSVN,
    PCESVN,
    SimulatedPki,
    open_pki,
    raw_public_key,
    raw_signature,
    write,
)

MRSIGNER = hashlib.sha256(b"SIMULATED enclave signer").digest()
ISVPRODID = 1
ISVSVN = 1
# Verifiers insist on the vendor id of Intel's quoting enclave; the user data tells the truth.
_VENDOR_ID = bytes.fromhex("939a7233f79c4ca9940a0db3957f0607")
_USER_DATA = b"ESRTSIMULATED".ljust(20, b"\x00")
_PEM_CHAIN = 5
_ATTRIBUTES = struct.pack("<QQ", 0x05, 0x03)  # INIT and MODE64; x87 and SSE state
_QE_ATTRIBUTES = struct.pack("<QQ", 0x11, 0x03)
_QE_AUTH = hashlib.sha256(b"SIMULATED QE authentication data").digest()
_QE_MRENCLAVE = hashlib.sha256(b"SIMULATED quoting enclave").digest()


def _report(
    attributes: bytes, mrenclave: bytes, mrsigner: bytes, isvsvn: int, report_data: bytes
) -> bytes:
    """Return the 384 octets that a CPU would write."""
    return b"".join(
        (
            CPUSVN + bytes(4) + bytes(28) + attributes,
            mrenclave + bytes(32) + mrsigner + bytes(96),
            struct.pack("<HH", ISVPRODID, isvsvn) + bytes(60) + report_data,
        )
    )


class SimulatedProvider:
    """Quotes signed by a key in a file.

    Parameters
    ----------
    folder : path
        Where the keys and certificates are kept, made at first use.
    mrenclave : bytes
        The 32 octets of `simulated_mrenclave`.
    clock : callable
        Gives the time, aware, for issuing certificates and collateral.
    """

    def __init__(self, folder: Path, mrenclave: bytes, clock: Callable[[], datetime]) -> None:
        if len(mrenclave) != 32:
            raise EncryptSecureRTError(ErrorCode.E_INTERNAL, "measurement of another size than 32")
        self._mrenclave = mrenclave
        self._clock = clock
        self._kept = folder / "SIMULATED-collateral.json"
        self._lock = threading.Lock()
        self._pki = open_pki(folder, clock())
        self._tail = self._quoting_enclave(self._pki)

    @staticmethod
    def _quoting_enclave(pki: SimulatedPki) -> bytes:
        """Return what follows the body signature; it is the same in each quote."""
        key = raw_public_key(pki.keys["attestation"])
        binding = hashlib.sha256(key + _QE_AUTH).digest() + bytes(32)
        report = _report(_QE_ATTRIBUTES, _QE_MRENCLAVE, QE_MRSIGNER, QE_ISVSVN, binding)
        chain = pki.pem("pck", "pck-ca", "root").encode("ascii")
        return b"".join(
            (
                key + report + raw_signature(pki.keys["pck"], report),
                struct.pack("<H", len(_QE_AUTH)) + _QE_AUTH,
                struct.pack("<HI", _PEM_CHAIN, len(chain)) + chain,
            )
        )

    @property
    def kind(self) -> Kind:
        """Always SIMULATED."""
        return Kind.SIMULATED

    @property
    def measurement(self) -> str:
        """The simulated MRENCLAVE, in hex."""
        return self._mrenclave.hex()

    def quote(self, report_data: bytes) -> bytes:
        """Return a version 3 quote over exactly 64 octets."""
        if len(report_data) != REPORT_DATA_BYTES:
            raise EncryptSecureRTError(ErrorCode.E_INTERNAL, "report data of another size than 64")
        header = struct.pack("<HHIHH", 3, 2, 0, QE_ISVSVN, PCESVN) + _VENDOR_ID + _USER_DATA
        body = header + _report(_ATTRIBUTES, self._mrenclave, MRSIGNER, ISVSVN, report_data)
        tail = raw_signature(self._pki.keys["attestation"], body) + self._tail
        return body + struct.pack("<I", len(tail)) + tail

    def collateral(self) -> bytes:
        """Return collateral, made anew when the kept one is more than two days old."""
        now = self._clock()
        with self._lock:
            try:
                kept = self._kept.read_bytes()
                issued = issued_at(kept)
                # A clock that went back gets the newer collateral, so that it never goes back.
                if issued is not None and now - issued < RENEW_AFTER:
                    return kept
            except FileNotFoundError:
                pass
            except OSError:
                raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None
            fresh = make_collateral(self._pki, now)
            try:
                write(self._kept, fresh)
            except OSError:
                raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None
            return fresh
