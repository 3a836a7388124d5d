"""Looks for planted words in octets, in every form in which a program may spill them."""

import base64
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

_LEAST_CHARACTERS, _LEAST_DIGITS = 6, 8  # less turns up in random octets and UIDs by itself


def forms(text: str) -> Iterator[bytes]:
    """Yield the text plain, as UTF-16, in hex, and inside base64 at each alignment."""
    plain = text.encode("utf-8")
    yield plain
    yield text.encode("utf-16-le")
    yield text.encode("utf-16-be")
    yield plain.hex().encode()
    yield plain.hex().upper().encode()
    for lead in range(3):
        encoded = base64.b64encode(bytes(lead) + plain)
        # Characters at both ends depend on the neighbours as well.
        inner = encoded[-(-lead * 8 // 6) : (lead + len(plain)) * 8 // 6]
        yield inner
        yield inner.translate(bytes.maketrans(b"+/", b"-_"))


def searchable(texts: Iterable[str]) -> set[str]:
    """Return the texts that are long enough to mean something when found."""
    return {
        text
        for text in texts
        if len(text) >= (_LEAST_DIGITS if text.isdigit() else _LEAST_CHARACTERS)
    }


def found(texts: Iterable[str], octets: bytes) -> set[str]:
    """Return which of the texts are in the octets, in any form."""
    return {text for text in searchable(texts) if _is_in(text, octets)}


def _is_in(text: str, octets: bytes) -> bool:
    if text.isdigit() and text.encode() in octets:
        # Digits within longer numbers are the numbers' own, as in UIDs made by hashing.
        alone = rb"(?<![0-9])" + text.encode() + rb"(?![0-9])"
        return re.search(alone, octets) is not None
    return any(form in octets for form in forms(text))


def found_below(texts: Iterable[str], folder: Path) -> dict[str, set[str]]:
    """Return what was found in names and contents of all files below a folder."""
    wanted = searchable(texts)
    hits: dict[str, set[str]] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        octets = path.read_bytes() if path.is_file() else b""
        if here := found(wanted, name.encode() + b"\n" + octets):
            hits[name] = here
    return hits
