"""The forms in which a word may be spilled: encodings, hex, base64, escapes, and either case."""

import base64
import re
import unicodedata
from collections.abc import Callable, Iterator

_ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "latin-1")
_UNESCAPE_ROUNDS = 3  # what is escaped inside of what is escaped
_ENTITY = re.compile(rb"&(#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|quot|amp|lt|gt|apos);")
_ENTITIES = {b"quot": b'"', b"amp": b"&", b"lt": b"<", b"gt": b">", b"apos": b"'"}
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")
_UNICODE = re.compile(rb"(?:\\u[0-9A-Fa-f]{4})+")
_BACKSLASH = re.compile(rb'\\(["\\/])')


def _variants(needle: str) -> set[str]:
    texts = (needle, needle.replace(" ", "+"))  # a space in a query of a URL
    forms = {unicodedata.normalize(form, text) for form in ("NFC", "NFD") for text in texts}
    # Letters beyond ASCII have no common lower case in octets, so each case is looked for.
    return {case for text in (*texts, *forms) for case in (text, text.lower(), text.upper())}


def _encoded(text: str) -> Iterator[tuple[str, bytes]]:
    for encoding in _ENCODINGS:
        try:
            yield encoding, text.encode(encoding)
        except UnicodeEncodeError:
            continue


def base64_forms(octets: bytes) -> Iterator[bytes]:
    """Yield what base64 makes of octets at its three alignments, without what neighbours change."""
    for lead in range(3):
        encoded = base64.b64encode(bytes(lead) + octets)
        inner = encoded[-(-lead * 8 // 6) : (lead + len(octets)) * 8 // 6]
        yield inner
        yield inner.translate(bytes.maketrans(b"+/", b"-_"))


def lower_forms(needle: str) -> dict[bytes, str]:
    """Return what is searched in octets with ASCII letters in lower case, with the form's name."""
    forms: dict[bytes, str] = {}
    for text in sorted(_variants(needle)):
        for encoding, octets in _encoded(text):
            forms.setdefault(octets.lower(), encoding)
            forms.setdefault(octets.hex().encode(), f"hex of {encoding}")
    return forms


def exact_forms(needle: str) -> dict[bytes, str]:
    """Return what is searched in the octets as they are, by octets, with the form's name."""
    forms: dict[bytes, str] = {}
    for text in sorted(_variants(needle)):
        for encoding, octets in _encoded(text):
            for inner in base64_forms(octets):
                forms.setdefault(inner, f"base64 of {encoding}")
    return forms


def _entity(match: re.Match[bytes]) -> bytes:
    name = match.group(1)
    if not name.startswith(b"#"):
        return _ENTITIES[name]
    number = int(name[2:], 16) if name[1:2] in b"xX" else int(name[1:])
    return chr(number).encode("utf-8", "surrogatepass") if number < 0x110000 else match.group()


def _unicode(match: re.Match[bytes]) -> bytes:
    units = bytes.fromhex(match.group().replace(rb"\u", b"").decode())
    return units.decode("utf-16-be", "surrogatepass").encode("utf-8", "surrogatepass")


_UNESCAPES: tuple[tuple[str, Callable[[bytes], bytes]], ...] = (
    ("XML", lambda octets: _ENTITY.sub(_entity, octets)),
    ("percent", lambda octets: _PERCENT.sub(lambda m: bytes.fromhex(m[1].decode()), octets)),
    ("backslash", lambda octets: _BACKSLASH.sub(rb"\1", octets)),
    ("\\u", lambda octets: _UNICODE.sub(_unicode, octets)),
)


def views(octets: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the octets as they are, then with one escape after the other undone."""
    yield "", octets
    undone: list[str] = []
    for _ in range(_UNESCAPE_ROUNDS):
        before = octets
        for name, undo in _UNESCAPES:
            plainer = undo(octets)
            if plainer != octets:
                undone.append(name)
                octets = plainer
                yield f" in {', '.join(undone)}", octets
        if octets == before:
            return
