"""Strict reading of decoded messages: exact keys, exact types, every failure E_FORMAT.

>>> fields = Fields({"n": 3, "id": "ab"}, ("n", "id"))
>>> fields.integer("n", 1, 5), fields.hex("id", 1)
(3, 'ab')
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn

from encryptsecurert_protocol.canonical import fraction_from_text
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode

_HEX = re.compile(r"[0-9a-f]*\Z")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z", re.ASCII)
_TIME_FORM = "%Y-%m-%dT%H:%M:%SZ"  # for reading only: strftime does not pad years below 1000


def base64_text(octets: bytes) -> str:
    """Return standard base64 with padding."""
    return base64.b64encode(octets).decode("ascii")


def time_text(moment: datetime) -> str:
    """Return a moment as `YYYY-MM-DDTHH:MM:SSZ`; the moment must be aware."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def time_from_text(text: object, code: ErrorCode = ErrorCode.E_FORMAT) -> datetime:
    """Return the aware moment of a time text, refused in any other form."""
    if isinstance(text, str) and _TIME.match(text):
        try:
            return datetime.strptime(text, _TIME_FORM).replace(tzinfo=UTC)
        except ValueError:
            pass
    raise EncryptSecureRTError(code)


class Fields:
    """The members of one decoded object, of which none may be missing and none unknown."""

    def __init__(
        self,
        value: object,
        names: Iterable[str],
        code: ErrorCode = ErrorCode.E_FORMAT,
    ) -> None:
        self._code = code
        if not isinstance(value, Mapping) or set(value) != set(names):
            self._refuse()
        self._value: Mapping[str, Any] = value

    def _refuse(self) -> NoReturn:
        raise EncryptSecureRTError(self._code) from None

    def constant(self, name: str, expected: str | int) -> None:
        """Refuse unless the member is exactly `expected`."""
        value = self._value[name]
        if type(value) is not type(expected) or value != expected:
            self._refuse()

    def integer(self, name: str, low: int, high: int) -> int:
        """Return an integer in [low, high]."""
        value = self._value[name]
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            self._refuse()
        return value

    def fraction(self, name: str, low: float, high: float) -> float:
        """Return the number of a fraction's text, in [low, high]."""
        try:
            value = fraction_from_text(self._value[name])
        except EncryptSecureRTError:
            self._refuse()
        if not low <= value <= high:
            self._refuse()
        return value

    def boolean(self, name: str) -> bool:
        """Return a truth value."""
        value = self._value[name]
        if not isinstance(value, bool):
            self._refuse()
        return value

    def text(self, name: str, pattern: str, max_length: int = 256) -> str:
        """Return text that matches `pattern` as a whole."""
        value = self._value[name]
        if not isinstance(value, str) or len(value) > max_length:
            self._refuse()
        if not re.fullmatch(pattern, value, re.ASCII):
            self._refuse()
        return value

    def hex(self, name: str, size_bytes: int) -> str:
        """Return lower-case hex of exactly `size_bytes` octets."""
        value = self._value[name]
        if not isinstance(value, str) or len(value) != 2 * size_bytes or not _HEX.match(value):
            self._refuse()
        return value

    def octets(self, name: str, max_bytes: int, exact_bytes: int | None = None) -> bytes:
        """Return the octets of a base64 member, at most `max_bytes` of them."""
        value = self._value[name]
        if not isinstance(value, str) or len(value) > 4 * (max_bytes + 2) // 3 + 4:
            self._refuse()
        try:
            octets = base64.b64decode(value.encode("ascii"), validate=True)
        except (binascii.Error, ValueError):
            self._refuse()
        if base64_text(octets) != value or len(octets) > max_bytes:
            self._refuse()
        if exact_bytes is not None and len(octets) != exact_bytes:
            self._refuse()
        return octets

    def time(self, name: str) -> datetime:
        """Return a moment."""
        return time_from_text(self._value[name], self._code)

    def items(self, name: str, max_items: int, min_items: int = 0) -> list[Any]:
        """Return a list of between `min_items` and `max_items` members."""
        value = self._value[name]
        if not isinstance(value, list) or not min_items <= len(value) <= max_items:
            self._refuse()
        return value

    def child(self, name: str, names: Iterable[str]) -> "Fields":
        """Return the members of a nested object."""
        return Fields(self._value[name], names, self._code)

    def object(self, name: str) -> dict[str, Any]:
        """Return a nested object as it is; the caller checks its members."""
        value = self._value[name]
        if not isinstance(value, dict):
            self._refuse()
        return value

    def is_null(self, name: str) -> bool:
        """Tell whether the member is null."""
        return self._value[name] is None


MAX_INTEGER = 2**53 - 1
ID_BYTES = 16
DIGEST_BYTES = 32
