"""Whether the octets of a value are numbers and nothing else.

Decimal and integer strings are held against the grammar of PS3.5 section 6.2, octet for octet.
Binary numbers are held against their size; floats must also be finite and not larger than
quantities of physics are, doubles not smaller than what rounding leaves of zero: most letters and
all digits at the end of eight, read as a double, are outside. Four letters may pass as a float.
"""

import math
import re
import struct

_DECIMAL = re.compile(rb" *[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)? *\Z")
_INTEGER = re.compile(rb" *[+-]?[0-9]+ *\Z")
_MAX_DECIMAL = 16  # PS3.5 section 6.2: octets of one DS value
_MAX_INTEGER = 12
_SIZES = {b"US": 2, b"SS": 2, b"UL": 4, b"SL": 4, b"FL": 4, b"FD": 8, b"OF": 4, b"AT": 4}
_FLOATS = {b"FL": "f", b"OF": "f", b"FD": "d"}
_LEAST_DOUBLE, _MOST_FLOAT = 1e-25, 1e18

BINARY_VRS = frozenset(_SIZES)
"""VRs whose zero octets are a value and no padding."""


def is_number(vr: bytes, value: bytes, count: tuple[int, int]) -> bytes | None:
    """Return the value, without a padding NUL, if it is numbers of that VR; None if not.

    Parameters
    ----------
    vr : bytes
        DS, IS or a VR of binary numbers.
    value : bytes
        Raw octets, not empty.
    count : (least, most)
        How many values there may be.
    """
    if vr in _SIZES:
        return _binary(vr, value, count)
    pattern, longest = (_DECIMAL, _MAX_DECIMAL) if vr == b"DS" else (_INTEGER, _MAX_INTEGER)
    value = value.rstrip(b"\0")
    if count[0] == 1 and len(value) <= longest and pattern.match(value):
        return value
    parts = value.split(b"\\")
    if not count[0] <= len(parts) <= count[1]:
        return None
    # The last value's pad octet is not part of it.
    last = len(parts[-1].rstrip(b" "))
    if max((last, *map(len, parts[:-1]))) > longest or not all(map(pattern.match, parts)):
        return None
    return value


def _binary(vr: bytes, value: bytes, count: tuple[int, int]) -> bytes | None:
    size = _SIZES[vr]
    number = len(value) // size
    if len(value) % size or not count[0] <= number <= count[1]:
        return None
    letter = _FLOATS.get(vr)
    if letter is not None:
        least = _LEAST_DOUBLE if vr == b"FD" else 0.0
        for (one,) in struct.iter_unpack(f"<{letter}", value):
            if one and not (math.isfinite(one) and least < abs(one) < _MOST_FLOAT):
                return None
    return value
