"""Canonical JSON: one octet string for one value, and a decoder that takes nothing else.

The form is UTF-8 without BOM, sorted keys, no white space, of objects, arrays, strings in NFC,
integers below 2**53 and the three words. There are no fractions: a number with a point travels
as text (`fraction_text`). A decoder re-encodes and refuses if the octets differ, so nothing can
be said in two ways: not with doubled keys, `-0`, exponents, escapes or spaces.

>>> encode({"b": [1, True], "a": "x"})
b'{"a":"x","b":[1,true]}'
>>> decode(b'{"a":1}')
{'a': 1}
"""

import json
import math
import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NoReturn

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import LIMITS

JsonValue = None | bool | int | str | list[Any] | dict[str, Any]
JsonObject = dict[str, Any]

_KEY = re.compile(r"[a-z0-9_]+\Z")
# A text, closed or not, or a bracket. Nothing is tried twice: its time is that of one pass.
_TEXTS_AND_BRACKETS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{\]}]', re.DOTALL)
_MAX_INT = 2**53 - 1
_ENCODER = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)


def _refuse() -> NoReturn:
    raise EncryptSecureRTError(ErrorCode.E_FORMAT) from None


@lru_cache(maxsize=512)
def _is_key(text: str) -> bool:
    return _KEY.match(text) is not None


def _check(value: object, depth: int) -> None:
    if depth > LIMITS.json_depth:
        _refuse()
    if isinstance(value, str):  # as most are
        if not value.isascii() and not unicodedata.is_normalized("NFC", value):
            _refuse()
    elif value is None or isinstance(value, bool):
        return
    elif isinstance(value, int):
        if abs(value) > _MAX_INT:
            _refuse()
    elif isinstance(value, list | tuple):
        for item in value:
            _check(item, depth + 1)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str) or not _is_key(key):
                _refuse()
            _check(item, depth + 1)
    else:
        _refuse()


def encode(value: Mapping[str, Any]) -> bytes:
    """Return the canonical octets of an object.

    Raises
    ------
    EncryptSecureRTError
        E_FORMAT for anything that the form cannot carry (a float, a long integer, a key with
        other characters than ``a-z0-9_``, text that is not NFC, nesting deeper than 16).
    """
    _check(value, 1)
    try:
        return _ENCODER.encode(value).encode("utf-8")
    except (ValueError, TypeError, RecursionError):
        _refuse()


def decode(octets: bytes, max_bytes: int = LIMITS.header_bytes) -> JsonObject:
    """Return the object that canonical octets stand for, or refuse them: E_FORMAT, E_TOO_LARGE."""
    if len(octets) > max_bytes:
        raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
    # Nesting is bounded before parsing, so that the parser never recurses on an attacker's word.
    if max(octets.count(b"["), octets.count(b"{")) > LIMITS.json_depth and _depth(octets) > (
        LIMITS.json_depth
    ):
        _refuse()
    try:
        value = json.loads(octets.decode("utf-8"))
    except (ValueError, RecursionError):
        _refuse()
    if not isinstance(value, dict) or encode(value) != octets:
        _refuse()
    return value


def _depth(octets: bytes) -> int:
    depth = deepest = 0
    for found in _TEXTS_AND_BRACKETS.finditer(octets):
        octet = octets[found.start()]
        if octet in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif octet in b"]}":
            depth -= 1
    return deepest


def fraction_text(value: float) -> str:
    """Return the text form of a finite number: Python's shortest `repr`, `-0.0` as `0.0`."""
    try:
        number = float(value)
    except OverflowError:  # an integer beyond the range of float
        _refuse()
    if not math.isfinite(number):
        _refuse()
    return repr(number or 0.0)


def fraction_from_text(text: object) -> float:
    """Return the number of a text form, refused unless it is exactly the form that we write."""
    if not isinstance(text, str):
        _refuse()
    try:
        value = float(text)
    except ValueError:
        _refuse()
    if fraction_text(value) != text:
        _refuse()
    return value
