"""What the strict readers of text share: lines within limits, and numbers in one plain form.

Measured planes, scans and lists of earlier results are made by other programs and by hand. A reader
takes exactly the form that is documented, refuses all else with the number of the line, and raises
nothing but InvalidInput. No word of the text is repeated in an error.
"""

import math
import re
from typing import NoReturn

from encryptsecurert_rt.errors import InvalidInput

MAX_TEXT_CHARS = 32 << 20
MAX_LINES = 1_000_000
MAX_VALUES = 4_000_000
_MAX_NUMBER_CHARS = 32
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")


def refuse(what: str, line: int | None = None) -> NoReturn:
    """Raise InvalidInput with fixed words and, if known, the number of the line (from 1)."""
    raise InvalidInput(what if line is None else f"line {line}: {what}")


def lines_of(text: str) -> list[str]:
    """Return the lines without their ends (LF or CR LF); a byte order mark at the start is dropped.

    Raises
    ------
    InvalidInput
        If there is too much text, or a character that plain text does not have.
    """
    if len(text) > MAX_TEXT_CHARS:
        refuse("the text is longer than 32 Mi characters")
    if text.count("\n") > MAX_LINES:
        refuse("the text has more than a million lines")
    lines = text.removeprefix("\ufeff").split("\n")
    if lines[-1] == "":
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def number(field: str, line: int) -> float:
    """Return a decimal number with a point, such as -12.5 or 38.5E-06; spaces around are allowed.

    Raises
    ------
    InvalidInput
        If it is anything else: NaN, infinity, a decimal comma, digits of another script.
    """
    word = field.strip(" \t")
    if len(word) > _MAX_NUMBER_CHARS or not _NUMBER.fullmatch(word):
        refuse("a number was expected", line)
    value = float(word)
    if not math.isfinite(value):
        refuse("a number is too large", line)
    return value


def numbers(fields: str, line: int, count: int | None = None) -> list[float]:
    """Return numbers separated by commas; `count` says how many there must be."""
    values = [number(field, line) for field in fields.split(",")]
    if count is not None and len(values) != count:
        refuse(f"{count} numbers were expected", line)
    return values
