"""What an allow-list says of one attribute, and when a value may stand in clear.

    Rule(tag, keyword, vr, kind, action, ...)     one row of a table, see `ct.py`
    clear_value(rule, vr, value)                  the octets to write in clear, or None

Anything without a rule is sealed. A rule does not trust the value either: a decimal string that
holds a name is no decimal string, and a defined term that the standard does not define is text.
What fails is sealed; what stands in its place then follows from the attribute's type.
"""

import re
from dataclasses import dataclass
from enum import Enum

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode

_DECIMAL = re.compile(rb" *[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)? *\Z")
_INTEGER = re.compile(rb" *[+-]?[0-9]+ *\Z")
_MAX_DECIMAL = 16  # PS3.5 section 6.2: octets of one DS value
_MAX_INTEGER = 12


class Kind(Enum):
    """Attribute type (PS3.5 section 7.4), with conditional types under their plain one."""

    REQUIRED = "1"
    REQUIRED_IF = "1C"
    MAY_BE_EMPTY = "2"
    OPTIONAL = "3"


class Action(Enum):
    """What happens to an attribute that has a rule."""

    KEEP_NUMBER = "keep, if it is a number"
    KEEP_TERM = "keep, if it is a defined term"
    IMAGE_TYPE = "keep values 1 to 4, as far as they are defined terms"
    MAP_UID = "replace by the site's keyed UID"
    MAP_UID_UNLESS_REGISTERED = "replace by the site's keyed UID, unless PS3.6 has it"
    EMPTY = "write empty, always"
    PSEUDONYM = "replace by the patient's pseudonym, always"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row of an allow-list.

    `vrs` are the VRs under which the value may come; the first is written where none of them
    did. `count` is the least and the most number of values. `terms` and `fallback` are octets as
    written. `reason` says why the attribute may stand in clear although Table E.1-1 of PS3.15
    lists it; it is empty where the table does not.
    """

    tag: int
    keyword: str
    vrs: tuple[bytes, ...]
    kind: Kind
    action: Action
    count: tuple[int, int] = (1, 1)
    terms: frozenset[bytes] = frozenset()
    fallback: bytes | None = None
    reason: str = ""

    @property
    def is_always_written(self) -> bool:
        """Whether the attribute is in every protected file, whatever the original has."""
        return self.action in (Action.EMPTY, Action.PSEUDONYM)


def clear_value(rule: Rule, vr: bytes, value: bytes) -> bytes | None:
    """Return what a KEEP or IMAGE_TYPE rule writes in clear for a value; None writes nothing.

    Parameters
    ----------
    rule : Rule
        With one of the actions that keep a value.
    vr : bytes
        VR of the element as it came.
    value : bytes
        Raw octets of the original.

    Raises
    ------
    EncryptSecureRTError
        E_DICOM if the attribute must have a value, has a wrong one and there is no default.
    """
    kept = _kept(rule, vr, value)
    if kept is not None:
        return kept
    if rule.fallback is not None:
        return rule.fallback
    if rule.kind is Kind.REQUIRED:
        raise EncryptSecureRTError(ErrorCode.E_DICOM, "a required number or term is not one")
    return b"" if rule.kind is Kind.MAY_BE_EMPTY else None


def _kept(rule: Rule, vr: bytes, value: bytes) -> bytes | None:
    if vr not in rule.vrs:
        return None
    if not value.strip(b" \0"):
        # Empty holds nothing; a required attribute that came empty is no worse for staying so.
        return b"" if rule.kind is not Kind.REQUIRED_IF else None
    if rule.action is Action.IMAGE_TYPE:
        return _image_type(rule, value)
    if rule.action is Action.KEEP_TERM:
        return _terms(rule, value)
    return _number(rule, vr, value)


def _number(rule: Rule, vr: bytes, value: bytes) -> bytes | None:
    least, most = rule.count
    if vr in (b"US", b"SS"):
        return value if len(value) & 1 == 0 and least <= len(value) // 2 <= most else None
    pattern, longest = (_DECIMAL, _MAX_DECIMAL) if vr == b"DS" else (_INTEGER, _MAX_INTEGER)
    value = value.rstrip(b"\0")
    parts = value.split(b"\\")
    if not least <= len(parts) <= most:
        return None
    # The last value's pad octet is not part of it.
    sizes = [len(part) for part in parts[:-1]] + [len(parts[-1].rstrip(b" "))]
    if max(sizes) > longest or not all(pattern.match(part) for part in parts):
        return None
    return value


def _terms(rule: Rule, value: bytes) -> bytes | None:
    least, most = rule.count
    parts = [part.strip(b" \0") for part in value.split(b"\\")]
    if not least <= len(parts) <= most or not all(part in rule.terms for part in parts):
        return None
    return b"\\".join(parts)


def _image_type(rule: Rule, value: bytes) -> bytes | None:
    """Keep values 1 and 2 if both are defined, then 3 and 4 as long as they are (PS3.3 C.7.6.1)."""
    parts = [part.strip(b" \0") for part in value.split(b"\\")]
    if len(parts) < 2 or parts[0] not in (b"ORIGINAL", b"DERIVED"):
        return None
    if parts[1] not in (b"PRIMARY", b"SECONDARY"):
        return None
    kept = parts[:2]
    for part in parts[2:4]:
        if part not in rule.terms:
            break
        kept.append(part)
    return b"\\".join(kept)
