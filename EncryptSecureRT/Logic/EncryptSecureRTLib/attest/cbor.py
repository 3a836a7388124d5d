"""The three CBOR shapes of RA-TLS evidence, and no other CBOR.

    evidence   60000([ quote: bstr, claims: bstr ])
    claims     { "pubkey-hash": bstr }
    the bstr   [ 1, SHA-256(SPKI): bstr ]          1 = sha-256 in the named-information registry

Definite lengths in their shortest form, nothing after the item (RFC 8949 section 4.2.1).
"""

from typing import NoReturn

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode

_UNSIGNED, _BYTES, _TEXT, _ARRAY, _MAP, _TAG = 0, 2, 3, 4, 5, 6
_TAGGED_EVIDENCE = 60000
_SHA256 = 1
_CLAIM = b"pubkey-hash"


def _refuse(code: ErrorCode = ErrorCode.E_CBOR) -> NoReturn:
    raise EncryptSecureRTError(code)


class _Reader:
    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    def _take(self, size: int) -> bytes:
        end = self._at + size
        if end > len(self._octets):
            _refuse()
        taken = self._octets[self._at : end]
        self._at = end
        return taken

    def head(self, major: int) -> int:
        """Return the argument of the next item, which must be of that major type."""
        first = self._take(1)[0]
        if first >> 5 != major:
            _refuse()
        info = first & 0x1F
        if info < 24:
            return info
        if info > 27:  # 28 to 30 are reserved, 31 is an indefinite length
            _refuse()
        width = 1 << (info - 24)
        value = int.from_bytes(self._take(width), "big")
        if value < 24 or (width > 1 and value >> (4 * width) == 0):
            _refuse()
        return value

    def string(self, major: int) -> bytes:
        """Return the octets of a byte or text string."""
        return self._take(self.head(major))

    def end(self) -> None:
        """Refuse if octets are left."""
        if self._at != len(self._octets):
            _refuse()


def read_evidence(octets: bytes) -> tuple[bytes, bytes]:
    """Return (quote, claims) of tagged evidence, or E_CBOR."""
    reader = _Reader(octets)
    if reader.head(_TAG) != _TAGGED_EVIDENCE or reader.head(_ARRAY) != 2:
        _refuse()
    quote, claims = reader.string(_BYTES), reader.string(_BYTES)
    reader.end()
    return quote, claims


def read_pubkey_hash(claims: bytes) -> bytes:
    """Return the SHA-256 that the only claim `pubkey-hash` carries.

    Raises
    ------
    EncryptSecureRTError
        E_CBOR for what is not strict CBOR, E_CLAIMS for another set of claims, another hash
        algorithm or another hash length.
    """
    reader = _Reader(claims)
    if reader.head(_MAP) != 1:
        _refuse(ErrorCode.E_CLAIMS)
    name, value = reader.string(_TEXT), reader.string(_BYTES)
    reader.end()
    if name != _CLAIM:
        _refuse(ErrorCode.E_CLAIMS)
    inner = _Reader(value)
    if inner.head(_ARRAY) != 2:
        _refuse()
    algorithm, digest = inner.head(_UNSIGNED), inner.string(_BYTES)
    inner.end()
    if algorithm != _SHA256 or len(digest) != 32:
        _refuse(ErrorCode.E_CLAIMS)
    return digest
