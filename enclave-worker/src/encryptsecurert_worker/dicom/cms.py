"""CMS EnvelopedData in the one form that sealed items have (RFC 5652 section 6, X.690 for DER).

    ContentInfo { enveloped-data, [0] { 0, SET OF recipients,
        { data, { aes256-CBC, initialisation vector }, [0] encrypted octets } } }
    recipient = { 0, { issuer, serial number }, { rsaEncryption, NULL }, encrypted key }

Written here since one key is used for several items, and read here since a key that was decrypted
once need not be decrypted again: libraries make or open one whole item at a time. Nothing is
encrypted or decrypted here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import NoReturn

from cryptography import x509

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode

IV_BYTES = BLOCK_BYTES = 16

_INTEGER, _OCTET_STRING, _SEQUENCE, _SET = 0x02, 0x04, 0x30, 0x31
_CONTEXT_0, _IMPLICIT_0 = 0xA0, 0x80
_MAX_LENGTH_OCTETS = 4
_MAX_RECIPIENTS = 8
_SETS_KEPT = 64

_ENVELOPED_DATA = bytes.fromhex("06092a864886f70d010703")
_DATA = bytes.fromhex("06092a864886f70d010701")
_AES_256_CBC = bytes.fromhex("060960864801650304012a")
_RSA_ENCRYPTION = bytes.fromhex("300d06092a864886f70d0101010500")
_VERSION_0 = bytes.fromhex("020100")


def der(tag: int, *parts: bytes) -> bytes:
    """Return one DER element of these parts."""
    return b"".join((_head(tag, sum(map(len, parts))), *parts))


def _head(tag: int, size: int) -> bytes:
    if size < 0x80:
        return bytes((tag, size))
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length


def recipient_name(certificate: x509.Certificate) -> bytes:
    """Return issuer and serial number of a certificate, by which an item names its recipient."""
    serial = certificate.serial_number
    size = max(serial, ~serial).bit_length() // 8 + 1  # with the sign: some are negative
    number = der(_INTEGER, serial.to_bytes(size, "big", signed=True))
    return der(_SEQUENCE, certificate.issuer.public_bytes(), number)


def recipient_infos(keys: list[tuple[bytes, bytes]]) -> bytes:
    """Return the SET of recipients, given each one's name and its encrypted key."""
    infos = [
        der(_SEQUENCE, _VERSION_0, name, _RSA_ENCRYPTION, der(_OCTET_STRING, key))
        for name, key in keys
    ]
    return der(_SET, *sorted(infos))  # DER: ascending by their octets


def write_enveloped(infos: bytes, iv: bytes, encrypted: bytes | memoryview) -> bytes:
    """Return the ContentInfo of octets that are encrypted already."""
    algorithm = der(_SEQUENCE, _AES_256_CBC, der(_OCTET_STRING, iv))
    inner = _DATA + algorithm + _head(_IMPLICIT_0, len(encrypted))
    inner = _VERSION_0 + infos + _head(_SEQUENCE, len(inner) + len(encrypted)) + inner
    inner = _head(_SEQUENCE, len(inner) + len(encrypted)) + inner
    inner = _ENVELOPED_DATA + _head(_CONTEXT_0, len(inner) + len(encrypted)) + inner
    return b"".join((_head(_SEQUENCE, len(inner) + len(encrypted)), inner, encrypted))


@dataclass(frozen=True, slots=True, kw_only=True)
class Enveloped:
    """An EnvelopedData as it stands; `keys` are the encrypted keys by their recipient's name."""

    keys: Mapping[bytes, bytes] = field(repr=False)
    iv: bytes = field(repr=False)
    encrypted: memoryview = field(repr=False)


def read_enveloped(octets: bytes) -> Enveloped:
    """Read what `write_enveloped` writes, and refuse everything else (E_SEAL)."""
    outer = _Reader(memoryview(octets)).enter(_SEQUENCE, last=True)
    outer.expect(_ENVELOPED_DATA)
    enveloped = outer.enter(_CONTEXT_0, last=True).enter(_SEQUENCE, last=True)
    enveloped.expect(_VERSION_0)
    infos = enveloped.value(_SET)
    content = enveloped.enter(_SEQUENCE, last=True)
    content.expect(_DATA)
    algorithm = content.enter(_SEQUENCE)
    algorithm.expect(_AES_256_CBC)
    iv = algorithm.value(_OCTET_STRING, last=True)
    encrypted = content.value(_IMPLICIT_0, last=True)
    if len(iv) != IV_BYTES or not len(encrypted) or len(encrypted) % BLOCK_BYTES:
        _refuse()
    return Enveloped(keys=_keys(bytes(infos)), iv=bytes(iv), encrypted=encrypted)


@lru_cache(_SETS_KEPT)
def _keys(octets: bytes) -> Mapping[bytes, bytes]:
    """Return what a SET of recipients holds; items of one study and job have the same one."""
    infos = _Reader(memoryview(octets))
    keys: dict[bytes, bytes] = {}
    while not infos.at_end:
        info = infos.enter(_SEQUENCE)
        info.expect(_VERSION_0)
        name = der(_SEQUENCE, bytes(info.value(_SEQUENCE)))
        info.expect(_RSA_ENCRYPTION)
        if name in keys or len(keys) == _MAX_RECIPIENTS:
            _refuse()
        keys[name] = bytes(info.value(_OCTET_STRING, last=True))
    return MappingProxyType(keys)


class _Reader:
    """Reads the elements inside one element, from its start to its end."""

    def __init__(self, octets: memoryview) -> None:
        self._octets = octets
        self._at = 0

    @property
    def at_end(self) -> bool:
        return self._at == len(self._octets)

    def expect(self, octets: bytes) -> None:
        """Step over octets that are always the same."""
        end = self._at + len(octets)
        if self._octets[self._at : end] != octets:
            _refuse()
        self._at = end

    def enter(self, tag: int, *, last: bool = False) -> "_Reader":
        """Step over an element, and return a reader of what is in it."""
        return _Reader(self.value(tag, last=last))

    def value(self, tag: int, *, last: bool = False) -> memoryview:
        """Step over an element, and return its value; nothing follows it if it is the `last`."""
        octets, at = self._octets, self._at + 2
        if at > len(octets) or octets[at - 2] != tag:
            _refuse()
        size = octets[at - 1]
        if size & 0x80:
            count = size & 0x7F
            size = int.from_bytes(octets[at : at + count], "big")
            if (
                not 1 <= count <= _MAX_LENGTH_OCTETS
                or _head(tag, size)[1:] != (octets[at - 1 : at + count])
            ):
                _refuse()  # DER has a length in its shortest form only
            at += count
        end = at + size
        if end > len(octets) or (last and end != len(octets)):
            _refuse()
        self._at = end
        return octets[at:end]


def _refuse() -> NoReturn:
    raise EncryptSecureRTError(ErrorCode.E_SEAL) from None
