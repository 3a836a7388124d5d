"""Framing of what is sealed: magic (8) || u32be JSON length || canonical JSON || octets.

`ESRTVOL1` frames a volume, `ESRTBAT1` a batch of small items, `ESRTRES1` a sealed result file,
`ESRTSTR1` structures without names, `ESRTCUR1` dose-volume curves,
`ESRTPLN1` plans, treatment records and machine logs without names.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import Fields
from encryptsecurert_protocol.limits import LIMITS

_MAGIC_BYTES = 8
_START = _MAGIC_BYTES + 4


class Magic(Enum):
    """What a frame holds."""

    VOLUME = b"ESRTVOL1"
    BATCH = b"ESRTBAT1"
    RESULT = b"ESRTRES1"
    STRUCTURES = b"ESRTSTR1"
    CURVES = b"ESRTCUR1"
    PLANS = b"ESRTPLN1"


def frame_head(magic: Magic, header: Mapping[str, Any]) -> bytes:
    """Return the frame's octets up to where the payload begins."""
    json_octets = canonical.encode(header)
    if len(json_octets) > LIMITS.header_bytes:
        raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
    return magic.value + len(json_octets).to_bytes(4, "big") + json_octets


def frame_header_octets(magic: Magic, octets: bytes | memoryview) -> bytes:
    """Return the frame's JSON octets as they stand, checked for magic and length only."""
    view = memoryview(octets)
    if len(view) < _START or bytes(view[:_MAGIC_BYTES]) != magic.value:
        raise EncryptSecureRTError(ErrorCode.E_FORMAT)
    length = int.from_bytes(view[_MAGIC_BYTES:_START], "big")
    if length > LIMITS.header_bytes or _START + length > len(view):
        raise EncryptSecureRTError(ErrorCode.E_FORMAT)
    return bytes(view[_START : _START + length])


def unframe(
    magic: Magic, octets: bytes | bytearray | memoryview
) -> tuple[dict[str, Any], memoryview]:
    """Return (decoded header, payload) of a frame; the payload is a view, not a copy."""
    view = memoryview(octets)
    json_octets = frame_header_octets(magic, view)
    return canonical.decode(json_octets), view[_START + len(json_octets) :]


def pack_batch(items: Sequence[bytes]) -> bytes:
    """Return one octet string that holds the items in their order."""
    if not items:
        raise EncryptSecureRTError(ErrorCode.E_FORMAT)
    if len(items) > LIMITS.batch_instances:
        raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
    packed = frame_head(Magic.BATCH, {"lengths": [len(item) for item in items]}) + b"".join(items)
    if len(packed) > LIMITS.batch_bytes:
        raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
    return packed


def unpack_batch(octets: bytes | bytearray | memoryview) -> list[memoryview]:
    """Return the items of a batch as views; their lengths must fill the octets exactly."""
    if len(octets) > LIMITS.batch_bytes:
        raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
    header, payload = unframe(Magic.BATCH, octets)
    lengths = Fields(header, ("lengths",)).items("lengths", LIMITS.header_bytes, 1)
    if len(lengths) > LIMITS.batch_instances:
        raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
    if any(type(n) is not int or not 0 <= n <= LIMITS.batch_bytes for n in lengths):
        raise EncryptSecureRTError(ErrorCode.E_FORMAT)
    if sum(lengths) != len(payload):
        raise EncryptSecureRTError(ErrorCode.E_FORMAT)
    items = []
    start = 0
    for length in lengths:
        items.append(payload[start : start + length])
        start += length
    return items
