"""An SGX quote, version 3, read field by field.

      0  header     48   version, key type, TEE type, SVNs, vendor id, user data
     48  report    384   what the CPU says of the enclave
    432  sig_len     4   not signed
    436  signature 64, attestation key 64, QE report 384, QE signature 64, auth data, certificates

Signed are octets 0 to 431 only; the rest can be varied by anyone without breaking a signature, and
the signature itself has two valid forms. So a quote is known by SHA-256(quote[0:432]) and by
nothing else. This module checks the form; what the fields say is judged elsewhere.
"""

import hashlib
import struct
from dataclasses import dataclass
from typing import NoReturn

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import LIMITS

SIGNED_BYTES = 432
MIN_BYTES = 1020
INTEL_VENDOR_ID = bytes.fromhex("939a7233f79c4ca9940a0db3957f0607")
SIMULATED_USER_DATA = b"ESRTSIMULATED".ljust(20, b"\x00")
CERTIFICATION_PEM_CHAIN = 5
QE_AUTH_BYTES = 32

FLAG_INIT, FLAG_DEBUG, FLAG_MODE64 = 1 << 0, 1 << 1, 1 << 2
FLAG_PROVISION_KEY, FLAG_EINIT_TOKEN_KEY, FLAG_KSS = 1 << 4, 1 << 5, 1 << 7

_SNP_BYTES = 1184
_NITRO_PREFIX = bytes.fromhex("8444a1013822")
_RESERVED = ((68, 80), (144, 176), (208, 240), (310, 352))


def _refuse(code: ErrorCode = ErrorCode.E_QUOTE_FORMAT) -> NoReturn:
    raise EncryptSecureRTError(code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A quote whose form is right; `octets` is cut at its declared end."""

    octets: bytes
    user_data: bytes
    cpusvn: bytes
    miscselect: int
    isvextprodid: bytes
    attributes: bytes
    mrenclave: bytes
    mrsigner: bytes
    config_id: bytes
    isvprodid: int
    isvsvn: int
    config_svn: int
    isvfamilyid: bytes
    report_data: bytes
    qe_auth: bytes
    certification_type: int
    certification_data: bytes

    @property
    def flags(self) -> int:
        """The attribute flags, the lower half of ATTRIBUTES."""
        return int.from_bytes(self.attributes[:8], "little")

    @property
    def says_simulated(self) -> bool:
        """Tell whether the quote calls itself simulated (proved by the root only)."""
        return self.user_data.startswith(b"ESRTSIMULATED")

    @property
    def replay_key(self) -> bytes:
        """SHA-256 of the signed octets: the quote's identity."""
        return hashlib.sha256(self.octets[:SIGNED_BYTES]).digest()

    @property
    def identity(self) -> tuple[bytes, bytes, int, int, bytes]:
        """What two quotes of one enclave agree in."""
        return self.mrenclave, self.mrsigner, self.isvprodid, self.isvsvn, self.attributes


def _refuse_other_tee(octets: bytes) -> None:
    """Tell evidence of other machines by its first octets, so that the error names the cause."""
    if octets.startswith(_NITRO_PREFIX):
        _refuse(ErrorCode.E_WRONG_TEE)
    if len(octets) == _SNP_BYTES:
        version, algorithm = (int.from_bytes(octets[at : at + 4], "little") for at in (0, 0x34))
        if 2 <= version <= 5 and algorithm == 1:
            _refuse(ErrorCode.E_WRONG_TEE)
    if len(octets) >= 8:
        version, _, tee_type = struct.unpack_from("<HHI", octets)
        if version in (4, 5) or (version == 3 and tee_type != 0):
            _refuse(ErrorCode.E_WRONG_TEE)


def _cut(octets: bytes) -> bytes:
    """Return the quote up to its declared end; what follows may be zeros only."""
    if not MIN_BYTES <= len(octets) <= LIMITS.quote_bytes:
        _refuse()
    end = 436 + int.from_bytes(octets[432:436], "little")
    if not MIN_BYTES <= end <= len(octets) or any(octets[end:]):
        _refuse()
    return octets[:end]


def _certification(octets: bytes) -> tuple[bytes, int, bytes]:
    """Return (QE auth data, certification data type, certification data)."""
    at = 1014 + int.from_bytes(octets[1012:1014], "little")
    if at + 6 > len(octets):
        _refuse()
    kind, size = struct.unpack_from("<HI", octets, at)
    if at + 6 + size != len(octets):
        _refuse()
    return octets[1014:at], kind, octets[at + 6 :]


def read_quote(octets: bytes) -> Quote:
    """Read a quote of which nothing is known yet.

    Raises
    ------
    EncryptSecureRTError
        E_WRONG_TEE for evidence of TDX, SEV-SNP or Nitro, E_QUOTE_FORMAT for anything else that is
        not a well-formed SGX quote of version 3.
    """
    _refuse_other_tee(octets)
    octets = _cut(octets)
    version, key_type = struct.unpack_from("<HH", octets)
    if version != 3 or key_type != 2 or octets[12:28] != INTEL_VENDOR_ID:
        _refuse()
    if any(any(octets[start:end]) for start, end in _RESERVED):
        _refuse()
    qe_auth, kind, data = _certification(octets)
    isvprodid, isvsvn, config_svn = struct.unpack_from("<HHH", octets, 304)
    return Quote(
        octets=octets,
        user_data=octets[28:48],
        cpusvn=octets[48:64],
        miscselect=int.from_bytes(octets[64:68], "little"),
        isvextprodid=octets[80:96],
        attributes=octets[96:112],
        mrenclave=octets[112:144],
        mrsigner=octets[176:208],
        config_id=octets[240:304],
        isvprodid=isvprodid,
        isvsvn=isvsvn,
        config_svn=config_svn,
        isvfamilyid=octets[352:368],
        report_data=octets[368:432],
        qe_auth=qe_auth,
        certification_type=kind,
        certification_data=data,
    )
